/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The module in SDL Hyperion 4.x. Source: spec/hercules-module.md.
 *
 * This emulator answers CHSC itself and asks device handlers for what it cannot know (ssqd, ssci),
 * tells them of halt and clear, and can present the PCI element as an adapter interruption.
 * QEBSM it executes on addresses in its own device block: emu_queues. Its EQBS acknowledges nothing
 * and reports no other state, which Linux takes as it is (spec/qdio.md 13 row 13).
 */
#include <stdatomic.h>

/* Ours first: the emulator defines short names such as sstat as macros. */
#include "guest/hercules/zosa.h"

#include "hstdinc.h"
#include "hercules.h"
#include "devtype.h"
#include "chsc.h"
#include "opcode.h"
#include "inline.h"

#define KEY_ALL 0
#define FRAME_BYTES 4096u
#define SENSE_BYTES 32
#define GROUP_LOOKS 200 /* two seconds */
#define GROUP_LOOK_US 10000
#define SSQD_REQUEST 16
#define RESPONSE_HEADER 8
#define STOP_LOOKS 5000 /* half a second: the processor waits as long at most */
#define STOP_LOOK_US 100

/* ---- the subchannel ------------------------------------------------------------------------- */

enum emu_stop emu_stop_wanted(void *device)
{
	const DEVBLK *dev = device;
	BYTE functions = *(const volatile BYTE *)&dev->scsw.flag2;

	/* Halt is no longer pending when our entry is called, but stays the function. */
	if (functions & SCSW2_FC_CLEAR)
		return EMU_CLEAR;
	if (functions & SCSW2_FC_HALT)
		return EMU_HALT;
	return dev->busy ? EMU_GO_ON : EMU_RESET;
}

/* The emulator brings its status in order itself, and halt_device the PCI. */
void emu_stopped(void *device, enum emu_stop why)
{
	(void)device;
	(void)why;
}

/* The device lock is held. */
static void drop_pci(DEVBLK *dev)
{
	memset(&dev->pciscsw, 0, sizeof(dev->pciscsw));
	DEQUEUE_IO_INTERRUPT(&dev->pciioint);
}

void emu_qdio_active(void *device, bool on)
{
	DEVBLK *dev = device;

	OBTAIN_DEVLOCK(dev);
	if (on) {
		dev->scsw.flag2 |= SCSW2_Q;
	} else {
		dev->scsw.flag2 &= (BYTE)~SCSW2_Q;
		drop_pci(dev);
	}
	RELEASE_DEVLOCK(dev);
}

/* ---- interruptions -------------------------------------------------------------------------- */

/*
 * The interrupt lock, then the device's. Halt and clear hold both in that order and may wait for
 * the adapter: then, or when it is being closed, there is nothing to interrupt for.
 */
static bool lock_both(DEVBLK *dev, const _Atomic bool *closing)
{
	for (;;) {
		if (sysblk.shutdown || atomic_load_explicit(closing, memory_order_relaxed) ||
		    dev->scsw.flag2 & (SCSW2_FC_HALT | SCSW2_FC_CLEAR))
			return false;
		if (TRY_OBTAIN_INTLOCK(NULL) == 0) {
			if (try_obtain_lock(&dev->lock) == 0)
				return true;
			RELEASE_INTLOCK(NULL);
		}
		sched_yield();
	}
}

void emu_pci(void *device, const _Atomic bool *closing)
{
	DEVBLK *dev = device;

	if (!lock_both(dev, closing))
		return;
	dev->pciscsw.flag1 = SCSW1_F;
	dev->pciscsw.flag2 |= SCSW2_Q | SCSW2_FC_START;
	dev->pciscsw.flag3 |= SCSW3_AC_SCHAC | SCSW3_AC_DEVAC | SCSW3_SC_INTER | SCSW3_SC_PEND;
	dev->pciscsw.chanstat = CSW_PCI;
	OBTAIN_IOINTQLK();
	QUEUE_IO_INTERRUPT_QLOCKED(&dev->pciioint, FALSE);
	UPDATE_IC_IOPENDING_QLOCKED();
	RELEASE_IOINTQLK();
	RELEASE_DEVLOCK(dev);
	RELEASE_INTLOCK(NULL);
}

/* The same element: the device's thin-interrupt flag, which SADC set, makes the difference. */
void emu_adapter_interrupt(void *device, const _Atomic bool *closing)
{
	emu_pci(device, closing);
}

static U64 states_at(const DEVBLK *dev, const struct qdio_queue *q)
{
	return (U64)((BYTE *)q->slsb - dev->mainstor);
}

/* For SQBS and EQBS, which use them on any processor's thread and check the access as one of it. */
void emu_queues(void *device, const struct qdio_queues *queues)
{
	DEVBLK *dev = device;

	static_assert(QDIO_IN_QUEUES_MAX <= QDIO_MAXQ && QDIO_OUT_QUEUES_MAX <= QDIO_MAXQ,
		      "queues");
	for (unsigned i = 0; i < queues->n_in; i++)
		dev->qdio.i_slsbla[i] = states_at(dev, &queues->in[i]);
	for (unsigned i = 0; i < queues->n_out; i++)
		dev->qdio.o_slsbla[i] = states_at(dev, &queues->out[i]);
	dev->qdio.i_qcnt = (int)queues->n_in;
	dev->qdio.o_qcnt = (int)queues->n_out;
}

/* ---- main storage --------------------------------------------------------------------------- */

static bool key_allows(BYTE storage_key, uint8_t key, enum qdio_access access)
{
	if (key == KEY_ALL || storage_key >> 4 == key)
		return true;
	return access == QDIO_FETCH && !(storage_key & STORKEY_FETCH);
}

static bool use_frame(DEVBLK *dev, uint64_t frame, uint8_t key, enum qdio_access access)
{
	BYTE bits = access == QDIO_STORE ? STORKEY_REF | STORKEY_CHANGE : STORKEY_REF;
	BYTE old = ARCH_DEP(get_dev_4K_storage_key)(dev, frame);

	if (!key_allows(old, key, access))
		return false;
	if ((old & bits) != bits)
		ARCH_DEP(or_dev_4K_storage_key)(dev, frame, bits);
	return true;
}

void *emu_storage(void *device, uint64_t addr, uint64_t len, uint8_t key, enum qdio_access access)
{
	DEVBLK *dev = device;
	uint64_t last = addr + (len - 1);

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
	memset(orb, 0, sizeof(*orb));
	memcpy(orb, &dev->orb, n);
	memcpy(pmcw, &dev->pmcw, EMU_PMCW_BYTES);
}

void emu_say(const char *line)
{
	logmsg("%s\n", line);
}

static void fill_place(const DEVBLK *last, struct zosa_place *place)
{
	*place = (struct zosa_place){
		.chpid_max = UINT8_MAX,
		.chpid = last->group->memdev[0]->pmcw.chpid[0],
	};
#if defined(_FEATURE_QDIO_THININT)
	place->thin_interrupts = FACILITY_ENABLED_DEV(HERC_QDIO_THININT);
#endif
#if defined(_FEATURE_QEBSM)
	place->qebsm = FACILITY_ENABLED_DEV(HERC_QEBSM);
#endif
	for (int i = 0; i < QDIO_DEVICES; i++) {
		DEVBLK *dev = last->group->memdev[i];

		place->device[i] = dev;
		place->devno[i] = dev->devnum;
		place->subchannel[i] = dev->subchan;
	}
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
		if (zosa_hipers(z))
			dev->chptype[0] = CHP_TYPE_IQD;
		dev->dev_data = z;
		/* The close entry is only called for a device with a descriptor. */
		dev->fd = INT_MAX;
	}
	return 0;
}

static int init_device(DEVBLK *dev, int argc, char *argv[])
{
	dev->devtype = QDIO_DEV_OSA;
	dev->chptype[0] = CHP_TYPE_OSD;
	dev->numsense = SENSE_BYTES;
	dev->cdwmerge = 1;
	dev->dev_data = NULL;
	dev->fd = -1;
	dev->pmcw.flag4 |= PMCW4_Q;
	if (!group_device(dev, QDIO_DEVICES))
		return 0;
	return complete_group(dev, argc, argv);
}

/* The first of the group to be closed takes the adapter with it. Device locks are held. */
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

static void query_device(DEVBLK *dev, char **devclass, int buflen, char *buffer)
{
	if (devclass)
		*devclass = "OSA";
	if (!dev || !devclass || !buffer || buflen <= 0)
		return;
	if (dev->dev_data)
		zosa_describe(dev->dev_data, buffer, (size_t)buflen);
	else
		snprintf(buffer, (size_t)buflen, "(incomplete group)");
}

/* The device's thread performs a clear when it sees one, and for a halt it ends its program. */
static bool stop_goes_on(DEVBLK *dev, bool halt)
{
	bool on;

	OBTAIN_DEVLOCK(dev);
	on = halt ? dev->busy && dev->scsw.flag3 & SCSW3_AC_DEVAC
		  : dev->scsw.flag2 & SCSW2_AC_CLEAR;
	RELEASE_DEVLOCK(dev);
	return on;
}

/*
 * Halt, clear and reset: the status word says which. As soon as we return, the emulator makes the
 * ending status pending, and so does the device's thread when it comes to it. The guest is to take
 * both for one, so the thread has to be first: else Linux may have taken the one interruption
 * before the other is there, and complains. The thread needs the locks that are held here, that
 * of the device and for halt that of interruptions: they are given up meanwhile.
 */
static void halt_device(DEVBLK *dev)
{
	bool clear = dev->scsw.flag2 & SCSW2_AC_CLEAR;
	bool halt = !clear && dev->scsw.flag2 & SCSW2_FC_HALT;

	if (!dev->dev_data)
		return;
	/* The device's thread halts itself: it is through. A reset has no locks to give. */
	if (dev->hoc == HOC_HALT || (!halt && !clear)) {
		zosa_wake(dev->dev_data);
		drop_pci(dev);
		return;
	}
	RELEASE_DEVLOCK(dev);
	if (halt)
		RELEASE_INTLOCK(NULL);
	zosa_wait_stopped(dev->dev_data, (unsigned)dev->member);
	for (unsigned i = 0; i < STOP_LOOKS && stop_goes_on(dev, halt); i++)
		usleep(STOP_LOOK_US);
	if (halt)
		OBTAIN_INTLOCK(NULL);
	OBTAIN_DEVLOCK(dev);
	drop_pci(dev);
}

/*
 * A guest is told of each device of a triple as it is attached, and may ask the first who they are
 * before the last is there. The adapter answers as soon as there is one. The device's thread.
 */
static bool await_group(DEVBLK *dev)
{
	for (unsigned i = 0; i < GROUP_LOOKS && dev->group && !dev->dev_data && !sysblk.shutdown &&
			     emu_stop_wanted(dev) == EMU_GO_ON;
	     i++)
		usleep(GROUP_LOOK_US);
	return dev->dev_data;
}

static void execute_ccw(DEVBLK *dev, BYTE code, BYTE flags, BYTE chained, U32 count, BYTE prevcode,
			int ccwseq, BYTE *iobuf, BYTE *more, BYTE *unitstat, U32 *residual)
{
	struct qdio_single cmd = {
		.cmd = code,
		.last_cmd = prevcode,
		.key = dev->orb.flag4 >> 4,
		.idaw64 = dev->orb.flag5 & ORB5_H,
		.count = (uint16_t)count,
		.data = iobuf,
	};
	struct zosa_end end;

	(void)flags;
	(void)ccwseq;
	*more = 0;
	*residual = count;
	if (!await_group(dev) || chained & CCW_FLAGS_CD || count > UINT16_MAX) {
		memset(dev->sense, 0, SENSE_BYTES);
		dev->sense[0] = SENSE_CR;
		*unitstat = CSW_CE | CSW_DE | CSW_UC;
		return;
	}
	zosa_execute(dev->dev_data, (unsigned)dev->member, &cmd, &end);
	*unitstat = end.unit_status;
	*residual = end.residual;
	/* The same CCW again, before which the emulator sees to the clear. */
	if (end.stopped && dev->scsw.flag2 & SCSW2_AC_CLEAR)
		*unitstat = CSW_CE | CSW_DE | CSW_UC | CSW_SM;
	else if (end.unit_status & CSW_UC)
		memcpy(dev->sense, end.sense, SENSE_BYTES);
}

static int signal_adapter(DEVBLK *dev, unsigned fc, U32 qmask)
{
	if (!dev->dev_data)
		return 3;
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

static int signal_sync(DEVBLK *dev, U32 oqmask, U32 iqmask)
{
	(void)iqmask;
	return signal_adapter(dev, QDIO_SIGA_S, oqmask);
}

/* ---- CHSC ----------------------------------------------------------------------------------- */

/* 0x0024 for one subchannel: desc is its zeroed entry of the response. */
static int describe_queues(DEVBLK *dev, void *desc)
{
	uint8_t block[QDIO_CHSC_BLOCK_BYTES] = {0};

	be16_store(block, SSQD_REQUEST);
	be16_store(block + 2, QDIO_CHSC_SSQD);
	be16_store(block + 6, dev->subchan);
	be16_store(block + 10, dev->subchan);
	if (!zosa_chsc(block) && be16_load(block + SSQD_REQUEST + 2) == QDIO_CHSC_OK)
		memcpy(desc, block + SSQD_REQUEST + RESPONSE_HEADER, sizeof(struct qdio_ssqd));
	return 0;
}

#if defined(_FEATURE_QDIO_THININT)
/* 0x0021: desc is the request in main storage. Return: 0, or 3 if it is refused. */
static int set_indicators(DEVBLK *dev, void *desc)
{
	uint8_t block[QDIO_CHSC_BLOCK_BYTES] = {0};
	struct qdio_sadc sadc;

	memcpy(&sadc, desc, sizeof(sadc));
	memcpy(block, &sadc, sizeof(sadc));
	be16_store(block, sizeof(sadc));
	be16_store(block + 2, QDIO_CHSC_SADC);
	if (zosa_chsc(block) || be16_load(block + sizeof(sadc) + 2) != QDIO_CHSC_OK) {
		dev->qdio.thinint = 0;
		return 3;
	}
	dev->qdio.thinint = be64_get(sadc.summary) && be64_get(sadc.dsci);
	return 0;
}
#else
#define set_indicators NULL
#endif

/* ---- what the loader looks for -------------------------------------------------------------- */

static DEVHND zosa_device_hndinfo = {
	.init = init_device,
	.exec = execute_ccw,
	.close = close_device,
	.query = query_device,
	.halt = halt_device,
	.siga_r = signal_input,
	.siga_w = signal_output,
	.siga_s = signal_sync,
	.ssqd = describe_queues,
	.ssci = set_indicators,
};

HDL_DEPENDENCY_SECTION;
{
	HDL_DEPENDENCY(HERCULES);
	HDL_DEPENDENCY(REGS);
	HDL_DEPENDENCY(DEVBLK);
	HDL_DEPENDENCY(SYSBLK);
}
END_DEPENDENCY_SECTION

HDL_DEVICE_SECTION;
{
	HDL_DEVICE(ZOSA, zosa_device_hndinfo);
}
END_DEVICE_SECTION
