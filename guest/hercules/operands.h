/* SPDX-License-Identifier: Apache-2.0 */
/* The words behind the device type in the emulator's configuration. */
#ifndef GUEST_HERCULES_OPERANDS_H
#define GUEST_HERCULES_OPERANDS_H

#include "guest/hercules/zosa.h"
#include "hipersockets/hs.h"

struct zosa_operands {
	bool hipers;  /* HiperSockets, else an OSD */
	char user[9]; /* in upper case: whose NIC of zland it is */
	char lan[9];  /* the same: HiperSockets of this emulator */
	enum hs_mfs mfs;
	bool analyzer;
	char dir[96];
	uint16_t vdev;
	bool has_chpid;
	uint8_t chpid;
	char trace[160]; /* file, or "" */
};

/*
 * Pairs of keyword and value, in any order and case: user NAME, vdev XXXX, dir DIR, chpid XX,
 * trace FILE; type hipers also lan NAME, mfs 16K|24K|40K|64K, analyzer yes|no in place of user,
 * vdev and dir: a LAN of this emulator. Without both, chpid XX names it.
 * @place: defaults, and the highest CHPID.
 * @why: text for the user.
 * Return: 0 or -EINVAL.
 */
int zosa_operands_parse(struct zosa_operands *ops, const struct zosa_place *place, int argc,
			char *const *argv, char *why, size_t cap);

#endif
