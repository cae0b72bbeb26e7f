/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames of the control thread, out of one port. They pass at once and in the control thread: ports
 * take bursts from several threads anyway, and what a burst needs besides, scratch and counters, it
 * has of its own. Nothing it reads here can be taken away meanwhile, because it is the one that
 * takes things away.
 */
#include "vswitch/vs_priv.h"

#include <errno.h>
#include <stdlib.h>

struct vs_worker *inject_hand(struct vs_switch *sw)
{
	if (!sw->hand)
		sw->hand = worker_hand();
	return sw->hand;
}

void inject_free(struct vs_switch *sw)
{
	free(sw->hand);
}

/* A burst of one frame that refers to the caller's bytes. Return: 0 or -errno. */
static int burst_of(struct vs_port *p, const uint8_t *frame, uint32_t len)
{
	struct vs_worker *w = inject_hand(p->sw);
	struct vs_burst *b;
	uint32_t head = len < VS_HEAD_MIN ? len : VS_HEAD_MIN;

	if (!w)
		return -ENOMEM;
	if (len < ETH_HLEN || len > VS_FRAME_MAX)
		return -EMSGSIZE;
	if (!vs_port_running(p))
		return -ENETDOWN;
	b = &w->burst;
	vs_burst_forget(b);
	b->n = 1;
	b->len[0] = len;
	b->headlen[0] = (uint16_t)head;
	b->flags[0] = 0;
	b->seg0[0] = 0;
	b->nseg[0] = len > head;
	b->nseg_used = len > head;
	memcpy(b->head[0], frame, head);
	b->seg[0] = (struct vs_seg){.p = frame + head, .len = len - head};
	return 0;
}

int vs_port_inject(struct vs_port *p, uint16_t vid, const uint8_t *frame, uint32_t len)
{
	const struct rules *r = atomic_load_explicit(&p->rules, memory_order_relaxed);
	int rc = burst_of(p, frame, len);
	uint8_t edit = VS_EDIT_NONE;

	if (rc)
		return rc;
	p->sw->hand->burst.tci[0] = vid;
	if (vid && !vlan_egress(r, vid, TAG_NONE, vid, &edit))
		return -EPERM;
	return burst_send(p->sw->hand, p, (struct vs_ref){.frame = 0, .edit = edit});
}
