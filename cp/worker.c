/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Worker threads. Theory of operation:
 *
 * A worker polls its ports as long as there are frames. When there are none it goes on
 * for a short while, because a wake-up costs the sender a system call and the worker a context
 * switch; then it arms its ports and sleeps in epoll. The while adapts: it grows when
 * spinning was rewarded and shrinks when it was not, so an idle worker uses no processor.
 *
 * RCU: a quiescent state after every poll, and offline while asleep, so that a
 * grace period never waits for a sleeping worker.
 *
 * Ports' descriptors are watched edge-triggered and never read here. Every write to an eventfd
 * and every frame that reaches a TAP is an edge, and an edge since the last epoll_wait makes the
 * next one return at once. So nothing is lost, nothing need be drained, and no read() can block on
 * a descriptor whose flags a hostile client shares and may change.
 *
 * Placement: a new port goes to the worker with the fewest ports. Once a second the control thread
 * compares what the ports cost (balance.c) and moves at most one; it stays put for a while then.
 * A port that is pinned goes to its worker and stays there, as long as there is that worker.
 * To move a port is to take it off one worker's list, wait for a grace period, and put it
 * on another's: what the port holds is fetched by the new worker, in its order.
 *
 * A worker that is woken has a short slice (common/slice.h): a guest's processor, say, on whose
 * processor it is put has just sent something and may go on for a long time.
 *
 * Threads: epoll sets are changed by the control thread (watch) while the worker waits; the
 * kernel serialises that. A worker that ends is out of everybody's sight (n) before it does. All
 * else here belongs to one side or is atomic.
 */
#include "cp/worker.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>
#include <urcu-qsbr.h>

#include "common/cycles.h"
#include "common/slice.h"
#include "cp/balance.h"

#define SPIN_MIN_NS 2000
#define SPIN_MAX_NS 50000
#define SPIN_LESS 8 /* one of so many parts */
#define EVENTS 16
#define SETTLE_S 10 /* a port that was moved stays so long */

struct worker {
	struct vs_worker *vsw;
	pthread_t thread;
	int epoll_fd;
	int wake_fd;
	int (*prepare)(void);
	sem_t started;	    /* posted when prepared is valid */
	int prepared;	    /* what prepare returned */
	atomic_bool asleep; /* set before the ports are armed, cleared after waking */
	atomic_bool stop;
	_Atomic uint64_t sleeps, woken_by_ports, woken_by_zland;

	/* Control thread. */
	int cpu; /* bound to, or -1 */
	uint64_t moved;
	uint64_t busy, idle; /* cycles at the last tick, and of the second before it: */
	uint32_t busy_permille, idle_permille;
};

struct cp_workers {
	atomic_uint n;
	unsigned next;
	int (*prepare)(void);
	uint64_t stamp; /* of the last tick, in cycles */
	struct worker worker[VS_WORKERS_MAX];
};

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void cpu_relax(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#else
	atomic_signal_fence(memory_order_seq_cst);
#endif
}

static void wake(struct worker *w)
{
	uint64_t one = 1;

	/* Can only fail because it is readable already. */
	if (write(w->wake_fd, &one, sizeof(one)) < 0)
		return;
}

/*
 * Poll until there has been nothing for spin_ns. @since: when the ports were found empty, before
 * the worker slept and when we return. Return: something came at most SPIN_MAX_NS later, awake or
 * asleep: to spin pays. A frame alone does not tell, for it is what ended the sleep.
 */
static bool run_busy(struct worker *w, uint64_t spin_ns, uint64_t *since)
{
	uint64_t idle_since = *since;
	bool rewarded = false;

	while (!atomic_load_explicit(&w->stop, memory_order_relaxed)) {
		unsigned n = vs_worker_poll(w->vsw);

		rcu_quiescent_state();
		if (n) {
			rewarded |= idle_since && now_ns() - idle_since <= SPIN_MAX_NS;
			idle_since = 0;
			continue;
		}
		if (!idle_since)
			idle_since = now_ns();
		else if (now_ns() - idle_since >= spin_ns)
			break;
		cpu_relax();
	}
	*since = idle_since;
	return rewarded;
}

/* At most as long as the rates of the ports allow. */
static int wait_patiently(struct worker *w, struct epoll_event *ev)
{
	uint64_t ns = vs_worker_patience(w->vsw);
	struct timespec ts = {.tv_sec = (time_t)(ns / 1000000000u),
			      .tv_nsec = (long)(ns % 1000000000u)};
	int n;

	if (ns == UINT64_MAX)
		return epoll_wait(w->epoll_fd, ev, EVENTS, -1);
	n = epoll_pwait2(w->epoll_fd, ev, EVENTS, &ts, NULL);
	if (n < 0 && errno == ENOSYS) /* before Linux 5.11 */
		n = epoll_wait(w->epoll_fd, ev, EVENTS, (int)(ns / 1000000u));
	return n;
}

/* One writer: no need for a locked instruction. */
static void add(_Atomic uint64_t *c, uint64_t n)
{
	atomic_store_explicit(c, atomic_load_explicit(c, memory_order_relaxed) + n,
			      memory_order_relaxed);
}

static void wait_for_events(struct worker *w)
{
	struct epoll_event ev[EVENTS];
	uint64_t count;
	bool by_zland = false;
	int n;

	add(&w->sleeps, 1);

	rcu_thread_offline();
	n = wait_patiently(w, ev);
	rcu_thread_online();
	for (int i = 0; i < n; i++) {
		if (ev[i].data.fd != w->wake_fd)
			continue;
		by_zland = true;
		if (read(w->wake_fd, &count, sizeof(count)) < 0)
			continue;
	}
	add(&w->woken_by_zland, by_zland);
	add(&w->woken_by_ports, n > by_zland);
}

static void sleep_until_work(struct worker *w)
{
	bool work;

	/* seq_cst: ordered before the look at the ports, against the waker's order of putting
	 * work there and then reading asleep. */
	atomic_store_explicit(&w->asleep, true, memory_order_seq_cst);
	atomic_thread_fence(memory_order_seq_cst);
	work = vs_worker_arm(w->vsw);
	if (!work && !atomic_load_explicit(&w->stop, memory_order_seq_cst))
		wait_for_events(w);
	atomic_store_explicit(&w->asleep, false, memory_order_relaxed);
	vs_worker_disarm(w->vsw);
}

/* Of a question and its answer one follows soon: half of the times is enough to go on. */
static uint64_t spin_next(uint64_t ns, bool rewarded)
{
	if (rewarded)
		return ns * 2 > SPIN_MAX_NS ? SPIN_MAX_NS : ns * 2;
	ns -= ns / SPIN_LESS;
	return ns < SPIN_MIN_NS ? SPIN_MIN_NS : ns;
}

static void *worker_main(void *arg)
{
	struct worker *w = arg;
	uint64_t spin_ns = SPIN_MIN_NS, idle_since = 0;

	slice_shorten();
	w->prepared = w->prepare ? w->prepare() : 0;
	sem_post(&w->started);
	if (w->prepared)
		return NULL;
	rcu_register_thread();
	while (!atomic_load_explicit(&w->stop, memory_order_seq_cst)) {
		spin_ns = spin_next(spin_ns, run_busy(w, spin_ns, &idle_since));
		sleep_until_work(w);
	}
	rcu_unregister_thread();
	return NULL;
}

/* A port joined or left: control thread, from the switch. */
static void watch(void *ctx, int fd, bool added)
{
	struct worker *w = ctx;
	struct epoll_event ev = {.events = EPOLLIN | EPOLLET, .data.fd = fd};

	if (!added) {
		if (fd >= 0)
			epoll_ctl(w->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
		return;
	}
	if (fd >= 0 && epoll_ctl(w->epoll_fd, EPOLL_CTL_ADD, fd, &ev) < 0 && errno == EEXIST)
		epoll_ctl(w->epoll_fd, EPOLL_CTL_MOD, fd, &ev);
	/*
	 * The new port is not armed, and one that is only polled, or has a queue before it, has
	 * nothing else to be noticed by: let the worker come round.
	 */
	wake(w);
}

static void wake_worker(void *ctx)
{
	struct worker *w = ctx;

	if (atomic_load_explicit(&w->asleep, memory_order_seq_cst))
		wake(w);
}

static int open_descriptors(struct worker *w)
{
	struct epoll_event ev = {.events = EPOLLIN};
	int rc;

	w->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (w->epoll_fd < 0)
		return -errno;
	w->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (w->wake_fd < 0)
		goto close_epoll;
	ev.data.fd = w->wake_fd;
	if (epoll_ctl(w->epoll_fd, EPOLL_CTL_ADD, w->wake_fd, &ev) < 0)
		goto close_wake;
	return 0;
close_wake:
	rc = -errno;
	close(w->wake_fd);
	close(w->epoll_fd);
	return rc;
close_epoll:
	rc = -errno;
	close(w->epoll_fd);
	return rc;
}

/* Signals are the control thread's; SIGSYS stays open for the system call filter. */
static int create_thread(struct worker *w)
{
	sigset_t all, old;
	int rc;

	sigfillset(&all);
	sigdelset(&all, SIGSYS);
	/* Of a guest that takes its memory away; blocked it would be deadly. */
	sigdelset(&all, SIGBUS);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	rc = pthread_create(&w->thread, NULL, worker_main, w);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (rc)
		return -rc;
	pthread_setname_np(w->thread, "worker");
	while (sem_wait(&w->started) < 0)
		continue;
	if (w->prepared)
		pthread_join(w->thread, NULL);
	return w->prepared;
}

static int worker_start(struct worker *w, int (*prepare)(void))
{
	int rc;

	memset(w, 0, sizeof(*w));
	w->cpu = -1;
	w->prepare = prepare;
	w->vsw = vs_worker_create();
	if (!w->vsw)
		return -errno;
	rc = open_descriptors(w);
	if (rc)
		goto destroy_vsw;
	atomic_init(&w->asleep, false);
	atomic_init(&w->stop, false);
	sem_init(&w->started, 0, 0);
	vs_worker_set_watch(w->vsw, watch, w);
	vs_worker_set_wake(w->vsw, wake_worker);
	rc = create_thread(w);
	if (rc)
		goto close_descriptors;
	return 0;
close_descriptors:
	close(w->wake_fd);
	close(w->epoll_fd);
destroy_vsw:
	vs_worker_destroy(w->vsw);
	return rc;
}

static void worker_stop(struct worker *w)
{
	atomic_store_explicit(&w->stop, true, memory_order_seq_cst);
	wake(w);
	pthread_join(w->thread, NULL);
	vs_worker_destroy(w->vsw);
	close(w->wake_fd);
	close(w->epoll_fd);
}

static unsigned count(const struct cp_workers *ws)
{
	return atomic_load_explicit(&ws->n, memory_order_acquire);
}

/* ---- how many --------------------------------------------------------------------- */

unsigned cp_workers_default(void)
{
	cpu_set_t mine;
	unsigned n;

	if (sched_getaffinity(0, sizeof(mine), &mine) < 0)
		return 1;
	n = (unsigned)CPU_COUNT(&mine);
	if (n <= 2)
		return 1;
	return n - 1 > VS_WORKERS_MAX ? VS_WORKERS_MAX : n - 1;
}

static int grow(struct cp_workers *ws, unsigned n)
{
	while (count(ws) < n) {
		int rc = worker_start(&ws->worker[count(ws)], ws->prepare);

		if (rc)
			return rc;
		/* release: complete before it is seen */
		atomic_store_explicit(&ws->n, count(ws) + 1, memory_order_release);
	}
	return 0;
}

static struct vs_worker *fewest(struct cp_workers *ws, unsigned n)
{
	struct vs_worker *best = NULL;

	for (unsigned i = 0; i < n; i++) {
		struct vs_worker *w = ws->worker[(ws->next + i) % n].vsw;

		if (!best || vs_worker_ports(w) < vs_worker_ports(best))
			best = w;
	}
	ws->next++;
	return best;
}

/* Is it pinned, and the worker one of the first n? */
static bool pinned_among(const struct vs_port_load *l, unsigned n)
{
	return l->pinned && l->pinned <= n;
}

static struct vs_worker *place(struct cp_workers *ws, struct vs_port *p, unsigned n)
{
	const struct vs_port_load *l = p ? vs_port_load(p) : NULL;

	return l && pinned_among(l, n) ? ws->worker[l->pinned - 1].vsw : fewest(ws, n);
}

static int give_away(struct cp_workers *ws, unsigned last)
{
	struct vs_port *p;

	while ((p = vs_worker_port(ws->worker[last].vsw))) {
		int rc = vs_port_assign(p, place(ws, p, last));

		if (rc)
			return rc;
	}
	return 0;
}

static int shrink(struct cp_workers *ws, unsigned n)
{
	while (count(ws) > n) {
		unsigned last = count(ws) - 1;
		int rc = give_away(ws, last);

		if (rc)
			return rc;
		atomic_store_explicit(&ws->n, last, memory_order_release);
		/* Workers in cp_workers_wake may still see it. */
		synchronize_rcu();
		worker_stop(&ws->worker[last]);
	}
	return 0;
}

/* The first of its ports that may be moved, or NULL. */
static struct vs_port *movable(struct cp_workers *ws, const struct vs_worker *w)
{
	struct vs_port *p = vs_worker_port(w);

	while (p && pinned_among(vs_port_load(p), count(ws)))
		p = vs_port_next(p);
	return p;
}

/* As many ports to each, give or take one: what they cost is not known for the new places. */
static int spread(struct cp_workers *ws)
{
	for (;;) {
		struct vs_worker *most = NULL, *least = NULL;
		int rc;

		for (unsigned i = 0; i < count(ws); i++) {
			struct vs_worker *w = ws->worker[i].vsw;

			if ((!most || vs_worker_ports(w) > vs_worker_ports(most)) && movable(ws, w))
				most = w;
			if (!least || vs_worker_ports(w) < vs_worker_ports(least))
				least = w;
		}
		if (!most || vs_worker_ports(most) < vs_worker_ports(least) + 2)
			return 0;
		rc = vs_port_assign(movable(ws, most), least);
		if (rc)
			return rc;
	}
}

/* Pinned ports to workers that were not there before. */
static int settle(struct cp_workers *ws)
{
	for (unsigned i = 0; i < count(ws); i++) {
		struct vs_port *p = vs_worker_port(ws->worker[i].vsw), *next;

		for (; p; p = next) {
			int rc;

			next = vs_port_next(p);
			if (!pinned_among(vs_port_load(p), count(ws)))
				continue;
			rc = vs_port_assign(p, place(ws, p, count(ws)));
			if (rc)
				return rc;
		}
	}
	return 0;
}

struct cp_workers *cp_workers_start(unsigned n, int (*prepare)(void))
{
	struct cp_workers *ws;
	int rc;

	if (n == 0 || n > VS_WORKERS_MAX) {
		errno = EINVAL;
		return NULL;
	}
	ws = calloc(1, sizeof(*ws));
	if (!ws)
		return NULL;
	ws->prepare = prepare;
	ws->stamp = cycles_now();
	rc = grow(ws, n);
	if (rc) {
		cp_workers_stop(ws);
		errno = -rc;
		return NULL;
	}
	return ws;
}

void cp_workers_stop(struct cp_workers *ws)
{
	if (!ws)
		return;
	for (unsigned i = 0; i < count(ws); i++)
		worker_stop(&ws->worker[i]);
	free(ws);
}

/* ---- where ------------------------------------------------------------------------- */

/* The i-th of a set that is not empty. */
static unsigned pick_cpu(const cpu_set_t *cpus, unsigned i)
{
	unsigned cpu = 0;

	for (i %= (unsigned)CPU_COUNT(cpus);; cpu++)
		if (CPU_ISSET(cpu, cpus) && i-- == 0)
			return cpu;
}

static int bind_worker(struct worker *w, const cpu_set_t *cpus, unsigned i)
{
	cpu_set_t set;
	int rc;

	if (!cpus && w->cpu < 0)
		return 0;
	/* Set free is what the control thread is. */
	if (!cpus && sched_getaffinity(0, sizeof(set), &set) < 0)
		return -errno;
	if (cpus) {
		CPU_ZERO(&set);
		CPU_SET(pick_cpu(cpus, i), &set);
	}
	rc = pthread_setaffinity_np(w->thread, sizeof(set), &set);
	if (!rc)
		w->cpu = cpus ? (int)pick_cpu(cpus, i) : -1;
	return -rc;
}

int cp_workers_set(struct cp_workers *ws, unsigned n, const cpu_set_t *cpus)
{
	bool more;
	int rc;

	if (n == 0 || n > VS_WORKERS_MAX || (cpus && !CPU_COUNT(cpus)))
		return -EINVAL;
	more = n > count(ws);
	rc = grow(ws, n);
	if (!rc && more)
		rc = settle(ws);
	if (!rc)
		rc = more ? spread(ws) : shrink(ws, n);
	for (unsigned i = 0; i < count(ws); i++) {
		int bound = bind_worker(&ws->worker[i], cpus, i);

		if (!rc)
			rc = bound;
	}
	return rc;
}

struct vs_worker *cp_workers_pick(struct cp_workers *ws, struct vs_port *p)
{
	return place(ws, p, count(ws));
}

void cp_workers_wake(struct cp_workers *ws)
{
	/* seq_cst: what the caller put into a queue comes before the look at asleep. */
	atomic_thread_fence(memory_order_seq_cst);
	for (unsigned i = 0; i < count(ws); i++) {
		if (atomic_load_explicit(&ws->worker[i].asleep, memory_order_seq_cst))
			wake(&ws->worker[i]);
	}
}

/* ---- loads -------------------------------------------------------------------------- */

static uint32_t permille(uint64_t part, uint64_t whole)
{
	return whole ? (uint32_t)(part * 1000 / whole) : 0;
}

static void take_load(struct worker *w, uint64_t elapsed)
{
	uint64_t busy, idle;
	bool worked;

	vs_worker_cycles(w->vsw, &busy, &idle);
	worked = busy != w->busy;
	w->busy_permille = permille(busy - w->busy, elapsed);
	w->idle_permille = permille(idle - w->idle, elapsed);
	w->busy = busy;
	w->idle = idle;
	for (struct vs_port *p = vs_worker_port(w->vsw); p; p = vs_port_next(p)) {
		struct vs_port_load *l = vs_port_load(p);
		struct vs_port_work work = {.cycles = l->cycles};

		/* Counters lie in many lines: an idle switch of 2048 ports does not read them. */
		if (worked)
			vs_port_work(p, &work);
		l->permille = permille(work.cycles - l->cycles, elapsed);
		l->cycles = work.cycles;
	}
}

/* All ports, flat. Return: their number; 0: no memory, which can wait. */
static unsigned list_ports(struct cp_workers *ws, uint32_t now_s, struct vs_port ***ports,
			   struct cp_balance_port **list)
{
	unsigned n = 0, at = 0;

	for (unsigned i = 0; i < count(ws); i++)
		n += vs_worker_ports(ws->worker[i].vsw);
	*ports = calloc(n + 1, sizeof(**ports));
	*list = calloc(n + 1, sizeof(**list));
	if (!*ports || !*list)
		return 0;
	for (unsigned i = 0; i < count(ws); i++)
		for (struct vs_port *p = vs_worker_port(ws->worker[i].vsw); p;
		     p = vs_port_next(p)) {
			const struct vs_port_load *l = vs_port_load(p);

			(*ports)[at] = p;
			(*list)[at++] = (struct cp_balance_port){
				.worker = i,
				.permille = l->permille,
				.fixed = pinned_among(l, count(ws)) ||
					 (l->moved_s && now_s - l->moved_s < SETTLE_S)};
		}
	return at;
}

void cp_workers_tick(struct cp_workers *ws, uint32_t now_s)
{
	uint64_t now = cycles_now(), elapsed = now - ws->stamp;
	struct cp_balance_port *list;
	struct vs_port **ports;
	unsigned n, to;
	int i;

	ws->stamp = now;
	for (unsigned w = 0; w < count(ws); w++)
		take_load(&ws->worker[w], elapsed);
	if (count(ws) < 2)
		return;
	n = list_ports(ws, now_s, &ports, &list);
	i = cp_balance(list, n, count(ws), &to);
	if (i >= 0 && !vs_port_assign(ports[i], ws->worker[to].vsw)) {
		vs_port_load(ports[i])->moved_s = now_s;
		ws->worker[to].moved++;
	}
	free(ports);
	free(list);
}

static uint64_t get(const _Atomic uint64_t *c)
{
	return atomic_load_explicit(c, memory_order_relaxed);
}

bool cp_worker_info(const struct cp_workers *ws, unsigned i, struct cp_worker_info *out)
{
	const struct worker *w = &ws->worker[i];

	if (i >= count(ws))
		return false;
	*out = (struct cp_worker_info){
		.vsw = w->vsw,
		.cpu = w->cpu,
		.busy_permille = w->busy_permille,
		.idle_permille = w->idle_permille,
		.sleeps = get(&w->sleeps),
		.woken_by_ports = get(&w->woken_by_ports),
		.woken_by_zland = get(&w->woken_by_zland),
		.moved = w->moved,
	};
	vs_worker_cycles(w->vsw, &out->busy_cycles, &out->idle_cycles);
	return true;
}
