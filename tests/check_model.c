/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The switch against a naive reference: random switches with ports of every kind, random trains of
 * frames; who gets each frame, in which order and with which tag. The reference knows lists and
 * loops only, and is written from the documents, not from the code. MODEL_FRAMES=N runs N frames
 * (a million else), SEED=N repeats a run.
 */
#include "tests/switchbed.h"

#include <time.h>
#include <unistd.h>

#define NONE (-1) /* port */
#define LEARNED_MAX 512
#define TRAIN 12

enum kind { UNAWARE, AWARE, LAN };

struct ref_port {
	bool uplink, access, learning, sniffs, protect, joined_any;
	unsigned pvid; /* of an access port; 0: none */
	bool vid[4096], joined[4096], group;
};

/* The reference switch. */
struct ref {
	enum kind kind;
	bool isolation, vepa;
	unsigned native;
	unsigned n, uplink; /* ports; the last is the uplink, or n: there is none */
	struct ref_port p[PORTS];
	unsigned n_learned;
	struct {
		uint8_t mac[6];
		unsigned vid;
		int port;
	} learned[LEARNED_MAX];
};

struct ref_frame {
	uint8_t dst[6], src[6];
	int tci; /* -1: untagged */
	bool dropped;
	unsigned vid;	/* 0 where VLANs do not count */
	int out[PORTS]; /* -2: not there, -1: untagged, else TCI */
};

static const uint8_t a_group[6] = {0x01, 0x00, 0x5E, 9, 9, 9};

/* Addresses of guests that register are 02:00:..:port+1; every port also speaks as others. */
static int registered(const struct ref *r, const uint8_t *mac)
{
	for (unsigned i = 0; i < r->n; i++) {
		uint8_t own[6];

		mac_of(i, own);
		if (!r->p[i].uplink && !r->p[i].learning && memcmp(own, mac, 6) == 0)
			return (int)i;
	}
	return NONE;
}

static int find_learned(const struct ref *r, const uint8_t *mac, unsigned vid)
{
	for (unsigned i = 0; i < r->n_learned; i++)
		if (r->learned[i].vid == vid && memcmp(r->learned[i].mac, mac, 6) == 0)
			return (int)i;
	return NONE;
}

static int owner(const struct ref *r, const uint8_t *mac, unsigned vid)
{
	int i = registered(r, mac);

	if (i != NONE)
		return i;
	i = find_learned(r, mac, vid);
	return i == NONE ? NONE : r->learned[i].port;
}

/* Return: may the frame come in? Its VLAN is then f->vid. */
static bool enters(const struct ref *r, const struct ref_port *p, struct ref_frame *f)
{
	unsigned tag = f->tci < 0 ? 0 : f->tci & 0xFFF;

	f->vid = 0;
	if (r->kind != AWARE)
		return true;
	if (tag) {
		f->vid = tag;
		return !p->access && tag != 4095 && (p->uplink || p->vid[tag]);
	}
	if (p->access)
		f->vid = p->pvid;
	else if (r->native && (p->uplink || p->vid[r->native]))
		f->vid = r->native;
	return f->vid != 0;
}

/* Return: may the port use the source? What is new is learned. */
static bool source_ok(struct ref *r, unsigned from, const struct ref_frame *f)
{
	const struct ref_port *p = &r->p[from];
	int reg = registered(r, f->src), i;
	uint8_t own[6];

	if (f->src[0] & 1)
		return false;
	if (reg != NONE && reg != (int)from)
		return p->uplink && r->vepa;
	mac_of(from, own);
	if (p->protect && memcmp(own, f->src, 6) != 0)
		return false;
	if (reg == (int)from || !(p->learning || p->uplink))
		return true;
	i = find_learned(r, f->src, f->vid);
	if (i == NONE) {
		ck_assert_uint_lt(r->n_learned, LEARNED_MAX);
		memcpy(r->learned[r->n_learned].mac, f->src, 6);
		r->learned[r->n_learned].vid = f->vid;
		r->learned[r->n_learned++].port = (int)from;
		return true;
	}
	if (r->learned[i].port == (int)from)
		return true;
	if (!p->uplink)
		return false;
	if (!r->vepa)
		r->learned[i].port = (int)from;
	return true;
}

/* How the frame leaves a port. Return: -2 not at all, -1 untagged, else with this TCI. */
static int leaves(const struct ref *r, const struct ref_port *p, const struct ref_frame *f)
{
	unsigned tag = f->tci < 0 ? 0 : f->tci & 0xFFF;
	bool wants;

	if (r->kind != AWARE) {
		wants = !tag ||
			(r->kind == LAN ? p->joined[tag] : !p->joined_any || p->joined[tag]);
		return wants ? f->tci : -2;
	}
	if (p->access)
		return p->pvid == f->vid ? -1 : -2;
	if (!p->uplink && !p->vid[f->vid])
		return -2;
	if (f->vid == r->native)
		return -1;
	if (p->joined_any && !p->joined[f->vid])
		return -2;
	return (f->tci < 0 ? 0 : f->tci & 0xF000) | (int)f->vid;
}

/* Return: did it get it? */
static bool hand(const struct ref *r, unsigned from, int self, struct ref_frame *f, int to,
		 bool sniffing)
{
	bool apart = (r->isolation || r->vepa) && !r->p[from].uplink && !r->p[to].uplink;
	int tci = leaves(r, &r->p[to], f);

	if (to == self || (apart && !sniffing) || tci == -2)
		return false;
	f->out[to] = tci;
	return true;
}

static void unknown(const struct ref *r, unsigned from, int self, struct ref_frame *f)
{
	for (unsigned i = 0; i < r->n; i++)
		if (r->p[i].uplink ? !r->p[from].uplink : r->p[i].learning)
			hand(r, from, self, f, (int)i, false);
}

static void unicast(const struct ref *r, unsigned from, int self, struct ref_frame *f)
{
	int to = owner(r, f->dst, f->vid);
	bool apart;

	if (to == NONE) {
		unknown(r, from, self, f);
		return;
	}
	if (to == self || to == (int)from)
		return; /* also what comes back and is meant for outside */
	apart = (r->isolation || r->vepa) && !r->p[from].uplink && !r->p[to].uplink;
	if (apart && r->isolation)
		return;
	if (apart || !hand(r, from, self, f, to, false))
		unknown(r, from, self, f);
}

static void forward_one(const struct ref *r, unsigned from, struct ref_frame *f)
{
	int self = (int)from;
	bool all = memcmp(f->dst, bcast, 6) == 0;

	if (r->p[from].uplink && r->vepa && owner(r, f->src, f->vid) != NONE)
		self = owner(r, f->src, f->vid);
	if (f->dst[0] == 0x01 && f->dst[1] == 0x80)
		return; /* reserved: sniffers do not see it either */
	if (!(f->dst[0] & 1))
		unicast(r, from, self, f);
	else
		for (unsigned i = 0; i < r->n; i++)
			if (r->p[i].uplink ? !r->p[from].uplink
					   : all || r->p[i].group || r->p[i].learning)
				hand(r, from, self, f, (int)i, false);
	for (unsigned i = 0; i < r->n; i++)
		if (r->p[i].sniffs && f->out[i] == -2)
			hand(r, from, self, f, (int)i, true);
}

/* A burst is admitted as a whole before its first frame is forwarded. */
static void forward_all(struct ref *r, unsigned from, struct ref_frame *f, unsigned n)
{
	for (unsigned k = 0; k < n; k++) {
		for (unsigned i = 0; i < PORTS; i++)
			f[k].out[i] = -2;
		f[k].dropped = !enters(r, &r->p[from], &f[k]) || !source_ok(r, from, &f[k]);
	}
	for (unsigned k = 0; k < n; k++)
		if (!f[k].dropped)
			forward_one(r, from, &f[k]);
}

/* ---- random switches and frames ------------------------------------------------------- */

static uint64_t state;

static unsigned roll(unsigned n)
{
	state = state * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return (unsigned)(state >> 33) % n;
}

static const uint16_t some[] = {1, 2, 10, 20, 4094};

static struct bed *random_switch(struct ref *r)
{
	struct vs_switch_config cfg = {.name = "VSW"};
	unsigned apart = roll(4), dflt = roll(2) ? some[roll(5)] : 0;
	struct bed *b;

	memset(r, 0, sizeof(*r));
	r->kind = (enum kind)(roll(4) % 3);
	r->isolation = apart == 0;
	r->vepa = apart == 1 && r->kind != LAN;
	r->native = r->kind == AWARE && roll(3) ? some[roll(5)] : 0;
	r->n = 3 + roll(PORTS - 2);
	r->uplink = r->kind != LAN && roll(4) ? r->n - 1 : r->n;
	cfg.kind = r->kind == LAN ? VS_KIND_GUEST_LAN : VS_KIND_VSWITCH;
	cfg.vlan_aware = r->kind == AWARE;
	cfg.isolation = r->isolation;
	cfg.vepa = r->vepa;
	cfg.native_vid = (uint16_t)r->native;
	cfg.default_vid = (uint16_t)dflt;
	b = bed_make(&cfg);
	for (unsigned i = 0; i < r->n; i++) {
		struct ref_port *p = &r->p[i];
		struct vs_port_config c = {.mac_protect = 0};
		struct vs_link l;

		p->uplink = i == r->uplink;
		p->access = !p->uplink && roll(2) && r->kind == AWARE;
		p->learning = !p->uplink && roll(3) == 0;
		p->sniffs = !p->uplink && roll(8) == 0;
		p->protect = !p->uplink && roll(6) == 0;
		c.role = p->uplink ? VS_ROLE_UPLINK : VS_ROLE_GUEST;
		c.type = p->access ? VS_TYPE_ACCESS : VS_TYPE_TRUNK;
		c.access_vid = p->access && roll(2) ? some[roll(5)] : 0;
		p->pvid = c.access_vid ? c.access_vid : dflt;
		c.learning = p->learning;
		c.promisc = c.promisc_allowed = p->sniffs;
		c.mac_protect = p->protect;
		mac_of(i, c.own_mac);
		for (unsigned k = 0; k < 5; k++)
			if (!p->access && roll(2)) {
				p->vid[some[k]] = true;
				vs_vidset_add(&c.vids, some[k]);
			}
		bed_port(b, i, c);
		l = vs_port_link(b->port[i]);
		if (!p->uplink && !p->learning && roll(2))
			p->group = l.ops->mac_add(l.ctx, a_group) == 0;
		for (unsigned k = 0; k < 5; k++)
			if (!p->uplink && roll(6) == 0 && l.ops->vid_add(l.ctx, some[k]) == 0)
				p->joined[some[k]] = p->joined_any = true;
	}
	return b;
}

static void random_mac(const struct ref *r, uint8_t mac[6], bool dst)
{
	static const uint8_t reserved[6] = {0x01, 0x80, 0xC2, 0, 0, 0x0E};
	unsigned k = roll(dst ? r->n + 6 : r->n + 3);

	if (dst && k == r->n + 3)
		memcpy(mac, bcast, 6);
	else if (dst && k == r->n + 4)
		memcpy(mac, a_group, 6);
	else if (dst && k == r->n + 5)
		memcpy(mac, roll(4) ? bcast : reserved, 6);
	else
		mac_of(k, mac); /* of a port, or of one of three strangers */
	if (!dst && roll(50) == 0)
		mac[0] |= 1;
}

static void random_frame(const struct ref *r, unsigned from, struct ref_frame *f)
{
	random_mac(r, f->dst, true);
	if (roll(3))
		mac_of(from, f->src);
	else
		random_mac(r, f->src, false);
	f->tci = -1;
	if (roll(3))
		f->tci = (int)(roll(16) << 12 | (roll(4) ? some[roll(5)] : roll(2) * 4095));
}

/* What a port got, against what the reference says. Return: number of differences. */
static unsigned compare(const struct bed *b, unsigned port, const struct ref_frame *f, unsigned n)
{
	unsigned at = 0, bad = 0;

	for (unsigned k = 0; k < n; k++) {
		const struct fake_frame *x = &b->fake[port].out[at];
		int tci = -1;

		if (f[k].out[port] == -2)
			continue;
		if (at++ >= b->fake[port].n_out)
			return bad + 1;
		if (x->data[12] == 0x81)
			tci = x->data[14] << 8 | x->data[15];
		/* The last byte says which frame it is. */
		bad += tci != f[k].out[port] || memcmp(x->data, f[k].dst, 6) != 0 ||
		       x->data[x->len - 1] != (uint8_t)k;
	}
	return bad + (at != b->fake[port].n_out);
}

static void describe(const struct ref *r, unsigned from, const struct ref_frame *f, unsigned n)
{
	printf("kind %d isolation %d vepa %d native %u ports %u uplink %u from %u\n", r->kind,
	       r->isolation, r->vepa, r->native, r->n, r->uplink, from);
	for (unsigned k = 0; k < n; k++) {
		printf("  %02x:%02x <- %02x:%02x tci %d vid %u%s:", f[k].dst[0], f[k].dst[5],
		       f[k].src[0], f[k].src[5], f[k].tci, f[k].vid, f[k].dropped ? " drop" : "");
		for (unsigned i = 0; i < r->n; i++)
			printf(" %d", f[k].out[i]);
		printf("\n");
	}
}

static unsigned send_train(struct bed *b, struct ref *r, unsigned from, struct ref_frame *f,
			   unsigned n)
{
	unsigned bad = 0;

	for (unsigned k = 0; k < n; k++) {
		uint8_t frame[100];
		uint32_t len = fake_frame(frame, f[k].dst, f[k].src, f[k].tci, 80, 0);

		frame[len - 1] = (uint8_t)k;
		fake_inject(&b->fake[from], frame, len);
	}
	run(b);
	forward_all(r, from, f, n);
	for (unsigned i = 0; i < r->n; i++)
		bad += compare(b, i, f, n);
	clear(b);
	return bad;
}

START_TEST(against_the_reference)
{
	const char *env = getenv("MODEL_FRAMES"), *seed = getenv("SEED");
	unsigned long frames = env ? strtoul(env, NULL, 0) : 1000000, done = 0;
	static struct ref r;

	state = seed ? strtoull(seed, NULL, 0) : (uint64_t)time(NULL) ^ (uint64_t)getpid() << 20;
	printf("check_model: SEED=%llu\n", (unsigned long long)state);
	while (done < frames) {
		struct bed *b = random_switch(&r);

		for (unsigned t = 0; t < 120; t++) {
			struct ref_frame f[TRAIN];
			unsigned from = roll(r.n), n = 1 + roll(TRAIN);

			/* A second later: what a port was allowed before is asked again. */
			vs_switch_tick(b->sw, t + 1);
			for (unsigned k = 0; k < n; k++) {
				random_frame(&r, from, &f[k]);
				if (k && roll(2)) /* a train */
					f[k] = f[k - 1];
			}
			if (send_train(b, &r, from, f, n)) {
				describe(&r, from, f, n);
				ck_abort_msg("after %lu frames", done);
			}
			done += n;
		}
		bed_free(b);
	}
	printf("check_model: %lu frames\n", done);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("model");
	TCase *t = tcase_create("model");
	SRunner *r = srunner_create(s);
	int failed;

	rcu_register_thread();
	tcase_set_timeout(t, 600);
	tcase_add_test(t, against_the_reference);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
