/* SPDX-License-Identifier: Apache-2.0 */
/* Private to the control socket: what one request line is answered with. */
#ifndef CP_CONTROL_PRIV_H
#define CP_CONTROL_PRIV_H

#include "cp/capture.h"

#define CONTROL_LINE_MAX 65536 /* bytes of a request, with its newline */

/*
 * Answer a request. One that starts a capture is the exception: *capture is set and fds are
 * to be sent with the answer.
 * @capture: NULL in it, or the connection's running capture.
 * Return: the answer as an object (owned by the caller), or NULL if memory is exhausted.
 */
json_t *control_answer(struct cp *cp, const struct cp_caller *who, const char *line, size_t len,
		       struct cp_capture **capture, int fds[2]);

/* An answer that is one error. */
json_t *control_error(int rc, const char *text);

#endif
