/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Snooping: messages of IGMPv1-3 and MLDv1-2 as they are read, and where groups go on a switch
 * with learning ports, with time injected. Storm limits.
 */
#include "tests/switchbed.h"

#include "common/be.h"
#include "vswitch/snoop.h"

/* ---- messages --------------------------------------------------------------------------- */

static void fix_sum(uint8_t *p, uint32_t len, uint32_t s, uint8_t *at)
{
	be16_store(at, 0);
	for (uint32_t i = 0; i + 1 < len; i += 2)
		s += be16_load(p + i);
	while (s >> 16)
		s = (s & 0xFFFF) + (s >> 16);
	be16_store(at, (uint16_t)~s);
}

/* An IGMP message of len bytes to group in a frame. Return: the frame's length. */
static uint32_t igmp_frame(uint8_t *f, unsigned port, const uint8_t *group, const uint8_t *msg,
			   uint32_t len, int tci)
{
	const uint8_t dst[6] = {1, 0, 0x5E, group[1] & 0x7F, group[2], group[3]};
	uint8_t src[6], *ip;

	mac_of(port, src);
	fake_frame(f, dst, src, tci, 200, 0);
	ip = f + (tci < 0 ? 14 : 18);
	be16_store(ip - 2, 0x0800);
	memset(ip, 0, 24);
	ip[0] = 0x46;
	be16_store(ip + 2, (uint16_t)(24 + len));
	ip[8] = 1;
	ip[9] = 2;
	ip[12] = 10;
	ip[15] = (uint8_t)(port + 1);
	memcpy(ip + 16, group, 4);
	ip[20] = 0x94;
	ip[21] = 4;
	fix_sum(ip, 24, 0, ip + 10);
	memcpy(ip + 24, msg, len);
	fix_sum(ip + 24, len, 0, ip + 26);
	return (uint32_t)(ip - f) + 24 + len;
}

static uint32_t mld_frame(uint8_t *f, unsigned port, const uint8_t *group, const uint8_t *msg,
			  uint32_t len)
{
	const uint8_t dst[6] = {0x33, 0x33, group[12], group[13], group[14], group[15]};
	uint8_t src[6], *ip = f + 14;
	uint32_t s = 58 + len;

	mac_of(port, src);
	fake_frame(f, dst, src, -1, 200, 0);
	be16_store(f + 12, 0x86DD);
	memset(ip, 0, 48);
	ip[0] = 0x60;
	be16_store(ip + 4, (uint16_t)(8 + len));
	ip[7] = 1;
	ip[8] = 0xFE;
	ip[9] = 0x80;
	ip[23] = (uint8_t)(port + 1);
	memcpy(ip + 24, group, 16);
	ip[40] = 58;
	ip[42] = 5;
	ip[43] = 2;
	memcpy(ip + 48, msg, len);
	for (unsigned i = 8; i < 40; i += 2)
		s += be16_load(ip + i);
	fix_sum(ip + 48, len, s, ip + 50);
	return 14 + 48 + len;
}

static const uint8_t g1[4] = {239, 1, 1, 1}, g2[4] = {239, 1, 1, 2}, all4[4] = {224, 0, 0, 1},
		     v3routers[4] = {224, 0, 0, 22};
static const uint8_t h1[16] = {0xFF, 0x05, [15] = 0x77}, all6[16] = {0xFF, 0x02, [15] = 1},
		     v2routers[16] = {0xFF, 0x02, [15] = 0x16};

static const struct {
	int n;
	uint8_t msg[64];
	uint32_t len;
	enum snoop_kind kind;
	const char *want; /* of changes: as check_changes prints them */
	uint32_t response_ms;
	bool for_group;
} igmp_rows[] = {
	{1, {0x11, 100}, 8, SNOOP_QUERY, "", 10000, false},
	{2, {0x11, 0}, 8, SNOOP_QUERY, "", 10000, false}, /* version 1 */
	{3, {0x11, 10, 0, 0, 239, 1, 1, 1}, 8, SNOOP_QUERY, "", 1000, true},
	{4, {0x11, 0x8A, 0, 0, 0, 0, 0, 0, 2, 125}, 12, SNOOP_QUERY, "", 20800, false},
	{5, {0x12, 0, 0, 0, 239, 1, 1, 1}, 8, SNOOP_CHANGE, "+1", 0, false},
	{6, {0x16, 0, 0, 0, 239, 1, 1, 9}, 8, SNOOP_CHANGE, "+9", 0, false},
	{7, {0x17, 0, 0, 0, 239, 1, 1, 9}, 8, SNOOP_CHANGE, "-9", 0, false},
	{8, {0x16, 0, 0, 0, 224, 0, 0, 5}, 8, SNOOP_OTHER, "", 0, false},
	{9, {0x16, 0, 0, 0, 10, 0, 0, 5}, 8, SNOOP_OTHER, "", 0, false},
	{10,
	 {0x22, 0, 0, 0, 0, 0, 0, 2, 4, 0, 0, 0, 239, 1, 1, 1, 3, 0, 0, 0, 239, 1, 1, 2},
	 24,
	 SNOOP_CHANGE,
	 "E1-2",
	 0,
	 false},
	{11,
	 {0x22, 0, 0, 0, 0, 0, 0, 2, 1,	  0, 0, 1, 239, 1, 1, 1,
	  9,	9, 9, 9, 5, 0, 0, 1, 239, 1, 1, 2, 8,	8, 8, 8},
	 32,
	 SNOOP_CHANGE,
	 "i1:1a2:1",
	 0,
	 false},
	{12,
	 {0x22, 0, 0, 0, 0, 0, 0, 1, 6, 0, 0, 1, 239, 1, 1, 1, 9, 9, 9, 9},
	 20,
	 SNOOP_CHANGE,
	 "b1:1",
	 0,
	 false},
	{13,
	 {0x22, 0, 0, 0, 0, 0, 0, 9, 4, 0, 0, 0, 239, 1, 1, 1},
	 16,
	 SNOOP_CHANGE,
	 "E1",
	 0,
	 false},
	{14, {0x22, 0, 0, 0, 0, 0, 0, 1, 4, 0, 9, 9, 239, 1, 1, 1}, 16, SNOOP_OTHER, "", 0, false},
	{15, {0x13, 0, 0, 0, 239, 1, 1, 1}, 8, SNOOP_OTHER, "", 0, false},
	{16, {0x16, 0, 0, 0, 239, 1}, 6, SNOOP_OTHER, "", 0, false},
};

/* The kind, the last byte of the group, the number of sources; joins and leaves without: + and -.
 */
static void check_changes(int n, const struct snoop_message *m, const char *want)
{
	char got[64] = "", *p = got;

	for (unsigned i = 0; i < m->n; i++) {
		const struct snoop_change *c = &m->change[i];

		ck_assert_uint_eq(c->group[15], c->mac[5]);
		p += sprintf(p, "%c%u", (c->n_sources ? "?ieIEab" : "?i+-Eab")[c->kind], c->mac[5]);
		if (c->n_sources)
			p += sprintf(p, ":%u", c->n_sources);
	}
	ck_assert_msg(strcmp(got, want) == 0, "row %d: %s, not %s", n, got, want);
}

START_TEST(igmp)
{
	uint8_t f[300];
	struct snoop_message m;
	uint32_t len = igmp_frame(f, 0, g1, igmp_rows[_i].msg, igmp_rows[_i].len, _i % 2 ? 7 : -1);

	snoop_parse(f, len, &m);
	ck_assert_msg(m.kind == igmp_rows[_i].kind, "row %d: %d", igmp_rows[_i].n, m.kind);
	check_changes(igmp_rows[_i].n, &m, igmp_rows[_i].want);
	if (m.kind == SNOOP_QUERY) {
		ck_assert(m.elects);
		ck_assert_uint_eq(m.response_ms, igmp_rows[_i].response_ms);
		ck_assert_int_eq(m.for_group, igmp_rows[_i].for_group);
	}
	/* One bit wrong, or the end missing: it says nothing. */
	for (uint32_t cut = 0; cut < len; cut++) {
		snoop_parse(f, cut, &m);
		ck_assert_int_eq(m.kind, SNOOP_OTHER);
	}
	f[len - 1] ^= 4;
	snoop_parse(f, len, &m);
	ck_assert_int_eq(m.kind, SNOOP_OTHER);
}
END_TEST

START_TEST(mld)
{
	static const struct {
		int n;
		uint8_t type;
		uint8_t body[60];
		uint32_t len;
		enum snoop_kind kind;
		const char *want;
	} rows[] = {
		{1, 130, {0, 0, 0, 0, 0x27, 0x10}, 24, SNOOP_QUERY, ""},
		{2, 131, {[8] = 0xFF, [9] = 5, [23] = 0x77}, 24, SNOOP_CHANGE, "+119"},
		{3, 132, {[8] = 0xFF, [9] = 5, [23] = 0x77}, 24, SNOOP_CHANGE, "-119"},
		{4, 131, {[8] = 0xFF, [9] = 2, [23] = 1}, 24, SNOOP_OTHER, ""},
		{5, 131, {[8] = 0xFF, [9] = 1, [23] = 9}, 24, SNOOP_OTHER, ""},
		{6,
		 143,
		 {[7] = 2,
		  [8] = 4,
		  [12] = 0xFF,
		  [13] = 2,
		  [24] = 1,
		  [25] = 0xFF,
		  [27] = 9,
		  [28] = 3,
		  [32] = 0xFF,
		  [33] = 5,
		  [47] = 8},
		 48,
		 SNOOP_CHANGE,
		 "E9-8"},
		{7, 130, {0, 0, 0, 0, 0x27, 0x10}, 20, SNOOP_OTHER, ""},
		{8, 135, {0}, 24, SNOOP_OTHER, ""},
	};
	uint8_t f[300], msg[64];
	struct snoop_message m;
	uint32_t len;

	memcpy(msg, rows[_i].body, sizeof(rows[_i].body));
	msg[0] = rows[_i].type;
	len = mld_frame(f, 0, h1, msg, rows[_i].len);
	snoop_parse(f, len, &m);
	ck_assert_msg(m.kind == rows[_i].kind, "row %d: %d", rows[_i].n, m.kind);
	check_changes(rows[_i].n, &m, rows[_i].want);
	if (m.kind == SNOOP_QUERY)
		ck_assert_uint_eq(m.response_ms, 10000);
	f[14 + 7] = 64; /* from behind a router */
	snoop_parse(f, len, &m);
	ck_assert_int_eq(m.kind, SNOOP_OTHER);
}
END_TEST

/* ---- what a member wants ---------------------------------------------------------------- */

#define T0 5000000u
#define MODEL 20u

/* Sources as a mask of their last bytes. Return: how many, in list. */
static unsigned list_of(uint32_t mask, uint8_t *list)
{
	unsigned n = 0;

	for (unsigned i = 0; i < 32; i++)
		if (mask >> i & 1) {
			const uint8_t a[4] = {192, 0, 2, (uint8_t)i};

			memcpy(list + 4 * n++, a, 4);
		}
	return n;
}

static void report(struct snoop_member *m, enum snoop_record kind, uint32_t mask, uint64_t now)
{
	uint8_t list[128];
	unsigned n = list_of(mask, list);

	snoop_member_report(m, kind, list, n, 4, now);
}

static bool wants(const struct snoop_member *m, unsigned i)
{
	const uint8_t a[4] = {192, 0, 2, (uint8_t)i};
	uint8_t addr[16];

	snoop_address(a, 0, 4, addr);
	return snoop_member_wants(m, addr);
}

static uint32_t wanted(const struct snoop_member *m)
{
	uint32_t mask = 0;

	for (unsigned i = 0; i < MODEL; i++)
		mask |= (uint32_t)wants(m, i) << i;
	return mask;
}

#define S(i) (1u << (i))
#define S3(i, k, l) (S(i) | S(k) | S(l))

/*
 * The steps of the kernel's self-tests of IGMPv3 (bridge_igmp.sh, bridge_mld.sh): every one begins
 * with "include 1 2 3"; those of EXCLUDE go on with "exclude 1 2 10 11".
 */
static const struct {
	const char *name;
	bool exclude;
	enum snoop_record kind;
	uint32_t sources, wants, not ;
	uint64_t after_ms;
} self_tests[] = {
	{"v3include_test", false, SNOOP_IS_INCLUDE, 0, S3(1, 2, 3), S(9), 0},
	{"v3inc_allow_test", false, SNOOP_ALLOW, S3(5, 6, 7), S3(1, 2, 3) | S3(5, 6, 7), S(9), 0},
	{"v3inc_is_include_test", false, SNOOP_IS_INCLUDE, S3(5, 6, 7), S3(5, 6, 7), S(9), 0},
	{"v3inc_is_exclude_test", false, SNOOP_IS_EXCLUDE, S3(1, 2, 10) | S(11), S3(1, 2, 9),
	 S(10) | S(11), 0},
	{"v3inc_to_exclude_test", false, SNOOP_TO_EXCLUDE, S3(1, 10, 12), S3(1, 9, 2),
	 S(10) | S(12), 0},
	{"v3exc_allow_test", true, SNOOP_ALLOW, S(10) | S(12), S3(1, 2, 10) | S3(12, 9, 3), S(11),
	 0},
	{"v3exc_is_include_test", true, SNOOP_IS_INCLUDE, S(10) | S(12), S3(1, 2, 10) | S(12),
	 S(11), 0},
	{"v3exc_is_exclude_test", true, SNOOP_IS_EXCLUDE, S(10) | S(12), S3(12, 9, 1), S(10), 0},
	{"v3exc_to_exclude_test", true, SNOOP_TO_EXCLUDE, S3(1, 10, 12), S3(1, 12, 9), S(10), 0},
	{"v3inc_block_test", false, SNOOP_BLOCK, S3(1, 10, 12), S(2) | S(3), S(1) | S(9), 3000},
	{"v3exc_block_test", true, SNOOP_BLOCK, S3(1, 10, 12), S3(1, 2, 12), S(10) | S(11), 0},
	{"its sources are blocked in the end", true, SNOOP_BLOCK, S3(1, 10, 12), S(2) | S(9),
	 S3(1, 10, 12) | S(11), 2000},
	{"v3exc_timeout_test", true, SNOOP_ALLOW, S(10) | S(12), S(10) | S(12), S3(1, 2, 9),
	 SNOOP_MEMBER_MS - 1000},
	{"leave", true, SNOOP_TO_INCLUDE, 0, 0, S3(1, 9, 10), 2000},
};

START_TEST(as_the_self_tests)
{
	struct snoop_member m = {0};
	uint64_t now = T0;

	report(&m, SNOOP_IS_INCLUDE, S3(1, 2, 3), now);
	ck_assert_uint_eq(wanted(&m), S3(1, 2, 3));
	if (self_tests[_i].exclude) {
		report(&m, SNOOP_IS_EXCLUDE, S3(1, 2, 10) | S(11), now);
		ck_assert(snoop_member_age(&m, now));
		ck_assert_uint_eq(wanted(&m) & (S(10) | S(11)), 0);
		now += 1000;
	}
	report(&m, self_tests[_i].kind, self_tests[_i].sources, now);
	now += self_tests[_i].after_ms;
	snoop_member_age(&m, now);
	ck_assert_msg((wanted(&m) & self_tests[_i].wants) == self_tests[_i].wants,
		      "%s: has %x, wants %x", self_tests[_i].name, wanted(&m),
		      self_tests[_i].wants);
	ck_assert_msg(!(wanted(&m) & self_tests[_i].not ), "%s: has %x", self_tests[_i].name,
		      wanted(&m));
	snoop_member_free(&m);
}
END_TEST

/* The table of RFC 3376 6.4 in its own words: X runs, Y is blocked; times beside. */
struct naive {
	bool exclude;
	uint32_t x, y;
	uint64_t group, until[MODEL];
};

static void naive_set(struct naive *m, uint32_t sources, uint64_t until)
{
	for (unsigned i = 0; i < MODEL; i++)
		if (sources >> i & 1)
			m->until[i] = until;
}

static void naive_ask(struct naive *m, uint32_t sources, uint64_t now)
{
	for (unsigned i = 0; i < MODEL; i++)
		if (sources >> i & 1 && m->until[i] > now + SNOOP_LAST_MS)
			m->until[i] = now + SNOOP_LAST_MS;
}

static void naive_include(struct naive *m, enum snoop_record kind, uint32_t b, uint64_t now)
{
	uint32_t a = m->x;

	switch (kind) {
	case SNOOP_BLOCK:
		naive_ask(m, a & b, now);
		break;
	case SNOOP_IS_EXCLUDE:
	case SNOOP_TO_EXCLUDE:
		m->exclude = true;
		m->x = a & b;
		m->y = b & ~a;
		m->group = now + SNOOP_MEMBER_MS;
		if (kind == SNOOP_TO_EXCLUDE)
			naive_ask(m, m->x, now);
		break;
	default:
		m->x = a | b;
		naive_set(m, b, now + SNOOP_MEMBER_MS);
		if (kind == SNOOP_TO_INCLUDE)
			naive_ask(m, a & ~b, now);
	}
}

static void naive_exclude(struct naive *m, enum snoop_record kind, uint32_t a, uint64_t now)
{
	uint32_t x = m->x, y = m->y;

	switch (kind) {
	case SNOOP_BLOCK:
		m->x = x | (a & ~y);
		naive_set(m, a & ~x & ~y, m->group);
		naive_ask(m, a & ~y, now);
		break;
	case SNOOP_IS_EXCLUDE:
	case SNOOP_TO_EXCLUDE:
		m->x = a & ~y;
		m->y = y & a;
		naive_set(m, a & ~x & ~y,
			  kind == SNOOP_IS_EXCLUDE ? now + SNOOP_MEMBER_MS : m->group);
		if (kind == SNOOP_TO_EXCLUDE)
			naive_ask(m, a & ~y, now);
		m->group = now + SNOOP_MEMBER_MS;
		break;
	default:
		m->x = x | a;
		m->y = y & ~a;
		naive_set(m, a, now + SNOOP_MEMBER_MS);
		if (kind != SNOOP_TO_INCLUDE)
			break;
		naive_ask(m, x & ~a, now);
		if (m->group > now + SNOOP_LAST_MS)
			m->group = now + SNOOP_LAST_MS;
	}
}

static bool naive_age(struct naive *m, uint64_t now)
{
	for (unsigned i = 0; i < MODEL; i++)
		if (m->x >> i & 1 && m->until[i] <= now) {
			m->x &= ~S(i);
			if (m->exclude)
				m->y |= S(i);
		}
	if (m->exclude && m->group <= now) {
		m->exclude = false;
		m->y = 0;
	}
	return m->exclude || m->x;
}

START_TEST(members_as_the_standard_says)
{
	unsigned seed = (unsigned)time(NULL);
	const uint32_t all = (1u << MODEL) - 1;
	struct snoop_member m = {0};
	struct naive n = {0};
	uint64_t now = T0;

	printf("members seed %u\n", seed);
	srandom(seed);
	for (unsigned k = 0; k < 200000; k++) {
		enum snoop_record kind = (enum snoop_record)(random() % 6 + 1);
		uint32_t some = (uint32_t)random(), sources = some & (some >> 7) & all;

		report(&m, kind, sources, now);
		if (n.exclude)
			naive_exclude(&n, kind, sources, now);
		else
			naive_include(&n, kind, sources, now);
		now += (uint64_t)(random() % 20 ? random() % 3000 : random() % 300000);
		ck_assert_int_eq(snoop_member_age(&m, now), naive_age(&n, now));
		ck_assert_int_eq(m.exclude, n.exclude);
		ck_assert_uint_eq(wanted(&m), n.exclude ? all & ~n.y : n.x);
		ck_assert_int_eq(snoop_member_all(&m), n.exclude && !n.y);
	}
	snoop_member_free(&m);
}
END_TEST

/* More sources than are kept: it gets more than it wants, never less. */
START_TEST(a_member_with_many_sources)
{
	struct snoop_member m = {0};
	uint8_t list[4 * 100];

	for (unsigned i = 0; i < 100; i++)
		memcpy(list + 4 * i, (const uint8_t[]){10, 0, 0, (uint8_t)i}, 4);
	snoop_member_report(&m, SNOOP_IS_INCLUDE, list, 100, 4, T0);
	ck_assert(snoop_member_all(&m));
	ck_assert_uint_le(m.n, SNOOP_SOURCES);
	snoop_member_report(&m, SNOOP_IS_EXCLUDE, list, 100, 4, T0);
	ck_assert_uint_eq(m.n, SNOOP_SOURCES);
	ck_assert(wants(&m, 99));
	snoop_member_free(&m);
}
END_TEST

/* ---- a switch --------------------------------------------------------------------------- */

/* Ports 0-3 learn, 4 registers, 5 is the uplink. */
static struct bed *snooping(bool aware)
{
	struct bed *b = bed_make(&(struct vs_switch_config){
		.name = "VSW", .snooping = true, .vlan_aware = aware, .default_vid = 10});
	struct vs_port_config cfg = guest(VS_TYPE_ACCESS, 0, NULL);

	cfg.learning = true;
	for (unsigned i = 0; i < 4; i++)
		bed_port(b, i, cfg);
	bed_port(b, 4, guest(VS_TYPE_ACCESS, 0, NULL));
	bed_port(b, 5, (struct vs_port_config){.role = VS_ROLE_UPLINK});
	return b;
}

struct when {
	struct vs_switch *sw;
	uint64_t ms;
};

static void on_punt(void *ctx, const struct vs_punted *f)
{
	struct when *w = ctx;

	vs_snoop_frame(w->sw, f, w->ms);
}

static void hear(struct bed *b, uint64_t ms)
{
	struct when w = {b->sw, ms};

	run(b);
	vs_switch_punted(b->sw, on_punt, &w);
}

/* Bits of the ports that got something; the queues are empty again. */
static unsigned got(struct bed *b)
{
	unsigned m = 0;

	for (unsigned i = 0; i < PORTS; i++)
		if (b->port[i] && b->fake[i].n_out)
			m |= 1u << i;
	clear(b);
	return m;
}

static unsigned igmp_from(struct bed *b, unsigned port, const uint8_t *group, uint8_t type,
			  const uint8_t *about, uint64_t ms, int tci)
{
	uint8_t f[300], msg[8] = {type, 100};
	uint32_t len;

	if (about)
		memcpy(msg + 4, about, 4);
	len = igmp_frame(f, port, group, msg, 8, tci);
	fake_inject(&b->fake[port], f, len);
	hear(b, ms);
	return got(b);
}

static unsigned data_to(struct bed *b, unsigned from, const uint8_t *group, int tci)
{
	uint8_t f[64], src[6], dst[6] = {1, 0, 0x5E, group[1] & 0x7F, group[2], group[3]};

	mac_of(from, src);
	fake_inject(&b->fake[from], f, fake_frame(f, dst, src, tci, 60, 0));
	run(b);
	return got(b);
}

START_TEST(groups_go_to_who_joined)
{
	struct vs_switch_config cfg;
	struct bed *b = snooping(_i);
	uint64_t t = 1000000;
	int up = _i ? 10 : -1;

	vs_switch_tick(b->sw, 1000);
	/* Without a querier everything floods, whoever joined. */
	ck_assert_uint_eq(data_to(b, 0, g1, -1), 0x2E);
	ck_assert_uint_eq(igmp_from(b, 1, g1, 0x16, g1, t, -1), 0x2D);
	ck_assert_uint_eq(data_to(b, 0, g1, -1), 0x2E);
	/* A querier at port 2. */
	ck_assert_uint_eq(igmp_from(b, 2, all4, 0x11, NULL, t, -1), 0x2B);
	ck_assert(vs_port_router(b->port[2]));
	ck_assert_uint_eq(data_to(b, 0, g1, -1), 0x2E); /* others may still answer */
	vs_switch_tick(b->sw, 1010);
	t = 1010000;
	ck_assert_uint_eq(data_to(b, 0, g1, -1), 0x26);
	ck_assert_uint_eq(data_to(b, 5, g1, up), 0x06);
	ck_assert_uint_eq(data_to(b, 0, g2, -1), 0x24); /* nobody joined */
	ck_assert_uint_eq(data_to(b, 0, all4, -1), 0x2E);
	/* Reports go to routers only: none suppresses another's. */
	ck_assert_uint_eq(igmp_from(b, 3, g1, 0x16, g1, t, -1), 0x24);
	ck_assert_uint_eq(igmp_from(b, 0, v3routers, 0x22, NULL, t, -1), 0x2E);
	ck_assert_uint_eq(data_to(b, 0, g1, -1), 0x2E);
	/* Leave: two seconds to say no, then gone. */
	ck_assert_uint_eq(igmp_from(b, 3, (const uint8_t[]){224, 0, 0, 2}, 0x17, g1, t, -1), 0x27);
	vs_switch_tick(b->sw, 1011);
	ck_assert_uint_eq(data_to(b, 0, g1, -1), 0x2E);
	vs_switch_tick(b->sw, 1013);
	ck_assert_uint_eq(data_to(b, 0, g1, -1), 0x26);
	/* A leave that another host at the same port contradicts. */
	t = 1013000;
	igmp_from(b, 1, (const uint8_t[]){224, 0, 0, 2}, 0x17, g1, t, -1);
	igmp_from(b, 1, g1, 0x16, g1, t + 500, -1);
	vs_switch_tick(b->sw, 1020);
	ck_assert_uint_eq(data_to(b, 0, g1, -1), 0x26);
	/* A question about the group that nobody answers. */
	igmp_from(b, 2, g1, 0x11, g1, 1020000, -1);
	vs_switch_tick(b->sw, 1041);
	ck_assert_uint_eq(data_to(b, 0, g1, -1), 0x24); /* nobody is left */
	/* Switched off: nobody is told who joins, so everybody gets it. */
	cfg = b->sw->cfg;
	cfg.snooping = false;
	ck_assert_int_eq(vs_switch_configure(b->sw, &cfg), 0);
	ck_assert_uint_eq(data_to(b, 0, g1, -1), 0x2E);
	bed_free(b);
}
END_TEST

START_TEST(memberships_and_queriers_age)
{
	struct bed *b = snooping(false);
	struct vs_snooped e[8];

	vs_switch_tick(b->sw, 1000);
	igmp_from(b, 5, all4, 0x11, NULL, 1000000, -1);
	vs_switch_tick(b->sw, 1010);
	igmp_from(b, 1, g1, 0x16, g1, 1010000, -1);
	ck_assert_uint_eq(data_to(b, 0, g1, -1), 0x22);
	ck_assert_uint_eq(vs_snoop_list(b->sw, e, 8), 1);
	ck_assert_ptr_eq(e[0].port, b->port[1]);
	ck_assert(e[0].filtered);
	ck_assert_uint_eq(e[0].left_s, 260);
	vs_switch_tick(b->sw, 1256); /* the querier is silent: flood, the list stays */
	ck_assert_uint_eq(data_to(b, 0, g1, -1), 0x2E);
	ck_assert_uint_eq(vs_snoop_list(b->sw, e, 8), 1);
	vs_switch_tick(b->sw, 1271);
	ck_assert_uint_eq(vs_snoop_list(b->sw, e, 8), 0);
	igmp_from(b, 5, all4, 0x11, NULL, 1271000, -1);
	igmp_from(b, 1, g1, 0x16, g1, 1271000, -1);
	igmp_from(b, 2, g1, 0x16, g1, 1271000, -1);
	vs_switch_tick(b->sw, 1281);
	ck_assert_uint_eq(data_to(b, 0, g1, -1), 0x26);
	vs_port_link(b->port[1]).ops->stop(b->port[1]);
	ck_assert_uint_eq(data_to(b, 0, g1, -1), 0x24);
	bed_free(b);
}
END_TEST

START_TEST(mld_on_a_switch)
{
	struct bed *b = snooping(false);
	uint8_t f[300], q[24] = {130, 0, 0, 0, 0x27, 0x10},
			r[24] = {131, [8] = 0xFF, [9] = 5, [23] = 0x77};
	uint8_t src[6], dst[6] = {0x33, 0x33, 0, 0, 0, 0x77};

	vs_switch_tick(b->sw, 1000);
	fake_inject(&b->fake[5], f, mld_frame(f, 5, all6, q, 24));
	hear(b, 1000000);
	vs_switch_tick(b->sw, 1010);
	fake_inject(&b->fake[3], f, mld_frame(f, 3, h1, r, 24));
	hear(b, 1010000);
	ck_assert_uint_eq(got(b), 0x2F); /* the query to all, the report to the uplink */
	mac_of(0, src);
	fake_inject(&b->fake[0], f, fake_frame(f, dst, src, -1, 60, 0));
	run(b);
	ck_assert_uint_eq(got(b), 0x28);
	fake_inject(&b->fake[3], f, mld_frame(f, 3, v2routers, r, 24));
	hear(b, 1010000);
	ck_assert_uint_eq(got(b), 0x20);
	bed_free(b);
}
END_TEST

/* What one port joins beyond its limit it does not get, and costs nobody else an entry. */
START_TEST(a_port_that_joins_everything)
{
	struct bed *b = snooping(false);
	static struct vs_snooped e[2000];
	unsigned of[PORTS] = {0};
	size_t n;

	vs_switch_tick(b->sw, 1000);
	igmp_from(b, 5, all4, 0x11, NULL, 1000000, -1);
	vs_switch_tick(b->sw, 1010);
	igmp_from(b, 1, g1, 0x16, g1, 1010000, -1);
	for (unsigned i = 0; i < 2000; i++) {
		const uint8_t g[4] = {239, 9, (uint8_t)(i >> 8), (uint8_t)i};

		igmp_from(b, 2, g, 0x16, g, 1010000, -1);
	}
	n = vs_snoop_list(b->sw, e, 2000);
	for (size_t i = 0; i < n; i++)
		for (unsigned p = 0; p < PORTS; p++)
			of[p] += e[i].port == b->port[p];
	ck_assert_uint_eq(of[1], 1);
	ck_assert_uint_eq(of[2], 128);
	ck_assert_uint_eq(data_to(b, 0, (const uint8_t[]){239, 9, 7, 0}, -1), 0x20);
	ck_assert_uint_eq(data_to(b, 0, g1, -1), 0x22);
	bed_free(b);
}
END_TEST

/* A report of IGMPv3 with one record. */
static unsigned v3_from(struct bed *b, unsigned port, enum snoop_record kind, const uint8_t *group,
			uint32_t sources, uint64_t ms)
{
	uint8_t f[300], msg[128] = {0x22, [7] = 1, [8] = (uint8_t)kind};
	unsigned n = list_of(sources, msg + 16);

	be16_store(msg + 10, (uint16_t)n);
	memcpy(msg + 12, group, 4);
	fake_inject(&b->fake[port], f, igmp_frame(f, port, v3routers, msg, 16 + 4 * n, -1));
	hear(b, ms);
	return got(b);
}

static unsigned data_of(struct bed *b, unsigned from, const uint8_t *group, unsigned source)
{
	uint8_t f[64], src[6], dst[6] = {1, 0, 0x5E, group[1] & 0x7F, group[2], group[3]};

	mac_of(from, src);
	fake_frame(f, dst, src, -1, 60, 0);
	be16_store(f + 12, 0x0800);
	f[14] = 0x45;
	memcpy(f + 26, (const uint8_t[]){192, 0, 2, (uint8_t)source}, 4);
	memcpy(f + 30, group, 4);
	fake_inject(&b->fake[from], f, 60);
	run(b);
	return got(b);
}

/* Two ports want different sources of one group; a third wants all, and the uplink gets all. */
START_TEST(sources_on_a_switch)
{
	const uint8_t same_mac[4] = {238, 129, 1, 1};
	struct bed *b = snooping(false);
	struct vs_snooped e[8];
	uint64_t t = 1010000;

	vs_switch_tick(b->sw, 1000);
	igmp_from(b, 5, all4, 0x11, NULL, 1000000, -1);
	vs_switch_tick(b->sw, 1010);
	v3_from(b, 1, SNOOP_IS_INCLUDE, g1, S(1) | S(2), t);
	ck_assert_uint_eq(data_of(b, 0, g1, 1), 0x22);
	ck_assert_uint_eq(data_of(b, 0, g1, 9), 0x20);
	v3_from(b, 2, SNOOP_IS_EXCLUDE, g1, S(2) | S(7), t);
	ck_assert_uint_eq(data_of(b, 0, g1, 1), 0x26);
	ck_assert_uint_eq(data_of(b, 0, g1, 2), 0x22);
	ck_assert_uint_eq(data_of(b, 0, g1, 7), 0x20);
	igmp_from(b, 3, g1, 0x16, g1, t, -1);
	ck_assert_uint_eq(data_of(b, 0, g1, 7), 0x28);
	ck_assert_uint_eq(vs_snoop_list(b->sw, e, 8), 3);
	ck_assert(!e[0].all && !e[0].exclude && e[0].n_sources == 2 && e[0].source[0][15] == 1);
	ck_assert(!e[1].all && e[1].exclude && e[1].n_sources == 2 && e[1].source[1][15] == 7);
	ck_assert(e[2].all && !e[2].n_sources && e[2].group[15] == 1);
	/* A query for one source that nobody answers; one for the group that all answer. */
	ck_assert_uint_eq(data_to(b, 0, g1, -1), 0x2E); /* no IP: no source */
	v3_from(b, 1, SNOOP_BLOCK, g1, S(1), t);
	vs_switch_tick(b->sw, 1012);
	ck_assert_uint_eq(data_of(b, 0, g1, 1), 0x2C);
	ck_assert_uint_eq(data_of(b, 0, g1, 2), 0x2A);
	/* Another group of the same MAC address: of that it wants all, which cannot be told apart.
	 */
	ck_assert_uint_eq(data_of(b, 0, same_mac, 9), 0x2E);
	v3_from(b, 1, SNOOP_TO_EXCLUDE, same_mac, 0, 1012000);
	ck_assert_uint_eq(data_of(b, 0, g1, 1), 0x2E);
	/* The sources' time ends, and the port that stops takes its list along. */
	vs_switch_tick(b->sw, 1012 + 261);
	ck_assert_uint_eq(vs_snoop_list(b->sw, e, 8), 0);
	v3_from(b, 1, SNOOP_IS_INCLUDE, g1, S(1), 1273000);
	v3_from(b, 2, SNOOP_IS_INCLUDE, g1, S(2), 1273000);
	vs_port_link(b->port[1]).ops->stop(b->port[1]);
	igmp_from(b, 5, all4, 0x11, NULL, 1273000, -1);
	vs_switch_tick(b->sw, 1283);
	ck_assert_uint_eq(data_of(b, 0, g1, 2), 0x24);
	ck_assert_uint_eq(data_of(b, 0, g1, 1), 0x20);
	bed_free(b);
}
END_TEST

/* Who changes what it wants all the time has no effect on others, and nothing piles up. */
START_TEST(a_port_that_changes_its_mind)
{
	struct bed *b = snooping(false);

	vs_switch_tick(b->sw, 1000);
	igmp_from(b, 5, all4, 0x11, NULL, 1000000, -1);
	vs_switch_tick(b->sw, 1010);
	v3_from(b, 1, SNOOP_IS_INCLUDE, g1, S(1), 1010000);
	for (unsigned k = 0; k < 3000; k++) {
		v3_from(b, 2, k % 2 ? SNOOP_IS_EXCLUDE : SNOOP_ALLOW, g1, S(k % 15 + 1) | S(17),
			1010000);
		ck_assert_uint_eq(data_of(b, 0, g1, 1) & 2, 2);
	}
	ck_assert_uint_eq(data_of(b, 0, g1, 16) & 2, 0);
	bed_free(b);
}
END_TEST

/* ---- storms ----------------------------------------------------------------------------- */

START_TEST(storm_rate)
{
	static const uint32_t rates[] = {1, 10, 99, 1000, 54321};
	uint32_t rate = rates[_i];
	_Atomic uint64_t back = 0;
	uint64_t now = 5000000000u, let = 0, burst = rate / 10 > 10 ? rate / 10 : 10;

	for (unsigned i = 0; i < 1000000; i++) { /* for ten seconds far too fast */
		let += storm_allow(&back, rate, now);
		now += 10000;
	}
	ck_assert_uint_ge(let, rate * UINT64_C(10));
	ck_assert_uint_le(let, rate * UINT64_C(10) + burst + rate / 1000 + 1);
	now += 20 * UINT64_C(1000000000);
	let = 0;
	for (unsigned i = 0; i < 20; i++) /* at its rate: all */
		let += storm_allow(&back, rate, now + i * (UINT64_C(1000000000) / rate));
	ck_assert_uint_eq(let, 20);
}
END_TEST

START_TEST(storms_on_a_switch)
{
	struct vs_switch_config cfg = {.name = "VSW"};
	struct bed *b;
	uint8_t f[64], src[6];

	for (unsigned k = 0; k < VS_STORM_KINDS; k++)
		cfg.storm[k] = 10;
	b = bed_make(&cfg);
	for (unsigned i = 0; i < 3; i++)
		bed_port(b, i, guest(VS_TYPE_ACCESS, 0, NULL));
	bed_port(b, 3, (struct vs_port_config){.role = VS_ROLE_UPLINK});
	mac_of(0, src);
	for (unsigned i = 0; i < 50; i++) {
		send_one(b, 0, -1, -1);
		send_one(b, 0, -2, -1);
		send_one(b, 0, 1, -1); /* known: not counted */
		fake_inject(&b->fake[0], f,
			    fake_frame(f, (const uint8_t[]){1, 0, 0x5E, 1, 1, 1}, src, -1, 60, 0));
		run(b);
	}
	/* The machine may be slow: some more than the burst of 10 may have passed. */
	ck_assert_uint_ge(rx_drop(b, 0, VS_DROP_STORM), 3 * 30);
	ck_assert_uint_le(rx_drop(b, 0, VS_DROP_STORM), 3 * 40);
	ck_assert_uint_ge(b->fake[1].n_out, 60);
	send_one(b, 2, -1, -1); /* another port has its own */
	ck_assert_uint_eq(rx_drop(b, 2, VS_DROP_STORM), 0);
	bed_free(b);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("snoop");
	TCase *t = tcase_create("snoop");
	SRunner *r = srunner_create(s);
	int failed;

	rcu_register_thread();
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, igmp, 0, sizeof(igmp_rows) / sizeof(igmp_rows[0]));
	tcase_add_loop_test(t, mld, 0, 8);
	tcase_add_loop_test(t, groups_go_to_who_joined, 0, 2);
	tcase_add_test(t, memberships_and_queriers_age);
	tcase_add_test(t, mld_on_a_switch);
	tcase_add_test(t, a_port_that_joins_everything);
	tcase_add_loop_test(t, as_the_self_tests, 0, sizeof(self_tests) / sizeof(self_tests[0]));
	tcase_add_test(t, members_as_the_standard_says);
	tcase_add_test(t, a_member_with_many_sources);
	tcase_add_test(t, sources_on_a_switch);
	tcase_add_test(t, a_port_that_changes_its_mind);
	tcase_add_loop_test(t, storm_rate, 0, 5);
	tcase_add_test(t, storms_on_a_switch);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
