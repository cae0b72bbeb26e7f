/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The guest side: a driver for an OSA-Express adapter in QDIO mode.
 *
 * The library is a device driver without an operating system around it. It
 * shares nothing with the adapter it talks to but the wire headers, so that a
 * misreading on one side does not hide on the other. The machine is reached
 * through guest_transport_ops: over the channel socket (guest_channel), or in
 * the same process (tests).
 *
 * A device and everything below is used by one thread at a time.
 */
#ifndef GUEST_GUEST_H
#define GUEST_GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "qdio/qdio_wire.h"

#define GUEST_DEVICES 3
#define GUEST_FRAME_MAX 65504u /* Ethernet header to end: 64 KiB - 32 (spec/osa-qeth.md 7.7) */
#define GUEST_GROUPS_MAX 256   /* group addresses a device remembers */
#define GUEST_IPS_MAX 16       /* IP addresses, and as many groups, in layer 3 */

/* ---- storage ------------------------------------------------------------------ */

/* Guest storage: one memfd, mapped here, that a daemon can map as well. */
struct guest_storage {
	int fd;
	uint64_t base; /* guest absolute address of its first byte */
	size_t bytes;
	uint8_t *host;
};

/*
 * Make storage of at least the given size, in huge pages where the kernel gives them to
 * shared memory, sealed against shrinking and growing.
 * @base: guest absolute address, multiple of 4096.
 * Return: 0 or -errno. Context: any.
 */
int guest_storage_create(struct guest_storage *st, uint64_t base, size_t bytes);
void guest_storage_destroy(struct guest_storage *st);

/* ---- the machine ------------------------------------------------------------------ */

/* What TEST SUBCHANNEL would store. */
struct guest_irb {
	unsigned dev;
	uint32_t parm;
	struct qdio_scsw scsw;
	uint8_t sense[QDIO_SENSE_BYTES];
};

enum guest_pending {
	GUEST_PENDING_PCI = 1u << 0,  /* program-controlled interruption of the data device */
	GUEST_PENDING_AIRQ = 1u << 1, /* adapter interruption: look at the indicators */
};

/*
 * How to reach the machine. Each instruction returns its condition code, or
 * -errno when the machine is gone (-ENOTCONN).
 */
struct guest_transport_ops {
	int (*msch)(void *t, unsigned dev, bool enabled, unsigned isc);
	int (*ssch)(void *t, unsigned dev, const struct qdio_orb *orb);
	int (*hsch)(void *t, unsigned dev);
	int (*csch)(void *t, unsigned dev);
	int (*chsc)(void *t, uint64_t addr); /* of a 4 KiB block in storage */
	/* Program interruption n is returned as -(1000 + n): GUEST_PGM. */
	int (*siga)(void *t, uint64_t *gr0, uint64_t gr1, uint64_t gr2, uint64_t gr3);
	/* Sleep until an interruption may be there. Return: 1, 0 at time-out, -errno. */
	int (*wait)(void *t, int timeout_ms);
	/* Take the oldest I/O interruption. Return: 1, 0 if there is none, -errno. */
	int (*next_irb)(void *t, struct guest_irb *irb);
	/* Take what is pending for the data path: enum guest_pending bits. */
	unsigned (*take_pending)(void *t);
};
#define GUEST_PGM(n) (-1000 - (n))

/* The machine as one device sees it. */
struct guest_machine {
	const struct guest_transport_ops *ops;
	void *ctx;
	uint16_t subchannel[GUEST_DEVICES]; /* read, write, data */
	uint16_t devno[GUEST_DEVICES];
	uint8_t chpid;
};

/* ---- what a driver finds wrong with its adapter -------------------------------------- */

/* X(ENUM, text). An adapter as specified causes none of them. */
#define GUEST_VIOLATION_LIST(X)                                                                    \
	X(SENSE_ID, "SENSE ID data without 0xFF, OSA type or a needed CIW")                        \
	X(RCD, "configuration data shorter than 96 bytes")                                         \
	X(CHSC, "CHSC response missing, short or refused")                                         \
	X(STATUS, "ending status other than channel end and device end")                           \
	X(IRQ_PARM, "interruption with another parameter than the ORB's")                          \
	X(IRQ_STRAY, "interruption nobody waited for")                                             \
	X(CLEAR_STATUS, "wrong status after halt or clear")                                        \
	X(IDX_ANSWER, "IDX answer with a wrong level, size or identifier")                         \
	X(MSG_HEADER, "control message with unreachable or inconsistent parts")                    \
	X(MSG_TOKEN, "control message for another connection")                                     \
	X(MPC_STRAY, "MPC answer without a request")                                               \
	X(MPC_LAYOUT, "MPC answer with a sub-vector out of place")                                 \
	X(IPA_STRAY, "IPA reply without a request")                                                \
	X(IPA_ECHO, "IPA reply with another command or protocol than asked")                       \
	X(IPA_SHORT, "IPA reply too short for its command")                                        \
	X(EQ_QIB, "ESTABLISH QUEUES without output-PCI support or with a changed QIB")             \
	X(EQ_SLSB, "ESTABLISH QUEUES changed a buffer state")                                      \
	X(TX_STATE, "output buffer state that no adapter may store")                               \
	X(TX_STALE_REASON, "error reason stored in a good output buffer")                          \
	X(RX_STATE, "input buffer state that no adapter may store")                                \
	X(RX_ENTRY_LENGTH, "input entry of zero or more than 4096 bytes in use")                   \
	X(RX_ENTRY_ADDRESS, "input entry with a changed address")                                  \
	X(RX_ENTRY_UNUSED, "unused input entry changed")                                           \
	X(RX_NO_LAST, "input buffer without a last-entry flag")                                    \
	X(RX_HEADER_ID, "frame header of unknown type")                                            \
	X(RX_HEADER_LENGTH, "frame shorter than an Ethernet header")                               \
	X(RX_HEADER_CAST, "frame header whose cast bits contradict the address")                   \
	X(RX_OVERRUN, "frame runs past the last entry")                                            \
	X(AOB, "completion queue names an AOB that is not the adapter's")                          \
	X(INDICATOR, "store beside the indicator bytes")                                           \
	X(SIGA, "SIGA condition code that no adapter may give")

enum guest_violation {
#define X(id, text) GUEST_VIOLATION_##id,
	GUEST_VIOLATION_LIST(X)
#undef X
		GUEST_VIOLATION_COUNT,
};
const char *guest_violation_text(enum guest_violation v);

struct guest_stats {
	uint64_t violations; /* sum of violation[] */
	uint64_t violation[GUEST_VIOLATION_COUNT];
	uint64_t tx_frames, tx_sbals, tx_errors, tx_sigas, tx_tack_ons;
	uint8_t tx_error_entry, tx_error_reason; /* SBALF 14/15 of the last error */
	/* HiperSockets: of tx_errors, the receiver had no empty buffer; nobody has the address.
	 * SBALs left to the adapter with an AOB; SIGAs that had to be tried again. */
	uint64_t tx_full, tx_no_target, tx_pending, tx_busy;
	uint64_t rx_frames, rx_bytes, rx_sbals, rx_errors, rx_sigas;
	uint64_t interrupts; /* acknowledged for the data path */
	uint64_t recoveries;
};

/* ---- a device -------------------------------------------------------------------------- */

enum guest_irq_model {
	GUEST_IRQ_AUTO, /* adapter interruptions where the machine offers them */
	GUEST_IRQ_THIN,
	GUEST_IRQ_CLASSIC,
};

struct guest_config {
	unsigned pool;	 /* input buffers: a power of two, 2..128; 0: 128 */
	unsigned refill; /* return input buffers in batches of; 0: a quarter of the pool */
	unsigned
		in_bytes; /* an input buffer is one entry of so many bytes, 64..4096; 0: 16 pages */
	unsigned out_queues; /* 1..4; 0: 1 */
	unsigned window;     /* output buffers in use at once: a power of two, 2..128; 0: 128 */
	unsigned pci_at;     /* ask for completion interruptions from so many buffers in use on;
				0: half of the window; over 128: never */
	uint8_t port_no;
	uint8_t desc_words; /* size of a queue descriptor; 0: 8 */
	enum guest_irq_model irq;
	uint8_t layer;	    /* 2 or 3; 0: 2 */
	uint8_t routing;    /* in layer 3: enum osa_routing */
	bool iqd;	    /* the adapter is HiperSockets; out_queues 0: 4 */
	bool completion;    /* with iqd: establish a completion queue where it is offered */
	bool checksum, tso; /* use the assists where the adapter has them */
	bool large;	    /* take unfinished frames, if the adapter is one of zlan's */
	bool check_all;	    /* check also what costs time per buffer */
	int timeout_ms;	    /* for any answer; 0: as long as qeth (spec/osa-qeth.md 12) */
};

/* What guest_service reports. */
enum guest_event {
	GUEST_EV_STOPLAN = 1u << 0, /* cable pulled: carrier off */
	GUEST_EV_RECOVER = 1u << 1, /* guest_recover is due: STARTLAN event, activate check, ... */
	GUEST_EV_REFUSED = 1u << 2, /* IDX TERMINATE 0x41 or 0xF6: no recovery */
	GUEST_EV_LOST = 1u << 3,    /* the machine is gone */
};

struct guest_dev;

/* Bytes of storage a device needs, and where in storage it may begin: the base. */
size_t guest_dev_bytes(const struct guest_config *cfg);

/*
 * Make a device. Nothing is sent.
 * @st: at least guest_dev_bytes(cfg) long; must outlive the device.
 * Return: the device, or NULL and errno (EINVAL, ENOMEM).
 */
struct guest_dev *guest_dev_create(const struct guest_config *cfg, const struct guest_storage *st);
/* Sends nothing; call guest_offline before. NULL is legal. */
void guest_dev_destroy(struct guest_dev *d);
/* Connect to a machine: before the first guest_online, and after the old one was lost. */
void guest_dev_connect(struct guest_dev *d, const struct guest_machine *m);

/*
 * The whole bring-up of spec/osa-qeth.md 10.2, tried up to four times as qeth does; registers
 * again all that was registered before. Blocks. With a new machine the adapter's MAC is read
 * again, and used unless the device was given another one since it was read last.
 * Return: 0; -ENOTCONN the machine is gone; -EPROTO the adapter broke the protocol;
 * -EPERM, -EBUSY, -EOPNOTSUPP refused; -ETIMEDOUT; -EADDRINUSE the MAC is registered elsewhere.
 */
int guest_online(struct guest_dev *d);
/* Clear the queues, reset the indicators, disable the devices: 11.1. */
int guest_offline(struct guest_dev *d);
/* From now on wait at most so long for any answer; 0: as long as qeth. */
void guest_set_timeout(struct guest_dev *d, int ms);
/* guest_offline and guest_online. Return: as guest_online. */
int guest_recover(struct guest_dev *d);

/* Take and handle all I/O interruptions that are there. Return: enum guest_event bits, once. */
unsigned guest_service(struct guest_dev *d);

/* What the bring-up learned. */
struct guest_info {
	bool online;  /* queues active, registered */
	bool carrier; /* STARTLAN answered 0 and no STOPLAN since */
	uint8_t mac[6];
	uint32_t mtu_max; /* of ULP_ENABLE */
	uint8_t link_type;
	uint32_t assists_v4, assists_v6; /* supported: QIPASSIST */
	uint32_t adapter_mask;		 /* supported: SETADAPTERPARMS */
	bool thin, tx_checksum, rx_checksum, tso, large;
	uint8_t qdioac1;
	uint32_t mfs;	 /* HiperSockets: bytes of an input buffer; else 0 */
	bool completion; /* a completion queue is established */
};
void guest_info(const struct guest_dev *d, struct guest_info *out);
struct guest_stats *guest_dev_stats(struct guest_dev *d);

/* ---- IPA: layer-2 commands ------------------------------------------------------------- */

/* Give the device an address of its own instead of asking READ_MAC. Before guest_online. */
void guest_set_mac(struct guest_dev *d, const uint8_t mac[6]);
/*
 * Registrations. Remembered and repeated at each recovery.
 * Return: 0, -EADDRINUSE, -ENOSPC, -EADDRNOTAVAIL, -ENOENT, -EINVAL, -EEXIST, -EPERM,
 * -EOPNOTSUPP, -EIO (spec/osa-qeth.md 4.4), -ETIMEDOUT, -ENOTCONN.
 */
int guest_mac_add(struct guest_dev *d, const uint8_t mac[6]);
/* The device's own address becomes this one: SETVMAC of the new, DELVMAC of the old. */
int guest_mac_change(struct guest_dev *d, const uint8_t mac[6]);
int guest_mac_del(struct guest_dev *d, const uint8_t mac[6]);
int guest_group_add(struct guest_dev *d, const uint8_t mac[6]);
int guest_group_del(struct guest_dev *d, const uint8_t mac[6]);
int guest_vid_add(struct guest_dev *d, uint16_t vid);
int guest_vid_del(struct guest_dev *d, uint16_t vid);
int guest_promisc(struct guest_dev *d, bool on);

/*
 * Layer 3: IP addresses and groups, IPv4 in the last four bytes of addr. Remembered and repeated
 * at each recovery. A frame to send brings its 32-byte header along (guest_frame.header); one that
 * is received shows its own (guest_rx.header), and data is what lies behind it.
 * Return: 0, -EADDRINUSE, -ENETDOWN, -ENOENT, -ENOSPC, -EIO, -ETIMEDOUT, -ENOTCONN.
 */
struct guest_ip {
	bool v6;
	uint8_t flags; /* enum osa_ip_flag of SETIP */
	uint8_t addr[16];
};
int guest_ip_add(struct guest_dev *d, const struct guest_ip *ip);
int guest_ip_del(struct guest_dev *d, const struct guest_ip *ip);
int guest_ip_group_add(struct guest_dev *d, const struct guest_ip *ip);

/*
 * One IPA command as it stands: to be sent, then waited for. Up to 8 may be in flight.
 * @data: command data (from offset 0x14 of the IPA header on).
 * Return of send: the sequence number, or -errno.
 */
int guest_ipa_send(struct guest_dev *d, uint8_t cmd, uint16_t prot, const void *data, size_t len);
/*
 * @data: at most cap bytes of the reply's command data; @len: how many it had. Both may be NULL.
 * Return: the IPA return code (>= 0) or -errno.
 */
int guest_ipa_wait(struct guest_dev *d, int seq, void *data, size_t cap, size_t *len);

/* ---- HiperSockets: what is asked of the LAN ----------------------------------------------- */

/*
 * VNIC characteristics, layer 2. @characteristic: one bit, OSA_CHAR_*.
 * Return: 0, -EOPNOTSUPP, -EALREADY, -EBUSY (a bridge port), -ENOSPC, -EACCES, -EIO, or as others.
 */
int guest_vnicc(struct guest_dev *d, uint32_t characteristic, bool on);
/*
 * Layer 3: be the LAN's traffic analyzer. Return: 0, -EACCES, -EALREADY (another one is), -EIO,
 * or as others.
 */
int guest_analyze(struct guest_dev *d, bool on);

struct guest_address {
	uint8_t token[8]; /* of its adapter */
	uint8_t mac[6];
	uint16_t vid;	/* 4096 and more: none */
	uint8_t change; /* 0x01 VLAN, 0x02 MAC, 0x80 it has gone */
};
#define GUEST_CHANGES 256u
/*
 * PNSO: the addresses on the LAN. @op: enum qdio_pnso_op. @notify: and changes from now on.
 * Return: how many; -EAGAIN (the list changed meanwhile), -EOPNOTSUPP, -EPROTO, -EIO, or as others.
 */
int guest_addresses(struct guest_dev *d, uint8_t op, bool notify, struct guest_address *out,
		    unsigned max);
/* Changes told since. Return: how many, or -EOVERFLOW: some were lost, and no more will come. */
int guest_address_changes(struct guest_dev *d, struct guest_address *out, unsigned max);

/* ---- data path: output ------------------------------------------------------------------ */

enum guest_tx_flag {
	GUEST_TX_CSUM = 1u << 0, /* compute the TCP (or with _UDP the UDP) checksum */
	GUEST_TX_UDP = 1u << 1,
	GUEST_TX_TSO = 1u << 2, /* cut into segments of mss bytes behind hdrlen bytes of headers */
};

struct guest_frame {
	const uint8_t *data; /* Ethernet header on, no FCS */
	uint32_t len;
	uint8_t flags;	       /* enum guest_tx_flag, without _TSO */
	const uint8_t *header; /* layer 3: the 32 bytes in front; layer 2: NULL */
};

/*
 * Send n frames, per_sbal of them in each output SBAL (1..15; frames that need several entries
 * lower the number), as one hand-over with at most one SIGA.
 * Return: frames taken; fewer than n when the queue is full.
 */
unsigned guest_tx_frames(struct guest_dev *d, unsigned q, const struct guest_frame *f, unsigned n,
			 unsigned per_sbal);

/* Take back completed SBALs. Return: how many. */
unsigned guest_tx_reclaim(struct guest_dev *d, unsigned q);
/* SBALs that may be filled now, after a reclaim. */
unsigned guest_tx_free(struct guest_dev *d, unsigned q);
/* SBALs handed over and not yet completed. */
unsigned guest_tx_busy(const struct guest_dev *d, unsigned q);

/* HiperSockets: the queue a frame belongs on: groups and broadcasts have their own. */
unsigned guest_tx_queue(const struct guest_dev *d, const struct guest_frame *f);

/*
 * Send one frame with an AOB: if its receiver is full, the adapter keeps it (spec/qdio.md 10.4).
 * Return: a ticket, 0 to GUEST_AOBS - 1, that guest_tx_done gives back; -EAGAIN: no AOB or SBAL is
 * free; -EOPNOTSUPP: no completion queue; -EMSGSIZE; -EIO (SIGA).
 */
#define GUEST_AOBS 16u
int guest_tx_aob(struct guest_dev *d, unsigned q, const struct guest_frame *f);
struct guest_done {
	int ticket;
	uint8_t reason; /* 0: delivered; else as SBALF 15 */
	bool later;	/* by the completion queue */
};
/* Frames sent with AOBs that are done with. Return: how many. */
unsigned guest_tx_done(struct guest_dev *d, struct guest_done *done, unsigned max);

/* An output SBAL that is being filled in place. */
struct guest_slot {
	struct qdio_sbal *sbal;
	uint8_t *area; /* its 17 pages */
	uint64_t addr; /* of area */
	uint32_t used; /* bytes of area */
	uint16_t entries, frames;
	uint8_t q;
	const uint8_t *header; /* layer 3: the 32 bytes for the next guest_slot_add */
	uint32_t limit;	       /* bytes of area that may be used */
};
#define GUEST_SLOT_BYTES 0x11000u
#define GUEST_SLOT_HEADROOM 64u /* room for the longest header before a frame */

/* Open the next free SBAL. Return: false if the queue is full. Opening twice gives the same one. */
bool guest_slot_open(struct guest_dev *d, unsigned q, struct guest_slot *s);
/*
 * Where the next frame goes: its first byte; GUEST_SLOT_HEADROOM bytes before it are the
 * header's. @room: bytes it may have here. Return: NULL if the SBAL cannot take another.
 */
uint8_t *guest_slot_room(struct guest_slot *s, uint32_t *room);
/*
 * Put headers and entries to the len bytes written at guest_slot_room.
 * @hdrlen, @mss: with GUEST_TX_TSO only.
 * Return: false if the entries left do not suffice: nothing was added.
 */
bool guest_slot_add(struct guest_slot *s, uint32_t len, unsigned flags, uint16_t hdrlen,
		    uint16_t mss);
/* The SBAL is full enough; it goes out with the next flush. An empty slot is simply closed. */
void guest_slot_commit(struct guest_dev *d, const struct guest_slot *s);
/* Prime all committed SBALs together, and SIGA if the adapter may not look by itself. */
void guest_tx_flush(struct guest_dev *d, unsigned q);

/* ---- data path: input -------------------------------------------------------------------- */

enum guest_rx_flag {
	GUEST_RX_CSUM_VALID = 1u << 0,
	GUEST_RX_CSUM_PARTIAL = 1u << 1, /* the field holds the pseudo header's sum: info.large */
	GUEST_RX_UDP = 1u << 2,		 /* with _PARTIAL: in a UDP header, else TCP */
	GUEST_RX_TSO = 1u << 3,		 /* uncut: segments of mss bytes behind hdrlen of headers */
};

struct guest_rx {
	const uint8_t *data; /* Ethernet header on; one piece */
	uint32_t len;
	uint32_t flags;	      /* enum guest_rx_flag */
	uint16_t mss, hdrlen; /* with GUEST_RX_TSO */
	/* Layer 3: the 32 bytes in front; NULL: a frame of layer 2, which an analyzer gets. */
	const uint8_t *header;
};

/*
 * Take up to max received frames, in order. They stay where they are until guest_rx_release.
 * Return: how many.
 */
unsigned guest_rx_burst(struct guest_dev *d, struct guest_rx *rx, unsigned max);
/* Every frame returned so far has been used: give the buffers back in batches. */
void guest_rx_release(struct guest_dev *d);
/*
 * Stop polling: from now on the adapter interrupts again (spec/qdio.md 9.5).
 * Return: true if there is work already: poll on.
 */
bool guest_rx_stop(struct guest_dev *d);
/*
 * Take what is pending, and with adapter interruptions exchange the indicator with 0.
 * Return: true if the queues should be looked at.
 */
bool guest_irq_ack(struct guest_dev *d);

/* ---- the channel socket --------------------------------------------------------------------- */

struct guest_channel;

/*
 * Attach to a NIC of zland. @dir: its directory. @text: the daemon's message when refused, room
 * for 128 bytes. Blocks until answered.
 * Return: 0; -ECONNREFUSED, -ENOENT, -ENOTCONN: no daemon; other -errno: the daemon refused.
 */
int guest_channel_open(const char *dir, const char *user, uint16_t vdev,
		       const struct guest_storage *st, struct guest_channel **out, char *text);
void guest_channel_close(struct guest_channel *c);
/* From now on a daemon that does not answer a request for so long counts as lost; at first 10 s. */
void guest_channel_patience(struct guest_channel *c, int ms);
/* A piece of what a command answered, without a NUL. @error: of its messages. */
typedef void guest_output_fn(void *ctx, bool error, const char *p, size_t n);
/*
 * Have the control program execute a command of the guest (at most 240 bytes), with its user's
 * authority.
 * @text: 128 bytes: why it was refused, or "".
 * Return: 0; -EBADRQC: refused, output had the messages; -E2BIG, -EMSGSIZE, -ENOTCONN.
 */
int guest_channel_command(struct guest_channel *c, const char *command, guest_output_fn *output,
			  void *ctx, char *text);
void guest_channel_machine(struct guest_channel *c, struct guest_machine *m);
/* To be polled: the interrupt descriptor, and the socket for messages and its end. */
int guest_channel_irq_fd(const struct guest_channel *c);
int guest_channel_fd(const struct guest_channel *c);

#endif
