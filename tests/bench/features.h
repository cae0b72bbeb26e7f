/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_BENCH_FEATURES_H
#define TESTS_BENCH_FEATURES_H

#include "tests/bench/bed.h"

struct feature {
	struct vs_capture *capture;
	uint64_t captured; /* bytes */
};

/* @what: "capture", "rate", "vlan-rate"; NULL: nothing. Control thread, on line. */
void feature_on(struct feature *x, struct bed *b, const char *what);
/* Return: false: it had no effect. */
bool feature_off(struct feature *x);

#endif
