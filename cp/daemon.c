/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The daemon as a whole. Theory of operation:
 *
 * One control thread runs a libevent loop: the control, channel and port sockets, the
 * netlink watch, signals and a tick per second. Worker threads move frames (worker.c). A
 * command changes objects through cp_execute; the objects call back through cp_hooks for
 * what is outside: uplinks, workers, the state file, the log.
 *
 * Start: directory and lock, workers, objects from DIR/state or from FILE, sockets, confinement,
 * "ready". End: clients, objects, workers, in this order. After SHUTDOWN and SIGINT the state
 * file is removed, because the next start is to be from the permanent configuration: what was
 * changed by commands lasts until then (spec/zvm-networking.md 2), unless SAVE or PERSIST made it
 * permanent. A killed daemon leaves the state, so does one that is restarted (SIGTERM), and the
 * next one goes on from there.
 *
 * The control thread is not registered with RCU: it is the only one that changes what
 * the workers read, so it needs no protection to read it itself, and unregistered it never holds
 * up a grace period while it waits for events.
 */
#include "cp/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <time.h>
#include <unistd.h>

#include "cp/channel.h"
#include "cp/channel_wire.h"
#include "cp/confine.h"
#include "cp/control.h"
#include "cp/dpdk.h"
#include "cp/log.h"
#include "cp/nicsock.h"
#include "cp/port_wire.h"
#include "cp/portsock.h"
#include "cp/rundir.h"
#include "cp/save.h"
#include "cp/state.h"
#include "cp/tracefile.h"
#include "cp/hostuplink.h"
#include "cp/vhost.h"
#include "cp/worker.h"

#define TRACE_MAX (16u << 20) /* of a file; there are two of a trace */
#define ACCOUNTING_MAX (16 << 20)
#define ACCOUNTING_FLAGS (O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)

struct cp_daemon {
	struct cp_daemon_options opt;
	struct cp_log log;
	int dir_fd, lock_fd;
	char id[CP_STATE_ID_BYTES]; /* of opt.file */
	struct event_base *base;
	struct event *tick, *save, *sigterm, *sigint;
	struct event *due, *frames; /* of the protocol engines */
	int frames_fd;		    /* workers write, the loop reads */
	bool dirty;		    /* a change is to be written before it is acknowledged */
	bool unsaved;		    /* that failed, and was logged: the tick tries again */
	bool restart;		    /* ended by SIGTERM: the next start goes on from the state */
	struct cp_saved *saved;
	struct cp_workers *workers;
	struct cp_dpdk *dpdk;
	struct cp_hostuplinks *uplinks;
	struct cp_nicsocks *nicsocks;
	struct cp_vhost_config vhost;
	struct cp *cp;
	struct cp_control *control;
	struct cp_channel *channel;
	struct cp_portsock *portsock;
};

/* ---- hooks of the control program ----------------------------------------------------- */

static void *hook_open_uplink(void *ctx, const char *kind, const char *arg,
			      const struct vs_link *link, char *err, size_t err_len)
{
	struct cp_daemon *d = ctx;

	return cp_hostuplink_open(d->uplinks, kind, arg, link, err, err_len);
}

static int hook_dpdk_args(void *ctx, const char *args, char *err, size_t err_len)
{
	struct cp_daemon *d = ctx;

	return cp_dpdk_args(d->dpdk, args, err, err_len);
}

static void hook_close_uplink(void *ctx, void *uplink)
{
	struct cp_daemon *d = ctx;

	cp_hostuplink_close(d->uplinks, uplink);
}

static json_t *hook_uplink_device(void *ctx, void *uplink)
{
	(void)ctx;
	return cp_hostuplink_device(uplink);
}

static const char *hook_uplink_state(void *ctx, void *uplink)
{
	(void)ctx;
	return cp_hostuplink_state(uplink);
}

static uint64_t now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static uint64_t hook_now_ms(void *ctx)
{
	(void)ctx;
	return now_us() / 1000;
}

/* At the beginning of that millisecond, which may have begun. */
static void hook_call_at(void *ctx, uint64_t at_ms)
{
	struct cp_daemon *d = ctx;
	uint64_t now = now_us(), us = at_ms * 1000 > now ? at_ms * 1000 - now : 0;
	struct timeval tv = {.tv_sec = (time_t)(us / 1000000),
			     .tv_usec = (suseconds_t)(us % 1000000)};

	if (d->due)
		event_add(d->due, &tv);
}

static void hook_frames(void *ctx)
{
	struct cp_daemon *d = ctx;
	uint64_t one = 1;

	/* Can only fail because it is readable already. */
	if (write(d->frames_fd, &one, sizeof(one)) < 0)
		return;
}

static void *hook_open_socket(void *ctx, const char *user, uint16_t vdev, enum cp_nic_type type,
			      char *err, size_t err_len)
{
	struct cp_daemon *d = ctx;
	void *s;

	if (type == CP_NIC_VHOST)
		return cp_vhost_open(&d->vhost, d->cp, user, vdev, err, err_len);
	s = cp_nicsock_open(d->nicsocks, d->cp, user, vdev, type);
	if (!s)
		snprintf(err, err_len, "%s", strerror(errno));
	return s;
}

static void hook_socket_access(void *ctx, void *socket, enum cp_nic_type type)
{
	(void)ctx;
	if (type == CP_NIC_VHOST)
		cp_vhost_access(socket);
	else
		cp_nicsock_access(socket);
}

static void hook_close_socket(void *ctx, void *socket, enum cp_nic_type type)
{
	(void)ctx;
	if (type == CP_NIC_VHOST)
		cp_vhost_close(socket);
	else
		cp_nicsock_close(socket);
}

static struct vs_worker *hook_pick_worker(void *ctx, struct vs_port *p)
{
	struct cp_daemon *d = ctx;

	return cp_workers_pick(d->workers, p);
}

static struct cp_workers *hook_workers(void *ctx)
{
	struct cp_daemon *d = ctx;

	return d->workers;
}

/* Several changes of one turn of the loop are written once, before the first of them is
 * acknowledged. */
static void hook_changed(void *ctx)
{
	struct cp_daemon *d = ctx;

	d->dirty = true;
	if (d->save)
		event_active(d->save, EV_TIMEOUT, 0);
}

static int hook_save(void *ctx, enum cp_save what, const char *text, char *err, size_t err_len)
{
	struct cp_daemon *d = ctx;
	int rc = what == CP_SAVE_ALL	     ? cp_saved_write(d->saved, text)
		 : what == CP_SAVE_STATEMENT ? cp_saved_add(d->saved, text)
					     : cp_saved_remove(d->saved);

	if (rc)
		snprintf(err, err_len, "%s: %s", cp_saved_path(d->saved), strerror(-rc));
	return rc ? -1 : 0;
}

/* Append; the file before is kept when one is full. A record that cannot be written is lost: the
 * next one has the counts. */
static void hook_account(void *ctx, const char *line)
{
	const struct cp_daemon *d = ctx;
	struct stat st;
	int fd = openat(d->dir_fd, "accounting", ACCOUNTING_FLAGS, 0600);

	if (fd >= 0 && fstat(fd, &st) == 0 && st.st_size > ACCOUNTING_MAX &&
	    renameat(d->dir_fd, "accounting", d->dir_fd, "accounting.1") == 0) {
		close(fd);
		fd = openat(d->dir_fd, "accounting", ACCOUNTING_FLAGS, 0600);
	}
	if (fd < 0)
		return;
	dprintf(fd, "%s\n", line);
	close(fd);
}

static void hook_log(void *ctx, const char *line)
{
	struct cp_daemon *d = ctx;

	cp_log_line(&d->log, line);
}

static void *hook_open_trace(void *ctx, const char *id, const struct cp_capture_filter *filter,
			     char *err, size_t err_len)
{
	struct cp_daemon *d = ctx;
	const struct cp_tracefile_config cfg = {.base = d->base,
						.dir_fd = d->dir_fd,
						.max_bytes = TRACE_MAX,
						.log = hook_log,
						.ctx = d};

	return cp_tracefile_open(&cfg, id, filter, err, err_len);
}

static void hook_cover_trace(void *ctx, void *trace, struct vs_switch *sw, struct vs_port *port)
{
	(void)ctx;
	cp_tracefile_cover(trace, sw, port);
}

static void hook_trace_status(void *ctx, void *trace, struct cp_trace_status *s)
{
	(void)ctx;
	cp_tracefile_status(trace, s);
}

static void hook_close_trace(void *ctx, void *trace)
{
	(void)ctx;
	cp_tracefile_close(trace);
}

static void hook_appeared(void *ctx, struct vs_switch *sw)
{
	struct cp_daemon *d = ctx;

	if (d->control)
		cp_control_appeared(d->control, sw);
}

static void hook_shutdown(void *ctx)
{
	struct cp_daemon *d = ctx;

	event_base_loopexit(d->base, NULL);
}

static void hook_forget(void *ctx, struct vs_switch *sw, struct vs_port *p)
{
	struct cp_daemon *d = ctx;

	if (d->control)
		cp_control_forget(d->control, sw, p);
}

static void hook_kick(void *ctx)
{
	struct cp_daemon *d = ctx;

	cp_workers_wake(d->workers);
}

/* ---- events ----------------------------------------------------------------------------- */

/* Where it fails, the change stands and is acknowledged all the same: a full disk is not to stop
 * the network's operator. */
static void save(struct cp_daemon *d)
{
	char *text = cp_configuration(d->cp);
	int rc = text ? cp_state_save(d->dir_fd, d->id, text) : -ENOMEM;

	if (rc && !d->unsaved)
		cp_log_printf(&d->log, "ZLN2633E State was not saved in %s/" CP_STATE_FILE ": %s",
			      d->opt.dir, strerror(-rc));
	else if (!rc && d->unsaved)
		cp_log_printf(&d->log, "ZLN2635I State is saved again in %s/" CP_STATE_FILE,
			      d->opt.dir);
	free(text);
	d->dirty = false;
	d->unsaved = rc != 0;
}

static void on_due(evutil_socket_t fd, short what, void *ctx)
{
	struct cp_daemon *d = ctx;

	(void)fd;
	(void)what;
	if (d->cp)
		cp_due(d->cp);
}

static void on_frames(evutil_socket_t fd, short what, void *ctx)
{
	struct cp_daemon *d = ctx;
	uint64_t count;

	(void)what;
	if (read(fd, &count, sizeof(count)) > 0 && d->cp)
		cp_control_frames(d->cp);
}

static void on_uplink(void *ctx, const void *uplink)
{
	struct cp_daemon *d = ctx;

	if (d->cp)
		cp_uplink_changed(d->cp, uplink);
}

static void on_tick(evutil_socket_t fd, short what, void *ctx)
{
	struct cp_daemon *d = ctx;
	struct timespec ts;

	(void)fd;
	(void)what;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	cp_tick(d->cp, (uint32_t)ts.tv_sec);
	cp_hostuplinks_tick(d->uplinks);
	cp_nicsocks_tick(d->nicsocks);
	cp_workers_tick(d->workers, (uint32_t)ts.tv_sec);
	if (d->unsaved)
		save(d);
}

static void hook_settle(void *ctx)
{
	struct cp_daemon *d = ctx;

	if (d->dirty && d->save)
		save(d);
}

static void on_save(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	hook_settle(ctx);
}

static void on_signal(evutil_socket_t fd, short what, void *ctx)
{
	struct cp_daemon *d = ctx;

	(void)what;
	cp_log_printf(&d->log, "ZLN2634I %s: shutting down", strsignal(fd));
	d->restart = fd == SIGTERM;
	event_base_loopexit(d->base, NULL);
}

/* ---- start ------------------------------------------------------------------------------ */

static void report_line(void *ctx, const char *text)
{
	(void)ctx;
	fprintf(stderr, "%s%s", text, strchr(text, '\n') ? "" : "\n");
}

static int failed(const char *what, int rc)
{
	fprintf(stderr, "ZLN2630E %s: %s\n", what, strerror(rc < 0 ? -rc : rc));
	return -1;
}

int cp_daemon_check(const char *file)
{
	struct cp_hooks none = {0};
	struct cp *cp = cp_create(&none);
	int n;

	if (!cp)
		return failed("No memory", errno);
	n = cp_execute_file(cp, file, true, report_line, NULL);
	if (n < 0)
		failed(file, n);
	cp_destroy(cp);
	return n;
}

/* From the state a killed daemon left, if it fits; what cannot be restored now is reported. */
static void load_state(struct cp_daemon *d, int fd)
{
	char path[4096];
	int n;

	snprintf(path, sizeof(path), "%s/" CP_STATE_FILE, d->opt.dir);
	n = cp_execute_fd(d->cp, fd, path, false, report_line, NULL);
	cp_log_printf(&d->log, "ZLN2631I Continuing from %s%s", path,
		      n ? ", with errors: see above" : "");
}

static int load_file(struct cp_daemon *d)
{
	int n = d->opt.file ? cp_daemon_check(d->opt.file) : 0;

	if (n == 0 && d->opt.file)
		n = cp_execute_file(d->cp, d->opt.file, false, report_line, NULL);
	return n ? -1 : 0;
}

/* The configuration file, and what SAVE and PERSIST left. */
static int load_permanent(struct cp_daemon *d)
{
	const char *path = cp_saved_path(d->saved);
	int fd, n = 0;
	enum cp_saved_found found = cp_saved_look(d->saved, &fd);

	if (found == CP_SAVED_OUTDATED || found == CP_SAVED_UNUSABLE)
		cp_log_printf(&d->log, "ZLN2637W %s is %s: it is ignored", path,
			      found == CP_SAVED_OUTDATED ? "from another configuration file"
							 : "not usable");
	if (found != CP_SAVED_WHOLE && load_file(d) < 0)
		n = -1;
	else if (fd >= 0) {
		int errors = cp_execute_fd(d->cp, fd, path, false, report_line, NULL);

		fd = -1; /* consumed */
		cp_log_printf(&d->log, "ZLN2638I %s %s%s", path,
			      found == CP_SAVED_WHOLE ? "was saved: it is the configuration"
						      : "adds to the configuration",
			      errors ? ", with errors: see above" : "");
	}
	if (fd >= 0)
		close(fd);
	return n;
}

static int load(struct cp_daemon *d)
{
	int fd;
	enum cp_state_found found = cp_state_look(d->dir_fd, d->id, &fd);

	if (found == CP_STATE_VALID) {
		load_state(d, fd);
		return 0;
	}
	if (found != CP_STATE_ABSENT)
		cp_log_printf(&d->log, "ZLN2632W %s/" CP_STATE_FILE " is %s: it is ignored",
			      d->opt.dir,
			      found == CP_STATE_OUTDATED ? "from another configuration file"
							 : "not readable");
	return load_permanent(d);
}

/* Its timers are exact: by default they come up to a tick of the kernel, and a millisecond, late.
 */
static struct event_base *make_base(void)
{
	struct event_config *cfg = event_config_new();
	struct event_base *base = NULL;

	if (cfg && event_config_set_flag(cfg, EVENT_BASE_FLAG_PRECISE_TIMER) == 0)
		base = event_base_new_with_config(cfg);
	if (cfg)
		event_config_free(cfg);
	return base;
}

static int make_events(struct cp_daemon *d)
{
	struct timeval second = {.tv_sec = 1};

	d->base = make_base();
	if (!d->base)
		return failed("No event loop", errno);
	d->tick = event_new(d->base, -1, EV_PERSIST, on_tick, d);
	d->save = event_new(d->base, -1, 0, on_save, d);
	d->due = event_new(d->base, -1, 0, on_due, d);
	d->frames_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (d->frames_fd >= 0)
		d->frames = event_new(d->base, d->frames_fd, EV_READ | EV_PERSIST, on_frames, d);
	if (!d->due || !d->frames || event_add(d->frames, NULL))
		return failed("No events", ENOMEM);
	d->sigterm = evsignal_new(d->base, SIGTERM, on_signal, d);
	d->sigint = evsignal_new(d->base, SIGINT, on_signal, d);
	if (!d->tick || !d->save || !d->sigterm || !d->sigint || event_add(d->tick, &second) ||
	    event_add(d->sigterm, NULL) || event_add(d->sigint, NULL))
		return failed("No events", ENOMEM);
	return 0;
}

static int make_objects(struct cp_daemon *d)
{
	struct cp_hooks hooks = {
		.open_uplink = hook_open_uplink,
		.close_uplink = hook_close_uplink,
		.dpdk_args = hook_dpdk_args,
		.uplink_state = hook_uplink_state,
		.uplink_device = hook_uplink_device,
		.now_ms = hook_now_ms,
		.call_at = hook_call_at,
		.frames = hook_frames,
		.open_socket = hook_open_socket,
		.close_socket = hook_close_socket,
		.socket_access = hook_socket_access,
		.pick_worker = hook_pick_worker,
		.workers = hook_workers,
		.changed = hook_changed,
		.acknowledge = hook_settle,
		.save = hook_save,
		.appeared = hook_appeared,
		.account = hook_account,
		.open_trace = hook_open_trace,
		.cover_trace = hook_cover_trace,
		.trace_status = hook_trace_status,
		.close_trace = hook_close_trace,
		.shutdown = hook_shutdown,
		.log = hook_log,
		.forget = hook_forget,
		.ctx = d,
	};
	struct cp_nicsocks_config sockets = {
		.base = d->base, .dir = d->opt.dir, .log = hook_log, .ctx = d};

	d->workers =
		cp_workers_start(cp_workers_default(), d->opt.confine ? cp_confine_worker : NULL);
	if (!d->workers)
		return failed("No worker threads", errno);
	d->dpdk = cp_dpdk_create(d->opt.confine);
	if (!d->dpdk)
		return failed("No memory", errno);
	d->vhost = (struct cp_vhost_config){
		.base = d->base, .dpdk = d->dpdk, .dir = d->opt.dir, .log = hook_log, .ctx = d};
	d->uplinks = cp_hostuplinks_create(d->base, &d->log, d->dpdk);
	if (!d->uplinks)
		return failed("No netlink", errno);
	cp_hostuplinks_set_changed(d->uplinks, on_uplink, d);
	d->nicsocks = cp_nicsocks_create(&sockets);
	d->cp = d->nicsocks ? cp_create(&hooks) : NULL;
	return d->cp ? 0 : failed("No memory", errno);
}

static int make_control(struct cp_daemon *d)
{
	struct cp_control_config cfg = {
		.base = d->base, .cp = d->cp, .settle = hook_settle, .log = hook_log, .ctx = d};
	int fd = cp_rundir_listen(d->opt.dir, CP_CONTROL_SOCKET, SOCK_STREAM);

	if (fd < 0)
		return failed("Control socket", fd);
	d->control = cp_control_create(&cfg, fd);
	if (d->control)
		return 0;
	close(fd);
	return failed("Control socket", ENOMEM);
}

static int make_channel(struct cp_daemon *d)
{
	struct cp_channel_config cfg = {
		.base = d->base, .cp = d->cp, .kick = hook_kick, .log = hook_log, .ctx = d};
	int fd = cp_rundir_listen(d->opt.dir, CHANNEL_SOCKET, SOCK_SEQPACKET);

	if (fd < 0)
		return failed("Channel socket", fd);
	d->channel = cp_channel_create(&cfg, fd);
	if (d->channel)
		return 0;
	close(fd);
	return failed("Channel socket", ENOMEM);
}

static int make_portsock(struct cp_daemon *d)
{
	struct cp_portsock_config cfg = {.base = d->base, .cp = d->cp, .log = hook_log, .ctx = d};
	int fd = cp_rundir_listen(d->opt.dir, PORT_SOCKET, SOCK_SEQPACKET);

	if (fd < 0)
		return failed("Port socket", fd);
	d->portsock = cp_portsock_create(&cfg, fd);
	if (d->portsock)
		return 0;
	close(fd);
	return failed("Port socket", ENOMEM);
}

static int open_saved(struct cp_daemon *d)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/saved", d->opt.dir);
	d->saved = cp_saved_open(d->opt.saved ? d->opt.saved : path, d->id);
	return d->saved ? 0 : failed(d->opt.saved ? d->opt.saved : path, errno);
}

static int open_directory(struct cp_daemon *d)
{
	char err[256];
	int rc;

	d->dir_fd = cp_rundir_open(d->opt.dir, &d->lock_fd, err, sizeof(err));
	if (d->dir_fd < 0) {
		fprintf(stderr, "ZLN2630E %s\n", err);
		return -1;
	}
	rc = cp_state_identify(d->opt.file, d->id);
	if (rc == -ENOTSUP) {
		/* Identified, checked and executed: it is read three times. */
		fprintf(stderr, "ZLN2630E %s is not a regular file: store the commands in one\n",
			d->opt.file);
		return -1;
	}
	return rc ? failed(d->opt.file, rc) : open_saved(d);
}

/* Every client costs a handful of descriptors: take as many as we are allowed. */
static void raise_limits(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) < 0)
		return;
	r.rlim_cur = r.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &r);
}

static int confine(const struct cp_daemon *d)
{
	char err[256];
	bool dpdk;

	if (!d->opt.confine)
		return 0;
	dpdk = cp_dpdk_seal(d->dpdk, err, sizeof(err));
	if (err[0])
		cp_log_printf(&d->log, "ZLN2636E DPDK: %s", err);
	/* A packet socket may be asked for at any time. */
	(void)dpdk;
	if (cp_confine(true, err, sizeof(err)) == 0)
		return 0;
	fprintf(stderr, "ZLN2630E Not confined: %s (--no-confine does without)\n", err);
	return -1;
}

static int start(struct cp_daemon *d)
{
	raise_limits();
	if (open_directory(d) || make_events(d) || make_objects(d) || load(d) || make_control(d) ||
	    make_channel(d) || make_portsock(d) || confine(d))
		return -1;
	save(d);
	return 0;
}

static void free_event(struct event **e)
{
	if (*e)
		event_free(*e);
	*e = NULL;
}

struct cp_daemon *cp_daemon_start(const struct cp_daemon_options *opt)
{
	struct cp_daemon *d = calloc(1, sizeof(*d));

	if (!d) {
		failed("No memory", ENOMEM);
		return NULL;
	}
	d->opt = *opt;
	d->dir_fd = d->lock_fd = d->frames_fd = -1;
	cp_log_init(&d->log);
	/* A client that goes away is an error code, not a signal. */
	signal(SIGPIPE, SIG_IGN);
	if (start(d) == 0)
		return d;
	cp_daemon_stop(d, false);
	return NULL;
}

int cp_daemon_run(struct cp_daemon *d)
{
	puts("ready");
	fflush(stdout);
	sd_notify(0, "READY=1");
	if (event_base_dispatch(d->base) < 0)
		return failed("Event loop", EIO);
	sd_notify(0, "STOPPING=1");
	return 0;
}

/* What an orderly end leaves behind: the lock, and the state for a restart. */
static void clean_directory(const struct cp_daemon *d)
{
	if (!d->restart)
		cp_state_remove(d->dir_fd);
	unlinkat(d->dir_fd, CP_CONTROL_SOCKET, 0);
	unlinkat(d->dir_fd, CHANNEL_SOCKET, 0);
	unlinkat(d->dir_fd, PORT_SOCKET, 0);
}

void cp_daemon_stop(struct cp_daemon *d, bool clean)
{
	if (!d)
		return;
	if (clean && d->dirty)
		save(d);
	free_event(&d->save);
	cp_channel_destroy(d->channel);
	cp_portsock_destroy(d->portsock);
	cp_control_destroy(d->control);
	d->control = NULL;
	cp_destroy(d->cp);
	d->cp = NULL;
	cp_nicsocks_destroy(d->nicsocks);
	cp_hostuplinks_destroy(d->uplinks);
	cp_dpdk_destroy(d->dpdk);
	cp_workers_stop(d->workers);
	free_event(&d->tick);
	free_event(&d->due);
	free_event(&d->frames);
	free_event(&d->sigterm);
	free_event(&d->sigint);
	if (d->frames_fd >= 0)
		close(d->frames_fd);
	if (d->base)
		event_base_free(d->base);
	if (clean)
		clean_directory(d);
	cp_saved_close(d->saved);
	if (d->dir_fd >= 0)
		close(d->dir_fd);
	if (d->lock_fd >= 0)
		close(d->lock_fd);
	free(d);
}
