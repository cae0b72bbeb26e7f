/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GVRP and MVRP: declarations, withdrawals, answers, registrations, in time. MRP_PCAP=FILE writes
 * what was sent, for a stranger to read.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/be.h"
#include "vswitch/mrp.h"

/* A registrar that reads the frames by itself. */
struct other {
	bool on[4096]; /* registered */
	bool in[4096]; /* the last join said that its sender has it registered, too */
	unsigned frames, joins, leaves, leave_alls;
	bool mvrp;
	FILE *pcap;
};

static void see(struct other *o, unsigned vid, bool join, bool in)
{
	ck_assert_uint_ge(vid, 1);
	ck_assert_uint_le(vid, 4094);
	o->on[vid] = join;
	o->in[vid] = in;
	o->joins += join;
	o->leaves += !join;
}

static void see_gvrp(struct other *o, const uint8_t *f, uint32_t len)
{
	const uint8_t *p = f + 20, *end = f + 14 + be16_load(f + 12);

	ck_assert_mem_eq(f + 14, "\x42\x42\x03\x00\x01\x01", 6);
	ck_assert(end <= f + len);
	if (p[0] == 2) { /* first, or it would take back what is joined in front of it */
		ck_assert_uint_eq(p[1], 0);
		o->leave_alls++;
		p += 2;
	}
	for (; *p; p += 4) {
		ck_assert_uint_eq(p[0], 4);
		ck_assert(p[1] >= 1 && p[1] <= 4); /* JoinEmpty, JoinIn, LeaveEmpty, LeaveIn */
		see(o, be16_load(p + 2), p[1] <= 2, p[1] == 2 || p[1] == 4);
	}
	ck_assert_uint_eq(p[1], 0);
	ck_assert_ptr_eq(p + 2, end);
}

static void see_mvrp(struct other *o, const uint8_t *f, uint32_t len)
{
	const uint8_t *p = f + 17;

	ck_assert_uint_eq(be16_load(f + 12), 0x88F5);
	ck_assert_mem_eq(f + 14, "\x00\x01\x02", 3);
	if (be16_load(p) == 0x2000) {
		o->leave_alls++;
		p += 4;
	}
	while (be16_load(p)) {
		unsigned n = be16_load(p), first = be16_load(p + 2);

		for (unsigned i = 0; i < n; i++) {
			unsigned pack = p[4 + i / 3];
			unsigned e = i % 3 == 0 ? pack / 36 : i % 3 == 1 ? pack / 6 % 6 : pack % 6;

			ck_assert(e == 1 || e == 3 || e == 5); /* JoinIn, JoinMt, Lv */
			see(o, first + i, e != 5, e == 1);
		}
		p += 4 + (n + 2) / 3;
	}
	ck_assert_uint_eq(be16_load(p + 2), 0);
	ck_assert(p + 4 <= f + len);
}

static void on_send(void *ctx, const uint8_t *f, uint32_t len)
{
	static const uint8_t dst[6] = {0x01, 0x80, 0xC2, 0, 0, 0x21};
	struct other *o = ctx;
	uint32_t record[4] = {0, 0, len, len};

	o->frames++;
	ck_assert_uint_ge(len, 60);
	ck_assert_uint_le(len, 1514);
	ck_assert_mem_eq(f, dst, 6);
	ck_assert_mem_eq(f + 6, "\x02\x00\x00\x00\x00\x01", 6);
	if (o->pcap) {
		fwrite(record, sizeof(record), 1, o->pcap);
		fwrite(f, len, 1, o->pcap);
	}
	if (o->mvrp)
		see_mvrp(o, f, len);
	else
		see_gvrp(o, f, len);
}

static void pcap_open(struct other *o)
{
	static const uint32_t header[6] = {0xA1B2C3D4, 2 | 4 << 16, 0, 0, 65535, 1};
	const char *path = getenv("MRP_PCAP");
	char name[256];

	if (!path)
		return;
	snprintf(name, sizeof(name), "%s.%s", path, o->mvrp ? "mvrp" : "gvrp");
	o->pcap = fopen(name, "w");
	if (o->pcap)
		fwrite(header, sizeof(header), 1, o->pcap);
}

static unsigned on_count(const struct other *o)
{
	unsigned n = 0;

	for (unsigned i = 0; i < 4096; i++)
		n += o->on[i];
	return n;
}

static unsigned declared(const struct mrp *m)
{
	struct vs_vidset v;
	unsigned n = 0;

	mrp_declared(m, &v);
	for (unsigned i = 0; i < 64; i++)
		n += (unsigned)__builtin_popcountll(v.w[i]);
	return n;
}

/* "10 20 ": the VIDs the other side has declared. */
static const char *registered(const struct mrp *m)
{
	static char text[256];
	struct vs_vidset v;
	char *p = text;

	mrp_registered(m, &v);
	*p = '\0';
	for (unsigned vid = 0; vid < 4096 && p < text + sizeof(text) - 8; vid++)
		if (vs_vidset_has(&v, vid))
			p += sprintf(p, "%u ", vid);
	return text;
}

static const uint8_t mac[6] = {2, 0, 0, 0, 0, 1};

START_TEST(declares_and_withdraws)
{
	struct other o = {.mvrp = _i};
	struct mrp *m = mrp_create(_i ? MRP_MVRP : MRP_GVRP, mac, on_send, &o);
	struct vs_vidset v = {{0}};
	unsigned asked;

	pcap_open(&o);
	mrp_tick(m, 1000);
	vs_vidset_add(&v, 10);
	vs_vidset_add(&v, 11);
	vs_vidset_add(&v, 4094);
	mrp_want(m, &v, 1000);
	ck_assert_uint_eq(mrp_tick(m, 1100), 1200); /* not yet: others may come */
	ck_assert_uint_eq(o.frames, 0);
	mrp_tick(m, 1200);
	ck_assert_uint_eq(o.frames, 1);
	ck_assert_uint_eq(o.leave_alls, 1);
	ck_assert(o.on[10] && o.on[11] && o.on[4094]);
	ck_assert_uint_eq(declared(m), 3);
	for (uint64_t t = 1200; t < 11000; t += 100) /* once more, then quiet */
		mrp_tick(m, t);
	ck_assert_uint_eq(o.frames, 2);
	ck_assert_uint_eq(o.joins, 6);
	/* From then on only what is asked every 10 to 15 seconds, with our own answer. */
	for (uint64_t t = 11000; t < 601000; t += 100)
		mrp_tick(m, t);
	asked = o.leave_alls - 1;
	ck_assert_uint_ge(asked, 39);
	ck_assert_uint_le(asked, 60);
	ck_assert_uint_eq(o.frames, 2 + asked);
	ck_assert_uint_eq(o.joins, 6 + 3 * asked);
	vs_vidset_del(&v, 11);
	mrp_want(m, &v, 602000);
	mrp_tick(m, 602200);
	mrp_tick(m, 602400);
	ck_assert_uint_eq(o.leaves, 1);
	ck_assert_uint_eq(on_count(&o), 2);
	/* Back before it was told: nothing is said but the join. */
	vs_vidset_del(&v, 10);
	mrp_want(m, &v, 602500);
	vs_vidset_add(&v, 10);
	mrp_want(m, &v, 602600);
	for (uint64_t t = 602600; t < 612000; t += 100)
		mrp_tick(m, t);
	ck_assert_uint_eq(o.leaves, 1);
	ck_assert(o.on[10]);
	/* A new link: all again. */
	memset(o.on, 0, sizeof(o.on));
	asked = o.leave_alls;
	mrp_restart(m, 612000);
	mrp_tick(m, 612000);
	mrp_tick(m, 612200);
	ck_assert_uint_eq(on_count(&o), 2);
	ck_assert_uint_eq(o.leave_alls, asked + 1);
	if (o.pcap)
		fclose(o.pcap);
	mrp_destroy(m);
}
END_TEST

START_TEST(every_vid_at_once)
{
	struct other o = {.mvrp = _i};
	struct mrp *m = mrp_create(_i ? MRP_MVRP : MRP_GVRP, mac, on_send, &o);
	struct vs_vidset v, odd = {{0}}, none = {{0}};

	memset(&v, 0xFF, sizeof(v)); /* 0 and 4095 too: nobody's */
	mrp_want(m, &v, 0);
	mrp_tick(m, 200);
	ck_assert_uint_eq(on_count(&o), 4094);
	ck_assert_uint_le(o.frames, _i ? 2 : 12);
	ck_assert_uint_eq(declared(m), 4094);
	for (unsigned vid = 1; vid < 4095; vid += 2)
		vs_vidset_add(&odd, vid);
	mrp_want(m, &odd, 1000);
	for (uint64_t t = 1000; t < 3000; t += 100)
		mrp_tick(m, t);
	ck_assert_uint_eq(on_count(&o), 2047);
	mrp_want(m, &none, 3000);
	for (uint64_t t = 3000; t < 5000; t += 100)
		mrp_tick(m, t);
	ck_assert_uint_eq(on_count(&o), 0);
	mrp_destroy(m);
}
END_TEST

/* What the other side says, and what is then declared again. */
static const struct {
	int n;
	bool mvrp;
	uint8_t pdu[32]; /* from the length or type on */
	uint32_t len;
	const char *again; /* VIDs */
} asks[] = {
	{1, false, {0, 12, 0x42, 0x42, 3, 0, 1, 1, 2, 0, 0, 0}, 60, "10 20 "},	   /* leave all */
	{2, false, {0, 14, 0x42, 0x42, 3, 0, 1, 1, 4, 3, 0, 10, 0, 0}, 60, "10 "}, /* leave empty */
	{3, false, {0, 14, 0x42, 0x42, 3, 0, 1, 1, 4, 5, 0, 20, 0, 0}, 60, "20 "}, /* empty */
	{4, false, {0, 14, 0x42, 0x42, 3, 0, 1, 1, 4, 2, 0, 10, 0, 0}, 60, ""},	   /* join in */
	{5, false, {0, 14, 0x42, 0x42, 3, 0, 1, 1, 4, 4, 0, 99, 0, 0}, 60, ""},
	{6, false, {0, 14, 0x42, 0x42, 3, 0, 1, 1, 9, 3, 0, 10, 0, 0}, 26, ""}, /* too long */
	{7, false, {0, 99, 0x42, 0x42, 3, 0, 1, 1, 4, 3, 0, 10, 0, 0}, 60, ""},
	{8, true, {0x88, 0xF5, 0, 1, 2, 0x20, 0, 0, 0, 0, 0, 0, 0}, 60, "10 20 "}, /* leave all */
	{9, true, {0x88, 0xF5, 0, 1, 2, 0, 2, 0, 9, 1 * 36 + 5 * 6, 0, 0, 0, 0}, 60, "10 "},
	{10, true, {0x88, 0xF5, 0, 1, 2, 0, 1, 0, 10, 1 * 36, 0, 0, 0, 0}, 60, ""}, /* join in */
	{11, true, {0x88, 0xF5, 0, 1, 2, 0x1F, 0xFF, 0, 10, 5 * 36}, 60, ""},
	{12, true, {0x88, 0xF5, 0, 2, 2, 0x20, 0, 0, 0}, 60, ""},
	/* join empty: the other side has none of ours */
	{13, false, {0, 14, 0x42, 0x42, 3, 0, 1, 1, 4, 1, 0, 10, 0, 0}, 60, "10 "},
	{14, true, {0x88, 0xF5, 0, 1, 2, 0, 1, 0, 10, 3 * 36, 0, 0, 0, 0}, 60, "10 "},
};

START_TEST(answers)
{
	struct other o = {.mvrp = asks[_i].mvrp};
	struct mrp *m = mrp_create(o.mvrp ? MRP_MVRP : MRP_GVRP, mac, on_send, &o);
	struct vs_vidset v = {{0}};
	uint8_t f[64] = {0x01, 0x80, 0xC2, 0, 0, 0x21, 2, 9, 9, 9, 9, 9};
	char got[64] = "", *p = got;

	vs_vidset_add(&v, 10);
	vs_vidset_add(&v, 20);
	mrp_want(m, &v, 0);
	for (uint64_t t = 0; t < 2000; t += 100)
		mrp_tick(m, t);
	memset(o.on, 0, sizeof(o.on));
	o.joins = 0;
	memcpy(f + 12, asks[_i].pdu, sizeof(asks[_i].pdu));
	mrp_receive(m, f, asks[_i].len, 2000);
	mrp_tick(m, 2200);
	for (unsigned vid = 0; vid < 4096; vid++)
		if (o.on[vid])
			p += sprintf(p, "%u ", vid);
	ck_assert_msg(strcmp(got, asks[_i].again) == 0, "row %d: %s, not %s", asks[_i].n, got,
		      asks[_i].again);
	for (uint32_t cut = 0; cut < asks[_i].len; cut++)
		mrp_receive(m, f, cut, 3000);
	mrp_destroy(m);
}
END_TEST

/* Frames of the other side, as its length or type on. */
static void tell(struct mrp *m, const char *pdu, size_t n, uint64_t now_ms)
{
	uint8_t f[96] = {0x01, 0x80, 0xC2, 0, 0, 0x21, 2, 9, 9, 9, 9, 9};

	memcpy(f + 12, pdu, n);
	mrp_receive(m, f, 64, now_ms);
}
#define TELL(m, pdu, now_ms) tell(m, pdu, sizeof(pdu) - 1, now_ms)

#define GARP_BYTES "\x42\x42\x03\x00\x01\x01"
#define MVRP_BYTES "\x88\xF5\x00\x01\x02"

/* What the other side declares, until it takes it back or is not heard any more. */
START_TEST(registers)
{
	struct other o = {.mvrp = _i};
	struct mrp *m = mrp_create(_i ? MRP_MVRP : MRP_GVRP, mac, on_send, &o);
	struct vs_vidset v = {{0}};

	mrp_tick(m, 0);
	vs_vidset_add(&v, 10);
	mrp_want(m, &v, 0);
	if (_i) { /* new 10, join in 11, join empty 12, in 13, empty 14 */
		TELL(m, MVRP_BYTES "\x00\x05\x00\x0A\x09\x54\x00\x00", 100);
	} else { /* join in 10, join empty 11, join in 12, empty 14 */
		TELL(m,
		     "\x00\x18" GARP_BYTES "\x04\x02\x00\x0A\x04\x01\x00\x0B\x04\x02\x00\x0C"
		     "\x04\x05\x00\x0E\x00\x00",
		     100);
	}
	ck_assert_str_eq(registered(m), "10 11 12 ");
	/* VIDs that are none. */
	if (_i)
		TELL(m, MVRP_BYTES "\x00\x01\x00\x00\x24\x00\x02\x0F\xFF\x2A\x00\x00", 100);
	else
		TELL(m, "\x00\x10" GARP_BYTES "\x04\x02\x00\x00\x04\x02\x0F\xFF\x00\x00", 100);
	ck_assert_str_eq(registered(m), "10 11 12 ");
	mrp_tick(m, 200);
	ck_assert(o.on[10] && o.in[10]); /* join in: it need not say it again */
	/* A leave, and a join in time: as if nothing had been. */
	for (unsigned again = 0; again < 2; again++) {
		uint64_t t = 1000 + 1000 * again;

		if (_i)
			TELL(m, MVRP_BYTES "\x00\x01\x00\x0B\xB4\x00\x00", t);
		else
			TELL(m, "\x00\x0C" GARP_BYTES "\x04\x03\x00\x0B\x00\x00", t);
		mrp_tick(m, t + 300);
		if (!again && _i)
			TELL(m, MVRP_BYTES "\x00\x01\x00\x0B\x24\x00\x00", t + 400);
		else if (!again)
			TELL(m, "\x00\x0C" GARP_BYTES "\x04\x02\x00\x0B\x00\x00", t + 400);
		ck_assert_uint_le(mrp_tick(m, t + 599), again ? t + 600 : UINT64_MAX);
		ck_assert_str_eq(registered(m), "10 11 12 ");
		mrp_tick(m, t + 600);
		ck_assert_str_eq(registered(m), again ? "10 12 " : "10 11 12 ");
	}
	/* The other side asks all: who is not declared again within the leave time has gone, and
	 * what is wanted here is declared within a join time. */
	memset(o.on, 0, sizeof(o.on));
	if (_i)
		TELL(m, MVRP_BYTES "\x20\x01\x00\x0C\x24\x00\x00", 4000);
	else
		TELL(m, "\x00\x0E" GARP_BYTES "\x02\x00\x04\x02\x00\x0C\x00\x00", 4000);
	ck_assert_uint_eq(mrp_tick(m, 4000), 4200);
	mrp_tick(m, 4200);
	ck_assert(o.on[10] && !o.in[10]);
	mrp_tick(m, 4600);
	ck_assert_str_eq(registered(m), "12 ");
	/* It falls silent: our own question ends the rest. */
	for (uint64_t t = 4600; t < 13900; t = mrp_tick(m, t))
		ck_assert_str_eq(registered(m), "12 ");
	mrp_tick(m, 19600);
	mrp_tick(m, 20200);
	ck_assert_str_eq(registered(m), "");
	/* A new link forgets at once. */
	if (_i)
		TELL(m, MVRP_BYTES "\x00\x01\x00\x0B\x24\x00\x00", 21000);
	else
		TELL(m, "\x00\x0C" GARP_BYTES "\x04\x02\x00\x0B\x00\x00", 21000);
	ck_assert_str_eq(registered(m), "11 ");
	mrp_restart(m, 21100);
	ck_assert_str_eq(registered(m), "");
	mrp_destroy(m);
}
END_TEST

/* Two of ours, by a line that loses nothing: each has what the other declares, and they fall
 * silent. */
struct line {
	struct mrp *end[2];
	unsigned frames;
	uint64_t now_ms;
	struct {
		uint8_t data[1514];
		uint32_t len;
		unsigned to;
	} on_the_way[64];
	unsigned n;
};
static struct line line;

static void cross(void *ctx, const uint8_t *frame, uint32_t len)
{
	unsigned from = ctx == &line.end[1];

	ck_assert_uint_lt(line.n, 64);
	memcpy(line.on_the_way[line.n].data, frame, len);
	line.on_the_way[line.n].len = len;
	line.on_the_way[line.n++].to = !from;
	line.frames++;
}

static void pass(uint64_t until_ms)
{
	for (; line.now_ms < until_ms; line.now_ms += 50) {
		for (unsigned i = 0; i < line.n; i++)
			mrp_receive(line.end[line.on_the_way[i].to], line.on_the_way[i].data,
				    line.on_the_way[i].len, line.now_ms);
		line.n = 0;
		for (unsigned i = 0; i < 2; i++)
			mrp_tick(line.end[i], line.now_ms);
	}
}

START_TEST(two_of_ours)
{
	static const uint8_t other_mac[6] = {2, 0, 0, 0, 0, 2};
	struct vs_vidset all, some = {{0}}, got;
	unsigned frames;

	memset(&line, 0, sizeof(line));
	memset(&all, 0xFF, sizeof(all));
	vs_vidset_add(&some, 7);
	vs_vidset_add(&some, 4094);
	for (unsigned i = 0; i < 2; i++)
		line.end[i] = mrp_create(_i ? MRP_MVRP : MRP_GVRP, i ? other_mac : mac, cross,
					 &line.end[i]);
	mrp_want(line.end[0], &all, 0);
	mrp_want(line.end[1], &some, 0);
	pass(2000);
	mrp_registered(line.end[1], &got);
	vs_vidset_del(&all, 0);
	vs_vidset_del(&all, 4095);
	ck_assert_mem_eq(&got, &all, sizeof(got));
	ck_assert_str_eq(registered(line.end[0]), "7 4094 ");
	frames = line.frames;
	pass(8000);
	ck_assert_uint_eq(line.frames, frames);
	for (uint64_t t = 8000; t < 120000;
	     t += 500) { /* through many leave alls nothing is lost */
		pass(t);
		mrp_registered(line.end[1], &got);
		ck_assert_mem_eq(&got, &all, sizeof(got));
		ck_assert_str_eq(registered(line.end[0]), "7 4094 ");
	}
	ck_assert_uint_gt(line.frames, frames);
	vs_vidset_del(&some, 7);
	mrp_want(line.end[1], &some, 120000);
	pass(122000);
	ck_assert_str_eq(registered(line.end[0]), "4094 ");
	for (unsigned i = 0; i < 2; i++)
		mrp_destroy(line.end[i]);
}
END_TEST

/* A frame that asks all as often as it can is one question. */
START_TEST(a_frame_of_questions)
{
	struct other o = {.mvrp = _i};
	struct mrp *m = mrp_create(_i ? MRP_MVRP : MRP_GVRP, mac, on_send, &o);
	static const uint8_t mvrp_start[5] = {0x88, 0xF5, 0, 1, 2};
	static const uint8_t garp_start[6] = {0x42, 0x42, 3, 0, 1, 1};
	uint8_t f[1514] = {0x01, 0x80, 0xC2, 0, 0, 0x21, 2, 9, 9, 9, 9, 9};
	struct vs_vidset all;
	clock_t start;

	memset(&all, 0xFF, sizeof(all));
	mrp_want(m, &all, 0);
	if (_i) {
		memcpy(f + 12, mvrp_start, sizeof(mvrp_start));
		for (unsigned at = 17; at + 4 <= sizeof(f); at += 4)
			f[at] = 0x20;
	} else {
		be16_store(f + 12, 1500);
		memcpy(f + 14, garp_start, sizeof(garp_start));
		for (unsigned at = 20; at + 2 <= sizeof(f); at += 2)
			f[at] = 2;
	}
	start = clock();
	for (unsigned i = 0; i < 1000; i++)
		mrp_receive(m, f, sizeof(f), 1000);
	/* 1000 * 700 * 4094 steps would be several seconds. */
	ck_assert_int_lt((clock() - start) / (CLOCKS_PER_SEC / 1000), 1500);
	mrp_tick(m, 1200);
	ck_assert_uint_le(o.frames, 12);
	mrp_destroy(m);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("mrp");
	TCase *t = tcase_create("mrp");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_loop_test(t, declares_and_withdraws, 0, 2);
	tcase_add_loop_test(t, every_vid_at_once, 0, 2);
	tcase_add_loop_test(t, answers, 0, 14);
	tcase_add_loop_test(t, registers, 0, 2);
	tcase_add_loop_test(t, two_of_ours, 0, 2);
	tcase_add_loop_test(t, a_frame_of_questions, 0, 2);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
