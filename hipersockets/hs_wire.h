/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers of HiperSockets that a host sees. Source: spec/qdio.md 10.1, spec/osa-qeth.md 3.3.
 */
#ifndef HIPERSOCKETS_HS_WIRE_H
#define HIPERSOCKETS_HS_WIRE_H

#include <assert.h>
#include <stdint.h>

/* What ULP_ENABLE answers in the place of an MTU. */
enum hs_frame_code {
	HS_FRAME_16K = 0x4000,
	HS_FRAME_24K = 0x6000,
	HS_FRAME_40K = 0xA000,
	HS_FRAME_64K = 0xFFFF,
};

/* An address-change event: spec/osa-qeth.md 4.13. */
#define HS_CHANGE_VLAN 0x01u
#define HS_CHANGE_MAC 0x02u
#define HS_CHANGE_REMOVAL 0x80u
#define HS_LOST_OVERFLOW 0x01u
#define HS_NO_VLAN 0xFFFFu

/* Bytes of an input buffer beyond the MTU. */
#define HS_FRAME_OVERHEAD 8192u

#endif
