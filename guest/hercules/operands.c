/* SPDX-License-Identifier: Apache-2.0 */
/* The words behind the device type: see operands.h. */
#include "guest/hercules/operands.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define DIR_DEFAULT "/run/zlan"
#define NAME_BYTES sizeof(((struct zosa_operands *)0)->user)

static bool parse_hex(const char *word, unsigned max, unsigned *out)
{
	unsigned long v;

	/* strtoul would take signs and blanks. */
	if (!*word || word[strspn(word, "0123456789abcdefABCDEF")])
		return false;
	errno = 0;
	v = strtoul(word, NULL, 16);
	*out = (unsigned)v;
	return !errno && v <= max;
}

/* @name: 9 bytes. */
static bool parse_name(const char *word, char *name)
{
	size_t n = strlen(word);

	if (!n || n >= NAME_BYTES)
		return false;
	for (size_t i = 0; i <= n; i++) {
		char c = word[i];

		if (c >= 'a' && c <= 'z')
			c = (char)(c - 'a' + 'A');
		name[i] = c;
	}
	return true;
}

static bool parse_path(const char *word, char *buf, size_t cap)
{
	return *word && snprintf(buf, cap, "%s", word) < (int)cap;
}

static bool parse_type(const char *word, bool *hipers)
{
	*hipers = !strcasecmp(word, "hipers");
	return *hipers || !strcasecmp(word, "qdio");
}

static bool parse_mfs(const char *word, enum hs_mfs *mfs)
{
	static const char *const names[HS_MFS_COUNT] = {"16K", "24K", "40K", "64K"};

	for (unsigned i = 0; i < HS_MFS_COUNT; i++) {
		*mfs = (enum hs_mfs)i;
		if (!strcasecmp(word, names[i]))
			return true;
	}
	return false;
}

static bool parse_yes(const char *word, bool *yes)
{
	*yes = !strcasecmp(word, "yes");
	return *yes || !strcasecmp(word, "no");
}

/* One keyword and its value. */
static bool parse_pair(const char *key, const char *value, struct zosa_operands *ops)
{
	unsigned v = 0;

	if (!strcasecmp(key, "user"))
		return parse_name(value, ops->user);
	if (!strcasecmp(key, "lan"))
		return parse_name(value, ops->lan);
	if (!strcasecmp(key, "type"))
		return parse_type(value, &ops->hipers);
	if (!strcasecmp(key, "mfs"))
		return parse_mfs(value, &ops->mfs);
	if (!strcasecmp(key, "analyzer"))
		return parse_yes(value, &ops->analyzer);
	if (!strcasecmp(key, "dir"))
		return parse_path(value, ops->dir, sizeof(ops->dir));
	if (!strcasecmp(key, "trace"))
		return parse_path(value, ops->trace, sizeof(ops->trace));
	if (!strcasecmp(key, "vdev") && parse_hex(value, UINT16_MAX, &v)) {
		ops->vdev = (uint16_t)v;
		return true;
	}
	if (!strcasecmp(key, "chpid") && parse_hex(value, UINT8_MAX, &v)) {
		ops->chpid = (uint8_t)v;
		ops->has_chpid = true;
		return true;
	}
	return false;
}

static int check(const struct zosa_operands *ops, const struct zosa_place *place, char *why,
		 size_t cap)
{
	if (!ops->user[0] && !ops->lan[0]) {
		snprintf(why, cap, "the operand user NAME%s is missing",
			 ops->hipers ? " or lan NAME" : "");
		return -EINVAL;
	}
	if (ops->lan[0] && !ops->hipers) {
		snprintf(why, cap, "the operand lan NAME is not for type qdio");
		return -EINVAL;
	}
	if (ops->lan[0] && ops->user[0]) {
		snprintf(why, cap,
			 "a LAN is zland's, by user NAME, or this emulator's, by lan NAME");
		return -EINVAL;
	}
	if (ops->user[0] && (ops->mfs != HS_MFS_16K || ops->analyzer)) {
		snprintf(why, cap, "mfs and analyzer are of the LAN, which is zland's");
		return -EINVAL;
	}
	if (ops->hipers && !place->thin_interrupts) {
		snprintf(why, cap,
			 "HiperSockets need adapter interrupts, which this emulator does not have");
		return -EINVAL;
	}
	if (ops->chpid > place->chpid_max) {
		snprintf(why, cap,
			 "this emulator needs a CHPID of at most %02X, not %02X: "
			 "add the operand chpid XX",
			 place->chpid_max, ops->chpid);
		return -EINVAL;
	}
	return 0;
}

int zosa_operands_parse(struct zosa_operands *ops, const struct zosa_place *place, int argc,
			char *const *argv, char *why, size_t cap)
{
	*ops = (struct zosa_operands){
		.dir = DIR_DEFAULT,
		.vdev = place->devno[0],
		.chpid = place->chpid,
	};
	for (int i = 0; i < argc; i += 2) {
		const char *value = i + 1 < argc ? argv[i + 1] : "";

		if (parse_pair(argv[i], value, ops))
			continue;
		snprintf(why, cap,
			 "operand '%.40s %.40s' is not type TYPE, user NAME, vdev XXXX, dir DIR, "
			 "lan NAME, mfs SIZE, analyzer YES, chpid XX or trace FILE",
			 argv[i], value);
		return -EINVAL;
	}
	/* A channel path is a LAN, unless that has another name. */
	if (ops->hipers && !ops->lan[0] && !ops->user[0] && ops->has_chpid)
		snprintf(ops->lan, sizeof(ops->lan), "CHPID%02X", ops->chpid);
	return check(ops, place, why, cap);
}
