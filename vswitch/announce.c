/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The uplink has moved: the outside must learn anew where the guests are. For every address of a
 * guest, in every VLAN it uses, a frame with this source leaves by the uplink: a RARP request for
 * itself, which nobody answers and every bridge learns from. For every IP address that a guest
 * has registered or was heard to have, an ARP announcement (RFC 5227) or an unsolicited neighbour
 * advertisement (RFC 4861 7.2.6), which hosts and routers learn from. In IP mode the switch's own
 * address is all there is outside.
 */
#include "vswitch/vs_priv.h"

#include <stdlib.h>

#include "common/be.h"
#include "vswitch/ipframe.h"

#define RARP_BYTES 60u
#define FRAME_BYTES 86u /* the longest: an advertisement with an option */
#define ETHERTYPE_ARP 0x0806
#define ETHERTYPE_RARP 0x8035
#define ETHERTYPE_IPV6 0x86DD
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

static uint32_t arp_announcement(const uint8_t mac[ETH_ALEN], const uint8_t ip4[4], uint8_t *frame)
{
	static const uint8_t request[8] = {0, 1, 8, 0, ETH_ALEN, 4, 0, 1};

	memset(frame, 0, RARP_BYTES);
	memset(frame, 0xFF, ETH_ALEN);
	memcpy(frame + ETH_ALEN, mac, ETH_ALEN);
	be16_store(frame + 2 * ETH_ALEN, ETHERTYPE_ARP);
	memcpy(frame + ETH_HLEN, request, sizeof(request));
	memcpy(frame + ETH_HLEN + 8, mac, ETH_ALEN);
	memcpy(frame + ETH_HLEN + 14, ip4, 4);
	memcpy(frame + ETH_HLEN + 24, ip4, 4);
	return RARP_BYTES;
}

/* To all nodes; flag override. */
static uint32_t nd_advertisement(const uint8_t mac[ETH_ALEN], const uint8_t addr[IP_BYTES],
				 uint8_t *frame)
{
	static const uint8_t all_nodes[6] = {0x33, 0x33, 0, 0, 0, 1};
	uint8_t *ip = frame + ETH_HLEN, *icmp = ip + 40;
	uint32_t s = 58 + 32;

	memset(frame, 0, FRAME_BYTES);
	memcpy(frame, all_nodes, ETH_ALEN);
	memcpy(frame + ETH_ALEN, mac, ETH_ALEN);
	be16_store(frame + 2 * ETH_ALEN, ETHERTYPE_IPV6);
	ip[0] = 0x60;
	be16_store(ip + 4, 32);
	ip[6] = 58;
	ip[7] = 255;
	memcpy(ip + 8, addr, IP_BYTES);
	be16_store(ip + 24, 0xFF02);
	ip[39] = 1;
	icmp[0] = ND_NEIGHBOUR_ADVERT;
	icmp[4] = 0x20;
	memcpy(icmp + 8, addr, IP_BYTES);
	icmp[24] = 2;
	icmp[25] = 1;
	memcpy(icmp + 26, mac, ETH_ALEN);
	for (unsigned i = 8; i < 72; i += 2)
		s += be16_load(ip + i);
	while (s >> 16)
		s = (s & 0xFFFF) + (s >> 16);
	be16_store(icmp + 2, (uint16_t)~s);
	return FRAME_BYTES;
}

static uint32_t ip_announcement(const uint8_t mac[ETH_ALEN], const uint8_t addr[IP_BYTES],
				uint8_t *frame)
{
	return ip_is4(addr) ? arp_announcement(mac, addr + 12, frame)
			    : nd_advertisement(mac, addr, frame);
}

static bool in_use(const struct vs_port *p, const struct rules *r, unsigned vid)
{
	if (p->cfg.bridge && vid == r->untagged_vid)
		return true;
	return !(r->joined_any || p->cfg.bridge) || vs_vidset_has(&r->joined, vid);
}

/* Where a registered address counts. Return: frames sent. */
static unsigned announce_port(struct vs_port *up, const struct vs_port *p, const uint8_t *frame,
			      uint32_t len)
{
	const struct rules *r = atomic_load_explicit(&p->rules, memory_order_relaxed);
	unsigned n = 0;

	if (r->mode != VLAN_AWARE)
		return vs_port_inject(up, VS_VID_NONE, frame, len) == 0;
	for (unsigned vid = 1; vid <= VS_VID_MAX && n < VIDS_MAX; vid++) {
		if (!vs_vidset_has(&r->vids, vid) || !in_use(p, r, vid))
			continue;
		n += vs_port_inject(up, (uint16_t)vid, frame, len) == 0;
	}
	return n;
}

static unsigned announce_macs(struct vs_switch *sw, struct vs_port *up)
{
	size_t max = atomic_load(&sw->fdb)->used + 1, n;
	struct vs_fdb_entry *e = malloc(max * sizeof(*e));
	unsigned sent = 0;

	n = e ? vs_fdb_list(sw, e, max) : 0;
	for (size_t i = 0; i < n && sent < FRAMES_MAX; i++) {
		uint8_t frame[RARP_BYTES];

		if (e[i].port->cfg.role != VS_ROLE_GUEST || !vs_port_running(e[i].port))
			continue;
		rarp(e[i].mac, frame);
		if (!e[i].learned)
			sent += announce_port(up, e[i].port, frame, RARP_BYTES);
		else
			sent += vs_port_inject(up, e[i].vid, frame, RARP_BYTES) == 0;
	}
	free(e);
	return sent;
}

/* The one address of a switch in IP mode. */
static unsigned announce_own(struct vs_switch *sw, struct vs_port *up)
{
	uint8_t frame[RARP_BYTES];
	struct vs_vidset vids;
	unsigned sent = 0;

	rarp(sw->cfg.mac, frame);
	if (!sw->cfg.vlan_aware)
		return vs_port_inject(up, VS_VID_NONE, frame, RARP_BYTES) == 0;
	vs_switch_vids(sw, &vids);
	for (uint16_t vid = 1; vid <= VS_VID_MAX; vid++)
		if (vs_vidset_has(&vids, vid))
			sent += vs_port_inject(up, vid, frame, RARP_BYTES) == 0;
	return sent;
}

static unsigned announce_ips(struct vs_switch *sw, struct vs_port *up, const struct vs_port *p)
{
	uint8_t frame[FRAME_BYTES];
	unsigned sent = 0;

	for (unsigned i = 0; i < p->n_ips && p->n_macs; i++) {
		uint32_t len;

		if (p->ips[i].flags & VS_IP_VIPA)
			continue;
		len = ip_announcement(sw->ip ? sw->cfg.mac : p->macs[0], p->ips[i].addr, frame);
		sent += announce_port(up, p, frame, len);
	}
	for (unsigned i = 0; i < p->n_hosts; i++) {
		uint32_t len = ip_announcement(p->hosts[i].mac, p->hosts[i].addr, frame);

		sent += vs_port_inject(up, p->hosts[i].vid, frame, len) == 0;
	}
	return sent;
}

unsigned vs_switch_announce(struct vs_switch *sw)
{
	uint16_t index = atomic_load(&sw->uplink);
	struct vs_port *up = index == FDB_PORT_NONE ? NULL : atomic_load(&sw->port[index]);
	unsigned sent;

	if (!up)
		return 0;
	hosts_drain(sw);
	sent = sw->ip ? announce_own(sw, up) : announce_macs(sw, up);
	for (unsigned i = 0; i < VS_PORTS_MAX && sent < FRAMES_MAX; i++) {
		struct vs_port *p = atomic_load(&sw->port[i]);

		if (p && p->cfg.role == VS_ROLE_GUEST && vs_port_running(p))
			sent += announce_ips(sw, up, p);
	}
	return sent;
}
