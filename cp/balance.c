/* SPDX-License-Identifier: Apache-2.0 */
#include "cp/balance.h"

#include "vswitch/vswitch.h"

int cp_balance(const struct cp_balance_port *p, unsigned n_ports, unsigned n_workers, unsigned *to)
{
	uint32_t load[VS_WORKERS_MAX] = {0}, best = UINT32_MAX;
	unsigned busiest = 0, idlest = 0;
	int found = -1;

	for (unsigned i = 0; i < n_ports; i++)
		load[p[i].worker] += p[i].permille;
	for (unsigned w = 1; w < n_workers; w++) {
		if (load[w] > load[busiest])
			busiest = w;
		if (load[w] < load[idlest])
			idlest = w;
	}
	if (load[busiest] < CP_BALANCE_BUSY)
		return -1;
	for (unsigned i = 0; i < n_ports; i++) {
		uint32_t rest = load[busiest] - p[i].permille, more = load[idlest] + p[i].permille;
		uint32_t worse = rest > more ? rest : more;

		if (p[i].worker != busiest || p[i].fixed || !p[i].permille)
			continue;
		if (worse < best && worse + CP_BALANCE_GAIN <= load[busiest]) {
			best = worse;
			found = (int)i;
		}
	}
	*to = idlest;
	return found;
}
