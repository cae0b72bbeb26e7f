/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines of the command language. The first byte chooses the caller; every line is also completed.
 * What the lines leave behind must make itself again.
 */
#include <stdlib.h>
#include <string.h>

#include "cp/cp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void run(struct cp *cp, const struct cp_caller *who, const char *line, bool must)
{
	struct cp_reply r;

	if (cp_execute(cp, who, line, &r) && must)
		__builtin_trap();
	if (!r.text || !r.errors || !json_is_object(r.json) || (r.rc == 0) != !r.errors[0])
		__builtin_trap();
	cp_reply_free(&r);
}

static void remake(struct cp *cp)
{
	static const struct cp_caller who = {.user = "OPERATOR", .class_b = true};
	struct cp *fresh = cp_create(NULL);
	char *text = cp_configuration(cp), *copy = strdup(text), *next = NULL, *again;

	for (char *line = strtok_r(copy, "\n", &next); line; line = strtok_r(NULL, "\n", &next))
		run(fresh, &who, line, true);
	again = cp_configuration(fresh);
	if (strcmp(text, again) != 0)
		__builtin_trap();
	free(text);
	free(copy);
	free(again);
	cp_destroy(fresh);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cp_caller who = {.user = "U", .class_b = size && data[0] != 'g'};
	struct cp *cp;
	char *text, *next = NULL;

	if (size < 1 || size > 16384)
		return 0;
	cp = cp_create(NULL);
	text = strndup((const char *)data + 1, size - 1);
	for (char *line = strtok_r(text, "\n", &next); line; line = strtok_r(NULL, "\n", &next)) {
		run(cp, &who, line, false);
		free(cp_complete(cp, line));
	}
	remake(cp);
	free(text);
	cp_destroy(cp);
	return 0;
}
