/* SPDX-License-Identifier: Apache-2.0 */
/*
 * QDIO, the device side: a triple of subchannels whose third carries queues.
 *
 * The library owns no thread, socket or clock. Its owner (zland's channel
 * socket, or an emulator's device module) drives the control calls from one
 * thread at a time; the data calls on a queue come from the one worker that
 * serves the port. What the library wants done elsewhere it asks for through
 * qdio_env_ops; the adapter behind it (osa, hipersockets) is reached through
 * qdio_cu_ops.
 *
 * Rules and layouts: spec/qdio.md; the sections are named at each function.
 */
#ifndef QDIO_QDIO_H
#define QDIO_QDIO_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "qdio/qdio_wire.h"

/* ---- guest storage ------------------------------------------------------------ */

#define QDIO_REGIONS_MAX 8

enum qdio_access { QDIO_FETCH = 1, QDIO_STORE = 2 };

struct qdio_region {
	uint64_t addr; /* guest absolute */
	uint64_t len;
	uint8_t *host;
};

/*
 * Storage is a few flat regions, or a callback where keys and reference bits
 * matter (an emulator). Either way a mapping holds while the queues run. What is not used
 * of it is zero.
 */
struct qdio_storage {
	unsigned n;
	struct qdio_region region[QDIO_REGIONS_MAX];
	/*
	 * Instead of regions: return the host address of len bytes, contiguous, or
	 * NULL. Checks the key for every 4 KiB frame touched and sets reference
	 * (and, for stores, change) bits: spec/qdio.md 3.2. Any thread.
	 */
	void *(*map)(void *ctx, uint64_t addr, uint64_t len, uint8_t key, enum qdio_access access);
	void *ctx;
};

/* The general case of qdio_storage_map. */
void *qdio_storage_map_any(const struct qdio_storage *st, uint64_t addr, uint64_t len, uint8_t key,
			   enum qdio_access access);

/*
 * The host address of guest storage [addr, addr + len).
 * @key: access key in the low four bits.
 * Return: the address, or NULL if any byte lies outside or is protected, or
 * len is 0. Any thread; never blocks.
 *
 * Inline for the first region, because the data path calls it for every SBALE. Needs region[0]
 * to be zero where there is none. Both differences wrap to large numbers where addr is below the
 * region or len is 0.
 */
static inline void *qdio_storage_map(const struct qdio_storage *st, uint64_t addr, uint64_t len,
				     uint8_t key, enum qdio_access access)
{
	const struct qdio_region *r = &st->region[0];
	uint64_t off = addr - r->addr;

	if (__builtin_expect(off < r->len && len - 1 < r->len - off, 1))
		return r->host + off;
	return qdio_storage_map_any(st, addr, len, key, access);
}

/*
 * Is the description of storage usable: one to QDIO_REGIONS_MAX regions that are neither empty nor
 * overlap nor wrap, whose host addresses have the same place in 16 bytes as the guest's; or a
 * callback and no region. Return: 0 or -EINVAL.
 */
int qdio_storage_check(const struct qdio_storage *st);

/* Copy out of or into storage. Return: 0 or -EFAULT (then nothing was copied). */
int qdio_storage_fetch(const struct qdio_storage *st, void *dst, uint64_t addr, size_t len,
		       uint8_t key);
int qdio_storage_store(const struct qdio_storage *st, uint64_t addr, const void *src, size_t len,
		       uint8_t key);

/* ---- queues -------------------------------------------------------------------- */

/*
 * One queue as established. Public so that an adapter's data path can be
 * inlined; only the functions below change it.
 */
struct qdio_queue {
	const struct qdio_storage *st;
	_Atomic uint8_t *slsb;		      /* 128 states in guest storage */
	struct qdio_sbal *sbal[QDIO_BUFFERS]; /* host addresses; NULL where the SL entry is bad */
	uint8_t cursor;			      /* next buffer to look at; input: to publish */
	uint8_t data_key;		      /* key of SBALs and data */
	bool input;
	bool always;	 /* every publication signals: see qdio_group_config.qebsm_elsewhere */
	uint8_t nr;	 /* within its direction */
	uint64_t errors; /* buffers returned with an error state */

	/* Input: leases (queue.c). Changed under lock. */
	_Atomic bool lock;
	uint8_t leased; /* buffers from the cursor on that workers are filling, at most 128 */
	uint8_t mark[QDIO_BUFFERS]; /* enum qdio_mark: filled, but one before it is not */
};

/* One entry of an SBAL, read once. data is NULL if the range is not valid. */
struct qdio_entry {
	uint8_t *data;
	union {
		uint64_t flags_len; /* the entry's first doubleword, in this machine's byte order */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
		struct {
			uint32_t len;
			uint8_t sflags, reserved[2], eflags;
		};
#else
		struct {
			uint8_t eflags, reserved[2], sflags;
			uint32_t len;
		};
#endif
	};
};

/*
 * Output: how many buffers from the cursor on are primed, at most max (<= 128).
 * Acquire: what the guest stored before priming them is visible. They belong to
 * the device until qdio_out_complete. Does not move the cursor.
 */
unsigned qdio_out_primed(const struct qdio_queue *q, unsigned max);

/*
 * Output: give back n buffers from the cursor on and advance. state[i] is
 * QDIO_OUT_EMPTY or QDIO_OUT_ERROR; for errors entry/reason go to SBALF 14/15
 * first. Release; the states are stored in ring order, together.
 */
struct qdio_result {
	uint8_t state;
	uint8_t entry;
	uint8_t reason;
};
void qdio_out_complete(struct qdio_queue *q, const struct qdio_result *res, unsigned n);
/* The same for n buffers that all are empty. */
void qdio_out_emptied(struct qdio_queue *q, unsigned n);

/*
 * Input, by any number of workers at once: lease buffers, fill them, publish.
 *
 *	first = qdio_in_lease(q);		others wait from here
 *	while (... qdio_in_empty(q, n))		look at buffer first + n
 *		n++;
 *	qdio_in_leased(q, n);			to here
 *	...					fill them; slow and alone
 *	signal = qdio_in_publish(q, first, n, false);
 *
 * Buffers are handed over in ring order: those behind one that is still being filled wait for it,
 * their workers do not, and whoever publishes the last gap hands over everything behind it too.
 * Every lease must be published, before the queues end.
 */
/* Return: number (0..127) of the first buffer that is not leased. */
unsigned qdio_in_lease(struct qdio_queue *q);
/* Is the buffer behind the leased ones by i empty, for the device to fill? */
static inline bool qdio_in_empty(const struct qdio_queue *q, unsigned i)
{
	i += q->leased;
	return i < QDIO_BUFFERS && atomic_load_explicit(&q->slsb[(q->cursor + i) % QDIO_BUFFERS],
							memory_order_acquire) == QDIO_IN_EMPTY;
}
void qdio_in_leased(struct qdio_queue *q, unsigned n);

/*
 * Input: n buffers from number first on, a lease or the beginning of what is left of one, are
 * filled: lengths and flags are in their SBALs. @bad: but for the last of them, which cannot be
 * filled: it goes back as an error. Three in a row make some guests take the interface down
 * (spec/qdio.md 4.5), so only for buffers that are themselves not valid.
 * Return: true if the guest must be signalled; false if rule 9.5 A of spec/qdio.md shows that it
 * is polling or already signalled, or if somebody else will hand them over.
 */
bool qdio_in_publish(struct qdio_queue *q, unsigned first, unsigned n, bool bad);
/*
 * The same for a queue that never has leases: a lock of its owner's keeps others away from the
 * first qdio_in_empty until here. The buffers are those from the cursor on.
 */
bool qdio_in_publish_alone(struct qdio_queue *q, unsigned n, bool bad);

/* Read entry e (< QDIO_SBAL_ENTRIES) of one of the queue's SBALs; every field once. */
static inline struct qdio_entry qdio_entry_read(const struct qdio_queue *q,
						const struct qdio_sbal *sbal, unsigned e,
						enum qdio_access access)
{
	/* Two loads of a doubleword each: the guest may change the entry at any time. */
	const _Atomic uint64_t *w = (const _Atomic uint64_t *)(const void *)&sbal->e[e];
	uint64_t flags_len = be64_swap(atomic_load_explicit(&w[0], memory_order_relaxed));
	uint64_t addr = be64_swap(atomic_load_explicit(&w[1], memory_order_relaxed));

	return (struct qdio_entry){
		.data = qdio_storage_map(q->st, addr, (uint32_t)flags_len, q->data_key, access),
		.flags_len = flags_len,
	};
}

/* Ask for an entry's first bytes: a short frame with its header lies in two lines as a rule. */
static inline void qdio_entry_ask(const struct qdio_entry *e)
{
	__builtin_prefetch(e->data); /* may be NULL */
	__builtin_prefetch((const void *)((uintptr_t)e->data + 64));
}

/* One entry, its two doublewords at w; the region is the caller's copy, so that the compiler need
 * not read it again for each. */
static inline struct qdio_entry qdio_entry_load(const struct qdio_queue *q,
						const struct qdio_region *r,
						const _Atomic uint64_t *w, enum qdio_access access)
{
	uint64_t flags_len = be64_swap(atomic_load_explicit(&w[0], memory_order_relaxed));
	uint64_t addr = be64_swap(atomic_load_explicit(&w[1], memory_order_relaxed));
	uint64_t off = addr - r->addr, len = (uint32_t)flags_len;
	uint8_t *data = r->host + off;

	if (__builtin_expect(off >= r->len || len - 1 >= r->len - off, 0))
		data = qdio_storage_map_any(q->st, addr, len, q->data_key, access);
	return (struct qdio_entry){.data = data, .flags_len = flags_len};
}

/*
 * Read the entries of an SBAL up to the last one.
 * @ask: the data of entries stored in front of it are asked for from memory, but for those
 * that only go on with a frame: these the processor sees coming.
 * Return: how many, 0 if none is the last; all are at to then.
 */
static inline unsigned qdio_entries_read(const struct qdio_queue *q, const struct qdio_sbal *sbal,
					 enum qdio_access access, struct qdio_entry *to,
					 const struct qdio_entry *ask)
{
	const _Atomic uint64_t *w = (const _Atomic uint64_t *)(const void *)sbal->e;
	const struct qdio_region r = q->st->region[0];

	for (unsigned e = 0; e < QDIO_SBAL_ENTRIES; e++, w += 2, to++) {
		struct qdio_entry x = qdio_entry_load(q, &r, w, access);

		*to = x;
		if (to < ask && !(x.flags_len >> 56 & QDIO_EFLAG_FRAG_MIDDLE))
			qdio_entry_ask(&x);
		if (x.flags_len >> 56 & QDIO_EFLAG_LAST)
			return e + 1;
	}
	return 0;
}

/*
 * Read entries of a buffer from e on that have room for *need bytes together: as many as it takes,
 * none behind the last one or behind one that is not valid, whose data is NULL then.
 * @buffer: one that has a list: its first entry was read. @e: less than QDIO_SBAL_ENTRIES.
 * @need: what there was no room for afterwards.
 * Return: how many.
 */
static inline unsigned qdio_entries_room(const struct qdio_queue *q, unsigned buffer, unsigned e,
					 uint64_t *need, struct qdio_entry *to)
{
	const struct qdio_sbal *sbal = q->sbal[buffer % QDIO_BUFFERS];
	const _Atomic uint64_t *w = (const _Atomic uint64_t *)(const void *)&sbal->e[e];
	const struct qdio_region r = q->st->region[0];
	uint64_t left = *need;
	unsigned n = 0;
	bool last;

	do {
		struct qdio_entry x = qdio_entry_load(q, &r, w, QDIO_STORE);
		uint32_t len = (uint32_t)x.flags_len;

		to[n++] = x;
		w += 2;
		if (x.data)
			left -= len < left ? len : left;
		last = !x.data || x.flags_len >> 56 & QDIO_EFLAG_LAST;
	} while (left && !last && e + n < QDIO_SBAL_ENTRIES);
	*need = left;
	return n;
}

/* Read entry e of a buffer. */
static inline struct qdio_entry qdio_entry_get(const struct qdio_queue *q, unsigned buffer,
					       unsigned e, enum qdio_access access)
{
	const struct qdio_sbal *sbal = q->sbal[buffer % QDIO_BUFFERS];

	if (!sbal || e >= QDIO_SBAL_ENTRIES)
		return (struct qdio_entry){0};
	return qdio_entry_read(q, sbal, e, access);
}

/* Length and eflags of an entry. */
static inline void qdio_sbale_put(struct qdio_sbale *to, uint32_t len, uint8_t eflags)
{
	to->eflags = eflags;
	to->length = be32_of(len);
}

/* Write length and eflags of an entry of an input buffer that is about to be published. */
static inline void qdio_entry_put(struct qdio_queue *q, unsigned buffer, unsigned e, uint32_t len,
				  uint8_t eflags)
{
	struct qdio_sbal *sbal = q->sbal[buffer % QDIO_BUFFERS];

	if (!sbal || e >= QDIO_SBAL_ENTRIES)
		return;
	qdio_sbale_put(&sbal->e[e], len, eflags);
}

/* Prefetch the SBALs of n buffers from the cursor on. */
void qdio_queue_prefetch(const struct qdio_queue *q, unsigned n);

/* The set that ESTABLISH QUEUES made: exists from EQ until halt, clear or reset. */
struct qdio_queues {
	unsigned n_in, n_out;
	struct qdio_queue in[QDIO_IN_QUEUES_MAX];
	struct qdio_queue out[QDIO_OUT_QUEUES_MAX];
	uint8_t qib_parm[128]; /* advisory: spec/qdio.md 3.3 */
};

/* ---- the triple ------------------------------------------------------------------ */

#define QDIO_DEVICES 3

struct qdio_group;

/* What TEST SUBCHANNEL would store. */
struct qdio_irb {
	uint32_t parm; /* interruption parameter of the ORB that started it */
	struct qdio_scsw scsw;
	uint8_t sense[QDIO_SENSE_BYTES]; /* concurrent sense with unit check, else zero */
};

/* What the owner of a group does for it. */
struct qdio_env_ops {
	/*
	 * Make the subchannel status pending. Control thread. Called for ending
	 * status, halt and clear; never for a PCI. Replaces a PCI that is still pending on dev
	 * (spec/qdio.md 11.3 step 3). May start the next program before it returns.
	 */
	void (*interrupt)(void *env, unsigned dev, const struct qdio_irb *irb);
	/*
	 * Program-controlled interruption on dev (classic model): spec/qdio.md 9.2.
	 * The worker's thread. Merges while one is pending; qdio_group_pci_status gives the
	 * status. Called with a lock of the group held, so that none comes after halt and clear:
	 * it must neither call the group's control functions nor wait for whoever does.
	 */
	void (*pci)(void *env, unsigned dev);
	/*
	 * Adapter interruption for the subclass (thin model). The worker's thread. The
	 * indicators have been stored. No lock is held.
	 */
	void (*adapter_interrupt)(void *env, unsigned isc);
	/* The worker is to look at the output queues: SIGA-w or -s was executed. Any thread; no
	 * lock is held. */
	void (*kick)(void *env);
	/*
	 * The guest is to be signalled, but perhaps not by this thread: it has a lock that pci,
	 * called with a lock of the group held, waits for. None of the group's is held here. May
	 * be NULL.
	 * Return: true: the owner will call qdio_group_signal by another thread.
	 */
	bool (*later)(void *env);
};

/* Why the control unit forgets. */
enum qdio_reset { QDIO_RESET_HALT, QDIO_RESET_CLEAR, QDIO_RESET_SYSTEM };

/* A SIGNAL ADAPTER as executed: spec/qdio.md 6. */
struct qdio_signal {
	enum qdio_siga_fc fc;
	uint32_t queues; /* QDIO_SIGA_QUEUE bits, existing queues only */
	uint64_t aob;	 /* of -wq: absolute address, or 0 */
};

/* What the adapter behind the channel does. All but write are about the group's control thread. */
/* PERFORM NETWORK-SUBCHANNEL OPERATION: spec/qdio.md 8.5. */
struct qdio_pnso {
	uint8_t op;	/* enum qdio_pnso_op */
	bool notify;	/* and tell of changes from now on; else not any more */
	be64 resume[2]; /* of the answer before, 0: the first one */
};

struct qdio_cu_ops {
	/*
	 * A WRITE on device dev carried len (<= 4096) bytes.
	 * Return: 0, or -errno: unit check with command reject.
	 */
	int (*write)(void *cu, unsigned dev, const uint8_t *msg, size_t len);
	/*
	 * A READ on device dev: store the next queued message.
	 * Return: its length (1..cap), or 0: nothing yet, the READ is held until
	 * qdio_group_readable(dev).
	 */
	size_t (*read)(void *cu, unsigned dev, uint8_t *buf, size_t cap);
	/* AQ: the queues may be used from now on. Return: 0 or -errno (command reject). */
	int (*activate)(void *cu, unsigned dev, struct qdio_queues *q);
	/*
	 * The queues end. On return no thread touches guest storage through them.
	 * Called only between activate and the next.
	 */
	void (*deactivate)(void *cu, unsigned dev);
	/* HALT, CLEAR or system reset of dev (after deactivate where queues ran). */
	void (*reset)(void *cu, unsigned dev, enum qdio_reset why);
	/*
	 * Optional: SIGA-w, -wm, -wq and -r are the control unit's own (HiperSockets deliver
	 * inside of them). Without it -w wakes the worker, -wm and -wq are not provided. Any
	 * thread; the queues were active a moment ago, and deactivate may run at the same time.
	 * Return: condition code 0 or 2; 2 and *busy: nothing was done.
	 */
	int (*siga)(void *cu, const struct qdio_signal *s, bool *busy);
	/*
	 * Optional: PNSO. @data: cap zero bytes for the response behind its header; *len: used.
	 * Return: the response code.
	 */
	uint16_t (*pnso)(void *cu, const struct qdio_pnso *q, uint8_t *data, size_t cap,
			 size_t *len);
};

/* What the group is; spec/qdio.md 1, 2.2, 2.3, 8.2. */
struct qdio_group_config {
	uint16_t subchannel[QDIO_DEVICES]; /* subchannel numbers */
	uint16_t devno[QDIO_DEVICES];
	uint8_t chpid, cula, unit_addr; /* unit_addr: of device 2 */
	uint8_t chpid_type;		/* QDIO_CHPID_OSD ... */
	uint8_t qfmt;			/* QDIO_FORMAT_* */
	uint8_t cu_model, dev_model;
	bool thin_interrupts; /* general characteristic 67 */
	bool qebsm;	      /* offer EQBS/SQBS: general characteristic 58 */
	/*
	 * The owner's processor executes EQBS and SQBS itself, without the barriers that the guest
	 * leaves to them and that 9.5 A relies on: no signal is suppressed while they are on.
	 */
	bool qebsm_elsewhere;
	uint8_t out_queues; /* 1..4 */
	uint8_t ports;	    /* SSQD pcnt */
	uint8_t mmwc;
	uint16_t qdioac2, qdioac3;
};

/*
 * Make a group. Everything is copied; storage may be set later but before the
 * first channel program.
 * Return: the group, or NULL and errno (ENOMEM, EINVAL).
 */
struct qdio_group *qdio_group_create(const struct qdio_group_config *cfg,
				     const struct qdio_env_ops *env_ops, void *env,
				     const struct qdio_cu_ops *cu_ops, void *cu);
/* System reset, then free. NULL is legal. */
void qdio_group_destroy(struct qdio_group *g);
/*
 * Legal only while no channel program runs and no queues are established; drops registered
 * indicators. Return: 0, -EBUSY, -EINVAL (see qdio_storage_check).
 */
int qdio_group_set_storage(struct qdio_group *g, const struct qdio_storage *st);
const struct qdio_group_config *qdio_group_config(const struct qdio_group *g);

/* ---- instructions; control thread; each returns the condition code 0..3 --------------- */

/* MODIFY SUBCHANNEL, as far as it matters here. A disabled subchannel answers cc 3. */
int qdio_msch(struct qdio_group *g, unsigned dev, bool enabled, unsigned isc);
/* START SUBCHANNEL. The status arrives through env->interrupt, possibly before the return. */
int qdio_ssch(struct qdio_group *g, unsigned dev, const struct qdio_orb *orb);
int qdio_hsch(struct qdio_group *g, unsigned dev);
int qdio_csch(struct qdio_group *g, unsigned dev);
/* Reset of the whole group without interruptions; indicators are dropped. */
void qdio_system_reset(struct qdio_group *g);

/*
 * One command of a channel program whose CCWs the owner fetches and whose data it moves, as an
 * emulator's channel does.
 */
struct qdio_single {
	uint8_t cmd;
	uint8_t last_cmd; /* the command this one is chained from, or 0 */
	uint8_t key;	  /* of the ORB */
	bool idaw64;	  /* the ORB names format-2 IDAWs, and with them the 64-bit QDR */
	uint16_t count;
	uint8_t *data; /* count bytes: taken by a write or control command, filled by the others */
};
/*
 * Execute it as a program of its own. It ends as others do, through env->interrupt, possibly
 * before the return: the status has unit status, sense and the residual count, incorrect length
 * is the owner's to see. Data is in use until then, or until halt, clear or reset.
 * Control thread. Return: condition code, as qdio_ssch.
 */
int qdio_execute(struct qdio_group *g, unsigned dev, const struct qdio_single *single);

/*
 * A message for device dev can be read: completes a held READ. Control thread.
 */
void qdio_group_readable(struct qdio_group *g, unsigned dev);

/*
 * End the channel program that activated the queues, with unit check: the guest sees an
 * activate check and recovers (spec/qdio.md 11.4). Control thread, not from within a call
 * to the control unit. Does nothing unless the queues are active.
 */
void qdio_group_broken(struct qdio_group *g);

/*
 * SIGNAL ADAPTER. Any thread that may run beside the control thread's calls
 * only where the owner serialises it with halt and clear.
 * @gr0: function code in, busy bit out. @gr1: subsystem-identification word or token.
 * Return: condition code, or a negative program-interruption: -QDIO_PGM_OPERAND,
 * -QDIO_PGM_SPECIFICATION (spec/qdio.md 6.4).
 */
enum { QDIO_PGM_SPECIFICATION = 6, QDIO_PGM_OPERAND = 21 };
int qdio_siga(struct qdio_group *g, uint64_t *gr0, uint64_t gr1, uint64_t gr2, uint64_t gr3);

/*
 * QEBSM (spec/qdio.md 7). The four operands as the instruction has them; updated in place.
 * @token: GR1. Return: condition code or -QDIO_PGM_SPECIFICATION.
 */
int qdio_sqbs(struct qdio_group *g, uint64_t token, uint64_t *r1, uint64_t *r3, uint8_t state);
int qdio_eqbs(struct qdio_group *g, uint64_t token, uint64_t *r1, uint64_t *r2, uint64_t *r3);

/*
 * CHSC for machines whose only QDIO devices are the given groups.
 * @block: 4096 bytes: request at 0, response behind it (spec/qdio.md 8). Host memory, private
 * to the call. Unknown commands get response code 0x0002 or 0x0004.
 * Return: condition code, or -QDIO_PGM_OPERAND if the length field of the request leaves no place
 * for a response.
 */
int qdio_chsc(struct qdio_group *const *groups, unsigned n, uint8_t block[QDIO_CHSC_BLOCK_BYTES]);

/* ---- signals to the guest; the worker's thread ------------------------------------------- */

/*
 * Signal the guest that buffers changed: PCI or adapter interruption by what was set up. Does
 * nothing unless the queues are active. Orders the state bytes stored before against the
 * indicators (spec/qdio.md 12 row 3). May wait shortly for the control thread.
 */
void qdio_group_signal(struct qdio_group *g);

/* Have the owner wake the worker (qdio_env_ops.kick): the adapter has work of its own. Any thread;
 * no lock of the caller's may be needed by the worker. */
void qdio_group_kick(struct qdio_group *g);

/* The status that TEST SUBCHANNEL stores for a PCI: 9.2. Any thread while the queues are active. */
void qdio_group_pci_status(const struct qdio_group *g, struct qdio_irb *irb);

/* ---- observation ---------------------------------------------------------------------------- */

enum qdio_queue_state { QDIO_IDLE, QDIO_ESTABLISHED, QDIO_ACTIVE, QDIO_BROKEN };
enum qdio_queue_state qdio_group_state(const struct qdio_group *g);
/* The set that ESTABLISH QUEUES made last; without queues where there is none. Control thread. */
const struct qdio_queues *qdio_group_queues(const struct qdio_group *g);
bool qdio_group_thinint(const struct qdio_group *g); /* indicators are registered */

/* Called for every channel command executed, for traces; may be NULL. */
typedef void qdio_trace_fn(void *ctx, unsigned dev, const struct qdio_ccw1 *ccw,
			   const uint8_t *data, size_t len);
void qdio_group_set_trace(struct qdio_group *g, qdio_trace_fn *fn, void *ctx);

#endif
