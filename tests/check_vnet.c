/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel's frame header to a burst's offload fields and back (host/vnet.c). */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "common/be.h"
#include "host/vnet.h"

#define ETH 14u

static struct vs_burst burst;

/* A frame of this shape, payload counting up. */
struct shape {
	unsigned tags;
	uint8_t version; /* IP: 4, 6, 0: none */
	uint8_t proto;
	unsigned ip_options; /* bytes: IPv4 options, or IPv6 extension headers of 8 bytes each */
	unsigned tcp_options;
	uint16_t frag; /* IPv4 flags and offset */
	uint32_t len;  /* of the whole frame */
};

/* Return: where layer 4 begins. */
static uint32_t build(uint8_t *f, const struct shape *s)
{
	uint32_t off = ETH - 2, l4;

	for (uint32_t i = 0; i < s->len; i++)
		f[i] = (uint8_t)i;
	for (unsigned i = 0; i < s->tags; i++, off += 4) {
		be16_store(f + off, i ? 0x8100 : s->tags > 1 ? 0x88A8 : 0x8100);
		be16_store(f + off + 2, (uint16_t)(100 + i));
	}
	be16_store(f + off, s->version == 4 ? 0x0800 : s->version == 6 ? 0x86DD : 0x1234);
	off += 2;
	l4 = off;
	if (s->version == 4) {
		f[off] = (uint8_t)(0x40 + (20 + s->ip_options) / 4);
		be16_store(f + off + 6, s->frag);
		f[off + 9] = s->proto;
		l4 = off + 20 + s->ip_options;
	} else if (s->version == 6) {
		f[off] = 0x60;
		f[off + 6] = s->ip_options ? 60 : s->proto;
		l4 = off + 40;
		for (unsigned left = s->ip_options; left; left -= 8, l4 += 8) {
			f[l4] = left > 8 ? 60 : s->proto;
			f[l4 + 1] = 0;
		}
	}
	if (s->proto == 6)
		f[l4 + 12] = (uint8_t)((20 + s->tcp_options) / 4 << 4);
	return l4;
}

#define NEEDS VNET_FLAG_NEEDS_CSUM
#define TCP4 VS_F_GSO_TCP4
#define TCP6 VS_F_GSO_TCP6
#define CSUM VS_F_CSUM_NEEDED

/* start_off and offset: added to what is right for the frame. */
static const struct rx_row {
	int n;
	struct shape shape;
	uint8_t flags, gso_type;
	uint16_t gso_size, start_off, csum_offset;
	enum vs_drop why;
	uint16_t want_head;
	uint8_t want_flags;
} rx_rows[] = {
	/* without offloads */
	{1, {0, 0, 0, 0, 0, 0, 60}, 0, 0, 0, 0, 0, VS_DROP_NONE, 60, 0},
	{2, {0, 0, 0, 0, 0, 0, 14}, 0, 0, 0, 0, 0, VS_DROP_NONE, 14, 0},
	{3, {0, 0, 0, 0, 0, 0, 13}, 0, 0, 0, 0, 0, VS_DROP_RX_RUNT, 0, 0},
	{4, {0, 4, 6, 0, 0, 0, 1514}, 0, 0, 0, 0, 0, VS_DROP_NONE, 64, 0},
	{5, {0, 4, 6, 0, 0, 0, 1514}, 2, 0, 0, 0, 0, VS_DROP_NONE, 64, VS_F_CSUM_VALID},
	{6, {0, 4, 6, 0, 0, 0, 65504}, 0, 0, 0, 0, 0, VS_DROP_NONE, 64, 0},
	{7, {0, 4, 6, 0, 0, 0, 65505}, 0, 0, 0, 0, 0, VS_DROP_RX_GIANT, 0, 0},
	{8, {0, 4, 6, 0, 0, 0, 1514}, 0, 1, 100, 0, 0, VS_DROP_RX_MALFORMED, 0, 0},
	/* checksum: the head reaches through layer 4 */
	{10, {0, 4, 6, 0, 0, 0, 1514}, NEEDS, 0, 0, 0, 16, VS_DROP_NONE, 64, CSUM},
	{11, {0, 4, 6, 0, 40, 0, 1514}, NEEDS, 0, 0, 0, 16, VS_DROP_NONE, 94, CSUM},
	{12, {1, 4, 6, 40, 40, 0, 1514}, NEEDS, 0, 0, 0, 16, VS_DROP_NONE, 138, CSUM},
	{13, {2, 6, 6, 0, 0, 0, 1514}, NEEDS, 0, 0, 0, 16, VS_DROP_NONE, 82, CSUM},
	{14, {0, 6, 17, 16, 0, 0, 1514}, NEEDS, 0, 0, 0, 6, VS_DROP_NONE, 78, CSUM},
	{15, {0, 4, 17, 0, 0, 0, 42}, NEEDS, 0, 0, 0, 6, VS_DROP_NONE, 42, CSUM},
	/* checksum in a place the flags cannot name: completed, no flag */
	{20, {0, 4, 6, 0, 0, 0, 1514}, NEEDS, 0, 0, 8, 16, VS_DROP_NONE, 64, 0},
	{21, {0, 4, 6, 0, 0, 0, 1514}, NEEDS, 0, 0, 0, 6, VS_DROP_NONE, 64, 0},
	{22, {0, 4, 6, 0, 0, 0x2000, 1514}, NEEDS, 0, 0, 0, 16, VS_DROP_NONE, 64, 0},
	{23, {0, 4, 132, 0, 0, 0, 1514}, NEEDS, 0, 0, 0, 8, VS_DROP_NONE, 64, 0},
	{24, {2, 6, 6, 48, 60, 0, 1514}, NEEDS, 0, 0, 0, 16, VS_DROP_NONE, 64, 0},
	{25, {0, 6, 6, 56, 0, 0, 1514}, NEEDS, 0, 0, 0, 16, VS_DROP_NONE, 64, 0},
	{26, {0, 4, 6, 0, 0, 0, 1513}, NEEDS, 0, 0, 300, 16, VS_DROP_NONE, 64, 0},
	/* checksum outside the frame */
	{30, {0, 4, 6, 0, 0, 0, 60}, NEEDS, 0, 0, 100, 16, VS_DROP_RX_MALFORMED, 0, 0},
	{31, {0, 4, 6, 0, 0, 0, 60}, NEEDS, 0, 0, 0, 25, VS_DROP_RX_MALFORMED, 0, 0},
	{32, {0, 4, 6, 0, 0, 0, 60}, NEEDS, 0, 0, 0, 65535, VS_DROP_RX_MALFORMED, 0, 0},
	{33, {0, 4, 6, 0, 0, 0, 60}, NEEDS, 0, 0, (uint16_t)-30, 16, VS_DROP_RX_MALFORMED, 0, 0},
	/* segmentation */
	{40, {0, 4, 6, 0, 12, 0, 9014}, NEEDS, 1, 1448, 0, 16, VS_DROP_NONE, 66, CSUM | TCP4},
	{41, {1, 6, 6, 0, 12, 0, 65504}, NEEDS, 4, 1428, 0, 16, VS_DROP_NONE, 90, CSUM | TCP6},
	{42, {0, 4, 6, 0, 0, 0, 9014}, NEEDS, 1, 0, 0, 16, VS_DROP_RX_MALFORMED, 0, 0},
	{43, {0, 4, 6, 0, 0, 0, 9014}, NEEDS, 4, 1448, 0, 16, VS_DROP_RX_UNSUPPORTED, 0, 0},
	{44, {0, 6, 6, 0, 0, 0, 9014}, NEEDS, 1, 1448, 0, 16, VS_DROP_RX_UNSUPPORTED, 0, 0},
	{45, {0, 4, 17, 0, 0, 0, 9014}, NEEDS, 3, 1448, 0, 6, VS_DROP_RX_UNSUPPORTED, 0, 0},
	{46, {0, 4, 6, 0, 0, 0, 9014}, NEEDS, 0x81, 1448, 0, 16, VS_DROP_RX_UNSUPPORTED, 0, 0},
	{47, {0, 4, 6, 0, 0, 0, 9014}, NEEDS, 1, 1448, 50, 16, VS_DROP_RX_UNSUPPORTED, 0, 0},
	{48, {2, 6, 6, 48, 60, 0, 9014}, NEEDS, 4, 1448, 0, 16, VS_DROP_RX_UNSUPPORTED, 0, 0},
};

static uint16_t naive_sum(const uint8_t *p, uint32_t len)
{
	uint32_t sum = 0;

	for (uint32_t i = 0; i < len; i++) {
		sum += i % 2 ? p[i] : (uint32_t)p[i] << 8;
		sum = (sum & 0xFFFF) + (sum >> 16);
	}
	return (uint16_t)sum;
}

/* The frame as the burst describes it is the frame that came. */
static void same_bytes(int n, const uint8_t *want, uint32_t len, unsigned i)
{
	uint32_t seen = burst.headlen[i];

	ck_assert_msg(!memcmp(burst.head[i], want, seen), "row %d: head", n);
	for (unsigned s = 0; s < burst.nseg[i]; s++) {
		const struct vs_seg *seg = &burst.seg[burst.seg0[i] + s];

		ck_assert_msg(seen + seg->len <= len, "row %d: too long", n);
		ck_assert_msg(!memcmp(seg->p, want + seen, seg->len), "row %d: bytes", n);
		seen += seg->len;
	}
	ck_assert_msg(seen == len && burst.len[i] == len, "row %d: length", n);
}

/*
 * A completed checksum: only its field has changed, and the sum over what it covers is the
 * complement of the pseudo-header's sum that stood there.
 */
static void csum_done(const struct rx_row *row, const struct vnet_hdr *hdr, const uint8_t *before,
		      const uint8_t *after)
{
	uint32_t field = (uint32_t)hdr->csum_start + hdr->csum_offset, len = row->shape.len;
	uint32_t pseudo = be16_load(before + field);

	ck_assert_msg(!memcmp(before, after, field), "row %d: before the field", row->n);
	ck_assert_msg(!memcmp(before + field + 2, after + field + 2, len - field - 2),
		      "row %d: behind the field", row->n);
	ck_assert_msg(naive_sum(after + hdr->csum_start, len - hdr->csum_start) % 0xFFFF ==
			      (0xFFFF - pseudo) % 0xFFFF,
		      "row %d: sum", row->n);
}

static void rx_taken(const struct rx_row *row, const struct vnet_hdr *hdr, const uint8_t *before,
		     const uint8_t *after)
{
	ck_assert_msg(burst.flags[0] == row->want_flags, "row %d: flags", row->n);
	ck_assert_msg(burst.headlen[0] == row->want_head, "row %d: head %u", row->n,
		      burst.headlen[0]);
	same_bytes(row->n, after, row->shape.len, 0);
	if (row->flags == NEEDS && !row->want_flags)
		csum_done(row, hdr, before, after);
	else
		ck_assert_msg(!memcmp(after, before, row->shape.len), "row %d: bytes", row->n);
	if (row->want_flags & CSUM) {
		ck_assert_uint_eq(burst.csum_start[0], hdr->csum_start);
		ck_assert_uint_eq(burst.csum_offset[0], row->csum_offset);
	}
	if (row->want_flags & VS_F_GSO) {
		ck_assert_uint_eq(burst.gso_size[0], row->gso_size);
		ck_assert_uint_eq(burst.hdrlen[0], row->want_head);
	}
}

START_TEST(rx_table)
{
	const struct rx_row *row = &rx_rows[_i];
	uint8_t *frame = malloc(row->shape.len + 256), *copy = malloc(row->shape.len + 256);
	struct vnet_hdr hdr = {
		.flags = row->flags,
		.gso_type = row->gso_type,
		.gso_size = row->gso_size,
		.csum_offset = row->csum_offset,
	};
	enum vs_drop why;

	ck_assert(frame && copy);
	hdr.csum_start = (uint16_t)(build(frame, &row->shape) + row->start_off);
	memcpy(copy, frame, row->shape.len);
	burst.n = 0;
	burst.nseg_used = 0;
	memset(burst.flags, 0xFF, sizeof(burst.flags));
	why = vnet_rx(&hdr, frame, row->shape.len, &burst);
	ck_assert_msg(why == row->why, "row %d: reason %d", row->n, (int)why);
	ck_assert_msg(burst.n == (why == VS_DROP_NONE), "row %d: n", row->n);
	if (why == VS_DROP_NONE)
		rx_taken(row, &hdr, copy, frame);
	free(frame);
	free(copy);
}
END_TEST

START_TEST(rx_zero_checksum_is_all_ones)
{
	uint8_t frame[60] = {0};
	struct vnet_hdr hdr = {.flags = NEEDS, .csum_start = 34, .csum_offset = 8};

	be16_store(frame + 42, 0xFFFF);
	burst.n = burst.nseg_used = 0;
	ck_assert_int_eq(vnet_rx(&hdr, frame, sizeof(frame), &burst), VS_DROP_NONE);
	ck_assert_uint_eq(be16_load(frame + 42), 0xFFFF);
}
END_TEST

START_TEST(rx_appends)
{
	static uint8_t frame[3][200];
	const struct vnet_hdr hdr = {.flags = 0};

	burst.n = burst.nseg_used = 0;
	for (unsigned i = 0; i < 3; i++) {
		memset(frame[i], (int)i + 1, sizeof(frame[i]));
		ck_assert_int_eq(vnet_rx(&hdr, frame[i], i == 1 ? 64 : 200, &burst), VS_DROP_NONE);
	}
	ck_assert_uint_eq(burst.n, 3);
	ck_assert_uint_eq(burst.nseg_used, 2);
	ck_assert_uint_eq(burst.nseg[1], 0);
	for (unsigned i = 0; i < 3; i++)
		same_bytes((int)i, frame[i], i == 1 ? 64 : 200, i);
}
END_TEST

/* ---- to the kernel ------------------------------------------------------------------- */

static const struct tx_row {
	int n;
	uint16_t headlen;
	uint8_t edit;
	uint8_t flags;
	uint32_t want; /* bytes behind the header, 0: refused */
	uint16_t want_start, want_hdrlen;
} tx_rows[] = {
	{1, 64, VS_EDIT_NONE, 0, 64, 0, 0},
	{2, 64, VS_EDIT_PUSH, 0, 68, 0, 0},
	{3, 64, VS_EDIT_STRIP, 0, 60, 0, 0},
	{4, 64, VS_EDIT_RETAG, 0, 64, 0, 0},
	{5, 14, VS_EDIT_NONE, 0, 14, 0, 0},
	{6, 14, VS_EDIT_PUSH, 0, 18, 0, 0},
	{7, 18, VS_EDIT_STRIP, 0, 14, 0, 0},
	{8, 17, VS_EDIT_STRIP, 0, 0, 0, 0},
	{9, 17, VS_EDIT_RETAG, 0, 0, 0, 0},
	{10, 13, VS_EDIT_PUSH, 0, 0, 0, 0},
	{11, 192, VS_EDIT_PUSH, 0, 196, 0, 0},
	{20, 64, VS_EDIT_NONE, CSUM, 64, 38, 0},
	{21, 64, VS_EDIT_PUSH, CSUM, 68, 42, 0},
	{22, 64, VS_EDIT_STRIP, CSUM, 60, 34, 0},
	{23, 64, VS_EDIT_RETAG, CSUM, 64, 38, 0},
	{24, 64, VS_EDIT_STRIP, CSUM | TCP4, 60, 34, 54},
	{25, 64, VS_EDIT_PUSH, CSUM | TCP6, 68, 42, 62},
	{26, 64, VS_EDIT_NONE, VS_F_CSUM_VALID, 64, 0, 0},
};

/* The edit, the slow way: byte by byte from the definition. */
static uint32_t naive_edit(const uint8_t *in, uint32_t len, uint8_t edit, uint16_t tci,
			   uint8_t *out)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < len; i++) {
		if (i == 12 && edit == VS_EDIT_PUSH) {
			out[n++] = 0x81;
			out[n++] = 0x00;
			out[n++] = (uint8_t)(tci >> 8);
			out[n++] = (uint8_t)tci;
		}
		if (edit == VS_EDIT_STRIP && i >= 12 && i < 16)
			continue;
		out[n++] = edit == VS_EDIT_RETAG && i == 14   ? (uint8_t)(tci >> 8)
			   : edit == VS_EDIT_RETAG && i == 15 ? (uint8_t)tci
							      : in[i];
	}
	return n;
}

START_TEST(tx_table)
{
	const struct tx_row *row = &tx_rows[_i];
	const struct vs_ref ref = {.frame = 3, .edit = row->edit};
	uint8_t out[VNET_LEAD_BYTES + 8], want[VS_HEAD_BYTES + 8];
	struct vnet_hdr hdr;
	uint32_t len;

	memset(out, 0xEE, sizeof(out));
	for (unsigned i = 0; i < VS_HEAD_BYTES; i++)
		burst.head[3][i] = (uint8_t)(i * 7);
	burst.headlen[3] = row->headlen;
	burst.flags[3] = row->flags;
	burst.tci[3] = 0xA123;
	burst.csum_start[3] = 38;
	burst.csum_offset[3] = 16;
	burst.gso_size[3] = 1000;
	burst.hdrlen[3] = 58;
	len = vnet_tx(&burst, &ref, out);
	ck_assert_msg(len == (row->want ? row->want + sizeof(hdr) : 0), "row %d: %u", row->n, len);
	ck_assert(out[VNET_LEAD_BYTES] == 0xEE);
	if (!len)
		return;
	memcpy(&hdr, out, sizeof(hdr));
	ck_assert_uint_eq(naive_edit(burst.head[3], row->headlen, row->edit, 0xA123, want),
			  row->want);
	ck_assert_msg(!memcmp(out + sizeof(hdr), want, row->want), "row %d: bytes", row->n);
	ck_assert_msg(hdr.flags == (row->flags & CSUM ? NEEDS : 0), "row %d: flags", row->n);
	ck_assert_msg(hdr.csum_start == row->want_start, "row %d: start", row->n);
	ck_assert_uint_eq(hdr.csum_offset, row->flags & CSUM ? 16 : 0);
	ck_assert_msg(hdr.hdr_len == row->want_hdrlen, "row %d: hdr_len", row->n);
	ck_assert_uint_eq(hdr.gso_size, row->want_hdrlen ? 1000 : 0);
	ck_assert_uint_eq(hdr.gso_type, row->flags & TCP4   ? VNET_GSO_TCPV4
					: row->flags & TCP6 ? VNET_GSO_TCPV6
							    : VNET_GSO_NONE);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("vnet");
	TCase *tc = tcase_create("vnet");
	SRunner *sr;
	int failed;

	tcase_add_loop_test(tc, rx_table, 0, (int)(sizeof(rx_rows) / sizeof(rx_rows[0])));
	tcase_add_test(tc, rx_zero_checksum_is_all_ones);
	tcase_add_test(tc, rx_appends);
	tcase_add_loop_test(tc, tx_table, 0, (int)(sizeof(tx_rows) / sizeof(tx_rows[0])));
	suite_add_tcase(suite, tc);
	sr = srunner_create(suite);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
