/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands that a guest issues on its own connection, as with z/VM's DIAGNOSE X'08': with its
 * user's authority and nobody else's, however privileged the account is that runs the guest.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cp/cp_priv.h"

static char *as_json(const struct cp_reply *r)
{
	return r->json ? json_dumps(r->json, JSON_COMPACT) : NULL;
}

int cp_guest_command(struct cp_nic *nic, const char *text, size_t n, bool json,
		     void (*out)(void *ctx, enum cp_guest_output what, const char *p, size_t n),
		     void *ctx, char *err, size_t err_len)
{
	struct cp_caller who = {.guest = true};
	char line[CP_GUEST_COMMAND_BYTES + 1] = "";
	struct cp *cp = nic->cp;
	struct cp_reply r = {0};
	size_t len;
	const char *said, *messages;
	char *dump;
	int rc;

	if (n > CP_GUEST_COMMAND_BYTES || memchr(text, '\0', n) == text) {
		snprintf(err, err_len, "ZLN2608E No command, or longer than %d bytes",
			 CP_GUEST_COMMAND_BYTES);
		return EINVAL;
	}
	memcpy(line, text, n);
	snprintf(who.user, sizeof(who.user), "%s", nic->user->name);
	rc = cp_execute(cp, &who, line, &r); /* nic may be gone */
	if (cp->hooks.acknowledge)
		cp->hooks.acknowledge(cp->hooks.ctx);
	said = r.text ? r.text : "";
	messages = r.errors ? r.errors : "";
	dump = json ? as_json(&r) : NULL;
	len = dump ? strlen(dump) : strlen(said) + strlen(messages);
	if (len > CP_GUEST_ANSWER_BYTES) {
		snprintf(err, err_len, "ZLN2609E The answer has more than %d bytes: ask for less",
			 CP_GUEST_ANSWER_BYTES);
		rc = EMSGSIZE;
	} else {
		if (dump)
			out(ctx, CP_OUTPUT_JSON, dump, len);
		else
			out(ctx, CP_OUTPUT_TEXT, said, strlen(said));
		if (!dump)
			out(ctx, CP_OUTPUT_MESSAGES, messages, strlen(messages));
		snprintf(err, err_len, "%.*s", (int)strcspn(messages, "\n"), messages);
		rc = rc ? EBADRQC : 0;
	}
	free(dump);
	cp_reply_free(&r);
	return rc;
}
