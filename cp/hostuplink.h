/* SPDX-License-Identifier: Apache-2.0 */
/* Host interfaces behind uplinks: what zland puts into struct cp_hooks for them. */
#ifndef CP_HOSTUPLINK_H
#define CP_HOSTUPLINK_H

#include <jansson.h>

#include "cp/log.h"
#include "vswitch/port.h"

struct event_base;
struct cp_dpdk;
struct cp_hostuplinks;

/*
 * @base: the control thread's loop; the netlink watch joins it. @dpdk: for uplinks of this kind.
 * Return: no uplinks yet, or NULL and errno. Context: control thread, as all here.
 */
struct cp_hostuplinks *cp_hostuplinks_create(struct event_base *base, const struct cp_log *log,
					     struct cp_dpdk *dpdk);
/* Every uplink must be closed. NULL is legal. */
void cp_hostuplinks_destroy(struct cp_hostuplinks *us);

/* Told of every change of cp_hostuplink_state, from the loop. */
typedef void cp_hostuplink_fn(void *ctx, const void *uplink);
void cp_hostuplinks_set_changed(struct cp_hostuplinks *us, cp_hostuplink_fn *fn, void *ctx);

/* As cp_hooks.open_uplink. @kind: "TAP" or "NIC", @arg: the interface's name; "DPDK": the device.
 */
void *cp_hostuplink_open(struct cp_hostuplinks *us, const char *kind, const char *arg,
			 const struct vs_link *link, char *err, size_t err_len);
/* As cp_hooks.close_uplink. */
void cp_hostuplink_close(struct cp_hostuplinks *us, void *uplink);
/* As cp_hooks.uplink_state: "Ready", "No carrier", ... */
const char *cp_hostuplink_state(const void *uplink);

/* As cp_hooks.uplink_device. */
json_t *cp_hostuplink_device(const void *uplink);

/* Once a second: open again what has vanished. */
void cp_hostuplinks_tick(struct cp_hostuplinks *us);

#endif
