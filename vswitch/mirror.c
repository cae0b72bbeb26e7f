/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A mirror and counters of VLANs. Both live in the full variant of a burst's code (burst.c): a
 * switch without them pays nothing.
 *
 * Mirrored copies are handed to the sniffer's port and nowhere else, so they cannot loop. What the
 * sniffer itself sends or gets is not mirrored.
 */
#include "vswitch/vs_priv.h"

#include <errno.h>
#include <stdlib.h>

int vs_switch_mirror(struct vs_switch *sw, const struct vs_mirror *cfg)
{
	struct vs_mirror *old = atomic_load(&sw->mirror), *m = NULL;

	if (cfg && (!cfg->to || cfg->to->sw != sw || (cfg->from && cfg->from->sw != sw)))
		return -EINVAL;
	if (cfg) {
		m = malloc(sizeof(*m));
		if (!m)
			return -ENOMEM;
		*m = *cfg;
	}
	atomic_store_explicit(&sw->mirror, m, memory_order_release);
	if (m && !old)
		atomic_fetch_add(&sw->extras, 1);
	else if (!m && old)
		atomic_fetch_sub(&sw->extras, 1);
	if (old)
		synchronize_rcu();
	free(old);
	return 0;
}

bool vs_switch_mirrors(const struct vs_switch *sw)
{
	return atomic_load(&sw->mirror);
}

void mirror_forget_port(struct vs_port *p)
{
	struct vs_mirror *m = atomic_load(&p->sw->mirror);

	if (m && (m->to == p || m->from == p))
		vs_switch_mirror(p->sw, NULL);
}

/* ---- counters of VLANs --------------------------------------------------------------------- */

int vs_switch_vlan_counters(struct vs_switch *sw, bool on)
{
	struct vlan_counts *v = atomic_load(&sw->vlan_counts);

	if (on == (v != NULL))
		return 0;
	if (on) {
		/* Pages that no frame touches take no memory. */
		v = calloc(1, sizeof(*v));
		if (!v)
			return -ENOMEM;
		atomic_store_explicit(&sw->vlan_counts, v, memory_order_release);
		atomic_fetch_add(&sw->extras, 1);
		return 0;
	}
	atomic_store(&sw->vlan_counts, NULL);
	atomic_fetch_sub(&sw->extras, 1);
	synchronize_rcu();
	free(v);
	return 0;
}

bool vs_vlan_counters(const struct vs_switch *sw, uint16_t vid, struct vs_vlan_counters *out)
{
	const struct vlan_counts *v = atomic_load(&sw->vlan_counts);

	memset(out, 0, sizeof(*out));
	for (unsigned w = 0; v && w < VS_THREADS; w++) {
		const struct vlan_count *c = &v->of[w][vid & 4095];

		out->in_frames += atomic_load_explicit(&c->in_frames, memory_order_relaxed);
		out->in_bytes += atomic_load_explicit(&c->in_bytes, memory_order_relaxed);
		out->out_frames += atomic_load_explicit(&c->out_frames, memory_order_relaxed);
		out->out_bytes += atomic_load_explicit(&c->out_bytes, memory_order_relaxed);
	}
	return out->in_frames || out->out_frames;
}
