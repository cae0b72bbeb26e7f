/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IPA: QIPASSIST and SETASSPARMS. Source: spec/osa-qeth.md 4.6, 4.7, 5.1.
 *
 * Both layers: checksums in and out and TCP segmentation, for IPv4 and IPv6. START announces what
 * the adapter can do, ENABLE what the host wants of it, STOP ends it. ENABLE without START
 * enables nothing, which the reply says and a driver takes as failure.
 *
 * Layer 3 has more: ARP processing (ipa_arp.c), the filter for broadcasts, source MACs in
 * headers; VLAN, multicasting, IPv6 and passthru are always there and only switched on and off.
 */
#include <string.h>

#include "osa/osa_priv.h"

#define OFFLOADS4 (OSA_ASSIST_CSUM_IN | OSA_ASSIST_CSUM_OUT | OSA_ASSIST_TSO_OUT)
#define OFFLOADS6 (OSA_ASSIST_TSO_OUT | OSA_ASSIST_CSUM_IN_V6 | OSA_ASSIST_CSUM_OUT_V6)
#define BOTH_LAYERS (OSA_ASSIST_IPV6 | OSA_ASSIST_SETADAPTERPARMS)

/* Layer 3 beyond it, "full L3 OSD" of 14.1. */
#define LAYER3_BOTH (OSA_ASSIST_MULTICAST | OSA_ASSIST_PASSTHRU | OSA_ASSIST_MULTICAST_ROUTER)
#define LAYER3_V4                                                                                  \
	(LAYER3_BOTH | OSA_ASSIST_ARP | OSA_ASSIST_FILTER | OSA_ASSIST_ARP_INFO |                  \
	 OSA_ASSIST_VLAN_PRIORITY | OSA_ASSIST_ARP_FLUSH | OSA_ASSIST_FULL_VLAN |                  \
	 OSA_ASSIST_SOURCE_MAC)

/*
 * IQD: no ARP, no Ethernet, nothing to compute; a layer-3 host asks for broadcasts and groups. Who
 * sees full VLAN support starts it by the number of VLAN priority (4.7).
 */
#define IQD_LAYER3_V4                                                                              \
	(OSA_ASSIST_MULTICAST | OSA_ASSIST_MULTICAST_ROUTER | OSA_ASSIST_FILTER |                  \
	 OSA_ASSIST_FULL_VLAN | OSA_ASSIST_VLAN_PRIORITY)
#define IQD_LAYER3_V6 (OSA_ASSIST_MULTICAST | OSA_ASSIST_MULTICAST_ROUTER)

/* A layer-2 header cannot ask for the IP header's checksum (7.1). */
#define CSUM_FEATURES (OSA_CSUM_UDP | OSA_CSUM_TCP | OSA_CSUM_LP2LP)

#define IP_TCP_HEADERS4 40u
#define IP_TCP_HEADERS6 60u

struct osa_assists *osa_assists_of(struct osa *a, uint16_t protocol)
{
	if (protocol == OSA_IPA_IPV4)
		return &a->assists4;
	if (protocol == OSA_IPA_IPV6)
		return &a->assists6;
	return NULL;
}

uint32_t osa_assists_supported(const struct osa *a, uint16_t protocol)
{
	bool layer3 = a->session.layer == 3;

	if (osa_is_iqd(a))
		return BOTH_LAYERS | (!layer3			 ? 0
				      : protocol == OSA_IPA_IPV6 ? IQD_LAYER3_V6
								 : IQD_LAYER3_V4);
	if (protocol == OSA_IPA_IPV6)
		return OFFLOADS6 | BOTH_LAYERS | (layer3 ? LAYER3_BOTH : 0);
	return OFFLOADS4 | BOTH_LAYERS | (layer3 ? LAYER3_V4 : 0);
}

/* Tell the data path: a bit for each IP version, not zero while any is enabled. */
static void rx_csum_publish(struct osa *a)
{
	uint32_t on = (a->assists4.csum_in.features ? OSA_RX_CSUM_V4 : 0) |
		      (a->assists6.csum_in.features ? OSA_RX_CSUM_V6 : 0);

	/* Relaxed: a frame more or less with the old setting is in order. */
	atomic_store_explicit(&a->data.rx_csum, on, memory_order_relaxed);
}

void osa_assists_reset(struct osa *a)
{
	memset(&a->assists4, 0, sizeof(a->assists4));
	memset(&a->assists6, 0, sizeof(a->assists6));
	rx_csum_publish(a);
	atomic_store_explicit(&a->data.large, 0, memory_order_relaxed);
}

uint16_t osa_ipa_qipassist(struct osa *a, struct osa_call *c)
{
	/* The masks are in every reply's header: osa_ipa_receive. */
	return osa_assists_of(a, be16_get(c->ipa.protocol)) ? OSA_RC_OK : OSA_RC_INVALID_IP_VERSION;
}

/* ---- SETASSPARMS --------------------------------------------------------------------------- */

struct request {
	uint32_t assist;
	uint16_t subcommand;
	struct osa_assists *state;
	uint32_t word[2]; /* assist data, zero where there is none */
};

static void reply_words(struct osa_call *c, size_t n, uint32_t first, uint32_t second)
{
	uint8_t *p = c->data + sizeof(struct osa_assparms);

	osa_call_resize(c, sizeof(struct osa_assparms) + 4 * n);
	if (n > 0)
		be32_store(p, first);
	if (n > 1)
		be32_store(p + 4, second);
}

static void mark_enabled(struct request *r, bool on)
{
	if (on)
		r->state->enabled |= r->assist;
	else
		r->state->enabled &= ~r->assist;
}

static uint16_t csum_run(struct osa_csum_assist *s, uint32_t can, struct request *r,
			 struct osa_call *c)
{
	switch (r->subcommand) {
	case OSA_ASSIST_START:
		s->started = true;
		mark_enabled(r, true);
		reply_words(c, 1, can, 0);
		return OSA_RC_OK;
	case OSA_ASSIST_ENABLE:
		s->features = s->started ? r->word[0] & can : 0;
		reply_words(c, 2, can, s->features);
		return OSA_RC_OK;
	case OSA_ASSIST_STOP:
		memset(s, 0, sizeof(*s));
		mark_enabled(r, false);
		reply_words(c, 0, 0, 0);
		return OSA_RC_OK;
	default:
		return OSA_RC_UNSUPPORTED_SUBCMD;
	}
}

static uint16_t tso_run(struct osa *a, struct request *r, struct osa_call *c)
{
	uint32_t headers = r->state == &a->assists6 ? IP_TCP_HEADERS6 : IP_TCP_HEADERS4;

	switch (r->subcommand) {
	case OSA_ASSIST_START:
		mark_enabled(r, true);
		reply_words(c, 2, a->cfg.mtu - headers, OSA_TSO_TCP);
		return OSA_RC_OK;
	case OSA_ASSIST_ENABLE:
		r->state->tso =
			(r->state->enabled & OSA_ASSIST_TSO_OUT) && (r->word[1] & OSA_TSO_TCP);
		reply_words(c, 2, OSA_TSO_TCP, r->state->tso ? OSA_TSO_TCP : 0);
		return OSA_RC_OK;
	case OSA_ASSIST_STOP:
		r->state->tso = false;
		mark_enabled(r, false);
		reply_words(c, 0, 0, 0);
		return OSA_RC_OK;
	default:
		return OSA_RC_UNSUPPORTED_SUBCMD;
	}
}

/* Assists that are only switched; 5, 6 and 8 come from other hosts and mean nothing here. */
static uint16_t simple_run(struct request *r)
{
	switch (r->subcommand) {
	case OSA_ASSIST_START:
		mark_enabled(r, true);
		return OSA_RC_OK;
	case OSA_ASSIST_STOP:
		mark_enabled(r, false);
		return OSA_RC_OK;
	case OSA_ASSIST_CONFIGURE:
	case OSA_ASSIST_ENABLE:
	case OSA_ASSIST_SUB_5:
	case OSA_ASSIST_SUB_6:
	case OSA_ASSIST_SUB_8:
		return OSA_RC_OK;
	default:
		return OSA_RC_UNSUPPORTED_SUBCMD;
	}
}

/* The extension of our own driver: see OSA_ASSIST_LARGE_IN. */
static uint16_t large_run(struct osa *a, const struct request *r)
{
	if (a->session.layer != 2 || r->state != &a->assists4)
		return OSA_RC_NOT_SUPPORTED;
	if (r->subcommand != OSA_ASSIST_START && r->subcommand != OSA_ASSIST_STOP)
		return OSA_RC_UNSUPPORTED_SUBCMD;
	atomic_store_explicit(&a->data.large, r->subcommand == OSA_ASSIST_START,
			      memory_order_relaxed);
	return OSA_RC_OK;
}

static uint16_t csum_out_run(struct osa *a, struct request *r, struct osa_call *c)
{
	bool ip = a->session.layer == 3 && r->state == &a->assists4;

	return csum_run(&r->state->csum_out, CSUM_FEATURES | (ip ? OSA_CSUM_IP : 0), r, c);
}

/* ---- layer 3 ------------------------------------------------------------------------------- */

/* ENABLE asks for broadcasts without the host's own: those never come back here. */
static uint16_t filter_run(struct osa *a, struct request *r)
{
	bool on = a->l3.filter.broadcast;

	if (r->subcommand == OSA_ASSIST_CONFIGURE)
		on = r->word[0] == 1;
	else if (r->subcommand == OSA_ASSIST_STOP)
		on = false;
	pthread_mutex_lock(&a->l3.lock);
	a->l3.filter.broadcast = on;
	pthread_mutex_unlock(&a->l3.lock);
	osa_l3_wants(a);
	return simple_run(r);
}

static uint16_t source_mac_run(struct osa *a, struct request *r)
{
	uint16_t rc = simple_run(r);

	pthread_mutex_lock(&a->l3.lock);
	a->l3.filter.source_mac = r->state->enabled & OSA_ASSIST_SOURCE_MAC;
	pthread_mutex_unlock(&a->l3.lock);
	return rc;
}

static uint16_t layer3_run(struct osa *a, struct request *r, struct osa_call *c)
{
	/* A host may query the entries of IPv6 as well: 4.7. */
	bool query = r->assist == OSA_ASSIST_ARP && r->subcommand == OSA_ARP_QUERY_INFO;

	if (!query && !(r->assist & osa_assists_supported(a, be16_get(c->ipa.protocol))))
		return OSA_RC_NOT_SUPPORTED;
	switch (r->assist) {
	case OSA_ASSIST_ARP:
		if (r->subcommand == OSA_ASSIST_START || r->subcommand == OSA_ASSIST_STOP)
			return simple_run(r);
		return osa_arp_command(a, c, r->subcommand);
	case OSA_ASSIST_FILTER:
		return filter_run(a, r);
	case OSA_ASSIST_SOURCE_MAC:
		return source_mac_run(a, r);
	case OSA_ASSIST_MULTICAST:
	case OSA_ASSIST_VLAN_PRIORITY:
	case OSA_ASSIST_PASSTHRU:
		return simple_run(r);
	default:
		return OSA_RC_NOT_SUPPORTED;
	}
}

static uint16_t assist_run(struct osa *a, struct request *r, struct osa_call *c)
{
	uint16_t rc;

	if (osa_is_iqd(a) && !(r->assist & osa_assists_supported(a, be16_get(c->ipa.protocol))))
		return OSA_RC_NOT_SUPPORTED;
	switch (r->assist) {
	case OSA_ASSIST_CSUM_IN:
		rc = csum_run(&r->state->csum_in, CSUM_FEATURES, r, c);
		rx_csum_publish(a);
		return rc;
	case OSA_ASSIST_CSUM_OUT:
		return csum_out_run(a, r, c);
	case OSA_ASSIST_TSO_OUT:
		return tso_run(a, r, c);
	case OSA_ASSIST_LARGE_IN:
		return large_run(a, r);
	case OSA_ASSIST_IPV6:
	case OSA_ASSIST_SETADAPTERPARMS:
		return simple_run(r);
	default:
		return a->session.layer == 3 ? layer3_run(a, r, c) : OSA_RC_NOT_SUPPORTED;
	}
}

/* @parts: the reply is one of several and says so already. */
static void reply_head(struct osa_call *c, uint16_t rc, bool parts)
{
	struct osa_assparms ass;

	memcpy(&ass, c->data, sizeof(ass));
	ass.len = be16_of((uint16_t)(c->len - offsetof(struct osa_assparms, len)));
	ass.rc = be16_of(rc); /* offload users look at both: 4.7 */
	if (!parts) {
		ass.n_replies = 1;
		ass.reply_nr = 1;
	}
	memcpy(c->data, &ass, sizeof(ass));
}

uint16_t osa_ipa_setassparms(struct osa *a, struct osa_call *c)
{
	struct request r = {.state = osa_assists_of(a, be16_get(c->ipa.protocol))};
	struct osa_assparms ass;
	uint16_t rc;

	memcpy(&ass, c->data, sizeof(ass));
	r.assist = be32_get(ass.assist);
	r.subcommand = be16_get(ass.subcommand);
	for (size_t i = 0; i < 2; i++)
		if (c->request_len >= sizeof(ass) + 4 * (i + 1))
			r.word[i] = be32_load(c->data + sizeof(ass) + 4 * i);
	rc = r.state ? assist_run(a, &r, c) : OSA_RC_INVALID_IP_VERSION;
	reply_head(c, rc,
		   r.assist == OSA_ASSIST_ARP && r.subcommand == OSA_ARP_QUERY_INFO &&
			   rc == OSA_RC_OK);
	return rc;
}
