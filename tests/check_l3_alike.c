/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Layer 3 has loops of its own for packets that are alike, on the way in and on the way out.
 * Against a naive model: from output buffers to input buffers, with one packet that is different
 * somewhere, lists of some of the frames only, and into buffers of all shapes. What a fetched burst
 * says of its frames is so; what arrives is the same whether the loops for it are told so or not.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "osa/offload.h"
#include "tests/databed.h"

#define OWN_IP 0x0A610002u
#define STRANGER_IP 0x0A610003u /* not the host's */
#define HOP 0x0A610001u		/* leads to our own MAC */
#define OTHER_HOP 0x0A610009u	/* to another station's */
#define NO_HOP 0x0A610063u	/* nowhere */
#define GROUP_IP 0xEF810203u
#define BYTES 1600u
#define MIN_FOR_LOOPS 50u /* of a packet: 64 with its Ethernet header */

enum odd {
	LIKE_THE_OTHERS,
	LONGER,
	SHORTER,
	TINY, /* shorter than what every plain frame has */
	TO_ANOTHER_HOP,
	TO_NO_HOP,
	TO_A_GROUP,
	TO_A_STRANGER, /* by the same hop */
	TAGGED,
	CHECKSUM_ASKED,
	IN_TWO_ENTRIES,
	WITH_OPTIONS,
	NOT_IPV4,
	IPV6_FRAME,
	WRONG_LENGTH, /* ends its buffer */
	ODDS
};

struct sent {
	enum odd odd;
	uint32_t len; /* of the packet, or the whole frame */
	uint8_t data[BYTES];
	/* what it is to become */
	bool dropped;
	uint32_t frame_len;
	uint8_t frame[BYTES + 18];
};

static const uint8_t own_mac[6] = {2, 0, 0, 0, 0, 1}; /* osa_rig_config */
static const uint8_t other_mac[6] = {2, 0, 0, 0, 0, 9};
static const uint8_t own6[16] = {0xFE, 0x80, [15] = 2};

static struct databed *bd;
static struct sent sent[VS_BURST];
static unsigned n_sent;
static bool all_frames;	 /* the others are IPv6 as well */
static bool of_lengths;	 /* each packet has another */
static bool to_stranger; /* all of this round, but frames and those to a group */

static void setup(void)
{
	struct osa_data_ip4 d4 = {0};
	struct osa_data_ip6 d6 = {0};
	struct osa_data_group g = {0};
	struct osa_arp *arp;

	bd = databed_make(BED_STORAGE);
	arp = &bd->rig->a->l3.arp;
	be32_store(d4.addr, OWN_IP);
	memcpy(d6.addr, own6, 16);
	be32_store(g.addr + 12, GROUP_IP);
	ck_assert_int_eq(osa_rig_ipa(bd->rig, OSA_SETIP, 4, &d4, sizeof(d4)), 0);
	ck_assert_int_eq(osa_rig_ipa(bd->rig, OSA_SETIP, 6, &d6, sizeof(d6)), 0);
	ck_assert_int_eq(osa_rig_ipa(bd->rig, OSA_SETIPM, 4, &g, sizeof(g)), 0);
	ck_assert_int_eq(osa_arp_static_add(arp, HOP, own_mac), 0);
	ck_assert_int_eq(osa_arp_static_add(arp, OTHER_HOP, other_mac), 0);
	while (databed_fetch(bd)) /* what the adapter sends by itself */
		databed_done(bd);
}

static void teardown(void)
{
	databed_free(bd);
}

/* ---- what is sent ------------------------------------------------------------------------------
 */

static bool is_for_stranger(const struct sent *s)
{
	return s->odd == TO_A_STRANGER || to_stranger;
}

static void make_ip4(struct sent *s)
{
	uint8_t *p = s->data;

	p[0] = s->odd == NOT_IPV4 ? 0x65 : s->odd == WITH_OPTIONS ? 0x46 : 0x45;
	be16_store(p + 2, (uint16_t)s->len);
	p[9] = 17; /* UDP, so that a checksum may be asked for */
	be32_store(p + 12, OWN_IP);
	be32_store(p + 16, s->odd == TO_A_GROUP ? GROUP_IP
			   : is_for_stranger(s) ? STRANGER_IP
						: OWN_IP);
}

static void make_frame6(struct sent *s)
{
	uint8_t *p = s->data;

	memcpy(p, own_mac, 6);
	memcpy(p + 6, own_mac, 6);
	be16_store(p + 12, OSA_ETHERTYPE_IP6);
	p[14] = 0x60;
	be16_store(p + 18, (uint16_t)(s->len - 54));
	p[20] = 17;
	memcpy(p + 22, own6, 16);
	memcpy(p + 38, own6, 16);
}

static bool is_frame(const struct sent *s)
{
	return s->odd == IPV6_FRAME || (all_frames && s->odd != TO_ANOTHER_HOP);
}

/* What the adapter is to make of it, by 8.3 and nothing else. */
static void expect(struct sent *s)
{
	bool frame = is_frame(s);
	uint32_t tag = s->odd == TAGGED ? 4 : 0, at = 12 + tag + 2;

	s->dropped = !frame && (s->odd == NOT_IPV4 || s->odd == TO_NO_HOP);
	if (frame) {
		memcpy(s->frame, s->data, 12);
		memcpy(s->frame + 12 + tag, s->data + 12, s->len - 12);
		s->frame_len = s->len + tag;
	} else {
		memcpy(s->frame, s->odd == TO_ANOTHER_HOP ? other_mac : own_mac, 6);
		if (s->odd == TO_A_GROUP)
			memcpy(s->frame, (const uint8_t[]){1, 0, 0x5E, 1, 2, 3}, 6);
		memcpy(s->frame + 6, own_mac, 6);
		be16_store(s->frame + at - 2, OSA_ETHERTYPE_IP4);
		memcpy(s->frame + at, s->data, s->len);
		s->frame_len = s->len + at;
	}
	if (tag) {
		be16_store(s->frame + 12, OSA_ETHERTYPE_VLAN);
		be16_store(s->frame + 14, 7);
	}
}

static void make(struct sent *s, uint32_t len, enum odd odd)
{
	s->odd = odd;
	s->len = len + (odd == LONGER ? 3u : 0u) - (odd == SHORTER ? 5u : 0u) +
		 (of_lengths ? (unsigned)rand() % 40 : 0);
	if (odd == TINY)
		s->len = all_frames ? 60 : 40;
	for (uint32_t i = 0; i < s->len; i++)
		s->data[i] = (uint8_t)rand();
	if (is_frame(s)) {
		if (s->len < 60)
			s->len = 60;
		make_frame6(s);
	} else {
		make_ip4(s);
	}
	expect(s);
}

static void put_header(uint8_t *p, const struct sent *s)
{
	struct osa_l3_hdr h = {.id = OSA_HDR_LAYER3, .len = be16_of((uint16_t)s->len)};

	h.flags = is_frame(s)		 ? OSA_L3_PASSTHRU | OSA_L3_IPV6 | OSA_L3_CAST_UNICAST
		  : s->odd == TO_A_GROUP ? OSA_L3_CAST_MULTICAST
					 : OSA_L3_CAST_UNICAST;
	if (s->odd == TAGGED) {
		h.ext_flags = OSA_L3_TCI;
		h.tci = be16_of(7);
	}
	if (s->odd == CHECKSUM_ASKED)
		h.ext_flags = OSA_OFFLOAD_L4 | OSA_OFFLOAD_UDP;
	if (s->odd == WRONG_LENGTH)
		h.len = be16_of((uint16_t)(s->len + 1));
	be32_store(h.next_hop4, s->odd == TO_ANOTHER_HOP ? OTHER_HOP
				: s->odd == TO_NO_HOP	 ? NO_HOP
							 : HOP);
	memcpy(p, &h, sizeof(h));
}

static void put_entry(struct qdio_sbal *s, unsigned e, uint8_t eflags, uint32_t len, uint64_t addr)
{
	s->e[e].eflags = eflags;
	s->e[e].sflags = 0;
	s->e[e].length = be32_of(len);
	s->e[e].addr = be64_of(addr);
}

/* Return: entries. */
static unsigned lay(struct qdio_sbal *sbal, unsigned e, unsigned k)
{
	const struct sent *s = &sent[k];
	uint64_t addr = BED_OUT + k * 0x1000u + (unsigned)rand() % 512;
	uint32_t len = OSA_HDR_BYTES + s->len, first = len;

	put_header(bd->mem + addr, s);
	memcpy(bd->mem + addr + OSA_HDR_BYTES, s->data, s->len);
	if (s->odd == IN_TWO_ENTRIES)
		first = OSA_HDR_BYTES + 20;
	put_entry(sbal, e, first < len ? QDIO_EFLAG_FRAG_FIRST : 0, first, addr);
	if (first == len)
		return 1;
	put_entry(sbal, e + 1, QDIO_EFLAG_FRAG_LAST, len - first, addr + first);
	return 2;
}

/* What comes behind a length that is not the entry's is lost with the buffer. */
static void lose_the_rest(unsigned per)
{
	for (unsigned k = 0; k < n_sent; k++)
		if (sent[k].odd == WRONG_LENGTH)
			for (unsigned j = k; j < n_sent && (j == k || j % per); j++)
				sent[j].dropped = true;
}

/* n packets of len bytes, the one at is odd; per of them in a buffer. */
static void send(unsigned n, uint32_t len, unsigned at, enum odd odd, unsigned per)
{
	struct qdio_queue *q = &bd->rig->queues.out[0];
	unsigned buffers = (n + per - 1) / per, entries = 0, first = q->cursor;

	n_sent = n;
	for (unsigned k = 0; k < n; k++)
		make(&sent[k], len, k == at ? odd : LIKE_THE_OTHERS);
	lose_the_rest(per);
	for (unsigned k = 0; k < n; k++) {
		struct qdio_sbal *s = q->sbal[(first + k / per) % QDIO_BUFFERS];

		entries = k % per ? entries : 0;
		entries += lay(s, entries, k);
		if (k % per == per - 1 || k == n - 1)
			s->e[entries - 1].eflags |= QDIO_EFLAG_LAST;
	}
	for (unsigned i = 0; i < buffers; i++)
		atomic_store(&q->slsb[(first + i) % QDIO_BUFFERS], QDIO_OUT_PRIMED);
}

/* ---- what is fetched --------------------------------------------------------------------------
 */

/* What is said of the burst is so. Return: is all of it said to be alike? */
static bool check_claims(const struct vs_burst *b)
{
	uint32_t bytes = 0, max = 0;

	for (unsigned i = 0; i < b->n; i++) {
		if (b->plain >> i & 1) {
			ck_assert_uint_eq(b->headlen[i], VS_HEAD_MIN);
			ck_assert_uint_eq(b->flags[i], 0);
			ck_assert_uint_eq(b->nseg[i], b->len[i] > VS_HEAD_MIN);
			bytes += b->len[i];
			max = b->len[i] > max ? b->len[i] : max;
		}
		if (b->uniform) {
			ck_assert(b->plain >> i & 1);
			ck_assert_uint_eq(b->len[i], b->uniform);
			ck_assert_uint_eq(b->head[i][0] & 1, 0);
			ck_assert_uint_eq(b->seg0[i], b->nseg[i] ? i : b->seg0[i]);
		}
		if (b->same)
			ck_assert_mem_eq(b->head[i], b->head[0], b->same == VS_SAME_IP ? 15 : 14);
	}
	ck_assert_uint_eq(b->plain_bytes, bytes);
	ck_assert_uint_eq(b->plain_max, max);
	return b->uniform && b->same == VS_SAME_IP;
}

/*
 * The frames of the burst are those of the packets, from number first on, and the adapter's
 * questions.
 * @which: of each frame, its packet, or n_sent. Return: the number behind the last one.
 */
static unsigned check_fetched(unsigned first, unsigned *which)
{
	uint8_t frame[BYTES + 18];
	unsigned k = first;

	for (unsigned i = 0; i < bd->b.n; i++) {
		uint32_t len = databed_join(bd, i, frame);

		which[i] = n_sent;
		if (be16_load(frame + 12) == OSA_ETHERTYPE_ARP)
			continue;
		while (k < n_sent && sent[k].dropped)
			k++;
		ck_assert_uint_lt(k, n_sent);
		which[i] = k;
		ck_assert_uint_eq(len, sent[k].frame_len);
		/* A checksum that is asked for is begun. */
		if (sent[k].odd == CHECKSUM_ASKED)
			memcpy(sent[k].frame, frame, len);
		ck_assert_uint_eq(bd->b.flags[i] & VS_F_CSUM_NEEDED,
				  sent[k].odd == CHECKSUM_ASKED ? VS_F_CSUM_NEEDED : 0);
		ck_assert_mem_eq(frame, sent[k++].frame, len);
	}
	return k;
}

/* ---- what is delivered ------------------------------------------------------------------------
 */

/* Of all shapes; at times of one entry with room for one packet of len bytes. */
static void offer_some(uint32_t len)
{
	struct qdio_queue *q = &bd->rig->queues.in[0];
	bool single = rand() % 3 == 0;

	for (; bd->offered - bd->read < 64; bd->offered++) {
		unsigned i = bd->offered % QDIO_BUFFERS, n = single ? 1 : 1 + (unsigned)rand() % 16;
		uint64_t addr = BED_IN + i * 0x10000u;

		for (unsigned e = 0; e < n; e++) {
			uint32_t bytes = e == 0 || rand() % 2 ? 4096 : 32 + (unsigned)rand() % 4000;

			if (single)
				bytes = len + OSA_HDR_BYTES + 47 + (unsigned)rand() % 40;
			put_entry(q->sbal[i], e, e == n - 1 ? QDIO_EFLAG_LAST : 0, bytes, addr);
			addr += bytes;
		}
		atomic_store(&q->slsb[i], QDIO_IN_EMPTY);
	}
}

struct reader {
	const struct qdio_sbal *s;
	unsigned e;
	uint32_t off;
};

static uint32_t left_of(const struct reader *r)
{
	return be32_get(r->s->e[r->e].length) - r->off;
}

static void read_bytes(struct reader *r, uint8_t *to, uint32_t n)
{
	while (n) {
		uint32_t piece = left_of(r);

		if (!piece) {
			ck_assert(!(r->s->e[r->e].eflags & QDIO_EFLAG_LAST));
			r->e++;
			r->off = 0;
			continue;
		}
		piece = piece < n ? piece : n;
		memcpy(to, bd->mem + be64_get(r->s->e[r->e].addr) + r->off, piece);
		r->off += piece;
		to += piece;
		n -= piece;
	}
}

/* The next packet of the filled buffers, read as 7.7 says. Return: false: there is none. */
static bool receive(struct reader *r, struct osa_l3_hdr *h, uint8_t *data)
{
	const struct qdio_queue *q = &bd->rig->queues.in[0];

	for (;;) {
		if (!r->s) {
			if (atomic_load(&q->slsb[bd->read % QDIO_BUFFERS]) != QDIO_IN_PRIMED)
				return false;
			*r = (struct reader){.s = q->sbal[bd->read++ % QDIO_BUFFERS]};
		}
		if (left_of(r) >= OSA_HDR_BYTES)
			break;
		ck_assert_uint_eq(left_of(r), 0); /* the lengths are of what is used */
		if (r->s->e[r->e].eflags & QDIO_EFLAG_LAST)
			r->s = NULL;
		else
			*r = (struct reader){.s = r->s, .e = r->e + 1};
	}
	memcpy(h, bd->mem + be64_get(r->s->e[r->e].addr) + r->off, sizeof(*h));
	r->off += OSA_HDR_BYTES;
	ck_assert_uint_le(be16_get(h->len), BYTES + 18);
	read_bytes(r, data, be16_get(h->len));
	return true;
}

/* Is it for the host, by 8.4? */
static bool is_wanted(const struct sent *s)
{
	return is_frame(s) || s->odd == TO_A_GROUP ||
	       (s->odd != TO_ANOTHER_HOP && !is_for_stranger(s));
}

static void check_packet(const struct sent *s, bool pushed, bool source, const struct osa_l3_hdr *h,
			 const uint8_t *data)
{
	uint32_t eth = s->frame_len - s->len + (is_frame(s) ? 14 : 0);
	bool tagged = pushed || s->odd == TAGGED;

	ck_assert_uint_eq(h->id, OSA_HDR_LAYER3);
	ck_assert_uint_eq(h->flags, is_frame(s)		   ? OSA_L3_IPV6 | OSA_L3_CAST_UNICAST
				    : s->odd == TO_A_GROUP ? OSA_L3_CAST_MULTICAST
							   : OSA_L3_CAST_UNICAST);
	ck_assert_uint_eq(h->ext_flags, (tagged ? OSA_L3_TCI : 0) | (source ? OSA_L3_SRC_MAC : 0));
	ck_assert_uint_eq(be16_get(h->tci), pushed ? 77 : tagged ? 7 : 0);
	ck_assert_uint_eq(be16_get(h->len), s->frame_len - eth);
	ck_assert_mem_eq(data, s->frame + eth, s->frame_len - eth);
	if (source)
		ck_assert_mem_eq(h->in.src_mac, own_mac, 6);
	else
		ck_assert_uint_eq(h->in.src_mac[5], 0);
}

/* Some or all of the frames; at times one of them is tagged on the way. */
static unsigned choose(struct vs_ref *ref, unsigned n, const unsigned *which)
{
	bool all = rand() % 2, edited = rand() % 8 == 0;
	unsigned m = 0, k;

	for (unsigned i = 0; i < n; i++)
		if (which[i] < n_sent && (all || rand() % 3))
			ref[m++] = (struct vs_ref){.frame = (uint8_t)i};
	if (!edited || !m)
		return m;
	k = (unsigned)rand() % m;
	if (sent[which[ref[k].frame]].odd != TAGGED)
		ref[k].edit = VS_EDIT_PUSH;
	return m;
}

static void check_delivered(const struct vs_ref *ref, unsigned n, const unsigned *which,
			    bool source)
{
	struct reader r = {0};
	struct osa_l3_hdr h;
	uint8_t data[BYTES + 18];

	for (unsigned k = 0; k < n; k++) {
		const struct sent *s = &sent[which[ref[k].frame]];

		if (!is_wanted(s))
			continue;
		ck_assert(receive(&r, &h, data));
		check_packet(s, ref[k].edit == VS_EDIT_PUSH, source, &h, data);
	}
	ck_assert(!receive(&r, &h, data));
}

static void deliver(const unsigned *which, unsigned n, uint32_t len)
{
	struct osa_l3 *l = &bd->rig->a->l3;
	uint64_t filtered = l->count.filtered, unwanted = 0;
	struct vs_ref ref[VS_BURST];
	enum vs_drop err;
	unsigned m;

	l->filter.source_mac = rand() % 4 == 0;
	if (rand() % 4 == 0) /* as if nobody had said anything */
		vs_burst_forget(&bd->b);
	offer_some(len);
	for (unsigned i = 0; i < n; i++)
		bd->b.tci[i] = 77;
	m = choose(ref, n, which);
	if (!m)
		return;
	for (unsigned k = 0; k < m; k++)
		unwanted += !is_wanted(&sent[which[ref[k].frame]]);
	ck_assert_uint_eq(osa_layer3_ops.tx_burst(bd->rig->a, &bd->b, ref, m, &err), m);
	check_delivered(ref, m, which, l->filter.source_mac);
	ck_assert_uint_eq(l->count.filtered - filtered, unwanted);
}

/* ---- the test ---------------------------------------------------------------------------------
 */

static const uint32_t lens[] = {49, 50, 51, 64, 96, 1500};

static unsigned one_round(uint32_t len)
{
	enum odd odd = rand() % 2 ? LIKE_THE_OTHERS : (enum odd)((unsigned)rand() % ODDS);
	unsigned n = 1 + (unsigned)rand() % 60, per = 1 + (unsigned)rand() % 15, at = 0, like = 0;
	unsigned which[VS_BURST];

	to_stranger = rand() % 8 == 0;
	of_lengths = rand() % 3 == 0;
	send(n, len, (unsigned)rand() % n, odd, per);
	while (databed_fetch(bd)) {
		like += check_claims(&bd->b);
		at = check_fetched(at, which);
		deliver(which, bd->b.n, len);
		databed_done(bd);
	}
	for (; at < n; at++)
		ck_assert(sent[at].dropped);
	osa_arp_del(&bd->rig->a->l3.arp, NO_HOP);
	return like;
}

/* Of a burst of n alike: to that address, from that one; or NULL: nothing. */
static void check_next_hop(const uint8_t *to, const uint8_t *from)
{
	send(10, 64, 0, LIKE_THE_OTHERS, 5);
	if (to) {
		ck_assert_uint_eq(databed_fetch(bd), 10);
		ck_assert_uint_eq(bd->b.uniform, 78);
		ck_assert_mem_eq(bd->b.head[9], to, 6);
		ck_assert_mem_eq(bd->b.head[9] + 6, from, 6);
		databed_done(bd);
	}
	while (databed_fetch(bd)) {
		for (unsigned i = 0; i < bd->b.n; i++)
			ck_assert_uint_eq(be16_load(bd->b.head[i] + 12), OSA_ETHERTYPE_ARP);
		databed_done(bd);
	}
}

/* What is known of a next hop holds as long as the ARP cache says so. */
START_TEST(next_hop_changes)
{
	static const uint8_t third_mac[6] = {2, 0, 0, 0, 0, 0x33}, later[6] = {2, 0, 0, 0, 0, 0x77};
	struct osa *a = bd->rig->a;

	all_frames = of_lengths = false;
	check_next_hop(own_mac, own_mac);
	check_next_hop(own_mac, own_mac);
	ck_assert_int_eq(osa_arp_static_add(&a->l3.arp, HOP, third_mac), 0);
	check_next_hop(third_mac, own_mac);
	osa_set_mac(a, later);
	ck_assert_int_eq(osa_l3_session(a), 0);
	check_next_hop(third_mac, later);
	ck_assert_int_eq(osa_arp_del(&a->l3.arp, HOP), 0);
	check_next_hop(NULL, NULL);
	ck_assert_uint_gt(a->l3.own.waiting, 0);
}
END_TEST

/* An entry that is in use says so after every tick: it is asked for again before it ends. */
START_TEST(next_hop_is_used)
{
	struct osa_arp *arp = &bd->rig->a->l3.arp;
	unsigned used = 0;

	for (unsigned i = 0; i < 3; i++) {
		send(10, 64, 0, LIKE_THE_OTHERS, 5);
		while (databed_fetch(bd))
			databed_done(bd);
		for (unsigned e = 0; e < arp->untouched; e++) {
			used += arp->entry[e].ip == HOP && arp->entry[e].used;
			arp->entry[e].used = false; /* as a tick does for one that was learned */
		}
		osa_arp_tick(arp, arp->now_ms + 1000);
	}
	ck_assert_uint_eq(used, 3);
}
END_TEST

START_TEST(alike)
{
	const uint32_t len = lens[_i / 2];
	unsigned seed = (unsigned)time(NULL) + (unsigned)_i * 1000, like = 0;

	all_frames = _i % 2;
	printf("l3_alike seed %u\n", seed);
	srand(seed);
	for (unsigned round = 0; round < 500; round++)
		like += one_round(all_frames ? len + 14 : len);
	ck_assert(len < MIN_FOR_LOOPS ? !like : like > 50);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("l3_alike");
	TCase *t = tcase_create("bursts");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_set_timeout(t, 120);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, alike, 0, 2 * sizeof(lens) / sizeof(lens[0]));
	tcase_add_test(t, next_hop_changes);
	tcase_add_test(t, next_hop_is_used);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
