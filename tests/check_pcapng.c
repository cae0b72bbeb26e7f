/* SPDX-License-Identifier: Apache-2.0 */
/* Capture files: every byte of a small one, and tshark's opinion of a larger one. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/host.h"

static char *file;
static size_t file_len;

static FILE *memory(void)
{
	FILE *f = open_memstream(&file, &file_len);

	ck_assert_ptr_nonnull(f);
	return f;
}

/* A block found in the file: its fields are read by offset. */
struct block {
	uint32_t type, len;
	const uint8_t *p;
};

static uint32_t get32(const struct block *blk, uint32_t off)
{
	uint32_t v;

	ck_assert_uint_le(off + 4, blk->len);
	memcpy(&v, blk->p + off, 4);
	return v;
}

/* Take the file apart, checking both lengths of each block. Return: blocks. */
static unsigned blocks_of(struct block *blk, unsigned max)
{
	size_t off = 0;
	unsigned n = 0;

	while (off < file_len) {
		ck_assert_uint_lt(n, max);
		ck_assert_uint_le(off + 12, file_len);
		blk[n].p = (const uint8_t *)file + off;
		memcpy(&blk[n].type, file + off, 4);
		memcpy(&blk[n].len, file + off + 4, 4);
		ck_assert_uint_eq(blk[n].len % 4, 0);
		ck_assert_uint_ge(blk[n].len, 12);
		ck_assert_uint_le(off + blk[n].len, file_len);
		ck_assert_uint_eq(get32(&blk[n], blk[n].len - 4), blk[n].len);
		off += blk[n++].len;
	}
	return n;
}

/* The option of a code. Return: its length, or -1; value into out with a NUL behind it. */
static int option(const struct block *blk, uint32_t off, uint16_t code, char *out, size_t cap)
{
	while (off + 8 <= blk->len) {
		uint16_t hdr[2];

		memcpy(hdr, blk->p + off, 4);
		if (!hdr[0])
			return -1;
		ck_assert_uint_le(off + 4 + hdr[1], blk->len - 4);
		if (hdr[0] == code) {
			ck_assert_uint_lt(hdr[1], cap);
			memcpy(out, blk->p + off + 4, hdr[1]);
			out[hdr[1]] = '\0';
			return hdr[1];
		}
		off += 4 + ((hdr[1] + 3u) & ~3u);
	}
	return -1;
}

static const uint8_t data[2000] = "\x02\x00\x00\x00\x00\x01\x02\x00\x00\x00\x00\x02\x88\xb5";

static struct host_pcapng_frame frame(const char *interface, uint32_t len)
{
	return (struct host_pcapng_frame){
		.ns = UINT64_C(0x0123456789ABCDEF),
		.interface = interface,
		.data = data,
		.caplen = len,
		.len = len,
	};
}

START_TEST(every_byte)
{
	static const uint8_t want[] = {
		/* section header: type, length, byte order, version 1.0, unknown length */
		0x0A, 0x0D, 0x0D, 0x0A, 56, 0, 0, 0, 0x4D, 0x3C, 0x2B, 0x1A, 1, 0, 0, 0, 0xFF, 0xFF,
		0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 2, 0, 4, 0, 'z', 'l', 'a', 'n', 3, 0, 4, 0, 'z',
		'l', 'a', 'n', 4, 0, 4, 0, 'z', 'l', 'a', 'n', 0, 0, 0, 0, 56, 0, 0, 0,
		/* interface: Ethernet, snaplen 256, name, nanoseconds */
		1, 0, 0, 0, 40, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 2, 0, 4, 0, 't', 'a', 'p', '0', 9,
		0, 1, 0, 9, 0, 0, 0, 0, 0, 0, 0, 40, 0, 0, 0,
		/* packet: interface 0, time, 5 of 9 bytes, outbound, comment */
		6, 0, 0, 0, 60, 0, 0, 0, 0, 0, 0, 0, 0x67, 0x45, 0x23, 0x01, 0xEF, 0xCD, 0xAB, 0x89,
		5, 0, 0, 0, 9, 0, 0, 0, 1, 2, 3, 4, 5, 0, 0, 0, 2, 0, 4, 0, 2, 0, 0, 0, 1, 0, 3, 0,
		'w', 'h', 'y', 0, 0, 0, 0, 0, 60, 0, 0, 0};
	struct host_pcapng_frame f = frame("tap0", 5);
	FILE *out = memory();
	struct host_pcapng *w = host_pcapng_open(out, 256);

	if (__BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__)
		return; /* the file is in the machine's order, the bytes above are not */
	ck_assert_ptr_nonnull(w);
	f.data = (const uint8_t *)"\1\2\3\4\5";
	f.len = 9;
	f.dir = HOST_PCAPNG_OUT;
	f.comment = "why";
	ck_assert_int_eq(host_pcapng_write(w, &f), 0);
	ck_assert_int_eq(host_pcapng_close(w), 0);
	fclose(out);
	ck_assert_uint_eq(file_len, sizeof(want));
	for (size_t i = 0; i < sizeof(want); i++)
		ck_assert_msg((uint8_t)file[i] == want[i], "byte %zu is %02x", i, (uint8_t)file[i]);
	free(file);
}
END_TEST

static const struct {
	int n;
	uint32_t caplen, len;
	enum host_pcapng_dir dir;
	const char *comment;
	int rc;
} rows[] = {
	{1, 0, 0, HOST_PCAPNG_UNKNOWN, NULL, 0},
	{2, 1, 1, HOST_PCAPNG_IN, NULL, 0},
	{3, 2, 2, HOST_PCAPNG_OUT, "x", 0},
	{4, 3, 1500, HOST_PCAPNG_UNKNOWN, "abcd", 0},
	{5, 4, 4, HOST_PCAPNG_UNKNOWN, "", 0},
	{6, 1500, 1500, HOST_PCAPNG_IN, "dropped: no room", 0},
	{7, 1500, 65504, HOST_PCAPNG_IN, NULL, 0},
	{8, 1501, 1501, HOST_PCAPNG_IN, NULL, -EINVAL}, /* more than snaplen */
	{9, 61, 60, HOST_PCAPNG_IN, NULL, -EINVAL},	/* more than there is */
};

START_TEST(packets)
{
	FILE *out = memory();
	struct host_pcapng *w = host_pcapng_open(out, 1500);
	struct host_pcapng_frame f = frame("a", rows[_i].caplen);
	struct block blk[4] = {0};
	char value[64];
	uint32_t options;

	f.len = rows[_i].len;
	f.dir = rows[_i].dir;
	f.comment = rows[_i].comment;
	ck_assert_int_eq(host_pcapng_write(w, &f), rows[_i].rc);
	ck_assert_int_eq(host_pcapng_close(w), 0);
	fclose(out);
	if (rows[_i].rc) {
		ck_assert_uint_eq(blocks_of(blk, 4), 1);
		free(file);
		return;
	}
	ck_assert_uint_eq(blocks_of(blk, 4), 3);
	ck_assert_uint_eq(blk[2].type, 6);
	ck_assert_uint_eq(get32(&blk[2], 20), rows[_i].caplen);
	ck_assert_uint_eq(get32(&blk[2], 24), rows[_i].len);
	ck_assert_int_eq(memcmp(blk[2].p + 28, data, rows[_i].caplen), 0);
	options = 28 + ((rows[_i].caplen + 3) & ~3u);
	ck_assert_int_eq(option(&blk[2], options, 2, value, sizeof(value)), rows[_i].dir ? 4 : -1);
	ck_assert_msg(!rows[_i].dir || value[0] == (char)rows[_i].dir, "row %d", rows[_i].n);
	ck_assert_int_eq(option(&blk[2], options, 1, value, sizeof(value)),
			 rows[_i].comment ? (int)strlen(rows[_i].comment) : -1);
	if (rows[_i].comment)
		ck_assert_str_eq(value, rows[_i].comment);
	else if (!rows[_i].dir)
		ck_assert_uint_eq(blk[2].len, options + 4);
	free(file);
}
END_TEST

/* One block per name, in order of first use, before its first packet. */
START_TEST(interfaces)
{
	static const char *const names[] = {"A/0600", "tap0", "A/0600", "", "tap0", "A/060"};
	static const uint32_t ids[] = {0, 1, 0, 2, 1, 3};
	FILE *out = memory();
	struct host_pcapng *w = host_pcapng_open(out, 100);
	struct block blk[16];
	uint32_t seen = 0, at = 0;
	char value[64];
	unsigned n;

	for (unsigned i = 0; i < 6; i++) {
		struct host_pcapng_frame f = frame(names[i], 60);

		ck_assert_int_eq(host_pcapng_write(w, &f), 0);
	}
	ck_assert_int_eq(host_pcapng_close(w), 0);
	fclose(out);
	n = blocks_of(blk, 16);
	ck_assert_uint_eq(n, 1 + 4 + 6);
	for (unsigned i = 1; i < n; i++) {
		if (blk[i].type == 1) {
			seen++;
			ck_assert_int_ge(option(&blk[i], 16, 2, value, sizeof(value)), 0);
			ck_assert_uint_eq(ids[at], seen - 1);
			ck_assert_str_eq(value, names[at]);
			continue;
		}
		ck_assert_uint_eq(get32(&blk[i], 8), ids[at]);
		ck_assert_uint_lt(ids[at++], seen);
	}
	free(file);
}
END_TEST

/* A text longer than any name is cut, not overrun. */
START_TEST(long_texts)
{
	static char text[70000];
	FILE *out = memory();
	struct host_pcapng *w = host_pcapng_open(out, 100);
	struct host_pcapng_frame f = frame(text, 60);
	struct block blk[4];

	memset(text, 'x', sizeof(text) - 1);
	f.comment = text;
	ck_assert_int_eq(host_pcapng_write(w, &f), 0);
	ck_assert_int_eq(host_pcapng_write(w, &f), 0);
	ck_assert_int_eq(host_pcapng_close(w), 0);
	fclose(out);
	ck_assert_uint_eq(blocks_of(blk, 4), 4);
	free(file);
}
END_TEST

/* What is counted as written is what the file has: that decides when the next one begins. */
START_TEST(every_byte_is_counted)
{
	FILE *out = memory();
	struct host_pcapng *w = host_pcapng_open(out, 1500);

	for (unsigned i = 0; i < 40; i++) {
		struct host_pcapng_frame f = frame(i % 7 ? "A/0600" : "tap0", 37 * i);

		f.comment = i % 5 ? NULL : "why";
		ck_assert_int_eq(host_pcapng_flush(w), 0);
		ck_assert_uint_eq(host_pcapng_bytes(w), file_len);
		ck_assert_int_eq(host_pcapng_write(w, &f), 0);
	}
	ck_assert_int_eq(host_pcapng_flush(w), 0);
	ck_assert_uint_gt(file_len, 37 * 39 * 20);
	ck_assert_uint_eq(host_pcapng_bytes(w), file_len);
	ck_assert_int_eq(host_pcapng_close(w), 0);
	fclose(out);
	free(file);
}
END_TEST

START_TEST(errors_stick)
{
	struct host_pcapng_frame f = frame("a", 60);
	FILE *full = fopen("/dev/full", "w");
	struct host_pcapng *w;

	ck_assert_ptr_nonnull(full);
	w = host_pcapng_open(full, 100);
	ck_assert_ptr_nonnull(w); /* buffered */
	ck_assert_int_eq(host_pcapng_flush(w), -ENOSPC);
	ck_assert_int_eq(host_pcapng_write(w, &f), -ENOSPC);
	ck_assert_int_eq(host_pcapng_close(w), -ENOSPC);
	fclose(full);
	ck_assert_int_eq(host_pcapng_close(NULL), 0);
}
END_TEST

/* ---- tshark -------------------------------------------------------------------------- */

#define FIELDS                                                                                     \
	"-T fields -e frame.interface_name -e frame.time_epoch -e frame.cap_len -e frame.len "     \
	"-e frame.packet_flags_direction -e frame.comment"

/* What was flushed can be read while the writer goes on: the file is read before it is closed. */
START_TEST(tshark_reads)
{
	char path[] = "/tmp/check_pcapng.XXXXXX", command[256], line[256];
	int fd = mkstemp(path);
	FILE *out = fdopen(fd, "w"), *tshark;
	struct host_pcapng *w = host_pcapng_open(out, 100);
	struct host_pcapng_frame f = frame("LINUX01/0600", 100);

	ck_assert_ptr_nonnull(w);
	f.ns = UINT64_C(1700000000123456789);
	f.len = 1514;
	f.dir = HOST_PCAPNG_IN;
	ck_assert_int_eq(host_pcapng_write(w, &f), 0);
	f = frame("tap0", 60);
	f.ns = UINT64_C(1700000001000000001);
	f.dir = HOST_PCAPNG_OUT;
	f.comment = "dropped: receiver has no empty buffer";
	ck_assert_int_eq(host_pcapng_write(w, &f), 0);
	ck_assert_int_eq(host_pcapng_flush(w), 0);

	snprintf(command, sizeof(command), "tshark -n -r - " FIELDS " <%s 2>/dev/null", path);
	tshark = popen(command, "r");
	ck_assert_ptr_nonnull(tshark);
	ck_assert_ptr_nonnull(fgets(line, sizeof(line), tshark));
	ck_assert_str_eq(line, "LINUX01/0600\t1700000000.123456789\t100\t1514\t0x00000001\t\n");
	ck_assert_ptr_nonnull(fgets(line, sizeof(line), tshark));
	ck_assert_str_eq(line, "tap0\t1700000001.000000001\t60\t60\t0x00000002\t"
			       "dropped: receiver has no empty buffer\n");
	ck_assert_ptr_null(fgets(line, sizeof(line), tshark));
	ck_assert_int_eq(pclose(tshark), 0);
	host_pcapng_close(w);
	fclose(out);
	unlink(path);
}
END_TEST

static bool tshark_installed(void)
{
	FILE *p = popen("tshark -v >/dev/null 2>&1", "r");

	return p && pclose(p) == 0;
}

int main(void)
{
	Suite *suite = suite_create("pcapng");
	TCase *tc = tcase_create("pcapng");
	SRunner *sr;
	int failed;

	tcase_set_timeout(tc, 60); /* tshark starts slowly on a busy machine */
	tcase_add_test(tc, every_byte);
	tcase_add_loop_test(tc, packets, 0, (int)(sizeof(rows) / sizeof(rows[0])));
	tcase_add_test(tc, interfaces);
	tcase_add_test(tc, long_texts);
	tcase_add_test(tc, every_byte_is_counted);
	tcase_add_test(tc, errors_stick);
	if (tshark_installed())
		tcase_add_test(tc, tshark_reads);
	else
		printf("skipped: tshark_reads: tshark is not installed\n");
	suite_add_tcase(suite, tc);
	sr = srunner_create(suite);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
