/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The event log. On a terminal or in a file each line starts with the time in UTC; the journal
 * keeps times by itself and takes a priority in front of the line instead
 * (Source: sd-daemon(3)).
 */
#include "cp/log.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define MESSAGE_ID_LETTER 7 /* "ZLN0000" is in front of it */

/* JOURNAL_STREAM is "DEVICE:INODE" of standard error if that is the journal. */
void cp_log_init(struct cp_log *log)
{
	const char *s = getenv("JOURNAL_STREAM");
	char here[64];
	struct stat st;

	log->journal = false;
	if (!s || fstat(STDERR_FILENO, &st) < 0)
		return;
	snprintf(here, sizeof(here), "%llu:%llu", (unsigned long long)st.st_dev,
		 (unsigned long long)st.st_ino);
	log->journal = strcmp(s, here) == 0;
}

/* Syslog priority of a message by the letter behind its number. */
static int priority(const char *line)
{
	if (strncmp(line, "ZLN", 3) != 0 ||
	    strnlen(line, MESSAGE_ID_LETTER + 1) <= MESSAGE_ID_LETTER)
		return 6;
	switch (line[MESSAGE_ID_LETTER]) {
	case 'E':
		return 3;
	case 'W':
		return 4;
	default:
		return 6;
	}
}

static size_t put_prefix(const struct cp_log *log, const char *line, char *buf, size_t cap)
{
	struct timespec ts;
	struct tm tm;

	if (log->journal)
		return (size_t)snprintf(buf, cap, "<%d>", priority(line));
	clock_gettime(CLOCK_REALTIME, &ts);
	gmtime_r(&ts.tv_sec, &tm);
	return strftime(buf, cap, "%Y-%m-%dT%H:%M:%SZ ", &tm);
}

void cp_log_line(const struct cp_log *log, const char *line)
{
	size_t len = strcspn(line, "\n");
	char prefix[40];
	char newline = '\n';
	struct iovec iov[3] = {
		{.iov_base = prefix, .iov_len = put_prefix(log, line, prefix, sizeof(prefix))},
		{.iov_base = (void *)(uintptr_t)line, .iov_len = len},
		{.iov_base = &newline, .iov_len = 1},
	};

	/* A log that cannot be written has nobody left to be told. */
	if (writev(STDERR_FILENO, iov, 3) < 0)
		return;
}

void cp_log_printf(const struct cp_log *log, const char *fmt, ...)
{
	char line[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	cp_log_line(log, line);
}
