/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The control socket: the input is what a client writes, in pieces of the size its first byte
 * says. No uplinks, no files.
 */
#include <event2/event.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cp/control.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ignore_line(void *ctx, const char *line)
{
	(void)ctx;
	(void)line;
}

static void forget(void *ctx, struct vs_switch *sw, struct vs_port *p)
{
	struct cp_control **ct = ctx;

	if (*ct)
		cp_control_forget(*ct, sw, p);
}

static void serve(struct event_base *base, int fd)
{
	char sink[4096];

	for (unsigned i = 0; i < 3; i++) {
		event_base_loop(base, EVLOOP_NONBLOCK);
		while (recv(fd, sink, sizeof(sink), MSG_DONTWAIT) > 0)
			continue;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct cp_caller who = {.user = "OPERATOR", .class_b = true};
	struct cp_control_config cfg = {.log = ignore_line};
	struct cp_control *ct = NULL;
	struct cp_hooks hooks = {.forget = forget, .ctx = &ct};
	int pair[2];
	size_t piece = size ? data[0] + 1u : 1;

	cfg.base = event_base_new();
	cfg.cp = cp_create(&hooks);
	ct = cp_control_create(&cfg, -1);
	if (!cfg.base || !cfg.cp || !ct ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) < 0)
		abort();
	cp_control_adopt(ct, pair[0], &who);
	for (size_t at = 1; at < size; at += piece) {
		size_t n = size - at < piece ? size - at : piece;

		if (send(pair[1], data + at, n, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
			break;
		serve(cfg.base, pair[1]);
	}
	close(pair[1]);
	event_base_loop(cfg.base, EVLOOP_NONBLOCK);
	cp_control_destroy(ct);
	ct = NULL;
	cp_destroy(cfg.cp);
	event_base_free(cfg.base);
	return 0;
}
