/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of the adapter's control side share: one rig for each test. */
#ifndef TESTS_OSA_BED_H
#define TESTS_OSA_BED_H

#include <check.h>

#include "tests/osa_rig.h"

static struct osa_rig *rig;

/* Plugged in, and no more. */
static inline void setup_new(void)
{
	rig = osa_rig_new(NULL, true);
	ck_assert_ptr_nonnull(rig);
}

/* IPA commands may be sent. */
static inline void setup_up(void)
{
	setup_new();
	ck_assert_int_eq(osa_rig_up(rig), 0);
}

static inline void teardown(void)
{
	osa_rig_free(rig);
}

static inline struct osa_info info(void)
{
	struct osa_info i;

	osa_info(rig->a, &i);
	return i;
}

#endif
