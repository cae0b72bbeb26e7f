/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The layer-3 part of an adapter. Private to osa/. How it works: layer3.c.
 *
 * Members up to hop are read and written under lock, those from held on belong to the control
 * thread.
 */
#ifndef OSA_LAYER3_H
#define OSA_LAYER3_H

#include <pthread.h>

#include "osa/arp.h"
#include "osa/ip_table.h"
#include "osa/osa_wire.h"
#include "osa/own.h"

#define OSA_ADDRESS_MAX 256u  /* SETIP */
#define OSA_IP_GROUP_MAX 512u /* SETIPM */
#define OSA_HELD_MAX 8u	  /* SETIP replies waiting for the end of a probe; more are not probed */
#define OSA_PROBE_MS 400u /* between ticks; a driver waits 45 s for a reply */
#define OSA_VID_WORDS 64u

#define OSA_ANNOUNCEMENTS 2u /* RFC 5227; all but the first with ticks */

struct osa;
struct osa_info;

/* What routing type and filters a host has set up, by IP version. */
struct osa_l3_filter {
	uint8_t routing4, routing6; /* enum osa_routing */
	bool broadcast;
	bool source_mac;
};

struct osa_l3_counters {
	uint64_t filtered;   /* frames of the network that were not for the host */
	uint64_t unresolved; /* packets whose next hop did not answer, or that could not wait, or
			      * waited when the session ended */
	uint64_t conflicts;  /* ARP packets of another station that has one of our addresses */
	uint64_t arp_lost;   /* own frames for which no slot was free */
};

/* A SETIP whose reply is held back. */
struct osa_held {
	struct osa_ipa ipa;
	size_t len;
	uint8_t data[sizeof(struct osa_data_ip6)];
	uint32_t ip;
	uint64_t since_ms; /* of the last tick before it */
};

#define OSA_HOPS 16u

/* A next hop, and the Ethernet header of IPv4 packets to it, untagged. */
struct osa_hop {
	uint32_t ip;	     /* 0: none */
	uint32_t generation; /* of the ARP cache that said so */
	uint16_t vid;
	uint8_t begin[16]; /* and two bytes to come after it */
};

struct osa_l3 {
	pthread_mutex_t lock;
	uint8_t mac[6]; /* of this session */
	bool running;	/* frames may be sent */
	struct osa_arp arp;
	struct osa_own own;
	struct osa_ip_table address, group;
	struct osa_l3_filter filter;
	struct osa_l3_counters count;
	uint64_t vid_seen[OSA_VID_WORDS]; /* the host has sent with this tag */
	bool vid_new;

	/* The worker's that fetches. */
	struct osa_hop hop[OSA_HOPS]; /* by a hash of ip */
	bool own_in_burst;	      /* frames of own are in the burst */

	struct osa_held held[OSA_HELD_MAX];
	unsigned n_held;
	bool ticking; /* the owner has called osa_tick: time passes */
	uint64_t last_tick_ms;
	uint16_t created_id; /* CREATE_ADDR */
};

/* layer3.c */
int osa_l3_init(struct osa *a);
void osa_l3_fini(struct osa *a);
/* A new session in layer 3. Return: 0 or what registering the adapter's MAC returns. */
int osa_l3_session(struct osa *a);
/* Forget all that the host has set up. */
void osa_l3_forget(struct osa *a);
/* Around vs_link start and stop. started: announce all addresses. */
void osa_l3_started(struct osa *a);
void osa_l3_stopped(struct osa *a);
/* Announce what is to be announced, as far as there is room; wakes the worker. */
void osa_l3_announce(struct osa *a);
/* Wake the worker if there are own frames to be sent; not under lock. */
void osa_l3_kick(struct osa *a);

/* IQD: tell what is behind the queues what the host wants to receive. */
void osa_l3_wants(struct osa *a);

/* What osa_info shows of it. */
void osa_l3_info(struct osa *a, struct osa_info *out);

/* ipa_ip.c: the end of the probes that have lasted long enough at this tick. */
void osa_held_finish(struct osa *a, uint64_t now_ms);

/* l3_fetch.c, l3_fill.c: vs_port_ops */
unsigned osa_l3_fetch(void *port, struct vs_burst *b, uint64_t *dropped);
void osa_l3_fetched(void *port, const struct vs_burst *b);
unsigned osa_l3_fill(void *port, const struct vs_burst *b, const struct vs_ref *ref, unsigned n,
		     enum vs_drop *err);

extern const struct vs_port_ops osa_layer3_ops;

#endif
