/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The machine behind zland's channel socket: guest_transport_ops as messages and
 * a shared page. Source: docs/channel-protocol.md.
 *
 * Requests are answered in order, one at a time; interruptions come in between
 * and wait in a ring until the driver asks for them. The data path sends no
 * messages: its signals are a look at the shared page and an eventfd.
 */
#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "cp/channel_wire.h"
#include "guest/guest.h"

#define IRB_RING 64 /* a driver has at most a few interruptions outstanding */
#define REPLY_MS 10000
#define ATTACH_FDS 3

struct guest_channel {
	int fd, doorbell, irq;
	struct channel_page *page;
	bool lost;
	int reply_ms;
	uint32_t tag;
	uint16_t subchannel[GUEST_DEVICES], devno[GUEST_DEVICES];
	uint8_t chpid;
	struct guest_irb irb[IRB_RING];
	guest_output_fn *output; /* of the command in progress */
	void *output_ctx;
	unsigned irb_first, irb_n;
};

union message {
	struct channel_hdr hdr;
	struct channel_reply reply;
	struct channel_interrupt interrupt;
	struct channel_output output;
	uint8_t bytes[CHANNEL_MSG_MAX];
};

static int lost(struct guest_channel *c)
{
	c->lost = true;
	return -ENOTCONN;
}

/* ---- receiving ---------------------------------------------------------------------- */

static void take_interrupt(struct guest_channel *c, const struct channel_interrupt *m)
{
	struct guest_irb *irb;

	if (c->irb_n == IRB_RING || m->dev >= GUEST_DEVICES)
		return; /* no driver of ours lets so many pile up */
	irb = &c->irb[(c->irb_first + c->irb_n++) % IRB_RING];
	irb->dev = m->dev;
	irb->parm = m->parm;
	memcpy(&irb->scsw, m->scsw, sizeof(irb->scsw));
	memcpy(irb->sense, m->sense, sizeof(irb->sense));
}

static unsigned take_fds(struct msghdr *mh, int *fds, unsigned max)
{
	unsigned n = 0;

	for (struct cmsghdr *cm = CMSG_FIRSTHDR(mh); cm; cm = CMSG_NXTHDR(mh, cm)) {
		if (cm->cmsg_level != SOL_SOCKET || cm->cmsg_type != SCM_RIGHTS)
			continue;
		for (unsigned i = 0; CMSG_LEN((i + 1) * sizeof(int)) <= cm->cmsg_len; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(cm) + i * sizeof(int), sizeof(fd));
			if (n < max)
				fds[n++] = fd;
			else
				close(fd);
		}
	}
	return n;
}

static void close_fds(const int *fds, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		close(fds[i]);
}

/*
 * One message. @fds: room for three descriptors; *n_fds as received.
 * Return: its length, 0 if there is none (with MSG_DONTWAIT), -ENOTCONN.
 */
static ssize_t receive(struct guest_channel *c, union message *m, int flags, int *fds,
		       unsigned *n_fds)
{
	_Alignas(struct cmsghdr) char ctl[CMSG_SPACE(ATTACH_FDS * sizeof(int))];
	struct iovec iov = {.iov_base = m, .iov_len = sizeof(*m)};
	struct msghdr mh = {.msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = ctl,
			    .msg_controllen = sizeof(ctl)};
	ssize_t n;

	do
		n = recvmsg(c->fd, &mh, flags | MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return 0;
	if (n <= 0)
		return lost(c);
	*n_fds = take_fds(&mh, fds, ATTACH_FDS);
	if ((size_t)n >= sizeof(m->hdr) && m->hdr.len == n)
		return n;
	close_fds(fds, *n_fds);
	return lost(c);
}

/* A message that is not awaited: an interruption, or nothing we know. */
static void handle(struct guest_channel *c, const union message *m, ssize_t n)
{
	if (m->hdr.type == CHANNEL_INTERRUPT && (size_t)n >= sizeof(m->interrupt))
		take_interrupt(c, &m->interrupt);
	if (m->hdr.type == CHANNEL_OUTPUT && c->output && m->hdr.tag == c->tag &&
	    (size_t)n > offsetof(struct channel_output, text))
		c->output(c->output_ctx, m->output.what == 1, m->output.text,
			  (size_t)n - offsetof(struct channel_output, text));
}

/* ---- requests ------------------------------------------------------------------------- */

static int send_message(struct guest_channel *c, struct channel_hdr *h, enum channel_type type,
			size_t len)
{
	ssize_t n;

	if (c->lost)
		return -ENOTCONN;
	h->type = (uint16_t)type;
	h->len = (uint16_t)len;
	h->tag = ++c->tag;
	do
		n = send(c->fd, h, len, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? lost(c) : 0;
}

/* The reply to the last request. Return: 0 or -ENOTCONN. */
static int await_reply(struct guest_channel *c, union message *m, int *fds, unsigned *n_fds)
{
	struct pollfd p = {.fd = c->fd, .events = POLLIN};
	ssize_t n;

	for (;;) {
		*n_fds = 0;
		if (poll(&p, 1, c->reply_ms) == 0)
			return lost(c); /* a daemon that hangs is no daemon */
		n = receive(c, m, MSG_DONTWAIT, fds, n_fds);
		if (n < 0)
			return -ENOTCONN;
		if (n == 0)
			continue;
		if (m->hdr.type == CHANNEL_REPLY && (size_t)n >= sizeof(m->reply) &&
		    m->hdr.tag == c->tag)
			return 0;
		handle(c, m, n);
		close_fds(fds, *n_fds);
	}
}

/*
 * @gr0: may be NULL.
 * Return: condition code, GUEST_PGM(n), -ENOTCONN; -EIO if the daemon refused the request.
 */
static int request(struct guest_channel *c, struct channel_hdr *h, enum channel_type type,
		   size_t len, uint64_t *gr0)
{
	union message m;
	int fds[ATTACH_FDS], rc = send_message(c, h, type, len);
	unsigned n_fds = 0;

	if (rc == 0)
		rc = await_reply(c, &m, fds, &n_fds);
	if (rc != 0)
		return rc;
	close_fds(fds, n_fds);
	if (m.reply.error)
		return -EIO;
	if (gr0)
		*gr0 = m.reply.gr0;
	return m.reply.cc < 0 ? GUEST_PGM(-m.reply.cc) : m.reply.cc;
}

/* ---- the operations -------------------------------------------------------------------- */

static int op_msch(void *t, unsigned dev, bool enabled, unsigned isc)
{
	struct channel_msch m = {.dev = (uint8_t)dev, .enabled = enabled, .isc = (uint8_t)isc};

	return request(t, &m.hdr, CHANNEL_MSCH, sizeof(m), NULL);
}

static int op_ssch(void *t, unsigned dev, const struct qdio_orb *orb)
{
	struct channel_ssch m = {.dev = (uint8_t)dev};

	memcpy(m.orb, orb, sizeof(m.orb));
	return request(t, &m.hdr, CHANNEL_SSCH, sizeof(m), NULL);
}

static int op_hsch(void *t, unsigned dev)
{
	struct channel_dev m = {.dev = (uint8_t)dev};

	return request(t, &m.hdr, CHANNEL_HSCH, sizeof(m), NULL);
}

static int op_csch(void *t, unsigned dev)
{
	struct channel_dev m = {.dev = (uint8_t)dev};

	return request(t, &m.hdr, CHANNEL_CSCH, sizeof(m), NULL);
}

static int op_chsc(void *t, uint64_t addr)
{
	struct channel_chsc m = {.addr = addr};

	return request(t, &m.hdr, CHANNEL_CHSC, sizeof(m), NULL);
}

static void ring(int eventfd_no)
{
	uint64_t one = 1;

	/* A full counter means that the bell is ringing already. */
	if (write(eventfd_no, &one, sizeof(one)) < 0)
		return;
}

/*
 * SIGA-w and -r without a message. The caller's barrier stands between its stores
 * of states and this look at want_kick; it pairs with the daemon's, between its
 * store of want_kick and its last look at the states.
 */
static int op_siga(void *t, uint64_t *gr0, uint64_t gr1, uint64_t gr2, uint64_t gr3)
{
	struct guest_channel *c = t;
	struct channel_siga m = {.gr0 = *gr0, .gr1 = gr1, .gr2 = gr2, .gr3 = gr3};

	/* To a doorbell one buffer or several are the same. */
	if (*gr0 != QDIO_SIGA_W && *gr0 != QDIO_SIGA_WM && *gr0 != QDIO_SIGA_R)
		return request(c, &m.hdr, CHANNEL_SIGA, sizeof(m), gr0);
	if (c->lost)
		return -ENOTCONN;
	atomic_thread_fence(memory_order_seq_cst);
	if (!atomic_load_explicit((_Atomic uint32_t *)&c->page->active, memory_order_relaxed))
		return 1;
	if (atomic_load_explicit((_Atomic uint32_t *)&c->page->want_kick, memory_order_relaxed))
		ring(c->doorbell);
	return 0;
}

/* Take what the socket holds without waiting. Return: 0 or -ENOTCONN. */
static int drain(struct guest_channel *c)
{
	union message m;
	int fds[ATTACH_FDS];
	unsigned n_fds = 0;
	ssize_t n;

	while ((n = receive(c, &m, MSG_DONTWAIT, fds, &n_fds)) > 0) {
		close_fds(fds, n_fds);
		handle(c, &m, n);
	}
	return n < 0 ? -ENOTCONN : 0;
}

static int op_wait(void *t, int timeout_ms)
{
	struct guest_channel *c = t;
	struct pollfd p = {.fd = c->fd, .events = POLLIN};
	int rc;

	if (c->irb_n)
		return 1;
	if (c->lost)
		return -ENOTCONN;
	rc = poll(&p, 1, timeout_ms);
	if (rc < 0)
		return errno == EINTR ? 1 : -errno;
	return rc > 0;
}

static int op_next_irb(void *t, struct guest_irb *irb)
{
	struct guest_channel *c = t;

	if (!c->irb_n && !c->lost)
		drain(c);
	if (!c->irb_n)
		return c->lost ? -ENOTCONN : 0;
	*irb = c->irb[c->irb_first];
	c->irb_first = (c->irb_first + 1) % IRB_RING;
	c->irb_n--;
	return 1;
}

static unsigned op_take_pending(void *t)
{
	struct guest_channel *c = t;
	unsigned bits, out = 0;
	uint64_t wakes[8];

	/* First the descriptor, then the bits: an interruption in between is not lost. */
	if (read(c->irq, wakes, sizeof(wakes)) < 0 && errno != EAGAIN)
		return 0;
	bits = atomic_exchange((_Atomic uint32_t *)&c->page->pending, 0);
	if (bits & CHANNEL_PENDING_PCI)
		out |= GUEST_PENDING_PCI;
	if (bits & CHANNEL_PENDING_AIRQ)
		out |= GUEST_PENDING_AIRQ;
	return out;
}

static const struct guest_transport_ops channel_ops = {
	.msch = op_msch,
	.ssch = op_ssch,
	.hsch = op_hsch,
	.csch = op_csch,
	.chsc = op_chsc,
	.siga = op_siga,
	.wait = op_wait,
	.next_irb = op_next_irb,
	.take_pending = op_take_pending,
};

/* ---- commands ------------------------------------------------------------------------------ */

int guest_channel_command(struct guest_channel *c, const char *command, guest_output_fn *output,
			  void *ctx, char *text)
{
	struct channel_command m = {.json = 0};
	size_t len = strlen(command);
	union message reply;
	int fds[ATTACH_FDS], rc;
	unsigned n_fds = 0;

	text[0] = 0;
	if (len > sizeof(m.text))
		return -E2BIG;
	memcpy(m.text, command, len);
	c->output = output;
	c->output_ctx = ctx;
	rc = send_message(c, &m.hdr, CHANNEL_COMMAND, sizeof(m));
	if (rc == 0)
		rc = await_reply(c, &reply, fds, &n_fds);
	c->output = NULL;
	if (rc)
		return rc;
	close_fds(fds, n_fds);
	memcpy(text, reply.reply.text, sizeof(reply.reply.text));
	text[sizeof(reply.reply.text) - 1] = 0;
	return reply.reply.error > 0 ? -reply.reply.error : 0;
}

/* ---- attaching ----------------------------------------------------------------------------- */

static int connect_to(const char *dir)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	int fd, n = snprintf(sa.sun_path, sizeof(sa.sun_path), "%s/%s", dir, CHANNEL_SOCKET);

	if (n < 0 || (size_t)n >= sizeof(sa.sun_path))
		return -ENAMETOOLONG;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0)
		return fd;
	n = -errno;
	close(fd);
	return n;
}

static int send_attach(struct guest_channel *c, const char *user, uint16_t vdev,
		       const struct guest_storage *st)
{
	struct channel_attach a = {
		.hdr = {.type = CHANNEL_ATTACH, .len = sizeof(a), .tag = ++c->tag},
		.magic = CHANNEL_MAGIC,
		.version = CHANNEL_VERSION,
		.vdev = vdev,
		.nregions = 1,
		.region = {{.addr = st->base, .len = st->bytes, .offset = 0}},
	};
	_Alignas(struct cmsghdr) char ctl[CMSG_SPACE(sizeof(int))] = {0};
	struct iovec iov = {.iov_base = &a, .iov_len = sizeof(a)};
	struct msghdr mh = {.msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = ctl,
			    .msg_controllen = sizeof(ctl)};
	struct cmsghdr *cm = CMSG_FIRSTHDR(&mh);

	memcpy(a.user, user, strnlen(user, sizeof(a.user)));
	cm->cmsg_level = SOL_SOCKET;
	cm->cmsg_type = SCM_RIGHTS;
	cm->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cm), &st->fd, sizeof(int));
	return sendmsg(c->fd, &mh, MSG_NOSIGNAL) < 0 ? lost(c) : 0;
}

static int accept_reply(struct guest_channel *c, const struct channel_reply *r, const int *fds,
			unsigned n_fds, char *text)
{
	memcpy(text, r->text, sizeof(r->text));
	text[sizeof(r->text) - 1] = 0;
	if (r->error || n_fds != ATTACH_FDS || r->version < 1 || r->version > CHANNEL_VERSION) {
		close_fds(fds, n_fds);
		return r->error > 0 ? -r->error : -EPROTO;
	}
	memcpy(c->subchannel, r->subchannel, sizeof(c->subchannel));
	memcpy(c->devno, r->devno, sizeof(c->devno));
	c->chpid = r->chpid;
	c->doorbell = fds[0];
	c->irq = fds[1];
	c->page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fds[2], 0);
	close(fds[2]);
	if (c->page == MAP_FAILED) {
		c->page = NULL;
		return -errno;
	}
	return 0;
}

int guest_channel_open(const char *dir, const char *user, uint16_t vdev,
		       const struct guest_storage *st, struct guest_channel **out, char *text)
{
	struct guest_channel *c = calloc(1, sizeof(*c));
	union message m;
	int fds[ATTACH_FDS], rc;
	unsigned n_fds = 0;

	text[0] = 0;
	if (!c)
		return -ENOMEM;
	c->reply_ms = REPLY_MS;
	c->doorbell = c->irq = -1;
	c->fd = rc = connect_to(dir);
	if (rc >= 0)
		rc = send_attach(c, user, vdev, st);
	if (rc == 0)
		rc = await_reply(c, &m, fds, &n_fds);
	if (rc == 0)
		rc = accept_reply(c, &m.reply, fds, n_fds, text);
	if (rc < 0) {
		guest_channel_close(c);
		return rc;
	}
	*out = c;
	return 0;
}

void guest_channel_close(struct guest_channel *c)
{
	if (!c)
		return;
	if (c->page)
		munmap(c->page, 4096);
	if (c->doorbell >= 0)
		close(c->doorbell);
	if (c->irq >= 0)
		close(c->irq);
	if (c->fd >= 0)
		close(c->fd);
	free(c);
}

void guest_channel_patience(struct guest_channel *c, int ms)
{
	c->reply_ms = ms;
}

void guest_channel_machine(struct guest_channel *c, struct guest_machine *m)
{
	m->ops = &channel_ops;
	m->ctx = c;
	memcpy(m->subchannel, c->subchannel, sizeof(m->subchannel));
	memcpy(m->devno, c->devno, sizeof(m->devno));
	m->chpid = c->chpid;
}

int guest_channel_irq_fd(const struct guest_channel *c)
{
	return c->irq;
}

int guest_channel_fd(const struct guest_channel *c)
{
	return c->fd;
}
