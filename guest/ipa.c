/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IPA: requests, replies in any order, events, and the commands of the bring-up.
 * Source: spec/osa-qeth.md 4.
 */
#include <errno.h>

#include "guest/guest_priv.h"

#define IPA_TIMEOUT_MS 45000

/* ---- receiving ---------------------------------------------------------------------- */

static void ipa_event(struct guest_dev *d, uint8_t cmd, uint16_t rc)
{
	switch (cmd) {
	case OSA_STOPLAN:
		d->info.carrier = false;
		d->events |= rc == OSA_RC_REFLECTIVE_LOST ? GUEST_EV_RECOVER : GUEST_EV_STOPLAN;
		break;
	case OSA_STARTLAN:
		d->events |= GUEST_EV_RECOVER;
		break;
	default: /* local addresses, bridge state: of no use in layer 2 */
		break;
	}
}

/* The first entry is this port: 4.12. */
static void bridge_event(struct guest_dev *d, const uint8_t *data, size_t len)
{
	struct osa_bridge_entry e;
	struct osa_bridge_ports l;

	if (len < sizeof(l) + sizeof(e)) {
		guest_violate(d, GUEST_VIOLATION_IPA_SHORT);
		return;
	}
	memcpy(&l, data, sizeof(l));
	memcpy(&e, data + sizeof(l), sizeof(e));
	if (be32_get(l.bridge.subcommand) != OSA_BRIDGE_STATE_CHANGE || !l.n ||
	    l.entry_len != sizeof(e) || len < sizeof(l) + l.n * sizeof(e)) {
		guest_violate(d, GUEST_VIOLATION_IPA_SHORT);
		return;
	}
	d->bridge_events++;
	d->bridge_role = e.role;
	d->bridge_state = e.state;
}

static struct guest_ipa_slot *slot_of(struct guest_dev *d, uint16_t seq)
{
	for (unsigned i = 0; i < GUEST_IPA_SLOTS; i++)
		if (d->ipa[i].used && d->ipa[i].seq == seq)
			return &d->ipa[i];
	return NULL;
}

void guest_ipa_message(struct guest_dev *d, const uint8_t *pdu, size_t len)
{
	struct guest_ipa_slot *s;
	struct osa_ipa h;

	if (len < sizeof(h)) {
		guest_violate(d, GUEST_VIOLATION_IPA_SHORT);
		return;
	}
	memcpy(&h, pdu, sizeof(h));
	if (h.initiator != OSA_FROM_HOST) {
		if (h.command == OSA_SETBRIDGEPORT_IQD)
			bridge_event(d, pdu + sizeof(h), len - sizeof(h));
		else if (h.command == OSA_ADDRESS_CHANGE)
			guest_address_event(d, pdu + sizeof(h), len - sizeof(h));
		else
			ipa_event(d, h.command, be16_get(h.rc));
		return;
	}
	s = slot_of(d, be16_get(h.seq));
	if (!s || s->done) {
		guest_violate(d, GUEST_VIOLATION_IPA_STRAY);
		return;
	}
	if (h.command != s->cmd || be16_get(h.protocol) != s->prot)
		guest_violate(d, GUEST_VIOLATION_IPA_ECHO);
	s->rc = be16_get(h.rc);
	s->supported = be32_get(h.supported);
	s->enabled = be32_get(h.enabled);
	s->len = len - sizeof(h);
	memcpy(s->data, pdu + sizeof(h), s->len);
	s->done = true;
}

/* ---- sending ------------------------------------------------------------------------- */

static struct guest_ipa_slot *slot_get(struct guest_dev *d)
{
	for (unsigned i = 0; i < GUEST_IPA_SLOTS; i++)
		if (!d->ipa[i].used)
			return &d->ipa[i];
	return NULL;
}

int guest_ipa_send(struct guest_dev *d, uint8_t cmd, uint16_t prot, const void *data, size_t len)
{
	struct osa_ipa *h = (struct osa_ipa *)((uint8_t *)guest_host(d, GUEST_AT_WRITE) +
					       sizeof(struct osa_mpc));
	struct guest_ipa_slot *s = slot_get(d);
	int rc;

	if (d->terminated)
		return -EIO;
	if (!s || len > OSA_MSG_MAX - sizeof(struct osa_mpc) - sizeof(*h))
		return -EINVAL;
	s->used = true;
	s->done = false;
	s->cmd = cmd;
	s->prot = prot;
	s->seq = d->ipa_seq++;
	memset(h, 0, sizeof(*h));
	h->command = cmd;
	h->initiator = OSA_FROM_HOST;
	h->seq = be16_of(s->seq);
	h->adapter_type = OSA_IPA_ADAPTER_TYPE;
	h->port = d->cfg.port_no;
	h->version = d->cfg.layer == 3 ? OSA_IPA_VERSION_LAYER3 : OSA_IPA_VERSION_LAYER2;
	h->n_parm = 1;
	h->protocol = be16_of(prot);
	if (len)
		memcpy(h + 1, data, len);
	rc = guest_mpc_write(d, OSA_CLASS_IPA, guest_protocol(d), d->a_ulpc, sizeof(*h) + len);
	if (rc < 0)
		s->used = false;
	return rc < 0 ? rc : s->seq;
}

static int slot_wait(struct guest_dev *d, struct guest_ipa_slot *s)
{
	int rc = guest_sch_wait(d, &s->done, guest_timeout(d, IPA_TIMEOUT_MS));

	if (rc == -ETIMEDOUT)
		d->events |= GUEST_EV_RECOVER;
	s->used = false;
	if (d->terminated)
		return -EIO;
	return rc < 0 ? rc : s->rc;
}

int guest_ipa_wait(struct guest_dev *d, int seq, void *data, size_t cap, size_t *len)
{
	struct guest_ipa_slot *s = seq < 0 ? NULL : slot_of(d, (uint16_t)seq);
	int rc;

	if (!s)
		return -EINVAL;
	rc = slot_wait(d, s);
	if (rc < 0)
		return rc;
	if (len)
		*len = s->len;
	if (data)
		memcpy(data, s->data, s->len < cap ? s->len : cap);
	return rc;
}

int guest_ipa_call(struct guest_dev *d, uint8_t cmd, uint16_t prot, const void *out, size_t out_len,
		   void *in, size_t cap, size_t *len)
{
	int seq = guest_ipa_send(d, cmd, prot, out, out_len);

	return seq < 0 ? seq : guest_ipa_wait(d, seq, in, cap, len);
}

/* ---- bring-up --------------------------------------------------------------------------- */

static int startlan(struct guest_dev *d)
{
	int rc = guest_ipa_call(d, OSA_STARTLAN, OSA_IPA_NONE, NULL, 0, NULL, 0, NULL);

	if (rc < 0)
		return rc;
	if (rc != OSA_RC_OK && rc != OSA_RC_LAN_OFFLINE)
		return -EIO;
	d->info.carrier = rc == OSA_RC_OK;
	return 0;
}

static int qipassist(struct guest_dev *d, uint16_t prot, uint32_t *supported)
{
	int seq = guest_ipa_send(d, OSA_QIPASSIST, prot, NULL, 0);
	struct guest_ipa_slot *s = seq < 0 ? NULL : slot_of(d, (uint16_t)seq);
	int rc;

	if (!s)
		return seq;
	rc = slot_wait(d, s);
	if (rc < 0)
		return rc;
	if (rc == OSA_RC_OK)
		*supported = s->supported;
	else if (rc == OSA_RC_NOT_SUPPORTED || rc == OSA_RC_L2_UNSUPPORTED)
		*supported = OSA_ASSIST_SETADAPTERPARMS;
	else
		*supported = 0;
	return 0;
}

static struct osa_adpparms adp(uint32_t subcommand, size_t sub_len)
{
	return (struct osa_adpparms){.len = be16_of((uint16_t)(16 + sub_len)),
				     .subcommand = be32_of(subcommand),
				     .parts = 1,
				     .part = 1};
}

/*
 * A SETADAPTERPARMS command whose reply has the layout of its request or more.
 * Return: 0; the first return code that is not zero; -errno.
 */
static int adp_call(struct guest_dev *d, void *block, size_t out_len, size_t reply_len)
{
	struct osa_adpparms head;
	size_t len = 0;
	int rc = guest_ipa_call(d, OSA_SETADAPTERPARMS, OSA_IPA_IPV4, block, out_len, block,
				reply_len, &len);

	if (rc != 0)
		return rc;
	memcpy(&head, block, sizeof(head));
	if (len < sizeof(head)) {
		guest_violate(d, GUEST_VIOLATION_IPA_SHORT);
		return -EPROTO;
	}
	if (be16_get(head.rc))
		return be16_get(head.rc);
	if (len < reply_len) {
		guest_violate(d, GUEST_VIOLATION_IPA_SHORT);
		return -EPROTO;
	}
	return 0;
}

static int adp_query(struct guest_dev *d)
{
	struct osa_adp_query q;
	int rc;

	memset(&q, 0, sizeof(q));
	q.adp = adp(OSA_ADP_QUERY, 0);
	rc = adp_call(d, &q, sizeof(q.adp), offsetof(struct osa_adp_query, zero2));
	if (rc != 0)
		return rc < 0 ? rc : -EIO;
	if (q.lan_type & 0x7F)
		d->info.link_type = q.lan_type;
	d->info.adapter_mask = be32_get(q.supported);
	return 0;
}

int guest_ipa_bring_up(struct guest_dev *d)
{
	int rc = startlan(d);

	if (rc < 0)
		return rc;
	rc = qipassist(d, OSA_IPA_IPV4, &d->info.assists_v4);
	if (rc < 0)
		return rc;
	if (d->info.assists_v4 & OSA_ASSIST_IPV6) {
		rc = qipassist(d, OSA_IPA_IPV6, &d->info.assists_v6);
		if (rc < 0)
			return rc;
	}
	return d->info.assists_v4 & OSA_ASSIST_SETADAPTERPARMS ? adp_query(d) : 0;
}

void guest_ipa_assigned(struct guest_dev *d, const uint8_t mac[6])
{
	/* A MAC that the user chose outlives the adapter's. */
	if (!d->mac_read || memcmp(d->info.mac, d->assigned, 6) == 0)
		guest_set_mac(d, mac);
	memcpy(d->assigned, mac, 6);
	d->mac_read = true;
	d->mac_stale = false;
}

int guest_ipa_read_mac(struct guest_dev *d)
{
	struct osa_adp_mac m;
	int rc;

	memset(&m, 0, sizeof(m));
	m.adp = adp(OSA_ADP_ALTER_MAC, sizeof(m) - sizeof(m.adp));
	m.op = be32_of(OSA_MAC_READ);
	m.size = be32_of(6);
	rc = adp_call(d, &m, sizeof(m), sizeof(m));
	if (rc != 0)
		return rc < 0 ? rc : -EIO;
	/* A real OSD's answer counts only with the virtual-MAC flag: spec/osa-qeth.md 4.8. */
	if (!(m.adp.flags & OSA_ADP_VIRTUAL_MAC) || (m.mac[0] & 1))
		return -EPROTO;
	guest_ipa_assigned(d, m.mac);
	return 0;
}

int guest_promisc(struct guest_dev *d, bool on)
{
	struct osa_adp_promisc p;
	int rc;

	d->reg.promisc = on;
	if (!d->info.online)
		return 0;
	if (!(d->info.adapter_mask & OSA_ADP_PROMISC))
		return -EOPNOTSUPP;
	memset(&p, 0, sizeof(p));
	p.adp = adp(OSA_ADP_PROMISC, sizeof(p) - sizeof(p.adp));
	p.mode = be32_of(on);
	rc = adp_call(d, &p, sizeof(p), sizeof(p));
	if (rc != 0)
		return rc < 0 ? rc : -EPERM;
	return be32_get(p.mode) == on ? 0 : -EPERM; /* the reply carries the resulting mode */
}
