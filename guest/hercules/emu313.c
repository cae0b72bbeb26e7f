/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The module in Hercules 3.13, as Debian packages it. Source: spec/hercules-module.md; its
 * marks say what was tried.
 *
 * What this emulator lacks: CHSC beyond one request (answered through its hook for unknown ones),
 * adapter interrupts and QEBSM, a call on CLEAR SUBCHANNEL (polled), a way for a handler to report
 * a program check.
 */
#include <stdatomic.h>

/* Ours first: the emulator defines short names such as sstat as macros. */
#include "guest/hercules/zosa.h"

#include "hstdinc.h"
#include "hercules.h"
#include "devtype.h"
#include "chsc.h"

#ifdef ZOSA_DEBIAN313
/* What `lsdep` shows of the packaged binary. Its loader refuses a module that differs: 1. */
static_assert(sizeof(REGS) == 53648 && sizeof(DEVBLK) == 7656 && sizeof(SYSBLK) == 56288,
	      "not the layout of Debian's hercules 3.13: name the folder with your config.h by "
	      "HERCULES_BUILD");
#endif

#define KEY_ALL 0
#define CHPID_MAX 0x7F /* its answer to 0x0004 shows the CHPID where a flag byte is: 3 */
#define FRAME_BYTES 4096u
#define SENSE_BYTES 32
#define GROUP_LOOKS 200 /* two seconds */
#define GROUP_LOOK_US 10000

/* ---- the subchannel ------------------------------------------------------------------------- */

enum emu_stop emu_stop_wanted(void *device)
{
	const DEVBLK *dev = device;
	BYTE activity = *(const volatile BYTE *)&dev->scsw.flag2;

	if (activity & SCSW2_AC_CLEAR)
		return EMU_CLEAR;
	if (activity & SCSW2_AC_HALT)
		return EMU_HALT;
	/* A system reset leaves no other trace. */
	return dev->busy ? EMU_GO_ON : EMU_RESET;
}

void emu_stopped(void *device, enum emu_stop why)
{
	DEVBLK *dev = device;

	emu_qdio_active(device, false);
	if (why != EMU_HALT)
		return;
	/* The end of a halt would leave these on, and the guest would wait for ever: 4. */
	obtain_lock(&dev->lock);
	dev->scsw.flag3 &= (BYTE) ~(SCSW3_AC_SCHAC | SCSW3_AC_DEVAC);
	release_lock(&dev->lock);
}

void emu_qdio_active(void *device, bool on)
{
	DEVBLK *dev = device;

	obtain_lock(&dev->lock);
	if (on) {
		dev->scsw.flag2 |= SCSW2_Q;
	} else {
		dev->scsw.flag2 &= (BYTE)~SCSW2_Q;
		memset(&dev->pciscsw, 0, sizeof(dev->pciscsw));
		DEQUEUE_IO_INTERRUPT(&dev->pciioint);
	}
	release_lock(&dev->lock);
}

/* ---- interruptions -------------------------------------------------------------------------- */

/* The lock, unless the adapter is being closed, perhaps by the holder. */
static bool lock_device(DEVBLK *dev, const _Atomic bool *closing)
{
	while (try_obtain_lock(&dev->lock)) {
		if (atomic_load_explicit(closing, memory_order_relaxed))
			return false;
		sched_yield();
	}
	return true;
}

void emu_pci(void *device, const _Atomic bool *closing)
{
	DEVBLK *dev = device;
	bool pending;

	if (sysblk.shutdown || !lock_device(dev, closing))
		return;
	pending = dev->pciscsw.flag3 & SCSW3_SC_PEND;
	if (!pending) {
		memset(&dev->pciscsw, 0, sizeof(dev->pciscsw));
		dev->pciscsw.flag1 = SCSW1_F;
		dev->pciscsw.flag2 = SCSW2_Q | SCSW2_FC_START;
		dev->pciscsw.flag3 =
			SCSW3_AC_SCHAC | SCSW3_AC_DEVAC | SCSW3_SC_INTER | SCSW3_SC_PEND;
		dev->pciscsw.chanstat = CSW_PCI;
		QUEUE_IO_INTERRUPT(&dev->pciioint);
	}
	release_lock(&dev->lock);
	if (pending)
		return;
	OBTAIN_INTLOCK(NULL);
	UPDATE_IC_IOPENDING();
	RELEASE_INTLOCK(NULL);
}

/* Never offered: zosa_place.thin_interrupts is false. */
void emu_adapter_interrupt(void *device, const _Atomic bool *closing)
{
	(void)device;
	(void)closing;
}

/* It has neither SQBS nor EQBS. */
void emu_queues(void *device, const struct qdio_queues *queues)
{
	(void)device;
	(void)queues;
}

/* ---- main storage --------------------------------------------------------------------------- */

static bool key_allows(BYTE storage_key, uint8_t key, enum qdio_access access)
{
	if (key == KEY_ALL || storage_key >> 4 == key)
		return true;
	return access == QDIO_FETCH && !(storage_key & STORKEY_FETCH);
}

/* One frame of 4 KiB: check, then record the access. */
static bool use_frame(DEVBLK *dev, uint64_t frame, uint8_t key, enum qdio_access access)
{
	BYTE bits = access == QDIO_STORE ? STORKEY_REF | STORKEY_CHANGE : STORKEY_REF;
	_Atomic BYTE *sk = (_Atomic BYTE *)&STORAGE_KEY(frame, dev);
	BYTE old = atomic_load_explicit(sk, memory_order_relaxed);

	if (!key_allows(old, key, access))
		return false;
	/* Mostly they are on already; processors share the line. */
	if ((old & bits) != bits)
		atomic_fetch_or_explicit(sk, bits, memory_order_relaxed);
	return true;
}

void *emu_storage(void *device, uint64_t addr, uint64_t len, uint8_t key, enum qdio_access access)
{
	DEVBLK *dev = device;
	uint64_t last = addr + (len - 1);

	/* There is none yet when devices are initialised. mainlim is the last byte's address. */
	if (!dev->mainstor || last > dev->mainlim || last < addr)
		return NULL;
	for (uint64_t f = addr & ~(uint64_t)(FRAME_BYTES - 1); f <= last; f += FRAME_BYTES)
		if (!use_frame(dev, f, key, access))
			return NULL;
	return dev->mainstor + addr;
}

/* ---- the device handler --------------------------------------------------------------------- */

void emu_subchannel(void *device, struct qdio_orb *orb, uint8_t pmcw[EMU_PMCW_BYTES])
{
	const DEVBLK *dev = device;
	size_t n = sizeof(dev->orb) < sizeof(*orb) ? sizeof(dev->orb) : sizeof(*orb);

	static_assert(sizeof(dev->pmcw) >= EMU_PMCW_BYTES, "PMCW");
	memset(orb, 0, sizeof(*orb)); /* 3.13 keeps three words */
	memcpy(orb, &dev->orb, n);
	memcpy(pmcw, &dev->pmcw, EMU_PMCW_BYTES);
}

void emu_say(const char *line)
{
	char text[256];

	snprintf(text, sizeof(text), "%s\n", line);
	logmsg("%s", text);
}

static void fill_place(const DEVBLK *last, struct zosa_place *place)
{
	*place = (struct zosa_place){
		.chpid_max = CHPID_MAX,
		.chpid = last->group->memdev[0]->pmcw.chpid[0],
	};
	for (int i = 0; i < QDIO_DEVICES; i++) {
		DEVBLK *dev = last->group->memdev[i];

		place->device[i] = dev;
		place->devno[i] = dev->devnum;
		place->subchannel[i] = dev->subchan;
	}
}

/* Called with the device lock held, on a processor's thread. */
static void halt_device(DEVBLK *dev)
{
	if (dev->dev_data)
		zosa_wake(dev->dev_data);
}

static int complete_group(DEVBLK *last, int argc, char *argv[])
{
	struct zosa_place place;
	struct zosa *z;

	fill_place(last, &place);
	z = zosa_create(&place, argc, argv);
	if (!z)
		return -1;
	for (int i = 0; i < QDIO_DEVICES; i++) {
		DEVBLK *dev = place.device[i];

		dev->pmcw.chpid[0] = zosa_chpid(z);
		dev->dev_data = z;
		/* The close entry is only called for a device with a descriptor. */
		dev->fd = INT_MAX;
	}
	return 0;
}

/*
 * The emulator reuses the blocks of detached devices as they are. One that was detached while
 * online still has the status of the program that ended then, queued as an interruption that the
 * next device's would wait behind for ever. The device lock is held.
 */
static void forget_status(DEVBLK *dev)
{
	DEQUEUE_IO_INTERRUPT(&dev->ioint);
	DEQUEUE_IO_INTERRUPT(&dev->pciioint);
	DEQUEUE_IO_INTERRUPT(&dev->attnioint);
	dev->busy = dev->startpending = 0;
	dev->pending = dev->pcipending = dev->attnpending = 0;
	memset(&dev->scsw, 0, sizeof(dev->scsw));
	memset(&dev->pciscsw, 0, sizeof(dev->pciscsw));
	memset(&dev->attnscsw, 0, sizeof(dev->attnscsw));
}

static int init_device(DEVBLK *dev, int argc, char *argv[])
{
	forget_status(dev);
	dev->devtype = QDIO_DEV_OSA;
	dev->numsense = SENSE_BYTES;
	dev->cdwmerge = 1;
	dev->dev_data = NULL;
	dev->fd = -1;
	dev->halt_device = halt_device;
	dev->pmcw.flag4 |= PMCW4_Q;
	if (!group_device(dev, QDIO_DEVICES))
		return 0;
	return complete_group(dev, argc, argv);
}

/* The first of the group to be closed takes the adapter with it. The device lock is held. */
static int close_device(DEVBLK *dev)
{
	struct zosa *z = dev->dev_data;

	dev->fd = -1;
	if (!z)
		return 0;
	for (int i = 0; dev->group && i < dev->group->acount; i++)
		if (dev->group->memdev[i])
			dev->group->memdev[i]->dev_data = NULL;
	zosa_destroy(z);
	return 0;
}

static void query_device(DEVBLK *dev, char **class, int buflen, char *buffer)
{
	BEGIN_DEVICE_CLASS_QUERY("OSA", dev, class, buflen, buffer);

	if (dev->dev_data)
		zosa_describe(dev->dev_data, buffer, (size_t)buflen);
	else
		snprintf(buffer, (size_t)buflen, "(incomplete group)");
}

static void refuse(DEVBLK *dev, BYTE *unitstat)
{
	memset(dev->sense, 0, SENSE_BYTES);
	dev->sense[0] = SENSE_CR;
	*unitstat = CSW_CE | CSW_DE | CSW_UC;
}

/*
 * A guest is told of each device of a triple as it is attached, and may ask the first who they are
 * before the last is there. The adapter answers as soon as there is one. Of a triple that is being
 * detached the guest is to hear nothing until it is gone, or its driver tries to recover it. The
 * device's thread.
 */
static bool await_group(DEVBLK *dev)
{
	for (unsigned i = 0; i < GROUP_LOOKS && dev->allocated && !dev->dev_data &&
			     !sysblk.shutdown && emu_stop_wanted(dev) == EMU_GO_ON;
	     i++)
		usleep(GROUP_LOOK_US);
	return dev->dev_data;
}

static void execute_ccw(DEVBLK *dev, BYTE code, BYTE flags, BYTE chained, U16 count, BYTE prevcode,
			int ccwseq, BYTE *iobuf, BYTE *more, BYTE *unitstat, U16 *residual)
{
	struct qdio_single cmd = {
		.cmd = code,
		.last_cmd = prevcode,
		.key = dev->orb.flag4 >> 4,
		.idaw64 = dev->orb.flag5 & ORB5_H,
		.count = count,
		.data = iobuf,
	};
	struct zosa_end end;

	(void)flags;
	(void)ccwseq;
	*more = 0;
	*residual = count;
	/* Writes are merged before we see them; data-chained reads no driver of this device uses.
	 */
	if (!await_group(dev) || chained & CCW_FLAGS_CD) {
		refuse(dev, unitstat);
		return;
	}
	zosa_execute(dev->dev_data, (unsigned)dev->member, &cmd, &end);
	*unitstat = end.unit_status;
	*residual = end.residual;
	if (end.stopped) /* the same CCW again, before which the emulator sees to halt and clear */
		*unitstat = CSW_CE | CSW_DE | CSW_UC | CSW_SM;
	else if (end.unit_status & CSW_UC)
		memcpy(dev->sense, end.sense, SENSE_BYTES);
}

/* While it is being detached frames vanish, as on a cable that is pulled: see await_group. */
static int signal_adapter(DEVBLK *dev, unsigned fc, U32 qmask)
{
	if (!dev->dev_data)
		return 0;
	return zosa_siga(dev->dev_data, fc, qmask);
}

static int signal_input(DEVBLK *dev, U32 qmask)
{
	return signal_adapter(dev, QDIO_SIGA_R, qmask);
}

static int signal_output(DEVBLK *dev, U32 qmask)
{
	return signal_adapter(dev, QDIO_SIGA_W, qmask);
}

/* ---- CHSC ----------------------------------------------------------------------------------- */

/*
 * The hook for requests the emulator does not know. @req: in main storage, at the start of its
 * page, validated for storing. Return: not NULL: answered.
 */
static void *unknown_chsc(void *rsp, void *req, REGS *regs)
{
	uint8_t block[QDIO_CHSC_BLOCK_BYTES];
	size_t at = (size_t)((BYTE *)rsp - (BYTE *)req), n;

	memcpy(block, req, sizeof(block));
	if (at + sizeof(CHSC_RSP) > sizeof(block) || zosa_chsc(block))
		return NULL;
	n = be16_load(block + at);
	if (n > sizeof(block) - at)
		return NULL;
	memcpy(rsp, block + at, n);
	regs->psw.cc = 0;
	return rsp;
}

/* ---- what the loader looks for -------------------------------------------------------------- */

static DEVHND zosa_device_hndinfo = {
	.init = init_device,
	.exec = execute_ccw,
	.close = close_device,
	.query = query_device,
	.siga_r = signal_input,
	.siga_w = signal_output,
};

HDL_DEPENDENCY_SECTION;
{
	HDL_DEPENDENCY(HERCULES);
	HDL_DEPENDENCY(REGS);
	HDL_DEPENDENCY(DEVBLK);
	HDL_DEPENDENCY(SYSBLK);
}
END_DEPENDENCY_SECTION

HDL_REGISTER_SECTION;
{
	HDL_REGISTER(debug_chsc_unknown_request, unknown_chsc);
}
END_REGISTER_SECTION

HDL_DEVICE_SECTION;
{
	HDL_DEVICE(ZOSA, zosa_device_hndinfo);
}
END_DEVICE_SECTION
