/* SPDX-License-Identifier: Apache-2.0 */
/* Statements from lines: a comma at the end of a line continues the statement on the next one. */
#ifndef CP_STATEMENT_H
#define CP_STATEMENT_H

#include <stdbool.h>
#include <stddef.h>

#include "cp/parse.h"

struct cp_statement {
	unsigned line;	/* the last that was added, from 1 */
	unsigned first; /* where the statement began */
	bool continued;
	size_t used;
	char text[CP_LINE_MAX + 2]; /* one more than is legal, so that too long shows */
};

/*
 * Add a line; after a complete statement it begins a new one.
 * @line: n bytes and a NUL, with or without its newline; changed.
 * Return: whether text is complete.
 */
bool cp_statement_add(struct cp_statement *st, char *line, size_t n);

/* At the end of the input. Return: whether text is a statement whose next line is missing. */
bool cp_statement_pending(const struct cp_statement *st);

#endif
