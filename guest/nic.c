/* SPDX-License-Identifier: Apache-2.0 */
/*
 * zlan-nic's loop: one thread, one epoll set, no work when nothing happens.
 *
 *   attached, online  --daemon lost-->  alone: the TAP stays as it is, unread
 *        ^                                |  every 100 ms
 *        +------- attach, bring-up -------+
 *
 * While frames come, input is polled and its interruptions are off; before the
 * loop sleeps they are switched on and the queue is looked at once more.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "guest/nic.h"

#define STORAGE_BASE 0x10000u
#define SPILL_BYTES 65600u
#define RETRY_MS 100
#define LOOK_MS 1000	 /* settings that no announcement tells of */
#define OFFLINE_MS 500	 /* for the last answers of the daemon */
#define REFUSALS_MAX 50u /* of a rejoin: the daemon may still hold the old connection */
#define EVENTS 8
#define RECOVERIES_MAX 8 /* in a row; then frames have their turn */

enum source { SRC_TAP, SRC_IRQ, SRC_CHANNEL, SRC_SIGNAL, SRC_TIMER, SRC_WATCH };

/* ---- attaching ----------------------------------------------------------------------- */

static void drop_channel(struct nic *n)
{
	guest_channel_close(n->channel); /* closing takes its descriptors out of the epoll set */
	n->channel = NULL;
	n->polling = false;
}

static int open_channel(struct nic *n)
{
	struct guest_machine m;
	int rc = guest_channel_open(n->dir, n->user, n->vdev, &n->st, &n->channel, n->text);

	if (rc == -ENOENT && !n->text[0])
		rc = -ECONNREFUSED;
	if (rc < 0) {
		if (!n->text[0])
			snprintf(n->text, sizeof(n->text), "zland in %s: %s", n->dir,
				 strerror(-rc));
		return rc;
	}
	guest_channel_machine(n->channel, &m);
	guest_dev_connect(n->dev, &m);
	return 0;
}

static int bring_up(struct nic *n)
{
	int rc = guest_online(n->dev);

	guest_info(n->dev, &n->info);
	if (rc < 0)
		snprintf(n->text, sizeof(n->text), "adapter of %s %04X: %s", n->user, n->vdev,
			 strerror(-rc));
	return rc;
}

static void print_output(void *ctx, bool error, const char *p, size_t n)
{
	(void)ctx;
	if (!error) /* the first message is the reason of the refusal */
		fwrite(p, 1, n, stdout);
}

static int issue_commands(struct nic *n)
{
	int rc = 0;

	for (unsigned i = 0; i < n->n_commands && rc == 0; i++) {
		rc = guest_channel_command(n->channel, n->commands[i], print_output, NULL, n->text);
		if (rc && !n->text[0])
			snprintf(n->text, sizeof(n->text), "command \"%.40s\": %s", n->commands[i],
				 strerror(-rc));
	}
	fflush(stdout);
	return rc;
}

int nic_attach(struct nic *n)
{
	const struct guest_config osd = {.checksum = n->layer != 3,
					 .tso = n->layer != 3,
					 .large = n->layer != 3,
					 .layer = n->layer,
					 .routing = n->routing};
	/* Completions are looked at, not waited for by interruption. */
	const struct guest_config iqd = {.iqd = true, .layer = n->layer};
	const struct guest_config cfg = n->iqd ? iqd : osd;
	int rc = guest_storage_create(&n->st, STORAGE_BASE, guest_dev_bytes(&cfg));

	n->tap.fd = n->epoll = n->signals = n->timer = n->watch = -1;
	if (rc < 0)
		goto no_storage;
	n->spill = malloc(SPILL_BYTES);
	n->dev = guest_dev_create(&cfg, &n->st);
	if (!n->dev || !n->spill) {
		rc = -ENOMEM;
		goto no_storage;
	}
	rc = open_channel(n);
	if (rc == 0)
		rc = issue_commands(n);
	if (rc == 0)
		rc = bring_up(n);
	memcpy(n->mac, n->info.mac, 6);
	return rc;
no_storage:
	snprintf(n->text, sizeof(n->text), "guest storage: %s", strerror(-rc));
	return rc;
}

/* In layer 3 the frames' headers change: whatever refers to offsets in them is the kernel's. */
static int offloads(struct nic *n)
{
	return tap_offloads(&n->tap, n->layer != 3, n->info.tso);
}

int nic_tap(struct nic *n, const char *ifname)
{
	int rc = tap_open(&n->tap, ifname);

	if (rc < 0)
		return rc;
	/* A limit beyond the adapter's would only cost a copy: see pump.c. */
	link_gso_max(n->tap.ifname, NIC_GSO_MAX);
	if (n->layer == 3 && n->iqd) {
		rc = tap_noarp(&n->tap);
		if (rc < 0)
			return rc;
	}
	return offloads(n);
}

void nic_close(struct nic *n)
{
	const int fds[] = {n->epoll, n->signals, n->timer, n->watch};

	if (n->channel) {
		/* A daemon that hangs cleans up when it finds the connection closed. */
		guest_set_timeout(n->dev, OFFLINE_MS);
		guest_channel_patience(n->channel, OFFLINE_MS);
		guest_offline(n->dev);
	}
	drop_channel(n);
	tap_close(&n->tap);
	for (unsigned i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	guest_dev_destroy(n->dev);
	guest_storage_destroy(&n->st);
	free(n->spill);
}

/* ---- the epoll set ------------------------------------------------------------------------ */

static int watch_fd(struct nic *n, int fd, enum source src)
{
	struct epoll_event ev = {.events = EPOLLIN, .data.u32 = src};

	return epoll_ctl(n->epoll, EPOLL_CTL_ADD, fd, &ev) < 0 ? -errno : 0;
}

/* The TAP is watched only while its frames have somewhere to go. */
static void arm_tap(struct nic *n)
{
	bool want = n->channel && n->info.online && !n->tx_blocked;
	struct epoll_event ev = {.events = EPOLLIN, .data.u32 = SRC_TAP};

	if (want == n->tap_armed)
		return;
	epoll_ctl(n->epoll, want ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, n->tap.fd, &ev);
	n->tap_armed = want;
}

static void set_timer(struct nic *n, bool fast)
{
	long ms = fast ? RETRY_MS : LOOK_MS;
	struct itimerspec t;

	t.it_interval.tv_sec = t.it_value.tv_sec = ms / 1000;
	t.it_interval.tv_nsec = t.it_value.tv_nsec = ms % 1000 * 1000000;
	timerfd_settime(n->timer, 0, &t, NULL);
	n->fast_timer = fast;
}

static int watch_channel(struct nic *n)
{
	int rc = watch_fd(n, guest_channel_fd(n->channel), SRC_CHANNEL);

	return rc < 0 ? rc : watch_fd(n, guest_channel_irq_fd(n->channel), SRC_IRQ);
}

static int make_set(struct nic *n)
{
	sigset_t set;
	int rc;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	n->epoll = epoll_create1(EPOLL_CLOEXEC);
	n->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	n->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (n->epoll < 0 || n->signals < 0 || n->timer < 0)
		return -errno;
	n->watch = link_watch_open();
	rc = n->watch < 0 ? n->watch : watch_fd(n, n->watch, SRC_WATCH);
	if (rc == 0)
		rc = watch_fd(n, n->signals, SRC_SIGNAL);
	if (rc == 0)
		rc = watch_fd(n, n->timer, SRC_TIMER);
	if (rc == 0)
		rc = watch_channel(n);
	set_timer(n, false);
	return rc;
}

/* ---- the adapter's state --------------------------------------------------------------------- */

static void say(FILE *f, const char *what, const struct nic *n)
{
	const uint8_t *m = n->mac;

	fprintf(f, "%s %s %02x:%02x:%02x:%02x:%02x:%02x\n", what, n->tap.ifname, m[0], m[1], m[2],
		m[3], m[4], m[5]);
	fflush(f);
}

/* A refusal costs only what is refused. */
static void complain(const struct nic *n, const char *what, int rc)
{
	if (rc < 0 && !n->said_online)
		fprintf(stderr, "zlan-nic: %s: %s\n", what,
			rc == -EACCES ? "not authorized" : strerror(-rc));
}

static void print_address(const struct guest_address *a, bool gone)
{
	const uint8_t *m = a->mac;

	printf("address %c %02x:%02x:%02x:%02x:%02x:%02x\n", gone ? '-' : '+', m[0], m[1], m[2],
	       m[3], m[4], m[5]);
}

/* Again after an overflow: the list begins with a line of its own. */
static void list_addresses(struct nic *n)
{
	struct guest_address a[GUEST_CHANGES];
	int k = guest_addresses(n->dev, QDIO_PNSO_ALL, true, a, GUEST_CHANGES);

	complain(n, "addresses of the LAN", k);
	if (k >= 0)
		printf("addresses:\n");
	for (int i = 0; i < k; i++)
		print_address(&a[i], false);
	fflush(stdout);
}

static void print_changes(struct nic *n)
{
	struct guest_address a[16];
	int k;

	while ((k = guest_address_changes(n->dev, a, 16)) > 0)
		for (int i = 0; i < k; i++)
			if (a[i].change & 0x02) /* not of a VLAN alone */
				print_address(&a[i], a[i].change & 0x80);
	fflush(stdout);
	if (k == -EOVERFLOW)
		list_addresses(n);
}

static void ask_lan(struct nic *n)
{
	if (n->addresses)
		list_addresses(n);
	for (uint32_t bit = 0x80000000u; bit; bit >>= 1)
		if ((n->vnicc_on | n->vnicc_off) & bit)
			complain(n, "VNIC characteristic",
				 guest_vnicc(n->dev, bit, n->vnicc_on & bit));
	if (n->analyzer)
		complain(n, "network traffic analyzer", guest_analyze(n->dev, true));
}

/* After every bring-up: offloads, carrier, first look at input. */
static void now_online(struct nic *n)
{
	guest_info(n->dev, &n->info);
	offloads(n);
	n->unicast_queue = n->iqd; /* of four, as a driver does: spec/qdio.md 10.1 */
	n->promisc = false;	   /* looked up afresh below */
	n->tx_blocked = false;
	n->polling = true;
	nic_settings(n);
	ask_lan(n);
	tap_carrier(&n->tap, n->info.carrier);
	if (n->info.carrier && !n->said_online) {
		n->said_online = true;
		say(stdout, "online", n);
	}
}

/* The daemon is gone, or its adapter beyond recovery: begin anew. The TAP keeps its carrier. */
static void now_alone(struct nic *n)
{
	drop_channel(n);
	n->info.online = false;
	arm_tap(n);
	set_timer(n, true);
}

static void fail(struct nic *n)
{
	n->failed = true;
	n->stopping = true;
}

/*
 * A new daemon may assign another MAC. The interface follows, unless the user gave it one of its
 * own meanwhile: then nic_settings brings that to the adapter.
 */
static void follow_mac(struct nic *n)
{
	uint8_t now[6];

	if (memcmp(n->mac, n->info.mac, 6) == 0)
		return;
	if (tap_mac(&n->tap, now) == 0 && memcmp(now, n->mac, 6) == 0)
		tap_set_mac(&n->tap, n->info.mac);
	memcpy(n->mac, n->info.mac, 6);
}

static void rejoin(struct nic *n)
{
	int rc;

	n->text[0] = 0;
	rc = open_channel(n);
	if (rc == -ECONNREFUSED || rc == -ENOTCONN) /* no daemon yet */
		return;
	if (rc < 0) {
		if (++n->refusals > REFUSALS_MAX)
			fail(n);
		return;
	}
	n->refusals = 0;
	if (bring_up(n) < 0 || watch_channel(n) < 0) {
		drop_channel(n);
		return;
	}
	set_timer(n, false);
	follow_mac(n);
	now_online(n);
	say(stderr, "rejoined", n);
}

/* Return: true if the adapter has to be looked at again at once. */
static bool handle_event(struct nic *n)
{
	unsigned ev = guest_service(n->dev);

	if (n->addresses)
		print_changes(n);
	if (ev & GUEST_EV_REFUSED) {
		snprintf(n->text, sizeof(n->text), "the adapter refuses layer %u", n->layer);
		fail(n);
		return false;
	}
	if (ev & GUEST_EV_STOPLAN)
		tap_carrier(&n->tap, false);
	if (!(ev & (GUEST_EV_LOST | GUEST_EV_RECOVER)))
		return false;
	if ((ev & GUEST_EV_LOST) || guest_recover(n->dev) < 0) {
		now_alone(n);
		return false;
	}
	now_online(n);
	return true;
}

/* What comes during a recovery, an event or the end of the machine, is in no descriptor. */
static void handle_adapter(struct nic *n)
{
	for (unsigned i = 0; i < RECOVERIES_MAX && handle_event(n); i++)
		;
}

/* ---- events ------------------------------------------------------------------------------------
 */

static void on_timer(struct nic *n)
{
	uint64_t times;

	if (read(n->timer, &times, sizeof(times)) < 0)
		return;
	if (n->channel)
		n->look = true;
	else if (nic_interface(n))
		rejoin(n);
}

static void on_event(struct nic *n, const struct epoll_event *ev)
{
	switch ((enum source)ev->data.u32) {
	case SRC_TAP:
		n->look |= (ev->events & (EPOLLERR | EPOLLHUP)) != 0; /* deleted? */
		break;						      /* the pump looks */
	case SRC_IRQ:
		if (n->channel && guest_irq_ack(n->dev))
			n->polling = true;
		n->tx_blocked = false; /* look again */
		break;
	case SRC_CHANNEL:
		break; /* handle_adapter looks */
	case SRC_SIGNAL:
		n->stopping = true;
		break;
	case SRC_TIMER:
		on_timer(n);
		break;
	case SRC_WATCH:
		n->look |= link_watch_drain(n->watch);
		break;
	}
}

/* Return: true if there is more to do at once. */
static bool turn(struct nic *n, bool adapter, bool tap)
{
	bool more = false;

	if (n->channel && adapter)
		handle_adapter(n);
	if (n->channel && n->info.online) {
		more = nic_pump_rx(n);
		if (tap || (n->tap_armed && more))
			more |= nic_pump_tx(n);
		if (n->look)
			nic_settings(n);
		/* The pumps and settings may have met a dead queue or daemon. */
		handle_adapter(n);
	}
	arm_tap(n);
	return more;
}

int nic_run(struct nic *n)
{
	struct epoll_event ev[EVENTS];
	bool more = true, adapter, tap;
	int rc = make_set(n), k;

	if (rc < 0) {
		fprintf(stderr, "zlan-nic: %s\n", strerror(-rc));
		return 1;
	}
	now_online(n);
	while (!n->stopping) {
		k = epoll_wait(n->epoll, ev, EVENTS, more ? 0 : -1);
		adapter = tap = false;
		for (int i = 0; i < k; i++) {
			adapter |= ev[i].data.u32 == SRC_CHANNEL;
			tap |= ev[i].data.u32 == SRC_TAP;
			on_event(n, &ev[i]);
		}
		if (!n->stopping)
			more = turn(n, adapter, tap);
	}
	if (!n->failed)
		return 0;
	fprintf(stderr, "%s\n", n->text);
	return 1;
}
