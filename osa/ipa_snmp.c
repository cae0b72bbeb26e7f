/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IPA: SETADAPTERPARMS SNMP control: what the card tells of itself to an SNMP agent of the host. A
 * driver passes requests and answers through.
 *
 * Source: the sub-agent of Linux' s390-tools (osasnmpd), which asks what there is (REGISTER) and
 * then for one object at a time (GET), and was seen to walk this; IBM-OSA-MIB for the objects; not
 * seen from a card. Only objects that hold here: the MIB has no speed above 1 Gbit/s, and frames
 * are counted by the switch. Nothing can be set.
 */
#include <stdio.h>
#include <string.h>

#include "osa/osa_priv.h"

#define READ_ONLY 1u
#define VALUE_MAX 8u
#define OID_MAX 64u /* bytes of its text */
#define ANSWER_ALIGN 4u

enum { /* of objects */
       ASN_INTEGER = 0x02,
       ASN_OCTETS = 0x04,
};

enum { HARDWARE_UNKNOWN = 1, OSA_DIRECT_EXPRESS = 17, GIGABIT = 65 };
enum { LAN_ENABLED = 4, LAN_DISABLED = 5 };

struct value {
	uint32_t len;
	uint8_t bytes[VALUE_MAX];
};

static struct value number(uint32_t n)
{
	struct value v = {.len = 4};

	be32_store(v.bytes, n);
	return v;
}

static struct value octets(const void *p, uint32_t len)
{
	struct value v = {.len = len};

	memcpy(v.bytes, p, len);
	return v;
}

static struct value channel(const struct osa *a, unsigned column)
{
	const uint8_t path[2] = {0, a->cfg.chpid}, code[2] = {OSA_MICROCODE_2, OSA_MICROCODE_3};

	switch (column) {
	case 1:
		return octets(path, sizeof(path));
	case 2:
		return number(OSA_DIRECT_EXPRESS);
	case 3: /* level */
	case 4: /* kind: none of the MIB's is a 10G card */
		return number(HARDWARE_UNKNOWN);
	case 8:
		return octets(code, sizeof(code));
	default: /* 5: not shared */
		return number(0);
	}
}

static struct value port(const struct osa *a, unsigned column)
{
	switch (column) {
	case 1:
		return number(a->cfg.port_no);
	case 2:
		return number(GIGABIT);
	case 3:
		return number(a->link.ops ? LAN_ENABLED : LAN_DISABLED);
	case 9:
		return octets(a->session.layer == 3 ? a->l3.mac : a->cfg.mac, 6);
	case 10:
		return octets(a->cfg.mac, 6);
	default: /* 4, 8: not in service mode; speed unknown */
		return number(0);
	}
}

struct object {
	uint8_t column, type;
};

static const struct table {
	const char *oid;
	struct value (*get)(const struct osa *a, unsigned column);
	struct object object[8];
	unsigned n;
} tables[] = {
	{"1.3.6.1.4.1.2.6.188.1.1.1",
	 channel,
	 {{1, ASN_OCTETS},
	  {2, ASN_INTEGER},
	  {3, ASN_INTEGER},
	  {4, ASN_INTEGER},
	  {5, ASN_INTEGER},
	  {8, ASN_OCTETS}},
	 6},
	{"1.3.6.1.4.1.2.6.188.1.4.1",
	 port,
	 {{1, ASN_INTEGER},
	  {2, ASN_INTEGER},
	  {3, ASN_INTEGER},
	  {4, ASN_INTEGER},
	  {8, ASN_INTEGER},
	  {9, ASN_OCTETS},
	  {10, ASN_OCTETS}},
	 7},
};
#define TABLES (sizeof(tables) / sizeof(tables[0]))

/* ---- answers ------------------------------------------------------------------------------- */

static void align(struct osa_call *c)
{
	osa_call_resize(c, (c->len + ANSWER_ALIGN - 1) / ANSWER_ALIGN * ANSWER_ALIGN);
}

/* What has no room any more is left out; the answers below have. */
static void append(struct osa_call *c, const void *p, size_t n)
{
	size_t at = c->len;

	osa_call_resize(c, at + n);
	memcpy(c->data + at, p, c->len - at);
}

static void append_number(struct osa_call *c, uint32_t n)
{
	uint8_t bytes[4];

	be32_store(bytes, n);
	append(c, bytes, sizeof(bytes));
}

static void append_text(struct osa_call *c, const char *s)
{
	append(c, s, strlen(s) + 1);
}

/* Every object, with the one index it has: the number of the host's interface. */
static void append_table(struct osa_call *c, const struct table *t, const char *index)
{
	char column[4];

	align(c);
	append_text(c, t->oid);
	align(c);
	append_number(c, t->n);
	for (unsigned i = 0; i < t->n; i++) {
		align(c);
		append_number(c, READ_ONLY);
		append_number(c, t->object[i].type);
		snprintf(column, sizeof(column), "%u", t->object[i].column);
		append_text(c, column);
		append_text(c, index);
	}
}

static uint32_t registered(struct osa_call *c, const char *index)
{
	osa_call_resize(c, sizeof(struct osa_adp_snmp));
	append_number(c, TABLES);
	for (unsigned i = 0; i < TABLES; i++)
		append_table(c, &tables[i], index);
	return OSA_SNMP_OK;
}

/* ---- requests ------------------------------------------------------------------------------ */

/* What follows prefix and a dot, or NULL. */
static const char *behind(const char *text, const char *prefix)
{
	size_t n = strlen(prefix);

	return strncmp(text, prefix, n) == 0 && text[n] == '.' ? text + n + 1 : NULL;
}

/* "COLUMN.INDEX" */
static uint32_t object_get(const struct osa *a, struct osa_call *c, const struct table *t,
			   const char *rest, const char *index)
{
	char column[4];

	for (unsigned i = 0; i < t->n; i++) {
		const char *at;
		struct value v;

		snprintf(column, sizeof(column), "%u", t->object[i].column);
		at = behind(rest, column);
		if (!at)
			continue;
		if (strcmp(at, index) != 0)
			return OSA_SNMP_INSTANCE;
		v = t->get(a, t->object[i].column);
		align(c);
		append_number(c, v.len);
		append(c, v.bytes, v.len);
		return OSA_SNMP_OK;
	}
	return OSA_SNMP_SUFFIX;
}

/* The text of an object's name is behind the request, and stays there in the answer. */
static uint32_t get(const struct osa *a, struct osa_call *c, const char *index)
{
	size_t room = c->request_len - sizeof(struct osa_adp_snmp);
	char oid[OID_MAX] = "";
	const char *at;

	memcpy(oid, c->data + sizeof(struct osa_adp_snmp), room < OID_MAX ? room : OID_MAX - 1);
	osa_call_resize(c, sizeof(struct osa_adp_snmp));
	append_text(c, oid);
	at = oid[0] == '.' ? oid + 1 : oid;
	for (unsigned i = 0; i < TABLES; i++) {
		const char *rest = behind(at, tables[i].oid);

		if (rest)
			return object_get(a, c, &tables[i], rest, index);
	}
	return OSA_SNMP_TOP;
}

uint16_t osa_ipa_snmp(struct osa *a, struct osa_call *c)
{
	struct osa_adp_snmp m;
	char index[12];
	uint32_t rc;

	memcpy(&m, c->data, sizeof(m));
	snprintf(index, sizeof(index), "%u", be32_get(m.interface));
	switch (be32_get(m.request)) {
	case OSA_SNMP_REGISTER:
		rc = registered(c, index);
		break;
	case OSA_SNMP_GET:
		rc = get(a, c, index);
		break;
	case OSA_SNMP_SET:
		rc = OSA_SNMP_NOT_WRITABLE;
		break;
	default:
		rc = OSA_SNMP_NOT_SUPPORTED;
	}
	m.rc = be32_of(rc);
	m.firmware = be32_of(OSA_MICROCODE_2 << 8 | OSA_MICROCODE_3);
	memcpy(c->data + offsetof(struct osa_adp_snmp, token),
	       (const uint8_t *)&m + offsetof(struct osa_adp_snmp, token),
	       sizeof(m) - offsetof(struct osa_adp_snmp, token));
	return OSA_ADP_RC_OK;
}
