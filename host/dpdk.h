/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DPDK, in a plug-in of its own (libzlan-dpdk.so, host/dpdk/): zland neither needs nor links the
 * libraries of DPDK, and loads them when the first command asks for them.
 *
 * All functions are called on the control thread but for the vs_port_ops.
 */
#ifndef HOST_DPDK_H
#define HOST_DPDK_H

#include "vswitch/port.h"

#define HOST_DPDK_ABI 4u /* of struct host_dpdk; the plug-in must have the same */
#define HOST_DPDK_PLUGIN "libzlan-dpdk.so"
#define HOST_DPDK_SYMBOL "zlan_dpdk"

struct host_dpdk_port;
struct host_vhost;

enum host_dpdk_state {
	HOST_DPDK_READY,
	HOST_DPDK_NO_CARRIER,
	HOST_DPDK_GONE, /* the device was pulled out: close the port */
};

/* What QUERY shows of a device. */
struct host_dpdk_info {
	const char *driver; /* static, as all text here */
	uint32_t mbps;	    /* 0: not known */
	bool full_duplex;
	bool link_interrupts; /* its changes are told by the driver; else it is asked */
	const char *wake;     /* what wakes the worker: "interrupt", "socket", ... */
	unsigned rx_queues, tx_queues;
	unsigned caps; /* enum vs_port_cap: what the driver finishes */
};

typedef void host_dpdk_statistic_fn(void *ctx, const char *name, uint64_t value);

struct host_dpdk_start {
	const char *args;   /* more arguments of the EAL, separated by blanks; "" none */
	const char *device; /* the first port's, to decide what is scanned; "" unknown */
	/* Called once in each thread that DPDK makes, before it serves anybody; NULL: nothing. */
	int (*confine)(void);
};

struct host_dpdk {
	unsigned abi;

	/*
	 * Start the environment abstraction layer; once started, later calls succeed and change
	 * nothing. The calling thread's CPU affinity is as before on return.
	 * @err: text for the user. Return: 0 or -errno.
	 */
	int (*start)(const struct host_dpdk_start *s, char *err, size_t err_len);

	/*
	 * @device: "net_af_packet0,iface=eth1", "0000:03:00.0", with arguments of the driver behind
	 * commas. Return: the started port, or NULL, errno and a text.
	 */
	struct host_dpdk_port *(*port_open)(const char *device, char *err, size_t err_len);
	/* After the link's stop: the device is removed. NULL is legal. */
	void (*port_close)(struct host_dpdk_port *p);
	const struct vs_port_ops *port_ops;
	/* Readable when port_state is to be asked, until it is. */
	int (*port_event_fd)(const struct host_dpdk_port *p);
	/* Asks the driver; frames for a port without carrier are dropped from then on. */
	enum host_dpdk_state (*port_state)(struct host_dpdk_port *p);
	void (*port_info)(struct host_dpdk_port *p, struct host_dpdk_info *out);
	/* The driver's own counters ("extended statistics"), one call each. */
	void (*port_statistics)(struct host_dpdk_port *p, host_dpdk_statistic_fn *fn, void *ctx);

	/*
	 * Listen on a vhost-user socket for one guest at a time; start first.
	 * @path: at most 107 bytes; an old socket there is replaced.
	 * Return: the port, or NULL, errno and a text.
	 */
	struct host_vhost *(*vhost_open)(const char *path, char *err, size_t err_len);
	/* After the link's stop: the guest is disconnected, the socket removed. NULL is legal. */
	void (*vhost_close)(struct host_vhost *v);
	const struct vs_port_ops *vhost_ops;
	/* Readable after a guest has come or gone, until vhost_up is asked. */
	int (*vhost_event_fd)(const struct host_vhost *v);
	/* Has a guest's driver its queues up? */
	bool (*vhost_up)(struct host_vhost *v);
	/* Pairs of queues the guest has enabled. */
	unsigned (*vhost_pairs)(const struct host_vhost *v);
};

/*
 * Load the plug-in: from the folder of the program, or ../lib/zlan beside it.
 * Return: its functions, for good, or NULL and a text for the user.
 */
const struct host_dpdk *host_dpdk_load(char *err, size_t err_len);

/* Is there a plug-in to load? If not, a text for the user. */
bool host_dpdk_present(char *err, size_t err_len);

#endif
