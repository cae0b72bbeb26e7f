/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A DPDK device as a port of a switch, one queue each way.
 *
 * Receiving: the mbufs of a burst are held, and referred to, until rx_done; what does not fit into
 * the references of one burst waits for the next. Sending: under a lock, since several workers may
 * do it and a queue has one user at a time; one copy into mbufs of the pool, one call for the
 * burst. A tag is edited in the head, which is copied anyway: a driver that inserts tags could
 * not save anything.
 *
 * Offloads (offload.c) are used as far as the driver has them.
 *
 * Sleeping: a driver with receive interrupts gives a descriptor; for the others (af_packet, af_xdp,
 * ring) a timer wakes the worker (idle.c). Before it sleeps the worker looks once more: what it
 * finds is the next burst.
 *
 * A device that is pulled out is marked by the driver's event; the control thread sees it at its
 * next look and closes the port.
 */
#include <errno.h>
#include <pthread.h>
#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_log.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/be.h"
#include "host/dpdk/dpdk_priv.h"
#include "host/dpdk/offload.h"
#include "host/vnet.h"

#define RX_DESCRIPTORS 512u
#define TX_DESCRIPTORS 512u
#define ETH_HLEN 14u
#define ADDRESSES 12u
#define TAG_LEN 4u
#define TPID_8021Q 0x8100u
#define CHAIN_MAX ((VS_FRAME_MAX + TAG_LEN + MBUF_ROOM - 1) / MBUF_ROOM)

static_assert(CHAIN_MAX <= VS_SEGS, "a frame's references");

/* Used by the one worker that polls the port. */
struct dpdk_rx {
	struct rte_mbuf *m[VS_BURST];
	unsigned held, next, n; /* [held, next) belong to the burst, [next, n) come later */
	struct idle idle;
	int fd; /* of the driver's interrupt, or the timer's */
	bool interrupts;
};

struct host_dpdk_port {
	uint16_t id;
	struct rte_device *dev;
	unsigned caps; /* enum vs_port_cap */
	bool ip_csum;
	uint32_t frame_max;
	uint32_t wire_max; /* of a frame that is not to be cut */
	/* Hints for senders: hence relaxed. */
	atomic_bool carrier;
	atomic_bool gone;
	struct dpdk_rx rx;
	pthread_mutex_t tx_lock;
};

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
	rx->n = rte_eth_rx_burst(p->id, 0, rx->m, VS_BURST);
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
	idle_reset(&rx->idle);
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
static bool append(struct rte_mbuf *m, struct rte_mbuf **last, const uint8_t *from, uint32_t len)
{
	while (len) {
		uint16_t room = rte_pktmbuf_tailroom(*last);
		uint16_t n = len < room ? (uint16_t)len : room;

		if (!n) {
			struct rte_mbuf *more = rte_pktmbuf_alloc(eal_pool());

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
		if (!append(m, &last, seg[s].p, seg[s].len))
			return VS_DROP_TX_NO_BUFFER;
	if (m->pkt_len > p->wire_max && !(b->flags[ref->frame] & VS_F_GSO))
		return VS_DROP_TX_TOO_BIG;
	return offload_tx(b, ref, m, p->ip_csum);
}

/* Hand n frames to the driver. Return: how many it took; the others are freed. */
static unsigned submit(struct host_dpdk_port *p, struct rte_mbuf **m, unsigned n, enum vs_drop *err)
{
	uint16_t ready = (uint16_t)n, sent;

	if (p->caps)
		ready = rte_eth_tx_prepare(p->id, 0, m, (uint16_t)n);
	sent = rte_eth_tx_burst(p->id, 0, m, ready);
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
	if (rte_pktmbuf_alloc_bulk(eal_pool(), m, n))
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
	if (!k)
		return 0;
	pthread_mutex_lock(&p->tx_lock);
	k = submit(p, m, k, err);
	pthread_mutex_unlock(&p->tx_lock);
	return k;
}

/* ---- sleeping, capabilities ------------------------------------------------------------------ */

static bool port_arm(void *port)
{
	struct host_dpdk_port *p = port;

	if (p->rx.interrupts)
		rte_eth_dev_rx_intr_enable(p->id, 0);
	if (fetch(p))
		return true;
	if (!p->rx.interrupts && !atomic_load_explicit(&p->gone, memory_order_relaxed))
		idle_arm(&p->rx.idle);
	return false;
}

static void port_disarm(void *port)
{
	struct host_dpdk_port *p = port;

	if (p->rx.interrupts)
		rte_eth_dev_rx_intr_disable(p->id, 0);
}

static int port_wait_fd(void *port)
{
	const struct host_dpdk_port *p = port;

	return p->rx.fd;
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

static int removed(uint16_t id, enum rte_eth_event_type event, void *ctx, void *ret)
{
	struct host_dpdk_port *p = ctx;

	(void)id;
	(void)event;
	(void)ret;
	atomic_store_explicit(&p->gone, true, memory_order_relaxed);
	return 0;
}

enum host_dpdk_state dpdk_port_state(struct host_dpdk_port *p)
{
	struct rte_eth_link link = {.link_status = RTE_ETH_LINK_UP};

	if (atomic_load_explicit(&p->gone, memory_order_relaxed))
		return HOST_DPDK_GONE;
	/* A driver that cannot tell is taken to be up. */
	if (rte_eth_link_get_nowait(p->id, &link) < 0)
		link.link_status = RTE_ETH_LINK_UP;
	atomic_store_explicit(&p->carrier, link.link_status == RTE_ETH_LINK_UP,
			      memory_order_relaxed);
	return link.link_status == RTE_ETH_LINK_UP ? HOST_DPDK_READY : HOST_DPDK_NO_CARRIER;
}

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

static int setup_queues(struct host_dpdk_port *p, const struct rte_eth_dev_info *info,
			const struct rte_eth_conf *conf)
{
	uint16_t nrx = RX_DESCRIPTORS, ntx = TX_DESCRIPTORS;
	struct rte_eth_txconf tx = info->default_txconf;
	unsigned node = (unsigned)SOCKET_ID_ANY;
	int rc;

	tx.offloads = conf->txmode.offloads;
	rc = rte_eth_dev_adjust_nb_rx_tx_desc(p->id, &nrx, &ntx);
	if (!rc)
		rc = rte_eth_rx_queue_setup(p->id, 0, nrx, node, NULL, eal_pool());
	if (!rc)
		rc = rte_eth_tx_queue_setup(p->id, 0, ntx, node, &tx);
	return rc;
}

static int configure(struct host_dpdk_port *p)
{
	struct rte_eth_conf conf = {0};
	struct rte_eth_dev_info info;
	uint16_t mtu;
	int rc = rte_eth_dev_info_get(p->id, &info);

	if (rc)
		return rc;
	p->caps = offload_choose(&info, &conf);
	p->ip_csum = conf.txmode.offloads & RTE_ETH_TX_OFFLOAD_IPV4_CKSUM;
	conf.intr_conf.rxq = 1;
	p->rx.interrupts = rte_eth_dev_configure(p->id, 1, 1, &conf) == 0;
	conf.intr_conf.rxq = 0;
	if (!p->rx.interrupts)
		rc = rte_eth_dev_configure(p->id, 1, 1, &conf);
	if (!rc)
		rc = setup_queues(p, &info, &conf);
	if (rc)
		return rc;
	p->wire_max = rte_eth_dev_get_mtu(p->id, &mtu) == 0 ? mtu + ETH_HLEN + TAG_LEN : 1518;
	p->frame_max = p->caps & (VS_CAP_GSO_TCP4 | VS_CAP_GSO_TCP6) ? VS_FRAME_MAX : p->wire_max;
	return 0;
}

/* What the worker sleeps on. */
static int setup_wait(struct host_dpdk_port *p)
{
	uint32_t level = rte_log_get_global_level();
	int rc = idle_open(&p->rx.idle), fd = -1;

	/* To have none is no error worth a line. */
	rte_log_set_global_level(RTE_LOG_EMERG);
	if (p->rx.interrupts)
		fd = rte_eth_dev_rx_intr_ctl_q_get_fd(p->id, 0);
	rte_log_set_global_level(level);
	/* Some drivers accept the wish for interrupts and have none. */
	if (fd >= 0 && (rte_eth_dev_rx_intr_enable(p->id, 0) != 0 ||
			rte_eth_dev_rx_intr_disable(p->id, 0) != 0))
		fd = -1;
	p->rx.interrupts = fd >= 0;
	p->rx.fd = fd >= 0 ? fd : p->rx.idle.fd;
	return rc;
}

static int start_device(struct host_dpdk_port *p)
{
	int rc = configure(p);

	if (!rc)
		rc = rte_eth_dev_start(p->id);
	if (rc)
		return rc;
	/* A switch sees everything. A driver that cannot say so shows it anyway or never. */
	rte_eth_promiscuous_enable(p->id);
	rte_eth_allmulticast_enable(p->id);
	rte_eth_dev_callback_register(p->id, RTE_ETH_EVENT_INTR_RMV, removed, p);
	return setup_wait(p);
}

struct host_dpdk_port *dpdk_port_open(const char *device, char *err, size_t err_len)
{
	struct host_dpdk_port *p = calloc(1, sizeof(*p));
	int rc;

	if (!p)
		return NULL;
	p->id = RTE_MAX_ETHPORTS;
	p->rx.idle.fd = -1;
	pthread_mutex_init(&p->tx_lock, NULL);
	atomic_init(&p->carrier, true);
	atomic_init(&p->gone, false);
	rc = rte_dev_probe(device);
	if (rc == 0 || rc == -EEXIST)
		rc = find_port(p, device);
	if (!rc)
		rc = start_device(p);
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
		rte_eth_dev_callback_unregister(p->id, RTE_ETH_EVENT_INTR_RMV, removed, p);
		rte_eth_dev_stop(p->id);
		rte_eth_dev_close(p->id);
	}
	if (p->dev)
		rte_dev_remove(p->dev);
	idle_close(&p->rx.idle);
	pthread_mutex_destroy(&p->tx_lock);
	free(p);
}
