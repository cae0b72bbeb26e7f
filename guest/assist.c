/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checksum and segmentation offloads: the handshakes of spec/osa-qeth.md 4.7.
 */
#include <errno.h>

#include "guest/guest_priv.h"

#define CSUM_REQUIRED ((uint32_t)(OSA_CSUM_UDP | OSA_CSUM_TCP))

static struct osa_assparms ass(uint32_t assist, uint16_t subcommand, size_t data_len)
{
	return (struct osa_assparms){.assist = be32_of(assist),
				     .len = be16_of((uint16_t)(8 + data_len)),
				     .subcommand = be16_of(subcommand)};
}

/* Return: 0 if both return codes are; > 0 a refusal; -errno. */
static int ass_call(struct guest_dev *d, uint16_t prot, void *block, size_t out_len,
		    size_t reply_len)
{
	struct osa_assparms head;
	size_t len = 0;
	int rc = guest_ipa_call(d, OSA_SETASSPARMS, prot, block, out_len, block, reply_len, &len);

	if (rc != 0)
		return rc;
	if (len < sizeof(head)) {
		guest_violate(d, GUEST_VIOLATION_IPA_SHORT);
		return -EPROTO;
	}
	memcpy(&head, block, sizeof(head));
	if (be16_get(head.rc))
		return be16_get(head.rc);
	if (len < reply_len) {
		guest_violate(d, GUEST_VIOLATION_IPA_SHORT);
		return -EPROTO;
	}
	return 0;
}

static int stop(struct guest_dev *d, uint16_t prot, uint32_t assist)
{
	struct osa_assparms a = ass(assist, OSA_ASSIST_STOP, 0);
	int rc = ass_call(d, prot, &a, sizeof(a), sizeof(a));

	return rc < 0 ? rc : 0;
}

/* Return: 1 enabled, 0 refused, -errno. */
static int checksum_on(struct guest_dev *d, uint16_t prot, uint32_t assist)
{
	struct osa_assist_pair p;
	struct osa_assist_word *w = (struct osa_assist_word *)&p;
	uint32_t offered;
	int rc;

	memset(&p, 0, sizeof(p));
	p.ass = ass(assist, OSA_ASSIST_START, 0);
	rc = ass_call(d, prot, &p, sizeof(p.ass), sizeof(*w));
	if (rc != 0)
		return rc < 0 ? rc : 0;
	offered = be32_get(w->value);
	if ((offered & CSUM_REQUIRED) != CSUM_REQUIRED)
		return stop(d, prot, assist);
	memset(&p, 0, sizeof(p));
	p.ass = ass(assist, OSA_ASSIST_ENABLE, 4);
	w->value = be32_of(CSUM_REQUIRED | (offered & OSA_CSUM_LP2LP));
	rc = ass_call(d, prot, &p, sizeof(*w), sizeof(p));
	if (rc < 0)
		return rc;
	if (rc > 0 || (be32_get(p.supported) & CSUM_REQUIRED) != CSUM_REQUIRED ||
	    (be32_get(p.enabled) & CSUM_REQUIRED) != CSUM_REQUIRED)
		return stop(d, prot, assist);
	return 1;
}

static int tso_on(struct guest_dev *d, uint16_t prot)
{
	struct osa_assist_pair p;
	int rc;

	memset(&p, 0, sizeof(p));
	p.ass = ass(OSA_ASSIST_TSO_OUT, OSA_ASSIST_START, 0);
	rc = ass_call(d, prot, &p, sizeof(p.ass), sizeof(p));
	if (rc != 0)
		return rc < 0 ? rc : 0;
	if (!be32_get(p.mss) || !(be32_get(p.tso_supported) & OSA_TSO_TCP))
		return stop(d, prot, OSA_ASSIST_TSO_OUT);
	memset(&p, 0, sizeof(p));
	p.ass = ass(OSA_ASSIST_TSO_OUT, OSA_ASSIST_ENABLE, 8);
	p.enabled = be32_of(OSA_TSO_TCP);
	rc = ass_call(d, prot, &p, sizeof(p), sizeof(p));
	if (rc < 0)
		return rc;
	if (rc > 0 || !(be32_get(p.supported) & OSA_TSO_TCP) ||
	    !(be32_get(p.enabled) & OSA_TSO_TCP))
		return stop(d, prot, OSA_ASSIST_TSO_OUT);
	return 1;
}

/*
 * An offload counts as on only for both IP versions: the TAP above cannot switch
 * them apart.
 */
static int both_checksums(struct guest_dev *d, uint32_t assist, uint32_t bit6, bool *on)
{
	int rc4, rc6;

	*on = false;
	if (!(d->info.assists_v4 & assist) || !(d->info.assists_v6 & bit6))
		return 0;
	rc4 = checksum_on(d, OSA_IPA_IPV4, assist);
	if (rc4 <= 0)
		return rc4;
	rc6 = checksum_on(d, OSA_IPA_IPV6, assist);
	if (rc6 < 0)
		return rc6;
	*on = rc6 == 1;
	return 0;
}

/* An adapter that is not zlan's refuses: then frames arrive finished. */
static int large_on(struct guest_dev *d)
{
	struct osa_assparms a = ass(OSA_ASSIST_LARGE_IN, OSA_ASSIST_START, 0);
	int rc = ass_call(d, OSA_IPA_IPV4, &a, sizeof(a), sizeof(a));

	d->info.large = rc == 0;
	return rc < 0 ? rc : 0;
}

int guest_assists(struct guest_dev *d)
{
	const uint32_t tso = OSA_ASSIST_TSO_OUT;
	int rc = 0;

	d->info.tx_checksum = d->info.rx_checksum = d->info.tso = d->info.large = false;
	if (d->cfg.large)
		rc = large_on(d);
	if (rc < 0)
		return rc;
	if (d->cfg.checksum)
		rc = both_checksums(d, OSA_ASSIST_CSUM_OUT, OSA_ASSIST_CSUM_OUT_V6,
				    &d->info.tx_checksum);
	if (rc == 0 && d->cfg.checksum)
		rc = both_checksums(d, OSA_ASSIST_CSUM_IN, OSA_ASSIST_CSUM_IN_V6,
				    &d->info.rx_checksum);
	if (rc < 0 || !d->cfg.tso || !d->info.tx_checksum ||
	    !(d->info.assists_v4 & d->info.assists_v6 & tso))
		return rc;
	rc = tso_on(d, OSA_IPA_IPV4);
	if (rc == 1)
		rc = tso_on(d, OSA_IPA_IPV6);
	d->info.tso = rc == 1;
	return rc < 0 ? rc : 0;
}
