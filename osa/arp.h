/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ARP for the host of a layer-3 adapter: cache, resolver, responder. Private to osa/.
 *
 * An engine without I/O: packets and time go in, frames come out by a callback. One lock, the
 * owner's, is held around every call.
 *
 * Entries: a next hop that is not known becomes INCOMPLETE, is asked for OSA_ARP_TRIES times, and
 * goes away unanswered. An answer makes it REACHABLE for
 * OSA_ARP_LIFE_MS; one that is in use is asked for again before it ends. Only answers to
 * questions and stations that ask for one of our addresses make entries; any other ARP packet only
 * corrects what is there, so that a stranger cannot fill the cache. A full cache loses its oldest
 * entry. STATIC ones are the host's (ARP add entry), hold on all VLANs, and neither age nor
 * are corrected.
 */
#ifndef OSA_ARP_H
#define OSA_ARP_H

#include <assert.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define OSA_ARP_MAX 512u
#define OSA_ARP_BUCKETS 256u
#define OSA_ARP_TRIES 3u
#define OSA_ARP_RETRY_MS 1000u
#define OSA_ARP_LIFE_MS 600000u
#define OSA_ARP_REFRESH_MS 60000u /* before the end of a life in use */
#define OSA_ARP_FRAME_MAX 46u	  /* with a tag */
#define OSA_ARP_PACKET 28u

enum osa_arp_state { OSA_ARP_FREE, OSA_ARP_INCOMPLETE, OSA_ARP_REACHABLE, OSA_ARP_STATIC };

struct osa_arp_entry {
	uint32_t ip;
	uint16_t vid; /* 0: untagged */
	uint8_t state;
	uint8_t tries;
	bool used; /* since the last tick */
	uint8_t mac[6];
	uint64_t since_ms; /* REACHABLE: heard; else made */
	uint64_t asked_ms;
	uint16_t next; /* in its bucket, or among the free: index + 1 */
};

struct osa_arp_ops {
	void (*send)(void *ctx, const uint8_t *frame, uint32_t len);
	/* The end of waiting for an address. */
	void (*resolved)(void *ctx, uint16_t vid, uint32_t ip, const uint8_t mac[6]);
	void (*failed)(void *ctx, uint16_t vid, uint32_t ip);
	/* Is ip to be answered for? */
	bool (*answers)(void *ctx, uint32_t ip);
	/* Another station has, or claims, ip. */
	void (*heard)(void *ctx, uint32_t ip);
	/* Which of our addresses asks; 0: none. @hint: the one that would like to. */
	uint32_t (*source)(void *ctx, uint32_t hint);
};

struct osa_arp {
	const struct osa_arp_ops *ops;
	void *ctx;
	uint8_t mac[6];
	uint64_t now_ms;
	/* Another one whenever what osa_arp_known has said need not hold any longer; it may be read
	 * without the lock. */
	_Atomic uint32_t generation;
	unsigned n, max; /* entries that are not free; how many there may be */
	uint16_t bucket[OSA_ARP_BUCKETS];
	uint16_t free;	    /* index + 1 of the first free entry that was used before */
	unsigned untouched; /* entries from here on were never used */
	struct osa_arp_entry entry[OSA_ARP_MAX];
};

/* Empty the cache. ops must outlive it. */
void osa_arp_init(struct osa_arp *a, const struct osa_arp_ops *ops, void *ctx,
		  const uint8_t mac[6]);
/* Another MAC of the adapter's own. */
void osa_arp_station(struct osa_arp *a, const uint8_t mac[6]);

/* The MAC of a next hop. Return: false: it is not known, and nobody is asked. */
bool osa_arp_known(struct osa_arp *a, uint16_t vid, uint32_t ip, uint8_t mac[6]);
/*
 * The MAC of a next hop. Return: true, or false: asked for, and resolved or failed will follow.
 * @source: the address that would like to ask.
 */
bool osa_arp_resolve(struct osa_arp *a, uint16_t vid, uint32_t ip, uint32_t source, uint8_t mac[6]);
/* An ARP packet of the network (behind its Ethernet header), len bytes of it at hand. */
void osa_arp_input(struct osa_arp *a, uint16_t vid, const uint8_t *packet, uint32_t len);
/* Does another station have ip? heard() if so. */
void osa_arp_probe(struct osa_arp *a, uint32_t ip);
/* Gratuitous ARP. */
void osa_arp_announce(struct osa_arp *a, uint32_t ip);
/* @now_ms: monotonic. */
void osa_arp_tick(struct osa_arp *a, uint64_t now_ms);

/* Return: 0, -ENOSPC, -ENOENT. */
int osa_arp_static_add(struct osa_arp *a, uint32_t ip, const uint8_t mac[6]);
/* Any entry of the address, on any VLAN. */
int osa_arp_del(struct osa_arp *a, uint32_t ip);
/* All but the static entries. */
void osa_arp_flush(struct osa_arp *a);
/* How many entries there may be, at least what is static. Return: 0 or -ERANGE. */
int osa_arp_limit(struct osa_arp *a, uint32_t max);

#endif
