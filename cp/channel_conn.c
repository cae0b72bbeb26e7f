/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One client of the channel socket: its messages, and its adapter's view of the world
 * (qdio_env_ops).
 *
 *     connected --ATTACH--> attached --end of file, a fault, DETACH NIC--> lost --> closed
 *
 * Two kinds of faults: a message that is not one (length, type of the wrong side, descriptors
 * lost on the way) ends the connection after a reply that says so; a request that is refused is
 * only answered. settle runs from the event loop when no adapter is on the call stack: it
 * closes a lost connection and brings page.active up to date.
 */
#include "cp/channel_priv.h"

#include <errno.h>
#include <event2/event.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cp/seqpacket.h"

#define MESSAGES_PER_TURN 32 /* then the other clients have theirs */
#define ATTACH_FDS 3
#define PGM_ADDRESSING 5 /* program interruption: address outside storage */

static_assert(CHANNEL_REGIONS_MAX <= CP_SEQPACKET_FDS, "descriptors of ATTACH");

/* ---- sending ----------------------------------------------------------------------------- */

/* The client is to be dropped, not here but when the stack has unwound. */
static void lose(struct channel_conn *c)
{
	c->lost = true;
	event_del(c->readable);
	event_active(c->settle, EV_TIMEOUT, 0);
}

/* Who does not read is lost. */
static void send_message(struct channel_conn *c, const void *msg, size_t len, const int *fds,
			 unsigned nfds)
{
	if (!c->lost && cp_seqpacket_send(c->fd, msg, len, fds, nfds))
		lose(c);
}

static void send_reply(struct channel_conn *c, struct channel_reply *r, uint32_t tag)
{
	r->hdr = (struct channel_hdr){.type = CHANNEL_REPLY, .len = sizeof(*r), .tag = tag};
	send_message(c, r, sizeof(*r), NULL, 0);
}

static void __attribute__((format(printf, 4, 5)))
refuse(struct channel_conn *c, uint32_t tag, int error, const char *fmt, ...)
{
	struct channel_reply r = {.error = error};
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(r.text, sizeof(r.text), fmt, ap);
	va_end(ap);
	send_reply(c, &r, tag);
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
	send_message(c, &m, sizeof(m), NULL, 0);
	/* The end of a channel program may be the end of the queues. */
	event_active(c->settle, EV_TIMEOUT, 0);
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
	lose(c);
}

static void detach(struct channel_conn *c)
{
	if (!c->attached)
		return;
	c->lost = true; /* nothing is sent about the adapter's end */
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
	c->nic = cp_nic_attach(channel_config(c->ch)->cp, &c->who, user, m->vdev, &env_ops, c, err,
			       err_len);
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
	send_message(c, &r, sizeof(r), fds, ATTACH_FDS);
}

static void on_attach(struct channel_conn *c, const void *msg, const int *fds, unsigned nfds)
{
	struct channel_attach m;
	char err[256] = "";
	int rc;

	memcpy(&m, msg, sizeof(m));
	if (m.magic != CHANNEL_MAGIC || m.version == 0) {
		refuse(c, m.hdr.tag, EPROTO, "ZLN2615E Not an ATTACH of this protocol");
		lose(c);
		return;
	}
	if (c->attached) {
		refuse(c, m.hdr.tag, EISCONN, "ZLN2616E This connection is attached already");
		return;
	}
	c->version = m.version < CHANNEL_VERSION ? m.version : CHANNEL_VERSION;
	rc = attach(c, &m, fds, nfds, err, sizeof(err));
	if (rc)
		refuse(c, m.hdr.tag, -rc, "%s", err);
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
		refuse(c, m.hdr.tag, EINVAL, "ZLN2617E Interruption subclass %u is not 0 to 7",
		       m.isc);
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

struct answer {
	struct channel_conn *c;
	uint32_t tag;
};

static void send_output(void *ctx, enum cp_guest_output what, const char *p, size_t n)
{
	const struct answer *a = ctx;
	struct channel_output m = {.what = (uint8_t)what};

	while (n) {
		size_t part = n < sizeof(m.text) ? n : sizeof(m.text);
		size_t len = offsetof(struct channel_output, text) + part;

		m.hdr = (struct channel_hdr){CHANNEL_OUTPUT, (uint16_t)len, a->tag};
		memcpy(m.text, p, part);
		send_message(a->c, &m, len, NULL, 0);
		p += part;
		n -= part;
	}
}

static void on_command(struct channel_conn *c, const void *msg, const int *fds, unsigned nfds)
{
	struct channel_command m;
	struct channel_reply r = {0};
	struct answer a = {.c = c};

	(void)fds;
	(void)nfds;
	memcpy(&m, msg, sizeof(m));
	a.tag = m.hdr.tag;
	if (c->version < 2) {
		refuse(c, m.hdr.tag, EOPNOTSUPP, "ZLN2619E Message type %u is unknown", m.hdr.type);
		return;
	}
	r.error = cp_guest_command(c->nic, m.text, sizeof(m.text), m.json == 1, send_output, &a,
				   r.text, sizeof(r.text));
	send_reply(c, &r, m.hdr.tag);
}

/* ---- messages ---------------------------------------------------------------------------------
 */

typedef void message_fn(struct channel_conn *c, const void *msg, const int *fds, unsigned nfds);

static const struct {
	size_t len;
	bool anytime; /* also before ATTACH */
	message_fn *fn;
} messages[] = {
	[CHANNEL_ATTACH] = {sizeof(struct channel_attach), true, on_attach},
	[CHANNEL_MSCH] = {sizeof(struct channel_msch), false, on_msch},
	[CHANNEL_SSCH] = {sizeof(struct channel_ssch), false, on_ssch},
	[CHANNEL_HSCH] = {sizeof(struct channel_dev), false, on_hsch},
	[CHANNEL_CSCH] = {sizeof(struct channel_dev), false, on_csch},
	[CHANNEL_CHSC] = {sizeof(struct channel_chsc), false, on_chsc},
	[CHANNEL_SIGA] = {sizeof(struct channel_siga), false, on_siga},
	[CHANNEL_RESET] = {sizeof(struct channel_dev), false, on_reset},
	[CHANNEL_COMMAND] = {sizeof(struct channel_command), false, on_command},
};

void channel_conn_message(struct channel_conn *c, const void *msg, size_t len, const int *fds,
			  unsigned nfds)
{
	struct channel_hdr hdr = {0};

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
	if (hdr.type >= sizeof(messages) / sizeof(messages[0]) || !messages[hdr.type].fn) {
		refuse(c, hdr.tag, EOPNOTSUPP, "ZLN2619E Message type %u is unknown", hdr.type);
		return;
	}
	if (len != messages[hdr.type].len) {
		refuse(c, hdr.tag, EPROTO, "ZLN2620E Message type %u has %zu bytes, not %zu",
		       hdr.type, messages[hdr.type].len, len);
		lose(c);
		return;
	}
	if (!c->attached && !messages[hdr.type].anytime) {
		refuse(c, hdr.tag, ENOTCONN, "ZLN2621E ATTACH comes first");
		return;
	}
	messages[hdr.type].fn(c, msg, fds, nfds);
}

/* ---- receiving --------------------------------------------------------------------------------
 */

/* Return: true if there may be another message. */
static bool receive_one(struct channel_conn *c)
{
	_Alignas(8) uint8_t buf[CHANNEL_MSG_MAX];
	struct cp_seqpacket m;
	int rc = cp_seqpacket_receive(c->fd, buf, sizeof(buf), &m);

	if (rc < 0)
		lose(c);
	if (rc <= 0)
		return false;
	if (m.cut) {
		refuse(c, 0, EMSGSIZE, "ZLN2622E Message or its descriptors were cut off");
		lose(c);
	} else {
		channel_conn_message(c, buf, m.len, m.fds, m.nfds);
	}
	cp_seqpacket_close_fds(&m);
	return !c->lost;
}

static void readable(evutil_socket_t fd, short what, void *ctx)
{
	struct channel_conn *c = ctx;

	(void)fd;
	(void)what;
	for (unsigned i = 0; i < MESSAGES_PER_TURN; i++)
		if (!receive_one(c))
			break;
}

static void settle(evutil_socket_t fd, short what, void *ctx)
{
	struct channel_conn *c = ctx;

	(void)fd;
	(void)what;
	if (c->lost)
		channel_conn_close(c);
	else if (c->group)
		channel_signal_active(&c->signal, qdio_group_state(c->group) == QDIO_ACTIVE);
}

/* ---- a connection's life ------------------------------------------------------------------------
 */

struct channel_conn *channel_conn_open(struct cp_channel *ch, int fd, const struct cp_caller *who)
{
	struct event_base *base = channel_config(ch)->base;
	struct channel_conn *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->ch = ch;
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

void channel_conn_close(struct channel_conn *c)
{
	detach(c);
	event_free(c->readable);
	event_free(c->settle);
	close(c->fd);
	channel_forget(c->ch, c);
	free(c);
}
