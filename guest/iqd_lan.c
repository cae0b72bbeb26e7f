/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a host asks of a HiperSockets LAN beside frames: VNIC characteristics, the traffic analyzer,
 * who is there (PNSO) and what changes. Source: spec/osa-qeth.md 4.10, 4.11, 4.13, 9.5;
 * spec/qdio.md 8.5.
 */
#include <errno.h>

#include "guest/guest_priv.h"

#define LIST_ENTRY_BYTES 16u

/* ---- characteristics, analyzer -------------------------------------------------------------- */

static int error_of(int rc)
{
	switch (rc) {
	case OSA_RC_OK:
		return 0;
	case OSA_RC_NOT_SUPPORTED:
	case OSA_RC_L2_UNSUPPORTED:
		return -EOPNOTSUPP;
	case OSA_RC_OUT_OF_SEQUENCE:
		return -EALREADY;
	case OSA_RC_VNICC_BRIDGE_PORT:
		return -EBUSY;
	case OSA_RC_L2_TABLE_FULL:
		return -ENOSPC;
	case OSA_RC_L2_MAC_NOT_AUTH:
		return -EACCES;
	default:
		return rc < 0 ? rc : -EIO;
	}
}

int guest_vnicc(struct guest_dev *d, uint32_t characteristic, bool on)
{
	struct osa_vnicc v = {
		.len = be16_of(12),
		.subcommand = be32_of(on ? OSA_VNICC_ENABLE : OSA_VNICC_DISABLE),
		.characteristic = be32_of(characteristic),
	};
	int rc = guest_ipa_call(d, OSA_VNICC, OSA_IPA_NONE, &v, sizeof(v) - sizeof(v.value), &v,
				sizeof(v), NULL);

	if (rc == OSA_RC_OK && !(be32_get(v.enabled) & characteristic) == on)
		return -EPROTO;
	return error_of(rc);
}

int guest_analyze(struct guest_dev *d, bool on)
{
	struct osa_diag g = {
		.len = be16_of(16),
		.subcommand = be32_of(OSA_DIAG_TRACE),
		.type = OSA_DIAG_TYPE_HIPERSOCKETS,
		.action = on ? OSA_TRACE_ENABLE : OSA_TRACE_DISABLE,
	};
	int rc =
		guest_ipa_call(d, OSA_SETDIAGASS, OSA_IPA_NONE, &g, sizeof(g), &g, sizeof(g), NULL);

	return rc == OSA_DIAG_RC_NOT_AUTHORISED ? -EACCES : error_of(rc);
}

/* ---- who is there --------------------------------------------------------------------------- */

/* One block of the list. Return: bytes of entries, or -errno. */
static int list_block(struct guest_dev *d, uint8_t op, bool notify, struct qdio_pnso_list *head)
{
	uint8_t *block = guest_host(d, GUEST_AT_CHSC);
	const uint8_t *reply = block + QDIO_PNSO_REQUEST;
	int rc, len;

	memset(block, 0, QDIO_CHSC_BLOCK_BYTES);
	be16_store(block, QDIO_PNSO_REQUEST);
	be16_store(block + 2, QDIO_CHSC_PNSO);
	be16_store(block + 6, d->m.subchannel[2]);
	block[12] = op;
	memcpy(block + 16, head->resume, sizeof(head->resume));
	be32_store(block + 32, notify ? 0x80000000u : 0);
	rc = d->m.ops->chsc(d->m.ctx, guest_addr(d, GUEST_AT_CHSC));
	if (rc < 0)
		return rc;
	len = be16_load(reply);
	rc = be16_load(reply + 2);
	if (rc == QDIO_CHSC_NOT_PROVIDED || rc == QDIO_CHSC_PNSO_PARAMETER)
		return -EOPNOTSUPP;
	if (rc != QDIO_CHSC_OK || len < 8 + (int)sizeof(*head) ||
	    len > QDIO_CHSC_BLOCK_BYTES - QDIO_PNSO_REQUEST)
		return -EIO;
	memcpy(head, reply + 8, sizeof(*head));
	return head->entry_bytes == LIST_ENTRY_BYTES ? len - 8 - (int)sizeof(*head) : -EPROTO;
}

int guest_addresses(struct guest_dev *d, uint8_t op, bool notify, struct guest_address *out,
		    unsigned max)
{
	const uint8_t *entries = (uint8_t *)guest_host(d, GUEST_AT_CHSC) + QDIO_PNSO_REQUEST + 8 +
				 sizeof(struct qdio_pnso_list);
	struct qdio_pnso_list head = {0};
	uint32_t instance = 0;
	unsigned n = 0;

	do {
		bool first = !be64_get(head.resume[0]);
		int bytes = list_block(d, op, notify, &head);

		if (bytes < 0)
			return bytes;
		if (!first && be32_get(head.instance) != instance)
			return -EAGAIN;
		instance = be32_get(head.instance);
		for (int at = 0; at + (int)LIST_ENTRY_BYTES <= bytes && n < max;
		     at += (int)LIST_ENTRY_BYTES, n++) {
			out[n] = (struct guest_address){.vid = be16_load(entries + at + 14)};
			memcpy(out[n].token, entries + at, 8);
			memcpy(out[n].mac, entries + at + 8, 6);
		}
	} while (be64_get(head.resume[0]) && n < max);
	return (int)n;
}

/* ---- changes -------------------------------------------------------------------------------- */

void guest_address_event(struct guest_dev *d, const uint8_t *data, size_t len)
{
	struct osa_addr_change head;
	unsigned n;

	if (len < sizeof(head)) {
		guest_violate(d, GUEST_VIOLATION_IPA_SHORT);
		return;
	}
	memcpy(&head, data, sizeof(head));
	n = be16_get(head.n);
	if (len < sizeof(head) + n * sizeof(struct osa_addr_change_entry)) {
		guest_violate(d, GUEST_VIOLATION_IPA_SHORT);
		return;
	}
	d->changes.lost |= head.lost != 0;
	for (unsigned i = 0; i < n; i++) {
		struct osa_addr_change_entry e;
		struct guest_address *a = &d->changes.at[d->changes.n];

		memcpy(&e, data + sizeof(head) + i * sizeof(e), sizeof(e));
		if (d->changes.n == GUEST_CHANGES) {
			d->changes.lost = true;
			return;
		}
		d->changes.n++;
		*a = (struct guest_address){.vid = be16_get(e.vid), .change = e.change};
		memcpy(a->token, e.token, sizeof(a->token));
		memcpy(a->mac, e.mac, sizeof(a->mac));
	}
}

int guest_address_changes(struct guest_dev *d, struct guest_address *out, unsigned max)
{
	unsigned n = d->changes.n < max ? d->changes.n : max;

	if (d->changes.lost) {
		d->changes.n = 0;
		d->changes.lost = false;
		return -EOVERFLOW;
	}
	memcpy(out, d->changes.at, n * sizeof(*out));
	memmove(d->changes.at, d->changes.at + n, (d->changes.n - n) * sizeof(*out));
	d->changes.n -= n;
	return (int)n;
}
