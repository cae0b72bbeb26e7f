/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A set of IP addresses: what a layer-3 host has registered by SETIP or SETIPM. Private to osa/.
 *
 * An address is 16 bytes; IPv4 ones are written as IPv6 writes them (::ffff:a.b.c.d), so that one
 * table holds both. A host that registers colliding addresses only slows down itself.
 */
#ifndef OSA_IP_TABLE_H
#define OSA_IP_TABLE_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#define OSA_IP_MAX 512u /* real limits are not published: spec/osa-qeth.md 15 */
#define OSA_IP_BUCKETS 256u

struct osa_ip {
	uint8_t addr[16];
	bool v6;
	uint8_t flags;	   /* enum osa_ip_flag of SETIP */
	uint8_t announces; /* IPv4: gratuitous ARP still to be sent */
	bool probing;  /* IPv4: not known yet whether another station has it: not answered for */
	bool conflict; /* another station has it */
	uint16_t next; /* in its bucket: index + 1, 0: last */
};

struct osa_ip_table {
	unsigned n, max;
	uint16_t bucket[OSA_IP_BUCKETS]; /* index + 1 */
	struct osa_ip entry[OSA_IP_MAX];
};

/* @max: at most OSA_IP_MAX. */
void osa_ip_table_init(struct osa_ip_table *t, unsigned max);
struct osa_ip *osa_ip_find(struct osa_ip_table *t, const uint8_t addr[16]);
struct osa_ip *osa_ip_find4(struct osa_ip_table *t, uint32_t addr);
/* Return: the new entry, or NULL if the table is full. The address must not be in it. */
struct osa_ip *osa_ip_add(struct osa_ip_table *t, const uint8_t addr[16], bool v6);
/* Invalidates all pointers to entries. */
void osa_ip_del(struct osa_ip_table *t, const struct osa_ip *e);

/* The Ethernet address of a group, as the standards derive it (RFC 1112, RFC 2464). */
void osa_ip_group_mac(const struct osa_ip *e, uint8_t mac[6]);
void osa_ip_map4(uint8_t addr[16], uint32_t ip4);
uint32_t osa_ip_4of(const uint8_t addr[16]);

#endif
