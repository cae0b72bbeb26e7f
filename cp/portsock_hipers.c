/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HiperSockets on the port socket: what a guest's adapter in another process is on a LAN here
 * (hs.h, "different processes"), and the messages that only such adapters have.
 */
#include <errno.h>
#include <string.h>

#include "cp/portsock_priv.h"

static_assert((int)PORT_MFS_16K == (int)HS_MFS_16K + 1 && (int)PORT_MFS_64K == (int)HS_MFS_64K + 1,
	      "frame sizes as they are");
static_assert((int)PORT_FULL == (int)QDIO_REASON_TARGET_FULL &&
		      (int)PORT_NOBODY == (int)QDIO_REASON_NO_TARGET &&
		      (int)PORT_TOO_BIG == (int)QDIO_REASON_TOO_BIG &&
		      (int)PORT_NOT_VALID == (int)QDIO_REASON_BAD_BUFFER,
	      "reasons as they are");
static_assert((int)PORT_MFS_64K == (int)HS_MFS_COUNT, "all of them");

/* ---- the adapter's other half -------------------------------------------------------------- */

static uint32_t far_receive(void *ctx, const uint8_t **p)
{
	return portsock_port_receive(((struct portsock_conn *)ctx)->port, p);
}

static enum vs_drop far_send(void *ctx, const struct iovec *iov, unsigned n)
{
	return portsock_port_send(((struct portsock_conn *)ctx)->port, iov, n);
}

static void far_results(void *ctx, const uint8_t *reason, unsigned n)
{
	portsock_port_results(((struct portsock_conn *)ctx)->port, reason, n);
}

static void far_want_room(void *ctx, bool want)
{
	portsock_port_want_room(((struct portsock_conn *)ctx)->port, want);
}

static bool far_arm(void *ctx)
{
	return portsock_port_ops.arm(((struct portsock_conn *)ctx)->port);
}

static int far_wait_fd(void *ctx)
{
	return portsock_port_ops.wait_fd(((struct portsock_conn *)ctx)->port);
}

/* One that is longer than a message is not told; no event of an adapter elsewhere is. */
static void far_event(void *ctx, uint8_t command, const void *data, size_t len)
{
	struct portsock_conn *c = ctx;
	struct port_ipa m = {
		.hdr = {.type = PORT_EVENT, .len = sizeof(m)},
		.command = command,
		.len = (uint16_t)len,
	};

	if (len > sizeof(m.data))
		return;
	memcpy(m.data, data, len);
	cp_conn_send(&c->conn, &m, sizeof(m), NULL, 0);
}

void portsock_hipers_open(struct portsock_conn *c)
{
	c->far = (struct hs_far){.receive = far_receive,
				 .send = far_send,
				 .results = far_results,
				 .arm = far_arm,
				 .wait_fd = far_wait_fd,
				 .want_room = far_want_room,
				 .event = far_event,
				 .ctx = c};
	c->client.type = CP_NIC_HIPERS;
	c->client.far = &c->far;
}

uint8_t portsock_hipers_mfs(const struct portsock_conn *c)
{
	return (uint8_t)(cp_nic_mfs(c->nic) + 1);
}

/* ---- messages ------------------------------------------------------------------------------ */

int portsock_hipers_layer3(struct portsock_conn *c, const struct port_layer3 *m)
{
	struct hs_adapter *h = cp_nic_hipers(c->nic);

	switch (m->hdr.type) {
	case PORT_LAYER:
		if (c->started)
			return -EALREADY;
		hs_far_layer(h, m->what);
		return 0;
	case PORT_IP_ADD:
		return hs_iqd_ops.ip_add(h, m->addr, m->what & PORT_IP_TAKEOVER);
	case PORT_IP_DEL:
		hs_iqd_ops.ip_del(h, m->addr);
		return 0;
	default:
		return -EOPNOTSUPP; /* PORT_WANTS says it */
	}
}

int portsock_hipers_set(struct portsock_conn *c, const struct port_hipers *m)
{
	struct hs_adapter *h = cp_nic_hipers(c->nic);

	if (!c->started)
		return -ENOTCONN;
	if (m->hdr.type == PORT_VNICC)
		return hs_iqd_ops.vnicc(h, m->characteristics, m->learning_s);
	hs_iqd_ops.wants(h, m->broadcast != 0, m->routing4, m->routing6);
	return 0;
}

int portsock_hipers_ipa(struct portsock_conn *c, const struct port_ipa *m)
{
	struct port_ipa a = {
		.hdr = {.type = PORT_ANSWER, .len = sizeof(a), .tag = m->hdr.tag},
		.command = m->command,
	};
	size_t len = m->len;

	if (!c->started)
		return -ENOTCONN;
	if (len > sizeof(a.data))
		return -EINVAL;
	memcpy(a.data, m->data, len);
	a.rc = hs_iqd_ops.ipa(cp_nic_hipers(c->nic), m->command, a.data, &len, sizeof(a.data));
	a.len = (uint16_t)len;
	cp_conn_send(&c->conn, &a, sizeof(a), NULL, 0);
	return 0;
}
