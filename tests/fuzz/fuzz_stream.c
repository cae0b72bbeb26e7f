/* SPDX-License-Identifier: Apache-2.0 */
/*
 * -netdev stream: the input is what a peer sends. Its first byte says in what pieces; between
 * two of them the port is polled, and once drained.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Every byte of every frame must be there to be read. */
static void touch(const struct vs_burst *b)
{
	volatile uint8_t sum = 0;

	for (unsigned i = 0; i < b->n; i++) {
		uint32_t len = b->headlen[i];

		for (unsigned s = 0; s < b->nseg[i]; s++) {
			const struct vs_seg *seg = &b->seg[b->seg0[i] + s];

			for (uint32_t k = 0; k < seg->len; k++)
				sum = (uint8_t)(sum ^ seg->p[k]);
			len += seg->len;
		}
		if (len != b->len[i] || len < 14 || len > VS_FRAME_MAX)
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct vs_burst b;
	uint64_t dropped[VS_DROP_COUNT + 1] = {0};
	size_t step = size ? 1 + (size_t)data[0] * 5 : 1;
	struct host_stream *s;
	int fd[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fd) < 0)
		abort();
	s = host_stream_create(fd[0]);
	if (!s)
		abort();
	for (size_t at = 1; at < size; at += step) {
		size_t n = size - at < step ? size - at : step;

		if (send(fd[1], data + at, n, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
			break;
		if (at > size / 2 && at - step <= size / 2)
			host_stream_drain(s);
		while (host_stream_ops()->rx_burst(s, &b, dropped))
			touch(&b);
	}
	host_stream_destroy(s);
	close(fd[1]);
	return 0;
}
