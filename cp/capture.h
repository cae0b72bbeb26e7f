/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Captures: from the switch's capture points in zland, through a ring in shared memory per
 * worker, to `zlan capture`, which filters and writes pcapng. A slow reader loses frames, counted,
 * and never holds up a worker. The reader is not trusted: zland keeps its own indices.
 */
#ifndef CP_CAPTURE_H
#define CP_CAPTURE_H

#include "cp/cp.h"

struct cp_capture;

struct cp_capture_filter {
	bool dropped; /* only frames that were dropped */
	bool by_vlan; /* only frames of vids */
	struct vs_vidset vids;
	uint32_t snaplen;
};

/*
 * A capture that covers nothing yet. @fds: as with cp_capture_start. Return: it, or NULL and errno.
 */
struct cp_capture *cp_capture_open(const struct cp_capture_filter *filter, int fds[2]);
/*
 * In place of what it covered before: a switch (NULL: nothing), or one port of it.
 * Return: 0 or -errno; then it covers nothing.
 */
int cp_capture_cover(struct cp_capture *c, struct vs_switch *sw, struct vs_port *port);
/*
 * Start from a request {"vswitch": name|absent, "nic": "U/VDEV"|absent, "dropped": bool,
 * "vlan": [vid...]|absent, "snaplen": n}. With neither vswitch nor nic: every switch, also those to
 * come.
 * @fds: receives the ring's memfd and the descriptor that polls readable when the reader is woken
 * (a pipe: on an eventfd the reader could switch O_NONBLOCK off for both sides and then let a
 * worker's write block); closed by cp_capture_stop (send copies by SCM_RIGHTS).
 * @err: "ZLNnnnnE text" on failure.
 * Return: the capture, or NULL and err set.
 */
struct cp_capture *cp_capture_start(struct cp *cp, const json_t *request, int fds[2], char *err,
				    size_t err_len);
void cp_capture_stop(struct cp_capture *c);
/* A switch is new: a capture of all switches covers it from now on. */
void cp_capture_appeared(struct cp_capture *c, struct vs_switch *sw);
/* A switch (p is NULL) or a port of it (p is not) is about to be destroyed: captures on it end. */
void cp_capture_forget(struct cp_capture *c, struct vs_switch *sw, struct vs_port *p);

/*
 * The program's side: `zlan capture [-o FILE|-] [--vswitch V] [--nic U/VDEV] [--dropped]
 * [--vlan VID[,VID...]] [--snaplen N] [--count N] [FILTER]`.
 *
 * It sends {"capture": {request of cp_capture_start}} as one line to the control socket of dir and
 * expects one line {"rc": 0} with the two descriptors by SCM_RIGHTS, or {"rc": nnnn, "errors":
 * "ZLNnnnnE text"}. The capture lasts as long as the connection.
 * @argv: argv[0] is "capture".
 * Return: exit status.
 */
int capture_main(const char *dir, int argc, char **argv);

#endif
