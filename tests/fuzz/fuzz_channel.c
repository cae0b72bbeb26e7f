/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything a guest gives to qdio: storage contents and a sequence of instructions, against a
 * group with a stub control unit. The first byte chooses the configuration; each operation is a
 * byte (low nibble the code, high nibble an argument) and its operands.
 */
#include <stdlib.h>

#include "tests/qdio_rig.h"

struct input {
	const uint8_t *p;
	size_t left;
};

static uint64_t take(struct input *in, unsigned n)
{
	uint64_t v = 0;

	for (; n && in->left; n--, in->left--)
		v = v << 8 | *in->p++;
	return v;
}

static void poke(struct rig *r, struct input *in)
{
	size_t addr = take(in, 3), n = take(in, 1);

	for (; n && addr < RIG_BYTES && in->left; n--)
		r->mem[addr++] = (uint8_t)take(in, 1);
}

static void end(struct rig *r, unsigned dev, bool halt)
{
	unsigned before = r->interrupts[dev];
	int cc = halt ? qdio_hsch(r->g, dev) : qdio_csch(r->g, dev);

	if (!cc && (r->interrupts[dev] != before + 1 || (dev == 2 && r->queues)))
		abort();
}

static void chsc(struct rig *r, size_t addr)
{
	uint8_t block[QDIO_CHSC_BLOCK_BYTES];

	memcpy(block, r->mem + addr % (RIG_BYTES - sizeof(block)), sizeof(block));
	qdio_chsc(&r->g, 1, block);
}

static void operation(struct rig *r, struct input *in)
{
	unsigned op = (unsigned)take(in, 1), arg = op >> 4;
	uint64_t a, b, c;

	switch (op & 0x0F) {
	case 0:
		return poke(r, in);
	case 1: /* high half of the ORB's control word, program address */
		a = take(in, 2);
		rig_start_at(r, arg, (uint32_t)a << 16 | 0x8000, (uint32_t)take(in, 4));
		return;
	case 2:
		return end(r, arg % QDIO_DEVICES, arg & 4);
	case 3:
		return chsc(r, take(in, 3));
	case 4:
		return qdio_group_signal(r->g);
	case 5:
		rig_message(r, arg % QDIO_DEVICES, r->mem + RIG_DATA, 1 + take(in, 1));
		return qdio_group_readable(r->g, arg % QDIO_DEVICES);
	case 6:
		return rig_serve(r, arg, (unsigned)take(in, 1));
	case 7:
		return qdio_group_broken(r->g);
	case 8:
		return rig_bring_up(r);
	case 9:
		qdio_msch(r->g, arg & 3, arg & 4, arg);
		return;
	case 10: /* with the storage as it is */
		rig_establish(r);
		rig_activate(r);
		return;
	default:
		a = take(in, 8), b = take(in, 8), c = take(in, 8);
		if (arg == 0)
			qdio_siga(r->g, &a, b, c, 0);
		else if (arg == 1)
			qdio_sqbs(r->g, ~(uint64_t)QDIO_SCHID(3), &a, &b, (uint8_t)c);
		else
			qdio_eqbs(r->g, ~(uint64_t)QDIO_SCHID(3), &a, &b, &c);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size < 8192 ? size : 8192};
	struct qdio_group_config cfg = rig_config();
	uint64_t flags = take(&in, 1);
	struct rig r;

	cfg.thin_interrupts = flags & 1;
	cfg.qebsm = flags & 2;
	cfg.qfmt = flags & 4 ? QDIO_FORMAT_IQD : QDIO_FORMAT_OSD;
	cfg.qdioac3 = flags & 8 ? QDIO_AC3_CQ : 0;
	rig_init(&r, &cfg, RIG_BYTES);
	r.echo = flags & 16;
	while (in.left)
		operation(&r, &in);
	rig_fini(&r);
	if (r.reset_while_active || r.activates != r.deactivates)
		abort();
	return 0;
}
