/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The header the kernel puts before every frame of a TAP with IFF_VNET_HDR, to and from a burst's
 * offload fields. No I/O.
 */
#ifndef HOST_VNET_H
#define HOST_VNET_H

#include <assert.h>

#include "vswitch/port.h"

/* Host byte order: neither TUNSETVNETLE nor TUNSETVNETBE is used. */
struct vnet_hdr {
	uint8_t flags;
	uint8_t gso_type;
	uint16_t hdr_len;
	uint16_t gso_size;
	uint16_t csum_start;
	uint16_t csum_offset;
};
static_assert(sizeof(struct vnet_hdr) == 10, "Source: virtio 1.2, 5.1.6 without num_buffers");

#define VNET_FLAG_NEEDS_CSUM 1u
#define VNET_FLAG_DATA_VALID 2u
#define VNET_GSO_NONE 0u
#define VNET_GSO_TCPV4 1u
#define VNET_GSO_TCPV6 4u

/* Header, first bytes and one more tag: what vnet_tx writes at most. */
#define VNET_LEAD_BYTES (sizeof(struct vnet_hdr) + VS_HEAD_BYTES + 4)

/*
 * Describe frame b->n of the burst: length, head, flags, and one reference for the rest; b->n and
 * b->nseg_used then count it.
 * @hdr: as read.
 * @frame: stays put until the burst is done. A checksum the switch could not place is completed
 * here. Return: VS_DROP_NONE, or why the frame is not taken.
 */
enum vs_drop vnet_rx(const struct vnet_hdr *hdr, uint8_t *frame, uint32_t len, struct vs_burst *b);

/*
 * The same for frame b->n whose length, head and references are there already; nothing is counted.
 * The head must have all the frame's bytes up to VS_HEAD_BYTES if the header asks for a checksum.
 */
enum vs_drop vnet_rx_head(const struct vnet_hdr *hdr, struct vs_burst *b);

/*
 * Where TCP's or UDP's checksum of a frame is, as a header says it.
 * @head: its first bytes, up to VS_HEAD_BYTES. Return: false if it has none there.
 */
bool vnet_csum_place(const uint8_t *head, uint32_t len, struct vnet_hdr *hdr);

/* The header of a frame on its way out. */
void vnet_tx_hdr(const struct vs_burst *b, const struct vs_ref *ref, struct vnet_hdr *hdr);

/*
 * Copy the head of a frame with its outer tag edited.
 * @out: VS_HEAD_BYTES + 4. Return: bytes written, 0 if the frame is too short for its edit.
 */
uint32_t vnet_head(const struct vs_burst *b, const struct vs_ref *ref, uint8_t *out);

/*
 * Write what precedes the references of a frame on its way to the kernel: the header, and the head
 * with its tag edited.
 * @out: VNET_LEAD_BYTES.
 * Return: bytes written, 0 if the frame cannot be sent (shorter than its edit needs).
 */
uint32_t vnet_tx(const struct vs_burst *b, const struct vs_ref *ref, uint8_t *out);

#endif
