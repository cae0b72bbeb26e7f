/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation
 *
 * Two sockets: control (requests and replies, link changes) and data (bursts as packets,
 * vswitch/packet.h). Locks, in the order they may be taken:
 *   the owner's adapter lock  held around osa_set_link and channel programs
 *   control_lock              the control socket, and connecting
 *   data_lock                 the data socket and the adapter's vs_port_ops
 *   send_lock                 the data socket, for HiperSockets' senders, who hold their LAN's lock
 * The callbacks of the configuration are called with none of ours held.
 *
 * A request waits for its reply while it holds control_lock; link changes that come first are
 * kept for the service thread. When anything is wrong with a connection it is closed and
 * the service thread starts again: the guest sees a pulled cable, and later one plugged in, and
 * registers anew.
 */
#include "guest/portlink.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "cp/port_wire.h"
#include "vswitch/packet.h"

#define RETRY_MS 500
#define REPLY_MS 2000
#define PACKETS_AT_ONCE 8
#define UNITS_AT_ONCE 64
#define RESULTS_AT_ONCE 512u
#define EVENTS_MAX 8u /* that wait for the service thread */
#define DATA_SOCKET_BYTES (4 << 20)
#define LINE_BYTES 256

struct portlink {
	struct portlink_config cfg;
	char dir[108];
	char user[PORT_USER_BYTES + 1];

	pthread_mutex_t control_lock;
	_Atomic int control_fd; /* -1: not connected */
	uint32_t tag;
	uint16_t version;	    /* that the daemon speaks */
	bool coupled, coupled_told; /* what the daemon says; what the owner was told */
	bool lost;		    /* the owner is to be told of a lost connection */
	bool pulled;		    /* uncoupled since, even if it is coupled again */
	uint8_t mfs;		    /* enum port_mfs */
	struct port_ipa event[EVENTS_MAX];
	unsigned n_events;
	char told[LINE_BYTES]; /* a reason is logged once, not at every try */
	uint64_t retry_at_ms;

	pthread_mutex_t data_lock;
	_Atomic int data_fd, result_fd;
	const struct vs_port_ops *ops; /* from start to stop */
	void *port;
	struct vs_burst burst;
	unsigned sent; /* by the last pump */
	uint32_t held; /* bytes of a unit in packet that found no room */
	_Alignas(8) uint8_t packet[VS_PACKET_MAX];

	pthread_mutex_t send_lock;

	_Atomic uint64_t out_frames, out_dropped, in_frames, in_dropped, malformed, reconnects;
};

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static void add(_Atomic uint64_t *c, uint64_t n)
{
	atomic_fetch_add_explicit(c, n, memory_order_relaxed);
}

static void say(struct portlink *pl, const char *line)
{
	if (pl->cfg.log)
		pl->cfg.log(pl->cfg.ctx, line);
}

struct portlink *portlink_create(const struct portlink_config *cfg)
{
	struct portlink *pl = calloc(1, sizeof(*pl));

	if (!pl)
		return NULL;
	pl->cfg = *cfg;
	if (snprintf(pl->dir, sizeof(pl->dir), "%s/%s", cfg->dir, PORT_SOCKET) >=
		    (int)sizeof(pl->dir) ||
	    snprintf(pl->user, sizeof(pl->user), "%s", cfg->user) >= (int)sizeof(pl->user)) {
		free(pl);
		errno = ENAMETOOLONG;
		return NULL;
	}
	pthread_mutex_init(&pl->control_lock, NULL);
	pthread_mutex_init(&pl->data_lock, NULL);
	pthread_mutex_init(&pl->send_lock, NULL);
	atomic_init(&pl->control_fd, -1);
	atomic_init(&pl->data_fd, -1);
	atomic_init(&pl->result_fd, -1);
	return pl;
}

/* ---- connection; control_lock held --------------------------------------------------- */

static void close_fd(_Atomic int *fd)
{
	int old = atomic_exchange(fd, -1);

	if (old >= 0)
		close(old);
}

/* data_lock is held. */
static void close_data(struct portlink *pl)
{
	pthread_mutex_lock(&pl->send_lock);
	close_fd(&pl->data_fd);
	close_fd(&pl->result_fd);
	pthread_mutex_unlock(&pl->send_lock);
	pl->held = 0;
}

static void disconnect(struct portlink *pl)
{
	if (atomic_load(&pl->control_fd) < 0)
		return;
	close_fd(&pl->control_fd);
	pthread_mutex_lock(&pl->data_lock);
	close_data(pl);
	pthread_mutex_unlock(&pl->data_lock);
	pl->n_events = 0;
	pl->coupled = false;
	pl->lost = true;
	pl->retry_at_ms = now_ms() + RETRY_MS;
}

void portlink_destroy(struct portlink *pl)
{
	if (!pl)
		return;
	disconnect(pl);
	pthread_mutex_destroy(&pl->control_lock);
	pthread_mutex_destroy(&pl->data_lock);
	pthread_mutex_destroy(&pl->send_lock);
	free(pl);
}

static int open_socket(const struct portlink *pl)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	memcpy(sun.sun_path, pl->dir, sizeof(pl->dir));
	if (connect(fd, (struct sockaddr *)&sun, sizeof(sun)) < 0) {
		int rc = -errno;

		close(fd);
		return rc;
	}
	return fd;
}

/* Descriptors that came with a message: the data socket, and the pipe of results; -1: none. */
struct passed {
	int fd[2];
};

static void close_passed(struct passed *p)
{
	for (unsigned i = 0; i < 2; i++) {
		if (p->fd[i] >= 0)
			close(p->fd[i]);
		p->fd[i] = -1;
	}
}

/*
 * Take one message of the control socket; descriptors with it go to *passed or are closed.
 * Return: its bytes, 0 if there is none, -errno when the connection is gone.
 */
static ssize_t take_message(int fd, void *msg, size_t cap, struct passed *passed)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(2 * sizeof(int))];
	} control;
	struct iovec iov = {msg, cap};
	struct msghdr m = {.msg_iov = &iov,
			   .msg_iovlen = 1,
			   .msg_control = &control,
			   .msg_controllen = sizeof(control)};
	ssize_t n = recvmsg(fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	struct cmsghdr *c = n < 0 ? NULL : CMSG_FIRSTHDR(&m);
	struct passed got = {{-1, -1}};

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
		memcpy(&got, CMSG_DATA(c), c->cmsg_len - CMSG_LEN(0));
	if (passed)
		*passed = got;
	else
		close_passed(&got);
	return n == 0 ? -ENOTCONN : n;
}

static void take_link(struct portlink *pl, const void *msg, size_t len)
{
	struct port_link l;

	if (len < sizeof(l))
		return;
	memcpy(&l, msg, sizeof(l));
	pl->coupled = l.coupled;
	pl->mfs = l.mfs;
	pl->pulled |= !l.coupled;
}

/* More than are ever told at once are not the newest, which are the ones that count. */
static void take_event(struct portlink *pl, const void *msg, size_t len)
{
	struct port_ipa *m = &pl->event[EVENTS_MAX - 1];

	if (len != sizeof(*m))
		return;
	if (pl->n_events == EVENTS_MAX)
		memmove(pl->event, pl->event + 1, sizeof(pl->event) - sizeof(*m));
	else
		m = &pl->event[pl->n_events++];
	memcpy(m, msg, sizeof(*m));
}

/* What comes at any time. */
static void take_other(struct portlink *pl, const void *msg, size_t len)
{
	struct port_hdr h;

	if (len < sizeof(h))
		return;
	memcpy(&h, msg, sizeof(h));
	if (h.type == PORT_LINK)
		take_link(pl, msg, len);
	else if (h.type == PORT_EVENT)
		take_event(pl, msg, len);
}

union message {
	struct port_hdr hdr;
	struct port_reply reply;
	struct port_ipa ipa;
};

/*
 * Wait for the reply with a tag. Return: 0 or -errno of the connection.
 * @ipa: what comes before it in answer to a PORT_IPA, or NULL.
 */
static int await_reply(struct portlink *pl, uint32_t tag, struct port_reply *reply,
		       struct passed *passed, struct port_ipa *ipa)
{
	uint64_t until = now_ms() + REPLY_MS;
	int fd = atomic_load(&pl->control_fd);

	for (;;) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		uint64_t now = now_ms();
		union message m = {0};
		ssize_t n;

		if (now >= until)
			return -ETIMEDOUT;
		if (poll(&p, 1, (int)(until - now)) < 0 && errno != EINTR)
			return -errno;
		n = take_message(fd, &m, sizeof(m), passed);
		if (n < 0)
			return (int)n;
		take_other(pl, &m, (size_t)n);
		if (ipa && (size_t)n == sizeof(*ipa) && m.hdr.type == PORT_ANSWER &&
		    m.hdr.tag == tag)
			*ipa = m.ipa;
		if ((size_t)n == sizeof(*reply) && m.hdr.type == PORT_REPLY && m.hdr.tag == tag) {
			*reply = m.reply;
			reply->text[sizeof(reply->text) - 1] = 0;
			return 0;
		}
		if (passed)
			close_passed(passed);
	}
}

static int attach(struct portlink *pl, struct port_reply *reply, struct passed *passed)
{
	struct port_attach a = {
		.hdr = {pl->cfg.hipers ? PORT_ATTACH_HIPERS : PORT_ATTACH, sizeof(a), ++pl->tag},
		.magic = PORT_MAGIC,
		.version = PORT_VERSION,
		.vdev = pl->cfg.vdev};
	int rc;

	memcpy(a.user, pl->user, PORT_USER_BYTES);
	if (send(atomic_load(&pl->control_fd), &a, sizeof(a), MSG_NOSIGNAL) < 0)
		return -errno;
	rc = await_reply(pl, pl->tag, reply, passed, NULL);
	if (!rc && reply->error == EOPNOTSUPP && pl->cfg.hipers)
		snprintf(reply->text, sizeof(reply->text),
			 "this zland is too old for HiperSockets of other processes");
	if (rc || reply->error)
		return rc ? rc : -reply->error;
	return passed->fd[0] < 0 ? -EPROTO : 0;
}

static void adopt_data(struct portlink *pl, const struct passed *passed)
{
	int bytes = DATA_SOCKET_BYTES;

	/* Best effort: without privilege the kernel gives less. */
	setsockopt(passed->fd[0], SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
	pthread_mutex_lock(&pl->data_lock);
	pthread_mutex_lock(&pl->send_lock);
	atomic_store(&pl->data_fd, passed->fd[0]);
	atomic_store(&pl->result_fd, passed->fd[1]);
	pthread_mutex_unlock(&pl->send_lock);
	pthread_mutex_unlock(&pl->data_lock);
}

static void no_daemon(const struct portlink *pl, char line[LINE_BYTES])
{
	snprintf(line, LINE_BYTES, "no zland at %s: waiting for it", pl->dir);
}

/* Why a try failed; nothing if that is what the user was told last. */
static void explain(struct portlink *pl, int rc, const char *text, char line[LINE_BYTES])
{
	if (text[0])
		snprintf(line, LINE_BYTES, "%s", text);
	else if (rc == -ENOENT || rc == -ECONNREFUSED)
		no_daemon(pl, line);
	else
		snprintf(line, LINE_BYTES, "no connection to %s: %s", pl->dir, strerror(-rc));
	if (strcmp(line, pl->told) == 0)
		line[0] = 0;
	else
		memcpy(pl->told, line, LINE_BYTES);
}

/* One try to attach. line: what to tell the user, empty for nothing. */
static void connect_once(struct portlink *pl, char line[LINE_BYTES], uint8_t mac[6])
{
	struct port_reply reply = {0};
	struct passed passed = {{-1, -1}};
	int rc = open_socket(pl);

	pl->retry_at_ms = now_ms() + RETRY_MS;
	if (rc >= 0) {
		atomic_store(&pl->control_fd, rc);
		rc = attach(pl, &reply, &passed);
	}
	if (rc) {
		explain(pl, rc, reply.text, line);
		close_passed(&passed);
		close_fd(&pl->control_fd);
		return;
	}
	adopt_data(pl, &passed);
	pl->coupled = reply.coupled;
	pl->mfs = reply.mfs;
	pl->version = reply.version;
	pl->pulled = false;
	pl->told[0] = 0;
	memcpy(mac, reply.mac, 6);
	add(&pl->reconnects, 1);
	snprintf(line, LINE_BYTES, "attached as %s/%04X", pl->user, pl->cfg.vdev);
}

/* ---- service thread -------------------------------------------------------------------- */

static void take_events(struct portlink *pl)
{
	uint8_t msg[PORT_CONTROL_MAX];
	int fd = atomic_load(&pl->control_fd);
	ssize_t n;

	while (fd >= 0 && (n = take_message(fd, msg, sizeof(msg), NULL)) != 0) {
		if (n < 0) {
			disconnect(pl);
			return;
		}
		take_other(pl, msg, (size_t)n);
	}
}

static void tell_events(struct portlink *pl, const struct port_ipa *event, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (pl->cfg.event && event[i].len <= sizeof(event[i].data))
			pl->cfg.event(pl->cfg.ctx, event[i].command, event[i].data, event[i].len);
}

void portlink_service(struct portlink *pl)
{
	char line[LINE_BYTES] = "";
	uint8_t mac[6];
	bool attached = false, lost, pulled, coupled;
	struct port_ipa event[EVENTS_MAX];
	unsigned n_events;

	pthread_mutex_lock(&pl->control_lock);
	take_events(pl);
	if (atomic_load(&pl->control_fd) < 0 && now_ms() >= pl->retry_at_ms && !pl->lost) {
		connect_once(pl, line, mac);
		attached = atomic_load(&pl->control_fd) >= 0;
	}
	lost = pl->lost;
	if (lost)
		no_daemon(pl, pl->told); /* "lost" says as much */
	pulled = pl->pulled;
	pl->lost = pl->pulled = false;
	coupled = pl->coupled;
	n_events = pl->n_events;
	memcpy(event, pl->event, n_events * sizeof(event[0]));
	pl->n_events = 0;
	pthread_mutex_unlock(&pl->control_lock);

	if (lost)
		say(pl, "connection to zland lost: waiting for it");
	if (line[0])
		say(pl, line);
	if (attached && pl->cfg.mac)
		pl->cfg.mac(pl->cfg.ctx, mac);
	/* Pulled and plugged in again between two calls is still a change for the guest. */
	if ((lost || attached || pulled) && pl->coupled_told) {
		pl->coupled_told = false;
		pl->cfg.plug(pl->cfg.ctx, false);
	}
	if (coupled != pl->coupled_told) {
		pl->coupled_told = coupled;
		pl->cfg.plug(pl->cfg.ctx, coupled);
	}
	tell_events(pl, event, n_events);
}

int portlink_service_fd(const struct portlink *pl)
{
	return atomic_load(&pl->control_fd);
}

/* ---- the vs_link: adapter thread ---------------------------------------------------------- */

/* @msg: begins with a header, whose tag is set here. @ipa: as of await_reply. */
static int exchange_ipa(struct portlink *pl, void *msg, size_t len, struct port_ipa *ipa)
{
	struct port_hdr *hdr = msg;
	struct port_reply reply = {0};
	int rc = -ENOTCONN;

	pthread_mutex_lock(&pl->control_lock);
	hdr->tag = ++pl->tag;
	if (atomic_load(&pl->control_fd) >= 0) {
		rc = 0;
		if (send(atomic_load(&pl->control_fd), msg, len, MSG_NOSIGNAL) < 0)
			rc = -errno;
		if (!rc)
			rc = await_reply(pl, hdr->tag, &reply, NULL, ipa);
		if (rc)
			disconnect(pl);
		else
			rc = -reply.error;
	}
	pthread_mutex_unlock(&pl->control_lock);
	return rc == -ENOTCONN || rc == -ETIMEDOUT ? -EIO : rc;
}

static int exchange(struct portlink *pl, void *msg, size_t len)
{
	return exchange_ipa(pl, msg, len, NULL);
}

static int request(struct portlink *pl, uint16_t type, const uint8_t *mac, uint16_t vid, bool on)
{
	struct port_request r = {.hdr = {type, sizeof(r), 0}, .vid = vid, .on = on};

	if (mac)
		memcpy(r.mac, mac, 6);
	return exchange(pl, &r, sizeof(r));
}

/* A daemon that does not know layer 3 has no use for it either. */
static int request_layer3(struct portlink *pl, uint16_t type, const uint8_t *addr, unsigned what,
			  bool v6)
{
	struct port_layer3 r = {.hdr = {type, sizeof(r), 0}, .what = (uint8_t)what, .v6 = v6};
	uint16_t version;

	pthread_mutex_lock(&pl->control_lock);
	version = pl->version;
	pthread_mutex_unlock(&pl->control_lock);
	if (version < 3)
		return 0;
	if (addr)
		memcpy(r.addr, addr, sizeof(r.addr));
	return exchange(pl, &r, sizeof(r));
}

/* Results of what was sent before belong to nobody: the daemon has stopped the port. */
static void forget_results(struct portlink *pl)
{
	uint8_t reason[RESULTS_AT_ONCE];

	while (read(atomic_load(&pl->result_fd), reason, sizeof(reason)) > 0) {
	}
}

static int link_start(void *link, const struct vs_port_ops *ops, void *port)
{
	struct portlink *pl = link;
	int rc;

	pthread_mutex_lock(&pl->data_lock);
	forget_results(pl);
	pthread_mutex_unlock(&pl->data_lock);
	rc = request(pl, PORT_START, NULL, 0, true);
	if (rc)
		return rc;
	pthread_mutex_lock(&pl->data_lock);
	pl->ops = ops;
	pl->port = port;
	pthread_mutex_unlock(&pl->data_lock);
	return 0;
}

static void link_stop(void *link)
{
	struct portlink *pl = link;

	/* The lock is the promise that nobody is inside ops. */
	pthread_mutex_lock(&pl->data_lock);
	pl->ops = NULL;
	pl->held = 0;
	pthread_mutex_unlock(&pl->data_lock);
	request(pl, PORT_STOP, NULL, 0, false);
}

static int link_mac_add(void *link, const uint8_t mac[6])
{
	return request(link, PORT_MAC_ADD, mac, 0, true);
}

static int link_mac_del(void *link, const uint8_t mac[6])
{
	return request(link, PORT_MAC_DEL, mac, 0, false);
}

static int link_vid_add(void *link, uint16_t vid)
{
	return request(link, PORT_VID_ADD, NULL, vid, true);
}

static int link_vid_del(void *link, uint16_t vid)
{
	return request(link, PORT_VID_DEL, NULL, vid, false);
}

static int link_promisc(void *link, bool on)
{
	return request(link, PORT_PROMISC, NULL, 0, on);
}

/* Whether it is refused is known for certain only by START. */
static int link_layer(void *link, unsigned layer)
{
	int rc = request_layer3(link, PORT_LAYER, NULL, layer, false);

	return rc == -EPROTONOSUPPORT ? rc : 0;
}

static int link_ip_add(void *link, const uint8_t addr[16], unsigned flags)
{
	return request_layer3(link, PORT_IP_ADD, addr, flags, false);
}

static int link_ip_del(void *link, const uint8_t addr[16])
{
	return request_layer3(link, PORT_IP_DEL, addr, 0, false);
}

static int link_routing(void *link, bool v6, enum vs_routing type)
{
	return request_layer3(link, PORT_ROUTING, NULL, type, v6);
}

static const struct vs_link_ops link_ops = {
	.start = link_start,
	.stop = link_stop,
	.mac_add = link_mac_add,
	.mac_del = link_mac_del,
	.vid_add = link_vid_add,
	.vid_del = link_vid_del,
	.promisc = link_promisc,
	.layer = link_layer,
	.ip_add = link_ip_add,
	.ip_del = link_ip_del,
	.routing = link_routing,
};

struct vs_link portlink_link(struct portlink *pl)
{
	return (struct vs_link){&link_ops, pl};
}

/* ---- the cable of HiperSockets ------------------------------------------------------------- */

/* One call for a unit, whole or not at all. */
static enum vs_drop cable_send(void *ctx, const struct iovec *iov, unsigned n)
{
	struct portlink *pl = ctx;
	struct msghdr m = {.msg_iov = (struct iovec *)(uintptr_t)iov, .msg_iovlen = n};
	ssize_t sent;

	pthread_mutex_lock(&pl->send_lock);
	sent = sendmsg(atomic_load(&pl->data_fd), &m, MSG_DONTWAIT | MSG_NOSIGNAL);
	pthread_mutex_unlock(&pl->send_lock);
	add(sent < 0 ? &pl->out_dropped : &pl->out_frames, 1);
	return sent < 0 ? VS_DROP_TX_NO_BUFFER : VS_DROP_NONE;
}

static void cable_wants(void *ctx, bool broadcast, uint8_t routing4, uint8_t routing6)
{
	struct port_hipers m = {.hdr = {PORT_WANTS, sizeof(m), 0},
				.broadcast = broadcast,
				.routing4 = routing4,
				.routing6 = routing6};

	/* Without a connection it is said again with the next one. */
	(void)exchange(ctx, &m, sizeof(m));
}

static int cable_vnicc(void *ctx, uint32_t enabled, uint32_t learning_s)
{
	struct port_hipers m = {.hdr = {PORT_VNICC, sizeof(m), 0},
				.characteristics = enabled,
				.learning_s = learning_s};

	return exchange(ctx, &m, sizeof(m));
}

static int cable_ipa(void *ctx, uint8_t command, uint8_t *data, size_t *len, size_t cap)
{
	struct port_ipa m = {
		.hdr = {PORT_IPA, sizeof(m), 0}, .command = command, .len = (uint16_t)*len};
	struct port_ipa a = {.rc = -1};

	if (*len > sizeof(m.data))
		return -1;
	memcpy(m.data, data, *len);
	if (exchange_ipa(ctx, &m, sizeof(m), &a) || a.len > sizeof(a.data) || a.len > cap)
		return -1;
	memcpy(data, a.data, a.len);
	*len = a.len;
	return a.rc;
}

struct hs_cable portlink_cable(struct portlink *pl)
{
	return (struct hs_cable){.send = cable_send,
				 .told = atomic_load(&pl->result_fd) >= 0,
				 .wants = cable_wants,
				 .vnicc = cable_vnicc,
				 .ipa = cable_ipa,
				 .ctx = pl};
}

enum hs_mfs portlink_mfs(const struct portlink *pl)
{
	return pl->mfs > PORT_MFS_NONE && pl->mfs <= PORT_MFS_64K
		       ? (enum hs_mfs)(pl->mfs - PORT_MFS_16K)
		       : HS_MFS_16K;
}

/* ---- data thread; data_lock held ------------------------------------------------------------ */

static unsigned pump_out(struct portlink *pl)
{
	uint64_t dropped[VS_DROP_COUNT + 1] = {0};
	struct vs_ref ref[VS_BURST];
	unsigned at = 0, taken, n;

	vs_burst_forget(&pl->burst);
	n = pl->ops->rx_burst(pl->port, &pl->burst, dropped);
	for (unsigned i = 0; i < n; i++)
		ref[i] = (struct vs_ref){.frame = (uint8_t)i, .edit = VS_EDIT_NONE};
	while (at < n) {
		uint32_t len = vs_packet_pack(pl->packet, &pl->burst, ref + at, n - at, &taken);

		if (len)
			len = vs_packet_join(pl->packet, len);
		else
			taken = 1; /* a frame no packet can hold */
		if (!len || send(atomic_load(&pl->data_fd), pl->packet, len,
				 MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
			add(&pl->out_dropped, taken);
		else
			add(&pl->out_frames, taken);
		at += taken;
	}
	if (n)
		pl->ops->rx_done(pl->port, &pl->burst);
	return n;
}

/* Hand a packet's frames to the adapter; one it refuses does not hold up the rest. */
static void give_burst(struct portlink *pl, unsigned n)
{
	struct vs_ref ref[VS_BURST];
	unsigned at = 0;

	for (unsigned i = 0; i < n; i++)
		ref[i] = (struct vs_ref){.frame = (uint8_t)i, .edit = VS_EDIT_NONE};
	while (at < n) {
		enum vs_drop why = VS_DROP_NONE;
		unsigned sent = pl->ops->tx_burst(pl->port, &pl->burst, ref + at, n - at, &why);

		add(&pl->in_frames, sent);
		at += sent;
		if (at == n)
			return;
		if (why == VS_DROP_TX_TOO_BIG || why == VS_DROP_TX_ERROR) {
			add(&pl->in_dropped, 1);
			at++;
		} else {
			add(&pl->in_dropped, n - at);
			return;
		}
	}
}

static unsigned pump_in(struct portlink *pl)
{
	uint64_t dropped[VS_DROP_COUNT + 1] = {0};
	unsigned total = 0;

	for (unsigned k = 0; k < PACKETS_AT_ONCE; k++) {
		ssize_t len = recv(atomic_load(&pl->data_fd), pl->packet, sizeof(pl->packet),
				   MSG_DONTWAIT);
		unsigned n;

		if (len == 0)
			close_data(pl); /* or it would poll readable for ever */
		if (len <= 0)
			break;
		/* The switch has done what a plain adapter cannot: no unfinished frames. */
		n = vs_packet_unpack(pl->packet, (uint32_t)len, VS_F_CSUM_VALID, &pl->burst,
				     dropped);
		if (!n)
			add(&pl->malformed, 1);
		else
			give_burst(pl, n);
		total += n;
	}
	return total;
}

/* Nobody takes frames now; left where they are they would wake the thread again and again. */
static void discard(struct portlink *pl)
{
	for (unsigned k = 0; k < PACKETS_AT_ONCE; k++) {
		ssize_t len = recv(atomic_load(&pl->data_fd), pl->packet, sizeof(struct vs_packet),
				   MSG_DONTWAIT);
		struct vs_packet hdr;

		if (len == 0)
			close_data(pl);
		if (len <= 0)
			return;
		memcpy(&hdr, pl->packet, sizeof(hdr));
		add(&pl->in_dropped, pl->cfg.hipers ? 1 : hdr.count);
	}
}

static unsigned pump_units(struct portlink *pl)
{
	for (unsigned n = 0; n < UNITS_AT_ONCE; n++) {
		ssize_t len = pl->held;

		if (!len)
			len = recv(atomic_load(&pl->data_fd), pl->packet, sizeof(pl->packet),
				   MSG_DONTWAIT);
		if (len == 0)
			close_data(pl);
		if (len <= 0)
			return n;
		pl->held = 0;
		if (!pl->cfg.unit(pl->cfg.ctx, pl->packet, (uint32_t)len)) {
			pl->held = (uint32_t)len;
			return n;
		}
		add(&pl->in_frames, 1);
	}
	return UNITS_AT_ONCE;
}

static unsigned pump_results(struct portlink *pl)
{
	uint8_t reason[RESULTS_AT_ONCE];
	ssize_t n = read(atomic_load(&pl->result_fd), reason, sizeof(reason));

	if (n == 0)
		close_fd(&pl->result_fd);
	if (n <= 0)
		return 0;
	if (pl->ops && pl->cfg.results)
		pl->cfg.results(pl->cfg.ctx, reason, (unsigned)n);
	return (unsigned)n;
}

unsigned portlink_pump(struct portlink *pl)
{
	unsigned n = 0;

	pthread_mutex_lock(&pl->data_lock);
	if (atomic_load(&pl->result_fd) >= 0)
		n = pump_results(pl);
	if (pl->ops && atomic_load(&pl->data_fd) >= 0)
		n += pl->cfg.hipers ? pump_units(pl) : pump_in(pl);
	else if (atomic_load(&pl->data_fd) >= 0)
		discard(pl);
	pl->sent = pl->ops && atomic_load(&pl->data_fd) >= 0 && !pl->cfg.hipers ? pump_out(pl) : 0;
	n += pl->sent;
	pthread_mutex_unlock(&pl->data_lock);
	return n;
}

/* Armed again before the lock is given up: the data thread may be about to sleep. */
bool portlink_send_now(struct portlink *pl)
{
	bool done = false;

	if (pl->cfg.hipers || pthread_mutex_trylock(&pl->data_lock))
		return false;
	if (pl->ops && atomic_load(&pl->data_fd) >= 0) {
		pump_out(pl);
		if (pl->cfg.fence)
			pl->cfg.fence();
		done = !pl->ops->arm(pl->port);
	}
	pthread_mutex_unlock(&pl->data_lock);
	return done;
}

bool portlink_sent(const struct portlink *pl)
{
	return pl->sent;
}

bool portlink_waits(struct portlink *pl)
{
	bool waits;

	pthread_mutex_lock(&pl->data_lock);
	waits = pl->held;
	pthread_mutex_unlock(&pl->data_lock);
	return waits;
}

int portlink_data_fd(const struct portlink *pl)
{
	return atomic_load(&pl->data_fd);
}

int portlink_result_fd(const struct portlink *pl)
{
	return atomic_load(&pl->result_fd);
}

bool portlink_arm(struct portlink *pl)
{
	bool work;

	pthread_mutex_lock(&pl->data_lock);
	work = pl->ops && !pl->cfg.hipers && pl->ops->arm(pl->port);
	pthread_mutex_unlock(&pl->data_lock);
	return work;
}

void portlink_disarm(struct portlink *pl)
{
	pthread_mutex_lock(&pl->data_lock);
	if (pl->ops && !pl->cfg.hipers)
		pl->ops->disarm(pl->port);
	pthread_mutex_unlock(&pl->data_lock);
}

void portlink_stats(const struct portlink *pl, struct portlink_stats *out)
{
	*out = (struct portlink_stats){
		.out_frames = atomic_load(&pl->out_frames),
		.out_dropped = atomic_load(&pl->out_dropped),
		.in_frames = atomic_load(&pl->in_frames),
		.in_dropped = atomic_load(&pl->in_dropped),
		.malformed = atomic_load(&pl->malformed),
		.reconnects = atomic_load(&pl->reconnects),
	};
}
