# SPDX-License-Identifier: Apache-2.0
# Who may attach to a NIC, and what is left when a client dies.
#
#   ns one ---- VSW1 ---- ns two
#                 \------ a third that dies in mid-transfer, ns dead
. "$(dirname "$0")/lib.sh"
begin

zland_start <<CONF
DEFINE VSWITCH VSW1 ETHERNET NOUPLINK
SET VSWITCH VSW1 GRANT ONE
SET VSWITCH VSW1 GRANT TWO
SET VSWITCH VSW1 GRANT DEAD
NICDEF ONE 0600 TYPE QDIO LAN SYSTEM VSW1
NICDEF TWO 0600 TYPE QDIO LAN SYSTEM VSW1
NICDEF DEAD 0600 TYPE QDIO LAN SYSTEM VSW1
CONF
guest one ONE 0600 --addr 10.88.0.1/24
guest two TWO 0600 --addr 10.88.0.2/24

nic()
{
	timeout 10 "$BIN/zlan-nic" -d "$T/run" --netns "$ID-one" --ifname other0 "$@"
}
must "a second client of one NIC is refused" fails_with . nic --user ONE --vdev 0600
must "an unknown user is refused" fails_with . nic --user NOBODY --vdev 0600
must "an unknown device is refused" fails_with . nic --user ONE --vdev 0900
must "a bad device number is refused" fails_with . nic --user ONE --vdev banana
must "a missing option is refused" fails_with . nic --user ONE
must "a missing namespace is refused" fails_with . timeout 10 "$BIN/zlan-nic" -d "$T/run" --user DEAD --vdev 0600 --netns "$ID-nowhere"
must "the first client is not disturbed" reach one 10.88.0.2

# Storage and descriptors of zland, to see that a dead client's are given back.
fds()
{
	ls "/proc/${PIDS[zland]}/fd" | wc -l
}
before=$(fds)

for i in 1 2 3; do
	guest dead DEAD 0600 --addr 10.88.0.3/24
	start sink ip netns exec "$ID-two" "$PYTHON" "$E2E/xfer.py" sink 10.88.0.2 5001
	wait_line sink listening
	start source ip netns exec "$ID-dead" "$PYTHON" "$E2E/xfer.py" source 10.88.0.2 5001 400000000
	must "round $i: a transfer runs" wait_line sink progress
	stop dead KILL
	stop source KILL
	stop sink KILL
	must "round $i: the others go on" reach one 10.88.0.2
	freed()
	{
		[ "$(fds)" -le "$before" ]
	}
	must "round $i: everything of the dead client is freed" eventually freed
done
guest dead DEAD 0600 --addr 10.88.0.3/24
must "its NIC can be attached again" reach one 10.88.0.3
must "SIGTERM ends a guest with status 0" stop dead
gone_nic()
{
	! in_ns dead ip link show dev eth0 >/dev/null 2>&1
}
must "and its interface is gone" eventually gone_nic
must "DETACH NIC under a client" zl DETACH NIC USER TWO 0600
must "the other guest is not disturbed" alive one
must "zland is alive" alive zland
