/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ports in the framings of QEMU against socket peers in the same process: frames in pieces and in
 * heaps, lengths that are none, peers that do not read, tags edited on the way. Nothing waits.
 */
#include <check.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "common/be.h"
#include "host/stream.h"

#define WIRE_MAX (64u << 20)

static struct vs_burst burst, got; /* too big for the stack */
static uint64_t dropped[VS_DROP_COUNT + 1];

static void pair(int fd[2])
{
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd), 0);
}

static void fill(uint8_t *p, uint32_t len, unsigned seed)
{
	for (uint32_t i = 0; i < len; i++)
		p[i] = (uint8_t)(i * 13 + seed + (i >> 8));
}

/* A frame with its length in front. Return: bytes. */
static uint32_t put(uint8_t *to, uint32_t len, unsigned seed)
{
	be32_store(to, len);
	fill(to + 4, len, seed);
	return len + 4;
}

static void check_frame(const struct vs_burst *b, unsigned i, uint32_t len, unsigned seed)
{
	uint8_t *want = malloc(len), *have = malloc(len);
	uint32_t at = b->headlen[i];

	ck_assert_uint_eq(b->len[i], len);
	fill(want, len, seed);
	memcpy(have, b->head[i], at);
	for (unsigned s = 0; s < b->nseg[i]; s++) {
		memcpy(have + at, b->seg[b->seg0[i] + s].p, b->seg[b->seg0[i] + s].len);
		at += b->seg[b->seg0[i] + s].len;
	}
	ck_assert_uint_eq(at, len);
	ck_assert_mem_eq(have, want, len);
	free(want);
	free(have);
}

static unsigned fetch(const struct vs_port_ops *ops, void *port)
{
	unsigned n;

	memset(dropped, 0, sizeof(dropped));
	n = ops->rx_burst(port, &got, dropped);
	ck_assert_uint_eq(n, got.n);
	return n;
}

/* A burst of n frames, lengths from len on, each of a head and two segments of data. */
static void make_burst(unsigned n, uint32_t len, uint8_t *data)
{
	burst.n = n;
	burst.nseg_used = 0;
	for (unsigned i = 0; i < n; i++) {
		uint32_t l = len + i, head = l < VS_HEAD_MIN ? l : VS_HEAD_MIN, half;

		fill(data, l, i);
		memcpy(burst.head[i], data, head);
		burst.len[i] = l;
		burst.headlen[i] = (uint16_t)head;
		burst.flags[i] = 0;
		burst.tci[i] = 0x2064; /* VID 100 */
		burst.seg0[i] = (uint16_t)burst.nseg_used;
		half = (l - head) / 2;
		burst.nseg[i] = l > head ? 2 : 0;
		if (burst.nseg[i]) {
			burst.seg[burst.nseg_used++] = (struct vs_seg){data + head, half};
			burst.seg[burst.nseg_used++] =
				(struct vs_seg){data + head + half, l - head - half};
		}
		data += l;
	}
}

static unsigned send_burst(const struct vs_port_ops *ops, void *port, unsigned n, uint8_t edit,
			   enum vs_drop *err)
{
	struct vs_ref ref[VS_BURST];

	for (unsigned i = 0; i < n; i++)
		ref[i] = (struct vs_ref){.frame = (uint8_t)i, .edit = edit};
	return ops->tx_burst(port, &burst, ref, n, err);
}

/* ---- stream: receiving ----------------------------------------------------------------------- */

static const uint32_t lengths[] = {14, 60, 63, 64, 65, 1514, 9014, 65503, 65504};
#define N_LENGTHS (sizeof(lengths) / sizeof(lengths[0]))

/* The same frames, cut at every step bytes. */
START_TEST(frames_come_in_pieces)
{
	static const uint32_t steps[] = {1, 3, 4, 5, 63, 1000, 4096, 65536, 200000};
	uint8_t *wire = malloc(WIRE_MAX);
	uint32_t len = 0, step = steps[_i];
	unsigned next = 0;
	struct host_stream *s;
	int fd[2];

	pair(fd);
	s = host_stream_create(fd[0]);
	ck_assert_ptr_nonnull(s);
	for (unsigned i = 0; i < N_LENGTHS; i++)
		len += put(wire + len, lengths[i], i);
	if (step < 60)
		len = 4 * 4 + 14 + 60 + 63 + 64; /* the first four are enough */
	for (uint32_t at = 0; at < len;) {
		uint32_t k = len - at < step ? len - at : step;
		ssize_t n = send(fd[1], wire + at, k, MSG_DONTWAIT);

		at += n > 0 ? (uint32_t)n : 0;
		while (fetch(host_stream_ops(), s))
			for (unsigned i = 0; i < got.n; i++, next++)
				check_frame(&got, i, lengths[next], next);
	}
	ck_assert_uint_eq(next, step < 60 ? 4 : N_LENGTHS);
	host_stream_destroy(s);
	close(fd[1]);
	free(wire);
}
END_TEST

START_TEST(a_heap_of_frames_is_bursts)
{
	uint8_t *wire = malloc(WIRE_MAX);
	uint32_t len = 0;
	struct host_stream *s;
	unsigned next = 0;
	int fd[2];

	pair(fd);
	s = host_stream_create(fd[0]);
	for (unsigned i = 0; i < 200; i++)
		len += put(wire + len, 60 + i, i);
	ck_assert_int_eq(send(fd[1], wire, len, MSG_DONTWAIT), len);
	ck_assert(host_stream_ops()->arm(s));
	host_stream_ops()->disarm(s);
	while (fetch(host_stream_ops(), s)) {
		ck_assert_uint_eq(got.n, next < 192 ? 64 : 8);
		for (unsigned i = 0; i < got.n; i++, next++)
			check_frame(&got, i, 60 + next, next);
		host_stream_ops()->rx_done(s, &got);
	}
	ck_assert_uint_eq(next, 200);
	ck_assert(!host_stream_ops()->arm(s));
	host_stream_ops()->disarm(s);
	host_stream_destroy(s);
	close(fd[1]);
	free(wire);
}
END_TEST

static const struct {
	unsigned n;
	uint32_t len;
	enum vs_drop why;
	bool broken;
} odd[] = {
	{1, 0, VS_DROP_RX_RUNT, false},
	{2, 1, VS_DROP_RX_RUNT, false},
	{3, 13, VS_DROP_RX_RUNT, false},
	{4, 65505, VS_DROP_RX_GIANT, false},
	{5, 69632, VS_DROP_RX_GIANT, false},
	{6, 69633, VS_DROP_RX_MALFORMED, true},
	{7, 0x7FFFFFFF, VS_DROP_RX_MALFORMED, true},
	{8, 0xFFFFFFFF, VS_DROP_RX_MALFORMED, true},
};

START_TEST(odd_lengths)
{
	uint8_t *wire = malloc(WIRE_MAX);
	uint32_t body = odd[_i].broken ? 100 : odd[_i].len, len;
	unsigned drops = 0, frames = 0;
	struct host_stream *s;
	int fd[2];

	pair(fd);
	s = host_stream_create(fd[0]);
	len = put(wire, body, 1);
	be32_store(wire, odd[_i].len);
	len += put(wire + len, 60, 7);
	for (uint32_t at = 0; at < len; at += 1000) {
		send(fd[1], wire + at, len - at < 1000 ? len - at : 1000, MSG_NOSIGNAL);
		frames += fetch(host_stream_ops(), s);
		drops += (unsigned)dropped[odd[_i].why];
	}
	ck_assert_uint_eq(drops, 1);
	ck_assert_uint_eq(frames, odd[_i].broken ? 0 : 1);
	ck_assert_int_eq(host_stream_broken(s), odd[_i].broken);
	if (odd[_i].broken) {
		/* Its end can be seen, and it is no work. */
		ck_assert_int_ne(poll(&(struct pollfd){.fd = fd[0], .events = POLLRDHUP}, 1, 0), 0);
		ck_assert_uint_eq(fetch(host_stream_ops(), s), 0);
	} else {
		check_frame(&got, 0, 60, 7);
	}
	host_stream_destroy(s);
	close(fd[1]);
	free(wire);
}
END_TEST

START_TEST(the_end_is_no_work)
{
	struct host_stream *s;
	int fd[2];

	pair(fd);
	s = host_stream_create(fd[0]);
	close(fd[1]);
	ck_assert(!host_stream_ops()->arm(s));
	host_stream_ops()->disarm(s);
	ck_assert_uint_eq(fetch(host_stream_ops(), s), 0);
	host_stream_destroy(s);
}
END_TEST

/* A frame of which a part was sent before the drain is thrown away as well, and it alone. */
START_TEST(drain_keeps_the_framing)
{
	uint8_t wire[4096];
	uint32_t len = 0;
	struct host_stream *s;
	int fd[2];

	for (uint32_t cut = 0; cut < 104; cut++) {
		pair(fd);
		s = host_stream_create(fd[0]);
		len = put(wire, 60, 1);
		len += put(wire + len, 100, 2);
		ck_assert_int_eq(send(fd[1], wire, 64 + cut, 0), 64 + cut);
		host_stream_drain(s);
		ck_assert_uint_eq(fetch(host_stream_ops(), s), 0);
		ck_assert_int_eq(send(fd[1], wire + 64 + cut, 104 - cut, 0), 104 - cut);
		len = put(wire, 70, 3);
		ck_assert_int_eq(send(fd[1], wire, len, 0), len);
		ck_assert_uint_eq(fetch(host_stream_ops(), s), cut ? 1 : 2);
		check_frame(&got, got.n - 1, 70, 3);
		host_stream_destroy(s);
		close(fd[1]);
	}
}
END_TEST

/* ---- stream: sending
 * ------------------------------------------------------------------------------ */

/* Everything the peer can read. Return: bytes. */
static size_t read_all(int fd, uint8_t *to)
{
	size_t len = 0;
	ssize_t n;

	while ((n = recv(fd, to + len, WIRE_MAX - len, MSG_DONTWAIT)) > 0)
		len += (size_t)n;
	return len;
}

START_TEST(bursts_are_gathered)
{
	uint8_t *data = malloc(WIRE_MAX), *wire = malloc(WIRE_MAX), *want = malloc(WIRE_MAX);
	struct host_stream *s;
	enum vs_drop err;
	size_t len = 0, at = 0;
	int fd[2];

	pair(fd);
	s = host_stream_create(fd[0]);
	make_burst(64, 30, data);
	ck_assert_uint_eq(send_burst(host_stream_ops(), s, 64, VS_EDIT_NONE, &err), 64);
	len = read_all(fd[1], wire);
	for (unsigned i = 0; i < 64; i++)
		at += put(want + at, 30 + i, i);
	ck_assert_uint_eq(len, at);
	ck_assert_mem_eq(wire, want, len);
	host_stream_destroy(s);
	close(fd[1]);
	free(data);
	free(wire);
	free(want);
}
END_TEST

START_TEST(tags_are_edited)
{
	static const struct {
		uint8_t edit;
		int more;
	} row[] = {{VS_EDIT_NONE, 0}, {VS_EDIT_STRIP, -4}, {VS_EDIT_PUSH, 4}, {VS_EDIT_RETAG, 0}};
	static const uint8_t tag[4] = {0x81, 0x00, 0x20, 0x64};
	uint8_t *data = malloc(WIRE_MAX), *wire = malloc(WIRE_MAX);

	for (unsigned r = 0; r < 4; r++) {
		uint32_t from =
			12 + (row[r].edit == VS_EDIT_STRIP || row[r].edit == VS_EDIT_RETAG ? 4 : 0);
		uint32_t to = 4 + 12 +
			      (row[r].edit == VS_EDIT_PUSH || row[r].edit == VS_EDIT_RETAG ? 4 : 0);
		struct host_stream *s;
		enum vs_drop err;
		int fd[2];

		pair(fd);
		s = host_stream_create(fd[0]);
		make_burst(1, 500, data);
		ck_assert_uint_eq(send_burst(host_stream_ops(), s, 1, row[r].edit, &err), 1);
		ck_assert_uint_eq(read_all(fd[1], wire), 504u + (unsigned)row[r].more);
		ck_assert_uint_eq(be32_load(wire), 500u + (unsigned)row[r].more);
		ck_assert_mem_eq(wire + 4, data, 12);
		if (to > 16)
			ck_assert_mem_eq(wire + 16, tag, 4);
		ck_assert_mem_eq(wire + to, data + from, 500 - from);
		host_stream_destroy(s);
		close(fd[1]);
	}
	free(data);
	free(wire);
}
END_TEST

/*
 * A peer that reads now and then, odd amounts: what it gets is whole frames in order, those
 * that were taken and no others.
 */
START_TEST(a_slow_peer_gets_whole_frames)
{
	unsigned seed = (unsigned)time(NULL), dropped_frames = 0, taken = 0, seen = 0, turn;
	uint8_t *data = malloc(WIRE_MAX), *wire = malloc(WIRE_MAX);
	uint32_t *len = calloc(100000, sizeof(*len));
	struct host_stream *s;
	size_t have = 0, at = 0;
	enum vs_drop err = VS_DROP_NONE;
	int fd[2];

	printf("check_stream: SEED=%u\n", seed);
	pair(fd);
	s = host_stream_create(fd[0]);
	for (turn = 0; turn < 3000 || dropped_frames == 0; turn++) {
		unsigned n = 1 + (unsigned)rand_r(&seed) % 8, sent;

		make_burst(n, 14 + (uint32_t)rand_r(&seed) % 60000, data);
		sent = send_burst(host_stream_ops(), s, n, VS_EDIT_NONE, &err);
		for (unsigned i = 0; i < sent; i++)
			len[taken++] = burst.len[i];
		if (sent < n)
			ck_assert_int_eq(err, VS_DROP_TX_NO_BUFFER);
		dropped_frames += n - sent;
		if (turn % 3 == 0) {
			ssize_t k = recv(fd[1], wire + have, (unsigned)rand_r(&seed) % 300000,
					 MSG_DONTWAIT);

			have += k > 0 ? (size_t)k : 0;
		}
		while (have - at >= 4 && have - at >= 4 + be32_load(wire + at)) {
			ck_assert_uint_lt(seen, taken);
			ck_assert_uint_eq(be32_load(wire + at), len[seen]);
			at += 4 + len[seen++];
		}
		memmove(wire, wire + at, have - at);
		have -= at;
		at = 0;
		ck_assert_uint_lt(turn, 20000);
	}
	ck_assert_uint_gt(seen, 10);
	host_stream_destroy(s);
	close(fd[1]);
	free(data);
	free(wire);
	free(len);
}
END_TEST

/* The rest of a frame is sent without another frame, when the worker is woken for it. */
START_TEST(the_rest_of_a_frame_follows)
{
	uint8_t *data = malloc(WIRE_MAX), *wire = malloc(WIRE_MAX);
	struct host_stream *s;
	struct pollfd p;
	enum vs_drop err;
	size_t total, sum = 0;
	unsigned sent = 0, k;
	int fd[2];

	pair(fd);
	s = host_stream_create(fd[0]);
	p = (struct pollfd){.fd = host_stream_ops()->wait_fd(s), .events = POLLIN};
	make_burst(8, 65000, data);
	do {
		k = send_burst(host_stream_ops(), s, 8, VS_EDIT_NONE, &err);
		for (unsigned i = 0; i < k; i++)
			sum += 4 + burst.len[i];
		sent += k;
	} while (k == 8);
	ck_assert_uint_gt(sent, 0);
	total = read_all(fd[1], wire);
	if (total < sum) { /* a frame was cut */
		ck_assert_int_eq(poll(&p, 1, 0), 1);
		ck_assert_uint_eq(fetch(host_stream_ops(), s), 0);
		total += read_all(fd[1], wire + total);
	}
	ck_assert_uint_eq(total, sum);
	/* And then there is nothing to wake for. */
	fetch(host_stream_ops(), s);
	ck_assert_int_eq(poll(&p, 1, 0), 0);
	host_stream_destroy(s);
	close(fd[1]);
	free(data);
	free(wire);
}
END_TEST

START_TEST(a_peer_that_is_gone)
{
	uint8_t data[4096];
	struct host_stream *s;
	enum vs_drop err = VS_DROP_NONE;
	int fd[2];

	pair(fd);
	s = host_stream_create(fd[0]);
	close(fd[1]);
	make_burst(4, 60, data);
	ck_assert_uint_eq(send_burst(host_stream_ops(), s, 4, VS_EDIT_NONE, &err), 0);
	ck_assert_int_eq(err, VS_DROP_TX_DOWN);
	host_stream_destroy(s);
}
END_TEST

/* ---- dgram
 * ------------------------------------------------------------------------------------------ */

struct dgram_bed {
	char dir[32];
	struct sockaddr_un us, peer;
	int fd, peer_fd;
};

static int bound(struct sockaddr_un *sa, const char *dir, const char *name)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	*sa = (struct sockaddr_un){.sun_family = AF_UNIX};
	snprintf(sa->sun_path, sizeof(sa->sun_path), "%s/%s", dir, name);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)sa, sizeof(*sa)), 0);
	return fd;
}

static void dgram_open(struct dgram_bed *b)
{
	int on = 1;

	memset(b, 0, sizeof(*b));
	snprintf(b->dir, sizeof(b->dir), "/tmp/zlan-check-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(b->dir));
	b->fd = bound(&b->us, b->dir, "us");
	b->peer_fd = bound(&b->peer, b->dir, "peer");
	ck_assert_int_eq(setsockopt(b->fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)), 0);
}

static void dgram_close(struct dgram_bed *b)
{
	close(b->fd);
	close(b->peer_fd);
	unlink(b->us.sun_path);
	unlink(b->peer.sun_path);
	rmdir(b->dir);
}

static void dgram_send(const struct dgram_bed *b, int fd, uint32_t len, unsigned seed)
{
	uint8_t frame[70000];

	fill(frame, len, seed);
	ck_assert_int_eq(sendto(fd, frame, len, 0, (const struct sockaddr *)&b->us, sizeof(b->us)),
			 len);
}

START_TEST(datagrams_are_frames)
{
	uint8_t *data = malloc(WIRE_MAX), *frame = malloc(VS_FRAME_MAX);
	struct sockaddr_un from;
	struct host_dgram *d;
	struct dgram_bed b;
	struct ucred cred;
	socklen_t len;
	enum vs_drop err;

	dgram_open(&b);
	ck_assert_int_eq(host_dgram_peek(b.fd, &from, &len, &cred), -EAGAIN);
	for (unsigned i = 0; i < 6; i++)
		dgram_send(&b, b.peer_fd, lengths[i], i);
	ck_assert_int_eq(host_dgram_peek(b.fd, &from, &len, &cred), 0);
	ck_assert_str_eq(from.sun_path, b.peer.sun_path);
	ck_assert_uint_eq(cred.uid, getuid());
	d = host_dgram_create(b.fd, &from, len, cred.uid);
	ck_assert(host_dgram_ops()->arm(d));
	host_dgram_ops()->disarm(d);
	ck_assert_uint_eq(fetch(host_dgram_ops(), d), 6); /* the looked at one is still there */
	for (unsigned i = 0; i < 6; i++)
		check_frame(&got, i, lengths[i], i);
	ck_assert(!host_dgram_ops()->arm(d));
	host_dgram_ops()->disarm(d);
	make_burst(5, 65500, data);
	ck_assert_uint_eq(send_burst(host_dgram_ops(), d, 3, VS_EDIT_NONE, &err), 3);
	for (unsigned i = 0; i < 3; i++) {
		fill(data, 65500 + i, i);
		ck_assert_int_eq(recv(b.peer_fd, frame, VS_FRAME_MAX, MSG_DONTWAIT), 65500 + i);
		ck_assert_mem_eq(frame, data, 65500 + i);
	}
	dgram_send(&b, b.peer_fd, 60, 1);
	host_dgram_drain(d);
	ck_assert_uint_eq(fetch(host_dgram_ops(), d), 0);
	host_dgram_destroy(d);
	dgram_close(&b);
	free(data);
	free(frame);
}
END_TEST

START_TEST(datagrams_are_judged)
{
	struct sockaddr_un other_sa;
	struct host_dgram *d;
	struct dgram_bed b;
	enum vs_drop err;
	uint8_t data[4096];
	int other;

	dgram_open(&b);
	d = host_dgram_create(b.fd, &b.peer, sizeof(b.peer), getuid());
	dgram_send(&b, b.peer_fd, 0, 0);
	dgram_send(&b, b.peer_fd, 13, 0);
	dgram_send(&b, b.peer_fd, 65505, 0);
	dgram_send(&b, b.peer_fd, 69000, 0);
	dgram_send(&b, b.peer_fd, 100, 3);
	ck_assert_uint_eq(fetch(host_dgram_ops(), d), 1);
	check_frame(&got, 0, 100, 3);
	ck_assert_uint_eq(dropped[VS_DROP_RX_RUNT], 2);
	ck_assert_uint_eq(dropped[VS_DROP_RX_GIANT], 2);
	host_dgram_destroy(d);
	/* The same account from elsewhere is answered there. */
	d = host_dgram_create(b.fd, &b.peer, sizeof(b.peer), getuid());
	other = bound(&other_sa, b.dir, "other");
	dgram_send(&b, other, 100, 3);
	ck_assert_uint_eq(fetch(host_dgram_ops(), d), 1);
	make_burst(1, 60, data);
	ck_assert_uint_eq(send_burst(host_dgram_ops(), d, 1, VS_EDIT_NONE, &err), 1);
	ck_assert_int_eq(recv(other, data, sizeof(data), MSG_DONTWAIT), 60);
	ck_assert(!host_dgram_lost(d));
	/* Gone, and back. */
	close(other);
	unlink(other_sa.sun_path);
	ck_assert_uint_eq(send_burst(host_dgram_ops(), d, 1, VS_EDIT_NONE, &err), 0);
	ck_assert_int_eq(err, VS_DROP_TX_DOWN);
	ck_assert(host_dgram_lost(d));
	dgram_send(&b, b.peer_fd, 100, 3);
	ck_assert_uint_eq(fetch(host_dgram_ops(), d), 1);
	ck_assert(!host_dgram_lost(d));
	host_dgram_destroy(d);
	dgram_close(&b);
}
END_TEST

/* Only root can give a socket away and be somebody else. */
START_TEST(datagrams_of_another_account)
{
	struct host_dgram *d;
	struct dgram_bed b;

	if (geteuid() != 0)
		return;
	dgram_open(&b);
	ck_assert_int_eq(chown(b.peer.sun_path, 12345, (gid_t)-1), 0);
	ck_assert_ptr_null(host_dgram_create(b.fd, &b.peer, sizeof(b.peer), 0));
	ck_assert_int_eq(errno, EPERM);
	d = host_dgram_create(b.fd, &b.peer, sizeof(b.peer), 12345);
	ck_assert_ptr_nonnull(d);
	dgram_send(&b, b.peer_fd, 100, 3);
	ck_assert_uint_eq(fetch(host_dgram_ops(), d), 0);
	ck_assert_uint_eq(dropped[VS_DROP_SRC_PROTECTED], 1);
	host_dgram_destroy(d);
	dgram_close(&b);
}
END_TEST

/* A send of one frame that gets to nobody. */
static void check_unanswered(struct host_dgram *d)
{
	enum vs_drop err;
	uint8_t data[4096];

	make_burst(1, 60, data);
	ck_assert_uint_eq(send_burst(host_dgram_ops(), d, 1, VS_EDIT_NONE, &err), 0);
	ck_assert_int_eq(err, VS_DROP_TX_DOWN);
	ck_assert(host_dgram_lost(d));
}

START_TEST(a_link_is_not_followed)
{
	struct sockaddr_un victim_sa, moved = {.sun_family = AF_UNIX};
	struct host_dgram *d;
	struct dgram_bed b;
	enum vs_drop err;
	uint8_t data[4096];
	int victim;

	dgram_open(&b);
	victim = bound(&victim_sa, b.dir, "victim");
	snprintf(moved.sun_path, sizeof(moved.sun_path), "%s/moved", b.dir);
	d = host_dgram_create(b.fd, &b.peer, sizeof(b.peer), getuid());
	ck_assert_int_eq(rename(b.peer.sun_path, moved.sun_path), 0);
	ck_assert_int_eq(symlink("victim", b.peer.sun_path), 0);
	/* The socket that was opened gets it, wherever it is now. */
	make_burst(1, 60, data);
	ck_assert_uint_eq(send_burst(host_dgram_ops(), d, 1, VS_EDIT_NONE, &err), 1);
	ck_assert_int_eq(recv(b.peer_fd, data, sizeof(data), MSG_DONTWAIT), 60);
	/* Nor by its next frame, nor when its socket is closed. */
	dgram_send(&b, b.peer_fd, 60, 1);
	ck_assert_uint_eq(fetch(host_dgram_ops(), d), 1);
	close(b.peer_fd);
	check_unanswered(d);
	ck_assert_int_lt(recv(victim, data, sizeof(data), MSG_DONTWAIT), 0);
	host_dgram_destroy(d);
	ck_assert_ptr_null(host_dgram_create(b.fd, &b.peer, sizeof(b.peer), getuid()));
	ck_assert_int_eq(errno, EPERM); /* what was opened is the link itself */
	b.peer_fd = victim;
	unlink(victim_sa.sun_path);
	unlink(moved.sun_path);
	dgram_close(&b);
}
END_TEST

START_TEST(an_address_must_be_an_absolute_path)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	struct dgram_bed b;

	dgram_open(&b);
	for (unsigned i = 0; i < 2; i++) {
		strcpy(sa.sun_path + 1 - i, "peer"); /* abstract, and relative */
		ck_assert_ptr_null(host_dgram_create(b.fd, &sa, sizeof(sa), getuid()));
		ck_assert_int_eq(errno, EDESTADDRREQ);
	}
	dgram_close(&b);
}
END_TEST

START_TEST(a_path_may_fill_the_address)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX}, from;
	char path[sizeof(sa.sun_path) + 1];
	struct host_dgram *d;
	struct dgram_bed b;
	struct ucred cred;
	enum vs_drop err;
	socklen_t len;
	uint8_t data[4096];

	dgram_open(&b);
	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	memcpy(path, b.dir, strlen(b.dir));
	path[strlen(b.dir)] = '/';
	memcpy(sa.sun_path, path, sizeof(sa.sun_path));
	close(b.peer_fd);
	b.peer_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(bind(b.peer_fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	dgram_send(&b, b.peer_fd, 60, 1);
	ck_assert_int_eq(host_dgram_peek(b.fd, &from, &len, &cred), 0);
	ck_assert_uint_eq(len, sizeof(from));
	d = host_dgram_create(b.fd, &from, len, getuid());
	ck_assert_ptr_nonnull(d);
	ck_assert_uint_eq(fetch(host_dgram_ops(), d), 1);
	make_burst(1, 60, data);
	ck_assert_uint_eq(send_burst(host_dgram_ops(), d, 1, VS_EDIT_NONE, &err), 1);
	ck_assert_int_eq(recv(b.peer_fd, data, sizeof(data), MSG_DONTWAIT), 60);
	host_dgram_destroy(d);
	unlink(path);
	dgram_close(&b);
}
END_TEST

START_TEST(a_peer_that_was_started_again)
{
	struct host_dgram *d;
	struct dgram_bed b;
	enum vs_drop err;
	uint8_t data[4096];

	dgram_open(&b);
	d = host_dgram_create(b.fd, &b.peer, sizeof(b.peer), getuid());
	close(b.peer_fd);
	check_unanswered(d);
	unlink(b.peer.sun_path);
	b.peer_fd = bound(&b.peer, b.dir, "peer");
	make_burst(1, 60, data);
	ck_assert_uint_eq(send_burst(host_dgram_ops(), d, 1, VS_EDIT_NONE, &err), 1);
	ck_assert_int_eq(recv(b.peer_fd, data, sizeof(data), MSG_DONTWAIT), 60);
	host_dgram_destroy(d);
	dgram_close(&b);
}
END_TEST

START_TEST(a_full_datagram_peer_drops)
{
	struct host_dgram *d;
	struct dgram_bed b;
	enum vs_drop err = VS_DROP_NONE;
	uint8_t data[8192];
	unsigned sent = 0, k;

	dgram_open(&b);
	d = host_dgram_create(b.fd, &b.peer, sizeof(b.peer), getuid());
	make_burst(64, 60, data);
	do {
		k = send_burst(host_dgram_ops(), d, 64, VS_EDIT_NONE, &err);
		sent += k;
	} while (k == 64);
	ck_assert_int_eq(err, VS_DROP_TX_NO_BUFFER);
	for (unsigned i = 0; i < sent; i++)
		ck_assert_int_eq(recv(b.peer_fd, data, sizeof(data), MSG_DONTWAIT), 60 + i % 64);
	ck_assert_int_lt(recv(b.peer_fd, data, sizeof(data), MSG_DONTWAIT), 0);
	host_dgram_destroy(d);
	dgram_close(&b);
}
END_TEST

START_TEST(a_sender_without_address_cannot_be_answered)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un from;
	struct dgram_bed b;
	struct ucred cred;
	socklen_t len;

	dgram_open(&b);
	dgram_send(&b, fd, 60, 1);
	ck_assert_int_eq(host_dgram_peek(b.fd, &from, &len, &cred), -EDESTADDRREQ);
	ck_assert_int_eq(host_dgram_peek(b.fd, &from, &len, &cred), -EAGAIN);
	close(fd);
	dgram_close(&b);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("stream");
	TCase *t = tcase_create("stream");

	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, frames_come_in_pieces, 0, 9);
	tcase_add_test(t, a_heap_of_frames_is_bursts);
	tcase_add_loop_test(t, odd_lengths, 0, (int)(sizeof(odd) / sizeof(odd[0])));
	tcase_add_test(t, the_end_is_no_work);
	tcase_add_test(t, drain_keeps_the_framing);
	tcase_add_test(t, bursts_are_gathered);
	tcase_add_test(t, tags_are_edited);
	tcase_add_test(t, a_slow_peer_gets_whole_frames);
	tcase_add_test(t, the_rest_of_a_frame_follows);
	tcase_add_test(t, a_peer_that_is_gone);
	suite_add_tcase(s, t);
	t = tcase_create("dgram");
	tcase_set_timeout(t, 60);
	tcase_add_test(t, datagrams_are_frames);
	tcase_add_test(t, datagrams_are_judged);
	tcase_add_test(t, datagrams_of_another_account);
	tcase_add_test(t, a_link_is_not_followed);
	tcase_add_test(t, an_address_must_be_an_absolute_path);
	tcase_add_test(t, a_path_may_fill_the_address);
	tcase_add_test(t, a_peer_that_was_started_again);
	tcase_add_test(t, a_full_datagram_peer_drops);
	tcase_add_test(t, a_sender_without_address_cannot_be_answered);
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	SRunner *r = srunner_create(suite());
	int failed;

	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
