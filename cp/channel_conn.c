/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One client of the channel socket: its messages, and its adapter's view of the world
 * (qdio_env_ops).
 *
 *     connected --ATTACH--> attached --end of file, a fault, DETACH NIC--> lost --> closed
 *
 * settled runs from the event loop when no adapter is on the call stack, and brings page.active up
 * to date.
 */
#include "cp/channel_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cp/seqpacket.h"

#define ATTACH_FDS 3
#define PGM_ADDRESSING 5 /* program interruption: address outside storage */

static_assert(CHANNEL_REGIONS_MAX <= CP_SEQPACKET_FDS, "descriptors of ATTACH");

/* ---- sending ----------------------------------------------------------------------------- */

static struct channel_conn *of(struct cp_conn *conn)
{
	return (struct channel_conn *)conn;
}

static void send_reply(struct channel_conn *c, struct channel_reply *r, uint32_t tag)
{
	r->hdr = (struct channel_hdr){.type = CHANNEL_REPLY, .len = sizeof(*r), .tag = tag};
	cp_conn_send(&c->conn, r, sizeof(*r), NULL, 0);
}

static void refused(struct cp_conn *conn, uint32_t tag, int error, const char *text)
{
	struct channel_reply r = {.error = error};

	static_assert(sizeof(r.text) == CP_CONN_TEXT_BYTES, "text of a refusal");
	memcpy(r.text, text, sizeof(r.text));
	send_reply(of(conn), &r, tag);
}

/* ---- what the adapter asks for (qdio_env_ops) --------------------------------------------- */

static void env_interrupt(void *env, unsigned dev, const struct qdio_irb *irb)
{
	struct channel_conn *c = env;
	struct channel_interrupt m = {
		.hdr = {.type = CHANNEL_INTERRUPT, .len = sizeof(m)},
		.dev = (uint8_t)dev,
		.parm = irb->parm,
	};

	static_assert(sizeof(m.scsw) == sizeof(irb->scsw), "SCSW");
	static_assert(sizeof(m.sense) == sizeof(irb->sense), "sense bytes");
	memcpy(m.scsw, &irb->scsw, sizeof(m.scsw));
	memcpy(m.sense, irb->sense, sizeof(m.sense));
	cp_conn_send(&c->conn, &m, sizeof(m), NULL, 0);
	/* The end of a channel program may be the end of the queues. */
	cp_conn_settle(&c->conn);
}

static void env_pci(void *env, unsigned dev)
{
	struct channel_conn *c = env;

	(void)dev; /* only the data subchannel has them */
	channel_signal_raise(&c->signal, CHANNEL_PENDING_PCI);
}

static void env_adapter_interrupt(void *env, unsigned isc)
{
	struct channel_conn *c = env;

	(void)isc; /* the client knows for which it registered */
	channel_signal_raise(&c->signal, CHANNEL_PENDING_AIRQ);
}

static void env_kick(void *env)
{
	struct channel_conn *c = env;
	const struct cp_channel_config *cfg = channel_config(c->ch);

	cfg->kick(cfg->ctx);
}

static const struct qdio_env_ops env_ops = {
	.interrupt = env_interrupt,
	.pci = env_pci,
	.adapter_interrupt = env_adapter_interrupt,
	.kick = env_kick,
};

/* ---- attach and detach --------------------------------------------------------------------- */

/*
 * DETACH NIC or SHUTDOWN, from inside the command: the adapter goes when we return. The storage
 * must outlive it, so the rest is settle's.
 */
static void revoked(void *env)
{
	struct channel_conn *c = env;

	c->nic = NULL;
	c->group = NULL;
	channel_signal_active(&c->signal, false);
	cp_conn_lose(&c->conn);
}

static void detach(struct channel_conn *c)
{
	if (!c->attached)
		return;
	c->conn.lost = true; /* nothing is sent about the adapter's end */
	if (c->nic)
		cp_nic_detach(c->nic);
	c->nic = NULL;
	c->group = NULL;
	channel_storage_unmap(&c->storage);
	channel_signal_close(&c->signal);
	c->attached = false;
}

static int attach_nic(struct channel_conn *c, const struct channel_attach *m, char *err,
		      size_t err_len)
{
	char user[CHANNEL_USER_BYTES + 1];
	struct osa_doorbell bell = {
		.want_kick = (_Atomic uint32_t *)&c->signal.page->want_kick,
		.fd = c->signal.doorbell_fd,
	};
	int rc;

	if (!cp_seqpacket_user(m->user, sizeof(m->user), user)) {
		snprintf(err, err_len, "ZLN2612E Userid missing or invalid in ATTACH");
		return -EINVAL;
	}
	c->nic = cp_nic_attach(channel_config(c->ch)->cp, &c->conn.who, user, m->vdev, &env_ops, c,
			       err, err_len);
	if (!c->nic)
		return -errno;
	osa_set_doorbell(cp_nic_adapter(c->nic), &bell);
	c->group = osa_group(cp_nic_adapter(c->nic));
	rc = qdio_group_set_storage(c->group, &c->storage.map);
	if (rc) {
		snprintf(err, err_len, "ZLN2613E Storage refused: %s", strerror(-rc));
		cp_nic_detach(c->nic);
		c->nic = NULL;
		c->group = NULL;
		return rc;
	}
	cp_nic_set_revoked(c->nic, revoked, c);
	return 0;
}

/* Everything a client has, in order; undone in reverse. */
static int attach(struct channel_conn *c, const struct channel_attach *m, const int *fds,
		  unsigned nfds, char *err, size_t err_len)
{
	const char *why;
	int rc = channel_storage_map(&c->storage, m, fds, nfds, &why);

	if (rc) {
		snprintf(err, err_len, "ZLN2613E Storage refused: %s", why);
		return rc;
	}
	rc = channel_signal_open(&c->signal);
	if (rc) {
		snprintf(err, err_len, "ZLN2614E No descriptors for another client: %s",
			 strerror(-rc));
		goto unmap;
	}
	rc = attach_nic(c, m, err, err_len);
	if (rc)
		goto close_signal;
	c->attached = true;
	return 0;
close_signal:
	channel_signal_close(&c->signal);
unmap:
	channel_storage_unmap(&c->storage);
	return rc;
}

static void send_attached(struct channel_conn *c, const struct channel_attach *m)
{
	const struct qdio_group_config *g = qdio_group_config(c->group);
	struct channel_reply r = {
		.hdr = {.type = CHANNEL_REPLY, .len = sizeof(r), .tag = m->hdr.tag},
		.version = (uint16_t)c->version,
		.chpid = g->chpid,
	};
	int fds[ATTACH_FDS] = {c->signal.doorbell_fd, c->signal.interrupt_fd, c->signal.page_fd};

	memcpy(r.subchannel, g->subchannel, sizeof(r.subchannel));
	memcpy(r.devno, g->devno, sizeof(r.devno));
	cp_conn_send(&c->conn, &r, sizeof(r), fds, ATTACH_FDS);
}

static void on_attach(struct channel_conn *c, const void *msg, const int *fds, unsigned nfds)
{
	struct channel_attach m;
	char err[256] = "";
	int rc;

	memcpy(&m, msg, sizeof(m));
	if (m.magic != CHANNEL_MAGIC || m.version == 0) {
		cp_conn_refuse(&c->conn, m.hdr.tag, EPROTO,
			       "ZLN2615E Not an ATTACH of this protocol");
		cp_conn_lose(&c->conn);
		return;
	}
	if (c->attached) {
		cp_conn_refuse(&c->conn, m.hdr.tag, EISCONN,
			       "ZLN2616E This connection is attached already");
		return;
	}
	c->version = m.version < CHANNEL_VERSION ? m.version : CHANNEL_VERSION;
	rc = attach(c, &m, fds, nfds, err, sizeof(err));
	if (rc)
		cp_conn_refuse(&c->conn, m.hdr.tag, -rc, "%s", err);
	else
		send_attached(c, &m);
}

/* ---- instructions ---------------------------------------------------------------------------- */

static void reply_cc(struct channel_conn *c, const struct channel_hdr *hdr, int cc)
{
	struct channel_reply r = {.cc = cc};

	if (c->group)
		channel_signal_active(&c->signal, qdio_group_state(c->group) == QDIO_ACTIVE);
	send_reply(c, &r, hdr->tag);
}

/* Return: true if dev is one of the triple; else the request is answered: no such subchannel. */
static bool dev_valid(struct channel_conn *c, const struct channel_hdr *hdr, unsigned dev)
{
	if (dev < QDIO_DEVICES)
		return true;
	reply_cc(c, hdr, 3);
	return false;
}

static void on_msch(struct channel_conn *c, const void *msg, const int *fds, unsigned nfds)
{
	struct channel_msch m;

	(void)fds;
	(void)nfds;
	memcpy(&m, msg, sizeof(m));
	if (m.isc > 7)
		cp_conn_refuse(&c->conn, m.hdr.tag, EINVAL,
			       "ZLN2617E Interruption subclass %u is not 0 to 7", m.isc);
	else if (dev_valid(c, &m.hdr, m.dev))
		reply_cc(c, &m.hdr, qdio_msch(c->group, m.dev, m.enabled != 0, m.isc));
}

static void on_ssch(struct channel_conn *c, const void *msg, const int *fds, unsigned nfds)
{
	struct channel_ssch m;
	struct qdio_orb orb;

	(void)fds;
	(void)nfds;
	memcpy(&m, msg, sizeof(m));
	static_assert(sizeof(orb) == sizeof(m.orb), "ORB");
	memcpy(&orb, m.orb, sizeof(orb));
	if (dev_valid(c, &m.hdr, m.dev))
		reply_cc(c, &m.hdr, qdio_ssch(c->group, m.dev, &orb));
}

static void on_hsch(struct channel_conn *c, const void *msg, const int *fds, unsigned nfds)
{
	struct channel_dev m;

	(void)fds;
	(void)nfds;
	memcpy(&m, msg, sizeof(m));
	if (dev_valid(c, &m.hdr, m.dev))
		reply_cc(c, &m.hdr, qdio_hsch(c->group, m.dev));
}

static void on_csch(struct channel_conn *c, const void *msg, const int *fds, unsigned nfds)
{
	struct channel_dev m;

	(void)fds;
	(void)nfds;
	memcpy(&m, msg, sizeof(m));
	if (dev_valid(c, &m.hdr, m.dev))
		reply_cc(c, &m.hdr, qdio_csch(c->group, m.dev));
}

static void on_reset(struct channel_conn *c, const void *msg, const int *fds, unsigned nfds)
{
	struct channel_dev m;

	(void)fds;
	(void)nfds;
	memcpy(&m, msg, sizeof(m));
	qdio_system_reset(c->group);
	reply_cc(c, &m.hdr, 0);
}

/* The block is copied out, executed privately and copied back: spec/qdio.md 8. */
static void on_chsc(struct channel_conn *c, const void *msg, const int *fds, unsigned nfds)
{
	uint8_t block[QDIO_CHSC_BLOCK_BYTES];
	struct channel_chsc m;
	int cc;

	(void)fds;
	(void)nfds;
	memcpy(&m, msg, sizeof(m));
	if (m.addr % QDIO_CHSC_BLOCK_BYTES) {
		reply_cc(c, &m.hdr, -QDIO_PGM_SPECIFICATION);
		return;
	}
	if (qdio_storage_fetch(&c->storage.map, block, m.addr, sizeof(block), 0)) {
		reply_cc(c, &m.hdr, -PGM_ADDRESSING);
		return;
	}
	cc = qdio_chsc(&c->group, 1, block);
	if (qdio_storage_store(&c->storage.map, m.addr, block, sizeof(block), 0))
		cc = -PGM_ADDRESSING;
	reply_cc(c, &m.hdr, cc);
}

static void on_siga(struct channel_conn *c, const void *msg, const int *fds, unsigned nfds)
{
	struct channel_siga m;
	struct channel_reply r = {0};

	(void)fds;
	(void)nfds;
	memcpy(&m, msg, sizeof(m));
	r.gr0 = m.gr0;
	r.cc = qdio_siga(c->group, &r.gr0, m.gr1, m.gr2, m.gr3);
	send_reply(c, &r, m.hdr.tag);
}

/* ---- a command of the guest --------------------------------------------------------------- */

static void on_command(struct channel_conn *c, const void *msg, const int *fds, unsigned nfds)
{
	struct channel_command m;
	struct channel_reply r = {0};
	struct cp_conn_answer a = {.c = &c->conn};

	(void)fds;
	(void)nfds;
	memcpy(&m, msg, sizeof(m));
	a.tag = m.hdr.tag;
	r.error = cp_guest_command(c->nic, m.text, sizeof(m.text), m.json == 1, cp_conn_output, &a,
				   r.text, sizeof(r.text));
	send_reply(c, &r, m.hdr.tag);
}

/* ---- messages ---------------------------------------------------------------------------------
 */

typedef void message_fn(struct channel_conn *c, const void *msg, const int *fds, unsigned nfds);

static const struct {
	size_t len;
	unsigned since; /* of the version spoken; 0: also before ATTACH */
	message_fn *fn;
} messages[] = {
	[CHANNEL_ATTACH] = {sizeof(struct channel_attach), 0, on_attach},
	[CHANNEL_MSCH] = {sizeof(struct channel_msch), 1, on_msch},
	[CHANNEL_SSCH] = {sizeof(struct channel_ssch), 1, on_ssch},
	[CHANNEL_HSCH] = {sizeof(struct channel_dev), 1, on_hsch},
	[CHANNEL_CSCH] = {sizeof(struct channel_dev), 1, on_csch},
	[CHANNEL_CHSC] = {sizeof(struct channel_chsc), 1, on_chsc},
	[CHANNEL_SIGA] = {sizeof(struct channel_siga), 1, on_siga},
	[CHANNEL_RESET] = {sizeof(struct channel_dev), 1, on_reset},
	[CHANNEL_COMMAND] = {sizeof(struct channel_command), 2, on_command},
};

static size_t bytes(const struct cp_conn *conn, unsigned type)
{
	const struct channel_conn *c = (const struct channel_conn *)conn;

	if (type >= sizeof(messages) / sizeof(messages[0]) ||
	    (c->attached && messages[type].since > c->version))
		return 0;
	return messages[type].len;
}

static void message(struct cp_conn *conn, const void *msg, const int *fds, unsigned nfds)
{
	struct channel_conn *c = of(conn);
	struct channel_hdr hdr;

	memcpy(&hdr, msg, sizeof(hdr));
	if (!c->attached && messages[hdr.type].since)
		cp_conn_refuse(conn, hdr.tag, ENOTCONN, "ZLN2621E ATTACH comes first");
	else
		messages[hdr.type].fn(c, msg, fds, nfds);
}

/* ---- a connection's life ------------------------------------------------------------------------
 */

static void settled(struct cp_conn *conn)
{
	struct channel_conn *c = of(conn);

	if (c->group)
		channel_signal_active(&c->signal, qdio_group_state(c->group) == QDIO_ACTIVE);
}

static void close_conn(struct cp_conn *conn)
{
	struct channel_conn *c = of(conn);

	detach(c);
	cp_conn_fini(conn);
	channel_forget(c->ch, c);
	free(c);
}

static const struct cp_conn_ops ops = {
	.longest = CHANNEL_MSG_MAX,
	.bytes = bytes,
	.message = message,
	.refused = refused,
	.settled = settled,
	.close = close_conn,
};

struct channel_conn *channel_conn_open(struct cp_channel *ch, int fd, const struct cp_caller *who)
{
	struct channel_conn *c = calloc(1, sizeof(*c));
	int rc;

	if (!c)
		return NULL;
	c->ch = ch;
	rc = cp_conn_init(&c->conn, channel_config(ch)->base, fd, who, &ops);
	if (rc == 0)
		return c;
	free(c);
	errno = -rc;
	return NULL;
}
