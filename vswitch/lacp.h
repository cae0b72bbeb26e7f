/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Link Aggregation Control Protocol: one group of up to LACP_PORTS links. A pure engine: frames
 * and the time come in by calls, frames go out by a callback. No thread, no clock, no I/O.
 *
 * Source: IEEE 802.1AX-2008, clause 5: frame 5.4.2, receive machine 5.4.12, periodic 5.4.13,
 * selection 5.4.14, multiplexer with independent control 5.4.15, transmit 5.4.16, churn 5.4.17,
 * marker 5.5.
 */
#ifndef VSWITCH_LACP_H
#define VSWITCH_LACP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LACP_PORTS 8
#define LACP_FRAME_BYTES 124 /* an LACPDU or marker PDU with its Ethernet header, no FCS */
#define LACP_NEVER UINT64_MAX

enum lacp_state_bit {
	LACP_ACTIVITY = 0x01,
	LACP_TIMEOUT = 0x02, /* short */
	LACP_AGGREGATION = 0x04,
	LACP_SYNC = 0x08,
	LACP_COLLECTING = 0x10,
	LACP_DISTRIBUTING = 0x20,
	LACP_DEFAULTED = 0x40,
	LACP_EXPIRED = 0x80,
};

/* One end of a link, as LACPDUs describe it. */
struct lacp_info {
	uint16_t system_priority;
	uint8_t system[6];
	uint16_t key;
	uint16_t port_priority;
	uint16_t port;
	uint8_t state; /* enum lacp_state_bit */
};

enum lacp_rx { LACP_RX_DISABLED, LACP_RX_EXPIRED, LACP_RX_DEFAULTED, LACP_RX_CURRENT };
enum lacp_mux {
	LACP_MUX_DETACHED,
	LACP_MUX_WAITING,
	LACP_MUX_ATTACHED,
	LACP_MUX_COLLECTING,
	LACP_MUX_DISTRIBUTING,
};
enum lacp_churn { LACP_CHURN_NONE, LACP_CHURN_MONITOR, LACP_CHURN };

/* Why a port is not selected for the group. X(ENUM, name, text) */
#define LACP_WHY_LIST(X)                                                                           \
	X(SELECTED, "selected", "selected")                                                        \
	X(NO_LINK, "no-link", "no link")                                                           \
	X(NO_PARTNER, "no-partner", "no LACPDU from a partner")                                    \
	X(INDIVIDUAL, "individual", "the partner does not aggregate this link")                    \
	X(LOOPBACK, "loopback", "our own LACPDUs come back: the link leads to this group")         \
	X(SAME_PORT, "same-port", "the partner's port is heard on another link too")               \
	X(OTHER_PARTNER, "other-partner", "partner system or key is not that of the group")        \
	X(TOO_FEW, "too-few-links", "fewer links than the minimum")

enum lacp_why {
#define X(id, name, text) LACP_WHY_##id,
	LACP_WHY_LIST(X)
#undef X
};

struct lacp_config {
	uint8_t system[6];
	uint16_t system_priority;
	uint16_t key;
	bool active;	    /* speaks first; else only answers */
	bool fast;	    /* asks for an LACPDU every second; else every 30 */
	unsigned min_links; /* fewer are none */
	/* Send a frame out of a port. Must not call back. */
	void (*send)(void *ctx, unsigned port, const uint8_t frame[LACP_FRAME_BYTES]);
	/* The partner has answered a marker; NULL: unused. */
	void (*marked)(void *ctx, unsigned port, uint32_t transaction);
	void *ctx;
};

struct lacp_port_status {
	struct lacp_info actor, partner;
	enum lacp_rx rx;
	enum lacp_mux mux;
	enum lacp_why why;
	enum lacp_churn actor_churn, partner_churn;
	uint64_t rx_pdus, tx_pdus, rx_markers, tx_markers, rx_bad;
};

struct lacp;

/* Return: a group without ports, or NULL and errno ENOMEM. */
struct lacp *lacp_create(const struct lacp_config *cfg);
void lacp_destroy(struct lacp *l);
/* Changes what is sent from now on; changing system or key detaches all ports. */
void lacp_configure(struct lacp *l, const struct lacp_config *cfg, uint64_t now_ms);

/*
 * Every call below may change ports: look at lacp_port_collecting and lacp_port_distributing
 * afterwards, and call lacp_run again at the time it says.
 * @port: 0 .. LACP_PORTS - 1. @mac: source of its frames.
 */
void lacp_port_add(struct lacp *l, unsigned port, const uint8_t mac[6], uint64_t now_ms);
void lacp_port_del(struct lacp *l, unsigned port, uint64_t now_ms);
void lacp_port_link(struct lacp *l, unsigned port, bool up, uint64_t now_ms);

/*
 * A frame to 01-80-C2-00-00-02 came in by the port: hostile until checked.
 * Return: whether it was one of ours (LACPDU or marker) and well formed.
 */
bool lacp_input(struct lacp *l, unsigned port, const uint8_t *frame, size_t len, uint64_t now_ms);

/* Do what is due. Return: when to call again at the latest, or LACP_NEVER. */
uint64_t lacp_run(struct lacp *l, uint64_t now_ms);

bool lacp_port_collecting(const struct lacp *l, unsigned port);
bool lacp_port_distributing(const struct lacp *l, unsigned port);
void lacp_port_status(const struct lacp *l, unsigned port, struct lacp_port_status *out);

/* Ask the partner to answer when all that was sent before on this port has arrived. */
void lacp_mark(struct lacp *l, unsigned port, uint32_t transaction);

const char *lacp_rx_name(enum lacp_rx s);
const char *lacp_mux_name(enum lacp_mux s);
const char *lacp_churn_name(enum lacp_churn s);
const char *lacp_why_name(enum lacp_why w);
const char *lacp_why_text(enum lacp_why w);

#endif
