/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IPA: bridge-port roles of an OSA. Source: spec/osa-qeth.md 4.12, 9.4.
 *
 * A bridge port gets the frames for destinations nobody registered; the link grants that by
 * promiscuous delivery. No other host is on this port, so a role that is granted is the
 * active one while a cable is plugged in. The host is told when that changes. Roles and VNIC
 * characteristics exclude each other. On an OSA a code stands in both the IPA header and the
 * sub-header.
 */
#include <string.h>

#include "osa/osa_priv.h"

#define SUBCOMMANDS                                                                                \
	(OSA_BRIDGE_RESET | OSA_BRIDGE_SET_PRIMARY | OSA_BRIDGE_SET_SECONDARY |                    \
	 OSA_BRIDGE_QUERY_PORTS)

static uint16_t query_commands(struct osa_call *c)
{
	struct osa_bridge_commands m;

	osa_call_resize(c, sizeof(m));
	memcpy(&m, c->data, sizeof(m));
	m.mask = be32_of(SUBCOMMANDS);
	m.zero = be32_of(0);
	memcpy(c->data, &m, sizeof(m));
	return OSA_RC_OK;
}

static uint16_t role_set(struct osa *a, uint8_t role)
{
	if (!a->queues)
		return OSA_RC_BRIDGE_NO_QUEUES;
	if (a->bridge_role == role)
		return OSA_RC_OK;
	if (a->bridge_role == OSA_BRIDGE_PRIMARY)
		return OSA_RC_BRIDGE_IS_PRIMARY;
	if (a->bridge_role == OSA_BRIDGE_SECONDARY)
		return OSA_RC_BRIDGE_IS_SECONDARY;
	if (a->vnicc.enabled != OSA_CHAR_RX_BCAST)
		return OSA_RC_BRIDGE_NOT_CONFIGURED;
	if (osa_registry_promisc(a, OSA_PROMISC_BRIDGE, true))
		return OSA_RC_BRIDGE_NOT_AUTHORISED;
	a->bridge_role = role;
	return OSA_RC_OK;
}

static uint16_t role_reset(struct osa *a)
{
	osa_registry_promisc(a, OSA_PROMISC_BRIDGE, false);
	a->bridge_role = OSA_BRIDGE_NONE;
	a->bridge_told = OSA_BRIDGE_INACTIVE;
	return OSA_RC_OK;
}

static uint8_t state_of(const struct osa *a)
{
	if (a->bridge_role == OSA_BRIDGE_NONE)
		return OSA_BRIDGE_INACTIVE;
	return a->registry.promisc_at_link ? OSA_BRIDGE_ACTIVE : OSA_BRIDGE_STANDBY;
}

static struct osa_bridge_entry own_entry(const struct osa *a)
{
	return (struct osa_bridge_entry){
		.role = a->bridge_role,
		.state = state_of(a),
		.devno = be16_of(a->cfg.devno[0]),
		.chpid = a->cfg.chpid,
	};
}

static uint16_t query_ports(const struct osa *a, struct osa_call *c)
{
	const struct osa_bridge_entry e = own_entry(a);
	struct osa_bridge_ports m;

	osa_call_resize(c, sizeof(m) + sizeof(e));
	memcpy(&m, c->data, sizeof(m));
	m.primary_supported = 1;
	m.secondary_supported = 1;
	m.n = 1;
	m.entry_len = sizeof(e);
	memcpy(c->data, &m, sizeof(m));
	memcpy(c->data + sizeof(m), &e, sizeof(e));
	return OSA_RC_OK;
}

void osa_bridge_tell(struct osa *a)
{
	struct {
		struct osa_bridge_ports m;
		struct osa_bridge_entry e;
	} event = {.e = own_entry(a)};
	struct osa_bridge *b = &event.m.bridge;

	if (!a->session.online || event.e.state == a->bridge_told)
		return;
	b->supported = be32_of(SUBCOMMANDS);
	b->enabled = be32_of(SUBCOMMANDS);
	b->subcommand = be32_of(OSA_BRIDGE_STATE_CHANGE);
	b->len = be16_of(sizeof(event) - offsetof(struct osa_bridge, len));
	b->parts = b->part = 1;
	event.m.primary_supported = event.m.secondary_supported = 1;
	event.m.n = 1;
	event.m.entry_len = sizeof(event.e);
	/* Without room for it: with the next tick. */
	if (!osa_ipa_event(a, OSA_SETBRIDGEPORT, &event, sizeof(event)))
		a->bridge_told = event.e.state;
}

static uint16_t subcommand_run(struct osa *a, struct osa_call *c, uint32_t sub)
{
	switch (sub) {
	case OSA_BRIDGE_QUERY_COMMANDS:
		return query_commands(c);
	case OSA_BRIDGE_RESET:
		return role_reset(a);
	case OSA_BRIDGE_SET_PRIMARY:
		return role_set(a, OSA_BRIDGE_PRIMARY);
	case OSA_BRIDGE_SET_SECONDARY:
		return role_set(a, OSA_BRIDGE_SECONDARY);
	case OSA_BRIDGE_QUERY_PORTS:
		return query_ports(a, c);
	default:
		return OSA_RC_L2_UNSUPPORTED;
	}
}

uint16_t osa_ipa_setbridgeport(struct osa *a, struct osa_call *c)
{
	struct osa_bridge b;
	uint16_t rc;

	memcpy(&b, c->data, sizeof(b));
	rc = subcommand_run(a, c, be32_get(b.subcommand));
	b.supported = be32_of(SUBCOMMANDS);
	b.enabled = be32_of(SUBCOMMANDS);
	b.len = be16_of((uint16_t)(c->len - offsetof(struct osa_bridge, len)));
	b.rc = be16_of(rc);
	b.parts = 1;
	b.part = 1;
	memcpy(c->data, &b, sizeof(b));
	return rc;
}
