/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IPA: the table of commands, replies and events. Source: spec/osa-qeth.md 4.1 to 4.3.
 *
 * A reply is built in its own buffer: it starts as a copy of the request, so that every field
 * the host gets back is either echoed or set, and its lengths are computed anew. Replies
 * are matched by the sequence number alone; initiator 0 marks a reply, 1 an event.
 */
#include <errno.h>
#include <string.h>

#include "osa/osa_priv.h"

enum { L2 = 1u << 0, L3 = 1u << 1 };

/* A row without a function has its place only: the command is known and not supported. */
struct command {
	uint8_t code;
	uint8_t layers;
	uint16_t data_min;
	osa_ipa_fn *run;
};

static osa_ipa_fn startlan, stoplan;

static const struct command commands[] = {
	{OSA_STARTLAN, L2 | L3, 0, startlan},
	{OSA_STOPLAN, L2 | L3, 0, stoplan},
	{OSA_SETVMAC, L2, sizeof(struct osa_data_mac), osa_ipa_setmac},
	{OSA_DELVMAC, L2, sizeof(struct osa_data_mac), osa_ipa_delmac},
	{OSA_SETGMAC, L2, sizeof(struct osa_data_mac), osa_ipa_setmac},
	{OSA_DELGMAC, L2, sizeof(struct osa_data_mac), osa_ipa_delmac},
	{OSA_SETVLAN, L2, sizeof(struct osa_data_vlan), osa_ipa_setvlan},
	{OSA_DELVLAN, L2, sizeof(struct osa_data_vlan), osa_ipa_delvlan},
	{OSA_VNICC, L2, OSA_VNICC_MIN_BYTES, osa_ipa_vnicc},
	{OSA_SETBRIDGEPORT, L2, sizeof(struct osa_bridge), osa_ipa_setbridgeport},
	{OSA_SETIP, L3, 0, osa_ipa_setip},
	{OSA_QIPASSIST, L2 | L3, 0, osa_ipa_qipassist},
	{OSA_SETASSPARMS, L2 | L3, sizeof(struct osa_assparms), osa_ipa_setassparms},
	{OSA_SETIPM, L3, sizeof(struct osa_data_group), osa_ipa_setipm},
	{OSA_DELIPM, L3, sizeof(struct osa_data_group), osa_ipa_delipm},
	{OSA_SETRTG, L3, sizeof(struct osa_data_routing), osa_ipa_setrtg},
	{OSA_DELIP, L3, 0, osa_ipa_delip},
	{OSA_SETADAPTERPARMS, L2 | L3, sizeof(struct osa_adpparms), osa_ipa_setadapterparms},
	{OSA_SETDIAGASS, L2 | L3, sizeof(struct osa_diag), osa_ipa_setdiagass},
	{OSA_SETBRIDGEPORT_IQD, L2, sizeof(struct osa_bridge), osa_ipa_iqd},
	{OSA_CREATE_ADDR, L3, sizeof(struct osa_data_create_addr), osa_ipa_create_addr},
	{OSA_DESTROY_ADDR, L3, sizeof(struct osa_data_create_addr), osa_ipa_destroy_addr},
};

static const struct command *command_find(uint8_t code)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (commands[i].code == code)
			return &commands[i];
	return NULL;
}

void osa_call_resize(struct osa_call *c, size_t len)
{
	if (len > sizeof(c->data))
		len = sizeof(c->data);
	if (len > c->len)
		memset(c->data + c->len, 0, len - c->len);
	c->len = len;
}

uint16_t osa_ipa_iqd(struct osa *a, struct osa_call *c)
{
	const struct osa_iqd *iqd = &a->cfg.iqd;
	size_t len = c->len;
	int rc = -1;

	if (iqd->ops && iqd->ops->ipa)
		rc = iqd->ops->ipa(iqd->ctx, c->ipa.command, c->data, &len, sizeof(c->data));
	if (rc < 0)
		return a->session.layer == 3 ? OSA_RC_NOT_SUPPORTED : OSA_RC_L2_UNSUPPORTED;
	c->len = len <= sizeof(c->data) ? len : sizeof(c->data);
	return (uint16_t)rc;
}

/* Commands whose IQD form is another's: 4.11, 4.12. */
static osa_ipa_fn *handler(const struct osa *a, const struct command *cmd)
{
	if (!osa_is_iqd(a))
		return cmd->code == OSA_SETBRIDGEPORT_IQD ? NULL : cmd->run;
	switch (cmd->code) {
	case OSA_SETBRIDGEPORT:
		return NULL;
	case OSA_VNICC:
		return a->cfg.iqd.ops->vnicc ? cmd->run : NULL;
	default:
		return cmd->run;
	}
}

/* The return code for a command; the handler has run if there is one. */
static uint16_t command_run(struct osa *a, struct osa_call *c)
{
	const struct command *cmd = command_find(c->ipa.command);
	unsigned layer = a->session.layer == 3 ? L3 : L2;
	osa_ipa_fn *run;

	if (!cmd)
		return OSA_RC_NOT_SUPPORTED;
	run = handler(a, cmd);
	if (!run || !(cmd->layers & layer))
		return layer == L2 ? OSA_RC_L2_UNSUPPORTED : OSA_RC_NOT_SUPPORTED;
	if (c->request_len < cmd->data_min)
		return OSA_RC_INVALID_FORMAT;
	return run(a, c);
}

static int reply_send(struct osa *a, struct osa_call *c, uint16_t rc, size_t head)
{
	uint16_t protocol = be16_get(c->ipa.protocol);
	uint8_t pdu[OSA_PDU_MAX];

	c->ipa.rc = be16_of(rc);
	if (osa_assists_of(a, protocol)) {
		c->ipa.supported = be32_of(osa_assists_supported(a, protocol));
		c->ipa.enabled = be32_of(osa_assists_of(a, protocol)->enabled);
	}
	memcpy(pdu, &c->ipa, head);
	memcpy(pdu + head, c->data, c->len);
	return osa_mpc_send(a, OSA_CLASS_IPA, a->session.host.ulp_connection, pdu, head + c->len,
			    false);
}

int osa_ipa_reply(struct osa *a, struct osa_call *c, uint16_t rc)
{
	if (rc != OSA_RC_OK)
		a->ipa_errors++;
	return reply_send(a, c, rc, sizeof(c->ipa));
}

int osa_ipa_receive(struct osa *a, const uint8_t *pdu, size_t len)
{
	size_t head = len < sizeof(struct osa_ipa) ? OSA_IPA_SHORT_BYTES : sizeof(struct osa_ipa);
	struct osa_call c = {0};
	uint16_t rc;

	if (len < OSA_IPA_SHORT_BYTES || len > OSA_PDU_MAX)
		return -EINVAL;
	memcpy(&c.ipa, pdu, head);
	if (c.ipa.initiator != OSA_FROM_HOST)
		return -EINVAL;
	c.len = c.request_len = len - head;
	if (head != sizeof(struct osa_ipa)) /* 16 to 19 bytes: without "enabled", 4.1 rule 5 */
		c.len = c.request_len = 0;
	memcpy(c.data, pdu + head, c.len);
	a->ipa_requests++;
	rc = command_run(a, &c);
	if (c.held)
		return 0;
	if (rc != OSA_RC_OK)
		a->ipa_errors++;
	return reply_send(a, &c, rc, head);
}

/*
 * In layer 3 the host's MAC is the adapter's. A link that does not take it would drop all that the
 * host sends; a set-up that fails says so.
 */
static bool station_refused(struct osa *a)
{
	int rc;

	if (a->session.layer != 3 || !a->started)
		return false;
	rc = osa_registry_mac_add(a, a->l3.mac);
	return rc == -EEXIST || rc == -EPERM;
}

static uint16_t startlan(struct osa *a, struct osa_call *c)
{
	(void)c;
	if (station_refused(a))
		return OSA_RC_PORT_STATE;
	a->session.online = true;
	return a->link.ops ? OSA_RC_OK : OSA_RC_LAN_OFFLINE;
}

static uint16_t stoplan(struct osa *a, struct osa_call *c)
{
	(void)c;
	a->session.online = false;
	return OSA_RC_OK;
}

/* Return: 0, also to a host that is not online, or -ENOMEM. */
static int event_send(struct osa *a, uint8_t command, const void *data, size_t len)
{
	struct osa_ipa e = {
		.command = command,
		.initiator = OSA_FROM_ADAPTER,
		.adapter_type = OSA_IPA_ADAPTER_TYPE,
		.port = a->cfg.port_no,
		.version = a->session.layer == 3 ? OSA_IPA_VERSION_LAYER3 : OSA_IPA_VERSION_LAYER2,
		.n_parm = 1,
	};
	uint8_t pdu[OSA_PDU_MAX];

	if (!a->session.online || a->session.stage != OSA_STAGE_ACTIVE)
		return 0;
	if (len > sizeof(pdu) - sizeof(e))
		return -EINVAL;
	memcpy(pdu, &e, sizeof(e));
	if (len)
		memcpy(pdu + sizeof(e), data, len);
	return osa_mpc_send(a, OSA_CLASS_IPA, a->session.host.ulp_connection, pdu, sizeof(e) + len,
			    true);
}

void osa_ipa_lan_event(struct osa *a, enum osa_command command)
{
	/* Without memory the host stays as it is until its own recovery. */
	if (event_send(a, (uint8_t)command, NULL, 0))
		a->outbox_lost++;
}

int osa_ipa_event(struct osa *a, uint8_t command, const void *data, size_t len)
{
	return event_send(a, command, data, len);
}
