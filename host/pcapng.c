/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Capture files in pcapng format.
 *
 * Theory of operation
 *
 * One section: a section header block at open, an interface description block when a name is first
 * seen, an enhanced packet block for every frame. All of it is appended to a stream, so that a
 * reader at the other end of a pipe can decode as it comes; nothing is ever patched afterwards.
 * Blocks are in this machine's byte order, which the section header tells the reader.
 *
 * The first error of the stream sticks: every later call returns it. Context of all functions: any
 * one thread at a time; they block as the stream does.
 *
 * Source: draft-ietf-opsawg-pcapng 3 (blocks), 4.1 (SHB), 4.2 (IDB), 4.3 (EPB), 3.5 (options).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "host/host.h"

#define BLOCK_SHB 0x0A0D0D0Au
#define BLOCK_IDB 1u
#define BLOCK_EPB 6u
#define BYTE_ORDER_MAGIC 0x1A2B3C4Du
#define LINKTYPE_ETHERNET 1u
#define TSRESOL_NANO 9u
#define PROGRAM "zlan"

enum option {
	OPT_END = 0,
	OPT_COMMENT = 1,
	OPT_SHB_HARDWARE = 2,
	OPT_SHB_OS = 3,
	OPT_SHB_USERAPPL = 4,
	OPT_IF_NAME = 2,
	OPT_IF_TSRESOL = 9,
	OPT_EPB_FLAGS = 2,
};

/* Longest text of an option: a name or a comment, never a whole packet. */
#define TEXT_MAX 1024u
/* Room for the fixed part and the options of a block; the packet itself is written from its place.
 */
#define BLOCK_ROOM (3 * (TEXT_MAX + 8) + 64)

struct interface {
	UT_hash_handle hh;
	uint32_t id;
	char name[];
};

struct host_pcapng {
	FILE *f;
	uint32_t snaplen;
	int rc;
	uint64_t bytes;
	struct interface *interfaces;
};

/* A block, or a part of one, being put together. */
struct block {
	uint32_t len;
	uint8_t bytes[BLOCK_ROOM];
};

static void put(struct block *blk, const void *data, uint32_t len)
{
	static const uint8_t zero[4];
	uint32_t pad = -len & 3u;

	if (len)
		memcpy(blk->bytes + blk->len, data, len);
	memcpy(blk->bytes + blk->len + len, zero, pad);
	blk->len += len + pad;
}

static void put32(struct block *blk, uint32_t v)
{
	put(blk, &v, sizeof(v));
}

static void put_option(struct block *blk, enum option code, const void *data, uint32_t len)
{
	uint16_t hdr[2] = {(uint16_t)code, (uint16_t)len};

	put(blk, hdr, sizeof(hdr));
	put(blk, data, len);
}

static void put_text(struct block *blk, enum option code, const char *text)
{
	put_option(blk, code, text, (uint32_t)strnlen(text, TEXT_MAX));
}

static int emit(struct host_pcapng *w, const void *data, size_t len)
{
	if (!w->rc && len && fwrite(data, len, 1, w->f) != 1)
		w->rc = errno ? -errno : -EIO;
	w->bytes += len;
	return w->rc;
}

/* Close a block that is complete in blk: both length fields, then out. */
static int emit_block(struct host_pcapng *w, struct block *blk)
{
	uint32_t total = blk->len + 4;

	memcpy(blk->bytes + 4, &total, sizeof(total));
	put32(blk, total);
	return emit(w, blk->bytes, blk->len);
}

static void block_start(struct block *blk, uint32_t type)
{
	blk->len = 0;
	put32(blk, type);
	put32(blk, 0); /* length, known at the end */
}

static int emit_section(struct host_pcapng *w)
{
	const uint64_t unknown = UINT64_MAX; /* length of the section: it is written live */
	const uint16_t version[2] = {1, 0};
	struct block blk;

	block_start(&blk, BLOCK_SHB);
	put32(&blk, BYTE_ORDER_MAGIC);
	put(&blk, version, sizeof(version));
	put(&blk, &unknown, sizeof(unknown));
	put_text(&blk, OPT_SHB_HARDWARE, PROGRAM);
	put_text(&blk, OPT_SHB_OS, PROGRAM);
	put_text(&blk, OPT_SHB_USERAPPL, PROGRAM);
	put_option(&blk, OPT_END, NULL, 0);
	return emit_block(w, &blk);
}

static int emit_interface(struct host_pcapng *w, const char *name)
{
	const uint16_t linktype[2] = {LINKTYPE_ETHERNET, 0};
	const uint8_t tsresol = TSRESOL_NANO;
	struct block blk;

	block_start(&blk, BLOCK_IDB);
	put(&blk, linktype, sizeof(linktype));
	put32(&blk, w->snaplen);
	put_text(&blk, OPT_IF_NAME, name);
	put_option(&blk, OPT_IF_TSRESOL, &tsresol, sizeof(tsresol));
	put_option(&blk, OPT_END, NULL, 0);
	return emit_block(w, &blk);
}

/* The interface of a name, described in the file at its first use. NULL: see w->rc. */
static const struct interface *interface_of(struct host_pcapng *w, const char *name)
{
	size_t len = strnlen(name, TEXT_MAX);
	struct interface *itf;

	HASH_FIND(hh, w->interfaces, name, (unsigned)len, itf);
	if (itf)
		return itf;
	itf = calloc(1, sizeof(*itf) + len + 1);
	if (!itf) {
		w->rc = -ENOMEM;
		return NULL;
	}
	memcpy(itf->name, name, len);
	itf->id = HASH_COUNT(w->interfaces);
	HASH_ADD_KEYPTR(hh, w->interfaces, itf->name, (unsigned)len, itf);
	return emit_interface(w, itf->name) ? NULL : itf;
}

/*
 * Start a capture file: writes the section header.
 * @f: where to; stays the caller's.
 * @snaplen: longest packet the file will hold, stated in the interface blocks.
 * Return: the writer, or NULL and errno (ENOMEM, or the stream's error).
 */
struct host_pcapng *host_pcapng_open(FILE *f, uint32_t snaplen)
{
	struct host_pcapng *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->f = f;
	w->snaplen = snaplen;
	if (emit_section(w)) {
		errno = -w->rc;
		free(w);
		return NULL;
	}
	return w;
}

/*
 * Flush and end the file. NULL is legal.
 * Return: 0, or -errno of the first write that failed.
 */
int host_pcapng_close(struct host_pcapng *w)
{
	struct interface *itf, *next;
	int rc;

	if (!w)
		return 0;
	rc = host_pcapng_flush(w);
	itf = w->interfaces;
	HASH_CLEAR(hh, w->interfaces);
	for (; itf; itf = next) {
		next = itf->hh.next;
		free(itf);
	}
	free(w);
	return rc;
}

/*
 * Append one frame.
 * @frame: nothing of it is kept.
 * Return: 0, -EINVAL (longer than the file's snaplen, or than itself), -ENOMEM, or -errno of the
 * first write that failed.
 */
int host_pcapng_write(struct host_pcapng *w, const struct host_pcapng_frame *frame)
{
	static const uint8_t zero[4];
	const uint32_t flags = frame->dir; /* bits 0-1: 1 inbound, 2 outbound */
	const struct interface *itf;
	struct block blk, tail;
	uint32_t pad = -frame->caplen & 3u, total;

	if (frame->caplen > w->snaplen || frame->caplen > frame->len)
		return -EINVAL;
	if (w->rc)
		return w->rc;
	itf = interface_of(w, frame->interface);
	if (!itf)
		return w->rc;

	tail.len = 0;
	if (flags)
		put_option(&tail, OPT_EPB_FLAGS, &flags, sizeof(flags));
	if (frame->comment)
		put_text(&tail, OPT_COMMENT, frame->comment);
	if (tail.len)
		put_option(&tail, OPT_END, NULL, 0);

	block_start(&blk, BLOCK_EPB);
	put32(&blk, itf->id);
	put32(&blk, (uint32_t)(frame->ns >> 32));
	put32(&blk, (uint32_t)frame->ns);
	put32(&blk, frame->caplen);
	put32(&blk, frame->len);
	total = blk.len + frame->caplen + pad + tail.len + 4;
	memcpy(blk.bytes + 4, &total, sizeof(total));
	put32(&tail, total);

	emit(w, blk.bytes, blk.len);
	emit(w, frame->data, frame->caplen);
	emit(w, zero, pad);
	return emit(w, tail.bytes, tail.len);
}

/*
 * Hand everything written so far to the reader.
 * Return: 0, or -errno of the first write that failed.
 */
int host_pcapng_flush(struct host_pcapng *w)
{
	if (!w->rc && fflush(w->f))
		w->rc = errno ? -errno : -EIO;
	return w->rc;
}

/* What was handed to the stream, flushed or not. */
uint64_t host_pcapng_bytes(const struct host_pcapng *w)
{
	return w->bytes;
}
