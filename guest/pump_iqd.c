/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames between the TAP and a HiperSockets adapter, or any adapter in layer 3.
 *
 * HiperSockets: a buffer goes to one receiver as it is, so each frame has its own, and groups have
 * a queue of their own. What the TAP has waiting is handed over with one signal.
 *
 * Layer 3: the Ethernet header that the kernel wrote is taken off and another fabricated on the
 * way in, as a mainframe's driver does. On HiperSockets the interface has no ARP, and the next hop
 * is the packet's destination. An OSA resolves IPv4 neighbours itself: the kernel's ARP requests
 * are answered here, with the address 06:00:a:b:c:d for a.b.c.d, and a MAC like that says the next
 * hop. IPv6 neighbours are the kernel's own: its frames pass through whole.
 */
#include <errno.h>
#include <string.h>
#include <sys/uio.h>

#include "guest/nic.h"
#include "osa/osa_wire.h"

#define BATCH 32u
#define ETHER 14u
#define TAG 4u
#define TYPE_VLAN 0x8100u
#define TYPE_IP4 0x0800u
#define TYPE_ARP 0x0806u
#define TYPE_IP6 0x86DDu
#define ARP_BYTES 28u

/* ---- layer 3: headers ---------------------------------------------------------------------- */

static bool is_broadcast(const uint8_t *mac)
{
	static const uint8_t all[6] = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};

	return memcmp(mac, all, 6) == 0;
}

static void next_hop4(struct osa_l3_hdr *h, const uint8_t *mac, const uint8_t *packet)
{
	if (mac[0] == 0x06 && mac[1] == 0x00)
		memcpy(h->next_hop4, mac + 2, 4);
	else
		memcpy(h->next_hop4, packet + 16, 4);
}

/*
 * The header for a packet of len bytes, out of its Ethernet header.
 * Return: false: neither IPv4 nor IPv6.
 */
static bool header_for(struct osa_l3_hdr *h, const uint8_t *eth, const uint8_t *packet,
		       uint32_t len, uint16_t type)
{
	uint8_t cast = is_broadcast(eth) ? OSA_L3_CAST_BROADCAST
		       : eth[0] & 1	 ? OSA_L3_CAST_MULTICAST
					 : OSA_L3_CAST_UNICAST;

	h->id = OSA_HDR_LAYER3;
	h->len = be16_of((uint16_t)len);
	h->flags = cast;
	if (type == TYPE_IP4 && len >= 20) {
		next_hop4(h, eth, packet);
		return true;
	}
	if (type != TYPE_IP6 || len < 40)
		return false;
	h->flags |= OSA_L3_IPV6;
	memcpy(h->next_hop6, packet + 24, 16);
	return true;
}

/* A whole frame: eth and p, put together at p. Return: its length, 0: there is no room. */
static uint32_t pass_through(struct osa_l3_hdr *h, const uint8_t eth[ETHER], uint8_t *p,
			     uint32_t len, uint32_t room)
{
	if (len + ETHER > room)
		return 0;
	memmove(p + ETHER, p, len);
	memcpy(p, eth, ETHER);
	len += ETHER;
	h->id = OSA_HDR_LAYER3;
	h->len = be16_of((uint16_t)len);
	h->flags = OSA_L3_PASSTHRU | OSA_L3_IPV6 |
		   (eth[0] & 1 ? OSA_L3_CAST_MULTICAST : OSA_L3_CAST_UNICAST);
	if (be16_load(eth + 12) == TYPE_VLAN) {
		h->ext_flags = OSA_L3_TAG_IN_FRAME;
		h->tci = be16_of(be16_load(p + ETHER));
	}
	return len;
}

/* Who has an IPv4 address, the adapter knows. Probes and announcements are its business too. */
static void answer_arp(struct nic *n, const uint8_t eth[ETHER], const uint8_t *tag,
		       uint32_t tag_len, const uint8_t *arp, uint32_t len)
{
	struct virtio_net_hdr h = {0};
	uint8_t head[ETHER], reply[ARP_BYTES];
	struct iovec iov[4] = {{&h, sizeof(h)},
			       {head, 12 + (tag_len ? 2 : 0)},
			       {(void *)(uintptr_t)tag, tag_len},
			       {reply, sizeof(reply)}};
	uint8_t mac[6] = {0x06};

	if (len < ARP_BYTES || be16_load(arp + 6) != 1 || memcmp(arp + 14, arp + 24, 4) == 0 ||
	    be32_load(arp + 14) == 0)
		return;
	memcpy(mac + 2, arp + 24, 4);
	memcpy(head, eth + 6, 6);
	memcpy(head + 6, mac, 6);
	memcpy(head + 12, eth + 12, 2);
	memcpy(reply, arp, 6);
	be16_store(reply + 6, 2);
	memcpy(reply + 8, mac, 6);
	memcpy(reply + 14, arp + 24, 4);
	memcpy(reply + 18, arp + 8, 10);
	if (!tag_len)
		iov[1].iov_len = ETHER;
	if (writev(n->tap.fd, iov, 4) < 0)
		n->rx_dropped++;
}

/* What the kernel says about neighbours on an interface that has some. Return: it was that. */
static bool neighbours(struct nic *n, const uint8_t eth[ETHER], const uint8_t *p, uint32_t len)
{
	uint32_t tag = be16_load(eth + 12) == TYPE_VLAN && len >= TAG ? TAG : 0;

	if (n->iqd || (tag ? be16_load(p + 2) : be16_load(eth + 12)) != TYPE_ARP)
		return false;
	answer_arp(n, eth, p, tag, p + tag, len - tag);
	return true;
}

static bool is_v6(const uint8_t eth[ETHER], const uint8_t *p, uint32_t len)
{
	uint16_t type = be16_load(eth + 12);

	return type == TYPE_IP6 ||
	       (type == TYPE_VLAN && len >= TAG && be16_load(p + 2) == TYPE_IP6);
}

/*
 * A frame whose Ethernet header was read to eth and the rest to p becomes a packet at p.
 * Return: its length, 0: it is none.
 */
static uint32_t to_packet(struct osa_l3_hdr *h, const uint8_t eth[ETHER], uint8_t *p, uint32_t len)
{
	uint16_t type = be16_load(eth + 12);

	if (type == TYPE_VLAN && len >= TAG) {
		h->ext_flags = OSA_L3_TCI;
		h->tci = be16_of(be16_load(p));
		type = be16_load(p + 2);
		len -= TAG;
		memmove(p, p + TAG, len);
	}
	return header_for(h, eth, p, len, type) ? len : 0;
}

/* The other way. Return: bytes of eth. */
static uint32_t to_ethernet(uint8_t eth[ETHER + TAG], const struct nic *n,
			    const struct guest_rx *rx)
{
	struct osa_l3_hdr h;
	uint8_t cast;
	uint32_t at = 12;

	memcpy(&h, rx->header, sizeof(h));
	cast = h.flags & OSA_L3_CAST_MASK;
	memcpy(eth, n->mac, 6);
	if (cast == OSA_L3_CAST_BROADCAST)
		memset(eth, 0xFF, 6);
	if (cast == OSA_L3_CAST_MULTICAST && h.flags & OSA_L3_IPV6) {
		eth[0] = eth[1] = 0x33;
		memcpy(eth + 2, rx->data + 36, 4);
	} else if (cast == OSA_L3_CAST_MULTICAST) {
		be32_store(eth, 0x01005E00u);
		eth[3] = rx->data[17] & 0x7F;
		memcpy(eth + 4, rx->data + 18, 2);
	}
	memset(eth + 6, 0, 6);
	if (h.ext_flags & OSA_L3_SRC_MAC)
		memcpy(eth + 6, h.in.src_mac, 6);
	if (h.ext_flags & OSA_L3_TCI) {
		be16_store(eth + at, TYPE_VLAN);
		be16_store(eth + at + 2, be16_get(h.tci));
		at += TAG;
	}
	be16_store(eth + at, h.flags & OSA_L3_IPV6 ? TYPE_IP6 : TYPE_IP4);
	return at + 2;
}

/* ---- from the adapter ---------------------------------------------------------------------- */

void nic_write_packet(struct nic *n, const struct guest_rx *rx)
{
	struct virtio_net_hdr h = {0};
	uint8_t eth[ETHER + TAG];
	/* An analyzer gets frames of layer 2 as well, which are Ethernet. */
	bool whole = !rx->header;
	struct iovec iov[3] = {{&h, sizeof(h)},
			       {eth, whole ? 0 : to_ethernet(eth, n, rx)},
			       {(void *)(uintptr_t)rx->data, rx->len}};

	if (writev(n->tap.fd, iov, 3) < 0)
		n->rx_dropped++;
}

/* ---- to the adapter ------------------------------------------------------------------------ */

/* A frame that is for the other queue. Return: false: that one is full. */
static bool other_queue(struct nic *n, unsigned q, const struct guest_frame *f)
{
	return guest_tx_frames(n->dev, q, f, 1, 1) == 1;
}

/* Layer 3. Return: bytes to be sent, 0: none. */
static uint32_t make_packet(struct nic *n, struct osa_l3_hdr *h, const uint8_t *eth, uint8_t *p,
			    uint32_t len, uint32_t room)
{
	memset(h, 0, sizeof(*h));
	if (!n->iqd && is_v6(eth, p, len))
		return pass_through(h, eth, p, len, room);
	return to_packet(h, eth, p, len);
}

/* len bytes stand at p, room bytes long; layer 3: behind eth. */
static bool send_frame(struct nic *n, struct guest_slot *s, const struct virtio_net_hdr *vh,
		       const uint8_t *eth, uint8_t *p, uint32_t len, uint32_t room)
{
	struct guest_frame f = {.data = p, .len = len};
	struct osa_l3_hdr h;
	struct vnet_out v = {0};
	unsigned q;

	if (n->layer == 3 && neighbours(n, eth, p, len))
		return true;
	if (n->layer == 3) {
		f.len = make_packet(n, &h, eth, p, len, room);
		f.header = (const uint8_t *)&h;
		if (!f.len)
			return false;
	} else if (!vnet_from_tap(vh, p, len, false, &v)) {
		return false;
	} else if (p[0] & 1) {
		n->look = true; /* perhaps a membership report */
	}
	q = guest_tx_queue(n->dev, &f);
	if (q != s->q)
		return other_queue(n, q, &f);
	s->header = f.header;
	if (!guest_slot_add(s, f.len, 0, 0, 0))
		return false;
	guest_slot_commit(n->dev, s);
	return true;
}

bool nic_pump_tx_iqd(struct nic *n)
{
	unsigned q = n->unicast_queue, i;
	uint32_t eth_len = n->layer == 3 ? ETHER : 0, room = 0;
	struct guest_slot s;
	struct virtio_net_hdr vh;
	uint8_t eth[ETHER], *p;
	ssize_t got;

	for (i = 0; i < BATCH; i++) {
		p = guest_slot_open(n->dev, q, &s) ? guest_slot_room(&s, &room) : NULL;
		n->tx_blocked = !p;
		if (!p)
			break;
		struct iovec iov[3] = {{&vh, sizeof(vh)}, {eth, eth_len}, {p, room}};

		got = readv(n->tap.fd, iov, 3);
		if (got < (ssize_t)sizeof(vh)) {
			n->look |= got < 0 && errno == EBADFD;
			break;
		}
		got -= (ssize_t)(sizeof(vh) + eth_len);
		if (got <= 0 || (uint32_t)got > room ||
		    !send_frame(n, &s, &vh, eth, p, (uint32_t)got, room))
			n->tx_dropped++;
		/* A frame that finds the adapter idle does not wait for others. */
		guest_tx_reclaim(n->dev, q);
		if (guest_tx_busy(n->dev, q) == 0)
			guest_tx_flush(n->dev, q);
	}
	guest_tx_flush(n->dev, q);
	return i == BATCH;
}
