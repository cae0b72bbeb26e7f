/* SPDX-License-Identifier: Apache-2.0 */
#include "cp/capture_sink.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <unistd.h>

#define BUFFER_BYTES (1u << 18)

/* Wait until a write of PIPE_BUF bytes does not block; what can be written still is after a stop.
 */
static int writable(const struct cp_sink *s)
{
	struct pollfd pfd[2] = {
		{.fd = s->fd, .events = POLLOUT},
		{.fd = s->stop_fd, .events = POLLIN},
	};

	for (;;) {
		if (poll(pfd, 2, -1) < 0 && errno != EINTR)
			return -errno;
		if (pfd[0].revents)
			return 0; /* an error as well: the write tells which */
		if (pfd[1].revents)
			return -EINTR;
	}
}

/* As fopencookie wants it: bytes written, 0 if that fails. */
static ssize_t sink_write(void *cookie, const char *buf, size_t size)
{
	struct cp_sink *s = cookie;
	size_t done = 0;

	while (done < size && !s->rc) {
		size_t part = size - done < PIPE_BUF ? size - done : PIPE_BUF;
		ssize_t n;

		s->rc = writable(s);
		if (s->rc)
			break;
		n = write(s->fd, buf + done, part);
		if (n >= 0)
			done += (size_t)n;
		else if (errno != EINTR && errno != EAGAIN)
			s->rc = -errno;
	}
	if (!s->rc)
		return (ssize_t)done;
	errno = -s->rc;
	return 0;
}

FILE *cp_sink_open(struct cp_sink *s)
{
	FILE *f = fopencookie(s, "w", (cookie_io_functions_t){.write = sink_write});

	s->rc = 0;
	if (f)
		setvbuf(f, NULL, _IOFBF, BUFFER_BYTES);
	return f;
}
