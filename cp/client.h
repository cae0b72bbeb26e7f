/* SPDX-License-Identifier: Apache-2.0 */
/* The control socket, zlan's side. */
#ifndef CP_CLIENT_H
#define CP_CLIENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct cp_client;

/*
 * Connect to the daemon of dir.
 * @err: "ZLNnnnnE text" that says what to do.
 * Return: the client, or NULL and err set.
 */
struct cp_client *cp_client_open(const char *dir, char *err, size_t err_len);
void cp_client_close(struct cp_client *cl);

/*
 * Send a request (docs/control-protocol.md; consumed) and wait for its answer.
 * Return: the answer, an object owned by the caller, or NULL and err set as above.
 */
json_t *cp_client_request(struct cp_client *cl, json_t *request, char *err, size_t err_len);

/*
 * Have a command executed and print what it answers: text (or JSON) to standard output, errors
 * to standard error, each with prefix in front.
 * Return: true if it succeeded.
 */
bool cp_client_command(struct cp_client *cl, const char *command, bool json, const char *prefix);

#endif
