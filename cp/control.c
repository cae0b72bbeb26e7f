/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The control socket. Theory of operation:
 *
 * A UNIX stream of lines, one JSON object each: requests in, answers out, in order. A client may
 * send many requests without waiting; it is read on only while what it has not yet read
 * is below OUTPUT_MAX, so a slow client costs bounded memory and nobody's time. A line that is
 * too long cannot be found the end of and ends the connection.
 *
 * OPERATOR (class B) is served, and accounts that a USER statement names, as class G and without
 * captures. Others get one answer that says so. What an account is, is looked up for every
 * request: a statement that takes it back counts at once.
 *
 * A capture belongs to its connection; it ends with it. Its descriptors go out with
 * the first byte of the answer.
 *
 * All on the control thread.
 */
#include "cp/control.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utlist.h>

#include "cp/acceptor.h"
#include "cp/control_priv.h"
#include "cp/rundir.h"

#define OUTPUT_MAX (1u << 20)
#define CONNECTIONS_MAX 256
#define CONNECTIONS_PER_UID 16 /* without privilege */
#define READ_BYTES 16384
#define CAPTURE_FDS 2

struct conn {
	struct conn *prev, *next;
	struct cp_control *ct;
	int fd;
	struct cp_caller who;
	struct event *readable, *writable;
	struct evbuffer *in, *out;
	struct cp_capture *capture;
	bool finished; /* no more requests: close when out is empty */
	bool eof;      /* the client sends no more */
	bool dead;     /* close as soon as possible */
};

struct cp_control {
	struct cp_control_config cfg;
	int listen_fd;
	struct cp_acceptor acceptor;
	struct conn *conns;
	unsigned n;
};

/* ---- a connection's life --------------------------------------------------------------------- */

static void conn_free(struct conn *c)
{
	if (c->readable)
		event_free(c->readable);
	if (c->writable)
		event_free(c->writable);
	if (c->in)
		evbuffer_free(c->in);
	if (c->out)
		evbuffer_free(c->out);
	free(c);
}

static void conn_close(struct conn *c)
{
	struct cp_control *ct = c->ct;

	if (c->capture)
		cp_capture_stop(c->capture);
	DL_DELETE(ct->conns, c);
	ct->n--;
	close(c->fd);
	conn_free(c);
}

/* ---- sending ------------------------------------------------------------------------------------
 */

/* Write what can be written. */
static void flush(struct conn *c)
{
	if (c->ct->cfg.settle)
		c->ct->cfg.settle(c->ct->cfg.ctx);
	while (!c->dead && evbuffer_get_length(c->out) > 0) {
		struct evbuffer_iovec v;
		ssize_t n;

		evbuffer_peek(c->out, -1, NULL, &v, 1);
		n = send(c->fd, v.iov_base, v.iov_len, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0)
			c->dead = true;
		else
			evbuffer_drain(c->out, (size_t)n);
	}
}

/* Send one byte with descriptors; the rest of a line follows by the ordinary way. */
static int send_fds(int fd, char byte, const int fds[CAPTURE_FDS])
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(CAPTURE_FDS * sizeof(int))];
	} control = {0};
	struct iovec iov = {.iov_base = &byte, .iov_len = 1};
	struct msghdr mh = {.msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = control.bytes,
			    .msg_controllen = sizeof(control.bytes)};
	struct cmsghdr *cm = CMSG_FIRSTHDR(&mh);

	cm->cmsg_level = SOL_SOCKET;
	cm->cmsg_type = SCM_RIGHTS;
	cm->cmsg_len = CMSG_LEN(CAPTURE_FDS * sizeof(int));
	memcpy(CMSG_DATA(cm), fds, CAPTURE_FDS * sizeof(int));
	return sendmsg(fd, &mh, MSG_DONTWAIT | MSG_NOSIGNAL) == 1 ? 0 : -errno;
}

static void put_answer(struct conn *c, json_t *answer)
{
	char *text = answer ? json_dumps(answer, JSON_COMPACT) : NULL;

	json_decref(answer);
	if (text)
		evbuffer_add_printf(c->out, "%s\n", text);
	else
		c->dead = true;
	free(text);
}

/* The answer to a request that started a capture. */
static void put_capture(struct conn *c, json_t *answer, const int fds[CAPTURE_FDS])
{
	flush(c);
	if (!c->dead && evbuffer_get_length(c->out) == 0 && send_fds(c->fd, '{', fds) == 0) {
		put_answer(c, answer);
		if (!c->dead)
			evbuffer_drain(c->out, 1);
		return;
	}
	json_decref(answer);
	cp_capture_stop(c->capture);
	c->capture = NULL;
	put_answer(c, control_error(2606, "ZLN2606E Read the earlier answers before a capture is "
					  "asked for"));
}

/* ---- receiving ----------------------------------------------------------------------------------
 */

static void turn_away(struct conn *c, int rc, const char *text)
{
	put_answer(c, control_error(rc, text));
	c->finished = true;
}

static const char not_served[] =
	"ZLN2601E Not authorized: the control socket serves root, the account that zland runs "
	"under, and accounts that a USER statement names";

static void handle_line(struct conn *c, const char *line, size_t len)
{
	struct cp_capture *before = c->capture;
	int fds[CAPTURE_FDS];
	json_t *answer;

	if (!cp_caller_resolve(c->ct->cfg.cp, &c->who)) {
		turn_away(c, 2601, not_served);
		return;
	}
	answer = control_answer(c->ct->cfg.cp, &c->who, line, len, &c->capture, fds);

	if (c->capture != before)
		put_capture(c, answer, fds);
	else
		put_answer(c, answer);
}

/* Handle the lines at hand, as long as the client reads what it gets. */
static void handle_input(struct conn *c)
{
	while (!c->dead && !c->finished && evbuffer_get_length(c->out) < OUTPUT_MAX) {
		struct evbuffer_ptr end = evbuffer_search_eol(c->in, NULL, NULL, EVBUFFER_EOL_LF);
		size_t len = end.pos < 0 ? evbuffer_get_length(c->in) : (size_t)end.pos;
		char *line;

		if (len >= CONTROL_LINE_MAX) {
			turn_away(c, 2602, "ZLN2602E Request is longer than 65535 bytes");
			return;
		}
		if (end.pos < 0)
			return;
		line = evbuffer_readln(c->in, &len, EVBUFFER_EOL_LF);
		if (!line) {
			c->dead = true;
			return;
		}
		handle_line(c, line, len);
		free(line);
	}
}

/* After anything happened: send, handle what waits, close or wait for the right events. */
static void proceed(struct conn *c)
{
	size_t before;

	do {
		handle_input(c);
		before = evbuffer_get_length(c->out);
		flush(c);
	} while (before >= OUTPUT_MAX && evbuffer_get_length(c->out) < OUTPUT_MAX);

	if (c->dead || ((c->finished || c->eof) && evbuffer_get_length(c->out) == 0)) {
		conn_close(c);
		return;
	}
	if (evbuffer_get_length(c->out) > 0)
		event_add(c->writable, NULL);
	if (c->finished || c->eof || evbuffer_get_length(c->out) >= OUTPUT_MAX)
		event_del(c->readable);
	else
		event_add(c->readable, NULL);
}

static void readable(evutil_socket_t fd, short what, void *ctx)
{
	struct conn *c = ctx;
	int n = evbuffer_read(c->in, fd, READ_BYTES);

	(void)what;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	c->dead = n < 0;
	c->eof = n == 0;
	proceed(c);
}

static void writable(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	proceed(ctx);
}

/* ---- the socket
 * ----------------------------------------------------------------------------------- */

static struct conn *conn_new(struct cp_control *ct, int fd, const struct cp_caller *who)
{
	struct conn *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->ct = ct;
	c->fd = fd;
	c->who = *who;
	c->in = evbuffer_new();
	c->out = evbuffer_new();
	c->readable = event_new(ct->cfg.base, fd, EV_READ | EV_PERSIST, readable, c);
	c->writable = event_new(ct->cfg.base, fd, EV_WRITE, writable, c);
	if (c->in && c->out && c->readable && c->writable && event_add(c->readable, NULL) == 0)
		return c;
	conn_free(c);
	return NULL;
}

static bool room_for(const struct cp_control *ct, const struct cp_caller *who)
{
	const struct conn *c;
	unsigned n = 0;

	DL_FOREACH(ct->conns, c)
		n += !c->who.class_b && c->who.uid == who->uid;
	return ct->n < CONNECTIONS_MAX && (who->class_b || n < CONNECTIONS_PER_UID);
}

int cp_control_adopt(struct cp_control *ct, int fd, const struct cp_caller *who)
{
	bool room = room_for(ct, who);
	struct conn *c = room ? conn_new(ct, fd, who) : NULL;

	if (!c) {
		close(fd);
		return room ? -ENOMEM : -EMFILE;
	}
	DL_APPEND(ct->conns, c);
	ct->n++;
	if (!cp_caller_resolve(ct->cfg.cp, &c->who)) {
		turn_away(c, 2601, not_served);
		proceed(c);
	}
	return 0;
}

static void acceptable(evutil_socket_t listen_fd, short what, void *ctx)
{
	struct cp_control *ct = ctx;
	struct cp_caller who;
	uid_t uid;
	int fd = cp_acceptor_accept(&ct->acceptor);

	(void)listen_fd;
	(void)what;
	if (fd == -EAGAIN)
		return;
	if (fd >= 0 && cp_rundir_peer(fd, &who, &uid) < 0)
		close(fd);
	else if (fd < 0 || cp_control_adopt(ct, fd, &who) < 0)
		ct->cfg.log(ct->cfg.ctx, "ZLN2610W A client of the control socket was turned away: "
					 "too many connections");
}

struct cp_control *cp_control_create(const struct cp_control_config *cfg, int listen_fd)
{
	struct cp_control *ct = calloc(1, sizeof(*ct));

	if (!ct)
		return NULL;
	ct->cfg = *cfg;
	ct->listen_fd = -1;
	if (listen_fd < 0)
		return ct;
	if (cp_acceptor_init(&ct->acceptor, cfg->base, listen_fd, acceptable, ct) < 0) {
		cp_control_destroy(ct);
		errno = ENOMEM;
		return NULL;
	}
	ct->listen_fd = listen_fd;
	return ct;
}

void cp_control_destroy(struct cp_control *ct)
{
	struct conn *c, *next;

	if (!ct)
		return;
	DL_FOREACH_SAFE(ct->conns, c, next) {
		flush(c);
		conn_close(c);
	}
	cp_acceptor_fini(&ct->acceptor);
	if (ct->listen_fd >= 0)
		close(ct->listen_fd);
	free(ct);
}

void cp_control_appeared(struct cp_control *ct, struct vs_switch *sw)
{
	struct conn *c;

	DL_FOREACH(ct->conns, c) {
		if (c->capture)
			cp_capture_appeared(c->capture, sw);
	}
}

void cp_control_forget(struct cp_control *ct, struct vs_switch *sw, struct vs_port *p)
{
	struct conn *c;

	DL_FOREACH(ct->conns, c) {
		if (c->capture)
			cp_capture_forget(c->capture, sw, p);
	}
}

unsigned cp_control_connections(const struct cp_control *ct)
{
	return ct->n;
}
