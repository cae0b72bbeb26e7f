/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Delivery: units to input buffers, one copy, and the sender's buffers given back with what came
 * of them. Source: spec/qdio.md 10.2, 10.3, 5.3; spec/osa-qeth.md 7.7, 7.8.
 *
 * Runs: consecutive units for one receiver are filled under one hold of its in_lock and published
 * together, with one signal; everything is published before the sender's buffers are given
 * back, so before its signal ends.
 */
#include "hipersockets/hs_priv.h"

#include <string.h>

#include "common/be.h"
#include "common/copy.h"
#include "common/prefetch.h"

#define ETHER_BYTES 14u
#define AHEAD 8u /* buffers whose lists are asked for before they are looked at */

/* ---- for those who watch ------------------------------------------------------------------ */

void hs_drop(const struct hs_flow *f, struct hs_adapter *h, enum vs_direct_dir dir,
	     enum vs_drop why, const struct hs_unit *u)
{
	const struct vs_tally t = {.dir = dir, .why = why, .frames = u && u->n ? u->n : 1};

	if (f->d && h->link.ops)
		f->d->ops->count(f->d, h->link.ctx, &t);
}

/* Layer 3 has no Ethernet header: the one its host fabricates. Return: its bytes. */
static uint32_t fabricate(uint8_t *eth, const struct hs_frame *x, const struct hs_unit *u,
			  const struct hs_adapter *to)
{
	struct osa_l3_hdr hdr;

	memcpy(&hdr, x->hdr, sizeof(hdr));
	if (u->to.cast == HS_UNICAST)
		memcpy(eth, to ? to->mac : u->to.key + 10, 6);
	else
		memcpy(eth, u->to.key, 6);
	memcpy(eth + 6, hdr.in.src_mac, 6);
	be16_store(eth + 12, hdr.flags & OSA_L3_IPV6 ? 0x86DD : 0x0800);
	return ETHER_BYTES;
}

static __attribute__((noinline)) void capture(const struct hs_flow *f, struct hs_adapter *h,
					      enum vs_direct_dir dir, enum vs_drop why,
					      const struct hs_unit *u, const struct hs_adapter *to)
{
	if (!h->link.ops)
		return;
	for (unsigned i = 0; i < u->n; i++) {
		const struct hs_frame *x = &u->frame[i];
		struct vs_seg seg[QDIO_SBAL_ENTRIES + 1];
		uint8_t eth[ETHER_BYTES];

		if (u->to.layer == 3)
			seg[0] = (struct vs_seg){eth, fabricate(eth, x, u, to)};
		else
			seg[0] = (struct vs_seg){x->head, x->headlen};
		for (unsigned k = 0; k < x->pieces; k++)
			seg[1 + k] = (struct vs_seg){u->piece[x->piece0 + k].p,
						     u->piece[x->piece0 + k].len};
		f->d->ops->capture(f->d, h->link.ctx, dir, why, u->to.vid, seg, 1u + x->pieces);
	}
}

static inline bool captured(const struct hs_flow *f)
{
	return f->d && __builtin_expect(f->d->captured, 0);
}

/* ---- runs ----------------------------------------------------------------------------------- */

/*
 * in_lock keeps other deliverers away, so nothing is leased, and a unit that does not fit leaves
 * its buffer as it was. @bad: the buffer behind what was filled is not valid: it goes back as an
 * error.
 */
static void publish(struct hs_flow *f, bool bad)
{
	unsigned n = f->filled + bad;

	if (!n)
		return;
	f->signal |= qdio_in_publish_alone(hs_input(f->to), n, bad) || bad;
	hs_count(&f->to->rx_buffers, f->filled);
	f->filled = 0;
}

void hs_flow_end(struct hs_flow *f)
{
	struct hs_adapter *to = f->to;
	const struct vs_tally t = {.dir = VS_DIRECT_TX,
				   .why = VS_DROP_NONE,
				   .frames = f->frames,
				   .bytes = f->bytes,
				   .mcast = f->mcast};

	if (!to)
		return;
	publish(f, false);
	pthread_mutex_unlock(&to->in_lock);
	f->to = NULL;
	if (f->signal) {
		hs_count(&to->rx_signals, 1);
		qdio_group_signal(osa_group(to->osa));
	}
	f->signal = false;
	if (f->d && to->link.ops && f->frames)
		f->d->ops->count(f->d, to->link.ctx, &t);
	f->frames = f->bytes = f->mcast = 0;
}

static void run_to(struct hs_flow *f, struct hs_adapter *to)
{
	if (f->to == to)
		return;
	hs_flow_end(f);
	pthread_mutex_lock(&to->in_lock);
	f->to = to;
	if (to->queues)
		f->first = hs_input(to)->cursor;
}

/* ---- filling an input buffer ------------------------------------------------------------------
 */

/* The buffer being filled: entries read once, lengths written when all has found room. */
struct filling {
	const struct qdio_queue *q;
	unsigned buffer; /* its number */
	unsigned at;	 /* entry */
	uint32_t off;
	struct qdio_entry e;
	uint32_t len[QDIO_SBAL_ENTRIES];
};

static enum vs_drop next_entry(struct filling *b)
{
	if (b->at + 1 >= QDIO_SBAL_ENTRIES || b->e.eflags & QDIO_EFLAG_LAST)
		return VS_DROP_TX_TOO_BIG;
	b->len[b->at++] = b->off;
	b->off = 0;
	b->e = qdio_entry_get(b->q, b->buffer, b->at, QDIO_STORE);
	return b->e.data ? VS_DROP_NONE : VS_DROP_TX_BAD_BUFFER;
}

/* Entries that lie back to back, as pages of one area do, are filled as one. */
static enum vs_drop put_bytes(struct filling *b, const uint8_t *p, uint32_t len)
{
	uint8_t *to = b->e.data + b->off;
	uint32_t room = b->e.len - b->off;

	while (room < len) {
		const uint8_t *end = b->e.data + b->e.len;
		enum vs_drop why;

		b->off = b->e.len;
		why = next_entry(b);
		if (why != VS_DROP_NONE)
			return why;
		if (b->e.data != end) {
			copy_bytes(to, p, room);
			p += room;
			len -= room;
			to = b->e.data;
			room = 0;
		}
		room += b->e.len;
	}
	if (len == HS_HEAD_BYTES) /* most often: no call */
		memcpy(to, p, HS_HEAD_BYTES);
	else
		copy_bytes(to, p, len);
	b->off = b->e.len - (room - len);
	return VS_DROP_NONE;
}

/* A header lies in one entry (7.7). */
static enum vs_drop put_frame(struct filling *b, const struct hs_unit *u, const struct hs_frame *x)
{
	enum vs_drop why = VS_DROP_NONE;

	while (why == VS_DROP_NONE && b->e.len - b->off < OSA_HDR_BYTES)
		why = b->off || b->e.len >= OSA_HDR_BYTES ? next_entry(b) : VS_DROP_TX_BAD_BUFFER;
	if (why != VS_DROP_NONE)
		return why;
	memcpy(b->e.data + b->off, x->hdr, OSA_HDR_BYTES);
	b->off += OSA_HDR_BYTES;
	why = put_bytes(b, x->head, x->headlen);
	for (unsigned k = 0; k < x->pieces && why == VS_DROP_NONE; k++)
		why = put_bytes(b, u->piece[x->piece0 + k].p, u->piece[x->piece0 + k].len);
	return why;
}

/* Copy a unit into an empty buffer; it is not published yet. */
static enum vs_drop fill(struct qdio_queue *q, unsigned buffer, const struct hs_unit *u)
{
	struct filling
		b; /* not all of it zero: that was a sixth of the time of a short frame here */
	struct qdio_sbale *to;
	enum vs_drop why = VS_DROP_NONE;

	b.q = q;
	b.buffer = buffer;
	b.at = 0;
	b.off = 0;
	b.e = qdio_entry_get(q, buffer, 0, QDIO_STORE);
	if (!b.e.data)
		return VS_DROP_TX_BAD_BUFFER;
	for (unsigned i = 0; i < u->n && why == VS_DROP_NONE; i++)
		why = put_frame(&b, u, &u->frame[i]);
	if (why != VS_DROP_NONE)
		return why;
	to = q->sbal[buffer % QDIO_BUFFERS]->e;
	for (unsigned k = 0; k < b.at; k++)
		qdio_sbale_put(&to[k], b.len[k], 0);
	qdio_sbale_put(&to[b.at], b.off, QDIO_EFLAG_LAST);
	return VS_DROP_NONE;
}

/* The buffer being filled is not valid. */
static void refuse_buffer(struct hs_flow *f)
{
	publish(f, true);
	f->first = hs_input(f->to)->cursor;
}

/* What the next buffers will need is the other side's: ask for it early. */
static void prefetch_input(const struct qdio_queue *q, unsigned at)
{
	const struct qdio_sbal *sbal = q->sbal[(at + AHEAD) % QDIO_BUFFERS];
	const uint8_t *data = qdio_entry_get(q, at + AHEAD / 2, 0, QDIO_STORE).data;

	if (sbal)
		prefetch_write(sbal);
	if (!data)
		return;
	prefetch_write(data);
	prefetch_write(data + 64);
}

static enum vs_drop fill_next(struct hs_flow *f, const struct hs_unit *u)
{
	struct qdio_queue *q = hs_input(f->to);
	enum vs_drop why;

	prefetch_input(q, f->first + f->filled);
	if (!qdio_in_empty(q, f->filled))
		return VS_DROP_TX_NO_BUFFER;
	why = fill(q, f->first + f->filled, u);
	if (why == VS_DROP_TX_BAD_BUFFER)
		refuse_buffer(f);
	if (why == VS_DROP_NONE)
		f->filled++;
	return why;
}

static __attribute__((noinline)) enum vs_drop send_away(struct hs_adapter *to,
							const struct hs_unit *u)
{
	enum vs_drop why = hs_far_send(&to->far, u);

	if (why == VS_DROP_NONE)
		hs_count(&to->rx_buffers, 1);
	return why;
}

enum vs_drop hs_give(struct hs_flow *f, struct hs_adapter *to, const struct hs_unit *u)
{
	enum vs_drop why;

	run_to(f, to);
	why = __builtin_expect(to->queues != NULL, 1) ? fill_next(f, u) : send_away(to, u);
	if (why != VS_DROP_NONE)
		return why;
	f->frames += u->n;
	f->bytes += u->bytes - u->n * OSA_HDR_BYTES;
	f->mcast += u->to.cast == HS_UNICAST ? 0 : u->n;
	if (captured(f))
		capture(f, to, VS_DIRECT_TX, VS_DROP_NONE, u, to);
	return VS_DROP_NONE;
}

/* ---- who gets it -------------------------------------------------------------------------------
 */

static bool in_vlan(const struct hs_adapter *h, uint16_t vid)
{
	return !vid || h->layer == 3 || !h->vid_any || h->vids.w[vid / 64] >> (vid % 64) & 1;
}

/* What came first is served first. */
static enum vs_drop offer(struct hs_flow *f, struct hs_adapter *to, const struct hs_unit *u)
{
	if (atomic_load_explicit(&to->n_for_us, memory_order_relaxed))
		return VS_DROP_TX_NO_BUFFER;
	return hs_give(f, to, u);
}

/* A connector takes what no adapter of the LAN has: 8.5. */
static struct hs_adapter *connector(const struct hs_flow *f, const struct hs_dest *to)
{
	static const uint8_t v4[12] = {[10] = 0xFF, [11] = 0xFF};
	bool v6 = memcmp(to->key, v4, sizeof(v4)) != 0;
	struct hs_adapter *h, *secondary = NULL;

	if (to->layer != 3)
		return NULL;
	LIST_FOREACH(h, &f->lan->members, member)
	{
		uint8_t type = v6 ? h->routing6 : h->routing4;

		if (h == f->from || h->layer != 3)
			continue;
		if (type == OSA_ROUTING_PRIMARY_CONNECTOR)
			return h;
		if (type == OSA_ROUTING_SECONDARY_CONNECTOR)
			secondary = h;
	}
	return secondary;
}

static struct hs_adapter *receiver(const struct hs_flow *f, const struct hs_unit *u,
				   enum vs_drop *why)
{
	enum hs_kind kind = u->to.layer == 3 ? HS_KIND_IP : HS_KIND_MAC;
	struct hs_adapter *to = hs_lan_owner(f->lan, kind, u->to.layer, u->to.key);

	*why = VS_DROP_UNKNOWN_UNICAST;
	if (u->to.layer == 2 && (!to || to->vnicc.enabled & OSA_CHAR_TAKEOVER_LEARNING)) {
		struct hs_adapter *learner = hs_learned_owner(f->lan, u->to.key);

		to = learner ? learner : to;
	}
	if (!to)
		to = connector(f, &u->to);
	if (!to)
		return NULL;
	if (to == f->from)
		*why = VS_DROP_HAIRPIN;
	else if (hs_apart(to, f->from))
		*why = VS_DROP_ISOLATED;
	else if (!in_vlan(to, u->to.vid))
		*why = VS_DROP_VLAN_DENIED;
	else
		*why = VS_DROP_NONE;
	return *why == VS_DROP_NONE ? to : NULL;
}

static bool wants_group(const struct hs_adapter *h, const struct hs_dest *to)
{
	if (h->bridge_port)
		return true;
	if (to->cast == HS_UNICAST)
		return h->vnicc.enabled & OSA_CHAR_FLOODING;
	if (to->cast == HS_BROADCAST)
		return h->broadcast;
	if (to->layer == 2 && h->vnicc.enabled & OSA_CHAR_MCAST_FLOODING)
		return true;
	if (h->routing4 == OSA_ROUTING_MULTICAST || h->routing6 == OSA_ROUTING_MULTICAST)
		return true;
	return hs_lan_has(h->lan, h, HS_KIND_GROUP, to->key);
}

/* Is h one of those who get a unit that goes to all who want its like? */
static bool takes(const struct hs_flow *f, const struct hs_adapter *h, const struct hs_unit *u)
{
	return h != f->from && h->layer == u->to.layer && in_vlan(h, u->to.vid) &&
	       wants_group(h, &u->to) && !hs_apart(h, f->from);
}

/*
 * To all who want it: a group, a broadcast, a unicast frame that nobody has the address of. Who has
 * no empty buffer misses it; nobody is told (10.3).
 * Return: how many wanted it.
 */
static unsigned give_all(struct hs_flow *f, const struct hs_unit *u)
{
	struct hs_adapter *h;
	unsigned n = 0;
	enum vs_drop why;

	LIST_FOREACH(h, &f->lan->members, member)
	{
		if (!takes(f, h, u))
			continue;
		n++;
		why = offer(f, h, u);
		if (why != VS_DROP_NONE)
			hs_drop(f, h, VS_DIRECT_TX, why, u);
	}
	f->spread = n;
	return n;
}

/* What a host of layer 2 cannot take is not shown to it; a trace is of all VLANs. */
static bool sees(const struct hs_adapter *h, const struct hs_unit *u)
{
	return h->layer == 3 || (u->to.layer == 2 && in_vlan(h, u->to.vid));
}

/* Copies for those who watch, and did not get it as everybody. @to: who was meant, or NULL. */
static __attribute__((noinline)) void show(struct hs_flow *f, const struct hs_unit *u,
					   const struct hs_adapter *to)
{
	struct hs_adapter *h;
	enum vs_drop why;

	LIST_FOREACH(h, &f->lan->members, member)
	{
		if (!h->watching || h == f->from || h == to || !sees(h, u) ||
		    (f->spread && takes(f, h, u)))
			continue;
		why = offer(f, h, u);
		if (why != VS_DROP_NONE)
			hs_drop(f, h, VS_DIRECT_TX, why, u);
	}
}

/* ---- one unit ----------------------------------------------------------------------------------
 */

struct qdio_result hs_result(enum vs_drop why, uint8_t entry)
{
	switch (why) {
	case VS_DROP_NONE:
		return (struct qdio_result){QDIO_OUT_EMPTY, 0, 0};
	case VS_DROP_TX_NO_BUFFER:
	case VS_DROP_TX_BAD_BUFFER: /* the receiver's */
		return (struct qdio_result){QDIO_OUT_ERROR, 0, QDIO_REASON_TARGET_FULL};
	case VS_DROP_TX_TOO_BIG:
		return (struct qdio_result){QDIO_OUT_ERROR, 0, QDIO_REASON_TOO_BIG};
	case VS_DROP_UNKNOWN_UNICAST:
	case VS_DROP_HAIRPIN:
	case VS_DROP_VLAN_DENIED:
	case VS_DROP_ISOLATED:
		return (struct qdio_result){QDIO_OUT_ERROR, 0, QDIO_REASON_NO_TARGET};
	default:
		return (struct qdio_result){QDIO_OUT_ERROR, entry, QDIO_REASON_BAD_BUFFER};
	}
}

void hs_count_refused(struct hs_adapter *h, enum vs_drop why)
{
	if (why == VS_DROP_TX_NO_BUFFER || why == VS_DROP_TX_BAD_BUFFER)
		hs_count(&h->tx_full, 1);
	else if (why == VS_DROP_UNKNOWN_UNICAST || why == VS_DROP_HAIRPIN ||
		 why == VS_DROP_VLAN_DENIED || why == VS_DROP_ISOLATED)
		hs_count(&h->tx_unknown, 1);
	else
		hs_count(&h->tx_bad, 1);
}

static bool is_anothers(const struct hs_flow *f, const uint8_t mac[6])
{
	const struct hs_adapter *owner;
	uint8_t key[16];

	if (f->from && memcmp(mac, f->from->mac, 6) == 0)
		return false;
	hs_mac_key(key, mac);
	owner = hs_lan_owner(f->lan, HS_KIND_MAC, 2, key);
	if (!owner || owner == f->from)
		return false;
	return !(f->from && f->from->vnicc.enabled & OSA_CHAR_LEARNING &&
		 owner->vnicc.enabled & OSA_CHAR_TAKEOVER_LEARNING);
}

/* A source address that is another's, in any of the frames: nobody may speak for him. */
static bool spoofed(const struct hs_flow *f, const struct hs_unit *u)
{
	for (unsigned i = 0; u->to.layer == 2 && i < u->n; i++)
		if (is_anothers(f, u->frame[i].head + 6))
			return true;
	return false;
}

/* Trains for one destination are the rule: it is looked up once a turn. */
static struct hs_adapter *receiver_again(struct hs_flow *f, const struct hs_unit *u,
					 enum vs_drop *why)
{
	struct hs_adapter *to;

	if (f->last && hs_same_dest(&u->to, &f->last_to))
		return f->last;
	to = receiver(f, u, why);
	if (to) {
		f->last = to;
		f->last_to = u->to;
	}
	return to;
}

/* MAC protection, and another address in any of the frames. */
static bool disguised(const struct hs_adapter *h, const struct hs_unit *u)
{
	for (unsigned i = 0; u->to.layer == 2 && i < u->n; i++)
		if (memcmp(u->frame[i].head + 6, h->own, 6) != 0)
			return true;
	return false;
}

static enum vs_drop give(struct hs_flow *f, const struct hs_unit *u, struct hs_adapter **to)
{
	enum vs_drop why;

	if (__builtin_expect(u->raw, 0))
		return hs_cable_send(f, u);
	if (spoofed(f, u))
		return VS_DROP_SRC_SPOOFED;
	if (f->from && f->from->protect && disguised(f->from, u))
		return VS_DROP_SRC_PROTECTED;
	if (f->from && f->from->vnicc.enabled & OSA_CHAR_LEARNING && u->to.layer == 2)
		for (unsigned i = 0; i < u->n; i++)
			hs_learn(f->from, u->frame[i].head + 6);
	if (u->to.cast != HS_UNICAST) {
		give_all(f, u);
		hs_bridge_take(f, u);
		return VS_DROP_NONE;
	}
	*to = receiver_again(f, u, &why);
	if (*to)
		return offer(f, *to, u);
	if (why == VS_DROP_UNKNOWN_UNICAST && u->to.layer == 2) {
		bool flooded = f->lan->n_flooding && give_all(f, u);

		if (hs_bridge_take(f, u) || flooded)
			return VS_DROP_NONE;
	}
	return why;
}

enum vs_drop hs_arrive(struct hs_flow *f, const struct hs_unit *u)
{
	struct hs_adapter *to = NULL;
	enum vs_drop why;

	f->spread = false;
	why = give(f, u, &to);
	if (__builtin_expect(f->lan->n_watching != 0, 0))
		show(f, u, to);
	if (why == VS_DROP_NONE || !to)
		return why;
	hs_drop(f, to, VS_DIRECT_TX, why, u);
	if (captured(f))
		capture(f, to, VS_DIRECT_TX, why, u, to);
	return why;
}

static struct qdio_result deliver_unit(struct hs_flow *f, const struct hs_unit *u, uint64_t aob,
				       const struct qdio_sbal *sbal)
{
	struct hs_adapter *to = NULL;
	enum vs_drop why;

	if (captured(f))
		capture(f, f->from, VS_DIRECT_RX, VS_DROP_NONE, u, NULL);
	f->sent_frames += u->n;
	f->sent_bytes += u->bytes - u->n * OSA_HDR_BYTES;
	f->sent_mcast += u->to.cast == HS_UNICAST ? 0 : u->n;
	f->spread = false;
	why = give(f, u, &to);
	if (__builtin_expect(f->lan->n_watching != 0, 0))
		show(f, u, to);
	if (why == VS_DROP_NONE)
		return hs_result(why, 0);
	if (why == VS_DROP_TX_NO_BUFFER && aob) {
		hs_flow_end(f);
		if (hs_wait(f, to, u, aob, sbal)) {
			hs_count(&f->from->tx_pending, 1);
			return (struct qdio_result){QDIO_OUT_PENDING, 0, 0};
		}
	}
	hs_count_refused(f->from, why);
	hs_drop(f, to ? to : f->from, to ? VS_DIRECT_TX : VS_DIRECT_RX, why, u);
	if (captured(f))
		capture(f, to ? to : f->from, to ? VS_DIRECT_TX : VS_DIRECT_RX, why, u, to);
	return hs_result(why, 0);
}

/* The bytes are gone with the next unit: nothing of them is left for the bridge. */
uint8_t hs_deliver_far(struct hs_flow *f, const struct hs_unit *u, enum vs_drop why)
{
	struct hs_adapter *h = f->from;

	hs_count(&h->tx_buffers, 1);
	why = why == VS_DROP_NONE && h->trace ? VS_DROP_ISOLATED : why;
	if (why == VS_DROP_NONE) {
		struct qdio_result res = deliver_unit(f, u, 0, NULL);

		hs_bridge_flush(f);
		return res.reason;
	}
	hs_count_refused(f->from, why);
	hs_drop(f, h, VS_DIRECT_RX, why, NULL);
	return hs_result(why, 0).reason;
}

/* ---- an output queue
 * ----------------------------------------------------------------------------- */

static void prefetch_output(const struct qdio_queue *q, unsigned i)
{
	const uint8_t *data = qdio_entry_get(q, q->cursor + i, 0, QDIO_FETCH).data;

	if (!data)
		return;
	__builtin_prefetch(data);
	__builtin_prefetch(data + 64);
}

/* The receiver of the last turn is most often this one's too: @h's. */
static void prefetch_near(const struct hs_adapter *h, const struct hs_lan *lan)
{
	const struct qdio_queue *q;
	const uint8_t *data;

	if (!h->near || h->near_left != lan->n_left)
		return;
	q = hs_input(h->near);
	data = qdio_entry_get(q, h->near_at, 0, QDIO_STORE).data;
	prefetch_write(&q->slsb[h->near_at % QDIO_BUFFERS]);
	if (!data)
		return;
	prefetch_write(q->sbal[h->near_at % QDIO_BUFFERS]);
	prefetch_write(data);
}

static void prefetch(const struct qdio_queue *q, unsigned n)
{
	qdio_queue_prefetch(q, n);
	for (unsigned i = 0; i < n && i < AHEAD; i++)
		prefetch_output(q, i);
}

unsigned hs_deliver(struct hs_flow *f, unsigned queue, unsigned max, uint64_t aob)
{
	struct hs_adapter *h = f->from;
	struct qdio_queue *q = &h->queues->out[queue];
	uint32_t frame_max = hs_mfs_bytes(f->lan->mfs) - OSA_HDR_BYTES;
	struct qdio_result res[HS_BURST];
	bool signal = false;
	struct hs_unit u;
	unsigned n;

	if (__builtin_expect(f->lan->cable.told, 0))
		return hs_cable_deliver(f, queue, max);
	n = qdio_out_primed(q, max < HS_BURST ? max : HS_BURST);
	if (!n)
		return 0;
	prefetch(q, n);
	prefetch_near(h, f->lan);
	u.raw = f->lan->cable.send != NULL;
	memcpy(u.mac, h->mac, 6);
	for (unsigned i = 0; i < n; i++, aob = 0) {
		if (i + AHEAD < n)
			prefetch_output(q, i + AHEAD);
		uint8_t at;
		enum vs_drop why = hs_fetch(q, q->cursor + i, h->layer, frame_max, &u, &at);

		signal |= u.pci;
		why = why == VS_DROP_NONE && h->trace ? VS_DROP_ISOLATED : why;
		if (why == VS_DROP_NONE) {
			res[i] = deliver_unit(f, &u, aob, q->sbal[(q->cursor + i) % QDIO_BUFFERS]);
		} else {
			res[i] = hs_result(why, at);
			hs_count_refused(f->from, why);
			hs_drop(f, h, VS_DIRECT_RX, why, NULL);
		}
		f->failed |= res[i].state == QDIO_OUT_ERROR;
	}
	hs_bridge_flush(f);
	if (f->to && f->to->queues) {
		h->near = f->to;
		h->near_left = f->lan->n_left;
		h->near_at = f->first + f->filled;
	}
	hs_flow_end(f);
	qdio_out_complete(q, res, n);
	hs_count(&h->tx_buffers, n);
	if (signal)
		qdio_group_signal(osa_group(h->osa));
	return n;
}
