/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A switch port on an interface the host has already (a NIC, one end of a veth pair), by a packet
 * socket. Unlike a TAP it has a carrier of its own.
 *
 * Frames travel with the same header as a TAP's (PACKET_VNET_HDR), so offloads stay intact in both
 * directions. The kernel takes the outer tag out of received frames and reports it beside; it is
 * put back in front of the rest. What the host itself sends by the interface is not seen
 * (PACKET_IGNORE_OUTGOING); what it receives there, the host receives too.
 *
 * Up to RX_SLOTS frames per system call, VS_BURST in the other direction. Sending is under a lock,
 * since several workers may do it.
 */
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/be.h"
#include "host/lane.h"
#include "host/host.h"
#include "host/vnet.h"

#define RX_SLOTS 32u
#define TAG_LEN 4u
#define MACS_LEN 12u
#define SLOT_BYTES 65664u /* a tag, the longest frame, rounded up */
#define TX_IOVS (VS_SEGS + VS_BURST)
#define SOCKET_BUFFER (4 << 20)
#ifndef PACKET_IGNORE_OUTGOING
#define PACKET_IGNORE_OUTGOING 23
#endif

static_assert(SLOT_BYTES >= VS_FRAME_MAX + TAG_LEN, "longest frame");

union control {
	struct cmsghdr align;
	uint8_t bytes[CMSG_SPACE(sizeof(struct tpacket_auxdata))];
};

struct rx {
	uint8_t *slots;
	struct vnet_hdr hdr[RX_SLOTS];
	union control control[RX_SLOTS];
	struct iovec iov[RX_SLOTS][2];
	struct mmsghdr msg[RX_SLOTS];
};

struct tx {
	pthread_mutex_t lock;
	uint8_t lead[VS_BURST][VNET_LEAD_BYTES];
	struct iovec iov[TX_IOVS];
	struct mmsghdr msg[VS_BURST];
};

struct host_packet {
	int fd;
	atomic_bool carrier;
	_Atomic uint32_t mtu; /* of the interface; 0: not known */
	struct rx rx;
	struct tx tx;
};

/* ---- receiving ------------------------------------------------------------------------ */

/* The tag that was taken out of the frame. Return: is there one? */
static bool stripped_tag(struct msghdr *m, uint8_t tag[TAG_LEN])
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		struct tpacket_auxdata aux;

		if (c->cmsg_level != SOL_PACKET || c->cmsg_type != PACKET_AUXDATA)
			continue;
		memcpy(&aux, CMSG_DATA(c), sizeof(aux));
		if (!(aux.tp_status & TP_STATUS_VLAN_VALID))
			return false;
		be16_store(tag, aux.tp_status & TP_STATUS_VLAN_TPID_VALID ? aux.tp_vlan_tpid
									  : ETH_P_8021Q);
		be16_store(tag + 2, aux.tp_vlan_tci);
		return true;
	}
	return false;
}

static void rx_frame(struct rx *rx, unsigned i, struct vs_burst *b, uint64_t *dropped)
{
	struct vnet_hdr *hdr = &rx->hdr[i];
	uint8_t *frame = rx->slots + (size_t)i * SLOT_BYTES + TAG_LEN, tag[TAG_LEN];
	uint32_t len = rx->msg[i].msg_len;
	enum vs_drop why = VS_DROP_RX_RUNT;

	if (len >= sizeof(*hdr) + MACS_LEN) {
		len -= (uint32_t)sizeof(*hdr);
		if (stripped_tag(&rx->msg[i].msg_hdr, tag)) {
			memmove(frame - TAG_LEN, frame, MACS_LEN);
			frame -= TAG_LEN;
			memcpy(frame + MACS_LEN, tag, TAG_LEN);
			len += TAG_LEN;
			if (hdr->flags & VNET_FLAG_NEEDS_CSUM)
				hdr->csum_start = (uint16_t)(hdr->csum_start + TAG_LEN);
			if (hdr->hdr_len)
				hdr->hdr_len = (uint16_t)(hdr->hdr_len + TAG_LEN);
		}
		why = len > VS_FRAME_MAX ? VS_DROP_RX_GIANT : vnet_rx(hdr, frame, len, b);
	}
	if (why != VS_DROP_NONE)
		dropped[why]++;
}

static unsigned packet_rx_burst(void *port, struct vs_burst *b, uint64_t *dropped)
{
	struct host_packet *p = port;
	struct rx *rx = &p->rx;
	int n;

	b->n = 0;
	b->nseg_used = 0;
	for (unsigned i = 0; i < RX_SLOTS; i++)
		rx->msg[i].msg_hdr.msg_controllen = sizeof(rx->control[i]);
	n = recvmmsg(p->fd, rx->msg, RX_SLOTS, MSG_DONTWAIT, NULL);
	for (int i = 0; i < n; i++)
		rx_frame(rx, (unsigned)i, b, dropped);
	return b->n;
}

static void packet_rx_done(void *port, const struct vs_burst *b)
{
	(void)port; /* the slots are written again by the next rx_burst only */
	(void)b;
}

/* ---- sending -------------------------------------------------------------------------- */

static enum vs_drop tx_reason(int err)
{
	switch (err) {
	case EAGAIN:
	case ENOBUFS:
	case ENOMEM:
		return VS_DROP_TX_NO_BUFFER;
	case ENETDOWN:
	case ENXIO: /* the interface is gone */
	case ENODEV:
		return VS_DROP_TX_DOWN;
	case EMSGSIZE:
		return VS_DROP_TX_TOO_BIG;
	default:
		return VS_DROP_TX_ERROR;
	}
}

/* Return: frames ready to be sent, from the first on; 0: the first cannot be. */
static unsigned tx_prepare(struct tx *tx, const struct vs_burst *b, const struct vs_ref *ref,
			   unsigned n)
{
	unsigned used = 0, k;

	for (k = 0; k < n && k < VS_BURST; k++) {
		const struct vs_seg *seg = b->seg + b->seg0[ref[k].frame];
		unsigned nseg = b->nseg[ref[k].frame];
		struct iovec *iov = tx->iov + used;
		uint32_t lead;

		if (used + 1 + nseg > TX_IOVS)
			break;
		lead = vnet_tx(b, &ref[k], tx->lead[k]);
		if (!lead)
			break;
		iov[0] = (struct iovec){.iov_base = tx->lead[k], .iov_len = lead};
		for (unsigned s = 0; s < nseg; s++)
			/* The kernel only reads through it. */
			iov[s + 1] = (struct iovec){.iov_base = (void *)(uintptr_t)seg[s].p,
						    .iov_len = seg[s].len};
		tx->msg[k].msg_hdr = (struct msghdr){.msg_iov = iov, .msg_iovlen = nseg + 1};
		used += 1 + nseg;
	}
	return k;
}

static unsigned packet_tx_burst(void *port, const struct vs_burst *b, const struct vs_ref *ref,
				unsigned n, enum vs_drop *err)
{
	struct host_packet *p = port;
	unsigned done = 0;

	if (!atomic_load_explicit(&p->carrier, memory_order_relaxed)) {
		*err = VS_DROP_TX_DOWN;
		return 0;
	}
	pthread_mutex_lock(&p->tx.lock);
	while (done < n) {
		unsigned k = tx_prepare(&p->tx, b, ref + done, n - done);
		int sent = k ? sendmmsg(p->fd, p->tx.msg, k, MSG_DONTWAIT) : 0;

		if (sent <= 0) {
			*err = k ? tx_reason(errno) : VS_DROP_TX_ERROR;
			break;
		}
		done += (unsigned)sent;
	}
	pthread_mutex_unlock(&p->tx.lock);
	return done;
}

/* ---- sleeping, capabilities ------------------------------------------------------------- */

static bool packet_arm(void *port)
{
	struct host_packet *p = port;
	struct pollfd pfd = {.fd = p->fd, .events = POLLIN};

	return poll(&pfd, 1, 0) > 0 && pfd.revents & POLLIN;
}

static void packet_disarm(void *port)
{
	(void)port;
}

static int packet_wait_fd(void *port)
{
	return ((const struct host_packet *)port)->fd;
}

static unsigned packet_caps(void *port)
{
	(void)port;
	return VS_CAP_CSUM_NEEDED | VS_CAP_GSO_TCP4 | VS_CAP_GSO_TCP6;
}

static uint32_t packet_frame_max(void *port)
{
	(void)port; /* the kernel refuses what the interface does not take */
	return VS_FRAME_MAX;
}

static uint32_t packet_mtu(void *port)
{
	struct host_packet *p = port;

	return atomic_load_explicit(&p->mtu, memory_order_relaxed);
}

const struct vs_port_ops *host_packet_ops(void)
{
	static const struct vs_port_ops ops = {
		.kind = "NIC",
		.rx_burst = packet_rx_burst,
		.rx_done = packet_rx_done,
		.tx_burst = packet_tx_burst,
		.arm = packet_arm,
		.disarm = packet_disarm,
		.wait_fd = packet_wait_fd,
		.caps = packet_caps,
		.frame_max = packet_frame_max,
		.mtu = packet_mtu,
	};

	return &ops;
}

/* ---- life --------------------------------------------------------------------------------- */

static int set_option(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof(value)) < 0 ? -errno : 0;
}

/* The loopback interface and tunnels carry no Ethernet frames, or not those of others. */
static int check_type(int fd)
{
	struct sockaddr_ll addr = {0};
	socklen_t len = sizeof(addr);

	if (getsockname(fd, (struct sockaddr *)&addr, &len) < 0)
		return -errno;
	return addr.sll_hatype == ARPHRD_ETHER ? 0 : -EPFNOSUPPORT;
}

static int socket_setup(int fd, unsigned ifindex)
{
	struct sockaddr_ll addr = {.sll_family = AF_PACKET,
				   .sll_protocol = (BE_FORCE __be16)be16_swap(ETH_P_ALL),
				   .sll_ifindex = (int)ifindex};
	struct packet_mreq all = {.mr_ifindex = (int)ifindex, .mr_type = PACKET_MR_PROMISC};
	int rc = set_option(fd, SOL_PACKET, PACKET_VNET_HDR, 1);

	if (!rc)
		rc = set_option(fd, SOL_PACKET, PACKET_AUXDATA, 1);
	if (!rc)
		rc = set_option(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, 1);
	/* The defaults hold a few dozen large frames. Best effort. */
	(void)set_option(fd, SOL_SOCKET, SO_RCVBUFFORCE, SOCKET_BUFFER);
	(void)set_option(fd, SOL_SOCKET, SO_SNDBUFFORCE, SOCKET_BUFFER);
	if (!rc && setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &all, sizeof(all)) < 0)
		rc = -errno;
	if (!rc && bind(fd, (const struct sockaddr *)&addr, sizeof(addr)) < 0)
		rc = -errno;
	return rc ? rc : check_type(fd);
}

static int buffers_setup(struct rx *rx)
{
	void *map = mmap(NULL, RX_SLOTS * (size_t)SLOT_BYTES, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (map == MAP_FAILED)
		return -errno;
	rx->slots = map;
	for (unsigned i = 0; i < RX_SLOTS; i++) {
		rx->iov[i][0] = (struct iovec){&rx->hdr[i], sizeof(rx->hdr[i])};
		rx->iov[i][1] = (struct iovec){rx->slots + (size_t)i * SLOT_BYTES + TAG_LEN,
					       SLOT_BYTES - TAG_LEN};
		rx->msg[i].msg_hdr = (struct msghdr){
			.msg_iov = rx->iov[i], .msg_iovlen = 2, .msg_control = &rx->control[i]};
	}
	return 0;
}

struct host_packet *host_packet_open(const char *ifname)
{
	unsigned ifindex = if_nametoindex(ifname);
	struct host_packet *p;
	int rc;

	if (!ifindex)
		return NULL;
	p = calloc(1, sizeof(*p));
	if (!p)
		return NULL;
	lane_lock_init(&p->tx.lock);
	atomic_init(&p->carrier, true);
	/* No protocol until it is bound: no frame of another interface gets in. */
	p->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	rc = p->fd < 0 ? -errno : socket_setup(p->fd, ifindex);
	if (!rc)
		rc = buffers_setup(&p->rx);
	if (!rc)
		return p;
	host_packet_close(p);
	errno = -rc;
	return NULL;
}

void host_packet_close(struct host_packet *p)
{
	if (!p)
		return;
	if (p->rx.slots)
		munmap(p->rx.slots, RX_SLOTS * (size_t)SLOT_BYTES);
	if (p->fd >= 0)
		close(p->fd);
	pthread_mutex_destroy(&p->tx.lock);
	free(p);
}

void host_packet_set_mtu(struct host_packet *p, uint32_t mtu)
{
	atomic_store_explicit(&p->mtu, mtu, memory_order_relaxed);
}

void host_packet_set_carrier(struct host_packet *p, bool up)
{
	atomic_store_explicit(&p->carrier, up, memory_order_relaxed);
}
