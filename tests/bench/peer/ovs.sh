# SPDX-License-Identifier: Apache-2.0
# Open vSwitch with DPDK: two vhost-user ports on a bridge of the userspace datapath, NORMAL action,
# its polling thread on the switch's core; a database and a daemon of their own.
# As in "Open vSwitch with DPDK" and "DPDK vHost User Ports" of its documentation.
. "$(dirname "$0")/lib.sh"
peer_begin
VSWITCHD=/usr/lib/openvswitch-switch-dpdk/ovs-vswitchd-dpdk
need "$VSWITCHD" openvswitch-switch-dpdk
need ovsdb-server openvswitch-switch
export OVS_RUNDIR=$T OVS_LOGDIR=$T OVS_DBDIR=$T

vsctl()
{
	ovs-vsctl --timeout=30 --db="unix:$T/db.sock" "$@"
}

ovsdb-tool create "$T/conf.db" /usr/share/openvswitch/vswitch.ovsschema
start ovsdb ovsdb-server "$T/conf.db" --remote="punix:$T/db.sock" --unixctl="$T/ovsdb.ctl"
eventually test -S "$T/db.sock" || peer_skip "its database does not start"
vsctl --no-wait init
vsctl --no-wait set Open_vSwitch . other_config:dpdk-init=true other_config:pmd-cpu-mask=0x1 \
	other_config:dpdk-lcore-mask=0x2 other_config:per-port-memory=true other_config:dpdk-extra="$(dpdk_memory 400) -m 512 --no-pci --no-telemetry"
start ovs "$VSWITCHD" "unix:$T/db.sock" --unixctl="$T/ovs.ctl" --log-file="$T/ovs-vswitchd.log"
vsctl add-br br0 -- set bridge br0 datapath_type=netdev >/dev/null || peer_skip "it does not start: $(tail -n 1 "$T/ovs.log")"
loop_start "$T/a.sock" "$T/b.sock"
for p in a b; do
	vsctl add-port br0 $p -- set Interface $p type=dpdkvhostuserclient options:vhost-server-path="$T/$p.sock" ||
		peer_skip "no port: $(tail -n 1 "$T/ovs-vswitchd.log")"
done
loop_ready

ctl()
{
	ovs-appctl -t "$T/ovs.ctl" "$@"
}

# What it counted as dropped on its ports.
drops()
{
	ctl dpctl/show -s | grep -oE 'dropped:[0-9]+' | awk -F: '{ sum += $2 } END { print sum + 0 }'
}

measure()
{
	local before
	kill -CONT "${PIDS[ovs]}"
	before=$(drops)
	ctl dpif-netdev/pmd-stats-clear >/dev/null
	loop "$@"
	if [ "$1" = frames ]; then
		tell "cycles_per_frame $(ctl dpif-netdev/pmd-stats-show | awk '/avg processing cycles per packet/ { print $6; exit }')"
		sleep 0.1
		LOST=$((LOST - $(drops) + before))
		[ "$LOST" -le 0 ] || tell "wrong $LOST frames are missing that it did not count"
	fi
	kill -STOP "${PIDS[ovs]}"
}

kill -STOP "${PIDS[ovs]}"
peer_serve
