/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One client of the port socket: its messages, and what its NIC tells it.
 *
 *     connected --ATTACH--> attached <--START, STOP, LINK--> started
 *         \_____________________\______ end of file, a fault, DETACH NIC ______/--> lost
 *
 * Two kinds of faults, as on the channel socket: a message that is not one ends the
 * connection after a reply that says so; a request that is refused is only answered. settle
 * runs from the event loop when nothing of ours is on the call stack, and closes a lost
 * connection.
 */
#include <errno.h>
#include <event2/event.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cp/portsock_priv.h"
#include "cp/seqpacket.h"

#define MESSAGES_PER_TURN 32 /* then the other clients have theirs */

/* ---- sending ----------------------------------------------------------------------------- */

/* The client is to be dropped, not here but when the stack has unwound. */
static void lose(struct portsock_conn *c)
{
	c->lost = true;
	event_del(c->readable);
	event_active(c->settle, EV_TIMEOUT, 0);
}

/* Who does not read is lost. */
static void send_message(struct portsock_conn *c, const void *msg, size_t len, const int *fds,
			 unsigned nfds)
{
	if (!c->lost && cp_seqpacket_send(c->fd, msg, len, fds, nfds))
		lose(c);
}

void portsock_conn_send(struct portsock_conn *c, const void *msg, size_t len)
{
	send_message(c, msg, len, NULL, 0);
}

/* @rc: 0 or -errno, as the link has it. */
static void answer(struct portsock_conn *c, uint32_t tag, int rc)
{
	struct port_reply r = {
		.hdr = {.type = PORT_REPLY, .len = sizeof(r), .tag = tag},
		.error = -rc,
	};

	if (rc == -ENOTCONN)
		snprintf(r.text, sizeof(r.text), "ZLN2624E The NIC is not coupled");
	else if (rc)
		snprintf(r.text, sizeof(r.text), "ZLN2625E Refused: %s", strerror(-rc));
	send_message(c, &r, sizeof(r), NULL, 0);
}

static void __attribute__((format(printf, 4, 5)))
refuse(struct portsock_conn *c, uint32_t tag, int error, const char *fmt, ...)
{
	struct port_reply r = {
		.hdr = {.type = PORT_REPLY, .len = sizeof(r), .tag = tag},
		.error = error,
	};
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(r.text, sizeof(r.text), fmt, ap);
	va_end(ap);
	send_message(c, &r, sizeof(r), NULL, 0);
}

/* ---- what the NIC tells (cp_nic_client) ------------------------------------------------------ */

/* Uncoupling stops the port; the client starts it anew when it is coupled again. */
static void coupled(void *ctx, bool on)
{
	struct portsock_conn *c = ctx;
	struct port_link m = {
		.hdr = {.type = PORT_LINK, .len = sizeof(m)},
		.coupled = on,
		.mfs = on ? portsock_hipers_mfs(c) : 0,
	};
	struct vs_link link;

	if (!on && c->started && cp_nic_link(c->nic, &link))
		link.ops->stop(link.ctx);
	c->started = false;
	send_message(c, &m, sizeof(m), NULL, 0);
}

static void detach(struct portsock_conn *c)
{
	if (!c->nic)
		return;
	c->lost = true; /* nothing is sent any more */
	cp_nic_detach(c->nic);
	c->nic = NULL;
	c->started = false;
	portsock_port_close(c->port);
	c->port = NULL;
}

static void revoked(void *ctx)
{
	struct portsock_conn *c = ctx;

	detach(c);
	lose(c);
}

/* ---- attach --------------------------------------------------------------------------------- */

/* Return: 0 or errno and a reason. */
static int attach_nic(struct portsock_conn *c, const struct port_attach *m, char *err,
		      size_t err_len)
{
	char user[PORT_USER_BYTES + 1];

	if (!cp_seqpacket_user(m->user, sizeof(m->user), user)) {
		snprintf(err, err_len, "ZLN2612E Userid missing or invalid in ATTACH");
		return EINVAL;
	}
	c->client = (struct cp_nic_client){
		.kind = "port socket", .coupled = coupled, .revoked = revoked, .ctx = c};
	if (m->hdr.type == PORT_ATTACH_HIPERS)
		portsock_hipers_open(c);
	c->nic = cp_nic_attach_port(portsock_config(c->ps)->cp, &c->who, user, m->vdev, &c->client,
				    err, err_len);
	return c->nic ? 0 : errno;
}

static void send_attached(struct portsock_conn *c, const struct port_attach *m,
			  const int *client_fd, unsigned n)
{
	struct vs_link link;
	struct port_reply r = {
		.hdr = {.type = PORT_REPLY, .len = sizeof(r), .tag = m->hdr.tag},
		.version = (uint16_t)c->version,
		.coupled = cp_nic_link(c->nic, &link),
	};

	r.mfs = portsock_hipers_mfs(c);
	cp_nic_mac(c->nic, r.mac);
	send_message(c, &r, sizeof(r), client_fd, n);
}

static enum portsock_kind kind_of(const struct portsock_conn *c)
{
	if (!cp_nic_hipers(c->nic))
		return PORTSOCK_FRAMES;
	return c->version >= 5 ? PORTSOCK_UNITS_RESULTS : PORTSOCK_UNITS;
}

static void on_attach(struct portsock_conn *c, const void *msg)
{
	char err[256] = "";
	struct port_attach m;
	int rc, client_fd[PORTSOCK_FDS];
	unsigned oldest, n;

	memcpy(&m, msg, sizeof(m));
	oldest = m.hdr.type == PORT_ATTACH_HIPERS ? 4 : 1;
	if (m.magic != PORT_MAGIC || m.version < oldest) {
		refuse(c, m.hdr.tag, EPROTO, "ZLN2615E Not an ATTACH of this protocol");
		lose(c);
		return;
	}
	if (c->nic) {
		refuse(c, m.hdr.tag, EISCONN, "ZLN2616E This connection is attached already");
		return;
	}
	rc = attach_nic(c, &m, err, sizeof(err));
	if (rc) {
		refuse(c, m.hdr.tag, rc, "%s", err);
		return;
	}
	c->version = m.version < PORT_VERSION ? m.version : PORT_VERSION;
	c->port = portsock_port_open(kind_of(c), client_fd, &n);
	if (!c->port) {
		refuse(c, m.hdr.tag, errno, "ZLN2614E No descriptors for another client: %s",
		       strerror(errno));
		lose(c);
		return;
	}
	send_attached(c, &m, client_fd, n);
	while (n)
		close(client_fd[--n]);
}

/* ---- requests -----------------------------------------------------------------------------------
 */

static int start(struct portsock_conn *c, const struct vs_link *link)
{
	int rc;

	if (c->started)
		return -EALREADY;
	/* What was sent before belongs to the network the NIC was coupled to then. */
	portsock_port_drain(c->port);
	rc = link->ops->start(link->ctx, &portsock_port_ops, c->port);
	c->started = rc == 0;
	return rc;
}

static int stop(struct portsock_conn *c, const struct vs_link *link)
{
	if (c->started)
		link->ops->stop(link->ctx);
	c->started = false;
	return 0;
}

static int execute(struct portsock_conn *c, const struct port_request *m)
{
	struct vs_link link;

	if (!cp_nic_link(c->nic, &link))
		return m->hdr.type == PORT_STOP ? 0 : -ENOTCONN;
	if (m->hdr.type == PORT_START)
		return start(c, &link);
	if (m->hdr.type == PORT_STOP)
		return stop(c, &link);
	if (!c->started)
		return -ENOTCONN;
	switch (m->hdr.type) {
	case PORT_MAC_ADD:
		return link.ops->mac_add(link.ctx, m->mac);
	case PORT_MAC_DEL:
		return link.ops->mac_del(link.ctx, m->mac);
	case PORT_VID_ADD:
		return link.ops->vid_add(link.ctx, m->vid);
	case PORT_VID_DEL:
		return link.ops->vid_del(link.ctx, m->vid);
	default:
		return link.ops->promisc(link.ctx, m->on != 0);
	}
}

static_assert((int)PORT_IP_VIPA == (int)VS_IP_VIPA && (int)PORT_IP_TAKEOVER == (int)VS_IP_TAKEOVER,
	      "flags as they are");
static_assert((int)PORT_ROUTER_PRIMARY == (int)VS_ROUTING_PRIMARY &&
		      (int)PORT_ROUTER_SECONDARY == (int)VS_ROUTING_SECONDARY,
	      "routers as they are");

static int execute_layer3(struct portsock_conn *c, const struct port_layer3 *m)
{
	struct vs_link link;

	if (!cp_nic_link(c->nic, &link))
		return -ENOTCONN;
	if (m->hdr.type == PORT_LAYER && m->what != 2 && m->what != 3)
		return -EINVAL;
	if (m->hdr.type != PORT_LAYER && !c->started)
		return -ENOTCONN;
	if (cp_nic_hipers(c->nic))
		return portsock_hipers_layer3(c, m);
	switch (m->hdr.type) {
	case PORT_LAYER:
		return link.ops->layer(link.ctx, m->what);
	case PORT_IP_ADD:
		return link.ops->ip_add(link.ctx, m->addr, m->what & (VS_IP_VIPA | VS_IP_TAKEOVER));
	case PORT_IP_DEL:
		return link.ops->ip_del(link.ctx, m->addr);
	default:
		return m->what <= VS_ROUTING_SECONDARY
			       ? link.ops->routing(link.ctx, m->v6 != 0, (enum vs_routing)m->what)
			       : -EINVAL;
	}
}

static int on_layer3(struct portsock_conn *c, const void *msg)
{
	struct port_layer3 m;

	memcpy(&m, msg, sizeof(m));
	return execute_layer3(c, &m);
}

static int on_hipers(struct portsock_conn *c, const void *msg)
{
	struct port_hipers m;

	memcpy(&m, msg, sizeof(m));
	return portsock_hipers_set(c, &m);
}

static int on_ipa(struct portsock_conn *c, const void *msg)
{
	struct port_ipa m;

	memcpy(&m, msg, sizeof(m));
	return portsock_hipers_ipa(c, &m);
}

static int on_request(struct portsock_conn *c, const void *msg)
{
	struct port_request m;

	memcpy(&m, msg, sizeof(m));
	return execute(c, &m);
}

/* What is answered by a REPLY alone, or by that at last. */
static int request(struct portsock_conn *c, unsigned type, const void *msg)
{
	struct vs_link link;

	if (type <= PORT_PROMISC)
		return on_request(c, msg);
	if (type <= PORT_ROUTING)
		return on_layer3(c, msg);
	if (!cp_nic_hipers(c->nic))
		return -EOPNOTSUPP;
	if (!cp_nic_link(c->nic, &link))
		return -ENOTCONN;
	return type == PORT_IPA ? on_ipa(c, msg) : on_hipers(c, msg);
}

/* ---- a command of the guest ---------------------------------------------------------------- */

struct answer {
	struct portsock_conn *c;
	uint32_t tag;
};

static void send_output(void *ctx, enum cp_guest_output what, const char *p, size_t n)
{
	const struct answer *a = ctx;
	struct port_output m = {.what = (uint8_t)what};

	while (n) {
		size_t part = n < sizeof(m.text) ? n : sizeof(m.text);
		size_t len = offsetof(struct port_output, text) + part;

		m.hdr = (struct port_hdr){PORT_OUTPUT, (uint16_t)len, a->tag};
		memcpy(m.text, p, part);
		send_message(a->c, &m, len, NULL, 0);
		p += part;
		n -= part;
	}
}

static void on_command(struct portsock_conn *c, const void *msg)
{
	struct port_command m;
	struct answer a = {.c = c};
	char err[128] = "";
	int rc;

	memcpy(&m, msg, sizeof(m));
	a.tag = m.hdr.tag;
	rc = cp_guest_command(c->nic, m.text, sizeof(m.text), m.json == 1, send_output, &a, err,
			      sizeof(err));
	if (rc)
		refuse(c, m.hdr.tag, rc, "%s", err);
	else
		answer(c, m.hdr.tag, 0);
}

/* ---- messages ------------------------------------------------------------------------------- */

/* Return: the length of a message of the type, 0: there is none in the version spoken. */
static size_t message_bytes(const struct portsock_conn *c, unsigned type)
{
	if (type == PORT_ATTACH || type == PORT_ATTACH_HIPERS)
		return sizeof(struct port_attach);
	if (type >= PORT_START && type <= PORT_PROMISC)
		return sizeof(struct port_request);
	if (type == PORT_COMMAND && c->version != 1)
		return sizeof(struct port_command);
	if (type >= PORT_LAYER && type <= PORT_ROUTING && c->version >= 3)
		return sizeof(struct port_layer3);
	if ((type == PORT_WANTS || type == PORT_VNICC) && c->version >= 4)
		return sizeof(struct port_hipers);
	if (type == PORT_IPA && c->version >= 4)
		return sizeof(struct port_ipa);
	return 0;
}

void portsock_conn_message(struct portsock_conn *c, const void *msg, size_t len)
{
	struct port_hdr hdr = {0};
	size_t want;

	if (c->lost)
		return;
	if (len >= sizeof(hdr))
		memcpy(&hdr, msg, sizeof(hdr));
	if (len < sizeof(hdr) || hdr.len != len) {
		refuse(c, hdr.tag, EPROTO, "ZLN2618E Message of %zu bytes says its length is %u",
		       len, hdr.len);
		lose(c);
		return;
	}
	want = message_bytes(c, hdr.type);
	if (!want) {
		refuse(c, hdr.tag, EOPNOTSUPP, "ZLN2619E Message type %u is unknown", hdr.type);
		return;
	}
	if (len != want) {
		refuse(c, hdr.tag, EPROTO, "ZLN2620E Message type %u has %zu bytes, not %zu",
		       hdr.type, want, len);
		lose(c);
		return;
	}
	if (hdr.type == PORT_ATTACH || hdr.type == PORT_ATTACH_HIPERS)
		on_attach(c, msg);
	else if (!c->nic)
		refuse(c, hdr.tag, ENOTCONN, "ZLN2621E ATTACH comes first");
	else if (hdr.type == PORT_COMMAND)
		on_command(c, msg);
	else
		answer(c, hdr.tag, request(c, hdr.type, msg));
}

/* Return: true if there may be another message. */
static bool receive_one(struct portsock_conn *c)
{
	_Alignas(8) uint8_t buf[PORT_CONTROL_MAX];
	struct cp_seqpacket m;
	int rc = cp_seqpacket_receive(c->fd, buf, sizeof(buf), &m);

	if (rc < 0)
		lose(c);
	if (rc <= 0)
		return false;
	cp_seqpacket_close_fds(&m); /* no message brings any */
	if (m.cut) {
		refuse(c, 0, EMSGSIZE, "ZLN2622E Message or its descriptors were cut off");
		lose(c);
	} else {
		portsock_conn_message(c, buf, m.len);
	}
	return !c->lost;
}

static void readable(evutil_socket_t fd, short what, void *ctx)
{
	struct portsock_conn *c = ctx;

	(void)fd;
	(void)what;
	for (unsigned i = 0; i < MESSAGES_PER_TURN; i++)
		if (!receive_one(c))
			break;
}

static void settle(evutil_socket_t fd, short what, void *ctx)
{
	struct portsock_conn *c = ctx;

	(void)fd;
	(void)what;
	if (c->lost)
		portsock_conn_close(c);
}

/* ---- a connection's life ----------------------------------------------------------------------
 */

struct portsock_conn *portsock_conn_open(struct cp_portsock *ps, int fd,
					 const struct cp_caller *who)
{
	struct event_base *base = portsock_config(ps)->base;
	struct portsock_conn *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->ps = ps;
	c->fd = fd;
	c->who = *who;
	c->readable = event_new(base, fd, EV_READ | EV_PERSIST, readable, c);
	c->settle = event_new(base, -1, 0, settle, c);
	if (c->readable && c->settle && event_add(c->readable, NULL) == 0)
		return c;
	if (c->readable)
		event_free(c->readable);
	if (c->settle)
		event_free(c->settle);
	free(c);
	errno = ENOMEM;
	return NULL;
}

void portsock_conn_close(struct portsock_conn *c)
{
	detach(c);
	event_free(c->readable);
	event_free(c->settle);
	close(c->fd);
	portsock_forget(c->ps, c);
	free(c);
}
