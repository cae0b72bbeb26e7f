/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the plug-in share. */
#ifndef HOST_DPDK_DPDK_PRIV_H
#define HOST_DPDK_DPDK_PRIV_H

#include <rte_mempool.h>

#include "host/dpdk.h"

#define MBUF_ROOM 2048u /* bytes of a frame in one mbuf */

/* eal.c */
/* Give up privileges, once in every thread of DPDK's: it calls this before it serves a guest. */
void eal_confine_thread(void);
struct rte_mempool *eal_pool(void);
/* A pool for one af_xdp device. Return: NULL and rte_errno. */
struct rte_mempool *eal_page_pool(const char *name);
bool eal_has_pci(void);
/* Is the device named by its place on a PCI bus? */
bool is_pci(const char *device);
/* The device without what is ours: of a PCI device ",queues=N". */
void eal_device_name(const char *device, char *name, size_t cap);

/* port.c */
extern const struct vs_port_ops dpdk_port_ops;
struct host_dpdk_port *dpdk_port_open(const char *device, char *err, size_t err_len);
void dpdk_port_close(struct host_dpdk_port *p);
int dpdk_port_event_fd(const struct host_dpdk_port *p);
enum host_dpdk_state dpdk_port_state(struct host_dpdk_port *p);
void dpdk_port_info(struct host_dpdk_port *p, struct host_dpdk_info *out);
void dpdk_port_statistics(struct host_dpdk_port *p, host_dpdk_statistic_fn *fn, void *ctx);

/* vhost.c */
extern const struct vs_port_ops vhost_port_ops;
struct host_vhost *vhost_open(const char *path, char *err, size_t err_len);
void vhost_close(struct host_vhost *v);
int vhost_event_fd(const struct host_vhost *v);
bool vhost_up(struct host_vhost *v);
unsigned vhost_pairs(const struct host_vhost *v);

/* sigbus.c: memory that a guest may take away under us. */
struct vring_mem;
/* @slot: of the caller, below SIGBUS_SLOTS; mem NULL: none any more. */
#define SIGBUS_SLOTS 256
void sigbus_guard(unsigned slot, const struct vring_mem *mem);

/*
 * A timer for what can only be polled: readable IDLE_MIN_NS after the first arm, later and
 * later up to IDLE_MAX_NS while nothing comes.
 */
struct idle {
	int fd;
	uint32_t ns;
};
int idle_open(struct idle *t);
void idle_close(struct idle *t);
/* Context: the one worker of the port. */
void idle_arm(struct idle *t);
void idle_reset(struct idle *t);
/* Has it expired since the last arm, or the last call? */
bool idle_expired(struct idle *t);

#endif
