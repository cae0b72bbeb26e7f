/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Source: DPDK programmer's guide 22.11, 10.4 "Meta Information": what a driver wants to find in an
 * mbuf that it is to finish.
 */
#include "host/dpdk/offload.h"

#include <rte_ip.h>
#include <string.h>

#include "common/be.h"
#include "host/vnet.h"

#define ETH_HLEN 14u
#define TAG_LEN 4u
#define TPID_8021Q 0x8100u
#define TPID_8021AD 0x88A8u
#define TYPE_IPV4 0x0800u
#define TYPE_IPV6 0x86DDu
#define TCP_CSUM_OFFSET 16u
#define IPV4_CSUM 10u

#define TX_CSUM (RTE_ETH_TX_OFFLOAD_TCP_CKSUM | RTE_ETH_TX_OFFLOAD_UDP_CKSUM)
#define RX_CSUM (RTE_ETH_RX_OFFLOAD_TCP_CKSUM | RTE_ETH_RX_OFFLOAD_UDP_CKSUM)

/* Source: drivers/net/tap 22.11: it counts the Ethernet header to the MTU and so refuses segments
 * of full size; and it cuts in software, which the switch does as well. */
static bool tso_usable(const struct rte_eth_dev_info *info)
{
	return info->tx_offload_capa & RTE_ETH_TX_OFFLOAD_TCP_TSO &&
	       info->tx_offload_capa & RTE_ETH_TX_OFFLOAD_MULTI_SEGS &&
	       strcmp(info->driver_name, "net_tap") != 0;
}

unsigned offload_choose(const struct rte_eth_dev_info *info, struct rte_eth_conf *conf)
{
	uint64_t can = info->tx_offload_capa;
	unsigned caps = 0;

	conf->rxmode.offloads = info->rx_offload_capa & RX_CSUM;
	conf->txmode.offloads = can & RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
	if ((can & TX_CSUM) == TX_CSUM) {
		conf->txmode.offloads |= TX_CSUM;
		caps |= VS_CAP_CSUM_NEEDED;
	}
	if (caps && tso_usable(info)) {
		conf->txmode.offloads |= RTE_ETH_TX_OFFLOAD_TCP_TSO;
		/* virtio has none and needs none. */
		conf->txmode.offloads |= can & RTE_ETH_TX_OFFLOAD_IPV4_CKSUM;
		caps |= VS_CAP_GSO_TCP4 | VS_CAP_GSO_TCP6;
	}
	return caps;
}

/* Where the outermost IP header begins, and its EtherType. */
static uint32_t l3_offset(const uint8_t *f, uint32_t len, uint16_t *type)
{
	uint32_t off = ETH_HLEN;

	*type = be16_load(f + off - 2);
	while ((*type == TPID_8021Q || *type == TPID_8021AD) && off + TAG_LEN <= len) {
		off += TAG_LEN;
		*type = be16_load(f + off - 2);
	}
	return off;
}

/* A guest's driver left the checksum to be done: virtio, where the wire is memory. */
static bool unfinished(const struct rte_mbuf *m)
{
	return (m->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) == RTE_MBUF_F_RX_L4_CKSUM_NONE;
}

uint32_t offload_head_bytes(const struct rte_mbuf *m)
{
	return unfinished(m) ? VS_HEAD_BYTES : VS_HEAD_MIN;
}

enum vs_drop offload_rx(const struct rte_mbuf *m, struct vs_burst *b)
{
	uint8_t *f = b->head[b->n];
	struct vnet_hdr hdr = {.flags = 0};
	uint16_t type, sum;
	uint32_t l3;

	if ((m->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) == RTE_MBUF_F_RX_L4_CKSUM_GOOD)
		hdr.flags = VNET_FLAG_DATA_VALID;
	if (unfinished(m) && vnet_csum_place(f, b->len[b->n], &hdr)) {
		/* What is in the field is not said: the pseudo header's sum belongs there. */
		l3 = l3_offset(f, b->headlen[b->n], &type);
		sum = type == TYPE_IPV6
			      ? rte_ipv6_phdr_cksum((const struct rte_ipv6_hdr *)(f + l3), 0)
			      : rte_ipv4_phdr_cksum((const struct rte_ipv4_hdr *)(f + l3), 0);
		memcpy(f + hdr.csum_start + hdr.csum_offset, &sum, sizeof(sum));
	}
	return vnet_rx_head(&hdr, b);
}

/* Drivers want the pseudo header's sum without the length if they are to cut the frame. */
static void gso_fields(const struct vs_burst *b, unsigned i, struct rte_mbuf *m, uint8_t *f,
		       uint32_t l3, bool ip_csum)
{
	uint8_t *field = f + l3 + m->l3_len + TCP_CSUM_OFFSET;
	uint16_t sum;

	m->ol_flags |= RTE_MBUF_F_TX_TCP_SEG;
	m->tso_segsz = b->gso_size[i];
	m->l4_len = (uint8_t)(b->hdrlen[i] - b->csum_start[i]);
	if (m->ol_flags & RTE_MBUF_F_TX_IPV6) {
		sum = rte_ipv6_phdr_cksum((const struct rte_ipv6_hdr *)(f + l3), m->ol_flags);
	} else {
		if (ip_csum) {
			m->ol_flags |= RTE_MBUF_F_TX_IP_CKSUM;
			memset(f + l3 + IPV4_CSUM, 0, 2);
		}
		sum = rte_ipv4_phdr_cksum((const struct rte_ipv4_hdr *)(f + l3), m->ol_flags);
	}
	memcpy(field, &sum, sizeof(sum));
}

enum vs_drop offload_tx(const struct vs_burst *b, const struct vs_ref *ref, struct rte_mbuf *m,
			bool ip_csum)
{
	unsigned i = ref->frame;
	uint8_t *f = rte_pktmbuf_mtod(m, uint8_t *);
	uint32_t l3, l4;
	uint16_t type;

	if (!(b->flags[i] & VS_F_CSUM_NEEDED))
		return VS_DROP_NONE;
	l3 = l3_offset(f, m->data_len, &type);
	l4 = b->csum_start[i] + (ref->edit == VS_EDIT_PUSH ? TAG_LEN : 0) -
	     (ref->edit == VS_EDIT_STRIP ? TAG_LEN : 0);
	if ((type != TYPE_IPV4 && type != TYPE_IPV6) || l4 < l3 + (type == TYPE_IPV4 ? 20u : 40u) ||
	    l4 + b->csum_offset[i] + 2u > m->data_len)
		return VS_DROP_TX_ERROR;
	m->l2_len = l3 & 0x7F;
	m->l3_len = (l4 - l3) & 0x1FF;
	m->ol_flags |= type == TYPE_IPV4 ? RTE_MBUF_F_TX_IPV4 : RTE_MBUF_F_TX_IPV6;
	m->ol_flags |= b->csum_offset[i] == TCP_CSUM_OFFSET ? RTE_MBUF_F_TX_TCP_CKSUM
							    : RTE_MBUF_F_TX_UDP_CKSUM;
	if (b->flags[i] & VS_F_GSO)
		gso_fields(b, i, m, f, l3, ip_csum);
	return VS_DROP_NONE;
}
