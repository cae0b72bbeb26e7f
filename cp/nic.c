/* SPDX-License-Identifier: Apache-2.0 */
/*
 * NICs: the adapters of users, and the guests that attach to them.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cp/cp_priv.h"

#define DEFAULT_CHPID 0x01

struct cp_nic *cp_nic_find(struct cp *cp, const char *user, uint16_t vdev)
{
	struct cp_user *u = cp_user_find(cp, user);
	struct cp_nic *nic = NULL;

	if (u)
		HASH_FIND(hh, u->nics, &vdev, sizeof(vdev), nic);
	return nic;
}

/* The NIC that has one of the device numbers, or NULL. */
struct cp_nic *cp_nic_overlap(struct cp *cp, const char *user, uint32_t vdev, uint32_t devices)
{
	struct cp_user *u = cp_user_find(cp, user);

	for (struct cp_nic *nic = u ? u->nics : NULL; nic; nic = nic->hh.next)
		if (vdev < (uint32_t)nic->vdev + nic->devices && nic->vdev < vdev + devices)
			return nic;
	return NULL;
}

/* The lowest index no other NIC of the user has. */
static unsigned free_index(const struct cp_user *u)
{
	unsigned index = 0;
	const struct cp_nic *nic = u->nics;

	while (nic) {
		if (nic->index == index) {
			index++;
			nic = u->nics;
		} else {
			nic = nic->hh.next;
		}
	}
	return index;
}

/*
 * The device numbers are known to be free.
 * @assign: an address too; else cp_mac_set follows.
 * Return: the NIC, or NULL and errno (ENOSPC: too many).
 */
struct cp_nic *cp_nic_create(struct cp *cp, const char *user, uint16_t vdev, uint16_t devices,
			     bool assign)
{
	struct cp_user *u;
	struct cp_nic *nic;

	errno = ENOSPC;
	if (cp->n_nics >= CP_NICS_MAX)
		return NULL;
	u = cp_user_get(cp, user);
	if (!u)
		return NULL;
	nic = calloc(1, sizeof(*nic));
	if (!nic) {
		cp_user_put(cp, u);
		return NULL;
	}
	nic->cp = cp;
	nic->user = u;
	nic->vdev = vdev;
	nic->devices = devices;
	nic->index = free_index(u);
	nic->macprotect = CP_UNSPECIFIED;
	nic->pqueue = 1;
	nic->policy.type = CP_PORT_UNSET;
	snprintf(nic->name, sizeof(nic->name), "%s/%04X", u->name, vdev);
	if (assign && cp_mac_assign(cp, &nic->mac, nic->name) < 0) {
		free(nic);
		cp_user_put(cp, u);
		errno = EADDRNOTAVAIL;
		return NULL;
	}
	HASH_ADD(hh, u->nics, vdev, sizeof(nic->vdev), nic);
	cp->n_nics++;
	return nic;
}

static const char *const type_names[] = {"QDIO", "STREAM", "DGRAM", "VHOST", "HIPERS", "CTCA"};

const char *cp_nic_type_name(const struct cp_nic *nic)
{
	return type_names[nic->type];
}

/* Of a new NIC. Return: 0, or -1 and a text. */
int cp_nic_set_type(struct cp_nic *nic, enum cp_nic_type type, char *err, size_t err_len)
{
	const struct cp_hooks *h = &nic->cp->hooks;

	nic->type = type;
	if (type == CP_NIC_QDIO || type == CP_NIC_HIPERS || type == CP_NIC_CTCA ||
	    !h->open_socket || nic->cp->check)
		return 0;
	nic->socket = h->open_socket(h->ctx, nic->user->name, nic->vdev, type, err, err_len);
	free(nic->no_socket);
	nic->no_socket = nic->socket ? NULL : strdup(err);
	return nic->socket ? 0 : -1;
}

/* The accounts of a user have changed. */
void cp_nic_sockets_access(struct cp *cp, const char *user)
{
	const struct cp_user *u = cp_user_find(cp, user);
	const struct cp_hooks *h = &cp->hooks;

	for (const struct cp_nic *nic = u ? u->nics : NULL; nic; nic = nic->hh.next)
		if (nic->socket && h->socket_access)
			h->socket_access(h->ctx, nic->socket, nic->type);
}

/* The client must be told before its adapter goes; it may detach by itself. */
static void revoke(struct cp_nic *nic)
{
	if (nic->osa && nic->revoked)
		nic->revoked(nic->env);
	else if (nic->client)
		nic->client->revoked(nic->client->ctx);
	cp_nic_detach(nic);
}

void cp_nic_destroy(struct cp_nic *nic)
{
	struct cp *cp = nic->cp;
	struct cp_user *u = nic->user;

	revoke(nic);
	cp_guestuplink_gone(nic);
	if (nic->socket)
		cp->hooks.close_socket(cp->hooks.ctx, nic->socket, nic->type);
	cp_uncouple(nic);
	cp_wire_drop(nic);
	cp_mac_release(cp, &nic->mac);
	HASH_DELETE(hh, u->nics, nic);
	free(nic->no_socket);
	free(nic);
	cp->n_nics--;
	cp_user_put(cp, u);
}

/* What is the switch's to enforce elsewhere is done by HiperSockets themselves. */
static void hipers_rights(const struct cp_nic *nic)
{
	bool lan_protects = nic->lan->macprotect == CP_UNSPECIFIED ? nic->cp->vmlan.macprotect
								   : nic->lan->macprotect == CP_ON;
	uint8_t mac[6];

	if (!nic->hs)
		return;
	cp_mac_bytes(&nic->mac, mac);
	hs_watch(nic->hs, nic->connected.promisc, nic->promisc);
	hs_protect(nic->hs, mac,
		   nic->macprotect == CP_UNSPECIFIED ? lan_protects : nic->macprotect == CP_ON);
}

/* Hand changed attributes to the port of a coupled NIC. */
void cp_nic_configure(struct cp_nic *nic)
{
	struct vs_port_config cfg;
	int rc;

	if (!nic->port || nic->wire || nic->uplink_of)
		return;
	nic->connected = cp_effective(nic, nic->lan);
	cp_mirror_apply(nic->lan);
	cp_port_config(nic, nic->lan, &nic->connected, &cfg);
	hipers_rights(nic);
	rc = vs_port_configure(nic->port, &cfg);
	if (rc < 0)
		cp_log(nic->cp, "ZLN2511E NIC %s: change of its port failed: %s", nic->name,
		       strerror(-rc));
}

/* Is anybody at the other end of the cable? */
bool cp_nic_attached(const struct cp_nic *nic)
{
	return nic->osa || nic->client;
}

/* Is the network the one of the NIC's NICDEF? */
bool cp_nic_follows(const struct cp_nic *nic, const struct cp_lan *lan)
{
	return strcmp(nic->lan_owner, lan->owner) == 0 && strcmp(nic->lan_name, lan->name) == 0;
}

/* ---- attaching -------------------------------------------------------------------- */

static void adapter_config(const struct cp_nic *nic, struct osa_config *cfg)
{
	*cfg = (struct osa_config){
		.chpid = nic->has_chpid			   ? nic->chpid
			 : nic->lan && nic->lan->has_chpid ? nic->lan->chpid
							   : DEFAULT_CHPID,
		.unit_addr = 2,
		.thin_interrupts = true,
	};
	for (unsigned i = 0; i < QDIO_DEVICES; i++) {
		cfg->subchannel[i] = (uint16_t)(QDIO_DEVICES * nic->index + i);
		cfg->devno[i] = (uint16_t)(nic->vdev + i);
	}
	cp_mac_bytes(&nic->mac, cfg->mac);
	snprintf(cfg->name, sizeof(cfg->name), "%s", nic->user->name);
}

static struct cp_nic *refuse(int error, char *err, size_t err_len, enum cp_msg m, const char *a,
			     const char *b, const char *c)
{
	char text[256];

	cp_message_text(text, sizeof(text), m, a, b, c);
	snprintf(err, err_len, "ZLN%04uE %s", cp_message(m)->number, text);
	errno = error;
	return NULL;
}

/*
 * The NIC a client may attach to now. @channel: its adapter is to be made here.
 * Return: it, or NULL, errno and a reason.
 */
static struct cp_nic *find_free(struct cp *cp, const struct cp_caller *who, const char *user,
				uint16_t vdev, enum cp_nic_type type, bool channel, char *err,
				size_t err_len)
{
	struct cp_nic *nic;
	char name[32], you[32], statement[32];

	if (!cp_name_ok(user))
		return refuse(EINVAL, err, err_len, CP_E_BAD_USER, "of the client", NULL, NULL);
	snprintf(name, sizeof(name), "%s/%04X", user, vdev);
	if (!cp_caller_may(cp, who, user)) {
		snprintf(you, sizeof(you), "%s uid %u", who->user, who->uid);
		snprintf(statement, sizeof(statement), "%s UID %u", user, who->uid);
		return refuse(EPERM, err, err_len, CP_E_NOT_YOURS, name, you, statement);
	}
	nic = cp_nic_find(cp, user, vdev);
	if (!nic)
		return refuse(ENOENT, err, err_len, CP_E_NO_DEVICE, name, NULL, NULL);
	if (nic->type != type && !(channel && nic->type == CP_NIC_HIPERS) &&
	    !(type == CP_NIC_QDIO && nic->type == CP_NIC_CTCA))
		return refuse(ENODEV, err, err_len, CP_E_OTHER_TYPE, name, cp_nic_type_name(nic),
			      nic->type == CP_NIC_QDIO || nic->type == CP_NIC_CTCA
				      ? "the channel or port socket"
			      : nic->type == CP_NIC_HIPERS
				      ? "the channel socket, or the port socket as HiperSockets"
				      : "the NIC's own socket");
	if (cp_nic_attached(nic))
		return refuse(EBUSY, err, err_len, CP_E_ATTACHED, name, "end that guest first",
			      NULL);
	cp_guestuplink_came(nic);
	return nic;
}

static bool adapter_create(struct cp_nic *nic, const struct osa_config *cfg,
			   const struct qdio_env_ops *env_ops, void *env)
{
	/* A signal is a doorbell here: the worker that it wakes delivers. */
	const struct hs_config hs = {.osa = *cfg, .worker = true, .completion = true};

	if (nic->type != CP_NIC_HIPERS) {
		nic->osa = osa_create(cfg, env_ops, env);
		return nic->osa;
	}
	nic->hs = hs_create(&hs, env_ops, env);
	nic->osa = nic->hs ? hs_osa(nic->hs) : NULL;
	return nic->osa;
}

/* Plug the adapter, if there is one here, into the NIC's port, or pull it out. */
static void adapter_plug(struct cp_nic *nic, bool in)
{
	struct vs_link link;

	if (in)
		link = vs_port_link(nic->port);
	if (nic->hs) {
		if (in)
			hipers_rights(nic);
		hs_plug(nic->hs, in ? nic->lan->hs : NULL, in ? &link : NULL);
	} else if (nic->osa) {
		osa_set_link(nic->osa, in ? &link : NULL);
	}
}

void cp_nic_plug(struct cp_nic *nic, bool in)
{
	if (!in && nic->client)
		nic->client->coupled(nic->client->ctx, false);
	adapter_plug(nic, in);
	if (in && nic->client)
		nic->client->coupled(nic->client->ctx, true);
}

struct cp_nic *cp_nic_attach(struct cp *cp, const struct cp_caller *who, const char *user,
			     uint16_t vdev, const struct qdio_env_ops *env_ops, void *env,
			     char *err, size_t err_len)
{
	struct cp_nic *nic = find_free(cp, who, user, vdev, CP_NIC_QDIO, true, err, err_len);
	struct osa_config cfg;

	if (!nic)
		return NULL;
	adapter_config(nic, &cfg);
	if (!adapter_create(nic, &cfg, env_ops, env))
		return refuse(errno, err, err_len, CP_E_SYSTEM, nic->name, strerror(errno), NULL);
	nic->env = env;
	nic->revoked = NULL;
	if (nic->port)
		adapter_plug(nic, true);
	else
		cp_couple_default(nic);
	cp_log(cp, "ZLN2520I NIC %s: a guest has attached", nic->name);
	return nic;
}

/* Of a guest whose queues are in another process. */
static bool far_create(struct cp_nic *nic, const struct hs_far *far)
{
	struct hs_config cfg = {0};

	adapter_config(nic, &cfg.osa);
	nic->hs = hs_far_create(&cfg, far);
	if (!nic->hs)
		return false;
	if (nic->port)
		adapter_plug(nic, true);
	return true;
}

struct cp_nic *cp_nic_attach_port(struct cp *cp, const struct cp_caller *who, const char *user,
				  uint16_t vdev, const struct cp_nic_client *client, char *err,
				  size_t err_len)
{
	struct cp_nic *nic = find_free(cp, who, user, vdev, client->type, false, err, err_len);

	if (!nic)
		return NULL;
	cp_couple_default(nic); /* before the client is there to be told */
	if (client->far && !far_create(nic, client->far))
		return refuse(errno, err, err_len, CP_E_SYSTEM, nic->name, strerror(errno), NULL);
	nic->client = client;
	cp_log(cp, "ZLN2520I NIC %s: a guest has attached (%s)", nic->name, client->kind);
	return nic;
}

bool cp_nic_link(struct cp_nic *nic, struct vs_link *link)
{
	if (!nic->port)
		return false;
	*link = nic->hs ? hs_link(nic->hs) : vs_port_link(nic->port);
	return true;
}

struct hs_adapter *cp_nic_hipers(struct cp_nic *nic)
{
	return nic->hs;
}

int cp_nic_mfs(const struct cp_nic *nic)
{
	return nic->hs && nic->lan ? (int)nic->lan->mfs : -1;
}

void cp_nic_tick(struct cp_nic *nic, uint64_t now_ms)
{
	if (nic->osa)
		osa_tick(nic->osa, now_ms);
	else if (nic->hs)
		hs_iqd_ops.tick(nic->hs, now_ms);
}

void cp_nic_mac(const struct cp_nic *nic, uint8_t mac[6])
{
	cp_mac_bytes(&nic->mac, mac);
}

struct osa *cp_nic_adapter(struct cp_nic *nic)
{
	return nic->osa;
}

void cp_nic_detach(struct cp_nic *nic)
{
	struct vs_link link;

	if (!cp_nic_attached(nic))
		return;
	if (nic->client && cp_nic_link(nic, &link))
		link.ops->stop(link.ctx);
	if (nic->hs)
		hs_destroy(nic->hs);
	else
		osa_destroy(nic->osa);
	nic->hs = NULL;
	nic->osa = NULL;
	nic->client = NULL;
	nic->env = NULL;
	nic->revoked = NULL;
	cp_log(nic->cp, "ZLN2521I NIC %s: the guest has gone", nic->name);
}

void cp_nic_set_revoked(struct cp_nic *nic, void (*fn)(void *env), void *env)
{
	nic->revoked = fn;
	nic->env = env;
}
