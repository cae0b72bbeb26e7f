/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IPA messages in words: command, sub-command, return codes and the operands that matter.
 */
#include <arpa/inet.h>
#include <string.h>

#include "osa/osa_priv.h"
#include "osa/trace.h"

#define WORD(table, value) osa_word_find(table, sizeof(table) / sizeof((table)[0]), value)

static const struct osa_word commands[] = {
#define X(name, code) {code, #name},
	OSA_COMMAND_LIST(X)
#undef X
};

static const struct osa_word return_codes[] = {
	{OSA_RC_NOT_SUPPORTED, "not supported"},
	{OSA_RC_INVALID_FORMAT, "invalid format or length"},
	{OSA_RC_L2_UNSUPPORTED, "unsupported layer-2 command"},
	{OSA_RC_L2_DUP_MAC, "MAC already registered"},
	{OSA_RC_L2_TABLE_FULL, "address table full"},
	{OSA_RC_L2_GMAC_NOT_FOUND, "group MAC not found"},
	{OSA_RC_L2_MAC_NOT_AUTH, "MAC not authorised"},
	{OSA_RC_L2_MAC_NOT_FOUND, "MAC not found"},
	{OSA_RC_L2_INVALID_VLAN, "invalid VLAN id"},
	{OSA_RC_L2_DUP_VLAN, "duplicate VLAN id"},
	{OSA_RC_L2_VLAN_NOT_FOUND, "VLAN id not found"},
	{OSA_RC_L2_VLAN_NOT_ALLOWED, "VLAN id not allowed"},
	{OSA_RC_VNICC_BRIDGE_PORT, "device is a bridge port"},
	{OSA_RC_BRIDGE_NOT_CONFIGURED, "not configured as bridge port"},
	{OSA_RC_BRIDGE_IS_SECONDARY, "device is secondary bridge port"},
	{OSA_RC_BRIDGE_NOT_AUTHORISED, "bridge port not authorised"},
	{OSA_RC_BRIDGE_IS_PRIMARY, "device is primary bridge port"},
	{OSA_RC_BRIDGE_NO_QUEUES, "queues not established"},
	{OSA_RC_UNREGISTERED_ADDR, "address not registered"},
	{OSA_RC_ID_NOT_FOUND, "id not found"},
	{OSA_RC_IP_TABLE_FULL_V6, "IPv6 address table full"},
	{OSA_RC_IP_TABLE_FULL, "IP address table full"},
	{OSA_RC_PORT_STATE, "port state error"},
	{OSA_RC_SETIP_BEFORE_STARTLAN, "SETIP before STARTLAN"},
	{OSA_RC_DUP_IP_NETWORK, "IP address in use on the LAN"},
	{OSA_RC_GROUP_NOT_FOUND, "multicast address not found"},
	{OSA_RC_GROUP_TABLE_FULL, "multicast table full"},
	{OSA_RC_INVALID_SETRTG, "invalid SETRTG indicator"},
	{OSA_RC_UNSUPPORTED_SUBCMD, "unsupported sub-command"},
	{OSA_RC_LAN_OFFLINE, "LAN offline"},
	{OSA_RC_REFLECTIVE_LOST, "reflective relay lost"},
	{OSA_RC_INVALID_IP_VERSION, "invalid IP version"},
};

static const struct osa_word assists[] = {
	{OSA_ASSIST_ARP, "ARP processing"},
	{OSA_ASSIST_CSUM_IN, "inbound checksum"},
	{OSA_ASSIST_CSUM_OUT, "outbound checksum"},
	{OSA_ASSIST_FILTER, "filtering"},
	{OSA_ASSIST_IPV6, "IPv6"},
	{OSA_ASSIST_MULTICAST, "multicasting"},
	{OSA_ASSIST_SETADAPTERPARMS, "SETADAPTERPARMS"},
	{OSA_ASSIST_VLAN_PRIORITY, "VLAN priority"},
	{OSA_ASSIST_PASSTHRU, "passthru"},
	{OSA_ASSIST_SOURCE_MAC, "source MAC"},
	{OSA_ASSIST_TSO_OUT, "outbound TSO"},
};

static const struct osa_word assist_subcommands[] = {
	{OSA_ASSIST_START, "START"},
	{OSA_ASSIST_STOP, "STOP"},
	{OSA_ASSIST_CONFIGURE, "CONFIGURE"},
	{OSA_ASSIST_ENABLE, "ENABLE"},
};

static const struct osa_word adp_subcommands[] = {
	{OSA_ADP_QUERY, "query commands supported"},
	{OSA_ADP_ALTER_MAC, "alter MAC address"},
	{OSA_ADP_SNMP, "SNMP control"},
	{OSA_ADP_CARD_INFO, "query card info"},
	{OSA_ADP_PROMISC, "set promiscuous mode"},
	{OSA_ADP_ACCESS_CONTROL, "set access control"},
	{OSA_ADP_OAT, "query OAT"},
	{OSA_ADP_SWITCH_ATTRIBUTES, "query switch attributes"},
};

static const struct osa_word diag_subcommands[] = {
	{OSA_DIAG_QUERY, "query"},   {OSA_DIAG_TRAP, "trap"}, {OSA_DIAG_TRACE, "trace"},
	{OSA_DIAG_NO_LOG, "no-log"}, {OSA_DIAG_DUMP, "dump"},
};

static const struct osa_word vnicc_subcommands[] = {
	{OSA_VNICC_QUERY, "query characteristics"},
	{OSA_VNICC_QUERY_COMMANDS, "query commands"},
	{OSA_VNICC_ENABLE, "enable"},
	{OSA_VNICC_DISABLE, "disable"},
	{OSA_VNICC_SET_TIMEOUT, "set timeout"},
	{OSA_VNICC_GET_TIMEOUT, "get timeout"},
};

static const struct osa_word characteristics[] = {
	{OSA_CHAR_FLOODING, "flooding"},
	{OSA_CHAR_MCAST_FLOODING, "mcast_flooding"},
	{OSA_CHAR_LEARNING, "learning"},
	{OSA_CHAR_TAKEOVER_SETVMAC, "takeover_setvmac"},
	{OSA_CHAR_TAKEOVER_LEARNING, "takeover_learning"},
	{OSA_CHAR_BRIDGE_INVISIBLE, "bridge_invisible"},
	{OSA_CHAR_RX_BCAST, "rx_bcast"},
};

static const struct osa_word bridge_subcommands[] = {
	{OSA_BRIDGE_QUERY_COMMANDS, "query commands supported"},
	{OSA_BRIDGE_RESET, "reset role"},
	{OSA_BRIDGE_SET_PRIMARY, "set primary"},
	{OSA_BRIDGE_SET_SECONDARY, "set secondary"},
	{OSA_BRIDGE_QUERY_PORTS, "query bridge ports"},
	{OSA_BRIDGE_STATE_CHANGE, "state change"},
};

static const struct osa_word arp_subcommands[] = {
	{OSA_ARP_SET_ENTRIES, "set number of entries"},
	{OSA_ARP_ADD, "add entry"},
	{OSA_ARP_REMOVE, "remove entry"},
	{OSA_ARP_FLUSH, "flush cache"},
	{OSA_ARP_QUERY_INFO, "query info"},
};

static const struct osa_word routing_types[] = {
	{OSA_ROUTING_NONE, "none"},
	{OSA_ROUTING_PRIMARY, "primary router"},
	{OSA_ROUTING_SECONDARY, "secondary router"},
	{OSA_ROUTING_MULTICAST, "multicast router"},
	{OSA_ROUTING_PRIMARY_CONNECTOR, "primary connector"},
	{OSA_ROUTING_SECONDARY_CONNECTOR, "secondary connector"},
};

struct view {
	const uint8_t *data;
	size_t len;
	bool reply;
	bool v6; /* protocol of the header */
};

static void add_word(struct osa_text *t, const char *word, uint32_t value)
{
	if (word)
		osa_text_add(t, " %s", word);
	else
		osa_text_add(t, " %08x", value);
}

/* ---- data of the commands ------------------------------------------------------------------ */

static void mac_text(struct osa_text *t, const struct view *v)
{
	struct osa_data_mac d;

	if (v->len < sizeof(d))
		return;
	memcpy(&d, v->data, sizeof(d));
	osa_text_mac(t, d.mac);
}

static void vlan_text(struct osa_text *t, const struct view *v)
{
	if (v->len >= sizeof(struct osa_data_vlan))
		osa_text_add(t, " vid=%u", be16_load(v->data));
}

static void ip_text(struct osa_text *t, const struct view *v, const uint8_t *addr)
{
	char buf[INET6_ADDRSTRLEN];

	if (inet_ntop(v->v6 ? AF_INET6 : AF_INET, addr, buf, sizeof(buf)))
		osa_text_add(t, " %s", buf);
}

static void setip_text(struct osa_text *t, const struct view *v)
{
	size_t flags =
		v->v6 ? offsetof(struct osa_data_ip6, flags) : offsetof(struct osa_data_ip4, flags);

	if (v->len < flags + 4)
		return;
	ip_text(t, v, v->data);
	osa_text_add(t, " flags=%02x", be32_load(v->data + flags));
}

static void group_text(struct osa_text *t, const struct view *v)
{
	struct osa_data_group d;

	if (v->len < sizeof(d))
		return;
	memcpy(&d, v->data, sizeof(d));
	ip_text(t, v, d.addr + (v->v6 ? 0 : 12));
	osa_text_mac(t, d.mac);
}

static void routing_text(struct osa_text *t, const struct view *v)
{
	if (v->len)
		add_word(t, WORD(routing_types, v->data[0]), v->data[0]);
}

static void create_addr_text(struct osa_text *t, const struct view *v)
{
	struct osa_data_create_addr d;

	if (v->len < sizeof(d))
		return;
	memcpy(&d, v->data, sizeof(d));
	osa_text_add(t, " id=%04x", be16_get(d.id));
	osa_text_mac(t, d.mac);
}

static void assist_text(struct osa_text *t, const struct view *v)
{
	const char *word;
	struct osa_assparms d;

	if (v->len < sizeof(d))
		return;
	memcpy(&d, v->data, sizeof(d));
	add_word(t, WORD(assists, be32_get(d.assist)), be32_get(d.assist));
	word = WORD(assist_subcommands, be16_get(d.subcommand));
	if (be32_get(d.assist) == OSA_ASSIST_ARP && be16_get(d.subcommand) > OSA_ASSIST_STOP)
		word = WORD(arp_subcommands, be16_get(d.subcommand));
	add_word(t, word, be16_get(d.subcommand));
	if (v->reply)
		osa_text_add(t, " assist-rc=%04x", be16_get(d.rc));
	for (size_t i = 0; i < 2 && v->len >= sizeof(d) + 4 * (i + 1); i++)
		osa_text_add(t, " %08x", be32_load(v->data + sizeof(d) + 4 * i));
}

static void adp_operand_text(struct osa_text *t, const struct view *v, uint32_t subcommand)
{
	struct osa_adp_query q;
	struct osa_adp_mac m;

	switch (subcommand) {
	case OSA_ADP_QUERY:
		if (!v->reply || v->len < sizeof(q))
			return;
		memcpy(&q, v->data, sizeof(q));
		osa_text_add(t, " mask=%08x lan-type=%02x", be32_get(q.supported), q.lan_type);
		return;
	case OSA_ADP_ALTER_MAC:
		if (v->len < sizeof(m))
			return;
		memcpy(&m, v->data, sizeof(m));
		osa_text_add(t, " op=%u flags=%02x", be32_get(m.op), m.adp.flags);
		osa_text_mac(t, m.mac);
		return;
	case OSA_ADP_PROMISC:
	case OSA_ADP_ACCESS_CONTROL:
	case OSA_ADP_OAT:
		if (v->len >= sizeof(struct osa_adp_promisc))
			osa_text_add(t, " %s=%u", subcommand == OSA_ADP_OAT ? "scope" : "mode",
				     be32_load(v->data + sizeof(struct osa_adpparms)));
		return;
	default:
		return;
	}
}

static void adp_text(struct osa_text *t, const struct view *v)
{
	struct osa_adpparms d;

	if (v->len < sizeof(d))
		return;
	memcpy(&d, v->data, sizeof(d));
	add_word(t, WORD(adp_subcommands, be32_get(d.subcommand)), be32_get(d.subcommand));
	if (v->reply)
		osa_text_add(t, " adapter-rc=%04x", be16_get(d.rc));
	adp_operand_text(t, v, be32_get(d.subcommand));
}

static void diag_text(struct osa_text *t, const struct view *v)
{
	struct osa_diag d;

	if (v->len < sizeof(d))
		return;
	memcpy(&d, v->data, sizeof(d));
	add_word(t, WORD(diag_subcommands, be32_get(d.subcommand)), be32_get(d.subcommand));
	osa_text_add(t, " type=%u action=%u ext=%08x", d.type, d.action, be32_get(d.ext));
}

static void vnicc_text(struct osa_text *t, const struct view *v)
{
	struct osa_vnicc d = {0};
	uint32_t sub;

	if (v->len < OSA_VNICC_MIN_BYTES)
		return;
	memcpy(&d, v->data, v->len < sizeof(d) ? v->len : sizeof(d));
	sub = be32_get(d.subcommand);
	add_word(t, WORD(vnicc_subcommands, sub), sub);
	if (sub != OSA_VNICC_QUERY)
		add_word(t, WORD(characteristics, be32_get(d.characteristic)),
			 be32_get(d.characteristic));
	if (v->reply)
		osa_text_add(t, " supported=%08x enabled=%08x", be32_get(d.supported),
			     be32_get(d.enabled));
	if (sub == OSA_VNICC_SET_TIMEOUT || (v->reply && sub == OSA_VNICC_GET_TIMEOUT))
		osa_text_add(t, " %u s", be32_get(d.value));
	if (v->reply && sub == OSA_VNICC_QUERY_COMMANDS)
		osa_text_add(t, " commands=%02x", be32_get(d.value));
}

static void bridge_text(struct osa_text *t, const struct view *v)
{
	struct osa_bridge d;

	if (v->len < sizeof(d))
		return;
	memcpy(&d, v->data, sizeof(d));
	add_word(t, WORD(bridge_subcommands, be32_get(d.subcommand)), be32_get(d.subcommand));
}

static const struct {
	uint8_t command;
	void (*text)(struct osa_text *t, const struct view *v);
} details[] = {
	{OSA_SETVMAC, mac_text},
	{OSA_DELVMAC, mac_text},
	{OSA_SETGMAC, mac_text},
	{OSA_DELGMAC, mac_text},
	{OSA_SETVLAN, vlan_text},
	{OSA_DELVLAN, vlan_text},
	{OSA_SETASSPARMS, assist_text},
	{OSA_SETADAPTERPARMS, adp_text},
	{OSA_SETDIAGASS, diag_text},
	{OSA_VNICC, vnicc_text},
	{OSA_SETBRIDGEPORT, bridge_text},
	{OSA_SETIP, setip_text},
	{OSA_DELIP, setip_text},
	{OSA_SETIPM, group_text},
	{OSA_DELIPM, group_text},
	{OSA_SETRTG, routing_text},
	{OSA_CREATE_ADDR, create_addr_text},
	{OSA_DESTROY_ADDR, create_addr_text},
};

static void rc_text(struct osa_text *t, uint16_t rc)
{
	const char *word = WORD(return_codes, rc);

	osa_text_add(t, " rc=%04x", rc);
	if (word)
		osa_text_add(t, " (%s)", word);
}

static void head_text(struct osa_text *t, const struct osa_ipa *ipa, bool reply)
{
	uint16_t protocol = be16_get(ipa->protocol);

	if (ipa->initiator != OSA_FROM_HOST)
		osa_text_add(t, " event");
	else
		osa_text_add(t, " %s seq=%u", reply ? "reply" : "request", be16_get(ipa->seq));
	if (protocol == OSA_IPA_IPV6 || ipa->command == OSA_QIPASSIST)
		osa_text_add(t, " prot=%u", protocol);
	if (reply)
		rc_text(t, be16_get(ipa->rc));
	if (reply && ipa->command == OSA_QIPASSIST)
		osa_text_add(t, " supported=%08x enabled=%08x", be32_get(ipa->supported),
			     be32_get(ipa->enabled));
}

void osa_trace_ipa(struct osa_text *t, const uint8_t *pdu, size_t len, bool reply)
{
	struct view v = {.reply = reply};
	struct osa_ipa ipa = {0};
	const char *name;

	if (len < OSA_IPA_SHORT_BYTES) {
		osa_text_add(t, "IPA message of %zu bytes, too short", len);
		return;
	}
	memcpy(&ipa, pdu, len < sizeof(ipa) ? len : sizeof(ipa));
	name = WORD(commands, ipa.command);
	osa_text_add(t, "IPA");
	if (name)
		osa_text_add(t, " %s", name);
	else
		osa_text_add(t, " command %02x", ipa.command);
	head_text(t, &ipa, reply);
	if (len <= sizeof(ipa))
		return;
	v.data = pdu + sizeof(ipa);
	v.len = len - sizeof(ipa);
	v.v6 = be16_get(ipa.protocol) == OSA_IPA_IPV6;
	for (size_t i = 0; i < sizeof(details) / sizeof(details[0]); i++)
		if (details[i].command == ipa.command)
			details[i].text(t, &v);
}
