/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames into the switch: the input chooses a switch, its ports, and what they send, offload
 * requests included. Whatever comes, every frame is delivered or counted, and no receiver sees a
 * frame longer than it takes.
 *
 * The uplink's first byte chooses IP mode, too: every guest has 10.0.0.n and fd00::n then.
 *
 * Input: 1 byte of switch, 3 bytes a port for 4 ports, then per frame: sender, flags, 3 bytes of
 * offload, length, bytes.
 */
#include <stdlib.h>
#include <urcu-qsbr.h>

#include "tests/fakeport.h"

#define PORTS 4

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct vs_port *port, const struct fake_port *f)
{
	struct vs_counters c;

	vs_port_counters(port, &c);
	if (c.tx_frames != f->n_out && f->n_out < FAKE_FRAMES)
		abort();
	for (unsigned i = 0; i < f->n_out; i++)
		if (f->out[i].len > f->frame_max + 4 && !(f->out[i].flags & VS_F_GSO))
			abort();
}

static void inject(struct fake_port *fake, const uint8_t **p, const uint8_t *end)
{
	const uint8_t *h = *p;
	uint32_t len = h[5] * 8u;
	struct fake_frame *x;

	*p += 6;
	if (len > (size_t)(end - *p))
		len = (uint32_t)(end - *p);
	x = fake_inject(&fake[h[0] % PORTS], *p, len);
	*p += len;
	if (!x)
		return;
	x->flags = h[1] & 0x0F;
	x->csum_start = h[2];
	x->csum_offset = h[3];
	x->gso_size = h[4];
	x->hdrlen = (uint16_t)(h[2] + 20);
}

static void has_addresses(const struct vs_link *l, unsigned i, bool router)
{
	const uint8_t a4[16] = {[10] = 0xFF, 0xFF, 10, 0, 0, (uint8_t)(i + 1)};
	const uint8_t a6[16] = {0xFD, [15] = (uint8_t)(i + 1)};

	l->ops->ip_add(l->ctx, a4, VS_IP_TAKEOVER);
	l->ops->ip_add(l->ctx, a6, 0);
	l->ops->routing(l->ctx, i & 1, router ? VS_ROUTING_PRIMARY : VS_ROUTING_NONE);
}

static void on_punted(void *ctx, const struct vs_punted *f)
{
	if (f->kind == VS_PUNT_PATH_MTU)
		vs_path_mtu_frame(ctx, f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *p = data + 1 + 3 * PORTS, *end = data + size;
	struct vs_port *port[PORTS];
	struct fake_port fake[PORTS];
	struct vs_worker *w;
	struct vs_switch *sw;

	if (size < 1 + 3 * PORTS)
		return 0;
	rcu_register_thread();
	sw = vs_switch_create(&(struct vs_switch_config){.name = "FUZZ",
							 .vlan_aware = data[0] & 1,
							 .isolation = data[0] & 2,
							 .mac_protect = data[0] & 4,
							 .native_vid = data[0] >> 3,
							 .default_vid = data[0] >> 5,
							 .snooping = true,
							 .ip = data[10] & 8,
							 .ip_router = data[10] & 16,
							 .path_mtu = data[10] & 4 ? 68 : 0,
							 .mac = {2, 0, 0, 0, 0, 0xFF}});
	w = vs_worker_create();
	for (unsigned i = 0; i < PORTS; i++) {
		const uint8_t *c = data + 1 + 3 * i, mac[6] = {2, 0, 0, 0, 0, c[2]};
		struct vs_port_config cfg = {.role = i == 3 ? VS_ROLE_UPLINK : VS_ROLE_GUEST,
					     .type = c[0] & 1,
					     .access_vid = c[1],
					     .promisc_allowed = true,
					     .mac_protect = -1};
		struct vs_link l;

		vs_vidset_add(&cfg.vids, c[1]);
		fake_init(&fake[i]);
		fake[i].caps = c[0] >> 5;
		fake[i].frame_max = 64 + c[2] * 8u;
		port[i] = vs_port_create(sw, &cfg);
		vs_port_assign(port[i], w);
		l = vs_port_link(port[i]);
		l.ops->layer(l.ctx, 3);
		l.ops->start(l.ctx, &fake_ops, &fake[i]);
		l.ops->mac_add(l.ctx, mac);
		l.ops->promisc(l.ctx, c[0] & 2);
		if (c[0] & 4)
			l.ops->vid_add(l.ctx, c[2]);
		if (data[10] & 8 && i != 3)
			has_addresses(&l, i, c[0] & 16);
	}
	while (end - p > 6)
		inject(fake, &p, end);
	while (vs_worker_poll(w))
		rcu_quiescent_state();
	vs_switch_punted(sw, on_punted, sw);
	vs_switch_announce(sw);
	for (unsigned i = 0; i < PORTS; i++) {
		check(port[i], &fake[i]);
		vs_port_destroy(port[i]);
		fake_fini(&fake[i]);
	}
	vs_switch_destroy(sw);
	vs_worker_destroy(w);
	rcu_unregister_thread();
	return 0;
}
