/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The IP table of a switch in IP mode: which port has an address, and which ports are routers.
 * Private to vswitch/. Workers look up without a lock inside a read-side section; the control
 * thread changes. How it is used: ipmode.c.
 */
#ifndef VSWITCH_IPTABLE_H
#define VSWITCH_IPTABLE_H

#include <stdatomic.h>

#include "vswitch/ipframe.h"
#include "vswitch/port.h"

#define IP_BUCKET_BITS 12
#define IP_ENTRIES_MAX 65536u
#define IP_PORT_NONE 0xFFFFu

struct bitmap;

struct ip_entry {
	_Atomic(struct ip_entry *) next;
	struct ip_entry *retired;
	uint8_t addr[IP_BYTES];
	uint16_t port;
	unsigned flags; /* enum vs_ip_flag */
};

struct ip_table {
	uint64_t seed; /* which addresses share a bucket is nobody's to choose */
	_Atomic(struct ip_entry *) bucket[1 << IP_BUCKET_BITS];

	/* Control thread. */
	unsigned n, n_retired;
	struct ip_entry *retired;
};

struct ip_table *ip_table_create(uint64_t seed); /* or NULL: no memory */
void ip_table_destroy(struct ip_table *t);	 /* NULL is legal */

/*
 * The port that has the address: of several (in VLANs that do not meet) the one that is in the set,
 * of those the first to have registered it. Return: its index or IP_PORT_NONE. Workers.
 */
uint16_t ip_table_find(const struct ip_table *t, const uint8_t addr[IP_BYTES],
		       const struct bitmap *among);

/* The entry of a port, or NULL; and the next one of the same address, whoever has it. */
struct ip_entry *ip_table_of(const struct ip_table *t, const uint8_t addr[IP_BYTES], uint16_t port);
struct ip_entry *ip_table_next(const struct ip_table *t, const uint8_t addr[IP_BYTES],
			       const struct ip_entry *after);

/* Return: 0, -ENOSPC. The port must not have it. */
int ip_table_add(struct ip_table *t, const uint8_t addr[IP_BYTES], uint16_t port, unsigned flags);
void ip_table_del(struct ip_table *t, struct ip_entry *e);
/* Free what was taken out; waits for a grace period if there is any. */
void ip_table_reap(struct ip_table *t);

#endif
