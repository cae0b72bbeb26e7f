/* SPDX-License-Identifier: Apache-2.0 */
#include "cp/seqpacket.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

union control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(CP_SEQPACKET_FDS * sizeof(int))];
};

int cp_seqpacket_send(int fd, const void *msg, size_t len, const int *fds, unsigned nfds)
{
	union control control = {0};
	struct iovec iov = {.iov_base = (void *)(uintptr_t)msg, .iov_len = len};
	struct msghdr mh = {.msg_iov = &iov, .msg_iovlen = 1};
	ssize_t n;

	if (nfds) {
		struct cmsghdr *cm;

		mh.msg_control = control.bytes;
		mh.msg_controllen = CMSG_SPACE(nfds * sizeof(int));
		cm = CMSG_FIRSTHDR(&mh);
		cm->cmsg_level = SOL_SOCKET;
		cm->cmsg_type = SCM_RIGHTS;
		cm->cmsg_len = CMSG_LEN(nfds * sizeof(int));
		memcpy(CMSG_DATA(cm), fds, nfds * sizeof(int));
	}
	n = sendmsg(fd, &mh, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n < 0)
		return -errno;
	return (size_t)n == len ? 0 : -EMSGSIZE;
}

/* Collect the descriptors of a message; those beyond our room are closed. */
static void take_fds(struct msghdr *mh, struct cp_seqpacket *m)
{
	for (struct cmsghdr *cm = CMSG_FIRSTHDR(mh); cm; cm = CMSG_NXTHDR(mh, cm)) {
		size_t count = (cm->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (cm->cmsg_level != SOL_SOCKET || cm->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < count; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(cm) + i * sizeof(fd), sizeof(fd));
			if (m->nfds < CP_SEQPACKET_FDS)
				m->fds[m->nfds++] = fd;
			else
				close(fd);
		}
	}
}

int cp_seqpacket_receive(int fd, void *buf, size_t cap, struct cp_seqpacket *m)
{
	union control control;
	struct iovec iov = {.iov_base = buf, .iov_len = cap};
	struct msghdr mh = {.msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = control.bytes,
			    .msg_controllen = sizeof(control.bytes)};
	ssize_t n = recvmsg(fd, &mh, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	m->nfds = 0;
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	take_fds(&mh, m);
	/* An empty message looks like the end of the file; no client has a reason to send one. */
	if (n == 0) {
		cp_seqpacket_close_fds(m);
		return -ENOTCONN;
	}
	m->len = (size_t)n;
	m->cut = mh.msg_flags & (MSG_TRUNC | MSG_CTRUNC);
	return 1;
}

void cp_seqpacket_close_fds(struct cp_seqpacket *m)
{
	while (m->nfds)
		close(m->fds[--m->nfds]);
}

bool cp_seqpacket_user(const char *field, size_t n, char *user)
{
	size_t len = strnlen(field, n);

	for (size_t i = len; i < n; i++)
		if (field[i])
			return false;
	for (size_t i = 0; i < len; i++)
		if (field[i] <= ' ' || field[i] > '~')
			return false;
	memcpy(user, field, len);
	user[len] = '\0';
	return len > 0;
}
