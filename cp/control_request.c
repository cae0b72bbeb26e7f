/* SPDX-License-Identifier: Apache-2.0 */
/* Requests on the control socket: one JSON object in, one out. No sockets here. */
#include "cp/control_priv.h"

#include <stdlib.h>
#include <string.h>

/* A string; where an error text has cut a character in two, with '?' for all that is not ASCII. */
static json_t *string_of(const char *p, size_t n)
{
	json_t *s = json_stringn(p, n);
	char *copy;

	if (s)
		return s;
	copy = malloc(n + 1);
	if (!copy)
		return NULL;
	for (size_t i = 0; i < n; i++)
		copy[i] = (char)((signed char)p[i] < 0 ? '?' : p[i]);
	s = json_stringn(copy, n);
	free(copy);
	return s;
}

/* Lines of text as an array of strings. */
static json_t *lines_of(const char *text)
{
	json_t *a = json_array();

	while (a && *text) {
		size_t n = strcspn(text, "\n");

		if (n)
			json_array_append_new(a, string_of(text, n));
		text += n + (text[n] == '\n');
	}
	return a;
}

json_t *control_error(int rc, const char *text)
{
	return json_pack("{s:i, s:s, s:o}", "rc", rc, "text", "", "errors", lines_of(text));
}

/* The number in "ZLNnnnnE ..."; never 0. */
static int number_of(const char *message)
{
	long n = strncmp(message, "ZLN", 3) == 0 ? strtol(message + 3, NULL, 10) : 0;

	return n > 0 && n <= 9999 ? (int)n : 2511;
}

static json_t *answer_command(struct cp *cp, const struct cp_caller *who, const char *command,
			      bool want_json)
{
	struct cp_reply r = {0};
	const char *text;
	json_t *o;

	cp_execute(cp, who, command, &r);
	text = r.text ? r.text : "";
	o = json_pack("{s:i, s:o, s:o}", "rc", r.rc, "text", string_of(text, strlen(text)),
		      "errors", lines_of(r.errors ? r.errors : ""));
	if (o && want_json && r.json)
		json_object_set(o, "json", r.json);
	cp_reply_free(&r);
	return o;
}

/* Class G is offered words, not what others have. */
static json_t *answer_complete(struct cp *cp, const struct cp_caller *who, const char *line)
{
	struct cp *none = who->class_b ? NULL : cp_create(NULL);
	char *candidates = who->class_b || none ? cp_complete(none ? none : cp, line) : NULL;
	json_t *o = json_pack("{s:i, s:o}", "rc", 0, "candidates",
			      lines_of(candidates ? candidates : ""));

	cp_destroy(none);
	free(candidates);
	return o;
}

static json_t *answer_capture(struct cp *cp, const json_t *request, struct cp_capture **capture,
			      int fds[2])
{
	char err[256] = "";

	if (*capture)
		return control_error(2605, "ZLN2605E This connection has a capture already");
	*capture = cp_capture_start(cp, request, fds, err, sizeof(err));
	if (!*capture)
		return control_error(number_of(err), err);
	return json_pack("{s:i, s:s, s:[]}", "rc", 0, "text", "", "errors");
}

static json_t *answer_object(struct cp *cp, const struct cp_caller *who, const json_t *request,
			     struct cp_capture **capture, int fds[2])
{
	const json_t *command = json_object_get(request, "command");
	const json_t *complete = json_object_get(request, "complete");
	const json_t *cap = json_object_get(request, "capture");

	if (json_is_string(command))
		return answer_command(cp, who, json_string_value(command),
				      json_is_true(json_object_get(request, "json")));
	if (json_is_string(complete))
		return answer_complete(cp, who, json_string_value(complete));
	if (json_is_object(cap) && !who->class_b)
		return control_error(2607, "ZLN2607E A capture needs privilege class B");
	if (json_is_object(cap))
		return answer_capture(cp, cap, capture, fds);
	return control_error(2604,
			     "ZLN2604E Request has none of \"command\", \"complete\" (strings) "
			     "and \"capture\" (object)");
}

json_t *control_answer(struct cp *cp, const struct cp_caller *who, const char *line, size_t len,
		       struct cp_capture **capture, int fds[2])
{
	json_error_t je;
	json_t *request = json_loadb(line, len, JSON_REJECT_DUPLICATES, &je);
	json_t *answer;
	char text[JSON_ERROR_TEXT_LENGTH + 64];

	if (!request) {
		snprintf(text, sizeof(text), "ZLN2603E Request is not JSON: %s (column %d)",
			 je.text, je.column);
		return control_error(2603, text);
	}
	answer = json_is_object(request)
			 ? answer_object(cp, who, request, capture, fds)
			 : control_error(2603, "ZLN2603E Request is not a JSON object");
	json_decref(request);
	return answer;
}
