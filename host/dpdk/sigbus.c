/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A guest shares its memory as a file, and may shorten the file at any time: whoever then reads
 * behind its end is sent SIGBUS, which ends the process. Here the page is replaced by
 * an empty one instead, so that the guest's fault costs the guest only.
 *
 * Table: written by the threads that take and lose a guest's memory, each its own slot; read
 * by the handler on the thread that tripped. A stale entry does no harm.
 */
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

#include "host/dpdk/dpdk_priv.h"
#include "host/vring.h"

#define PER_SLOT 8 /* Source: librte_vhost: VHOST_MEMORY_MAX_NREGIONS */

struct guarded {
	_Atomic uintptr_t begin, end;
};
/* A signal handler has no context to keep this in. */
static struct guarded guarded[SIGBUS_SLOTS][PER_SLOT];

static bool is_guarded(uintptr_t a)
{
	for (unsigned i = 0; i < SIGBUS_SLOTS; i++)
		for (unsigned k = 0; k < PER_SLOT; k++)
			if (a >= atomic_load(&guarded[i][k].begin) &&
			    a < atomic_load(&guarded[i][k].end))
				return true;
	return false;
}

/* Of the sizes a page may have there the one that fits. */
static bool replace_page(uintptr_t a)
{
	static const uintptr_t size[] = {1u << 12, 1u << 21, 1u << 30};

	for (unsigned i = 0; i < sizeof(size) / sizeof(size[0]); i++) {
		void *page = mmap((void *)(a & ~(size[i] - 1)), size[i], PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0);

		if (page != MAP_FAILED)
			return true;
	}
	return false;
}

static void on_sigbus(int sig, siginfo_t *si, void *ctx)
{
	uintptr_t a = (uintptr_t)si->si_addr;

	(void)ctx;
	if (!is_guarded(a) || !replace_page(a))
		signal(sig, SIG_DFL); /* the instruction is tried again, and that is the end */
}

static void install(void)
{
	struct sigaction sa = {.sa_sigaction = on_sigbus, .sa_flags = SA_SIGINFO | SA_RESTART};
	static atomic_bool done;

	if (atomic_exchange(&done, true))
		return;
	sigemptyset(&sa.sa_mask);
	sigaction(SIGBUS, &sa, NULL);
}

void sigbus_guard(unsigned slot, const struct vring_mem *mem)
{
	install();
	for (unsigned k = 0; k < PER_SLOT; k++) {
		const struct vring_region *r = mem && k < mem->n ? &mem->region[k] : NULL;

		/* Never a wrong range in between: it is empty first. */
		atomic_store(&guarded[slot][k].end, 0);
		atomic_store(&guarded[slot][k].begin, r ? (uintptr_t)r->va : 0);
		atomic_store(&guarded[slot][k].end, r ? (uintptr_t)r->va + r->size : 0);
	}
}
