/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Storm limits: how many frames a second that go to many a port may send, broadcast, multicast and
 * unknown unicast each by itself. A port that keeps within its rate is never touched; a burst of a
 * tenth of a second, at least 10 frames, is let through at once.
 *
 * One number is kept for each: the time at which the port's credit is back (the generic cell rate
 * algorithm, ITU-T I.371 annex A). Only the worker that fetches from the port touches it.
 */
#include "vswitch/vs_priv.h"

#define SECOND_NS UINT64_C(1000000000)
#define BURST_MIN 10u

bool storm_allow(_Atomic uint64_t *back_ns, uint32_t rate, uint64_t now_ns)
{
	uint64_t back = atomic_load_explicit(back_ns, memory_order_relaxed);
	uint64_t frame = SECOND_NS / rate;
	uint64_t burst = rate / 10 > BURST_MIN ? rate / 10 : BURST_MIN;

	if (back < now_ns)
		back = now_ns;
	if (back - now_ns > (burst - 1) * frame)
		return false;
	atomic_store_explicit(back_ns, back + frame, memory_order_relaxed);
	return true;
}
