/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GVRP and MVRP: declarations, withdrawals, answers, in time. MRP_PCAP=FILE writes what was sent,
 * for a stranger to read.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/be.h"
#include "vswitch/mrp.h"

/* A registrar that reads the frames by itself. */
struct other {
	bool on[4096]; /* registered */
	unsigned frames, joins, leaves;
	bool mvrp;
	FILE *pcap;
};

static void see(struct other *o, unsigned vid, bool join)
{
	ck_assert_uint_ge(vid, 1);
	ck_assert_uint_le(vid, 4094);
	o->on[vid] = join;
	o->joins += join;
	o->leaves += !join;
}

static void see_gvrp(struct other *o, const uint8_t *f, uint32_t len)
{
	const uint8_t *p = f + 20, *end = f + 14 + be16_load(f + 12);

	ck_assert_mem_eq(f + 14, "\x42\x42\x03\x00\x01\x01", 6);
	ck_assert(end <= f + len);
	for (; *p; p += 4) {
		ck_assert_uint_eq(p[0], 4);
		ck_assert(p[1] == 1 || p[1] == 3); /* JoinEmpty, LeaveEmpty */
		see(o, be16_load(p + 2), p[1] == 1);
	}
	ck_assert_uint_eq(p[1], 0);
	ck_assert_ptr_eq(p + 2, end);
}

static void see_mvrp(struct other *o, const uint8_t *f, uint32_t len)
{
	const uint8_t *p = f + 17;

	ck_assert_uint_eq(be16_load(f + 12), 0x88F5);
	ck_assert_mem_eq(f + 14, "\x00\x01\x02", 3);
	while (be16_load(p)) {
		unsigned n = be16_load(p), first = be16_load(p + 2);

		for (unsigned i = 0; i < n; i++) {
			unsigned pack = p[4 + i / 3];
			unsigned e = i % 3 == 0 ? pack / 36 : i % 3 == 1 ? pack / 6 % 6 : pack % 6;

			ck_assert(e == 3 || e == 5); /* JoinMt, Lv */
			see(o, first + i, e == 3);
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

static const uint8_t mac[6] = {2, 0, 0, 0, 0, 1};

START_TEST(declares_and_withdraws)
{
	struct other o = {.mvrp = _i};
	struct mrp *m = mrp_create(_i ? MRP_MVRP : MRP_GVRP, mac, on_send, &o);
	struct vs_vidset v = {{0}};

	pcap_open(&o);
	mrp_tick(m, 1000);
	vs_vidset_add(&v, 10);
	vs_vidset_add(&v, 11);
	vs_vidset_add(&v, 4094);
	mrp_want(m, &v, 1000);
	mrp_tick(m, 1100); /* not yet: others may come */
	ck_assert_uint_eq(o.frames, 0);
	mrp_tick(m, 1200);
	ck_assert_uint_eq(o.frames, 1);
	ck_assert(o.on[10] && o.on[11] && o.on[4094]);
	ck_assert_uint_eq(mrp_declared(m), 3);
	for (uint64_t t = 1200; t < 60000; t += 100) /* once more, then quiet */
		mrp_tick(m, t);
	ck_assert_uint_eq(o.frames, 2);
	ck_assert_uint_eq(o.joins, 6);
	vs_vidset_del(&v, 11);
	mrp_want(m, &v, 60000);
	mrp_tick(m, 60200);
	mrp_tick(m, 60400);
	ck_assert_uint_eq(o.leaves, 1);
	ck_assert_uint_eq(on_count(&o), 2);
	/* Back before it was told: nothing is said but the join. */
	vs_vidset_del(&v, 10);
	mrp_want(m, &v, 60500);
	vs_vidset_add(&v, 10);
	mrp_want(m, &v, 60600);
	for (uint64_t t = 60600; t < 70000; t += 100)
		mrp_tick(m, t);
	ck_assert_uint_eq(o.leaves, 1);
	ck_assert(o.on[10]);
	/* A new link: all again. */
	memset(o.on, 0, sizeof(o.on));
	mrp_restart(m, 70000);
	mrp_tick(m, 70200);
	ck_assert_uint_eq(on_count(&o), 2);
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

int main(void)
{
	Suite *s = suite_create("mrp");
	TCase *t = tcase_create("mrp");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_loop_test(t, declares_and_withdraws, 0, 2);
	tcase_add_loop_test(t, every_vid_at_once, 0, 2);
	tcase_add_loop_test(t, answers, 0, 12);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
