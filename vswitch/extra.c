/* SPDX-License-Identifier: Apache-2.0 */
/* What a burst's plain variant knows nothing of: rates and counters of VLANs, mirrors. */
#include "vswitch/burst.h"

static bool has_vlan_rates(const struct flow *f)
{
	return f->rules->mode == VLAN_AWARE &&
	       atomic_load_explicit(&f->sw->vlan_rates, memory_order_acquire);
}

/* Frames of a train have the first one's address; whoever looks at single frames finds it there. */
static void spread_keys(struct flow *f)
{
	for (uint64_t m = f->again; m; m &= m - 1) {
		unsigned i = (unsigned)__builtin_ctzll(m);

		f->w->key[i] = f->w->key[i - 1];
	}
}

/* All frames are in the port's own VLAN, and none will be cut: their lengths are what they take. */
static bool in_one_vlan(const struct flow *f)
{
	return f->b->n && f->plain == BURST_BITS(f->b->n) && !(f->flags & VS_F_GSO);
}

static uint64_t bytes_of_list(const struct flow *f, const struct out *o)
{
	uint64_t bytes = 0;

	for (unsigned k = 0; k < o->n; k++)
		bytes += f->b->len[o->ref[k].frame];
	return bytes;
}

static uint64_t bytes_of_burst(const struct vs_burst *b)
{
	uint64_t bytes = 0;

	for (unsigned i = 0; i < b->n; i++)
		bytes += b->len[i];
	return bytes;
}

/* Take out what is over a VLAN's rate. Return: frames left. */
static unsigned police_out(struct flow *f, struct out *o)
{
	uint64_t now = f->w->clock_ns();
	unsigned n = 0;

	if (in_one_vlan(f) &&
	    vlan_rate_passes_all(f->sw, f->rules->plain_vid, true, bytes_of_list(f, o), now))
		return o->n;
	for (unsigned k = 0; k < o->n; k++) {
		unsigned i = o->ref[k].frame;

		if (vlan_rate_passes(f->sw, f->b->tci[i] & 0x0FFF, true, shape_wire_bytes(f->b, i),
				     now))
			o->ref[n++] = o->ref[k];
		else
			burst_refuse(f, o->p, f->b, &o->ref[k], 1, VS_DROP_RATE_VLAN, true);
	}
	return n;
}

static void police_in(struct flow *f)
{
	uint64_t now = f->w->clock_ns();

	if (in_one_vlan(f) && !f->dropped &&
	    vlan_rate_passes_all(f->sw, f->rules->plain_vid, false, bytes_of_burst(f->b), now))
		return;
	for (unsigned i = 0; i < f->b->n; i++)
		if (!(f->dropped & BIT(i)) &&
		    !vlan_rate_passes(f->sw, (uint16_t)vid_of(f, i), false,
				      shape_wire_bytes(f->b, i), now))
			drop(f, i, VS_DROP_RATE_VLAN);
	/* No train goes on over a frame that is gone. */
	f->again &= ~(f->dropped | f->dropped << 1);
}

static void count_vlans_in(struct flow *f)
{
	struct vlan_counts *v = atomic_load_explicit(&f->sw->vlan_counts, memory_order_acquire);

	for (unsigned i = 0; v && i < f->b->n; i++) {
		struct vlan_count *c = &v->of[f->w->id][vid_of(f, i) & 4095];

		if (f->dropped & BIT(i))
			continue;
		count(&c->in_frames, 1);
		count(&c->in_bytes, f->b->len[i]);
	}
}

static void count_vlans_out(struct flow *f, const struct out *o)
{
	struct vlan_counts *v = atomic_load_explicit(&f->sw->vlan_counts, memory_order_acquire);

	for (unsigned k = 0; v && k < o->n; k++) {
		unsigned i = o->ref[k].frame;
		struct vlan_count *c = &v->of[f->w->id][vid_of(f, i) & 4095];

		count(&c->out_frames, 1);
		count(&c->out_bytes, f->b->len[i]);
	}
}

/* Of a frame that was dropped: is it one, and of a device in use? */
static bool is_seen(const struct flow *f, unsigned i)
{
	return f->b->len[i] >= ETH_HLEN && f->w->drop[i] != VS_DROP_RX_RUNT &&
	       f->w->drop[i] != VS_DROP_UPLINK_STANDBY;
}

/* The frames of the burst that the mirror shows, by their bits. */
static uint64_t mirrored(struct flow *f, const struct vs_mirror *m)
{
	uint64_t all = f->b->n < 64 ? BIT(f->b->n) - 1 : ~UINT64_C(0);
	uint64_t want = m->in && (!m->from || m->from == f->in) ? all : 0;

	for (unsigned k = 0; m->out && k < f->w->n_out; k++) {
		const struct out *o = &f->w->out[k];

		if (o->p == m->to || (m->from && m->from != o->p))
			continue;
		for (unsigned r = 0; r < o->n; r++)
			want |= BIT(o->ref[r].frame);
	}
	for (unsigned i = 0; i < f->b->n; i++)
		if ((m->vid && vid_of(f, i) != m->vid) || (f->dropped & BIT(i) && !is_seen(f, i)))
			want &= ~BIT(i);
	return want;
}

/* One more receiver, whatever the rules say. */
static void mirror(struct flow *f)
{
	struct vs_mirror *m = atomic_load_explicit(&f->sw->mirror, memory_order_acquire);
	uint64_t want;
	struct out *o;

	if (!m || m->to == f->in || !atomic_load_explicit(&m->to->running, memory_order_acquire))
		return;
	want = mirrored(f, m);
	if (!want)
		return;
	o = burst_out(f, m->to);
	for (unsigned k = 0; k < o->n; k++) /* it gets these by itself */
		want &= ~BIT(o->ref[k].frame);
	for (; want; want &= want - 1)
		o->ref[o->n++] = (struct vs_ref){.frame = (uint8_t)__builtin_ctzll(want),
						 .edit = VS_EDIT_NONE};
}

void extra_admitted(struct flow *f)
{
	if (f->sw->ip)
		ipmode_admitted(f);
	if (has_vlan_rates(f)) {
		spread_keys(f);
		police_in(f);
	}
	count_vlans_in(f);
}

/* The mirror comes last: its copies are none of the VLAN's. */
void extra_grouped(struct flow *f)
{
	for (unsigned k = 0; k < f->w->n_out; k++) {
		struct out *o = &f->w->out[k];

		if (has_vlan_rates(f))
			o->n = police_out(f, o);
		count_vlans_out(f, o);
	}
	mirror(f);
}
