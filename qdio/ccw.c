/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Channel programs: fetching CCWs and moving the data they describe.
 *
 * Source: z/Architecture Principles of Operation, "Channel-Command Word" and "Indirect Data
 * Addressing", as far as a device of this kind is asked: formats 0 and 1, command and data
 * chaining, transfer in channel, skip, SLI, IDAWs of both formats. Suspension, MIDAWs and
 * the PCI flag's interruption are not offered; the first two are program checks.
 *
 * All CCWs of a command are fetched before it is executed (the architecture allows prefetching).
 */
#include "qdio/qdio_priv.h"

#define ORB_TRANSPORT_MODE 0x00040000u
#define ORB_IDAW_2K 0x00010000u
#define CCW_FLAG_MIDA 0x01u

void qdio_program_start(struct qdio_program *p, const struct qdio_orb *orb)
{
	uint32_t ctl = be32_get(orb->ctl);

	*p = (struct qdio_program){
		.next = be32_get(orb->cpa),
		.limit = ctl & QDIO_ORB_FORMAT1 ? 1u << 31 : 1u << 24,
		.key = (uint8_t)((ctl & QDIO_ORB_KEY_MASK) >> 28),
		.format1 = ctl & QDIO_ORB_FORMAT1,
		.idaw64 = ctl & QDIO_ORB_IDAW64,
		.idaw2k = ctl & ORB_IDAW_2K,
	};
	if (ctl & ORB_TRANSPORT_MODE)
		p->next = UINT32_MAX; /* not a list of CCWs: the first fetch is a program check */
}

/* ---- CCWs ------------------------------------------------------------------------------ */

static uint8_t fetch_ccw(struct qdio_program *p, const struct qdio_storage *st,
			 struct qdio_ccw1 *ccw)
{
	if (p->fetched++ >= QDIO_CCWS_MAX || p->next % 8 || p->next > p->limit - 8)
		return QDIO_SSTAT_PROGRAM_CHECK;
	if (qdio_storage_fetch(st, ccw, p->next, sizeof(*ccw), p->key))
		return QDIO_SSTAT_PROGRAM_CHECK;
	p->next += 8;
	if (!p->format1) {
		struct qdio_ccw0 c0;

		memcpy(&c0, ccw, sizeof(c0));
		ccw->cmd = c0.cmd;
		ccw->flags = c0.flags;
		ccw->count = c0.count;
		ccw->cda =
			be32_of((uint32_t)c0.cda[0] << 16 | (uint32_t)c0.cda[1] << 8 | c0.cda[2]);
	}
	return 0;
}

static bool is_tic(const struct qdio_ccw1 *ccw)
{
	return (ccw->cmd & 0x0F) == QDIO_CCW_TIC;
}

/* In format 1 the unused fields of a TIC must be zero; in format 0 they are ignored. */
static bool tic_valid(const struct qdio_program *p, const struct qdio_ccw1 *ccw)
{
	return !p->format1 || (ccw->cmd == QDIO_CCW_TIC && !ccw->flags && !be16_get(ccw->count));
}

/* The next CCW that is not a TIC. Neither the first CCW nor the target of a TIC may be one. */
static uint8_t follow(struct qdio_program *p, const struct qdio_storage *st, struct qdio_ccw1 *ccw)
{
	uint8_t sstat = fetch_ccw(p, st, ccw);

	if (!sstat && is_tic(ccw)) {
		if (!p->started || !tic_valid(p, ccw))
			return QDIO_SSTAT_PROGRAM_CHECK;
		p->next = be32_get(ccw->cda);
		sstat = fetch_ccw(p, st, ccw);
		if (!sstat && is_tic(ccw))
			return QDIO_SSTAT_PROGRAM_CHECK;
	}
	p->started = true;
	return sstat;
}

/* @first: the CCW names the command, and does not just continue its data. */
static bool ccw_valid(const struct qdio_program *p, const struct qdio_ccw1 *ccw, bool first)
{
	if (ccw->flags & (QDIO_CCW_SUSPEND | CCW_FLAG_MIDA))
		return false;
	if (be32_get(ccw->cda) >= p->limit)
		return false;
	if (first && !(ccw->cmd & 0x0F))
		return false;
	/* ACTIVATE QUEUES comes with a count of zero: legal in format 1 without data chaining. */
	return be16_get(ccw->count) || (first && p->format1 && !(ccw->flags & QDIO_CCW_CD));
}

uint8_t qdio_program_next(struct qdio_program *p, const struct qdio_storage *st,
			  struct qdio_command *cmd)
{
	struct qdio_ccw1 ccw;
	uint8_t sstat;

	cmd->n = 0;
	cmd->total = 0;
	cmd->data = NULL;
	do {
		sstat = follow(p, st, &ccw);
		if (sstat)
			return sstat;
		if (cmd->n == QDIO_SEGMENTS_MAX || !ccw_valid(p, &ccw, !cmd->n))
			return QDIO_SSTAT_PROGRAM_CHECK;
		if (!cmd->n)
			cmd->ccw = ccw;
		cmd->seg[cmd->n++] = (struct qdio_segment){
			.addr = be32_get(ccw.cda),
			.count = be16_get(ccw.count),
			.flags = ccw.flags,
		};
		cmd->total += be16_get(ccw.count);
	} while (ccw.flags & QDIO_CCW_CD);
	cmd->flags = ccw.flags;
	return 0;
}

/* ---- data -------------------------------------------------------------------------------- */

/* One transfer: where it goes and what it needs. */
struct mover {
	const struct qdio_program *p;
	const struct qdio_storage *st;
	enum qdio_access access;
};

static uint8_t move_bytes(const struct mover *m, uint64_t addr, uint8_t *buf, size_t n)
{
	int rc = m->access == QDIO_STORE ? qdio_storage_store(m->st, addr, buf, n, m->p->key)
					 : qdio_storage_fetch(m->st, buf, addr, n, m->p->key);

	return rc ? QDIO_SSTAT_PROGRAM_CHECK : 0;
}

/* IDAW i of the list. Return: false if it cannot be fetched or is not an address. */
static bool fetch_idaw(const struct mover *m, uint32_t list, unsigned i, uint64_t *addr)
{
	size_t size = m->p->idaw64 ? 8 : 4;
	uint64_t at = (uint64_t)list + i * size;
	uint8_t b[8];

	if (list % size || at + size > m->p->limit ||
	    qdio_storage_fetch(m->st, b, at, size, m->p->key))
		return false;
	*addr = m->p->idaw64 ? be64_load(b) : be32_load(b);
	return m->p->idaw64 || *addr < 1u << 31;
}

static uint8_t move_indirect(const struct mover *m, uint32_t list, uint8_t *buf, size_t len)
{
	uint64_t block = m->p->idaw64 && !m->p->idaw2k ? 4096 : 2048;
	uint64_t addr;

	/* At most 65535 bytes in blocks of 2 KiB: 33 rounds. */
	for (unsigned i = 0; len; i++) {
		if (!fetch_idaw(m, list, i, &addr) || (i && addr % block))
			return QDIO_SSTAT_PROGRAM_CHECK;
		size_t left = (size_t)(block - addr % block);
		size_t n = len < left ? len : left;
		uint8_t sstat = move_bytes(m, addr, buf, n);

		if (sstat)
			return sstat;
		buf += n;
		len -= n;
	}
	return 0;
}

static uint8_t move_segment(const struct mover *m, const struct qdio_segment *seg, uint8_t *buf,
			    size_t len)
{
	if (m->access == QDIO_STORE && seg->flags & QDIO_CCW_SKIP)
		return 0;
	if (seg->flags & QDIO_CCW_IDA)
		return move_indirect(m, seg->addr, buf, len);
	if ((uint64_t)seg->addr + len > m->p->limit)
		return QDIO_SSTAT_PROGRAM_CHECK;
	return move_bytes(m, seg->addr, buf, len);
}

/* The owner moves between storage and cmd->data, and judges the length by the residual count. */
static void move_private(const struct mover *m, const struct qdio_command *cmd, uint8_t *buf,
			 size_t len, struct qdio_outcome *out)
{
	size_t n = len < cmd->total ? len : cmd->total;

	if (m->access == QDIO_STORE)
		memcpy(cmd->data, buf, n);
	else
		memcpy(buf, cmd->data, n);
	out->residual = (uint16_t)(cmd->total - n);
}

/*
 * Move len bytes through the segments. The device ends there: what is left of the segment it ends
 * in is the residual count; the length is incorrect if something is left or
 * missing, unless SLI is on in the last CCW and the end lies in that.
 */
static uint8_t move_command(const struct mover *m, const struct qdio_command *cmd, uint8_t *buf,
			    size_t len, struct qdio_outcome *out)
{
	if (cmd->data) {
		move_private(m, cmd, buf, len, out);
		return 0;
	}
	for (unsigned i = 0; i < cmd->n; i++) {
		const struct qdio_segment *seg = &cmd->seg[i];
		bool last = i + 1 == cmd->n;
		size_t n = len < seg->count ? len : seg->count;
		uint8_t sstat = move_segment(m, seg, buf, n);

		if (sstat) {
			out->sstat |= sstat;
			return sstat;
		}
		buf += n;
		len -= n;
		if (!last && n == seg->count)
			continue;
		out->residual = (uint16_t)(seg->count - n);
		if ((out->residual || len) && !(last && seg->flags & QDIO_CCW_SLI))
			out->sstat |= QDIO_SSTAT_INCORRECT_LENGTH;
		break;
	}
	return 0;
}

uint8_t qdio_command_fetch(const struct qdio_command *cmd, const struct qdio_program *p,
			   const struct qdio_storage *st, uint8_t *buf, size_t len,
			   struct qdio_outcome *out)
{
	struct mover m = {.p = p, .st = st, .access = QDIO_FETCH};

	return move_command(&m, cmd, buf, len < cmd->total ? len : cmd->total, out);
}

uint8_t qdio_command_store(const struct qdio_command *cmd, const struct qdio_program *p,
			   const struct qdio_storage *st, const uint8_t *buf, size_t len,
			   struct qdio_outcome *out)
{
	struct mover m = {.p = p, .st = st, .access = QDIO_STORE};

	/* The mover only reads buf when it stores. */
	return move_command(&m, cmd, (uint8_t *)(uintptr_t)buf, len, out);
}
