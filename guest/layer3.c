/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Layer 3: assists, IP addresses and groups, as a driver sets them up (spec/osa-qeth.md 4.5,
 * 10.3). The frames' headers are the user's.
 */
#include <errno.h>

#include "guest/guest_priv.h"

static int ip_errno(int rc)
{
	switch (rc) {
	case OSA_RC_DUP_IP:
	case OSA_RC_DUP_IP_NETWORK:
		return -EADDRINUSE;
	case OSA_RC_LAN_OFFLINE:
		return -ENETDOWN;
	case OSA_RC_GROUP_NOT_FOUND:
	case OSA_RC_UNREGISTERED_ADDR:
		return -ENOENT;
	case OSA_RC_IP_TABLE_FULL:
	case OSA_RC_GROUP_TABLE_FULL:
		return -ENOSPC;
	default:
		return rc <= 0 ? rc : -EIO;
	}
}

static uint16_t protocol_of(const struct guest_ip *ip)
{
	return ip->v6 ? OSA_IPA_IPV6 : OSA_IPA_IPV4;
}

/* The driver sends the longer form for both: 36 bytes. */
static int send_ip(struct guest_dev *d, uint8_t cmd, const struct guest_ip *ip)
{
	uint8_t data[sizeof(struct osa_data_ip6)] = {0};
	size_t len = ip->v6 ? 16 : 4;

	memcpy(data, ip->addr + 16 - len, len);
	be32_store(data + 2 * len, ip->flags);
	return ip_errno(guest_ipa_call(d, cmd, protocol_of(ip), data, sizeof(data), NULL, 0, NULL));
}

static int send_group(struct guest_dev *d, const struct guest_ip *ip)
{
	struct osa_data_group g = {0};

	memcpy(g.addr, ip->addr, 16);
	if (ip->v6) {
		be16_store(g.mac, 0x3333);
		memcpy(g.mac + 2, ip->addr + 12, 4);
	} else {
		memset(g.addr, 0, 12);
		be16_store(g.mac, 0x0100);
		be32_store(g.mac + 2, 0x5E000000u | (be32_load(ip->addr + 12) & 0x7FFFFFu));
	}
	return ip_errno(
		guest_ipa_call(d, OSA_SETIPM, protocol_of(ip), &g, sizeof(g), NULL, 0, NULL));
}

int guest_ip_add(struct guest_dev *d, const struct guest_ip *ip)
{
	struct guest_registry *r = &d->reg;
	int rc;

	if (r->n_ips == GUEST_IPS_MAX)
		return -ENOSPC;
	rc = d->info.online ? send_ip(d, OSA_SETIP, ip) : 0;
	if (rc == 0)
		r->ip[r->n_ips++] = *ip;
	return rc;
}

int guest_ip_del(struct guest_dev *d, const struct guest_ip *ip)
{
	struct guest_registry *r = &d->reg;

	for (unsigned i = 0; i < r->n_ips; i++) {
		if (r->ip[i].v6 != ip->v6 || memcmp(r->ip[i].addr, ip->addr, 16) != 0)
			continue;
		r->ip[i] = r->ip[--r->n_ips];
		return d->info.online ? send_ip(d, OSA_DELIP, ip) : 0;
	}
	return -ENOENT;
}

int guest_ip_group_add(struct guest_dev *d, const struct guest_ip *ip)
{
	struct guest_registry *r = &d->reg;
	int rc;

	if (r->n_ip_groups == GUEST_IPS_MAX)
		return -ENOSPC;
	rc = d->info.online ? send_group(d, ip) : 0;
	if (rc == 0)
		r->ip_group[r->n_ip_groups++] = *ip;
	return rc;
}

/* ---- assists: 10.3 steps 23 to 28 ---------------------------------------------------------------
 */

struct assist {
	uint32_t number;
	uint16_t protocol, subcommand;
	bool word;
	uint32_t value;
};

static const struct assist assists[] = {
	{OSA_ASSIST_ARP, 4, OSA_ASSIST_START, false, 0},
	{OSA_ASSIST_SOURCE_MAC, 4, OSA_ASSIST_START, false, 0},
	{OSA_ASSIST_VLAN_PRIORITY, 4, OSA_ASSIST_START, false, 0},
	{OSA_ASSIST_MULTICAST, 4, OSA_ASSIST_START, false, 0},
	{OSA_ASSIST_IPV6, 4, OSA_ASSIST_START, true, 3},
	{OSA_ASSIST_IPV6, 6, OSA_ASSIST_START, false, 0},
	{OSA_ASSIST_PASSTHRU, 6, OSA_ASSIST_START, false, 0},
	{OSA_ASSIST_FILTER, 4, OSA_ASSIST_START, false, 0},
	{OSA_ASSIST_FILTER, 4, OSA_ASSIST_CONFIGURE, true, 1},
	{OSA_ASSIST_FILTER, 4, OSA_ASSIST_ENABLE, true, 1},
};

/* A refusal is the adapter's right; only a lost machine is fatal. */
static int start(struct guest_dev *d, const struct assist *a)
{
	size_t len = sizeof(struct osa_assparms) + (a->word ? 4 : 0);
	struct osa_assist_word w = {.ass.assist = be32_of(a->number),
				    .ass.len = be16_of((uint16_t)(len - 4)),
				    .ass.subcommand = be16_of(a->subcommand),
				    .value = be32_of(a->value)};
	uint32_t offered = a->protocol == 6 ? d->info.assists_v6 : d->info.assists_v4;
	int rc;

	if (!(offered & a->number) && (d->cfg.iqd || a->number != OSA_ASSIST_VLAN_PRIORITY))
		return 0;
	if (d->cfg.iqd && a->number == OSA_ASSIST_IPV6)
		return 0;
	rc = guest_ipa_call(d, OSA_SETASSPARMS, a->protocol, &w, len, NULL, 0, NULL);
	return rc < 0 ? rc : 0;
}

static int routing(struct guest_dev *d, uint16_t protocol)
{
	const struct osa_data_routing r = {.type = d->cfg.routing};
	int rc = guest_ipa_call(d, OSA_SETRTG, protocol, &r, sizeof(r), NULL, 0, NULL);

	return rc < 0 ? rc : 0;
}

/* HiperSockets: the reply is where the interface's MAC comes from. */
static int create_addr(struct guest_dev *d)
{
	struct osa_data_create_addr c = {0};
	size_t len = 0;
	int rc = guest_ipa_call(d, OSA_CREATE_ADDR, OSA_IPA_IPV6, &c, sizeof(c), &c, sizeof(c),
				&len);

	if (!d->cfg.iqd)
		return rc < 0 ? rc : 0;
	if (rc != 0 || len < sizeof(c) || c.mac[0] & 1)
		return rc < 0 ? rc : -EPROTO;
	guest_ipa_assigned(d, c.mac);
	return 0;
}

/* Like the registry's again(): a refusal of one address must not cost the others. */
static int fatal(int rc)
{
	return rc == -ENOTCONN || rc == -ETIMEDOUT ? rc : 0;
}

int guest_l3_register_all(struct guest_dev *d)
{
	const struct guest_registry *r = &d->reg;
	int rc = d->cfg.iqd ? create_addr(d) : guest_ipa_read_mac(d);

	for (size_t i = 0; rc == 0 && i < sizeof(assists) / sizeof(assists[0]); i++)
		rc = start(d, &assists[i]);
	if (rc == 0)
		rc = routing(d, OSA_IPA_IPV4);
	if (rc == 0 && d->info.assists_v4 & OSA_ASSIST_IPV6)
		rc = routing(d, OSA_IPA_IPV6);
	for (unsigned i = 0; rc == 0 && i < r->n_ips; i++)
		rc = fatal(send_ip(d, OSA_SETIP, &r->ip[i]));
	if (rc == 0 && !d->cfg.iqd && d->info.assists_v4 & OSA_ASSIST_IPV6)
		rc = create_addr(d);
	for (unsigned i = 0; rc == 0 && i < r->n_ip_groups; i++)
		rc = fatal(send_group(d, &r->ip_group[i]));
	return rc;
}
