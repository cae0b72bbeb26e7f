/* SPDX-License-Identifier: Apache-2.0 */
/*
 * make bench: how fast frames go from guest to guest, beside what others do on the same machine.
 *
 * A case is one subject (zlan or a peer) under one load. All cases run in turn, round after
 * round, and the table shows medians, so that a change of the machine's speed meets all of
 * them. Every case verifies what it receives by samples and accounts for every frame; one that
 * cannot be run here stands in the table with the reason.
 */
#ifndef TESTS_BENCH_BENCH_H
#define TESTS_BENCH_BENCH_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#define BENCH_ROUNDS_MAX 31
#define BENCH_TURNS 5u /* of a case in a round, where it has turns */
#define BENCH_RUNS_MAX (BENCH_ROUNDS_MAX * BENCH_TURNS)

/* X(ENUM, name in bench.json, its unit, scale for the table, heading, fewer is better) */
#define BENCH_METRICS(X)                                                                           \
	X(FRAMES, "frames_per_s", "1/s", 1e-6, "Mframes/s", false)                                 \
	X(GBIT, "gbit_per_s", "Gbit/s", 1, "Gbit/s", false)                                        \
	X(COPYING, "gbit_per_s_busy", "Gbit/s", 1, "while busy", false)                            \
	X(CYCLES, "cycles_per_frame", "cycles", 1, "cycles", true)                                 \
	X(BUSY, "busy", "%", 1, "busy %", true)                                                    \
	X(RTT, "rtt_median", "us", 1, "rtt us", true)                                              \
	X(RTT_TAIL, "rtt_p99.9", "us", 1, "99.9 %", true)                                          \
	X(CPU, "idle_cpu", "%", 1, "CPU %", true)                                                  \
	X(BYTES, "memory", "bytes", 1, "bytes", true)                                              \
	X(MS, "time", "ms", 1, "ms", true)                                                         \
	X(SPREAD, "unfairness", "%", 1, "unfair %", true)                                          \
	X(OFF, "off_the_rate", "%", 1, "off %", true)

enum bench_metric {
#define X(id, name, unit, scale, heading, fewer) BENCH_##id,
	BENCH_METRICS(X)
#undef X
		BENCH_METRIC_COUNT,
};

/* What one run of one case measured; 0: not measured. */
struct bench_sample {
	double v[BENCH_METRIC_COUNT];
	double line_ns;	  /* bench_line_ns before or after, the greater one */
	bool wrong;	  /* contents were damaged or frames are unaccounted for */
	char skipped[96]; /* why it could not be run */
};

/* Of zlan: the metric reaches this value. Of a peer: zlan is so many times as good. */
struct bench_bar {
	enum bench_metric metric;
	double at; /* 0: none */
};

struct bench_case {
	const char *section; /* "throughput" */
	const char *name;    /* rows of one section and name are compared */
	const char *subject; /* "zlan", or the peer */
	uint32_t frame_bytes;
	void (*run)(const struct bench_case *c, double seconds, struct bench_sample *out);
	struct bench_bar bar[2];
	double growth; /* at most so many times the cycles of the first row */
	bool turns;    /* short runs, alternating with those of the case's other rows */

	unsigned per_sbal; /* frames in each output buffer */
	unsigned in_bytes; /* offer input buffers of so many bytes; 0: of 64 KiB */
	bool hipers;	   /* HiperSockets */
	bool layer3;	  /* guests of layer 3 on a switch in IP mode; the bytes are the packet's */
	unsigned n;	  /* whatever the case scales by */
	const char *peer; /* program under tests/bench/peer, and what it is asked for */
	const char *words; /* in this process: a feature to be used */
};

/* line.c: nanoseconds for a cache line from one processor to the other and back; 0: there is one.
 */
double bench_line_ns(void);

/* cases.c */
extern const struct bench_case bench_cases[];
extern const unsigned bench_n_cases;

/* Processors: the switch on one, the guests on the other; equal on a machine with one. */
#define BENCH_CPU_SWITCH 0
#define BENCH_CPU_GUEST 1
void bench_pin(unsigned cpu);
/* The calling thread, and what it starts, may use all processors again. */
void bench_unpin(void);
/* Report that something the bench needs failed, and exit. */
_Noreturn void bench_die(const char *what);
/* Cycles of the time-stamp counter in a second. */
double bench_hz(void);
/* The folder of the programs. */
const char *bench_folder(void);

static inline uint64_t bench_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static inline uint64_t bench_cycles(void)
{
#if defined(__x86_64__)
	return __builtin_ia32_rdtsc();
#else
	return bench_ns();
#endif
}

/* Median and 99.9 % of n values of nanoseconds, which get sorted. */
void bench_rtt(uint64_t *ns, unsigned n, struct bench_sample *out);

void bench_qdio(const struct bench_case *c, double seconds, struct bench_sample *out);
void bench_qdio_latency(const struct bench_case *c, double seconds, struct bench_sample *out);
/* n workers with a pair of guests each, every worker and its guests on a processor. */
void bench_pairs(const struct bench_case *c, double seconds, struct bench_sample *out);
/* n senders to one receiver. */
void bench_shared(const struct bench_case *c, double seconds, struct bench_sample *out);
void bench_senders(const struct bench_case *c, double seconds, struct bench_sample *out);
void bench_memcpy(const struct bench_case *c, double seconds, struct bench_sample *out);
void bench_ports(const struct bench_case *c, double seconds, struct bench_sample *out);
void bench_addresses(const struct bench_case *c, double seconds, struct bench_sample *out);
void bench_vlans(const struct bench_case *c, double seconds, struct bench_sample *out);
void bench_changes(const struct bench_case *c, double seconds, struct bench_sample *out);
/* What features cost when used; n: enum feature in extras.c. */
void bench_extras(const struct bench_case *c, double seconds, struct bench_sample *out);
/* A rate of n Mbit/s that is reached: of a port, of a group of four; words: in or out. */
void bench_rate(const struct bench_case *c, double seconds, struct bench_sample *out);
void bench_fair(const struct bench_case *c, double seconds, struct bench_sample *out);
void bench_peer(const struct bench_case *c, double seconds, struct bench_sample *out);

/* peer.c: end the programs that were started. */
void bench_peers_end(void);

/* stages.c: run the build that counts, and print its table. */
struct bench_stages;
void bench_stages_take(struct bench_stages **s, double seconds);
void bench_stages_table(struct bench_stages *s);
/* Return: the median of a stage, or -1: no more. */
double bench_stage_median(struct bench_stages *s, unsigned stage, const char **name);
int bench_stages_child(double seconds);

/* Sub-commands, for the peers' scripts: arguments behind their name. */
int bench_pingpong(char **arg);
int bench_daemon(char **arg);
int bench_taps(char **arg);
int bench_uplink(unsigned n, char **arg);
/* A packet socket on an interface of a namespace, which this thread then is in; its address. */
int bench_packet_socket(const char *netns, const char *ifname, uint8_t mac[6]);

/* report.c */
struct bench_result {
	const struct bench_case *c;
	unsigned n;
	struct bench_sample run[BENCH_RUNS_MAX];
};
/* Is a run one of those during which the processors were far from each other? */
#define BENCH_FAR 1.6 /* times the least */
bool bench_far(const struct bench_sample *s, double least_ns);
void bench_lines(const struct bench_result *r, unsigned n, double least_ns, unsigned again);
void bench_table(const struct bench_result *r, unsigned n, unsigned rounds);
int bench_json(const struct bench_result *r, unsigned n, struct bench_stages *s, const char *path);

#endif
