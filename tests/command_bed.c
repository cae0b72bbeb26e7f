/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/command_bed.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cp/cp_priv.h"

static void *open_uplink(void *ctx, const char *kind, const char *arg, const struct vs_link *link,
			 char *err, size_t err_len)
{
	struct host *h = ctx;

	ck_assert_msg(strcmp(kind, strchr(arg, ',')		 ? "DPDK"
				   : strncmp(arg, "eth", 3) == 0 ? "NIC"
								 : "TAP") == 0,
		      "%s %s", kind, arg);
	ck_assert_ptr_nonnull(link->ops);
	if (h->broken || strncmp(arg, "bad", 3) == 0) {
		snprintf(err, err_len, "no such interface");
		errno = ENODEV;
		return NULL;
	}
	h->opened++;
	return strdup(arg);
}

static void close_uplink(void *ctx, void *uplink)
{
	((struct host *)ctx)->closed++;
	free(uplink);
}

static void changed(void *ctx)
{
	((struct host *)ctx)->changed++;
}

static void shut_down(void *ctx)
{
	((struct host *)ctx)->shutdown++;
}

static void forget(void *ctx, struct vs_switch *sw, struct vs_port *p)
{
	(void)sw;
	(void)p;
	((struct host *)ctx)->forgotten++;
}

static void log_line(void *ctx, const char *line)
{
	struct host *h = ctx;

	snprintf(h->log, sizeof(h->log), "%s", line);
}

struct cp *command_make(struct host *h)
{
	struct cp_hooks hooks = {.open_uplink = open_uplink,
				 .close_uplink = close_uplink,
				 .changed = changed,
				 .shutdown = shut_down,
				 .forget = forget,
				 .log = log_line,
				 .ctx = h};
	struct cp *cp;

	memset(h, 0, sizeof(*h));
	cp = cp_create(&hooks);
	ck_assert_ptr_nonnull(cp);
	return cp;
}

void command_run(struct cp *cp, const struct cp_caller *who, const struct step *s, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct cp_reply r;
		int rc = cp_execute(cp, who, s[i].line, &r);
		const char *got = rc ? r.errors : r.text;

		ck_assert_msg(rc == s[i].rc && rc == r.rc, "step %d: %s: rc %d, not %d: %s%s",
			      s[i].n, s[i].line, rc, s[i].rc, r.text, r.errors);
		ck_assert_msg(strstr(got, s[i].want) != NULL, "step %d: %s: answered %s, not %s",
			      s[i].n, s[i].line, got, s[i].want);
		ck_assert_msg(rc == 0 ? r.errors[0] == '\0' : strncmp(r.errors, "ZLN", 3) == 0,
			      "step %d: errors %s", s[i].n, r.errors);
		ck_assert_msg(json_is_object(r.json), "step %d: no JSON", s[i].n);
		ck_assert_int_eq(json_is_true(json_object_get(r.json, "ok")), rc == 0);
		cp_reply_free(&r);
	}
}

/* What was coupled is where it was and as it was; nothing else is coupled. */
static void same_connections(const struct cp *cp, struct cp *fresh, const char *what)
{
	for (const struct cp_user *u = cp->users; u; u = u->hh.next)
		for (const struct cp_nic *nic = u->nics; nic; nic = nic->hh.next) {
			const struct cp_nic *now = cp_nic_find(fresh, u->name, nic->vdev);
			const struct cp_lan *lan = nic->lan;

			ck_assert_ptr_nonnull(now);
			ck_assert_msg(lan ? now->lan && strcmp(now->lan->key, lan->key) == 0 &&
						      now->portno == nic->portno
					  : !now->lan,
				      "%s: %s was on %s port %u, is on %s port %u", what, nic->name,
				      lan ? lan->name : "none", nic->portno,
				      now->lan ? now->lan->name : "none", now->portno);
			ck_assert_msg(!lan || (now->connected.type == nic->connected.type &&
					       now->connected.promisc == nic->connected.promisc &&
					       memcmp(&now->connected.vids, &nic->connected.vids,
						      sizeof(now->connected.vids)) == 0),
				      "%s: the port of %s is not what it was", what, nic->name);
			ck_assert_msg(now->want_port == nic->want_port || !nic->want_port,
				      "%s: %s wanted port %u, wants %u", what, nic->name,
				      nic->want_port, now->want_port);
		}
}

void command_round_trip(struct cp *cp, const char *what)
{
	struct host h;
	struct cp *fresh = command_make(&h);
	char *before = cp_configuration(cp), *copy = strdup(before), *next = NULL, *after;
	struct cp_reply r;

	for (char *line = strtok_r(copy, "\n", &next); line; line = strtok_r(NULL, "\n", &next)) {
		int rc = cp_execute(fresh, &operator_user, line, &r);

		ck_assert_msg(rc == 0, "%s: %s: %s\n%s", what, line, r.errors, before);
		cp_reply_free(&r);
	}
	after = cp_configuration(fresh);
	if (strcmp(before, after) != 0)
		fprintf(stderr, "%s:\n%s\nbecame\n%s", what, before, after);
	ck_assert_msg(strcmp(before, after) == 0, "%s", what);
	same_connections(cp, fresh, what);
	free(before);
	free(copy);
	free(after);
	cp_destroy(fresh);
}

struct cp *command_restarted(const struct cp *cp, struct host *h)
{
	struct cp *fresh = command_make(h);
	char *text = cp_configuration(cp), *next = NULL;
	struct cp_reply r;

	for (char *line = strtok_r(text, "\n", &next); line; line = strtok_r(NULL, "\n", &next)) {
		cp_execute(fresh, &operator_user, line, &r);
		ck_assert_msg(r.rc == 0, "%s: %s", line, r.errors);
		cp_reply_free(&r);
	}
	free(text);
	return fresh;
}

void command_run_and_restore(const struct step *s, size_t n)
{
	struct host h[2];
	struct cp *cp = command_make(&h[0]), *fresh;

	for (size_t i = 0; i < n; i++) {
		command_run(cp, &operator_user, &s[i], 1);
		command_round_trip(cp, s[i].line);
	}
	cp_destroy(cp);
	cp = command_make(&h[0]);
	for (size_t i = 0; i < n; i++) {
		command_run(cp, &operator_user, &s[i], 1);
		fresh = command_restarted(cp, &h[~i & 1]);
		cp_destroy(cp);
		cp = fresh;
	}
	cp_destroy(cp);
}
