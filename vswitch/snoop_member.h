/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one port wants of one multicast group: all sources but some, or some and no others. Pure:
 * reports and time in, decisions out. Private to vswitch/ and its tests.
 */
#ifndef VSWITCH_SNOOP_MEMBER_H
#define VSWITCH_SNOOP_MEMBER_H

#include <stdbool.h>
#include <stdint.h>

#include "vswitch/vswitch.h"

#define SNOOP_IP 16		       /* bytes of an address; IPv4 as ::ffff:a.b.c.d */
#define SNOOP_SOURCES VS_SNOOP_SOURCES /* of a member; one that names more gets all */
#define SNOOP_MEMBER_MS 260000u	       /* defaults of RFC 3376 8 and RFC 3810 9, robustness 2 */
#define SNOOP_LAST_MS 2000u	       /* to answer after a leave: 2 queries, a second apart */

/* Types of group records, the same in both: RFC 3376 4.2.12, RFC 3810 5.2.12. */
enum snoop_record {
	SNOOP_IS_INCLUDE = 1,
	SNOOP_IS_EXCLUDE,
	SNOOP_TO_INCLUDE,
	SNOOP_TO_EXCLUDE,
	SNOOP_ALLOW,
	SNOOP_BLOCK
};

struct snoop_source {
	uint8_t addr[SNOOP_IP];
	uint64_t until_ms; /* 0: blocked, where others are not */
};

struct snoop_member {
	uint16_t port;
	bool exclude;	   /* all sources but the blocked; else those listed and no others */
	uint64_t until_ms; /* excluding: for so long */
	/*
	 * Reports of other groups with the same MAC address: it gets whatever goes there. 0: none,
	 * or none any more.
	 */
	uint64_t others_ms;
	uint8_t group[SNOOP_IP];
	unsigned n, cap;
	struct snoop_source *source;
};

void snoop_member_free(struct snoop_member *m);

/*
 * A host behind the port has reported. @source: n addresses of size bytes (4 or 16), as they lie
 * in the report. What a querier is to ask for now is taken as asked.
 * Source: RFC 3376 6.4, RFC 3810 7.4.
 */
void snoop_member_report(struct snoop_member *m, enum snoop_record kind, const uint8_t *source,
			 unsigned n, unsigned size, uint64_t now_ms);

/* A querier asks who wants these sources (n = 0: the group): answers come until then, or never. */
void snoop_member_asked(struct snoop_member *m, const uint8_t *source, unsigned n, unsigned size,
			uint64_t until_ms);

/* Time has passed. Return: does it want anything still? */
bool snoop_member_age(struct snoop_member *m, uint64_t now_ms);

/* Does it get everything, whatever the source? */
bool snoop_member_all(const struct snoop_member *m);
/* Does it get frames of the source? */
bool snoop_member_wants(const struct snoop_member *m, const uint8_t addr[SNOOP_IP]);
/* When it ends if nobody reports any more. */
uint64_t snoop_member_until(const struct snoop_member *m);

/* A list of n addresses as in a message, the one at i as SNOOP_IP bytes. */
void snoop_address(const uint8_t *list, unsigned i, unsigned size, uint8_t addr[SNOOP_IP]);

#endif
