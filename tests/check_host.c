/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TAP port and netlink against the kernel, each test in a network namespace of its own.
 *
 *   host_tap (under test) <== /dev/net/tun ==> ztap0 <--- AF_PACKET socket of the test
 */
#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netlink/route/link.h>
#include <netlink/route/link/bridge.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/be.h"
#include "host/host.h"
#include "host/vnet.h"

#define TAP "ztap0"
#define ETHERTYPE_TEST 0x88B5 /* IEEE 802 local experimental */
#define VNET sizeof(struct vnet_hdr)
#define WAIT_MS 2000

static const struct vs_port_ops *ops;
static struct host_tap *tap;
static int sock = -1;
static struct vs_burst burst;
static uint64_t dropped[VS_DROP_COUNT + 1];
static uint8_t packet[VNET + 70000];

/* ---- set-up ----------------------------------------------------------------------------- */

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	if (write(fd, text, strlen(text)) < 0)
		perror(path);
	close(fd);
}

static void namespace_setup(void)
{
	ck_assert_int_eq(unshare(CLONE_NEWNET), 0);
	/* Keep the kernel's own packets away. */
	write_file("/proc/sys/net/ipv6/conf/all/disable_ipv6", "1");
	write_file("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1");
}

static int packet_socket(const char *ifname)
{
	struct sockaddr_ll addr = {.sll_family = AF_PACKET};
	int on = 1, fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof(on)), 0);
	addr.sll_ifindex = (int)if_nametoindex(ifname);
	memcpy(&addr.sll_protocol, (const uint8_t[2]){0, 3}, 2); /* ETH_P_ALL */
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	return fd;
}

static void tap_setup(void)
{
	namespace_setup();
	ops = host_tap_ops();
	tap = host_tap_open(TAP, 0);
	ck_assert_msg(tap != NULL, "host_tap_open: %s", strerror(errno));
	sock = packet_socket(TAP);
}

static void tap_teardown(void)
{
	host_tap_close(tap);
	close(sock);
}

/* Frames that must be the same with and without io_uring: forbid it before or after the open. */
static void forbid(int syscall)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);

	ck_assert_ptr_nonnull(ctx);
	ck_assert_int_eq(seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), syscall, 0), 0);
	ck_assert_int_eq(seccomp_load(ctx), 0);
	seccomp_release(ctx);
}

static void tap_setup_no_uring(void)
{
	forbid(SCMP_SYS(io_uring_setup));
	tap_setup();
}

static void tap_setup_uring_forbidden_later(void)
{
	tap_setup();
	forbid(SCMP_SYS(io_uring_enter));
}

/* ---- frames ------------------------------------------------------------------------------- */

/* A frame with a sequence number, of no known protocol. */
static uint32_t plain(uint8_t *f, unsigned seq, uint32_t len)
{
	memset(f, 0xFF, 6);
	memcpy(f + 6, (const uint8_t[6]){2, 0, 0, 0, 0, 9}, 6);
	be16_store(f + 12, ETHERTYPE_TEST);
	for (uint32_t i = 14; i < len; i++)
		f[i] = (uint8_t)(i * 31 + seq);
	be32_store(f + 14, seq);
	return len;
}

/* TCP over IPv4 or 6, one tag or none, payload counting. Return: where TCP begins. */
static uint32_t tcp(uint8_t *f, bool v6, bool tagged, uint32_t len)
{
	uint32_t off = 12, l4;

	plain(f, 0, len);
	memcpy(f, (const uint8_t[6]){2, 0, 0, 0, 0, 1}, 6);
	if (tagged) {
		be16_store(f + off, 0x8100);
		be16_store(f + off + 2, 100);
		off += 4;
	}
	be16_store(f + off, v6 ? 0x86DD : 0x0800);
	off += 2;
	l4 = off + (v6 ? 40 : 20);
	memset(f + off, 0, l4 - off + 20);
	if (v6) {
		f[off] = 0x60;
		be16_store(f + off + 4, (uint16_t)(len - l4));
		f[off + 6] = 6;
		f[off + 7] = 64;
		f[off + 23] = 1;
		f[off + 39] = 2;
	} else {
		f[off] = 0x45;
		be16_store(f + off + 2, (uint16_t)(len - off));
		f[off + 8] = 64;
		f[off + 9] = 6;
		be32_store(f + off + 12, 0x0A000001);
		be32_store(f + off + 16, 0x0A000002);
	}
	be16_store(f + l4, 1000);
	be16_store(f + l4 + 2, 2000);
	f[l4 + 12] = 0x50;
	f[l4 + 13] = 0x10;
	return l4;
}

/* From the kernel's side into the TAP. */
static void inject(const struct vnet_hdr *hdr, uint32_t len)
{
	memcpy(packet, hdr, VNET);
	ck_assert_msg(send(sock, packet, VNET + len, 0) == (ssize_t)(VNET + len), "send: %s",
		      strerror(errno));
}

/* What left the TAP on the kernel's side. Return: bytes of the frame, 0 if none comes. */
static uint32_t receive(struct vnet_hdr *hdr, uint8_t *frame, size_t cap, int wait_ms)
{
	struct pollfd pfd = {.fd = sock, .events = POLLIN};
	struct sockaddr_ll from = {0};
	socklen_t from_len = sizeof(from);
	ssize_t n;

	while (poll(&pfd, 1, wait_ms) > 0) {
		n = recvfrom(sock, packet, sizeof(packet), 0, (struct sockaddr *)&from, &from_len);
		ck_assert_int_ge(n, (ssize_t)VNET);
		if (from.sll_pkttype == PACKET_OUTGOING)
			continue;
		ck_assert_uint_le((size_t)n - VNET, cap);
		memcpy(hdr, packet, VNET);
		memcpy(frame, packet + VNET, (size_t)n - VNET);
		return (uint32_t)n - (uint32_t)VNET;
	}
	return 0;
}

static uint32_t join(unsigned i, uint8_t *out)
{
	uint32_t len = burst.headlen[i];

	memcpy(out, burst.head[i], len);
	for (unsigned s = 0; s < burst.nseg[i]; s++) {
		const struct vs_seg *seg = &burst.seg[burst.seg0[i] + s];

		memcpy(out + len, seg->p, seg->len);
		len += seg->len;
	}
	ck_assert_uint_eq(len, burst.len[i]);
	return len;
}

static const unsigned counts[] = {0, 1, 2, 3, 4, 5, 31, 32, 33, 64, 100};
#define COUNTS (int)(sizeof(counts) / sizeof(counts[0]))

/* ---- TAP: receiving -------------------------------------------------------------------------- */

/* All frames arrive once, in order, unchanged, whatever the batch has become. */
START_TEST(rx_counts)
{
	static uint8_t want[2000], seen[70000];
	const struct vnet_hdr none = {.flags = 0};
	unsigned n = counts[_i];

	for (unsigned round = 0; round < 3; round++) {
		unsigned got = 0, polls = 0;

		for (unsigned i = 0; i < n; i++)
			inject(&none, plain(packet + VNET, i, 60 + i * 14));
		ck_assert_int_eq(ops->arm(tap), n > 0);
		ops->disarm(tap);
		while (got < n && polls++ < 100) {
			ops->rx_burst(tap, &burst, dropped);
			ck_assert_uint_le(burst.n, VS_BURST);
			for (unsigned i = 0; i < burst.n; i++, got++) {
				uint32_t len = plain(want, got, 60 + got * 14);

				ck_assert_uint_eq(join(i, seen), len);
				ck_assert_uint_eq(burst.flags[i], 0);
				ck_assert_int_eq(memcmp(seen, want, len), 0);
				ck_assert_uint_eq(burst.headlen[i], len < 64 ? len : 64);
			}
			ops->rx_done(tap, &burst);
		}
		ck_assert_uint_eq(got, n);
		ck_assert_uint_eq(ops->rx_burst(tap, &burst, dropped), 0);
		ops->rx_done(tap, &burst);
		ck_assert(!ops->arm(tap));
		ops->disarm(tap);
	}
	for (unsigned i = 0; i <= VS_DROP_COUNT; i++)
		ck_assert_uint_eq(dropped[i], 0);
}
END_TEST

static const struct offload_row {
	int n;
	bool v6, tagged, gso;
	uint32_t len;
} offload_rows[] = {
	{1, false, false, false, 500},	{2, true, false, false, 500},
	{3, false, true, false, 500},	{4, true, true, false, 500},
	{5, false, false, true, 9000},	{6, true, false, true, 9000},
	{7, false, true, true, 9000},	{8, true, true, true, 9000},
	{9, false, false, true, 65000}, {10, true, true, true, 65000},
};
#define OFFLOADS (int)(sizeof(offload_rows) / sizeof(offload_rows[0]))

/* The kernel's header and our burst say the same about a frame. */
static struct vnet_hdr offload_hdr(const struct offload_row *row, uint32_t l4)
{
	struct vnet_hdr hdr = {
		.flags = VNET_FLAG_NEEDS_CSUM,
		.csum_start = (uint16_t)l4,
		.csum_offset = 16,
	};

	if (row->gso) {
		hdr.gso_type = row->v6 ? VNET_GSO_TCPV6 : VNET_GSO_TCPV4;
		hdr.gso_size = 1000;
		hdr.hdr_len = (uint16_t)(l4 + 20);
	}
	return hdr;
}

static uint8_t offload_flags(const struct offload_row *row)
{
	unsigned gso = row->v6 ? VS_F_GSO_TCP6 : VS_F_GSO_TCP4;

	return (uint8_t)(VS_F_CSUM_NEEDED | (row->gso ? gso : 0));
}

START_TEST(rx_offloads)
{
	static uint8_t want[70000], seen[70000];
	const struct offload_row *row = &offload_rows[_i];
	uint32_t l4 = tcp(want, row->v6, row->tagged, row->len);
	struct vnet_hdr hdr = offload_hdr(row, l4);

	memcpy(packet + VNET, want, row->len);
	inject(&hdr, row->len);
	ck_assert_uint_eq(ops->rx_burst(tap, &burst, dropped), 1);
	ck_assert_uint_eq(join(0, seen), row->len);
	ck_assert_msg(!memcmp(seen, want, row->len), "row %d: bytes", row->n);
	ck_assert_msg(burst.flags[0] == offload_flags(row), "row %d: flags", row->n);
	ck_assert_uint_eq(burst.csum_start[0], l4);
	ck_assert_uint_eq(burst.csum_offset[0], 16);
	ck_assert_uint_ge(burst.headlen[0], l4 + 20);
	ck_assert_uint_eq(burst.gso_size[0], row->gso ? 1000 : 0);
	ck_assert_uint_eq(burst.hdrlen[0], row->gso ? l4 + 20 : 0);
	ops->rx_done(tap, &burst);
}
END_TEST

/* ---- TAP: sending ------------------------------------------------------------------------------
 */

/* Frame i of the burst: the bytes, cut into a head and a few references. */
static void burst_add(const uint8_t *frame, uint32_t len, uint16_t headlen)
{
	unsigned i = burst.n++;

	burst.len[i] = len;
	burst.headlen[i] = (uint16_t)(headlen < len ? headlen : len);
	burst.flags[i] = 0;
	memcpy(burst.head[i], frame, burst.headlen[i]);
	burst.seg0[i] = (uint16_t)burst.nseg_used;
	burst.nseg[i] = 0;
	for (uint32_t off = burst.headlen[i]; off < len; burst.nseg[i]++) {
		uint32_t part = burst.nseg[i] < 3 && len - off > 100 ? 100 : len - off;

		burst.seg[burst.nseg_used++] = (struct vs_seg){.p = frame + off, .len = part};
		off += part;
	}
}

START_TEST(tx_counts)
{
	static uint8_t frames[VS_BURST][2000], seen[2000];
	static struct vs_ref ref[VS_BURST];
	unsigned n = counts[_i] < VS_BURST ? counts[_i] : VS_BURST;
	enum vs_drop err = VS_DROP_NONE;
	struct vnet_hdr hdr;

	burst.n = burst.nseg_used = 0;
	for (unsigned i = 0; i < n; i++) {
		burst_add(frames[i], plain(frames[i], i, 60 + i * 20), 64);
		memcpy(burst.head[i], frames[i], burst.headlen[i]);
		ref[n - 1 - i].frame = (uint8_t)i;
	}
	ck_assert_uint_eq(ops->tx_burst(tap, &burst, ref, n, &err), n);
	ck_assert_int_eq(err, VS_DROP_NONE);
	for (unsigned i = n; i-- > 0;) {
		ck_assert_uint_eq(receive(&hdr, seen, sizeof(seen), WAIT_MS), burst.len[i]);
		ck_assert_int_eq(memcmp(seen, frames[i], burst.len[i]), 0);
	}
	ck_assert_uint_eq(receive(&hdr, seen, sizeof(seen), 0), 0);
}
END_TEST

/* Offloads with each edit of the tag. The kernel checks that the offsets fit the headers. */
START_TEST(tx_offloads)
{
	static uint8_t frame[70000], seen[70000];
	const struct offload_row *row = &offload_rows[_i];
	uint8_t edit = row->tagged ? VS_EDIT_STRIP : VS_EDIT_PUSH;
	const struct vs_ref refs[2] = {{0, VS_EDIT_NONE}, {0, edit}};
	enum vs_drop err = VS_DROP_NONE;
	uint32_t l4 = tcp(frame, row->v6, row->tagged, row->len);

	burst.n = burst.nseg_used = 0;
	burst_add(frame, row->len, (uint16_t)(l4 + 20));
	burst.flags[0] = offload_flags(row);
	burst.csum_start[0] = (uint16_t)l4;
	burst.csum_offset[0] = 16;
	burst.gso_size[0] = 1000;
	burst.hdrlen[0] = (uint16_t)(l4 + 20);
	burst.tci[0] = 0x2064;
	ck_assert_uint_eq(ops->tx_burst(tap, &burst, refs, 2, &err), 2);
	for (unsigned i = 0; i < 2; i++) {
		bool tagged = (refs[i].edit == VS_EDIT_NONE) == row->tagged;
		/* A tag is taken out of the frame before a packet socket sees it. */
		uint32_t cut = tagged ? 4 : 0;
		uint32_t at = l4 + (tagged ? 4 : 0) - (row->tagged ? 4 : 0);
		uint32_t whole = row->len + (tagged ? 4 : 0) - (row->tagged ? 4 : 0);
		struct vnet_hdr hdr = {0};

		ck_assert_uint_eq(receive(&hdr, seen, sizeof(seen), WAIT_MS), whole - cut);
		ck_assert_msg(!memcmp(seen + at - cut + 20, frame + l4 + 20, row->len - l4 - 20),
			      "row %d: payload", row->n);
		ck_assert_uint_eq(hdr.flags & VNET_FLAG_NEEDS_CSUM, VNET_FLAG_NEEDS_CSUM);
		ck_assert_uint_eq(hdr.csum_start, at - cut);
		ck_assert_uint_eq(hdr.csum_offset, 16);
		ck_assert_uint_eq(hdr.gso_size, row->gso ? 1000 : 0);
		ck_assert_uint_eq(hdr.gso_type, offload_hdr(row, l4).gso_type);
	}
}
END_TEST

static unsigned send_plain(unsigned n, enum vs_drop *err)
{
	static uint8_t frames[VS_BURST][100];
	static struct vs_ref ref[VS_BURST];

	burst.n = burst.nseg_used = 0;
	for (unsigned i = 0; i < n; i++) {
		plain(frames[i], i, 100);
		burst_add(frames[i], 100, 64);
		ref[i].frame = (uint8_t)i;
	}
	*err = VS_DROP_NONE;
	return ops->tx_burst(tap, &burst, ref, n, err);
}

START_TEST(tx_down)
{
	struct host_netlink *nl = host_netlink_open();
	enum vs_drop err;

	ck_assert_ptr_nonnull(nl);
	host_tap_set_carrier(tap, false);
	ck_assert_uint_eq(send_plain(3, &err), 0);
	ck_assert_int_eq(err, VS_DROP_TX_DOWN);
	host_tap_set_carrier(tap, true);
	ck_assert_uint_eq(send_plain(3, &err), 3);
	/* before anybody has told the port */
	ck_assert_int_eq(host_netlink_up(nl, TAP, false), 0);
	ck_assert_uint_eq(send_plain(3, &err), 0);
	ck_assert_int_eq(err, VS_DROP_TX_DOWN);
	host_netlink_close(nl);
}
END_TEST

/* A frame the kernel does not want costs itself only. */
START_TEST(tx_refused)
{
	static uint8_t frames[3][200];
	const struct vs_ref ref[3] = {{0, 0}, {1, 0}, {2, 0}};
	enum vs_drop err = VS_DROP_NONE;
	struct vnet_hdr hdr;
	uint8_t seen[200];

	burst.n = burst.nseg_used = 0;
	for (unsigned i = 0; i < 3; i++)
		burst_add(frames[i], plain(frames[i], i, 200), 64);
	for (unsigned i = 0; i < 3; i++)
		memcpy(burst.head[i], frames[i], 64);
	burst.flags[1] = VS_F_CSUM_NEEDED;
	burst.csum_start[1] = 5000;
	burst.csum_offset[1] = 16;
	ck_assert_uint_eq(ops->tx_burst(tap, &burst, ref, 3, &err), 2);
	ck_assert_int_eq(err, VS_DROP_TX_ERROR);
	ck_assert_uint_eq(receive(&hdr, seen, sizeof(seen), WAIT_MS), 200);
	ck_assert_int_eq(memcmp(seen, frames[0], 200), 0);
	ck_assert_uint_eq(receive(&hdr, seen, sizeof(seen), WAIT_MS), 200);
	ck_assert_int_eq(memcmp(seen, frames[2], 200), 0);
}
END_TEST

/* More threads than the port has lanes: each one's frames come whole, once and in order. */
#define SENDERS 6u
#define FRAMES_EACH 100u
#define PER_BURST 5u

static void *send_numbered(void *arg)
{
	const uint8_t *number = arg;
	struct vs_burst *b = aligned_alloc(64, (sizeof(*b) + 63) & ~(size_t)63);
	struct vs_ref ref[PER_BURST] = {{0, VS_EDIT_NONE}};
	enum vs_drop err = VS_DROP_NONE;

	memset(b, 0, sizeof(*b));
	b->n = PER_BURST;
	for (unsigned f = 0; f < FRAMES_EACH; f += PER_BURST) {
		for (unsigned i = 0; i < PER_BURST; i++) {
			b->len[i] = b->headlen[i] = 64;
			memset(b->head[i], *number, 64);
			b->head[i][0] = 2;
			be16_store(b->head[i] + 12, ETHERTYPE_TEST);
			be16_store(b->head[i] + 14, (uint16_t)(f + i));
			ref[i].frame = (uint8_t)i;
		}
		if (ops->tx_burst(tap, b, ref, PER_BURST, &err) != PER_BURST)
			break;
	}
	free(b);
	return NULL;
}

START_TEST(several_senders)
{
	uint8_t number[SENDERS], want[64], seen[2048];
	unsigned next[SENDERS] = {0};
	int room = 16 << 20;
	pthread_t t[SENDERS];
	struct vnet_hdr hdr;

	setsockopt(sock, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	for (unsigned i = 0; i < SENDERS; i++) {
		number[i] = (uint8_t)(i + 1);
		ck_assert_int_eq(pthread_create(&t[i], NULL, send_numbered, &number[i]), 0);
	}
	for (unsigned n = 0; n < SENDERS * FRAMES_EACH; n++) {
		unsigned i;

		ck_assert_uint_eq(receive(&hdr, seen, sizeof(seen), WAIT_MS * 5), 64);
		i = seen[20] - 1u;
		ck_assert_uint_lt(i, SENDERS);
		memset(want, seen[20], 64);
		want[0] = 2;
		be16_store(want + 12, ETHERTYPE_TEST);
		be16_store(want + 14, (uint16_t)next[i]++);
		ck_assert_msg(!memcmp(seen, want, 64), "frame %u of sender %u", next[i] - 1, i);
	}
	for (unsigned i = 0; i < SENDERS; i++)
		pthread_join(t[i], NULL);
}
END_TEST

/* ---- TAP: life
 * ----------------------------------------------------------------------------------- */

START_TEST(open_refused)
{
	static const struct {
		int n;
		const char *ifname;
		uint32_t mtu;
		int err;
	} rows[] = {
		{1, "", 0, EINVAL},	 {2, "sixteen-letters-", 0, ENAMETOOLONG},
		{3, "tap%d", 0, EINVAL}, {4, "a/b", 0, EINVAL},
		{5, "..", 0, EINVAL},	 {6, "lo", 0, EEXIST},
		{7, TAP, 0, EBUSY},	 {8, "ztap1", 70000, EINVAL},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		errno = 0;
		ck_assert_msg(!host_tap_open(rows[i].ifname, rows[i].mtu), "row %d", rows[i].n);
		ck_assert_msg(errno == rows[i].err, "row %d: %s", rows[i].n, strerror(errno));
	}
	/* nothing is left of row 8 */
	ck_assert_uint_eq(if_nametoindex("ztap1"), 0);
}
END_TEST

START_TEST(open_sets_up)
{
	struct host_netlink *nl = host_netlink_open();
	struct host_tap *t = host_tap_open("ztap1", 8992);
	struct host_ifinfo info;

	ck_assert(nl && t);
	ck_assert_str_eq(host_tap_ifname(t), "ztap1");
	ck_assert_int_eq(host_netlink_get(nl, "ztap1", &info), 0);
	ck_assert_uint_eq(info.mtu, 8992);
	ck_assert(info.up);
	ck_assert_uint_eq(ops->caps(t), VS_CAP_CSUM_NEEDED | VS_CAP_GSO_TCP4 | VS_CAP_GSO_TCP6);
	ck_assert_uint_eq(ops->frame_max(t), 8992 + 18); /* header and a tag */
	host_tap_close(t);
	ck_assert_int_eq(host_netlink_get(nl, "ztap1", &info), -ENODEV);
	/* free again at once */
	t = host_tap_open("ztap1", 0);
	ck_assert_ptr_nonnull(t);
	host_tap_close(t);
	host_tap_close(NULL);
	host_netlink_close(nl);
}
END_TEST

static void link_delete(const char *ifname)
{
	struct nl_sock *sk = nl_socket_alloc();
	struct rtnl_link *link = rtnl_link_alloc();

	ck_assert(sk && link && !nl_connect(sk, NETLINK_ROUTE));
	rtnl_link_set_name(link, ifname);
	ck_assert_int_eq(rtnl_link_delete(sk, link), 0);
	rtnl_link_put(link);
	nl_socket_free(sk);
}

static int readable(int fd)
{
	struct pollfd pfd = {.fd = fd, .events = POLLIN};

	return poll(&pfd, 1, 0);
}

START_TEST(wait_fd_tells)
{
	const struct vnet_hdr none = {.flags = 0};

	ck_assert(!ops->arm(tap));
	ck_assert_int_eq(readable(ops->wait_fd(tap)), 0);
	inject(&none, plain(packet + VNET, 1, 60));
	ck_assert_int_eq(readable(ops->wait_fd(tap)), 1);
	ops->disarm(tap);
	ck_assert_uint_eq(ops->rx_burst(tap, &burst, dropped), 1);
	ck_assert_int_eq(readable(ops->wait_fd(tap)), 0);
}
END_TEST

/* The interface vanishes: sends are refused, and nobody is woken for ever. */
START_TEST(deleted)
{
	enum vs_drop err;

	link_delete(TAP);
	ck_assert_uint_eq(send_plain(3, &err), 0);
	ck_assert_int_eq(err, VS_DROP_TX_DOWN);
	ck_assert_uint_eq(ops->rx_burst(tap, &burst, dropped), 0);
	ck_assert(!ops->arm(tap));
	ck_assert_int_eq(readable(ops->wait_fd(tap)), 0);
}
END_TEST

START_TEST(deleted_while_asleep)
{
	ck_assert(!ops->arm(tap));
	link_delete(TAP);
	ck_assert_int_eq(readable(ops->wait_fd(tap)), 1);
	ops->disarm(tap);
	ck_assert_uint_eq(ops->rx_burst(tap, &burst, dropped), 0);
	ck_assert(!ops->arm(tap));
	ck_assert_int_eq(readable(ops->wait_fd(tap)), 0);
}
END_TEST

/* ---- netlink
 * ---------------------------------------------------------------------------------------- */

static struct host_netlink *nl;

static void netlink_setup(void)
{
	namespace_setup();
	nl = host_netlink_open();
	ck_assert_ptr_nonnull(nl);
}

static void netlink_teardown(void)
{
	host_netlink_close(nl);
}

static void bridge_add(const char *name)
{
	struct nl_sock *sk = nl_socket_alloc();

	ck_assert(sk && !nl_connect(sk, NETLINK_ROUTE));
	ck_assert_int_eq(rtnl_link_bridge_add(sk, name), 0);
	nl_socket_free(sk);
}

START_TEST(netlink_requests)
{
	const uint8_t mac[6] = {2, 0, 0, 1, 2, 3}, group[6] = {3, 0, 0, 0, 0, 1};
	struct host_ifinfo info;

	ck_assert_int_eq(host_netlink_get(nl, "nosuch0", &info), -ENODEV);
	ck_assert_int_eq(host_netlink_get(nl, "", &info), -ENODEV);
	ck_assert_int_eq(host_netlink_get(nl, "a-name-much-too-long", &info), -ENODEV);
	ck_assert_int_eq(host_netlink_up(nl, "nosuch0", true), -ENODEV);
	ck_assert_int_eq(host_netlink_get(nl, "lo", &info), 0);
	ck_assert_int_eq(info.ifindex, 1);
	ck_assert(!info.up);
	ck_assert_int_eq(host_netlink_up(nl, "lo", true), 0);
	ck_assert_int_eq(host_netlink_mtu(nl, "lo", 9000), 0);
	ck_assert_int_eq(host_netlink_mac(nl, "lo", mac), 0);
	ck_assert_int_eq(host_netlink_get(nl, "lo", &info), 0);
	ck_assert(info.up && info.running);
	ck_assert_uint_eq(info.mtu, 9000);
	ck_assert_int_eq(memcmp(info.mac, mac, 6), 0);
	ck_assert_int_eq(host_netlink_up(nl, "lo", false), 0);
	ck_assert_int_eq(host_netlink_get(nl, "lo", &info), 0);
	ck_assert(!info.up);
	bridge_add("br0");
	ck_assert_int_eq(host_netlink_mac(nl, "br0", group), -EADDRNOTAVAIL);
}
END_TEST

START_TEST(netlink_addresses)
{
	static const struct {
		int n, rc;
		const char *text;
	} rows[] = {
		{1, 0, "10.0.0.1/24"},
		{2, 0, "10.0.0.1/24"}, /* again */
		{3, 0, "fd00::1/64"},
		{4, 0, "fd00::1/64"},
		{10, -EINVAL, ""},
		{11, -EINVAL, "10.0.0.1"},
		{12, -EINVAL, "10.0.0.1/33"},
		{13, -EINVAL, "10.0.0.1/"},
		{14, -EINVAL, "10.0.0.1/x"},
		{15, -EINVAL, "10.0.0.256/24"},
		{16, -EINVAL, "default/24"},
		{17, -EINVAL, "02:00:00:00:00:01/24"},
		{18, -EINVAL, "fd00::1/129"},
		{19, -EINVAL, "10.0.0.1/-1"},
		{20, -EINVAL, "10.0.0.1/24 "},
		{21, -EINVAL, "10.0.0/24"},
	};

	write_file("/proc/sys/net/ipv6/conf/all/disable_ipv6", "0");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int rc = host_netlink_addr(nl, "lo", rows[i].text);

		ck_assert_msg(rc == rows[i].rc, "row %d: %d", rows[i].n, rc);
	}
	ck_assert_int_eq(host_netlink_addr(nl, "nosuch0", "10.0.0.1/24"), -ENODEV);
}
END_TEST

START_TEST(netlink_bridge)
{
	struct host_tap *t = host_tap_open(TAP, 0);
	struct host_ifinfo info;
	int index;

	ck_assert_ptr_nonnull(t);
	bridge_add("br0");
	index = (int)if_nametoindex("br0");
	ck_assert_int_eq(host_netlink_master(nl, TAP, "nosuch0"), -ENODEV);
	ck_assert_int_eq(host_netlink_master(nl, TAP, "br0"), 0);
	ck_assert_int_eq(host_netlink_get(nl, TAP, &info), 0);
	ck_assert_int_eq(info.master, index);
	ck_assert_int_eq(host_netlink_master(nl, TAP, NULL), 0);
	ck_assert_int_eq(host_netlink_get(nl, TAP, &info), 0);
	ck_assert_int_eq(info.master, 0);
	ck_assert_int_lt(host_netlink_master(nl, TAP, "lo"), 0);
	host_tap_close(t);
}
END_TEST

struct seen {
	unsigned events, gone;
	struct host_ifinfo last;
};

static void see(void *ctx, const char *ifname, const struct host_ifinfo *info, bool is_gone)
{
	struct seen *s = ctx;

	if (strcmp(ifname, TAP) != 0)
		return;
	s->events++;
	s->gone += is_gone;
	s->last = *info;
}

/* Dispatch until the predicate's bits are as wanted. */
static void dispatch_until(const struct seen *s, bool up, bool running, int master, unsigned gone)
{
	struct pollfd pfd = {.fd = host_netlink_watch_fd(nl), .events = POLLIN};

	while (!s->events || s->last.up != up || s->last.running != running ||
	       s->last.master != master || s->gone != gone) {
		ck_assert_msg(poll(&pfd, 1, WAIT_MS) == 1,
			      "no more events: %u seen, up %d running %d master %d gone %u",
			      s->events, s->last.up, s->last.running, s->last.master, s->gone);
		ck_assert_int_eq(host_netlink_dispatch(nl), 0);
	}
}

START_TEST(netlink_watch)
{
	struct host_tap *t = host_tap_open(TAP, 0);
	struct seen s = {.events = 0};

	ck_assert_ptr_nonnull(t);
	ck_assert_int_eq(host_netlink_watch_fd(nl), -1);
	ck_assert_int_eq(host_netlink_dispatch(nl), 0);
	ck_assert_int_eq(host_netlink_watch(nl, see, &s), 0);
	ck_assert_int_eq(host_netlink_watch(nl, see, &s), -EBUSY);
	dispatch_until(&s, true, true, 0, 0); /* as it was */
	ck_assert_int_eq(host_netlink_up(nl, TAP, false), 0);
	dispatch_until(&s, false, false, 0, 0);
	ck_assert_int_eq(host_netlink_up(nl, TAP, true), 0);
	dispatch_until(&s, true, true, 0, 0);
	bridge_add("br0");
	ck_assert_int_eq(host_netlink_master(nl, TAP, "br0"), 0);
	dispatch_until(&s, true, true, (int)if_nametoindex("br0"), 0);
	ck_assert_int_eq(host_netlink_master(nl, TAP, NULL), 0);
	dispatch_until(&s, true, true, 0, 0);
	host_tap_close(t);
	dispatch_until(&s, false, false, 0, 1);
	/* nothing left: does not block */
	ck_assert_int_eq(host_netlink_dispatch(nl), 0);
}
END_TEST

/* ---- main
 * --------------------------------------------------------------------------------------------- */

/* Return: NULL, or why the kernel is out of reach. */
static const char *unable(void)
{
	int fd, self = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	const char *why = NULL;

	if (self < 0 || unshare(CLONE_NEWNET))
		return "no network namespace of its own (not root?)";
	if (setns(self, CLONE_NEWNET))
		why = "no way back from a network namespace";
	close(self);
	fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return "no /dev/net/tun";
	close(fd);
	return why;
}

static void add_tap_tests(Suite *suite, const char *name, SFun setup)
{
	TCase *tc = tcase_create(name);

	tcase_add_checked_fixture(tc, setup, tap_teardown);
	tcase_add_loop_test(tc, rx_counts, 0, COUNTS);
	tcase_add_loop_test(tc, rx_offloads, 0, OFFLOADS);
	tcase_add_loop_test(tc, tx_counts, 0, COUNTS);
	tcase_add_loop_test(tc, tx_offloads, 0, OFFLOADS);
	tcase_add_test(tc, tx_down);
	tcase_add_test(tc, tx_refused);
	tcase_add_test(tc, several_senders);
	tcase_add_test(tc, open_refused);
	tcase_add_test(tc, open_sets_up);
	tcase_add_test(tc, wait_fd_tells);
	tcase_add_test(tc, deleted);
	tcase_add_test(tc, deleted_while_asleep);
	suite_add_tcase(suite, tc);
}

static void add_netlink_tests(Suite *suite)
{
	TCase *tc = tcase_create("netlink");

	tcase_add_checked_fixture(tc, netlink_setup, netlink_teardown);
	tcase_add_test(tc, netlink_requests);
	tcase_add_test(tc, netlink_addresses);
	tcase_add_test(tc, netlink_bridge);
	tcase_add_test(tc, netlink_watch);
	suite_add_tcase(suite, tc);
}

int main(void)
{
	Suite *suite = suite_create("host");
	const char *why = unable();
	SRunner *sr;
	int failed;

	if (why) {
		printf("skipped: check_host: %s\n", why);
		return EXIT_SUCCESS;
	}
	add_tap_tests(suite, "tap, io_uring", tap_setup);
	add_tap_tests(suite, "tap, no io_uring", tap_setup_no_uring);
	add_tap_tests(suite, "tap, io_uring forbidden later", tap_setup_uring_forbidden_later);
	add_netlink_tests(suite);
	sr = srunner_create(suite);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
