/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CHSC: what the channel subsystem tells about the groups. Source: spec/qdio.md 8.
 *
 * The request stands at the start of the block, the response behind it at the request's length.
 * Each command fills the response data and names its length; the header is written in one place.
 * Subchannels and paths that are not ours get entries without the valid bit.
 */
#include "qdio/qdio_priv.h"

#define RESPONSE_HEADER 8 /* length, code, one word */
#define REQUEST_MIN 16
#define RANGE_REQUEST 16
#define ENTRIES_BYTES (QDIO_CHSC_BLOCK_BYTES - RANGE_REQUEST - RESPONSE_HEADER)

/* General characteristics (8.1), by bit number. */
enum general_bit {
	GENERAL_AIF = 41,
	GENERAL_FMT1_PATHS = 46,
	GENERAL_TDD = 56,
	GENERAL_QEBSM = 58,
	GENERAL_THIN_OSA = 67,
	GENERAL_ADDRESS_REPORTING = 116,
};
enum chsc_bit { CHSC_SADC_OP0 = 107, CHSC_PNSO = 116 };

struct request {
	struct qdio_group *const *groups;
	unsigned n;
	const uint8_t *req; /* the request, len bytes long */
	uint16_t len;
	uint8_t *data;	   /* response data, zeroed as far as data_len */
	uint16_t data_len; /* set by the command */
};

static void set_bit(uint8_t *bits, unsigned n)
{
	bits[n / 8] |= (uint8_t)(0x80u >> n % 8);
}

/* Make room for n bytes of response data. Return: false if they do not fit. */
static bool reserve(struct request *r, size_t n)
{
	if ((size_t)r->len + RESPONSE_HEADER + n > QDIO_CHSC_BLOCK_BYTES)
		return false;
	memset(r->data, 0, n);
	r->data_len = (uint16_t)n;
	return true;
}

/* The group and device of a subchannel of set 0, or NULL. */
static struct qdio_group *find_subchannel(const struct request *r, uint32_t nr, unsigned *dev)
{
	for (unsigned i = 0; i < r->n; i++)
		for (*dev = 0; *dev < QDIO_DEVICES; (*dev)++)
			if (r->groups[i]->cfg.subchannel[*dev] == nr)
				return r->groups[i];
	return NULL;
}

static struct qdio_group *find_path(const struct request *r, unsigned chpid)
{
	for (unsigned i = 0; i < r->n; i++)
		if (r->groups[i]->cfg.chpid == chpid)
			return r->groups[i];
	return NULL;
}

/* ---- ranges of subchannels or paths ------------------------------------------------------ */

/*
 * Answer for every item from first to last with an entry of size bytes.
 * @fill: fills the entry of one item, which is zero.
 */
static uint16_t answer_range(struct request *r, unsigned first, unsigned last, size_t size,
			     void (*fill)(const struct request *r, unsigned item, uint8_t *entry))
{
	if (first > last || last - first >= ENTRIES_BYTES / size ||
	    !reserve(r, (last - first + 1) * size))
		return QDIO_CHSC_INVALID_REQUEST;
	for (unsigned i = first; i <= last; i++)
		fill(r, i, r->data + (i - first) * size);
	return QDIO_CHSC_OK;
}

/* Requests 0x0004 and 0x0024: a subchannel set that we have nothing in. */
static bool other_set(const struct request *r)
{
	return r->req[5] & 0x30;
}

#define PATH_FMT0_BYTES 8
#define PATH_FMT1_BYTES 32
#define PATH_VALID 0x80
#define PATH_SINGLE_QUEUE 0x02 /* chpp: one output queue */

static void fill_path(const struct request *r, unsigned chpid, uint8_t *e)
{
	const struct qdio_group *g = find_path(r, chpid);

	e[3] = (uint8_t)chpid;
	if (!g)
		return;
	e[0] = PATH_VALID;
	e[2] = g->cfg.chpid_type;
	if (g->cfg.out_queues == 1)
		e[7] = PATH_SINGLE_QUEUE;
}

/* 0x0002, 8.4. In both formats the fields we know stand at the same offsets. */
static uint16_t path_description(struct request *r)
{
	unsigned rfmt = r->req[6] & 0x0F;
	bool other_css = r->req[4] & 0x20 && r->req[5];

	if (r->len != RANGE_REQUEST || rfmt > 1 || other_css)
		return QDIO_CHSC_INVALID_REQUEST;
	return answer_range(r, r->req[7], r->req[0x0B], rfmt ? PATH_FMT1_BYTES : PATH_FMT0_BYTES,
			    fill_path);
}

#define SUBCHANNEL_BYTES 32
#define SUBCHANNEL_VALID 0xC0 /* subchannel and device number valid; type 0: I/O */

static void fill_subchannel(const struct request *r, unsigned nr, uint8_t *e)
{
	unsigned dev;
	const struct qdio_group *g = other_set(r) ? NULL : find_subchannel(r, nr, &dev);

	be16_store(e + 6, (uint16_t)nr);
	if (!g)
		return;
	e[0] = SUBCHANNEL_VALID;
	e[1] = (uint8_t)(g->cfg.unit_addr + dev - (QDIO_DEVICES - 1));
	be16_store(e + 2, g->cfg.devno[dev]);
	e[4] = 0x80; /* one path */
	e[8] = g->cfg.chpid;
}

/* 0x0004: layout as in tests/data, CHSC-RSP code=0004. */
static uint16_t subchannel_description(struct request *r)
{
	if (r->len != RANGE_REQUEST || r->req[5] & 0x0F)
		return QDIO_CHSC_INVALID_REQUEST;
	return answer_range(r, be16_load(r->req + 6), be16_load(r->req + 10), SUBCHANNEL_BYTES,
			    fill_subchannel);
}

static uint8_t qdioac1(const struct qdio_group *g)
{
	uint8_t ac1 = QDIO_AC1_INITIATE_INPUT | QDIO_AC1_SIGA_R | QDIO_AC1_SIGA_W;

	if (g->cfg.qebsm)
		ac1 |= QDIO_AC1_QEBSM_AVAILABLE;
	if (atomic_load(&g->qebsm_on))
		ac1 |= QDIO_AC1_QEBSM_ENABLED;
	return ac1;
}

static void fill_ssqd(const struct request *r, unsigned nr, uint8_t *e)
{
	unsigned dev;
	const struct qdio_group *g = other_set(r) ? NULL : find_subchannel(r, nr, &dev);
	struct qdio_ssqd entry = {.sch = be16_of((uint16_t)nr)};

	if (g) {
		entry.flags = QDIO_SSQD_CAPABLE | QDIO_SSQD_VALID;
		entry.qfmt = g->cfg.qfmt;
		entry.qdioac1 = qdioac1(g);
		entry.pcnt = g->cfg.ports;
		entry.icnt = g->cfg.qdioac3 & QDIO_AC3_CQ ? QDIO_IN_QUEUES_MAX : 1;
		entry.ocnt = g->cfg.out_queues;
		entry.qdioac2 = be16_of(g->cfg.qdioac2);
		entry.qdioac3 = be16_of(g->cfg.qdioac3);
		entry.mmwc = g->cfg.mmwc;
		if (atomic_load(&g->qebsm_on))
			entry.sch_token = be64_of(qdio_token(g));
	}
	memcpy(e, &entry, sizeof(entry));
}

/* 0x0024, 8.2. */
static uint16_t subchannel_qdio_data(struct request *r)
{
	if (r->len != RANGE_REQUEST || r->req[5] & 0x0F)
		return QDIO_CHSC_INVALID_REQUEST;
	return answer_range(r, be16_load(r->req + 6), be16_load(r->req + 10),
			    sizeof(struct qdio_ssqd), fill_ssqd);
}

/* ---- the machine --------------------------------------------------------------------------- */

/*
 * 0x0010, 8.1. Bit 67 decides for all OSA devices of the machine how they interrupt, so it is
 * only on if all can; a group that could then still works with PCI.
 */
static uint16_t characteristics(struct request *r)
{
	const size_t n = QDIO_CHSC_BLOCK_BYTES - RANGE_REQUEST - RESPONSE_HEADER;
	const size_t base = RANGE_REQUEST + RESPONSE_HEADER;
	bool all_thin = r->n, any_airq = false, any_qebsm = false, any_pnso = false;
	uint8_t *general, *chsc;

	if (r->len != RANGE_REQUEST || !reserve(r, n))
		return QDIO_CHSC_INVALID_REQUEST;
	for (unsigned i = 0; i < r->n; i++) {
		const struct qdio_group_config *cfg = &r->groups[i]->cfg;
		bool iqd = cfg->qfmt == QDIO_FORMAT_IQD;

		all_thin = all_thin && (cfg->thin_interrupts || iqd);
		any_airq = any_airq || cfg->thin_interrupts || iqd;
		any_qebsm = any_qebsm || cfg->qebsm;
		any_pnso = any_pnso || r->groups[i]->cu_ops->pnso;
	}
	general = r->data + (QDIO_CHARS_GENERAL - base);
	chsc = r->data + (QDIO_CHARS_CHSC - base);
	set_bit(general, GENERAL_AIF);
	set_bit(general, GENERAL_FMT1_PATHS);
	if (any_airq) {
		set_bit(general, GENERAL_TDD);
		set_bit(chsc, CHSC_SADC_OP0);
	}
	if (any_qebsm)
		set_bit(general, GENERAL_QEBSM);
	if (any_pnso) {
		set_bit(general, GENERAL_ADDRESS_REPORTING);
		set_bit(chsc, CHSC_PNSO);
	}
	if (all_thin)
		set_bit(general, GENERAL_THIN_OSA);
	return QDIO_CHSC_OK;
}

/* 0x0021, 8.3. */
static uint16_t adapter_device_controls(struct request *r)
{
	struct qdio_indicators ind;
	struct qdio_sadc sadc;
	struct qdio_group *g;
	unsigned dev;

	if (r->len != sizeof(sadc))
		return QDIO_CHSC_INVALID_REQUEST;
	memcpy(&sadc, r->req, sizeof(sadc));
	if (be16_get(sadc.operation))
		return QDIO_CHSC_NOT_PROVIDED;
	/* find_subchannel compares with 16-bit numbers: any other bit of the word differs. */
	g = find_subchannel(r, be32_get(sadc.schid) ^ QDIO_SCHID(0), &dev);
	if (!g)
		return QDIO_CHSC_INVALID_REQUEST;
	ind = (struct qdio_indicators){
		.summary = be64_get(sadc.summary),
		.dsci = be64_get(sadc.dsci),
		.summary_key = sadc.keys >> 4,
		.dsci_key = sadc.keys & 0x0F,
		.isc = sadc.isc & 7,
	};
	return qdio_indicators_set(g, &ind);
}

/* 0x003D, 8.5. */
static uint16_t network_operation(struct request *r)
{
	struct qdio_pnso q = {.op = r->req[12], .notify = r->req[32] & 0x80};
	const struct qdio_group *g;
	unsigned dev;
	uint16_t code;
	size_t room, len = 0;

	g = other_set(r) ? NULL : find_subchannel(r, be16_load(r->req + 6), &dev);
	if (!g || !g->cu_ops->pnso)
		return QDIO_CHSC_NOT_PROVIDED;
	if (r->len != QDIO_PNSO_REQUEST || r->req[5] & 0x0F || r->req[9])
		return QDIO_CHSC_INVALID_REQUEST;
	memcpy(q.resume, r->req + 16, sizeof(q.resume));
	room = QDIO_CHSC_BLOCK_BYTES - QDIO_PNSO_REQUEST - RESPONSE_HEADER;
	if (!reserve(r, room))
		return QDIO_CHSC_INVALID_REQUEST;
	code = g->cu_ops->pnso(g->cu, &q, r->data, room, &len);
	r->data_len = (uint16_t)len;
	return code;
}

static uint16_t execute(struct request *r, uint16_t code)
{
	switch (code) {
	case QDIO_CHSC_PATH:
		return path_description(r);
	case QDIO_CHSC_SUBCHANNEL:
		return subchannel_description(r);
	case QDIO_CHSC_CHARACTERISTICS:
		return characteristics(r);
	case QDIO_CHSC_SADC:
		return adapter_device_controls(r);
	case QDIO_CHSC_SSQD:
		return subchannel_qdio_data(r);
	case QDIO_CHSC_PNSO:
		return network_operation(r);
	case QDIO_CHSC_DOMAIN_ATTR:
	case QDIO_CHSC_SDCAL:
		return QDIO_CHSC_NOT_PROVIDED;
	default:
		return QDIO_CHSC_INVALID_COMMAND;
	}
}

int qdio_chsc(struct qdio_group *const *groups, unsigned n, uint8_t block[QDIO_CHSC_BLOCK_BYTES])
{
	struct request r = {.groups = groups, .n = n, .req = block, .len = be16_load(block)};
	uint16_t code;

	if (r.len < REQUEST_MIN || r.len % 8 || r.len > QDIO_CHSC_BLOCK_BYTES - RESPONSE_HEADER)
		return -QDIO_PGM_OPERAND;
	r.data = block + r.len + RESPONSE_HEADER;
	code = execute(&r, be16_load(block + 2));
	if (code != QDIO_CHSC_OK)
		r.data_len = 0;
	be16_store(block + r.len, (uint16_t)(RESPONSE_HEADER + r.data_len));
	be16_store(block + r.len + 2, code);
	be32_store(block + r.len + 4, 0);
	return 0;
}
