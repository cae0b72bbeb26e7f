/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The group from inside. Private to qdio/.
 */
#ifndef QDIO_QDIO_PRIV_H
#define QDIO_QDIO_PRIV_H

#include <pthread.h>

#include "qdio/qdio.h"

/* ---- channel programs: ccw.c --------------------------------------------------------- */

/*
 * The architecture lets a program run for ever; a guest must not keep our thread. No driver's
 * program comes near these numbers (2 CCWs in tests/data).
 */
#define QDIO_CCWS_MAX 256    /* CCWs fetched for one START */
#define QDIO_SEGMENTS_MAX 32 /* data-chained CCWs of one command */
#define QDIO_MESSAGE_MAX 4096

/* Where a channel program stands. */
struct qdio_program {
	uint32_t next;	  /* address of the next CCW */
	uint32_t limit;	  /* CCW and data addresses lie below: 2^24 or 2^31 */
	unsigned fetched; /* CCWs so far */
	uint8_t key;
	bool format1;
	bool idaw64; /* format-2 IDAWs, and the 64-bit QDR */
	bool idaw2k; /* of 2 KiB blocks */
	bool started;
	uint8_t last_cmd; /* the command this one is chained from, or 0 */
};

struct qdio_segment {
	uint32_t addr;
	uint16_t count;
	uint8_t flags;
};

/* One command with the storage that its data-chained CCWs describe. */
struct qdio_command {
	struct qdio_ccw1 ccw; /* the first CCW, as format 1 */
	uint8_t flags;	      /* of the last CCW: chaining, SLI */
	unsigned n;
	uint32_t total; /* bytes of all segments */
	uint8_t *data;	/* where the owner moves the data itself (qdio_execute): total bytes */
	struct qdio_segment seg[QDIO_SEGMENTS_MAX];
};

/* How a command ended. */
struct qdio_outcome {
	uint8_t dstat, sstat;
	uint8_t sense0; /* with unit check */
	uint16_t residual;
	bool held; /* not ended: READ without message, ACTIVATE QUEUES */
};

void qdio_program_start(struct qdio_program *p, const struct qdio_orb *orb);
/* Fetch the next command with all its CCWs. Return: 0 or subchannel status. */
uint8_t qdio_program_next(struct qdio_program *p, const struct qdio_storage *st,
			  struct qdio_command *cmd);
/*
 * Move data of a command: out of storage (at most len bytes), into storage. Both set
 * residual and incorrect length in out. Return: 0 or subchannel status, which is in out as well.
 */
uint8_t qdio_command_fetch(const struct qdio_command *cmd, const struct qdio_program *p,
			   const struct qdio_storage *st, uint8_t *buf, size_t len,
			   struct qdio_outcome *out);
uint8_t qdio_command_store(const struct qdio_command *cmd, const struct qdio_program *p,
			   const struct qdio_storage *st, const uint8_t *buf, size_t len,
			   struct qdio_outcome *out);

/* ---- the group --------------------------------------------------------------------------- */

enum qdio_busy {
	QDIO_NOT_BUSY,
	QDIO_RUNNING,	/* inside run(), for calls back from the control unit */
	QDIO_HELD_READ, /* a READ waits for a message */
	QDIO_HELD_AQ,	/* the queues are active */
};

struct qdio_device {
	_Atomic bool enabled; /* atomic: SIGA looks at it on any thread */
	uint8_t isc;
	enum qdio_busy busy;
	uint32_t parm;	  /* of the last ORB */
	uint32_t orb_ctl; /* of the last ORB */
	uint32_t cpa;	  /* behind the last CCW executed */
	struct qdio_program program;
	struct qdio_command cmd;
	uint8_t sense[QDIO_SENSE_BYTES];
	uint8_t buf[QDIO_MESSAGE_MAX];
};

/* Indicators of the thin model, as SADC registered them. */
struct qdio_indicators {
	uint64_t summary, dsci; /* both 0: none */
	uint8_t summary_key, dsci_key;
	uint8_t isc;
};

struct qdio_group {
	struct qdio_group_config cfg;
	const struct qdio_env_ops *env_ops;
	void *env;
	const struct qdio_cu_ops *cu_ops;
	void *cu;
	qdio_trace_fn *trace;
	void *trace_ctx;

	struct qdio_storage st;
	struct qdio_device dev[QDIO_DEVICES];

	/*
	 * Read by SIGA on any thread, without a lock: an emulator executes SIGA with locks held
	 * that the worker's pci call wants. Written by the control thread; state is released last.
	 */
	_Atomic int state; /* enum qdio_queue_state */
	_Atomic unsigned data_dev;
	_Atomic bool qebsm_on;
	_Atomic uint32_t in_mask, out_mask; /* QDIO_SIGA_QUEUE bits that exist; 0 unless active */

	/*
	 * signal_lock: qdio_group_signal (worker) against SADC, halt, clear and reset (control):
	 * whoever has changed indicators or ended the queues and released the lock knows that no
	 * older signal still stores or interrupts. A mutex, because the holder may be preempted.
	 */
	pthread_mutex_t signal_lock;
	struct qdio_indicators ind;
	_Atomic bool thinint; /* ind is set; for observers */

	/*
	 * queue_lock: SQBS/EQBS (an emulator's processor threads) against the control
	 * thread's replacing the set. The worker needs none: deactivate waits for it.
	 */
	pthread_mutex_t queue_lock;
	struct qdio_queues queues;
};

static inline enum qdio_queue_state qdio_state(const struct qdio_group *g)
{
	return (enum qdio_queue_state)atomic_load_explicit(&g->state, memory_order_acquire);
}

/* ---- between the files ------------------------------------------------------------------------
 */

/* command.c: execute the device's current command. */
struct qdio_outcome qdio_command_execute(struct qdio_group *g, unsigned dev);

/* establish.c */
struct qdio_outcome qdio_establish(struct qdio_group *g, unsigned dev);
struct qdio_outcome qdio_activate(struct qdio_group *g, unsigned dev);
/* End the queues in whatever state: no signal, SIGA or worker uses them afterwards. */
void qdio_queues_end(struct qdio_group *g, enum qdio_queue_state next);

/* interrupt.c. Return: CHSC response code. */
uint16_t qdio_indicators_set(struct qdio_group *g, const struct qdio_indicators *ind);
void qdio_indicators_drop(struct qdio_group *g);

/* qebsm.c */
uint64_t qdio_token(const struct qdio_group *g);

/* Ending statuses. */
static inline struct qdio_outcome qdio_outcome_ok(void)
{
	return (struct qdio_outcome){.dstat = QDIO_DSTAT_CHANNEL_END | QDIO_DSTAT_DEVICE_END};
}

static inline struct qdio_outcome qdio_outcome_check(uint8_t sense0)
{
	return (struct qdio_outcome){.dstat = QDIO_DSTAT_CHANNEL_END | QDIO_DSTAT_DEVICE_END |
					      QDIO_DSTAT_UNIT_CHECK,
				     .sense0 = sense0};
}

static inline struct qdio_outcome qdio_outcome_reject(void)
{
	return qdio_outcome_check(QDIO_SENSE0_COMMAND_REJECT);
}

#endif
