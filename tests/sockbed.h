/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the tests of zland's sockets share: who calls, commands, an event loop that is turned by
 * hand, and a count of the process's descriptors, which ends each test.
 */
#ifndef TESTS_SOCKBED_H
#define TESTS_SOCKBED_H

#include <check.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>

#include "cp/cp.h"

static const struct cp_caller oper = {.user = "OPERATOR", .class_b = true};

static inline unsigned open_fds(void)
{
	unsigned n = 0;

	for (int fd = 0; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

/* Execute a command as the operator; the test fails if it does. */
static inline void command(struct cp *cp, const char *line)
{
	struct cp_reply r = {0};

	ck_assert_msg(cp_execute(cp, &oper, line, &r) == 0, "%s: %s", line, r.errors);
	cp_reply_free(&r);
}

/* Does the answer to a command contain text? */
static inline bool says(struct cp *cp, const char *line, const char *text)
{
	struct cp_reply r = {0};
	bool found;

	ck_assert_msg(cp_execute(cp, &oper, line, &r) == 0, "%s: %s", line, r.errors);
	found = strstr(r.text, text) != NULL;
	cp_reply_free(&r);
	return found;
}

/* Let everything that is ready happen. */
static inline void turn(struct event_base *base)
{
	for (unsigned i = 0; i < 6; i++)
		event_base_loop(base, EVLOOP_NONBLOCK);
}

#endif
