# SPDX-License-Identifier: Apache-2.0
# Authority: a user that is not granted gets no connection; a revoked one keeps the connection
# it has, as in z/VM, and gets no new one.
#
#   ns one: ONE (granted)    ns two: TWO (not granted at first)
#             \__ VSW1, restricted __/
. "$(dirname "$0")/lib.sh"
begin

zland_start <<CONF
DEFINE VSWITCH VSW1 ETHERNET NOUPLINK
SET VSWITCH VSW1 GRANT ONE
NICDEF ONE 0600 TYPE QDIO LAN SYSTEM VSW1
DEFINE NIC USER TWO 0600 TYPE QDIO
CONF
guest one ONE 0600 --addr 10.88.0.1/24

must "COUPLE without GRANT is refused with ZLN6011E" fails_with ZLN6011E zl COUPLE USER TWO 0600 SYSTEM VSW1
guest_begin two TWO 0600 --addr 10.88.0.2/24
must "no traffic without a connection" no_reach one 10.88.0.2

must "GRANT" zl SET VSWITCH VSW1 GRANT TWO
must "COUPLE after GRANT" zl COUPLE USER TWO 0600 SYSTEM VSW1
must "the guest comes online" wait_line two '^online'
must "traffic after GRANT and COUPLE" reach one 10.88.0.2
must "a second GRANT is refused with ZLN2044E" fails_with ZLN2044E zl SET VSWITCH VSW1 GRANT TWO
must "ACCESS lists both users" output_has 'TWO' zl QUERY VSWITCH VSW1 ACCESS

must "REVOKE" zl SET VSWITCH VSW1 REVOKE TWO
must "the connection it has stays" reach one 10.88.0.2
must "ACCESS no longer lists the user" no_line 'TWO' zl QUERY VSWITCH VSW1 ACCESS
must "a second REVOKE is refused with ZLN2045E" fails_with ZLN2045E zl SET VSWITCH VSW1 REVOKE TWO
before=$(zl QUERY CONFIGURATION)
stop record
stop zland KILL
must "zland is killed and starts again" zland_again
record
must "the configuration is the same" test "$before" = "$(zl QUERY CONFIGURATION)"
must "and so is the connection that outlived its GRANT" eventually in_ns one ping -q -n -c 1 -W 1 10.88.0.2
must "UNCOUPLE" zl UNCOUPLE USER TWO 0600
must "no traffic after UNCOUPLE" no_reach one 10.88.0.2
must "COUPLE after REVOKE is refused with ZLN6011E" fails_with ZLN6011E zl COUPLE USER TWO 0600 SYSTEM VSW1
must "the other guest is not disturbed" alive one
must "GRANT again" zl SET VSWITCH VSW1 GRANT TWO
must "COUPLE again" zl COUPLE USER TWO 0600 SYSTEM VSW1
must "traffic again" eventually in_ns one ping -q -n -c 1 -W 1 10.88.0.2
