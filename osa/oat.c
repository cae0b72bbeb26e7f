/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The OSA address table as a host may query it: SETADAPTERPARMS query OAT.
 *
 * One part, as a driver requires while it comes online: a physical record, a logical record,
 * and a descriptor record for each kind of registered address, with as many entries as the
 * message has room for. Source: spec/osa-qeth.md 4.9; EC level, firmware and flag words are
 * for display only.
 */
#include <string.h>

#include "osa/osa_priv.h"

#define OAT_VERSION 1u
#define OAT_ENTRIES_MAX ((size_t)120) /* of one descriptor: three of them fit one message */
#define OAT_SCOPES 0x00000001u	      /* interface */
#define OAT_DESCRIPTORS (OSA_OAT_UNICAST_MAC | OSA_OAT_VLAN | OSA_OAT_GROUP_MAC)
#define OAT_DESCRIPTORS_L3 (OSA_OAT_IPV4 | OSA_OAT_IPV4_GROUP | OSA_OAT_IPV6 | OSA_OAT_IPV6_GROUP)
#define OAT_IPS_MAX 40u /* entries of one descriptor in layer 3: four of them fit one message */

static_assert(sizeof(struct osa_adp_oat) + sizeof(struct osa_oat_physical) +
			      sizeof(struct osa_oat_logical) +
			      3 * sizeof(struct osa_oat_descriptor) +
			      2 * OAT_ENTRIES_MAX * sizeof(struct osa_oat_mac) +
			      OAT_ENTRIES_MAX * sizeof(struct osa_oat_vlan) <=
		      OSA_IPA_DATA_MAX,
	      "the answer fits one message");
static_assert(sizeof(struct osa_adp_oat) + sizeof(struct osa_oat_physical) +
			      sizeof(struct osa_oat_logical) +
			      4 * sizeof(struct osa_oat_descriptor) +
			      OAT_IPS_MAX *
				      (sizeof(struct osa_oat_ip4) + sizeof(struct osa_oat_group4) +
				       sizeof(struct osa_oat_ip6) +
				       sizeof(struct osa_oat_group6)) <=
		      OSA_IPA_DATA_MAX,
	      "the answer in layer 3 fits one message");

static struct osa_oat_record record(enum osa_oat_type type, size_t len)
{
	return (struct osa_oat_record){
		.type = be16_of((uint16_t)type),
		.len = be16_of((uint16_t)len),
		.version = be16_of(OAT_VERSION),
	};
}

static void append(struct osa_call *c, const void *p, size_t n)
{
	size_t at = c->len;

	osa_call_resize(c, at + n);
	if (c->len == at + n)
		memcpy(c->data + at, p, n);
}

static void append_physical(const struct osa *a, struct osa_call *c)
{
	const struct osa_config *cfg = &a->cfg;
	struct osa_oat_physical r = {
		.rec = record(OSA_OAT_PHYSICAL, sizeof(r)),
		.pchid = be16_of((uint16_t)(0x0100 | cfg->chpid)),
		.chpid = be16_of(cfg->chpid),
		.data_devno = be16_of(cfg->devno[2]),
		.cula = cfg->cula,
		.unit_addr = cfg->unit_addr,
		.port = be16_of(cfg->port_no),
		.out_queues = be16_of(a->queues ? (uint16_t)a->queues->n_out : 0),
		.in_queues = be16_of(a->queues ? (uint16_t)a->queues->n_in : 0),
		.active_in_queues = be16_of(a->queues ? (uint16_t)a->queues->n_in : 0),
		.generation = OSA_OAT_GENERATION_7S,
		.speed = OSA_REPORTED_SPEED,
		.media = OSA_OAT_MEDIA_MULTI,
		.jumbo = cfg->mtu > 1500 ? OSA_OAT_JUMBO : 0,
	};

	memcpy(r.burnt_in_mac, cfg->mac, 6);
	memcpy(r.configured_mac, cfg->mac, 6);
	append(c, &r, sizeof(r));
}

/* Letters, digits and blanks are all a name has. */
static uint8_t to_ebcdic(char ch)
{
	if (ch >= '0' && ch <= '9')
		return (uint8_t)(0xF0 + (ch - '0'));
	if (ch >= 'A' && ch <= 'I')
		return (uint8_t)(0xC1 + (ch - 'A'));
	if (ch >= 'J' && ch <= 'R')
		return (uint8_t)(0xD1 + (ch - 'J'));
	if (ch >= 'S' && ch <= 'Z')
		return (uint8_t)(0xE2 + (ch - 'S'));
	return 0x40;
}

static uint8_t routers(const struct osa_l3_filter *f)
{
	uint8_t bits = 0;

	if (f->routing4 == OSA_ROUTING_PRIMARY)
		bits |= OSA_OAT_PRIMARY4 | OSA_OAT_ACTIVE4;
	if (f->routing4 == OSA_ROUTING_SECONDARY)
		bits |= OSA_OAT_SECONDARY4 | OSA_OAT_ACTIVE4;
	if (f->routing6 == OSA_ROUTING_PRIMARY)
		bits |= OSA_OAT_PRIMARY6 | OSA_OAT_ACTIVE6;
	if (f->routing6 == OSA_ROUTING_SECONDARY)
		bits |= OSA_OAT_SECONDARY6 | OSA_OAT_ACTIVE6;
	return bits;
}

static void append_logical(const struct osa *a, struct osa_call *c)
{
	const struct osa_registry *reg = &a->registry;
	struct osa_oat_logical r = {
		.rec = record(OSA_OAT_LOGICAL, sizeof(r)),
		.port_flags = OSA_OAT_PORT_NAME,
		.assists4 = be32_of(a->assists4.enabled),
		.assists6 = be32_of(a->assists6.enabled),
		.csum_out4 = be32_of(a->assists4.csum_out.features),
		.csum_out6 = be32_of(a->assists6.csum_out.features),
		.csum_in4 = be32_of(a->assists4.csum_in.features),
		.csum_in6 = be32_of(a->assists6.csum_in.features),
		.n_descriptors = be16_of(a->session.layer == 3 ? 4 : 3),
	};
	size_t n = strlen(a->cfg.name);

	if (a->isolation == OSA_ISOLATION_DROP)
		r.port_flags |= OSA_OAT_ISOLATED;
	for (size_t i = 0; i < sizeof(r.port_name); i++)
		r.port_name[i] = to_ebcdic(i < n ? a->cfg.name[i] : ' ');
	if (a->session.layer == 3)
		r.routers = routers(&a->l3.filter);
	else if (reg->unicast.n)
		memcpy(r.l2_vmac, reg->unicast.entry[0].mac, 6);
	append(c, &r, sizeof(r));
}

static void append_descriptor(struct osa_call *c, enum osa_oat_entries type, size_t entry_len,
			      size_t n)
{
	struct osa_oat_descriptor r = {
		.rec = record(OSA_OAT_DESCRIPTOR, sizeof(r)),
		.type = be32_of((uint32_t)type),
		.version = be16_of(OAT_VERSION),
		.entry_len = be32_of((uint32_t)entry_len),
		.entry_version = be16_of(OAT_VERSION),
		.n_entries = be16_of((uint16_t)n),
	};

	append(c, &r, sizeof(r));
}

static void append_macs(struct osa_call *c, enum osa_oat_entries type,
			const struct osa_mac_table *t)
{
	size_t n = t->n < OAT_ENTRIES_MAX ? t->n : OAT_ENTRIES_MAX;
	struct osa_oat_mac e = {0};

	append_descriptor(c, type, sizeof(e), n);
	for (size_t i = 0; i < n; i++) {
		memcpy(e.mac, t->entry[i].mac, 6);
		append(c, &e, sizeof(e));
	}
}

static void append_vids(const struct osa *a, struct osa_call *c)
{
	struct osa_oat_vlan entry[OAT_ENTRIES_MAX] = {0};
	size_t n = 0;

	for (uint16_t vid = 1; vid < OSA_VIDS && n < OAT_ENTRIES_MAX; vid++)
		if (osa_registry_has_vid(&a->registry, vid))
			entry[n++].vid = be16_of(vid);
	append_descriptor(c, OSA_OAT_VLAN, sizeof(entry[0]), n);
	append(c, entry, n * sizeof(entry[0]));
}

/* ---- layer 3 ------------------------------------------------------------------------------- */

static void append_ip(struct osa_call *c, const struct osa_ip *e, bool group)
{
	struct osa_oat_ip4 ip4 = {.flags = be32_of(e->flags)};
	struct osa_oat_group4 group4 = {0};
	struct osa_oat_ip6 ip6 = {.flags = be32_of(e->flags)};
	struct osa_oat_group6 group6 = {0};

	if (e->v6 && group) {
		memcpy(group6.addr, e->addr, 16);
		osa_ip_group_mac(e, group6.mac);
		append(c, &group6, sizeof(group6));
	} else if (e->v6) {
		memcpy(ip6.addr, e->addr, 16);
		append(c, &ip6, sizeof(ip6));
	} else if (group) {
		memcpy(group4.addr, e->addr + 12, 4);
		osa_ip_group_mac(e, group4.mac);
		append(c, &group4, sizeof(group4));
	} else {
		memcpy(ip4.addr, e->addr + 12, 4);
		append(c, &ip4, sizeof(ip4));
	}
}

/* The table's entries of one IP version. */
static void append_ips(struct osa_call *c, enum osa_oat_entries type, size_t entry_len,
		       const struct osa_ip_table *t, bool v6, bool group)
{
	size_t n = 0;

	for (unsigned i = 0; i < t->n; i++)
		n += t->entry[i].v6 == v6;
	if (n > OAT_IPS_MAX)
		n = OAT_IPS_MAX;
	append_descriptor(c, type, entry_len, n);
	for (unsigned i = 0; i < t->n && n; i++)
		if (t->entry[i].v6 == v6) {
			append_ip(c, &t->entry[i], group);
			n--;
		}
}

static void append_layer3(struct osa *a, struct osa_call *c)
{
	const struct osa_ip_table *address = &a->l3.address, *group = &a->l3.group;

	pthread_mutex_lock(&a->l3.lock);
	append_ips(c, OSA_OAT_IPV4, sizeof(struct osa_oat_ip4), address, false, false);
	append_ips(c, OSA_OAT_IPV4_GROUP, sizeof(struct osa_oat_group4), group, false, true);
	append_ips(c, OSA_OAT_IPV6, sizeof(struct osa_oat_ip6), address, true, false);
	append_ips(c, OSA_OAT_IPV6_GROUP, sizeof(struct osa_oat_group6), group, true, true);
	pthread_mutex_unlock(&a->l3.lock);
}

uint16_t osa_oat_query(struct osa *a, struct osa_call *c)
{
	struct osa_adp_oat m;
	uint32_t scope;

	osa_call_resize(c, sizeof(m));
	memcpy(&m, c->data, sizeof(m));
	scope = be32_get(m.scope);
	if (scope != OSA_OAT_LEVELS && scope != OSA_OAT_INTERFACE)
		return OSA_OAT_RC_SCOPE;
	m.zero = be32_of(0);
	m.scopes = be32_of(OAT_SCOPES);
	m.descriptors = be32_of(a->session.layer == 3 ? OAT_DESCRIPTORS_L3 : OAT_DESCRIPTORS);
	memcpy(c->data, &m, sizeof(m));
	if (scope == OSA_OAT_LEVELS)
		return OSA_ADP_RC_OK;
	append_physical(a, c);
	append_logical(a, c);
	if (a->session.layer == 3) {
		append_layer3(a, c);
		return OSA_ADP_RC_OK;
	}
	append_macs(c, OSA_OAT_UNICAST_MAC, &a->registry.unicast);
	append_vids(a, c);
	append_macs(c, OSA_OAT_GROUP_MAC, &a->registry.group);
	return OSA_ADP_RC_OK;
}
