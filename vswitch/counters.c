/* SPDX-License-Identifier: Apache-2.0 */
/* Counters: one writer per worker and port, summed by whoever asks. */
#include "vswitch/lag.h"
#include "vswitch/vs_priv.h"

static uint64_t get(const _Atomic uint64_t *c)
{
	return atomic_load_explicit(c, memory_order_relaxed);
}

static void add(const struct vs_port *p, struct vs_counters *out)
{
	for (unsigned w = 0; w < VS_THREADS; w++) {
		const struct counters *c = &p->counters[w];

		out->rx_frames += get(&c->rx_frames);
		out->rx_bytes += get(&c->rx_bytes);
		out->tx_frames += get(&c->tx_frames);
		out->tx_bytes += get(&c->tx_bytes);
		out->rx_mcast += get(&c->rx_mcast);
		out->tx_mcast += get(&c->tx_mcast);
		out->rx_control += get(&c->rx_control);
		out->tx_control += get(&c->tx_control);
		for (unsigned d = 0; d < VS_DROP_COUNT; d++) {
			out->rx_drop[d] += get(&c->rx_drop[d]);
			out->tx_drop[d] += get(&c->tx_drop[d]);
		}
	}
}

void vs_port_work(const struct vs_port *p, struct vs_port_work *out)
{
	memset(out, 0, sizeof(*out));
	for (unsigned w = 0; w < VS_WORKERS_MAX; w++) {
		const struct counters *c = &p->counters[w];

		out->bursts += get(&c->bursts);
		out->frames += get(&c->rx_frames);
		out->cycles += get(&c->busy);
	}
}

void vs_port_counters(const struct vs_port *p, struct vs_counters *out)
{
	struct vs_lag *lag = atomic_load(&p->lag);

	memset(out, 0, sizeof(*out));
	add(p, out);
	for (unsigned i = 0; lag && i < VS_LAG_MEMBERS; i++)
		if (lag_port(lag, i))
			add(lag_port(lag, i), out);
}

static const char *const drop_name[VS_DROP_COUNT] = {
#define X(id, name, text) name,
	VS_DROP_LIST(X)
#undef X
};

static const char *const drop_text[VS_DROP_COUNT] = {
#define X(id, name, text) text,
	VS_DROP_LIST(X)
#undef X
};

const char *vs_drop_name(enum vs_drop d)
{
	return d < VS_DROP_COUNT ? drop_name[d] : "none";
}

const char *vs_drop_text(enum vs_drop d)
{
	return d < VS_DROP_COUNT ? drop_text[d] : "not dropped";
}
