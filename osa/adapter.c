/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation
 *
 * An OSA-Express adapter as one host sees it: a triple of subchannels (qdio_group) of which
 * one carries control messages to the host, one from the host, and one the queues. This
 * file makes the adapter, is the control unit behind the group (osa_cu_ops), and ties the
 * two things whose lifetimes are independent of each other: the host's session and the cable.
 *
 *   WRITE ─ cu_write ─┬─ idx.c   IDX ACTIVATE: roles of the devices, a new session
 *                     └─ mpc.c   CM and ULP exchanges ── ipa.c ── ipa_*.c, vnicc.c, ...
 *   READ  ─ cu_read ──── outbox.c   replies and events, in order       │
 *   AQ    ─ cu_activate ─ layer2.c, layer3.c   frames ◄──── vs_link ◄──── registry.c
 *
 * Session: IDX ACTIVATE READ and WRITE → CM_ENABLE → CM_SETUP → ULP_ENABLE → ULP_SETUP →
 * (ESTABLISH, ACTIVATE QUEUES) → DM_ACT → STARTLAN and other IPA commands. Everything the host
 * says by IPA belongs to the session. HALT, CLEAR or reset of any device but the write device
 * ends it, and so does a new IDX: registrations, assists, modes and queued messages are gone
 * (spec/osa-qeth.md 11.1). A host never undoes things one by one.
 *
 * Cable: osa_set_link may plug and pull at any time. The data path runs (started) while queues
 * are active and a link is there; registrations are kept in registry.c and copied to the link
 * while it runs. Without a link STARTLAN is answered 0xE080 and the interface comes up
 * without carrier. A host that is online hears STOPLAN and STARTLAN events; the second makes it
 * start a whole new session.
 *
 * Faults of the host: a message that cannot be parsed or comes out of order is refused by
 * unit check with command reject (a negative return of cu_write), which makes a driver
 * recover, and counted; a well-formed command that cannot be done gets its IPA return code. Memory
 * is bounded: OSA_OUTBOX_MAX messages a device, fixed tables.
 *
 * Threads: everything here runs on the group's control thread. The worker meets it only in
 * struct osa_data (layer2.h), where link start and stop order the two, and in struct osa_l3
 * (layer3.h), which has a lock.
 *
 * Layers: ULP_ENABLE names the one of the session, and with it the tables of IPA commands and
 * assists and the vs_port_ops. Layer 3: layer3.c.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "osa/osa_priv.h"

#define TOKEN_BASE 0x5A000000u /* never "00S", which means too many connections: 3.3 */

uint32_t osa_token(const struct osa *a, enum osa_token which)
{
	return TOKEN_BASE | (a->session_nr & 0xFFFFFu) << 4 | (uint32_t)which;
}

/* ---- the data path: queues and a link together --------------------------------------------- */

int osa_layer_check(struct osa *a, uint8_t layer)
{
	return a->link.ops && a->link.ops->layer
		       ? a->link.ops->layer(a->link.ctx, layer == 3 ? 3 : 2)
		       : 0;
}

static int path_start(struct osa *a)
{
	int rc;

	if (a->started || !a->queues || !a->link.ops)
		return 0;
	rc = osa_layer_check(a, a->session.layer);
	if (rc)
		return rc;
	osa_layer2_start(a, a->queues);
	a->started_layer = a->session.layer;
	rc = a->link.ops->start(a->link.ctx,
				a->started_layer == 3 ? &osa_layer3_ops : &osa_layer2_ops, a);
	if (rc) {
		osa_layer2_stop(a);
		return rc;
	}
	a->started = true;
	osa_registry_attach(a);
	if (a->started_layer == 3 && !osa_is_iqd(a)) {
		osa_ip_attach(a);
		osa_l3_started(a);
	}
	return 0;
}

static void path_stop(struct osa *a)
{
	if (!a->started)
		return;
	a->link.ops->stop(a->link.ctx);
	a->started = false;
	osa_layer2_stop(a);
	osa_l3_stopped(a);
	osa_registry_detached(a);
}

int osa_layer_set(struct osa *a, uint8_t layer)
{
	bool other = a->started && (a->started_layer == 3) != (layer == 3);

	a->session.layer = layer;
	/* A host that activates its queues before it names the layer. */
	if (other)
		path_stop(a);
	if (layer == 3)
		osa_l3_session(a); /* STARTLAN reports if the MAC is another's */
	return other ? path_start(a) : 0;
}

/* ---- sessions ------------------------------------------------------------------------------ */

/* Everything the host set up by IPA: registrations, assists, modes. */
static void forget(struct osa *a)
{
	osa_registry_clear(a);
	osa_l3_forget(a);
	osa_assists_reset(a);
	osa_vnicc_reset(a);
	a->isolation = OSA_ISOLATION_NONE;
	a->bridge_role = OSA_BRIDGE_NONE;
	a->bridge_told = OSA_BRIDGE_INACTIVE;
	a->trap_armed = false;
	a->session.online = false;
	if (osa_is_iqd(a) && a->cfg.iqd.ops->forget)
		a->cfg.iqd.ops->forget(a->cfg.iqd.ctx);
}

void osa_session_end(struct osa *a)
{
	forget(a);
	a->session.stage = OSA_STAGE_NONE;
	a->session.layer = 0;
}

/* ---- the control unit ---------------------------------------------------------------------- */

static int message_receive(struct osa *a, unsigned dev, const uint8_t *msg, size_t len)
{
	if (len < 8)
		return -EINVAL;
	switch (be32_load(msg)) {
	case OSA_WORD_IDX:
		return osa_idx_receive(a, dev, msg, len);
	case OSA_WORD_MPC:
		return dev == a->session.write_dev ? osa_mpc_receive(a, msg, len) : -EPERM;
	case OSA_WORD_NOTICE: /* of a shutdown; HALT or CLEAR follows */
		return 0;
	default:
		return -EINVAL;
	}
}

static int cu_write(void *cu, unsigned dev, const uint8_t *msg, size_t len)
{
	struct osa *a = cu;
	int rc;

	if (dev >= QDIO_DEVICES || len > OSA_MSG_MAX)
		return -EINVAL;
	if (a->trace)
		a->trace(a->trace_ctx, OSA_TRACE_FROM_HOST, dev, msg, len);
	rc = message_receive(a, dev, msg, len);
	if (rc)
		a->malformed++;
	return rc;
}

static size_t cu_read(void *cu, unsigned dev, uint8_t *buf, size_t cap)
{
	struct osa *a = cu;
	size_t len;

	if (dev >= QDIO_DEVICES || cap == 0)
		return 0;
	len = osa_outbox_take(&a->outbox[dev], buf, cap);
	if (len && a->trace)
		a->trace(a->trace_ctx, OSA_TRACE_TO_HOST, dev, buf, len);
	return len;
}

static int cu_activate(void *cu, unsigned dev, struct qdio_queues *q)
{
	struct osa *a = cu;
	int rc;

	(void)dev;
	a->queues = q;
	rc = path_start(a);
	if (rc)
		a->queues = NULL;
	return rc;
}

static void cu_deactivate(void *cu, unsigned dev)
{
	struct osa *a = cu;

	(void)dev;
	path_stop(a);
	a->queues = NULL;
}

static void cu_reset(void *cu, unsigned dev, enum qdio_reset why)
{
	struct osa *a = cu;

	if (dev >= QDIO_DEVICES)
		return;
	osa_outbox_drop(&a->outbox[dev]);
	if (why != QDIO_RESET_SYSTEM && dev == a->session.write_dev) {
		a->session.write_dev = OSA_DEV_NONE;
		return;
	}
	osa_session_end(a);
	for (unsigned i = 0; i < QDIO_DEVICES; i++)
		osa_outbox_drop(&a->outbox[i]);
	a->session.read_dev = OSA_DEV_NONE;
	if (why == QDIO_RESET_SYSTEM)
		a->session.write_dev = OSA_DEV_NONE;
}

static int cu_siga(void *cu, const struct qdio_signal *s, bool *busy)
{
	struct osa *a = cu;

	return a->cfg.iqd.ops->siga(a->cfg.iqd.ctx, s, busy);
}

static uint16_t cu_pnso(void *cu, const struct qdio_pnso *q, uint8_t *data, size_t cap, size_t *len)
{
	const struct osa_iqd *iqd = &((struct osa *)cu)->cfg.iqd;

	return iqd->ops->pnso ? iqd->ops->pnso(iqd->ctx, q, data, cap, len)
			      : QDIO_CHSC_NOT_PROVIDED;
}

const struct qdio_cu_ops osa_cu_ops = {
	.write = cu_write,
	.read = cu_read,
	.activate = cu_activate,
	.deactivate = cu_deactivate,
	.reset = cu_reset,
};

static const struct qdio_cu_ops iqd_cu_ops = {
	.write = cu_write,
	.read = cu_read,
	.activate = cu_activate,
	.deactivate = cu_deactivate,
	.reset = cu_reset,
	.siga = cu_siga,
	.pnso = cu_pnso,
};

/* ---- life ---------------------------------------------------------------------------------- */

#define MTU_MIN 576u /* 12 */
#define MTU_DEFAULT 9000u

static int config_check(struct osa_config *cfg)
{
	static const uint8_t zero[6];

	if (cfg->mtu == 0)
		cfg->mtu = MTU_DEFAULT;
	if (cfg->mtu < MTU_MIN || cfg->port_no > OSA_IDX_PORT_MASK)
		return -EINVAL;
	if (cfg->mac[0] & 1 || memcmp(cfg->mac, zero, 6) == 0)
		return -EINVAL;
	/* What does not fit an input buffer cannot be promised. */
	if (cfg->mtu > VS_FRAME_MAX - OSA_ETH_OVERHEAD)
		cfg->mtu = (uint16_t)(VS_FRAME_MAX - OSA_ETH_OVERHEAD);
	return 0;
}

static struct qdio_group_config group_config(const struct osa_config *cfg)
{
	struct qdio_group_config g = {
		.chpid = cfg->chpid,
		.cula = cfg->cula,
		.unit_addr = cfg->unit_addr,
		.chpid_type = QDIO_CHPID_OSD,
		.qfmt = QDIO_FORMAT_OSD,
		.cu_model = 0x01, /* spec/osa-qeth.md 1.2 */
		.dev_model = 0x01,
		.thin_interrupts = cfg->thin_interrupts,
		.qebsm = cfg->qebsm,
		.qebsm_elsewhere = cfg->qebsm_elsewhere,
		.out_queues = QDIO_OUT_QUEUES_MAX,
		.ports = (uint8_t)(cfg->port_no + 1),
	};

	if (cfg->iqd.ops) {
		g.chpid_type = QDIO_CHPID_IQD;
		g.qfmt = QDIO_FORMAT_IQD;
		g.cu_model = 0x05;
		g.dev_model = 0x05;
		g.mmwc = cfg->iqd.mmwc;
		g.qdioac2 = cfg->iqd.analyzer ? QDIO_AC2_SNIFFER : 0;
		g.qdioac3 = cfg->iqd.completion ? QDIO_AC3_CQ : 0;
	}
	memcpy(g.subchannel, cfg->subchannel, sizeof(g.subchannel));
	memcpy(g.devno, cfg->devno, sizeof(g.devno));
	return g;
}

static void adapter_init(struct osa *a, const struct osa_config *cfg)
{
	a->cfg = *cfg;
	a->cfg.name[sizeof(a->cfg.name) - 1] = '\0';
	a->session.read_dev = OSA_DEV_NONE;
	a->session.write_dev = OSA_DEV_NONE;
	for (unsigned i = 0; i < QDIO_DEVICES; i++)
		osa_outbox_init(&a->outbox[i]);
	osa_registry_init(&a->registry);
	osa_own_init(&a->l3.own);
	forget(a);
}

struct osa *osa_create(const struct osa_config *cfg, const struct qdio_env_ops *env_ops, void *env)
{
	struct osa_config checked = *cfg;
	struct qdio_group_config g;
	struct osa *a;
	int rc = config_check(&checked);

	if (rc) {
		errno = -rc;
		return NULL;
	}
	a = calloc(1, sizeof(*a));
	if (!a)
		return NULL;
	rc = osa_l3_init(a);
	if (rc) {
		errno = -rc;
		goto free_adapter;
	}
	adapter_init(a, &checked);
	g = group_config(&checked);
	a->group =
		qdio_group_create(&g, env_ops, env, osa_is_iqd(a) ? &iqd_cu_ops : &osa_cu_ops, a);
	if (!a->group)
		goto fini_l3;
	osa_layer2_init(&a->data, a->group);
	a->data.frame_max = a->cfg.mtu + OSA_ETH_OVERHEAD;
	return a;

fini_l3:
	osa_l3_fini(a);
free_adapter:
	free(a);
	return NULL;
}

void osa_destroy(struct osa *a)
{
	if (!a)
		return;
	qdio_group_destroy(a->group);
	path_stop(a);
	for (unsigned i = 0; i < QDIO_DEVICES; i++)
		osa_outbox_drop(&a->outbox[i]);
	osa_l3_fini(a);
	free(a);
}

struct qdio_group *osa_group(struct osa *a)
{
	return a->group;
}

void osa_set_mac(struct osa *a, const uint8_t mac[6])
{
	static const uint8_t zero[6];

	if (!(mac[0] & 1) && memcmp(mac, zero, 6) != 0)
		memcpy(a->cfg.mac, mac, 6);
}

void osa_set_frame_size(struct osa *a, uint16_t code, uint16_t mtu)
{
	a->cfg.iqd.frame_size = code;
	a->cfg.mtu = mtu;
}

struct qdio_queues *osa_queues(struct osa *a)
{
	return a->queues;
}

uint8_t osa_layer(const struct osa *a)
{
	return a->session.layer;
}

struct osa_data *osa_data_of(struct osa *a)
{
	return &a->data;
}

/* A link that refuses to start is as good as no link: the cable stays out. */
void osa_set_link(struct osa *a, const struct vs_link *link)
{
	if (a->link.ops) {
		path_stop(a);
		memset(&a->link, 0, sizeof(a->link));
		osa_ipa_lan_event(a, OSA_STOPLAN);
	}
	if (!link || !link->ops) {
		osa_bridge_tell(a);
		return;
	}
	a->link = *link;
	if (path_start(a)) {
		memset(&a->link, 0, sizeof(a->link));
		return;
	}
	osa_ipa_lan_event(a, OSA_STARTLAN);
	osa_bridge_tell(a);
}

void osa_info(struct osa *a, struct osa_info *out)
{
	const struct osa_registry *r = &a->registry;

	memset(out, 0, sizeof(*out));
	out->online = a->session.online;
	out->data_active = a->queues != NULL;
	out->promisc = r->promisc & OSA_PROMISC_GUEST;
	out->layer = a->session.layer;
	if (r->unicast.n)
		memcpy(out->mac, r->unicast.entry[0].mac, 6);
	out->assists = a->assists4.enabled | a->assists6.enabled;
	out->isolation = a->isolation;
	osa_l3_info(a, out);
	out->ipa_requests = a->ipa_requests;
	out->ipa_errors = a->ipa_errors;
	out->malformed = a->malformed;
	/* Relaxed: counters of the worker, read for display. */
	out->rx_buffers = atomic_load_explicit(&a->data.rx_buffers, memory_order_relaxed);
	out->tx_buffers = atomic_load_explicit(&a->data.tx_buffers, memory_order_relaxed);
	out->rx_signals = atomic_load_explicit(&a->data.rx_signals, memory_order_relaxed);
	out->tx_wakeups = atomic_load_explicit(&a->data.tx_wakeups, memory_order_relaxed);
}

void osa_set_trace(struct osa *a, osa_trace_fn *fn, void *ctx)
{
	a->trace = fn;
	a->trace_ctx = ctx;
}
