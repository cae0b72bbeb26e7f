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
 * by any. rx_lock is held from a burst to its rx_done, because it refers to the guest's memory; a
 * pair's own lock only while buffers are leased and handed over (host/virtnet.h). Who pauses takes
 * one after the other, never two, and waits for leases.
 *
 * Limits: no live migration: dirty-page logging is not offered.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_config.h>
#include <linux/virtio_net.h>
#include <rte_vhost.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "host/dpdk/vhost_priv.h"

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "rings are not converted");

#define BIT(n) (UINT64_C(1) << (n))

#define FEATURES                                                                                   \
	(BIT(VIRTIO_NET_F_CSUM) | BIT(VIRTIO_NET_F_GUEST_CSUM) | BIT(VIRTIO_NET_F_GUEST_TSO4) |    \
	 BIT(VIRTIO_NET_F_GUEST_TSO6) | BIT(VIRTIO_NET_F_HOST_TSO4) |                              \
	 BIT(VIRTIO_NET_F_HOST_TSO6) | BIT(VIRTIO_NET_F_MRG_RXBUF) | BIT(VIRTIO_NET_F_CTRL_VQ) |   \
	 BIT(VIRTIO_NET_F_CTRL_RX) | BIT(VIRTIO_NET_F_GUEST_ANNOUNCE) | BIT(VIRTIO_NET_F_MQ) |     \
	 BIT(VIRTIO_F_VERSION_1) | BIT(VIRTIO_F_ANY_LAYOUT) | BIT(VIRTIO_RING_F_INDIRECT_DESC) |   \
	 BIT(VIRTIO_RING_F_EVENT_IDX) | BIT(VIRTIO_F_RING_PACKED) |                                \
	 BIT(VHOST_USER_F_PROTOCOL_FEATURES))
#define PROTOCOL_FEATURES (BIT(VHOST_USER_PROTOCOL_F_MQ) | BIT(VHOST_USER_PROTOCOL_F_REPLY_ACK))

/* librte_vhost's callbacks know a number and a path only. */
static struct {
	pthread_mutex_t lock;
	struct host_vhost *list;
	bool slot[SIGBUS_SLOTS];
	bool ready;
} all;

static struct host_vhost *find(int vid)
{
	char path[sizeof(((struct host_vhost *)NULL)->path)] = "";
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

/* ---- taking over a guest's rings ----------------------------------------------------------------
 */

static void take_features(struct host_vhost *v, uint64_t f)
{
	bool csum = f & BIT(VIRTIO_NET_F_GUEST_CSUM);
	unsigned caps = 0;

	if (csum)
		caps |= VS_CAP_CSUM_NEEDED;
	if (csum && f & BIT(VIRTIO_NET_F_GUEST_TSO4))
		caps |= VS_CAP_GSO_TCP4;
	if (csum && f & BIT(VIRTIO_NET_F_GUEST_TSO6))
		caps |= VS_CAP_GSO_TCP6;
	atomic_store_explicit(&v->caps, caps, memory_order_relaxed);
	/* A frame larger than the guest's buffers is counted when it is seen. */
	atomic_store_explicit(&v->frame_max, VS_FRAME_MAX, memory_order_relaxed);
}

static bool take_memory(struct host_vhost *v)
{
	struct rte_vhost_memory *m = NULL;
	struct vring_mem *mem = &v->mem;

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

/* @way: QUEUE_IN or QUEUE_OUT. */
static bool take_ring(const struct host_vhost *v, struct vhost_pair *q, unsigned way,
		      struct vring_queue *r)
{
	uint16_t avail, used, index = (uint16_t)(2 * q->number + way);
	struct rte_vhost_vring ring;

	/* Source for the alignment: virtio 1.2, 2.7 and 2.8.10.1. */
	if (!q->ready[way] || rte_vhost_get_vhost_vring(v->vid, index, &ring) < 0 ||
	    rte_vhost_get_vring_base(v->vid, index, &avail, &used) < 0 ||
	    !vring_size_ok(ring.size, r->packed) || !aligned(ring.desc, 16) ||
	    !aligned(ring.avail, r->packed ? 4 : 2) || !aligned(ring.used, 4))
		return false;
	r->size = ring.size;
	r->desc = (void *)ring.desc;
	r->avail = (void *)ring.avail;
	r->used = (void *)ring.used;
	/* QEMU has an old position of a packed one if zland was killed. */
	r->next = r->done = r->packed ? vring_position(r) : avail;
	r->heal = r->packed ? (uint16_t)r->size : 0;
	r->used_offset = r->packed ? 0 : (uint16_t)(used - avail);
	q->callfd[way] = ring.callfd;
	if (way == QUEUE_OUT)
		q->kickfd = ring.kickfd;
	return true;
}

static bool take_pair(struct host_vhost *v, struct vhost_pair *q, uint64_t f)
{
	struct epoll_event ev = {.events = EPOLLIN};

	q->net.mem = &v->mem;
	q->net.mergeable = f & BIT(VIRTIO_NET_F_MRG_RXBUF);
	q->net.hdr_len = f & (BIT(VIRTIO_NET_F_MRG_RXBUF) | BIT(VIRTIO_F_VERSION_1)) ? 12 : 10;
	q->net.guest_csum = f & BIT(VIRTIO_NET_F_GUEST_CSUM);
	q->net.in.event_idx = q->net.out.event_idx = f & BIT(VIRTIO_RING_F_EVENT_IDX);
	q->net.in.packed = q->net.out.packed = f & BIT(VIRTIO_F_RING_PACKED);
	if (!take_ring(v, q, QUEUE_IN, &q->net.in) || !take_ring(v, q, QUEUE_OUT, &q->net.out))
		return false;
	/* Nobody needs to be told of new buffers to receive into. */
	vring_disarm(&q->net.in);
	vring_arm(&q->net.out);
	if (q->kickfd >= 0 && epoll_ctl(v->epoll_fd, EPOLL_CTL_ADD, q->kickfd, &ev) < 0)
		q->kickfd = -1;
	return true;
}

/* Where librte_vhost is to go on when it is asked, or the next data path. */
static void store_base(const struct host_vhost *v, uint16_t index, const struct vring_queue *r)
{
	rte_vhost_set_vring_base(v->vid, index, r->next, (uint16_t)(r->next + r->used_offset));
}

/* On return nobody looks at the guest's memory. */
static void pause_guest(struct host_vhost *v)
{
	unsigned n;

	pthread_mutex_lock(&v->rx_lock);
	n = v->n_live;
	v->n_live = 0;
	pthread_mutex_unlock(&v->rx_lock);
	atomic_store_explicit(&v->n_open, 0, memory_order_relaxed);
	for (unsigned i = 0; i < n; i++) {
		struct vhost_pair *q = v->live[i];
		uint16_t index = (uint16_t)(2 * q->number);

		virtnet_close(&q->net);
		if (q->kickfd >= 0)
			epoll_ctl(v->epoll_fd, EPOLL_CTL_DEL, q->kickfd, NULL);
		store_base(v, index, &q->net.in);
		store_base(v, (uint16_t)(index + 1), &q->net.out);
	}
}

/* Make the guest's rings the data path's, as far as they are complete. */
static void resume_guest(struct host_vhost *v)
{
	unsigned n = 0, open = 0;
	uint64_t features;

	if (v->n_live || !v->up || rte_vhost_get_negotiated_features(v->vid, &features) < 0)
		return;
	take_features(v, features);
	if (!take_memory(v))
		return;
	for (unsigned i = 0; i < VHOST_PAIRS; i++) {
		struct vhost_pair *q = v->pair[i];

		if (!q || (i && !(features & BIT(VIRTIO_NET_F_MQ))) || !take_pair(v, q, features))
			continue;
		virtnet_open(&q->net);
		/* A driver uses its first pairs. Source: virtio 1.2, 5.1.6.5.6. */
		if (open == i)
			open++;
		v->live[n++] = q;
	}
	if (!n)
		return;
	atomic_store_explicit(&v->n_open, open, memory_order_release);
	pthread_mutex_lock(&v->rx_lock);
	v->n_live = n;
	pthread_mutex_unlock(&v->rx_lock);
	/* What the guest put there meanwhile it has told nobody who listened. */
	signal_fd(v->wake_fd);
	for (unsigned i = 0; i < n; i++) {
		vhost_call(v->live[i]->callfd[QUEUE_OUT]);
		vhost_call(v->live[i]->callfd[QUEUE_IN]);
	}
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
	for (unsigned i = 0; i < VHOST_PAIRS; i++)
		if (v->pair[i])
			v->pair[i]->ready[QUEUE_IN] = v->pair[i]->ready[QUEUE_OUT] = false;
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

static struct vhost_pair *make_pair(unsigned number)
{
	struct vhost_pair *q = calloc(1, sizeof(*q));

	if (!q)
		return NULL;
	q->number = number;
	q->callfd[QUEUE_IN] = q->callfd[QUEUE_OUT] = q->kickfd = -1;
	virtnet_init(&q->net);
	return q;
}

static int vring_state_changed(int vid, uint16_t queue, int enable)
{
	struct host_vhost *v = find(vid);

	if (!v || v->vid != vid || queue / 2 >= VHOST_PAIRS)
		return 0;
	pause_guest(v);
	if (!v->pair[queue / 2])
		v->pair[queue / 2] = make_pair(queue / 2u);
	if (v->pair[queue / 2])
		v->pair[queue / 2]->ready[queue % 2] = enable;
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
	for (unsigned i = 0; i < VHOST_PAIRS; i++) {
		if (v->pair[i])
			virtnet_destroy(&v->pair[i]->net);
		free(v->pair[i]);
	}
	free(v);
}

/* Return: 0 or -errno. */
static int serve(struct host_vhost *v)
{
	uint64_t offered;

	if (unlink(v->path) < 0 && errno != ENOENT)
		return -errno;
	if (rte_vhost_driver_register(v->path, 0) < 0)
		return -EIO;
	/*
	 * Not rte_vhost_driver_set_features: a device is then ready only with all its queues
	 * enabled, of which a driver leaves most off. Source: librte_vhost 22.11, virtio_is_ready.
	 */
	if (rte_vhost_driver_get_features(v->path, &offered) < 0 ||
	    rte_vhost_driver_disable_features(v->path, offered & ~FEATURES) < 0 ||
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
	v->vid = -1;
	v->event_fd = v->wake_fd = v->epoll_fd = v->idle.fd = -1;
	pthread_mutex_init(&v->rx_lock, NULL);
	atomic_init(&v->shown_up, false);
	atomic_init(&v->n_open, 0);
	atomic_init(&v->caps, 0);
	atomic_init(&v->frame_max, VS_FRAME_MAX);
	return v;
}

struct host_vhost *vhost_open(const char *path, char *err, size_t err_len)
{
	struct host_vhost *v = strlen(path) < sizeof(v->path) ? create(path) : NULL;
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

unsigned vhost_pairs(const struct host_vhost *v)
{
	return atomic_load_explicit(&v->n_open, memory_order_relaxed);
}
