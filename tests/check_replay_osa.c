/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a stock driver said to its adapter, said to this one (tests/data/README.md): every
 * message of the recordings must be taken, every answer must hold what the
 * specification marks as must, and each session must leave nothing behind.
 *
 * The driver puts what it received into what it sends, so tokens and acknowledge numbers
 * of the recording are replaced by the ones of this adapter.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/osa_rig.h"
#include "tests/trace.h"

struct replay {
	struct osa_rig *rig;
	const struct trace_event *e; /* the WRITE in hand */
	uint8_t msg[OSA_MSG_MAX];    /* the same, patched */
	uint32_t vnicc_supported;
	unsigned writes, answers, ipa, sessions, events, activations;
	uint32_t token[6]; /* by enum osa_token */
};

static unsigned device(char ch)
{
	return ch == 'r' ? RIG_READ : ch == 'w' ? RIG_WRITE : RIG_DATA;
}

#define MUST(r, condition)                                                                         \
	ck_assert_msg(condition, "line %u: %s: %s", (r)->e->line, (r)->e->comment, #condition)

/* ---- what the driver takes from answers ---------------------------------------------------- */

static void token_patch(struct replay *r, size_t at, enum osa_token which)
{
	be32_store(r->msg + at, r->token[which]);
}

static void mpc_patch(struct replay *r)
{
	uint8_t class = r->msg[0x18], type = r->msg[0x43];

	be32_store(r->msg + 0x20, r->rig->last_pdu_seq);
	if (class == OSA_CLASS_CM) {
		token_patch(r, 0x2C, OSA_TOKEN_ISSUER);
		if (type == OSA_PDU_SETUP)
			token_patch(r, 0x5A, OSA_TOKEN_CM_FILTER);
	} else if (class == OSA_CLASS_ULP) {
		token_patch(r, 0x2C, OSA_TOKEN_CM_CONNECTION);
		if (type == OSA_PDU_SETUP)
			token_patch(r, 0x5A, OSA_TOKEN_ULP_FILTER);
		if (type == OSA_PDU_ACTIVE)
			token_patch(r, 0x51, OSA_TOKEN_ULP_CONNECTION);
	} else {
		token_patch(r, 0x2C, OSA_TOKEN_ULP_CONNECTION);
	}
}

/* ---- must fields of IDX and MPC: spec/osa-qeth.md 2.4, 3.3 --------------------------------- */

static void idx_check(struct replay *r)
{
	const uint8_t *m = r->rig->msg;

	MUST(r, osa_rig_read(r->rig, device(r->e->ch)) >= 0x22);
	MUST(r, (m[2] & 0xC0) != 0xC0);
	MUST(r, (m[8] & 3) == 2);
	MUST(r, m[0x0B] & 0x80); /* old kernels without a port name */
	MUST(r, (be16_load(m + 0x10) & (r->e->ch == 'w' ? 0xFEFF : 0xFFFF)) ==
			(osa_is_iqd(r->rig->a) ? 0x0408 : 0x0201));
	if (r->e->ch == 'r')
		r->token[OSA_TOKEN_ISSUER] = be32_load(m + 0x0C);
}

static void control_check(struct replay *r, const uint8_t *p, size_t len)
{
	uint8_t class = r->msg[0x18], type = r->msg[0x43];
	bool ulp = class == OSA_CLASS_ULP;

	switch (type) {
	case OSA_PDU_ENABLE:
		MUST(r, len >= 0x17);
		r->token[ulp ? OSA_TOKEN_ULP_FILTER : OSA_TOKEN_CM_FILTER] = be32_load(p + 0x13);
		if (!ulp)
			return;
		MUST(r, len >= 0x2C && be16_load(p + 0x17) >= 0x18);
		MUST(r, be16_load(p + 0x1F) >= 1500);
		MUST(r, p[0x2B] != OSA_LINK_HSTR && p[0x2B] != OSA_LINK_LANE_TR);
		return;
	case OSA_PDU_SETUP:
		MUST(r, len >= 0x1E);
		MUST(r, memcmp(p + 0x1A, "00S", 3) != 0);
		r->token[ulp ? OSA_TOKEN_ULP_CONNECTION : OSA_TOKEN_CM_CONNECTION] =
			be32_load(p + 0x1A);
		return;
	default:
		MUST(r, type == OSA_PDU_ACTIVE);
	}
}

/* ---- must fields of IPA: 4 ----------------------------------------------------------------- */

static void mac_check(struct replay *r, const uint8_t *data)
{
	bool set = r->rig->ipa.command == OSA_SETVMAC || r->rig->ipa.command == OSA_SETGMAC;

	MUST(r, be16_get(r->rig->ipa.rc) == 0);
	MUST(r, fake_link_has(&r->rig->link, data + 4) == set);
}

static void vlan_check(struct replay *r, const uint8_t *data)
{
	MUST(r, be16_get(r->rig->ipa.rc) == 0);
	MUST(r, r->rig->link.vid[be16_load(data)] == (r->rig->ipa.command == OSA_SETVLAN));
}

static void adapter_check(struct replay *r, const uint8_t *request)
{
	const uint8_t *d = r->rig->data;
	size_t len = r->rig->data_len;

	MUST(r, be16_get(r->rig->ipa.rc) == 0 && len >= 24 && be16_load(d + 16) == 0);
	MUST(r, d[18] <= 1);
	switch (be32_load(request + 12)) {
	case OSA_ADP_QUERY:
		MUST(r, len >= 36 && (d[28] & 0x7F) != OSA_LINK_HSTR);
		break;
	case OSA_ADP_ALTER_MAC:
		MUST(r, len >= 42 && d[20] == 0x80 && !(d[36] & 1));
		break;
	case OSA_ADP_PROMISC:
		MUST(r, len >= 28 && be32_load(d + 24) == be32_load(request + 24));
		break;
	case OSA_ADP_OAT:
		MUST(r, len >= 40 + 80 && be16_load(d + 40) == 0x0004 && be16_load(d + 42) >= 80);
		break;
	case OSA_ADP_SWITCH_ATTRIBUTES:
		MUST(r, len >= 36);
		break;
	default:
		break;
	}
}

#define OFFLOADS (OSA_ASSIST_CSUM_IN | OSA_ASSIST_CSUM_OUT | OSA_ASSIST_TSO_OUT)

static void assist_check(struct replay *r, const uint8_t *request)
{
	const uint8_t *d = r->rig->data;
	uint16_t sub = be16_load(request + 6);
	uint32_t want;

	MUST(r, be16_get(r->rig->ipa.rc) == 0 && be16_load(d + 8) == 0);
	if (be32_load(request) == OSA_ASSIST_ARP && sub == OSA_ARP_QUERY_INFO)
		MUST(r, r->rig->data_len >= 20 && be16_load(d + 14) == 7);
	if (sub == OSA_ASSIST_START)
		MUST(r, be32_get(r->rig->ipa.enabled) & be32_load(request));
	if (sub == OSA_ASSIST_STOP || !(be32_load(request) & OFFLOADS))
		return;
	if (be32_load(request) == OSA_ASSIST_TSO_OUT) {
		MUST(r, r->rig->data_len >= 20);
		MUST(r, sub != OSA_ASSIST_START || be32_load(d + 12) != 0);
		MUST(r, sub == OSA_ASSIST_START || (be32_load(d + 12) & 1));
		MUST(r, be32_load(d + 16) & 1);
		return;
	}
	want = OSA_CSUM_UDP | OSA_CSUM_TCP;
	MUST(r, r->rig->data_len >= 16 && (be32_load(d + 12) & want) == want);
	if (sub == OSA_ASSIST_ENABLE)
		MUST(r, r->rig->data_len >= 20 && (be32_load(d + 16) & want) == want);
}

/* Layer 3: what was registered is registered. */
static void address_check(struct replay *r, const uint8_t *request)
{
	bool v6 = be16_get(r->rig->ipa.protocol) == 6, group = false;
	uint8_t command = r->rig->ipa.command, addr[16];
	struct osa_l3 *l = &r->rig->a->l3;

	MUST(r, be16_get(r->rig->ipa.rc) == 0);
	if (command == OSA_SETIPM || command == OSA_DELIPM) {
		group = true;
		request += 8 + (v6 ? 0 : 12);
	}
	if (v6)
		memcpy(addr, request, 16);
	else
		osa_ip_map4(addr, be32_load(request));
	MUST(r, (osa_ip_find(group ? &l->group : &l->address, addr) != NULL) ==
			(command == OSA_SETIP || command == OSA_SETIPM));
	if (command == OSA_SETIPM)
		MUST(r, fake_link_has(&r->rig->link, request - (v6 ? 8 : 20)));
}

/* A characteristic the adapter has told it lacks would not have been asked for. */
static void vnicc_check(struct replay *r, const uint8_t *request)
{
	const uint8_t *d = r->rig->data;
	uint32_t sub = be32_load(request + 12), bit = sub ? be32_load(request + 16) : 0;
	uint16_t rc = be16_get(r->rig->ipa.rc);

	if (sub == OSA_VNICC_SET_TIMEOUT && r->rig->a->vnicc.enabled & OSA_CHAR_LEARNING) {
		MUST(r, rc == OSA_RC_OUT_OF_SEQUENCE);
		return;
	}
	if (bit && !(bit & r->vnicc_supported)) {
		MUST(r, rc == OSA_RC_L2_UNSUPPORTED);
		return;
	}
	MUST(r, rc == 0 && r->rig->data_len >= 16);
	r->vnicc_supported = be32_load(d);
	MUST(r, osa_is_iqd(r->rig->a) || be32_load(d + 4) & OSA_CHAR_RX_BCAST);
	MUST(r, r->vnicc_supported & OSA_CHAR_LEARNING);
	if (sub == OSA_VNICC_QUERY_COMMANDS && bit == OSA_CHAR_LEARNING)
		MUST(r, (be32_load(d + 20) & 0x18) == 0x18);
	if (sub == OSA_VNICC_ENABLE || sub == OSA_VNICC_DISABLE)
		MUST(r, !(be32_load(d + 4) & bit) == (sub == OSA_VNICC_DISABLE));
}

static void bridge_check(struct replay *r, const uint8_t *request)
{
	const uint8_t *d = r->rig->data;

	MUST(r, be16_get(r->rig->ipa.rc) == be16_load(d + 16));
	MUST(r, be16_get(r->rig->ipa.rc) == 0);
	if (be32_load(request + 12) == OSA_BRIDGE_QUERY_PORTS)
		MUST(r, r->rig->data_len >= 40 && d[26] >= 1 && d[27] == 12);
}

static void ipa_check(struct replay *r, const uint8_t *p, size_t len)
{
	const uint8_t *request = r->msg + 0x40 + sizeof(struct osa_ipa);
	struct osa_ipa *ipa = &r->rig->ipa;

	MUST(r, len >= sizeof(*ipa));
	memcpy(ipa, p, sizeof(*ipa));
	r->rig->data = p + sizeof(*ipa);
	r->rig->data_len = len - sizeof(*ipa);
	MUST(r, ipa->command == r->msg[0x40] && ipa->initiator == 0);
	MUST(r, memcmp(&ipa->seq, r->msg + 0x42, 2) == 0);
	MUST(r, memcmp(&ipa->protocol, r->msg + 0x4A, 2) == 0);
	r->ipa++;
	switch (ipa->command) {
	case OSA_SETVMAC:
	case OSA_DELVMAC:
	case OSA_SETGMAC:
	case OSA_DELGMAC:
		mac_check(r, request);
		break;
	case OSA_SETVLAN:
	case OSA_DELVLAN:
		vlan_check(r, request);
		break;
	case OSA_SETADAPTERPARMS:
		adapter_check(r, request);
		break;
	case OSA_SETASSPARMS:
		assist_check(r, request);
		break;
	case OSA_VNICC:
		vnicc_check(r, request);
		break;
	case OSA_SETBRIDGEPORT:
		bridge_check(r, request);
		break;
	case OSA_SETIP:
	case OSA_DELIP:
	case OSA_SETIPM:
	case OSA_DELIPM:
		address_check(r, request);
		break;
	case OSA_SETRTG:
	case OSA_CREATE_ADDR:
		MUST(r, be16_get(ipa->rc) == 0);
		break;
	case OSA_SETBRIDGEPORT_IQD:
		MUST(r, be16_get(ipa->rc) == OSA_RC_L2_UNSUPPORTED);
		break;
	case OSA_SETDIAGASS:
		MUST(r, be16_get(ipa->rc) == 0 && r->rig->data[17] == request[17]);
		break;
	default:
		MUST(r, ipa->command == OSA_STARTLAN || ipa->command == OSA_QIPASSIST);
		MUST(r, be16_get(ipa->rc) == 0);
	}
}

/* ---- events of a recording ----------------------------------------------------------------- */

static void mpc_check(struct replay *r)
{
	uint8_t class = r->msg[0x18];
	const uint8_t *p;
	size_t len;

	MUST(r, osa_rig_read(r->rig, RIG_READ) > 0);
	MUST(r, (r->rig->msg[2] & 0xC0) != 0xC0);
	p = osa_rig_answer(r->rig, class, &len);
	MUST(r, p != NULL);
	if (class == OSA_CLASS_IPA)
		ipa_check(r, p, len);
	else
		control_check(r, p, len);
	MUST(r, osa_rig_read(r->rig, RIG_READ) == 0); /* one answer to one request */
}

static void on_write(struct replay *r, const struct trace_event *e)
{
	r->e = e;
	ck_assert_uint_le(e->len, sizeof(r->msg));
	memcpy(r->msg, e->data, e->len);
	r->writes++;
	if (be32_load(r->msg) == OSA_WORD_MPC)
		mpc_patch(r);
	MUST(r, osa_rig_send(r->rig, device(e->ch), r->msg, e->len) == 0);
	if (be32_load(r->msg) == OSA_WORD_MPC)
		mpc_check(r);
	else
		idx_check(r);
	if (be32_load(r->msg) != OSA_WORD_MPC && e->ch == 'r')
		r->sessions++;
	r->answers++;
}

/* The recorded adapter sent an event: the cable moved. */
static void on_read(struct replay *r, const struct trace_event *e)
{
	if (e->len < 0x54 || be32_load(e->data) != OSA_WORD_MPC || e->data[0x18] != OSA_CLASS_IPA ||
	    e->data[0x41] != OSA_FROM_ADAPTER)
		return;
	r->e = e;
	osa_rig_plug(r->rig, e->data[0x40] == OSA_STARTLAN);
	MUST(r, osa_rig_event(r->rig) == e->data[0x40]);
	r->events++;
}

static void on_stop(struct replay *r, const struct trace_event *e)
{
	if (e->ch == 'd' && r->rig->a->queues)
		osa_cu_ops.deactivate(r->rig->a, RIG_DATA);
	osa_cu_ops.reset(r->rig->a, device(e->ch),
			 trace_is(e, "HALT") ? QDIO_RESET_HALT : QDIO_RESET_CLEAR);
	if (e->ch != 'd')
		return;
	r->e = e;
	MUST(r, !r->rig->link.started && r->rig->link.n_macs == 0);
	MUST(r, r->rig->a->registry.unicast.n == 0 && r->rig->a->registry.group.n == 0);
	MUST(r, r->rig->a->l3.address.n == 0 && r->rig->a->l3.group.n == 0);
	MUST(r, osa_rig_read(r->rig, RIG_READ) == 0);
}

static void replay_event(struct replay *r, const struct trace_event *e)
{
	if (trace_is(e, "WRITE") && (e->ch == 'r' || e->ch == 'w')) {
		on_write(r, e);
	} else if (trace_is(e, "READ")) {
		on_read(r, e);
	} else if (trace_is(e, "HALT") || trace_is(e, "CLEAR")) {
		on_stop(r, e);
	} else if (trace_is(e, "CCW") && e->ch == 'd' && trace_hex(e, "code", 0) == QDIO_CCW_AQ) {
		osa_rig_activate(r->rig);
		r->activations++;
	}
}

/* HiperSockets without a LAN: what the host registers is osa's part. */
static int iqd_ip_add(void *ctx, const uint8_t addr[16], bool takeover)
{
	(void)ctx;
	(void)addr;
	(void)takeover;
	return 0;
}

static void iqd_ip_del(void *ctx, const uint8_t addr[16])
{
	(void)ctx;
	(void)addr;
}

static void iqd_wants(void *ctx, bool broadcast, uint8_t routing4, uint8_t routing6)
{
	(void)ctx;
	(void)broadcast;
	(void)routing4;
	(void)routing6;
}

static int iqd_vnicc(void *ctx, uint32_t enabled, uint32_t learning_s)
{
	(void)ctx;
	(void)enabled;
	(void)learning_s;
	return 0;
}

static struct osa_rig *rig_new(bool iqd)
{
	static const struct osa_iqd_ops ops = {
		.ip_add = iqd_ip_add,
		.ip_del = iqd_ip_del,
		.wants = iqd_wants,
		.vnicc = iqd_vnicc,
	};
	struct osa_config cfg = *osa_rig_config();

	if (iqd)
		cfg.iqd = (struct osa_iqd){.ops = &ops, .frame_size = 0xFFFF};
	return osa_rig_new(&cfg, true);
}

static const struct {
	const char *path;
	unsigned writes, sessions, activations, events;
	bool iqd;
} files[] = {
	{"tests/data/l2-osd-full.trace", 201, 5, 5, 2, false},
	{"tests/data/l2-osd-minimal.trace", 18, 1, 1, 0, false},
	{"tests/data/l2-osd-retry.trace", 30, 2, 1, 0, false},
	{"tests/data/l2-hyperion-qebsm.trace", 37, 2, 2, 0, false},
	{"tests/data/l2-hyperion-thinint.trace", 37, 2, 2, 0, false},
	{"tests/data/l3-osd.trace", 164, 3, 3, 0, false},
	{"tests/data/l2-zosa.trace", 121, 5, 5, 4, false},
	{"tests/data/l2-vlan-zosa.trace", 55, 2, 2, 2, false},
	{"tests/data/l3-zosa.trace", 89, 3, 3, 0, false},
	{"tests/data/hipers-zosa.trace", 74, 3, 3, 0, true},
	{"tests/data/hipers-vnicc-zosa.trace", 128, 3, 3, 0, true},
};

START_TEST(test_recording)
{
	struct trace *t = trace_load(files[_i].path);
	struct replay r = {.rig = rig_new(files[_i].iqd), .vnicc_supported = 0xFF000000};
	struct osa_info info;

	ck_assert_ptr_nonnull(t);
	ck_assert_ptr_nonnull(r.rig);
	for (size_t i = 0; i < t->n; i++)
		replay_event(&r, &t->ev[i]);
	ck_assert_uint_eq(r.writes, files[_i].writes);
	ck_assert_uint_eq(r.answers, files[_i].writes);
	ck_assert_uint_eq(r.sessions, files[_i].sessions);
	ck_assert_uint_eq(r.activations, files[_i].activations);
	ck_assert_uint_eq(r.events, files[_i].events);
	osa_info(r.rig->a, &info);
	ck_assert_uint_eq(info.malformed, 0);
	ck_assert_uint_eq(info.ipa_requests, r.ipa);
	osa_rig_free(r.rig);
	trace_free(t);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("replay_osa");
	TCase *t = tcase_create("recordings");

	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, test_recording, 0, (int)(sizeof(files) / sizeof(files[0])));
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	SRunner *r = srunner_create(suite());
	int failed;

	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
