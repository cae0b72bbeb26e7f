/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A group on a bench: guest storage, a stub control unit and an environment that counts.
 *
 * Storage is laid out as in spec/qdio.md 14.1. Tests write storage, start programs and look at
 * what was counted; nothing here judges.
 */
#ifndef TESTS_QDIO_RIG_H
#define TESTS_QDIO_RIG_H

#include "qdio/qdio.h"

#define RIG_BYTES 0x200000u
#define RIG_CCWS 0x1000u /* channel programs */
#define RIG_QDR 0x10000u
#define RIG_QIB 0x11000u
#define RIG_SLIB(i) (0x12000u + (i)*0x1000u)
#define RIG_SL(i) (RIG_SLIB(i) + 0x800u)
#define RIG_SLSB(i) (0x18000u + (i)*0x100u)
#define RIG_DSCI 0x19000u
#define RIG_LSI 0x19100u
#define RIG_SBAL(i, b) (0x20000u + (i)*0x8000u + (b)*0x100u)
#define RIG_DATA 0x100000u

/* ORB word 1 of a Linux driver: format 1, prefetch, 64-bit control, path 80. */
#define RIG_ORB_CTL (QDIO_ORB_FORMAT1 | QDIO_ORB_PREFETCH | QDIO_ORB_IDAW64 | 0x8000u)

#define RIG_CE_DE (QDIO_DSTAT_CHANNEL_END | QDIO_DSTAT_DEVICE_END)

struct rig {
	struct qdio_group *g;
	uint8_t *mem; /* guest absolute 0 */
	size_t size;

	/* environment */
	unsigned interrupts[QDIO_DEVICES];
	struct qdio_irb irb[QDIO_DEVICES]; /* last of each */
	_Atomic unsigned pcis, airqs, kicks;
	bool later; /* signals are put off */
	_Atomic unsigned last_isc;

	/* control unit */
	uint8_t written[4096]; /* by the last WRITE */
	size_t written_len;
	unsigned writes, reads;
	int write_rc, activate_rc;
	bool echo;			 /* a WRITE's bytes are the next message on its device */
	uint8_t msg[QDIO_DEVICES][4096]; /* what the next READ stores */
	size_t msg_len[QDIO_DEVICES];	 /* 0: nothing */
	struct qdio_queues *queues;	 /* from activate to deactivate */
	unsigned activates, deactivates;
	unsigned resets[QDIO_DEVICES];
	bool reset_while_active; /* must stay false: deactivate comes before reset */
	enum qdio_reset last_reset;
};

/* An OSD with PCI, four output queues, subchannels 1..3, devices 0500..0502, CHPID 05. */
struct qdio_group_config rig_config(void);
/* Make the group, its storage of size bytes, and enable the three subchannels. */
void rig_init(struct rig *r, const struct qdio_group_config *cfg, size_t size);
void rig_fini(struct rig *r);

/* Store CCW n of the program at RIG_CCWS. */
void rig_ccw(struct rig *r, unsigned n, uint8_t cmd, uint8_t flags, uint16_t count, uint32_t cda);
/* START of the program at cpa with interruption parameter 0xCAFE0000 + dev. Return: cc. */
int rig_start_at(struct rig *r, unsigned dev, uint32_t ctl, uint32_t cpa);
int rig_start(struct rig *r, unsigned dev);
/* A message for the next READ. */
void rig_message(struct rig *r, unsigned dev, const void *msg, size_t len);

/* Control blocks for n_in and n_out queues. States stay 0. */
void rig_layout(struct rig *r, unsigned n_in, unsigned n_out);
/* Run ESTABLISH or ACTIVATE on the data device. Return: the condition code. */
int rig_establish(struct rig *r);
int rig_activate(struct rig *r);
/* Layout, establish, activate, states 0x80 and 0xA0. */
void rig_bring_up(struct rig *r);
/*
 * Serve a queue (inputs first) as an adapter would, if it exists: fill one empty input
 * buffer, or complete up to max primed output buffers, touching all data they name.
 */
void rig_serve(struct rig *r, unsigned index, unsigned max);
/* Lease n buffers of an input queue and hand them over. Return: as qdio_in_publish. */
bool rig_in_publish(struct qdio_queue *q, unsigned n);

#endif
