/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A guest with a virtio network device (QEMU, DPDK's virtio-user) as a port of a switch.
 *
 * librte_vhost speaks the vhost-user protocol: socket, memory, ring addresses. The rings are worked
 * on here (host/virtnet.c), so that a frame goes from one guest's memory straight to another's,
 * also between a guest with QDIO and one with virtio.
 *
 * Life of a guest: connection -> the rings are ready (live) -> any message of the protocol pauses
 * the data path until it has been handled, since it may move memory or rings -> disconnection. The
 * socket stays, for the next guest, or the same one again. A second one at the same time is turned
 * away.
 *
 * Threads and locks: messages come on librte_vhost's thread; rx by the one worker of the port, tx
 * by any. rx_lock is held from a burst to its rx_done, because it refers to the guest's memory;
 * tx_lock within tx_burst. Who pauses takes one after the other, never both. live belongs to both:
 * changed under each in turn.
 *
 * Limits: one queue pair, split rings, no live migration: packed rings, multiqueue and dirty-page
 * logging are not offered. The guest's interrupt descriptor may be one that blocks: it is polled
 * before it is written to.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_config.h>
#include <linux/virtio_net.h>
#include <poll.h>
#include <pthread.h>
#include <rte_vhost.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "host/dpdk/dpdk_priv.h"
#include "host/virtnet.h"

#define QUEUE_IN 0u /* Source: virtio 1.2, 5.1.2: receiveq1, transmitq1 */
#define QUEUE_OUT 1u
#define PATH_BYTES 108
static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "rings are not converted");

#define BIT(n) (UINT64_C(1) << (n))

#define FEATURES                                                                                   \
	(BIT(VIRTIO_NET_F_CSUM) | BIT(VIRTIO_NET_F_GUEST_CSUM) | BIT(VIRTIO_NET_F_GUEST_TSO4) |    \
	 BIT(VIRTIO_NET_F_GUEST_TSO6) | BIT(VIRTIO_NET_F_HOST_TSO4) |                              \
	 BIT(VIRTIO_NET_F_HOST_TSO6) | BIT(VIRTIO_NET_F_MRG_RXBUF) | BIT(VIRTIO_NET_F_CTRL_VQ) |   \
	 BIT(VIRTIO_NET_F_CTRL_RX) | BIT(VIRTIO_NET_F_GUEST_ANNOUNCE) | BIT(VIRTIO_F_VERSION_1) |  \
	 BIT(VIRTIO_F_ANY_LAYOUT) | BIT(VIRTIO_RING_F_INDIRECT_DESC) |                             \
	 BIT(VIRTIO_RING_F_EVENT_IDX) | BIT(VHOST_USER_F_PROTOCOL_FEATURES))
#define PROTOCOL_FEATURES (BIT(VHOST_USER_PROTOCOL_F_REPLY_ACK))

struct host_vhost {
	struct host_vhost *next;
	char path[PATH_BYTES];
	unsigned slot;
	int vid; /* -1: nobody is connected. librte_vhost's thread. */
	bool ready[2];
	bool up; /* the guest's driver has said so */
	atomic_bool shown_up;
	int event_fd; /* to the control thread */
	pthread_mutex_t rx_lock, tx_lock;
	bool live; /* what follows may be used: under either lock */
	int callfd[2], kickfd;
	struct virtnet net;
	struct idle idle;
	int epoll_fd; /* the worker's: kickfd, idle.fd, wake_fd */
	int wake_fd;
	/* Hints for senders: hence relaxed. */
	_Atomic unsigned caps;
	_Atomic uint32_t frame_max;
};

/* librte_vhost's callbacks know a number and a path only. */
static struct {
	pthread_mutex_t lock;
	struct host_vhost *list;
	bool slot[SIGBUS_SLOTS];
	bool ready;
} all;

static struct host_vhost *find(int vid)
{
	char path[PATH_BYTES] = "";
	struct host_vhost *v;

	if (rte_vhost_get_ifname(vid, path, sizeof(path)) < 0)
		return NULL;
	pthread_mutex_lock(&all.lock);
	for (v = all.list; v; v = v->next)
		if (strcmp(v->path, path) == 0)
			break;
	pthread_mutex_unlock(&all.lock);
	return v;
}

static void signal_fd(int fd)
{
	uint64_t one = 1;

	/* Can only fail because it is readable already. */
	if (write(fd, &one, sizeof(one)) < 0)
		return;
}

/* Interrupt the guest. */
static void call(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};

	if (fd >= 0 && poll(&p, 1, 0) == 1 && p.revents == POLLOUT)
		signal_fd(fd);
}

/* ---- the data path -----------------------------------------------------------------------------
 */

static unsigned vhost_rx_burst(void *port, struct vs_burst *b, uint64_t *dropped)
{
	struct host_vhost *v = port;

	b->n = 0;
	pthread_mutex_lock(&v->rx_lock);
	if (v->live && virtnet_rx(&v->net, b, dropped)) {
		idle_reset(&v->idle);
		if (b->n)
			return b->n; /* unlocked by rx_done */
		if (virtnet_rx_done(&v->net))
			call(v->callfd[QUEUE_OUT]);
	}
	pthread_mutex_unlock(&v->rx_lock);
	return 0;
}

static void vhost_rx_done(void *port, const struct vs_burst *b)
{
	struct host_vhost *v = port;

	(void)b;
	if (virtnet_rx_done(&v->net))
		call(v->callfd[QUEUE_OUT]);
	pthread_mutex_unlock(&v->rx_lock);
}

static unsigned vhost_tx_burst(void *port, const struct vs_burst *b, const struct vs_ref *ref,
			       unsigned n, enum vs_drop *err)
{
	struct host_vhost *v = port;
	unsigned done = 0;
	bool wanted = false;

	*err = VS_DROP_TX_DOWN;
	pthread_mutex_lock(&v->tx_lock);
	if (v->live)
		done = virtnet_tx(&v->net, b, ref, n, err, &wanted);
	if (wanted)
		call(v->callfd[QUEUE_IN]);
	pthread_mutex_unlock(&v->tx_lock);
	return done;
}

static bool vhost_arm(void *port)
{
	struct host_vhost *v = port;
	bool work = false;

	pthread_mutex_lock(&v->rx_lock);
	if (v->live) {
		work = vring_arm(&v->net.out);
		/* Some guests never tell. */
		if (!work && v->kickfd < 0)
			idle_arm(&v->idle);
	}
	pthread_mutex_unlock(&v->rx_lock);
	return work;
}

static void vhost_disarm(void *port)
{
	struct host_vhost *v = port;

	pthread_mutex_lock(&v->rx_lock);
	if (v->live)
		vring_disarm(&v->net.out);
	pthread_mutex_unlock(&v->rx_lock);
}

static int vhost_wait_fd(void *port)
{
	const struct host_vhost *v = port;

	return v->epoll_fd;
}

static unsigned vhost_caps(void *port)
{
	const struct host_vhost *v = port;

	return atomic_load_explicit(&v->caps, memory_order_relaxed);
}

static uint32_t vhost_frame_max(void *port)
{
	const struct host_vhost *v = port;

	return atomic_load_explicit(&v->frame_max, memory_order_relaxed);
}

const struct vs_port_ops vhost_port_ops = {
	.kind = "VHOST",
	.rx_burst = vhost_rx_burst,
	.rx_done = vhost_rx_done,
	.tx_burst = vhost_tx_burst,
	.arm = vhost_arm,
	.disarm = vhost_disarm,
	.wait_fd = vhost_wait_fd,
	.caps = vhost_caps,
	.frame_max = vhost_frame_max,
};

/* ---- taking over a guest's rings ----------------------------------------------------------------
 */

static void take_features(struct host_vhost *v, uint64_t f)
{
	unsigned caps = 0;

	v->net.mergeable = f & BIT(VIRTIO_NET_F_MRG_RXBUF);
	v->net.hdr_len = f & (BIT(VIRTIO_NET_F_MRG_RXBUF) | BIT(VIRTIO_F_VERSION_1)) ? 12 : 10;
	v->net.guest_csum = f & BIT(VIRTIO_NET_F_GUEST_CSUM);
	v->net.in.event_idx = v->net.out.event_idx = f & BIT(VIRTIO_RING_F_EVENT_IDX);
	if (v->net.guest_csum)
		caps |= VS_CAP_CSUM_NEEDED;
	if (v->net.guest_csum && f & BIT(VIRTIO_NET_F_GUEST_TSO4))
		caps |= VS_CAP_GSO_TCP4;
	if (v->net.guest_csum && f & BIT(VIRTIO_NET_F_GUEST_TSO6))
		caps |= VS_CAP_GSO_TCP6;
	atomic_store_explicit(&v->caps, caps, memory_order_relaxed);
	/* A frame larger than the guest's buffers is counted when it is seen. */
	atomic_store_explicit(&v->frame_max, VS_FRAME_MAX, memory_order_relaxed);
}

static bool take_memory(struct host_vhost *v)
{
	struct rte_vhost_memory *m = NULL;
	struct vring_mem *mem = &v->net.mem;

	if (rte_vhost_get_mem_table(v->vid, &m) < 0 || !m)
		return false;
	for (mem->n = 0; mem->n < m->nregions && mem->n < VRING_REGIONS; mem->n++)
		mem->region[mem->n] = (struct vring_region){
			.gpa = m->regions[mem->n].guest_phys_addr,
			.size = m->regions[mem->n].size,
			.va = (uint8_t *)(uintptr_t)m->regions[mem->n].host_user_addr,
		};
	free(m);
	sigbus_guard(v->slot, mem);
	return mem->n > 0;
}

static bool aligned(const void *p, uintptr_t to)
{
	return p && ((uintptr_t)p & (to - 1)) == 0;
}

static bool take_ring(struct host_vhost *v, unsigned queue, struct vring_queue *r)
{
	struct rte_vhost_vring ring;
	uint16_t avail, used;

	/* Source for the alignment: virtio 1.2, 2.7. */
	if (!v->ready[queue] || rte_vhost_get_vhost_vring(v->vid, (uint16_t)queue, &ring) < 0 ||
	    rte_vhost_get_vring_base(v->vid, (uint16_t)queue, &avail, &used) < 0 ||
	    !vring_size_ok(ring.size) || !aligned(ring.desc, 16) || !aligned(ring.avail, 2) ||
	    !aligned(ring.used, 4))
		return false;
	r->size = ring.size;
	r->desc = (void *)ring.desc;
	r->avail = (void *)ring.avail;
	r->used = (void *)ring.used;
	r->next = avail;
	r->used_next = r->signalled = used;
	v->callfd[queue] = ring.callfd;
	if (queue == QUEUE_OUT)
		v->kickfd = ring.kickfd;
	return true;
}

static void set_live(struct host_vhost *v, bool live)
{
	pthread_mutex_lock(&v->rx_lock);
	v->live = live;
	pthread_mutex_unlock(&v->rx_lock);
	pthread_mutex_lock(&v->tx_lock);
	v->live = live;
	pthread_mutex_unlock(&v->tx_lock);
}

/* On return nobody looks at the guest's memory. */
static void pause_guest(struct host_vhost *v)
{
	if (!v->live)
		return;
	set_live(v, false);
	if (v->kickfd >= 0)
		epoll_ctl(v->epoll_fd, EPOLL_CTL_DEL, v->kickfd, NULL);
	rte_vhost_set_vring_base(v->vid, QUEUE_IN, v->net.in.next, v->net.in.used_next);
	rte_vhost_set_vring_base(v->vid, QUEUE_OUT, v->net.out.next, v->net.out.used_next);
}

/* Make the guest's rings the data path's, if they are complete. */
static void resume_guest(struct host_vhost *v)
{
	struct epoll_event ev = {.events = EPOLLIN};
	uint64_t features;

	if (v->live || !v->up || rte_vhost_get_negotiated_features(v->vid, &features) < 0)
		return;
	take_features(v, features);
	if (!take_memory(v) || !take_ring(v, QUEUE_IN, &v->net.in) ||
	    !take_ring(v, QUEUE_OUT, &v->net.out))
		return;
	/* Nobody needs to be told of new buffers to receive into. */
	vring_disarm(&v->net.in);
	vring_arm(&v->net.out);
	if (v->kickfd >= 0 && epoll_ctl(v->epoll_fd, EPOLL_CTL_ADD, v->kickfd, &ev) < 0)
		v->kickfd = -1;
	set_live(v, true);
	/* What the guest put there meanwhile it has told nobody who listened. */
	signal_fd(v->wake_fd);
	call(v->callfd[QUEUE_OUT]);
	call(v->callfd[QUEUE_IN]);
}

/* ---- librte_vhost's callbacks: its thread, or the control thread inside vhost_close
 * ---------------- */

static void tell(struct host_vhost *v, bool up)
{
	v->up = up;
	atomic_store(&v->shown_up, up);
	signal_fd(v->event_fd);
}

static enum rte_vhost_msg_result before_message(int vid, void *msg)
{
	struct host_vhost *v = find(vid);

	(void)msg;
	if (v && v->vid == vid)
		pause_guest(v);
	return RTE_VHOST_MSG_RESULT_NOT_HANDLED;
}

static enum rte_vhost_msg_result after_message(int vid, void *msg)
{
	struct host_vhost *v = find(vid);

	(void)msg;
	if (v && v->vid == vid)
		resume_guest(v);
	return RTE_VHOST_MSG_RESULT_NOT_HANDLED;
}

static int new_connection(int vid)
{
	static const struct rte_vhost_user_extern_ops ops = {
		.pre_msg_handle = before_message,
		.post_msg_handle = after_message,
	};
	struct host_vhost *v = find(vid);

	eal_confine_thread();
	if (!v || v->vid >= 0)
		return -1;
	v->vid = vid;
	v->ready[QUEUE_IN] = v->ready[QUEUE_OUT] = false;
	return rte_vhost_extern_callback_register(vid, &ops, NULL);
}

static void destroy_connection(int vid)
{
	struct host_vhost *v = find(vid);

	if (!v || v->vid != vid)
		return;
	pause_guest(v);
	sigbus_guard(v->slot, NULL);
	v->vid = -1;
}

static int new_device(int vid)
{
	struct host_vhost *v = find(vid);

	if (!v || v->vid != vid)
		return -1;
	tell(v, true);
	resume_guest(v);
	return 0;
}

static void destroy_device(int vid)
{
	struct host_vhost *v = find(vid);

	if (!v || v->vid != vid)
		return;
	pause_guest(v);
	tell(v, false);
}

static int vring_state_changed(int vid, uint16_t queue, int enable)
{
	struct host_vhost *v = find(vid);

	if (!v || v->vid != vid || queue > QUEUE_OUT)
		return 0;
	pause_guest(v);
	v->ready[queue] = enable;
	resume_guest(v);
	return 0;
}

static const struct rte_vhost_device_ops device_ops = {
	.new_device = new_device,
	.destroy_device = destroy_device,
	.vring_state_changed = vring_state_changed,
	.new_connection = new_connection,
	.destroy_connection = destroy_connection,
};

/* ---- life
 * ------------------------------------------------------------------------------------------- */

static void enlist(struct host_vhost *v, bool on)
{
	pthread_mutex_lock(&all.lock);
	if (on) {
		v->next = all.list;
		all.list = v;
	} else {
		for (struct host_vhost **p = &all.list; *p; p = &(*p)->next)
			if (*p == v) {
				*p = v->next;
				break;
			}
	}
	all.slot[v->slot] = on;
	pthread_mutex_unlock(&all.lock);
}

/* Return: 0, or -EMFILE: all are taken. */
static int find_slot(struct host_vhost *v)
{
	for (v->slot = 0; v->slot < SIGBUS_SLOTS; v->slot++)
		if (!all.slot[v->slot])
			return 0;
	return -EMFILE;
}

static int open_descriptors(struct host_vhost *v)
{
	struct epoll_event ev = {.events = EPOLLIN};

	v->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	v->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	v->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (v->event_fd < 0 || v->wake_fd < 0 || v->epoll_fd < 0)
		return -errno;
	if (idle_open(&v->idle) || epoll_ctl(v->epoll_fd, EPOLL_CTL_ADD, v->wake_fd, &ev) < 0 ||
	    epoll_ctl(v->epoll_fd, EPOLL_CTL_ADD, v->idle.fd, &ev) < 0)
		return -errno;
	return 0;
}

static void release(struct host_vhost *v)
{
	int fds[] = {v->event_fd, v->wake_fd, v->epoll_fd};

	for (unsigned i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	idle_close(&v->idle);
	pthread_mutex_destroy(&v->rx_lock);
	pthread_mutex_destroy(&v->tx_lock);
	free(v);
}

/* Return: 0 or -errno. */
static int serve(struct host_vhost *v)
{
	if (unlink(v->path) < 0 && errno != ENOENT)
		return -errno;
	if (rte_vhost_driver_register(v->path, 0) < 0)
		return -EIO;
	if (rte_vhost_driver_set_features(v->path, FEATURES) < 0 ||
	    rte_vhost_driver_set_protocol_features(v->path, PROTOCOL_FEATURES) < 0 ||
	    rte_vhost_driver_callback_register(v->path, &device_ops) < 0 ||
	    rte_vhost_driver_start(v->path) < 0) {
		rte_vhost_driver_unregister(v->path);
		return -EIO;
	}
	return 0;
}

static struct host_vhost *create(const char *path)
{
	struct host_vhost *v = calloc(1, sizeof(*v));

	if (!v)
		return NULL;
	snprintf(v->path, sizeof(v->path), "%s", path);
	v->vid = v->kickfd = v->callfd[0] = v->callfd[1] = -1;
	v->event_fd = v->wake_fd = v->epoll_fd = v->idle.fd = -1;
	pthread_mutex_init(&v->rx_lock, NULL);
	pthread_mutex_init(&v->tx_lock, NULL);
	atomic_init(&v->shown_up, false);
	atomic_init(&v->caps, 0);
	atomic_init(&v->frame_max, VS_FRAME_MAX);
	return v;
}

struct host_vhost *vhost_open(const char *path, char *err, size_t err_len)
{
	struct host_vhost *v = strlen(path) < PATH_BYTES ? create(path) : NULL;
	int rc = v ? find_slot(v) : -ENAMETOOLONG;

	if (!all.ready) /* no callback has come yet */
		pthread_mutex_init(&all.lock, NULL);
	all.ready = true;
	if (!rc)
		rc = open_descriptors(v);
	if (!rc) {
		enlist(v, true);
		rc = serve(v);
		if (rc)
			enlist(v, false);
	}
	if (!rc)
		return v;
	snprintf(err, err_len, "no socket %.120s: %s", path, strerror(-rc));
	if (v)
		release(v);
	errno = -rc;
	return NULL;
}

void vhost_close(struct host_vhost *v)
{
	if (!v)
		return;
	rte_vhost_driver_unregister(v->path);
	enlist(v, false);
	sigbus_guard(v->slot, NULL);
	release(v);
}

int vhost_event_fd(const struct host_vhost *v)
{
	return v->event_fd;
}

bool vhost_up(struct host_vhost *v)
{
	uint64_t n;

	/* First, so that what changes from now on makes it readable again. */
	if (read(v->event_fd, &n, sizeof(n)) < 0 && errno != EAGAIN)
		return false;
	return atomic_load(&v->shown_up);
}
