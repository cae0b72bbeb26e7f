/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plug-in's main file: DPDK's environment abstraction layer, and the table zland finds.
 *
 * Theory of operation
 *
 * Goal: any device DPDK has a driver for as a port of a virtual switch (port.c), and guests
 * with vhost-user (vhost.c), in a zland that
 * neither needs nor notices DPDK otherwise.
 *
 * The EAL is a process-wide thing that is started once and never again. It is told to keep to
 * itself: memory without files (--in-memory), without huge pages where none are free, no telemetry
 * socket, one lcore, errors only in the log. It would move the calling thread to that lcore's CPU;
 * the thread's affinity is put back. zland's workers are no lcores: memory pools serve them
 * without a per-lcore cache, which costs one exchange on a ring for a burst.
 *
 * Threads: the EAL makes one of its own for interrupts and alarms, and one for vhost-user sockets
 * (vhost.c). Each gives up its privileges (host_dpdk_start.confine) before it works for
 * anybody: the first by an alarm that runs on it, the second when a guest connects.
 *
 * All ports share one pool of mbufs, but for af_xdp. Limits: POOL_MBUFS of them, of MBUF_ROOM
 * bytes.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <rte_alarm.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_log.h>
#include <rte_mbuf.h>
#include <rte_mbuf_pool_ops.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "host/dpdk/dpdk_priv.h"

#define POOL_MBUFS 16383u /* one less than a power of two: Source: rte_mempool_create */
#define PAGE_POOL_MBUFS 8191u
#define PAGE_BYTES 4096u
#define MEMORY_MB "128" /* without huge pages: the pool, and drivers' structures */
#define PAGES_2M 64	/* as much */
#define ARGS_MAX 64
#define ARGS_BYTES 1024

static struct {
	bool started;
	int failed; /* -errno: it does not start a second time */
	bool pci;
	int (*confine)(void);
	struct rte_mempool *pool;
	char text[ARGS_BYTES]; /* the EAL keeps pointers to its arguments */
	char *argv[ARGS_MAX + 1];
	int argc;
} eal;

struct rte_mempool *eal_pool(void)
{
	return eal.pool;
}

bool eal_has_pci(void)
{
	return eal.pci;
}

/* ---- arguments ------------------------------------------------------------------------- */

static void put_arg(char *arg)
{
	if (eal.argc < ARGS_MAX)
		eal.argv[eal.argc++] = arg;
}

/* Does one of the words begin with the option? */
static bool given(const char *option)
{
	for (int i = 0; i < eal.argc; i++)
		if (strncmp(eal.argv[i], option, strlen(option)) == 0)
			return true;
	return false;
}

/* Does the file name a number as large? */
static bool file_has(const char *path, unsigned long least)
{
	FILE *f = fopen(path, "re");
	unsigned long n = 0;

	if (!f)
		return false;
	if (fscanf(f, "%lu", &n) != 1)
		n = 0;
	fclose(f);
	return n >= least;
}

static bool huge_pages(void)
{
	return file_has("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", PAGES_2M) ||
	       file_has("/sys/kernel/mm/hugepages/hugepages-1048576kB/free_hugepages", 1);
}

/* "0000:03:00.0" or "03:00.0", with anything behind a comma. */
bool is_pci(const char *device)
{
	unsigned domain, bus, dev, fn;

	return sscanf(device, "%x:%x:%x.%x", &domain, &bus, &dev, &fn) == 4 ||
	       sscanf(device, "%x:%x.%x", &bus, &dev, &fn) == 3;
}

void eal_device_name(const char *device, char *name, size_t cap)
{
	static const char word[] = ",queues=";
	const char *at = is_pci(device) ? strstr(device, word) : NULL;

	if (!at) {
		snprintf(name, cap, "%s", device);
		return;
	}
	snprintf(name, cap, "%.*s%s", (int)(at - device), device,
		 at + sizeof(word) - 1 + strspn(at + sizeof(word) - 1, "0123456789"));
}

static unsigned first_cpu(const cpu_set_t *set)
{
	for (unsigned i = 0; i < CPU_SETSIZE; i++)
		if (CPU_ISSET(i, set))
			return i;
	return 0;
}

/* What was asked for, and defaults for the rest. Return: 0 or -E2BIG. */
static int make_args(const struct host_dpdk_start *s, const cpu_set_t *cpus)
{
	static char name[] = "zland", in_memory[] = "--in-memory", no_shconf[] = "--no-shconf",
		    no_huge[] = "--no-huge", mem[] = "-m", mb[] = MEMORY_MB,
		    one_file[] = "--single-file-segments", no_tele[] = "--no-telemetry",
		    quiet[] = "--log-level=error", no_pci[] = "--no-pci", lcores[32],
		    allow[] = "-a";
	static char device[256];
	char *save = NULL;

	if (strlen(s->args) >= sizeof(eal.text))
		return -E2BIG;
	eal.argc = 0;
	put_arg(name);
	snprintf(eal.text, sizeof(eal.text), "%s", s->args);
	for (char *w = strtok_r(eal.text, " ", &save); w; w = strtok_r(NULL, " ", &save))
		put_arg(w);
	put_arg(no_tele);
	if (!given("--log-level"))
		put_arg(quiet);
	if (!given("-l") && !given("-c") && !given("--lcores")) {
		snprintf(lcores, sizeof(lcores), "--lcores=0@%u", first_cpu(cpus));
		put_arg(lcores);
	}
	if (!given("--no-huge") && !huge_pages())
		put_arg(no_huge);
	/* Source: EAL 22.11: --no-huge and --in-memory exclude each other. */
	put_arg(given("--no-huge") ? no_shconf : in_memory);
	/* virtio_user shows its memory to the other side by at most eight files. */
	if (!given("--no-huge") && !given("--single-file-segments"))
		put_arg(one_file);
	if (given("--no-huge") && !given("-m")) {
		put_arg(mem);
		put_arg(mb);
	}
	eal.pci = is_pci(s->device) || given("-a") || given("-b") || given("--allow");
	if (!eal.pci) {
		put_arg(no_pci);
	} else if (!given("-a") && !given("-b") && !given("--allow")) {
		eal_device_name(s->device, device, sizeof(device));
		put_arg(allow);
		put_arg(device);
	}
	return eal.argc < ARGS_MAX ? 0 : -E2BIG;
}

/* ---- start ------------------------------------------------------------------------------ */

void eal_confine_thread(void)
{
	static _Thread_local bool done;

	if (done || !eal.confine)
		return;
	done = true;
	if (eal.confine())
		fputs("A thread of DPDK keeps its privileges\n", stderr);
}

static void on_alarm(void *arg)
{
	(void)arg;
	eal_confine_thread();
}

static int make_pool(void)
{
	eal.pool = rte_pktmbuf_pool_create("zlan", POOL_MBUFS, 0, 0,
					   RTE_PKTMBUF_HEADROOM + MBUF_ROOM, SOCKET_ID_ANY);
	return eal.pool ? 0 : -rte_errno;
}

/*
 * The kernel's memory for af_xdp is a pool's from its first byte on, as many bytes as the objects
 * have together; but no object crosses a page, and the last ones would lie behind the end: what is
 * sent from there is lost. So each is a page.
 * Source: drivers/net/af_xdp 22.11, xdp_umem_configure; rte_mempool_op_calc_mem_size_helper.
 */
struct rte_mempool *eal_page_pool(const char *name)
{
	uint16_t room = PAGE_BYTES - sizeof(struct rte_mbuf) - RTE_CACHE_LINE_SIZE;
	struct rte_pktmbuf_pool_private priv = {.mbuf_data_room_size = room};
	struct rte_mempool *mp =
		rte_mempool_create_empty(name, PAGE_POOL_MBUFS, sizeof(struct rte_mbuf) + room, 0,
					 sizeof(priv), SOCKET_ID_ANY, RTE_MEMPOOL_F_NO_SPREAD);

	if (!mp)
		return NULL;
	rte_pktmbuf_pool_init(mp, &priv);
	if (rte_mempool_set_ops_byname(mp, rte_mbuf_best_mempool_ops(), NULL) ||
	    rte_mempool_populate_default(mp) < 0) {
		rte_mempool_free(mp);
		rte_errno = ENOMEM;
		return NULL;
	}
	rte_mempool_obj_iter(mp, rte_pktmbuf_init, NULL);
	return mp;
}

/* At a wrong argument DPDK prints its usage, three screens of it. Return: what to give to loud, or
 * -1. */
static int hush(void)
{
	int saved = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0),
	    null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	fflush(stdout);
	if (saved >= 0 && null >= 0)
		dup2(null, STDOUT_FILENO);
	if (null >= 0)
		close(null);
	return saved;
}

static void loud(int saved)
{
	if (saved < 0)
		return;
	fflush(stdout);
	dup2(saved, STDOUT_FILENO);
	close(saved);
}

/* A card is shown all memory of DPDK's, which is locked for it; without privilege, too, when it
 * comes back. */
static void allow_locking(void)
{
	struct rlimit all = {.rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY};

	(void)setrlimit(RLIMIT_MEMLOCK, &all);
}

static int init(const struct host_dpdk_start *s)
{
	cpu_set_t cpus;
	int rc, out;

	pthread_getaffinity_np(pthread_self(), sizeof(cpus), &cpus);
	rc = make_args(s, &cpus);
	if (rc)
		return rc;
	if (eal.pci)
		allow_locking();
	rte_openlog_stream(stderr);
	out = hush();
	rc = rte_eal_init(eal.argc, eal.argv) < 0 ? -rte_errno : 0;
	loud(out);
	pthread_setaffinity_np(pthread_self(), sizeof(cpus), &cpus);
	return rc;
}

static int start(const struct host_dpdk_start *s, char *err, size_t err_len)
{
	int rc;

	if (eal.pool)
		return 0;
	if (!eal.started) {
		eal.failed = eal.failed ? eal.failed : init(s);
		if (eal.failed) {
			snprintf(err, err_len, "DPDK does not start: %s; the log says more",
				 rte_strerror(-eal.failed));
			return eal.failed;
		}
		eal.started = true;
		eal.confine = s->confine;
		/* It runs on the interrupt thread. */
		rte_eal_alarm_set(1, on_alarm, NULL);
	}
	rc = make_pool();
	if (rc)
		snprintf(err, err_len, "DPDK has no memory for frames: %s; SET DPDK ARGS \"-m MB\"",
			 rte_strerror(-rc));
	return rc;
}

extern const struct host_dpdk zlan_dpdk __attribute__((visibility("default")));
const struct host_dpdk zlan_dpdk = {
	.abi = HOST_DPDK_ABI,
	.start = start,
	.port_open = dpdk_port_open,
	.port_close = dpdk_port_close,
	.port_ops = &dpdk_port_ops,
	.port_event_fd = dpdk_port_event_fd,
	.port_state = dpdk_port_state,
	.port_info = dpdk_port_info,
	.port_statistics = dpdk_port_statistics,
	.vhost_open = vhost_open,
	.vhost_close = vhost_close,
	.vhost_ops = &vhost_port_ops,
	.vhost_event_fd = vhost_event_fd,
	.vhost_up = vhost_up,
	.vhost_pairs = vhost_pairs,
};
