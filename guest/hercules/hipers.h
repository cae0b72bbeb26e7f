/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HiperSockets inside an emulator: its devices on a LAN of one name reach each other, and nobody
 * else. The LAN exists from its first device to its last.
 */
#ifndef GUEST_HERCULES_HIPERS_H
#define GUEST_HERCULES_HIPERS_H

#include "guest/portlink.h"
#include "hipersockets/hs.h"

struct hipers;

/*
 * Make an adapter whose LAN is zland's; the cable is pulled. @user, @cfg: as below.
 * Return: the adapter, or NULL and errno.
 */
struct hipers *hipers_create_far(const char *user, const struct osa_config *cfg,
				 const struct qdio_env_ops *env_ops, void *env);
/* Its cable is plugged in; NULL: pulled. Return: 0 or -errno. */
int hipers_plug(struct hipers *p, struct portlink *link);
bool hipers_unit(struct hipers *p, const uint8_t *unit, uint32_t len);
void hipers_results(struct hipers *p, const uint8_t *reason, unsigned n);

/*
 * Make an adapter and plug it into the LAN.
 * @name: at most 8 characters. @analyzer: its guest may see all traffic. @cfg: of the adapter,
 * without MAC address.
 * @why: text for the user.
 * Return: the adapter, or NULL.
 */
struct hipers *hipers_create(const char *name, enum hs_mfs mfs, bool analyzer,
			     const struct osa_config *cfg, const struct qdio_env_ops *env_ops,
			     void *env, char *why, size_t cap);
/* NULL is legal. The last of a LAN takes it along. */
void hipers_destroy(struct hipers *p);
struct osa *hipers_osa(struct hipers *p);

/*
 * SIGA: delivers, and returns the condition code. A processor's thread, also with the device lock;
 * waits while the LAN is being changed, for there is no way here to say busy.
 */
int hipers_siga(struct hipers *p, unsigned fc, uint32_t mask);

/* For the emulator's device list: its LAN, which is this emulator's, and counters. */
void hipers_describe(const struct hipers *p, char *buf, size_t cap);

#endif
