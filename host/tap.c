/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A switch port on a TAP interface, and the folder's main file.
 *
 * Theory of operation
 *
 * Goal: the host, its containers and its bridges on a virtual switch, with the host's checksum and
 * segmentation offloads intact and more than one frame per system call.
 *
 * A host port is made on the control thread and given to a switch as vs_port_ops; from then on one
 * worker polls it and any worker may send to it. Beside the ports the folder has the netlink
 * requests they need (netlink.c) and the writer of capture files (pcapng.c).
 *
 * Receiving: the descriptor does not block. A run reads `batch` frames into as many of RX_SLOTS
 * preallocated buffers, by one io_uring submission (tapio.c). batch doubles while every read brings
 * a frame and falls to what came when one does not, so that a lone frame costs one plain read and a
 * flood one system call in RX_SLOTS frames. At most RX_SLOTS frames leave in one burst: a TAP
 * cannot starve the worker's other ports. The buffers stay put until the next rx_burst. They are 64
 * KiB each, for frames with segmentation left to do, but only pages that were written take memory.
 *
 * Sending: each worker has one of TX_LANES (lane.h), under its lock, since there may be more of
 * them. A frame becomes its header and edited head (vnet.c) in a buffer of the lane, followed by
 * references to the rest where it lies; all frames of a burst are written by one submission. The
 * kernel takes frames from several threads at once.
 *
 * Limits: the kernel takes or refuses each frame by itself. If it refuses one in the middle of a
 * burst, the later ones are still sent, so the number returned by tx_burst is right but the frames
 * missing are not all at the end.
 *
 * The worker sleeps on an epoll descriptor with only the TAP in it. When the interface is deleted
 * its descriptor polls as an error for ever; it is then taken out, so that nobody spins on it until
 * the control thread closes the port.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "host/host.h"
#include "host/lane.h"
#include "host/netlink_priv.h"
#include "host/tapio.h"
#include "host/vnet.h"

#define RX_SLOTS 32u
#define RX_SLOT_BYTES 65536u
#define TX_LANES 4u
#define TX_IOVS (VS_SEGS + VS_BURST)
#define TAG_LEN 4u
#define ETH_HLEN_TAGGED 18u

static_assert(RX_SLOTS <= VS_BURST && RX_SLOTS <= TAPIO_MAX && VS_BURST <= TAPIO_MAX, "bursts");
static_assert(RX_SLOT_BYTES >= VS_FRAME_MAX + sizeof(struct vnet_hdr), "longest frame");

/* Used by the one worker that polls the port. */
struct tap_rx {
	struct tapio io;
	unsigned batch;
	uint8_t *slots; /* RX_SLOTS of RX_SLOT_BYTES, mapped */
	struct iovec iov[RX_SLOTS];
	struct tapio_op op[RX_SLOTS];
};

/* A lane: used under its lock. */
struct tap_tx {
	pthread_mutex_t lock;
	struct tapio io;
	uint8_t lead[VS_BURST][VNET_LEAD_BYTES];
	struct iovec iov[TX_IOVS];
	struct tapio_op op[VS_BURST];
	uint32_t bytes[VS_BURST];
};

struct host_tap {
	char ifname[IFNAMSIZ];
	int fd;
	int wait_fd;
	unsigned caps; /* enum vs_port_cap, fixed at open */
	_Atomic uint32_t frame_max;
	/* Both are hints: a frame sent just before a change is counted by the kernel's answer
	 * instead. Hence relaxed. */
	atomic_bool carrier;
	atomic_bool gone; /* the interface was deleted */
	struct tap_rx rx;
	struct tap_tx tx[TX_LANES]; /* memory only where used */
};

/* ---- receiving ------------------------------------------------------------------------ */

static void set_gone(struct host_tap *t)
{
	if (!atomic_exchange_explicit(&t->gone, true, memory_order_relaxed))
		epoll_ctl(t->wait_fd, EPOLL_CTL_DEL, t->fd, NULL);
}

static bool is_gone(struct host_tap *t)
{
	return atomic_load_explicit(&t->gone, memory_order_relaxed);
}

static void rx_frame(uint8_t *slot, uint32_t bytes, struct vs_burst *b, uint64_t *dropped)
{
	struct vnet_hdr hdr;
	enum vs_drop why = VS_DROP_RX_RUNT;

	if (bytes >= sizeof(hdr)) {
		memcpy(&hdr, slot, sizeof(hdr));
		why = vnet_rx(&hdr, slot + sizeof(hdr), bytes - (uint32_t)sizeof(hdr), b);
	}
	if (why != VS_DROP_NONE)
		dropped[why]++;
}

static unsigned tap_rx_burst(void *port, struct vs_burst *b, uint64_t *dropped)
{
	struct host_tap *t = port;
	struct tap_rx *rx = &t->rx;
	unsigned got = 0;

	b->n = 0;
	b->nseg_used = 0;
	if (is_gone(t))
		return 0;
	if (rx->batch > VS_BURST - b->hold)
		rx->batch = VS_BURST - b->hold;
	tapio_read(&rx->io, rx->op, rx->batch);
	for (unsigned i = 0; i < rx->batch; i++) {
		if (rx->op[i].res == -EBADFD)
			set_gone(t);
		if (rx->op[i].res <= 0)
			continue;
		rx_frame(rx->slots + (size_t)i * RX_SLOT_BYTES, (uint32_t)rx->op[i].res, b,
			 dropped);
		got++;
	}
	if (got == rx->batch)
		rx->batch = got * 2 < RX_SLOTS ? got * 2 : RX_SLOTS;
	else
		rx->batch = got ? got : 1;
	return b->n;
}

static void tap_rx_done(void *port, const struct vs_burst *b)
{
	(void)port; /* the buffers are written again by the next rx_burst only */
	(void)b;
}

/* ---- sending -------------------------------------------------------------------------- */

static enum vs_drop tx_reason(struct host_tap *t, int32_t res)
{
	switch (res) {
	case -EAGAIN:
	case -ENOBUFS:
	case -ENOMEM:
		return VS_DROP_TX_NO_BUFFER;
	case -EBADFD: /* deleted */
		set_gone(t);
		return VS_DROP_TX_DOWN;
	case -EIO: /* Source: the tun driver: written to while not IFF_UP */
	case -ENETDOWN:
		return VS_DROP_TX_DOWN;
	default:
		return VS_DROP_TX_ERROR;
	}
}

/* Describe frame k of the run, its references from iov on. Return: entries of iov used. */
static unsigned tx_prepare(struct tap_tx *tx, unsigned k, struct iovec *iov,
			   const struct vs_burst *b, const struct vs_ref *ref)
{
	const struct vs_seg *seg = b->seg + b->seg0[ref->frame];
	unsigned nseg = b->nseg[ref->frame];
	uint32_t bytes = vnet_tx(b, ref, tx->lead[k]);

	if (!bytes)
		return 0;
	iov[0] = (struct iovec){.iov_base = tx->lead[k], .iov_len = bytes};
	for (unsigned s = 0; s < nseg; s++) {
		/* The kernel only reads through it. */
		iov[s + 1] = (struct iovec){
			.iov_base = (void *)(uintptr_t)seg[s].p,
			.iov_len = seg[s].len,
		};
		bytes += seg[s].len;
	}
	tx->op[k] = (struct tapio_op){.iov = iov, .niov = nseg + 1};
	tx->bytes[k] = bytes;
	return nseg + 1;
}

/*
 * One run: as many of the n frames as there is room for.
 * @sent: frames the kernel took. Return: frames handled.
 */
static unsigned tx_run(struct host_tap *t, struct tap_tx *tx, const struct vs_burst *b,
		       const struct vs_ref *ref, unsigned n, unsigned *sent, enum vs_drop *err)
{
	unsigned used = 0, ops = 0, i;

	for (i = 0; i < n && ops < VS_BURST; i++) {
		unsigned niov;

		if (used + 1 + b->nseg[ref[i].frame] > TX_IOVS)
			break;
		niov = tx_prepare(tx, ops, tx->iov + used, b, ref + i);
		used += niov;
		if (niov)
			ops++;
		else
			*err = VS_DROP_TX_ERROR;
	}
	tapio_write(&tx->io, tx->op, ops);
	for (unsigned k = 0; k < ops; k++) {
		if (tx->op[k].res == (int32_t)tx->bytes[k])
			(*sent)++;
		else
			*err = tx_reason(t, tx->op[k].res);
	}
	return i;
}

static unsigned tap_tx_burst(void *port, const struct vs_burst *b, const struct vs_ref *ref,
			     unsigned n, enum vs_drop *err)
{
	struct host_tap *t = port;
	struct tap_tx *tx = &t->tx[lane_of(TX_LANES)];
	unsigned done = 0, sent = 0;

	if (is_gone(t) || !atomic_load_explicit(&t->carrier, memory_order_relaxed)) {
		*err = VS_DROP_TX_DOWN;
		return 0;
	}
	pthread_mutex_lock(&tx->lock);
	while (done < n)
		done += tx_run(t, tx, b, ref + done, n - done, &sent, err);
	pthread_mutex_unlock(&tx->lock);
	return sent;
}

/* ---- sleeping, capabilities ------------------------------------------------------------- */

static bool tap_arm(void *port)
{
	struct host_tap *t = port;
	struct pollfd pfd = {.fd = t->fd, .events = POLLIN};

	if (is_gone(t) || poll(&pfd, 1, 0) <= 0)
		return false;
	if (pfd.revents & POLLIN)
		return true;
	if (pfd.revents & POLLERR)
		set_gone(t);
	return false;
}

static void tap_disarm(void *port)
{
	(void)port;
}

static int tap_wait_fd(void *port)
{
	const struct host_tap *t = port;

	return t->wait_fd;
}

static unsigned tap_caps(void *port)
{
	const struct host_tap *t = port;

	return t->caps;
}

static uint32_t tap_frame_max(void *port)
{
	const struct host_tap *t = port;

	return atomic_load_explicit(&t->frame_max, memory_order_relaxed);
}

const struct vs_port_ops *host_tap_ops(void)
{
	static const struct vs_port_ops ops = {
		.kind = "TAP",
		.rx_burst = tap_rx_burst,
		.rx_done = tap_rx_done,
		.tx_burst = tap_tx_burst,
		.arm = tap_arm,
		.disarm = tap_disarm,
		.wait_fd = tap_wait_fd,
		.caps = tap_caps,
		.frame_max = tap_frame_max,
	};

	return &ops;
}

/* ---- life --------------------------------------------------------------------------------- */

/* The kernel makes up names from patterns and takes some nobody could write again. */
static int name_check(const char *ifname)
{
	size_t len = strlen(ifname);

	if (len >= IFNAMSIZ)
		return -ENAMETOOLONG;
	if (!len || strpbrk(ifname, "%/: \t\n") || !strcmp(ifname, ".") || !strcmp(ifname, ".."))
		return -EINVAL;
	return 0;
}

/* Return: the descriptor of /dev/net/tun, or -errno. */
static int device_open(void)
{
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);

	if (fd >= 0)
		return fd;
	if (errno == ENOENT || errno == ENXIO)
		return -ENODEV;
	return errno == EACCES ? -EPERM : -errno;
}

/* Become the interface's other end. Return: 0 or -errno. */
static int device_attach(int fd, const char *ifname, bool exists)
{
	struct ifreq ifr = {.ifr_flags = (short)(IFF_TAP | IFF_NO_PI | IFF_VNET_HDR)};
	int hdr_len = sizeof(struct vnet_hdr);

	memcpy(ifr.ifr_name, ifname, strlen(ifname) + 1);
	if (ioctl(fd, TUNSETIFF, &ifr) < 0)
		/* The driver attaches to no interface but its own of the same mode. */
		return errno == EINVAL && exists ? -EEXIST : -errno;
	if (ioctl(fd, TUNGETIFF, &ifr) < 0)
		return -errno;
	if (!(ifr.ifr_flags & IFF_TAP) || !(ifr.ifr_flags & IFF_VNET_HDR))
		return -EEXIST;
	return ioctl(fd, TUNSETVNETHDRSZ, &hdr_len) < 0 ? -errno : 0;
}

/* Ask for frames with work left to do, as much as the kernel agrees to. Return: VS_CAP_* bits. */
static unsigned device_offloads(int fd)
{
	if (!ioctl(fd, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6))
		return VS_CAP_CSUM_NEEDED | VS_CAP_GSO_TCP4 | VS_CAP_GSO_TCP6;
	if (!ioctl(fd, TUNSETOFFLOAD, TUN_F_CSUM))
		return VS_CAP_CSUM_NEEDED;
	ioctl(fd, TUNSETOFFLOAD, 0);
	return 0;
}

/* Name is valid, MTU and offload limits set, up. */
static int interface_setup(struct host_tap *t, struct host_netlink *nl, uint32_t mtu)
{
	struct host_ifinfo info;
	int rc = mtu ? host_netlink_mtu(nl, t->ifname, mtu) : 0;

	t->caps = device_offloads(t->fd);
	/* The kernel's default would let it hand over frames that no port can take. Those it keeps
	 * to itself are cut by it; if it does not know the attribute they are dropped. */
	host_netlink_gso_max(nl, t->ifname, VS_FRAME_MAX - TAG_LEN);
	if (!rc)
		rc = host_netlink_up(nl, t->ifname, true);
	if (!rc)
		rc = host_netlink_get(nl, t->ifname, &info);
	if (rc)
		return rc;
	host_tap_set_mtu(t, info.mtu);
	return 0;
}

static int device_setup(struct host_tap *t, uint32_t mtu)
{
	struct host_netlink *nl = host_netlink_open();
	struct host_ifinfo before;
	int rc;

	if (!nl)
		return -errno;
	t->fd = device_open();
	rc = t->fd < 0 ? t->fd : 0;
	if (!rc)
		rc = device_attach(t->fd, t->ifname, !host_netlink_get(nl, t->ifname, &before));
	if (!rc)
		rc = interface_setup(t, nl, mtu);
	host_netlink_close(nl);
	return rc;
}

static int wait_setup(struct host_tap *t)
{
	struct epoll_event ev = {.events = EPOLLIN};

	t->wait_fd = epoll_create1(EPOLL_CLOEXEC);
	if (t->wait_fd < 0 || epoll_ctl(t->wait_fd, EPOLL_CTL_ADD, t->fd, &ev))
		return -errno;
	return 0;
}

static int buffers_setup(struct host_tap *t)
{
	struct tap_rx *rx = &t->rx;
	void *map = mmap(NULL, RX_SLOTS * (size_t)RX_SLOT_BYTES, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (map == MAP_FAILED)
		return -errno;
	rx->slots = map;
	rx->batch = 1;
	for (unsigned i = 0; i < RX_SLOTS; i++) {
		rx->iov[i] = (struct iovec){
			.iov_base = rx->slots + (size_t)i * RX_SLOT_BYTES,
			.iov_len = RX_SLOT_BYTES,
		};
		rx->op[i] = (struct tapio_op){.iov = &rx->iov[i], .niov = 1};
	}
	return 0;
}

/*
 * Open the TAP interface and set it up; it is made if it does not exist, and then goes with the
 * port.
 * @mtu: layer 3; 0 leaves it.
 * Return: the port, or NULL and errno: EBUSY (another process has it), EEXIST (an interface of that
 * name is no TAP of one queue), EPERM, ENODEV (no /dev/net/tun), ENAMETOOLONG, EINVAL (the name, or
 * the MTU), ENOMEM, EMFILE.
 * Context: control thread, in the network namespace of the interface.
 */
struct host_tap *host_tap_open(const char *ifname, uint32_t mtu)
{
	struct host_tap *t;
	int rc = name_check(ifname);

	if (rc) {
		errno = -rc;
		return NULL;
	}
	t = calloc(1, sizeof(*t));
	if (!t)
		return NULL;
	memcpy(t->ifname, ifname, strlen(ifname) + 1);
	t->fd = t->wait_fd = -1;
	for (unsigned i = 0; i < TX_LANES; i++)
		lane_lock_init(&t->tx[i].lock);
	atomic_init(&t->carrier, true);
	atomic_init(&t->gone, false);
	rc = device_setup(t, mtu);
	if (!rc)
		rc = wait_setup(t);
	if (!rc)
		rc = buffers_setup(t);
	if (rc) {
		host_tap_close(t);
		errno = -rc;
		return NULL;
	}
	tapio_open(&t->rx.io, t->fd);
	for (unsigned i = 0; i < TX_LANES; i++)
		tapio_open(&t->tx[i].io, t->fd);
	return t;
}

/* NULL is legal. Context: control thread, after the link's stop. */
void host_tap_close(struct host_tap *t)
{
	if (!t)
		return;
	tapio_close(&t->rx.io);
	for (unsigned i = 0; i < TX_LANES; i++)
		tapio_close(&t->tx[i].io);
	if (t->rx.slots)
		munmap(t->rx.slots, RX_SLOTS * (size_t)RX_SLOT_BYTES);
	if (t->wait_fd >= 0)
		close(t->wait_fd);
	if (t->fd >= 0)
		close(t->fd);
	for (unsigned i = 0; i < TX_LANES; i++)
		pthread_mutex_destroy(&t->tx[i].lock);
	free(t);
}

const char *host_tap_ifname(const struct host_tap *t)
{
	return t->ifname;
}

/* Frames for a TAP without carrier are dropped as VS_DROP_TX_DOWN. Context: any thread. */
void host_tap_set_carrier(struct host_tap *t, bool up)
{
	atomic_store_explicit(&t->carrier, up, memory_order_relaxed);
}

/* A frame that is not cut on its way must fit the interface. Context: any thread. */
void host_tap_set_mtu(struct host_tap *t, uint32_t mtu)
{
	uint32_t max = mtu < VS_FRAME_MAX - ETH_HLEN_TAGGED ? mtu + ETH_HLEN_TAGGED : VS_FRAME_MAX;

	atomic_store_explicit(&t->frame_max, max, memory_order_relaxed);
}

/* Context: any thread. */
bool host_tap_alive(const struct host_tap *t)
{
	struct ifreq ifr = {0};

	return ioctl(t->fd, TUNGETIFF, &ifr) == 0;
}
