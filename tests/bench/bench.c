/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rounds.
 *
 *   bench [-r ROUNDS] [-s SECONDS per run] [-t SECONDS for all] [-o JSON] [-l] [FILTER]
 *
 * FILTER is a regular expression; cases are run whose "section, case, subject" matches. -l lists
 * them. "stages" is the table of the switch's cycles.
 */
#include <libgen.h>
#include <limits.h>
#include <pthread.h>
#include <regex.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <urcu-qsbr.h>

#include "tests/bench/bench.h"

static struct {
	const char *json;
	regex_t filter;
	unsigned rounds;
	double seconds,
		limit; /* of a run; of all rounds: none is begun that would not end in time */
	bool progress, list;
} opt = {.rounds = 5, .seconds = 0.3, .limit = 900};

static volatile sig_atomic_t stop; /* interrupted */

void bench_die(const char *what)
{
	fprintf(stderr, "\nbench: %s failed\n", what);
	bench_peers_end();
	exit(1);
}

static cpu_set_t all; /* the processors this may run on */

void bench_unpin(void)
{
	sched_setaffinity(0, sizeof(all), &all);
}

void bench_pin(unsigned cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (pthread_setaffinity_np(pthread_self(), sizeof(set), &set))
		fprintf(stderr, "bench: processor %u is not there: sharing one\n", cpu);
}

double bench_hz(void)
{
	static double hz;

	if (hz == 0) {
		uint64_t ns = bench_ns(), cycles = bench_cycles();

		usleep(20000);
		cycles = bench_cycles() - cycles;
		hz = (double)cycles * 1e9 / (double)(bench_ns() - ns);
	}
	return hz;
}

const char *bench_folder(void)
{
	static char path[PATH_MAX];

	if (!path[0]) {
		ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

		path[n > 0 ? n : 0] = 0;
		dirname(path);
	}
	return path;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

void bench_rtt(uint64_t *ns, unsigned n, struct bench_sample *out)
{
	size_t middle = n / 2, rare = (size_t)n * 999 / 1000;

	if (!n)
		return;
	qsort(ns, n, sizeof(*ns), compare);
	out->v[BENCH_RTT] = (double)ns[middle] / 1000;
	out->v[BENCH_RTT_TAIL] = (double)ns[rare] / 1000;
}

/* ---- the rounds
 * ----------------------------------------------------------------------------------- */

static bool selected(const char *section, const char *name, const char *subject)
{
	char text[256];

	snprintf(text, sizeof(text), "%s, %s, %s", section, name, subject);
	return regexec(&opt.filter, text, 0, NULL, 0) == 0;
}

static void progress(unsigned round, const char *what, const char *subject)
{
	if (opt.progress)
		fprintf(stderr, "\r\033[Kround %u of %u: %s, %s", round + 1, opt.rounds, what,
			subject);
}

/*
 * A run during which the two processors were far from each other says more of the host than of the
 * subject: it is repeated, as far as the time allows, whoever's it is.
 */
#define LINE_WAIT_NS UINT64_C(1000000000)
#define RUN_TRIES 6
/* Of rows with turns there are many runs anyway. */
#define TURN_WAIT_NS UINT64_C(200000000)
#define TURN_TRIES 3

static struct {
	double least; /* ns, of a line there and back, so far */
	unsigned again;
} line = {.least = 1e9};

static double line_now(void)
{
	double ns = bench_line_ns();

	if (ns < line.least)
		line.least = ns;
	return ns;
}

/* Wait until they are near, but not for ever: it changes within seconds. */
static double line_wait(uint64_t patience_ns, uint64_t deadline)
{
	uint64_t until = bench_ns() + patience_ns;
	double ns = line_now();

	while (ns > line.least * BENCH_FAR && !stop && bench_ns() < until && bench_ns() < deadline)
		ns = line_now();
	return ns;
}

static void run_near(const struct bench_case *c, double seconds, struct bench_sample *out,
		     uint64_t deadline)
{
	unsigned most = c->turns ? TURN_TRIES : RUN_TRIES;
	uint64_t patience_ns = c->turns ? TURN_WAIT_NS : LINE_WAIT_NS;

	for (unsigned tries = 0; tries < most && !stop; tries++) {
		double before = line_wait(patience_ns, deadline), after;

		*out = (struct bench_sample){0};
		c->run(c, seconds, out);
		after = line_now();
		out->line_ns = before > after ? before : after;
		if (out->skipped[0] || !bench_far(out, line.least) || bench_ns() > deadline)
			return;
		line.again += tries < most - 1;
	}
}

static unsigned rows_of_case(const struct bench_result *r, unsigned n)
{
	unsigned k = 1;

	while (k < n && !strcmp(r[k].c->section, r[0].c->section) &&
	       !strcmp(r[k].c->name, r[0].c->name))
		k++;
	return k;
}

/*
 * A round of one case. Rows of programs that have to be started run once. The others take turns,
 * each a fraction of the time, so that what the machine does meanwhile meets all of them.
 */
static void run_case(struct bench_result *r, unsigned n, unsigned round, uint64_t deadline)
{
	for (unsigned t = 0; t < BENCH_TURNS; t++)
		for (unsigned i = 0; i < n && !stop; i++) {
			const struct bench_case *c = r[i].c;

			if (t && !c->turns)
				continue;
			progress(round, c->name, c->subject);
			run_near(c, c->turns ? opt.seconds / BENCH_TURNS : opt.seconds,
				 &r[i].run[r[i].n], deadline);
			r[i].n++;
		}
}

static struct bench_stages *run_all(struct bench_result *result, unsigned n, unsigned *rounds)
{
	bool staged = selected("stages", "64 B, packed both ways", "zlan");
	struct bench_stages *stages = NULL;
	uint64_t begin = bench_ns(), last = begin;

	while (bench_ns() < begin + LINE_WAIT_NS) /* what near is, here */
		line_now();
	for (unsigned r = 0; r < opt.rounds && !stop; r++) {
		uint64_t now = bench_ns();

		/* The first round is the longest: it starts the peers. */
		if (r && (double)(now - begin + now - last) > opt.limit * 1e9) {
			fprintf(stderr, "\nbench: only %u of %u rounds: time is up\n", r,
				opt.rounds);
			break;
		}
		last = now;
		for (unsigned i = 0; i < n && !stop; i += rows_of_case(&result[i], n - i))
			run_case(&result[i], rows_of_case(&result[i], n - i), r,
				 begin + (uint64_t)(opt.limit * 1e9));
		*rounds = r + 1;
		if (staged && !stop) {
			progress(r, "stages", "zlan");
			bench_stages_take(&stages, opt.seconds);
		}
	}
	if (opt.progress)
		fprintf(stderr, "\r\033[K");
	return stages;
}

/* Where the guests' storage is: large pages are half of what a copy takes. */
static void header(void)
{
	static const char knob[] = "/sys/kernel/mm/transparent_hugepage/shmem_enabled";
	char text[128] = "";
	double load = 0;
	FILE *f = fopen(knob, "r");
	const char *on = f && fgets(text, sizeof(text), f) ? strchr(text, '[') : NULL;
	bool huge = on && (!strncmp(on, "[advise]", 8) || !strncmp(on, "[always]", 8) ||
			   !strncmp(on, "[within_size]", 13) || !strncmp(on, "[force]", 7));

	if (f)
		fclose(f);
	getloadavg(&load, 1);
	printf("%ld processors, time-stamp counter %.2f GHz; guests' storage on %s pages\n",
	       sysconf(_SC_NPROCESSORS_ONLN), bench_hz() / 1e9,
	       huge ? "2 MiB" : "4 KiB (shmem_enabled in /sys/kernel/mm/transparent_hugepage)");
	if (load > 1)
		printf("NOT QUIET: the load was %.1f before this began; these numbers mean "
		       "little\n",
		       load);
}

static int usage(void)
{
	fprintf(stderr,
		"usage: bench [-r ROUNDS] [-s SECONDS] [-t LIMIT] [-o JSON] [-l] [FILTER]\n");
	return 2;
}

static int parse(int argc, char **argv)
{
	const char *filter = "";
	int o;

	while ((o = getopt(argc, argv, "r:s:t:o:l")) != -1) {
		if (o == 'r')
			opt.rounds = (unsigned)atoi(optarg);
		else if (o == 's')
			opt.seconds = atof(optarg);
		else if (o == 't')
			opt.limit = atof(optarg);
		else if (o == 'o')
			opt.json = optarg;
		else if (o == 'l')
			opt.list = true;
		else
			return usage();
	}
	if (optind < argc)
		filter = argv[optind];
	if (opt.rounds < 1 || opt.rounds > BENCH_ROUNDS_MAX || opt.seconds <= 0)
		return usage();
	if (regcomp(&opt.filter, filter, REG_EXTENDED | REG_NOSUB | REG_ICASE))
		return usage();
	opt.progress = isatty(STDERR_FILENO);
	return 0;
}

static void interrupted(int sig)
{
	(void)sig;
	stop = 1;
}

/* What the bench starts itself for. Return: the exit status, -1: it is none of these. */
static int sub_command(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	if (argc == 3 && !strcmp(what, "--stages")) {
		rcu_register_thread();
		return bench_stages_child(atof(argv[2]));
	}
	if (argc == 8 && !strcmp(what, "--pingpong"))
		return bench_pingpong(argv + 2);
	if (argc == 5 && !strcmp(what, "--daemon"))
		return bench_daemon(argv + 2);
	if (argc == 6 && !strcmp(what, "--taps"))
		return bench_taps(argv + 2);
	if (argc >= 5 && argc <= 7 && !strcmp(what, "--uplink"))
		return bench_uplink((unsigned)argc - 2, argv + 2);
	return -1;
}

static int run_and_report(struct bench_result *result, unsigned n)
{
	struct sigaction act = {.sa_handler = interrupted};
	struct bench_stages *stages;
	unsigned rounds = 0;

	sigaction(SIGINT, &act, NULL);
	sigaction(SIGTERM, &act, NULL);
	signal(SIGPIPE, SIG_IGN);
	rcu_register_thread();
	header();
	stages = run_all(result, n, &rounds);
	bench_peers_end();
	if (stop)
		return 1;
	bench_lines(result, n, line.least, line.again);
	bench_table(result, n, rounds);
	if (stages)
		bench_stages_table(stages);
	return opt.json && bench_json(result, n, stages, opt.json) ? 1 : 0;
}

int main(int argc, char **argv)
{
	int rc = sched_getaffinity(0, sizeof(all), &all) ? 1 : sub_command(argc, argv);
	struct bench_result *result;
	unsigned n = 0;

	if (rc >= 0)
		return rc;
	if (parse(argc, argv))
		return 2;
	result = calloc(bench_n_cases, sizeof(*result));
	if (!result)
		return 1;
	for (unsigned i = 0; i < bench_n_cases; i++) {
		const struct bench_case *c = &bench_cases[i];

		if (!selected(c->section, c->name, c->subject))
			continue;
		result[n++].c = c;
		if (opt.list)
			printf("%s, %s, %s\n", c->section, c->name, c->subject);
	}
	rc = opt.list ? 0 : run_and_report(result, n);
	free(result);
	return rc;
}
