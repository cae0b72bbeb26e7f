/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files of statements. A check runs the statements against a copy of what exists, in which nothing
 * outside is touched.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cp/cp_priv.h"
#include "cp/statement.h"

#define FILE_MAX_BYTES (16u << 20)

struct reader {
	struct cp *cp;
	const char *path;
	void (*report)(void *ctx, const char *text);
	void *ctx;
	int errors;
	bool changed;
	struct cp_statement st;
};

static const struct cp_caller operator_caller = {.user = "OPERATOR", .class_b = true};

/* Each message of a reply, as FILE:LINE: message. */
static void report_errors(struct reader *r, char *errors)
{
	char *next = NULL, text[1024];

	for (char *e = strtok_r(errors, "\n", &next); e; e = strtok_r(NULL, "\n", &next)) {
		snprintf(text, sizeof(text), "%s:%u: %s", r->path, r->st.first, e);
		r->errors++;
		if (r->report)
			r->report(r->ctx, text);
	}
}

static void run_statement(struct reader *r)
{
	struct cp_reply reply;
	bool changed = false;

	r->cp->line = r->st.first;
	cp_run_line(r->cp, &operator_caller, r->st.text, &reply, &changed);
	r->changed |= changed;
	report_errors(r, reply.errors);
	cp_reply_free(&reply);
}

/* Return: 0 or -errno. */
static int read_lines(struct reader *r, FILE *f)
{
	size_t cap = 0, total = 0;
	char *line = NULL;
	ssize_t n;
	int rc = 0;

	while (rc == 0 && (n = getline(&line, &cap, f)) > 0) {
		total += (size_t)n;
		if (total > FILE_MAX_BYTES)
			rc = -EFBIG;
		else if (cp_statement_add(&r->st, line, (size_t)n))
			run_statement(r);
	}
	if (ferror(f))
		rc = -EIO;
	if (rc == 0 && cp_statement_pending(&r->st))
		run_statement(r);
	free(line);
	return rc;
}

/* Return: it, or NULL and errno. Consumes fd. */
static FILE *open_stream(int fd)
{
	struct stat st;
	FILE *f = NULL;

	if (fd < 0)
		return NULL;
	if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode))
		errno = EISDIR;
	else
		f = fdopen(fd, "r");
	if (!f) {
		int rc = errno;

		close(fd);
		errno = rc;
	}
	return f;
}

/* A control program with the same objects and nothing outside. Return: it, or NULL. */
static struct cp *scratch_copy(const struct cp *cp)
{
	struct cp *copy = cp_create(NULL);
	char *text = cp_configuration(cp), *next = NULL;
	struct cp_reply reply;
	bool changed;

	if (!copy || !text) {
		cp_destroy(copy);
		free(text);
		return NULL;
	}
	copy->check = true;
	for (char *line = strtok_r(text, "\n", &next); line; line = strtok_r(NULL, "\n", &next)) {
		cp_run_line(copy, &operator_caller, line, &reply, &changed);
		cp_reply_free(&reply);
	}
	free(text);
	return copy;
}

int cp_execute_fd(struct cp *cp, int fd, const char *name, bool check_only,
		  void (*report)(void *ctx, const char *text), void *ctx)
{
	struct reader r = {.cp = cp, .path = name, .report = report, .ctx = ctx};
	FILE *f = open_stream(fd);
	int rc = -ENOMEM;

	if (!f)
		return -errno;
	if (check_only)
		r.cp = scratch_copy(cp);
	if (!r.cp)
		goto out;
	r.cp->in_file = true;
	r.cp->file = name;
	rc = read_lines(&r, f);
	r.cp->in_file = false;
	if (check_only)
		cp_destroy(r.cp);
	else if (r.changed && cp->hooks.changed)
		cp->hooks.changed(cp->hooks.ctx);
out:
	fclose(f);
	return rc < 0 ? rc : r.errors;
}

int cp_execute_file(struct cp *cp, const char *path, bool check_only,
		    void (*report)(void *ctx, const char *text), void *ctx)
{
	return cp_execute_fd(cp, open(path, O_RDONLY | O_CLOEXEC), path, check_only, report, ctx);
}
