/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The guest side's data path against storage that the test writes itself: no
 * adapter. What it makes of input buffers, well-formed and not, and whether its
 * output SBALs keep every rule of spec/osa-qeth.md 7.6.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "guest/guest_priv.h"

#define FRAMES_MAX 700

/* ---- a machine that only counts ----------------------------------------------------- */

static struct {
	unsigned siga_w, siga_r;
	int cc;
	unsigned pending;
} machine;

static int fake_dev(void *t, unsigned dev)
{
	(void)t;
	(void)dev;
	return 0;
}

static int fake_siga(void *t, uint64_t *gr0, uint64_t gr1, uint64_t gr2, uint64_t gr3)
{
	(void)t;
	(void)gr1;
	(void)gr2;
	(void)gr3;
	machine.siga_w += *gr0 == QDIO_SIGA_W;
	machine.siga_r += *gr0 == QDIO_SIGA_R;
	return machine.cc;
}

static int fake_next(void *t, struct guest_irb *irb)
{
	(void)t;
	(void)irb;
	return 0;
}

static unsigned fake_pending(void *t)
{
	unsigned p = machine.pending;

	(void)t;
	machine.pending = 0;
	return p;
}

static const struct guest_transport_ops fake_ops = {
	.hsch = fake_dev,
	.csch = fake_dev,
	.siga = fake_siga,
	.next_irb = fake_next,
	.take_pending = fake_pending,
};

static struct guest_storage st;
static struct guest_dev *d;
static struct guest_stats *stats;

static void open_config(struct guest_config cfg)
{
	struct guest_machine m = {.ops = &fake_ops, .subchannel = {1, 2, 3}};

	memset(&machine, 0, sizeof(machine));
	ck_assert_int_eq(guest_storage_create(&st, 0x10000, guest_dev_bytes(&cfg)), 0);
	d = guest_dev_create(&cfg, &st);
	ck_assert_ptr_nonnull(d);
	guest_dev_connect(d, &m);
	guest_queues_build(d);
	guest_queues_states(d);
	d->info.qdioac1 = 0xE0;
	d->info.thin = true;
	ck_assert_int_eq(guest_rx_start(d), 0);
	stats = guest_dev_stats(d);
}

static void open_device(unsigned pool, unsigned refill, unsigned pci_at)
{
	open_config((struct guest_config){
		.pool = pool, .refill = refill, .pci_at = pci_at, .check_all = true});
}

static void close_device(void)
{
	guest_dev_destroy(d);
	guest_storage_destroy(&st);
}

static uint8_t rx_state(unsigned i)
{
	return atomic_load(&d->rx.slsb[i % QDIO_BUFFERS]);
}

static uint8_t tx_state(unsigned i)
{
	return atomic_load(&d->tx[0].slsb[i % QDIO_BUFFERS]);
}

static void fill_frame(uint8_t *p, uint32_t len, unsigned seed)
{
	for (uint32_t i = 0; i < len; i++)
		p[i] = (uint8_t)(seed * 31 + i * 7);
	p[0] = 0x02;
}

/* ---- an adapter's input side, independent of osa/ -------------------------------------- */

struct filler {
	unsigned buffer, e;
	uint32_t off, cap; /* cap: bytes used of an element */
	struct qdio_sbal *sbal;
};

static uint8_t *element(const struct filler *f)
{
	return st.host + (be64_get(f->sbal->e[f->e].addr) - st.base);
}

static void leave_element(struct filler *f)
{
	f->sbal->e[f->e].length = be32_of(f->off);
	f->sbal->e[f->e].eflags = 0;
	f->e++;
	f->off = 0;
}

static void begin_buffer(struct filler *f, unsigned buffer, uint32_t cap)
{
	*f = (struct filler){.buffer = buffer, .cap = cap, .sbal = &d->rx.sbal[buffer % 128]};
	ck_assert_uint_eq(rx_state(buffer), QDIO_IN_EMPTY);
}

static void put_bytes(struct filler *f, const uint8_t *p, uint32_t len)
{
	while (len) {
		uint32_t room = f->cap - f->off, n = len < room ? len : room;

		if (!room) {
			leave_element(f);
			continue;
		}
		memcpy(element(f) + f->off, p, n);
		f->off += n;
		p += n;
		len -= n;
	}
}

static void put_frame(struct filler *f, const uint8_t *frame, uint32_t len)
{
	struct osa_l2_hdr h = {.id = OSA_HDR_LAYER2, .cast = OSA_L2_UNICAST};

	h.len = be16_of((uint16_t)len);
	if (f->cap - f->off < sizeof(h))
		leave_element(f);
	memcpy(element(f) + f->off, &h, sizeof(h));
	f->off += (uint32_t)sizeof(h);
	put_bytes(f, frame, len);
}

static void end_buffer(struct filler *f)
{
	f->sbal->e[f->e].length = be32_of(f->off);
	f->sbal->e[f->e].eflags = QDIO_EFLAG_LAST;
	if (f->e != 15)
		f->sbal->e[15].eflags = 0;
	atomic_store(&d->rx.slsb[f->buffer % 128], QDIO_IN_PRIMED);
}

/* ---- input: well-formed ------------------------------------------------------------------- */

static const struct {
	unsigned n;
	uint32_t len[4]; /* cycled */
	unsigned frames;
	uint32_t cap;
} layouts[] = {
	{1, {14, 0, 0, 0}, 1, 4096},	   {2, {60, 0, 0, 0}, 2, 4096},
	{3, {60, 0, 0, 0}, 600, 4096},	   {4, {1514, 60, 0, 0}, 30, 4096},
	{5, {4064, 0, 0, 0}, 3, 4096},	   {6, {4065, 60, 0, 0}, 4, 4096},
	{7, {9018, 0, 0, 0}, 6, 4096},	   {8, {65504, 0, 0, 0}, 1, 4096},
	{9, {64, 96, 128, 14}, 200, 4096}, {10, {100, 200, 0, 0}, 20, 1000},
	{11, {500, 33, 0, 0}, 6, 256},	   {12, {14, 15, 16, 17}, 24, 96},
	{13, {2000, 0, 0, 0}, 2, 333},	   {14, {4033, 14, 0, 0}, 6, 4096},
};

START_TEST(test_layout)
{
	static uint8_t frame[65536];
	struct guest_rx rx[FRAMES_MAX];
	struct filler f;
	unsigned kinds = 0, got = 0, k;

	open_device(128, 1, 0);
	while (kinds < 4 && layouts[_i].len[kinds])
		kinds++;
	begin_buffer(&f, 0, layouts[_i].cap);
	for (unsigned i = 0; i < layouts[_i].frames; i++) {
		fill_frame(frame, layouts[_i].len[i % kinds], i);
		put_frame(&f, frame, layouts[_i].len[i % kinds]);
	}
	ck_assert_uint_lt(f.e, 16);
	end_buffer(&f);
	/* In bursts of odd sizes: a buffer is left and taken up again. */
	while ((k = guest_rx_burst(d, rx, 7))) {
		for (unsigned i = 0; i < k; i++, got++) {
			ck_assert_uint_eq(rx[i].len, layouts[_i].len[got % kinds]);
			fill_frame(frame, rx[i].len, got);
			ck_assert_mem_eq(rx[i].data, frame, rx[i].len);
		}
	}
	ck_assert_uint_eq(got, layouts[_i].frames);
	ck_assert_uint_eq(stats->violations, 0);
	close_device();
}
END_TEST

START_TEST(test_random_layouts)
{
	unsigned seed = (unsigned)time(NULL), sent = 0, got = 0, n;
	static uint8_t frame[65536];
	static uint32_t len[128 * 400];
	struct guest_rx rx[33];
	struct filler f;

	printf("random layouts: seed %u\n", seed);
	srand(seed);
	open_device(16, 4, 0);
	for (unsigned buffer = 0; buffer < 300; buffer++) {
		uint32_t cap = rand() % 3 ? 4096 : 64 + (uint32_t)rand() % 4000;
		uint32_t total = 0;

		begin_buffer(&f, buffer, cap);
		do {
			len[sent] = 14 + (uint32_t)rand() % (rand() % 4 ? 200 : 3000);
			/* Headers and skipped tails take at most as much again. */
			total += len[sent] + 64;
			if (total > cap * 14)
				break;
			fill_frame(frame, len[sent], sent);
			put_frame(&f, frame, len[sent++]);
		} while (rand() % 20);
		if (f.off == 0 && f.e == 0) {
			len[sent] = 14;
			fill_frame(frame, 14, sent++);
			put_frame(&f, frame, 14);
		}
		end_buffer(&f);
		while ((n = guest_rx_burst(d, rx, 1 + (unsigned)rand() % 33)))
			for (unsigned i = 0; i < n; i++, got++) {
				ck_assert_uint_eq(rx[i].len, len[got]);
				fill_frame(frame, rx[i].len, got);
				ck_assert_mem_eq(rx[i].data, frame, rx[i].len);
			}
		guest_rx_release(d);
	}
	ck_assert_uint_eq(got, sent);
	ck_assert_uint_eq(stats->violations, 0);
	close_device();
}
END_TEST

/* ---- input: malformed ------------------------------------------------------------------------ */

enum damage {
	NO_LAST,
	ID_ZERO,
	ID_LAYER3,
	LEN_13,
	LEN_ZERO,
	LEN_PAST_END,
	ENTRY_ZERO,
	ENTRY_LONG,
	ENTRY_MOVED,
	UNUSED_CHANGED,
	CAST_WRONG,
	STALE_LENGTH,
	STATE_HALTED,
	STATE_NOTINIT,
	STATE_FF,
	ERROR_20,
	ERROR_12,
};

static const struct {
	unsigned n;
	enum damage damage;
	unsigned frames; /* of 3 that still count */
	int violation;	 /* -1: none */
} malformed[] = {
	{1, NO_LAST, 3, GUEST_VIOLATION_RX_HEADER_ID}, /* runs into the next, stale, entry */
	{2, ID_ZERO, 1, GUEST_VIOLATION_RX_HEADER_ID},
	{3, ID_LAYER3, 1, GUEST_VIOLATION_RX_HEADER_ID},
	{4, LEN_13, 1, GUEST_VIOLATION_RX_HEADER_LENGTH},
	{5, LEN_ZERO, 1, GUEST_VIOLATION_RX_HEADER_LENGTH},
	{6, LEN_PAST_END, 1, GUEST_VIOLATION_RX_OVERRUN},
	{7, ENTRY_ZERO, 0, GUEST_VIOLATION_RX_ENTRY_LENGTH},
	{8, ENTRY_LONG, 0, GUEST_VIOLATION_RX_ENTRY_LENGTH},
	{9, ENTRY_MOVED, 3, GUEST_VIOLATION_RX_ENTRY_ADDRESS},
	{10, UNUSED_CHANGED, 3, GUEST_VIOLATION_RX_ENTRY_UNUSED},
	{11, CAST_WRONG, 3, GUEST_VIOLATION_RX_HEADER_CAST},
	{12, STALE_LENGTH, 3, GUEST_VIOLATION_RX_HEADER_ID},
	{13, STATE_HALTED, 0, GUEST_VIOLATION_RX_STATE},
	{14, STATE_NOTINIT, 0, GUEST_VIOLATION_RX_STATE},
	{15, STATE_FF, 0, GUEST_VIOLATION_RX_STATE},
	{16, ERROR_20, 0, -1},
	{17, ERROR_12, 3, -1},
};

#define SECOND (OSA_HDR_BYTES + 60) /* offset of the second frame's header */

static void damage_bytes(enum damage what, uint8_t *second)
{
	switch (what) {
	case ID_ZERO:
		second[0] = 0;
		break;
	case ID_LAYER3:
		second[0] = OSA_HDR_LAYER3;
		break;
	case LEN_13:
		be16_store(second + 6, 13);
		break;
	case LEN_ZERO:
		be16_store(second + 6, 0);
		break;
	case LEN_PAST_END:
		be16_store(second + 6, 5000);
		break;
	case CAST_WRONG:
		second[3] = OSA_L2_BROADCAST;
		break;
	default:
		break;
	}
}

static void damage_entries(enum damage what, struct qdio_sbal *sbal, _Atomic uint8_t *state)
{
	switch (what) {
	case NO_LAST:
		sbal->e[0].eflags = 0;
		break;
	case ENTRY_ZERO:
		sbal->e[0].length = be32_of(0);
		break;
	case ENTRY_LONG:
		sbal->e[0].length = be32_of(4097);
		break;
	case ENTRY_MOVED:
		sbal->e[3].addr = be64_of(0x1234000);
		break;
	case UNUSED_CHANGED:
		sbal->e[7].length = be32_of(64);
		break;
	case STALE_LENGTH:
		sbal->e[0].length = be32_of(4096);
		break;
	case STATE_HALTED:
		atomic_store(state, QDIO_IN_HALTED);
		break;
	case STATE_NOTINIT:
		atomic_store(state, QDIO_IN_NOTINIT);
		break;
	case STATE_FF:
		atomic_store(state, 0xFF);
		break;
	case ERROR_20:
	case ERROR_12:
		sbal->e[15].sflags = what == ERROR_20 ? QDIO_REASON_BAD_BUFFER : 0x12;
		atomic_store(state, QDIO_IN_ERROR);
		break;
	default:
		break;
	}
}

START_TEST(test_malformed)
{
	uint8_t frame[60];
	struct guest_rx rx[16];
	struct filler f;
	enum damage what = malformed[_i].damage;
	bool stuck = what == STATE_HALTED || what == STATE_NOTINIT || what == STATE_FF;

	open_device(4, 1, 0);
	for (unsigned buffer = 0; buffer < 2; buffer++) {
		begin_buffer(&f, buffer, 4096);
		memset(element(&f), 0, 2 * 4096);
		for (unsigned i = 0; i < 3; i++) {
			fill_frame(frame, sizeof(frame), i);
			put_frame(&f, frame, sizeof(frame));
		}
		if (buffer == 0)
			damage_bytes(what, element(&f) + SECOND);
		end_buffer(&f);
		if (buffer == 0)
			damage_entries(what, f.sbal, &d->rx.slsb[0]);
	}
	/* The buffer behind the damaged one is good, and read, unless the queue stands still. */
	ck_assert_uint_eq(guest_rx_burst(d, rx, 16), malformed[_i].frames + (stuck ? 0 : 3));
	if (malformed[_i].violation < 0) {
		ck_assert_uint_eq(stats->violations, 0);
		ck_assert_uint_eq(stats->rx_errors, 1);
	} else {
		ck_assert_uint_ge(stats->violation[malformed[_i].violation], 1);
		ck_assert_uint_eq(stats->violations, stats->violation[malformed[_i].violation]);
	}
	guest_rx_release(d);
	if (!stuck) { /* the returned buffer is whole again */
		ck_assert_uint_eq(rx_state(4), QDIO_IN_EMPTY);
		for (unsigned e = 0; e < 16; e++) {
			ck_assert_uint_eq(be32_get(d->rx.sbal[4].e[e].length), 4096);
			ck_assert_uint_eq(d->rx.sbal[4].e[e].eflags, e == 15 ? 0x40 : 0);
		}
	}
	close_device();
}
END_TEST

/* Random bytes in a random shape: nothing but counted violations may come of it. */
START_TEST(test_garbage)
{
	unsigned seed = (unsigned)time(NULL);
	struct guest_rx rx[64];

	printf("garbage: seed %u\n", seed);
	srand(seed);
	open_device(4, 1, 0);
	for (unsigned buffer = 0; buffer < 4000; buffer++) {
		struct qdio_sbal *sbal = &d->rx.sbal[buffer % 128];
		uint8_t *area = d->rx.area + buffer % 4 * GUEST_AREA_BYTES;

		for (unsigned i = 0; i < 400; i++)
			area[rand() % 65536] = (uint8_t)(rand() % 4 ? 2 : rand());
		for (unsigned e = 0; e < 16; e++)
			if (rand() % 2) {
				sbal->e[e].length = be32_of((uint32_t)rand() % 5000);
				sbal->e[e].eflags = (uint8_t)(rand() & 0x40);
			}
		area[0] = OSA_HDR_LAYER2;
		atomic_store(&d->rx.slsb[buffer % 128], rand() % 8 ? 0x82 : 0x8F);
		for (unsigned n; (n = guest_rx_burst(d, rx, 64));)
			for (unsigned i = 0; i < n; i++) {
				ck_assert_uint_ge(rx[i].len, 14);
				ck_assert(rx[i].data >= area);
				ck_assert(rx[i].data + rx[i].len <= area + 65536);
			}
		guest_rx_release(d);
	}
	ck_assert_uint_gt(stats->violations, 0);
	close_device();
}
END_TEST

/* ---- input: the ring
 * ----------------------------------------------------------------------------- */

static void receive_one(unsigned buffer)
{
	uint8_t frame[60];
	struct filler f;

	begin_buffer(&f, buffer, 4096);
	fill_frame(frame, sizeof(frame), buffer);
	put_frame(&f, frame, sizeof(frame));
	end_buffer(&f);
}

START_TEST(test_states)
{
	struct guest_rx rx[16];

	open_device(8, 2, 0);
	ck_assert_uint_eq(rx_state(7), QDIO_IN_EMPTY);
	ck_assert_uint_eq(rx_state(8), QDIO_IN_NOTINIT);
	for (unsigned i = 0; i < 5; i++)
		receive_one(i);
	ck_assert_uint_eq(guest_rx_burst(d, rx, 16), 5);
	ck_assert_uint_eq(rx_state(3), QDIO_IN_PRIMED); /* only the newest is acknowledged */
	ck_assert_uint_eq(rx_state(4), QDIO_IN_ACK);
	guest_rx_release(d);
	ck_assert_uint_eq(rx_state(8), QDIO_IN_EMPTY);
	ck_assert_uint_eq(rx_state(11), QDIO_IN_EMPTY);
	ck_assert_uint_eq(rx_state(12), QDIO_IN_NOTINIT); /* the newest is held back */
	ck_assert_uint_eq(rx_state(4), QDIO_IN_ACK);
	ck_assert_uint_eq(machine.siga_r, 2);

	ck_assert(!guest_rx_stop(d));
	ck_assert_uint_eq(rx_state(4), QDIO_IN_NOTINIT);
	receive_one(5);
	ck_assert(guest_rx_stop(d)); /* the race: it came before we slept */
	ck_assert_uint_eq(guest_rx_burst(d, rx, 16), 1);
	ck_assert(!guest_rx_stop(d));
	atomic_store(guest_dsci(d), 1);
	ck_assert(guest_rx_stop(d));
	machine.pending = GUEST_PENDING_AIRQ;
	ck_assert(guest_irq_ack(d));
	ck_assert(!guest_irq_ack(d));
	ck_assert_uint_eq(atomic_load(guest_dsci(d)), 0);
	ck_assert_uint_eq(stats->violations, 0);
	close_device();
}
END_TEST

static const unsigned pools[] = {2, 4, 16, 64, 128};

START_TEST(test_wrap)
{
	struct guest_rx rx[64];
	unsigned pool = pools[_i], sent = 0;
	uint8_t frame[60];

	open_device(pool, 1, 0);
	for (unsigned round = 0; round < 1000; round++) {
		unsigned want = pool == 2 ? 1 : 1 + round % (pool / 2), got;

		for (unsigned i = 0; i < want && i < 64; i++)
			receive_one(sent + i);
		got = guest_rx_burst(d, rx, 64);
		ck_assert_uint_eq(got, want < 64 ? want : 64);
		for (unsigned i = 0; i < got; i++) {
			fill_frame(frame, sizeof(frame), sent + i);
			ck_assert_mem_eq(rx[i].data, frame, sizeof(frame));
		}
		sent += got;
		ck_assert_uint_eq(guest_rx_burst(d, rx, 64), 0); /* leaves the last buffer */
		guest_rx_release(d);
		if (round % 3 == 0)
			ck_assert(!guest_rx_stop(d));
	}
	ck_assert_uint_eq(stats->violations, 0);
	close_device();
}
END_TEST

/* A byte beside the indicators changes: seen. */
START_TEST(test_indicator)
{
	open_device(8, 1, 0);
	((uint8_t *)guest_host(d, GUEST_AT_DSCI))[1] = 1;
	machine.pending = GUEST_PENDING_AIRQ;
	guest_irq_ack(d);
	ck_assert_uint_eq(stats->violation[GUEST_VIOLATION_INDICATOR], 1);
	close_device();
}
END_TEST

/* ---- output: a reader that trusts nothing
 * ------------------------------------------------------------ */

struct read_frame {
	uint32_t len;
	uint8_t id, offload;
	const uint8_t *first; /* the header */
	uint8_t bytes[65536];
};

/* One frame from entry e on, by the rules of spec/osa-qeth.md 7.6. Return: the next entry. */
static unsigned read_frame(const struct qdio_sbal *sbal, unsigned e, struct read_frame *r)
{
	uint32_t got = 0, skip = OSA_HDR_BYTES;
	unsigned first = e;

	for (;; e++) {
		const struct qdio_sbale *x = &sbal->e[e];
		uint64_t addr = be64_get(x->addr);
		uint32_t len = be32_get(x->length);
		const uint8_t *p = st.host + (addr - st.base);
		uint8_t frag = x->eflags & QDIO_EFLAG_FRAG_MASK;

		ck_assert_uint_lt(e, 16);
		ck_assert_uint_ge(len, 1);
		ck_assert_uint_eq(addr / 4096, (addr + len - 1) / 4096);
		if (e == first) {
			ck_assert_uint_ge(len, OSA_HDR_BYTES);
			r->first = p;
			r->id = p[0];
			r->offload = p[2];
			r->len = be16_load(p + 6);
			skip = r->id == OSA_HDR_LAYER2_TSO ? 64 : 32;
		} else {
			skip = 0;
		}
		memcpy(r->bytes + got, p + skip, len - skip);
		got += len - skip;
		if (got >= r->len) {
			ck_assert_uint_eq(frag, e == first ? 0 : QDIO_EFLAG_FRAG_LAST);
			break;
		}
		ck_assert_uint_eq(frag,
				  e == first ? QDIO_EFLAG_FRAG_FIRST : QDIO_EFLAG_FRAG_MIDDLE);
		ck_assert_uint_eq(x->eflags & QDIO_EFLAG_LAST, 0);
	}
	ck_assert_uint_eq(got, r->len);
	return e + 1;
}

/* Read SBAL i and complete it. Return: its frames. */
static unsigned read_sbal(unsigned i, struct read_frame *r, unsigned first_seed)
{
	const struct qdio_sbal *sbal = &d->tx[0].sbal[i % 128];
	unsigned e = 0, n = 0;
	static uint8_t want[65536];

	ck_assert_uint_eq(tx_state(i), QDIO_OUT_PRIMED);
	do {
		e = read_frame(sbal, e, r);
		fill_frame(want, r->len, first_seed + n++);
		ck_assert_mem_eq(r->bytes, want, r->len);
	} while (!(sbal->e[e - 1].eflags & QDIO_EFLAG_LAST));
	atomic_store(&d->tx[0].slsb[i % 128], QDIO_OUT_EMPTY);
	return n;
}

static const struct {
	unsigned n;
	uint32_t len;
	unsigned frames, per_sbal, sbals;
} packings[] = {
	{1, 60, 1, 1, 1},     {2, 60, 15, 15, 1},    {3, 60, 16, 15, 2},    {4, 64, 60, 15, 4},
	{5, 1514, 15, 15, 1}, {6, 1514, 8, 1, 8},    {7, 4064, 15, 15, 1},  {8, 4065, 8, 15, 1},
	{9, 4065, 9, 15, 2},  {10, 9018, 5, 5, 1},   {11, 9018, 6, 15, 2},  {12, 65504, 2, 15, 2},
	{13, 14, 3, 2, 2},    {14, 60, 128, 1, 128}, {15, 60, 129, 1, 128}, {16, 513, 30, 3, 10},
	{17, 31, 5, 5, 1},    {18, 32, 5, 5, 1},     {19, 512, 5, 5, 1},    {20, 0, 0, 1, 0},
};

START_TEST(test_packing)
{
	static uint8_t data[130][9100];
	static uint8_t big[2][65536];
	struct guest_frame f[130];
	static struct read_frame r;
	unsigned n = packings[_i].frames, done, sum = 0, i;

	open_device(8, 1, 200);
	for (i = 0; i < n; i++) {
		uint8_t *p = packings[_i].len > 9100 ? big[i] : data[i];

		fill_frame(p, packings[_i].len, i);
		f[i] = (struct guest_frame){.data = p, .len = packings[_i].len};
	}
	done = guest_tx_frames(d, 0, f, n, packings[_i].per_sbal);
	ck_assert_uint_eq(done, n > 128 ? 128 : n);
	for (i = 0; i < packings[_i].sbals; i++)
		sum += read_sbal(i, &r, sum);
	ck_assert_uint_eq(sum, done);
	ck_assert_uint_eq(tx_state(i), i < 128 ? QDIO_OUT_NOTINIT : QDIO_OUT_EMPTY);
	ck_assert_uint_eq(machine.siga_w, n ? 1 : 0);
	ck_assert_uint_eq(guest_tx_reclaim(d, 0), packings[_i].sbals);
	ck_assert_uint_eq(guest_tx_free(d, 0), 128);
	ck_assert_uint_eq(stats->violations, 0);
	close_device();
}
END_TEST

/* Frames of any length filled in place, until the slot takes no more. */
START_TEST(test_slots)
{
	unsigned seed = (unsigned)time(NULL), seq = 0;
	static struct read_frame r;
	struct guest_slot s;
	uint32_t room, len;
	uint8_t *p;

	printf("slots: seed %u\n", seed);
	srand(seed);
	open_device(8, 1, 200);
	for (unsigned i = 0; i < 2000; i++) {
		unsigned first = seq;

		ck_assert(guest_slot_open(d, 0, &s));
		while ((p = guest_slot_room(&s, &room)) && s.frames < 1 + (unsigned)rand() % 15) {
			len = 14 + (uint32_t)rand() % (rand() % 4 ? 1500 : 20000);
			if (len > room)
				break;
			fill_frame(p, len, seq);
			if (!guest_slot_add(&s, len, 0, 0, 0))
				break;
			seq++;
		}
		guest_slot_commit(d, &s);
		guest_tx_flush(d, 0);
		if (seq != first)
			ck_assert_uint_eq(read_sbal(d->tx[0].oldest, &r, first), seq - first);
		guest_tx_reclaim(d, 0);
	}
	ck_assert_uint_eq(stats->tx_frames, seq);
	ck_assert_uint_eq(stats->violations, 0);
	close_device();
}
END_TEST

static const struct {
	unsigned n;
	unsigned flags;
	bool tag;
	uint8_t id, offload, cast;
} headers[] = {
	{1, 0, false, 2, 0, 0x04},
	{2, GUEST_TX_CSUM, false, 2, 0x20, 0x04},
	{3, GUEST_TX_CSUM | GUEST_TX_UDP, false, 2, 0x60, 0x04},
	{4, GUEST_TX_TSO, false, 6, 0, 0x04},
	{5, 0, true, 2, 0, 0x14},
};

START_TEST(test_header)
{
	static struct read_frame r;
	struct guest_slot s;
	uint32_t room, len = 20000;
	uint8_t *p;

	open_device(8, 1, 200);
	ck_assert(guest_slot_open(d, 0, &s));
	p = guest_slot_room(&s, &room);
	fill_frame(p, len, 0);
	if (headers[_i].tag) {
		be16_store(p + 12, 0x8100);
		be16_store(p + 14, 0x2005);
	}
	ck_assert(guest_slot_add(&s, len, headers[_i].flags, 54, 1448));
	guest_slot_commit(d, &s);
	guest_tx_flush(d, 0);
	read_frame(s.sbal, 0, &r);
	ck_assert_uint_eq(r.id, headers[_i].id);
	ck_assert_uint_eq(r.offload, headers[_i].offload);
	ck_assert_uint_eq(r.first[3], headers[_i].cast);
	ck_assert_uint_eq(be16_load(r.first + 10), headers[_i].tag ? 0x2005 : 0);
	if (r.id == 6) { /* 7.4 */
		ck_assert_uint_eq(be16_load(r.first + 32), 32);
		ck_assert_uint_eq(be32_load(r.first + 40), len - 54);
		ck_assert_uint_eq(be16_load(r.first + 44), 1448);
		ck_assert_uint_eq(be16_load(r.first + 46), 54);
	}
	close_device();
}
END_TEST

static const struct {
	unsigned n;
	const char *mac;
	uint8_t cast;
} casts[] = {
	{1, "\x02\x00\x00\x00\x00\x01", 0x04},
	{2, "\xFF\xFF\xFF\xFF\xFF\xFF", 0x02},
	{3, "\x01\x00\x5E\x00\x00\x01", 0x01},
	{4, "\xFF\xFF\xFF\xFF\xFF\xFE", 0x01},
};

START_TEST(test_cast)
{
	uint8_t frame[60] = {0};
	struct guest_frame f = {.data = frame, .len = 60};

	open_device(8, 1, 200);
	memcpy(frame, casts[_i].mac, 6);
	ck_assert_uint_eq(guest_tx_frames(d, 0, &f, 1, 1), 1);
	ck_assert_uint_eq(d->tx[0].area[3], casts[_i].cast);
	close_device();
}
END_TEST

/* ---- output: completion and signals
 * --------------------------------------------------------------- */

static void send(unsigned n)
{
	static uint8_t frame[60] = {2};
	struct guest_frame f[128];

	for (unsigned i = 0; i < n; i++)
		f[i] = (struct guest_frame){.data = frame, .len = sizeof(frame)};
	ck_assert_uint_eq(guest_tx_frames(d, 0, f, n, 1), n);
}

START_TEST(test_completion)
{
	open_device(8, 1, 200);
	send(4);
	atomic_store(&d->tx[0].slsb[0], QDIO_OUT_EMPTY);
	d->tx[0].sbal[1].e[14].sflags = 3;
	d->tx[0].sbal[1].e[15].sflags = QDIO_REASON_BAD_BUFFER;
	atomic_store(&d->tx[0].slsb[1], QDIO_OUT_ERROR);
	atomic_store(&d->tx[0].slsb[3], QDIO_OUT_EMPTY); /* out of order: not looked at yet */
	ck_assert_uint_eq(guest_tx_reclaim(d, 0), 2);
	ck_assert_uint_eq(stats->tx_errors, 1);
	ck_assert_uint_eq(stats->tx_error_entry, 3);
	ck_assert_uint_eq(stats->tx_error_reason, QDIO_REASON_BAD_BUFFER);
	ck_assert_uint_eq(d->tx[0].sbal[1].e[15].sflags, 0);
	ck_assert_uint_eq(guest_tx_busy(d, 0), 2);
	d->tx[0].sbal[2].e[15].sflags = 1; /* a reason without an error */
	atomic_store(&d->tx[0].slsb[2], QDIO_OUT_EMPTY);
	ck_assert_uint_eq(guest_tx_reclaim(d, 0), 2);
	ck_assert_uint_eq(stats->violation[GUEST_VIOLATION_TX_STALE_REASON], 1);
	close_device();
}
END_TEST

static const uint8_t bad_states[] = {0xA0, 0xA3, 0xAE, 0xFF, 0x00, 0x41, 0x82};

START_TEST(test_bad_tx_state)
{
	open_device(8, 1, 200);
	send(1);
	atomic_store(&d->tx[0].slsb[0], bad_states[_i]);
	ck_assert_uint_eq(guest_tx_reclaim(d, 0), 0);
	ck_assert_uint_eq(guest_tx_reclaim(d, 0), 0);
	ck_assert_uint_eq(stats->violation[GUEST_VIOLATION_TX_STATE], 1);
	close_device();
}
END_TEST

START_TEST(test_tack_on)
{
	open_device(8, 1, 200);
	send(1);
	ck_assert_uint_eq(machine.siga_w, 1);
	send(3); /* the one before is primed still */
	ck_assert_uint_eq(machine.siga_w, 1);
	ck_assert_uint_eq(stats->tx_tack_ons, 1);
	for (unsigned i = 0; i < 4; i++)
		atomic_store(&d->tx[0].slsb[i], QDIO_OUT_EMPTY);
	send(1);
	ck_assert_uint_eq(machine.siga_w, 2);
	close_device();
}
END_TEST

START_TEST(test_pci_request)
{
	unsigned asked = 0;

	open_device(8, 1, 10);
	for (unsigned i = 0; i < 40; i++)
		send(1);
	for (unsigned i = 0; i < 40; i++)
		asked += d->tx[0].sbal[i].e[0].sflags == QDIO_SBALF0_PCI;
	ck_assert_uint_eq(asked, 1); /* one at a time */
	ck_assert_uint_eq(d->tx[0].sbal[10].e[0].sflags, QDIO_SBALF0_PCI);
	for (unsigned i = 0; i < 11; i++)
		atomic_store(&d->tx[0].slsb[i], QDIO_OUT_EMPTY);
	guest_tx_reclaim(d, 0);
	send(1);
	ck_assert_uint_eq(d->tx[0].sbal[40].e[0].sflags, QDIO_SBALF0_PCI);
	close_device();
}
END_TEST

static uint64_t page_of(unsigned sbal)
{
	return be64_get(d->tx[0].sbal[sbal].e[0].addr) / GUEST_PAGE;
}

/* A small window: no more is in use at once, in areas of their own, and a full one can be slept on.
 */
START_TEST(test_window)
{
	static uint8_t data[64];
	struct guest_frame f[20];
	unsigned asked = 0;

	open_config((struct guest_config){.pool = 8, .refill = 1, .window = 8, .check_all = true});
	for (unsigned i = 0; i < 20; i++)
		f[i] = (struct guest_frame){.data = data, .len = sizeof(data)};
	ck_assert_uint_eq(guest_tx_frames(d, 0, f, 20, 1), 8);
	for (unsigned i = 0; i < 8; i++) {
		asked += d->tx[0].sbal[i].e[0].sflags == QDIO_SBALF0_PCI;
		for (unsigned j = 0; j < i; j++)
			ck_assert_uint_ne(page_of(i), page_of(j));
		atomic_store(&d->tx[0].slsb[i], i < 3 ? QDIO_OUT_EMPTY : QDIO_OUT_PRIMED);
	}
	ck_assert_uint_eq(asked, 1);
	ck_assert_uint_eq(guest_tx_free(d, 0), 3);
	ck_assert_uint_eq(guest_tx_frames(d, 0, f, 20, 1), 3);
	for (unsigned i = 8; i < 11; i++)
		for (unsigned j = 3; j < 8; j++)
			ck_assert_uint_ne(page_of(i), page_of(j));
	close_device();
}
END_TEST

static const struct {
	unsigned n;
	int cc;
	unsigned events, violations;
} sigas[] = {
	{1, 0, 0, 0},
	{2, 1, GUEST_EV_RECOVER, 0},
	{3, 2, GUEST_EV_RECOVER, 1},
	{4, 3, GUEST_EV_RECOVER, 1},
	{5, GUEST_PGM(21), GUEST_EV_RECOVER, 1},
	{6, -107 /* ENOTCONN */, GUEST_EV_LOST, 0},
};

START_TEST(test_siga)
{
	open_device(8, 1, 200);
	machine.cc = sigas[_i].cc;
	send(1);
	ck_assert_uint_eq(guest_service(d), sigas[_i].events);
	ck_assert_uint_eq(guest_service(d), 0);
	ck_assert_uint_eq(stats->violation[GUEST_VIOLATION_SIGA], sigas[_i].violations);
	close_device();
}
END_TEST

static const struct {
	unsigned n;
	struct guest_config cfg;
	bool ok;
} configs[] = {
	{1, {0}, true},
	{2, {.pool = 128, .out_queues = 4}, true},
	{3, {.pool = 1}, false},
	{4, {.pool = 129}, false},
	{5, {.pool = 100}, false},
	{6, {.pool = 8, .refill = 8}, false},
	{7, {.out_queues = 5}, false},
	{8, {.desc_words = 7}, false},
	{9, {.window = 12}, false},
	{10, {.window = 256}, false},
};

START_TEST(test_config)
{
	struct guest_storage s = {.base = 0x10000, .bytes = (size_t)64 << 20};
	struct guest_dev *dev = guest_dev_create(&configs[_i].cfg, &s);

	ck_assert_int_eq(dev != NULL, configs[_i].ok);
	guest_dev_destroy(dev);
}
END_TEST

#define ROWS(t) (int)(sizeof(t) / sizeof((t)[0]))

static TCase *input_case(void)
{
	TCase *c = tcase_create("input");

	tcase_set_timeout(c, 30); /* a busy machine and sanitizers */
	tcase_add_loop_test(c, test_layout, 0, ROWS(layouts));
	tcase_add_test(c, test_random_layouts);
	tcase_add_loop_test(c, test_malformed, 0, ROWS(malformed));
	tcase_add_test(c, test_garbage);
	tcase_add_test(c, test_states);
	tcase_add_loop_test(c, test_wrap, 0, ROWS(pools));
	tcase_add_test(c, test_indicator);
	return c;
}

static TCase *output_case(void)
{
	TCase *c = tcase_create("output");

	tcase_set_timeout(c, 30); /* a busy machine and sanitizers */
	tcase_add_loop_test(c, test_packing, 0, ROWS(packings));
	tcase_add_test(c, test_slots);
	tcase_add_loop_test(c, test_header, 0, ROWS(headers));
	tcase_add_loop_test(c, test_cast, 0, ROWS(casts));
	tcase_add_test(c, test_completion);
	tcase_add_loop_test(c, test_bad_tx_state, 0, ROWS(bad_states));
	tcase_add_test(c, test_tack_on);
	tcase_add_test(c, test_pci_request);
	tcase_add_test(c, test_window);
	tcase_add_loop_test(c, test_siga, 0, ROWS(sigas));
	tcase_add_loop_test(c, test_config, 0, ROWS(configs));
	return c;
}

int main(void)
{
	Suite *s = suite_create("guest");
	SRunner *sr = srunner_create(s);
	int failed;

	suite_add_tcase(s, input_case());
	suite_add_tcase(s, output_case());
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
