/* SPDX-License-Identifier: Apache-2.0 */
/* Whole messages, with descriptors, on UNIX SEQPACKET sockets to clients that may be hostile. */
#ifndef CP_SEQPACKET_H
#define CP_SEQPACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define CP_SEQPACKET_FDS 4 /* descriptors of one message */

/*
 * Send a message. Never blocks.
 * @fds: stay the caller's.
 * Return: 0 or -errno (-EAGAIN: the client does not read).
 */
int cp_seqpacket_send(int fd, const void *msg, size_t len, const int *fds, unsigned nfds);

struct cp_seqpacket {
	size_t len;
	bool cut; /* message or descriptors did not fit */
	int fds[CP_SEQPACKET_FDS];
	unsigned nfds; /* the receiver's, to be closed */
};

/*
 * Receive a message. Never blocks.
 * Return: 1, 0 if there is none, -errno (-ENOTCONN: end of file).
 */
int cp_seqpacket_receive(int fd, void *buf, size_t cap, struct cp_seqpacket *m);
void cp_seqpacket_close_fds(struct cp_seqpacket *m);

/*
 * A userid as it stands in a message: padded with NUL.
 * @user: n + 1 bytes. Return: false if it is none.
 */
bool cp_seqpacket_user(const char *field, size_t n, char *user);

#endif
