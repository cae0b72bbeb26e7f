/* SPDX-License-Identifier: Apache-2.0 */
#include "cp/conn.h"

#include <errno.h>
#include <event2/event.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cp/channel_wire.h"
#include "cp/port_wire.h"
#include "cp/seqpacket.h"

#define MESSAGES_PER_TURN 32 /* then the other clients have theirs */

#define SAME_HEADER(hdr)                                                                           \
	static_assert(sizeof(struct hdr) == sizeof(struct cp_conn_hdr) &&                          \
			      offsetof(struct hdr, type) == offsetof(struct cp_conn_hdr, type) &&  \
			      offsetof(struct hdr, len) == offsetof(struct cp_conn_hdr, len) &&    \
			      offsetof(struct hdr, tag) == offsetof(struct cp_conn_hdr, tag),      \
		      #hdr)
#define SAME_OUTPUT(output)                                                                        \
	static_assert(sizeof(struct output) == sizeof(struct output_msg) &&                        \
			      offsetof(struct output, what) ==                                     \
				      offsetof(struct output_msg, what) &&                         \
			      offsetof(struct output, text) == offsetof(struct output_msg, text),  \
		      #output)

struct output_msg { /* as long as its text */
	struct cp_conn_hdr hdr;
	uint8_t what;
	uint8_t reserved[7];
	char text[CP_CONN_OUTPUT_BYTES];
};

SAME_HEADER(channel_hdr);
SAME_HEADER(port_hdr);
SAME_OUTPUT(channel_output);
SAME_OUTPUT(port_output);
static_assert((int)CHANNEL_OUTPUT == CP_CONN_OUTPUT_TYPE && (int)PORT_OUTPUT == CP_CONN_OUTPUT_TYPE,
	      "type of an output");

/* ---- sending ----------------------------------------------------------------------------- */

void cp_conn_lose(struct cp_conn *c)
{
	c->lost = true;
	event_del(c->readable);
	cp_conn_settle(c);
}

void cp_conn_settle(struct cp_conn *c)
{
	event_active(c->settle, EV_TIMEOUT, 0);
}

void cp_conn_send(struct cp_conn *c, const void *msg, size_t len, const int *fds, unsigned nfds)
{
	if (!c->lost && cp_seqpacket_send(c->fd, msg, len, fds, nfds))
		cp_conn_lose(c);
}

void cp_conn_refuse(struct cp_conn *c, uint32_t tag, int error, const char *fmt, ...)
{
	char text[CP_CONN_TEXT_BYTES] = {0};
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	c->ops->refused(c, tag, error, text);
}

void cp_conn_output(void *answer, enum cp_guest_output what, const char *text, size_t n)
{
	const struct cp_conn_answer *a = answer;
	struct output_msg m = {.what = (uint8_t)what};

	while (n) {
		size_t part = n < sizeof(m.text) ? n : sizeof(m.text);
		size_t len = offsetof(struct output_msg, text) + part;

		m.hdr = (struct cp_conn_hdr){CP_CONN_OUTPUT_TYPE, (uint16_t)len, a->tag};
		memcpy(m.text, text, part);
		cp_conn_send(a->c, &m, len, NULL, 0);
		text += part;
		n -= part;
	}
}

/* ---- receiving --------------------------------------------------------------------------- */

void cp_conn_message(struct cp_conn *c, const void *msg, size_t len, const int *fds, unsigned nfds)
{
	struct cp_conn_hdr hdr = {0};
	size_t want;

	if (c->lost)
		return;
	if (len >= sizeof(hdr))
		memcpy(&hdr, msg, sizeof(hdr));
	if (len < sizeof(hdr) || hdr.len != len) {
		cp_conn_refuse(c, hdr.tag, EPROTO,
			       "ZLN2618E Message of %zu bytes says its length is %u", len, hdr.len);
		cp_conn_lose(c);
		return;
	}
	want = c->ops->bytes(c, hdr.type);
	if (!want) {
		cp_conn_refuse(c, hdr.tag, EOPNOTSUPP, "ZLN2619E Message type %u is unknown",
			       hdr.type);
		return;
	}
	if (len != want) {
		cp_conn_refuse(c, hdr.tag, EPROTO,
			       "ZLN2620E Message type %u has %zu bytes, not %zu", hdr.type, want,
			       len);
		cp_conn_lose(c);
		return;
	}
	c->ops->message(c, msg, fds, nfds);
}

/* Return: true if there may be another message. */
static bool receive_one(struct cp_conn *c)
{
	_Alignas(8) uint8_t buf[CP_CONN_MSG_MAX];
	struct cp_seqpacket m;
	int rc = cp_seqpacket_receive(c->fd, buf, c->ops->longest, &m);

	if (rc < 0)
		cp_conn_lose(c);
	if (rc <= 0)
		return false;
	if (m.cut) {
		cp_conn_refuse(c, 0, EMSGSIZE, "ZLN2622E Message or its descriptors were cut off");
		cp_conn_lose(c);
	} else {
		cp_conn_message(c, buf, m.len, m.fds, m.nfds);
	}
	cp_seqpacket_close_fds(&m);
	return !c->lost;
}

static void readable(evutil_socket_t fd, short what, void *ctx)
{
	struct cp_conn *c = ctx;

	(void)fd;
	(void)what;
	for (unsigned i = 0; i < MESSAGES_PER_TURN; i++)
		if (!receive_one(c))
			break;
}

static void settle(evutil_socket_t fd, short what, void *ctx)
{
	struct cp_conn *c = ctx;

	(void)fd;
	(void)what;
	if (c->lost)
		c->ops->close(c);
	else if (c->ops->settled)
		c->ops->settled(c);
}

/* ---- a connection's life ----------------------------------------------------------------- */

int cp_conn_init(struct cp_conn *c, struct event_base *base, int fd, const struct cp_caller *who,
		 const struct cp_conn_ops *ops)
{
	c->ops = ops;
	c->fd = fd;
	c->who = *who;
	c->readable = event_new(base, fd, EV_READ | EV_PERSIST, readable, c);
	c->settle = event_new(base, -1, 0, settle, c);
	if (c->readable && c->settle && event_add(c->readable, NULL) == 0)
		return 0;
	if (c->readable)
		event_free(c->readable);
	if (c->settle)
		event_free(c->settle);
	return -ENOMEM;
}

void cp_conn_fini(struct cp_conn *c)
{
	event_free(c->readable);
	event_free(c->settle);
	close(c->fd);
}

void cp_conn_close(struct cp_client *client)
{
	struct cp_conn *c = (struct cp_conn *)client;

	c->ops->close(c);
}
