/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Captures, zland's side: the ring against a naive queue, with hostile readers and without room;
 * requests; frames of a real switch with fake ports.
 */
#include <check.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <urcu-qsbr.h>

#include "cp/capture.h"
#include "cp/capture_attach.h"
#include "cp/tracefile.h"
#include "tests/fakeport.h"

/* ---- ring ---------------------------------------------------------------------------------- */

#define SMALL 4096u
#define CANARY 64u

/* A small ring with canaries around its data. */
struct ring_bed {
	struct capture_ring shared;
	uint8_t memory[CANARY + SMALL + CANARY];
	struct cp_ring_writer w;
	struct cp_ring_reader r;
};

static void ring_init(struct ring_bed *b)
{
	memset(b, 0, sizeof(*b));
	memset(b->memory, 0xC5, sizeof(b->memory));
	cp_ring_writer_init(&b->w, &b->shared, b->memory + CANARY, SMALL);
	cp_ring_reader_init(&b->r, &b->shared, b->memory + CANARY, SMALL);
}

static void canaries_live(const struct ring_bed *b)
{
	for (unsigned i = 0; i < CANARY; i++) {
		ck_assert_uint_eq(b->memory[i], 0xC5);
		ck_assert_uint_eq(b->memory[CANARY + SMALL + i], 0xC5);
	}
}

static uint8_t payload_at(uint64_t seq, uint32_t i)
{
	return (uint8_t)(seq * 37 + i);
}

static void put(struct cp_ring_writer *w, uint64_t seq, uint32_t caplen, const char *port)
{
	static uint8_t data[SMALL * 2];
	const struct vs_capture_frame f = {
		.ns = seq,
		.dir = seq % 3,
		.reason = seq % VS_DROP_COUNT,
		.len = caplen + 7,
		.caplen = caplen,
		.data = data,
	};

	for (uint32_t i = 0; i < caplen; i++)
		data[i] = payload_at(seq, i);
	cp_ring_put(w, &f, port);
}

static void is_frame(const struct cp_ring_frame *f, uint64_t seq, uint32_t caplen)
{
	ck_assert_uint_eq(f->ns, seq);
	ck_assert_uint_eq(f->dir, seq % 3);
	ck_assert_uint_eq(f->reason, seq % VS_DROP_COUNT);
	ck_assert_uint_eq(f->caplen, caplen);
	ck_assert_uint_eq(f->len, caplen + 7);
	for (uint32_t i = 0; i < caplen; i++)
		ck_assert_uint_eq(f->data[i], payload_at(seq, i));
}

/* The naive queue: what was put and not lost, by sequence number. */
struct model {
	uint64_t seq[4096];
	uint32_t caplen[4096];
	unsigned head, published, tail;
};

static unsigned bytes_of(uint32_t caplen)
{
	return (unsigned)(sizeof(struct capture_record) + caplen + 7) / 8 * 8;
}

static void model_put(struct ring_bed *b, struct model *m, uint64_t seq, uint32_t caplen)
{
	uint64_t lost = b->w.lost;
	unsigned used = 0;

	for (unsigned i = m->tail; i < m->head; i++)
		used += bytes_of(m->caplen[i]);
	put(&b->w, seq, caplen, "P");
	/* The end of the ring may cost up to one frame more. */
	if (used + bytes_of(caplen) > SMALL)
		ck_assert_uint_eq(b->w.lost, lost + 1);
	if (used + 3 * bytes_of(CANARY * 8) + bytes_of(caplen) * 2 <= SMALL)
		ck_assert_uint_eq(b->w.lost, lost);
	if (b->w.lost != lost)
		return;
	m->seq[m->head] = seq;
	m->caplen[m->head++] = caplen;
}

/* Read up to n frames of what is published, then give them back. */
static void model_read(struct ring_bed *b, struct model *m, unsigned n)
{
	struct cp_ring_frame f;

	ck_assert_int_eq(cp_ring_refresh(&b->r), m->tail != m->published);
	for (; n && m->tail < m->published; n--, m->tail++) {
		ck_assert_int_eq(cp_ring_next(&b->r, &f), 1);
		is_frame(&f, m->seq[m->tail], m->caplen[m->tail]);
		ck_assert_str_eq(f.port, "P");
	}
	if (m->tail == m->published)
		ck_assert_int_eq(cp_ring_next(&b->r, &f), 0);
	cp_ring_release(&b->r);
}

START_TEST(ring_as_queue)
{
	unsigned seed = (unsigned)time(NULL) + (unsigned)_i;
	struct ring_bed *b = aligned_alloc(64, (sizeof(*b) + 63) / 64 * 64);
	struct model *m = calloc(1, sizeof(*m));
	unsigned state = seed;

	ck_assert(b && m);
	ring_init(b);
	for (uint64_t op = 0; op < 4000; op++) {
		unsigned dice = (unsigned)rand_r(&state);

		if (dice % 8 < 5) {
			model_put(b, m, op, dice / 8 % (dice % 3 ? 80 : CANARY * 8));
		} else if (dice % 8 == 5) {
			cp_ring_publish(&b->w);
			m->published = m->head;
		} else {
			model_read(b, m, dice / 8 % 20);
		}
	}
	canaries_live(b);
	ck_assert_msg(m->head > 500 && b->w.lost, "seed %u: %u put, %lu lost", seed, m->head,
		      (unsigned long)b->w.lost);
	ck_assert_uint_eq(cp_ring_lost(&b->r), b->w.lost);
	free(m);
	free(b);
}
END_TEST

START_TEST(ring_full)
{
	struct ring_bed *b = aligned_alloc(64, (sizeof(*b) + 63) / 64 * 64);
	struct cp_ring_frame f;
	unsigned fits = SMALL / bytes_of(80);

	ring_init(b);
	for (unsigned i = 0; i < fits + 10; i++)
		put(&b->w, i, 80, "A-PORT-NAME-OF-24-BYTES!");
	ck_assert_uint_eq(b->w.lost, 10);
	ck_assert(!cp_ring_refresh(&b->r)); /* not published */
	cp_ring_publish(&b->w);
	ck_assert(cp_ring_refresh(&b->r));
	ck_assert_uint_eq(cp_ring_lost(&b->r), 10);
	for (unsigned i = 0; i < fits; i++) {
		ck_assert_int_eq(cp_ring_next(&b->r, &f), 1);
		is_frame(&f, i, 80);
		ck_assert_str_eq(f.port, "A-PORT-NAME-OF-24-BYTES!");
	}
	/* room again, but only once it was given back */
	put(&b->w, 99, 80, "P");
	ck_assert_uint_eq(b->w.lost, 11);
	cp_ring_release(&b->r);
	put(&b->w, 99, 80, "P");
	ck_assert_uint_eq(b->w.lost, 11);
	put(&b->w, 100, SMALL, "P"); /* never fits */
	ck_assert_uint_eq(b->w.lost, 12);
	canaries_live(b);
	free(b);
}
END_TEST

/* Whatever the reader writes into its index, the writer stays in the ring and counts. */
START_TEST(ring_hostile_tail)
{
	unsigned state = (unsigned)time(NULL) + (unsigned)_i, seed = state;
	struct ring_bed *b = aligned_alloc(64, (sizeof(*b) + 63) / 64 * 64);
	uint64_t puts = 0;

	ring_init(b);
	for (; puts < 20000; puts++) {
		uint64_t tail = (uint64_t)rand_r(&state) << (rand_r(&state) % 64);

		if (puts % 3 == 0)
			tail = b->w.head - tail % (UINT64_C(2) * SMALL) + SMALL / 2;
		atomic_store(&b->shared.tail, tail);
		put(&b->w, puts, (uint32_t)rand_r(&state) % 600, "P");
		if (puts % 16 == 0)
			cp_ring_publish(&b->w);
		if (b->w.head - b->w.tail > SMALL)
			ck_abort_msg("seed %u: head %lu tail %lu", seed, (unsigned long)b->w.head,
				     (unsigned long)b->w.tail);
	}
	canaries_live(b);
	ck_assert_uint_gt(b->w.lost, 0);
	ck_assert_uint_lt(b->w.lost, puts);
	free(b);
}
END_TEST

static const struct {
	int n;
	uint64_t head;
	struct capture_record rec;
} nonsense[] = {
	{1, 7, {.bytes = 64, .kind = CAPTURE_FRAME}},
	{2, SMALL + 8, {.bytes = 64, .kind = CAPTURE_FRAME}},
	{3, UINT64_MAX - 7, {.bytes = 64, .kind = CAPTURE_FRAME}},
	{4, 64, {.bytes = 0, .kind = CAPTURE_FRAME}},
	{5, 64, {.bytes = 4, .kind = CAPTURE_PAD}},
	{6, 64, {.bytes = 72, .kind = CAPTURE_FRAME}},
	{7, 64, {.bytes = 60, .kind = CAPTURE_FRAME}},
	{8, 64, {.bytes = 40, .kind = CAPTURE_FRAME}},
	{9, 64, {.bytes = 64, .kind = CAPTURE_FRAME, .caplen = 17, .len = 17}},
	{10, 64, {.bytes = 64, .kind = CAPTURE_FRAME, .caplen = 16, .len = 15}},
	{11, 64, {.bytes = 64, .kind = 2}},
	{12, 64, {.bytes = 64, .kind = CAPTURE_FRAME, .caplen = UINT32_MAX, .len = UINT32_MAX}},
	{13, 8, {.bytes = 64, .kind = CAPTURE_FRAME}},
};

START_TEST(ring_nonsense)
{
	struct ring_bed *b = aligned_alloc(64, (sizeof(*b) + 63) / 64 * 64);
	struct cp_ring_frame f;

	ring_init(b);
	memcpy(b->memory + CANARY, &nonsense[_i].rec, sizeof(nonsense[_i].rec));
	atomic_store(&b->shared.head, nonsense[_i].head);
	ck_assert(cp_ring_refresh(&b->r));
	ck_assert_msg(cp_ring_next(&b->r, &f) == -EPROTO, "row %d", nonsense[_i].n);
	free(b);
}
END_TEST

#define THREAD_FRAMES 200000u

static void *write_frames(void *ctx)
{
	struct ring_bed *b = ctx;

	for (uint64_t i = 0; i < THREAD_FRAMES; i++) {
		put(&b->w, i, (uint32_t)(i * 13 % 200), "P");
		if (i % 7 == 0 || i + 1 == THREAD_FRAMES)
			cp_ring_publish(&b->w);
	}
	return NULL;
}

/* Two threads: every frame arrives once and whole, or is counted. */
START_TEST(ring_threads)
{
	struct ring_bed *b = aligned_alloc(64, (sizeof(*b) + 63) / 64 * 64);
	struct cp_ring_frame f;
	uint64_t got = 0, next = 0;
	pthread_t writer;
	bool done = false;

	ring_init(b);
	ck_assert_int_eq(pthread_create(&writer, NULL, write_frames, b), 0);
	for (;;) {
		int rc;

		if (!cp_ring_refresh(&b->r)) {
			if (done)
				break;
			done = pthread_tryjoin_np(writer, NULL) == 0;
		}
		while ((rc = cp_ring_next(&b->r, &f)) == 1) {
			ck_assert_uint_ge(f.ns, next);
			is_frame(&f, f.ns, (uint32_t)(f.ns * 13 % 200));
			next = f.ns + 1;
			got++;
		}
		ck_assert_int_eq(rc, 0);
		cp_ring_release(&b->r);
	}
	ck_assert_uint_eq(got + cp_ring_lost(&b->r), THREAD_FRAMES);
	canaries_live(b);
	free(b);
}
END_TEST

/* ---- a switch ------------------------------------------------------------------------------ */

#define PORTS 4

/* VSW1 with four guests, two on each of two workers; VSW2 with NIC ONE/0600, idle. */
struct bed {
	struct cp *cp;
	struct vs_switch *sw;
	struct vs_worker *w[2];
	struct vs_port *port[PORTS];
	struct fake_port fake[PORTS];
	struct cp_capture *c;
	int fds[2];
	struct cp_attached in;
};

static struct bed *bed;

static void command(const char *line)
{
	const struct cp_caller oper = {.user = "OPERATOR", .class_b = true};
	struct cp_reply r = {0};

	ck_assert_msg(cp_execute(bed->cp, &oper, line, &r) == 0, "%s: %s", line, r.errors);
	cp_reply_free(&r);
}

static void mac_of(unsigned i, uint8_t mac[6])
{
	const uint8_t m[6] = {2, 0, 0, 0, 0, (uint8_t)(i + 1)};

	memcpy(mac, m, 6);
}

static void port_setup(unsigned i)
{
	struct vs_port_config cfg = {.role = VS_ROLE_GUEST, .mac_protect = -1};
	struct vs_link link;
	uint8_t mac[6];

	snprintf(cfg.name, sizeof(cfg.name), "GUEST%u/0600", i);
	fake_init(&bed->fake[i]);
	bed->port[i] = vs_port_create(bed->sw, &cfg);
	ck_assert_ptr_nonnull(bed->port[i]);
	vs_port_assign(bed->port[i], bed->w[i / 2]);
	link = vs_port_link(bed->port[i]);
	ck_assert_int_eq(link.ops->start(link.ctx, &fake_ops, &bed->fake[i]), 0);
	mac_of(i, mac);
	ck_assert_int_eq(link.ops->mac_add(link.ctx, mac), 0);
}

static void bed_setup(void)
{
	const struct cp_hooks hooks = {0};

	rcu_register_thread();
	bed = calloc(1, sizeof(*bed));
	bed->cp = cp_create(&hooks);
	ck_assert_ptr_nonnull(bed->cp);
	command("DEFINE VSWITCH VSW1 ETHERNET");
	command("DEFINE VSWITCH VSW2 ETHERNET");
	command("SET VSWITCH VSW2 GRANT ONE");
	command("NICDEF ONE 0600 TYPE QDIO LAN SYSTEM VSW2");
	bed->sw = cp_find_switch(bed->cp, "VSW1");
	ck_assert_ptr_nonnull(bed->sw);
	for (unsigned i = 0; i < 2; i++)
		bed->w[i] = vs_worker_create();
	for (unsigned i = 0; i < PORTS; i++)
		port_setup(i);
}

static void bed_teardown(void)
{
	cp_capture_stop(bed->c);
	for (unsigned i = 0; i < PORTS; i++) {
		vs_port_destroy(bed->port[i]);
		fake_fini(&bed->fake[i]);
	}
	for (unsigned i = 0; i < 2; i++)
		vs_worker_destroy(bed->w[i]);
	cp_destroy(bed->cp);
	free(bed);
	rcu_unregister_thread();
}

static void start(const char *request)
{
	json_t *o = json_loads(request, 0, NULL);
	char err[256] = "";

	ck_assert_ptr_nonnull(o);
	bed->c = cp_capture_start(bed->cp, o, bed->fds, err, sizeof(err));
	ck_assert_msg(bed->c != NULL, "%s: %s", request, err);
	json_decref(o);
	memset(&bed->in, 0, sizeof(bed->in));
	bed->in.sock = -1;
	bed->in.wake = bed->fds[1];
	ck_assert_int_eq(cp_capture_map(&bed->in, bed->fds[0]), 0);
}

static void detach(void)
{
	bed->in.wake = -1; /* the capture's */
	cp_capture_detach(&bed->in);
}

/* A frame from one guest to another (to < 0: to an address nobody has). */
static void send_frame(unsigned from, int to, uint32_t len)
{
	uint8_t frame[FAKE_BYTES], dst[6], src[6];

	mac_of(to < 0 ? 100 : (unsigned)to, dst);
	mac_of(from, src);
	len = fake_frame(frame, dst, src, -1, len, 1);
	ck_assert_ptr_nonnull(fake_inject(&bed->fake[from], frame, len));
}

static void turn(void)
{
	for (unsigned i = 0; i < 2; i++)
		while (vs_worker_poll(bed->w[i]))
			rcu_quiescent_state();
}

struct seen {
	unsigned in, out, drop, worker[2];
	struct cp_ring_frame last;
};

static struct seen read_all(void)
{
	struct seen s = {0};

	for (unsigned i = 0; i < CAPTURE_RINGS; i++) {
		struct cp_ring_reader *r = &bed->in.ring[i];
		struct cp_ring_frame f;
		int rc;

		cp_ring_refresh(r);
		while ((rc = cp_ring_next(r, &f)) == 1) {
			s.in += f.dir == VS_CAPTURE_IN;
			s.out += f.dir == VS_CAPTURE_OUT;
			s.drop += f.dir == VS_CAPTURE_DROP;
			s.last = f;
			ck_assert_uint_lt(i, 2);
			s.worker[i]++;
		}
		ck_assert_int_eq(rc, 0);
		cp_ring_release(r);
	}
	return s;
}

static const struct {
	int n;
	const char *request, *error;
} requests[] = {
	{1, "{\"vswitch\": \"NOSUCH\"}", "ZLN2040E"},
	{2, "{\"nic\": \"NOBODY/0600\"}", "ZLN2701E"},
	{3, "{\"nic\": \"nonsense\"}", "ZLN2701E"},
	{4, "{\"vswitch\": 1}", "ZLN0002E"},
	{5, "{\"nic\": []}", "ZLN0002E"},
	{6, "{\"vswitch\": \"VSW1\", \"nic\": \"A/0600\"}", "ZLN2701E"},
	{7, "{\"dropped\": 1}", "ZLN0002E"},
	{8, "{\"snaplen\": 63}", "ZLN0002E"},
	{9, "{\"snaplen\": 65536}", "ZLN0002E"},
	{10, "{\"snaplen\": \"96\"}", "ZLN0002E"},
	{11, "{\"snaplen\": 4294967360}", "ZLN0002E"},
	{12, "{\"vswitch\": \"\"}", "ZLN2040E"},
	{13, "{\"vswitch\": \"VSW1\", \"nic\": \"ONE/0600\"}", "ZLN2710E"},
	{14, "{\"vlan\": 10}", "ZLN0002E"},
	{15, "{\"vlan\": []}", "ZLN0002E"},
	{16, "{\"vlan\": [10, 4095]}", "ZLN0002E"},
	{17, "{\"vlan\": [0]}", "ZLN0002E"},
	{18, "{\"vlan\": [\"10\"]}", "ZLN0002E"},
	{20, "{}", NULL},
	{25, "{\"vlan\": [1, 4094]}", NULL},
	{26, "{\"vlan\": null}", NULL},
	{21, "{\"vswitch\": null, \"nic\": null, \"dropped\": false, \"snaplen\": 64}", NULL},
	{22, "{\"vswitch\": \"vsw1\"}", NULL},
	{23, "{\"nic\": \"one/600\"}", NULL},
	{24, "{\"vswitch\": \"VSW2\", \"nic\": \"ONE/0600\"}", NULL},
};

START_TEST(request_table)
{
	json_t *o = json_loads(requests[_i].request, 0, NULL);
	char err[256] = "";

	bed->c = cp_capture_start(bed->cp, o, bed->fds, err, sizeof(err));
	json_decref(o);
	if (requests[_i].error) {
		ck_assert_msg(!bed->c, "row %d", requests[_i].n);
		ck_assert_msg(!strncmp(err, requests[_i].error, 8), "row %d: %s", requests[_i].n,
			      err);
	} else {
		ck_assert_msg(bed->c != NULL, "row %d: %s", requests[_i].n, err);
	}
}
END_TEST

START_TEST(frames_of_a_switch)
{
	start("{\"vswitch\": \"VSW1\"}");
	for (unsigned i = 0; i < 5; i++) {
		struct seen s;

		send_frame(0, 1, 60 + i);
		send_frame(2, 0, 1000);
		send_frame(3, -1, 100);
		turn();
		s = read_all();
		/* whoever sent it: in once; delivered: out once; to nobody: in and dropped */
		ck_assert_uint_eq(s.in, 3);
		ck_assert_uint_eq(s.out, 2);
		ck_assert_uint_eq(s.drop, 1);
		ck_assert_uint_eq(s.worker[0], 2);
		ck_assert_uint_eq(s.worker[1], 4);
	}
	detach();
}
END_TEST

START_TEST(dropped_only)
{
	struct seen s;

	start("{\"dropped\": true, \"snaplen\": 64}");
	send_frame(0, 1, 60);
	send_frame(0, -1, 100);
	turn();
	s = read_all();
	ck_assert_uint_eq(s.in + s.out, 0);
	ck_assert_uint_eq(s.drop, 1);
	ck_assert_uint_eq(s.last.reason, VS_DROP_UNKNOWN_UNICAST);
	ck_assert_uint_eq(s.last.len, 100);
	ck_assert_uint_eq(s.last.caplen, 64);
	ck_assert_str_eq(s.last.port, "GUEST0/0600");
	detach();
}
END_TEST

/* VLANs: of the tags where there are some, of the ports where there are none, also of what is
 * dropped. */
static const struct {
	int n;
	const char *request;
	unsigned in, out, drop;
} vlans[] = {
	{1, "{\"vswitch\": \"VSW3\", \"vlan\": [10]}", 2, 2, 0},
	{2, "{\"vswitch\": \"VSW3\", \"vlan\": [20]}", 1, 0, 1},
	{3, "{\"vswitch\": \"VSW3\", \"vlan\": [30]}", 1, 0, 1},
	{4, "{\"vswitch\": \"VSW3\", \"vlan\": [10, 30]}", 3, 2, 1},
	{5, "{\"vswitch\": \"VSW3\", \"vlan\": [40]}", 0, 0, 0},
	{6, "{\"vswitch\": \"VSW3\", \"vlan\": [10, 20, 30], \"dropped\": true}", 0, 0, 2},
	{7, "{\"vswitch\": \"VSW3\"}", 4, 2, 2},
};

static void send_tagged(unsigned from, unsigned to, int tci)
{
	uint8_t frame[FAKE_BYTES], dst[6], src[6];
	uint32_t len;

	mac_of(to, dst);
	mac_of(from, src);
	len = fake_frame(frame, dst, src, tci, 100, 1);
	ck_assert_ptr_nonnull(fake_inject(&bed->fake[from], frame, len));
}

START_TEST(by_vlan)
{
	struct vs_port_config cfg = {.role = VS_ROLE_GUEST, .mac_protect = -1};
	struct seen s;

	command("DEFINE VSWITCH VSW3 ETHERNET VLAN AWARE NATIVE NONE");
	for (unsigned i = 0; i < PORTS; i++) {
		vs_port_destroy(bed->port[i]);
		fake_fini(&bed->fake[i]);
	}
	bed->sw = cp_find_switch(bed->cp, "VSW3");
	for (unsigned i = 0; i < PORTS; i++)
		port_setup(i);
	/* 0: access 10; 1: trunk of 10 and 20; 2: access 20 */
	cfg.type = VS_TYPE_ACCESS;
	cfg.access_vid = 10;
	ck_assert_int_eq(vs_port_configure(bed->port[0], &cfg), 0);
	cfg.access_vid = 20;
	ck_assert_int_eq(vs_port_configure(bed->port[2], &cfg), 0);
	cfg.type = VS_TYPE_TRUNK;
	cfg.access_vid = 0;
	vs_vidset_add(&cfg.vids, 10);
	vs_vidset_add(&cfg.vids, 20);
	ck_assert_int_eq(vs_port_configure(bed->port[1], &cfg), 0);
	start(vlans[_i].request);
	send_tagged(0, 1, -1); /* gets a tag */
	send_tagged(1, 0, 10); /* loses it */
	send_tagged(2, 0, -1); /* nobody has the address in 20 */
	send_tagged(1, 0, 30); /* not allowed */
	turn();
	s = read_all();
	ck_assert_msg(s.in == vlans[_i].in && s.out == vlans[_i].out && s.drop == vlans[_i].drop,
		      "row %d: in %u out %u drop %u", vlans[_i].n, s.in, s.out, s.drop);
	detach();
}
END_TEST

/* Where tags are data, they count all the same. */
START_TEST(by_vlan_unaware)
{
	struct seen s;

	start("{\"vswitch\": \"VSW1\", \"vlan\": [30]}");
	send_tagged(0, 1, 30);
	send_tagged(0, 1, 31);
	send_tagged(0, 1, -1);
	turn();
	s = read_all();
	ck_assert_uint_eq(s.in, 1);
	ck_assert_uint_eq(s.out, 1);
	detach();
}
END_TEST

/* A slow reader costs frames, counted, and nothing else: all are delivered. */
START_TEST(slow_reader)
{
	uint64_t lost = 0, want = 0;

	start("{\"vswitch\": \"VSW1\"}");
	for (unsigned i = 0; i < 4000; i++, want++) {
		send_frame(0, 1, 1514);
		turn();
		ck_assert_uint_eq(bed->fake[1].n_out, 1);
		fake_clear(&bed->fake[1]);
	}
	lost = cp_ring_lost(&bed->in.ring[0]);
	ck_assert_uint_gt(lost, 0);
	ck_assert_uint_eq(read_all().worker[0] + lost, 2 * want);
	send_frame(0, 1, 1514);
	turn();
	ck_assert_uint_eq(read_all().worker[0], 2);
	detach();
}
END_TEST

static int readable(void)
{
	struct pollfd pfd = {.fd = bed->fds[1], .events = POLLIN};

	return poll(&pfd, 1, 0);
}

START_TEST(wakes_a_sleeper)
{
	start("{}");
	send_frame(0, 1, 60);
	turn();
	ck_assert_int_eq(readable(), 0);       /* nobody sleeps */
	ck_assert(cp_capture_sleep(&bed->in)); /* there is something */
	cp_capture_awake(&bed->in);
	read_all();
	ck_assert(!cp_capture_sleep(&bed->in));
	send_frame(0, 1, 60);
	send_frame(2, 1, 60);
	turn();
	ck_assert_int_eq(readable(), 1);
	cp_capture_awake(&bed->in);
	ck_assert_int_eq(readable(), 0);
	ck_assert_uint_eq(read_all().in, 2);
	detach();
}
END_TEST

/* A reader that sleeps all the time, reads nothing and meddles with its descriptors. */
START_TEST(hostile_reader)
{
	start("{}");
	ck_assert_int_lt(ftruncate(bed->fds[0], 0), 0);
	ck_assert_int_lt(ftruncate(bed->fds[0], CAPTURE_BYTES * 2), 0);
	ck_assert_int_lt(fcntl(bed->fds[0], F_ADD_SEALS, F_SEAL_WRITE), 0);
	fcntl(bed->fds[1], F_SETFL, 0);
	for (unsigned i = 0; i < 70000; i++) {
		atomic_store(&bed->in.page->asleep, 1);
		atomic_store(&bed->in.page->ring[0].tail, i * UINT64_C(0x9E3779B97F4A7C15));
		send_frame(0, 1, 60);
		turn();
		fake_clear(&bed->fake[1]);
	}
	ck_assert_int_eq(readable(), 1);
	detach();
}
END_TEST

START_TEST(forgotten)
{
	start("{\"vswitch\": \"VSW1\"}");
	ck_assert(!cp_capture_sleep(&bed->in));
	cp_capture_forget(bed->c, cp_find_switch(bed->cp, "VSW2"), NULL);
	cp_capture_forget(bed->c, bed->sw, bed->port[0]); /* only one of its ports */
	ck_assert_uint_eq(atomic_load(&bed->in.page->ended), 0);
	send_frame(1, 2, 60);
	turn();
	ck_assert_uint_eq(read_all().in, 1);
	cp_capture_awake(&bed->in);
	ck_assert(!cp_capture_sleep(&bed->in));
	cp_capture_forget(bed->c, bed->sw, NULL);
	ck_assert_uint_eq(atomic_load(&bed->in.page->ended), 1);
	ck_assert_int_eq(readable(), 1);
	cp_capture_forget(bed->c, bed->sw, NULL);
	send_frame(1, 2, 60);
	turn();
	ck_assert_uint_eq(read_all().in, 0);
	detach();
}
END_TEST

/* ---- files of traces ------------------------------------------------------------------------ */

#define TRACE_MAX 4096u

struct trace_bed {
	char dir[32];
	int dir_fd;
	struct event_base *base;
	struct cp_tracefile *t;
	char log[160];
};

static void trace_log(void *ctx, const char *line)
{
	struct trace_bed *b = ctx;

	snprintf(b->log, sizeof(b->log), "%s", line);
}

static void trace_begin(struct trace_bed *b)
{
	memset(b, 0, sizeof(*b));
	strcpy(b->dir, "/tmp/zlan-trace-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(b->dir));
	b->dir_fd = open(b->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	b->base = event_base_new();
	ck_assert(b->dir_fd >= 0 && b->base);
}

static bool trace_open(struct trace_bed *b, const struct cp_capture_filter *filter)
{
	const struct cp_tracefile_config cfg = {.base = b->base,
						.dir_fd = b->dir_fd,
						.max_bytes = TRACE_MAX,
						.log = trace_log,
						.ctx = b};
	char err[160] = "";

	b->t = cp_tracefile_open(&cfg, "T1", filter, err, sizeof(err));
	ck_assert(b->t || err[0]);
	return b->t;
}

static void trace_end(struct trace_bed *b)
{
	cp_tracefile_close(b->t);
	event_base_free(b->base);
	unlinkat(b->dir_fd, "traces/T1.pcapng", 0);
	unlinkat(b->dir_fd, "traces/T1.1.pcapng", 0);
	/* there is nothing else */
	ck_assert_int_eq(unlinkat(b->dir_fd, "traces", AT_REMOVEDIR), 0);
	close(b->dir_fd);
	ck_assert_int_eq(rmdir(b->dir), 0);
}

/* Send, and let the control thread write until as many are accounted for as wanted. */
static struct cp_trace_status traced(struct trace_bed *b, unsigned frames, uint64_t want)
{
	struct cp_trace_status s;
	time_t until = time(NULL) + 30;

	for (unsigned i = 0; i < frames; i++) {
		send_frame(0, 1, 100);
		turn();
		fake_clear(&bed->fake[1]);
	}
	do {
		event_base_loop(b->base, EVLOOP_NONBLOCK);
		cp_tracefile_status(b->t, &s);
	} while (s.frames + s.lost < want && time(NULL) < until);
	ck_assert_uint_eq(s.frames + s.lost, want);
	return s;
}

static off_t size_of(const struct trace_bed *b, const char *name)
{
	struct stat st;

	return fstatat(b->dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) ? -1 : st.st_size;
}

/* What it covers changes; each file is bounded; what is written is there at once. */
START_TEST(trace_files)
{
	const struct cp_capture_filter filter = {.snaplen = 64};
	struct trace_bed b;

	trace_begin(&b);
	ck_assert(trace_open(&b, &filter));
	traced(&b, 3, 0); /* it covers nothing */
	cp_tracefile_cover(b.t, bed->sw, NULL);
	traced(&b, 1, 2);
	ck_assert_int_gt(size_of(&b, "traces/T1.pcapng"), 2 * 64);
	cp_tracefile_cover(b.t, bed->sw, bed->port[1]);
	traced(&b, 1, 3);
	ck_assert_int_eq(size_of(&b, "traces/T1.1.pcapng"), -1);
	for (unsigned i = 0; i < 200; i++) {
		traced(&b, 1, 4 + i);
		ck_assert_int_le(size_of(&b, "traces/T1.pcapng"), TRACE_MAX + 512);
		ck_assert_int_le(size_of(&b, "traces/T1.1.pcapng"), TRACE_MAX + 512);
	}
	ck_assert_int_ge(size_of(&b, "traces/T1.1.pcapng"), TRACE_MAX);
	cp_tracefile_cover(b.t, NULL, NULL);
	ck_assert_uint_eq(traced(&b, 3, 203).lost, 0);
	trace_end(&b);
}
END_TEST

/* What waits in the rings is written at the end. */
START_TEST(trace_end_writes)
{
	const struct cp_capture_filter filter = {.snaplen = 2048};
	struct trace_bed b;

	trace_begin(&b);
	ck_assert(trace_open(&b, &filter));
	cp_tracefile_cover(b.t, bed->sw, NULL);
	send_frame(0, 1, 1500);
	turn();
	cp_tracefile_close(b.t);
	b.t = NULL;
	ck_assert_int_gt(size_of(&b, "traces/T1.pcapng"), 2 * 1500);
	trace_end(&b);
}
END_TEST

/* A file that cannot be written costs frames, counted, and says so once. */
START_TEST(trace_fails)
{
	const struct cp_capture_filter filter = {.snaplen = 64};
	struct cp_trace_status s = {0};
	struct trace_bed b;

	trace_begin(&b);
	ck_assert(trace_open(&b, &filter));
	cp_tracefile_cover(b.t, bed->sw, NULL);
	/* in the way of the file when it is full */
	ck_assert_int_eq(mkdirat(b.dir_fd, "traces/T1.1.pcapng", 0700), 0);
	for (unsigned i = 1; i <= 100; i++)
		s = traced(&b, 1, 2 * (uint64_t)i);
	ck_assert_int_eq(s.error, -EISDIR);
	ck_assert_uint_gt(s.frames, 0);
	ck_assert_uint_gt(s.lost, 100);
	ck_assert_str_eq(b.log, "ZLN2639E Trace T1 is not written any more: Is a directory");
	ck_assert_int_eq(unlinkat(b.dir_fd, "traces/T1.1.pcapng", AT_REMOVEDIR), 0);
	trace_end(&b);
}
END_TEST

/* A link in place of the folder is not followed; one in place of a file goes aside. */
START_TEST(trace_links)
{
	const struct cp_capture_filter filter = {.snaplen = 64};
	struct trace_bed b;

	trace_begin(&b);
	ck_assert_int_eq(symlinkat("/tmp", b.dir_fd, "traces"), 0);
	ck_assert(!trace_open(&b, &filter));
	ck_assert_int_eq(unlinkat(b.dir_fd, "traces", 0), 0);
	ck_assert_int_eq(mkdirat(b.dir_fd, "traces", 0700), 0);
	ck_assert_int_eq(symlinkat("../elsewhere", b.dir_fd, "traces/T1.pcapng"), 0);
	ck_assert(trace_open(&b, &filter));
	ck_assert_int_eq(size_of(&b, "elsewhere"), -1);
	ck_assert_int_gt(size_of(&b, "traces/T1.pcapng"), 0);
	trace_end(&b);
}
END_TEST

/* ---- main ------------------------------------------------------------------------------------ */

static Suite *capture_suite(void)
{
	Suite *suite = suite_create("capture");
	TCase *ring = tcase_create("ring"), *sw = tcase_create("switch");

	tcase_set_timeout(ring, 60);
	tcase_add_loop_test(ring, ring_as_queue, 0, 10);
	tcase_add_test(ring, ring_full);
	tcase_add_loop_test(ring, ring_hostile_tail, 0, 4);
	tcase_add_loop_test(ring, ring_nonsense, 0, (int)(sizeof(nonsense) / sizeof(nonsense[0])));
	tcase_add_test(ring, ring_threads);
	suite_add_tcase(suite, ring);
	tcase_set_timeout(sw, 60);
	tcase_add_checked_fixture(sw, bed_setup, bed_teardown);
	tcase_add_loop_test(sw, request_table, 0, (int)(sizeof(requests) / sizeof(requests[0])));
	tcase_add_test(sw, frames_of_a_switch);
	tcase_add_test(sw, dropped_only);
	tcase_add_loop_test(sw, by_vlan, 0, (int)(sizeof(vlans) / sizeof(vlans[0])));
	tcase_add_test(sw, by_vlan_unaware);
	tcase_add_test(sw, slow_reader);
	tcase_add_test(sw, wakes_a_sleeper);
	tcase_add_test(sw, hostile_reader);
	tcase_add_test(sw, forgotten);
	tcase_add_test(sw, trace_files);
	tcase_add_test(sw, trace_end_writes);
	tcase_add_test(sw, trace_fails);
	tcase_add_test(sw, trace_links);
	suite_add_tcase(suite, sw);
	return suite;
}

int main(void)
{
	SRunner *sr = srunner_create(capture_suite());
	int failed;

	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
