/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The smallest thing that can stand behind an adapter's cable: what one port sends,
 * all others receive; a lone port receives its own. Remembers what was registered.
 */
#ifndef TESTS_LOOP_H
#define TESTS_LOOP_H

#include "vswitch/port.h"

#define LOOP_PORTS 4
#define LOOP_MACS 32

struct loop_port {
	struct loop *loop;
	const struct vs_port_ops *ops; /* NULL: not started */
	void *port;
	bool promisc;
	unsigned n_macs;
	uint8_t mac[LOOP_MACS][6];
	bool vid[4096];
	uint64_t dropped[VS_DROP_COUNT +
			 1]; /* by the port's rx_burst, and refused by its tx_burst */
};

struct loop {
	struct loop_port port[LOOP_PORTS];
	struct vs_burst *burst;
};

struct loop *loop_new(void);
void loop_free(struct loop *l);
struct vs_link loop_link(struct loop *l, unsigned i);
/* Fetch and deliver once from every port. Return: frames fetched. */
unsigned loop_poll(struct loop *l);
/* Until nothing is left. */
void loop_run(struct loop *l);
/* Ask all ports to wake us. Return: true if there is work already. */
bool loop_arm(struct loop *l);
void loop_disarm(struct loop *l);
bool loop_has_mac(const struct loop *l, unsigned i, const uint8_t mac[6]);

#endif
