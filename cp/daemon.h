/* SPDX-License-Identifier: Apache-2.0 */
/* zland without its command line. */
#ifndef CP_DAEMON_H
#define CP_DAEMON_H

#include <stdbool.h>

struct cp_daemon;

struct cp_daemon_options {
	const char *file;  /* of statements, or NULL */
	const char *dir;   /* of the sockets and the state */
	const char *saved; /* of SAVE and PERSIST; NULL: "saved" in dir */
	bool confine;	   /* drop privileges after the start */
};

/*
 * Check a file of statements without touching anything; errors go to standard error with their
 * lines. Return: number of errors, or negative if it cannot be read.
 */
int cp_daemon_check(const char *file);

/*
 * Everything up to serving. @opt: copied, its strings not.
 * Return: the daemon, or NULL; what is wrong has been printed.
 */
struct cp_daemon *cp_daemon_start(const struct cp_daemon_options *opt);

/* Say "ready" and serve until SHUTDOWN, SIGTERM or SIGINT. Return: 0, or negative. */
int cp_daemon_run(struct cp_daemon *d);

/*
 * End and free. @clean: the next start is from the file, not from the state. NULL is legal.
 */
void cp_daemon_stop(struct cp_daemon *d, bool clean);

#endif
