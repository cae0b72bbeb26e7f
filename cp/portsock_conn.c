/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One client of the port socket: its messages, and what its NIC tells it.
 *
 *     connected --ATTACH--> attached <--START, STOP, LINK--> started
 *         \_____________________\______ end of file, a fault, DETACH NIC ______/--> lost
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cp/portsock_priv.h"
#include "cp/seqpacket.h"

/* ---- sending ----------------------------------------------------------------------------- */

static struct portsock_conn *of(struct cp_conn *conn)
{
	return (struct portsock_conn *)conn;
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
	cp_conn_send(&c->conn, &r, sizeof(r), NULL, 0);
}

static void refused(struct cp_conn *conn, uint32_t tag, int error, const char *text)
{
	struct port_reply r = {
		.hdr = {.type = PORT_REPLY, .len = sizeof(r), .tag = tag},
		.error = error,
	};

	static_assert(sizeof(r.text) == CP_CONN_TEXT_BYTES, "text of a refusal");
	memcpy(r.text, text, sizeof(r.text));
	cp_conn_send(conn, &r, sizeof(r), NULL, 0);
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
	cp_conn_send(&c->conn, &m, sizeof(m), NULL, 0);
}

static void detach(struct portsock_conn *c)
{
	if (!c->nic)
		return;
	c->conn.lost = true; /* nothing is sent any more */
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
	cp_conn_lose(&c->conn);
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
	c->nic = cp_nic_attach_port(portsock_config(c->ps)->cp, &c->conn.who, user, m->vdev,
				    &c->client, err, err_len);
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
	cp_conn_send(&c->conn, &r, sizeof(r), client_fd, n);
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
		cp_conn_refuse(&c->conn, m.hdr.tag, EPROTO,
			       "ZLN2615E Not an ATTACH of this protocol");
		cp_conn_lose(&c->conn);
		return;
	}
	if (c->nic) {
		cp_conn_refuse(&c->conn, m.hdr.tag, EISCONN,
			       "ZLN2616E This connection is attached already");
		return;
	}
	rc = attach_nic(c, &m, err, sizeof(err));
	if (rc) {
		cp_conn_refuse(&c->conn, m.hdr.tag, rc, "%s", err);
		return;
	}
	c->version = m.version < PORT_VERSION ? m.version : PORT_VERSION;
	c->port = portsock_port_open(kind_of(c), client_fd, &n);
	if (!c->port) {
		cp_conn_refuse(&c->conn, m.hdr.tag, errno,
			       "ZLN2614E No descriptors for another client: %s", strerror(errno));
		cp_conn_lose(&c->conn);
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

static void on_command(struct portsock_conn *c, const void *msg)
{
	struct port_command m;
	struct cp_conn_answer a = {.c = &c->conn};
	char err[128] = "";
	int rc;

	memcpy(&m, msg, sizeof(m));
	a.tag = m.hdr.tag;
	rc = cp_guest_command(c->nic, m.text, sizeof(m.text), m.json == 1, cp_conn_output, &a, err,
			      sizeof(err));
	if (rc)
		cp_conn_refuse(&c->conn, m.hdr.tag, rc, "%s", err);
	else
		answer(c, m.hdr.tag, 0);
}

/* ---- messages ------------------------------------------------------------------------------- */

static size_t bytes(const struct cp_conn *conn, unsigned type)
{
	const struct portsock_conn *c = (const struct portsock_conn *)conn;

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

static void message(struct cp_conn *conn, const void *msg, const int *fds, unsigned nfds)
{
	struct portsock_conn *c = of(conn);
	struct port_hdr hdr;

	(void)fds; /* no message brings any */
	(void)nfds;
	memcpy(&hdr, msg, sizeof(hdr));
	if (hdr.type == PORT_ATTACH || hdr.type == PORT_ATTACH_HIPERS)
		on_attach(c, msg);
	else if (!c->nic)
		cp_conn_refuse(conn, hdr.tag, ENOTCONN, "ZLN2621E ATTACH comes first");
	else if (hdr.type == PORT_COMMAND)
		on_command(c, msg);
	else
		answer(c, hdr.tag, request(c, hdr.type, msg));
}

/* ---- a connection's life ----------------------------------------------------------------------
 */

static void close_conn(struct cp_conn *conn)
{
	struct portsock_conn *c = of(conn);

	detach(c);
	cp_conn_fini(conn);
	portsock_forget(c->ps, c);
	free(c);
}

static const struct cp_conn_ops ops = {
	.longest = PORT_CONTROL_MAX,
	.bytes = bytes,
	.message = message,
	.refused = refused,
	.close = close_conn,
};

struct portsock_conn *portsock_conn_open(struct cp_portsock *ps, int fd,
					 const struct cp_caller *who)
{
	struct portsock_conn *c = calloc(1, sizeof(*c));
	int rc;

	if (!c)
		return NULL;
	c->ps = ps;
	rc = cp_conn_init(&c->conn, portsock_config(ps)->base, fd, who, &ops);
	if (rc == 0)
		return c;
	free(c);
	errno = -rc;
	return NULL;
}
