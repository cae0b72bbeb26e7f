/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Statements and their answers, by a control program whose host has interfaces, except those
 * called bad*.
 */
#ifndef TESTS_COMMAND_BED_H
#define TESTS_COMMAND_BED_H

#include "cp/cp.h"

struct host {
	unsigned opened, closed, changed, shutdown, forgotten;
	bool broken; /* no interface can be opened */
	char log[512];
};

struct cp *command_make(struct host *h);

static const struct cp_caller operator_user = {.user = "OPERATOR", .class_b = true};

/* One statement. want is part of the text, or of the errors when rc is not 0. */
struct step {
	int n;
	const char *line;
	int rc;
	const char *want;
};

void command_run(struct cp *cp, const struct cp_caller *who, const struct step *s, size_t count);
#define RUN(cp, who, steps) command_run(cp, who, steps, sizeof(steps) / sizeof((steps)[0]))

/* Execute the configuration of cp in a fresh control program: all must be as it was. */
void command_round_trip(struct cp *cp, const char *what);
/* Statements by the operator in a control program of their own, with a round trip after each. */
/* What the configuration of cp makes: that is what a restart is. */
struct cp *command_restarted(const struct cp *cp, struct host *h);
/* Every step's configuration prints the same again, and the steps go as well with a restart after
 * each. */
void command_run_and_restore(const struct step *s, size_t n);

#endif
