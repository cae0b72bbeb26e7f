/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The channel socket: the input is a list of messages {u16 length, u8 descriptors, bytes};
 * descriptor 0 is a good memfd whose storage holds the whole input, so that channel programs can be
 * found in it.
 */
#include <event2/event.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cp/channel_priv.h"

#define STORAGE_BYTES 65536

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ignore_line(void *ctx, const char *line)
{
	(void)ctx;
	(void)line;
}

static void ignore_kick(void *ctx)
{
	(void)ctx;
}

static void play(struct channel_conn *c, const uint8_t *data, size_t size, int memfd)
{
	int fds[CHANNEL_REGIONS_MAX] = {memfd, memfd, memfd, STDIN_FILENO};
	uint8_t msg[CHANNEL_MSG_MAX];

	for (size_t at = 0; at + 3 <= size && !c->conn.lost;) {
		size_t n = (size_t)(data[at] | data[at + 1] << 8) % (sizeof(msg) + 1);
		unsigned nfds = data[at + 2] % (CHANNEL_REGIONS_MAX + 1);

		at += 3;
		n = n < size - at ? n : size - at;
		memcpy(msg, data + at, n);
		cp_conn_message(&c->conn, msg, n, fds, nfds);
		at += n;
	}
}

static void run(const struct cp_channel_config *cfg, const uint8_t *data, size_t size)
{
	static const struct cp_caller who = {.user = "OPERATOR", .class_b = true};
	struct cp_channel *ch = cp_channel_create(cfg, -1);
	int memfd = memfd_create("guest", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int pair[2];

	if (!ch || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair) < 0 ||
	    ftruncate(memfd, STORAGE_BYTES) < 0 || fcntl(memfd, F_ADD_SEALS, F_SEAL_SHRINK) < 0 ||
	    pwrite(memfd, data, size < STORAGE_BYTES ? size : STORAGE_BYTES, 0) < 0 ||
	    cp_channel_adopt(ch, pair[0], &who, 0) < 0)
		abort();
	play(channel_newest(ch), data, size, memfd);
	event_base_loop(cfg->base, EVLOOP_NONBLOCK);
	cp_channel_destroy(ch);
	close(memfd);
	close(pair[1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct cp_hooks hooks;
	static const struct cp_caller who = {.user = "OPERATOR", .class_b = true};
	struct cp_channel_config cfg = {.kick = ignore_kick, .log = ignore_line};
	struct cp_reply r = {0};

	cfg.base = event_base_new();
	cfg.cp = cp_create(&hooks);
	cp_execute(cfg.cp, &who, "DEFINE VSWITCH VSW1", &r);
	cp_reply_free(&r);
	cp_execute(cfg.cp, &who, "NICDEF ONE 0600 TYPE QDIO LAN SYSTEM VSW1", &r);
	cp_reply_free(&r);
	run(&cfg, data, size);
	cp_destroy(cfg.cp);
	event_base_free(cfg.base);
	return 0;
}
