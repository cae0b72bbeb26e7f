/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An OSA adapter inside an emulator. Theory of operation.
 *
 * Goal: a device type ZOSA whose three subchannels are qdio + osa working on the emulator's main
 * storage, and whose cable is the port socket of a zland. The emulator needs no privilege and
 * knows no network.
 *
 * Flow. The emulator's channel fetches CCWs and calls zosa_execute on a device thread for each
 * command; qdio executes it and ends it through env_interrupt, at once or later. A READ
 * without message and ACTIVATE QUEUES end later: the device thread waits in zosa_execute, as
 * that is how this family of emulators keeps a subchannel busy. Halt and clear show in the
 * subchannel's status word, which the waiting thread looks at.
 *
 * Threads. Device threads (one per running channel program) and the service thread drive the
 * adapter's control calls under z->lock. The data thread moves frames between queues and
 * port socket and sleeps on an eventfd and the socket. While it sleeps, or interrupts the guest, a
 * processor's thread that executes SIGA moves a burst itself: a wake-up less on the way of a frame.
 * Else it writes the eventfd at most: SIGA never waits for anything. It interrupts (not by PCI)
 * behind the port link's lock: the processor's thread may take its place before it has come back.
 *
 * HiperSockets: SIGA delivers into the receivers' buffers, on the processor's thread (hipers.h),
 * or sends to zland, if the LAN is there; what comes from there the data thread delivers. What must
 * not be done with the LAN's lock is interrupt a receiver: that takes the emulator's interrupt
 * lock, whose holder may be waiting for this very processor to stop. So a note is left to the
 * receiver's service thread, or, with a cable, data thread.
 *
 * Lock order: z->lock, the adapter's and the port link's own locks, the emulator's device lock. So
 * nothing here takes z->lock with a device lock held, except zosa_destroy, which runs when no
 * channel program may be started any more; the emulator's half tries for its locks and
 * gives up when z->closing is set.
 *
 * Without a daemon the adapter has no cable: the guest comes online without carrier and hears of
 * the cable when it is there.
 */
#include "guest/hercules/zosa.h"

#include <errno.h>
#include <linux/membarrier.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "common/slice.h"
#include "guest/hercules/hipers.h"
#include "guest/hercules/operands.h"
#include "guest/hercules/record.h"
#include "guest/portlink.h"
#include "osa/osa.h"

#define SERVICE_MS 250	 /* portlink wants to be called at least every 500 ms */
#define TICK_MS 200	 /* osa_tick: one to ten times a second */
#define STOP_LOOK_MS 20	 /* how soon a clear is seen that nobody tells us of */
#define STOP_WAIT_MS 300 /* a processor waits that long for a program that it halts */
#define ADAPTERS_MAX 64
#define LOOK_AGAIN_MS 2 /* see data_main */
#define NO_ROOM_MS 2	/* a guest that makes room does not tell */
#define SAID 1		/* instead of -errno: the user has been told why */
#define ENDED (QDIO_DSTAT_CHANNEL_END | QDIO_DSTAT_DEVICE_END)

/* The command a device is executing. */
struct slot {
	bool done;
	struct qdio_irb irb;
};

struct zosa {
	struct zosa_operands cfg;
	struct zosa_place place;

	pthread_mutex_t lock;
	pthread_cond_t ended; /* a slot is done, or a stop may have been asked for */
	struct osa *osa;
	struct slot slot[QDIO_DEVICES];
	unsigned inside[QDIO_DEVICES]; /* threads in zosa_execute */
	bool attached;
	bool fenced; /* see fence */

	struct hipers *hipers; /* NULL: an OSD */
	_Atomic bool interrupt_due, signal_due, tick_due, look_again;
	struct record *record; /* NULL unless asked for */
	struct portlink *link; /* NULL: HiperSockets of this emulator */
	pthread_t service, data;
	int bell; /* eventfd of the data thread */
	/* Not zero while the data thread sleeps or is about to. */
	_Atomic uint32_t want_kick;
	_Atomic bool closing;
};

/* CHSC speaks of all adapters of the emulator at once, and comes without naming one. */
static struct {
	pthread_mutex_t lock;
	unsigned n;
	struct zosa *z[ADAPTERS_MAX];
} adapters = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* This thread is a processor's and has the device's lock. */
static _Thread_local bool in_siga;
/* Whose data thread this is, while it has the port link's lock. */
static _Thread_local const struct zosa *pumping;

static void say(const struct zosa *z, const char *text)
{
	char line[256];

	snprintf(line, sizeof(line), "%s %04X: %s", ZOSA_TYPE, z->place.devno[0], text);
	emu_say(line);
}

/* ---- the data thread ------------------------------------------------------------------------ */

static void ring(struct zosa *z)
{
	/* Cannot fail but by 2^64 rings unheard. */
	eventfd_write(z->bell, 1);
}

/* Return: it sleeps, and is to be woken: once. */
static bool sleeps(struct zosa *z)
{
	/* Pairs with portlink_arm: the guest's buffer states are stored before the flag is read. */
	atomic_thread_fence(memory_order_seq_cst);
	return atomic_exchange_explicit(&z->want_kick, 0, memory_order_relaxed);
}

/*
 * When it is done, what any thread of the emulator has stored before can be seen. With QEBSM
 * nothing orders a guest's store of a state and its look at the one before, so this does, for both.
 */
static void fence(void)
{
	syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0);
}

static bool fence_prepare(void)
{
	return !syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0);
}

/* What interrupts the guest is left to the data thread: this one has the device's lock. */
static void hand_over(struct zosa *z)
{
	if (!sleeps(z))
		return;
	in_siga = true;
	if (z->record || !portlink_send_now(z->link)) {
		ring(z);
	} else if (z->place.qebsm && !z->fenced) {
		/* See data_main. */
		atomic_store(&z->look_again, true);
		ring(z);
	}
	in_siga = false;
}

int zosa_siga(struct zosa *z, unsigned fc, uint32_t mask)
{
	record_siga(z->record, fc, mask);
	if (z->hipers)
		return hipers_siga(z->hipers, fc, mask);
	/* Of input: frames that found no buffer are gone. */
	if (fc != QDIO_SIGA_R)
		hand_over(z);
	return 0;
}

/* What was left to the adapter's thread that may wait for the emulator's locks. */
static void interrupt_if_due(struct zosa *z)
{
	if (atomic_exchange(&z->interrupt_due, false))
		emu_adapter_interrupt(z->place.device[QDIO_DEVICES - 1], &z->closing);
	if (atomic_exchange(&z->signal_due, false))
		qdio_group_signal(osa_group(z->osa));
}

static unsigned pump_now(struct zosa *z)
{
	unsigned n;

	pumping = z;
	n = portlink_pump(z->link);
	pumping = NULL;
	return n;
}

/* With a recording under the control lock: then the queues do not end under its eyes. */
static unsigned pump(struct zosa *z)
{
	const struct qdio_queues *qs = qdio_group_queues(osa_group(z->osa));
	bool active;
	unsigned n;

	if (!z->record || z->hipers)
		return pump_now(z);
	pthread_mutex_lock(&z->lock);
	active = qdio_group_state(osa_group(z->osa)) == QDIO_ACTIVE;
	if (active)
		record_before(z->record, qs);
	n = portlink_pump(z->link);
	if (active)
		record_after(z->record, qs);
	pthread_mutex_unlock(&z->lock);
	return n;
}

/* Return: nothing has come in that time. */
static bool data_sleep(struct zosa *z, int timeout_ms)
{
	bool waits = portlink_waits(z->link);
	struct pollfd p[3] = {
		{.fd = z->bell, .events = POLLIN},
		{.fd = waits ? -1 : portlink_data_fd(z->link), .events = POLLIN},
		{.fd = portlink_result_fd(z->link), .events = POLLIN},
	};
	bool over = poll(p, 3, waits ? NO_ROOM_MS : timeout_ms) == 0;
	eventfd_t rings;

	/* The adapter drains it too, but only while its queues are active. */
	if (p[0].revents & POLLIN)
		eventfd_read(z->bell, &rings);
	return over;
}

/*
 * A guest that sees the buffer before its own still primed does not signal. With QEBSM the
 * emulator's SQBS and EQBS order nothing between its store and that look, so the buffer may become
 * visible after ours: a sleep after frames of the guest is a short one once. A processor that
 * sends has a fence instead, if the kernel has it.
 */
static void *data_main(void *arg)
{
	struct zosa *z = arg;
	bool sent = false;

	pthread_setname_np(pthread_self(), "zosa-data");
	slice_shorten();
	while (!atomic_load_explicit(&z->closing, memory_order_relaxed)) {
		bool some = pump(z);

		/*
		 * Its processor may be ours: it answers before we are back, and shall send. A PCI
		 * has been raised by now.
		 */
		if (atomic_load_explicit(&z->interrupt_due, memory_order_relaxed))
			portlink_arm(z->link);
		interrupt_if_due(z);
		if (portlink_sent(z->link))
			sent = true;
		if (atomic_exchange(&z->look_again, false))
			sent = true;
		if (some)
			continue;
		if (!portlink_arm(z->link) &&
		    data_sleep(z, sent && z->place.qebsm ? LOOK_AGAIN_MS : -1))
			sent = false;
		portlink_disarm(z->link);
	}
	return NULL;
}

/* ---- the service thread --------------------------------------------------------------------- */

static void link_say(void *ctx, const char *line)
{
	say(ctx, line);
}

static void link_plug(void *ctx, bool in)
{
	struct zosa *z = ctx;
	struct vs_link link = portlink_link(z->link);

	int rc = 0;

	pthread_mutex_lock(&z->lock);
	z->attached = in;
	if (z->hipers)
		rc = hipers_plug(z->hipers, in ? z->link : NULL);
	else
		osa_set_link(z->osa, in ? &link : NULL);
	pthread_mutex_unlock(&z->lock);
	if (rc)
		say(z, strerror(-rc));
	ring(z); /* the data thread is to look at another socket */
}

static bool link_unit(void *ctx, const uint8_t *p, uint32_t len)
{
	return hipers_unit(((struct zosa *)ctx)->hipers, p, len);
}

static void link_results(void *ctx, const uint8_t *reason, unsigned n)
{
	hipers_results(((struct zosa *)ctx)->hipers, reason, n);
}

static void link_event(void *ctx, uint8_t command, const void *data, size_t len)
{
	struct zosa *z = ctx;

	pthread_mutex_lock(&z->lock);
	/* Without room for one it is not told, as of a LAN here. */
	(void)osa_ipa_event(z->osa, command, data, len);
	pthread_mutex_unlock(&z->lock);
}

static void link_mac(void *ctx, const uint8_t mac[6])
{
	struct zosa *z = ctx;

	pthread_mutex_lock(&z->lock);
	osa_set_mac(z->osa, mac);
	pthread_mutex_unlock(&z->lock);
}

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static void tick(struct zosa *z, uint64_t *last_ms)
{
	uint64_t now = now_ms();

	if (!atomic_exchange(&z->tick_due, false) && now - *last_ms < TICK_MS)
		return;
	*last_ms = now;
	pthread_mutex_lock(&z->lock);
	osa_tick(z->osa, now);
	pthread_mutex_unlock(&z->lock);
}

static void *service_main(void *arg)
{
	struct zosa *z = arg;
	uint64_t ticked_ms = 0;

	pthread_setname_np(pthread_self(), "zosa-service");
	while (!atomic_load_explicit(&z->closing, memory_order_relaxed)) {
		struct pollfd p;

		portlink_service(z->link);
		tick(z, &ticked_ms);
		p = (struct pollfd){.fd = portlink_service_fd(z->link), .events = POLLIN};
		poll(&p, 1, SERVICE_MS);
	}
	return NULL;
}

static void *hipers_main(void *arg)
{
	struct zosa *z = arg;
	uint64_t ticked_ms = 0;

	pthread_setname_np(pthread_self(), "zosa-hipers");
	while (!atomic_load_explicit(&z->closing, memory_order_relaxed)) {
		struct pollfd p = {.fd = z->bell, .events = POLLIN};
		eventfd_t rings;

		if (poll(&p, 1, SERVICE_MS) > 0)
			eventfd_read(z->bell, &rings);
		interrupt_if_due(z);
		tick(z, &ticked_ms);
	}
	return NULL;
}

/* ---- what the group asks for ---------------------------------------------------------------- */

/* z->lock is held: every control call is made with it. */
static void env_interrupt(void *env, unsigned dev, const struct qdio_irb *irb)
{
	struct zosa *z = env;

	z->slot[dev].irb = *irb;
	z->slot[dev].done = true;
	pthread_cond_broadcast(&z->ended);
}

/* SIGA has the device's lock, which a PCI waits for with a lock of the group held. */
static bool env_later(void *env)
{
	struct zosa *z = env;

	if (in_siga && !atomic_exchange(&z->signal_due, true))
		ring(z);
	return in_siga;
}

static void env_pci(void *env, unsigned dev)
{
	struct zosa *z = env;
	struct qdio_irb irb;

	if (z->record) {
		qdio_group_pci_status(osa_group(z->osa), &irb);
		record_pci(z->record, &irb);
	}
	emu_pci(z->place.device[dev], &z->closing);
}

static void env_adapter_interrupt(void *env, unsigned isc)
{
	struct zosa *z = env;

	(void)isc; /* the emulator takes the subclass of the subchannel */
	if (pumping == z) {
		atomic_store(&z->interrupt_due, true);
		return;
	}
	if (z->hipers) {
		if (!atomic_exchange(&z->interrupt_due, true))
			ring(z);
		return;
	}
	emu_adapter_interrupt(z->place.device[QDIO_DEVICES - 1], &z->closing);
}

/* Of HiperSockets: their service thread has something to tell the guest. */
static void env_kick(void *env)
{
	struct zosa *z = env;

	if (z->hipers ? !atomic_exchange(&z->tick_due, true) : sleeps(z))
		ring(z);
}

static const struct qdio_env_ops env_ops = {
	.interrupt = env_interrupt,
	.pci = env_pci,
	.adapter_interrupt = env_adapter_interrupt,
	.kick = env_kick,
	.later = env_later,
};

/* ---- commands ------------------------------------------------------------------------------- */

static void enable_all(struct zosa *z)
{
	/* The emulator knows which subchannels are enabled; here all are. */
	for (unsigned dev = 0; dev < QDIO_DEVICES; dev++)
		qdio_msch(osa_group(z->osa), dev, true, 0);
}

static void stop_device(struct zosa *z, unsigned dev, enum emu_stop why)
{
	struct qdio_group *g = osa_group(z->osa);

	if (why == EMU_HALT) {
		qdio_hsch(g, dev);
	} else if (why == EMU_CLEAR) {
		qdio_csch(g, dev);
	} else {
		qdio_system_reset(g);
		enable_all(z);
	}
}

/* ms below 1000. */
static struct timespec from_now(unsigned ms)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_nsec += ms * 1000000L;
	if (t.tv_nsec >= 1000000000L) {
		t.tv_nsec -= 1000000000L;
		t.tv_sec++;
	}
	return t;
}

static void wait_a_little(struct zosa *z)
{
	struct timespec until = from_now(STOP_LOOK_MS);

	pthread_cond_timedwait(&z->ended, &z->lock, &until);
}

/* Until the command has ended or is not to go on. z->lock is held. */
static enum emu_stop wait_end(struct zosa *z, unsigned dev)
{
	while (!z->slot[dev].done) {
		enum emu_stop why = emu_stop_wanted(z->place.device[dev]);

		if (atomic_load_explicit(&z->closing, memory_order_relaxed))
			return EMU_RESET;
		if (why != EMU_GO_ON) {
			stop_device(z, dev, why);
			return why;
		}
		wait_a_little(z);
	}
	return EMU_GO_ON;
}

static void end_from(const struct qdio_irb *irb, struct zosa_end *end)
{
	end->unit_status = irb->scsw.dstat;
	end->residual = be16_get(irb->scsw.count);
	memcpy(end->sense, irb->sense, sizeof(end->sense));
	/* The emulator's handlers have no way to say program check. */
	if (irb->scsw.sstat) {
		end->unit_status = ENDED | QDIO_DSTAT_UNIT_CHECK;
		end->sense[0] = QDIO_SENSE0_COMMAND_REJECT;
	}
}

/* A command that cannot be begun. */
static void end_refused(struct zosa_end *end, const struct qdio_single *cmd)
{
	end->unit_status = ENDED | QDIO_DSTAT_UNIT_CHECK;
	end->residual = cmd->count;
	end->sense[0] = QDIO_SENSE0_COMMAND_REJECT;
}

static int set_storage(struct zosa *z)
{
	struct qdio_storage st = {.map = emu_storage, .ctx = z->place.device[0]};

	if (z->cfg.trace[0]) {
		z->record = record_open(z->cfg.trace, &st, &z->place);
		if (!z->record)
			return -errno;
	}
	return qdio_group_set_storage(osa_group(z->osa), &st);
}

/*
 * Begin and wait. z->lock is held, but not while the emulator marks the subchannel: that takes
 * its device lock.
 */
static enum emu_stop run(struct zosa *z, unsigned dev, const struct qdio_single *cmd,
			 struct zosa_end *end)
{
	enum emu_stop why = EMU_GO_ON;

	z->slot[dev].done = false;
	record_begin(z->record, dev, cmd);
	if (atomic_load(&z->closing) || qdio_execute(osa_group(z->osa), dev, cmd)) {
		end_refused(end, cmd);
		record_end(z->record, dev, cmd, end);
		return EMU_GO_ON;
	}
	if (!z->slot[dev].done && cmd->cmd == QDIO_CCW_AQ) {
		pthread_mutex_unlock(&z->lock);
		emu_qdio_active(z->place.device[dev], true);
		ring(z);
		pthread_mutex_lock(&z->lock);
	}
	why = wait_end(z, dev);
	if (why != EMU_GO_ON) {
		record_stop(z->record, dev, why);
		return why;
	}
	end_from(&z->slot[dev].irb, end);
	if (cmd->cmd == QDIO_CCW_EQ && end->unit_status == ENDED)
		emu_queues(z->place.device[dev], qdio_group_queues(osa_group(z->osa)));
	record_end(z->record, dev, cmd, end);
	return why;
}

void zosa_execute(struct zosa *z, unsigned dev, const struct qdio_single *cmd, struct zosa_end *end)
{
	void *device = z->place.device[dev];
	enum emu_stop why;
	bool closing;

	memset(end, 0, sizeof(*end));
	pthread_mutex_lock(&z->lock);
	z->inside[dev]++;
	why = run(z, dev, cmd, end);
	closing = atomic_load(&z->closing);
	pthread_mutex_unlock(&z->lock);
	/* When the device goes away its lock is held by whoever waits for us to leave. */
	if (!closing && why != EMU_GO_ON)
		emu_stopped(device, why);
	else if (!closing && cmd->cmd == QDIO_CCW_AQ)
		emu_qdio_active(device, false);
	if (why != EMU_GO_ON) {
		end->stopped = true;
		end->unit_status = ENDED;
		end->residual = cmd->count;
	}
	pthread_mutex_lock(&z->lock);
	z->inside[dev]--;
	pthread_cond_broadcast(&z->ended);
	pthread_mutex_unlock(&z->lock);
}

void zosa_wake(struct zosa *z)
{
	/* Without the lock, see above: a wake that comes a moment too early is found out
	 * STOP_LOOK_MS later. */
	pthread_cond_broadcast(&z->ended);
}

void zosa_wait_stopped(struct zosa *z, unsigned dev)
{
	struct timespec until = from_now(STOP_WAIT_MS);

	if (pthread_mutex_clocklock(&z->lock, CLOCK_MONOTONIC, &until))
		return;
	pthread_cond_broadcast(&z->ended);
	while (z->inside[dev] && !pthread_cond_timedwait(&z->ended, &z->lock, &until)) {
		/* It looks at the subchannel again as it wakes, and leaves. */
	}
	pthread_mutex_unlock(&z->lock);
}

int zosa_chsc(uint8_t block[QDIO_CHSC_BLOCK_BYTES])
{
	struct qdio_group *groups[ADAPTERS_MAX];
	int rc;

	/* Not z->lock: a processor must not wait for the daemon. What CHSC looks at is
	 * constant, atomic, or under the group's own locks. */
	pthread_mutex_lock(&adapters.lock);
	for (unsigned i = 0; i < adapters.n; i++)
		groups[i] = osa_group(adapters.z[i]->osa);
	rc = qdio_chsc(groups, adapters.n, block);
	for (unsigned i = 0; i < adapters.n; i++)
		record_chsc(adapters.z[i]->record, block, rc);
	pthread_mutex_unlock(&adapters.lock);
	return rc;
}

static bool adapters_add(struct zosa *z)
{
	bool room;

	pthread_mutex_lock(&adapters.lock);
	room = adapters.n < ADAPTERS_MAX;
	if (room)
		adapters.z[adapters.n++] = z;
	pthread_mutex_unlock(&adapters.lock);
	return room;
}

static void adapters_remove(const struct zosa *z)
{
	pthread_mutex_lock(&adapters.lock);
	for (unsigned i = 0; i < adapters.n; i++)
		if (adapters.z[i] == z)
			adapters.z[i] = adapters.z[--adapters.n];
	pthread_mutex_unlock(&adapters.lock);
}

/* ---- life ----------------------------------------------------------------------------------- */

/* Until the switch has named one: locally administered, and the same at every start. */
static void provisional_mac(const struct zosa_operands *cfg, uint8_t mac[6])
{
	uint32_t h = 2166136261u; /* FNV-1a */

	for (const char *c = cfg->user; *c; c++)
		h = (h ^ (uint8_t)*c) * 16777619u;
	h = (h ^ cfg->vdev) * 16777619u;
	mac[0] = 0x02;
	mac[1] = 0x5A;
	be32_store(mac + 2, h);
}

static struct osa_config adapter_config(const struct zosa *z)
{
	struct osa_config cfg = {
		.chpid = z->cfg.chpid,
		.unit_addr = (uint8_t)(z->place.devno[QDIO_DEVICES - 1] & 0xFF),
		.thin_interrupts = z->place.thin_interrupts,
		.qebsm = z->place.qebsm,
		.qebsm_elsewhere = z->place.qebsm,
	};

	memcpy(cfg.subchannel, z->place.subchannel, sizeof(cfg.subchannel));
	memcpy(cfg.devno, z->place.devno, sizeof(cfg.devno));
	return cfg;
}

static int make_hipers(struct zosa *z)
{
	struct osa_config cfg = adapter_config(z);
	char why[160];

	if (z->cfg.lan[0])
		z->hipers = hipers_create(z->cfg.lan, z->cfg.mfs, z->cfg.analyzer, &cfg, &env_ops,
					  z, why, sizeof(why));
	else
		z->hipers = hipers_create_far(z->cfg.user, &cfg, &env_ops, z);
	if (!z->hipers && z->cfg.lan[0]) {
		say(z, why);
		return SAID;
	}
	if (!z->hipers)
		return -errno;
	z->osa = hipers_osa(z->hipers);
	z->attached = z->cfg.lan[0];
	enable_all(z);
	return set_storage(z);
}

static int make_adapter(struct zosa *z)
{
	struct osa_config cfg = adapter_config(z);
	struct osa_doorbell bell = {.want_kick = &z->want_kick, .fd = z->bell};

	memcpy(cfg.name, z->cfg.user, sizeof(cfg.name));
	provisional_mac(&z->cfg, cfg.mac);
	z->osa = osa_create(&cfg, &env_ops, z);
	if (!z->osa)
		return -errno;
	osa_set_doorbell(z->osa, &bell);
	enable_all(z);
	return set_storage(z);
}

static int make_link(struct zosa *z)
{
	struct portlink_config cfg = {
		.dir = z->cfg.dir,
		.user = z->cfg.user,
		.vdev = z->cfg.vdev,
		.log = link_say,
		.plug = link_plug,
		.mac = link_mac,
		.hipers = z->hipers,
		.unit = link_unit,
		.results = link_results,
		.event = link_event,
		.fence = z->fenced ? fence : NULL,
		.ctx = z,
	};

	z->link = portlink_create(&cfg);
	return z->link ? 0 : -errno;
}

static int start_threads(struct zosa *z)
{
	int rc;

	if (!z->link)
		return -pthread_create(&z->service, NULL, hipers_main, z);
	rc = pthread_create(&z->data, NULL, data_main, z);
	if (rc)
		return -rc;
	rc = pthread_create(&z->service, NULL, service_main, z);
	if (rc) {
		atomic_store(&z->closing, true);
		ring(z);
		pthread_join(z->data, NULL);
	}
	return -rc;
}

static void init_locks(struct zosa *z)
{
	pthread_condattr_t attr;

	pthread_mutex_init(&z->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&z->ended, &attr);
	pthread_condattr_destroy(&attr);
}

static void release(struct zosa *z)
{
	if (z->hipers)
		hipers_destroy(z->hipers);
	else
		osa_destroy(z->osa);
	portlink_destroy(z->link);
	record_close(z->record);
	if (z->bell >= 0)
		close(z->bell);
	pthread_cond_destroy(&z->ended);
	pthread_mutex_destroy(&z->lock);
	free(z);
}

static int build(struct zosa *z)
{
	int rc;

	z->bell = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (z->bell < 0)
		return -errno;
	rc = z->cfg.hipers ? make_hipers(z) : make_adapter(z);
	if (!rc && !z->cfg.lan[0])
		rc = make_link(z);
	if (!rc && !adapters_add(z))
		rc = -ENOSPC;
	return rc;
}

struct zosa *zosa_create(const struct zosa_place *place, int argc, char *const *argv)
{
	struct zosa *z = calloc(1, sizeof(*z));
	char why[160];
	int rc;

	if (!z) {
		emu_say(ZOSA_TYPE ": no memory");
		return NULL;
	}
	z->place = *place;
	z->bell = -1;
	init_locks(z);
	rc = zosa_operands_parse(&z->cfg, place, argc, argv, why, sizeof(why));
	if (rc) {
		say(z, why);
		goto fail;
	}
	z->fenced = z->place.qebsm && fence_prepare();
	rc = build(z);
	if (!rc)
		rc = start_threads(z);
	if (rc) {
		if (rc != SAID)
			say(z, strerror(-rc));
		adapters_remove(z);
		goto fail;
	}
	return z;
fail:
	release(z);
	return NULL;
}

void zosa_destroy(struct zosa *z)
{
	if (!z)
		return;
	adapters_remove(z);
	atomic_store(&z->closing, true);
	ring(z);
	if (z->link)
		pthread_join(z->data, NULL);
	pthread_join(z->service, NULL);
	pthread_mutex_lock(&z->lock);
	pthread_cond_broadcast(&z->ended);
	for (unsigned dev = 0; dev < QDIO_DEVICES; dev++)
		while (z->inside[dev])
			pthread_cond_wait(&z->ended, &z->lock);
	pthread_mutex_unlock(&z->lock);
	release(z);
}

uint8_t zosa_chpid(const struct zosa *z)
{
	return z->cfg.chpid;
}

bool zosa_hipers(const struct zosa *z)
{
	return z->hipers;
}

void zosa_describe(const struct zosa *z, char *buf, size_t cap)
{
	struct portlink_stats s;

	if (!z->link) {
		hipers_describe(z->hipers, buf, cap);
		return;
	}
	portlink_stats(z->link, &s);
	snprintf(buf, cap, "%suser %s vdev %04X dir %s %s out[%llu] in[%llu]",
		 z->hipers ? "hipers " : "", z->cfg.user, z->cfg.vdev, z->cfg.dir,
		 z->attached ? "attached" : "not attached", (unsigned long long)s.out_frames,
		 (unsigned long long)s.in_frames);
}
