/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation: a participant with both halves.
 *
 * The applicant. A VID that comes into use is declared by two joins, a join time apart, so that one
 * may be lost; one that goes out of use is withdrawn by a leave. Who registers asks again now and
 * then (leave all) or when it misses one (empty, join empty, leave): then the VID is declared once
 * more, within a join time, as the other side waits no longer than its leave time.
 *
 * The registrar. A VID that the other side joins is registered. After a leave, or a leave all of
 * either side, it has a leave time to be joined again. Leave all is sent at the start, on a new
 * link, and every 10 to 15 seconds in which the other side has not. What is registered is for
 * people to see: the uplink carries every VLAN, as a port with fixed registration (802.1Q 8.8.2).
 *
 * The other side is hostile: a frame is walked once whatever it repeats, what it can make us
 * remember is a bit and a time for each VID, and all answers go into one set of frames a join time.
 *
 * Source: GVRP IEEE 802.1D-1998 clause 12 and 802.1Q-1998 clause 11; MVRP IEEE 802.1Q-2018 clauses
 * 10 and 11.2; timers table 10-7.
 */
#include "vswitch/mrp.h"

#include <stdlib.h>
#include <string.h>

#include "common/be.h"

#define JOIN_MS 200u
#define LEAVE_MS 600u
#define LEAVE_ALL_MS 10000u /* to half as much again */
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
	struct vs_vidset in;   /* the other side has told that it is in use there */
	struct vs_vidset leaving;
	uint64_t leave_at[4096]; /* of those that are leaving */
	bool due;
	uint64_t due_ms;
	uint64_t leave_all_ms; /* the next of ours */
	bool leave_all;	       /* is still to be sent */
	uint64_t dice;
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
	memcpy(&m->dice, mac, 6);
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

void mrp_declared(const struct mrp *m, struct vs_vidset *vids)
{
	for (unsigned i = 0; i < 64; i++)
		vids->w[i] = m->told.w[i] & m->want.w[i];
}

void mrp_registered(const struct mrp *m, struct vs_vidset *vids)
{
	*vids = m->in;
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
	memset(&m->in, 0, sizeof(m->in));
	memset(&m->leaving, 0, sizeof(m->leaving));
	m->leave_all_ms = now_ms;
	for (unsigned vid = 1; vid <= VS_VID_MAX; vid++)
		if (vs_vidset_has(&m->want, vid))
			declare(m, vid, 2, now_ms);
}

/* ---- what the other side has -------------------------------------------------------------- */

static bool is_vid(unsigned vid)
{
	return vid >= 1 && vid <= VS_VID_MAX;
}

static void joined(struct mrp *m, unsigned vid)
{
	if (!is_vid(vid))
		return;
	vs_vidset_add(&m->in, vid);
	vs_vidset_del(&m->leaving, vid);
}

static void left(struct mrp *m, unsigned vid, uint64_t now_ms)
{
	if (!is_vid(vid) || !vs_vidset_has(&m->in, vid) || vs_vidset_has(&m->leaving, vid))
		return;
	vs_vidset_add(&m->leaving, vid);
	m->leave_at[vid] = now_ms + LEAVE_MS;
}

/* Who asks all, asks itself too: both sides declare again what they use. */
static void all_left(struct mrp *m, uint64_t now_ms)
{
	m->dice = m->dice * UINT64_C(6364136223846793005) + 1442695040888963407u;
	m->leave_all_ms = now_ms + LEAVE_ALL_MS + (m->dice >> 33) % (LEAVE_ALL_MS / 2);
	for (unsigned vid = 1; vid <= VS_VID_MAX; vid++) {
		left(m, vid, now_ms);
		if (vs_vidset_has(&m->want, vid))
			declare(m, vid, 1, now_ms);
	}
}

/* Return: when the next one's time is over. */
static uint64_t forget_left(struct mrp *m, uint64_t now_ms)
{
	uint64_t next = UINT64_MAX;

	for (unsigned w = 0; w < 64; w++)
		for (uint64_t bits = m->leaving.w[w]; bits; bits &= bits - 1) {
			unsigned vid = w * 64 + (unsigned)__builtin_ctzll(bits);

			if (now_ms >= m->leave_at[vid]) {
				vs_vidset_del(&m->in, vid);
				vs_vidset_del(&m->leaving, vid);
			} else if (m->leave_at[vid] < next) {
				next = m->leave_at[vid];
			}
		}
	return next;
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
		if (m->leave_all) {
			put16(m, 0x2000); /* and no value */
			put16(m, 0);
		}
		m->leave_all = false;
		return;
	}
	put16(m, 0); /* length, later */
	put8(m, 0x42);
	put8(m, 0x42);
	put8(m, 0x03);
	put16(m, 1); /* protocol */
	put8(m, 1);  /* VID */
	if (m->leave_all) {
		put8(m, 2);
		put8(m, GARP_LEAVE_ALL);
	}
	m->leave_all = false;
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
	bool in = vs_vidset_has(&m->in, vid) && !vs_vidset_has(&m->leaving, vid);

	if (want && m->joins[vid]) {
		if (m->protocol == MRP_MVRP)
			return in ? MRP_JOIN_IN : MRP_JOIN_EMPTY;
		return in ? GARP_JOIN_IN : GARP_JOIN_EMPTY;
	}
	if (!want && vs_vidset_has(&m->told, vid)) {
		if (m->protocol == MRP_MVRP)
			return MRP_LEAVE;
		return in ? GARP_LEAVE_IN : GARP_LEAVE_EMPTY;
	}
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
	if (m->leave_all)
		begin(m);
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
	if (m->leave_all)
		begin(m);
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

static void send_due(struct mrp *m, uint64_t now_ms)
{
	m->due = false;
	if (m->protocol == MRP_MVRP)
		send_mvrp(m);
	else
		send_gvrp(m);
	for (unsigned vid = 1; vid <= VS_VID_MAX; vid++)
		if (m->joins[vid])
			soon(m, now_ms);
}

uint64_t mrp_tick(struct mrp *m, uint64_t now_ms)
{
	uint64_t next;

	if (now_ms >= m->leave_all_ms) {
		all_left(m, now_ms);
		m->leave_all = true;
		soon(m, now_ms);
	}
	next = forget_left(m, now_ms);
	if (m->due && now_ms >= m->due_ms)
		send_due(m, now_ms);
	if (m->due && m->due_ms < next)
		next = m->due_ms;
	return m->leave_all_ms < next ? m->leave_all_ms : next;
}

/* ---- receiving -------------------------------------------------------------------------- */

static void asked(struct mrp *m, unsigned vid, uint64_t now_ms)
{
	if (is_vid(vid) && vs_vidset_has(&m->want, vid))
		declare(m, vid, 1, now_ms);
}

static void on_garp(struct mrp *m, unsigned event, unsigned vid, uint64_t now_ms)
{
	if (event == GARP_JOIN_EMPTY || event == GARP_JOIN_IN)
		joined(m, vid);
	else if (event == GARP_LEAVE_EMPTY || event == GARP_LEAVE_IN)
		left(m, vid, now_ms);
	if (event != GARP_JOIN_IN && event <= GARP_EMPTY)
		asked(m, vid, now_ms);
}

static void receive_gvrp(struct mrp *m, const uint8_t *p, uint32_t len, uint64_t now_ms)
{
	bool all = false;

	if (len < 6 || p[0] != 0x42 || p[1] != 0x42 || be16_load(p + 3) != 1 || p[5] != 1)
		return;
	for (p += 6, len -= 6; len >= 2 && p[0] >= 2 && p[0] <= len; len -= p[0], p += p[0]) {
		if (p[1] != GARP_LEAVE_ALL) {
			if (p[0] == 4)
				on_garp(m, p[1], be16_load(p + 2), now_ms);
			continue;
		}
		if (!all)
			all_left(m, now_ms);
		all = true;
	}
}

static void on_mrp(struct mrp *m, unsigned event, unsigned vid, uint64_t now_ms)
{
	if (event == MRP_NEW || event == MRP_JOIN_IN || event == MRP_JOIN_EMPTY)
		joined(m, vid);
	else if (event == MRP_LEAVE)
		left(m, vid, now_ms);
	if (event == MRP_JOIN_EMPTY || event == MRP_EMPTY || event == MRP_LEAVE)
		asked(m, vid, now_ms);
}

static void receive_vector(struct mrp *m, const uint8_t *p, unsigned n, uint64_t now_ms)
{
	static const unsigned scale[3] = {36, 6, 1};
	unsigned first = be16_load(p + 2);

	for (unsigned i = 0; i < n; i++)
		on_mrp(m, p[4 + i / 3] / scale[i % 3] % 6, first + i, now_ms);
}

static void receive_mvrp(struct mrp *m, const uint8_t *p, uint32_t len, uint64_t now_ms)
{
	bool all = false;

	if (len < 3 || p[1] != 1 || p[2] != 2)
		return;
	for (p += 3, len -= 3; len >= 4;) {
		unsigned header = be16_load(p), n = header & 0x1FFF, bytes = 4 + (n + 2) / 3;

		if (!header || bytes > len)
			return;
		if (header >> 13 && !all) {
			all_left(m, now_ms);
			all = true;
		}
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
