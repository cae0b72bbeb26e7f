/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The recordings of tests/data against qdio with a stub control unit.
 *
 * The driver's side is replayed as recorded: MSCH, START with its CCWs and WRITE data, the
 * control blocks, CHSC requests, buffer states, SIGA, SQBS, EQBS, HALT and CLEAR. The stub answers
 * READs with the recorded messages and fills and completes buffers where the recorded adapter did.
 * Compared is what the specification marks as must, not the recorded adapter's other bytes. Run
 * from the top of the tree.
 */
#include <check.h>
#include <stdlib.h>

#include "tests/qdio_rig.h"
#include "tests/trace.h"

static const char *const files[] = {
	"tests/data/l2-osd-minimal.trace",
	"tests/data/l2-osd-retry.trace",
	"tests/data/l2-osd-full.trace",
	"tests/data/l2-hyperion-qebsm.trace",
	"tests/data/l2-hyperion-thinint.trace",
	"tests/data/l3-osd.trace",
	"tests/data/l2-zosa.trace",
	"tests/data/l2-vlan-zosa.trace",
	"tests/data/l3-zosa.trace",
	"tests/data/hipers-zosa.trace",
};

struct replay {
	const struct trace *t;
	size_t i; /* the current event */
	struct rig r;
	unsigned seen[QDIO_DEVICES]; /* interruptions compared so far */
	bool function[QDIO_DEVICES]; /* halted or cleared since the last START */
	unsigned starts, held, chscs, sigas, qebsm, out_buffers, in_buffers;
};

#define at(p) (&(p)->t->ev[(p)->i])
#define ck(p, cond)                                                                                \
	ck_assert_msg(cond, "%s:%u: %s: %s", (p)->t->path, at(p)->line, at(p)->name, #cond)

static unsigned device(const struct replay *p)
{
	switch (at(p)->ch) {
	case 'r':
		return 0;
	case 'w':
		return 1;
	default:
		return 2;
	}
}

/* ---- configuration, from the recording ----------------------------------------------------------
 */

static struct qdio_group_config config_of(const struct trace *t)
{
	struct qdio_group_config cfg = rig_config();
	size_t msch = trace_next(t, 0, "MSCH", 'd'), i;
	uint16_t data = 3;

	for (i = 0; i < t->n; i++) {
		const struct trace_event *e = &t->ev[i];

		if (!trace_is(e, "CHSC-REQ"))
			continue;
		if (trace_hex(e, "code", 0) == QDIO_CHSC_SSQD)
			data = be16_load(e->data + 6);
		if (trace_hex(e, "code", 0) == QDIO_CHSC_SADC)
			cfg.thin_interrupts = true;
	}
	cfg.qebsm = trace_next(t, 0, "SQBS", 'd') < t->n;
	i = trace_next(t, 0, "SENSEID", 'r');
	if (i < t->n && t->ev[i].len > 6 && t->ev[i].data[6] == 0x05) { /* HiperSockets */
		cfg.cu_model = cfg.dev_model = 0x05;
		cfg.qfmt = QDIO_FORMAT_IQD;
		cfg.chpid_type = QDIO_CHPID_IQD;
	}
	cfg.chpid = t->ev[msch].data[16]; /* PMCW: first path */
	cfg.cula = 0;
	for (unsigned dev = 0; dev < QDIO_DEVICES; dev++)
		cfg.subchannel[dev] = (uint16_t)(data - 2 + dev);
	return cfg;
}

/* ---- channel programs
 * ------------------------------------------------------------------------------ */

static void replay_msch(struct replay *p)
{
	bool enabled = trace_dec(at(p), "enabled", 0);

	ck(p, qdio_msch(p->r.g, device(p), enabled, 3) == 0);
}

static void replay_start(struct replay *p)
{
	unsigned dev = device(p);
	struct qdio_orb orb;

	ck(p, at(p)->len == sizeof(orb));
	memcpy(&orb, at(p)->data, sizeof(orb));
	ck(p, trace_stage(p->t, p->i, p->r.mem, p->r.size) > 0);
	ck(p, p->r.interrupts[dev] == p->seen[dev]);
	ck(p, qdio_ssch(p->r.g, dev, &orb) == 0);
	p->function[dev] = false;
	p->starts++;
}

/* The recorded message of the READ that STATUS event i ends. */
static const struct trace_event *message_of(const struct replay *p)
{
	for (size_t i = p->i + 1; i < p->t->n; i++) {
		const struct trace_event *e = &p->t->ev[i];

		if (e->ch == at(p)->ch && trace_is(e, "READ"))
			return e;
		if (e->ch == at(p)->ch && trace_is(e, "START"))
			break;
	}
	return NULL;
}

static void replay_status(struct replay *p)
{
	unsigned dev = device(p);
	const struct qdio_scsw *scsw = &p->r.irb[dev].scsw;
	uint32_t recorded = be32_load(at(p)->data);

	if (p->function[dev])
		return;
	if (p->r.interrupts[dev] == p->seen[dev]) {
		const struct trace_event *msg = message_of(p);

		ck(p, msg != NULL);
		rig_message(&p->r, dev, msg->data, msg->len);
		qdio_group_readable(p->r.g, dev);
		p->held++;
	}
	ck(p, p->r.interrupts[dev] == ++p->seen[dev]);
	ck(p, scsw->dstat == trace_hex(at(p), "ds", 0xFFFF));
	ck(p, scsw->sstat == trace_hex(at(p), "ss", 0xFFFF));
	ck(p, be16_get(scsw->count) == trace_dec(at(p), "residual", 0xFFFFFF));
	ck(p, be32_get(scsw->cpa) == be32_load(at(p)->data + 4));
	ck(p, (be32_get(scsw->w0) & 0x0080701F) == (recorded & 0x0080701F));
}

static void replay_write(struct replay *p)
{
	ck(p, p->r.written_len == at(p)->len);
	ck(p, !memcmp(p->r.written, at(p)->data, at(p)->len));
}

/* The data address of the last CCW of the program that ended before this event. */
static const uint8_t *stored(const struct replay *p)
{
	for (size_t i = p->i; i-- > 0;)
		if (p->t->ev[i].ch == at(p)->ch && trace_is(&p->t->ev[i], "CCW"))
			return p->r.mem + trace_hex(&p->t->ev[i], "addr", 0);
	ck_abort_msg("%s:%u: no CCW before", p->t->path, at(p)->line);
}

static void replay_stored(struct replay *p) /* SENSEID, READ */
{
	if (!p->function[device(p)])
		ck(p, !memcmp(stored(p), at(p)->data, at(p)->len));
}

static void replay_rcd(struct replay *p)
{
	const struct qdio_ned *ours = (const void *)stored(p);
	const struct qdio_ned *theirs = (const void *)at(p)->data;

	ck(p, at(p)->len >= 96);
	ck(p, !memcmp(ours[0].tag, theirs[0].tag, 2)); /* CHPID, unit address */
	ck(p, ours[1].tag[1] == theirs[1].tag[1]);     /* CULA */
	ck(p, !memcmp(ours[0].type, theirs[0].type, 6));
}

static void replay_function(struct replay *p)
{
	bool clear = trace_is(at(p), "CLEAR");
	unsigned dev = device(p), before = p->r.interrupts[dev];
	uint32_t w0;

	ck(p, before == p->seen[dev]);
	ck(p, (clear ? qdio_csch : qdio_hsch)(p->r.g, dev) == 0);
	ck(p, p->r.interrupts[dev] == before + 1);
	p->seen[dev]++;
	p->function[dev] = true;
	w0 = be32_get(p->r.irb[dev].scsw.w0);
	ck(p, clear ? w0 == 0x00001001 : (w0 & QDIO_SCSW_FC_HALT) && (w0 & QDIO_SCSW_SC_PENDING));
	ck(p, p->r.irb[dev].scsw.sstat == 0);
	if (dev == 2) {
		ck(p, qdio_group_state(p->r.g) == QDIO_IDLE);
		ck(p, p->r.queues == NULL);
	}
}

/* ---- CHSC
 * ------------------------------------------------------------------------------------------- */

static void check_ssqd(const struct replay *p, const uint8_t *ours, const uint8_t *theirs)
{
	struct qdio_ssqd a, b;

	memcpy(&a, ours, sizeof(a));
	memcpy(&b, theirs, sizeof(b));
	ck(p, a.flags == 0xC0);
	ck(p, be16_get(a.sch) == be16_get(b.sch));
	ck(p, a.qfmt == b.qfmt && a.icnt == b.icnt && a.ocnt == b.ocnt);
	ck(p, (a.qdioac1 & 0x70) == 0x60);
	ck(p, (a.qdioac1 & 2) == (b.qdioac1 & 2));
	if (qdio_group_state(p->r.g) == QDIO_IDLE)
		return; /* Hyperion calls QEBSM enabled before anyone asked for it */
	ck(p, (a.qdioac1 & 1) == (b.qdioac1 & 1));
	ck(p, be64_get(a.sch_token) == be64_get(b.sch_token));
}

/* The answer of our own path and subchannels; others are not valid. */
static void check_description(const struct replay *p, uint16_t code, const uint8_t *ours,
			      const uint8_t *theirs)
{
	const struct qdio_group_config *cfg = qdio_group_config(p->r.g);

	if (code == QDIO_CHSC_PATH) {
		bool valid = ours[3] == cfg->chpid;

		ck(p, ours[3] == theirs[3]);
		ck(p, !!(ours[0] & 0x80) == valid);
		ck(p, !valid || ours[2] == QDIO_CHPID_OSD);
	} else if (ours[0]) {
		unsigned dev = be16_load(ours + 6) - cfg->subchannel[0];

		ck(p, dev < QDIO_DEVICES && be16_load(ours + 2) == cfg->devno[dev]);
		ck(p, ours[4] == 0x80 && ours[8] == cfg->chpid);
	}
}

static void replay_chsc(struct replay *p)
{
	uint16_t code = (uint16_t)trace_hex(at(p), "code", 0);
	size_t len = at(p)->len, rsp = trace_next(p->t, p->i, "CHSC-RSP", '-');
	uint8_t block[QDIO_CHSC_BLOCK_BYTES];
	const uint8_t *theirs = p->t->ev[rsp].data;
	const uint8_t *ours = block + len;

	memset(block, 0, sizeof(block));
	memcpy(block, at(p)->data, len);
	ck(p, qdio_chsc(&p->r.g, 1, block) == 0);
	/* A service that was provided is, one that was refused is in one of the two known ways. */
	if (be16_load(theirs + 2) == QDIO_CHSC_OK) {
		ck(p, be16_load(ours + 2) == QDIO_CHSC_OK);
		ck(p, code == QDIO_CHSC_SUBCHANNEL || be16_load(ours) == be16_load(theirs));
	} else {
		ck(p, be16_load(ours + 2) == 2 || be16_load(ours + 2) == 4);
	}
	if (code == QDIO_CHSC_SSQD)
		check_ssqd(p, ours + 8, theirs + 8);
	if (code == QDIO_CHSC_PATH || code == QDIO_CHSC_SUBCHANNEL)
		check_description(p, code, ours + 8, theirs + 8);
	if (code == QDIO_CHSC_SADC)
		ck(p, qdio_group_thinint(p->r.g) == (be64_load(at(p)->data + 0x10) != 0));
	if (code == QDIO_CHSC_CHARACTERISTICS)
		ck(p, !!(block[0x20] & 0x10) == qdio_group_config(p->r.g)->thin_interrupts);
	p->chscs++;
}

/* ---- control blocks and states
 * ------------------------------------------------------------------------- */

static void replay_qib(struct replay *p)
{
	const uint8_t *qib = p->r.mem + trace_hex(at(p), "addr", 0);
	char when[32];

	if (!trace_value(at(p), "when", when, sizeof(when)) || strcmp(when, "after-EQ"))
		return;
	ck(p, qdio_group_state(p->r.g) == QDIO_ESTABLISHED);
	ck(p, qib[3] & QDIO_QIB_AC_PCI);
	ck(p, !memcmp(qib, at(p)->data, 3) && !memcmp(qib + 4, at(p)->data + 4, 252));
}

/* States that the driver stored before AQ: by SQBS, which was replayed, or by itself. */
static void replay_slsb(struct replay *p)
{
	uint8_t *slsb = p->r.mem + trace_hex(at(p), "addr", 0);
	char when[32];

	if (!trace_value(at(p), "when", when, sizeof(when)) || strcmp(when, "AQ"))
		return;
	if (qdio_group_config(p->r.g)->qebsm && p->qebsm)
		ck(p, !memcmp(slsb, at(p)->data, at(p)->len));
	memcpy(slsb, at(p)->data, at(p)->len);
}

/* ---- buffers
 * ------------------------------------------------------------------------------------------------
 */

static struct qdio_queue *queue(const struct replay *p)
{
	bool input;
	int q = trace_queue(at(p), &input);

	ck(p,
	   q >= 0 && p->r.queues && (unsigned)q < (input ? p->r.queues->n_in : p->r.queues->n_out));
	return input ? &p->r.queues->in[q] : &p->r.queues->out[q];
}

/* Complete one buffer as the recorded adapter did, whatever the test left in its state. */
static void complete_one(struct qdio_queue *q)
{
	const struct qdio_result ok = {.state = QDIO_OUT_EMPTY};

	if (q->input) {
		atomic_store(&q->slsb[q->cursor], QDIO_IN_EMPTY);
		rig_in_publish(q, 1);
	} else {
		atomic_store(&q->slsb[q->cursor], QDIO_OUT_PRIMED);
		qdio_out_complete(q, &ok, 1);
	}
}

/* The recording leaves buffers out: go on to the one it shows next. */
static void catch_up(struct qdio_queue *q, unsigned buf)
{
	while (q->cursor != buf % QDIO_BUFFERS)
		complete_one(q);
}

/* Compare the entries as the device sees them with the recorded ones. */
static void check_entries(struct replay *p, const struct qdio_queue *q, const char *name)
{
	const struct trace_event *sbal = at(p);
	unsigned n = 0;

	for (size_t i = p->i + 1; i < p->t->n && strncmp(p->t->ev[i].name, "SBAL-", 5); i++) {
		const struct trace_event *e = &p->t->ev[i];
		struct qdio_entry entry;

		if (!trace_is(e, name) || trace_dec(e, "buf", ~0ull) != trace_dec(sbal, "buf", 0))
			continue;
		entry = qdio_entry_get(q, q->cursor, (unsigned)trace_dec(e, "el", 99), QDIO_FETCH);
		ck(p, entry.data != NULL);
		ck(p, entry.len == trace_dec(e, "count", 0));
		ck(p, entry.eflags == trace_hex(e, "eflags", 0x100));
		ck(p, entry.sflags == trace_hex(e, "sflags", 0x100));
		ck(p, !memcmp(entry.data, e->data, e->len));
		n++;
	}
	ck(p, n > 0);
}

static void replay_sbal_out(struct replay *p)
{
	const struct qdio_result ok = {.state = QDIO_OUT_EMPTY};
	unsigned buf = (unsigned)trace_dec(at(p), "buf", 0);
	struct qdio_queue *q;

	if (trace_hex(at(p), "slsb", 0) != QDIO_OUT_PRIMED)
		return; /* at ESTABLISH, or primed by the SQBS that follows */
	q = queue(p);
	catch_up(q, buf);
	ck(p, trace_stage_sbal(p->t, p->i, p->r.mem, p->r.size) == 0);
	ck(p, trace_hex(at(p), "addr", 0) == (uint64_t)((uint8_t *)q->sbal[buf] - p->r.mem));
	atomic_store(&q->slsb[buf], QDIO_OUT_PRIMED);
	ck(p, qdio_out_primed(q, 1) == 1);
	check_entries(p, q, "ELEMENT-OUT");
	qdio_out_complete(q, &ok, 1);
	ck(p, atomic_load(&q->slsb[buf]) == QDIO_OUT_EMPTY);
	p->out_buffers++;
}

/* An offered input buffer is filled as recorded: SBAL-IN offered, then SLSB-SET. */
static void replay_sbal_in(struct replay *p)
{
	unsigned buf = (unsigned)trace_dec(at(p), "buf", 0);
	char state[16];
	struct qdio_queue *q;

	if (!trace_value(at(p), "state", state, sizeof(state)) || strcmp(state, "offered"))
		return;
	q = queue(p);
	catch_up(q, buf);
	ck(p, trace_stage_sbal(p->t, p->i, p->r.mem, p->r.size) == 0);
	ck(p, !qdio_in_empty(q, 0) || p->in_buffers);
	atomic_store(&q->slsb[buf], QDIO_IN_EMPTY);
	ck(p, qdio_in_empty(q, 0));
	for (unsigned e = 0; e < QDIO_SBAL_ENTRIES; e++) {
		struct qdio_entry entry = qdio_entry_get(q, q->cursor, e, QDIO_STORE);

		ck(p, entry.data && entry.len == 4096);
		ck(p, entry.eflags == (e + 1 == QDIO_SBAL_ENTRIES ? QDIO_EFLAG_LAST : 0));
	}
	p->in_buffers++;
}

static void replay_slsb_set(struct replay *p)
{
	struct qdio_queue *q = queue(p);
	unsigned buf = (unsigned)trace_dec(at(p), "buf", 0);
	uint8_t prev = (uint8_t)trace_hex(at(p), "prev-entry", 0);
	bool signal;

	if (!q->input || q->cursor != buf || !qdio_in_empty(q, 0))
		return;
	atomic_store(&q->slsb[(buf + QDIO_BUFFERS - 1) % QDIO_BUFFERS], prev);
	qdio_entry_put(q, q->cursor, 0, 74, QDIO_EFLAG_LAST);
	signal = rig_in_publish(q, 1);
	ck(p, atomic_load(&q->slsb[buf]) == QDIO_IN_PRIMED);
	ck(p, signal == (prev != QDIO_IN_ACK && prev != QDIO_IN_PRIMED)); /* 9.5 A */
}

static void replay_pci(struct replay *p)
{
	unsigned before = p->r.pcis;
	struct qdio_irb irb;

	qdio_group_signal(p->r.g);
	ck(p, p->r.pcis == before + 1);
	qdio_group_pci_status(p->r.g, &irb);
	ck(p, be32_get(irb.scsw.w0) == be32_load(at(p)->data));
	ck(p, !memcmp(&irb.scsw.dstat, at(p)->data + 8, 4));
}

/* ---- SIGA, QEBSM
 * --------------------------------------------------------------------------------------------- */

static void replay_siga(struct replay *p)
{
	unsigned before = p->r.kicks;
	uint64_t gr0 = trace_hex(at(p), "gr0", ~0ull);
	bool output = (gr0 & 0x7F) == QDIO_SIGA_W;

	ck(p, qdio_siga(p->r.g, &gr0, trace_hex(at(p), "gr1", 0), trace_hex(at(p), "gr2", 0),
			trace_hex(at(p), "gr3", 0)) == 0);
	ck(p, !(gr0 >> 31));
	ck(p, p->r.kicks == before + output);
	p->sigas++;
}

/* The queue of SQBS and EQBS by index; they run before ACTIVATE gave us the set. */
static uint64_t queue_index(const struct replay *p)
{
	bool input = false;
	int q = trace_queue(at(p), &input);

	return (uint64_t)(input ? q : q + 1);
}

static void replay_sqbs(struct replay *p)
{
	uint64_t r1 = queue_index(p) << 32 | trace_dec(at(p), "buf", 0);
	uint64_t r3 = trace_dec(at(p), "count", 0);
	uint8_t state = (uint8_t)trace_hex(at(p), "state", 0);

	/* Between recorded marks buffers are missing: what is still the device's ends first. */
	for (uint64_t i = 0; p->r.queues && i < r3; i++) {
		struct qdio_queue *q = queue(p);
		unsigned b = (unsigned)(trace_dec(at(p), "buf", 0) + i) % QDIO_BUFFERS;

		if (atomic_load(&q->slsb[b]) & 0x40)
			atomic_store(&q->slsb[b], q->input ? QDIO_IN_PRIMED : QDIO_OUT_EMPTY);
	}
	ck(p, qdio_sqbs(p->r.g, trace_hex(at(p), "token", 0), &r1, &r3, state) == 0);
	/* All of them, where Hyperion once stopped early (ccq 96). */
	ck(p, r1 == (queue_index(p) << 32 |
		     (trace_dec(at(p), "buf", 0) + trace_dec(at(p), "count", 0)) % QDIO_BUFFERS));
	ck(p, r3 == 0);
	if (state == QDIO_OUT_PRIMED) { /* sent before the driver looks again */
		catch_up(queue(p), (unsigned)trace_dec(at(p), "buf", 0));
		ck(p, qdio_out_primed(queue(p), 1) == 1);
		complete_one(queue(p));
	}
	p->qebsm++;
}

static void replay_eqbs(struct replay *p)
{
	uint64_t first = trace_dec(at(p), "buf", 0), count = trace_dec(at(p), "count", 0);
	uint64_t left = trace_result_hex(at(p), "r3", 0) & 0xFFFFFFFF;
	uint8_t state = (uint8_t)trace_result_hex(at(p), "r2", 0);
	uint64_t r1 = queue_index(p) << 32 | first, r3 = count;
	uint64_t r2 = trace_hex(at(p), "r2", 0);
	struct qdio_queue *q = queue(p);

	/* What the driver found, and behind it something else. */
	for (uint64_t i = 0; i < count - left; i++)
		atomic_store(&q->slsb[(first + i) % QDIO_BUFFERS], state);
	if (left)
		atomic_store(&q->slsb[(first + count - left) % QDIO_BUFFERS], state ^ 0xC0);
	ck(p, qdio_eqbs(p->r.g, trace_hex(at(p), "token", 0), &r1, &r2, &r3) == 0);
	ck(p, r1 == trace_result_hex(at(p), "r1", ~0ull));
	ck(p, r2 == trace_result_hex(at(p), "r2", ~0ull));
	ck(p, r3 == (left ? 32ull << 32 | left : 0)); /* Hyperion leaves 32 out */
	if (r2 >> 63 && state == QDIO_IN_PRIMED)
		ck(p, atomic_load(&q->slsb[first]) == QDIO_IN_ACK);
	p->qebsm++;
}

/* ---- all together
 * --------------------------------------------------------------------------------------------- */

static const struct {
	const char *name;
	void (*fn)(struct replay *p);
} handlers[] = {
	{"MSCH", replay_msch},	       {"START", replay_start},	    {"STATUS", replay_status},
	{"WRITE", replay_write},       {"READ", replay_stored},	    {"SENSEID", replay_stored},
	{"RCD", replay_rcd},	       {"HALT", replay_function},   {"CLEAR", replay_function},
	{"CHSC-REQ", replay_chsc},     {"EQ-QIB", replay_qib},	    {"SLSB", replay_slsb},
	{"SBAL-OUT", replay_sbal_out}, {"SBAL-IN", replay_sbal_in}, {"SLSB-SET", replay_slsb_set},
	{"PCI", replay_pci},	       {"SIGA", replay_siga},	    {"SQBS", replay_sqbs},
	{"EQBS", replay_eqbs},
};

static void replay_event(struct replay *p)
{
	for (size_t h = 0; h < sizeof(handlers) / sizeof(handlers[0]); h++)
		if (trace_is(at(p), handlers[h].name))
			handlers[h].fn(p);
}

/* Events of a name, with a key if one is given. */
static unsigned count_events(const struct trace *t, const char *name, const char *key)
{
	unsigned n = 0;
	char value[32];

	for (size_t i = 0; i < t->n; i++)
		n += trace_is(&t->ev[i], name) &&
		     (!key || trace_value(&t->ev[i], key, value, sizeof(value)));
	return n;
}

START_TEST(recording)
{
	struct trace *t = trace_load(files[_i]);
	struct qdio_group_config cfg;
	struct replay p = {.t = t};

	ck_assert_ptr_nonnull(t);
	cfg = config_of(t);
	rig_init(&p.r, &cfg, TRACE_STORAGE_BYTES);
	for (unsigned dev = 0; dev < QDIO_DEVICES; dev++)
		qdio_msch(p.r.g, dev, false, 0);
	for (p.i = 0; p.i < t->n; p.i++)
		replay_event(&p);
	/* Nothing was passed over. */
	ck_assert_uint_eq(p.starts, count_events(t, "START", NULL));
	ck_assert_uint_eq(p.chscs, count_events(t, "CHSC-REQ", NULL));
	ck_assert_uint_eq(p.sigas, count_events(t, "SIGA", NULL));
	ck_assert_uint_eq(p.qebsm, count_events(t, "SQBS", NULL) + count_events(t, "EQBS", NULL));
	ck_assert_uint_eq(p.out_buffers, count_events(t, "SBAL-OUT", "slsb"));
	ck_assert_uint_eq(p.in_buffers > 0, count_events(t, "SLSB-SET", NULL) > 0);
	ck_assert_uint_gt(p.held, 0);
	ck_assert_uint_gt(p.r.writes, 10);
	ck_assert_uint_eq(p.r.activates, p.r.deactivates);
	ck_assert_uint_gt(p.r.activates, 0);
	ck_assert(!p.r.reset_while_active);
	rig_fini(&p.r);
	trace_free(t);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("replay");
	TCase *tc = tcase_create("replay");
	SRunner *sr;

	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, recording, 0, (int)(sizeof(files) / sizeof(files[0])));
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	int failed = srunner_ntests_failed(sr);

	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
