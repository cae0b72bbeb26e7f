# SPDX-License-Identifier: Apache-2.0
# The end of every session, and what was recorded of guest one's: RECORD=FOLDER keeps it.

for d in 0500 0600 0800; do
	must "offline at the end: $d" run one "offline $d"
done
recorded()
{
	grep -q ' EQ-QDR ' "$1" && grep -q ' d CLEAR' "$1" && grep -q "$2" "$1"
}
must "recorded: layer 2" recorded "$T/traces/0500.trace" 'IPA SETVMAC'
must "recorded: VLANs" recorded "$T/traces/0800.trace" 'IPA SETVLAN'
must "recorded: layer 3" recorded "$T/traces/0600.trace" 'IPA SETIP'
[ -z "${RECORD:-}" ] || cp "$T"/traces/*.trace "$RECORD/"
