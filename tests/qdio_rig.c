/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/qdio_rig.h"

#include <stdlib.h>
#include <sys/mman.h>

/* ---- environment ---------------------------------------------------------------------------- */

static void env_interrupt(void *env, unsigned dev, const struct qdio_irb *irb)
{
	struct rig *r = env;

	r->interrupts[dev]++;
	r->irb[dev] = *irb;
}

static void env_pci(void *env, unsigned dev)
{
	struct rig *r = env;

	(void)dev;
	atomic_fetch_add(&r->pcis, 1);
}

static void env_adapter_interrupt(void *env, unsigned isc)
{
	struct rig *r = env;

	atomic_store(&r->last_isc, isc);
	atomic_fetch_add(&r->airqs, 1);
}

static void env_kick(void *env)
{
	struct rig *r = env;

	atomic_fetch_add(&r->kicks, 1);
}

static bool env_later(void *env)
{
	const struct rig *r = env;

	return r->later;
}

static const struct qdio_env_ops env_ops = {
	.interrupt = env_interrupt,
	.pci = env_pci,
	.adapter_interrupt = env_adapter_interrupt,
	.kick = env_kick,
	.later = env_later,
};

/* ---- control unit ------------------------------------------------------------------------------
 */

static int cu_write(void *cu, unsigned dev, const uint8_t *msg, size_t len)
{
	struct rig *r = cu;

	memcpy(r->written, msg, len);
	r->written_len = len;
	r->writes++;
	if (r->echo && !r->write_rc)
		rig_message(r, dev, msg, len);
	return r->write_rc;
}

static size_t cu_read(void *cu, unsigned dev, uint8_t *buf, size_t cap)
{
	struct rig *r = cu;
	size_t len = r->msg_len[dev];

	if (len > cap)
		len = cap;
	memcpy(buf, r->msg[dev], len);
	r->msg_len[dev] = 0;
	r->reads += len != 0;
	return len;
}

static int cu_activate(void *cu, unsigned dev, struct qdio_queues *q)
{
	struct rig *r = cu;

	(void)dev;
	if (r->activate_rc)
		return r->activate_rc;
	r->queues = q;
	r->activates++;
	return 0;
}

static void cu_deactivate(void *cu, unsigned dev)
{
	struct rig *r = cu;

	(void)dev;
	r->queues = NULL;
	r->deactivates++;
}

static void cu_reset(void *cu, unsigned dev, enum qdio_reset why)
{
	struct rig *r = cu;

	if (dev == 2 && r->queues)
		r->reset_while_active = true;
	r->resets[dev]++;
	r->last_reset = why;
	r->msg_len[dev] = 0;
}

static const struct qdio_cu_ops cu_ops = {
	.write = cu_write,
	.read = cu_read,
	.activate = cu_activate,
	.deactivate = cu_deactivate,
	.reset = cu_reset,
};

/* ---- set-up -------------------------------------------------------------------------------------
 */

struct qdio_group_config rig_config(void)
{
	return (struct qdio_group_config){
		.subchannel = {1, 2, 3},
		.devno = {0x0500, 0x0501, 0x0502},
		.chpid = 0x05,
		.cula = 0x07,
		.unit_addr = 2,
		.chpid_type = QDIO_CHPID_OSD,
		.qfmt = QDIO_FORMAT_OSD,
		.cu_model = 1,
		.dev_model = 1,
		.out_queues = 4,
		.ports = 1,
	};
}

void rig_init(struct rig *r, const struct qdio_group_config *cfg, size_t size)
{
	struct qdio_group_config osd = rig_config();
	struct qdio_storage st = {.n = 1};

	memset(r, 0, sizeof(*r));
	r->size = size;
	/* Zero pages that cost nothing until touched: a replay has 512 MiB of storage. */
	r->mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	r->g = qdio_group_create(cfg ? cfg : &osd, &env_ops, r, &cu_ops, r);
	if (r->mem == MAP_FAILED || !r->g)
		abort();
	st.region[0] = (struct qdio_region){.addr = 0, .len = size, .host = r->mem};
	if (qdio_group_set_storage(r->g, &st))
		abort();
	for (unsigned dev = 0; dev < QDIO_DEVICES; dev++)
		qdio_msch(r->g, dev, true, 3);
}

void rig_fini(struct rig *r)
{
	qdio_group_destroy(r->g);
	munmap(r->mem, r->size);
}

void rig_ccw(struct rig *r, unsigned n, uint8_t cmd, uint8_t flags, uint16_t count, uint32_t cda)
{
	struct qdio_ccw1 ccw = {cmd, flags, be16_of(count), be32_of(cda)};

	memcpy(r->mem + RIG_CCWS + n * sizeof(ccw), &ccw, sizeof(ccw));
}

int rig_start_at(struct rig *r, unsigned dev, uint32_t ctl, uint32_t cpa)
{
	struct qdio_orb orb = {
		.parm = be32_of(0xCAFE0000u + dev),
		.ctl = be32_of(ctl),
		.cpa = be32_of(cpa),
	};

	return qdio_ssch(r->g, dev, &orb);
}

int rig_start(struct rig *r, unsigned dev)
{
	return rig_start_at(r, dev, RIG_ORB_CTL, RIG_CCWS);
}

void rig_message(struct rig *r, unsigned dev, const void *msg, size_t len)
{
	memcpy(r->msg[dev], msg, len);
	r->msg_len[dev] = len;
}

void rig_layout(struct rig *r, unsigned n_in, unsigned n_out)
{
	struct qdio_qdr qdr = {
		.qfmt = qdio_group_config(r->g)->qfmt,
		.iqdcnt = (uint8_t)n_in,
		.oqdcnt = (uint8_t)n_out,
		.iqdsz = 8,
		.oqdsz = 8,
		.qiba = be64_of(RIG_QIB),
	};

	for (unsigned i = 0; i < n_in + n_out; i++) {
		qdr.desc[i] = (struct qdio_qdesc){
			.sliba = be64_of(RIG_SLIB(i)),
			.sla = be64_of(RIG_SL(i)),
			.slsba = be64_of(RIG_SLSB(i)),
		};
		for (unsigned b = 0; b < QDIO_BUFFERS; b++)
			be64_store(r->mem + RIG_SL(i) + (size_t)b * 8, RIG_SBAL(i, b));
		memset(r->mem + RIG_SLSB(i), 0, QDIO_SLSB_BYTES);
	}
	memcpy(r->mem + RIG_QDR, &qdr, sizeof(qdr));
	memset(r->mem + RIG_QIB, 0, sizeof(struct qdio_qib));
	r->mem[RIG_QIB] = qdr.qfmt;
}

int rig_establish(struct rig *r)
{
	rig_ccw(r, 0, QDIO_CCW_EQ, QDIO_CCW_SLI, QDIO_QDR_BYTES, RIG_QDR);
	return rig_start(r, 2);
}

int rig_activate(struct rig *r)
{
	rig_ccw(r, 0, QDIO_CCW_AQ, QDIO_CCW_SLI, 0, 0);
	return rig_start(r, 2);
}

void rig_bring_up(struct rig *r)
{
	rig_layout(r, 1, 4);
	rig_establish(r);
	memset(r->mem + RIG_SLSB(0), QDIO_IN_NOTINIT, QDIO_BUFFERS);
	for (unsigned i = 1; i <= 4; i++)
		memset(r->mem + RIG_SLSB(i), QDIO_OUT_NOTINIT, QDIO_BUFFERS);
	rig_activate(r);
}

/* ---- what an adapter does with buffers ----------------------------------------------------------
 */

/* Look at the first and last byte of all that buffer i names; the state it ends with. */
static struct qdio_result touch_entries(const struct qdio_queue *q, unsigned i)
{
	struct qdio_result res = {.state = QDIO_OUT_EMPTY};

	for (unsigned e = 0; e < QDIO_SBAL_ENTRIES; e++) {
		struct qdio_entry x = qdio_entry_get(q, q->cursor + i, e, QDIO_STORE);

		if (x.data)
			x.data[x.len - 1] = x.data[0];
		else
			res = (struct qdio_result){QDIO_OUT_ERROR, (uint8_t)e,
						   QDIO_REASON_BAD_BUFFER};
	}
	return res;
}

bool rig_in_publish(struct qdio_queue *q, unsigned n)
{
	unsigned first = qdio_in_lease(q);

	qdio_in_leased(q, n);
	return qdio_in_publish(q, first, n, false);
}

void rig_serve(struct rig *r, unsigned index, unsigned max)
{
	struct qdio_result res[QDIO_BUFFERS];
	struct qdio_queues *qs = r->queues;
	struct qdio_queue *q;
	unsigned n;

	if (!qs || index >= qs->n_in + qs->n_out)
		return;
	q = index < qs->n_in ? &qs->in[index] : &qs->out[index - qs->n_in];
	n = q->input ? qdio_in_empty(q, 0) : qdio_out_primed(q, max);
	qdio_queue_prefetch(q, n);
	for (unsigned i = 0; i < n; i++)
		res[i] = touch_entries(q, i);
	if (q->input) {
		qdio_entry_put(q, q->cursor, 0, 64, QDIO_EFLAG_LAST);
		rig_in_publish(q, n);
	} else {
		qdio_out_complete(q, res, n);
	}
}
