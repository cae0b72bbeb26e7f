/* SPDX-License-Identifier: Apache-2.0 */
/*
 * VNIC characteristics: what a layer-2 host asks for beyond the addresses it registered. The
 * commands are osa's (osa/vnicc.c), which tells what is on now; what follows from it is decided
 * while frames are delivered (deliver.c). Source: spec/osa-qeth.md 4.11, 9.4.
 *
 *   flooding            unicast frames that nobody has the address of
 *   mcast_flooding      all groups
 *   rx_bcast            broadcasts; on at first
 *   learning            frames for addresses that it sends with: learn.c
 *   takeover_setvmac    another host may register what this one has
 *   takeover_learning   another host may learn what this one has
 *   bridge_invisible    nothing goes between it and a bridge port
 *
 * None of them needs an authority: flooding gives what nobody else gets, any host may join any
 * group, what may be taken from whom is the decision of the one who has it. MAC protection
 * (hs_protect) comes before: who may only speak as himself has nothing to be learned.
 */
#include "hipersockets/hs_priv.h"

#include <errno.h>
#include <string.h>

static int change(struct hs_adapter *h, uint32_t enabled, uint32_t learning_s)
{
	if (enabled & OSA_CHAR_LEARNING && hs_learn_start(h))
		return -ENOMEM;
	if (!(enabled & OSA_CHAR_LEARNING))
		hs_learn_stop(h);
	h->vnicc = (struct hs_vnicc){.enabled = enabled, .learning_s = learning_s};
	if (h->layer == 2)
		h->broadcast = enabled & OSA_CHAR_RX_BCAST;
	return 0;
}

int hs_vnicc_set(void *ctx, uint32_t enabled, uint32_t learning_s)
{
	struct hs_adapter *h = ctx;
	bool was = hs_invisible(h);
	struct hs_lan *lan = h->lan;
	int rc;

	if (enabled & ~OSA_CHAR_ALL || learning_s < OSA_LEARNING_TIMEOUT_MIN ||
	    learning_s > OSA_LEARNING_TIMEOUT_MAX)
		return -EINVAL; /* of a host elsewhere */
	if (h->role)
		return -EBUSY;
	if (!lan)
		return change(h, enabled, learning_s);
	pthread_rwlock_wrlock(&lan->lock);
	rc = change(h, enabled, learning_s);
	hs_lan_survey(lan);
	pthread_rwlock_unlock(&lan->lock);
	if (!was && hs_invisible(h))
		hs_bridge_hide(h);
	else if (was && !hs_invisible(h))
		hs_bridge_show(h);
	return rc;
}

void hs_vnicc_reset(struct hs_adapter *h)
{
	struct hs_lan *lan = h->lan;

	if (lan)
		pthread_rwlock_wrlock(&lan->lock);
	change(h, OSA_CHAR_RX_BCAST, OSA_LEARNING_TIMEOUT_S);
	if (!lan)
		return;
	hs_lan_survey(lan);
	pthread_rwlock_unlock(&lan->lock);
}

void hs_protect(struct hs_adapter *h, const uint8_t mac[6], bool on)
{
	struct hs_lan *lan = h->lan;

	if (lan)
		pthread_rwlock_wrlock(&lan->lock);
	h->protect = on;
	memcpy(h->own, mac, 6);
	if (on)
		hs_learn_forget(h);
	if (lan)
		pthread_rwlock_unlock(&lan->lock);
}

/* ---- taking over a registered address ------------------------------------------------------- */

struct hs_adapter *hs_vnicc_take(struct hs_adapter *h, const uint8_t mac[6])
{
	struct hs_adapter *owner;
	uint8_t key[16];

	hs_mac_key(key, mac);
	pthread_rwlock_wrlock(&h->lan->lock);
	owner = hs_lan_owner(h->lan, HS_KIND_MAC, h->layer, key);
	if (owner == h || (owner && !(owner->vnicc.enabled & OSA_CHAR_TAKEOVER_SETVMAC)))
		owner = NULL;
	if (owner) {
		hs_lan_del(h->lan, owner, HS_KIND_MAC, key);
		hs_choose_mac(owner);
	}
	pthread_rwlock_unlock(&h->lan->lock);
	if (owner)
		hs_bridge_mac(owner, mac, false);
	if (owner && owner->link.ops)
		owner->link.ops->mac_del(owner->link.ctx, mac);
	return owner;
}

void hs_vnicc_give_back(struct hs_adapter *owner, const uint8_t mac[6])
{
	uint8_t key[16];

	if (!owner || (owner->link.ops && owner->link.ops->mac_add(owner->link.ctx, mac)))
		return;
	hs_mac_key(key, mac);
	pthread_rwlock_wrlock(&owner->lan->lock);
	/* Without memory it stays nobody's. */
	if (!hs_lan_add(owner->lan, owner, HS_KIND_MAC, key))
		hs_choose_mac(owner);
	pthread_rwlock_unlock(&owner->lan->lock);
	hs_bridge_mac(owner, mac, true);
}
