/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/loop.h"

static int link_start(void *link, const struct vs_port_ops *ops, void *port)
{
	struct loop_port *p = link;

	p->ops = ops;
	p->port = port;
	return 0;
}

static void link_stop(void *link)
{
	struct loop_port *p = link;

	p->ops = NULL;
	p->n_macs = 0;
	p->promisc = false;
	memset(p->vid, 0, sizeof(p->vid));
}

static int find(const struct loop_port *p, const uint8_t mac[6])
{
	for (unsigned i = 0; i < p->n_macs; i++)
		if (memcmp(p->mac[i], mac, 6) == 0)
			return (int)i;
	return -1;
}

static int link_mac_add(void *link, const uint8_t mac[6])
{
	struct loop_port *p = link;

	if (find(p, mac) >= 0)
		return 0;
	for (unsigned i = 0; i < LOOP_PORTS; i++)
		if (!(mac[0] & 1) && &p->loop->port[i] != p && find(&p->loop->port[i], mac) >= 0)
			return -EEXIST;
	if (p->n_macs == LOOP_MACS)
		return -ENOSPC;
	memcpy(p->mac[p->n_macs++], mac, 6);
	return 0;
}

static int link_mac_del(void *link, const uint8_t mac[6])
{
	struct loop_port *p = link;
	int i = find(p, mac);

	if (i < 0)
		return -ENOENT;
	memcpy(p->mac[i], p->mac[--p->n_macs], 6);
	return 0;
}

static int link_vid_add(void *link, uint16_t vid)
{
	((struct loop_port *)link)->vid[vid & 4095] = true;
	return 0;
}

static int link_vid_del(void *link, uint16_t vid)
{
	((struct loop_port *)link)->vid[vid & 4095] = false;
	return 0;
}

static int link_promisc(void *link, bool on)
{
	((struct loop_port *)link)->promisc = on;
	return 0;
}

static const struct vs_link_ops link_ops = {
	.start = link_start,
	.stop = link_stop,
	.mac_add = link_mac_add,
	.mac_del = link_mac_del,
	.vid_add = link_vid_add,
	.vid_del = link_vid_del,
	.promisc = link_promisc,
};

struct loop *loop_new(void)
{
	struct loop *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->burst = aligned_alloc(64, (sizeof(*l->burst) + 63) & ~(size_t)63);
	if (!l->burst) {
		free(l);
		return NULL;
	}
	l->burst->hold = 0; /* as the switch sets it */
	for (unsigned i = 0; i < LOOP_PORTS; i++)
		l->port[i].loop = l;
	return l;
}

void loop_free(struct loop *l)
{
	free(l->burst);
	free(l);
}

struct vs_link loop_link(struct loop *l, unsigned i)
{
	return (struct vs_link){.ops = &link_ops, .ctx = &l->port[i]};
}

static void deliver(struct loop_port *to, const struct vs_burst *b)
{
	struct vs_ref ref[VS_BURST];
	enum vs_drop err = VS_DROP_NONE;
	unsigned n;

	for (unsigned i = 0; i < b->n; i++)
		ref[i] = (struct vs_ref){.frame = (uint8_t)i, .edit = VS_EDIT_NONE};
	n = to->ops->tx_burst(to->port, b, ref, b->n, &err);
	if (n < b->n)
		to->dropped[err] += b->n - n;
}

unsigned loop_poll(struct loop *l)
{
	unsigned total = 0, n, others;

	for (unsigned i = 0; i < LOOP_PORTS; i++) {
		struct loop_port *p = &l->port[i];

		if (!p->ops)
			continue;
		n = p->ops->rx_burst(p->port, l->burst, p->dropped);
		if (!n)
			continue;
		others = 0;
		for (unsigned k = 0; k < LOOP_PORTS; k++)
			if (k != i && l->port[k].ops) {
				deliver(&l->port[k], l->burst);
				others++;
			}
		if (!others)
			deliver(p, l->burst);
		p->ops->rx_done(p->port, l->burst);
		total += n;
	}
	return total;
}

void loop_run(struct loop *l)
{
	while (loop_poll(l))
		;
}

bool loop_arm(struct loop *l)
{
	bool work = false;

	for (unsigned i = 0; i < LOOP_PORTS; i++)
		if (l->port[i].ops && l->port[i].ops->arm(l->port[i].port))
			work = true;
	return work;
}

void loop_disarm(struct loop *l)
{
	for (unsigned i = 0; i < LOOP_PORTS; i++)
		if (l->port[i].ops)
			l->port[i].ops->disarm(l->port[i].port);
}

bool loop_has_mac(const struct loop *l, unsigned i, const uint8_t mac[6])
{
	return find(&l->port[i], mac) >= 0;
}
