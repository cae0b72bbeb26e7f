/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events: what the log of zland says is also kept, the last EVENTS lines of it, for QUERY EVENTS.
 * LOG of a switch decides which of its events are logged at all. And accounting records, a line of
 * JSON each, for whoever writes them.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cp/cp_priv.h"

#define ACCOUNT_EVERY_S 900u

void cp_event_keep(struct cp *cp, const char *line)
{
	struct cp_event *e = &cp->events[cp->n_events++ % CP_EVENTS];

	e->when = time(NULL);
	snprintf(e->text, sizeof(e->text), "%s", line);
}

/* Is an event of this level logged? */
bool cp_event_wanted(const struct cp_lan *lan, enum cp_log_level level)
{
	return lan->log >= level;
}

/* From the switch, while a port registers addresses. */
void cp_event_address(void *ctx, const struct vs_port *port, const uint8_t mac[6], bool added)
{
	struct cp_lan *lan = ctx;
	char text[CP_MAC_TEXT], title[CP_TITLE_BYTES];

	if (!cp_event_wanted(lan, CP_LOG_VERBOSE))
		return;
	cp_mac_text(mac, text);
	cp_lan_title(lan, title);
	cp_log(lan->cp, "ZLN%uI %s: %s %s %s", added ? 2524 : 2525, title, vs_port_name(port),
	       added ? "has registered" : "has given up", text);
}

/* A refusal is the network's own matter; what is registered is of interest to few. */
void cp_event_ip(void *ctx, const struct vs_port *port, const uint8_t addr[16],
		 enum vs_ip_event what)
{
	struct cp_lan *lan = ctx;
	char text[CP_IP_TEXT], title[CP_TITLE_BYTES];

	if (!cp_event_wanted(lan, what == VS_IP_REFUSED ? CP_LOG_ON : CP_LOG_VERBOSE))
		return;
	cp_lan_title(lan, title);
	cp_ip_text(addr, text);
	if (what == VS_IP_REFUSED)
		cp_log(lan->cp, "ZLN2833E %s: %s may not have %s: another guest has registered it",
		       title, vs_port_name(port), text);
	else
		cp_log(lan->cp, "ZLN%uI %s: %s %s %s", what == VS_IP_REGISTERED ? 2524 : 2525,
		       title, vs_port_name(port),
		       what == VS_IP_REGISTERED ? "has registered" : "has given up", text);
}

/* From the switch: a guest speaks what it does not carry. Said whatever LOG is: it cannot work. */
void cp_event_refused(void *ctx, const struct vs_port *port, unsigned layer)
{
	struct cp_lan *lan = ctx;
	char title[CP_TITLE_BYTES];

	cp_lan_title(lan, title);
	if (lan->ip)
		cp_log(lan->cp,
		       "ZLN2570E %s: %s is refused: its guest is in layer %u and the network in IP "
		       "mode; bring it up in layer 3 (layer2=0), or COUPLE it to an ETHERNET one",
		       title, vs_port_name(port), layer);
	else
		cp_log(lan->cp,
		       "ZLN2571E %s: %s is refused: its guest is in layer %u and the network is "
		       "ETHERNET; bring it up in layer 2 (layer2=1), COUPLE it to one in IP mode, "
		       "or allow both layers: SET %s %s ... MIXED ON",
		       title, vs_port_name(port), layer, cp_lan_kind(lan), lan->name);
}

void cp_event_link(const struct cp_nic *nic, const struct cp_lan *lan, bool up)
{
	char title[CP_TITLE_BYTES];

	if (!cp_event_wanted(lan, CP_LOG_ON))
		return;
	cp_lan_title(lan, title);
	cp_log(nic->cp, "ZLN%uI %s: NIC %s is %s", up ? 2522 : 2523, title, nic->name,
	       up ? "coupled" : "uncoupled");
}

void cp_do_query_events(struct cp_run *run)
{
	const struct cp_value *limit = &run->args->v[CP_OP_LAST];
	const struct cp *cp = run->cp;
	uint64_t n = cp->n_events < CP_EVENTS ? cp->n_events : CP_EVENTS;
	json_t *list = json_array();
	char when[32];
	struct tm tm;

	if (limit->given && limit->num < n)
		n = limit->num;
	run->json = json_pack("{s:o}", "events", list);
	for (uint64_t i = cp->n_events - n; i < cp->n_events; i++) {
		const struct cp_event *e = &cp->events[i % CP_EVENTS];

		gmtime_r(&e->when, &tm);
		strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm);
		cp_say(run, "%s %s", when, e->text);
		json_array_append_new(list, json_pack("{s:I, s:s, s:s}", "number", (json_int_t)i,
						      "time", when, "text", e->text));
	}
	if (!n)
		cp_say(run, "No events");
}

/* ---- accounting ----------------------------------------------------------------------- */

void cp_account(const struct cp_nic *nic, const char *why)
{
	const struct cp_hooks *h = &nic->cp->hooks;
	struct vs_counters c;
	json_t *o;
	char *line;

	if (!h->account || !nic->lan || !nic->lan->accounting || !nic->port)
		return;
	vs_port_counters(nic->port, &c);
	o = json_pack("{s:I, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I}", "time",
		      (json_int_t)time(NULL), "why", why, "owner", nic->lan->owner, "name",
		      nic->lan->name, "userid", nic->user->name, "nic", nic->name, "in_frames",
		      (json_int_t)c.rx_frames, "in_bytes", (json_int_t)c.rx_bytes, "in_multicast",
		      (json_int_t)c.rx_mcast, "out_frames", (json_int_t)c.tx_frames, "out_bytes",
		      (json_int_t)c.tx_bytes, "out_multicast", (json_int_t)c.tx_mcast);
	line = o ? json_dumps(o, JSON_COMPACT) : NULL;
	json_decref(o);
	if (line)
		h->account(h->ctx, line);
	free(line);
}

void cp_account_tick(struct cp *cp)
{
	if (!cp->accounted_s)
		cp->accounted_s = cp->now_s;
	if (cp->now_s - cp->accounted_s < ACCOUNT_EVERY_S)
		return;
	cp->accounted_s = cp->now_s;
	for (const struct cp_lan *lan = cp->lans; lan; lan = lan->hh.next)
		for (const struct cp_nic *nic = lan->coupled; nic; nic = nic->lan_next)
			cp_account(nic, "interval");
}
