/* SPDX-License-Identifier: Apache-2.0 */
/* What features of the switch cost when they are used: switched on before a load, off behind it. */
#include "tests/bench/features.h"

#include <string.h>

#include "tests/bench/bench.h"

#define UNREACHED UINT64_C(1000000000000) /* bits a second */

static const struct vs_rate rate = {.bps = UNREACHED};

static void emit(void *ctx, unsigned worker, const struct vs_capture_frame *f)
{
	struct feature *x = ctx;

	(void)worker;
	x->captured += f->caplen;
}

static void flush(void *ctx, unsigned worker)
{
	(void)ctx;
	(void)worker;
}

void feature_on(struct feature *x, struct bed *b, const char *what)
{
	struct vs_capture_config capture = {
		.sw = b->sw, .snaplen = 128, .emit = emit, .flush = flush, .ctx = x};
	struct vs_port_shaping shaping = {.in = rate, .out = rate};

	memset(x, 0, sizeof(*x));
	if (!what)
		return;
	if (!strcmp(what, "capture")) {
		x->capture = vs_capture_start(&capture);
		if (!x->capture)
			bench_die("starting a capture");
	} else if (!strcmp(what, "rate")) {
		for (unsigned i = 0; i < b->cfg.guests; i++)
			if (vs_port_shape(b->side[i].port, &shaping))
				bench_die("setting a rate");
	} else if (!strcmp(what, "vlan-rate")) {
		if (vs_vlan_rate(b->sw, 10, &rate, &rate))
			bench_die("setting a VLAN's rate");
	} else {
		bench_die("finding a feature");
	}
}

bool feature_off(struct feature *x)
{
	bool captured = !x->capture || x->captured;

	vs_capture_stop(x->capture);
	x->capture = NULL;
	return captured;
}
