/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An adapter with a fake link and a host that speaks IDX, MPC and IPA to it message by message,
 * by the control unit's operations, without channel programs.
 *
 * The host's tokens differ from Linux's: they are opaque to the adapter.
 */
#ifndef TESTS_OSA_RIG_H
#define TESTS_OSA_RIG_H

#include "osa/osa_priv.h"

enum { RIG_READ, RIG_WRITE, RIG_DATA };

#define RIG_TOKEN_ISSUER 0xA1000001u
#define RIG_TOKEN_CM_FILTER 0xA1000002u
#define RIG_TOKEN_CM_CONNECTION 0xA1000003u
#define RIG_TOKEN_ULP_FILTER 0xA1000004u
#define RIG_TOKEN_ULP_CONNECTION 0xA1000005u
#define RIG_FAKE_MACS 1024

/* What stands behind the cable: remembers, and refuses when told to. */
struct fake_link {
	bool started;
	unsigned starts, stops, calls;
	unsigned n_macs;
	uint8_t mac[RIG_FAKE_MACS][6];
	uint8_t vid[OSA_VIDS];
	bool promisc;
	int fail; /* returned by every call but start and stop, if not 0 */
	int fail_start;
};
extern const struct vs_link_ops fake_link_ops;
bool fake_link_has(const struct fake_link *l, const uint8_t mac[6]);
unsigned fake_link_vids(const struct fake_link *l);

struct osa_rig {
	struct osa *a;
	struct fake_link link;
	struct qdio_queues queues;
	/* the last message read */
	uint8_t msg[OSA_MSG_MAX];
	size_t len;
	/* the adapter's tokens, as the driver finds them */
	uint32_t issuer, cm_filter, cm_connection, ulp_filter, ulp_connection;
	uint32_t th_seq, pdu_seq, last_pdu_seq;
	uint16_t ipa_seq;
	uint8_t layer; /* of osa_rig_up: 2 unless changed */
	/* the last IPA reply */
	struct osa_ipa ipa;
	const uint8_t *data;
	size_t data_len;
};

/* Return: the rig, plugged in if so asked, or NULL and errno. cfg may be NULL. */
struct osa_rig *osa_rig_new(const struct osa_config *cfg, bool plugged);
void osa_rig_free(struct osa_rig *r);
const struct osa_config *osa_rig_config(void);
void osa_rig_plug(struct osa_rig *r, bool in);

int osa_rig_send(struct osa_rig *r, unsigned dev, const void *msg, size_t len);
/* Read the next message of a device into r->msg. Return: its length, 0 if there is none. */
size_t osa_rig_read(struct osa_rig *r, unsigned dev);

/* IDX ACTIVATE on a device; r->msg is the answer. Return: 0 or what the write returned. */
int osa_rig_idx(struct osa_rig *r, unsigned dev, bool read, uint8_t port);

/* Send a PDU in an envelope. */
int osa_rig_pdu(struct osa_rig *r, uint8_t class, uint32_t token, const void *pdu, size_t len);
/*
 * The PDU of r->msg found the way the driver does, by three one-byte offsets (spec/osa-qeth.md
 * 3.1), with every length of the envelope checked. Return: NULL if something is wrong.
 */
const uint8_t *osa_rig_answer(struct osa_rig *r, uint8_t class, size_t *len);

/* The exchanges one by one; each reads and checks its answer. Return: 0, or < 0. */
int osa_rig_cm_enable(struct osa_rig *r);
int osa_rig_cm_setup(struct osa_rig *r);
int osa_rig_ulp_enable(struct osa_rig *r, uint8_t protocol);
int osa_rig_ulp_setup(struct osa_rig *r);
int osa_rig_dm_act(struct osa_rig *r);
/* From nothing to where IPA commands may be sent, queues active. */
int osa_rig_up(struct osa_rig *r);
void osa_rig_activate(struct osa_rig *r);
/* CLEAR of all three devices. */
void osa_rig_clear(struct osa_rig *r);

/*
 * Send an IPA command and read its reply into r->ipa and r->data.
 * Return: the IPA return code, or < 0 if no valid reply came.
 */
int osa_rig_ipa(struct osa_rig *r, uint8_t command, uint16_t protocol, const void *data,
		size_t len);
/* SETVMAC and its siblings; SETVLAN and DELVLAN. Return: as osa_rig_ipa. */
int osa_rig_mac(struct osa_rig *r, uint8_t command, uint32_t len, const uint8_t mac[6]);
int osa_rig_vlan(struct osa_rig *r, uint8_t command, uint16_t vid);
/* Read the next IPA message into r->ipa and r->data. Return: false: there is none. */
bool osa_rig_ipa_read(struct osa_rig *r);
/* Send an IPA command without reading. Return: 0 or < 0. */
int osa_rig_ipa_send(struct osa_rig *r, uint8_t command, uint16_t protocol, const void *data,
		     size_t len);
/* Return: the command of the event that is next on the read device, 0 if there is none. */
uint8_t osa_rig_event(struct osa_rig *r);

#endif
