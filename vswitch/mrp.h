/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Registration of VLANs at the switch outside, by GVRP (as z/VM) or MVRP, and what that one
 * declares. A pure engine: the VIDs in use, frames and the time come in, frames go out by a
 * callback.
 */
#ifndef VSWITCH_MRP_H
#define VSWITCH_MRP_H

#include "vswitch/vswitch.h"

enum mrp_protocol { MRP_GVRP, MRP_MVRP };

struct mrp; /* made by mrp_create */

typedef void mrp_send_fn(void *ctx, const uint8_t *frame, uint32_t len);

/* @mac: source of the frames. Return: nothing declared yet, or NULL (no memory). */
struct mrp *mrp_create(enum mrp_protocol protocol, const uint8_t mac[6], mrp_send_fn *send,
		       void *ctx);
void mrp_destroy(struct mrp *m); /* sends nothing */
enum mrp_protocol mrp_protocol_of(const struct mrp *m);

/* The VIDs in use now: new ones are declared, others withdrawn, soon. */
void mrp_want(struct mrp *m, const struct vs_vidset *vids, uint64_t now_ms);
/* The link is new: everything is declared again, and nothing is known of the other side. */
void mrp_restart(struct mrp *m, uint64_t now_ms);
/* A frame to 01-80-C2-00-00-21 has come. */
void mrp_receive(struct mrp *m, const uint8_t *frame, uint32_t len, uint64_t now_ms);
/* Sends what is due, forgets what was not declared again. Return: when to call it next, at latest.
 */
uint64_t mrp_tick(struct mrp *m, uint64_t now_ms);
/* The VIDs that the other side has been told of, and those it has told of. */
void mrp_declared(const struct mrp *m, struct vs_vidset *vids);
void mrp_registered(const struct mrp *m, struct vs_vidset *vids);

#endif
