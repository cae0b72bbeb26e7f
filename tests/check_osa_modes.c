/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IPA commands about modes and queries: adapter parameters, OAT, diagnostics, VNIC
 * characteristics, bridge port.
 */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include "tests/osa_bed.h"

static const uint8_t mac1[6] = {2, 0, 0, 0, 0, 1}, group[6] = {1, 0, 0x5E, 0, 0, 1};

/* ---- adapter parameters -------------------------------------------------------------------- */

/* Send a sub-command with its sub-data. Return: the IPA code, or 0x10000 + the sub-header's. */
static int adapter(uint32_t sub, const void *data, size_t len)
{
	uint8_t d[128] = {0};
	int rc;

	be16_store(d + 8, (uint16_t)(16 + len));
	be32_store(d + 12, sub);
	d[18] = d[19] = 1;
	if (len)
		memcpy(d + 24, data, len);
	rc = osa_rig_ipa(rig, OSA_SETADAPTERPARMS, 4, d, 24 + len);
	ck_assert_uint_ge(rig->data_len, 24);
	ck_assert_uint_eq(be16_load(rig->data + 8), rig->data_len - 8);
	ck_assert_uint_eq(be16_load(rig->data + 18), 0x0101);
	ck_assert_uint_eq(be32_load(rig->data + 12), sub);
	if (rc == 0 && be16_load(rig->data + 16))
		return 0x10000 + be16_load(rig->data + 16);
	return rc;
}

START_TEST(test_adapter_query)
{
	static const uint8_t zero[20];

	for (size_t len = 0; len <= 20; len += 20) { /* with and without room for the answer */
		ck_assert_int_eq(adapter(1, zero, len), 0);
		ck_assert_uint_eq(rig->data_len, 44);
		ck_assert_uint_eq(be32_load(rig->data + 24), 1);
		ck_assert_uint_eq(rig->data[28], OSA_LINK_10G);
		ck_assert_uint_eq(be32_load(rig->data + 32), 0x00192E03);
		ck_assert_uint_eq(be32_load(rig->data), 0x00192E03);
	}
}
END_TEST

START_TEST(test_adapter_mac)
{
	uint8_t d[18] = {[7] = 6, [12] = 2, [17] = 0x99};

	ck_assert_int_eq(adapter(2, d, sizeof(d)), 0);
	ck_assert_uint_eq(rig->data[20], 0x80); /* else a driver makes one up */
	ck_assert_uint_eq(be32_load(rig->data + 24), 0);
	ck_assert_uint_eq(be32_load(rig->data + 28), 6);
	ck_assert_uint_eq(be32_load(rig->data + 32), 1);
	ck_assert_mem_eq(rig->data + 36, osa_rig_config()->mac, 6);
	for (uint8_t op = 1; op <= 8; op = (uint8_t)(op * 2)) {
		d[3] = op;
		ck_assert_int_eq(adapter(2, d, sizeof(d)), 0x10004);
	}
	ck_assert_int_eq(adapter(2, d, 17), 0x10006);
	ck_assert_uint_eq(rig->a->registry.unicast.n, 0); /* reading registers nothing */
}
END_TEST

static int promisc(uint32_t mode)
{
	uint8_t d[4];

	be32_store(d, mode);
	return adapter(0x800, d, sizeof(d));
}

START_TEST(test_adapter_promisc)
{
	ck_assert_int_eq(promisc(1), 0);
	ck_assert_uint_eq(be32_load(rig->data + 24), 1);
	ck_assert(rig->link.promisc && info().promisc);
	ck_assert_int_eq(promisc(1), 0);
	ck_assert_int_eq(promisc(0), 0);
	ck_assert_uint_eq(be32_load(rig->data + 24), 0);
	ck_assert(!rig->link.promisc && !info().promisc);
	rig->link.fail = -EPERM;
	ck_assert_int_eq(promisc(1), 0x10004);
	ck_assert_uint_eq(be32_load(rig->data + 24), 0); /* the resulting mode */
	ck_assert(!info().promisc);
	ck_assert_int_eq(promisc(2), 0x10006);
}
END_TEST

/* In this order, each on what went before. */
static const struct {
	unsigned n;
	uint32_t mode;
	int rc;
	uint8_t stored;
} isolations[] = {
	{1, OSA_ISOLATION_NONE, 0x10008, 0},
	{2, OSA_ISOLATION_DROP, 0, 2},
	{3, OSA_ISOLATION_DROP, 0x10010, 2},
	{4, OSA_ISOLATION_FORWARD, 0x10022, 2},
	{5, OSA_ISOLATION_NONE, 0, 0},
	{6, OSA_ISOLATION_FORWARD, 0x10022, 0},
	{7, 3, 0x10004, 0},
	{8, 0x102, 0x10004, 0},
};

START_TEST(test_adapter_isolation)
{
	uint8_t d[12] = {0};

	for (size_t i = 0; i < sizeof(isolations) / sizeof(isolations[0]); i++) {
		int rc;

		be32_store(d, isolations[i].mode);
		rc = adapter(0x10000, d, sizeof(d));
		ck_assert_msg(rc == isolations[i].rc, "row %u: %05x", isolations[i].n,
			      (unsigned)rc);
		ck_assert_uint_eq(info().isolation, isolations[i].stored);
	}
}
END_TEST

START_TEST(test_adapter_card_info)
{
	ck_assert_int_eq(adapter(0x400, NULL, 0), 0);
	ck_assert_uint_eq(rig->data_len, 32);
	ck_assert_uint_eq(rig->data[24], 0x91);
	ck_assert_uint_eq(be16_load(rig->data + 26), 3);
	ck_assert_uint_eq(be32_load(rig->data + 28), 8);
}
END_TEST

START_TEST(test_adapter_switch)
{
	ck_assert_int_eq(adapter(0x100000, NULL, 0), 0);
	ck_assert_uint_eq(rig->data_len, 44);
	ck_assert_uint_eq(be32_load(rig->data + 28), 1);
	ck_assert_uint_eq(be32_load(rig->data + 32), 1);
	osa_rig_plug(rig, false);
	ck_assert_int_eq(adapter(0x100000, NULL, 0), 0);
	ck_assert_uint_eq(be32_load(rig->data + 28), 0);
}
END_TEST

START_TEST(test_adapter_refused)
{
	static const uint8_t zero[60];
	static const uint32_t subs[] = {0,    0x4,   0x8,    0x10,   0x20, 0x40,
					0x80, 0x100, 0x1000, 0x2000, 0x3,  0x80000000};

	for (size_t i = 0; i < sizeof(subs) / sizeof(subs[0]); i++) {
		ck_assert_int_eq(adapter(subs[i], zero, sizeof(zero)), 0xE00E);
		ck_assert_uint_eq(be16_load(rig->data + 16), 4);
	}
}
END_TEST

/*
 * A request to SNMP control about interface 17, with an object's name and, as the sub-agent sends
 * it, 16 bytes of anything behind that: it counts a header of the call in. Return: its own code.
 */
static uint32_t snmp(uint32_t request, const char *oid)
{
	uint8_t d[100] = {1, 2, 3}; /* a token, echoed */
	size_t len = 36 + (oid ? strlen(oid) + 1 + 16 : 0);

	be32_store(d + 16, request);
	be32_store(d + 20, 17);
	if (oid) {
		memset(d + 36, 0xA5, sizeof(d) - 36);
		memcpy(d + 36, oid, strlen(oid) + 1);
	}
	ck_assert_int_eq(adapter(0x200, d, len), 0);
	ck_assert_uint_ge(rig->data_len, 60);
	ck_assert_mem_eq(rig->data + 24, d, 24);
	ck_assert_uint_eq(be32_load(rig->data + 52), 0x0710);
	return be32_load(rig->data + 48);
}

/* As the sub-agent walks it: strings end with 0, and numbers are aligned behind them. */
struct walk {
	size_t at;
	uint32_t objects;
};

static uint32_t walk_number(struct walk *w)
{
	w->at = (w->at + 3) & ~(size_t)3;
	ck_assert_uint_le(w->at + 4, rig->data_len);
	w->at += 4;
	return be32_load(rig->data + w->at - 4);
}

static const char *walk_text(struct walk *w)
{
	const char *s = (const char *)rig->data + w->at;

	ck_assert_ptr_nonnull(memchr(s, 0, rig->data_len - w->at));
	w->at += strlen(s) + 1;
	return s;
}

START_TEST(test_adapter_snmp_register)
{
	static const char *const oid[] = {"1.3.6.1.4.1.2.6.188.1.1.1", "1.3.6.1.4.1.2.6.188.1.4.1"};
	struct walk w = {.at = 60};
	char name[64];

	ck_assert_uint_eq(snmp(0x04, NULL), 0);
	ck_assert_uint_eq(walk_number(&w), 2);
	for (int t = 0; t < 2; t++) {
		w.at = (w.at + 3) & ~(size_t)3;
		ck_assert_str_eq(walk_text(&w), oid[t]);
		for (uint32_t n = walk_number(&w); n; n--, w.objects++) {
			struct walk before;
			uint32_t type;

			ck_assert_uint_eq(walk_number(&w), 1); /* to be read only */
			type = walk_number(&w);
			snprintf(name, sizeof(name), "%s.%s.17", oid[t], walk_text(&w));
			ck_assert_str_eq(walk_text(&w), "17");
			/* Each can be asked for; the answer to this one is asked for again. */
			before = w;
			ck_assert_uint_eq(snmp(0x10, name), 0);
			ck_assert_str_eq((const char *)rig->data + 60, name);
			w.at = 60 + strlen(name) + 1;
			ck_assert_uint_eq(type, walk_number(&w) == 4 ? 2 : 4);
			ck_assert_uint_eq(snmp(0x04, NULL), 0);
			w = before;
		}
	}
	ck_assert_uint_eq(w.objects, 13);
	ck_assert_uint_eq(w.at, rig->data_len);
}
END_TEST

START_TEST(test_adapter_snmp_get)
{
	static const struct {
		const char *oid;
		uint32_t rc;
	} rows[] = {
		{"1.3.6.1.4.1.2.6.188.1.4.1.9.17", 0},
		{".1.3.6.1.4.1.2.6.188.1.4.1.9.17", 0},
		{"1.3.6.1.4.1.2.6.188.1.4.1.9.18", 8},
		{"1.3.6.1.4.1.2.6.188.1.4.1.9.171", 8},
		{"1.3.6.1.4.1.2.6.188.1.4.1.9", 4},
		{"1.3.6.1.4.1.2.6.188.1.4.1.90.17", 4},
		{"1.3.6.1.4.1.2.6.188.1.4.1.7.17", 4},
		{"1.3.6.1.4.1.2.6.188.1.5.1.1.17", 1},
		{"1.3.6.1.4.1.2.6.188.1.4.10.9.17", 1},
		{"1.3.6.1.4.1.2.6.188.1.4.1", 1},
		{"", 1},
	};
	static const char state[] = "1.3.6.1.4.1.2.6.188.1.4.1.3.17";

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		ck_assert_msg(snmp(0x10, rows[i].oid) == rows[i].rc, "row %zu", i);
	ck_assert_uint_eq(snmp(0x10, NULL), 1);
	ck_assert_uint_eq(snmp(0x10, rows[0].oid), 0);
	ck_assert_uint_eq(be32_load(rig->data + 92), 6);
	ck_assert_mem_eq(rig->data + 96, mac1, 6);
	ck_assert_uint_eq(rig->data_len, 102);
	/* The cable. */
	ck_assert_uint_eq(snmp(0x10, state), 0);
	ck_assert_uint_eq(be32_load(rig->data + 96), 4);
	osa_rig_plug(rig, false);
	ck_assert_uint_eq(snmp(0x10, state), 0);
	ck_assert_uint_eq(be32_load(rig->data + 96), 5);
	/* Nothing can be set; alerts and traps the sub-agent does not ask for. */
	ck_assert_uint_eq(snmp(0x11, rows[0].oid), 0x20);
	ck_assert_uint_eq(snmp(0x20, NULL), 0x40);
	ck_assert_uint_eq(snmp(0, NULL), 0x40);
	ck_assert_int_eq(adapter(0x200, rows, 35), 0x10000 + OSA_RC_INVALID_FORMAT);
}
END_TEST

/*
 * The requests of osasnmpd (s390-tools 2.43.0) as a stock driver passed them on: at its start,
 * after SIGUSR1, when it counts less in, and for one object. The answers are as long as those by
 * which it registered and showed everything.
 */
START_TEST(test_adapter_snmp_recorded)
{
	static const struct {
		size_t len, answer;
		uint8_t request, token[8];
		const char *oid;
	} rows[] = {
		{76, 285, 0x04, {0}, ""},
		{60, 285, 0x04, {0}, ""},
		{108,
		 98,
		 0x10,
		 {0, 0, 2, 0xAA, 6, 0x4D, 0x85, 0xC0},
		 "1.3.6.1.4.1.2.6.188.1.1.1.1.2"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t d[108] = {[9] = (uint8_t)(rows[i].len - 8), [14] = 2, [18] = 1, [19] = 1,
				  [43] = rows[i].request,	    [47] = 2};

		memcpy(d + 24, rows[i].token, 8);
		memcpy(d + 32, rows[i].token, 8);
		memcpy(d + 60, rows[i].oid, strlen(rows[i].oid));
		ck_assert_int_eq(osa_rig_ipa(rig, OSA_SETADAPTERPARMS, 4, d, rows[i].len), 0);
		ck_assert_uint_eq(rig->data_len, rows[i].answer);
		ck_assert_mem_eq(rig->data + 24, d + 24, 24);
		ck_assert_uint_eq(be32_load(rig->data + 48), 0);
		if (rows[i].request == 0x04)
			ck_assert_str_eq((const char *)rig->data + 64, "1.3.6.1.4.1.2.6.188.1.1.1");
		else
			ck_assert_mem_eq(rig->data + 60, d + 60, 32);
		/* Six objects; two bytes of value. */
		ck_assert_uint_eq(be32_load(rig->data + 92), rows[i].request == 0x04 ? 6 : 2);
	}
}
END_TEST

/* The records of a query OAT, walked by their lengths. */
struct oat {
	const uint8_t *physical, *logical, *unicast, *vlan, *groups;
};

/* Return: true if every record is there. */
static bool oat_walk(struct oat *o)
{
	size_t at = 40;

	memset(o, 0, sizeof(*o));
	while (at < rig->data_len) {
		const uint8_t *p = rig->data + at;
		uint16_t type = be16_load(p);

		ck_assert_uint_ge(rig->data_len - at, 16);
		at += be16_load(p + 2);
		if (type == 0x0004)
			o->physical = p;
		else if (type == 0x0008)
			o->logical = p;
		else
			ck_assert_uint_eq(type, 0x0010);
		if (type != 0x0010)
			continue;
		at += (size_t)be32_load(p + 28) * be16_load(p + 34);
		if (be32_load(p + 16) == 0x100)
			o->unicast = p;
		else if (be32_load(p + 16) == 0x200)
			o->vlan = p;
		else if (be32_load(p + 16) == 0x400)
			o->groups = p;
	}
	ck_assert_uint_eq(at, rig->data_len);
	return o->physical && o->logical && o->unicast && o->vlan && o->groups;
}

START_TEST(test_oat)
{
	uint8_t d[16] = {[3] = 1};
	struct oat o;

	ck_assert_int_eq(osa_rig_mac(rig, OSA_SETVMAC, 6, mac1), 0);
	ck_assert_int_eq(osa_rig_vlan(rig, OSA_SETVLAN, 77), 0);
	ck_assert_int_eq(osa_rig_mac(rig, OSA_SETGMAC, 6, group), 0);
	ck_assert_int_eq(adapter(0x80000, d, sizeof(d)), 0);
	ck_assert(oat_walk(&o));
	if (!o.physical || !o.logical || !o.unicast || !o.vlan || !o.groups)
		return;
	/* what a driver checks while it comes online */
	ck_assert_uint_eq(be16_load(rig->data + 40), 0x0004);
	ck_assert_uint_ge(be16_load(rig->data + 42), 80);
	ck_assert_uint_eq(o.physical[49], 8);
	ck_assert_uint_eq(o.physical[50], 2);
	ck_assert_mem_eq(o.physical + 20, osa_rig_config()->mac, 6);
	ck_assert_uint_eq(be16_load(o.physical + 32), 0x0502);
	ck_assert_mem_eq(o.logical + 16 + 58, mac1, 6);
	ck_assert_mem_eq(o.logical + 16 + 20, "\xD3\xC9\xD5\xE4\xE7\xF0\xF1\x40", 8);
	ck_assert_mem_eq(o.unicast + 48, mac1, 6);
	ck_assert_uint_eq(be16_load(o.vlan + 48), 77);
	ck_assert_mem_eq(o.groups + 48, group, 6);
	d[3] = 0; /* levels only */
	ck_assert_int_eq(adapter(0x80000, d, sizeof(d)), 0);
	ck_assert_uint_eq(rig->data_len, 40);
	d[3] = 2;
	ck_assert_int_eq(adapter(0x80000, d, sizeof(d)), 0x10008);
	ck_assert_int_eq(adapter(0x80000, d, 3), 0x10006);
}
END_TEST

/* Full tables still give one message that parses. */
START_TEST(test_oat_full)
{
	uint8_t d[16] = {[3] = 1}, mac[6] = {3};
	struct oat o;

	for (unsigned i = 0; i < OSA_GROUP_MAX; i++) {
		be16_store(mac + 4, (uint16_t)i);
		ck_assert_int_eq(osa_rig_mac(rig, OSA_SETGMAC, 6, mac), 0);
	}
	mac[0] = 2;
	for (unsigned i = 0; i < OSA_UNICAST_MAX; i++) {
		be16_store(mac + 4, (uint16_t)i);
		ck_assert_int_eq(osa_rig_mac(rig, OSA_SETVMAC, 6, mac), 0);
	}
	for (uint16_t vid = 1; vid < 200; vid++)
		ck_assert_int_eq(osa_rig_vlan(rig, OSA_SETVLAN, vid), 0);
	ck_assert_int_eq(adapter(0x80000, d, sizeof(d)), 0);
	ck_assert(oat_walk(&o));
	if (!o.physical || !o.logical || !o.unicast || !o.vlan || !o.groups)
		return;
	ck_assert_uint_eq(be16_load(o.unicast + 34), OSA_UNICAST_MAX);
	ck_assert_uint_ge(be16_load(o.groups + 34), 100);
}
END_TEST

/* ---- diagnostics --------------------------------------------------------------------------- */

static const struct {
	unsigned n;
	uint32_t sub;
	uint8_t type, action;
	uint16_t len;
	int rc;
	uint32_t ext;
	bool armed;
} diags[] = {
	{1, 1, 0, 0, 24, 0, 2, false},	     {2, 2, 1, 1, 88, 0, 0x1000E, true},
	{3, 2, 1, 2, 88, 0, 0x1000E, false}, {4, 2, 1, 4, 88, 0, 0x1000E, false},
	{5, 2, 1, 8, 88, 2, 0x1000E, false}, {6, 4, 2, 1, 24, 2, 0x1000E, false},
	{7, 8, 0, 0, 24, 2, 0x1000E, false}, {8, 0x10, 0, 0, 24, 2, 0x1000E, false},
};

START_TEST(test_diag)
{
	uint8_t d[88] = {0};
	int rc;

	be16_store(d + 8, (uint16_t)(diags[_i].len - 8u));
	be32_store(d + 12, diags[_i].sub);
	d[16] = diags[_i].type;
	d[17] = diags[_i].action;
	be32_store(d + 20, 0x1000E);
	rc = osa_rig_ipa(rig, OSA_SETDIAGASS, 0, d, diags[_i].len);
	ck_assert_msg(rc == diags[_i].rc, "row %u: %04x", diags[_i].n, (unsigned)rc);
	ck_assert_uint_eq(rig->data_len, diags[_i].len);
	ck_assert_uint_eq(rig->data[17], diags[_i].action); /* the driver branches on it */
	ck_assert_uint_eq(be32_load(rig->data + 20), diags[_i].ext);
	ck_assert_int_eq(rig->a->trap_armed, diags[_i].armed);
}
END_TEST

/* ---- VNIC characteristics ------------------------------------------------------------------ */

#define CHARS 0xE2000000u

static int vnicc(uint32_t sub, uint32_t bit, uint32_t value)
{
	uint8_t d[24] = {0};
	size_t len = sub ? 24 : 16;
	int rc;

	be16_store(d + 8, (uint16_t)(len - 8));
	be32_store(d + 12, sub);
	be32_store(d + 16, bit);
	be32_store(d + 20, value);
	rc = osa_rig_ipa(rig, OSA_VNICC, 0, d, len);
	ck_assert_uint_eq(rig->data_len, len);
	ck_assert_uint_eq(be16_load(rig->data + 8), len - 8);
	ck_assert_uint_eq(be32_load(rig->data), CHARS);
	return rc;
}

static uint32_t chars_on(void)
{
	return be32_load(rig->data + 4);
}

START_TEST(test_vnicc_default)
{
	ck_assert_int_eq(vnicc(0, 0, 0), 0);
	ck_assert_uint_eq(chars_on(), 0x02000000);
	ck_assert_int_eq(vnicc(0x01, 0x20000000, 0), 0);
	ck_assert_uint_eq(be32_load(rig->data + 20), 0x1E);
	ck_assert_int_eq(vnicc(0x10, 0x20000000, 0), 0);
	ck_assert_uint_eq(be32_load(rig->data + 20), 600);
}
END_TEST

START_TEST(test_vnicc_switch)
{
	static const uint32_t bits[] = {0x80000000, 0x40000000, 0x20000000};

	for (unsigned i = 0; i < 3; i++) {
		ck_assert_int_eq(vnicc(0x01, bits[i], 0), 0);
		ck_assert_uint_eq(be32_load(rig->data + 20) & 0x06, 0x06);
		ck_assert_int_eq(vnicc(0x02, bits[i], 0), 0);
		ck_assert_uint_eq(chars_on(), 0x02000000 | bits[i]);
		ck_assert(rig->link.promisc);
		ck_assert(!info().promisc);
		ck_assert_int_eq(vnicc(0x02, bits[i], 0), 0);
		ck_assert_int_eq(vnicc(0x04, bits[i], 0), 0);
		ck_assert_uint_eq(chars_on(), 0x02000000);
		ck_assert(!rig->link.promisc);
	}
	/* Two reasons for the one right: it goes with the last. */
	ck_assert_int_eq(vnicc(0x02, bits[0], 0), 0);
	ck_assert_int_eq(promisc(1), 0);
	ck_assert_int_eq(vnicc(0x04, bits[0], 0), 0);
	ck_assert(rig->link.promisc);
	ck_assert_int_eq(promisc(0), 0);
	ck_assert(!rig->link.promisc);
	rig->link.fail = -EPERM;
	ck_assert_int_eq(vnicc(0x02, bits[0], 0), 0x200D);
	ck_assert_uint_eq(chars_on(), 0x02000000);
}
END_TEST

/* A request cut before the value: the reply is whole. */
START_TEST(test_vnicc_short)
{
	static const uint8_t d[20] = {[9] = 12, [15] = 0x10, [16] = 0x20};

	ck_assert_int_eq(osa_rig_ipa(rig, OSA_VNICC, 0, d, sizeof(d)), 0);
	ck_assert_uint_eq(rig->data_len, 24);
	ck_assert_uint_eq(be16_load(rig->data + 8), 16);
	ck_assert_uint_eq(be32_load(rig->data + 20), 600);
}
END_TEST

START_TEST(test_vnicc_timeout)
{
	ck_assert_int_eq(vnicc(0x08, 0x20000000, 300), 0);
	ck_assert_int_eq(vnicc(0x10, 0x20000000, 0), 0);
	ck_assert_uint_eq(be32_load(rig->data + 20), 300);
	osa_rig_clear(rig);
	ck_assert_int_eq(osa_rig_up(rig), 0);
	ck_assert_int_eq(vnicc(0x10, 0x20000000, 0), 0);
	ck_assert_uint_eq(be32_load(rig->data + 20), 600);
}
END_TEST

static const struct {
	unsigned n;
	uint32_t sub, bit;
} vnicc_refusals[] = {
	{1, 0x01, 0x10000000}, {2, 0x01, 0x01000000},  {3, 0x01, 0x60000000}, {4, 0x01, 0},
	{5, 0x02, 0x08000000}, {6, 0x04, 0x02000000},  {7, 0x08, 0x80000000}, {8, 0x10, 0x02000000},
	{9, 0x20, 0x20000000}, {10, 0x06, 0x20000000},
};

START_TEST(test_vnicc_refused)
{
	ck_assert_msg(vnicc(vnicc_refusals[_i].sub, vnicc_refusals[_i].bit, 0) == 0x2003, "row %u",
		      vnicc_refusals[_i].n);
}
END_TEST

/* ---- bridge port --------------------------------------------------------------------------- */

static int bridge(uint32_t sub, size_t len)
{
	uint8_t d[32] = {0};
	int rc;

	be16_store(d + 8, (uint16_t)(16 + len));
	be32_store(d + 12, sub);
	rc = osa_rig_ipa(rig, OSA_SETBRIDGEPORT, 0, d, 24 + len);
	ck_assert_uint_ge(rig->data_len, 24);
	ck_assert_int_eq(be16_load(rig->data + 16), rc); /* in both places on an OSA */
	ck_assert_uint_eq(be16_load(rig->data + 8), rig->data_len - 8);
	ck_assert_uint_eq(be16_load(rig->data + 18), 0x0101);
	return rc;
}

static void assert_port(uint8_t role, uint8_t state)
{
	ck_assert_int_eq(bridge(0x08, 0), 0);
	ck_assert_uint_eq(rig->data_len, 28 + 12);
	ck_assert_uint_eq(be32_load(rig->data + 24), 0x0101010C);
	ck_assert_uint_eq(rig->data[28], role);
	ck_assert_uint_eq(rig->data[29], state);
	ck_assert_uint_eq(be16_load(rig->data + 32), 0x0500);
	ck_assert_uint_eq(rig->data[37], 0x05);
}

START_TEST(test_bridge_roles)
{
	ck_assert_int_eq(bridge(0x00, 8), 0);
	ck_assert_uint_eq(be32_load(rig->data + 24), 0x0F);
	assert_port(0, 0);
	for (uint8_t role = 1; role <= 2; role++) {
		ck_assert_int_eq(bridge(role == 1 ? 0x02u : 0x04u, role == 1 ? 8 : 0), 0);
		assert_port(role, 2);
		ck_assert(rig->link.promisc);
		ck_assert_int_eq(bridge(role == 1 ? 0x02u : 0x04u, 0), 0); /* again */
		ck_assert_int_eq(bridge(role == 1 ? 0x04u : 0x02u, 0), role == 1 ? 0x2B24 : 0x2B18);
		osa_rig_plug(rig, false);
		assert_port(role, 1); /* standby without a cable */
		osa_rig_plug(rig, true);
		assert_port(role, 2);
		ck_assert_int_eq(bridge(0x01, 0), 0);
		ck_assert_int_eq(bridge(0x01, 0), 0);
		assert_port(0, 0);
		ck_assert(!rig->link.promisc);
	}
}
END_TEST

/* The next event is of this state; 0: there is none. */
static void assert_told(uint8_t role, uint8_t state)
{
	ck_assert_uint_eq(osa_rig_event(rig), state ? OSA_SETBRIDGEPORT : 0);
	if (!state)
		return;
	ck_assert_uint_eq(be16_get(rig->ipa.rc), 0);
	ck_assert_uint_eq(rig->data_len, 28 + 12);
	ck_assert_uint_eq(be16_load(rig->data + 8), rig->data_len - 8);
	ck_assert_uint_eq(be32_load(rig->data + 12), 0x10);
	ck_assert_uint_eq(be16_load(rig->data + 16), 0);
	ck_assert_uint_eq(be32_load(rig->data + 24), 0x0101010C);
	ck_assert_uint_eq(rig->data[28], role);
	ck_assert_uint_eq(rig->data[29], state);
}

/* The host hears of its role by an event, after the reply, and of every change of state. */
START_TEST(test_bridge_events)
{
	uint64_t now = 1000;

	ck_assert_int_eq(bridge(0x04, 0), 0);
	osa_tick(rig->a, now += 1000);
	assert_told(0, 0); /* not online yet */
	ck_assert_int_eq(osa_rig_ipa(rig, OSA_STARTLAN, 4, NULL, 0), 0);
	assert_told(0, 0);
	osa_tick(rig->a, now += 1000);
	assert_told(2, 2);
	osa_tick(rig->a, now += 1000);
	assert_told(0, 0);
	osa_rig_plug(rig, false);
	ck_assert_uint_eq(osa_rig_event(rig), OSA_STOPLAN);
	assert_told(2, 1);
	osa_rig_plug(rig, true);
	ck_assert_uint_eq(osa_rig_event(rig), OSA_STARTLAN);
	assert_told(2, 2);
	/* A switch that does not grant it any more. */
	osa_rig_plug(rig, false);
	rig->link.fail = -EPERM;
	osa_rig_plug(rig, true);
	ck_assert_uint_eq(osa_rig_event(rig), OSA_STOPLAN);
	assert_told(2, 1);
	ck_assert_uint_eq(osa_rig_event(rig), OSA_STARTLAN);
	assert_told(0, 0);
	rig->link.fail = 0;
	/* Whoever resets its role knows. */
	ck_assert_int_eq(bridge(0x01, 0), 0);
	osa_tick(rig->a, now += 1000);
	assert_told(0, 0);
}
END_TEST

START_TEST(test_bridge_refused)
{
	ck_assert_int_eq(bridge(0x10, 0), 0x2003);
	ck_assert_int_eq(bridge(0x80, 0), 0x2003);
	rig->link.fail = -EPERM;
	ck_assert_int_eq(bridge(0x02, 8), 0x2B20);
	rig->link.fail = 0;
	assert_port(0, 0);
	/* Roles and characteristics exclude each other. */
	ck_assert_int_eq(vnicc(0x02, 0x80000000, 0), 0);
	ck_assert_int_eq(bridge(0x02, 8), 0x2B0C);
	ck_assert_int_eq(vnicc(0x04, 0x80000000, 0), 0);
	ck_assert_int_eq(bridge(0x02, 8), 0);
	ck_assert_int_eq(vnicc(0x02, 0x80000000, 0), 0x20B0);
	ck_assert_int_eq(vnicc(0x08, 0x20000000, 600), 0); /* a driver always sets it */
	ck_assert_int_eq(bridge(0x01, 0), 0);
	osa_cu_ops.deactivate(rig->a, RIG_DATA);
	ck_assert_int_eq(bridge(0x02, 8), 0x2BEB);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("osa_modes");
	TCase *t = tcase_create("modes");

	tcase_add_checked_fixture(t, setup_up, teardown);
#define ROWS(table) (int)(sizeof(table) / sizeof((table)[0]))
	tcase_add_test(t, test_adapter_query);
	tcase_add_test(t, test_adapter_mac);
	tcase_add_test(t, test_adapter_promisc);
	tcase_add_test(t, test_adapter_isolation);
	tcase_add_test(t, test_adapter_snmp_register);
	tcase_add_test(t, test_adapter_snmp_get);
	tcase_add_test(t, test_adapter_snmp_recorded);
	tcase_add_test(t, test_adapter_card_info);
	tcase_add_test(t, test_adapter_switch);
	tcase_add_test(t, test_adapter_refused);
	tcase_add_test(t, test_oat);
	tcase_add_test(t, test_oat_full);
	tcase_add_loop_test(t, test_diag, 0, ROWS(diags));
	tcase_add_test(t, test_vnicc_default);
	tcase_add_test(t, test_vnicc_switch);
	tcase_add_test(t, test_vnicc_short);
	tcase_add_test(t, test_vnicc_timeout);
	tcase_add_loop_test(t, test_vnicc_refused, 0, ROWS(vnicc_refusals));
	tcase_add_test(t, test_bridge_roles);
	tcase_add_test(t, test_bridge_events);
	tcase_add_test(t, test_bridge_refused);
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
