/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Capture points: after the fetch, at each delivery, at each drop. Only the captured
 * variant of the pipeline comes here. The list of a switch's captures is changed by the
 * control thread and walked by workers between quiescent states.
 */
#include "vswitch/vs_priv.h"

#include <errno.h>
#include <stdlib.h>

#include "common/be.h"

#define SNAPLEN_MIN 64u
#define SNAPLEN_MAX 65535u

struct vs_capture {
	_Atomic(struct vs_capture *) next;
	struct vs_capture_config cfg;
	_Atomic(struct vs_port *) port; /* copy of cfg.port, NULL once it is gone */
	bool one_port;
	bool pending[VS_THREADS]; /* that worker has emitted since its last flush */
	_Alignas(64) uint8_t frame[VS_THREADS][SNAPLEN_MAX + 1];
};

struct vs_capture *vs_capture_start(const struct vs_capture_config *cfg)
{
	struct vs_capture *c;

	if (!cfg->sw || !cfg->emit || cfg->snaplen < SNAPLEN_MIN || cfg->snaplen > SNAPLEN_MAX ||
	    (cfg->port && cfg->port->sw != cfg->sw)) {
		errno = EINVAL;
		return NULL;
	}
	c = aligned_alloc(64, (sizeof(*c) + 63) & ~(size_t)63);
	if (!c)
		return NULL;
	memset(c, 0, offsetof(struct vs_capture, frame));
	c->cfg = *cfg;
	c->one_port = cfg->port;
	atomic_init(&c->port, cfg->port);
	atomic_init(&c->next, atomic_load(&cfg->sw->captures));
	atomic_store_explicit(&cfg->sw->captures, c, memory_order_release);
	return c;
}

void vs_capture_stop(struct vs_capture *c)
{
	_Atomic(struct vs_capture *) *at;

	if (!c)
		return;
	for (at = &c->cfg.sw->captures; atomic_load(at) != c;)
		at = &atomic_load(at)->next;
	atomic_store_explicit(at, atomic_load(&c->next), memory_order_release);
	synchronize_rcu();
	free(c);
}

void capture_forget_port(struct vs_port *p)
{
	struct vs_capture *c = atomic_load(&p->sw->captures);

	for (; c; c = atomic_load(&c->next))
		if (atomic_load(&c->port) == p)
			atomic_store(&c->port, NULL);
}

/* Collects a frame's bytes up to a limit. */
struct joiner {
	uint8_t *to;
	uint32_t n, max;
};

static void join(struct joiner *j, const uint8_t *p, uint32_t len)
{
	if (len > j->max - j->n)
		len = j->max - j->n;
	memcpy(j->to + j->n, p, len);
	j->n += len;
}

/* The frame as it leaves with this edit. Return: its full length. */
static uint32_t join_frame(struct joiner *j, const struct vs_burst *b, struct vs_ref ref)
{
	const uint8_t *head = b->head[ref.frame];
	uint16_t headlen = b->headlen[ref.frame];
	uint32_t len = b->len[ref.frame];
	unsigned from = 0;
	uint8_t tag[VLAN_HLEN];

	if (ref.edit != VS_EDIT_NONE) {
		join(j, head, 2 * ETH_ALEN);
		from = 2 * ETH_ALEN;
		if (ref.edit != VS_EDIT_PUSH)
			from += VLAN_HLEN;
		len += ref.edit == VS_EDIT_PUSH ? VLAN_HLEN : 0;
		len -= ref.edit == VS_EDIT_STRIP ? VLAN_HLEN : 0;
	}
	if (ref.edit == VS_EDIT_PUSH || ref.edit == VS_EDIT_RETAG) {
		be16_store(tag, ETHERTYPE_VLAN);
		be16_store(tag + 2, b->tci[ref.frame]);
		join(j, tag, sizeof(tag));
	}
	join(j, head + from, headlen - from);
	for (unsigned s = 0; s < b->nseg[ref.frame] && j->n < j->max; s++) {
		const struct vs_seg *seg = &b->seg[b->seg0[ref.frame] + s];

		join(j, seg->p, seg->len);
	}
	return len;
}

static bool wanted(struct vs_capture *c, struct vs_port *p, enum vs_capture_dir dir)
{
	const struct vs_port *only = atomic_load_explicit(&c->port, memory_order_relaxed);

	/* An uplink's frames are those of its devices. */
	if (c->one_port && only != p && only != atomic_load_explicit(&p->up, memory_order_relaxed))
		return false;
	return !c->cfg.dropped_only || dir == VS_CAPTURE_DROP;
}

void capture_frames(struct vs_worker *w, struct vs_port *p, const struct vs_burst *b,
		    const struct vs_ref *ref, unsigned n, enum vs_capture_dir dir,
		    enum vs_drop reason)
{
	struct vs_capture *c = atomic_load_explicit(&p->sw->captures, memory_order_acquire);

	for (; c; c = atomic_load_explicit(&c->next, memory_order_acquire)) {
		if (!wanted(c, p, dir))
			continue;
		for (unsigned k = 0; k < n; k++) {
			struct joiner j = {.to = c->frame[w->id], .max = c->cfg.snaplen};
			struct vs_capture_frame f = {
				.ns = w->now_ns, .port = p, .dir = dir, .reason = reason};

			f.len = join_frame(&j, b, ref[k]);
			if (c->cfg.by_vlan &&
			    !vs_vidset_has(&c->cfg.vids, b->tci[ref[k].frame] & 0x0FFF))
				continue;
			f.caplen = j.n;
			f.data = j.to;
			c->cfg.emit(c->cfg.ctx, w->id, &f);
			c->pending[w->id] = true;
		}
	}
}

void capture_flush(struct vs_worker *w, struct vs_switch *sw)
{
	struct vs_capture *c = atomic_load_explicit(&sw->captures, memory_order_acquire);

	for (; c; c = atomic_load_explicit(&c->next, memory_order_acquire)) {
		if (!c->pending[w->id])
			continue;
		c->pending[w->id] = false;
		if (c->cfg.flush)
			c->cfg.flush(c->cfg.ctx, w->id);
	}
}
