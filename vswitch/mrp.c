/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation: an applicant without a registrar. A VID that comes into use is declared by
 * two joins, a join time apart, so that one may be lost; one that goes out of use is withdrawn by a
 * leave. Who registers asks again now and then (leave all) or when it misses one (empty, leave):
 * then the VID is declared once more. What a registrar would do with others' declarations does not
 * matter here: the uplink carries every VLAN that some port uses.
 *
 * Source: GVRP IEEE 802.1D-1998 clause 12 and 802.1Q-1998 clause 11; MVRP IEEE 802.1Q-2018 clauses
 * 10 and 11.2.
 */
#include "vswitch/mrp.h"

#include <stdlib.h>
#include <string.h>

#include "common/be.h"

#define JOIN_MS 200u
#define FRAME_MAX 1496u
#define ETHERTYPE_MVRP 0x88F5
#define HEADER 14u

enum garp_event {
	GARP_LEAVE_ALL,
	GARP_JOIN_EMPTY,
	GARP_JOIN_IN,
	GARP_LEAVE_EMPTY,
	GARP_LEAVE_IN,
	GARP_EMPTY
};
enum mrp_event { MRP_NEW, MRP_JOIN_IN, MRP_IN, MRP_JOIN_EMPTY, MRP_EMPTY, MRP_LEAVE };

struct mrp {
	enum mrp_protocol protocol;
	mrp_send_fn *send;
	void *ctx;
	uint8_t mac[6];
	struct vs_vidset want;
	struct vs_vidset told; /* the other side has been told that it is in use */
	uint8_t joins[4096];   /* still to be sent */
	bool due;
	uint64_t due_ms;
	uint8_t frame[FRAME_MAX];
	uint32_t len;
};

struct mrp *mrp_create(enum mrp_protocol protocol, const uint8_t mac[6], mrp_send_fn *send,
		       void *ctx)
{
	struct mrp *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->protocol = protocol;
	m->send = send;
	m->ctx = ctx;
	memcpy(m->mac, mac, 6);
	return m;
}

void mrp_destroy(struct mrp *m)
{
	free(m);
}

enum mrp_protocol mrp_protocol_of(const struct mrp *m)
{
	return m->protocol;
}

unsigned mrp_declared(const struct mrp *m)
{
	unsigned n = 0;

	for (unsigned i = 0; i < 64; i++)
		n += (unsigned)__builtin_popcountll(m->told.w[i] & m->want.w[i]);
	return n;
}

static void soon(struct mrp *m, uint64_t now_ms)
{
	if (!m->due)
		m->due_ms = now_ms + JOIN_MS;
	m->due = true;
}

static void declare(struct mrp *m, unsigned vid, unsigned joins, uint64_t now_ms)
{
	if (m->joins[vid] < joins)
		m->joins[vid] = (uint8_t)joins;
	soon(m, now_ms);
}

void mrp_want(struct mrp *m, const struct vs_vidset *vids, uint64_t now_ms)
{
	for (unsigned vid = 1; vid <= VS_VID_MAX; vid++) {
		bool now = vs_vidset_has(vids, vid);

		if (now == vs_vidset_has(&m->want, vid))
			continue;
		if (now)
			declare(m, vid, 2, now_ms);
		m->joins[vid] = now ? m->joins[vid] : 0;
		soon(m, now_ms);
	}
	m->want = *vids;
}

void mrp_restart(struct mrp *m, uint64_t now_ms)
{
	memset(&m->told, 0, sizeof(m->told));
	for (unsigned vid = 1; vid <= VS_VID_MAX; vid++)
		if (vs_vidset_has(&m->want, vid))
			declare(m, vid, 2, now_ms);
}

/* ---- sending ---------------------------------------------------------------------------- */

static void put8(struct mrp *m, unsigned v)
{
	m->frame[m->len++] = (uint8_t)v;
}

static void put16(struct mrp *m, unsigned v)
{
	be16_store(m->frame + m->len, (uint16_t)v);
	m->len += 2;
}

static void begin(struct mrp *m)
{
	static const uint8_t group[6] = {0x01, 0x80, 0xC2, 0x00, 0x00, 0x21};

	memcpy(m->frame, group, 6);
	memcpy(m->frame + 6, m->mac, 6);
	m->len = 12;
	if (m->protocol == MRP_MVRP) {
		put16(m, ETHERTYPE_MVRP);
		put8(m, 0); /* version */
		put8(m, 1); /* VID */
		put8(m, 2); /* bytes of a value */
		return;
	}
	put16(m, 0); /* length, later */
	put8(m, 0x42);
	put8(m, 0x42);
	put8(m, 0x03);
	put16(m, 1); /* protocol */
	put8(m, 1);  /* VID */
}

/* Two end marks: of the list, of the frame. */
static void end(struct mrp *m)
{
	if (m->protocol == MRP_MVRP) {
		put16(m, 0);
		put16(m, 0);
	} else {
		put8(m, 0);
		put8(m, 0);
		be16_store(m->frame + 12, (uint16_t)(m->len - HEADER));
	}
	while (m->len < 60)
		put8(m, 0);
	m->send(m->ctx, m->frame, m->len);
	m->len = 0;
}

/* What is to be said of the VID now. Return: an event of the protocol, or -1. */
static int event_of(const struct mrp *m, unsigned vid)
{
	bool want = vs_vidset_has(&m->want, vid);

	if (want && m->joins[vid])
		return m->protocol == MRP_MVRP ? MRP_JOIN_EMPTY : GARP_JOIN_EMPTY;
	if (!want && vs_vidset_has(&m->told, vid))
		return m->protocol == MRP_MVRP ? MRP_LEAVE : GARP_LEAVE_EMPTY;
	return -1;
}

static void said(struct mrp *m, unsigned vid)
{
	if (vs_vidset_has(&m->want, vid)) {
		m->joins[vid]--;
		vs_vidset_add(&m->told, vid);
	} else {
		vs_vidset_del(&m->told, vid);
	}
}

static void send_gvrp(struct mrp *m)
{
	for (unsigned vid = 1; vid <= VS_VID_MAX; vid++) {
		int e = event_of(m, vid);

		if (e < 0)
			continue;
		if (!m->len)
			begin(m);
		put8(m, 4); /* of this attribute */
		put8(m, (unsigned)e);
		put16(m, vid);
		said(m, vid);
		if (m->len > FRAME_MAX - 8)
			end(m);
	}
	if (m->len)
		end(m);
}

/* A vector is a run of neighbours, three events to a byte. Return: the VID behind it. */
static unsigned put_vector(struct mrp *m, unsigned first)
{
	unsigned room = (FRAME_MAX - m->len - 8) * 3, n = 0;
	uint32_t at = m->len;
	unsigned pack = 0;

	put16(m, 0);
	put16(m, first);
	for (; first + n <= VS_VID_MAX && n < room; n++) {
		int e = event_of(m, first + n);

		if (e < 0)
			break;
		said(m, first + n);
		pack = pack * 6 + (unsigned)e;
		if (n % 3 == 2) {
			put8(m, pack);
			pack = 0;
		}
	}
	if (n % 3)
		put8(m, n % 3 == 1 ? pack * 36 : pack * 6);
	be16_store(m->frame + at, (uint16_t)n);
	return first + n;
}

static void send_mvrp(struct mrp *m)
{
	for (unsigned vid = 1; vid <= VS_VID_MAX;) {
		if (event_of(m, vid) < 0) {
			vid++;
			continue;
		}
		if (!m->len)
			begin(m);
		vid = put_vector(m, vid);
		if (m->len > FRAME_MAX - 16)
			end(m);
	}
	if (m->len)
		end(m);
}

void mrp_tick(struct mrp *m, uint64_t now_ms)
{
	if (!m->due || now_ms < m->due_ms)
		return;
	m->due = false;
	if (m->protocol == MRP_MVRP)
		send_mvrp(m);
	else
		send_gvrp(m);
	for (unsigned vid = 1; vid <= VS_VID_MAX; vid++)
		if (m->joins[vid])
			soon(m, now_ms);
}

/* ---- receiving -------------------------------------------------------------------------- */

static void asked(struct mrp *m, unsigned vid, uint64_t now_ms)
{
	if (vid >= 1 && vid <= VS_VID_MAX && vs_vidset_has(&m->want, vid))
		declare(m, vid, 1, now_ms);
}

static void asked_all(struct mrp *m, uint64_t now_ms)
{
	for (unsigned vid = 1; vid <= VS_VID_MAX; vid++)
		asked(m, vid, now_ms);
}

static void receive_gvrp(struct mrp *m, const uint8_t *p, uint32_t len, uint64_t now_ms)
{
	if (len < 6 || p[0] != 0x42 || p[1] != 0x42 || be16_load(p + 3) != 1 || p[5] != 1)
		return;
	for (p += 6, len -= 6; len >= 2 && p[0] >= 2 && p[0] <= len; len -= p[0], p += p[0]) {
		if (p[1] == GARP_LEAVE_ALL)
			asked_all(m, now_ms);
		else if (p[0] == 4 &&
			 (p[1] == GARP_LEAVE_EMPTY || p[1] == GARP_LEAVE_IN || p[1] == GARP_EMPTY))
			asked(m, be16_load(p + 2), now_ms);
	}
}

static void receive_vector(struct mrp *m, const uint8_t *p, unsigned n, uint64_t now_ms)
{
	static const unsigned scale[3] = {36, 6, 1};
	unsigned first = be16_load(p + 2);

	for (unsigned i = 0; i < n; i++) {
		unsigned e = p[4 + i / 3] / scale[i % 3] % 6;

		if (e == MRP_LEAVE || e == MRP_EMPTY)
			asked(m, first + i, now_ms);
	}
}

static void receive_mvrp(struct mrp *m, const uint8_t *p, uint32_t len, uint64_t now_ms)
{
	if (len < 3 || p[1] != 1 || p[2] != 2)
		return;
	for (p += 3, len -= 3; len >= 4;) {
		unsigned header = be16_load(p), n = header & 0x1FFF, bytes = 4 + (n + 2) / 3;

		if (!header || bytes > len)
			return;
		if (header >> 13)
			asked_all(m, now_ms);
		receive_vector(m, p, n, now_ms);
		p += bytes;
		len -= bytes;
	}
}

void mrp_receive(struct mrp *m, const uint8_t *frame, uint32_t len, uint64_t now_ms)
{
	uint32_t type;

	if (len < HEADER)
		return;
	type = be16_load(frame + 12);
	if (m->protocol == MRP_MVRP && type == ETHERTYPE_MVRP)
		receive_mvrp(m, frame + HEADER, len - HEADER, now_ms);
	else if (m->protocol == MRP_GVRP && type <= len - HEADER)
		receive_gvrp(m, frame + HEADER, type, now_ms);
}
