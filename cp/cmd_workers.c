/* SPDX-License-Identifier: Apache-2.0 */
/* SET WORKERS and QUERY WORKERS. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cp/cp_priv.h"
#include "cp/worker.h"

/* ---- SET WORKERS ------------------------------------------------------------------------- */

/* A number below CPU_SETSIZE. Return: what stands behind it, or NULL. */
static const char *processor(const char *s, unsigned *n)
{
	*n = 0;
	if (!isdigit((unsigned char)*s))
		return NULL;
	for (; isdigit((unsigned char)*s); s++) {
		*n = *n * 10 + (unsigned)(*s - '0');
		if (*n >= CPU_SETSIZE)
			return NULL;
	}
	return s;
}

/* "0-3,6". */
static bool processors(const char *s, cpu_set_t *set)
{
	CPU_ZERO(set);
	for (;; s++) {
		unsigned first, last;

		s = processor(s, &first);
		last = first;
		if (s && *s == '-')
			s = processor(s + 1, &last);
		if (!s || last < first)
			return false;
		for (; first <= last; first++)
			CPU_SET(first, set);
		if (!*s)
			return true;
		if (*s != ',')
			return false;
	}
}

static int apply(struct cp_run *run, unsigned n, const cpu_set_t *cpus)
{
	const struct cp_hooks *hooks = &run->cp->hooks;
	struct cp_workers *ws =
		!run->cp->check && hooks->workers ? hooks->workers(hooks->ctx) : NULL;
	int rc = ws ? cp_workers_set(ws, n ? n : cp_workers_default(), cpus) : 0;

	if (rc == -EINVAL)
		return cp_error(run, CP_E_BAD_OPERAND, cp_text(run, CP_OP_ON),
				"no such processor, or zland may not use it", NULL);
	return rc ? cp_error(run, CP_E_SYSTEM, "SET WORKERS", strerror(-rc), NULL) : 0;
}

void cp_do_set_workers(struct cp_run *run)
{
	const struct cp_value *n = &run->args->v[CP_OP_WORKERS];
	const char *on = cp_text(run, CP_OP_ON);
	unsigned wanted = n->choice == 0 ? 0 : n->num;
	cpu_set_t cpus;

	if (run->args->v[CP_OP_ON].given &&
	    (strlen(on) >= CP_WORKERS_ON_BYTES || !processors(on, &cpus))) {
		cp_error(run, CP_E_BAD_OPERAND, on, "processors are numbers or ranges as 0-3,6",
			 NULL);
		return;
	}
	if (apply(run, wanted, *on ? &cpus : NULL) < 0)
		return;
	run->cp->has_workers = true;
	run->cp->n_workers = wanted;
	memcpy(run->cp->workers_on, on, strlen(on) + 1);
	run->changed = true;
	cp_say(run, "Command complete");
}

/* ---- pinned ports ------------------------------------------------------------------------ */

unsigned cp_worker_asked(const struct cp_run *run)
{
	const struct cp_value *n = &run->args->v[CP_OP_WORKER];

	return n->choice == 0 ? 0 : n->num + 1;
}

json_t *cp_worker_json(unsigned pinned)
{
	return pinned ? json_integer((json_int_t)pinned - 1) : json_null();
}

void cp_worker_place(struct cp *cp, struct vs_port *p, unsigned pinned)
{
	if (!p)
		return;
	vs_port_load(p)->pinned = pinned;
	/* Set free, it stays where it is until the load has it moved. */
	if (cp->hooks.pick_worker && (pinned || !vs_port_worker(p)))
		vs_port_assign(p, cp->hooks.pick_worker(cp->hooks.ctx, p));
}

void cp_worker_place_uplink(struct cp *cp, const struct cp_lan *lan)
{
	const struct cp_uplink *u = &lan->uplink;

	cp_worker_place(cp, u->port, u->worker);
	for (unsigned i = 0; i < u->n_dev; i++)
		cp_worker_place(cp, u->dev[i].port, u->worker);
	for (unsigned i = 0; u->group && i < CP_GROUP_LINKS; i++)
		cp_worker_place(cp, u->group->member[i].port, u->worker);
}

/* ---- QUERY WORKERS ----------------------------------------------------------------------- */

static double ratio(uint64_t a, uint64_t b)
{
	return b ? (double)a / (double)b : 0;
}

static json_t *port_json(struct vs_port *p, const struct vs_port_work *work)
{
	return json_pack("{s:s, s:b, s:o, s:i, s:I, s:I, s:I}", "port", vs_port_name(p), "running",
			 vs_port_running(p), "pinned", cp_worker_json(vs_port_load(p)->pinned),
			 "busy_permille", (int)vs_port_load(p)->permille, "frames",
			 (json_int_t)work->frames, "bursts", (json_int_t)work->bursts, "cycles",
			 (json_int_t)work->cycles);
}

static json_t *worker_json(const struct cp_worker_info *i, unsigned nr, json_t *ports)
{
	return json_pack("{s:i, s:o, s:i, s:i, s:I, s:I, s:I, s:I, s:I, s:I, s:o}", "worker",
			 (int)nr, "processor", i->cpu < 0 ? json_null() : json_integer(i->cpu),
			 "busy_permille", (int)i->busy_permille, "polling_permille",
			 (int)i->idle_permille, "busy_cycles", (json_int_t)i->busy_cycles,
			 "polling_cycles", (json_int_t)i->idle_cycles, "sleeps",
			 (json_int_t)i->sleeps, "woken_by_ports", (json_int_t)i->woken_by_ports,
			 "woken_by_zland", (json_int_t)i->woken_by_zland, "ports_moved_here",
			 (json_int_t)i->moved, "ports", ports);
}

static void say_port(struct cp_run *run, struct vs_port *p, const struct vs_port_work *work)
{
	unsigned to = vs_port_load(p)->pinned;
	char pinned[32] = "";

	if (to)
		snprintf(pinned, sizeof(pinned), "  pinned to %u", to - 1);
	cp_say(run,
	       "  %-16s busy %5.1f%%  frames %llu  per frame %.0f cycles  per burst %.1f frames%s",
	       vs_port_name(p), vs_port_load(p)->permille / 10.0, (unsigned long long)work->frames,
	       ratio(work->cycles, work->frames), ratio(work->frames, work->bursts), pinned);
}

static void say_worker(struct cp_run *run, const struct cp_worker_info *i, unsigned nr)
{
	char where[32] = "any processor";

	if (i->cpu >= 0)
		snprintf(where, sizeof(where), "processor %d", i->cpu);
	cp_say(run, "WORKER %u  %s  busy %.1f%%  polling %.1f%%  ports %u", nr, where,
	       i->busy_permille / 10.0, i->idle_permille / 10.0, vs_worker_ports(i->vsw));
	cp_say(run,
	       "  Cycles busy %llu  polling %llu  Sleeps %llu  woken by ports %llu, by zland %llu  "
	       "Ports moved here %llu",
	       (unsigned long long)i->busy_cycles, (unsigned long long)i->idle_cycles,
	       (unsigned long long)i->sleeps, (unsigned long long)i->woken_by_ports,
	       (unsigned long long)i->woken_by_zland, (unsigned long long)i->moved);
}

void cp_do_query_workers(struct cp_run *run)
{
	const struct cp_hooks *hooks = &run->cp->hooks;
	struct cp_workers *ws = hooks->workers ? hooks->workers(hooks->ctx) : NULL;
	json_t *list = json_array();
	struct cp_worker_info info;

	run->json = json_pack("{s:o}", "workers", list);
	for (unsigned i = 0; ws && cp_worker_info(ws, i, &info); i++) {
		json_t *ports = json_array();

		say_worker(run, &info, i);
		for (struct vs_port *p = vs_worker_port(info.vsw); p; p = vs_port_next(p)) {
			struct vs_port_work work;

			vs_port_work(p, &work);
			say_port(run, p, &work);
			json_array_append_new(ports, port_json(p, &work));
		}
		json_array_append_new(list, worker_json(&info, i, ports));
	}
}
