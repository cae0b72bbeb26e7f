/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Control frames on their way from the workers to the control thread: link protocols (LACP) that a
 * switch takes for itself, and copies of what it listens to (IGMP, MLD).
 *
 * A bounded ring per switch, made when its first port asks. Any worker puts, the control thread
 * gets, nobody waits: a place is claimed by a compare-and-swap and handed over by its turn number.
 * A full ring loses the frame and counts it; every protocol served here repeats itself.
 */
#include "vswitch/vs_priv.h"

#include <errno.h>
#include <stdlib.h>

#include "common/be.h"

#define PUNT_SLOTS 128u /* a power of two */
#define PUNT_COPIES 96u /* as many may be copies: guests' floods leave room for link protocols */
#define ETHERTYPE_IPV4 0x0800
#define ETHERTYPE_IPV6 0x86DD
#define IPPROTO_IGMP_NUMBER 2
#define IPPROTO_ICMPV6_NUMBER 58

struct slot {
	/* Place n of the endless tape is free for writing when turn is n, readable at n + 1. */
	_Atomic uint32_t turn;
	uint32_t serial; /* of the port, against one that took its index since */
	uint16_t index;
	uint16_t vid;
	uint16_t len;
	uint16_t kind;
	uint8_t data[VS_PUNT_BYTES];
};

struct punt {
	_Alignas(64) _Atomic uint32_t head; /* next place to write */
	_Alignas(64) _Atomic uint32_t tail; /* next place to read; control thread */
	_Atomic uint64_t lost;
	_Atomic bool fresh; /* something since the last notification */
	void (*notify)(void *ctx);
	void *ctx;
	_Alignas(64) struct slot slot[PUNT_SLOTS];
};

static struct punt *ring_of(const struct vs_switch *sw)
{
	return atomic_load_explicit(&sw->punt, memory_order_acquire);
}

static struct punt *ring_create(const struct vs_switch *sw)
{
	struct punt *r = aligned_alloc(64, sizeof(*r));

	if (!r)
		return NULL;
	memset(r, 0, sizeof(*r));
	for (uint32_t i = 0; i < PUNT_SLOTS; i++)
		atomic_init(&r->slot[i].turn, i);
	r->notify = sw->punt_notify;
	r->ctx = sw->punt_ctx;
	return r;
}

void punt_free(struct vs_switch *sw)
{
	free(ring_of(sw));
}

void vs_switch_set_punt(struct vs_switch *sw, void (*notify)(void *ctx), void *ctx)
{
	sw->punt_notify = notify;
	sw->punt_ctx = ctx;
}

int punt_prepare(struct vs_switch *sw)
{
	struct punt *r = ring_of(sw);

	if (r)
		return 0;
	r = ring_create(sw);
	if (!r)
		return -ENOMEM;
	atomic_store_explicit(&sw->punt, r, memory_order_release);
	return 0;
}

static int set_special(struct vs_port *p, unsigned flags)
{
	unsigned standby = atomic_load(&p->special) & PORT_STANDBY;

	if (flags && punt_prepare(p->sw))
		return -ENOMEM;
	atomic_store_explicit(&p->special, flags | standby, memory_order_release);
	return 0;
}

int vs_port_punt(struct vs_port *p, unsigned flags)
{
	return set_special(p, flags | p->punt_snoop);
}

int punt_snoop(struct vs_port *p, bool on)
{
	unsigned others = atomic_load(&p->special) & ~(PORT_STANDBY | p->punt_snoop);

	p->punt_snoop = on ? VS_PUNT_IGMP | VS_PUNT_MLD : 0;
	return set_special(p, others | p->punt_snoop);
}

/* ---- workers ---------------------------------------------------------------------------- */

static uint16_t copy_frame(uint8_t *to, const struct vs_burst *b, unsigned i)
{
	uint32_t n = b->headlen[i] < VS_PUNT_BYTES ? b->headlen[i] : VS_PUNT_BYTES;

	memcpy(to, b->head[i], n);
	for (unsigned s = 0; s < b->nseg[i] && n < VS_PUNT_BYTES; s++) {
		const struct vs_seg *seg = &b->seg[b->seg0[i] + s];
		uint32_t k = seg->len < VS_PUNT_BYTES - n ? seg->len : VS_PUNT_BYTES - n;

		memcpy(to + n, seg->p, k);
		n += k;
	}
	return (uint16_t)n;
}

/* Return: a place to write, or NULL: all are full, or all that are for copies. */
static struct slot *claim(struct punt *r, enum vs_punt kind, uint32_t *at)
{
	uint32_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);

	*at = atomic_load_explicit(&r->head, memory_order_relaxed);
	if (kind & (VS_PUNT_IGMP | VS_PUNT_MLD | VS_PUNT_PATH_MTU) &&
	    (int32_t)(*at - tail) >= (int32_t)PUNT_COPIES)
		return NULL;
	for (;;) {
		struct slot *s = &r->slot[*at % PUNT_SLOTS];
		/* Acquire: what the reader did with the place is over. */
		uint32_t turn = atomic_load_explicit(&s->turn, memory_order_acquire);

		if (turn == *at && atomic_compare_exchange_weak_explicit(&r->head, at, *at + 1,
									 memory_order_relaxed,
									 memory_order_relaxed))
			return s;
		if ((int32_t)(turn - *at) < 0)
			return NULL;
		if (turn != *at)
			*at = atomic_load_explicit(&r->head, memory_order_relaxed);
	}
}

void punt_put(struct vs_port *p, enum vs_punt kind, const struct vs_burst *b, unsigned i,
	      uint16_t vid)
{
	struct punt *r = ring_of(p->sw);
	uint32_t at;
	struct slot *s = r ? claim(r, kind, &at) : NULL;

	if (!s) {
		if (r)
			atomic_fetch_add_explicit(&r->lost, 1, memory_order_relaxed);
		return;
	}
	s->serial = p->serial;
	s->index = p->index;
	s->vid = vid;
	s->kind = (uint16_t)kind;
	s->len = copy_frame(s->data, b, i);
	atomic_store_explicit(&s->turn, at + 1, memory_order_release);
	/* Release: whoever takes the mark notifies of this frame too. */
	atomic_store_explicit(&r->fresh, true, memory_order_release);
}

bool punt_take(struct vs_port *p, struct vs_port *in, unsigned wanted, const struct vs_burst *b,
	       unsigned i)
{
	static const uint8_t prefix[5] = {0x01, 0x80, 0xC2, 0x00, 0x00};
	static const uint8_t probe[ETH_ALEN] = VS_PROBE_MAC;
	const uint8_t *dst = b->head[i];
	enum vs_punt kind = dst[5] < 0x10 ? VS_PUNT_LINK : VS_PUNT_MRP;

	if (wanted & VS_PUNT_PROBE && !memcmp(dst, probe, sizeof(probe))) {
		punt_put(p, VS_PUNT_PROBE, b, i, 0);
		return true;
	}
	if (memcmp(dst, prefix, sizeof(prefix)) != 0 || dst[5] >= 0x30 ||
	    (dst[5] >= 0x10 && dst[5] < 0x20) || !(wanted & kind))
		return false;
	punt_put(kind == VS_PUNT_LINK ? p : in, kind, b, i, 0);
	return true;
}

/* Byte at of a frame that may end before it: 0. */
static uint8_t byte_at(const struct vs_burst *b, unsigned i, uint32_t at)
{
	if (at < b->headlen[i])
		return b->head[i][at];
	at -= b->headlen[i];
	for (unsigned s = 0; s < b->nseg[i]; s++) {
		const struct vs_seg *seg = &b->seg[b->seg0[i] + s];

		if (at < seg->len)
			return seg->p[at];
		at -= seg->len;
	}
	return 0;
}

/*
 * The reports of IGMPv1, IGMPv2 and MLDv1: a host that hears another's does not send its own. Those
 * of later versions, and leaves, may go where their group goes.
 */
static enum copied igmp_kind(uint8_t type)
{
	return type == 0x11 ? COPIED_QUERY : type == 0x12 || type == 0x16 ? COPIED_REPORT : COPIED;
}

static enum copied mld_kind(uint8_t type)
{
	return type == 130 ? COPIED_QUERY : type == 131 ? COPIED_REPORT : COPIED;
}

enum copied punt_copy(struct vs_port *p, unsigned wanted, const struct vs_burst *b, unsigned i,
		      uint16_t vid)
{
	const uint8_t *h = b->head[i];
	unsigned l3 = ETH_HLEN;

	if (!(wanted & (VS_PUNT_IGMP | VS_PUNT_MLD)) || !(h[0] & 1))
		return COPIED_NOT;
	if (be16_load(h + 2 * ETH_ALEN) == ETHERTYPE_VLAN)
		l3 += VLAN_HLEN;
	if (wanted & VS_PUNT_IGMP && b->headlen[i] >= l3 + 20 &&
	    be16_load(h + l3 - 2) == ETHERTYPE_IPV4 && h[l3 + 9] == IPPROTO_IGMP_NUMBER) {
		punt_put(p, VS_PUNT_IGMP, b, i, vid);
		return igmp_kind(byte_at(b, i, l3 + (h[l3] & 0x0Fu) * 4));
	}
	if (wanted & VS_PUNT_MLD && b->headlen[i] > l3 + 41 &&
	    be16_load(h + l3 - 2) == ETHERTYPE_IPV6 && h[l3 + 6] == 0 &&
	    h[l3 + 40] == IPPROTO_ICMPV6_NUMBER) {
		punt_put(p, VS_PUNT_MLD, b, i, vid);
		return mld_kind(byte_at(b, i, l3 + 48 + h[l3 + 41] * 8u));
	}
	return COPIED_NOT;
}

void punt_flush(struct vs_switch *sw)
{
	struct punt *r = ring_of(sw);

	if (r && atomic_load_explicit(&r->fresh, memory_order_relaxed) &&
	    atomic_exchange_explicit(&r->fresh, false, memory_order_acq_rel) && r->notify)
		r->notify(r->ctx);
}

/* ---- control thread --------------------------------------------------------------------- */

static struct vs_port *port_of(const struct vs_switch *sw, const struct slot *s)
{
	struct vs_port *p = atomic_load_explicit(&sw->port[s->index], memory_order_relaxed);

	return p && p->serial == s->serial ? p : NULL;
}

unsigned vs_switch_punted(struct vs_switch *sw, vs_punt_fn *fn, void *ctx)
{
	struct punt *r = ring_of(sw);
	unsigned n = 0;

	/* No more than a ring full at once: the control thread has other things to do. */
	for (unsigned k = 0; r && k < PUNT_SLOTS; k++) {
		uint32_t at = atomic_load_explicit(&r->tail, memory_order_relaxed);
		struct slot *s = &r->slot[at % PUNT_SLOTS];
		struct vs_punted f;

		if (atomic_load_explicit(&s->turn, memory_order_acquire) != at + 1)
			break;
		f = (struct vs_punted){.port = port_of(sw, s),
				       .kind = (enum vs_punt)s->kind,
				       .vid = s->vid,
				       .len = s->len,
				       .data = s->data};
		if (f.port) {
			fn(ctx, &f);
			n++;
		}
		atomic_store_explicit(&s->turn, at + PUNT_SLOTS, memory_order_release);
		atomic_store_explicit(&r->tail, at + 1, memory_order_relaxed);
	}
	return n;
}

uint64_t vs_switch_punt_lost(const struct vs_switch *sw)
{
	struct punt *r = ring_of(sw);

	return r ? atomic_load_explicit(&r->lost, memory_order_relaxed) : 0;
}
