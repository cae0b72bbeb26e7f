/* SPDX-License-Identifier: Apache-2.0 */
/* What zland may still do once it has started. */
#ifndef CP_CONFINE_H
#define CP_CONFINE_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Keep of the capabilities only CAP_NET_ADMIN (opening TAPs, netlink), for good, and refuse every
 * system call that zland does not need with EPERM and, where the machine's signal frame is known
 * here, a line on standard error.
 * The filter reaches every thread; capabilities belong to a thread, so other threads
 * give up theirs by cp_confine_worker.
 * @packet_sockets: keep CAP_NET_RAW, too, to open DPDK's af_packet and af_xdp devices.
 * @err: text for the user.
 * Return: 0 or -errno.
 */
int cp_confine(bool packet_sockets, char *err, size_t err_len);

/* A worker thread needs no capability at all. Return: 0 or -errno. */
int cp_confine_worker(void);

#endif
