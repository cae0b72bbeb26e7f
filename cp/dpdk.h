/* SPDX-License-Identifier: Apache-2.0 */
/* The DPDK of this zland: loaded and started when the first port needs it. Control thread. */
#ifndef CP_DPDK_H
#define CP_DPDK_H

#include <stdbool.h>
#include <stddef.h>

struct cp_dpdk;
struct host_dpdk;

#define CP_DPDK_ARGS_BYTES 512

/* @confine: zland will confine itself, and so do DPDK's threads. Return: NULL and errno. */
struct cp_dpdk *cp_dpdk_create(bool confine);
void cp_dpdk_destroy(struct cp_dpdk *d);

/*
 * SET DPDK ARGS: also the wish to have DPDK started before confinement.
 * Return: 0, or -EBUSY (it is started already) and a text for the user.
 */
int cp_dpdk_args(struct cp_dpdk *d, const char *args, char *err, size_t err_len);

/*
 * Its functions; started with the arguments if it was not.
 * @device: of the port it is for, "" for none. Return: NULL, errno and a text for the user.
 */
const struct host_dpdk *cp_dpdk_get(struct cp_dpdk *d, const char *device, char *err,
				    size_t err_len);

/*
 * zland is about to confine itself: DPDK is started now if arguments were set, or never.
 * Return: is it running, so that its ports need CAP_NET_RAW? What went wrong is in err, else "".
 */
bool cp_dpdk_seal(struct cp_dpdk *d, char *err, size_t err_len);

#endif
