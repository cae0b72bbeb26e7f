/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Storage ranges, the state table of spec/qdio.md 11.2 with HALT and CLEAR in every state, SIGA,
 * and the two ways of signalling the guest.
 */
#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

#include "tests/qdio_rig.h"

/* ---- storage -------------------------------------------------------------------------------- */

#define NONE (-1)
#define A 0x1000 /* first region: 0x1000..0x1FFF, host bytes 0..0xFFF */
#define B 0x2000 /* second, adjacent in the guest: 0x2000..0x27FF, host bytes 0x2000.. */
#define TOP (UINT64_MAX - 0xFFF) /* third: the last 4 KiB of all */

static const struct range_row {
	int n;
	bool copyable;
	uint64_t addr, len;
	long host; /* offset qdio_storage_map gives, or NONE */
} ranges[] = {
	{1, true, A, 1, 0},
	{2, true, A, 0x1000, 0},
	{3, true, A + 0xFFF, 1, 0xFFF},
	{4, false, A - 1, 1, NONE},
	{5, false, A - 1, 2, NONE},
	{6, true, A, 0, NONE}, /* nothing to copy is always possible, nothing to map never */
	{7, false, 0, 1, NONE},
	{8, false, 0, UINT64_MAX, NONE},
	{9, false, A, UINT64_MAX, NONE},
	{10, false, A, UINT64_MAX - A, NONE},
	{11, false, UINT64_MAX, 2, NONE},
	{12, true, B, 0x800, 0x2000},
	{13, true, B + 0x7FF, 1, 0x27FF},
	{14, false, B + 0x800, 1, NONE},
	{15, false, B + 0x7FF, 2, NONE},
	{16, true, A + 0xFFF, 2, NONE}, /* across two regions: copied, not mapped */
	{17, true, A, 0x1800, NONE},
	{18, false, A, 0x1801, NONE},
	{19, true, TOP, 0x1000, 0x3000},
	{20, true, UINT64_MAX, 1, 0x3FFF},
	{21, false, TOP, 0x1001, NONE},
	{22, false, TOP - 1, 2, NONE},
};

START_TEST(ranges_as_listed)
{
	const struct range_row *row = &ranges[_i];
	uint8_t *host = aligned_alloc(4096, 0x4000), buf[0x1801];
	struct qdio_storage st = {
		.n = 3,
		.region = {{A, 0x1000, host},
			   {B, 0x800, host + 0x2000},
			   {TOP, 0x1000, host + 0x3000}},
	};

	memset(host, 0, 0x4000);
	memset(buf, 0x5A, sizeof(buf));
	ck_assert_int_eq(qdio_storage_check(&st), 0);
	uint8_t *p = qdio_storage_map(&st, row->addr, row->len, 0, QDIO_FETCH);
	ck_assert_msg(p == (row->host == NONE ? NULL : host + row->host), "row %d", row->n);
	if (row->len > sizeof(buf)) {
		ck_assert_msg(!row->copyable, "row %d", row->n);
	} else {
		size_t len = (size_t)row->len;

		ck_assert_msg(qdio_storage_store(&st, row->addr, buf, len, 0) ==
				      (row->copyable ? 0 : -EFAULT),
			      "row %d", row->n);
		if (!row->copyable) /* then nothing was stored */
			for (unsigned i = 0; i < 0x4000; i++)
				ck_assert_msg(!host[i], "row %d: byte %x", row->n, i);
		memset(buf, 0, sizeof(buf));
		ck_assert_msg(qdio_storage_fetch(&st, buf, row->addr, len, 0) ==
				      (row->copyable ? 0 : -EFAULT),
			      "row %d", row->n);
		for (size_t i = 0; row->copyable && i < len; i++)
			ck_assert_msg(buf[i] == 0x5A, "row %d: byte %zx", row->n, i);
	}
	free(host);
}
END_TEST

static const struct region_row {
	int n;
	unsigned count;
	struct {
		uint64_t addr, len;
		unsigned host;
	} r[2];
	int rc;
} region_rows[] = {
	{1, 1, {{0, 0x1000, 0}}, 0},
	{2, 0, {{0}}, -EINVAL},
	{3, 1, {{0, 0, 0}}, -EINVAL},
	{4, 1, {{UINT64_MAX, 2, 15}}, -EINVAL},
	{5, 1, {{UINT64_MAX, 1, 15}}, 0},
	{6, 2, {{0, 0x1000, 0}, {0x1000, 0x1000, 0x1000}}, 0},
	{7, 2, {{0, 0x1001, 0}, {0x1000, 0x1000, 0x1000}}, -EINVAL},
	{8, 2, {{0x1000, 0x1000, 0}, {0x800, 0x801, 0x1000}}, -EINVAL},
	{9, 2, {{0, 0x2000, 0}, {0x800, 0x10, 0x1000}}, -EINVAL},
	{10, 1, {{0, 0x1000, 8}}, -EINVAL}, /* SBALEs would not be aligned in the host */
	{11, 1, {{8, 0x1000, 8}}, 0},
	{12, 9, {{0, 0x1000, 0}}, -EINVAL},
};

START_TEST(regions_as_listed)
{
	const struct region_row *row = &region_rows[_i];
	static _Alignas(4096) uint8_t host[0x4000];
	struct qdio_storage st = {.n = row->count};

	for (unsigned i = 0; i < row->count && i < 2; i++)
		st.region[i] =
			(struct qdio_region){row->r[i].addr, row->r[i].len, host + row->r[i].host};
	ck_assert_msg(qdio_storage_check(&st) == row->rc, "row %d", row->n);
}
END_TEST

/* Both ends of the address space are there: a copy still does not go around. */
START_TEST(nothing_wraps_around)
{
	static _Alignas(4096) uint8_t host[0x2000];
	struct qdio_storage st = {.n = 2,
				  .region = {{0, 0x1000, host}, {TOP, 0x1000, host + 0x1000}}};
	uint8_t buf[8] = "abcdefg";

	ck_assert_int_eq(qdio_storage_check(&st), 0);
	ck_assert_int_eq(qdio_storage_store(&st, UINT64_MAX - 3, buf, 8, 0), -EFAULT);
	ck_assert_uint_eq(host[0] | host[0x1FFC], 0);
	ck_assert_int_eq(qdio_storage_fetch(&st, buf, UINT64_MAX - 3, 8, 0), -EFAULT);
	ck_assert_int_eq(qdio_storage_store(&st, UINT64_MAX - 3, buf, 4, 0), 0);
}
END_TEST

struct keyed {
	uint8_t bytes[64];
	uint8_t key;
};

static void *keyed_map(void *ctx, uint64_t addr, uint64_t len, uint8_t key, enum qdio_access access)
{
	struct keyed *k = ctx;

	if (addr >= sizeof(k->bytes) || len > sizeof(k->bytes) - addr)
		return NULL;
	return access == QDIO_FETCH || !key || key == k->key ? k->bytes + addr : NULL;
}

START_TEST(callback_decides)
{
	struct keyed k = {.bytes = "abc", .key = 6};
	struct qdio_storage st = {.map = keyed_map, .ctx = &k};
	uint8_t buf[4] = {0};

	ck_assert_int_eq(qdio_storage_check(&st), 0);
	ck_assert_int_eq(qdio_storage_fetch(&st, buf, 1, 2, 9), 0);
	ck_assert_mem_eq(buf, "bc", 2);
	ck_assert_int_eq(qdio_storage_store(&st, 0, "x", 1, 9), -EFAULT);
	ck_assert_int_eq(k.bytes[0], 'a');
	ck_assert_int_eq(qdio_storage_store(&st, 0, "x", 1, 0x16), 0); /* low four bits */
	ck_assert_int_eq(k.bytes[0], 'x');
	ck_assert_ptr_null(qdio_storage_map(&st, 0, 0, 0, QDIO_FETCH));
	ck_assert_ptr_null(qdio_storage_map(&st, 63, 2, 0, QDIO_FETCH));
	st.n = 1;
	ck_assert_int_eq(qdio_storage_check(&st), -EINVAL);
}
END_TEST

START_TEST(storage_is_fixed_while_used)
{
	struct qdio_storage st = {.n = 1};
	struct rig r;

	rig_init(&r, NULL, RIG_BYTES);
	st.region[0] = (struct qdio_region){0, r.size, r.mem};
	ck_assert_int_eq(qdio_group_set_storage(r.g, &st), 0);
	rig_ccw(&r, 0, QDIO_CCW_READ, QDIO_CCW_SLI, 100, RIG_DATA);
	rig_start(&r, 0);
	ck_assert_int_eq(qdio_group_set_storage(r.g, &st), -EBUSY);
	qdio_csch(r.g, 0);
	ck_assert_int_eq(qdio_group_set_storage(r.g, &st), 0);
	rig_layout(&r, 1, 4);
	rig_establish(&r);
	ck_assert_int_eq(qdio_group_set_storage(r.g, &st), -EBUSY);
	rig_fini(&r);
}
END_TEST

/* ---- the state table: 11.2 ------------------------------------------------------------------- */

static void enter(struct rig *r, enum qdio_queue_state state)
{
	rig_layout(r, 1, 4);
	if (state != QDIO_IDLE)
		rig_establish(r);
	if (state == QDIO_ACTIVE || state == QDIO_BROKEN)
		rig_activate(r);
	if (state == QDIO_BROKEN)
		qdio_group_broken(r->g);
	ck_assert_int_eq(qdio_group_state(r->g), state);
}

static int siga(struct rig *r, uint64_t fc, uint64_t gr1, uint64_t gr2)
{
	uint64_t gr0 = fc;

	return qdio_siga(r->g, &gr0, gr1, gr2, 0);
}

static const struct state_row {
	int n;
	enum qdio_queue_state state;
	int eq_cc; /* of EQ, and the state behind it */
	enum qdio_queue_state eq_state;
	int aq_cc;
	bool aq_held; /* no interruption */
	int siga_cc;
	unsigned deactivates; /* after halt or clear */
} states[] = {
	{1, QDIO_IDLE, 0, QDIO_ESTABLISHED, 0, false, 1, 0},
	{2, QDIO_ESTABLISHED, 0, QDIO_ESTABLISHED, 0, true, 1, 0},
	{3, QDIO_ACTIVE, 2, QDIO_ACTIVE, 2, true, 0, 1},
	{4, QDIO_BROKEN, 0, QDIO_ESTABLISHED, 0, false, 1, 1},
};

START_TEST(queue_commands_in_every_state)
{
	const struct state_row *row = &states[_i];
	struct rig r;
	unsigned before;

	rig_init(&r, NULL, RIG_BYTES);
	enter(&r, row->state);
	ck_assert_msg(siga(&r, QDIO_SIGA_W, 0x00010003, 0x80000000) == row->siga_cc, "row %d",
		      row->n);
	before = r.interrupts[2];
	ck_assert_msg(rig_activate(&r) == row->aq_cc, "row %d: AQ", row->n);
	ck_assert_msg(r.interrupts[2] == before + !row->aq_held, "row %d: AQ", row->n);
	if (!row->aq_held)
		ck_assert_msg(r.irb[2].sense[0] == QDIO_SENSE0_COMMAND_REJECT, "row %d", row->n);
	rig_fini(&r);

	rig_init(&r, NULL, RIG_BYTES);
	enter(&r, row->state);
	ck_assert_msg(rig_establish(&r) == row->eq_cc, "row %d: EQ", row->n);
	ck_assert_msg(qdio_group_state(r.g) == row->eq_state, "row %d: EQ", row->n);
	rig_fini(&r);
}
END_TEST

static void check_function_status(const struct rig *r, int n, bool clear, bool active)
{
	const struct qdio_scsw *scsw = &r->irb[2].scsw;
	uint32_t w0 = be32_get(scsw->w0);

	if (clear)
		ck_assert_msg(w0 == 0x00001001, "row %d: %08x", n, w0);
	else if (!active)
		ck_assert_msg(w0 == 0x00002001, "row %d: %08x", n, w0);
	else /* start and halt; primary, secondary, pending */
		ck_assert_msg((w0 & 0xFFFF) == 0x6007, "row %d: %08x", n, w0);
	ck_assert_msg(scsw->sstat == 0, "row %d", n);
	ck_assert_msg(scsw->dstat == (active && !clear ? RIG_CE_DE : 0), "row %d", n);
	ck_assert_msg(r->irb[2].sense[0] == 0, "row %d", n);
}

static void halt_or_clear_twice(const struct state_row *row, bool clear)
{
	struct rig r;

	rig_init(&r, NULL, RIG_BYTES);
	enter(&r, row->state);
	for (unsigned round = 0; round < 2; round++) {
		bool active = round == 0 && row->state == QDIO_ACTIVE;
		unsigned before = r.interrupts[2];

		ck_assert_int_eq(clear ? qdio_csch(r.g, 2) : qdio_hsch(r.g, 2), 0);
		ck_assert_msg(r.interrupts[2] == before + 1, "row %d round %u", row->n, round);
		check_function_status(&r, row->n, clear, active);
		ck_assert_msg(qdio_group_state(r.g) == QDIO_IDLE, "row %d", row->n);
		ck_assert_msg(r.deactivates == row->deactivates, "row %d", row->n);
		ck_assert_msg(siga(&r, QDIO_SIGA_W, 0x00010003, 0x80000000) == 1, "row %d", row->n);
		ck_assert_uint_eq(r.resets[2], round + 1);
		ck_assert_int_eq(r.last_reset, clear ? QDIO_RESET_CLEAR : QDIO_RESET_HALT);
		ck_assert(!r.reset_while_active);
		qdio_group_signal(r.g);
		ck_assert_uint_eq(r.pcis, 0);
	}
	/* And it comes up again. */
	enter(&r, QDIO_ACTIVE);
	rig_fini(&r);
}

START_TEST(halt_and_clear_in_every_state)
{
	halt_or_clear_twice(&states[_i], false);
	halt_or_clear_twice(&states[_i], true);
}
END_TEST

START_TEST(halt_and_clear_of_a_held_read)
{
	for (unsigned clear = 0; clear < 2; clear++) {
		struct rig r;

		rig_init(&r, NULL, RIG_BYTES);
		rig_bring_up(&r);
		rig_ccw(&r, 0, QDIO_CCW_READ, QDIO_CCW_SLI, 4096, RIG_DATA);
		rig_start(&r, 0);
		ck_assert_int_eq(clear ? qdio_csch(r.g, 0) : qdio_hsch(r.g, 0), 0);
		ck_assert_uint_eq(r.interrupts[0], 1);
		ck_assert_uint_eq(be32_get(r.irb[0].scsw.w0) & 0xFFFF, clear ? 0x1001 : 0x6007);
		/* The data device's queues are not its business; the READ is gone. */
		ck_assert_int_eq(qdio_group_state(r.g), QDIO_ACTIVE);
		rig_message(&r, 0, "x", 1);
		qdio_group_readable(r.g, 0);
		ck_assert_uint_eq(r.interrupts[0], 1);
		ck_assert_uint_eq(r.mem[RIG_DATA], 0);
		rig_fini(&r);
	}
}
END_TEST

START_TEST(refused_activation_leaves_established)
{
	struct rig r;

	rig_init(&r, NULL, RIG_BYTES);
	rig_layout(&r, 1, 4);
	rig_establish(&r);
	r.activate_rc = -1;
	rig_activate(&r);
	ck_assert_uint_eq(r.irb[2].sense[0], QDIO_SENSE0_COMMAND_REJECT);
	ck_assert_int_eq(qdio_group_state(r.g), QDIO_ESTABLISHED);
	ck_assert_int_eq(siga(&r, QDIO_SIGA_W, 0x00010003, 0x80000000), 1);
	r.activate_rc = 0;
	rig_activate(&r);
	ck_assert_int_eq(qdio_group_state(r.g), QDIO_ACTIVE);
	rig_fini(&r);
}
END_TEST

START_TEST(broken_is_an_activate_check)
{
	struct rig r;
	unsigned before;

	rig_init(&r, NULL, RIG_BYTES);
	qdio_group_broken(r.g); /* not active: nothing */
	ck_assert_uint_eq(r.interrupts[2], 0);
	rig_bring_up(&r);
	before = r.interrupts[2];
	qdio_group_broken(r.g);
	ck_assert_uint_eq(r.interrupts[2], before + 1);
	ck_assert_uint_eq(r.irb[2].scsw.dstat, RIG_CE_DE | QDIO_DSTAT_UNIT_CHECK);
	ck_assert_uint_ne(r.irb[2].sense[0], 0);
	ck_assert_uint_eq(r.deactivates, 1);
	qdio_group_broken(r.g);
	ck_assert_uint_eq(r.interrupts[2], before + 1);
	rig_fini(&r);
}
END_TEST

START_TEST(disabled_and_missing_subchannels)
{
	struct rig r;

	rig_init(&r, NULL, RIG_BYTES);
	ck_assert_int_eq(qdio_msch(r.g, 1, false, 0), 0);
	ck_assert_int_eq(rig_start(&r, 1), 3);
	ck_assert_int_eq(qdio_hsch(r.g, 1), 3);
	ck_assert_int_eq(qdio_csch(r.g, 1), 3);
	ck_assert_int_eq(rig_start(&r, 3), 3);
	ck_assert_int_eq(qdio_hsch(r.g, 3), 3);
	ck_assert_int_eq(qdio_csch(r.g, 77), 3);
	ck_assert_int_eq(qdio_msch(r.g, 3, true, 0), 3);
	ck_assert_uint_eq(r.interrupts[0] + r.interrupts[1] + r.interrupts[2], 0);
	rig_fini(&r);
}
END_TEST

START_TEST(system_reset_is_silent)
{
	struct rig r;
	unsigned before;

	rig_init(&r, NULL, RIG_BYTES);
	rig_bring_up(&r);
	before = r.interrupts[2];
	qdio_system_reset(r.g);
	ck_assert_uint_eq(r.interrupts[2], before);
	ck_assert_uint_eq(r.deactivates, 1);
	ck_assert_int_eq(r.last_reset, QDIO_RESET_SYSTEM);
	ck_assert_int_eq(qdio_group_state(r.g), QDIO_IDLE);
	ck_assert_int_eq(rig_start(&r, 0), 3); /* disabled */
	rig_fini(&r);
	qdio_group_destroy(NULL);
}
END_TEST

START_TEST(bad_configurations)
{
	struct qdio_env_ops env = {0};
	struct qdio_cu_ops cu = {0};
	struct qdio_group_config cfg = rig_config();

	ck_assert_ptr_null(qdio_group_create(&cfg, &env, NULL, &cu, NULL));
	ck_assert_int_eq(errno, EINVAL);
}
END_TEST

/* ---- SIGA: 6.4
 * ----------------------------------------------------------------------------------- */

static const struct siga_row {
	int n;
	int rc; /* with active queues */
	uint64_t gr0, gr1, gr2;
	int idle_rc; /* without */
	bool kick;
} sigas[] = {
	{1, 0, 0, 0x00010003, 0xFFFFFFFF80000000, 1, true}, /* as Linux has it */
	{2, 0, 1, 0x00010003, 0xFFFFFFFF80000000, 1, false},
	{3, 0, 2, 0x00010003, 0x80000000, 1, true},
	{4, 0, 2, 0x00010003, 0, 1, false},
	{5, 0, 0, 0x00010003, 0, 1, false},
	{6, 0, 0, 0x00010003, 0x10000000, 1, true},  /* queue 3 */
	{7, 0, 0, 0x00010003, 0x08000000, 1, false}, /* queue 4: does not exist */
	{8, 0, 0, 0x00010003, 0xF8000000, 1, true},
	/* functions of HiperSockets, unknown functions */
	{10, 3, 3, 0x00010003, 0x80000000, 1, false},
	{11, 3, 4, 0x00010003, 0x80000000, 1, false},
	{12, -QDIO_PGM_SPECIFICATION, 5, 0x00010003, 0x80000000, -QDIO_PGM_SPECIFICATION, false},
	{13, -QDIO_PGM_SPECIFICATION, 0x7F, 0x00010003, 0x80000000, -QDIO_PGM_SPECIFICATION, false},
	{14, -QDIO_PGM_SPECIFICATION, 0x100, 0x00010003, 0x80000000, -QDIO_PGM_SPECIFICATION,
	 false},
	{15, 0, 0x100000000, 0x00010003, 0x80000000, 1, true}, /* bits 32-63 only */
	/* identification words */
	{20, -QDIO_PGM_OPERAND, 0, 0x00000003, 0x80000000, -QDIO_PGM_OPERAND, false},
	{21, -QDIO_PGM_OPERAND, 0, 0x00090003, 0x80000000, -QDIO_PGM_OPERAND, false},
	{22, -QDIO_PGM_OPERAND, 0, 0x80010003, 0x80000000, -QDIO_PGM_OPERAND, false},
	{23, 3, 0, 0x00030003, 0x80000000, 3, false}, /* set 1 */
	{24, 3, 0, 0x00010009, 0x80000000, 3, false},
	{25, 1, 0, 0x00010001, 0x80000000, 1, false}, /* ours, without queues */
	{26, 0, 0, 0xFFFFFFFF00010003, 0x80000000, 1, true},
	/* tokens, without QEBSM: nothing has this one */
	{30, 3, 0x80, 0x1234, 0x80000000, 3, false},
};

START_TEST(siga_as_listed)
{
	const struct siga_row *row = &sigas[_i];
	struct rig r;

	for (unsigned active = 0; active < 2; active++) {
		uint64_t gr0 = row->gr0;
		int want = active ? row->rc : row->idle_rc;

		rig_init(&r, NULL, RIG_BYTES);
		if (active)
			rig_bring_up(&r);
		/* a function not provided is that in any state, except that 1 comes first */
		ck_assert_msg(qdio_siga(r.g, &gr0, row->gr1, row->gr2, ~0ull) == want,
			      "row %d active %u", row->n, active);
		ck_assert_msg(r.kicks == (active && row->kick), "row %d", row->n);
		if (want >= 0)
			ck_assert_msg(!(gr0 >> 31), "row %d: busy", row->n);
		rig_fini(&r);
	}
}
END_TEST

START_TEST(siga_on_a_disabled_subchannel)
{
	struct rig r;

	rig_init(&r, NULL, RIG_BYTES);
	qdio_msch(r.g, 2, false, 0);
	ck_assert_int_eq(siga(&r, QDIO_SIGA_W, 0x00010003, 0x80000000), 3);
	rig_fini(&r);
}
END_TEST

/* ---- signals: 9.2, 9.3, 8.3
 * ------------------------------------------------------------------------- */

static uint16_t sadc(struct rig *r, uint64_t summary, uint64_t dsci, uint8_t isc)
{
	struct qdio_sadc req = {
		.hdr = {be16_of(sizeof(req)), be16_of(QDIO_CHSC_SADC)},
		.summary = be64_of(summary),
		.dsci = be64_of(dsci),
		.isc = isc,
		.controls = be32_of(0x10000000),
		.schid = be32_of(0x00010003),
	};
	uint8_t block[QDIO_CHSC_BLOCK_BYTES] = {0};

	memcpy(block, &req, sizeof(req));
	ck_assert_int_eq(qdio_chsc(&r->g, 1, block), 0);
	ck_assert_uint_eq(be16_load(block + sizeof(req)), 8);
	return be16_load(block + sizeof(req) + 2);
}

static void rig_init_thin(struct rig *r)
{
	struct qdio_group_config cfg = rig_config();

	cfg.thin_interrupts = true;
	rig_init(r, &cfg, RIG_BYTES);
}

START_TEST(classic_signal)
{
	struct qdio_irb irb;
	struct rig r;

	rig_init(&r, NULL, RIG_BYTES);
	qdio_group_signal(r.g);
	ck_assert_uint_eq(r.pcis, 0);
	rig_bring_up(&r);
	r.later = true;
	qdio_group_signal(r.g);
	ck_assert_uint_eq(r.pcis, 0);
	r.later = false;
	qdio_group_signal(r.g);
	ck_assert_uint_eq(r.pcis, 1);
	ck_assert_uint_eq(r.airqs, 0);
	qdio_group_pci_status(r.g, &irb);
	ck_assert_uint_eq(be32_get(irb.scsw.w0), 0x0080C0C9);
	ck_assert_uint_eq(irb.scsw.dstat, 0);
	ck_assert_uint_eq(irb.scsw.sstat, 0x80);
	ck_assert_uint_eq(be16_get(irb.scsw.count), 0);
	ck_assert_uint_eq(irb.parm, 0xCAFE0002);
	rig_fini(&r);
}
END_TEST

START_TEST(thin_signal)
{
	struct rig r;

	rig_init_thin(&r);
	ck_assert_uint_eq(sadc(&r, RIG_LSI, RIG_DSCI, 0x23), QDIO_CHSC_OK);
	ck_assert(qdio_group_thinint(r.g));
	qdio_group_signal(r.g); /* not active yet */
	ck_assert_uint_eq(r.mem[RIG_DSCI], 0);
	rig_bring_up(&r); /* EQ and AQ keep the registration */
	r.later = true;
	qdio_group_signal(r.g);
	ck_assert_uint_eq(r.mem[RIG_DSCI] + r.airqs, 0);
	r.later = false;
	qdio_group_signal(r.g);
	ck_assert_uint_ne(r.mem[RIG_DSCI], 0);
	ck_assert_uint_ne(r.mem[RIG_LSI], 0);
	ck_assert_uint_eq(r.airqs, 1);
	ck_assert_uint_eq(r.last_isc, 3);
	ck_assert_uint_eq(r.pcis, 0);
	for (unsigned i = 1; i < 16; i++) { /* one byte each */
		ck_assert_uint_eq(r.mem[RIG_DSCI + i], 0);
		ck_assert_uint_eq(r.mem[RIG_LSI + i], 0);
	}
	/* An indicator that is still on suppresses nothing. */
	qdio_group_signal(r.g);
	ck_assert_uint_eq(r.airqs, 2);
	qdio_csch(r.g, 2);
	r.mem[RIG_DSCI] = r.mem[RIG_LSI] = 0;
	qdio_group_signal(r.g);
	ck_assert_uint_eq(r.mem[RIG_DSCI] + r.mem[RIG_LSI], 0);
	ck_assert(qdio_group_thinint(r.g)); /* kept over CSCH */
	qdio_system_reset(r.g);
	ck_assert(!qdio_group_thinint(r.g));
	rig_fini(&r);
}
END_TEST

static const struct sadc_row {
	int n;
	uint16_t code;
	bool thin, registered;
	uint64_t summary, dsci;
} sadcs[] = {
	{1, 0x0001, true, true, RIG_LSI, RIG_DSCI},
	{2, 0x0001, true, false, 0, 0},
	{3, 0x0003, true, false, RIG_LSI, 0},
	{4, 0x0003, true, false, 0, RIG_DSCI},
	{5, 0x0003, true, false, RIG_BYTES, RIG_DSCI},
	{6, 0x0003, true, false, RIG_LSI, RIG_BYTES},
	{7, 0x0003, true, false, UINT64_MAX, RIG_DSCI},
	{8, 0x0001, true, true, RIG_BYTES - 1, RIG_BYTES - 1},
	{9, 0x0004, false, false, RIG_LSI, RIG_DSCI},
};

START_TEST(sadc_as_listed)
{
	const struct sadc_row *row = &sadcs[_i];
	struct qdio_group_config cfg = rig_config();
	struct rig r;

	cfg.thin_interrupts = row->thin;
	rig_init(&r, &cfg, RIG_BYTES);
	ck_assert_msg(sadc(&r, row->summary, row->dsci, 3) == row->code, "row %d", row->n);
	ck_assert_msg(qdio_group_thinint(r.g) == row->registered, "row %d", row->n);
	rig_fini(&r);
}
END_TEST

/* A worker that signals until it is told to stop. */
struct worker {
	struct rig *r;
	_Atomic bool stop;
	_Atomic unsigned rounds;
};

static void *signal_for_ever(void *arg)
{
	struct worker *w = arg;

	while (!atomic_load(&w->stop)) {
		qdio_group_signal(w->r->g);
		atomic_fetch_add(&w->rounds, 1);
	}
	return NULL;
}

static void wait_rounds(struct worker *w, unsigned n)
{
	unsigned from = atomic_load(&w->rounds);

	while (atomic_load(&w->rounds) - from < n)
		;
}

static uint8_t take(struct rig *r, uint32_t addr)
{
	return atomic_exchange((_Atomic uint8_t *)(r->mem + addr), 0);
}

/* A device's worker: news, then a signal, again and again. */
struct source {
	struct rig *r;
	_Atomic unsigned made, served;
};

#define NEWS 20000u

static void *make_news(void *arg)
{
	struct source *s = arg;

	for (unsigned n = 1; n <= NEWS; n++) {
		atomic_store(&s->made, n);
		qdio_group_signal(s->r->g);
		/* Not too far ahead: what matters is where one ends and the other begins. */
		while (n - atomic_load(&s->served) > 2)
			sched_yield();
	}
	return NULL;
}

static void serve(struct source *s)
{
	if (take(s->r, RIG_DSCI))
		atomic_store(&s->served, atomic_load(&s->made));
}

/*
 * 14.3 row 21: two devices with indicators of their own on one subclass. Interruptions merge; who
 * clears the summary first and looks at every device then misses nothing.
 */
START_TEST(two_on_one_subclass)
{
	struct source s[2] = {0};
	struct rig r[2];
	pthread_t thread[2];

	for (unsigned i = 0; i < 2; i++) {
		struct qdio_storage st = {.n = 2};

		rig_init_thin(&r[i]);
		s[i].r = &r[i];
		/* Storage of its own, and behind it the page with the summary that both have. */
		st.region[0] = (struct qdio_region){0, RIG_BYTES, r[i].mem};
		st.region[1] = (struct qdio_region){RIG_BYTES, 16, r[0].mem + RIG_LSI};
		ck_assert_int_eq(qdio_group_set_storage(r[i].g, &st), 0);
		ck_assert_uint_eq(sadc(&r[i], RIG_BYTES, RIG_DSCI, 3), QDIO_CHSC_OK);
		rig_bring_up(&r[i]);
	}
	for (unsigned i = 0; i < 2; i++) { /* alone: the other's indicator stays off */
		qdio_group_signal(r[i].g);
		ck_assert_uint_ne(take(&r[0], RIG_LSI), 0);
		ck_assert_uint_ne(take(&r[i], RIG_DSCI), 0);
		ck_assert_uint_eq(take(&r[!i], RIG_DSCI), 0);
		ck_assert_uint_eq(r[i].last_isc, 3);
	}
	for (unsigned i = 0; i < 2; i++)
		pthread_create(&thread[i], NULL, make_news, &s[i]);
	while (s[0].served < NEWS || s[1].served < NEWS) { /* lost: the test's time-out */
		if (!take(&r[0], RIG_LSI)) {
			sched_yield();
			continue;
		}
		serve(&s[0]);
		serve(&s[1]);
	}
	for (unsigned i = 0; i < 2; i++) {
		pthread_join(thread[i], NULL);
		ck_assert_uint_eq(r[i].airqs, NEWS + 1);
	}
	rig_fini(&r[1]);
	rig_fini(&r[0]);
}
END_TEST

/* 12 row 10: after the answer to a reset nothing is stored, however busy the worker is. */
START_TEST(no_indicator_after_a_reset_answer)
{
	struct worker w = {0};
	pthread_t thread;
	struct rig r;

	rig_init_thin(&r);
	rig_bring_up(&r);
	w.r = &r;
	pthread_create(&thread, NULL, signal_for_ever, &w);
	for (unsigned round = 0; round < 300; round++) {
		sadc(&r, RIG_LSI, RIG_DSCI, 3);
		wait_rounds(&w, 2);
		ck_assert_uint_ne(take(&r, RIG_DSCI), 0);
		ck_assert_uint_eq(sadc(&r, 0, 0, 3), QDIO_CHSC_OK);
		take(&r, RIG_DSCI);
		take(&r, RIG_LSI);
		wait_rounds(&w, 2);
		ck_assert_uint_eq(take(&r, RIG_DSCI), 0);
		ck_assert_uint_eq(take(&r, RIG_LSI), 0);
	}
	atomic_store(&w.stop, true);
	pthread_join(thread, NULL);
	rig_fini(&r);
}
END_TEST

/* Even with an owner whose worker goes on after deactivate: no PCI behind the clear. */
START_TEST(no_pci_after_clear)
{
	struct worker w = {0};
	pthread_t thread;
	struct rig r;

	rig_init(&r, NULL, RIG_BYTES);
	w.r = &r;
	rig_bring_up(&r);
	pthread_create(&thread, NULL, signal_for_ever, &w);
	for (unsigned round = 0; round < 300; round++) {
		unsigned pcis;

		wait_rounds(&w, 2);
		qdio_csch(r.g, 2);
		pcis = atomic_load(&r.pcis);
		wait_rounds(&w, 2);
		ck_assert_uint_eq(atomic_load(&r.pcis), pcis);
		rig_bring_up(&r);
	}
	atomic_store(&w.stop, true);
	pthread_join(thread, NULL);
	ck_assert_uint_gt(r.pcis, 0);
	rig_fini(&r);
}
END_TEST

#define ROWS(t) (int)(sizeof(t) / sizeof((t)[0]))

static Suite *qdio_suite(void)
{
	Suite *s = suite_create("qdio");
	TCase *tc = tcase_create("storage");

	tcase_add_loop_test(tc, ranges_as_listed, 0, ROWS(ranges));
	tcase_add_loop_test(tc, regions_as_listed, 0, ROWS(region_rows));
	tcase_add_test(tc, nothing_wraps_around);
	tcase_add_test(tc, callback_decides);
	tcase_add_test(tc, storage_is_fixed_while_used);
	suite_add_tcase(s, tc);
	tc = tcase_create("states");
	tcase_add_loop_test(tc, queue_commands_in_every_state, 0, ROWS(states));
	tcase_add_loop_test(tc, halt_and_clear_in_every_state, 0, ROWS(states));
	tcase_add_test(tc, halt_and_clear_of_a_held_read);
	tcase_add_test(tc, refused_activation_leaves_established);
	tcase_add_test(tc, broken_is_an_activate_check);
	tcase_add_test(tc, disabled_and_missing_subchannels);
	tcase_add_test(tc, system_reset_is_silent);
	tcase_add_test(tc, bad_configurations);
	suite_add_tcase(s, tc);
	tc = tcase_create("siga");
	tcase_add_loop_test(tc, siga_as_listed, 0, ROWS(sigas));
	tcase_add_test(tc, siga_on_a_disabled_subchannel);
	suite_add_tcase(s, tc);
	tc = tcase_create("signals");
	tcase_add_test(tc, classic_signal);
	tcase_add_test(tc, thin_signal);
	tcase_add_loop_test(tc, sadc_as_listed, 0, ROWS(sadcs));
	tcase_add_test(tc, two_on_one_subclass);
	tcase_add_test(tc, no_indicator_after_a_reset_answer);
	tcase_add_test(tc, no_pci_after_clear);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	SRunner *sr = srunner_create(qdio_suite());

	srunner_run_all(sr, CK_ENV);
	int failed = srunner_ntests_failed(sr);

	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
