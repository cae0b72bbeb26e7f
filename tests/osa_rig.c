/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/osa_rig.h"

/* ---- the fake link ------------------------------------------------------------------------- */

static int link_start(void *link, const struct vs_port_ops *ops, void *port)
{
	struct fake_link *l = link;

	(void)ops;
	(void)port;
	if (l->fail_start)
		return l->fail_start;
	l->started = true;
	l->starts++;
	return 0;
}

static void link_stop(void *link)
{
	struct fake_link *l = link;

	l->started = false;
	l->stops++;
	l->n_macs = 0;
	memset(l->vid, 0, sizeof(l->vid));
	l->promisc = false;
}

static int mac_index(const struct fake_link *l, const uint8_t mac[6])
{
	for (unsigned i = 0; i < l->n_macs; i++)
		if (memcmp(l->mac[i], mac, 6) == 0)
			return (int)i;
	return -1;
}

bool fake_link_has(const struct fake_link *l, const uint8_t mac[6])
{
	return mac_index(l, mac) >= 0;
}

unsigned fake_link_vids(const struct fake_link *l)
{
	unsigned n = 0;

	for (unsigned i = 0; i < OSA_VIDS; i++)
		n += l->vid[i];
	return n;
}

/* A call before start or after stop is the adapter's fault. */
static int link_call(struct fake_link *l)
{
	l->calls++;
	if (!l->started)
		abort();
	return l->fail;
}

static int link_mac_add(void *link, const uint8_t mac[6])
{
	struct fake_link *l = link;
	int rc = link_call(l);

	if (rc || mac_index(l, mac) >= 0)
		return rc;
	if (l->n_macs == RIG_FAKE_MACS)
		return -ENOSPC;
	memcpy(l->mac[l->n_macs++], mac, 6);
	return 0;
}

static int link_mac_del(void *link, const uint8_t mac[6])
{
	struct fake_link *l = link;
	int rc = link_call(l), i = mac_index(l, mac);

	if (rc)
		return rc;
	if (i < 0)
		return -ENOENT;
	memcpy(l->mac[i], l->mac[--l->n_macs], 6);
	return 0;
}

static int link_vid_add(void *link, uint16_t vid)
{
	struct fake_link *l = link;
	int rc = link_call(l);

	if (!rc)
		l->vid[vid] = 1;
	return rc;
}

static int link_vid_del(void *link, uint16_t vid)
{
	struct fake_link *l = link;
	int rc = link_call(l);

	if (!rc)
		l->vid[vid] = 0;
	return rc;
}

static int link_promisc(void *link, bool on)
{
	struct fake_link *l = link;
	int rc = link_call(l);

	if (!rc)
		l->promisc = on;
	return rc;
}

const struct vs_link_ops fake_link_ops = {
	.start = link_start,
	.stop = link_stop,
	.mac_add = link_mac_add,
	.mac_del = link_mac_del,
	.vid_add = link_vid_add,
	.vid_del = link_vid_del,
	.promisc = link_promisc,
};

/* ---- the rig ------------------------------------------------------------------------------- */

static void env_interrupt(void *env, unsigned dev, const struct qdio_irb *irb)
{
	(void)env;
	(void)dev;
	(void)irb;
}

static void env_number(void *env, unsigned n)
{
	(void)env;
	(void)n;
}

static void env_kick(void *env)
{
	(void)env;
}

static const struct qdio_env_ops env_ops = {
	.interrupt = env_interrupt,
	.pci = env_number,
	.adapter_interrupt = env_number,
	.kick = env_kick,
};

const struct osa_config *osa_rig_config(void)
{
	static const struct osa_config cfg = {
		.subchannel = {4, 5, 6},
		.devno = {0x0500, 0x0501, 0x0502},
		.chpid = 0x05,
		.unit_addr = 0x02,
		.mac = {0x02, 0x00, 0x00, 0x00, 0x00, 0x01},
		.mtu = 8992,
		.name = "LINUX01",
	};

	return &cfg;
}

struct osa_rig *osa_rig_new(const struct osa_config *cfg, bool plugged)
{
	struct osa_rig *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->a = osa_create(cfg ? cfg : osa_rig_config(), &env_ops, NULL);
	if (!r->a) {
		free(r);
		return NULL;
	}
	r->queues.n_in = 1;
	r->queues.n_out = 4;
	r->layer = 2;
	if (plugged)
		osa_rig_plug(r, true);
	return r;
}

void osa_rig_free(struct osa_rig *r)
{
	if (!r)
		return;
	if (r->a->queues)
		osa_cu_ops.deactivate(r->a, RIG_DATA);
	osa_destroy(r->a);
	free(r);
}

void osa_rig_plug(struct osa_rig *r, bool in)
{
	const struct vs_link link = {.ops = &fake_link_ops, .ctx = &r->link};

	osa_set_link(r->a, in ? &link : NULL);
}

int osa_rig_send(struct osa_rig *r, unsigned dev, const void *msg, size_t len)
{
	return osa_cu_ops.write(r->a, dev, msg, len);
}

size_t osa_rig_read(struct osa_rig *r, unsigned dev)
{
	memset(r->msg, 0xEE, sizeof(r->msg));
	r->len = osa_cu_ops.read(r->a, dev, r->msg, sizeof(r->msg));
	return r->len;
}

int osa_rig_idx(struct osa_rig *r, unsigned dev, bool read, uint8_t port)
{
	struct osa_idx m = {
		.command = be16_of(OSA_IDX_COMMAND),
		.type = read ? OSA_IDX_READ : OSA_IDX_WRITE,
		.cause = OSA_IDX_CONSTANT,
		.n_data = 1,
		.port = OSA_IDX_PORT_FLAGS | port,
		.token = be32_of(RIG_TOKEN_ISSUER),
		.level = be16_of(OSA_IDX_LEVEL_OSD),
		.name = {0xC8, 0xC1, 0xD3, 0xD3, 0xD6, 0xD3, 0xC5, 0x40},
		.data_devno = be16_of(0x0502),
		.unit_addr = 0x02,
	};
	int rc = osa_rig_send(r, dev, &m, sizeof(m));

	if (rc)
		return rc;
	if (osa_rig_read(r, dev) < sizeof(m))
		return -1;
	if (read)
		r->issuer = be32_load(r->msg + 0x0C);
	return 0;
}

int osa_rig_pdu(struct osa_rig *r, uint8_t class, uint32_t token, const void *pdu, size_t len)
{
	uint8_t msg[OSA_MSG_MAX];
	struct osa_mpc h = {
		.th.id = be32_of(OSA_WORD_MPC),
		.th.seq = be32_of(++r->th_seq),
		.th.rrh_offset = be32_of(0x14),
		.th.len = be32_of((uint32_t)(0x40 + len)),
		.th.capacity = be16_of(OSA_TH_CAPACITY_HOST),
		.th.n_rrh = be16_of(1),
		.rrh.class = class,
		.rrh.protocol = class == OSA_CLASS_IPA ? 0x08 : 0x7E,
		.rrh.n_ph = be16_of(1),
		.rrh.seq = be32_of(r->pdu_seq++),
		.rrh.ack = be32_of(r->last_pdu_seq),
		.rrh.ph_offset = be16_of(0x24),
		.rrh.pdu_len = be16_of((uint16_t)len),
		.rrh.pdu_total = {0, (uint8_t)(len >> 8), (uint8_t)len},
		.rrh.token_len = 5,
		.rrh.token = be32_of(token),
		.ph.location = 1,
		.ph.len = {0, (uint8_t)(len >> 8), (uint8_t)len},
		.ph.offset = be32_of(0x40),
	};

	if (len > sizeof(msg) - sizeof(h))
		return -EMSGSIZE;
	memcpy(msg, &h, sizeof(h));
	memcpy(msg + sizeof(h), pdu, len);
	return osa_rig_send(r, RIG_WRITE, msg, sizeof(h) + len);
}

const uint8_t *osa_rig_answer(struct osa_rig *r, uint8_t class, size_t *len)
{
	const uint8_t *m = r->msg;
	unsigned rrh = m[0x0B], ph, pdu;

	if (r->len < 0x40 || be32_load(m) != 0x00E00000 || be32_load(m + 0x0C) != r->len)
		return NULL;
	if (rrh != 0x14 || be32_load(m + 8) != rrh || m[rrh + 4] != class)
		return NULL;
	ph = rrh + m[rrh + 0x11];
	if (m[ph] != 1)
		return NULL;
	pdu = m[ph + 7];
	*len = r->len - pdu;
	if (pdu > r->len || be32_load(m + ph) != (0x01000000 | *len))
		return NULL;
	if (be16_load(m + rrh + 0x12) != *len || be32_load(m + rrh + 0x14) != (*len << 8 | 5))
		return NULL;
	r->last_pdu_seq = be32_load(m + 0x1C);
	return m + pdu;
}

/* ---- exchanges ----------------------------------------------------------------------------- */

/* The three forms of sub-vector a request needs, as bytes. */
static size_t put_token(uint8_t *p, uint8_t type, uint32_t token)
{
	const uint8_t head[] = {0, 9, 4, type, 5};

	memcpy(p, head, sizeof(head));
	be32_store(p + sizeof(head), token);
	return 9;
}

static size_t put_filter(uint8_t *p, uint8_t protocol, uint32_t token)
{
	const uint8_t head[] = {0, 11, 4, 1, protocol, 4, 5};

	memcpy(p, head, sizeof(head));
	be32_store(p + sizeof(head), token);
	return 11;
}

static size_t put_bytes(uint8_t *p, const void *b, size_t n)
{
	memcpy(p, b, n);
	return n;
}

/* Send a CM or ULP command and find its answer. Return: the answer's PDU or NULL. */
static const uint8_t *exchange(struct osa_rig *r, uint8_t class, uint32_t token, uint8_t *pdu,
			       size_t len, size_t *answer_len, int *rc)
{
	pdu[1] = 12;
	be16_store(pdu + 4, (uint16_t)(len - 12));
	*rc = osa_rig_pdu(r, class, token, pdu, len);
	if (*rc)
		return NULL;
	*rc = -ENOMSG;
	if (!osa_rig_read(r, RIG_READ))
		return NULL;
	*rc = 0;
	return osa_rig_answer(r, class, answer_len);
}

static int result(const uint8_t *answer, int rc)
{
	if (rc)
		return rc;
	return answer ? 0 : -EBADMSG;
}

int osa_rig_cm_enable(struct osa_rig *r)
{
	static const uint8_t limits[] = {0,    12,   4,	   2,	 0xFF, 0xFF,
					 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};
	uint8_t pdu[64] = {0, 12, 0x41, 0x02};
	size_t n = 12, len;
	const uint8_t *p;
	int rc;

	n += put_filter(pdu + n, 0x7E, RIG_TOKEN_CM_FILTER);
	n += put_bytes(pdu + n, limits, sizeof(limits));
	p = exchange(r, 0x81, r->issuer, pdu, n, &len, &rc);
	if (p)
		r->cm_filter = be32_load(p + 0x13);
	return result(p, rc);
}

int osa_rig_cm_setup(struct osa_rig *r)
{
	uint8_t pdu[64] = {0, 12, 0x41, 0x04};
	size_t n = 12, len;
	const uint8_t *p;
	int rc;

	n += put_token(pdu + n, 4, RIG_TOKEN_CM_CONNECTION);
	n += put_token(pdu + n, 5, r->cm_filter);
	n += put_bytes(pdu + n, "\x00\x06\x04\x06\xC8\x00", 6);
	p = exchange(r, 0x81, r->issuer, pdu, n, &len, &rc);
	if (p)
		r->cm_connection = be32_load(p + 0x1A);
	return result(p, rc);
}

int osa_rig_ulp_enable(struct osa_rig *r, uint8_t protocol)
{
	static const uint8_t port[] = {0, 0x14, 4,    0x0A, 0,	  0x20, 0,    0,    0xFF, 0xFF,
				       0, 8,	0xC8, 0xE8, 0xC4, 0xF1, 0xC7, 0xF1, 0,	  0};
	uint8_t pdu[64] = {0, 12, 0x41, 0x02};
	size_t n = 12, len;
	const uint8_t *p;
	int rc;

	n += put_filter(pdu + n, protocol, RIG_TOKEN_ULP_FILTER);
	n += put_bytes(pdu + n, port, sizeof(port));
	pdu[n - 10] = r->a->cfg.port_no;
	p = exchange(r, 0x41, r->cm_connection, pdu, n, &len, &rc);
	if (p)
		r->ulp_filter = be32_load(p + 0x13);
	return result(p, rc);
}

int osa_rig_ulp_setup(struct osa_rig *r)
{
	uint8_t pdu[64] = {0, 12, 0x41, 0x04};
	size_t n = 12, len;
	const uint8_t *p;
	int rc;

	n += put_token(pdu + n, 4, RIG_TOKEN_ULP_CONNECTION);
	n += put_token(pdu + n, 5, r->ulp_filter);
	n += put_bytes(pdu + n, "\x00\x06\x04\x06\x40\x00", 6);
	n += put_bytes(pdu + n, "\x00\x08\x04\x0B\x05\x02\x00\x02", 8);
	p = exchange(r, 0x41, r->cm_connection, pdu, n, &len, &rc);
	if (p)
		r->ulp_connection = be32_load(p + 0x1A);
	return result(p, rc);
}

int osa_rig_dm_act(struct osa_rig *r)
{
	uint8_t pdu[64] = {0, 12, 0x43, 0x60};
	size_t n = 12, len;
	const uint8_t *p;
	int rc;

	n += put_token(pdu + n, 4, r->ulp_connection);
	p = exchange(r, 0x41, r->cm_connection, pdu, n, &len, &rc);
	return result(p, rc);
}

void osa_rig_activate(struct osa_rig *r)
{
	if (osa_cu_ops.activate(r->a, RIG_DATA, &r->queues))
		abort();
}

int osa_rig_up(struct osa_rig *r)
{
	int rc = osa_rig_idx(r, RIG_READ, true, r->a->cfg.port_no);

	rc = rc ? rc : osa_rig_idx(r, RIG_WRITE, false, r->a->cfg.port_no);
	rc = rc ? rc : osa_rig_cm_enable(r);
	rc = rc ? rc : osa_rig_cm_setup(r);
	rc = rc ? rc
		: osa_rig_ulp_enable(r, r->layer == 3 ? OSA_PROTOCOL_LAYER3 : OSA_PROTOCOL_LAYER2);
	rc = rc ? rc : osa_rig_ulp_setup(r);
	if (rc)
		return rc;
	osa_rig_activate(r);
	return osa_rig_dm_act(r);
}

void osa_rig_clear(struct osa_rig *r)
{
	if (r->a->queues)
		osa_cu_ops.deactivate(r->a, RIG_DATA);
	osa_cu_ops.reset(r->a, RIG_DATA, QDIO_RESET_CLEAR);
	osa_cu_ops.reset(r->a, RIG_READ, QDIO_RESET_CLEAR);
	osa_cu_ops.reset(r->a, RIG_WRITE, QDIO_RESET_CLEAR);
}

/* ---- IPA ----------------------------------------------------------------------------------- */

/* Split the PDU of r->msg. Return: false if it is not an IPA message. */
static bool ipa_split(struct osa_rig *r)
{
	size_t len;
	const uint8_t *p = osa_rig_answer(r, OSA_CLASS_IPA, &len);

	if (!p || len < sizeof(r->ipa))
		return false;
	memcpy(&r->ipa, p, sizeof(r->ipa));
	r->data = p + sizeof(r->ipa);
	r->data_len = len - sizeof(r->ipa);
	return true;
}

int osa_rig_ipa_send(struct osa_rig *r, uint8_t command, uint16_t protocol, const void *data,
		     size_t len)
{
	uint8_t pdu[OSA_PDU_MAX];
	struct osa_ipa h = {
		.command = command,
		.seq = be16_of(++r->ipa_seq),
		.adapter_type = 1,
		.version = r->layer == 3 ? 1 : 2,
		.n_parm = 1,
		.protocol = be16_of(protocol),
	};

	memcpy(pdu, &h, sizeof(h));
	if (len)
		memcpy(pdu + sizeof(h), data, len);
	return osa_rig_pdu(r, OSA_CLASS_IPA, r->ulp_connection, pdu, sizeof(h) + len);
}

bool osa_rig_ipa_read(struct osa_rig *r)
{
	return osa_rig_read(r, RIG_READ) && ipa_split(r);
}

int osa_rig_ipa(struct osa_rig *r, uint8_t command, uint16_t protocol, const void *data, size_t len)
{
	int rc = osa_rig_ipa_send(r, command, protocol, data, len);

	if (rc)
		return rc;
	if (!osa_rig_ipa_read(r))
		return -EBADMSG;
	if (be32_load(r->msg + 0x2C) != RIG_TOKEN_ULP_CONNECTION)
		return -EBADMSG;
	if (r->ipa.command != command || r->ipa.initiator || be16_get(r->ipa.seq) != r->ipa_seq ||
	    be16_get(r->ipa.protocol) != protocol || r->ipa.version != (r->layer == 3 ? 1 : 2))
		return -EBADMSG;
	return be16_get(r->ipa.rc);
}

int osa_rig_mac(struct osa_rig *r, uint8_t command, uint32_t len, const uint8_t mac[6])
{
	uint8_t data[10];

	be32_store(data, len);
	memcpy(data + 4, mac, 6);
	return osa_rig_ipa(r, command, 4, data, sizeof(data));
}

int osa_rig_vlan(struct osa_rig *r, uint8_t command, uint16_t vid)
{
	uint8_t data[2];

	be16_store(data, vid);
	return osa_rig_ipa(r, command, 4, data, sizeof(data));
}

uint8_t osa_rig_event(struct osa_rig *r)
{
	if (!osa_rig_read(r, RIG_READ))
		return 0;
	return ipa_split(r) && r->ipa.initiator == OSA_FROM_ADAPTER ? r->ipa.command : 0;
}
