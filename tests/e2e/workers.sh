# SPDX-License-Identifier: Apache-2.0
# Other numbers of workers while frames are under way: none is lost, and all that is asked for is
# shown and survives the daemon.
#
#   ns one ---- VSW1 ---- ns two        ns three ---- VSW1 ---- ns four
. "$(dirname "$0")/lib.sh"
begin

NO_CAPTURE=1
zland_start <<CONF
DEFINE VSWITCH VSW1 ETHERNET UPLINK TAP tap0
NICDEF ONE 0600 TYPE QDIO LAN SYSTEM VSW1
NICDEF TWO 0600 TYPE QDIO LAN SYSTEM VSW1
NICDEF THREE 0600 TYPE QDIO LAN SYSTEM VSW1
NICDEF FOUR 0600 TYPE QDIO LAN SYSTEM VSW1
SET VSWITCH VSW1 GRANT ONE
SET VSWITCH VSW1 GRANT TWO
SET VSWITCH VSW1 GRANT THREE
SET VSWITCH VSW1 GRANT FOUR
SET WORKERS 2
CONF
guest one ONE 0600 --addr 10.93.0.1/24
guest two TWO 0600 --addr 10.93.0.2/24
guest three THREE 0600 --addr 10.93.0.3/24
guest four FOUR 0600 --addr 10.93.0.4/24

# threads N: zland has so many worker threads.
threads()
{
	[ "$(cat "/proc/${PIDS[zland]}/task"/*/comm | grep -c '^worker$')" = "$1" ]
}

must "two workers, as the configuration says" threads 2
must "QUERY WORKERS shows both" output_has '^WORKER 1 ' zl query workers
must "and its JSON each one's ports" sh -c "'$BIN/zlan' -d '$T/run' --json query workers |
	$PYTHON -c 'import json, sys
w = json.load(sys.stdin)[\"workers\"]
ports = [p[\"port\"] for x in w for p in x[\"ports\"]]
assert len(w) == 2 and len(ports) == len(set(ports)) == 5, w
assert all(x[\"ports\"] for x in w), w'"

# Change until the end of the program called NAME; the number of changes goes to $T/changes.
change_beside()
{
	local name=$1 n=0 k
	while alive "$name"; do
		for k in 1 3 2 16; do
			zl set workers $k >/dev/null || return 1
			n=$((n + 1))
		done
	done
	echo $n >"$T/changes"
}

pin_beside()
{
	transfer one two 10.93.0.2 8388608 &
	local pid=$!
	while kill -0 $pid 2>/dev/null; do
		zl set nic user one 0600 worker 0 >/dev/null && zl set nic user one 0600 worker 1 >/dev/null || return 1
	done
	wait $pid
}

must "traffic before" reach one 10.93.0.2
start ping1 ip netns exec "$ID-one" ping -q -n -f -c 4000 -W 5 10.93.0.2
start ping2 ip netns exec "$ID-three" ping -q -n -i 0.002 -c 1000 -W 5 10.93.0.4
must "1, 3, 2 and 16 workers beside it" change_beside ping2
must "one pair's pings end" finished ping1
must "and lost nothing" grep -q '4000 received, 0% packet loss' "$T/ping1.log"
must "the other's end" wait "${PIDS[ping2]}"
unset "PIDS[ping2]"
must "and lost nothing" grep -q '1000 received, 0% packet loss' "$T/ping2.log"
must "nothing was counted as dropped" no_line '[1-9][0-9]* (dropped|drops)' zl query counters
must "there were several changes ($(cat "$T/changes"))" test "$(cat "$T/changes")" -ge 4
must "a transfer while the number changes" transfer one two 10.93.0.2 8388608

# signals KEY: of ONE's session.
signals()
{
	zl --json query nic user one 0600 | "$PYTHON" -c 'import json, sys
def find(o, key):
    if isinstance(o, dict):
        if key in o:
            return o[key]
        o = list(o.values())
    return next((v for v in (find(x, key) for x in o) if v is not None), None) if isinstance(o, list) else None
print(find(json.load(sys.stdin), sys.argv[1]))' "$1"
}
must "interruptions are fewer than buffers" test "$(signals rx_signals)" -lt "$(signals rx_buffers)"
must "the doorbell rang more often than never" test "$(signals tx_wakeups)" -gt 0
must "and less often than buffers were sent" test "$(signals tx_wakeups)" -lt "$(signals tx_buffers)"

# where PORT: the number of its worker.
where()
{
	zl --json query workers | jq -r ".workers[] | select(.ports[].port == \"$1\") | .worker"
}
where_are()
{
	[ "$(where "$1")/$(where "$2")" = "$3" ]
}
zl set workers 2 >/dev/null
must "a NIC is pinned" zl set nic user one 0600 worker 1
must "and the uplink" zl set vswitch vsw1 worker 0
must "each is there" where_are ONE/0600 tap0 1/0
must "a transfer while the NIC goes to and fro" pin_beside
must "it is left at the first" zl set nic user one 0600 worker 0
must "QUERY WORKERS says so" output_has '^  ONE/0600 .*  pinned to 0$' zl query workers
must "a worker that is yet to come" zl set vswitch vsw1 worker 2
must "more workers: the uplink goes there" zl set workers 3
must "at once" where_are ONE/0600 tap0 0/2
must "both are statements" sh -c "'$BIN/zlan' -d '$T/run' query configuration |
	grep -c '^SET NIC USER ONE 0600 WORKER 0\|^SET VSWITCH VSW1 WORKER 2' | grep -x 2"

must "bound to a processor" zl set workers 2 on 0
must "which is shown" output_has '^WORKER 1  processor 0 ' zl query workers
must "and is a statement" output_has '^SET WORKERS 2 ON 0$' zl query configuration
must "a processor that there is not is refused" fails_with ZLN0002E zl set workers 2 on 1023
must "which changes nothing" output_has '^SET WORKERS 2 ON 0$' zl query configuration
stop zland KILL
must "the daemon is killed and started again" zland_again
must "with as many workers" threads 2
must "on the same processor" output_has '^WORKER 1  processor 0 ' zl query workers
must "the pinned NIC where it was" where_are ONE/0600 ONE/0600 0/0
must "guests come back" eventually reach one 10.93.0.2
