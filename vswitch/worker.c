/* SPDX-License-Identifier: Apache-2.0 */
/* Workers: the ports each one serves, polling and going to sleep. */
#include "vswitch/vs_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "common/cycles.h"

static uint64_t monotonic_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* Ids are given out once and reused: counters are kept by id. */
static atomic_uint ids_in_use;

static int take_id(void)
{
	unsigned used = atomic_load(&ids_in_use);

	for (;;) {
		unsigned free_ids = ~used & ((1u << VS_WORKERS_MAX) - 1);

		if (!free_ids)
			return -ENOSPC;
		if (atomic_compare_exchange_weak(&ids_in_use, &used, used | (free_ids & -free_ids)))
			return __builtin_ctz(free_ids);
	}
}

/* Quiet ports that are looked at in a round, beside all lively ones. */
#define QUIET_A_ROUND 32u
#define MISSES_MAX 64u

static void set_lively(struct port_list *list, unsigned i)
{
	atomic_fetch_or_explicit(&list->lively[i / 64], UINT64_C(1) << (i % 64),
				 memory_order_relaxed);
}

static bool is_lively(const struct port_list *list, unsigned i)
{
	return atomic_load_explicit(&list->lively[i / 64], memory_order_relaxed) >> (i % 64) & 1;
}

/* Return: an empty list of n slots in one block of memory, or NULL. */
static struct port_list *list_create(unsigned n)
{
	size_t ports = sizeof(struct port_list) + n * sizeof(_Atomic(struct vs_port *));
	size_t bits = (n + 63) / 64 * sizeof(_Atomic uint64_t);
	struct port_list *list = calloc(1, ports + bits + n);

	if (!list)
		return NULL;
	list->n = n;
	list->lively = (_Atomic uint64_t *)(void *)((uint8_t *)list + ports);
	list->misses = (uint8_t *)list + ports + bits;
	return list;
}

static struct vs_worker *alloc(void)
{
	struct vs_worker *w = aligned_alloc(64, (sizeof(*w) + 63) & ~(size_t)63);

	if (!w)
		return NULL;
	memset(w, 0, offsetof(struct vs_worker, out));
	memset(w->out_of, 0xFF, sizeof(w->out_of));
	w->burst.worker = w;
	w->cut.worker = w;
	w->queued.worker = w;
	return w;
}

/* One that serves no ports: for frames of the control thread. To be freed by free(). */
struct vs_worker *worker_hand(void)
{
	struct vs_worker *w = alloc();

	if (!w)
		return NULL;
	w->id = VS_WORKERS_MAX;
	w->clock_ns = monotonic_ns;
	w->due_ns = UINT64_MAX;
	return w;
}

struct vs_worker *vs_worker_create(void)
{
	struct vs_worker *w = alloc();
	int id;

	if (!w)
		return NULL;
	atomic_init(&w->ports, list_create(0));
	id = take_id();
	if (id < 0 || !atomic_load(&w->ports)) {
		errno = id < 0 ? -id : ENOMEM;
		free(atomic_load(&w->ports));
		free(w);
		return NULL;
	}
	w->id = (unsigned)id;
	w->clock_ns = monotonic_ns;
	w->due_ns = UINT64_MAX;
	LIST_INIT(&w->assigned);
	w->stamp = cycles_now();
	return w;
}

void vs_worker_destroy(struct vs_worker *w)
{
	if (!w)
		return;
	atomic_fetch_and(&ids_in_use, ~(1u << w->id));
	free(atomic_load(&w->ports));
	free(w);
}

void vs_worker_set_watch(struct vs_worker *w, vs_worker_watch_fn *fn, void *ctx)
{
	w->watch = fn;
	w->watch_ctx = ctx;
}

void vs_worker_set_wake(struct vs_worker *w, void (*wake)(void *ctx))
{
	w->wake = wake;
}

uint64_t vs_worker_patience(struct vs_worker *w)
{
	uint64_t now;

	if (w->due_ns == UINT64_MAX)
		return UINT64_MAX;
	now = w->clock_ns();
	return w->due_ns > now ? w->due_ns - now : 0;
}

static struct port_list *list_of(struct vs_worker *w)
{
	return atomic_load_explicit(&w->ports, memory_order_acquire);
}

unsigned vs_worker_ports(const struct vs_worker *w)
{
	return w->n_assigned;
}

struct vs_port *vs_worker_port(const struct vs_worker *w)
{
	return LIST_FIRST(&w->assigned);
}

void vs_worker_cycles(const struct vs_worker *w, uint64_t *busy, uint64_t *idle)
{
	*busy = atomic_load_explicit(&w->busy, memory_order_relaxed);
	*idle = atomic_load_explicit(&w->idle, memory_order_relaxed);
}

static bool take_slot(struct port_list *list, struct vs_port *p)
{
	for (unsigned i = 0; i < list->n; i++)
		if (!atomic_load_explicit(&list->port[i], memory_order_relaxed)) {
			atomic_store_explicit(&list->port[i], p, memory_order_release);
			set_lively(list, i);
			return true;
		}
	return false;
}

/* A longer list with room for more; the old one is freed when no worker reads it. */
static int grow(struct vs_worker *w)
{
	struct port_list *old = list_of(w);
	unsigned n = old->n ? 2 * old->n : 4;
	struct port_list *list = list_create(n);

	if (!list)
		return -ENOMEM;
	for (unsigned i = 0; i < old->n; i++) {
		atomic_init(&list->port[i], atomic_load(&old->port[i]));
		set_lively(list, i);
	}
	atomic_store_explicit(&w->ports, list, memory_order_release);
	synchronize_rcu();
	free(old);
	return 0;
}

/* Make sure that the next worker_add succeeds. Return: 0 or -ENOMEM. */
int worker_reserve(struct vs_worker *w)
{
	struct port_list *list = list_of(w);

	for (unsigned i = 0; i < list->n; i++)
		if (!atomic_load_explicit(&list->port[i], memory_order_relaxed))
			return 0;
	return grow(w);
}

int worker_add(struct vs_worker *w, struct vs_port *p)
{
	int rc = worker_reserve(w);

	if (rc)
		return rc;
	p->fd = p->ops->wait_fd(p->ctx);
	take_slot(list_of(w), p);
	if (w->watch)
		w->watch(w->watch_ctx, p->fd, true);
	return 0;
}

void worker_del(struct vs_worker *w, struct vs_port *p)
{
	struct port_list *list = list_of(w);

	for (unsigned i = 0; i < list->n; i++)
		if (atomic_load_explicit(&list->port[i], memory_order_relaxed) == p)
			atomic_store_explicit(&list->port[i], NULL, memory_order_release);
	if (w->watch)
		w->watch(w->watch_ctx, p->fd, false);
	synchronize_rcu();
}

static struct vs_port *port_at(struct port_list *list, unsigned i)
{
	return atomic_load_explicit(&list->port[i], memory_order_acquire);
}

/* One reading of the clock for a burst: what empty looks took before it is the burst's. */
static uint64_t lap(struct vs_worker *w)
{
	uint64_t now = cycles_now(), took = now - w->stamp;

	w->stamp = now;
	return took;
}

static unsigned look(struct vs_worker *w, struct port_list *list, unsigned i)
{
	struct vs_port *p = port_at(list, i);
	unsigned n = p ? burst_forward(w, p) : 0;
	uint64_t took;

	if (!n)
		return 0;
	took = lap(w);
	count(&p->counters[w->id].bursts, 1);
	count(&p->counters[w->id].busy, took);
	count(&w->busy, took);
	return n;
}

/*
 * The lively ports of slots from .. to.
 * @first: set to the slot behind the first one that had frames, once.
 */
static unsigned serve(struct vs_worker *w, struct port_list *list, unsigned from, unsigned to,
		      unsigned *first)
{
	unsigned sum = 0;

	for (unsigned i = from; i < to; i++) {
		uint64_t bits = atomic_load_explicit(&list->lively[i / 64], memory_order_relaxed) >>
				(i % 64);
		unsigned n;

		if (!bits) {
			i |= 63;
			continue;
		}
		i += (unsigned)__builtin_ctzll(bits);
		if (i >= to)
			break;
		n = look(w, list, i);
		if (n) {
			list->misses[i] = 0;
			if (!*first)
				*first = i + 1;
			sum += n;
		} else if (++list->misses[i] >= MISSES_MAX) {
			atomic_fetch_and_explicit(&list->lively[i / 64], ~(UINT64_C(1) << (i % 64)),
						  memory_order_relaxed);
		}
	}
	return sum;
}

/* The next of the quiet ports: a thousand of them must not cost the few that are busy. */
static unsigned serve_quiet(struct vs_worker *w, struct port_list *list)
{
	unsigned looks = list->n < QUIET_A_ROUND ? list->n : QUIET_A_ROUND, sum = 0;

	while (looks--) {
		unsigned i = w->quiet < list->n ? w->quiet : 0, n;

		w->quiet = i + 1;
		if (is_lively(list, i))
			continue;
		n = look(w, list, i);
		if (n) {
			list->misses[i] = 0;
			set_lively(list, i);
			sum += n;
		}
	}
	return sum;
}

/*
 * Each time another of the ports with frames is the first: the room of a full receiver is not
 * always the same one's.
 */
unsigned vs_worker_poll(struct vs_worker *w)
{
	struct port_list *list = list_of(w);
	unsigned from = w->first < list->n ? w->first : 0, first = 0;
	unsigned n = serve(w, list, from, list->n, &first);

	n += serve(w, list, 0, from, &first);
	n += serve_quiet(w, list);
	if (!n)
		count(&w->idle, lap(w));
	else if (first)
		w->first = first;
	return n;
}

bool vs_worker_arm(struct vs_worker *w)
{
	struct port_list *list = list_of(w);
	bool work = false;

	w->due_ns = UINT64_MAX;
	for (unsigned i = 0; i < list->n; i++) {
		struct vs_port *p = port_at(list, i);
		struct shaper *s =
			p ? atomic_load_explicit(&p->shaper, memory_order_acquire) : NULL;

		if (p && (s ? shape_arm(w, p, s) : p->ops->arm(p->ctx))) {
			work = true;
			list->misses[i] = 0;
			set_lively(list, i);
		}
	}
	return work;
}

void vs_worker_disarm(struct vs_worker *w)
{
	struct port_list *list = list_of(w);

	for (unsigned i = 0; i < list->n; i++) {
		struct vs_port *p = port_at(list, i);

		if (p)
			p->ops->disarm(p->ctx);
	}
	/* What was slept was neither. */
	w->stamp = cycles_now();
}
