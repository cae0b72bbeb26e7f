/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading the recordings. A malformed line is an error of the file, which is ours: the
 * load fails with the line number, so that no test passes by reading nothing.
 */
#include "tests/trace.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "qdio/qdio_wire.h"

/* ---- parsing ----------------------------------------------------------------------- */

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Hex in groups into dst. Return: bytes, or -1 on a bad digit or more than cap. */
static long hex_bytes(const char *s, uint8_t *dst, size_t cap)
{
	size_t n = 0;

	for (;;) {
		while (*s == ' ')
			s++;
		if (!*s)
			return (long)n;
		int hi = hex_digit(s[0]);
		int lo = hi < 0 ? -1 : hex_digit(s[1]);

		if (lo < 0 || n == cap)
			return -1;
		dst[n++] = (uint8_t)(hi << 4 | lo);
		s += 2;
	}
}

static int parse_payload(struct trace_event *e, const char *hex)
{
	uint64_t len = trace_dec(e, "len", 0);
	uint64_t zeros = trace_dec(e, "zeros", 0);

	if (!len || len > 65536 || zeros > len)
		return -1;
	uint8_t *data = calloc(1, len);
	long n = data ? hex_bytes(hex, data, len) : -1;

	e->data = data;
	e->len = len;
	return n >= 0 && (uint64_t)n == len - zeros ? 0 : -1;
}

/* The next word of *s, ended by NUL in place; *s moves behind it. */
static char *next_word(char **s)
{
	char *w = *s;

	*s += strcspn(*s, " ");
	if (**s)
		*(*s)++ = 0;
	return w;
}

static int parse_event(struct trace_event *e, char *line)
{
	char *seq = next_word(&line), *ms = next_word(&line), *ch = next_word(&line);
	char *end;

	e->seq = (unsigned)strtoul(seq, &end, 10);
	if (end == seq || *end)
		return -1;
	e->time_us = (uint64_t)(strtod(ms, &end) * 1000.0 + 0.5);
	if (end == ms || *end || strlen(ch) != 1)
		return -1;
	e->ch = ch[0];
	e->name = next_word(&line);
	e->args = line;
	if (!*e->name)
		return -1;
	if (trace_is(e, "MARK"))
		return 0;
	char *colon = strstr(line, " : ");

	if (!colon)
		return 0;
	*colon = 0;
	return parse_payload(e, colon + 3);
}

static char *read_file(const char *path)
{
	FILE *f = fopen(path, "r");
	char *text = NULL;

	if (!f)
		return NULL;
	if (!fseek(f, 0, SEEK_END)) {
		long size = ftell(f);

		rewind(f);
		text = size >= 0 ? malloc((size_t)size + 1) : NULL;
		if (text) {
			size_t n = fread(text, 1, (size_t)size, f);

			text[n] = 0;
		}
	}
	fclose(f);
	return text;
}

static size_t count_lines(const char *text)
{
	size_t n = 1;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

static int parse_lines(struct trace *t)
{
	const char *comment = "";
	unsigned number = 0;
	char *line = t->text;

	while (line && *line) {
		char *next = strchr(line, '\n');

		if (next)
			*next++ = 0;
		number++;
		if (line[0] == '#') {
			comment = line + 1 + strspn(line + 1, " ");
		} else if (line[0]) {
			struct trace_event *e = &t->ev[t->n++];

			*e = (struct trace_event){.line = number, .comment = comment};
			comment = "";
			if (parse_event(e, line)) {
				fprintf(stderr, "%s:%u: malformed event\n", t->path, number);
				return -1;
			}
		}
		line = next;
	}
	return 0;
}

struct trace *trace_load(const char *path)
{
	struct trace *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->path = path;
	t->text = read_file(path);
	if (!t->text) {
		perror(path);
		goto fail;
	}
	t->ev = calloc(count_lines(t->text), sizeof(*t->ev));
	if (!t->ev || parse_lines(t))
		goto fail;
	return t;
fail:
	trace_free(t);
	return NULL;
}

void trace_free(struct trace *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->n; i++)
		free((void *)(uintptr_t)t->ev[i].data);
	free(t->ev);
	free(t->text);
	free(t);
}

/* ---- access ------------------------------------------------------------------------ */

bool trace_is(const struct trace_event *e, const char *name)
{
	return !strcmp(e->name, name);
}

static bool find_value(const char *args, const char *key, char *buf, size_t cap)
{
	size_t klen = strlen(key);

	for (const char *s = args; *s; s += strspn(s, " ")) {
		size_t n = strcspn(s, " ");

		if (n > klen && !strncmp(s, key, klen) && s[klen] == '=') {
			n -= klen + 1;
			if (n >= cap)
				return false;
			memcpy(buf, s + klen + 1, n);
			buf[n] = 0;
			return true;
		}
		s += n;
	}
	return false;
}

bool trace_value(const struct trace_event *e, const char *key, char *buf, size_t cap)
{
	return find_value(e->args, key, buf, cap);
}

static uint64_t number(const char *args, const char *key, int base, uint64_t fallback)
{
	char buf[32], *end;

	if (!find_value(args, key, buf, sizeof(buf)))
		return fallback;
	uint64_t v = strtoull(buf, &end, base);

	return end == buf ? fallback : v; /* "1(r)" of SIGA: the number before the name */
}

uint64_t trace_hex(const struct trace_event *e, const char *key, uint64_t fallback)
{
	return number(e->args, key, 16, fallback);
}

uint64_t trace_dec(const struct trace_event *e, const char *key, uint64_t fallback)
{
	return number(e->args, key, 10, fallback);
}

uint64_t trace_result_hex(const struct trace_event *e, const char *key, uint64_t fallback)
{
	const char *arrow = strstr(e->args, " -> ");

	return arrow ? number(arrow + 4, key, 16, fallback) : fallback;
}

int trace_queue(const struct trace_event *e, bool *input)
{
	char buf[16];

	if (!trace_value(e, "q", buf, sizeof(buf)))
		return -1;
	*input = buf[0] == 'i';
	const char *digits = buf + strcspn(buf, "0123456789");

	return *digits ? (int)strtol(digits, NULL, 10) : -1;
}

size_t trace_next(const struct trace *t, size_t i, const char *name, char ch)
{
	for (i++; i < t->n; i++)
		if (trace_is(&t->ev[i], name) && (!ch || t->ev[i].ch == ch))
			break;
	return i;
}

/* ---- staging ----------------------------------------------------------------------- */

struct stage {
	uint8_t *storage;
	size_t size;
};

static int put(const struct stage *s, uint64_t addr, const void *data, size_t len)
{
	if (addr > s->size || len > s->size - addr)
		return -1;
	if (len)
		memcpy(s->storage + addr, data, len);
	return 0;
}

/* Where SBAL buf of the queue of event e stands, from later events; 0: not recorded. */
static uint64_t sbal_address(const struct trace *t, size_t i, unsigned buf)
{
	const struct trace_event *e = &t->ev[i];
	bool input = false, in2 = false;
	int q = trace_queue(e, &input);

	for (i++; i < t->n && !trace_is(&t->ev[i], "EQ-QDR"); i++) {
		const struct trace_event *s = &t->ev[i];

		if (strncmp(s->name, "SBAL-", 5) || trace_dec(s, "buf", ~0ull) != buf)
			continue;
		if (trace_queue(s, &in2) == q && in2 == input)
			return trace_hex(s, "addr", 0);
	}
	return 0;
}

/* The four recorded entries of an SL and the others, in a spare page range per queue. */
static int put_sl(const struct stage *s, const struct trace *t, size_t i)
{
	const struct trace_event *e = &t->ev[i];
	uint64_t addr = trace_hex(e, "addr", 0);
	bool input = false;
	int q = trace_queue(e, &input);
	uint64_t spare = s->size - ((uint64_t)(input ? q : q + 2) + 1) * 0x8000;
	int rc = 0;

	for (unsigned b = 0; b < QDIO_BUFFERS; b++) {
		uint64_t sbal =
			b < e->len / 8 ? be64_load(e->data + (size_t)b * 8) : sbal_address(t, i, b);
		uint8_t entry[8];

		be64_store(entry, sbal ? sbal : spare + (uint64_t)b * QDIO_SBAL_BYTES);
		rc |= put(s, addr + (uint64_t)b * 8, entry, 8);
	}
	return rc;
}

static int put_event(const struct stage *s, const struct trace *t, size_t i, uint64_t cda)
{
	const struct trace_event *e = &t->ev[i];
	char when[32];

	if (trace_is(e, "WRITE") || trace_is(e, "EQ-QDR"))
		return put(s, cda, e->data, e->len);
	if (trace_is(e, "SL"))
		return put_sl(s, t, i);
	if (trace_is(e, "EQ-QIB")) {
		if (trace_value(e, "when", when, sizeof(when)) && strcmp(when, "before-EQ"))
			return 0;
		return put(s, trace_hex(e, "addr", 0), e->data, e->len);
	}
	if (trace_is(e, "SLSB")) {
		if (trace_value(e, "when", when, sizeof(when)) && strcmp(when, "EQ"))
			return 0;
		return put(s, trace_hex(e, "addr", 0), e->data, e->len);
	}
	if (trace_is(e, "SLIB") || !strncmp(e->name, "SBAL-", 5))
		return put(s, trace_hex(e, "addr", 0), e->data, e->len);
	return 0;
}

/* Does the event end what was recorded of the START before it, on the same channel? */
static bool ends_start(const struct trace_event *e)
{
	return trace_is(e, "STATUS") || trace_is(e, "START") || trace_is(e, "HALT") ||
	       trace_is(e, "CLEAR") || trace_is(e, "SIGA");
}

int trace_stage(const struct trace *t, size_t i, uint8_t *storage, size_t size)
{
	struct stage s = {.size = size};
	uint64_t ccw = trace_hex(&t->ev[i], "ccwaddr", 0);
	uint64_t cda = 0;
	char ch = t->ev[i].ch;
	int n = 0;

	s.storage = storage;
	for (i++; i < t->n; i++) {
		const struct trace_event *e = &t->ev[i];

		if (e->ch != ch)
			continue;
		if (ends_start(e))
			break;
		if (trace_is(e, "CCW")) {
			/* The WRITE data of a chained program follows its own CCW or the last. */
			if (!n || trace_hex(e, "code", 0) == QDIO_CCW_WRITE)
				cda = trace_hex(e, "addr", 0);
			if (put(&s, ccw + 8 * (uint64_t)n++, e->data, e->len))
				return -1;
		} else if (put_event(&s, t, i, cda)) {
			return -1;
		}
	}
	return n;
}

int trace_stage_sbal(const struct trace *t, size_t i, uint8_t *storage, size_t size)
{
	struct stage s = {.size = size};
	const struct trace_event *sbal = &t->ev[i];
	bool input = false;
	int q = trace_queue(sbal, &input);
	uint64_t buf = trace_dec(sbal, "buf", 0);

	s.storage = storage;
	if (!sbal->data || put(&s, trace_hex(sbal, "addr", 0), sbal->data, sbal->len))
		return -1;
	for (i++; i < t->n && !input; i++) {
		const struct trace_event *e = &t->ev[i];
		bool in2 = false;

		if (!strncmp(e->name, "SBAL-", 5))
			break;
		if (!trace_is(e, "ELEMENT-OUT") || trace_queue(e, &in2) != q ||
		    trace_dec(e, "buf", ~0ull) != buf)
			continue;
		size_t at = (size_t)trace_dec(e, "el", 0) * sizeof(struct qdio_sbale);

		if (at + sizeof(struct qdio_sbale) > sbal->len ||
		    put(&s, be64_load(sbal->data + at + 8), e->data, e->len))
			return -1;
	}
	return 0;
}
