/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The port socket: the input is a list of messages {u16 length, u8 kind, bytes}. Kind 0 goes to the
 * control connection, 1 to the data socket, 2 as well with its own length in its header.
 */
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <urcu-qsbr.h>

#include "cp/portsock_priv.h"
#include "cp/seqpacket.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ignore_line(void *ctx, const char *line)
{
	(void)ctx;
	(void)line;
}

static struct vs_worker *the_worker(void *ctx, struct vs_port *p)
{
	(void)p;
	return ctx;
}

/* Read what zland sent; keep the descriptor of the data socket. */
static void drain(int fd, int *data_fd)
{
	uint8_t buf[PORT_CONTROL_MAX];
	struct cp_seqpacket m;

	while (cp_seqpacket_receive(fd, buf, sizeof(buf), &m) > 0) {
		if (m.nfds && *data_fd < 0)
			*data_fd = m.fds[--m.nfds];
		cp_seqpacket_close_fds(&m);
	}
	while (*data_fd >= 0 && recv(*data_fd, buf, 1, MSG_DONTWAIT) > 0)
		continue;
}

static void play(struct portsock_conn *c, int fd, struct vs_worker *w, const uint8_t *data,
		 size_t size)
{
	int data_fd = -1;
	uint8_t msg[4096];

	for (size_t at = 0; at + 3 <= size && !c->conn.lost;) {
		uint32_t n = (uint32_t)(data[at] | data[at + 1] << 8) % (sizeof(msg) + 1);
		unsigned kind = data[at + 2] % 3;

		at += 3;
		n = n < size - at ? n : (uint32_t)(size - at);
		memcpy(msg, data + at, n);
		at += n;
		if (kind == 2 && n >= sizeof(struct vs_packet))
			memcpy(msg + offsetof(struct vs_packet, len), &n, sizeof(n));
		if (kind == 0)
			cp_conn_message(&c->conn, msg, n, NULL, 0);
		else if (data_fd >= 0 && send(data_fd, msg, n, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
			vs_worker_poll(w);
		drain(fd, &data_fd);
	}
	if (data_fd >= 0)
		close(data_fd);
}

static void command(struct cp *cp, const char *line)
{
	static const struct cp_caller who = {.user = "OPERATOR", .class_b = true};
	struct cp_reply r = {0};

	if (cp_execute(cp, &who, line, &r))
		abort();
	cp_reply_free(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct cp_caller who = {.user = "OPERATOR", .class_b = true};
	struct vs_worker *w = vs_worker_create();
	struct cp_hooks hooks = {.pick_worker = the_worker, .ctx = w};
	struct cp_portsock_config cfg = {.base = event_base_new(), .log = ignore_line};
	struct cp_portsock *ps;
	int pair[2];

	rcu_register_thread();
	cfg.cp = cp_create(&hooks);
	command(cfg.cp, "DEFINE LAN L OWNERID SYSTEM");
	command(cfg.cp, "NICDEF ONE 0600 TYPE QDIO LAN SYSTEM L");
	command(cfg.cp, "DEFINE LAN H OWNERID SYSTEM TYPE HIPERS");
	command(cfg.cp, "NICDEF ONE 0700 TYPE HIPERS LAN SYSTEM H");
	ps = cp_portsock_create(&cfg, -1);
	if (!ps || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair) < 0 ||
	    cp_portsock_adopt(ps, pair[0], &who, 0) < 0)
		abort();
	play(portsock_newest(ps), pair[1], w, data, size);
	event_base_loop(cfg.base, EVLOOP_NONBLOCK);
	cp_portsock_destroy(ps);
	cp_destroy(cfg.cp);
	vs_worker_destroy(w);
	rcu_unregister_thread();
	event_base_free(cfg.base);
	close(pair[1]);
	return 0;
}
