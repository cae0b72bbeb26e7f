/* SPDX-License-Identifier: Apache-2.0 */
/* zlan without a command: lines from a terminal or from standard input. */
#ifndef CP_SHELL_H
#define CP_SHELL_H

#include <stdio.h>

#include "cp/client.h"

/*
 * Read commands from a terminal, with history (~/.zlan_history) and completion, until end of
 * file, EXIT or QUIT. Return: exit status of the program.
 */
int cp_shell_interactive(struct cp_client *cl, const char *dir, bool json);

/*
 * Execute every line of a stream; errors are preceded by "NAME:LINE: ".
 * Return: exit status: 1 if any command failed.
 */
int cp_shell_stream(struct cp_client *cl, FILE *in, const char *name, bool json);

#endif
