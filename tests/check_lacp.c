/* SPDX-License-Identifier: Apache-2.0 */
/*
 * LACP: each machine's transitions against LACPDUs built by hand, against a naive partner that
 * answers by the book, and two groups back to back under random faults. The clock is a variable.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "vswitch/lacp.h"
#include "vswitch/lacp_wire.h"

#define PORTS 4
#define SHORT_MS 2950 /* of silence on fast timers */
#define FULL 0x3D     /* active, long, aggregation, sync, collecting, distributing */

static const uint8_t us[6] = {2, 0, 0, 0, 0, 1}, them[6] = {2, 0, 0, 0, 0, 2},
		     others[6] = {2, 0, 0, 0, 0, 3};

struct sent {
	unsigned n;
	union {
		struct lacp_pdu lacp;
		struct marker_pdu marker;
		uint8_t bytes[LACP_FRAME_BYTES];
	} last;
};

struct bed {
	struct lacp *l;
	struct lacp_config cfg;
	uint64_t now, due;
	struct sent sent[LACP_PORTS];
	unsigned marked;
	uint32_t transaction;
};

static void on_send(void *ctx, unsigned port, const uint8_t frame[LACP_FRAME_BYTES])
{
	struct sent *s = &((struct bed *)ctx)->sent[port];

	s->n++;
	memcpy(s->last.bytes, frame, LACP_FRAME_BYTES);
}

static void on_marked(void *ctx, unsigned port, uint32_t transaction)
{
	struct bed *b = ctx;

	(void)port;
	b->marked++;
	b->transaction = transaction;
}

/* Time passes, with everything due done when it is due. */
static void pass(struct bed *b, uint64_t ms)
{
	uint64_t end = b->now + ms;

	for (unsigned k = 0; b->due <= end; k++) {
		ck_assert_uint_lt(k, 100000);
		ck_assert_uint_gt(b->due + 1, b->now); /* never in the past */
		b->now = b->due > b->now ? b->due : b->now;
		b->due = lacp_run(b->l, b->now);
		ck_assert_uint_gt(b->due, b->now);
	}
	b->now = end;
	b->due = lacp_run(b->l, b->now);
}

static struct bed *bed_make(bool active, bool fast, unsigned ports)
{
	struct bed *b = calloc(1, sizeof(*b));

	b->cfg = (struct lacp_config){.system_priority = 0x8000,
				      .key = 7,
				      .active = active,
				      .fast = fast,
				      .send = on_send,
				      .marked = on_marked,
				      .ctx = b};
	memcpy(b->cfg.system, us, 6);
	b->l = lacp_create(&b->cfg);
	ck_assert_ptr_nonnull(b->l);
	b->now = 1000000;
	for (unsigned i = 0; i < ports; i++) {
		uint8_t mac[6] = {2, 0, 0, 0, 1, (uint8_t)i};

		lacp_port_add(b->l, i, mac, b->now);
		lacp_port_link(b->l, i, true, b->now);
	}
	b->due = lacp_run(b->l, b->now);
	return b;
}

static void bed_free(struct bed *b)
{
	lacp_destroy(b->l);
	free(b);
}

static struct lacp_port_status status(struct bed *b, unsigned port)
{
	struct lacp_port_status st;

	lacp_port_status(b->l, port, &st);
	return st;
}

static void fill(struct lacp_tlv *t, uint8_t type, const uint8_t *system, uint16_t key,
		 uint16_t port, uint8_t state)
{
	t->type = type;
	t->len = 20;
	t->system_priority = be16_of(0x8000);
	memcpy(t->system, system, 6);
	t->key = be16_of(key);
	t->port_priority = be16_of(0x8000);
	t->port = be16_of(port);
	t->state = state;
}

/* What a partner would send that describes us as we are now. */
static struct lacp_pdu pdu_of(struct bed *b, unsigned port, const uint8_t *system, uint16_t key,
			      uint8_t state)
{
	struct lacp_info a = status(b, port).actor;
	struct lacp_pdu p = {.collector_type = 3, .collector_len = 16};

	memcpy(p.h.dst, "\x01\x80\xC2\x00\x00\x02", 6);
	memcpy(p.h.src, system, 6);
	p.h.ethertype = be16_of(0x8809);
	p.h.subtype = 1;
	p.h.version = 1;
	fill(&p.actor, 1, system, key, (uint16_t)(port + 11), state);
	fill(&p.partner, 2, a.system, a.key, a.port, a.state);
	return p;
}

static bool give(struct bed *b, unsigned port, const void *pdu)
{
	bool good = lacp_input(b->l, port, pdu, LACP_FRAME_BYTES, b->now);

	b->due = lacp_run(b->l, b->now);
	return good;
}

static void hear(struct bed *b, unsigned port, const uint8_t *system, uint16_t key, uint8_t state)
{
	struct lacp_pdu p = pdu_of(b, port, system, key, state);

	ck_assert(give(b, port, &p));
}

/* Until the port distributes, its partner answering truly. */
static void form(struct bed *b, unsigned ports)
{
	for (unsigned k = 0; k < 5; k++) {
		for (unsigned i = 0; i < ports; i++)
			hear(b, i, them, 9, FULL);
		pass(b, 1000);
	}
	for (unsigned i = 0; i < ports; i++) {
		ck_assert_uint_eq(status(b, i).mux, LACP_MUX_DISTRIBUTING);
		ck_assert(lacp_port_distributing(b->l, i));
	}
}

/* ---- receive machine ------------------------------------------------------------------- */

START_TEST(receive_machine)
{
	struct bed *b = bed_make(true, true, 1);

	/* DISABLED to EXPIRED with the link, DEFAULTED after the short timeout. */
	ck_assert_uint_eq(status(b, 0).rx, LACP_RX_EXPIRED);
	ck_assert(status(b, 0).actor.state & LACP_EXPIRED);
	ck_assert(status(b, 0).partner.state & LACP_TIMEOUT);
	pass(b, SHORT_MS - 1);
	ck_assert_uint_eq(status(b, 0).rx, LACP_RX_EXPIRED);
	pass(b, 1);
	ck_assert_uint_eq(status(b, 0).rx, LACP_RX_DEFAULTED);
	ck_assert(status(b, 0).actor.state & LACP_DEFAULTED);
	ck_assert(!(status(b, 0).actor.state & LACP_EXPIRED));
	ck_assert_uint_eq(status(b, 0).why, LACP_WHY_NO_PARTNER);
	/* DEFAULTED to CURRENT. */
	hear(b, 0, them, 9, 0x05);
	ck_assert_uint_eq(status(b, 0).rx, LACP_RX_CURRENT);
	ck_assert(!(status(b, 0).actor.state & (LACP_DEFAULTED | LACP_EXPIRED)));
	ck_assert_uint_eq(status(b, 0).partner.key, 9);
	/* CURRENT to EXPIRED, back to CURRENT, and all the way to DEFAULTED. */
	pass(b, SHORT_MS - 1);
	ck_assert_uint_eq(status(b, 0).rx, LACP_RX_CURRENT);
	pass(b, 1);
	ck_assert_uint_eq(status(b, 0).rx, LACP_RX_EXPIRED);
	ck_assert_uint_eq(status(b, 0).partner.key, 9);
	hear(b, 0, them, 9, 0x05);
	ck_assert_uint_eq(status(b, 0).rx, LACP_RX_CURRENT);
	pass(b, SHORT_MS);
	ck_assert_uint_eq(status(b, 0).rx, LACP_RX_EXPIRED);
	pass(b, SHORT_MS);
	ck_assert_uint_eq(status(b, 0).rx, LACP_RX_DEFAULTED);
	ck_assert_uint_eq(status(b, 0).partner.key, 0);
	/* Any state to DISABLED: the partner is not in sync any more. */
	hear(b, 0, them, 9, 0x0D);
	ck_assert(status(b, 0).partner.state & LACP_SYNC);
	lacp_port_link(b->l, 0, false, b->now);
	ck_assert_uint_eq(status(b, 0).rx, LACP_RX_DISABLED);
	ck_assert(!(status(b, 0).partner.state & LACP_SYNC));
	ck_assert_uint_eq(status(b, 0).why, LACP_WHY_NO_LINK);
	bed_free(b);
}
END_TEST

START_TEST(slow_timeout)
{
	struct bed *b = bed_make(true, false, 1);

	hear(b, 0, them, 9, 0x05);
	pass(b, 89999);
	ck_assert_uint_eq(status(b, 0).rx, LACP_RX_CURRENT);
	pass(b, 1);
	ck_assert_uint_eq(status(b, 0).rx, LACP_RX_EXPIRED);
	/* Told to be fast now, it does not wait for the long time. */
	hear(b, 0, them, 9, 0x05);
	b->cfg.fast = true;
	lacp_configure(b->l, &b->cfg, b->now);
	b->due = lacp_run(b->l, b->now);
	ck_assert(status(b, 0).actor.state & LACP_TIMEOUT);
	pass(b, SHORT_MS);
	ck_assert_uint_eq(status(b, 0).rx, LACP_RX_EXPIRED);
	bed_free(b);
}
END_TEST

/* ---- mux -------------------------------------------------------------------------------- */

START_TEST(mux_machine)
{
	struct bed *b = bed_make(true, true, 1);

	ck_assert_uint_eq(status(b, 0).mux, LACP_MUX_DETACHED);
	hear(b, 0, them, 9, 0x05);
	ck_assert_uint_eq(status(b, 0).mux, LACP_MUX_WAITING);
	pass(b, 1999);
	ck_assert_uint_eq(status(b, 0).mux, LACP_MUX_WAITING);
	pass(b, 1);
	ck_assert_uint_eq(status(b, 0).mux, LACP_MUX_ATTACHED);
	ck_assert_uint_eq(status(b, 0).actor.state & 0x38, LACP_SYNC);
	/* In sync: collect, but do not send before the partner collects. */
	hear(b, 0, them, 9, 0x0D);
	ck_assert_uint_eq(status(b, 0).mux, LACP_MUX_COLLECTING);
	ck_assert(lacp_port_collecting(b->l, 0));
	ck_assert(!lacp_port_distributing(b->l, 0));
	hear(b, 0, them, 9, 0x1D);
	ck_assert_uint_eq(status(b, 0).mux, LACP_MUX_DISTRIBUTING);
	ck_assert_uint_eq(status(b, 0).actor.state & 0x38, 0x38);
	/* The partner stops collecting, then is out of sync. */
	hear(b, 0, them, 9, 0x0D);
	ck_assert_uint_eq(status(b, 0).mux, LACP_MUX_COLLECTING);
	hear(b, 0, them, 9, 0x1D);
	ck_assert_uint_eq(status(b, 0).mux, LACP_MUX_DISTRIBUTING);
	hear(b, 0, them, 9, 0x05);
	ck_assert_uint_eq(status(b, 0).mux, LACP_MUX_ATTACHED);
	/* Another key: detached, then from the start. */
	hear(b, 0, them, 9, FULL);
	ck_assert_uint_eq(status(b, 0).mux, LACP_MUX_DISTRIBUTING);
	hear(b, 0, them, 10, FULL);
	ck_assert_uint_eq(status(b, 0).mux, LACP_MUX_WAITING);
	/* No link: at once. */
	form(b, 1);
	lacp_port_link(b->l, 0, false, b->now);
	ck_assert_uint_eq(status(b, 0).mux, LACP_MUX_DETACHED);
	ck_assert(!lacp_port_collecting(b->l, 0));
	bed_free(b);
}
END_TEST

/* Ports that wait join together. */
START_TEST(waiting_for_each_other)
{
	struct bed *b = bed_make(true, true, 2);

	hear(b, 0, them, 9, FULL);
	pass(b, 1500);
	hear(b, 1, them, 9, FULL);
	pass(b, 1499);
	ck_assert_uint_eq(status(b, 0).mux, LACP_MUX_WAITING);
	hear(b, 0, them, 9, FULL);
	pass(b, 501);
	ck_assert_uint_ge(status(b, 0).mux, LACP_MUX_ATTACHED);
	ck_assert_uint_ge(status(b, 1).mux, LACP_MUX_ATTACHED);
	bed_free(b);
}
END_TEST

/*
 * On fast timers the engine asks to be called when the timeout is over since the last LACPDU, not
 * since any other, and in that call the port is out of use and the partner is told. One that comes
 * a millisecond before is in time.
 */
START_TEST(silent_partner)
{
	struct bed *b = bed_make(true, true, 2);
	unsigned n;

	form(b, 2);
	hear(b, 1, them, 9, FULL);
	pass(b, SHORT_MS - 1);
	hear(b, 1, them, 9, FULL);
	for (unsigned k = 0; k < 3; k++) {
		hear(b, 0, them, 9, FULL);
		pass(b, SHORT_MS / 3);
	}
	pass(b, SHORT_MS % 3 - 1);
	ck_assert(lacp_port_distributing(b->l, 1));
	ck_assert_uint_eq(b->due, b->now + 1);
	n = b->sent[1].n;
	pass(b, 1);
	ck_assert(!lacp_port_distributing(b->l, 1));
	ck_assert(!lacp_port_collecting(b->l, 1));
	ck_assert_uint_eq(b->sent[1].n, n + 1);
	ck_assert_uint_eq(b->sent[1].last.lacp.actor.state & (LACP_EXPIRED | LACP_DISTRIBUTING),
			  LACP_EXPIRED);
	ck_assert(lacp_port_distributing(b->l, 0));
	/* And restored. */
	hear(b, 1, them, 9, FULL);
	ck_assert(lacp_port_distributing(b->l, 1));
	bed_free(b);
}
END_TEST

/* ---- periodic and transmit ---------------------------------------------------------------- */

START_TEST(periodic_machine)
{
	struct bed *b = bed_make(true, false, 1);
	unsigned n;

	/* Fast while nobody answers; slow as the partner wishes; at once when it wishes fast. */
	pass(b, 10000);
	ck_assert_uint_ge(b->sent[0].n, 3);
	form(b, 1);
	hear(b, 0, them, 9, FULL);
	pass(b, 31000);
	n = b->sent[0].n;
	hear(b, 0, them, 9, FULL);
	pass(b, 60000);
	ck_assert_uint_eq(b->sent[0].n, n + 2);
	hear(b, 0, them, 9, FULL | LACP_TIMEOUT);
	ck_assert_uint_eq(b->sent[0].n, n + 3);
	pass(b, 10000);
	ck_assert_uint_eq(b->sent[0].n, n + 13);
	bed_free(b);
}
END_TEST

/* Nobody there: as often as we want to hear, or a link that works again is found late. */
START_TEST(speaks_to_nobody)
{
	for (unsigned fast = 0; fast < 2; fast++) {
		struct bed *b = bed_make(true, fast, 1);
		unsigned n;

		pass(b, 5000);
		ck_assert_uint_eq(status(b, 0).rx, LACP_RX_DEFAULTED);
		n = b->sent[0].n;
		pass(b, 60000);
		ck_assert_uint_eq(b->sent[0].n - n, fast ? 60 : 2);
		bed_free(b);
	}
}
END_TEST

START_TEST(passive_speaks_when_spoken_to)
{
	struct bed *b = bed_make(false, true, 1);

	pass(b, 20000);
	ck_assert_uint_eq(b->sent[0].n, 0);
	hear(b, 0, them, 9, FULL & ~LACP_ACTIVITY);
	pass(b, 2000);
	ck_assert_uint_eq(b->sent[0].n, 0);
	hear(b, 0, them, 9, FULL);
	ck_assert_uint_eq(b->sent[0].n, 1);
	ck_assert_uint_eq(b->sent[0].last.lacp.actor.state & LACP_ACTIVITY, 0);
	bed_free(b);
}
END_TEST

START_TEST(at_most_three_a_second)
{
	struct bed *b = bed_make(true, true, 1);
	unsigned n;

	form(b, 1);
	pass(b, 900);
	n = b->sent[0].n;
	/* Each of them wants an answer. */
	for (unsigned k = 0; k < 500; k++) {
		hear(b, 0, them, 9, k % 2 ? FULL : FULL & ~LACP_COLLECTING);
		pass(b, 10);
	}
	ck_assert_uint_le(b->sent[0].n - n, 3 * 6);
	ck_assert_uint_ge(b->sent[0].n - n, 12);
	bed_free(b);
}
END_TEST

START_TEST(what_is_sent)
{
	static const uint8_t expect[] = {0x01, 0x80, 0xC2, 0x00, 0x00, 0x02, 2,	   0, 0, 0,
					 1,    0, /* source: the port's */
					 0x88, 0x09, 0x01, 0x01, 0x01, 20,   0x80, 0, 2, 0,
					 0,    0,    0,	   1,	 0,    7,    0x80, 0, 0, 1,
					 0x3F, 0,    0,	   0,	 0x02, 20,   0x80, 0, 2, 0,
					 0,    0,    0,	   2,	 0,    9,    0x80, 0, 0, 11,
					 FULL, 0,    0,	   0,	 0x03, 16};
	struct bed *b = bed_make(true, true, 1);

	form(b, 1);
	hear(b, 0, them, 9, FULL);
	pass(b, 30000 - 5000);
	hear(b, 0, them, 9, FULL);
	form(b, 1);
	hear(b, 0, them, 9, FULL & ~LACP_TIMEOUT);
	pass(b, 0);
	ck_assert_mem_eq(b->sent[0].last.bytes, expect, sizeof(expect));
	for (unsigned k = sizeof(expect); k < LACP_FRAME_BYTES; k++)
		ck_assert_uint_eq(b->sent[0].last.bytes[k], 0);
	/* A port that leaves says so. */
	lacp_port_del(b->l, 0, b->now);
	ck_assert_uint_eq(b->sent[0].last.lacp.actor.state & 0x3C, 0);
	bed_free(b);
}
END_TEST

/* ---- selection --------------------------------------------------------------------------- */

START_TEST(wrong_key)
{
	struct bed *b = bed_make(true, true, 3);

	form(b, 2);
	hear(b, 2, them, 10, FULL);
	pass(b, 900);
	ck_assert_uint_eq(status(b, 2).why, LACP_WHY_OTHER_PARTNER);
	ck_assert_uint_eq(status(b, 2).mux, LACP_MUX_DETACHED);
	ck_assert(lacp_port_distributing(b->l, 0));
	/* Put right. */
	form(b, 3);
	/* Another system on one port, and then on two: the bigger set wins. */
	hear(b, 2, others, 9, FULL);
	ck_assert_uint_eq(status(b, 2).why, LACP_WHY_OTHER_PARTNER);
	hear(b, 1, others, 9, FULL);
	ck_assert_uint_eq(status(b, 0).why, LACP_WHY_OTHER_PARTNER);
	ck_assert_uint_eq(status(b, 1).why, LACP_WHY_SELECTED);
	bed_free(b);
}
END_TEST

START_TEST(tie_keeps_the_present_partner)
{
	struct bed *b = bed_make(true, true, 2);

	hear(b, 1, them, 9, FULL);
	hear(b, 0, others, 9, FULL);
	ck_assert_uint_eq(status(b, 1).why, LACP_WHY_SELECTED);
	ck_assert_uint_eq(status(b, 0).why, LACP_WHY_OTHER_PARTNER);
	bed_free(b);
}
END_TEST

START_TEST(loops)
{
	struct bed *b = bed_make(true, true, 3);

	form(b, 2);
	/* Our own LACPDUs come back. */
	hear(b, 2, us, 7, FULL);
	ck_assert_uint_eq(status(b, 2).why, LACP_WHY_LOOPBACK);
	ck_assert(!lacp_port_collecting(b->l, 2));
	/* One partner port heard on two links: a hub in between. */
	struct lacp_pdu p = pdu_of(b, 2, them, 9, FULL);
	p.actor.port = be16_of(11);
	ck_assert(give(b, 2, &p));
	ck_assert_uint_eq(status(b, 2).why, LACP_WHY_SAME_PORT);
	ck_assert(lacp_port_distributing(b->l, 0));
	bed_free(b);
}
END_TEST

START_TEST(individual_and_minimum)
{
	struct bed *b = bed_make(true, true, 2);

	hear(b, 0, them, 9, FULL & ~LACP_AGGREGATION);
	ck_assert_uint_eq(status(b, 0).why, LACP_WHY_INDIVIDUAL);
	b->cfg.min_links = 2;
	lacp_configure(b->l, &b->cfg, b->now);
	hear(b, 0, them, 9, FULL);
	ck_assert_uint_eq(status(b, 0).why, LACP_WHY_TOO_FEW);
	hear(b, 1, them, 9, FULL);
	form(b, 2);
	lacp_port_link(b->l, 1, false, b->now);
	ck_assert(!lacp_port_distributing(b->l, 0));
	ck_assert_uint_eq(status(b, 0).why, LACP_WHY_TOO_FEW);
	bed_free(b);
}
END_TEST

/* A partner that claims to be in sync with somebody who is not us. */
START_TEST(lying_partner)
{
	static const struct {
		unsigned offset;
		uint8_t value;
	} lie[] = {
		{offsetof(struct lacp_pdu, partner.system), 4},
		{offsetof(struct lacp_pdu, partner.key) + 1, 8},
		{offsetof(struct lacp_pdu, partner.port) + 1, 2},
		{offsetof(struct lacp_pdu, partner.system_priority), 1},
		{offsetof(struct lacp_pdu, partner.port_priority), 1},
		{offsetof(struct lacp_pdu, partner.state), 0x39},
	};

	for (unsigned k = 0; k < sizeof(lie) / sizeof(lie[0]); k++) {
		struct bed *b = bed_make(true, true, 1);

		for (unsigned s = 0; s < 10; s++) {
			struct lacp_pdu p = pdu_of(b, 0, them, 9, FULL);

			((uint8_t *)&p)[lie[k].offset] = lie[k].value;
			ck_assert(give(b, 0, &p));
			pass(b, 500);
			ck_assert(!lacp_port_collecting(b->l, 0));
		}
		ck_assert_uint_eq(status(b, 0).mux, LACP_MUX_ATTACHED);
		/* We keep telling it who we are, no faster than allowed. */
		ck_assert_uint_le(b->sent[0].n, 3 * 6);
		bed_free(b);
	}
}
END_TEST

START_TEST(malformed)
{
	struct bed *b = bed_make(true, true, 1);
	struct lacp_pdu good = pdu_of(b, 0, them, 9, FULL), p;
	uint64_t bad = 0;

	for (size_t len = 0; len < LACP_FRAME_BYTES; len++, bad++)
		ck_assert(!lacp_input(b->l, 0, (const uint8_t *)&good, len, b->now));
	for (unsigned k = 0; k < 8; k++, bad++) {
		p = good;
		switch (k) {
		case 0:
			p.h.ethertype = be16_of(0x8808);
			break;
		case 1:
			p.h.subtype = 3; /* OAM */
			break;
		case 2:
			p.actor.type = 2;
			break;
		case 3:
			p.actor.len = 19;
			break;
		case 4:
			p.partner.type = 1;
			break;
		case 5:
			p.partner.len = 0;
			break;
		case 6:
			p.h.src[0] |= 1;
			break;
		default:
			p.h.subtype = 2; /* an LACPDU is no marker */
		}
		ck_assert(!give(b, 0, &p));
	}
	ck_assert_uint_eq(status(b, 0).rx_bad, bad);
	ck_assert_uint_eq(status(b, 0).rx_pdus, 0);
	ck_assert_uint_eq(status(b, 0).rx, LACP_RX_EXPIRED);
	/* A later version is longer and means at least the same. */
	good.h.version = 2;
	ck_assert(give(b, 0, &good));
	bed_free(b);
}
END_TEST

/* ---- churn ------------------------------------------------------------------------------- */

START_TEST(churn)
{
	struct bed *b = bed_make(true, true, 1);

	for (unsigned s = 0; s < 59; s++) {
		hear(b, 0, them, 9, 0x05);
		pass(b, 1000);
	}
	ck_assert_uint_eq(status(b, 0).partner_churn, LACP_CHURN_MONITOR);
	ck_assert_uint_eq(status(b, 0).actor_churn, LACP_CHURN_NONE);
	hear(b, 0, them, 9, 0x05);
	pass(b, 1000);
	ck_assert_uint_eq(status(b, 0).partner_churn, LACP_CHURN);
	hear(b, 0, them, 9, FULL);
	ck_assert_uint_eq(status(b, 0).partner_churn, LACP_CHURN_NONE);
	/* Of ours: a port that may not join. */
	b->cfg.min_links = 2;
	lacp_configure(b->l, &b->cfg, b->now);
	pass(b, 60000);
	ck_assert_uint_eq(status(b, 0).actor_churn, LACP_CHURN);
	bed_free(b);
}
END_TEST

/* ---- markers ------------------------------------------------------------------------------- */

START_TEST(markers)
{
	struct bed *b = bed_make(true, true, 1);
	struct marker_pdu m = {.type = MARKER_INFORMATION, .len = 16};

	memcpy(m.h.src, them, 6);
	m.h.ethertype = be16_of(0x8809);
	m.h.subtype = 2;
	m.h.version = 1;
	m.port = be16_of(11);
	memcpy(m.system, them, 6);
	m.transaction = be32_of(77);
	for (unsigned k = 0; k < 200; k++)
		ck_assert(give(b, 0, &m));
	ck_assert_uint_eq(status(b, 0).tx_markers, 50);
	ck_assert_uint_eq(b->sent[0].last.marker.type, MARKER_RESPONSE);
	ck_assert_uint_eq(be32_get(b->sent[0].last.marker.transaction), 77);
	ck_assert_mem_eq(b->sent[0].last.marker.system, them, 6);
	pass(b, 1000);
	ck_assert(give(b, 0, &m));
	ck_assert_uint_eq(status(b, 0).tx_markers, 51);
	/* Ours, and its answer; an answer to somebody else's is none. */
	lacp_mark(b->l, 0, 5);
	m = b->sent[0].last.marker;
	ck_assert_uint_eq(m.type, MARKER_INFORMATION);
	m.type = MARKER_RESPONSE;
	memcpy(m.h.src, them, 6);
	ck_assert(give(b, 0, &m));
	ck_assert_uint_eq(b->marked, 1);
	ck_assert_uint_eq(b->transaction, 5);
	m.system[5] ^= 1;
	ck_assert(give(b, 0, &m));
	ck_assert_uint_eq(b->marked, 1);
	bed_free(b);
}
END_TEST

/* ---- a naive partner ----------------------------------------------------------------------- */

/*
 * One port of a partner that keeps no machines: whatever it heard last it believes, and it is in
 * sync, collecting and distributing as far as that says so.
 */
struct naive {
	struct lacp_tlv heard;
	bool any;
	uint64_t heard_at;
};

static void naive_hear(struct naive *n, const struct lacp_pdu *p, uint64_t now)
{
	n->heard = p->actor;
	n->any = true;
	n->heard_at = now;
}

static struct lacp_pdu naive_speak(struct bed *b, unsigned port, struct naive *n)
{
	uint8_t state = LACP_ACTIVITY | LACP_AGGREGATION | LACP_TIMEOUT;
	struct lacp_pdu p = pdu_of(b, port, them, 9, 0);

	if (n->any && b->now - n->heard_at > 3000)
		n->any = false;
	if (n->any) {
		state |= LACP_SYNC | LACP_COLLECTING;
		if (n->heard.state & LACP_COLLECTING)
			state |= LACP_DISTRIBUTING;
		p.partner = n->heard;
		p.partner.type = 2;
	} else {
		memset(&p.partner, 0, sizeof(p.partner));
		p.partner.type = 2;
		p.partner.len = 20;
	}
	p.actor.state = state;
	return p;
}

START_TEST(naive_partner)
{
	struct bed *b = bed_make(true, true, PORTS);
	struct naive n[PORTS] = {0};
	bool cut[PORTS] = {false};
	unsigned seed = (unsigned)time(NULL), long_ago[PORTS] = {0}, formed = 0;

	printf("naive seed %u\n", seed);
	srand(seed);
	for (unsigned tick = 0; tick < 20000; tick++) {
		for (unsigned i = 0; i < PORTS; i++) {
			if (rand() % 300 == 0) {
				cut[i] = !cut[i];
				long_ago[i] = 0;
			}
			if (tick % 10 == i && !cut[i]) {
				struct lacp_pdu p = naive_speak(b, i, &n[i]);

				ck_assert(give(b, i, &p));
			}
		}
		pass(b, 100);
		for (unsigned i = 0; i < PORTS; i++) {
			if (!cut[i] && b->sent[i].n)
				naive_hear(&n[i], &b->sent[i].last.lacp, b->now);
			b->sent[i].n = 0;
		}
		/* Quiet for long enough, all whole links carry and no cut one does. */
		for (unsigned i = 0; i < PORTS; i++) {
			if (++long_ago[i] < 80)
				continue;
			ck_assert_int_eq(lacp_port_distributing(b->l, i), !cut[i]);
			formed++;
		}
	}
	ck_assert_uint_gt(formed, 10000);
	bed_free(b);
}
END_TEST

/* ---- two groups back to back ----------------------------------------------------------------- */

/*
 * Frames take a moment, are lost now and then, links go down on one side or fall silent. Whenever a
 * port distributes, the other must collect, or have stopped within the time its notice takes.
 */
START_TEST(back_to_back)
{
	struct bed *b[2] = {bed_make(true, true, PORTS), bed_make(true, true, PORTS)};
	unsigned seed = (unsigned)time(NULL), both = 0, wrong[PORTS] = {0}, quiet = 0;
	bool silent[PORTS] = {false};

	printf("back to back seed %u\n", seed);
	srand(seed);
	memcpy(b[1]->cfg.system, them, 6);
	b[1]->cfg.key = 9;
	lacp_configure(b[1]->l, &b[1]->cfg, b[1]->now);
	b[1]->due = lacp_run(b[1]->l, b[1]->now);
	for (unsigned tick = 0; tick < 60000; tick++) {
		unsigned i = (unsigned)rand() % PORTS, side = (unsigned)rand() % 2;

		for (unsigned s = 0; s < 2; s++)
			for (unsigned p = 0; p < PORTS; p++) {
				struct sent out = b[s]->sent[p];

				b[s]->sent[p].n = 0;
				if (out.n && !silent[p] && rand() % 50)
					lacp_input(b[1 - s]->l, p, out.last.bytes, LACP_FRAME_BYTES,
						   b[1 - s]->now);
			}
		if (quiet)
			quiet--;
		else if (rand() % 500 == 0)
			quiet = 3000; /* time to recover */
		if (!quiet && rand() % 40 == 0)
			silent[i] = !silent[i];
		if (!quiet && rand() % 40 == 0)
			lacp_port_link(b[side]->l, i, rand() % 2, b[side]->now);
		if (quiet == 2999)
			for (i = 0; i < PORTS; i++) {
				silent[i] = false;
				lacp_port_link(b[0]->l, i, true, b[0]->now);
				lacp_port_link(b[1]->l, i, true, b[1]->now);
			}
		for (unsigned s = 0; s < 2; s++) {
			b[s]->due = lacp_run(b[s]->l, b[s]->now);
			pass(b[s], 10);
		}
		for (i = 0; i < PORTS; i++) {
			bool bad = false;

			for (unsigned s = 0; s < 2; s++)
				bad |= lacp_port_distributing(b[s]->l, i) &&
				       !lacp_port_collecting(b[1 - s]->l, i);
			wrong[i] = bad ? wrong[i] + 1 : 0;
			/* 3 s for a silent link, 1 s for a notice that waits its turn or is lost.
			 */
			ck_assert_uint_le(wrong[i], 500);
			both += lacp_port_distributing(b[0]->l, i) &&
				lacp_port_distributing(b[1]->l, i);
			if (quiet == 1)
				ck_assert(lacp_port_distributing(b[0]->l, i) &&
					  lacp_port_distributing(b[1]->l, i));
		}
	}
	ck_assert_uint_gt(both, 10000);
	bed_free(b[0]);
	bed_free(b[1]);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("lacp");
	TCase *t = tcase_create("lacp");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_set_timeout(t, 60);
	tcase_add_test(t, receive_machine);
	tcase_add_test(t, slow_timeout);
	tcase_add_test(t, mux_machine);
	tcase_add_test(t, waiting_for_each_other);
	tcase_add_test(t, silent_partner);
	tcase_add_test(t, periodic_machine);
	tcase_add_test(t, speaks_to_nobody);
	tcase_add_test(t, passive_speaks_when_spoken_to);
	tcase_add_test(t, at_most_three_a_second);
	tcase_add_test(t, what_is_sent);
	tcase_add_test(t, wrong_key);
	tcase_add_test(t, tie_keeps_the_present_partner);
	tcase_add_test(t, loops);
	tcase_add_test(t, individual_and_minimum);
	tcase_add_test(t, lying_partner);
	tcase_add_test(t, malformed);
	tcase_add_test(t, churn);
	tcase_add_test(t, markers);
	tcase_add_test(t, naive_partner);
	tcase_add_test(t, back_to_back);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
