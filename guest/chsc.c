/* SPDX-License-Identifier: Apache-2.0 */
/* CHANNEL SUBSYSTEM CALL requests. Source: spec/qdio.md 8. */
#include <errno.h>

#include "guest/guest_priv.h"

#define RESPONSE 0x10 /* block offset of the response of the short requests */

/*
 * Execute the request in the block; its length says where the response begins.
 * @need: bytes the response must have, with its header.
 */
static int chsc(struct guest_dev *d, uint16_t len, uint16_t code, size_t need)
{
	uint8_t *block = guest_host(d, GUEST_AT_CHSC);
	int rc;

	be16_store(block, len);
	be16_store(block + 2, code);
	rc = d->m.ops->chsc(d->m.ctx, guest_addr(d, GUEST_AT_CHSC));
	if (rc < 0)
		return rc;
	if (rc > 0 || be16_load(block + len + 2) != QDIO_CHSC_OK || be16_load(block + len) < need) {
		guest_violate(d, GUEST_VIOLATION_CHSC);
		return -EIO;
	}
	return 0;
}

static uint8_t *clean_block(struct guest_dev *d)
{
	uint8_t *block = guest_host(d, GUEST_AT_CHSC);

	memset(block, 0, QDIO_CHSC_BLOCK_BYTES);
	return block;
}

static bool general_bit(const uint8_t *block, unsigned bit)
{
	return block[QDIO_CHARS_GENERAL + bit / 8] & (0x80u >> bit % 8);
}

int guest_chsc_characteristics(struct guest_dev *d)
{
	uint8_t *block = clean_block(d);
	int rc = chsc(d, 0x10, QDIO_CHSC_CHARACTERISTICS, 16);

	if (rc < 0)
		return rc;
	d->machine_thin = general_bit(block, 67);
	d->machine_tdd = general_bit(block, 56);
	return 0;
}

int guest_chsc_path(struct guest_dev *d)
{
	uint8_t *block = clean_block(d);
	int rc;

	block[7] = d->m.chpid;
	block[0x0B] = d->m.chpid;
	rc = chsc(d, 0x10, QDIO_CHSC_PATH, 16);
	if (rc < 0)
		return rc;
	if (!(block[0x18] & 0x80) ||
	    block[0x1A] != (d->cfg.iqd ? QDIO_CHPID_IQD : QDIO_CHPID_OSD) ||
	    block[0x1B] != d->m.chpid) {
		guest_violate(d, GUEST_VIOLATION_CHSC);
		return -EPROTO;
	}
	if (!d->cfg.iqd && block[0x1F] & 0x02) /* single output queue */
		d->cfg.out_queues = 1;
	return 0;
}

int guest_chsc_ssqd(struct guest_dev *d)
{
	uint8_t *block = clean_block(d);
	struct qdio_ssqd e;
	int rc;

	be16_store(block + 0x06, d->m.subchannel[2]);
	be16_store(block + 0x0A, d->m.subchannel[2]);
	rc = chsc(d, 0x10, QDIO_CHSC_SSQD, 8 + sizeof(e));
	if (rc < 0)
		return rc;
	memcpy(&e, block + RESPONSE + 8, sizeof(e));
	if ((e.flags & 0xC0) != (QDIO_SSQD_CAPABLE | QDIO_SSQD_VALID) ||
	    be16_get(e.sch) != d->m.subchannel[2] ||
	    e.qfmt != (d->cfg.iqd ? QDIO_FORMAT_IQD : QDIO_FORMAT_OSD)) {
		guest_violate(d, GUEST_VIOLATION_CHSC);
		d->info.qdioac1 = QDIO_AC1_SIGA_R | QDIO_AC1_SIGA_W;
		return 0;
	}
	d->info.qdioac1 = e.qdioac1;
	d->qdioac2 = be16_get(e.qdioac2);
	d->qdioac3 = be16_get(e.qdioac3);
	d->mmwc = e.mmwc ? e.mmwc : 1;
	return 0;
}

int guest_chsc_sadc(struct guest_dev *d, bool set)
{
	struct qdio_sadc *req = (struct qdio_sadc *)clean_block(d);

	if (set) {
		req->summary = be64_of(guest_addr(d, GUEST_AT_LSI));
		req->dsci = be64_of(guest_addr(d, GUEST_AT_DSCI));
	}
	req->isc = 3;
	req->controls = be32_of(d->machine_tdd ? 0x10000000u : 0);
	req->schid = be32_of(QDIO_SCHID(d->m.subchannel[2]));
	return chsc(d, sizeof(*req), QDIO_CHSC_SADC, 8);
}
