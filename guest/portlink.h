/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client of the port socket: what stands behind an adapter's cable where the switch is in
 * another process. It gives the adapter a vs_link, and moves frames between the adapter's
 * vs_port_ops and the data socket. For HiperSockets it is the link and the cable of an adapter's
 * LAN (hs.h), and what goes over the data socket are units.
 *
 * Three threads may be involved; each function names its own:
 *   adapter  whoever drives the adapter's control calls, under the owner's lock: vs_link_ops
 *   service  connects, reconnects, takes link changes
 *   data     moves frames; the only caller of the adapter's vs_port_ops
 * service and data may be one thread.
 */
#ifndef GUEST_PORTLINK_H
#define GUEST_PORTLINK_H

#include <stdbool.h>
#include <stdint.h>

#include "hipersockets/hs.h"

struct portlink;

struct portlink_config {
	const char *dir; /* zland's; copied */
	const char *user;
	uint16_t vdev;
	/* A line for the user: attached, refused ("ZLNnnnnE ..."), lost, again attached. Service
	 * thread. */
	void (*log)(void *ctx, const char *line);
	/* The cable was plugged in or pulled (attached and coupled, or not): the owner calls
	 * osa_set_link with portlink_link() or NULL, under its lock. Service thread. */
	void (*plug)(void *ctx, bool in);
	/* MAC the switch assigned, once known, before the first plug. Service thread. */
	void (*mac)(void *ctx, const uint8_t mac[6]);

	/* When it has returned, all stores of this process can be seen; or NULL: the owner sees
	 * to what they need. Whoever calls portlink_send_now. */
	void (*fence)(void);

	bool hipers; /* a NIC of TYPE HIPERSOCKETS; then: */
	/* A unit came, as for hs_cable_receive. Data thread. */
	bool (*unit)(void *ctx, const uint8_t *p, uint32_t len);
	/* What came of units, as for hs_cable_results. Data thread. */
	void (*results)(void *ctx, const uint8_t *reason, unsigned n);
	/* An IPA event for the host. Service thread. */
	void (*event)(void *ctx, uint8_t command, const void *data, size_t len);
	void *ctx;
};

/* Nothing is connected yet. Return: the link, or NULL and errno. */
struct portlink *portlink_create(const struct portlink_config *cfg);
/* No thread may be inside. NULL is legal. */
void portlink_destroy(struct portlink *pl);

/* For osa_set_link. Its operations wait for the daemon's answer, at most 2 s, then -EIO. Adapter
 * thread. */
struct vs_link portlink_link(struct portlink *pl);

/* For hs_lan_set_cable; send: any thread. */
struct hs_cable portlink_cable(struct portlink *pl);
/* The frame size of the LAN, while the cable is plugged in. Service thread. */
enum hs_mfs portlink_mfs(const struct portlink *pl);

/*
 * Connect if it is time (every 500 ms while there is no daemon), take what the daemon says.
 * Does not block but for the daemon's answer to ATTACH, at most 2 s. Service thread; call when the
 * descriptor is readable, and at least every 500 ms.
 */
void portlink_service(struct portlink *pl);
/* To be polled for reading by the service thread, or -1. Changes when the connection does. */
int portlink_service_fd(const struct portlink *pl);

/*
 * Move frames both ways once: at most a burst from the adapter, and some of the packets that wait
 * for it; without an adapter they are thrown away.
 * Return: frames moved. Never blocks: a full socket is a counted drop. Data thread.
 */
unsigned portlink_pump(struct portlink *pl);
/* Frames of the adapter were among them, the last time. Data thread. */
bool portlink_sent(const struct portlink *pl);
/*
 * Instead of waking the data thread, which is armed: hand over a burst. Return: nothing is left
 * for it, and it may sleep on. Any thread that can bear the adapter's signals; does not wait.
 */
bool portlink_send_now(struct portlink *pl);
/* To be polled for reading by the data thread while it sleeps, or -1; the second is HiperSockets'.
 */
int portlink_data_fd(const struct portlink *pl);
int portlink_result_fd(const struct portlink *pl);
/* A unit waits for room with the guest, who does not tell when there is some: try again after a
 * while, and do not poll the first descriptor. Data thread. */
bool portlink_waits(struct portlink *pl);
/* Before sleeping; pairs with osa's doorbell (vs_port_ops arm, disarm). Return: true: there is
 * work. */
bool portlink_arm(struct portlink *pl);
void portlink_disarm(struct portlink *pl);

struct portlink_stats {
	uint64_t out_frames, out_dropped; /* adapter to switch; dropped: the socket was full */
	uint64_t in_frames, in_dropped;	  /* switch to adapter; dropped: no input buffer */
	uint64_t malformed;		  /* packets of the daemon that made no sense */
	uint64_t reconnects;
};
void portlink_stats(const struct portlink *pl, struct portlink_stats *out);

#endif
