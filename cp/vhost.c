/* SPDX-License-Identifier: Apache-2.0 */
/*
 * NICs of TYPE VHOST. Theory of operation:
 *
 * The NIC has a vhost-user socket in zland's directory from its definition to its end
 * (host/dpdk/vhost.c serves it). When a guest's driver has its queues up, the guest attaches to the
 * NIC, which then behaves as with any other guest: coupled, the port is started on it. When
 * the driver or the guest goes, it is detached. The data path looks after itself meanwhile: what
 * is told here may be late.
 *
 * Trust: DPDK shows no credentials of who connects, so the socket's access list decides
 * (cp/sockacl.c): the accounts of the NIC's user, zland's own, and root.
 *
 * Threads: all on the control thread.
 */
#include "cp/vhost.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cp/cp_priv.h"
#include "cp/dpdk.h"
#include "cp/sockacl.h"
#include "host/dpdk.h"

#define PATH_BYTES 256

struct cp_vhost {
	const struct cp_vhost_config *cfg;
	struct cp *cp;
	char user[CP_NAME_BYTES];
	uint16_t vdev;
	char path[PATH_BYTES];
	const struct host_dpdk *api;
	struct host_vhost *port;
	struct event *event;
	struct cp_nic_client client;
	struct cp_nic *nic; /* a guest is attached */
	bool started;
};

static void say(const struct cp_vhost *s, const char *what, const char *why)
{
	char line[512];

	snprintf(line, sizeof(line), "ZLN2628W %s-%04X.vhost: %s%s", s->user, s->vdev, what, why);
	s->cfg->log(s->cfg->ctx, line);
}

/* ---- what the NIC tells (cp_nic_client) ------------------------------------------------------ */

static void start(struct cp_vhost *s)
{
	struct vs_link link;
	int rc;

	if (s->started || !cp_nic_link(s->nic, &link))
		return;
	rc = link.ops->start(link.ctx, s->api->vhost_ops, s->port);
	s->started = rc == 0;
	if (rc)
		say(s, "the switch refuses it: ", strerror(-rc));
}

static void coupled(void *ctx, bool on)
{
	struct cp_vhost *s = ctx;
	struct vs_link link;

	if (on) {
		start(s);
		return;
	}
	if (s->started && cp_nic_link(s->nic, &link))
		link.ops->stop(link.ctx);
	s->started = false;
}

static void detach(struct cp_vhost *s)
{
	if (!s->nic)
		return;
	cp_nic_detach(s->nic);
	s->nic = NULL;
	s->started = false;
}

static void revoked(void *ctx)
{
	detach(ctx);
}

static unsigned queue_pairs(void *ctx)
{
	const struct cp_vhost *s = ctx;

	return s->api->vhost_pairs(s->port);
}

/* ---- guests ------------------------------------------------------------------------------------
 */

static void attach(struct cp_vhost *s)
{
	static const struct cp_caller who = {.user = "OPERATOR", .class_b = true};
	char err[256] = "";

	s->client = (struct cp_nic_client){
		.kind = "vhost-user",
		.type = CP_NIC_VHOST,
		.queue_pairs = queue_pairs,
		.coupled = coupled,
		.revoked = revoked,
		.ctx = s,
	};
	s->nic = cp_nic_attach_port(s->cp, &who, s->user, s->vdev, &s->client, err, sizeof(err));
	if (s->nic)
		start(s);
	else
		say(s, "a guest was refused: ", err);
}

static void changed(evutil_socket_t fd, short what, void *ctx)
{
	struct cp_vhost *s = ctx;
	bool up = s->api->vhost_up(s->port);

	(void)fd;
	(void)what;
	if (up && !s->nic)
		attach(s);
	else if (!up)
		detach(s);
}

/* ---- a socket's life ----------------------------------------------------------------------------
 */

/* Where there are no access lists: zland's account, and root. */
void cp_vhost_access(struct cp_vhost *s)
{
	int rc = chmod(s->path, 0600) < 0 ? -errno : cp_sockacl_set(s->cp, s->user, s->path);

	if (rc)
		say(s, "only zland's account may connect: ", strerror(-rc));
}

/* Return: 0, or -1, errno and a text. */
static int open_port(struct cp_vhost *s, char *err, size_t err_len)
{
	s->api = cp_dpdk_get(s->cfg->dpdk, "", err, err_len);
	if (!s->api)
		return -1;
	snprintf(s->path, sizeof(s->path), "%s/%s-%04X.vhost", s->cfg->dir, s->user, s->vdev);
	s->port = s->api->vhost_open(s->path, err, err_len);
	if (!s->port)
		return -1;
	cp_vhost_access(s);
	s->event = event_new(s->cfg->base, s->api->vhost_event_fd(s->port), EV_READ | EV_PERSIST,
			     changed, s);
	if (s->event && event_add(s->event, NULL) == 0)
		return 0;
	snprintf(err, err_len, "out of memory");
	errno = ENOMEM;
	return -1;
}

struct cp_vhost *cp_vhost_open(const struct cp_vhost_config *cfg, struct cp *cp, const char *user,
			       uint16_t vdev, char *err, size_t err_len)
{
	struct cp_vhost *s = calloc(1, sizeof(*s));
	int saved;

	if (!s) {
		snprintf(err, err_len, "out of memory");
		return NULL;
	}
	s->cfg = cfg;
	s->cp = cp;
	s->vdev = vdev;
	snprintf(s->user, sizeof(s->user), "%s", user);
	if (open_port(s, err, err_len) == 0)
		return s;
	saved = errno;
	cp_vhost_close(s);
	errno = saved;
	return NULL;
}

void cp_vhost_close(struct cp_vhost *s)
{
	detach(s);
	if (s->event)
		event_free(s->event);
	if (s->port)
		s->api->vhost_close(s->port);
	free(s);
}
