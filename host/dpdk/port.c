/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A DPDK device as a port of a switch.
 *
 * Queues: as many as the device's arguments make it have (qpairs=, queues=, queue_count=), else one
 * to receive from and, of a card, up to TX_QUEUES to send to. The port's worker looks at the
 * receiving ones in turn; each worker that sends has one of the others, or shares it.
 *
 * Receiving: the mbufs of a burst are held, and referred to, until rx_done; what does not fit into
 * the references of one burst waits for the next. Sending: under the queue's lock; one copy into
 * mbufs of the pool, one call for the burst. A tag is edited in the head, which is copied anyway: a
 * driver that inserts tags could not save anything.
 *
 * Offloads (offload.c) are used as far as the driver has them.
 *
 * Sleeping: see wait.c. Before it sleeps the worker looks once more: what it finds is the next
 * burst.
 *
 * The link, and a device that is pulled out: link.c.
 */
#include <errno.h>
#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_log.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/be.h"
#include "host/lane.h"
#include "host/dpdk/link.h"
#include "host/dpdk/offload.h"
#include "host/dpdk/port_priv.h"
#include "host/vnet.h"

#define RX_DESCRIPTORS 512u
#define TX_DESCRIPTORS 512u
#define TX_QUEUES 4u /* of a card */
#define ETH_HLEN 14u
#define ADDRESSES 12u
#define TAG_LEN 4u
#define TPID_8021Q 0x8100u
#define CHAIN_MAX ((VS_FRAME_MAX + TAG_LEN + MBUF_ROOM - 1) / MBUF_ROOM)

static_assert(CHAIN_MAX <= VS_SEGS, "a frame's references");

/* ---- receiving ---------------------------------------------------------------------------- */

static void release(struct dpdk_rx *rx)
{
	for (; rx->held < rx->next; rx->held++)
		rte_pktmbuf_free(rx->m[rx->held]);
}

static bool fetch(struct host_dpdk_port *p)
{
	struct dpdk_rx *rx = &p->rx;

	release(rx);
	if (rx->next < rx->n)
		return true;
	rx->held = rx->next = rx->n = 0;
	if (atomic_load_explicit(&p->gone, memory_order_relaxed))
		return false;
	for (unsigned k = 0; k < p->n_rx && !rx->n; k++) {
		rx->n = rte_eth_rx_burst(p->id, rx->queue, rx->m, VS_BURST);
		rx->queue = rx->queue + 1u < p->n_rx ? (uint16_t)(rx->queue + 1) : 0;
	}
	return rx->n > 0;
}

/* The driver took the tag off: put it back behind the addresses. */
static void restore_tag(struct vs_burst *b, unsigned i, const struct rte_mbuf *m)
{
	uint8_t *h = b->head[i];

	memmove(h + ADDRESSES + TAG_LEN, h + ADDRESSES, b->headlen[i] - ADDRESSES);
	be16_store(h + ADDRESSES, TPID_8021Q);
	be16_store(h + ADDRESSES + 2, m->vlan_tci);
	b->headlen[i] = (uint16_t)(b->headlen[i] + TAG_LEN);
	b->len[i] += TAG_LEN;
}

/* References to the chain's bytes from skip on. */
static void refer(struct vs_burst *b, unsigned i, const struct rte_mbuf *m, uint32_t skip)
{
	b->seg0[i] = (uint16_t)b->nseg_used;
	b->nseg[i] = 0;
	for (; m; m = m->next) {
		uint32_t len = m->data_len;

		if (len > skip) {
			b->seg[b->nseg_used + b->nseg[i]] = (struct vs_seg){
				.p = rte_pktmbuf_mtod_offset(m, const uint8_t *, skip),
				.len = len - skip,
			};
			b->nseg[i]++;
		}
		skip -= skip < len ? skip : len;
	}
}

static enum vs_drop describe(struct vs_burst *b, const struct rte_mbuf *m)
{
	unsigned i = b->n;
	uint32_t len = m->pkt_len;
	bool stripped = m->ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED;
	const void *head;
	enum vs_drop why;
	uint32_t want;

	if (len < ETH_HLEN)
		return VS_DROP_RX_RUNT;
	if (len > VS_FRAME_MAX - (stripped ? TAG_LEN : 0))
		return VS_DROP_RX_GIANT;
	if (m->nb_segs > CHAIN_MAX)
		return VS_DROP_RX_UNSUPPORTED;
	b->len[i] = len;
	want = offload_head_bytes(m) - (stripped ? TAG_LEN : 0);
	b->headlen[i] = (uint16_t)(len < want ? len : want);
	head = rte_pktmbuf_read(m, 0, b->headlen[i], b->head[i]);
	if (!head)
		return VS_DROP_RX_MALFORMED;
	if (head != b->head[i])
		memcpy(b->head[i], head, b->headlen[i]);
	refer(b, i, m, b->headlen[i]);
	if (stripped)
		restore_tag(b, i, m);
	why = offload_rx(m, b);
	if (why != VS_DROP_NONE)
		return why;
	b->nseg_used += b->nseg[i];
	b->n++;
	return VS_DROP_NONE;
}

static unsigned port_rx_burst(void *port, struct vs_burst *b, uint64_t *dropped)
{
	struct host_dpdk_port *p = port;
	struct dpdk_rx *rx = &p->rx;

	b->n = 0;
	b->nseg_used = 0;
	if (!fetch(p))
		return 0;
	idle_reset(&p->wait.idle);
	for (; rx->next < rx->n; rx->next++) {
		const struct rte_mbuf *m = rx->m[rx->next];
		enum vs_drop why;

		if (rx->next + 4 < rx->n)
			rte_prefetch0(rte_pktmbuf_mtod(rx->m[rx->next + 4], const void *));
		if (b->nseg_used + CHAIN_MAX > VS_SEGS && b->nseg_used + m->nb_segs > VS_SEGS)
			break;
		why = describe(b, m);
		if (why != VS_DROP_NONE)
			dropped[why]++;
	}
	return b->n;
}

static void port_rx_done(void *port, const struct vs_burst *b)
{
	struct host_dpdk_port *p = port;

	(void)b;
	release(&p->rx);
}

/* ---- sending -------------------------------------------------------------------------------- */

/* Append to the chain that ends in *last, which grows. Return: false if the pool is empty. */
static bool append(struct rte_mempool *pool, struct rte_mbuf *m, struct rte_mbuf **last,
		   const uint8_t *from, uint32_t len)
{
	while (len) {
		uint16_t room = rte_pktmbuf_tailroom(*last);
		uint16_t n = len < room ? (uint16_t)len : room;

		if (!n) {
			struct rte_mbuf *more = rte_pktmbuf_alloc(pool);

			if (!more)
				return false;
			(*last)->next = more;
			*last = more;
			m->nb_segs++;
			continue;
		}
		memcpy(rte_pktmbuf_mtod_offset(*last, uint8_t *, (*last)->data_len), from, n);
		(*last)->data_len = (uint16_t)((*last)->data_len + n);
		m->pkt_len += n;
		from += n;
		len -= n;
	}
	return true;
}

/* Write one frame into the fresh mbuf m. */
static enum vs_drop fill(const struct host_dpdk_port *p, struct rte_mbuf *m,
			 const struct vs_burst *b, const struct vs_ref *ref)
{
	const struct vs_seg *seg = b->seg + b->seg0[ref->frame];
	struct rte_mbuf *last = m;
	uint32_t headlen = vnet_head(b, ref, rte_pktmbuf_mtod(m, uint8_t *));

	if (!headlen)
		return VS_DROP_TX_ERROR;
	m->data_len = (uint16_t)headlen;
	m->pkt_len = headlen;
	for (unsigned s = 0; s < b->nseg[ref->frame]; s++)
		if (!append(p->pool, m, &last, seg[s].p, seg[s].len))
			return VS_DROP_TX_NO_BUFFER;
	if (m->pkt_len > p->wire_max && !(b->flags[ref->frame] & VS_F_GSO))
		return VS_DROP_TX_TOO_BIG;
	return offload_tx(b, ref, m, p->ip_csum);
}

/* The calling worker's. */
static uint16_t tx_queue(const struct host_dpdk_port *p)
{
	return (uint16_t)lane_of(p->n_tx);
}

/* Hand n frames to the driver. Return: how many it took; the others are freed. */
static unsigned submit(struct host_dpdk_port *p, struct rte_mbuf **m, unsigned n, enum vs_drop *err)
{
	uint16_t ready = (uint16_t)n, sent, queue = tx_queue(p);

	pthread_mutex_lock(&p->tx_lock[queue]);
	if (p->caps)
		ready = rte_eth_tx_prepare(p->id, queue, m, (uint16_t)n);
	sent = rte_eth_tx_burst(p->id, queue, m, ready);
	pthread_mutex_unlock(&p->tx_lock[queue]);
	if (sent < n) {
		*err = sent < ready ? VS_DROP_TX_NO_BUFFER : VS_DROP_TX_ERROR;
		rte_pktmbuf_free_bulk(m + sent, n - sent);
	}
	return sent;
}

static unsigned port_tx_burst(void *port, const struct vs_burst *b, const struct vs_ref *ref,
			      unsigned n, enum vs_drop *err)
{
	struct host_dpdk_port *p = port;
	struct rte_mbuf *m[VS_BURST];
	unsigned k = 0;

	if (n > VS_BURST)
		n = VS_BURST;
	if (atomic_load_explicit(&p->gone, memory_order_relaxed) ||
	    !atomic_load_explicit(&p->carrier, memory_order_relaxed)) {
		*err = VS_DROP_TX_DOWN;
		return 0;
	}
	*err = VS_DROP_TX_NO_BUFFER;
	if (rte_pktmbuf_alloc_bulk(p->pool, m, n))
		return 0;
	for (; k < n; k++) {
		enum vs_drop why = fill(p, m[k], b, ref + k);

		if (why == VS_DROP_NONE)
			continue;
		/* The switch goes on behind the frame if that may help. */
		*err = why;
		rte_pktmbuf_free_bulk(m + k, n - k);
		break;
	}
	return k ? submit(p, m, k, err) : 0;
}

/* ---- sleeping, capabilities ------------------------------------------------------------------ */

static bool port_arm(void *port)
{
	struct host_dpdk_port *p = port;

	if (p->wait.how == WAIT_INTERRUPT)
		for (uint16_t q = 0; q < p->n_rx; q++)
			rte_eth_dev_rx_intr_enable(p->id, q);
	if (fetch(p))
		return true;
	if (!atomic_load_explicit(&p->gone, memory_order_relaxed))
		wait_arm(&p->wait);
	return false;
}

static void port_disarm(void *port)
{
	struct host_dpdk_port *p = port;

	if (p->wait.how == WAIT_INTERRUPT)
		for (uint16_t q = 0; q < p->n_rx; q++)
			rte_eth_dev_rx_intr_disable(p->id, q);
}

static int port_wait_fd(void *port)
{
	const struct host_dpdk_port *p = port;

	return p->wait.fd;
}

static unsigned port_caps(void *port)
{
	const struct host_dpdk_port *p = port;

	return p->caps;
}

static uint32_t port_frame_max(void *port)
{
	const struct host_dpdk_port *p = port;

	return p->frame_max;
}

const struct vs_port_ops dpdk_port_ops = {
	.kind = "DPDK",
	.rx_burst = port_rx_burst,
	.rx_done = port_rx_done,
	.tx_burst = port_tx_burst,
	.arm = port_arm,
	.disarm = port_disarm,
	.wait_fd = port_wait_fd,
	.caps = port_caps,
	.frame_max = port_frame_max,
};

/* ---- life --------------------------------------------------------------------------------------
 */

/* The port a device has become: the device's name ends at the comma. Return: 0 or -errno. */
static int find_port(struct host_dpdk_port *p, const char *device)
{
	struct rte_eth_dev_info info;
	struct rte_dev_iterator it;
	uint16_t id, found = RTE_MAX_ETHPORTS;
	int rc;

	RTE_ETH_FOREACH_MATCHING_DEV(id, device, &it)
	if (found == RTE_MAX_ETHPORTS)
		found = id;
	if (found == RTE_MAX_ETHPORTS)
		return -ENODEV;
	p->id = found;
	rc = rte_eth_dev_info_get(p->id, &info);
	p->dev = rc ? NULL : info.device;
	return rc;
}

/* The number behind one of the words by which drivers are told of their queues; 0: there is none.
 */
static unsigned queues_asked_for(const char *device)
{
	static const char *const word[] = {",qpairs=", ",queues=", ",queue_count="};

	for (size_t i = 0; i < sizeof(word) / sizeof(word[0]); i++) {
		const char *at = strstr(device, word[i]);

		if (at)
			return (unsigned)strtoul(at + strlen(word[i]), NULL, 10);
	}
	return 0;
}

static uint16_t at_most(unsigned n, unsigned max)
{
	n = n < max ? n : max;
	n = n < QUEUES ? n : QUEUES;
	return (uint16_t)(n ? n : 1);
}

static void choose_queues(struct host_dpdk_port *p, const struct rte_eth_dev_info *info,
			  const char *device)
{
	unsigned asked = queues_asked_for(device);

	p->n_rx = at_most(asked, info->max_rx_queues);
	p->n_tx = at_most(asked ? asked : is_pci(device) ? TX_QUEUES : 1, info->max_tx_queues);
}

static int choose_pool(struct host_dpdk_port *p, const struct rte_eth_dev_info *info)
{
	char name[32];

	p->pool = eal_pool();
	if (strcmp(info->driver_name, "net_af_xdp") != 0)
		return 0;
	snprintf(name, sizeof(name), "zlan_xdp_%u", p->id);
	p->pool = eal_page_pool(name);
	return p->pool ? 0 : -rte_errno;
}

static int setup_queues(struct host_dpdk_port *p, const struct rte_eth_dev_info *info,
			const struct rte_eth_conf *conf)
{
	uint16_t nrx = RX_DESCRIPTORS, ntx = TX_DESCRIPTORS;
	struct rte_eth_txconf tx = info->default_txconf;
	unsigned node = (unsigned)SOCKET_ID_ANY;
	int rc;

	tx.offloads = conf->txmode.offloads;
	rc = rte_eth_dev_adjust_nb_rx_tx_desc(p->id, &nrx, &ntx);
	for (uint16_t q = 0; !rc && q < p->n_rx; q++)
		rc = rte_eth_rx_queue_setup(p->id, q, nrx, node, NULL, p->pool);
	for (uint16_t q = 0; !rc && q < p->n_tx; q++)
		rc = rte_eth_tx_queue_setup(p->id, q, ntx, node, &tx);
	return rc;
}

static int configure(struct host_dpdk_port *p, const char *device)
{
	struct rte_eth_conf conf = {0};
	struct rte_eth_dev_info info;
	uint16_t mtu;
	int rc = rte_eth_dev_info_get(p->id, &info);

	if (rc)
		return rc;
	p->caps = offload_choose(&info, &conf);
	p->ip_csum = conf.txmode.offloads & RTE_ETH_TX_OFFLOAD_IPV4_CKSUM;
	choose_queues(p, &info, device);
	rc = choose_pool(p, &info);
	if (rc)
		return rc;
	p->link_interrupts = link_is_told(&info);
	conf.intr_conf.lsc = p->link_interrupts;
	if (p->n_rx > 1 && info.flow_type_rss_offloads) {
		conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
		conf.rx_adv_conf.rss_conf.rss_hf =
			info.flow_type_rss_offloads &
			(RTE_ETH_RSS_IP | RTE_ETH_RSS_TCP | RTE_ETH_RSS_UDP);
	}
	conf.intr_conf.rxq = 1;
	p->rx_interrupts = rte_eth_dev_configure(p->id, p->n_rx, p->n_tx, &conf) == 0;
	conf.intr_conf.rxq = 0;
	if (!p->rx_interrupts)
		rc = rte_eth_dev_configure(p->id, p->n_rx, p->n_tx, &conf);
	if (!rc)
		rc = setup_queues(p, &info, &conf);
	if (rc)
		return rc;
	p->wire_max = rte_eth_dev_get_mtu(p->id, &mtu) == 0 ? mtu + ETH_HLEN + TAG_LEN : 1518;
	p->frame_max = p->caps & (VS_CAP_GSO_TCP4 | VS_CAP_GSO_TCP6) ? VS_FRAME_MAX : p->wire_max;
	return 0;
}

static int start_device(struct host_dpdk_port *p, const char *device, const struct sockets *before)
{
	int rc = configure(p, device);

	if (!rc)
		rc = rte_eth_dev_start(p->id);
	if (rc)
		return rc;
	/* A switch sees everything. A driver that cannot say so shows it anyway or never. */
	rte_eth_promiscuous_enable(p->id);
	rte_eth_allmulticast_enable(p->id);
	rc = link_open(p, is_pci(device));
	if (rc)
		return rc;
	return wait_open(&p->wait, p->id, p->n_rx, p->rx_interrupts, before);
}

struct host_dpdk_port *dpdk_port_open(const char *device, char *err, size_t err_len)
{
	struct host_dpdk_port *p = calloc(1, sizeof(*p));
	struct sockets before;
	char name[256];
	int rc;

	if (!p)
		return NULL;
	p->id = RTE_MAX_ETHPORTS;
	p->wait.fd = p->wait.idle.fd = p->link_fd = -1;
	for (unsigned q = 0; q < QUEUES; q++)
		lane_lock_init(&p->tx_lock[q]);
	atomic_init(&p->carrier, true);
	atomic_init(&p->gone, false);
	wait_sockets(&before);
	eal_device_name(device, name, sizeof(name));
	rc = find_port(p, name); /* the EAL has found it already */
	if (rc == -ENODEV) {
		rc = rte_dev_probe(name);
		if (!rc)
			rc = find_port(p, name);
	}
	if (!rc)
		rc = start_device(p, device, &before);
	if (!rc) {
		dpdk_port_state(p);
		return p;
	}
	/* Source: rte_dev_probe: EFAULT is a name no bus understands. */
	if (rc == -EFAULT)
		rc = -ENODEV;
	snprintf(err, err_len, "%s%s",
		 rc == -ENODEV ? "no such device or driver" : rte_strerror(-rc),
		 rc == -ENODEV && !eal_has_pci()
			 ? "; for a PCI device SET DPDK ARGS \"-a ADDRESS\" before the first port"
			 : "");
	dpdk_port_close(p);
	errno = -rc;
	return NULL;
}

void dpdk_port_close(struct host_dpdk_port *p)
{
	if (!p)
		return;
	p->rx.next = p->rx.n; /* also what no burst has shown yet */
	release(&p->rx);
	if (p->id != RTE_MAX_ETHPORTS) {
		link_close(p);
		wait_close(&p->wait); /* while the driver's descriptors are still its own */
		rte_eth_dev_stop(p->id);
		rte_eth_dev_close(p->id);
	}
	if (p->dev)
		rte_dev_remove(p->dev);
	if (p->pool != eal_pool())
		rte_mempool_free(p->pool);
	for (unsigned q = 0; q < QUEUES; q++)
		pthread_mutex_destroy(&p->tx_lock[q]);
	free(p);
}
