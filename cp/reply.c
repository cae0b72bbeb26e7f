/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Replies: text, JSON and messages of one command are collected in its run and handed out
 * together.
 */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cp/cp_priv.h"

#define ECHO_BYTES 65 /* of an operand in a message */

static const struct cp_message messages[] = {
#define X(id, number, rc, rs, text) {number, rc, rs, text},
	CP_MESSAGE_LIST(X)
#undef X
};

const struct cp_message *cp_message(enum cp_msg m)
{
	return &messages[m];
}

/* Return: 0, or -1 when memory is gone: then the reply says so by rc alone. */
int cp_run_open(struct cp_run *run, struct cp_reply *r)
{
	memset(r, 0, sizeof(*r));
	run->reply = r;
	run->text = open_memstream(&r->text, &run->text_len);
	run->errors = open_memstream(&r->errors, &run->errors_len);
	run->json_errors = json_array();
	return run->text && run->errors && run->json_errors ? 0 : -1;
}

/* The text of a command that is no QUERY, as an array of lines. */
static json_t *text_lines(const char *text)
{
	json_t *lines = json_array();

	while (text && *text) {
		size_t len = strcspn(text, "\n");

		json_array_append_new(lines, json_stringn(text, len));
		text += len + (text[len] == '\n');
	}
	return lines;
}

static json_t *reply_json(struct cp_run *run)
{
	json_t *o = run->json;

	run->json = NULL;
	if (run->rc || !o) {
		json_decref(o);
		o = json_object();
		json_object_set_new(o, "text", text_lines(run->reply->text));
	}
	json_object_set_new(o, "ok", json_boolean(!run->rc));
	if (run->rc) {
		json_object_set_new(o, "rc", json_integer(run->rc));
		json_object_set(o, "errors", run->json_errors);
	}
	return o;
}

/* Ends the run; the reply is complete. */
void cp_run_close(struct cp_run *run)
{
	struct cp_reply *r = run->reply;

	if (run->text)
		fclose(run->text);
	if (run->errors)
		fclose(run->errors);
	if (!r->text)
		r->text = strdup("");
	if (!r->errors)
		r->errors = strdup("");
	r->rc = run->rc;
	r->json = reply_json(run);
	json_decref(run->json_errors);
}

void cp_reply_free(struct cp_reply *r)
{
	if (!r)
		return;
	free(r->text);
	free(r->errors);
	json_decref(r->json);
	memset(r, 0, sizeof(*r));
}

void cp_say(struct cp_run *run, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vfprintf(run->text, fmt, ap);
	va_end(ap);
	fputc('\n', run->text);
}

static void substitute(FILE *f, const char *text, const char *const arg[3])
{
	for (; *text; text++) {
		if (*text != '&' || text[1] < '1' || text[1] > '3') {
			fputc(*text, f);
			continue;
		}
		fprintf(f, "%.*s", ECHO_BYTES * 2, arg[text[1] - '1'] ? arg[text[1] - '1'] : "");
		text++;
	}
}

void cp_message_text(char *buf, size_t cap, enum cp_msg m, const char *a, const char *b,
		     const char *c)
{
	FILE *f = fmemopen(buf, cap, "w");

	buf[0] = '\0';
	if (!f)
		return;
	substitute(f, messages[m].text, (const char *const[3]){a, b, c});
	fputc('\0', f);
	fclose(f);
	buf[cap - 1] = '\0';
}

int cp_error(struct cp_run *run, enum cp_msg m, const char *a, const char *b, const char *c)
{
	const struct cp_message *msg = &messages[m];
	char operand[ECHO_BYTES], text[512], id[16];

	snprintf(operand, sizeof(operand), "%s", a ? a : "");
	snprintf(id, sizeof(id), "ZLN%04uE", msg->number);
	cp_message_text(text, sizeof(text), m, operand, b, c);
	fprintf(run->errors, "%s %s\n", id, text);
	json_array_append_new(run->json_errors,
			      json_pack("{s:s, s:s*, s:s*, s:{s:i, s:i}}", "message", id, "text",
					text, "operand", operand, "smapi", "rc", msg->rc, "rs",
					msg->rs));
	if (!run->rc)
		run->rc = (int)msg->number;
	return -1;
}

void cp_log(struct cp *cp, const char *fmt, ...)
{
	char line[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	cp_event_keep(cp, line);
	if (!cp->hooks.log)
		return;
	cp->hooks.log(cp->hooks.ctx, line);
}
