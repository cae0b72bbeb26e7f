/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation
 *
 * The machines of a port are run to a standstill after whatever happened: a frame, a link that came
 * or went, time. Each is a function that makes at most one step and says whether it did; run()
 * repeats them all. Timers are points in time, 0 when stopped.
 *
 *   receive   what we know of the partner, and how sure we are: DISABLED without link, EXPIRED when
 *             its LACPDUs stay away (or have yet to come), DEFAULTED when they stayed away for
 *             good, CURRENT
 *   periodic  when to speak without a reason
 *   select    which ports form the group: those that hear the same partner system and key; where
 *             they differ, the bigger set, at a tie the present one
 *   mux       DETACHED, WAITING for others to be ready too, ATTACHED, COLLECTING, DISTRIBUTING:
 *             with independent control, a port collects before its partner distributes
 *   churn     reports a partner that never gets in step
 *   transmit  at most three LACPDUs a second
 *
 * On fast timers a partner is given up a little earlier than three seconds after its last LACPDU,
 * so that three seconds after it the traffic goes elsewhere. Two LACPDUs may be lost, as with three
 * seconds: of the third, sent at that very moment, neither time can be sure. The standard lets its
 * timers be off by 250 ms (802.1AX, constants of LACP; number of the clause unverified).
 *
 * What the partner says of itself is believed only as far as it harms nobody but itself. Its claim
 * to be in sync counts only while it describes us rightly. A port that hears its own group, or
 * hears the same partner port as another, would be a loop: it is not selected.
 */
#include "vswitch/lacp.h"

#include <stdlib.h>
#include <string.h>

#include "vswitch/lacp_wire.h"

#define FAST_MS 1000u
#define SLOW_MS 30000u
#define SHORT_TIMEOUT_MS 2950u /* 3 s with the time that moving the traffic takes, see below */
#define LONG_TIMEOUT_MS 90000u
#define CHURN_MS 60000u
#define WAIT_MS 2000u	     /* aggregate wait time */
#define TX_PER_SECOND 3u     /* LACPDUs */
#define MARKS_PER_SECOND 50u /* answers: a flood of questions is not to make one of answers */

struct port {
	bool used, link, ntt, selected;
	uint8_t mac[6];
	enum lacp_rx rx;
	enum lacp_mux mux;
	enum lacp_why why;
	enum lacp_churn actor_churn, partner_churn;
	struct lacp_info actor, partner;
	uint64_t current_until, periodic_at, wait_until;
	uint64_t actor_churn_until, partner_churn_until;
	uint64_t sent_ms[TX_PER_SECOND]; /* of the last LACPDUs */
	unsigned n_sent;
	uint64_t marks_from;
	unsigned n_marks;
	uint64_t rx_pdus, tx_pdus, rx_markers, tx_markers, rx_bad;
};

struct lacp {
	struct lacp_config cfg;
	uint64_t now;
	struct lacp_info partner; /* system and key of the group; system_priority too */
	struct port port[LACP_PORTS];
};

static bool passed(const struct lacp *l, uint64_t when)
{
	return when && l->now >= when;
}

static uint64_t in(const struct lacp *l, uint64_t ms)
{
	return l->now + ms;
}

static void set_bit(struct lacp_info *i, enum lacp_state_bit bit, bool on)
{
	i->state = (uint8_t)(on ? i->state | bit : i->state & ~(unsigned)bit);
}

static bool has(const struct lacp_info *i, enum lacp_state_bit bit)
{
	return i->state & bit;
}

static bool same_system(const struct lacp_info *a, const struct lacp_info *b)
{
	return a->system_priority == b->system_priority && a->key == b->key &&
	       !memcmp(a->system, b->system, sizeof(a->system));
}

static bool same_port(const struct lacp_info *a, const struct lacp_info *b)
{
	return same_system(a, b) && a->port == b->port && a->port_priority == b->port_priority;
}

/* ---- wire ------------------------------------------------------------------------------- */

static void put_tlv(struct lacp_tlv *t, uint8_t type, const struct lacp_info *i)
{
	t->type = type;
	t->len = sizeof(*t);
	t->system_priority = be16_of(i->system_priority);
	memcpy(t->system, i->system, sizeof(t->system));
	t->key = be16_of(i->key);
	t->port_priority = be16_of(i->port_priority);
	t->port = be16_of(i->port);
	t->state = i->state;
}

static struct lacp_info get_tlv(const struct lacp_tlv *t)
{
	struct lacp_info i = {
		.system_priority = be16_get(t->system_priority),
		.key = be16_get(t->key),
		.port_priority = be16_get(t->port_priority),
		.port = be16_get(t->port),
		.state = t->state,
	};

	memcpy(i.system, t->system, sizeof(i.system));
	return i;
}

static void put_head(struct slow_head *h, const struct port *p, uint8_t subtype)
{
	static const uint8_t slow_protocols[6] = {0x01, 0x80, 0xC2, 0x00, 0x00, 0x02};

	memcpy(h->dst, slow_protocols, sizeof(h->dst));
	memcpy(h->src, p->mac, sizeof(h->src));
	h->ethertype = be16_of(SLOW_ETHERTYPE);
	h->subtype = subtype;
	h->version = 1;
}

static void send_frame(struct lacp *l, const struct port *p, const void *pdu)
{
	uint8_t frame[LACP_FRAME_BYTES];

	memcpy(frame, pdu, sizeof(frame));
	l->cfg.send(l->cfg.ctx, (unsigned)(p - l->port), frame);
}

static void send_pdu(struct lacp *l, struct port *p)
{
	struct lacp_pdu pdu = {.collector_type = 3, .collector_len = 16};

	put_head(&pdu.h, p, SLOW_SUBTYPE_LACP);
	put_tlv(&pdu.actor, 1, &p->actor);
	put_tlv(&pdu.partner, 2, &p->partner);
	send_frame(l, p, &pdu);
	p->tx_pdus++;
}

/* ---- receive machine (5.4.12) ------------------------------------------------------------ */

static void unselect(struct port *p)
{
	p->selected = false;
}

/*
 * What is assumed of a partner that says nothing: nobody; and that it wants to hear from us as
 * often as we from it, so that a link that works again is not found after half a minute.
 */
static void record_default(const struct lacp *l, struct port *p)
{
	if (!same_port(&p->partner, &(struct lacp_info){0}) || has(&p->partner, LACP_AGGREGATION))
		unselect(p);
	p->partner = (struct lacp_info){0};
	set_bit(&p->partner, LACP_TIMEOUT, l->cfg.fast);
	set_bit(&p->actor, LACP_DEFAULTED, true);
}

static void rx_expired(struct lacp *l, struct port *p)
{
	p->rx = LACP_RX_EXPIRED;
	set_bit(&p->partner, LACP_SYNC, false);
	set_bit(&p->partner, LACP_TIMEOUT, true); /* speak fast until it answers */
	set_bit(&p->actor, LACP_EXPIRED, true);
	p->current_until = in(l, SHORT_TIMEOUT_MS);
}

static bool rx_step(struct lacp *l, struct port *p)
{
	if (!p->link && p->rx != LACP_RX_DISABLED) {
		p->rx = LACP_RX_DISABLED;
		set_bit(&p->partner, LACP_SYNC, false);
		set_bit(&p->actor, LACP_EXPIRED, false);
		p->current_until = 0;
		return true;
	}
	if (p->link && p->rx == LACP_RX_DISABLED) {
		rx_expired(l, p);
		return true;
	}
	if (!passed(l, p->current_until))
		return false;
	p->current_until = 0;
	if (p->rx == LACP_RX_CURRENT) {
		rx_expired(l, p);
	} else {
		p->rx = LACP_RX_DEFAULTED;
		record_default(l, p);
		set_bit(&p->actor, LACP_EXPIRED, false);
	}
	return true;
}

/*
 * Does the partner describe us as we are? Its view of an earlier key or of another port is none of
 * us, and its claim to be in sync then is not about this group.
 */
static bool knows_us(const struct port *p, const struct lacp_info *us)
{
	return same_port(us, &p->actor) &&
	       has(us, LACP_AGGREGATION) == has(&p->actor, LACP_AGGREGATION);
}

static void record_pdu(struct port *p, const struct lacp_info *them, const struct lacp_info *us)
{
	const uint8_t seen = LACP_ACTIVITY | LACP_TIMEOUT | LACP_SYNC | LACP_AGGREGATION;
	bool lively = has(them, LACP_ACTIVITY) ||
		      (has(us, LACP_ACTIVITY) && has(&p->actor, LACP_ACTIVITY));
	bool in_sync =
		lively && has(them, LACP_SYNC) && (knows_us(p, us) || !has(them, LACP_AGGREGATION));

	if (!same_port(&p->partner, them) ||
	    has(&p->partner, LACP_AGGREGATION) != has(them, LACP_AGGREGATION))
		unselect(p);
	if (!same_port(us, &p->actor) || (us->state & seen) != (p->actor.state & seen))
		p->ntt = true;
	p->partner = *them;
	set_bit(&p->partner, LACP_SYNC, in_sync);
	set_bit(&p->actor, LACP_DEFAULTED, false);
	set_bit(&p->actor, LACP_EXPIRED, false);
}

static bool input_pdu(struct lacp *l, struct port *p, const struct lacp_pdu *pdu)
{
	struct lacp_info them = get_tlv(&pdu->actor), us = get_tlv(&pdu->partner);

	if (pdu->actor.type != 1 || pdu->actor.len != sizeof(pdu->actor) ||
	    pdu->partner.type != 2 || pdu->partner.len != sizeof(pdu->partner))
		return false;
	p->rx_pdus++;
	record_pdu(p, &them, &us);
	p->rx = LACP_RX_CURRENT;
	p->current_until = in(l, l->cfg.fast ? SHORT_TIMEOUT_MS : LONG_TIMEOUT_MS);
	return true;
}

/* ---- marker (5.5) ----------------------------------------------------------------------- */

static void answer_marker(struct lacp *l, struct port *p, const struct marker_pdu *m)
{
	struct marker_pdu answer = *m;

	if (l->now - p->marks_from >= 1000) {
		p->marks_from = l->now;
		p->n_marks = 0;
	}
	if (p->n_marks++ >= MARKS_PER_SECOND)
		return;
	put_head(&answer.h, p, SLOW_SUBTYPE_MARKER);
	answer.type = MARKER_RESPONSE;
	send_frame(l, p, &answer);
	p->tx_markers++;
}

static bool input_marker(struct lacp *l, struct port *p, const struct marker_pdu *m)
{
	if (m->len != 16)
		return false;
	if (m->type == MARKER_INFORMATION) {
		p->rx_markers++;
		answer_marker(l, p, m);
		return true;
	}
	if (m->type != MARKER_RESPONSE)
		return false;
	p->rx_markers++;
	if (be16_get(m->port) == p->actor.port &&
	    !memcmp(m->system, p->actor.system, sizeof(m->system)) && l->cfg.marked)
		l->cfg.marked(l->cfg.ctx, (unsigned)(p - l->port), be32_get(m->transaction));
	return true;
}

void lacp_mark(struct lacp *l, unsigned port, uint32_t transaction)
{
	struct port *p = &l->port[port];
	struct marker_pdu m = {.type = MARKER_INFORMATION, .len = 16};

	put_head(&m.h, p, SLOW_SUBTYPE_MARKER);
	m.port = be16_of(p->actor.port);
	memcpy(m.system, p->actor.system, sizeof(m.system));
	m.transaction = be32_of(transaction);
	send_frame(l, p, &m);
	p->tx_markers++;
}

/* ---- selection (5.4.14) ----------------------------------------------------------------- */

/* Everything but what the others decide: which partner, how many. */
static enum lacp_why judge(const struct lacp *l, const struct port *p)
{
	static const uint8_t nobody[6];

	if (!p->link)
		return LACP_WHY_NO_LINK;
	/* EXPIRED: it was selected and may be again; the mux has stopped it meanwhile. */
	if (p->rx == LACP_RX_DEFAULTED || !memcmp(p->partner.system, nobody, sizeof(nobody)))
		return LACP_WHY_NO_PARTNER;
	if (!memcmp(p->partner.system, l->cfg.system, sizeof(l->cfg.system)))
		return LACP_WHY_LOOPBACK;
	if (!has(&p->partner, LACP_AGGREGATION))
		return LACP_WHY_INDIVIDUAL;
	for (const struct port *o = l->port; o < p; o++)
		if (o->used && o->link && o->rx != LACP_RX_DEFAULTED &&
		    same_port(&o->partner, &p->partner))
			return LACP_WHY_SAME_PORT;
	return LACP_WHY_SELECTED;
}

static unsigned count_with(const struct lacp *l, const struct lacp_info *partner)
{
	unsigned n = 0;

	for (const struct port *p = l->port; p < l->port + LACP_PORTS; p++)
		n += p->used && p->why == LACP_WHY_SELECTED && same_system(&p->partner, partner);
	return n;
}

/* The partner most ports hear; at a tie the present one, then that of the first port. */
static unsigned choose(struct lacp *l)
{
	unsigned most = count_with(l, &l->partner);

	for (const struct port *p = l->port; p < l->port + LACP_PORTS; p++) {
		unsigned n;

		if (!p->used || p->why != LACP_WHY_SELECTED)
			continue;
		n = count_with(l, &p->partner);
		if (n > most) {
			most = n;
			l->partner = p->partner;
		}
	}
	return most;
}

/* A port that was unselected becomes DETACHED before it is selected again. */
static bool select_step(struct lacp *l)
{
	bool changed = false;
	unsigned n;

	for (struct port *p = l->port; p < l->port + LACP_PORTS; p++)
		if (p->used)
			p->why = judge(l, p);
	n = choose(l);
	for (struct port *p = l->port; p < l->port + LACP_PORTS; p++) {
		bool was = p->selected;

		if (!p->used)
			continue;
		if (p->why == LACP_WHY_SELECTED && !same_system(&p->partner, &l->partner))
			p->why = LACP_WHY_OTHER_PARTNER;
		if (p->why == LACP_WHY_SELECTED && n < l->cfg.min_links)
			p->why = LACP_WHY_TOO_FEW;
		if (p->why != LACP_WHY_SELECTED)
			p->selected = false;
		else if (p->mux == LACP_MUX_DETACHED && !p->selected)
			p->selected = true;
		changed |= p->selected != was;
	}
	return changed;
}

/* ---- mux (5.4.15) ----------------------------------------------------------------------- */

static void mux_enter(struct lacp *l, struct port *p, enum lacp_mux to)
{
	p->mux = to;
	set_bit(&p->actor, LACP_SYNC, to >= LACP_MUX_ATTACHED);
	set_bit(&p->actor, LACP_COLLECTING, to >= LACP_MUX_COLLECTING);
	set_bit(&p->actor, LACP_DISTRIBUTING, to >= LACP_MUX_DISTRIBUTING);
	p->wait_until = to == LACP_MUX_WAITING ? in(l, WAIT_MS) : 0;
	if (to != LACP_MUX_WAITING)
		p->ntt = true;
}

/* All that wait have waited long enough: they join together. */
static bool all_ready(const struct lacp *l)
{
	for (const struct port *p = l->port; p < l->port + LACP_PORTS; p++)
		if (p->used && p->mux == LACP_MUX_WAITING && p->selected &&
		    !passed(l, p->wait_until))
			return false;
	return true;
}

static enum lacp_mux mux_next(const struct lacp *l, const struct port *p, bool ready)
{
	bool sync = p->selected && has(&p->partner, LACP_SYNC);

	(void)l;
	switch (p->mux) {
	case LACP_MUX_DETACHED:
		return p->selected ? LACP_MUX_WAITING : p->mux;
	case LACP_MUX_WAITING:
		if (!p->selected)
			return LACP_MUX_DETACHED;
		return ready ? LACP_MUX_ATTACHED : p->mux;
	case LACP_MUX_ATTACHED:
		if (!p->selected)
			return LACP_MUX_DETACHED;
		return sync ? LACP_MUX_COLLECTING : p->mux;
	case LACP_MUX_COLLECTING:
		if (!sync)
			return LACP_MUX_ATTACHED;
		return has(&p->partner, LACP_COLLECTING) ? LACP_MUX_DISTRIBUTING : p->mux;
	case LACP_MUX_DISTRIBUTING:
		return sync && has(&p->partner, LACP_COLLECTING) ? p->mux : LACP_MUX_COLLECTING;
	}
	return p->mux;
}

static bool mux_step(struct lacp *l)
{
	bool ready = all_ready(l), changed = false;

	for (struct port *p = l->port; p < l->port + LACP_PORTS; p++) {
		enum lacp_mux to;

		if (!p->used)
			continue;
		to = mux_next(l, p, ready);
		if (to != p->mux) {
			mux_enter(l, p, to);
			changed = true;
		}
	}
	return changed;
}

/* ---- churn (5.4.17) --------------------------------------------------------------------- */

static void churn_step(const struct lacp *l, enum lacp_churn *state, uint64_t *until, bool link,
		       bool sync)
{
	if (!link || sync) {
		*state = link ? LACP_CHURN_NONE : LACP_CHURN_MONITOR;
		*until = 0;
	} else if (*state == LACP_CHURN_NONE || (*state == LACP_CHURN_MONITOR && !*until)) {
		*state = LACP_CHURN_MONITOR;
		*until = in(l, CHURN_MS);
	} else if (passed(l, *until)) {
		*state = LACP_CHURN;
		*until = 0;
	}
}

/* ---- periodic and transmit (5.4.13, 5.4.16) ----------------------------------------------- */

static bool speaks(const struct port *p)
{
	return p->link && (has(&p->actor, LACP_ACTIVITY) || has(&p->partner, LACP_ACTIVITY));
}

static void periodic_step(const struct lacp *l, struct port *p)
{
	uint64_t period = has(&p->partner, LACP_TIMEOUT) ? FAST_MS : SLOW_MS;

	if (!speaks(p)) {
		p->periodic_at = 0;
		p->ntt = false;
		return;
	}
	/* Also at once when the period went from slow to fast. */
	if (p->periodic_at && (p->periodic_at > in(l, period) || passed(l, p->periodic_at))) {
		p->ntt = true;
		p->periodic_at = in(l, period);
	} else if (!p->periodic_at) {
		p->periodic_at = in(l, period);
	}
}

/* When the next LACPDU may leave; now or earlier: at once. */
static uint64_t tx_from(const struct port *p)
{
	uint64_t oldest = p->sent_ms[p->n_sent % TX_PER_SECOND];

	return p->n_sent < TX_PER_SECOND ? 0 : oldest + FAST_MS;
}

static void tx_step(struct lacp *l, struct port *p)
{
	if (!p->ntt || !speaks(p) || tx_from(p) > l->now)
		return;
	p->sent_ms[p->n_sent++ % TX_PER_SECOND] = l->now;
	/* Keep counting, never wrap to "few". */
	if (p->n_sent == 3 * TX_PER_SECOND)
		p->n_sent = TX_PER_SECOND;
	p->ntt = false;
	send_pdu(l, p);
}

/* ---- all together ----------------------------------------------------------------------- */

static void run(struct lacp *l)
{
	bool again = true;

	/* A few rounds settle it; bounded all the same. */
	for (unsigned k = 0; again && k < 64; k++) {
		again = false;
		for (struct port *p = l->port; p < l->port + LACP_PORTS; p++)
			if (p->used)
				again |= rx_step(l, p);
		again |= mux_step(l);
		again |= select_step(l);
	}
	for (struct port *p = l->port; p < l->port + LACP_PORTS; p++) {
		if (!p->used)
			continue;
		churn_step(l, &p->actor_churn, &p->actor_churn_until, p->link,
			   has(&p->actor, LACP_SYNC));
		churn_step(l, &p->partner_churn, &p->partner_churn_until, p->link,
			   has(&p->partner, LACP_SYNC));
		periodic_step(l, p);
		tx_step(l, p);
	}
}

static void sooner(uint64_t *at, uint64_t when)
{
	if (when && when < *at)
		*at = when;
}

static uint64_t next_due(const struct lacp *l)
{
	uint64_t at = LACP_NEVER;

	for (const struct port *p = l->port; p < l->port + LACP_PORTS; p++) {
		if (!p->used)
			continue;
		sooner(&at, p->current_until);
		sooner(&at, p->periodic_at);
		/* One that is ready waits for the others' time. */
		if (!passed(l, p->wait_until))
			sooner(&at, p->wait_until);
		sooner(&at, p->actor_churn_until);
		sooner(&at, p->partner_churn_until);
		if (p->ntt && speaks(p))
			sooner(&at, tx_from(p));
	}
	return at;
}

uint64_t lacp_run(struct lacp *l, uint64_t now_ms)
{
	l->now = now_ms;
	run(l);
	return next_due(l);
}

bool lacp_input(struct lacp *l, unsigned port, const uint8_t *frame, size_t len, uint64_t now_ms)
{
	struct port *p = &l->port[port];
	union {
		struct slow_head h;
		struct lacp_pdu lacp;
		struct marker_pdu marker;
	} u;
	bool good = false;

	if (!p->used || !p->link)
		return false;
	l->now = now_ms;
	if (len >= sizeof(u)) {
		memcpy(&u, frame, sizeof(u));
		if (be16_get(u.h.ethertype) == SLOW_ETHERTYPE && !(u.h.src[0] & 1)) {
			if (u.h.subtype == SLOW_SUBTYPE_LACP)
				good = input_pdu(l, p, &u.lacp);
			else if (u.h.subtype == SLOW_SUBTYPE_MARKER)
				good = input_marker(l, p, &u.marker);
		}
	}
	p->rx_bad += !good;
	run(l);
	return good;
}

/* ---- ports ------------------------------------------------------------------------------ */

static void set_actor(struct lacp *l, struct port *p)
{
	memcpy(p->actor.system, l->cfg.system, sizeof(p->actor.system));
	p->actor.system_priority = l->cfg.system_priority;
	p->actor.key = l->cfg.key;
	p->actor.port_priority = 0x8000;
	p->actor.port = (uint16_t)(p - l->port + 1);
	set_bit(&p->actor, LACP_AGGREGATION, true);
	set_bit(&p->actor, LACP_ACTIVITY, l->cfg.active);
	set_bit(&p->actor, LACP_TIMEOUT, l->cfg.fast);
}

struct lacp *lacp_create(const struct lacp_config *cfg)
{
	struct lacp *l = calloc(1, sizeof(*l));

	if (l)
		l->cfg = *cfg;
	return l;
}

void lacp_destroy(struct lacp *l)
{
	free(l);
}

void lacp_configure(struct lacp *l, const struct lacp_config *cfg, uint64_t now_ms)
{
	bool other = cfg->key != l->cfg.key || cfg->system_priority != l->cfg.system_priority ||
		     memcmp(cfg->system, l->cfg.system, sizeof(cfg->system)) != 0;

	l->now = now_ms;
	l->cfg = *cfg;
	for (struct port *p = l->port; p < l->port + LACP_PORTS; p++) {
		if (!p->used)
			continue;
		set_actor(l, p);
		if (other)
			unselect(p);
		if (p->rx == LACP_RX_CURRENT && cfg->fast &&
		    p->current_until > in(l, SHORT_TIMEOUT_MS))
			p->current_until = in(l, SHORT_TIMEOUT_MS);
		p->ntt = true;
	}
	run(l);
}

void lacp_port_add(struct lacp *l, unsigned port, const uint8_t mac[6], uint64_t now_ms)
{
	struct port *p = &l->port[port];

	l->now = now_ms;
	*p = (struct port){.used = true, .why = LACP_WHY_NO_LINK};
	memcpy(p->mac, mac, sizeof(p->mac));
	set_actor(l, p);
	set_bit(&p->actor, LACP_DEFAULTED, true);
	run(l);
}

void lacp_port_del(struct lacp *l, unsigned port, uint64_t now_ms)
{
	struct port *p = &l->port[port];

	if (!p->used)
		return;
	l->now = now_ms;
	/* The partner is told: it need not wait for the timeout. */
	if (p->link && p->mux != LACP_MUX_DETACHED) {
		unselect(p);
		mux_enter(l, p, LACP_MUX_DETACHED);
		set_bit(&p->actor, LACP_AGGREGATION, false);
		send_pdu(l, p);
	}
	*p = (struct port){0};
	run(l);
}

void lacp_port_link(struct lacp *l, unsigned port, bool up, uint64_t now_ms)
{
	struct port *p = &l->port[port];

	if (!p->used || p->link == up)
		return;
	l->now = now_ms;
	p->link = up;
	run(l);
}

bool lacp_port_collecting(const struct lacp *l, unsigned port)
{
	return l->port[port].used && l->port[port].mux >= LACP_MUX_COLLECTING;
}

bool lacp_port_distributing(const struct lacp *l, unsigned port)
{
	return l->port[port].used && l->port[port].mux >= LACP_MUX_DISTRIBUTING;
}

void lacp_port_status(const struct lacp *l, unsigned port, struct lacp_port_status *out)
{
	const struct port *p = &l->port[port];

	*out = (struct lacp_port_status){
		.actor = p->actor,
		.partner = p->partner,
		.rx = p->rx,
		.mux = p->mux,
		.why = p->why,
		.actor_churn = p->actor_churn,
		.partner_churn = p->partner_churn,
		.rx_pdus = p->rx_pdus,
		.tx_pdus = p->tx_pdus,
		.rx_markers = p->rx_markers,
		.tx_markers = p->tx_markers,
		.rx_bad = p->rx_bad,
	};
}

/* ---- names ------------------------------------------------------------------------------ */

const char *lacp_rx_name(enum lacp_rx s)
{
	static const char *const name[] = {"Port disabled", "Expired", "Defaulted", "Current"};

	return name[s];
}

const char *lacp_mux_name(enum lacp_mux s)
{
	static const char *const name[] = {"Detached", "Waiting", "Attached", "Collecting",
					   "Distributing"};

	return name[s];
}

const char *lacp_churn_name(enum lacp_churn s)
{
	static const char *const name[] = {"None", "Monitor", "Churned"};

	return name[s];
}

const char *lacp_why_name(enum lacp_why w)
{
	static const char *const name[] = {
#define X(id, n, t) n,
		LACP_WHY_LIST(X)
#undef X
	};

	return name[w];
}

const char *lacp_why_text(enum lacp_why w)
{
	static const char *const text[] = {
#define X(id, n, t) t,
		LACP_WHY_LIST(X)
#undef X
	};

	return text[w];
}
