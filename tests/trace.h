/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The recordings of a real driver (tests/data/README.md) as a list of events.
 *
 * trace_load() reads a file; trace_hex() and its siblings give the keys of an
 * event; data/len is its payload with the zeros that the file leaves out put
 * back. trace_stage() puts into a guest's storage what the driver had there when
 * it executed a START, so that the recorded ORB can be given to a device.
 */
#ifndef TESTS_TRACE_H
#define TESTS_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct trace_event {
	unsigned line; /* in the file */
	unsigned seq;
	uint64_t time_us;
	char ch;	     /* 'r', 'w', 'd', '-' */
	const char *name;    /* "START", "CHSC-REQ", ... */
	const char *args;    /* "key=value ..."; of a MARK the free text */
	const char *comment; /* last comment line above the event, or "" */
	const uint8_t *data; /* NULL without payload */
	size_t len;	     /* of data, zeros included */
};

struct trace {
	size_t n;
	struct trace_event *ev;
	const char *path;
	char *text; /* the file; events point into it */
};

/* The highest storage address of any recording lies below this. */
#define TRACE_STORAGE_BYTES ((size_t)512 << 20)

/* Return: the recording, or NULL after a message on standard error. */
struct trace *trace_load(const char *path);
void trace_free(struct trace *t);

bool trace_is(const struct trace_event *e, const char *name);

/*
 * The value of a key: as text into buf (false if the key is not there or buf too small), as a
 * number in base 16 or 10 (fallback if it is not there). Whether a key is in hex or decimal
 * is the format's choice: addr, code, ds, ss, slsb, gr0..3, token, r1..3, rc, state are hex;
 * count, buf, el, residual, len, cc, enabled, isc, primed-run are decimal.
 */
bool trace_value(const struct trace_event *e, const char *key, char *buf, size_t cap);
uint64_t trace_hex(const struct trace_event *e, const char *key, uint64_t fallback);
uint64_t trace_dec(const struct trace_event *e, const char *key, uint64_t fallback);
/* The same behind the "->" of SQBS and EQBS. */
uint64_t trace_result_hex(const struct trace_event *e, const char *key, uint64_t fallback);

/* The queue of an event, "q=in0", "q=out3". Return: its number, or -1 without q. */
int trace_queue(const struct trace_event *e, bool *input);

/* Index of the first event behind i with the name (on channel ch; 0: any), or t->n. */
size_t trace_next(const struct trace *t, size_t i, const char *name, char ch);

/*
 * Stage START event i in storage (guest absolute 0 at storage[0]): its CCWs, the data of its
 * WRITEs and, for ESTABLISH QUEUES, QDR, QIB, SLIBs, SLs and SLSBs. The entries of an SL which
 * are not recorded get addresses of SBALs seen later, or of unused storage near the end.
 * Return: number of CCWs, or -1 if something lies outside.
 */
int trace_stage(const struct trace *t, size_t i, uint8_t *storage, size_t size);

/*
 * Stage SBAL event i (SBAL-OUT, SBAL-IN) and, for output, the bytes of its ELEMENT-OUT
 * events. Return: 0, or -1 if something lies outside. The state is the caller's to set.
 */
int trace_stage_sbal(const struct trace *t, size_t i, uint8_t *storage, size_t size);

#endif
