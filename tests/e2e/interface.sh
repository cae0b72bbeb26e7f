# SPDX-License-Identifier: Apache-2.0
# What a user does to a guest's interface and to zland while the guest runs: renaming, deleting,
# a configuration with another MAC, a daemon that hangs.
#
#   ns one ---- VSW1 ---- ns two
. "$(dirname "$0")/lib.sh"
begin

config()
{
	cat >"$T/zland.conf" <<CONF
DEFINE VSWITCH VSW1 ETHERNET NOUPLINK
SET VSWITCH VSW1 GRANT ONE
SET VSWITCH VSW1 GRANT TWO
NICDEF ONE 0600 TYPE QDIO MACID AA000$1 LAN SYSTEM VSW1
NICDEF TWO 0600 TYPE QDIO MACID BB000$1 LAN SYSTEM VSW1
CONF
}

# group_known GROUP: the switch has the group for guest one.
group_known()
{
	zl QUERY VSWITCH VSW1 DETAILS | tr a-f A-F | grep -q "$1"
}

rejoined()
{
	wait_line "$1" '^rejoined'
}

# mac_begins NS PREFIX [IF]: the address of its interface begins so.
mac_begins()
{
	[[ $(mac_of "$1" "${3:-eth0}") == $2* ]]
}

config 1
zland_start
guest one ONE 0600 --addr 10.88.0.1/24
guest two TWO 0600 --addr 10.88.0.2/24

# ---- renaming
in_ns one ip maddr add 01:00:5e:01:02:03 dev eth0
must "a group is registered" eventually group_known 01-00-5E-01-02-03
in_ns one ip link set eth0 down
in_ns one ip link set eth0 name lan9
in_ns one ip link set lan9 up
in_ns one ip maddr add 01:00:5e:01:02:04 dev lan9
must "a group that is joined under the new name too" eventually group_known 01-00-5E-01-02-04
must "the groups outlive a renaming" group_known 01-00-5E-01-02-03
must "frames pass under the new name" reach one 10.88.0.2

# ---- a daemon with another configuration
in_ns two ip link set eth0 address 02:bb:bb:00:00:02
in_ns one ip neigh flush dev lan9
must "a user's MAC is taken" eventually reach one 10.88.0.2
stop record
stop zland KILL
config 2
rm -rf "$T/run"
must "zland starts with other MACs" zland_again
must "guest one rejoins" rejoined one
must "guest two rejoins" rejoined two
must "the interface follows the assigned MAC" mac_begins one 02:00:00:aa:00:02 lan9
must "the user's MAC stays" mac_begins two 02:bb:bb
must "both reach each other with them" reach one 10.88.0.2

# ---- deleting
in_ns one ip link del lan9
ends_with_1()
{
	gone "${PIDS[one]}" 5 || return 1
	finished one
	[ $? = 1 ]
}
must "a guest whose interface is deleted ends with status 1" ends_with_1
must "it says why" grep -q '^ZLN2670E the interface lan9 is gone' "$T/one.log"

# ---- a daemon that hangs
zland_pid=${PIDS[zland]}
kill -STOP "$zland_pid"
ends_soon()
{
	local pid=${PIDS[two]}
	kill -TERM "$pid"
	gone "$pid" 3
}
must "SIGTERM ends a guest while the daemon hangs" ends_soon
kill -CONT "$zland_pid"
must "zland is alive" alive zland
