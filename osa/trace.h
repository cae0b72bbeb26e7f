/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Control messages in words: what trace.c and trace_ipa.c share. Private to osa/.
 */
#ifndef OSA_TRACE_H
#define OSA_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One line of text in the making; what does not fit is left out. */
struct osa_text {
	char *buf;
	size_t cap;
	size_t n;
};

void osa_text_add(struct osa_text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void osa_text_mac(struct osa_text *t, const uint8_t mac[6]);

/* A number and its word. */
struct osa_word {
	uint32_t value;
	const char *word;
};
/* The word for a value, or NULL. */
const char *osa_word_find(const struct osa_word *w, size_t n, uint32_t value);

/* An IPA PDU. @reply: it comes from the adapter. */
void osa_trace_ipa(struct osa_text *t, const uint8_t *pdu, size_t len, bool reply);

#endif
