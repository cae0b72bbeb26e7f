/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Confinement: capabilities (libcap-ng) and a filter of system calls (libseccomp).
 *
 * The list allows what the C library, libevent, liburcu, io_uring, netlink, the account
 * database and our own code use. What is missing from it on purpose: starting programs, tracing,
 * changing users, mounts, namespaces, modules, keys, BPF. io_uring carries out its requests
 * without the filter; none of its operations starts a program or changes a user either.
 *
 * A refused call returns EPERM as any failed call does; the caller copes or reports. The line in
 * the log comes from a SIGSYS handler, once per system call number.
 */
#include "cp/confine.h"

#include <cap-ng.h>
#include <errno.h>
#include <seccomp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>

static const char *const allowed[] = {
	/* memory, threads, time */
	"brk",
	"mmap",
	"munmap",
	"mprotect",
	"mremap",
	"madvise",
	"membarrier",
	"get_mempolicy", /* DPDK asks on which node its memory is, */
	"set_mempolicy", /* and says where it would like more */
	"mbind",
	"futex",
	"futex_waitv",
	"clone",
	"clone3",
	"set_robust_list",
	"get_robust_list",
	"rseq",
	"set_tid_address",
	"arch_prctl",
	"prctl",
	"sched_yield",
	"sched_getaffinity",
	"sched_setaffinity",
	"sched_getparam",
	"sched_getscheduler",
	"sched_getattr",
	"sched_setattr",
	"sched_get_priority_max",
	"sched_get_priority_min",
	"getcpu",
	"clock_gettime",
	"clock_getres",
	"clock_nanosleep",
	"nanosleep",
	"gettimeofday",
	"time",
	"timerfd_create",
	"timerfd_settime",
	"timerfd_gettime",
	"exit",
	"exit_group",
	"restart_syscall",
	"getrandom",
	"uname",
	"sysinfo",
	/* signals */
	"rt_sigaction",
	"rt_sigprocmask",
	"rt_sigreturn",
	"sigreturn",
	"sigaltstack",
	"rt_sigtimedwait",
	"signalfd4",
	"tgkill",
	"gettid",
	"getpid",
	"getppid",
	/* identity, limits */
	"getuid",
	"geteuid",
	"getgid",
	"getegid",
	"getgroups",
	"capget",
	"capset", /* gives up; what was given up does not come back */
	"prlimit64",
	"getrlimit",
	/* files */
	"open",
	"openat",
	"close",
	"close_range",
	"read",
	"write",
	"readv",
	"writev",
	"pread64",
	"pwrite64",
	"preadv",
	"pwritev",
	"preadv2",
	"pwritev2",
	"lseek",
	"fstat",
	"stat",
	"lstat",
	"newfstatat",
	"statx",
	"statfs",
	"fstatfs",
	"access",
	"faccessat",
	"faccessat2",
	"readlink",
	"readlinkat",
	"getdents64",
	"fsync",
	"fdatasync",
	"ftruncate",
	"fallocate",
	"rename",
	"renameat",
	"renameat2",
	"unlink",
	"unlinkat",
	"mkdir",
	"mkdirat",
	"chmod",
	"fchmod",
	"fchmodat",
	"lsetxattr", /* access lists of sockets */
	"umask",
	"flock",
	"fcntl",
	"dup",
	"dup2",
	"dup3",
	"ioctl",
	"memfd_create",
	"getcwd",
	/* waiting */
	"epoll_create1",
	"epoll_create",
	"epoll_ctl",
	"epoll_wait",
	"epoll_pwait",
	"epoll_pwait2",
	"poll",
	"ppoll",
	"select",
	"_newselect",
	"pselect6",
	"eventfd2",
	"pipe",
	"pipe2",
	"io_uring_setup",
	"io_uring_enter",
	"io_uring_register",
	/* sockets */
	"socket",
	"socketpair",
	"bind",
	"connect",
	"listen",
	"accept",
	"accept4",
	"sendmsg",
	"sendmmsg",
	"sendto",
	"recvmsg",
	"recvmmsg",
	"recvfrom",
	"getsockopt",
	"setsockopt",
	"getsockname",
	"getpeername",
	"shutdown",
};

/* Where a signal frame keeps the result of the system call that was refused. */
#if defined(__x86_64__)
#define HAVE_TRAP 1
static void set_result(ucontext_t *uc, long v)
{
	uc->uc_mcontext.gregs[REG_RAX] = v;
}
#elif defined(__aarch64__)
#define HAVE_TRAP 1
static void set_result(ucontext_t *uc, long v)
{
	uc->uc_mcontext.regs[0] = (unsigned long)v;
}
#elif defined(__s390x__)
#define HAVE_TRAP 1
static void set_result(ucontext_t *uc, long v)
{
	uc->uc_mcontext.gregs[2] = (unsigned long)v;
}
#else
#define HAVE_TRAP 0
#endif

#if HAVE_TRAP
/* Append to a line; async-signal-safe, unlike printf. */
static size_t put_text(char *line, size_t n, const char *s)
{
	while (*s)
		line[n++] = *s++;
	return n;
}

static size_t put_number(char *line, size_t n, unsigned v)
{
	char digits[12];
	size_t i = sizeof(digits);

	digits[--i] = '\0';
	do
		digits[--i] = (char)('0' + v % 10);
	while (v /= 10);
	return put_text(line, n, digits + i);
}

static void report(int number)
{
	static _Atomic uint64_t seen[16]; /* a signal handler has no context to keep this in */
	uint64_t bit = UINT64_C(1) << (number % 64);
	char line[96];
	size_t n;

	/* relaxed: the bit guards nothing but itself */
	if (number >= 0 && number < 1024 &&
	    (atomic_fetch_or_explicit(&seen[number / 64], bit, memory_order_relaxed) & bit))
		return;
	n = put_text(line, 0, "ZLN2640W System call ");
	n = put_number(line, n, (unsigned)number);
	n = put_text(line, n, " refused (zland --no-confine allows all)\n");
	if (write(STDERR_FILENO, line, n) < 0)
		return;
}

static void on_sigsys(int sig, siginfo_t *si, void *ctx)
{
	int saved = errno;

	(void)sig;
	report(si->si_syscall);
	set_result(ctx, -EPERM);
	errno = saved;
}

static uint32_t refusal(void)
{
	struct sigaction sa = {.sa_sigaction = on_sigsys, .sa_flags = SA_SIGINFO | SA_RESTART};

	sigemptyset(&sa.sa_mask);
	return sigaction(SIGSYS, &sa, NULL) == 0 ? SCMP_ACT_TRAP : SCMP_ACT_ERRNO(EPERM);
}
#else
static uint32_t refusal(void)
{
	return SCMP_ACT_ERRNO(EPERM);
}
#endif

static int filter_syscalls(void)
{
	scmp_filter_ctx f = seccomp_init(refusal());
	int rc = f ? 0 : -ENOMEM;

	if (!rc)
		rc = seccomp_attr_set(f, SCMP_FLTATR_CTL_TSYNC, 1);
	for (size_t i = 0; !rc && i < sizeof(allowed) / sizeof(allowed[0]); i++) {
		int nr = seccomp_syscall_resolve_name(allowed[i]);

		/* A call that this machine does not have needs no rule. */
		if (nr != __NR_SCMP_ERROR && nr >= 0)
			rc = seccomp_rule_add(f, SCMP_ACT_ALLOW, nr, 0);
	}
	if (!rc)
		rc = seccomp_load(f);
	if (f)
		seccomp_release(f);
	return rc;
}

/* What we do not hold cannot be dropped: without privilege there is nothing to do. */
static int drop_capabilities(bool packet_sockets)
{
	capng_select_t what = CAPNG_SELECT_CAPS;
	bool net_admin, net_raw;

	if (capng_get_caps_process() < 0)
		return -EPERM;
	net_admin = capng_have_capability(CAPNG_EFFECTIVE, CAP_NET_ADMIN);
	net_raw = packet_sockets && capng_have_capability(CAPNG_EFFECTIVE, CAP_NET_RAW);
	if (capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP))
		what = CAPNG_SELECT_BOTH; /* the bounding set, too */
	capng_clear(what);
	if (net_admin)
		capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, CAP_NET_ADMIN);
	if (net_raw)
		capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, CAP_NET_RAW);
	return capng_apply(what) < 0 ? -EPERM : 0;
}

int cp_confine_worker(void)
{
	if (capng_get_caps_process() < 0)
		return -EPERM;
	capng_clear(CAPNG_SELECT_CAPS);
	return capng_apply(CAPNG_SELECT_CAPS) < 0 ? -EPERM : 0;
}

int cp_confine(bool packet_sockets, char *err, size_t err_len)
{
	int rc = drop_capabilities(packet_sockets);

	if (rc) {
		snprintf(err, err_len, "capabilities cannot be dropped");
		return rc;
	}
	rc = filter_syscalls();
	if (rc)
		snprintf(err, err_len, "system calls cannot be filtered: %s", strerror(-rc));
	return rc;
}
