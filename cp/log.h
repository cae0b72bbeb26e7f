/* SPDX-License-Identifier: Apache-2.0 */
/* The event log: lines on standard error. */
#ifndef CP_LOG_H
#define CP_LOG_H

#include <stdbool.h>

struct cp_log {
	bool journal; /* standard error is the journal: priorities instead of times */
};

/* Look at what standard error is. @log: filled in. */
void cp_log_init(struct cp_log *log);

/*
 * Write one line, in one system call so that lines of several threads do not mix.
 * @line: "ZLNnnnnX text", newline optional; the letter X (I, W, E) gives the priority.
 * Context: any thread; may block as long as standard error does.
 */
void cp_log_line(const struct cp_log *log, const char *line);

/* The same with a format. */
void cp_log_printf(const struct cp_log *log, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif
