/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loops: two links of a port group that lead into one bridge which does not know that they are
 * one. LACP finds that out by itself; without it, each link sends a probe every PROBE_MS, and one
 * that comes back by a link of the same group is a loop. It is reported, in the log and by QUERY
 * PORT GROUP; nothing is blocked: which link is the wrong one only people know.
 *
 * A probe is a frame to a local group address with the ethertype that is free for experiments (IEEE
 * 802, 0x88B5). What it carries is believed only with the group's random number in it.
 */
#include <string.h>
#include <sys/random.h>

#include "cp/cp_priv.h"

#define PROBE_MS 1000u
#define FORGET_MS 3500u /* three probes that did not come back */

struct probe {
	uint8_t dst[6], src[6], type[2];
	char magic[8];
	uint8_t nonce[8];
	uint8_t link;
	uint8_t pad[29];
};
static_assert(sizeof(struct probe) == 60, "shortest frame");

static const char magic[8] = "ZLANLOOP";

void cp_loop_start(struct cp_group *g)
{
	g->loop = (struct cp_loop){0};
	/* Without a random number it is told from others by chance of its address. */
	if (getrandom(&g->loop.nonce, sizeof(g->loop.nonce), GRND_NONBLOCK) < 0)
		g->loop.nonce = (uint64_t)(uintptr_t)g;
}

static void send_probe(struct cp_group *g, unsigned i)
{
	struct probe p = {.dst = VS_PROBE_MAC, .type = {0x88, 0xB5}, .link = (uint8_t)i};

	cp_mac_bytes(&g->lan->mac, p.src);
	memcpy(p.magic, magic, sizeof(p.magic));
	memcpy(p.nonce, &g->loop.nonce, sizeof(p.nonce));
	/* What finds no room now is sent again. */
	(void)vs_port_inject(g->member[i].port, VS_VID_NONE, (const uint8_t *)&p, sizeof(p));
}

/* Return: when to come again. */
uint64_t cp_loop_run(struct cp_group *g, uint64_t now)
{
	struct cp_loop *l = &g->loop;

	for (unsigned i = 0; i < CP_GROUP_LINKS; i++) {
		if (!l->until[i] || now < l->until[i])
			continue;
		l->until[i] = 0;
		cp_log(g->cp, "ZLN2849I PORT GROUP %s: no loop by %s any more", g->name,
		       g->member[i].ifname);
	}
	if (now < l->probe_at)
		return l->probe_at;
	l->probe_at = now + PROBE_MS;
	for (unsigned i = 0; i < CP_GROUP_LINKS; i++)
		if (g->member[i].port && g->distribute[i])
			send_probe(g, i);
	return l->probe_at;
}

static void came_back(struct cp_group *g, unsigned from, unsigned by, uint64_t now)
{
	struct cp_loop *l = &g->loop;
	bool fresh = !l->until[by];

	l->until[by] = now + FORGET_MS;
	l->from[by] = (uint8_t)from;
	if (fresh)
		cp_log(g->cp,
		       "ZLN2848W PORT GROUP %s: loop: what leaves by %s comes back by %s; the "
		       "other "
		       "side does not treat them as one link, use LACP",
		       g->name, g->member[from].ifname, g->member[by].ifname);
}

void cp_loop_input(struct cp *cp, const struct vs_punted *f)
{
	uint64_t now = cp->hooks.now_ms ? cp->hooks.now_ms(cp->hooks.ctx) : 0;
	struct probe p;

	if (f->len < sizeof(p))
		return;
	memcpy(&p, f->data, sizeof(p));
	if (p.type[0] != 0x88 || p.type[1] != 0xB5 || memcmp(p.magic, magic, sizeof(magic)) != 0 ||
	    p.link >= CP_GROUP_LINKS)
		return;
	for (struct cp_group *g = cp->groups; g; g = g->hh.next) {
		if (!g->lan || g->lacp || memcmp(&g->loop.nonce, p.nonce, sizeof(p.nonce)) != 0)
			continue;
		for (unsigned i = 0; i < CP_GROUP_LINKS; i++)
			if (g->member[i].port == f->port && g->member[p.link].port)
				came_back(g, p.link, i, now);
	}
}

/* The link whose frames come back by link i, or NULL. */
const char *cp_loop_from(const struct cp_group *g, unsigned i)
{
	return g->loop.until[i] && !g->lacp ? g->member[g->loop.from[i]].ifname : NULL;
}
