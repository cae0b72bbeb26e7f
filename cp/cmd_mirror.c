/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The mirror of a virtual switch: what it copies to which NIC. It is kept by names, so that it
 * works again when its NICs come back; the NIC that is shown the frames must have the authority
 * for it (PROMISCUOUS).
 */
#include <string.h>

#include "cp/cp_priv.h"

static bool given(const struct cp_run *run, enum cp_op op)
{
	return run->args->v[op].given;
}

static const struct cp_nic *nic_of(const struct cp_lan *lan, const struct cp_mirror_nic *n)
{
	const struct cp_nic *nic = cp_nic_find(lan->cp, n->user, n->vdev);

	return nic && nic->lan == lan && nic->port ? nic : NULL;
}

/* Bring the switch in line with what is wanted and who is there. */
void cp_mirror_apply(struct cp_lan *lan)
{
	const struct cp_mirror *m = &lan->mirror;
	const struct cp_nic *to = m->on ? nic_of(lan, &m->to) : NULL;
	const struct cp_nic *from = m->what == CP_MIRROR_NIC ? nic_of(lan, &m->from) : NULL;
	struct vs_mirror cfg = {.vid = m->vid, .in = m->in, .out = m->out};
	bool there = to && to->connected.promisc;

	if (m->what == CP_MIRROR_UPLINK)
		cfg.from = lan->uplink.port;
	else if (from)
		cfg.from = from->port;
	if (m->what != CP_MIRROR_ALL && !cfg.from)
		there = false;
	if (to)
		cfg.to = to->port;
	vs_switch_mirror(lan->sw, there ? &cfg : NULL);
}

int cp_mirror_check(struct cp_run *run)
{
	bool to = given(run, CP_OP_MIRROR_TO);

	if (to && given(run, CP_OP_MIRROR_OFF))
		return cp_error(run, CP_E_CONFLICT, "MIRROR OFF", "MIRROR TO was given too", NULL);
	if (!to &&
	    (given(run, CP_OP_FROM) || given(run, CP_OP_MIRROR_VLAN) || given(run, CP_OP_ONLY)))
		return cp_error(run, CP_E_MISSING, "MIRROR TO userid vdev", "SET VSWITCH", NULL);
	return 0;
}

static void read_nic(const struct cp_value *v, struct cp_mirror_nic *n)
{
	snprintf(n->user, sizeof(n->user), "%.8s", v->word);
	n->vdev = (uint16_t)v->num;
}

/* Of a checked statement. */
void cp_mirror_set(struct cp_run *run, struct cp_lan *lan)
{
	const struct cp_value *v = run->args->v;
	struct cp_mirror *m = &lan->mirror;

	if (v[CP_OP_MIRROR_OFF].given)
		memset(m, 0, sizeof(*m));
	if (v[CP_OP_MIRROR_TO].given) {
		*m = (struct cp_mirror){.on = true};
		read_nic(&v[CP_OP_MIRROR_TO], &m->to);
		if (v[CP_OP_FROM].given && v[CP_OP_FROM].choice < 0) {
			m->what = CP_MIRROR_NIC;
			read_nic(&v[CP_OP_FROM], &m->from);
		} else if (v[CP_OP_FROM].given) {
			m->what = v[CP_OP_FROM].choice == 1 ? CP_MIRROR_UPLINK : CP_MIRROR_ALL;
		}
		m->vid = v[CP_OP_MIRROR_VLAN].given ? (uint16_t)v[CP_OP_MIRROR_VLAN].num : 0;
		m->in = !v[CP_OP_ONLY].given || v[CP_OP_ONLY].choice == 0;
		m->out = !v[CP_OP_ONLY].given || v[CP_OP_ONLY].choice == 1;
	}
	if (v[CP_OP_MIRROR_TO].given || v[CP_OP_MIRROR_OFF].given)
		cp_mirror_apply(lan);
}

/* "TO SNIFFER 0600 FROM ALL ..." */
void cp_mirror_print(FILE *f, const struct cp_mirror *m)
{
	fprintf(f, "TO %s %04X FROM ", m->to.user, m->to.vdev);
	if (m->what == CP_MIRROR_NIC)
		fprintf(f, "%s %04X", m->from.user, m->from.vdev);
	else
		fputs(m->what == CP_MIRROR_UPLINK ? "UPLINK" : "ALL", f);
	if (m->vid)
		fprintf(f, " MIRROR VLAN %u", m->vid);
	if (!m->in || !m->out)
		fputs(m->in ? " ONLY IN" : " ONLY OUT", f);
}

json_t *cp_mirror_json(const struct cp_lan *lan)
{
	const struct cp_mirror *m = &lan->mirror;
	json_t *from;

	if (!m->on)
		return json_null();
	from = m->what == CP_MIRROR_NIC	     ? json_sprintf("%s/%04X", m->from.user, m->from.vdev)
	       : m->what == CP_MIRROR_UPLINK ? json_string("UPLINK")
					     : json_null();
	return json_pack("{s:o, s:o, s:o, s:b, s:b, s:b}", "to",
			 json_sprintf("%s/%04X", m->to.user, m->to.vdev), "from", from, "vid",
			 m->vid ? json_integer(m->vid) : json_null(), "in", m->in, "out", m->out,
			 "active", vs_switch_mirrors(lan->sw));
}

/* ---- counters of VLANs -------------------------------------------------------------------- */

json_t *cp_vlan_counts_json(const struct cp_lan *lan)
{
	json_t *list = json_array();
	struct vs_vlan_counters c;

	for (uint16_t vid = 0; lan->vlan_counters && vid <= VS_VID_MAX; vid++)
		if (vs_vlan_counters(lan->sw, vid, &c))
			json_array_append_new(list, json_pack("{s:i, s:{s:I, s:I}, s:{s:I, s:I}}",
							      "vid", vid, "in", "frames",
							      (json_int_t)c.in_frames, "bytes",
							      (json_int_t)c.in_bytes, "out",
							      "frames", (json_int_t)c.out_frames,
							      "bytes", (json_int_t)c.out_bytes));
	return list;
}

void cp_say_vlan_counts(struct cp_run *run, const struct cp_lan *lan)
{
	struct vs_vlan_counters c;

	for (uint16_t vid = 0; lan->vlan_counters && vid <= VS_VID_MAX; vid++)
		if (vs_vlan_counters(lan->sw, vid, &c))
			cp_say(run,
			       "  VLAN %04u  In Packets: %-12llu Bytes: %-14llu Out Packets: "
			       "%-12llu Bytes: %llu",
			       vid, (unsigned long long)c.in_frames, (unsigned long long)c.in_bytes,
			       (unsigned long long)c.out_frames, (unsigned long long)c.out_bytes);
}
