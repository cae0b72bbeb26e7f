/* SPDX-License-Identifier: Apache-2.0 */
/* Which port is to be served by another worker, if any: arithmetic only. */
#ifndef CP_BALANCE_H
#define CP_BALANCE_H

#include <stdbool.h>
#include <stdint.h>

struct cp_balance_port {
	unsigned worker;
	uint32_t permille; /* of a processor, over the last interval */
	bool fixed;	   /* it has just moved, or is pinned */
};

/*
 * Loads within CP_BALANCE_GAIN are as good as equal, and a worker under CP_BALANCE_BUSY needs no
 * relief: a move costs the caches, and two workers that hardly work wake up twice as often as one.
 */
#define CP_BALANCE_BUSY 500u
#define CP_BALANCE_GAIN 100u

/*
 * The move from the busiest to the idlest worker that leaves the busier of the two with the
 * least.
 * Return: the port's index, and in *to its new worker; -1: none pays.
 */
int cp_balance(const struct cp_balance_port *p, unsigned n_ports, unsigned n_workers, unsigned *to);

#endif
