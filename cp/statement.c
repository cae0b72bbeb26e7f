/* SPDX-License-Identifier: Apache-2.0 */
#include "cp/statement.h"

#include <string.h>

/* The length without the newline and blanks at the end. */
static size_t trim(char *line, size_t n)
{
	size_t len;

	/* A NUL would hide the rest of its line: make it an illegal character. */
	for (size_t i = 0; i < n; i++)
		if (line[i] == '\0')
			line[i] = 1;
	len = strcspn(line, "\r\n");
	while (len && (line[len - 1] == ' ' || line[len - 1] == '\t'))
		len--;
	return len;
}

bool cp_statement_add(struct cp_statement *st, char *line, size_t n)
{
	size_t len = trim(line, n), blanks = strspn(line, " \t"), room;
	bool more = len && line[len - 1] == ',' && line[blanks] != '#' && line[blanks] != '*';

	st->line++;
	if (!st->continued) {
		st->first = st->line;
		st->used = 0;
	}
	if (more)
		line[len - 1] = ' ';
	room = sizeof(st->text) - 1 - st->used;
	if (len > room)
		len = room;
	memcpy(st->text + st->used, line, len);
	st->used += len;
	st->text[st->used] = '\0';
	st->continued = more;
	return !more;
}

bool cp_statement_pending(const struct cp_statement *st)
{
	return st->continued;
}
