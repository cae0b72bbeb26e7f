/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A port takes another's place as the uplink while frames pass: the device of an uplink becomes a
 * member of one with several, or the last member the uplink itself.
 *
 * The place is the port's number: addresses, snooping's routers and the switch's uplink name it. So
 * nothing of those changes; two ports change their numbers, in four steps:
 *   1  the new one gets the old one's number. No worker looks at its own: a member's frames count
 *      as its uplink's, and an uplink that is not in the table yet has none
 *   2  the table, and from now on frames to the uplink go by the new one; whose a frame is that
 *      came by the device changes too, now or just before. Both have one number, so that in between
 *      a frame from outside is known as such, and not sent back
 *   3  a grace period; then what waits for a rate changes hands, from one worker to another
 *   4  the old one gets the new one's number
 * The plain code of a burst knows nothing of members: an uplink of several counts as an extra from
 * a grace period before the first step on, until one after the last.
 */
#include "vswitch/lag.h"
#include "vswitch/vs_priv.h"

#include <errno.h>
#include <stdio.h>

static void set_role(struct vs_port *p, enum vs_port_role role)
{
	p->cfg.role = role;
	p->learning = role == VS_ROLE_UPLINK;
}

/* What the old one has for being the uplink. */
static void take_over(struct vs_port *old, struct vs_port *p)
{
	struct host *hosts = p->hosts;
	unsigned cap = p->cap_hosts;

	p->hosts = old->hosts;
	p->n_hosts = old->n_hosts;
	p->cap_hosts = old->cap_hosts;
	old->hosts = hosts;
	old->n_hosts = 0;
	old->cap_hosts = cap;
	/* Below zero for a moment, where an entry went that the old one has counted. */
	atomic_fetch_add(&p->n_learned, atomic_exchange(&old->n_learned, 0));
}

/* p is about to be the uplink in old's place: it has the rules for it already. */
static void take_place(struct vs_port *old, struct vs_port *p)
{
	struct vs_switch *sw = old->sw;
	uint16_t place = old->index, other = p->index;
	struct vs_port *above = atomic_load(&p->lag) ? p : NULL;

	shape_share(old, p);
	p->index = place;
	atomic_store_explicit(&p->up, NULL, memory_order_release);
	atomic_store_explicit(&old->up, above, memory_order_release);
	atomic_store_explicit(&sw->port[place], p, memory_order_release);
	synchronize_rcu();
	shape_hand_over(old, p);
	old->index = other;
	atomic_store_explicit(&sw->port[other], old, memory_order_release);
	take_over(old, p);
	set_role(old, VS_ROLE_MEMBER);
	(void)punt_snoop(old, false);
	switch_snooping(sw);
}

struct vs_lag *vs_lag_above(struct vs_port *p, const char *name, uint64_t seed, unsigned i)
{
	struct vs_port_config cfg = p->cfg;
	struct vs_port *up;
	struct vs_lag *l = NULL;

	cfg.role = VS_ROLE_MEMBER; /* until there is no other uplink */
	snprintf(cfg.name, sizeof(cfg.name), "%s", name);
	up = vs_port_create(p->sw, &cfg);
	if (!up)
		return NULL;
	set_role(up, VS_ROLE_UPLINK);
	if (port_publish(up) == 0)
		l = vs_lag_create(up, seed);
	if (!l) {
		vs_port_destroy(up);
		errno = ENOMEM;
		return NULL;
	}
	synchronize_rcu();
	lag_begin(l, i, p);
	take_place(p, up);
	return l;
}

int vs_lag_undo(struct vs_lag *l, unsigned i)
{
	struct vs_port *up = vs_lag_uplink(l), *p = lag_port(l, i);
	int rc;

	set_role(p, VS_ROLE_UPLINK);
	rc = port_publish(p);
	if (rc) {
		set_role(p, VS_ROLE_MEMBER);
		return rc;
	}
	lag_end(l, i);
	(void)lag_rate_in(l, &(struct vs_rate){0});
	take_place(up, p);
	vs_lag_destroy(l);
	vs_port_destroy(up);
	return 0;
}
