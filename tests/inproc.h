/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A machine in the test's own process: the guest's instructions call the device
 * side directly, without sockets or threads.
 *
 * The control calls belong to one thread. The data path may run on two: the guest
 * on one, whoever drives the adapter's vs_port_ops on the other.
 */
#ifndef TESTS_INPROC_H
#define TESTS_INPROC_H

#include <stdatomic.h>

#include "guest/guest.h"
#include "hipersockets/hs.h"
#include "osa/osa.h"

#define INPROC_IRBS 64

struct inproc {
	struct osa *osa;
	struct hs_adapter *hs; /* of inproc_open_hs: it owns osa */
	struct guest_storage st;
	struct qdio_irb irb[INPROC_IRBS]; /* interruptions not taken yet */
	unsigned irb_dev[INPROC_IRBS];
	unsigned irb_first, irb_n;
	_Atomic uint32_t pending; /* enum guest_pending */
	_Atomic uint64_t pcis, airqs, kicks;
	bool siga_noop; /* the adapter is polled: SIGA-w and -r need no action */
	bool gone;	/* every instruction fails as if the daemon had died */
	uint64_t interrupts[GUEST_DEVICES]; /* I/O interruptions presented */
	/* Called for SIGA-w and -r that reach the adapter; may be NULL. */
	void (*on_kick)(void *ctx);
	void *ctx;
};

/*
 * Make the adapter and storage for a device of this configuration.
 * @osa: NULL: a default (0500 to 0502, thin interrupts).
 * Return: 0 or -errno.
 */
int inproc_open(struct inproc *ip, const struct osa_config *osa, const struct guest_config *guest);
/* The same with a HiperSockets adapter, on no LAN yet. */
int inproc_open_hs(struct inproc *ip, const struct hs_config *hs, const struct guest_config *guest);
void inproc_close(struct inproc *ip);
/* The default configuration of an adapter: device numbers from devno on, MAC 02:5A:00:00:nn:nn. */
struct osa_config inproc_osa_config(uint16_t devno, bool thin);
void inproc_machine(struct inproc *ip, struct guest_machine *m);

#endif
