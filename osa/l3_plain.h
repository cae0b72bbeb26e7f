/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Layer 3: plain packets of output buffers to frames, in loops of their own. Private to
 * l3_fetch.c, which takes what these leave.
 *
 * Plain are IPv4 packets for one host, untagged, with nothing to be computed, whose next hop is
 * known, and whole frames (passthru: IPv6) of that kind; in one entry, and no shorter than a
 * snapshot. Packets of one conversation have the same header but for the length: it is
 * judged once, and the Ethernet header made for the first is stored in front of the others.
 *
 * Every byte is read once: a header is compared in the registers it was read to, and what is asked
 * of a packet is asked of the private copy.
 */
#ifndef OSA_L3_PLAIN_H
#define OSA_L3_PLAIN_H

#include "osa/alike.h"
#include "osa/fetch.h"
#include "osa/offload.h"
#include "osa/osa_priv.h"

#include "common/be.h"

#define ETH_BYTES 14u

/* A fetch under way. */
struct l3_fetch {
	struct osa *a;
	bool locked;	     /* l3.lock is held, to the end */
	uint32_t generation; /* of the ARP cache: what a kept next hop must have */
};

static inline void l3_lock(struct l3_fetch *x)
{
	if (x->locked)
		return;
	pthread_mutex_lock(&x->a->l3.lock);
	x->locked = true;
	x->generation = atomic_load_explicit(&x->a->l3.arp.generation, memory_order_relaxed);
}

static inline struct osa_hop *hop_slot(struct osa_l3 *l, uint32_t ip)
{
	return &l->hop[(ip * 0x9E3779B1u) >> 28];
}

static_assert(OSA_HOPS == 1u << 4, "the hash's top bits");

static inline bool hop_is(const struct l3_fetch *x, const struct osa_hop *h, uint16_t vid,
			  uint32_t ip)
{
	return h->ip == ip && h->vid == vid && h->generation == x->generation;
}

/* A next hop that is known. Return: NULL: it is not, and the lock is held. */
static inline const struct osa_hop *l3_hop(struct l3_fetch *x, uint16_t vid, uint32_t ip)
{
	struct osa_l3 *l = &x->a->l3;
	struct osa_hop *h = hop_slot(l, ip);

	if (hop_is(x, h, vid, ip))
		return h;
	l3_lock(x);
	if (!osa_arp_known(&l->arp, vid, ip, h->begin)) {
		h->ip = 0;
		return NULL;
	}
	h->ip = ip;
	h->vid = vid;
	h->generation = x->generation;
	memcpy(h->begin + 6, l->mac, 6);
	be16_store(h->begin + 12, OSA_ETHERTYPE_IP4);
	return h;
}

/* The parts of a header that matter to a plain packet, as they lie there. */
struct l3_words {
	uint16_t id_flags;
	uint64_t middle; /* from len on: lowest byte first */
	uint32_t hop;
};

#define LEN_BITS UINT64_C(0xFFFF) /* of middle */

static inline struct l3_words words_of(const uint8_t *hdr)
{
	struct l3_words w;

	memcpy(&w.id_flags, hdr, sizeof(w.id_flags));
	w.middle = le64_load(hdr + offsetof(struct osa_l3_hdr, len));
	memcpy(&w.hop, hdr + offsetof(struct osa_l3_hdr, next_hop4), sizeof(w.hop));
	return w;
}

static inline uint32_t len_of(const struct l3_words *w)
{
	return __builtin_bswap16((uint16_t)(w->middle & LEN_BITS));
}

/* A header that was found to be a plain packet's, and what its like begin with. */
struct l3_sample {
	struct l3_words w;
	uint32_t at; /* where the packet goes in the head: 0: it is a frame; 16 would be too far */
	uint8_t begin[16];
};

enum l3_kind { L3_OTHER, L3_PACKET, L3_FRAME };

static inline enum l3_kind kind_of(const struct l3_words *w, uint32_t *hop)
{
	uint8_t id_flags[2], ext = (uint8_t)(w->middle >> 24), cast;

	memcpy(id_flags, &w->id_flags, sizeof(id_flags));
	if (id_flags[0] != OSA_HDR_LAYER3 ||
	    ext & (OSA_L3_TCI | OSA_L3_TAG_IN_FRAME | OSA_OFFLOAD_IP | OSA_OFFLOAD_L4))
		return L3_OTHER;
	if (id_flags[1] & OSA_L3_PASSTHRU)
		return L3_FRAME;
	cast = id_flags[1] & OSA_L3_CAST_MASK;
	*hop = be32_load(&w->hop);
	if (id_flags[1] & OSA_L3_IPV6 || cast == OSA_L3_CAST_MULTICAST ||
	    cast == OSA_L3_CAST_BROADCAST || *hop == 0 || *hop >> 28 >= 0xE)
		return L3_OTHER;
	return L3_PACKET;
}

/* Return: false: it is not plain. */
static __attribute__((noinline)) bool l3_sample(struct l3_fetch *x, struct l3_sample *s,
						struct l3_words w)
{
	const struct osa_hop *h;
	enum l3_kind kind;
	uint32_t hop;

	kind = kind_of(&w, &hop);
	s->w = w;
	s->at = 0;
	if (kind != L3_PACKET)
		return kind == L3_FRAME;
	h = l3_hop(x, 0, hop);
	if (!h)
		return false;
	s->at = ETH_BYTES;
	memcpy(s->begin, h->begin, sizeof(s->begin));
	return true;
}

/* Begin with the header of an entry. It is read again, as those behind it. */
static inline bool l3_first(struct l3_fetch *x, struct l3_sample *s, const struct qdio_entry *e)
{
	return e->data && e->len >= OSA_HDR_BYTES && l3_sample(x, s, words_of(e->data));
}

/* Bytes of a frame without those that every head holds, by its entry; huge: too few. */
static inline uint32_t more_of(uint32_t entry_len, uint32_t at)
{
	return entry_len - OSA_HDR_BYTES + at - VS_HEAD_MIN;
}

/* Is the packet in the head IPv4? Of a frame nothing is asked. */
static inline bool is_packet(const uint8_t *head, uint32_t at)
{
	return !at || head[ETH_BYTES] >> 4 == 4;
}

/* Packets are next, and all of the burst so far begin as they will. */
static inline bool goes_on(const struct vs_burst *b, const struct l3_sample *s)
{
	return s->at &&
	       (!b->n || (b->same == VS_SAME_IP && memcmp(b->head[0], s->begin, ETH_BYTES) == 0));
}

/*
 * Plain packets of any length. Return: how many of the n entries at e are such, from the first
 * on. What is the same for all of them stands in the burst already (alike_preset). @ask: as for
 * osa_fetch_ahead.
 */
static inline unsigned l3_take_plain(struct l3_fetch *x, struct vs_burst *b,
				     const struct qdio_entry *e, unsigned n, unsigned ask)
{
	const unsigned first = b->n;
	const uint32_t longest = x->a->data.frame_max - VS_HEAD_MIN;
	uint32_t bytes = 0, max = b->plain_max;
	unsigned seg = b->nseg_used, k;
	uint8_t *head = b->head[first];
	struct l3_sample s = {0};
	bool one;
	uint8_t differ = 0; /* in the byte that IPv4 begins with */

	if (!n || !l3_first(x, &s, e))
		return 0;
	one = goes_on(b, &s);
	for (k = 0; k < n; k++, head += VS_HEAD_BYTES) {
		const uint8_t *p = e[k].data;
		struct l3_words w;
		uint32_t more, len;

		osa_fetch_ahead(e, k, ask);
		if (!p || e[k].len < OSA_HDR_BYTES)
			break;
		w = words_of(p);
		if (w.id_flags != s.w.id_flags || w.hop != s.w.hop ||
		    (w.middle ^ s.w.middle) & ~LEN_BITS) {
			if (!l3_sample(x, &s, w))
				break;
			one = false;
		}
		more = more_of(e[k].len, s.at);
		if (more > longest || len_of(&w) != e[k].len - OSA_HDR_BYTES)
			break;
		p += OSA_HDR_BYTES;
		memcpy(head, s.begin, sizeof(s.begin));
		if (s.at)
			memcpy(head + ETH_BYTES, p, VS_HEAD_MIN - ETH_BYTES);
		else
			memcpy(head, p, VS_HEAD_MIN);
		if (!is_packet(head, s.at))
			break;
		differ |= head[ETH_BYTES] ^ b->head[0][ETH_BYTES];
		len = more + VS_HEAD_MIN;
		bytes += len;
		max = len > max ? len : max;
		b->len[first + k] = len;
		b->seg0[first + k] = (uint16_t)seg;
		b->nseg[first + k] = more > 0;
		if (more)
			b->seg[seg++] = (struct vs_seg){p + VS_HEAD_MIN - s.at, more};
	}
	if (!k)
		return 0;
	b->plain |= ~UINT64_C(0) >> (64 - k) << first;
	b->plain_bytes += bytes;
	b->plain_max = max;
	b->n = first + k;
	b->nseg_used = seg;
	b->same = one && !differ ? VS_SAME_IP : VS_SAME_NOTHING;
	return k;
}

/*
 * Packets with the header of the sample, and so of one length: the loop for traffic of one
 * conversation. Return: as l3_take_plain. @like: of what was read behind the headers.
 */
static inline unsigned take_same(struct vs_burst *b, const struct qdio_entry *e, unsigned n,
				 unsigned ask, const struct l3_sample *s, const uint32_t at,
				 const uint32_t more, struct alike *like)
{
	const uint32_t entry_len = OSA_HDR_BYTES + VS_HEAD_MIN - at + more;
	const bytes16 begin = load16(s->begin);
	bytes16 first, any = {0}, differ = {0};
	uint8_t *head = b->head[0];
	unsigned k;

	/* Should the guest change it before it is copied, then that one differs as well. */
	first = load16(e[0].data + OSA_HDR_BYTES);
	for (k = 0; k < n; k++, head += VS_HEAD_BYTES) {
		const uint8_t *p = e[k].data;
		struct l3_words w;
		bytes16 read;

		osa_fetch_ahead(e, k, ask);
		if (e[k].len != entry_len || !p)
			break;
		w = words_of(p);
		if (w.id_flags != s->w.id_flags || w.middle != s->w.middle || w.hop != s->w.hop)
			break;
		p += OSA_HDR_BYTES;
		read = load16(p);
		if (at)
			memcpy(head, &begin, sizeof(begin));
		memcpy(head + at, &read, sizeof(read));
		memcpy(head + at + sizeof(read), p + sizeof(read), VS_HEAD_MIN - at - sizeof(read));
		any |= read;
		differ |= read ^ first;
		if (more)
			b->seg[k] = (struct vs_seg){p + VS_HEAD_MIN - at, more};
	}
	*like = (struct alike){any, differ};
	return k;
}

static inline uint8_t byte_of(bytes16 v, unsigned i)
{
	uint8_t bytes[16];

	memcpy(bytes, &v, sizeof(bytes));
	return bytes[i];
}

/* All begin with the sample's header. */
static void say_packets(struct vs_burst *b, uint32_t len)
{
	b->uniform = b->head[0][0] & 1 ? 0 : len;
}

static void say_frames(struct vs_burst *b, uint32_t len, const struct alike *like)
{
	b->uniform = any_group(like) ? 0 : len;
	if (all_same(like))
		b->same = byte_of(like->differ, ETH_BYTES) ? VS_SAME_ADDRESSES : VS_SAME_IP;
}

/* A burst of such. Return: as l3_take_plain. */
static inline unsigned l3_take_alike(struct l3_fetch *x, struct vs_burst *b,
				     const struct qdio_entry *e, unsigned n, unsigned ask)
{
	struct l3_sample s = {0};
	struct alike like;
	uint32_t more;
	unsigned k;

	if (n < ALIKE_MIN || !l3_first(x, &s, e))
		return 0;
	more = more_of(e[0].len, s.at);
	if (more > x->a->data.frame_max - VS_HEAD_MIN || len_of(&s.w) != e[0].len - OSA_HDR_BYTES)
		return 0;
	if (!s.at)
		k = take_same(b, e, n, ask, &s, 0, more, &like);
	else if (more == ETH_BYTES) /* packets of 64 bytes */
		k = take_same(b, e, n, ask, &s, ETH_BYTES, ETH_BYTES, &like);
	else
		k = take_same(b, e, n, ask, &s, ETH_BYTES, more, &like);
	/* All must be IPv4; where they differ in that byte it is the other loop's to look. */
	if (!k || (s.at && (byte_of(like.differ, 0) || !is_packet(b->head[0], s.at))))
		return 0;
	alike_put(b, k, more + VS_HEAD_MIN);
	if (s.at)
		b->same = VS_SAME_IP;
	if (k == n && s.at)
		say_packets(b, more + VS_HEAD_MIN);
	else if (k == n)
		say_frames(b, more + VS_HEAD_MIN, &like);
	return k;
}

#endif
