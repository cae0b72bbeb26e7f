/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who sees everything: the network traffic analyzer. Source: spec/osa-qeth.md 4.10, 8.6.
 *
 * A layer-3 host that is allowed to may start a trace; its adapter then gets a copy of what all
 * others send, in both layers, and takes no frames from its host. There is one at most on a LAN.
 * The owner of an adapter may also ask for it (hs_watch); then the host keeps its own traffic, and
 * gets of others' what its layer can take.
 *
 * A copy that finds no empty buffer is missed: nobody waits for an analyzer.
 */
#include "hipersockets/hs_priv.h"

#include <string.h>

/* The LAN's lock is held for writing, if there is a LAN. */
static void decide(struct hs_adapter *h)
{
	h->trace = h->trace && h->watch_allowed;
	h->watching = h->trace || (h->watch_asked && h->watch_allowed);
	if (h->lan)
		hs_lan_survey(h->lan);
}

void hs_trace_forget(struct hs_adapter *h)
{
	h->trace = false;
	decide(h);
}

/* Where a port's state is shown it is what the switch calls promiscuous. */
static void tell(const struct hs_adapter *h, bool on)
{
	if (h->lan && h->link.ops)
		h->link.ops->promisc(h->link.ctx, on);
}

void hs_watch(struct hs_adapter *h, bool allowed, bool asked)
{
	if (h->lan)
		pthread_rwlock_wrlock(&h->lan->lock);
	h->watch_allowed = allowed;
	h->watch_asked = asked;
	decide(h);
	if (h->lan)
		pthread_rwlock_unlock(&h->lan->lock);
}

void hs_trace_stop(struct hs_adapter *h)
{
	struct hs_lan *lan = h->lan;

	if (!h->trace)
		return;
	if (lan)
		pthread_rwlock_wrlock(&lan->lock);
	h->trace = false;
	decide(h);
	if (lan)
		pthread_rwlock_unlock(&lan->lock);
	tell(h, false);
}

static bool another_traces(const struct hs_adapter *h)
{
	const struct hs_adapter *other;

	LIST_FOREACH(other, &h->lan->members, member)
	if (other != h && other->trace)
		return true;
	return false;
}

static int start(struct hs_adapter *h)
{
	bool another;

	if (!h->lan || !h->running)
		return OSA_RC_LAN_OFFLINE;
	if (h->layer != 3)
		return OSA_DIAG_RC_INVALID;
	if (!h->watch_allowed)
		return OSA_DIAG_RC_NOT_AUTHORISED;
	pthread_rwlock_wrlock(&h->lan->lock);
	another = another_traces(h);
	if (!another) {
		h->trace = true;
		decide(h);
	}
	pthread_rwlock_unlock(&h->lan->lock);
	if (another)
		return OSA_RC_OUT_OF_SEQUENCE; /* in a trace: one is active already */
	tell(h, true);
	return OSA_RC_OK;
}

int hs_trace(struct hs_adapter *h, const uint8_t *data, size_t len)
{
	struct osa_diag d;

	if (len < sizeof(d))
		return OSA_RC_INVALID_FORMAT;
	memcpy(&d, data, sizeof(d));
	if (d.type != OSA_DIAG_TYPE_HIPERSOCKETS)
		return OSA_DIAG_RC_INVALID;
	switch (d.action) {
	case OSA_TRACE_ENABLE:
		return start(h);
	case OSA_TRACE_DISABLE:
		hs_trace_stop(h);
		return OSA_RC_OK;
	default:
		return OSA_DIAG_RC_INVALID;
	}
}
