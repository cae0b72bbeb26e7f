/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two halves of the emulator module. zosa.c is an OSA adapter as a process with guest storage
 * runs it, without a line that depends on the emulator; emu313.c or emu4.c is everything that
 * does: how the emulator loads a device, fetches CCWs, keeps storage keys and interrupts.
 *
 * Locks. The emulator's device lock may be held by whoever calls zosa_wake, zosa_siga and
 * zosa_destroy; these take no lock that is ever held while emu_* functions are called.
 */
#ifndef GUEST_HERCULES_ZOSA_H
#define GUEST_HERCULES_ZOSA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "qdio/qdio.h"

#define ZOSA_TYPE "ZOSA"

/* ---- zosa.c, for the emulator's half -------------------------------------------------------- */

struct zosa;

/* What the emulator knows of the triple. */
struct zosa_place {
	void *device[QDIO_DEVICES]; /* the emulator's device blocks, for emu_* */
	uint16_t devno[QDIO_DEVICES];
	uint16_t subchannel[QDIO_DEVICES];
	uint8_t chpid;	      /* unless the configuration names one */
	uint8_t chpid_max;    /* the highest that works with this emulator */
	bool thin_interrupts; /* the emulator has adapter interrupts */
	bool qebsm;	      /* the emulator executes SQBS and EQBS: see emu_queues */
};

/*
 * Make an adapter and start its threads.
 * @argv: words behind the device type: see operands.h.
 * Return: the adapter, or NULL after a message on the emulator's console.
 */
struct zosa *zosa_create(const struct zosa_place *place, int argc, char *const *argv);

/*
 * End it: channel programs leave, the threads end, the port is given back. NULL is legal. May
 * be called with a device lock held; waits for frames in flight.
 */
void zosa_destroy(struct zosa *z);

uint8_t zosa_chpid(const struct zosa *z);
bool zosa_hipers(const struct zosa *z); /* HiperSockets, else an OSD */

/* How a command ended. */
struct zosa_end {
	uint8_t unit_status;
	uint8_t sense[QDIO_SENSE_BYTES]; /* with unit check */
	uint16_t residual;
	bool stopped; /* by halt, clear or reset, which the emulator goes on with */
};

/*
 * Execute one command of device dev; READ and ACTIVATE QUEUES block until they end or are
 * stopped. The emulator's device thread, without locks.
 */
void zosa_execute(struct zosa *z, unsigned dev, const struct qdio_single *cmd,
		  struct zosa_end *end);

/* A halt or clear was asked for: looked at sooner than otherwise. Any thread, locks held. */
void zosa_wake(struct zosa *z);

/*
 * The same, and wait until no program of the device runs any more, but not long. Without locks: a
 * program that ends may need them.
 */
void zosa_wait_stopped(struct zosa *z, unsigned dev);

/*
 * SIGA while the queues are active: function code, mask of queues. A processor's thread; never
 * blocks, unless there is a recording. That of HiperSockets delivers: it takes as long as copying
 * does, and locks of that LAN only, under which no emu_* but emu_storage is called.
 * Return: the condition code.
 */
int zosa_siga(struct zosa *z, unsigned fc, uint32_t mask);

/*
 * CHSC for all adapters of the emulator: see qdio_chsc. A processor's thread.
 */
int zosa_chsc(uint8_t block[QDIO_CHSC_BLOCK_BYTES]);

/* One line about the adapter for the emulator's device list. */
void zosa_describe(const struct zosa *z, char *buf, size_t cap);

/* ---- the emulator's half, for zosa.c -------------------------------------------------------- */

enum emu_stop { EMU_GO_ON, EMU_HALT, EMU_CLEAR, EMU_RESET };

/* What has been asked of the subchannel since its program started. Any thread. */
enum emu_stop emu_stop_wanted(void *device);

/*
 * A program has been left because of a halt, clear or reset: bring the status in order, also that
 * of a PCI. Whoever asked for the stop may be waiting in zosa_wait_stopped.
 */
void emu_stopped(void *device, enum emu_stop why);

/* The subchannel is QDIO active from now on, or no longer (a PCI that is pending goes). */
void emu_qdio_active(void *device, bool on);

/*
 * ESTABLISH QUEUES has ended well. Where the emulator executes SQBS and EQBS it has to know where
 * the states are. What it keeps may be used until the next call: it is the guest's storage, and
 * only the guest's own instructions get there.
 */
void emu_queues(void *device, const struct qdio_queues *queues);

/*
 * Make PCI status pending and request the interruption. *closing: give up when it is true,
 * because then the device lock may be held by whoever waits for us. The data thread.
 */
void emu_pci(void *device, const _Atomic bool *closing);

/* Request an adapter interruption of the device's subclass; the indicators are stored. */
void emu_adapter_interrupt(void *device, const _Atomic bool *closing);

/* qdio_storage.map: ctx is the device. */
void *emu_storage(void *device, uint64_t addr, uint64_t len, uint8_t key, enum qdio_access access);

/* The ORB of the program that runs, and the words of path management. The device's thread. */
#define EMU_PMCW_BYTES 28
void emu_subchannel(void *device, struct qdio_orb *orb, uint8_t pmcw[EMU_PMCW_BYTES]);

/* One line on the emulator's console. Any thread. */
void emu_say(const char *line);

#endif
