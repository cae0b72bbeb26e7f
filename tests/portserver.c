/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/portserver.h"

#include <errno.h>
#include <event2/event.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cp/port_wire.h"
#include "cp/rundir.h"
#include "cp/worker.h"

/* What the test's thread wants done on the server's. */
struct job {
	const char *line; /* a command, or NULL */
	const char *nic;  /* counters of, or NULL */
	struct vs_counters *counters;
	sem_t done;
};

static void die(const char *what, const char *why)
{
	fprintf(stderr, "%s: %s\n", what, why);
	abort();
}

void portserver_init(struct portserver *s)
{
	memset(s, 0, sizeof(*s));
	snprintf(s->dir, sizeof(s->dir), "/tmp/zlan-check-XXXXXX");
	if (!mkdtemp(s->dir))
		die(s->dir, strerror(errno));
}

void portserver_fini(struct portserver *s)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/" PORT_SOCKET, s->dir);
	unlink(path);
	rmdir(s->dir);
}

static void command(struct portserver *s, const char *line)
{
	static const struct cp_caller oper = {.user = "OPERATOR", .class_b = true};
	struct cp_reply r = {0};

	if (cp_execute(s->cp, &oper, line, &r) != 0)
		die(line, r.errors);
	cp_reply_free(&r);
}

static void on_job(evutil_socket_t fd, short what, void *ctx)
{
	struct portserver *s = ctx;
	struct job *j;

	(void)what;
	if (read(fd, &j, sizeof(j)) != sizeof(j))
		return;
	if (j->line)
		command(s, j->line);
	else if (j->nic)
		vs_port_counters(cp_find_port(s->cp, j->nic, NULL), j->counters);
	else
		event_base_loopexit(s->base, NULL);
	sem_post(&j->done);
}

static void run_job(struct portserver *s, struct job *j)
{
	sem_init(&j->done, 0, 0);
	if (write(s->job_fd[1], &j, sizeof(j)) != sizeof(j))
		die("job", strerror(errno));
	while (sem_wait(&j->done) < 0)
		continue;
	sem_destroy(&j->done);
}

static struct vs_worker *pick_worker(void *ctx, struct vs_port *p)
{
	return cp_workers_pick(((struct portserver *)ctx)->workers, p);
}

static void no_log(void *ctx, const char *line)
{
	(void)ctx;
	(void)line;
}

static void *serve(void *ctx)
{
	event_base_dispatch(((struct portserver *)ctx)->base);
	return NULL;
}

void portserver_start(struct portserver *s)
{
	struct cp_hooks hooks = {.pick_worker = pick_worker, .ctx = s};
	struct cp_portsock_config cfg = {.log = no_log};
	int fd = cp_rundir_listen(s->dir, PORT_SOCKET, SOCK_SEQPACKET);

	s->workers = cp_workers_start(1, NULL);
	s->base = cfg.base = event_base_new();
	s->cp = cfg.cp = cp_create(&hooks);
	if (fd < 0 || !s->workers || pipe(s->job_fd) < 0)
		die("server", strerror(errno));
	command(s, "DEFINE VSWITCH VSW1 ETHERNET MIXED ON");
	command(s, "NICDEF ONE 0600 TYPE QDIO LAN SYSTEM VSW1");
	command(s, "NICDEF TWO 0600 TYPE QDIO LAN SYSTEM VSW1");
	s->ps = cp_portsock_create(&cfg, fd);
	s->job = event_new(s->base, s->job_fd[0], EV_READ | EV_PERSIST, on_job, s);
	event_add(s->job, NULL);
	pthread_create(&s->thread, NULL, serve, s);
}

void portserver_stop(struct portserver *s)
{
	struct job j = {0};

	run_job(s, &j);
	pthread_join(s->thread, NULL);
	cp_portsock_destroy(s->ps);
	cp_destroy(s->cp);
	cp_workers_stop(s->workers);
	event_free(s->job);
	event_base_free(s->base);
	close(s->job_fd[0]);
	close(s->job_fd[1]);
}

void portserver_command(struct portserver *s, const char *line)
{
	struct job j = {.line = line};

	run_job(s, &j);
}

void portserver_counters(struct portserver *s, const char *nic, struct vs_counters *out)
{
	struct job j = {.nic = nic, .counters = out};

	run_job(s, &j);
}
