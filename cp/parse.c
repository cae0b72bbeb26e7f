/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parser: walks the words of a statement along the table of grammar.c. Positional operands
 * come first in their order, keyword operands follow in any order; a keyword wins over an optional
 * positional operand. The same walk offers completions when it reaches the word to be completed.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "cp/cp_priv.h"

struct parser {
	struct cp_run *run;
	const struct cp_command *cmd;
	const struct cp_tokens *t;
	unsigned i;
	struct cp_args *args;
	const struct cp_offer *offer;
};

static void upper(char *dst, size_t cap, const char *src)
{
	size_t n = 0;

	for (; src[n] && n + 1 < cap; n++)
		dst[n] = (char)toupper((unsigned char)src[n]);
	dst[n] = '\0';
}

static int fail(struct parser *ps, enum cp_msg m, const char *a, const char *b)
{
	if (ps->run)
		cp_error(ps->run, m, a, b, NULL);
	return -1;
}

static bool at_offer(const struct parser *ps, unsigned i)
{
	return ps->offer && i == ps->offer->at;
}

/* ---- keywords --------------------------------------------------------------------- */

/*
 * How many words of the keyword phrase stand at token i.
 * @whole: the phrase is complete.
 */
static unsigned match_words(const struct parser *ps, const char *words, unsigned i, bool *whole)
{
	unsigned n = 0;

	for (;; n++) {
		if (at_offer(ps, i + n)) {
			ps->offer->keyword(ps->offer->ctx, words);
			*whole = false;
			return n;
		}
		if (i + n >= ps->t->n || !cp_abbreviates(cp_token(ps->t, i + n), words))
			break;
		words += strcspn(words, " ");
		if (!*words) {
			*whole = true;
			return n + 1;
		}
		words++;
	}
	*whole = false;
	return n;
}

/* The keyword operand at the current token: the longest phrase. @partial: words that still fitted.
 */
static const struct cp_operand *match_keyword(const struct parser *ps, bool leading,
					      unsigned *taken, unsigned *partial)
{
	const struct cp_operand *best = NULL;

	*taken = 0;
	*partial = 0;
	for (const struct cp_operand *o = ps->cmd->operands; o->help; o++) {
		unsigned n;
		bool whole;

		if (o->flags & CP_POSITIONAL || (leading && !(o->flags & CP_LEADING)))
			continue;
		if (ps->offer && (o->flags & CP_UNSUPPORTED || ps->args->v[o->op].given))
			continue;
		n = match_words(ps, o->words, ps->i, &whole);
		if (whole && n > *taken) {
			best = o;
			*taken = n;
		}
		if (n > *partial)
			*partial = n;
	}
	return best;
}

/* ---- values ----------------------------------------------------------------------- */

static int bad(struct parser *ps, const char *word, const char *want)
{
	return fail(ps, CP_E_BAD_OPERAND, word, want);
}

static int bad_choice(struct parser *ps, const char *word, const char *choices)
{
	char want[64];

	snprintf(want, sizeof(want), "one of %s", choices ? choices : "");
	return bad(ps, word, choices ? want : ps->args->title);
}

static int value_name(struct parser *ps, const char *word, char *dst, size_t cap)
{
	if (!cp_name_ok(word))
		return bad(ps, word, "a name is 1-8 letters, digits, @ # $ _");
	upper(dst, cap, word);
	return 0;
}

static int value_user(struct parser *ps, const char *word, char *dst, size_t cap)
{
	if (!cp_name_ok(word))
		return fail(ps, CP_E_BAD_USER, word, NULL);
	upper(dst, cap, word);
	return 0;
}

static int value_owner(struct parser *ps, const char *word, char *dst, size_t cap)
{
	if (strcmp(word, "*") != 0)
		return value_user(ps, word, dst, cap);
	snprintf(dst, cap, "*");
	return 0;
}

/* "30", not "+30", "0x1E" or "30 VLANs". Return: false if it is not a number. */
static bool decimal(const char *word, size_t len, uint32_t *num)
{
	uint64_t n;

	if (len < 1 || len > 10 || strspn(word, "0123456789") < len)
		return false;
	n = strtoull(word, NULL, 10);
	*num = (uint32_t)n;
	return n <= UINT32_MAX;
}

static int value_num(struct parser *ps, const struct cp_operand *o, const char *word,
		     struct cp_value *v)
{
	char want[64], name[24];

	if (decimal(word, strlen(word), &v->num) && v->num >= o->min && v->num <= o->max)
		return 0;
	if (o->flags & CP_POSITIONAL)
		snprintf(name, sizeof(name), "%s", o->words);
	else
		upper(name, sizeof(name), o->words);
	snprintf(want, sizeof(want), "%.20s is a number from %u to %u", name, o->min, o->max);
	return bad(ps, word, want);
}

static int value_vid(struct parser *ps, const char *word, struct cp_value *v)
{
	if (decimal(word, strlen(word), &v->num) && v->num >= 1 && v->num <= VS_VID_MAX)
		return 0;
	return bad(ps, word, "a VLAN is a number from 1 to 4094");
}

/* One "10" or "10-20" into the set. Return: false: it is none from 1 to max. */
static bool range_add(const char *word, uint32_t max, struct vs_vidset *set)
{
	size_t len = strcspn(word, "-");
	uint32_t a, b;

	if (!decimal(word, len, &a))
		a = 0;
	b = a;
	if (word[len] && !decimal(word + len + 1, strlen(word + len + 1), &b))
		b = 0;
	if (a < 1 || b < a || b > max)
		return false;
	for (; a <= b; a++)
		vs_vidset_add(set, a);
	return true;
}

static int value_range(struct parser *ps, const char *word, struct vs_vidset *set)
{
	if (range_add(word, VS_VID_MAX, set))
		return 0;
	return bad(ps, word, "VLANs are numbers from 1 to 4094 or ranges as 10-20");
}

static int value_vids(struct parser *ps, const char *word, struct cp_value *v)
{
	struct vs_vidset *set = &ps->args->vids;

	if (value_range(ps, word, set) < 0)
		return -1;
	while (!at_offer(ps, ps->i) && isdigit((unsigned char)*cp_token(ps->t, ps->i)))
		if (value_range(ps, cp_token(ps->t, ps->i++), set) < 0)
			return -1;
	if (cp_vlans_ranges(set) > CP_VLAN_RANGES_MAX)
		return bad(ps, word, "a VLAN list has at most 400 separate ranges");
	v->num = cp_vlans_first(set);
	return 0;
}

static int hex(const char *word, size_t max, uint32_t *num)
{
	size_t len = strlen(word);

	if (len < 1 || len > max || strspn(word, "0123456789abcdefABCDEF") != len)
		return -1;
	*num = (uint32_t)strtoul(word, NULL, 16);
	return 0;
}

/* "0600" or "LINUX01/0600". */
static int value_vdev(struct parser *ps, const char *word, struct cp_value *v)
{
	const char *slash = strchr(word, '/');
	char user[16];

	if (slash) {
		snprintf(user, sizeof(user), "%.*s", (int)(slash - word > 9 ? 9 : slash - word),
			 word);
		if (value_user(ps, user, v->word, sizeof(v->word)) < 0)
			return -1;
		word = slash + 1;
	}
	return hex(word, 4, &v->num) < 0 ? fail(ps, CP_E_BAD_DEVICE, word, NULL) : 0;
}

static int value_ifname(struct parser *ps, const char *word, struct cp_value *v)
{
	size_t len = strlen(word);

	if (len > 15 || strpbrk(word, "/:%") || strcmp(word, ".") == 0 || strcmp(word, "..") == 0)
		return bad(ps, word, "an interface name has 1-15 characters without / : %");
	memcpy(v->word, word, len + 1);
	return 0;
}

static int value_macid(struct parser *ps, const char *word, struct cp_value *v)
{
	if (strlen(word) != 6 || hex(word, 6, &v->num) < 0 || v->num == 0)
		return bad(ps, word, "a MACID is 6 hexadecimal digits, 000001-FFFFFF");
	return 0;
}

/* "000100-0001FF" into num, num2. */
static int value_macrange(struct parser *ps, const char *word, struct cp_value *v)
{
	char first[8];
	size_t len = strcspn(word, "-");

	snprintf(first, sizeof(first), "%.*s", (int)(len < 7 ? len : 7), word);
	if (len == 6 && strlen(word) == 13 && hex(first, 6, &v->num) == 0 &&
	    hex(word + 7, 6, &v->num2) == 0 && v->num && v->num <= v->num2)
		return 0;
	return bad(ps, word, "a range of MACIDs is as 000100-0001FF");
}

/* "1 5-9" into args->ports, up to the next word that is none; none at all if it may be so. */
static int value_ports(struct parser *ps, const struct cp_operand *o)
{
	while (!at_offer(ps, ps->i) && isdigit((unsigned char)*cp_token(ps->t, ps->i))) {
		const char *word = cp_token(ps->t, ps->i++);

		if (!range_add(word, VS_PORTS_MAX, &ps->args->ports))
			return bad(ps, word, "ports are numbers from 1 to 2048 or ranges as 5-9");
		ps->args->v[o->op].num++;
	}
	if (!ps->args->v[o->op].num && o->arg == CP_ARG_PORTS)
		return fail(ps, CP_E_MISSING, "port numbers", ps->args->title);
	return 0;
}

/* "8", "8M". */
static bool megabytes(const char *word, uint32_t *num)
{
	size_t len = strlen(word);

	if (len && toupper((unsigned char)word[len - 1]) == 'M')
		len--;
	return decimal(word, len, num) && *num >= 1 && *num <= 1024;
}

static int value_storage(struct parser *ps, const char *word, struct cp_value *v)
{
	const char *more = at_offer(ps, ps->i) ? "" : cp_token(ps->t, ps->i);
	const char *want = "storage is 1M to 1024M, the minimum not above the maximum";

	if (!megabytes(word, &v->num))
		return bad(ps, word, want);
	v->num2 = v->num > 256 ? v->num : 256;
	if (!isdigit((unsigned char)*more))
		return 0;
	ps->i++;
	return megabytes(more, &v->num2) && v->num2 >= v->num ? 0 : bad(ps, more, want);
}

/* "100M": v->num in kbit/s; without a letter in bit/s. */
static int value_rate(struct parser *ps, const char *word, struct cp_value *v)
{
	static const char letters[] = "KMG";
	const char *want = "a rate is 8K to 4000G, in bits a second, in whole thousands";
	size_t len = strlen(word);
	const char *letter = len ? strchr(letters, toupper((unsigned char)word[len - 1])) : NULL;
	uint64_t kbps;

	if (letter && *letter)
		len--;
	else
		letter = NULL;
	if (!decimal(word, len, &v->num))
		return bad(ps, word, want);
	kbps = v->num;
	for (int i = 0; letter && i < letter - letters; i++)
		kbps *= 1000;
	if (!letter && kbps % 1000)
		return bad(ps, word, want);
	if (!letter)
		kbps /= 1000;
	if (kbps < 8 || kbps > 4000000000u)
		return bad(ps, word, want);
	v->num = (uint32_t)kbps;
	return 0;
}

static int value_bytes(struct parser *ps, const char *word, struct cp_value *v)
{
	const char *want = "a burst is 64 to 1024M bytes";
	size_t len = strlen(word);
	int letter = len ? toupper((unsigned char)word[len - 1]) : 0;
	uint64_t bytes;

	if (letter == 'K' || letter == 'M')
		len--;
	if (!decimal(word, len, &v->num))
		return bad(ps, word, want);
	bytes = (uint64_t)v->num << (letter == 'K' ? 10 : letter == 'M' ? 20 : 0);
	if (bytes < 64 || bytes > 1u << 30)
		return bad(ps, word, want);
	v->num = (uint32_t)bytes;
	return 0;
}

/* The words up to the next keyword, into v->word, separated by blanks; v->num counts them. */
static int value_list(struct parser *ps, const struct cp_operand *o, const char *word,
		      struct cp_value *v)
{
	unsigned max = o->max ? o->max : 8, taken, partial;
	char name[9];
	size_t used = 0;

	for (;;) {
		snprintf(name, sizeof(name), "%.8s", word);
		if (o->arg == CP_ARG_USERS && value_user(ps, word, name, sizeof(name)) < 0)
			return -1;
		used += (size_t)snprintf(v->word + used, sizeof(v->word) - used, "%s%s",
					 used ? " " : "", name);
		if (++v->num >= max || ps->i >= ps->t->n || at_offer(ps, ps->i) ||
		    match_keyword(ps, false, &taken, &partial))
			return 0;
		word = cp_token(ps->t, ps->i++);
	}
}

/* "LINUX01/0600" as a device of an uplink, in capitals and with four digits. */
static int value_uplink_nic(struct parser *ps, const char *word, struct cp_value *one)
{
	struct cp_value v = {0};

	if (value_vdev(ps, word, &v) < 0)
		return -1;
	snprintf(one->word, sizeof(one->word), "%.8s/%04X", v.word, v.num & 0xFFFF);
	return 0;
}

/* "LINUX01 0600", and nothing else: z/VM's spelling. */
static bool is_userid_vdev(struct parser *ps, const struct cp_operand *o, const char *word)
{
	const char *next = cp_token(ps->t, ps->i);

	return o->op == CP_OP_UPLINK_NIC && ps->i < ps->t->n && !at_offer(ps, ps->i) &&
	       cp_name_ok(word) && strlen(next) == 4 && isdigit((unsigned char)*next) &&
	       strspn(next, "0123456789abcdefABCDEF") == 4;
}

/* The same of interface names, whose letters keep their case. */
static int value_ifnames(struct parser *ps, const struct cp_operand *o, const char *word,
			 struct cp_value *v)
{
	unsigned taken, partial;
	size_t used = 0;

	for (;;) {
		struct cp_value one;
		char pair[32];
		int rc;

		if (is_userid_vdev(ps, o, word)) {
			snprintf(pair, sizeof(pair), "%.8s/%.4s", word, cp_token(ps->t, ps->i++));
			word = pair;
		}
		rc = o->op == CP_OP_UPLINK_NIC && strchr(word, '/')
			     ? value_uplink_nic(ps, word, &one)
			     : value_ifname(ps, word, &one);
		if (rc < 0)
			return -1;
		used += (size_t)snprintf(v->word + used, sizeof(v->word) - used, "%s%s",
					 used ? " " : "", one.word);
		if (++v->num >= o->max || ps->i >= ps->t->n || at_offer(ps, ps->i) ||
		    match_keyword(ps, false, &taken, &partial))
			return 0;
		word = cp_token(ps->t, ps->i++);
	}
}

static int missing(struct parser *ps, const struct cp_operand *o, enum cp_arg arg)
{
	char words[48];

	upper(words, sizeof(words), o->words);
	switch (arg) {
	case CP_ARG_USER:
		return fail(ps, CP_E_NO_USER, o->flags & CP_POSITIONAL ? ps->args->title : words,
			    ps->args->title);
	case CP_ARG_VDEV:
		return fail(ps, CP_E_BAD_DEVICE, "missing", NULL);
	default:
		return fail(ps, CP_E_MISSING,
			    o->name	 ? o->name
			    : o->choices ? o->choices
					 : o->words,
			    ps->args->title);
	}
}

/*
 * The next word, for a value of the kind.
 * Return: it, or NULL: there is none (reported), or it is the one to be completed.
 */
static const char *take(struct parser *ps, const struct cp_operand *o, enum cp_arg arg)
{
	if (at_offer(ps, ps->i)) {
		ps->offer->value(ps->offer->ctx, arg);
		return NULL;
	}
	if (ps->i < ps->t->n)
		return cp_token(ps->t, ps->i++);
	missing(ps, o, arg);
	return NULL;
}

/* Owner and name, or userid and device. */
static int value_pair(struct parser *ps, const struct cp_operand *o, const char *word,
		      struct cp_value *v)
{
	const char *second;

	if (o->arg == CP_ARG_USERVDEV && strchr(word, '/'))
		return value_vdev(ps, word, v);
	if (value_owner(ps, word, v->word, sizeof(v->word)) < 0)
		return -1;
	second = take(ps, o, o->arg == CP_ARG_NETWORK ? CP_ARG_SWITCH : CP_ARG_VDEV);
	if (!second)
		return -1;
	if (o->arg == CP_ARG_NETWORK)
		return value_name(ps, second, v->word2, sizeof(v->word2));
	return hex(second, 4, &v->num) < 0 ? fail(ps, CP_E_BAD_DEVICE, second, NULL) : 0;
}

static int value_of(struct parser *ps, const struct cp_operand *o, const char *word,
		    struct cp_value *v)
{
	switch (o->arg) {
	case CP_ARG_SWITCH:
	case CP_ARG_LAN:
	case CP_ARG_NEWNAME:
		return value_name(ps, word, v->word, sizeof(v->word));
	case CP_ARG_USER:
		return value_user(ps, word, v->word, sizeof(v->word));
	case CP_ARG_OWNER:
		return value_owner(ps, word, v->word, sizeof(v->word));
	case CP_ARG_NETWORK:
	case CP_ARG_USERVDEV:
		return value_pair(ps, o, word, v);
	case CP_ARG_VDEV:
		return value_vdev(ps, word, v);
	case CP_ARG_VID:
		return value_vid(ps, word, v);
	case CP_ARG_VIDS:
		return value_vids(ps, word, v);
	case CP_ARG_NUM:
		return value_num(ps, o, word, v);
	case CP_ARG_GROUP:
		return value_name(ps, word, v->word, sizeof(v->word));
	case CP_ARG_IFNAME:
		return value_ifname(ps, word, v);
	case CP_ARG_IFNAMES:
		return value_ifnames(ps, o, word, v);
	case CP_ARG_TEXT: /* too long for a value: it stays among the words */
		v->num = ps->i - 1;
		return 0;
	case CP_ARG_MACID:
		return value_macid(ps, word, v);
	case CP_ARG_MACRANGE:
		return value_macrange(ps, word, v);
	case CP_ARG_CHPID:
		return hex(word, 2, &v->num) < 0 ? fail(ps, CP_E_BAD_CHPID, word, NULL) : 0;
	case CP_ARG_STORAGE:
		return value_storage(ps, word, v);
	case CP_ARG_RATE:
		return value_rate(ps, word, v);
	case CP_ARG_BYTES:
		return value_bytes(ps, word, v);
	case CP_ARG_USERS:
	case CP_ARG_WORDS:
		return value_list(ps, o, word, v);
	case CP_ARG_NONE:
	case CP_ARG_PORTS:
	case CP_ARG_ANYPORTS:
	case CP_ARG_TOPIC:
		break;
	}
	return bad_choice(ps, word, o->choices);
}

/* Does word stand for one of "OFF|ON"? Return: its index, or -1. */
static int choice_of(const char *choices, const char *word)
{
	for (int n = 0; choices && *choices; n++) {
		if (cp_abbreviates(word, choices))
			return n;
		choices += strcspn(choices, "|");
		choices += *choices == '|';
	}
	return -1;
}

static void offer_choices(const struct parser *ps, const char *choices)
{
	while (choices && *choices) {
		ps->offer->keyword(ps->offer->ctx, choices);
		choices += strcspn(choices, "|");
		choices += *choices == '|';
	}
}

static int parse_value(struct parser *ps, const struct cp_operand *o)
{
	struct cp_value *v = &ps->args->v[o->op];
	const char *word;

	v->given = true;
	v->choice = -1;
	if (o->arg == CP_ARG_TOPIC) {
		ps->args->topic = ps->i;
		ps->i = ps->t->n;
		return 0;
	}
	if (o->arg == CP_ARG_NONE && !o->choices)
		return 0;
	if (o->arg == CP_ARG_PORTS || o->arg == CP_ARG_ANYPORTS)
		return value_ports(ps, o);
	if (at_offer(ps, ps->i))
		offer_choices(ps, o->choices);
	word = take(ps, o, o->arg);
	if (!word)
		return -1;
	v->choice = choice_of(o->choices, word);
	return v->choice >= 0 ? 0 : value_of(ps, o, word, v);
}

/* ---- the statement ---------------------------------------------------------------- */

static int parse_keyword(struct parser *ps, const struct cp_operand *o, unsigned taken)
{
	char words[48];

	upper(words, sizeof(words), o->words);
	if (o->flags & CP_UNSUPPORTED)
		return fail(ps, CP_E_UNSUPPORTED, words, o->help);
	if (ps->args->v[o->op].given)
		return fail(ps, CP_E_CONFLICT, words, "given twice");
	ps->i += taken;
	return parse_value(ps, o);
}

/* No operand fits the word. partial words before it fitted the beginning of some phrase. */
static int no_match(struct parser *ps, unsigned partial)
{
	const char *word = cp_token(ps->t, ps->i + partial);
	char after[96];

	if (!partial)
		return fail(ps, CP_E_BAD_OPTION, word, ps->args->title);
	snprintf(after, sizeof(after), "not valid after %.24s; see HELP %s",
		 cp_token(ps->t, ps->i + partial - 1), ps->args->title);
	if (ps->i + partial < ps->t->n)
		return bad(ps, word, after);
	snprintf(after, sizeof(after), "a value after %.24s", cp_token(ps->t, ps->i + partial - 1));
	return fail(ps, CP_E_MISSING, after, ps->args->title);
}

static const struct cp_operand *next_positional(const struct cp_operand *o)
{
	while (o->help && !(o->flags & CP_POSITIONAL))
		o++;
	return o;
}

/* One operand. @pos: the next positional one, advanced. Return: 0 or -1. */
static int parse_one(struct parser *ps, const struct cp_operand **pos)
{
	const struct cp_operand *p = *pos;
	bool mandatory = p->help && !(p->flags & CP_OPTIONAL);
	unsigned taken, partial;
	const struct cp_operand *o = match_keyword(ps, mandatory, &taken, &partial);

	if (o)
		return parse_keyword(ps, o, taken);
	if (!p->help || (!mandatory && partial))
		return at_offer(ps, ps->i + partial) ? -1 : no_match(ps, partial);
	*pos = next_positional(p + 1);
	return parse_value(ps, p);
}

int cp_parse(struct cp_run *run, const struct cp_command *cmd, const struct cp_tokens *t,
	     unsigned used, struct cp_args *args, const struct cp_offer *offer)
{
	const struct cp_operand *pos = next_positional(cmd->operands);
	struct parser ps = {
		.run = run, .cmd = cmd, .t = t, .i = used, .args = args, .offer = offer};

	memset(args, 0, sizeof(*args));
	for (unsigned n = 0; n < CP_OP_COUNT; n++)
		args->v[n].choice = -1;
	args->cmd = cmd;
	args->tokens = t;
	upper(args->title, sizeof(args->title), cmd->words);
	while (ps.i < t->n || (pos->help && !(pos->flags & CP_OPTIONAL)) || at_offer(&ps, ps.i))
		if (parse_one(&ps, &pos) < 0)
			return -1;
	return 0;
}

const struct cp_command *cp_find_command(const struct cp_tokens *t, unsigned *used)
{
	const struct cp_command *best = NULL;
	const struct parser ps = {.t = t};
	unsigned taken = 0;

	*used = 0;
	for (const struct cp_command *c = cp_commands(); c->words; c++) {
		bool whole;
		unsigned n = match_words(&ps, c->words, 0, &whole);

		if (whole && n > taken) {
			best = c;
			taken = n;
		}
		if (n > *used)
			*used = n;
	}
	if (best)
		*used = taken;
	return best;
}
