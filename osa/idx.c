/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IDX: which device carries control messages in which direction, and the end of that.
 *
 * IDX ACTIVATE is a WRITE chained to a READ on the device it is about; the READ gets the
 * answer. The data device it names is not compared with the group's: a host below another
 * hypervisor may know it by another number. Source: spec/osa-qeth.md 2.3 to 2.6.
 */
#include <errno.h>
#include <string.h>

#include "osa/osa_priv.h"

/* The function level to answer: 2.3, "General rule". */
static uint16_t peer_level(uint16_t level)
{
	if ((level & 0xFF) == 8)
		return 0x0400 + 8;
	if ((level >> 8 & 3) == 1)
		return (uint16_t)(0x0200 + (level & 0xFF));
	return level;
}

/* A device of an old session has two roles at most: the new one replaces them. */
static void role_take(struct osa_session *s, unsigned dev, bool read)
{
	if (s->read_dev == dev)
		s->read_dev = OSA_DEV_NONE;
	if (s->write_dev == dev)
		s->write_dev = OSA_DEV_NONE;
	if (read)
		s->read_dev = dev;
	else
		s->write_dev = dev;
}

/* Every IDX ACTIVATE starts a new session for its device: 2.6. */
static void session_begin(struct osa *a, unsigned dev, bool read)
{
	struct osa_session *s = &a->session;

	osa_session_end(a);
	osa_outbox_drop(&a->outbox[dev]);
	role_take(s, dev, read);
	if (!read)
		return;
	a->session_nr++;
	s->th_seq = 0;
	s->pdu_seq = 0;
	s->host_pdu_seq = 0;
}

static void answer_positive(const struct osa *a, struct osa_idx *m)
{
	m->type = (uint8_t)((m->type & ~OSA_IDX_RESULT_MASK) | OSA_IDX_POSITIVE);
	m->port = OSA_IDX_PORT_ANSWER;
	m->token = be32_of(osa_token(a, OSA_TOKEN_ISSUER));
	m->level = be16_of(peer_level(be16_get(m->level)));
	if (osa_is_iqd(a)) {
		memcpy(m->microcode, OSA_MICROCODE_IQD, sizeof(m->microcode));
		return;
	}
	m->microcode[0] = OSA_MICROCODE_0;
	m->microcode[1] = 0;
	m->microcode[2] = OSA_MICROCODE_2;
	m->microcode[3] = OSA_MICROCODE_3;
}

int osa_idx_receive(struct osa *a, unsigned dev, const uint8_t *msg, size_t len)
{
	uint8_t answer[OSA_MSG_MAX];
	struct osa_idx m;
	bool read;

	if (len < sizeof(m))
		return -EINVAL;
	memcpy(&m, msg, sizeof(m));
	read = m.type == OSA_IDX_READ;
	if (!read && m.type != OSA_IDX_WRITE)
		return -EINVAL;
	if ((m.port & OSA_IDX_PORT_MASK) != a->cfg.port_no) {
		osa_outbox_drop(&a->outbox[dev]);
		m.cause = OSA_IDX_INVALID_PORT; /* the type as sent reads as negative: 2.4 */
	} else {
		session_begin(a, dev, read);
		if (read)
			a->session.host.issuer = be32_get(m.token);
		answer_positive(a, &m);
	}
	/* Further data devices of other hosts stand behind: echoed. */
	memcpy(answer, msg, len);
	memcpy(answer, &m, sizeof(m));
	return osa_outbox_put(a, dev, answer, len, false);
}

int osa_idx_terminate(struct osa *a, enum osa_terminate_cause cause)
{
	struct osa_idx m = {
		.command = be16_of(OSA_IDX_TERMINATE),
	};
	unsigned dev = a->session.read_dev;

	osa_session_end(a);
	if (dev == OSA_DEV_NONE)
		return 0;
	m.terminate_cause = (uint8_t)cause;
	return osa_outbox_put(a, dev, &m, sizeof(m), false);
}
