/* SPDX-License-Identifier: Apache-2.0 */
/* The control socket, zlan's side: a request, then a wait for the line that answers it. */
#include "cp/client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "cp/rundir.h"

#define RECONNECT_TRIES 30 /* 100 ms apart */

struct cp_client {
	int fd;
	FILE *in; /* on fd */
	char *dir;
};

/* What a user can do about a daemon that does not answer. */
static const char *hint(int err)
{
	switch (err) {
	case ENOENT:
	case ECONNREFUSED:
		return "zland is not running there; start it (zland -d DIR, or systemctl start "
		       "zland) "
		       "or name its directory with -d DIR";
	case EACCES:
		return "become root or the account that zland runs under";
	default:
		return "see the messages of zland";
	}
}

/* Return: 0, or -errno and err set; then there is no connection. */
static int connect_to(struct cp_client *cl, char *err, size_t err_len)
{
	int fd = cp_rundir_connect(cl->dir, CP_CONTROL_SOCKET, SOCK_STREAM);

	if (fd >= 0) {
		cl->fd = fd;
		cl->in = fdopen(fd, "r");
		if (cl->in)
			return 0;
		close(fd);
		fd = -ENOMEM;
	}
	cl->fd = -1;
	snprintf(err, err_len, "ZLN2650E No connection to %s/" CP_CONTROL_SOCKET ": %s; %s",
		 cl->dir, strerror(-fd), hint(-fd));
	return fd;
}

static void disconnect(struct cp_client *cl)
{
	if (cl->in)
		fclose(cl->in);
	cl->in = NULL;
	cl->fd = -1;
}

struct cp_client *cp_client_open(const char *dir, char *err, size_t err_len)
{
	struct cp_client *cl = calloc(1, sizeof(*cl));

	if (cl)
		cl->dir = strdup(dir);
	if (cl && cl->dir && connect_to(cl, err, err_len) == 0)
		return cl;
	if (!cl || !cl->dir)
		snprintf(err, err_len, "ZLN2650E No memory");
	cp_client_close(cl);
	return NULL;
}

void cp_client_close(struct cp_client *cl)
{
	if (!cl)
		return;
	disconnect(cl);
	free(cl->dir);
	free(cl);
}

/* Between two requests zland has nothing to say: whatever can be read is the end. */
static bool has_ended(const struct cp_client *cl)
{
	char c;

	return cl->fd < 0 || recv(cl->fd, &c, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

/*
 * A daemon that was restarted since the last request is connected to again; one that is just
 * being restarted is waited for. A request that was sent is never sent again: it may have been
 * executed.
 * Return: 0, or -1 and err set.
 */
static int reconnect(struct cp_client *cl, char *err, size_t err_len)
{
	const struct timespec pause = {.tv_nsec = 100000000};
	int rc;

	if (!has_ended(cl))
		return 0;
	disconnect(cl);
	for (unsigned i = 0; i < RECONNECT_TRIES; i++) {
		rc = connect_to(cl, err, err_len);
		if (rc != -ENOENT && rc != -ECONNREFUSED)
			return rc ? -1 : 0;
		nanosleep(&pause, NULL);
	}
	return -1;
}

/* A daemon that turns us away closes without reading; what it has said can still be read. */
static void send_line(struct cp_client *cl, const char *p, size_t n)
{
	while (n) {
		ssize_t done = send(cl->fd, p, n, MSG_NOSIGNAL);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return;
		p += done;
		n -= (size_t)done;
	}
}

static bool send_request(struct cp_client *cl, json_t *request)
{
	char *text = request ? json_dumps(request, JSON_COMPACT) : NULL;

	json_decref(request);
	if (!text)
		return false;
	send_line(cl, text, strlen(text));
	send_line(cl, "\n", 1);
	free(text);
	return true;
}

json_t *cp_client_request(struct cp_client *cl, json_t *request, char *err, size_t err_len)
{
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;
	json_t *answer = NULL;

	if (reconnect(cl, err, err_len) < 0) {
		json_decref(request);
		return NULL;
	}
	if (!send_request(cl, request)) {
		snprintf(err, err_len, "ZLN2651E The command is not text in UTF-8");
		return NULL;
	}
	errno = 0;
	n = getline(&line, &cap, cl->in);
	if (n > 0)
		answer = json_loadb(line, (size_t)n, 0, NULL);
	free(line);
	if (json_is_object(answer))
		return answer;
	json_decref(answer);
	snprintf(err, err_len, "ZLN2652E %s",
		 n > 0 ? "The answer of zland is not understood" : "zland ended the connection");
	return NULL;
}

static void print_errors(const json_t *answer, const char *prefix)
{
	const json_t *errors = json_object_get(answer, "errors");

	for (size_t i = 0; i < json_array_size(errors); i++) {
		const char *e = json_string_value(json_array_get(errors, i));

		fprintf(stderr, "%s%s\n", prefix, e ? e : "");
	}
}

static void print_answer(const json_t *answer, bool json)
{
	const json_t *o = json_object_get(answer, "json");
	const char *text = json_string_value(json_object_get(answer, "text"));

	if (json && o) {
		json_dumpf(o, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY);
		putchar('\n');
	} else if (!json && text) {
		fputs(text, stdout);
	}
	fflush(stdout);
}

bool cp_client_command(struct cp_client *cl, const char *command, bool json, const char *prefix)
{
	char err[512];
	json_t *request = json_pack("{s:s, s:b}", "command", command, "json", json);
	json_t *answer = cp_client_request(cl, request, err, sizeof(err));
	bool ok;

	if (!answer) {
		fprintf(stderr, "%s%s\n", prefix, err);
		return false;
	}
	ok = json_integer_value(json_object_get(answer, "rc")) == 0 &&
	     json_is_integer(json_object_get(answer, "rc"));
	print_answer(answer, json);
	print_errors(answer, prefix);
	json_decref(answer);
	return ok;
}
