/* SPDX-License-Identifier: Apache-2.0 */
/* A TAP interface on top of a QDIO adapter of zland. Private to guest/ and zlan-nic. */
#ifndef GUEST_NIC_H
#define GUEST_NIC_H

#include "guest/guest.h"
#include "guest/tap.h"

#define NIC_GSO_MAX 61440u /* longest frame to be segmented: spec/osa-qeth.md 7.4 */

struct nic {
	const char *dir, *user;
	uint16_t vdev;
	bool iqd;		      /* HiperSockets */
	uint8_t layer;		      /* 2 or 3 */
	uint8_t routing;	      /* in layer 3: enum osa_routing */
	uint32_t vnicc_on, vnicc_off; /* HiperSockets, layer 2: OSA_CHAR_* */
	bool addresses; /* HiperSockets, layer 2: print who is on the LAN, and what changes */
	bool analyzer;	/* HiperSockets, layer 3 */
	const char *const *commands; /* to be issued once attached, before the adapter comes up */
	unsigned n_commands;
	struct guest_storage st;
	struct guest_dev *dev;
	struct guest_channel *channel; /* NULL: no daemon */
	struct guest_info info;
	struct tap tap;
	bool said_online;
	bool stopping, failed; /* failed: text says why */
	char text[128];	       /* the daemon's message */

	/* The loop: descriptors beside the TAP's and the channel's. */
	int epoll, signals, timer, watch;
	bool fast_timer;   /* the timer runs to find a daemon */
	unsigned refusals; /* in a row, while rejoining */
	bool look;	   /* interface settings may have changed */

	/* The data path. */
	bool polling;	 /* input interruptions are off */
	bool tap_armed;	 /* the TAP is in the epoll set */
	bool tx_blocked; /* output queue is full: the TAP is not read */
	uint8_t *spill;	 /* for the part of a frame that an SBAL has no room for */
	uint64_t tx_dropped, rx_dropped;
	unsigned unicast_queue; /* HiperSockets */

	/* As registered. */
	uint8_t mac[6];
	bool promisc;
	unsigned n_groups, n_vids;
	uint8_t group[GUEST_GROUPS_MAX][6];
	uint16_t vid[GUEST_GROUPS_MAX];
	unsigned n_ips, n_ip_groups; /* layer 3 */
	struct guest_ip ip[GUEST_IPS_MAX], ip_group[GUEST_IPS_MAX];
};

/*
 * Attach to the daemon and bring the adapter up. To be called once, before the network namespace
 * is entered. Return: 0, or -errno with nic->text set.
 */
int nic_attach(struct nic *n);
/* The TAP, in the current network namespace. Return: 0 or -errno. */
int nic_tap(struct nic *n, const char *ifname);
/* Until SIGTERM or SIGINT, which must be blocked. Return: 0, or 1 with a message printed. */
int nic_run(struct nic *n);
void nic_close(struct nic *n);

/* ---- pump.c: frames between TAP and queues ------------------------------------------------ */

/* Move at most a batch in each direction. Return: true if there may be more at once. */
bool nic_pump_rx(struct nic *n);
bool nic_pump_tx(struct nic *n);

/* pump_iqd.c: HiperSockets, and layer 3 */
bool nic_pump_tx_iqd(struct nic *n);
void nic_write_packet(struct nic *n, const struct guest_rx *rx);

/* ---- settings.c: what the interface asks for ------------------------------------------------ */

/*
 * Look up the interface, which a user may have renamed or deleted.
 * Return: false: it is gone, and the loop is to end with a message.
 */
bool nic_interface(struct nic *n);
void nic_settings(struct nic *n);

#endif
