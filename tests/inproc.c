/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "tests/inproc.h"

#define STORAGE_BASE 0x10000u

/* ---- what the adapter asks of its environment ------------------------------------ */

static void env_interrupt(void *env, unsigned dev, const struct qdio_irb *irb)
{
	struct inproc *ip = env;
	unsigned i = (ip->irb_first + ip->irb_n) % INPROC_IRBS;

	assert(ip->irb_n < INPROC_IRBS);
	ip->irb[i] = *irb;
	ip->irb_dev[i] = dev;
	ip->irb_n++;
	ip->interrupts[dev]++;
}

static void env_pci(void *env, unsigned dev)
{
	struct inproc *ip = env;

	(void)dev;
	atomic_fetch_add_explicit(&ip->pcis, 1, memory_order_relaxed);
	/* Release, by the read-modify-write: the states stand before the interruption. */
	atomic_fetch_or(&ip->pending, GUEST_PENDING_PCI);
}

static void env_adapter_interrupt(void *env, unsigned isc)
{
	struct inproc *ip = env;

	(void)isc;
	atomic_fetch_add_explicit(&ip->airqs, 1, memory_order_relaxed);
	atomic_fetch_or(&ip->pending, GUEST_PENDING_AIRQ);
}

static void env_kick(void *env)
{
	struct inproc *ip = env;

	atomic_fetch_add_explicit(&ip->kicks, 1, memory_order_relaxed);
	if (ip->on_kick)
		ip->on_kick(ip->ctx);
}

static const struct qdio_env_ops env_ops = {
	.interrupt = env_interrupt,
	.pci = env_pci,
	.adapter_interrupt = env_adapter_interrupt,
	.kick = env_kick,
};

/* ---- what the guest asks of the machine -------------------------------------------- */

static struct qdio_group *group(struct inproc *ip)
{
	return osa_group(ip->osa);
}

static int op_msch(void *t, unsigned dev, bool enabled, unsigned isc)
{
	struct inproc *ip = t;

	return ip->gone ? -ENOTCONN : qdio_msch(group(ip), dev, enabled, isc);
}

static int op_ssch(void *t, unsigned dev, const struct qdio_orb *orb)
{
	struct inproc *ip = t;

	return ip->gone ? -ENOTCONN : qdio_ssch(group(ip), dev, orb);
}

static int op_hsch(void *t, unsigned dev)
{
	struct inproc *ip = t;

	return ip->gone ? -ENOTCONN : qdio_hsch(group(ip), dev);
}

static int op_csch(void *t, unsigned dev)
{
	struct inproc *ip = t;

	return ip->gone ? -ENOTCONN : qdio_csch(group(ip), dev);
}

static int op_chsc(void *t, uint64_t addr)
{
	struct inproc *ip = t;
	struct qdio_group *g = group(ip);
	uint8_t *at = ip->st.host + (addr - ip->st.base);
	uint8_t block[QDIO_CHSC_BLOCK_BYTES];
	int rc;

	if (ip->gone)
		return -ENOTCONN;
	memcpy(block, at, sizeof(block));
	rc = qdio_chsc(&g, 1, block);
	memcpy(at, block, sizeof(block));
	return rc;
}

static int op_siga(void *t, uint64_t *gr0, uint64_t gr1, uint64_t gr2, uint64_t gr3)
{
	struct inproc *ip = t;
	int rc;

	if (ip->siga_noop)
		return 0;
	if (ip->gone)
		return -ENOTCONN;
	rc = qdio_siga(group(ip), gr0, gr1, gr2, gr3);
	return rc < 0 ? GUEST_PGM(-rc) : rc;
}

/* Everything happens inside the instructions: waiting cannot bring more. */
static int op_wait(void *t, int timeout_ms)
{
	struct inproc *ip = t;

	(void)timeout_ms;
	return ip->irb_n != 0;
}

static int op_next_irb(void *t, struct guest_irb *irb)
{
	struct inproc *ip = t;
	const struct qdio_irb *from = &ip->irb[ip->irb_first];

	if (!ip->irb_n)
		return ip->gone ? -ENOTCONN : 0;
	irb->dev = ip->irb_dev[ip->irb_first];
	irb->parm = from->parm;
	irb->scsw = from->scsw;
	memcpy(irb->sense, from->sense, sizeof(irb->sense));
	ip->irb_first = (ip->irb_first + 1) % INPROC_IRBS;
	ip->irb_n--;
	return 1;
}

static unsigned op_take_pending(void *t)
{
	struct inproc *ip = t;

	if (!atomic_load_explicit(&ip->pending, memory_order_relaxed))
		return 0;
	return atomic_exchange(&ip->pending, 0);
}

static const struct guest_transport_ops ops = {
	.msch = op_msch,
	.ssch = op_ssch,
	.hsch = op_hsch,
	.csch = op_csch,
	.chsc = op_chsc,
	.siga = op_siga,
	.wait = op_wait,
	.next_irb = op_next_irb,
	.take_pending = op_take_pending,
};

/* ---- making --------------------------------------------------------------------------- */

struct osa_config inproc_osa_config(uint16_t devno, bool thin)
{
	struct osa_config c = {.chpid = 0x40, .thin_interrupts = thin, .name = "INPROC"};

	for (unsigned i = 0; i < QDIO_DEVICES; i++) {
		c.subchannel[i] = (uint16_t)(0x10 + devno % 256 + i);
		c.devno[i] = (uint16_t)(devno + i);
	}
	c.unit_addr = (uint8_t)c.devno[2];
	c.mac[0] = 0x02;
	c.mac[1] = 0x5A;
	c.mac[4] = (uint8_t)(devno >> 8);
	c.mac[5] = (uint8_t)devno;
	return c;
}

static int begin(struct inproc *ip, const struct guest_config *guest)
{
	memset(ip, 0, sizeof(*ip));
	return guest_storage_create(&ip->st, STORAGE_BASE, guest_dev_bytes(guest));
}

static int finish(struct inproc *ip)
{
	struct qdio_storage st = {.n = 1};
	int rc = -errno;

	if (!ip->osa) {
		guest_storage_destroy(&ip->st);
		return rc;
	}
	st.region[0] =
		(struct qdio_region){.addr = ip->st.base, .len = ip->st.bytes, .host = ip->st.host};
	return qdio_group_set_storage(group(ip), &st);
}

int inproc_open(struct inproc *ip, const struct osa_config *osa, const struct guest_config *guest)
{
	struct osa_config cfg = osa ? *osa : inproc_osa_config(0x0500, true);
	int rc = begin(ip, guest);

	if (rc < 0)
		return rc;
	ip->osa = osa_create(&cfg, &env_ops, ip);
	return finish(ip);
}

int inproc_open_hs(struct inproc *ip, const struct hs_config *hs, const struct guest_config *guest)
{
	int rc = begin(ip, guest);

	if (rc < 0)
		return rc;
	ip->hs = hs_create(hs, &env_ops, ip);
	ip->osa = ip->hs ? hs_osa(ip->hs) : NULL;
	return finish(ip);
}

void inproc_close(struct inproc *ip)
{
	if (ip->hs)
		hs_destroy(ip->hs);
	else
		osa_destroy(ip->osa);
	ip->hs = NULL;
	ip->osa = NULL;
	guest_storage_destroy(&ip->st);
}

void inproc_machine(struct inproc *ip, struct guest_machine *m)
{
	const struct qdio_group_config *cfg = qdio_group_config(group(ip));

	m->ops = &ops;
	m->ctx = ip;
	memcpy(m->subchannel, cfg->subchannel, sizeof(m->subchannel));
	memcpy(m->devno, cfg->devno, sizeof(m->devno));
	m->chpid = cfg->chpid;
}
