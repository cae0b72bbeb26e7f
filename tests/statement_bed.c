/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/statement_bed.h"

static const struct cp_caller operator_user = {.user = "OPERATOR", .class_b = true};
const char *const rig_nic[UP] = {"A/0600", "B/0600", "C/0600", "S/0600"};
const uint8_t rig_mac[PORTS][6] = {
	{2, 0, 0, 0, 1, 0xA}, {2, 0, 0, 0, 1, 0xB},    {2, 0, 0, 0, 1, 0xC},
	{2, 0, 0, 0, 1, 0xD}, {2, 0xEE, 0, 0, 1, 0xE},
};
struct rig rig;

/* ---- the rig ------------------------------------------------------------------------------- */

static void *open_uplink(void *ctx, const char *kind, const char *arg, const struct vs_link *link,
			 char *err, size_t err_len)
{
	(void)kind;
	(void)err;
	(void)err_len;
	ck_assert_int_eq(link->ops->start(link->ctx, &fake_ops,
					  strcmp(arg, "tap2") == 0 ? &rig.second : &rig.fake[UP]),
			 0);
	return ctx;
}

static void close_uplink(void *ctx, void *uplink)
{
	ck_assert_ptr_eq(ctx, uplink);
	rig.port[UP] = NULL;
}

static struct vs_worker *pick_worker(void *ctx, struct vs_port *p)
{
	(void)ctx;
	(void)p;
	return rig.w;
}

static void append(char *text, size_t cap, const char *line)
{
	size_t n = strlen(text);

	snprintf(text + n, cap - n, "%s\n", line);
}

static void log_line(void *ctx, const char *line)
{
	(void)ctx;
	append(rig.log, sizeof(rig.log), line);
}

static void account(void *ctx, const char *line)
{
	(void)ctx;
	append(rig.accounts, sizeof(rig.accounts), line);
}

static void *open_trace(void *ctx, const char *id, const struct cp_capture_filter *filter,
			char *err, size_t err_len)
{
	(void)id;
	(void)filter;
	(void)err;
	(void)err_len;
	rig.tracing++;
	return ctx;
}

static void cover_trace(void *ctx, void *trace, struct vs_switch *sw, struct vs_port *port)
{
	ck_assert_ptr_eq(ctx, trace);
	rig.traced = sw;
	rig.traced_port = port;
}

static void close_trace(void *ctx, void *trace)
{
	ck_assert_ptr_eq(ctx, trace);
	rig.tracing--;
}

static void changed(void *ctx)
{
	(void)ctx;
	rig.changed++;
}

static void acknowledge(void *ctx)
{
	(void)ctx;
	rig.acknowledged = rig.changed;
}

static uint64_t now_ms(void *ctx)
{
	(void)ctx;
	return rig.now_ms;
}

void rig_setup(void)
{
	const struct cp_hooks hooks = {.open_uplink = open_uplink,
				       .close_uplink = close_uplink,
				       .pick_worker = pick_worker,
				       .log = log_line,
				       .account = account,
				       .changed = changed,
				       .now_ms = now_ms,
				       .acknowledge = acknowledge,
				       .open_trace = open_trace,
				       .cover_trace = cover_trace,
				       .close_trace = close_trace,
				       .ctx = &rig};

	memset(&rig, 0, sizeof(rig));
	rig.w = vs_worker_create();
	rig.cp = cp_create(&hooks);
	ck_assert(rig.w && rig.cp);
	for (unsigned i = 0; i < PORTS; i++)
		fake_init(&rig.fake[i]);
	fake_init(&rig.second);
}

void rig_teardown(void)
{
	cp_destroy(rig.cp);
	vs_worker_destroy(rig.w);
	for (unsigned i = 0; i < PORTS; i++)
		fake_fini(&rig.fake[i]);
	fake_fini(&rig.second);
	ck_assert_int_eq(rig.tracing, 0);
}

const uint8_t *rig_ip(int who)
{
	static uint8_t ip[16] = {[10] = 0xFF, [11] = 0xFF, [12] = 10};

	ip[15] = (uint8_t)(who + 1);
	return ip;
}

/* Guests begin to use the ports that are new. */
static void guests(void)
{
	for (unsigned i = 0; i < UP; i++) {
		struct vs_switch *sw;
		struct vs_port *p = cp_find_port(rig.cp, rig_nic[i], &sw);
		struct vs_link l;

		if (p && p != rig.port[i]) {
			l = vs_port_link(p);
			if (rig.layer3)
				ck_assert_int_eq(l.ops->layer(l.ctx, 3), 0);
			ck_assert_int_eq(l.ops->start(l.ctx, &fake_ops, &rig.fake[i]), 0);
			if (!cp_nic_find(rig.cp, (const char[]){rig_nic[i][0], 0}, 0x600)
				     ->uplink_of)
				ck_assert_int_eq(l.ops->mac_add(l.ctx, rig_mac[i]), 0);
			if (rig.layer3)
				ck_assert_int_eq(l.ops->ip_add(l.ctx, rig_ip((int)i), 0), 0);
		}
		rig.port[i] = p;
	}
}

const char *rig_answer(const char *line, int rc)
{
	static char text[16384];
	struct cp_reply r;

	ck_assert_msg(cp_execute(rig.cp, &operator_user, line, &r) == rc, "%s: %s%s", line, r.text,
		      r.errors);
	snprintf(text, sizeof(text), "%s", r.text);
	cp_reply_free(&r);
	guests();
	return text;
}

void rig_does(const char *line)
{
	rig_answer(line, 0);
}

static const uint8_t *address(int who)
{
	static const uint8_t all[6] = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF},
			     nobody[6] = {2, 0xEE, 0, 0, 9, 9}, foreign[6] = {2, 0xFF, 0, 0, 9, 8};

	return who == ALL ? all : who == NOBODY ? nobody : who == FOREIGN ? foreign : rig_mac[who];
}

void rig_sends(int from, int source, int to, int tci)
{
	uint8_t frame[128];
	uint32_t len = fake_frame(frame, address(to), address(source), tci, 100, 1);

	for (unsigned i = 0; i < PORTS; i++)
		fake_clear(&rig.fake[i]);
	ck_assert_ptr_nonnull(fake_inject(&rig.fake[from], frame, len));
	while (vs_worker_poll(rig.w))
		rcu_quiescent_state();
}

int rig_got(unsigned i)
{
	const struct fake_frame *x = rig.fake[i].out;

	if (!rig.fake[i].n_out)
		return NO;
	ck_assert_uint_eq(rig.fake[i].n_out, 1);
	return x->data[12] == 0x81 ? x->data[14] << 8 | x->data[15] : PLAIN;
}

void rig_run(const struct step *s, size_t n)
{
	for (size_t k = 0; k < n; k++) {
		if (s[k].line)
			rig_does(s[k].line);
		rig_sends(s[k].from, s[k].from, s[k].to, s[k].tci);
		for (unsigned i = 0; i < PORTS; i++)
			ck_assert_msg(rig_got(i) == s[k].got[i],
				      "step %d %s: port %u got %d, not %d", s[k].n,
				      s[k].line ? s[k].line : "", i, rig_got(i), s[k].got[i]);
	}
}

/* NICs A, B, C and S, coupled to nothing. */
void rig_nics(void)
{
	rig_does("NICDEF A 0600 MACID 00010A");
	rig_does("NICDEF B 0600 MACID 00010B");
	rig_does("NICDEF C 0600 MACID 00010C");
	rig_does("NICDEF S 0600 MACID 00010D");
}

void rig_couple_all(const char *sw, const char *attributes)
{
	char line[160];

	for (unsigned i = 0; i < UP; i++) {
		snprintf(line, sizeof(line), "SET VSWITCH %s GRANT %c %s", sw, rig_nic[i][0],
			 attributes);
		rig_does(line);
		snprintf(line, sizeof(line), "COUPLE %s SYSTEM %s", rig_nic[i], sw);
		rig_does(line);
	}
}

/* What time brings, and what comes of it. */
void rig_at(uint64_t ms)
{
	rig.now_ms = ms;
	for (unsigned i = 0; i < PORTS; i++)
		fake_clear(&rig.fake[i]);
	fake_clear(&rig.second);
	cp_due(rig.cp);
	while (vs_worker_poll(rig.w))
		rcu_quiescent_state();
	cp_control_frames(rig.cp);
	cp_due(rig.cp);
}
