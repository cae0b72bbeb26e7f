/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Words of a statement: cutting a line, abbreviations, names.
 */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "cp/parse.h"

static bool blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* The end of a comment that begins at s, or s. An unclosed comment takes the rest. */
static const char *skip_comment(const char *s)
{
	const char *end;

	if (s[0] != '/' || s[1] != '*')
		return s;
	end = strstr(s + 2, "*/");
	return end ? end + 2 : s + strlen(s);
}

/* Return: where it ends. */
static const char *copy_word(const char *s, struct cp_tokens *t, size_t *used)
{
	while (*s && !blank(*s) && skip_comment(s) == s)
		t->buf[(*used)++] = *s++;
	return s;
}

/* "a text with blanks": one word without its quotes. Return: where it ends, NULL if nowhere. */
static const char *copy_quoted(const char *s, struct cp_tokens *t, size_t *used)
{
	const char *end = strchr(s + 1, '"');

	if (!end || (end[1] && !blank(end[1])))
		return NULL;
	memcpy(t->buf + *used, s + 1, (size_t)(end - s - 1));
	*used += (size_t)(end - s - 1);
	return end + 1;
}

const char *cp_tokenize(const char *line, struct cp_tokens *t)
{
	size_t len = strnlen(line, CP_LINE_MAX + 1);
	const char *s = line;
	size_t used = 0;

	t->n = 0;
	t->open = false;
	if (len > CP_LINE_MAX)
		return "longer than 4096 bytes; continue a statement of a file with a comma at the "
		       "end of a line and keep lists short";
	for (size_t i = 0; i < len; i++)
		if (!blank(line[i]) && (line[i] < 0x20 || line[i] > 0x7E))
			return "control or non-ASCII character in it; use plain text";
	while (blank(*s))
		s++;
	if (*s == '*' || *s == '#')
		return NULL;
	while (*s) {
		const char *next = skip_comment(s);

		t->open = next == s && !blank(*s);
		if (!t->open) {
			s = next == s ? s + 1 : next;
			continue;
		}
		t->at[t->n++] = (uint16_t)used;
		s = *s == '"' ? copy_quoted(s, t, &used) : copy_word(s, t, &used);
		if (!s)
			return "a quoted text without its second quote";
		t->buf[used++] = '\0';
	}
	return NULL;
}

bool cp_abbreviates(const char *word, const char *keyword)
{
	size_t len = strlen(word), full = strcspn(keyword, " |"), least = 0;

	while (least < full && !islower((unsigned char)keyword[least]))
		least++;
	return len >= least && len <= full && strncasecmp(word, keyword, len) == 0;
}

bool cp_name_ok(const char *name)
{
	size_t len = strlen(name);

	if (len < 1 || len > 8)
		return false;
	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)name[i]) && !strchr("@#$_", name[i]))
			return false;
	return true;
}
