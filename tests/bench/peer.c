/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Subjects that are programs of their own: scripts in tests/bench/peer, started when first needed
 * and kept until the end, at rest between their runs. A script prints "ready" or "skipped WHY".
 * Then it is sent a line "run WORDS SECONDS" and answers with lines "METRIC VALUE" (as in
 * bench.json), "wrong WHY" or "skipped WHY", and at last "done".
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/bench/bench.h"

#define PEERS_MAX 16
#define START_MS 60000
#define ANSWER_MS 60000

static struct peer {
	const char *name;
	pid_t pid;
	int to, from;
	char line[256];
	unsigned len;
	char skipped[96]; /* it cannot run here */
} peers[PEERS_MAX];

static void child(const char *name, const int *to, const int *from)
{
	char script[256];

	snprintf(script, sizeof(script), "tests/bench/peer/%s.sh", name);
	bench_unpin(); /* the thread that starts it drives guests on one processor */
	setpgid(0, 0); /* what comes from the terminal comes to the bench, which ends its peers */
	dup2(to[0], 0);
	dup2(from[1], 1);
	for (int fd = 3; fd < 64; fd++)
		close(fd);
	setenv("ZLAN_BIN", bench_folder(), 1);
	execl("/bin/bash", "bash", script, (char *)NULL);
	_exit(127);
}

/* The next line without its end. Return: false: none came. */
static bool next_line(struct peer *p, int ms, char *line, size_t cap)
{
	uint64_t until = bench_ns() + (uint64_t)ms * 1000000u;

	for (;;) {
		char *end = memchr(p->line, '\n', p->len);
		struct pollfd fd = {.fd = p->from, .events = POLLIN};
		ssize_t n;

		if (end) {
			size_t len = (size_t)(end - p->line);

			snprintf(line, cap, "%.*s", (int)len, p->line);
			p->len -= (unsigned)len + 1;
			memmove(p->line, end + 1, p->len);
			return true;
		}
		if (p->len == sizeof(p->line) || bench_ns() > until || poll(&fd, 1, 100) < 0)
			return false;
		if (!(fd.revents & (POLLIN | POLLHUP)))
			continue;
		n = read(p->from, p->line + p->len, sizeof(p->line) - p->len);
		if (n <= 0)
			return false;
		p->len += (unsigned)n;
	}
}

static void give_up(struct peer *p, const char *why)
{
	snprintf(p->skipped, sizeof(p->skipped), "%.90s", why);
}

static void start(struct peer *p)
{
	int to[2], from[2];
	char line[256] = "";

	if (pipe(to) || pipe(from))
		bench_die("making a pipe");
	p->pid = fork();
	if (p->pid < 0)
		bench_die("starting a peer");
	if (!p->pid)
		child(p->name, to, from);
	close(to[0]);
	close(from[1]);
	p->to = to[1];
	p->from = from[0];
	while (next_line(p, START_MS, line, sizeof(line))) {
		if (!strcmp(line, "ready"))
			return;
		if (!strncmp(line, "skipped ", 8)) {
			give_up(p, line + 8);
			return;
		}
		fprintf(stderr, "\n%s: %s\n", p->name, line);
	}
	give_up(p, "it did not start");
}

static struct peer *peer_of(const char *name)
{
	for (unsigned i = 0; i < PEERS_MAX; i++) {
		if (peers[i].name && !strcmp(peers[i].name, name))
			return &peers[i];
		if (!peers[i].name) {
			peers[i].name = name;
			start(&peers[i]);
			return &peers[i];
		}
	}
	bench_die("finding room for a peer");
}

static void take_value(struct bench_sample *out, const char *line)
{
	static const char *const name[] = {
#define X(id, name, unit, scale, heading, fewer) name,
		BENCH_METRICS(X)
#undef X
	};
	size_t len = strcspn(line, " ");

	for (unsigned m = 0; m < BENCH_METRIC_COUNT; m++)
		if (strlen(name[m]) == len && !strncmp(name[m], line, len))
			out->v[m] = atof(line + len);
}

static void answer(struct peer *p, struct bench_sample *out)
{
	char line[256];

	while (next_line(p, ANSWER_MS, line, sizeof(line))) {
		if (!strcmp(line, "done"))
			return;
		if (!strncmp(line, "skipped ", 8)) {
			snprintf(out->skipped, sizeof(out->skipped), "%.90s", line + 8);
		} else if (!strncmp(line, "wrong", 5)) {
			fprintf(stderr, "\n%s: %s\n", p->name, line);
			out->wrong = true;
		} else {
			take_value(out, line);
		}
	}
	give_up(p, "it stopped answering");
	snprintf(out->skipped, sizeof(out->skipped), "%s", p->skipped);
}

void bench_peer(const struct bench_case *c, double seconds, struct bench_sample *out)
{
	struct peer *p = peer_of(c->peer);

	if (!p->skipped[0] && dprintf(p->to, "run %s %.2f\n", c->words, seconds) < 0)
		give_up(p, "it has ended");
	if (p->skipped[0]) {
		snprintf(out->skipped, sizeof(out->skipped), "%s", p->skipped);
		return;
	}
	answer(p, out);
	if (out->v[BENCH_FRAMES] > 0 && c->frame_bytes && out->v[BENCH_GBIT] <= 0)
		out->v[BENCH_GBIT] = out->v[BENCH_FRAMES] * c->frame_bytes * 8 / 1e9;
}

/* The end of its input tells a script to clean up. One that does not is killed with all it has. */
void bench_peers_end(void)
{
	for (unsigned i = 0; i < PEERS_MAX && peers[i].name; i++) {
		struct peer *p = &peers[i];
		uint64_t until = bench_ns() + 15000000000u;

		close(p->to);
		while (waitpid(p->pid, NULL, WNOHANG) == 0) {
			if (bench_ns() > until) {
				kill(-p->pid, SIGKILL);
				until += 1000000000u;
			}
			usleep(10000);
		}
		close(p->from);
		p->name = NULL;
	}
}
