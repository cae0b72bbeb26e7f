/* SPDX-License-Identifier: Apache-2.0 */
/* What IGMP and MLD messages say. Private to vswitch/, its tests and fuzz targets. */
#ifndef VSWITCH_SNOOP_H
#define VSWITCH_SNOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "vswitch/snoop_member.h"

#define SNOOP_CHANGES 64 /* of one message; more are left to the next report */

enum snoop_kind {
	SNOOP_OTHER,  /* nothing to learn, or not valid */
	SNOOP_QUERY,  /* from a querier: behind the port is a router */
	SNOOP_CHANGE, /* a host says what it wants */
};

struct snoop_message {
	enum snoop_kind kind;
	bool v6;
	bool elects;	      /* the query has a source that can be a querier's */
	bool for_group;	      /* a query after somebody left a group, or sources of it */
	uint32_t response_ms; /* of a query: the time hosts have to answer */
	unsigned n;	      /* of a change */
	/* The first is also what a query for a group is about. */
	struct snoop_change {
		uint8_t mac[6]; /* of the group */
		uint8_t group[SNOOP_IP];
		enum snoop_record kind;
		const uint8_t *source; /* in the frame: n_sources addresses of 4 or 16 bytes */
		unsigned n_sources;
	} change[SNOOP_CHANGES];
};

/*
 * @frame: Ethernet, with or without one tag, len bytes of it.
 * Source: IGMPv1-3 RFC 1112, 2236, 3376; MLDv1-2 RFC 2710, 3810; snooping RFC 4541.
 */
void snoop_parse(const uint8_t *frame, uint32_t len, struct snoop_message *m);

#endif
