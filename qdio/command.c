/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The commands of the three devices: spec/qdio.md 2. What they mean to the adapter (WRITE, READ)
 * is asked of the control unit; the queue commands are in establish.c.
 */
#include "qdio/qdio_priv.h"

#define SII_BYTES 4
#define RNI_BYTES 64
#define NEQ_FLAGS 0x80 /* general node-element qualifier */
#define NED_FLAGS 0xC0

static const uint8_t *hex_digits_ebcdic(void)
{
	static const uint8_t digits[16] = {0xF0, 0xF1, 0xF2, 0xF3, 0xF4, 0xF5, 0xF6, 0xF7,
					   0xF8, 0xF9, 0xC1, 0xC2, 0xC3, 0xC4, 0xC5, 0xC6};

	return digits;
}

/* The low n hex digits of v in EBCDIC. */
static void put_hex(uint8_t *dst, unsigned n, uint32_t v)
{
	for (unsigned i = n; i-- > 0; v >>= 4)
		dst[i] = hex_digits_ebcdic()[v & 0x0F];
}

static void trace(const struct qdio_group *g, unsigned dev, const uint8_t *data, size_t len)
{
	if (g->trace)
		g->trace(g->trace_ctx, dev, &g->dev[dev].cmd.ccw, data, len);
}

/* ---- commands that send data to the guest -------------------------------------------------- */

/* Store an answer, as much of it as the CCWs take. */
static struct qdio_outcome answer(struct qdio_group *g, unsigned dev, const uint8_t *data,
				  size_t len)
{
	struct qdio_device *d = &g->dev[dev];
	struct qdio_outcome out = qdio_outcome_ok();

	trace(g, dev, data, len);
	qdio_command_store(&d->cmd, &d->program, &g->st, data, len, &out);
	return out;
}

static struct qdio_outcome sense_id(struct qdio_group *g, unsigned dev)
{
	static const uint32_t ciw[] = {
		/* RCD first: slots that a device leaves empty look like type 0 (2.2). */
		QDIO_CIW(QDIO_CIW_RCD, QDIO_CCW_RCD, QDIO_RCD_BYTES),
		QDIO_CIW(QDIO_CIW_SII, QDIO_CCW_SII, SII_BYTES),
		QDIO_CIW(QDIO_CIW_RNI, QDIO_CCW_RNI, RNI_BYTES),
		QDIO_CIW(QDIO_CIW_EQ, QDIO_CCW_EQ, QDIO_QDR_BYTES),
		QDIO_CIW(QDIO_CIW_AQ, QDIO_CCW_AQ, 0),
	};
	const size_t n = sizeof(ciw) / sizeof(ciw[0]);
	struct qdio_senseid id = {
		.ff = 0xFF,
		.cu_type = be16_of(QDIO_CU_OSA),
		.cu_model = g->cfg.cu_model,
		.dev_type = be16_of(QDIO_DEV_OSA),
		.dev_model = g->cfg.dev_model,
	};

	for (size_t i = 0; i < n; i++)
		id.ciw[i] = be32_of(ciw[i]);
	return answer(g, dev, (const uint8_t *)&id, offsetof(struct qdio_senseid, ciw) + n * 4);
}

static void put_ned(struct qdio_ned *ned, const struct qdio_group *g, uint32_t type, uint8_t model)
{
	static const uint8_t manufacturer[3] = {0xE9, 0xD3, 0xD5}; /* ZLN */
	static const uint8_t plant[2] = {0xF0, 0xF1};		   /* not "VM": spec 2.3 */

	*ned = (struct qdio_ned){.flags = NED_FLAGS};
	put_hex(ned->type, sizeof(ned->type), type);
	put_hex(ned->model, sizeof(ned->model), model);
	memcpy(ned->manufacturer, manufacturer, sizeof(manufacturer));
	memcpy(ned->plant, plant, sizeof(plant));
	put_hex(ned->sequence, sizeof(ned->sequence),
		(uint32_t)g->cfg.chpid << 16 | g->cfg.devno[0]);
}

static struct qdio_outcome read_configuration(struct qdio_group *g, unsigned dev)
{
	struct qdio_ned rec[4] = {0};

	static_assert(sizeof(rec) == QDIO_RCD_BYTES, "configuration data");
	put_ned(&rec[0], g, QDIO_DEV_OSA, g->cfg.dev_model);
	rec[0].tag[0] = g->cfg.chpid;
	rec[0].tag[1] = (uint8_t)(g->cfg.unit_addr + dev - (QDIO_DEVICES - 1));
	put_ned(&rec[1], g, QDIO_CU_OSA, g->cfg.cu_model);
	rec[1].tag[1] = g->cfg.cula;
	/* Model 000: 001 to 004 would select the old blocking timers (2.3). */
	put_ned(&rec[2], g, QDIO_CU_OSA, 0);
	rec[3].flags = NEQ_FLAGS;
	return answer(g, dev, (const uint8_t *)rec, sizeof(rec));
}

/*
 * Rejected before any data moved: all of the count is left. An emulator's channel stores what is
 * not, for reads of any code, whatever the status.
 */
static struct qdio_outcome refuse(const struct qdio_device *d)
{
	struct qdio_outcome out = qdio_outcome_reject();

	out.residual = be16_get(d->cmd.ccw.count);
	return out;
}

/* Contents unverified: no driver at hand reads them; the interface is named by its CHPID. */
static struct qdio_outcome read_node(struct qdio_group *g, unsigned dev)
{
	struct qdio_ned rec[RNI_BYTES / sizeof(struct qdio_ned)] = {0};

	if (g->dev[dev].program.last_cmd != QDIO_CCW_SII)
		return refuse(&g->dev[dev]);
	put_ned(&rec[0], g, QDIO_CU_OSA, g->cfg.cu_model);
	rec[0].tag[1] = g->cfg.chpid;
	return answer(g, dev, (const uint8_t *)rec, sizeof(rec));
}

static struct qdio_outcome sense(struct qdio_group *g, unsigned dev)
{
	struct qdio_device *d = &g->dev[dev];
	struct qdio_outcome out = answer(g, dev, d->sense, sizeof(d->sense));

	memset(d->sense, 0, sizeof(d->sense));
	return out;
}

static struct qdio_outcome read_message(struct qdio_group *g, unsigned dev)
{
	struct qdio_device *d = &g->dev[dev];
	size_t len = g->cu_ops->read(g->cu, dev, d->buf, sizeof(d->buf));

	if (!len)
		return (struct qdio_outcome){.held = true};
	assert(len <= sizeof(d->buf));
	return answer(g, dev, d->buf, len);
}

/* ---- commands that take data ----------------------------------------------------------------- */

static struct qdio_outcome write_message(struct qdio_group *g, unsigned dev)
{
	struct qdio_device *d = &g->dev[dev];
	struct qdio_outcome out = qdio_outcome_ok();

	if (!d->cmd.total || d->cmd.total > sizeof(d->buf))
		return refuse(d);
	if (qdio_command_fetch(&d->cmd, &d->program, &g->st, d->buf, d->cmd.total, &out))
		return out;
	trace(g, dev, d->buf, d->cmd.total);
	if (g->cu_ops->write(g->cu, dev, d->buf, d->cmd.total))
		return qdio_outcome_reject();
	return out;
}

static struct qdio_outcome set_interface(struct qdio_group *g, unsigned dev)
{
	struct qdio_device *d = &g->dev[dev];
	struct qdio_outcome out = qdio_outcome_ok();

	if (d->cmd.total < SII_BYTES)
		return refuse(d);
	if (!qdio_command_fetch(&d->cmd, &d->program, &g->st, d->buf, SII_BYTES, &out))
		trace(g, dev, d->buf, SII_BYTES);
	return out;
}

static struct qdio_outcome establish_queues(struct qdio_group *g, unsigned dev)
{
	struct qdio_device *d = &g->dev[dev];
	struct qdio_outcome out = qdio_outcome_ok();
	uint32_t len = d->cmd.total < QDIO_QDR_BYTES ? d->cmd.total : QDIO_QDR_BYTES;
	struct qdio_outcome rc;

	memset(d->buf, 0, sizeof(d->buf));
	if (qdio_command_fetch(&d->cmd, &d->program, &g->st, d->buf, len, &out))
		return out;
	trace(g, dev, d->buf, len);
	rc = qdio_establish(g, dev);
	/* Its own end, and a wrong length of the transfer. */
	rc.sstat |= out.sstat;
	rc.residual = out.residual;
	return rc;
}

struct qdio_outcome qdio_command_execute(struct qdio_group *g, unsigned dev)
{
	struct qdio_device *d = &g->dev[dev];

	if (d->cmd.ccw.cmd != QDIO_CCW_SENSE && d->cmd.ccw.cmd != QDIO_CCW_NOP)
		memset(d->sense, 0, sizeof(d->sense));
	switch (d->cmd.ccw.cmd) {
	case QDIO_CCW_WRITE:
		return write_message(g, dev);
	case QDIO_CCW_READ:
		return read_message(g, dev);
	case QDIO_CCW_NOP:
		/* Immediate: no data moves, and no length is wrong. */
		trace(g, dev, NULL, 0);
		return qdio_outcome_ok();
	case QDIO_CCW_SENSE:
		return sense(g, dev);
	case QDIO_CCW_SENSE_ID:
		return sense_id(g, dev);
	case QDIO_CCW_RCD:
		return read_configuration(g, dev);
	case QDIO_CCW_SII:
		return set_interface(g, dev);
	case QDIO_CCW_RNI:
		return read_node(g, dev);
	case QDIO_CCW_EQ:
		return establish_queues(g, dev);
	case QDIO_CCW_AQ:
		trace(g, dev, NULL, 0);
		return qdio_activate(g, dev);
	default:
		trace(g, dev, NULL, 0);
		return refuse(d);
	}
}
