/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A control program whose NICs and uplinks are fake ports, for tests of what statements do. The
 * guests of A/0600 to S/0600 begin to use their ports as soon as they have one.
 */
#ifndef TESTS_STATEMENT_BED_H
#define TESTS_STATEMENT_BED_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <urcu-qsbr.h>

#include "common/be.h"
#include "cp/cp_priv.h"
#include "tests/fakeport.h"

#define NO (-2)	   /* nothing arrived */
#define PLAIN (-1) /* untagged; else the tag's TCI */
#define ALL (-1)   /* the broadcast address */
#define NOBODY (-2)
#define FOREIGN (-3) /* an address that no port was given */

enum { A, B, C, S, UP, PORTS };

struct rig {
	struct cp *cp;
	struct vs_worker *w;
	struct fake_port fake[PORTS], second; /* tap2 */
	uint64_t now_ms;
	struct vs_port *port[PORTS]; /* NULL: not there */
	char log[8192], accounts[8192];
	unsigned changed, acknowledged; /* of changed, what is on disk */
	struct vs_switch *traced;
	struct vs_port *traced_port;
	int tracing;
	bool layer3; /* guests are: they have 10.0.0.1 and so on */
};

extern struct rig rig;
extern const char *const rig_nic[UP];
extern const uint8_t rig_mac[PORTS][6];

void rig_setup(void);
void rig_teardown(void);
/* Execute a statement of class B. Return: its text, until the next. */
const char *rig_answer(const char *line, int rc);
void rig_does(const char *line);
/* The IPv4 address of a guest or another host, mapped. */
const uint8_t *rig_ip(int who);
/* Forget what has arrived, and send one frame of 100 bytes. */
void rig_sends(int from, int source, int to, int tci);
/* What arrived, one frame at most. */
int rig_got(unsigned i);
/* NICs A, B, C and S, coupled to nothing; authorized for a switch, with attributes, and coupled. */
void rig_nics(void);
void rig_couple_all(const char *sw, const char *attributes);
/* What time brings, and what comes of it. */
void rig_at(uint64_t ms);

/* A statement (or NULL), then a frame: what of it arrives where. */
struct step {
	int n;
	const char *line; /* or NULL */
	int from, to, tci;
	int got[PORTS];
};

void rig_run(const struct step *s, size_t n);
#define RUN(s) rig_run(s, sizeof(s) / sizeof((s)[0]))

#endif
