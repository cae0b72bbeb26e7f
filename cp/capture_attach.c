/* SPDX-License-Identifier: Apache-2.0 */
#include "cp/capture_attach.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cp/rundir.h"

#define LINE_MAX_BYTES 65536u /* of an answer */
#define FDS 2		      /* memory, wake */

static int request_send(int sock, const json_t *request)
{
	char *text = json_dumps(request, JSON_COMPACT);
	char *line = NULL;
	int len, rc = 0;

	len = text ? asprintf(&line, "%s\n", text) : -1;
	free(text);
	if (len < 0)
		return -ENOMEM;
	for (int done = 0; done < len && !rc;) {
		ssize_t n = send(sock, line + done, (size_t)(len - done), MSG_NOSIGNAL);

		if (n >= 0)
			done += (int)n;
		else if (errno != EINTR)
			rc = -errno;
	}
	free(line);
	return rc;
}

/* Take the descriptors of a message; those that are too many are closed. */
static void fds_take(struct msghdr *msg, int fds[FDS], unsigned *nfds)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
			if (*nfds < FDS)
				fds[(*nfds)++] = fd;
			else
				close(fd);
		}
	}
}

/* Read the answer's line. Return: bytes before its newline, or -errno. */
static ssize_t answer_receive(int sock, char *line, int fds[FDS], unsigned *nfds)
{
	union {
		char bytes[CMSG_SPACE(FDS * sizeof(int))];
		struct cmsghdr align;
	} control;
	size_t len = 0;

	while (len < LINE_MAX_BYTES) {
		struct iovec iov = {.iov_base = line + len, .iov_len = LINE_MAX_BYTES - len};
		struct msghdr msg = {
			.msg_iov = &iov,
			.msg_iovlen = 1,
			.msg_control = control.bytes,
			.msg_controllen = sizeof(control.bytes),
		};
		ssize_t n = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
		const char *newline;

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : -ECONNRESET;
		fds_take(&msg, fds, nfds);
		newline = memchr(line + len, '\n', (size_t)n);
		if (newline)
			return newline - line;
		len += (size_t)n;
	}
	return -EMSGSIZE;
}

/* Show a refusal. Return: whether it is one. */
static bool refused(const json_t *answer)
{
	const json_t *errors = json_object_get(answer, "errors");
	const json_t *rc = json_object_get(answer, "rc");

	if (json_is_integer(rc) && json_integer_value(rc) == 0)
		return false;
	for (size_t i = 0; i < json_array_size(errors); i++)
		if (json_is_string(json_array_get(errors, i)))
			fprintf(stderr, "%s\n", json_string_value(json_array_get(errors, i)));
	if (!json_array_size(errors))
		fprintf(stderr, "ZLN2703E zland gave no answer that can be understood\n");
	return true;
}

int cp_capture_map(struct cp_attached *a, int memfd)
{
	struct stat st;
	void *map;

	if (fstat(memfd, &st))
		return -errno;
	if (st.st_size < (off_t)CAPTURE_BYTES || fcntl(memfd, F_GET_SEALS) < 0 ||
	    !(fcntl(memfd, F_GET_SEALS) & F_SEAL_SHRINK))
		return -EPROTO;
	map = mmap(NULL, CAPTURE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, memfd, 0);
	if (map == MAP_FAILED)
		return -errno;
	a->page = map;
	if (a->page->magic != CAPTURE_MAGIC || a->page->version != CAPTURE_VERSION ||
	    a->page->rings != CAPTURE_RINGS || a->page->ring_bytes != CAPTURE_RING_BYTES) {
		munmap(map, CAPTURE_BYTES);
		a->page = NULL;
		return -EPROTO;
	}
	for (unsigned i = 0; i < CAPTURE_RINGS; i++)
		cp_ring_reader_init(&a->ring[i], &a->page->ring[i],
				    (const uint8_t *)map + CAPTURE_DATA_OFFSET +
					    (size_t)i * CAPTURE_RING_BYTES,
				    CAPTURE_RING_BYTES);
	return 0;
}

/* Use an answer and its descriptors. Return: 0 or -1, after a message. */
static int answer_use(struct cp_attached *a, const char *line, size_t len, const int fds[FDS],
		      unsigned nfds)
{
	json_t *answer = json_loadb(line, len, 0, NULL);
	bool no = refused(answer);
	int rc;

	json_decref(answer);
	if (no)
		return -1;
	rc = nfds == FDS ? cp_capture_map(a, fds[0]) : -EPROTO;
	if (rc) {
		fprintf(stderr, "ZLN2704E zland's capture memory cannot be used: %s\n",
			rc == -EPROTO ? "zland and zlan are of different versions" : strerror(-rc));
		return -1;
	}
	close(fds[0]);
	a->wake = fds[1];
	return 0;
}

static int dialogue(struct cp_attached *a, const json_t *request)
{
	char *line = malloc(LINE_MAX_BYTES);
	int fds[FDS], rc = -1;
	unsigned nfds = 0;
	ssize_t len = line ? request_send(a->sock, request) : -ENOMEM;

	if (!len)
		len = answer_receive(a->sock, line, fds, &nfds);
	if (len < 0)
		fprintf(stderr, "ZLN2703E zland gave no answer: %s\n", strerror((int)-len));
	else
		rc = answer_use(a, line, (size_t)len, fds, nfds);
	for (unsigned i = 0; rc && i < nfds; i++)
		close(fds[i]);
	free(line);
	return rc;
}

int cp_capture_attach(struct cp_attached *a, const char *dir, const json_t *request)
{
	memset(a, 0, sizeof(*a));
	a->wake = -1;
	a->sock = cp_rundir_connect(dir, CP_CONTROL_SOCKET, SOCK_STREAM);
	if (a->sock < 0) {
		fprintf(stderr, "ZLN2705E No zland to be reached in %s: %s; is it running?\n", dir,
			strerror(-a->sock));
		return -1;
	}
	if (!dialogue(a, request))
		return 0;
	cp_capture_detach(a);
	return -1;
}

void cp_capture_detach(struct cp_attached *a)
{
	if (a->page)
		munmap(a->page, CAPTURE_BYTES);
	if (a->wake >= 0)
		close(a->wake);
	if (a->sock >= 0)
		close(a->sock);
	a->page = NULL;
	a->wake = a->sock = -1;
}

bool cp_capture_sleep(struct cp_attached *a)
{
	bool work = false;

	/* Full barrier between the store and the look at the heads; see capture_wire.h. */
	atomic_store_explicit(&a->page->asleep, 1, memory_order_relaxed);
	atomic_thread_fence(memory_order_seq_cst);
	for (unsigned i = 0; i < CAPTURE_RINGS; i++)
		work |= cp_ring_refresh(&a->ring[i]);
	return work || atomic_load_explicit(&a->page->ended, memory_order_acquire);
}

void cp_capture_awake(struct cp_attached *a)
{
	char sink[64];

	atomic_store_explicit(&a->page->asleep, 0, memory_order_relaxed);
	while (read(a->wake, sink, sizeof(sink)) == sizeof(sink))
		;
}
