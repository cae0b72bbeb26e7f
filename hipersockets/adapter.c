/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An adapter: between the control path (osa/), which tells what a host registers, and the LAN; and
 * its queues' side as a port of a switch (zland) and as SIGA (elsewhere).
 */
#include "hipersockets/hs_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#define MMWC 32u /* buffers of one SIGA-wm */

static const uint16_t frame_codes[HS_MFS_COUNT] = {
	[HS_MFS_16K] = HS_FRAME_16K,
	[HS_MFS_24K] = HS_FRAME_24K,
	[HS_MFS_40K] = HS_FRAME_40K,
	[HS_MFS_64K] = HS_FRAME_64K,
};

/* ---- delivering: somebody's turn --------------------------------------------------------------
 */

static bool any_primed(const struct hs_adapter *h)
{
	for (unsigned i = 0; i < h->queues->n_out; i++)
		if (qdio_out_primed(&h->queues->out[i], 1))
			return true;
	return false;
}

static uint64_t take_aob(struct hs_adapter *h, unsigned queue)
{
	uint64_t aob = h->aob[queue];

	h->aob[queue] = 0;
	return aob;
}

/* The next queue with work after the one served last. out_lock and the LAN's lock are held. */
static unsigned deliver_next(struct hs_flow *f)
{
	struct hs_adapter *h = f->from;

	for (unsigned k = 1; k <= h->queues->n_out; k++) {
		unsigned nr = (h->out_queue + k) % h->queues->n_out;

		if (!qdio_out_primed(&h->queues->out[nr], 1))
			continue;
		h->out_queue = nr;
		return hs_deliver(f, nr, HS_BURST, take_aob(h, nr));
	}
	return 0;
}

void hs_count_sent(const struct hs_flow *f)
{
	const struct vs_tally t = {.dir = VS_DIRECT_RX,
				   .why = VS_DROP_NONE,
				   .frames = f->sent_frames,
				   .bytes = f->sent_bytes,
				   .mcast = f->sent_mcast};

	if (f->d && f->from->link.ops && f->sent_frames)
		f->d->ops->count(f->d, f->from->link.ctx, &t);
}

/* ---- as a port of a switch
 * ------------------------------------------------------------------------ */

/*
 * Without work nothing is locked: workers poll. The LAN stays what it is while the port runs.
 */
static unsigned port_forward(void *port, const struct vs_direct *d)
{
	struct hs_adapter *h = port;
	struct hs_flow f = {.lan = h->lan, .from = h, .d = d};
	unsigned n;

	if (!any_primed(h) && !hs_wait_ready(h))
		return 0;
	pthread_rwlock_rdlock(&h->lan->lock);
	pthread_mutex_lock(&h->out_lock);
	n = hs_wait_run(&f, h);
	n += deliver_next(&f);
	pthread_mutex_unlock(&h->out_lock);
	pthread_rwlock_unlock(&h->lan->lock);
	hs_count_sent(&f);
	return n;
}

/* As osa's ports do, and what waits for our buffers is work as well. */
static bool port_arm(void *port)
{
	struct hs_adapter *h = port;
	const struct osa_doorbell *bell = osa_doorbell(h->osa);

	if (bell->want_kick)
		atomic_store_explicit(bell->want_kick, 1, memory_order_relaxed);
	atomic_thread_fence(memory_order_seq_cst);
	return any_primed(h) || hs_wait_ready(h);
}

static void port_disarm(void *port)
{
	const struct osa_doorbell *bell = osa_doorbell(((struct hs_adapter *)port)->osa);
	uint64_t kicks;
	struct iovec iov = {.iov_base = &kicks, .iov_len = sizeof(kicks)};

	if (bell->want_kick)
		atomic_store_explicit(bell->want_kick, 0, memory_order_relaxed);
	/* Not to wait is asked for here, as in osa/layer2.c. */
	if (bell->fd >= 0 && preadv2(bell->fd, &iov, 1, -1, RWF_NOWAIT) < 0) {
		/* Nobody rang. */
	}
}

static int port_wait_fd(void *port)
{
	return osa_doorbell(((struct hs_adapter *)port)->osa)->fd;
}

unsigned hs_port_no_caps(void *port)
{
	(void)port;
	return 0;
}

void hs_port_no_disarm(void *port)
{
	(void)port;
}

static uint32_t port_frame_max(void *port)
{
	return hs_lan_frame_max(((struct hs_adapter *)port)->lan);
}

/* No frame of a switch comes here or goes from here: COUPLE joins like to like. */
unsigned hs_port_no_rx(void *port, struct vs_burst *b, uint64_t *dropped)
{
	(void)port;
	(void)dropped;
	b->n = 0;
	return 0;
}

void hs_port_no_rx_done(void *port, const struct vs_burst *b)
{
	(void)port;
	(void)b;
}

unsigned hs_port_no_tx(void *port, const struct vs_burst *b, const struct vs_ref *ref, unsigned n,
		       enum vs_drop *err)
{
	(void)port;
	(void)b;
	(void)ref;
	(void)n;
	*err = VS_DROP_TX_DOWN;
	return 0;
}

static const struct vs_port_ops port_ops = {
	.kind = "IQD",
	.rx_burst = hs_port_no_rx,
	.rx_done = hs_port_no_rx_done,
	.tx_burst = hs_port_no_tx,
	.arm = port_arm,
	.disarm = port_disarm,
	.wait_fd = port_wait_fd,
	.caps = hs_port_no_caps,
	.frame_max = port_frame_max,
	.forward = port_forward,
};

/* ---- as SIGA
 * ------------------------------------------------------------------------------------------
 */

static unsigned first_queue(uint32_t mask)
{
	return (unsigned)__builtin_clz(mask);
}

/* wq pairs its AOB with the next buffer alone; w and wm are for all that is primed (6.5). */
static void signal_now(struct hs_flow *f, const struct qdio_signal *s)
{
	struct hs_adapter *h = f->from;

	if (s->fc == QDIO_SIGA_R) {
		hs_wait_run(f, h);
		return;
	}
	for (uint32_t mask = s->queues; mask; mask &= ~QDIO_SIGA_QUEUE(first_queue(mask))) {
		unsigned nr = first_queue(mask);

		if (nr >= h->queues->n_out)
			break;
		if (s->fc == QDIO_SIGA_WQ) {
			hs_deliver(f, nr, 1, s->aob);
			continue;
		}
		/* Bounded: a host that primes as fast as we deliver must not keep us. */
		for (unsigned left = QDIO_BUFFERS, n; left; left -= n) {
			n = hs_deliver(f, nr, left, 0);
			if (!n)
				break;
		}
	}
}

/* The worker delivers; an AOB is kept for it, if its buffer is still there. */
static int signal_worker(struct hs_adapter *h, const struct qdio_signal *s)
{
	unsigned nr = first_queue(s->queues);

	pthread_mutex_lock(&h->out_lock);
	if (s->fc == QDIO_SIGA_WQ && h->running && nr < h->queues->n_out &&
	    qdio_out_primed(&h->queues->out[nr], 1))
		h->aob[nr] = s->aob;
	pthread_mutex_unlock(&h->out_lock);
	qdio_group_kick(osa_group(h->osa));
	return 0;
}

static int adapter_siga(void *ctx, const struct qdio_signal *s, bool *busy)
{
	struct hs_adapter *h = ctx;
	struct hs_lan *lan = atomic_load_explicit(&h->plugged, memory_order_acquire);
	struct hs_flow f = {.lan = lan, .from = h};

	if (h->cfg.worker)
		return signal_worker(h, s);
	if (!lan)
		return 0; /* no cable: as for an OSD, buffers stay until there is one */
	/* The LAN is being changed: nothing is done, and soon may be (6.4). */
	if (pthread_rwlock_tryrdlock(&lan->lock)) {
		*busy = true;
		return 2;
	}
	if (h->running) {
		pthread_mutex_lock(&h->out_lock);
		signal_now(&f, s);
		pthread_mutex_unlock(&h->out_lock);
	}
	pthread_rwlock_unlock(&lan->lock);
	return f.failed ? 2 : 0;
}

/* ---- what the control path tells
 * --------------------------------------------------------------------- */

/* The address it speaks for itself with: the first one registered, while it has that. */
void hs_choose_mac(struct hs_adapter *h)
{
	const struct hs_address *a;
	uint8_t key[16];

	hs_mac_key(key, h->mac);
	if (h->has_mac && hs_lan_has(h->lan, h, HS_KIND_MAC, key))
		return;
	h->has_mac = false;
	memset(h->mac, 0, sizeof(h->mac));
	LIST_FOREACH(a, &h->addresses, of_owner)
	if (a->kind == HS_KIND_MAC) {
		memcpy(h->mac, a->key, sizeof(h->mac));
		h->has_mac = true;
	}
}

static int lan_mac(struct hs_adapter *h, enum hs_kind kind, const uint8_t key[16], bool add)
{
	int rc = 0;

	pthread_rwlock_wrlock(&h->lan->lock);
	if (add)
		rc = hs_lan_add(h->lan, h, kind, key);
	else
		hs_lan_del(h->lan, h, kind, key);
	if (!rc && kind == HS_KIND_MAC)
		hs_choose_mac(h);
	pthread_rwlock_unlock(&h->lan->lock);
	return rc;
}

/* The LAN is known while the link is started. */
static int link_mac(struct hs_adapter *h, const uint8_t mac[6], bool add)
{
	enum hs_kind kind = mac[0] & 1 ? HS_KIND_GROUP : HS_KIND_MAC;
	const struct vs_link *l = &h->link;
	struct hs_adapter *was = NULL;
	uint8_t key[16];
	int rc = 0;

	hs_mac_key(key, mac);
	if (add && kind == HS_KIND_MAC)
		was = hs_vnicc_take(h, mac);
	if (add && l->ops)
		rc = l->ops->mac_add(l->ctx, mac);
	else if (l->ops)
		l->ops->mac_del(l->ctx, mac);
	if (rc) {
		hs_vnicc_give_back(was, mac);
		return rc;
	}
	rc = lan_mac(h, kind, key, add);
	if (!rc) {
		rc = hs_bridge_mac(h, mac, add);
		if (rc)
			lan_mac(h, kind, key, false);
	}
	if (rc && l->ops)
		l->ops->mac_del(l->ctx, mac);
	if (rc)
		hs_vnicc_give_back(was, mac);
	return rc;
}

static int link_mac_add(void *link, const uint8_t mac[6])
{
	return link_mac(link, mac, true);
}

static int link_mac_del(void *link, const uint8_t mac[6])
{
	return link_mac(link, mac, false);
}

static int link_vid(struct hs_adapter *h, uint16_t vid, bool add)
{
	const struct vs_link *l = &h->link;
	uint64_t bit = UINT64_C(1) << (vid % 64), any = 0;
	int rc = 0;

	if (l->ops)
		rc = add ? l->ops->vid_add(l->ctx, vid) : l->ops->vid_del(l->ctx, vid);
	if (rc)
		return rc;
	pthread_rwlock_wrlock(&h->lan->lock);
	if (add)
		h->vids.w[vid / 64 % 64] |= bit;
	else
		h->vids.w[vid / 64 % 64] &= ~bit;
	for (unsigned i = 0; i < 64; i++)
		any |= h->vids.w[i];
	h->vid_any = any;
	if (h->layer == 2) {
		pthread_mutex_lock(&h->lan->learn_lock);
		hs_note(h->lan, h, add ? HS_CHANGE_VLAN : HS_CHANGE_VLAN | HS_CHANGE_REMOVAL,
			h->mac, vid);
		pthread_mutex_unlock(&h->lan->learn_lock);
	}
	pthread_rwlock_unlock(&h->lan->lock);
	hs_bridge_vid(h->lan, vid);
	return 0;
}

static int link_vid_add(void *link, uint16_t vid)
{
	return link_vid(link, vid, true);
}

static int link_vid_del(void *link, uint16_t vid)
{
	return link_vid(link, vid, false);
}

/* There is no such mode: flooding is a VNIC characteristic, and the analyzer its own. */
static int link_promisc(void *link, bool on)
{
	(void)link;
	return on ? -EPERM : 0;
}

/* What is behind the link when that is not here: NULL, or it is to be told. */
static const struct hs_cable *cable_of(const struct hs_adapter *h)
{
	return h->running && h->lan->cable.send ? &h->lan->cable : NULL;
}

static int iqd_ip_add(void *ctx, const uint8_t addr[16], bool takeover)
{
	struct hs_adapter *h = ctx, *other;
	int rc = 0;

	if (!h->lan)
		return -ENOMEM;
	if (cable_of(h))
		rc = h->link.ops->ip_add(h->link.ctx, addr, takeover ? VS_IP_TAKEOVER : 0);
	if (rc)
		return rc;
	pthread_rwlock_wrlock(&h->lan->lock);
	other = hs_lan_owner(h->lan, HS_KIND_IP, 3, addr);
	if (other && other != h && takeover)
		hs_lan_del(h->lan, other, HS_KIND_IP, addr);
	rc = hs_lan_add(h->lan, h, HS_KIND_IP, addr);
	pthread_rwlock_unlock(&h->lan->lock);
	return rc;
}

static void iqd_ip_del(void *ctx, const uint8_t addr[16])
{
	struct hs_adapter *h = ctx;

	if (!h->lan)
		return;
	if (cable_of(h))
		(void)h->link.ops->ip_del(h->link.ctx, addr);
	pthread_rwlock_wrlock(&h->lan->lock);
	hs_lan_del(h->lan, h, HS_KIND_IP, addr);
	pthread_rwlock_unlock(&h->lan->lock);
}

static void set_wants(struct hs_adapter *h, uint8_t routing4, uint8_t routing6)
{
	h->broadcast = h->layer == 3 ? h->broadcast_asked : h->vnicc.enabled & OSA_CHAR_RX_BCAST;
	h->routing4 = routing4;
	h->routing6 = routing6;
}

static void iqd_wants(void *ctx, bool broadcast, uint8_t routing4, uint8_t routing6)
{
	struct hs_adapter *h = ctx;

	h->broadcast_asked = broadcast;
	if (!h->lan) {
		set_wants(h, routing4, routing6);
		return;
	}
	pthread_rwlock_wrlock(&h->lan->lock);
	set_wants(h, routing4, routing6);
	pthread_rwlock_unlock(&h->lan->lock);
	if (cable_of(h))
		h->lan->cable.wants(h->lan->cable.ctx, broadcast, routing4, routing6);
}

/* Whoever has the LAN remembers no longer than a connection. */
static int iqd_vnicc(void *ctx, uint32_t enabled, uint32_t learning_s)
{
	struct hs_adapter *h = ctx;
	const struct hs_cable *c = cable_of(h);
	int rc;

	if (!h->lan || !h->lan->cable.send)
		return hs_vnicc_set(h, enabled, learning_s);
	rc = c ? c->vnicc(c->ctx, enabled, learning_s) : 0;
	if (!rc)
		h->vnicc = (struct hs_vnicc){.enabled = enabled, .learning_s = learning_s};
	return rc;
}

static int iqd_ipa(void *ctx, uint8_t command, uint8_t *data, size_t *len, size_t cap)
{
	const struct hs_adapter *h = ctx;
	const struct hs_cable *c = cable_of(h);

	if (c)
		return c->ipa(c->ctx, command, data, len, cap);
	switch (command) {
	case OSA_SETBRIDGEPORT_IQD:
		return hs_role_ipa(ctx, data, len, cap);
	case OSA_SETDIAGASS:
		return hs_trace(ctx, data, *len);
	default:
		return -1;
	}
}

static void iqd_forget(void *ctx)
{
	struct hs_adapter *h = ctx;

	h->listens = false;
	hs_role_drop(h);
	hs_trace_stop(h);
	hs_vnicc_reset(ctx);
}

static void iqd_tick(void *ctx, uint64_t now_ms)
{
	struct hs_adapter *h = ctx;

	if (!h->lan)
		return;
	hs_learn_tick(h, now_ms);
	hs_notify_tick(h);
	hs_role_tick(h);
}

static uint16_t iqd_pnso(void *ctx, const struct qdio_pnso *q, uint8_t *data, size_t cap,
			 size_t *len)
{
	return hs_pnso(ctx, q, data, cap, len);
}

const struct osa_iqd_ops hs_iqd_ops = {
	.ip_add = iqd_ip_add,
	.ip_del = iqd_ip_del,
	.wants = iqd_wants,
	.vnicc = iqd_vnicc,
	.ipa = iqd_ipa,
	.forget = iqd_forget,
	.tick = iqd_tick,
	.siga = adapter_siga,
	.pnso = iqd_pnso,
};

/* ---- start and stop
 * ------------------------------------------------------------------------------------ */

/* What is here tells the host of by commands is told to the LAN of a cable when it begins. */
static int cable_up(struct hs_adapter *h)
{
	const struct hs_cable *c = &h->lan->cable;
	int rc = h->link.ops->layer(h->link.ctx, h->layer);

	if (!rc)
		rc = h->link.ops->start(h->link.ctx, &port_ops, h);
	if (!rc && h->layer == 2)
		rc = c->vnicc(c->ctx, h->vnicc.enabled, h->vnicc.learning_s);
	else if (!rc)
		c->wants(c->ctx, h->broadcast_asked, h->routing4, h->routing6);
	return rc;
}

static int link_up(struct hs_adapter *h)
{
	if (!h->link.ops)
		return 0;
	if (h->lan->cable.send)
		return cable_up(h);
	return h->link.ops->start(h->link.ctx, h->osa ? &port_ops : &hs_far_port_ops, h);
}

/* osa's own data path is not used: @ops and @port are. */
static int link_start(void *link, const struct vs_port_ops *ops, void *port)
{
	struct hs_adapter *h = link;
	int rc = 0;

	(void)ops;
	(void)port;
	pthread_rwlock_wrlock(&h->lan->lock);
	h->queues = h->osa ? osa_queues(h->osa) : NULL;
	h->layer = (h->osa ? osa_layer(h->osa) : h->far_layer) == 3 ? 3 : 2;
	h->out_queue = 0;
	memset(h->aob, 0, sizeof(h->aob));
	h->near = NULL;
	hs_cable_reset(h->lan);
	memset(&h->vids, 0, sizeof(h->vids));
	h->vid_any = false;
	h->has_mac = false;
	set_wants(h, h->routing4, h->routing6);
	hs_lan_join(h->lan, h);
	pthread_rwlock_unlock(&h->lan->lock);
	rc = link_up(h);
	if (!rc)
		return 0;
	pthread_rwlock_wrlock(&h->lan->lock);
	hs_lan_leave(h->lan, h);
	pthread_rwlock_unlock(&h->lan->lock);
	return rc;
}

/* The worker first: it uses the queues without the lock when it looks for work. */
static void link_stop(void *link)
{
	struct hs_adapter *h = link;

	if (h->link.ops)
		h->link.ops->stop(h->link.ctx);
	hs_role_drop(h);
	hs_bridge_hide(h);
	pthread_rwlock_wrlock(&h->lan->lock);
	hs_wait_drop(h);
	hs_lan_leave(h->lan, h);
	h->queues = NULL;
	pthread_rwlock_unlock(&h->lan->lock);
	hs_bridge_left(h->lan, h);
}

static const struct vs_link_ops link_ops = {
	.start = link_start,
	.stop = link_stop,
	.mac_add = link_mac_add,
	.mac_del = link_mac_del,
	.vid_add = link_vid_add,
	.vid_del = link_vid_del,
	.promisc = link_promisc,
};

struct vs_link hs_link(struct hs_adapter *h)
{
	return (struct vs_link){.ops = &link_ops, .ctx = h};
}

static void unplug(struct hs_adapter *h)
{
	if (!h->lan)
		return;
	if (h->osa)
		osa_set_link(h->osa, NULL);
	else if (h->running)
		link_stop(h);
	atomic_store_explicit(&h->plugged, NULL, memory_order_release);
	/* A SIGA that saw the LAN still holds its lock, or will find us not running. */
	pthread_rwlock_wrlock(&h->lan->lock);
	hs_lan_leave(h->lan, h);
	pthread_rwlock_unlock(&h->lan->lock);
	h->lan = NULL;
	h->listens = false; /* its host comes back by recovery, and asks again */
	memset(&h->link, 0, sizeof(h->link));
}

void hs_plug(struct hs_adapter *h, struct hs_lan *lan, const struct vs_link *link)
{
	const struct vs_link ours = hs_link(h);

	unplug(h);
	if (!lan)
		return;
	h->lan = lan;
	if (link)
		h->link = *link;
	atomic_store_explicit(&h->plugged, lan, memory_order_release);
	if (!h->osa)
		return; /* its host is told by who has it */
	osa_set_frame_size(h->osa, frame_codes[lan->mfs], hs_mfs_mtu(lan->mfs));
	osa_set_link(h->osa, &ours);
}

/* ---- life
 * -------------------------------------------------------------------------------------------------
 */

static _Atomic unsigned adapters; /* made */

static int locks_init(struct hs_adapter *h)
{
	int rc = pthread_mutex_init(&h->out_lock, NULL);

	if (rc)
		return rc;
	rc = pthread_mutex_init(&h->in_lock, NULL);
	if (rc)
		pthread_mutex_destroy(&h->out_lock);
	return rc;
}

static void locks_destroy(struct hs_adapter *h)
{
	pthread_mutex_destroy(&h->out_lock);
	pthread_mutex_destroy(&h->in_lock);
}

static struct hs_adapter *adapter_new(const struct hs_config *cfg)
{
	struct hs_adapter *h = calloc(1, sizeof(*h));
	int rc;

	if (!h)
		return NULL;
	rc = locks_init(h);
	if (rc) {
		free(h);
		errno = rc;
		return NULL;
	}
	h->cfg = *cfg;
	h->nr = (uint8_t)(1 + atomic_fetch_add(&adapters, 1) % 255);
	LIST_INIT(&h->addresses);
	TAILQ_INIT(&h->waiting);
	STAILQ_INIT(&h->done);
	hs_vnicc_reset(h);
	return h;
}

static void adapter_free(struct hs_adapter *h)
{
	locks_destroy(h);
	free(h);
}

struct hs_adapter *hs_far_create(const struct hs_config *cfg, const struct hs_far *far)
{
	struct hs_adapter *h = adapter_new(cfg);

	if (!h)
		return NULL;
	h->cfg.worker = true;
	h->far = *far;
	return h;
}

struct hs_adapter *hs_create(const struct hs_config *cfg, const struct qdio_env_ops *env_ops,
			     void *env)
{
	struct hs_adapter *h = adapter_new(cfg);
	int rc;

	if (!h)
		return NULL;
	h->cfg.osa.mtu = hs_mfs_mtu(HS_MFS_16K);
	h->cfg.osa.iqd = (struct osa_iqd){.ops = &hs_iqd_ops,
					  .ctx = h,
					  .frame_size = HS_FRAME_16K,
					  .mmwc = cfg->single ? 0 : MMWC,
					  .completion = cfg->completion,
					  .analyzer = true};
	h->osa = osa_create(&h->cfg.osa, env_ops, env);
	if (h->osa)
		return h;
	rc = errno;
	adapter_free(h);
	errno = rc;
	return NULL;
}

/* osa first: it ends the session and with it all that is registered. */
void hs_destroy(struct hs_adapter *h)
{
	if (!h)
		return;
	osa_destroy(h->osa);
	h->osa = NULL;
	hs_vnicc_reset(h);
	if (h->lan) {
		pthread_rwlock_wrlock(&h->lan->lock);
		hs_lan_leave(h->lan, h);
		pthread_rwlock_unlock(&h->lan->lock);
	}
	adapter_free(h);
}

struct osa *hs_osa(struct hs_adapter *h)
{
	return h->osa;
}

static uint64_t get(const _Atomic uint64_t *c)
{
	return atomic_load_explicit(c, memory_order_relaxed);
}

void hs_info(struct hs_adapter *h, struct hs_info *out)
{
	*out = (struct hs_info){
		.mfs = h->lan ? h->lan->mfs : HS_MFS_16K,
		.layer = h->layer,
		.broadcast = h->broadcast,
		.completion = h->queues && h->queues->n_in > 1,
		.waiting = atomic_load_explicit(&h->n_for_us, memory_order_relaxed),
		.tx_buffers = get(&h->tx_buffers),
		.rx_buffers = get(&h->rx_buffers),
		.rx_signals = get(&h->rx_signals),
		.tx_full = get(&h->tx_full),
		.tx_unknown = get(&h->tx_unknown),
		.tx_bad = get(&h->tx_bad),
		.tx_pending = get(&h->tx_pending),
		.vnicc = h->vnicc.enabled,
		.learning_s = h->vnicc.learning_s,
		.learned = h->learner.n,
		.trace = h->trace,
		.watching = h->watching,
	};
}
