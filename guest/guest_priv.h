/* SPDX-License-Identifier: Apache-2.0 */
/* Private to guest/: the device and the layout of its storage. */
#ifndef GUEST_GUEST_PRIV_H
#define GUEST_GUEST_PRIV_H

#include <stdatomic.h>

#include "guest/guest.h"
#include "osa/osa_wire.h"

/* ---- layout, offsets from the storage's base; alignment: spec/qdio.md 3 ------------- */

enum guest_layout {
	GUEST_AT_QDR = 0x0,
	GUEST_AT_QIB = 0x1000,
	GUEST_AT_SLIB = 0x2000, /* + 4096 a queue: SLIB, behind it the SL */
	GUEST_AT_SLSB = 0x7000, /* + 256 a queue: states of two queues share no cache line */
	GUEST_AT_DSCI = 0x8000,
	GUEST_AT_LSI = 0x8100,
	GUEST_AT_CHSC = 0x9000,
	GUEST_AT_CCW = 0xA000, /* + 256 a device */
	GUEST_AT_READ = 0xB000,
	GUEST_AT_WRITE = 0xC000,
	GUEST_AT_DATA = 0xD000, /* SENSE ID and configuration data */
	GUEST_AT_SLIB_CQ = 0xE000,
	GUEST_AT_AOB = 0xF000,	 /* + 256 each */
	GUEST_AT_SBAL = 0x10000, /* + 32 KiB a queue */
	GUEST_AT_AREAS = 0x40000,
};
#define GUEST_QUEUES_MAX 6 /* one input, four output; the last one: completions */
#define GUEST_CQ 5u
static_assert(GUEST_AT_AOB + GUEST_AOBS * QDIO_AOB_BYTES <= GUEST_AT_SBAL, "AOBs");
static_assert(GUEST_AT_SBAL + GUEST_QUEUES_MAX * 0x8000u <= GUEST_AT_AREAS, "SBALs");
#define GUEST_PAGE 4096u
/*
 * Bytes from one buffer's area to the next: 16 pages of data and one more, so that the first
 * pages of neighbouring areas do not fall into the same sets of a cache with a power of two
 * of them.
 */
#define GUEST_AREA_BYTES GUEST_SLOT_BYTES
static_assert(GUEST_AREA_BYTES == 17 * GUEST_PAGE, "area");

/* ---- parts of a device ----------------------------------------------------------------- */

struct guest_sch {
	bool enabled;
	bool busy;     /* a start function has not ended */
	bool done;     /* its ending status is in irb */
	bool clearing; /* halt or clear was executed */
	bool cleared;  /* and its status is in irb */
	uint32_t parm; /* of the last ORB */
	struct guest_irb irb;
};

struct guest_ipa_slot {
	bool used, done;
	uint8_t cmd;
	uint16_t prot, seq;
	uint16_t rc;
	uint32_t supported, enabled;
	size_t len;
	uint8_t data[OSA_MSG_MAX];
};
#define GUEST_IPA_SLOTS 8

struct guest_txq {
	_Atomic uint8_t *slsb;
	struct qdio_sbal *sbal;
	uint8_t *area;	 /* of SBAL 0; SBAL i has area i % window */
	uint64_t addr;	 /* of area */
	unsigned window; /* SBALs in use at once, a power of two: few areas stay in the caches */
	unsigned busy;	 /* SBALs primed and not reclaimed: they begin at oldest */
	unsigned ready;	 /* SBALs committed behind those, not primed yet */
	uint8_t oldest;
	bool pci_asked; /* of a busy SBAL: */
	uint8_t pci_index;
	bool stuck; /* the state at oldest makes no sense: reported once */
	uint8_t frames[QDIO_BUFFERS];
	uint8_t ticket[QDIO_BUFFERS]; /* AOB of the SBAL, plus 1 */
};

/* An AOB: free, with an SBAL, with the adapter, or done and not yet told. */
enum guest_aob_state { GUEST_AOB_FREE, GUEST_AOB_SENT, GUEST_AOB_PENDING, GUEST_AOB_DONE };
struct guest_aobs {
	enum guest_aob_state state[GUEST_AOBS];
	struct guest_done done[GUEST_AOBS];
	size_t area;   /* of the first one's frame, offset in storage */
	uint32_t next; /* completion queue: the SBAL to look at */
};

/*
 * Input buffers are counted from 0 on for ever; buffer c stands in SBAL c % 128 and, the pool
 * being returned in order and a power of two, in area c % pool.
 *
 *   oldest .. parse   taken, all frames handed to the user
 *   parse .. seen     taken, not parsed (or partly, when entry >= 0)
 *   seen .. oldest + pool   the adapter's
 */
struct guest_rxq {
	_Atomic uint8_t *slsb;
	struct qdio_sbal *sbal;
	uint8_t *area;
	uint64_t addr;
	unsigned pool, refill, in_bytes;
	unsigned entries; /* of a buffer: as many pages */
	uint32_t oldest, parse, seen;
	uint32_t stopped; /* buffers before this one are in state NOTINIT already */
	bool stuck;
	/* Position in buffer parse. */
	int entry; /* -1: not begun */
	uint32_t off, len;
	bool last;
	uint8_t *p;		      /* the entry's bytes */
	uint8_t used[QDIO_BUFFERS];   /* entries the adapter may have written */
	uint8_t *where[QDIO_BUFFERS]; /* area of the buffer in this SBAL */
};

struct guest_registry {
	unsigned n_macs, n_groups, n_vids;
	uint8_t mac[GUEST_GROUPS_MAX][6]; /* beside the device's own */
	uint8_t group[GUEST_GROUPS_MAX][6];
	uint16_t vid[GUEST_GROUPS_MAX];
	bool promisc;
	/* layer 3 */
	unsigned n_ips, n_ip_groups;
	struct guest_ip ip[GUEST_IPS_MAX], ip_group[GUEST_IPS_MAX];
};

struct guest_dev {
	struct guest_config cfg;
	struct guest_storage st;
	struct guest_machine m;
	struct guest_stats stats;
	struct guest_info info;
	unsigned events;
	unsigned bridge_events;		   /* state changes of bridge ports */
	uint8_t bridge_role, bridge_state; /* of this one, by the last of them: enum osa_bridge_* */
	uint32_t next_parm;
	struct guest_sch sch[GUEST_DEVICES];

	/* SENSE ID, configuration data, CHSC */
	uint32_t ciw_rcd, ciw_eq, ciw_aq;
	uint8_t cula, unit_addr;
	bool machine_thin; /* general characteristic 67 */
	bool machine_tdd;  /* 56 */

	/* IDX, MPC */
	bool reading;	 /* the permanent READ is posted */
	bool terminated; /* IDX TERMINATE came: no READ any more */
	bool active;	 /* AQ was executed */
	uint32_t th_seq, pdu_seq, pdu_ack;
	uint32_t a_issuer, a_cm, a_ulpf, a_ulpc; /* the adapter's tokens */
	bool mpc_wait, mpc_done;
	size_t mpc_len;
	uint8_t mpc_pdu[OSA_MSG_MAX];
	uint8_t msg[OSA_MSG_MAX];

	/* IPA */
	uint16_t ipa_seq;
	struct guest_ipa_slot ipa[GUEST_IPA_SLOTS];
	bool have_mac;
	bool mac_read, mac_stale; /* read from an adapter; from one of an earlier machine */
	uint8_t assigned[6];	  /* what was read */
	struct guest_registry reg;

	struct guest_rxq rx;
	struct guest_txq tx[QDIO_OUT_QUEUES_MAX];
	struct guest_aobs aobs;
	uint16_t qdioac2, qdioac3;
	struct {
		struct guest_address at[GUEST_CHANGES];
		unsigned n;
		bool lost;
	} changes; /* of addresses, not asked for yet */
	uint8_t mmwc;
};

static inline void *guest_host(struct guest_dev *d, size_t off)
{
	return d->st.host + off;
}

static inline uint64_t guest_addr(const struct guest_dev *d, size_t off)
{
	return d->st.base + off;
}

static inline void guest_violate(struct guest_dev *d, enum guest_violation v)
{
	d->stats.violation[v]++;
	d->stats.violations++;
}

/* The layer as the RRH of IPA messages and ULP_ENABLE name it. */
static inline uint8_t guest_protocol(const struct guest_dev *d)
{
	return d->cfg.layer == 3 ? OSA_PROTOCOL_LAYER3 : OSA_PROTOCOL_LAYER2;
}

static inline int guest_timeout(const struct guest_dev *d, int as_qeth_ms)
{
	return d->cfg.timeout_ms ? d->cfg.timeout_ms : as_qeth_ms;
}

/* ---- subchannel.c -------------------------------------------------------------------------- */

/* Handle the I/O interruptions that are there. Return: 0 or -errno (the machine is gone). */
int guest_sch_poll(struct guest_dev *d);
/* Until *flag is set. Return: 0, -ETIMEDOUT, -errno. */
int guest_sch_wait(struct guest_dev *d, const bool *flag, int timeout_ms);
/* SSCH of the program at the device's CCW area. Return: 0, or -EIO (condition code), -errno. */
int guest_sch_start(struct guest_dev *d, unsigned dev, bool prefetch);
/* Put CCW n of the device's program. @addr: of its data, absolute. */
void guest_sch_ccw(struct guest_dev *d, unsigned dev, unsigned n, uint8_t cmd, uint8_t flags,
		   uint16_t count, uint64_t addr);
/* Start and wait. Return: bytes transferred of count by the last CCW, or -errno. */
int guest_sch_run(struct guest_dev *d, unsigned dev, uint16_t count, int timeout_ms);
int guest_sch_enable(struct guest_dev *d, unsigned dev, bool on);
int guest_sch_halt(struct guest_dev *d, unsigned dev);
int guest_sch_clear(struct guest_dev *d, unsigned dev);
int guest_sense_id(struct guest_dev *d, unsigned dev);
int guest_rcd(struct guest_dev *d);
int guest_eq(struct guest_dev *d);
int guest_aq(struct guest_dev *d);

/* ---- chsc.c ------------------------------------------------------------------------------------
 */

int guest_chsc_characteristics(struct guest_dev *d);
int guest_chsc_path(struct guest_dev *d);
int guest_chsc_ssqd(struct guest_dev *d);
int guest_chsc_sadc(struct guest_dev *d, bool set);

/* ---- mpc.c
 * --------------------------------------------------------------------------------------- */

int guest_idx(struct guest_dev *d, unsigned dev);
int guest_mpc_bring_up(struct guest_dev *d);
int guest_mpc_dm_act(struct guest_dev *d);
int guest_post_read(struct guest_dev *d);
/* A READ ended with n bytes. */
void guest_message(struct guest_dev *d, size_t n);
/* Put the envelope in front of a PDU of len bytes and WRITE it. */
int guest_mpc_write(struct guest_dev *d, enum osa_class class, uint8_t protocol, uint32_t token,
		    size_t len);

/* ---- ipa.c
 * ------------------------------------------------------------------------------------------ */

void guest_ipa_message(struct guest_dev *d, const uint8_t *pdu, size_t len);
/* Send and wait. @in and @len of the reply's command data; either may be NULL. */
int guest_ipa_call(struct guest_dev *d, uint8_t cmd, uint16_t prot, const void *out, size_t out_len,
		   void *in, size_t cap, size_t *len);
/* The commands between DM_ACT and the handing over of input buffers. */
/* iqd_lan.c: an event. @data: behind the IPA header. */
void guest_address_event(struct guest_dev *d, const uint8_t *data, size_t len);
int guest_ipa_bring_up(struct guest_dev *d);
int guest_ipa_read_mac(struct guest_dev *d);
/* The adapter assigns the device this address. */
void guest_ipa_assigned(struct guest_dev *d, const uint8_t mac[6]);

/* ---- registry.c
 * ------------------------------------------------------------------------------------- */

/* The device's MAC, and everything that was registered before. */
int guest_register_all(struct guest_dev *d);

/* ---- layer3.c
 * ---------------------------------------------------------------------------------------- */

/* In layer 3, in place of what guest_register_all does for layer 2. */
int guest_l3_register_all(struct guest_dev *d);

/* ---- assist.c
 * ----------------------------------------------------------------------------------------- */

/* Switch on the offloads that are wanted and offered. Refusals are no errors. */
int guest_assists(struct guest_dev *d);

/* ---- queues.c, tx.c, rx.c
 * ------------------------------------------------------------------------------ */

void guest_queues_build(struct guest_dev *d);
/* After EQ: states to not-initialised. */
void guest_queues_states(struct guest_dev *d);
/* Check what EQ may not have touched. */
void guest_queues_check_eq(struct guest_dev *d);
/* Hand over the whole pool. Return: 0 or -EIO (SIGA). */
int guest_rx_start(struct guest_dev *d);
/* SIGA; counts what no adapter may answer. Return: 0 or -EIO. */
int guest_siga(struct guest_dev *d, enum qdio_siga_fc fc, unsigned q);
int guest_siga_aob(struct guest_dev *d, unsigned q, uint64_t aob);
/* iqd.c: the completion queue, after EQ; an SBAL with a ticket was completed with this state. */
void guest_cq_start(struct guest_dev *d);
void guest_aob_completed(struct guest_dev *d, unsigned ticket, uint8_t state, uint8_t reason);
_Atomic uint8_t *guest_dsci(struct guest_dev *d);

#endif
