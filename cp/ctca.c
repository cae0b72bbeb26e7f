/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CTCAs: channel-to-channel adapters, two of which are a link between two guests. DEFINE CTCA,
 * QUERY CTCA, and what COUPLE and UNCOUPLE do with them.
 *
 * Here a CTCA is a device that guests attach to as they do to a NIC, on the port socket or the
 * channel socket; its cable ends at another one in place of a network. The joint is a switch of
 * two ports that looks nothing up (VS_KIND_WIRE). It is made by COUPLE and gone as soon as one end
 * is. Source: spec/zvm-networking.md 2.6.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cp/cp_priv.h"

/* ---- the wire --------------------------------------------------------------------- */

static struct cp_nic *wire_peer(const struct cp_nic *nic)
{
	return nic->wire ? nic->wire->end[nic->wire->end[0] == nic] : NULL;
}

/* Return: 0 or -errno. */
static int make_port(struct cp_nic *nic, struct cp_wire *w)
{
	struct vs_port_config cfg = {.role = VS_ROLE_GUEST};
	struct cp *cp = nic->cp;

	snprintf(cfg.name, sizeof(cfg.name), "%s", nic->name);
	cp_mac_bytes(&nic->mac, cfg.own_mac);
	nic->port = vs_port_create(w->sw, &cfg);
	if (!nic->port)
		return -errno;
	cp_worker_place(cp, nic->port, nic->worker);
	return 0;
}

static void destroy_port(struct cp_nic *nic)
{
	vs_port_destroy(nic->port);
	nic->port = NULL;
}

/* Join two that are not coupled. Return: 0 or -errno. */
static int wire_couple(struct cp_nic *a, struct cp_nic *b)
{
	struct vs_switch_config cfg = {.kind = VS_KIND_WIRE};
	struct cp_wire *w = calloc(1, sizeof(*w));
	int rc = -ENOMEM;

	if (!w)
		return rc;
	snprintf(cfg.name, sizeof(cfg.name), "CTCA");
	w->sw = vs_switch_create(&cfg);
	if (!w->sw)
		goto free_wire;
	rc = make_port(a, w);
	if (rc)
		goto destroy_switch;
	rc = make_port(b, w);
	if (rc)
		goto destroy_port;
	w->end[0] = a;
	w->end[1] = b;
	a->wire = b->wire = w;
	if (a->cp->hooks.appeared)
		a->cp->hooks.appeared(a->cp->hooks.ctx, w->sw);
	cp_log(a->cp, "ZLN2526I CTCA %s COUPLE TO %s", a->name, b->name);
	cp_log(a->cp, "ZLN2526I CTCA %s COUPLE BY %s", b->name, a->name);
	cp_nic_plug(a, true);
	cp_nic_plug(b, true);
	return 0;
destroy_port:
	destroy_port(a);
destroy_switch:
	vs_switch_destroy(w->sw);
free_wire:
	free(w);
	return rc;
}

/* Both ends are free again. */
void cp_wire_drop(struct cp_nic *nic)
{
	struct cp_wire *w = nic->wire;

	if (!w)
		return;
	for (unsigned i = 0; i < 2; i++)
		cp_nic_plug(w->end[i], false);
	for (unsigned i = 0; i < 2; i++) {
		struct cp_nic *end = w->end[i];

		cp_log(end->cp, "ZLN2527I CTCA %s DROP FROM %s", end->name, w->end[!i]->name);
		cp_forget(end->cp, w->sw, end->port);
		destroy_port(end);
		end->wire = NULL;
	}
	cp_forget(nic->cp, w->sw, NULL);
	vs_switch_destroy(w->sw);
	free(w);
}

/* ---- statements that make them again ---------------------------------------------- */

void cp_ctca_print(FILE *f, const struct cp_nic *nic)
{
	fprintf(f, "DEFINE CTCA %s USER %s SYSMACID %06X\n", nic->name, nic->peer_user,
		nic->mac.id);
}

void cp_wire_print(FILE *f, const struct cp_nic *nic)
{
	const struct cp_nic *peer = wire_peer(nic);

	if (peer && nic->wire->end[0] == nic)
		fprintf(f, "COUPLE %s TO %s %04X\n", nic->name, peer->user->name, peer->vdev);
}

/* ---- DEFINE CTCA ------------------------------------------------------------------ */

/* Whose: userid/vdev names another's. Return: the userid, or NULL after a message. */
static const char *owner(struct cp_run *run)
{
	const char *named = run->args->v[CP_OP_VDEV].word;
	const char *user = *named ? named : run->who->user;

	if (cp_need_right(run, user) < 0)
		return NULL;
	return user;
}

static int define_check(struct cp_run *run, const char *user)
{
	const struct cp_value *v = run->args->v;
	const struct cp_nic *nic = cp_nic_overlap(run->cp, user, v[CP_OP_VDEV].num, 1);
	const struct cp_macid *used;
	char id[8];

	snprintf(id, sizeof(id), "%04X", v[CP_OP_VDEV].num & 0xFFFF);
	if (nic)
		return cp_error(run, CP_E_DEVICE_EXISTS, id, nic->name, NULL);
	if (cp_vmlan_check_nic(run, user) < 0)
		return -1;
	if (!v[CP_OP_SYSMACID].given)
		return 0;
	if (cp_need_class_b(run, "SYSMACID") < 0)
		return -1;
	used = cp_mac_user(run->cp, v[CP_OP_SYSMACID].num);
	snprintf(id, sizeof(id), "%06X", v[CP_OP_SYSMACID].num & 0xFFFFFF);
	return used ? cp_error(run, CP_E_MAC_USED, id, used->owner, NULL) : 0;
}

void cp_do_define_ctca(struct cp_run *run)
{
	const struct cp_value *v = run->args->v;
	const char *user = owner(run);
	struct cp_nic *nic;
	char id[8];

	if (!user || define_check(run, user) < 0)
		return;
	snprintf(id, sizeof(id), "%04X", v[CP_OP_VDEV].num & 0xFFFF);
	nic = cp_nic_create(run->cp, user, (uint16_t)v[CP_OP_VDEV].num, 1,
			    !v[CP_OP_SYSMACID].given);
	if (!nic) {
		cp_error(run, CP_E_LIMIT, id,
			 errno == EADDRNOTAVAIL ? "the MACIDRANGE SYSTEM (SET VMLAN)" : "4096 NICs",
			 NULL);
		return;
	}
	nic->type = CP_NIC_CTCA;
	if (v[CP_OP_SYSMACID].given)
		cp_mac_set(run->cp, &nic->mac, v[CP_OP_SYSMACID].num, false, nic->name);
	snprintf(nic->peer_user, sizeof(nic->peer_user), "%.8s",
		 v[CP_OP_USER].given && v[CP_OP_USER].choice != 0 ? v[CP_OP_USER].word : "*");
	run->changed = true;
	cp_say(run, "CTCA %04X DEFINED", nic->vdev);
}

/* ---- COUPLE, UNCOUPLE ------------------------------------------------------------- */

/* The other end. Return: it, or NULL after a message. */
static struct cp_nic *target(struct cp_run *run, const struct cp_nic *nic)
{
	const struct cp_value *to = &run->args->v[CP_OP_NETWORK];
	const char *user = strcmp(to->word, "*") == 0 ? nic->user->name : to->word;
	char name[32];
	struct cp_nic *other;
	unsigned long vdev;

	if (!to->given) {
		cp_error(run, CP_E_MISSING, "userid and vdev of the other CTCA", "COUPLE", NULL);
		return NULL;
	}
	vdev = strtoul(to->word2, NULL, 16);
	if (to->word2[strspn(to->word2, "0123456789ABCDEF")] || strlen(to->word2) > 4) {
		cp_error(run, CP_E_BAD_DEVICE, to->word2, NULL, NULL);
		return NULL;
	}
	snprintf(name, sizeof(name), "%.8s/%04lX", user, vdev);
	other = cp_nic_find(run->cp, user, (uint16_t)vdev);
	if (!other)
		cp_error(run, CP_E_NO_DEVICE, name, NULL, NULL);
	else if (other->type != CP_NIC_CTCA)
		cp_error(run, CP_E_NO_CTCA, name, NULL, NULL);
	else if (other == nic)
		cp_error(run, CP_E_CTCA_SELF, name, NULL, NULL);
	else
		return other;
	return NULL;
}

/* Is what the other end is reserved for this one? Its owner may couple it as he likes. */
static int check_peer(struct cp_run *run, const struct cp_nic *nic, const struct cp_nic *other)
{
	const struct cp_nic *third = wire_peer(other);

	if (strcmp(other->peer_user, "*") != 0 && strcmp(other->peer_user, nic->user->name) != 0 &&
	    !cp_caller_may(run->cp, run->who, other->user->name))
		return cp_error(run, CP_E_CTCA_OTHER, other->name, other->peer_user, NULL);
	if (third)
		return cp_error(run, CP_E_CTCA_COUPLED, other->name, third->name, NULL);
	return 0;
}

/* One's own link is dropped for the new one, as z/VM does; others' are not. */
void cp_do_couple_ctca(struct cp_run *run, struct cp_nic *nic)
{
	struct cp_nic *other = target(run, nic);
	int rc;

	if (!other || check_peer(run, nic, other) < 0)
		return;
	if (run->args->v[CP_OP_PORTNUMBER].given) {
		cp_error(run, CP_E_CONFLICT, "PORTNUMBER", "a CTCA has none", NULL);
		return;
	}
	cp_wire_drop(nic);
	run->changed = true;
	rc = wire_couple(nic, other);
	if (rc)
		cp_error(run, CP_E_SYSTEM, nic->name, strerror(-rc), NULL);
	else
		cp_say(run, "CTCA %04X COUPLE TO %s %04X", nic->vdev, other->user->name,
		       other->vdev);
}

void cp_do_uncouple_ctca(struct cp_run *run, struct cp_nic *nic)
{
	const struct cp_nic *other = wire_peer(nic);

	if (!other) {
		cp_error(run, CP_E_UNCOUPLED, nic->name, NULL, NULL);
		return;
	}
	cp_say(run, "CTCA %04X DROP FROM %s %04X", nic->vdev, other->user->name, other->vdev);
	cp_wire_drop(nic);
	run->changed = true;
}

/* ---- QUERY CTCA ------------------------------------------------------------------- */

static void show(struct cp_run *run, const struct cp_nic *nic, json_t *list)
{
	const struct cp_nic *peer = wire_peer(nic);
	const char *by = nic->client ? nic->client->kind : nic->osa ? "channel socket" : NULL;
	char text[CP_MAC_TEXT], to[32] = "NOT COUPLED";
	uint8_t mac[6];

	cp_mac_bytes(&nic->mac, mac);
	cp_mac_text(mac, text);
	if (peer)
		snprintf(to, sizeof(to), "COUPLED TO %s %04X", peer->user->name, peer->vdev);
	cp_say(run, "CTCA %04X  Owner: %-8s  %s", nic->vdev, nic->user->name, to);
	cp_say(run, "  MAC: %s  User: %-8s  Guest: %s", text, nic->peer_user, by ? by : "none");
	if (nic->port)
		cp_say_counters(run, nic->port, false, "  ");
	json_array_append_new(
		list, json_pack("{s:s, s:o, s:o, s:s, s:b, s:s?, s:o, s:o}", "userid",
				nic->user->name, "vdev", json_sprintf("%04X", nic->vdev), "mac",
				cp_mac_json(mac), "user", nic->peer_user, "attached",
				cp_nic_attached(nic), "attached_by", by, "coupled_to",
				peer ? json_pack("{s:s, s:o}", "userid", peer->user->name, "vdev",
						 json_sprintf("%04X", peer->vdev))
				     : json_null(),
				"counters", nic->port ? cp_counters_json(nic->port) : json_null()));
}

static void show_user(struct cp_run *run, const struct cp_user *u, json_t *list)
{
	for (const struct cp_nic *nic = u ? u->nics : NULL; nic; nic = nic->hh.next)
		if (nic->type == CP_NIC_CTCA)
			show(run, nic, list);
}

void cp_do_query_ctca(struct cp_run *run)
{
	const struct cp_value *v = run->args->v;
	bool all = v[CP_OP_USER].choice == 0 || (run->who->class_b && !v[CP_OP_USER].given);
	json_t *list = json_array();

	run->json = json_pack("{s:o}", "ctcas", list);
	if (v[CP_OP_VDEV].given) {
		const struct cp_nic *nic = cp_arg_device(run);

		if (nic && nic->type == CP_NIC_CTCA)
			show(run, nic, list);
		else if (nic)
			cp_error(run, CP_E_NO_CTCA, nic->name, NULL, NULL);
		return;
	}
	if (all && cp_need_class_b(run, "USER *") == 0) {
		for (const struct cp_user *u = run->cp->users; u; u = u->hh.next)
			show_user(run, u, list);
	} else if (!all) {
		const char *user = cp_arg_user(run);

		if (user)
			show_user(run, cp_user_find(run->cp, user), list);
	}
	if (!run->rc && json_array_size(list) == 0)
		cp_say(run, "No CTCA is defined");
}
