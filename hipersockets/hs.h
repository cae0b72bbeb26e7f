/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HiperSockets: adapters of type IQD on memory-to-memory LANs.
 *
 * A LAN joins adapters of one largest frame size (MFS). What a host hands over on an output queue
 * is copied, inside the signal, from its buffers into an input buffer of each receiver: there is
 * no switch and no memory in between. Hosts of layer 2 and of layer 3 share a LAN and do
 * not hear each other.
 *
 * The control path (IDX, MPC, IPA) is the OSA adapter's (osa/osa.h); this library is what lies
 * behind its queues. No thread, no socket, no clock. How it works: lan.c.
 */
#ifndef HIPERSOCKETS_HS_H
#define HIPERSOCKETS_HS_H

#include <sys/uio.h>

#include "osa/osa.h"

struct hs_lan;
struct hs_adapter;

/* ---- LANs ------------------------------------------------------------------------ */

enum hs_mfs { HS_MFS_16K, HS_MFS_24K, HS_MFS_40K, HS_MFS_64K, HS_MFS_COUNT };

uint32_t hs_mfs_bytes(enum hs_mfs mfs); /* of an input buffer */
uint16_t hs_mfs_mtu(enum hs_mfs mfs);	/* 8192, 16384, 32768, 57344 */

/* @seed: makes the hashes of this LAN its own. Return: the LAN, or NULL and errno. */
struct hs_lan *hs_lan_create(enum hs_mfs mfs, uint64_t seed);
/* All adapters must be unplugged, all bridge ports gone. NULL is legal. */
void hs_lan_destroy(struct hs_lan *lan);
enum hs_mfs hs_lan_mfs(const struct hs_lan *lan);

/* ---- bridge ports ---------------------------------------------------------------- */

struct hs_bridge;

enum hs_role { HS_ROLE_PRIMARY, HS_ROLE_SECONDARY };
enum hs_bridge_state { HS_BRIDGE_INACTIVE, HS_BRIDGE_STANDBY, HS_BRIDGE_ACTIVE };

#define HS_SECONDARIES_MAX 4u /* of a LAN */

/* How good the way by this port is. */
enum hs_fitness {
	HS_FIT_NOT,  /* not connected */
	HS_FIT_POOR, /* the switch has lost its uplink */
	HS_FIT_GOOD,
};

struct hs_bridge_config {
	enum hs_role role;
	/* The port of a switch, which no worker serves: it runs while the bridge port is active,
	 * and the addresses of the LAN's adapters are registered there. */
	struct vs_link link;
	struct hs_adapter *adapter; /* in its place: a host of the LAN has the role (role.c) */
	/* The state has changed. Control thread, inside a call of a function below. */
	void (*changed)(void *ctx, enum hs_bridge_state state);
	void *ctx;
};

/*
 * Join a LAN and a switch: frames of layer 2. All of this: control thread.
 * Return: the port, HS_FIT_NOT at first, or NULL and errno: EEXIST (a second primary),
 * ENOSPC (HS_SECONDARIES_MAX), EBUSY (hosts are bridge ports), ENOMEM.
 */
struct hs_bridge *hs_bridge_create(struct hs_lan *lan, const struct hs_bridge_config *cfg);
/* NULL is legal. */
void hs_bridge_destroy(struct hs_bridge *b);
void hs_bridge_set_fitness(struct hs_bridge *b, enum hs_fitness fitness);
/* Return: 0, -EEXIST, -ENOSPC. */
int hs_bridge_set_role(struct hs_bridge *b, enum hs_role role);

struct hs_bridge_info {
	enum hs_bridge_state state;
	uint64_t to_lan;   /* frames the switch gave, of which: */
	uint64_t unknown;  /* nobody on the LAN has the destination */
	uint64_t full;	   /* the receiver had no empty buffer */
	uint64_t returned; /* their source is an address of the LAN */
};
void hs_bridge_info(const struct hs_bridge *b, struct hs_bridge_info *out);

/* ---- adapters -------------------------------------------------------------------- */

struct hs_config {
	struct osa_config osa; /* mtu and iqd are set here */
	/*
	 * Signals wake the worker that serves the port, which delivers (zland, where a signal is
	 * a doorbell); else whoever executes SIGA delivers before it ends.
	 */
	bool worker;
	bool completion; /* completion queues are offered */
	bool single;	 /* whoever executes SIGA has no -wm: one buffer a signal */
};

/*
 * Make an adapter: its queue group and control path are osa's, reached by hs_osa.
 * Return: the adapter, or NULL and errno.
 */
struct hs_adapter *hs_create(const struct hs_config *cfg, const struct qdio_env_ops *env_ops,
			     void *env);
/* NULL is legal. */
void hs_destroy(struct hs_adapter *h);
struct osa *hs_osa(struct hs_adapter *h);

/*
 * Plug the adapter into a LAN, or pull it out (lan is NULL). The host hears it as for osa_set_link;
 * one whose LAN has another frame size learns it when it comes back.
 * @link: a port for counters, captures and a worker (copied), or NULL: none. Control thread.
 */
void hs_plug(struct hs_adapter *h, struct hs_lan *lan, const struct vs_link *link);

/*
 * Whether the adapter's host may see what others send, as the analyzer of the LAN's traffic that it
 * asks to be, and whether it shall without asking. At first neither. Control thread.
 */
void hs_watch(struct hs_adapter *h, bool allowed, bool asked);

/* MAC protection: in layer 2 the host may only speak as mac. At first off. Control thread. */
void hs_protect(struct hs_adapter *h, const uint8_t mac[6], bool on);

/* ---- adapter and LAN in different processes ------------------------------------------- */

/*
 * What goes between them is units: headers (32 bytes) and frames of one buffer, one behind the
 * other, as the host wrote them or is to get them; and what the host registers, by the same
 * operations as in one process: those of hs_link and hs_iqd_ops.
 *
 * Where the LAN is, the adapter is a far one: no queues, no osa; a port of the LAN's switch, whose
 * worker takes in what its host sent.
 */
struct hs_far {
	/* The host's next unit, which stays put until the next call; 0: there is none. The port's
	 * worker. */
	uint32_t (*receive)(void *ctx, const uint8_t **p);
	/* A unit for the host. Any thread. Return: VS_DROP_NONE, or why it is lost. */
	enum vs_drop (*send)(void *ctx, const struct iovec *iov, unsigned n);
	/*
	 * What came of the units last received, in order: a byte each, QDIO_REASON_*. The port's
	 * worker. NULL: the host is not told.
	 */
	void (*results)(void *ctx, const uint8_t *reason, unsigned n);
	bool (*arm)(void *ctx); /* as in vs_port_ops */
	int (*wait_fd)(void *ctx);
	/* Whether wait_fd shall also tell that there is room for what goes to the host. Any thread,
	 * one at a time. */
	void (*want_room)(void *ctx, bool want);
	/* As osa_ipa_event. Control thread. */
	void (*event)(void *ctx, uint8_t command, const void *data, size_t len);
	void *ctx;
};

/* @cfg: devno and chpid are looked at. Return: the adapter, or NULL and errno. */
struct hs_adapter *hs_far_create(const struct hs_config *cfg, const struct hs_far *far);
/* The layer that the host will speak, before it starts; layer 2 without. */
void hs_far_layer(struct hs_adapter *h, uint8_t layer);
/* What the host does; start's operations are not looked at. While it is plugged in. */
struct vs_link hs_link(struct hs_adapter *h);
extern const struct osa_iqd_ops hs_iqd_ops; /* of these: ip_add, ip_del, wants, vnicc, ipa, tick */

/*
 * Where the host is, its LAN has nothing but a cable. Its link (hs_plug) is told of what the host
 * registers; the rest goes by these.
 */
struct hs_cable {
	/* What the host sends; whoever executes SIGA. Return: as of hs_far. */
	enum vs_drop (*send)(void *ctx, const struct iovec *iov, unsigned n);
	/* What comes of a unit sent is told, by hs_cable_results; else its buffer is done with. */
	bool told;
	/* As in osa_iqd_ops. */
	void (*wants)(void *ctx, bool broadcast, uint8_t routing4, uint8_t routing6);
	int (*vnicc)(void *ctx, uint32_t enabled, uint32_t learning_s);
	int (*ipa)(void *ctx, uint8_t command, uint8_t *data, size_t *len, size_t cap);
	void *ctx;
};

/* Of a new LAN, for one adapter. */
void hs_lan_set_cable(struct hs_lan *lan, const struct hs_cable *cable);
/* A unit for the host. Any one thread. Return: false: there is no room for it. */
bool hs_cable_receive(struct hs_adapter *h, const uint8_t *p, uint32_t len);
/* What came of the units sent longest ago: as in hs_far. Any one thread. */
void hs_cable_results(struct hs_adapter *h, const uint8_t *reason, unsigned n);

struct hs_info {
	enum hs_mfs mfs;
	uint8_t layer;	     /* of the last session */
	bool broadcast;	     /* the host receives broadcasts */
	bool completion;     /* it established a completion queue */
	unsigned waiting;    /* buffers of others that wait for an empty one here */
	uint64_t tx_buffers; /* output buffers taken */
	uint64_t rx_buffers; /* input buffers filled */
	uint64_t rx_signals; /* interruptions raised */
	uint64_t tx_full;    /* output buffers refused: the receiver had none empty */
	uint64_t tx_unknown; /* nobody has the destination */
	uint64_t tx_bad;     /* not valid */
	uint64_t tx_pending; /* delivered later: an AOB was given */
	uint32_t vnicc;	     /* OSA_CHAR_*: osa_wire.h */
	uint32_t learning_s;
	unsigned learned; /* addresses */
	bool trace;	  /* it is the LAN's analyzer */
	bool watching;	  /* it is, or was made, to see what others send */
};
void hs_info(struct hs_adapter *h, struct hs_info *out);

#endif
