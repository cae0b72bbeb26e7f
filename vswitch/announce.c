/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The uplink has moved: the outside's bridges must learn anew where the guests are. For every
 * address of a guest, in every VLAN it uses, a frame with this source leaves by the uplink: a RARP
 * request for itself, which nobody answers and every bridge learns from.
 */
#include "vswitch/vs_priv.h"

#include <stdlib.h>

#include "common/be.h"

#define RARP_BYTES 60u
#define ETHERTYPE_RARP 0x8035
#define VIDS_MAX 64u /* of one address: a trunk may be in all of them */
#define FRAMES_MAX 16384u

static void rarp(const uint8_t mac[ETH_ALEN], uint8_t frame[RARP_BYTES])
{
	/* Ethernet, IPv4, "request reverse" */
	static const uint8_t request[8] = {0, 1, 8, 0, ETH_ALEN, 4, 0, 3};

	memset(frame, 0, RARP_BYTES);
	memset(frame, 0xFF, ETH_ALEN);
	memcpy(frame + ETH_ALEN, mac, ETH_ALEN);
	be16_store(frame + 2 * ETH_ALEN, ETHERTYPE_RARP);
	memcpy(frame + ETH_HLEN, request, sizeof(request));
	memcpy(frame + ETH_HLEN + 8, mac, ETH_ALEN);
	memcpy(frame + ETH_HLEN + 18, mac, ETH_ALEN);
}

/* Where a registered address counts. Return: frames sent. */
static unsigned announce_port(struct vs_port *up, const struct vs_port *p, const uint8_t *frame)
{
	const struct rules *r = atomic_load_explicit(&p->rules, memory_order_relaxed);
	unsigned n = 0;

	if (r->mode != VLAN_AWARE)
		return vs_port_inject(up, VS_VID_NONE, frame, RARP_BYTES) == 0;
	for (unsigned vid = 1; vid <= VS_VID_MAX && n < VIDS_MAX; vid++) {
		if (!vs_vidset_has(&r->vids, vid) ||
		    (r->joined_any && !vs_vidset_has(&r->joined, vid)))
			continue;
		n += vs_port_inject(up, (uint16_t)vid, frame, RARP_BYTES) == 0;
	}
	return n;
}

unsigned vs_switch_announce(struct vs_switch *sw)
{
	uint16_t index = atomic_load(&sw->uplink);
	struct vs_port *up = index == FDB_PORT_NONE ? NULL : atomic_load(&sw->port[index]);
	size_t max = atomic_load(&sw->fdb)->used + 1, n;
	struct vs_fdb_entry *e = up ? malloc(max * sizeof(*e)) : NULL;
	unsigned sent = 0;

	n = e ? vs_fdb_list(sw, e, max) : 0;
	for (size_t i = 0; i < n && sent < FRAMES_MAX; i++) {
		uint8_t frame[RARP_BYTES];

		if (e[i].port->cfg.role != VS_ROLE_GUEST || !vs_port_running(e[i].port))
			continue;
		rarp(e[i].mac, frame);
		if (!e[i].learned)
			sent += announce_port(up, e[i].port, frame);
		else
			sent += vs_port_inject(up, e[i].vid, frame, RARP_BYTES) == 0;
	}
	free(e);
	return sent;
}
