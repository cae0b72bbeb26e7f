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
 * Threads: epoll sets are changed by the control thread (watch) while the worker waits; the
 * kernel serialises that. All else here belongs to one side or is atomic.
 */
#include "cp/worker.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>
#include <urcu-qsbr.h>

#define SPIN_MIN_NS 2000
#define SPIN_MAX_NS 50000
#define EVENTS 16

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
};

struct cp_workers {
	unsigned n;
	unsigned next;
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

/* Poll until there has been nothing for spin_ns. Return: true if there was something. */
static bool run_busy(struct worker *w, uint64_t spin_ns)
{
	uint64_t idle_since = 0;
	bool rewarded = false;

	while (!atomic_load_explicit(&w->stop, memory_order_relaxed)) {
		unsigned n = vs_worker_poll(w->vsw);

		rcu_quiescent_state();
		if (n) {
			rewarded = true;
			idle_since = 0;
			continue;
		}
		if (!idle_since)
			idle_since = now_ns();
		else if (now_ns() - idle_since >= spin_ns)
			break;
		cpu_relax();
	}
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

static void wait_for_events(struct worker *w)
{
	struct epoll_event ev[EVENTS];
	uint64_t count;
	int n;

	rcu_thread_offline();
	n = wait_patiently(w, ev);
	rcu_thread_online();
	for (int i = 0; i < n; i++) {
		if (ev[i].data.fd == w->wake_fd && read(w->wake_fd, &count, sizeof(count)) < 0)
			continue;
	}
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

static void *worker_main(void *arg)
{
	struct worker *w = arg;
	uint64_t spin_ns = SPIN_MIN_NS;

	w->prepared = w->prepare ? w->prepare() : 0;
	sem_post(&w->started);
	if (w->prepared)
		return NULL;
	rcu_register_thread();
	while (!atomic_load_explicit(&w->stop, memory_order_seq_cst)) {
		if (run_busy(w, spin_ns))
			spin_ns = spin_ns * 2 > SPIN_MAX_NS ? SPIN_MAX_NS : spin_ns * 2;
		else
			spin_ns = spin_ns / 2 < SPIN_MIN_NS ? SPIN_MIN_NS : spin_ns / 2;
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

	if (fd < 0)
		return;
	if (!added) {
		epoll_ctl(w->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
		return;
	}
	if (epoll_ctl(w->epoll_fd, EPOLL_CTL_ADD, fd, &ev) < 0 && errno == EEXIST)
		epoll_ctl(w->epoll_fd, EPOLL_CTL_MOD, fd, &ev);
	/* The new port is not armed: let the worker come round. */
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
	for (ws->n = 0; ws->n < n; ws->n++) {
		rc = worker_start(&ws->worker[ws->n], prepare);
		if (rc) {
			cp_workers_stop(ws);
			errno = -rc;
			return NULL;
		}
	}
	return ws;
}

void cp_workers_stop(struct cp_workers *ws)
{
	if (!ws)
		return;
	for (unsigned i = 0; i < ws->n; i++)
		worker_stop(&ws->worker[i]);
	free(ws);
}

struct vs_worker *cp_workers_pick(struct cp_workers *ws)
{
	return ws->worker[ws->next++ % ws->n].vsw;
}

void cp_workers_wake(struct cp_workers *ws)
{
	/* seq_cst: what the caller put into a queue comes before the look at asleep. */
	atomic_thread_fence(memory_order_seq_cst);
	for (unsigned i = 0; i < ws->n; i++) {
		if (atomic_load_explicit(&ws->worker[i].asleep, memory_order_seq_cst))
			wake(&ws->worker[i]);
	}
}
