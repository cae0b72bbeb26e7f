/* SPDX-License-Identifier: Apache-2.0 */
/*
 * VLANs: what a port may send, and how a frame leaves.
 *
 * The matrix is spec/zvm-networking.md 3.4; where that document says "[M?]" the
 * choice is that of a physical switch:
 * - a priority tag (VID 0) counts as untagged and keeps its PCP;
 * - a frame tagged with the native VID is accepted on a trunk that is authorised for it;
 * - a sniffer sees frames as its own port type would.
 */
#include "vswitch/vs_priv.h"

#include "common/be.h"

/*
 * @stacked: another tag follows. Where the outer one would be taken off, the inner would become
 * the frame's VLAN, one the sender need not be authorised for: such frames are refused.
 */
static enum vs_drop ingress_aware(const struct rules *r, uint16_t *vid, uint8_t tag, uint16_t *tci,
				  bool stacked)
{
	if (tag == TAG_VID) {
		if (r->access)
			return VS_DROP_VLAN_TAGGED;
		*vid = *tci & 0x0FFF;
		if (stacked && *vid == r->untagged_vid)
			return VS_DROP_VLAN_DENIED;
		return vs_vidset_has(&r->vids, *vid) ? VS_DROP_NONE : VS_DROP_VLAN_DENIED;
	}
	if (stacked)
		return r->access ? VS_DROP_VLAN_TAGGED : VS_DROP_VLAN_DENIED;
	if (!r->pvid)
		return tag == TAG_PRIORITY && r->access ? VS_DROP_VLAN_TAGGED
							: VS_DROP_VLAN_UNTAGGED;
	*vid = r->pvid;
	*tci = (uint16_t)((*tci & 0xF000) | r->pvid);
	return VS_DROP_NONE;
}

enum vs_drop vlan_ingress(const struct rules *r, const uint8_t *head, uint16_t *vid, uint8_t *tag,
			  uint16_t *tci)
{
	bool stacked = false;

	*tag = TAG_NONE;
	*tci = 0;
	if (be16_load(head + 2 * ETH_ALEN) == ETHERTYPE_VLAN) {
		*tci = be16_load(head + ETH_HLEN);
		*tag = *tci & 0x0FFF ? TAG_VID : TAG_PRIORITY;
		stacked = be16_load(head + ETH_HLEN + 2) == ETHERTYPE_VLAN;
	}
	if (r->mode == VLAN_AWARE)
		return ingress_aware(r, vid, *tag, tci, stacked);
	*vid = 0;
	return VS_DROP_NONE;
}

/* A guest that named VLANs (SETVLAN) gets no others: spec/osa-qeth.md 9.2. */
static bool guest_wants(const struct rules *r, uint16_t vid)
{
	if (r->mode == VLAN_GUEST_LAN)
		return vs_vidset_has(&r->joined, vid);
	return !r->joined_any || vs_vidset_has(&r->joined, vid);
}

bool vlan_egress(const struct rules *r, uint16_t vid, enum tag tag, uint16_t tci, uint8_t *edit)
{
	*edit = VS_EDIT_NONE;
	if (r->mode != VLAN_AWARE)
		return tag != TAG_VID || guest_wants(r, tci & 0x0FFF);
	if (!vs_vidset_has(&r->vids, vid))
		return false;
	if (vid == r->untagged_vid) {
		if (tag != TAG_NONE)
			*edit = VS_EDIT_STRIP;
		return true;
	}
	if (tag == TAG_NONE)
		*edit = VS_EDIT_PUSH;
	else if (tag == TAG_PRIORITY)
		*edit = VS_EDIT_RETAG;
	return guest_wants(r, vid);
}

static void rules_access(const struct vs_port *p, struct rules *r)
{
	r->access = true;
	r->pvid = p->cfg.access_vid ? p->cfg.access_vid : p->sw->cfg.default_vid;
	r->untagged_vid = r->pvid;
	if (r->pvid)
		vs_vidset_add(&r->vids, r->pvid);
}

static void rules_trunk(const struct vs_port *p, struct rules *r)
{
	uint16_t native = p->sw->cfg.native_vid;

	r->vids = p->cfg.vids;
	vs_vidset_del(&r->vids, 0);
	vs_vidset_del(&r->vids, 4095);
	if (native && vs_vidset_has(&r->vids, native)) {
		r->pvid = native;
		r->untagged_vid = native;
	}
}

static void rules_uplink(const struct vs_port *p, struct rules *r)
{
	memset(&r->vids, 0xFF, sizeof(r->vids));
	vs_vidset_del(&r->vids, 0);
	vs_vidset_del(&r->vids, 4095);
	r->pvid = p->sw->cfg.native_vid;
	r->untagged_vid = r->pvid;
}

static bool vidset_any(const struct vs_vidset *s)
{
	uint64_t any = 0;

	for (unsigned i = 0; i < 64; i++)
		any |= s->w[i];
	return any;
}

void vlan_rules(const struct vs_port *p, struct rules *r)
{
	static const uint8_t no_mac[ETH_ALEN];
	const struct vs_switch_config *sw = &p->sw->cfg;

	memset(r, 0, sizeof(*r));
	r->uplink = p->cfg.role == VS_ROLE_UPLINK;
	r->vepa = sw->vepa;
	r->wire = sw->kind == VS_KIND_WIRE;
	r->isolated = (sw->isolation || sw->vepa) && !r->uplink;
	/* 0 is no key: without an address of its own a protected port has no source. */
	r->own_key = memcmp(p->cfg.own_mac, no_mac, ETH_ALEN) ? fdb_key(p->cfg.own_mac, 0) : 0;
	r->protect = !r->uplink && (p->cfg.mac_protect < 0 ? sw->mac_protect : p->cfg.mac_protect);
	for (unsigned k = 0; k < VS_STORM_KINDS; k++) {
		r->storm_rate[k] = sw->storm[k];
		r->storm |= sw->storm[k] != 0;
	}
	r->joined = p->joined;
	r->joined_any = vidset_any(&p->joined) && !p->cfg.bridge;
	if (sw->kind == VS_KIND_GUEST_LAN)
		r->mode = VLAN_GUEST_LAN;
	else
		r->mode = sw->vlan_aware ? VLAN_AWARE : VLAN_OPAQUE;
	r->plain = r->mode != VLAN_AWARE;
	if (r->mode != VLAN_AWARE)
		return;
	if (r->uplink)
		rules_uplink(p, r);
	else if (p->cfg.type == VS_TYPE_ACCESS)
		rules_access(p, r);
	else
		rules_trunk(p, r);
	r->plain = r->pvid;
	r->plain_vid = r->pvid;
}
