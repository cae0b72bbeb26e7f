/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IDX and MPC: the control connection below IPA.
 * Source: spec/osa-qeth.md 2.3 to 2.6 and 3.
 */
#include <errno.h>

#include "guest/guest_priv.h"
#include "hipersockets/hs_wire.h"

/*
 * Our tokens. An adapter must take any: these are not the ones of the Linux driver.
 */
enum {
	TOKEN_ISSUER = 0x005A1103,
	TOKEN_CM_FILTER = 0x005A1108,
	TOKEN_CM = 0x005A110A,
	TOKEN_ULP_FILTER = 0x005A110B,
	TOKEN_ULP = 0x005A110D,
};
/* What is sent and what must come back: spec/osa-qeth.md 2.3. */
#define IDX_LEVEL_PEER 0x0201u
#define IDX_LEVEL_IQD 0x4108u
#define IDX_LEVEL_IQD_PEER 0x0408u
#define MTU_DEFAULT_MAX 65535u

static const uint8_t idx_name[8] = {0xE9, 0xD3, 0xC1, 0xD5, 0x40, 0x40, 0x40, 0x40}; /* ZLAN */
static const uint8_t port_name[8] = {0xE9, 0xD3, 0xC1, 0xD5, 0xF0, 0xF1, 0, 0};

/* ---- IDX ------------------------------------------------------------------------- */

static int idx_check(struct guest_dev *d, unsigned dev, const struct osa_idx *a, int n)
{
	unsigned level = be16_get(a->level);
	unsigned peer = d->cfg.iqd ? IDX_LEVEL_IQD_PEER : IDX_LEVEL_PEER;

	if (n >= 4 && (be16_get(a->command) & OSA_IDX_TERMINATE) == OSA_IDX_TERMINATE)
		return -EOPNOTSUPP;
	if (n < (int)sizeof(*a)) {
		guest_violate(d, GUEST_VIOLATION_IDX_ANSWER);
		return -EPROTO;
	}
	if ((a->type & OSA_IDX_RESULT_MASK) != OSA_IDX_POSITIVE) {
		switch (a->cause) {
		case OSA_IDX_EXCLUSIVE:
			return -EBUSY;
		case OSA_IDX_NOT_AUTHORISED:
		case OSA_IDX_USER_NOT_AUTHORISED:
			return -EPERM;
		default:
			return -EIO;
		}
	}
	if (dev == 1)
		level &= ~OSA_IDX_LEVEL_IGNORE;
	if (level != (dev == 1 ? (peer & ~OSA_IDX_LEVEL_IGNORE) : peer)) {
		guest_violate(d, GUEST_VIOLATION_IDX_ANSWER);
		return -EPROTO;
	}
	if (dev == 0)
		d->a_issuer = be32_get(a->token);
	return 0;
}

/* WRITE chained to READ over one shared buffer. */
int guest_idx(struct guest_dev *d, unsigned dev)
{
	size_t at = dev == 0 ? GUEST_AT_READ : GUEST_AT_WRITE;
	struct osa_idx *idx = guest_host(d, at), answer;
	int n;

	memset(idx, 0, OSA_MSG_MAX);
	idx->command = be16_of(OSA_IDX_COMMAND);
	idx->type = dev == 0 ? OSA_IDX_READ : OSA_IDX_WRITE;
	idx->cause = OSA_IDX_CONSTANT;
	idx->n_data = 1;
	idx->port = (uint8_t)(OSA_IDX_PORT_FLAGS | d->cfg.port_no);
	idx->token = be32_of(TOKEN_ISSUER);
	idx->level = be16_of(d->cfg.iqd ? IDX_LEVEL_IQD : OSA_IDX_LEVEL_OSD);
	memcpy(idx->name, idx_name, sizeof(idx->name));
	idx->data_devno = be16_of(d->m.devno[2]);
	idx->cula = d->cula;
	idx->unit_addr = d->unit_addr;
	guest_sch_ccw(d, dev, 0, QDIO_CCW_WRITE, QDIO_CCW_CC | QDIO_CCW_SLI, sizeof(*idx),
		      guest_addr(d, at));
	guest_sch_ccw(d, dev, 1, QDIO_CCW_READ, QDIO_CCW_SLI, OSA_MSG_MAX, guest_addr(d, at));
	n = guest_sch_run(d, dev, OSA_MSG_MAX, 10000);
	if (n < 0)
		return n;
	memcpy(&answer, idx, sizeof(answer));
	if (dev == 1)
		d->th_seq = 1;
	return idx_check(d, dev, &answer, n);
}

int guest_post_read(struct guest_dev *d)
{
	int rc;

	guest_sch_ccw(d, 0, 0, QDIO_CCW_READ, QDIO_CCW_SLI, OSA_MSG_MAX,
		      guest_addr(d, GUEST_AT_READ));
	d->reading = true;
	rc = guest_sch_start(d, 0, true);
	if (rc < 0)
		d->reading = false;
	return rc;
}

/* ---- receiving ---------------------------------------------------------------------- */

/* All that waits for a message is cancelled: spec/osa-qeth.md 2.5. */
static void terminate(struct guest_dev *d, uint8_t cause)
{
	d->terminated = true;
	d->mpc_done = true;
	for (unsigned i = 0; i < GUEST_IPA_SLOTS; i++)
		d->ipa[i].done = true;
	if (cause == OSA_TERMINATE_LAYER || cause == OSA_TERMINATE_LAYER_ZVM)
		d->events |= GUEST_EV_REFUSED;
	else
		d->events |= GUEST_EV_RECOVER;
}

static bool our_token(uint32_t t)
{
	return t == TOKEN_ISSUER || t == TOKEN_CM_FILTER || t == TOKEN_CM ||
	       t == TOKEN_ULP_FILTER || t == TOKEN_ULP;
}

static unsigned len24(const uint8_t b[3])
{
	return (unsigned)b[0] << 16 | (unsigned)b[1] << 8 | b[2];
}

/*
 * Find the PDU by the three one-byte offsets as qeth does, and hold the lengths
 * against each other, which qeth does not.
 * Return: its offset, or 0 if the message is unusable.
 */
static size_t find_pdu(struct guest_dev *d, size_t n, struct osa_rrh *rrh, size_t *len)
{
	const uint8_t *m = d->msg;
	size_t r, p, at;
	struct osa_ph ph;

	if (n < sizeof(struct osa_th) || be32_load(m) != OSA_WORD_MPC)
		return 0;
	r = m[0x0B];
	if (r < sizeof(struct osa_th) || r + OSA_RRH_SHORT_BYTES > n)
		return 0;
	memset(rrh, 0, sizeof(*rrh));
	memcpy(rrh, m + r, OSA_RRH_SHORT_BYTES);
	p = r + m[r + 0x11];
	if (p < r + OSA_RRH_SHORT_BYTES || p + sizeof(ph) > n)
		return 0;
	memcpy(&ph, m + p, sizeof(ph));
	at = m[p + 7];
	*len = len24(ph.len);
	if (at < p + sizeof(ph) || at + *len > n)
		return 0;
	if (be32_load(m + 0x0C) != n || at + *len != n || be16_get(rrh->pdu_len) != *len ||
	    len24(rrh->pdu_total) != *len || ph.location != OSA_PH_FOLLOWS ||
	    rrh->token_len != OSA_RRH_TOKEN_LEN)
		guest_violate(d, GUEST_VIOLATION_MSG_HEADER);
	return at;
}

static void mpc_answer(struct guest_dev *d, const uint8_t *pdu, size_t len)
{
	if (!d->mpc_wait) {
		guest_violate(d, GUEST_VIOLATION_MPC_STRAY);
		return;
	}
	memcpy(d->mpc_pdu, pdu, len);
	d->mpc_len = len;
	d->mpc_wait = false;
	d->mpc_done = true;
}

void guest_message(struct guest_dev *d, size_t n)
{
	struct osa_rrh rrh;
	size_t at, len = 0;

	memcpy(d->msg, guest_host(d, GUEST_AT_READ), n);
	if (n >= 5 && (d->msg[2] & 0xC0) == 0xC0) {
		terminate(d, d->msg[4]);
		return;
	}
	at = find_pdu(d, n, &rrh, &len);
	if (!at) {
		guest_violate(d, GUEST_VIOLATION_MSG_HEADER);
		return;
	}
	d->pdu_ack = be32_load(d->msg + 0x1C);
	if (rrh.class == OSA_CLASS_IPA ? be32_get(rrh.token) != TOKEN_ULP
				       : !our_token(be32_get(rrh.token)))
		guest_violate(d, GUEST_VIOLATION_MSG_TOKEN);
	if (rrh.class == OSA_CLASS_IPA)
		guest_ipa_message(d, d->msg + at, len);
	else
		mpc_answer(d, d->msg + at, len);
}

/* ---- sending ------------------------------------------------------------------------- */

static void store24(uint8_t b[3], size_t v)
{
	b[0] = (uint8_t)(v >> 16);
	b[1] = (uint8_t)(v >> 8);
	b[2] = (uint8_t)v;
}

int guest_mpc_write(struct guest_dev *d, enum osa_class class, uint8_t protocol, uint32_t token,
		    size_t len)
{
	struct osa_mpc *m = guest_host(d, GUEST_AT_WRITE);
	size_t total = sizeof(*m) + len;
	int n;

	memset(m, 0, sizeof(*m));
	m->th.id = be32_of(OSA_WORD_MPC);
	m->th.seq = be32_of(d->th_seq++);
	m->th.rrh_offset = be32_of(sizeof(struct osa_th));
	m->th.len = be32_of((uint32_t)total);
	m->th.capacity = be16_of(OSA_TH_CAPACITY_HOST);
	m->th.n_rrh = be16_of(1);
	m->rrh.class = (uint8_t) class;
	m->rrh.protocol = protocol;
	m->rrh.n_ph = be16_of(1);
	m->rrh.seq = be32_of(d->pdu_seq++);
	m->rrh.ack = be32_of(d->pdu_ack);
	m->rrh.ph_offset = be16_of(sizeof(struct osa_rrh));
	m->rrh.pdu_len = be16_of((uint16_t)len);
	store24(m->rrh.pdu_total, len);
	m->rrh.token_len = OSA_RRH_TOKEN_LEN;
	m->rrh.token = be32_of(token);
	m->ph.location = OSA_PH_FOLLOWS;
	store24(m->ph.len, len);
	m->ph.offset = be32_of(sizeof(*m));
	guest_sch_ccw(d, 1, 0, QDIO_CCW_WRITE, QDIO_CCW_SLI, (uint16_t)total,
		      guest_addr(d, GUEST_AT_WRITE));
	n = guest_sch_run(d, 1, (uint16_t)total, 10000);
	return n < 0 ? n : 0;
}

static int mpc_call(struct guest_dev *d, enum osa_class class, uint32_t token, size_t total,
		    size_t answer_min)
{
	int rc;

	if (d->terminated)
		return -EIO;
	d->mpc_done = false;
	d->mpc_wait = true;
	rc = guest_mpc_write(d, class, OSA_PROTOCOL_CONTROL, token, total - sizeof(struct osa_mpc));
	if (rc == 0)
		rc = guest_sch_wait(d, &d->mpc_done, guest_timeout(d, 10000));
	d->mpc_wait = false;
	if (d->terminated)
		return -EIO;
	if (rc == 0 && d->mpc_len < answer_min) {
		guest_violate(d, GUEST_VIOLATION_MPC_LAYOUT);
		rc = -EPROTO;
	}
	return rc;
}

static struct osa_sv sv(unsigned type, size_t len)
{
	return (struct osa_sv){
		.len = be16_of((uint16_t)len), .key = OSA_SV_KEY, .type = (uint8_t)type};
}

static void put_block(struct osa_pdu *p, uint8_t type, size_t subvectors)
{
	memset(p, 0, sizeof(*p));
	p->len = be16_of(sizeof(*p));
	p->kind = type == OSA_PDU_ACTIVE ? OSA_PDU_KIND_ACTIVE : OSA_PDU_KIND;
	p->type = type;
	p->subvector_len = be16_of((uint16_t)subvectors);
}

static struct osa_sv_filter filter(uint8_t protocol, uint32_t token)
{
	return (struct osa_sv_filter){sv(OSA_SV_FILTER, sizeof(struct osa_sv_filter)), protocol,
				      OSA_SV_FILTER_KEY, OSA_SV_TOKEN_LEN, be32_of(token)};
}

static struct osa_sv_token token_sv(unsigned type, uint32_t token)
{
	return (struct osa_sv_token){sv(type, sizeof(struct osa_sv_token)), OSA_SV_TOKEN_LEN,
				     be32_of(token)};
}

/* Is there a sub-vector of this type at the place where the driver looks? */
static void expect_sv(struct guest_dev *d, size_t at, unsigned type, unsigned block_type)
{
	const uint8_t *p = d->mpc_pdu;

	if (p[at + 2] != OSA_SV_KEY || p[at + 3] != type || p[3] != block_type ||
	    at + be16_load(p + at) > d->mpc_len)
		guest_violate(d, GUEST_VIOLATION_MPC_LAYOUT);
}

static int cm_enable(struct guest_dev *d)
{
	struct osa_cm_enable *m = guest_host(d, GUEST_AT_WRITE);
	int rc;

	put_block(&m->pdu, OSA_PDU_ENABLE, sizeof(m->filter) + sizeof(m->limits));
	m->filter = filter(OSA_PROTOCOL_CONTROL, TOKEN_CM_FILTER);
	m->limits.sv = sv(OSA_SV_LIMITS, sizeof(m->limits));
	memset(m->limits.limits, 0xFF, sizeof(m->limits.limits));
	rc = mpc_call(d, OSA_CLASS_CM, d->a_issuer, sizeof(*m), 0x17);
	if (rc == 0)
		expect_sv(d, 0x0C, OSA_SV_FILTER, OSA_PDU_ENABLE);
	return rc;
}

static int setup(struct guest_dev *d, enum osa_class class, uint32_t own, uint32_t dest,
		 uint32_t peer_filter, bool ulp)
{
	struct osa_ulp_setup *m = guest_host(d, GUEST_AT_WRITE);
	size_t total = ulp ? sizeof(*m) : sizeof(m->setup);
	int rc;

	put_block(&m->setup.pdu, OSA_PDU_SETUP,
		  total - sizeof(struct osa_mpc) - sizeof(struct osa_pdu));
	m->setup.sender = token_sv(OSA_SV_SENDER, own);
	m->setup.receiver = token_sv(OSA_SV_RECEIVER, peer_filter);
	m->setup.capacity.sv = sv(OSA_SV_CAPACITY, sizeof(m->setup.capacity));
	m->setup.capacity.value = be16_of(ulp ? OSA_SV_CAPACITY_ULP : OSA_SV_CAPACITY_CM);
	m->device.sv = sv(OSA_SV_DEVICE, sizeof(m->device));
	m->device.data_devno = be16_of(d->m.devno[2]);
	m->device.cula = d->cula;
	m->device.unit_addr = d->unit_addr;
	rc = mpc_call(d, class, dest, total, 0x1E);
	if (rc < 0)
		return rc;
	expect_sv(d, 0x0C, OSA_SV_SENDER, OSA_PDU_CONFIRM);
	expect_sv(d, 0x15, OSA_SV_ANSWERER, OSA_PDU_CONFIRM);
	return be32_load(d->mpc_pdu + 0x11) == own ? 0 : -EPROTO;
}

/* HiperSockets: a code stands where others have an MTU; any other fails the set-up (3.3). */
static int frame_size(struct guest_dev *d)
{
	switch (d->info.mtu_max) {
	case HS_FRAME_16K:
	case HS_FRAME_24K:
	case HS_FRAME_40K:
		d->info.mfs = d->info.mtu_max;
		break;
	case HS_FRAME_64K:
		d->info.mfs = 65536;
		break;
	default:
		return -EPROTO;
	}
	d->info.mtu_max = d->info.mfs - HS_FRAME_OVERHEAD;
	return 0;
}

static int ulp_enable(struct guest_dev *d)
{
	struct osa_ulp_enable *m = guest_host(d, GUEST_AT_WRITE);
	int rc;

	put_block(&m->pdu, OSA_PDU_ENABLE, sizeof(m->filter) + sizeof(m->port));
	m->filter = filter(guest_protocol(d), TOKEN_ULP_FILTER);
	m->port.sv = sv(OSA_SV_PORT, sizeof(m->port));
	m->port.constant = be32_of(OSA_SV_PORT_CONSTANT);
	m->port.mtu = be16_of(0xFFFF);
	m->port.port = d->cfg.port_no;
	m->port.name_len = sizeof(port_name);
	memcpy(m->port.name, port_name, sizeof(port_name));
	rc = mpc_call(d, OSA_CLASS_ULP, d->a_cm, sizeof(*m), 0x21);
	if (rc < 0)
		return rc;
	expect_sv(d, 0x0C, OSA_SV_FILTER, OSA_PDU_ENABLE);
	expect_sv(d, 0x17, OSA_SV_PORT, OSA_PDU_ENABLE);
	d->info.mtu_max = be16_load(d->mpc_pdu + 0x1F);
	if (d->cfg.iqd)
		return frame_size(d);
	if (d->info.mtu_max == 0) /* tolerated, "no limit" */
		d->info.mtu_max = MTU_DEFAULT_MAX;
	if (be16_load(d->mpc_pdu + 0x17) >= 0x18 && d->mpc_len > 0x2B)
		d->info.link_type = d->mpc_pdu[0x2B];
	if (d->info.link_type == OSA_LINK_HSTR || d->info.link_type == OSA_LINK_LANE_TR)
		return -EPROTO;
	return 0;
}

int guest_mpc_bring_up(struct guest_dev *d)
{
	int rc = cm_enable(d);

	if (rc < 0)
		return rc;
	rc = setup(d, OSA_CLASS_CM, TOKEN_CM, d->a_issuer, be32_load(d->mpc_pdu + 0x13), false);
	if (rc < 0)
		return rc;
	d->a_cm = be32_load(d->mpc_pdu + 0x1A);
	rc = ulp_enable(d);
	if (rc < 0)
		return rc;
	d->a_ulpf = be32_load(d->mpc_pdu + 0x13);
	rc = setup(d, OSA_CLASS_ULP, TOKEN_ULP, d->a_cm, d->a_ulpf, true);
	if (rc < 0)
		return rc;
	expect_sv(d, 0x1E, OSA_SV_CAPACITY_ANSWER, OSA_PDU_CONFIRM);
	d->a_ulpc = be32_load(d->mpc_pdu + 0x1A);
	if (d->a_ulpc >> 8 == 0x303053) /* "00S": too many connections */
		return -EBUSY;
	return 0;
}

int guest_mpc_dm_act(struct guest_dev *d)
{
	struct osa_dm_act *m = guest_host(d, GUEST_AT_WRITE);

	put_block(&m->pdu, OSA_PDU_ACTIVE, sizeof(m->sender));
	m->sender = token_sv(OSA_SV_SENDER, d->a_ulpc);
	return mpc_call(d, OSA_CLASS_ULP, d->a_cm, sizeof(*m), sizeof(struct osa_pdu));
}
