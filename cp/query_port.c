/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the QUERY commands say about one port: counters, addresses, VLANs.
 *
 * Text follows z/VM: RX is what the NIC, or the uplink from outside, received. JSON names the
 * direction by the switch: "in" came from the port, "out" went to it.
 */
#include <arpa/inet.h>
#include <string.h>

#include "cp/cp_priv.h"

#define ADDRESSES_MAX 256

static uint64_t sum(const uint64_t drops[VS_DROP_COUNT + 1])
{
	uint64_t n = 0;

	for (unsigned d = 0; d < VS_DROP_COUNT; d++)
		n += drops[d];
	return n;
}

json_t *cp_mac_json(const uint8_t mac[6])
{
	return json_sprintf("%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4],
			    mac[5]);
}

static json_t *drops_json(const uint64_t drops[VS_DROP_COUNT + 1])
{
	json_t *o = json_object();

	for (unsigned d = 0; d < VS_DROP_COUNT; d++)
		if (drops[d])
			json_object_set_new(o, vs_drop_name((enum vs_drop)d),
					    json_integer((json_int_t)drops[d]));
	return o;
}

static json_t *direction_json(uint64_t frames, uint64_t bytes, uint64_t mcast,
			      const uint64_t drops[VS_DROP_COUNT + 1])
{
	return json_pack("{s:I, s:I, s:I, s:I, s:o}", "frames", (json_int_t)frames, "bytes",
			 (json_int_t)bytes, "multicast", (json_int_t)mcast, "dropped",
			 (json_int_t)sum(drops), "drops", drops_json(drops));
}

json_t *cp_counters_json(const struct vs_port *port)
{
	struct vs_counters c = {0};

	if (!port)
		return json_null();
	vs_port_counters(port, &c);
	return json_pack("{s:o, s:o}", "in",
			 direction_json(c.rx_frames, c.rx_bytes, c.rx_mcast, c.rx_drop), "out",
			 direction_json(c.tx_frames, c.tx_bytes, c.tx_mcast, c.tx_drop));
}

json_t *cp_policy_json(const struct cp_policy *p)
{
	const char *type = p->type == CP_PORT_TRUNK    ? "TRUNK"
			   : p->type == CP_PORT_ACCESS ? "ACCESS"
						       : NULL;

	return json_pack("{s:s?, s:o, s:b}", "porttype", type, "vlans", cp_vlans_json(&p->vids),
			 "promiscuous", p->promisc);
}

static json_t *addresses_json(unsigned (*get)(const struct vs_port *, uint8_t (*)[6], unsigned),
			      const struct vs_port *port)
{
	uint8_t mac[ADDRESSES_MAX][6];
	unsigned n = port ? get(port, mac, ADDRESSES_MAX) : 0;
	json_t *a = json_array();

	for (unsigned i = 0; i < n; i++)
		json_array_append_new(a, cp_mac_json(mac[i]));
	return a;
}

static_assert(CP_IP_TEXT == INET6_ADDRSTRLEN, "room for an address");

const char *cp_ip_text(const uint8_t addr[16], char text[CP_IP_TEXT])
{
	static const uint8_t v4[12] = {[10] = 0xFF, [11] = 0xFF};
	bool is4 = memcmp(addr, v4, sizeof(v4)) == 0;

	return inet_ntop(is4 ? AF_INET : AF_INET6, is4 ? addr + 12 : addr, text, INET6_ADDRSTRLEN);
}

/* What a layer-3 guest has registered. */
static json_t *ips_json(const struct vs_port *port)
{
	struct vs_ip ip[VS_IPS_MAX];
	unsigned n = vs_port_ips(port, ip, VS_IPS_MAX);
	char text[CP_IP_TEXT];
	json_t *a = json_array();

	for (unsigned i = 0; i < n; i++)
		json_array_append_new(a, json_pack("{s:s, s:b, s:b}", "ip",
						   cp_ip_text(ip[i].addr, text), "vipa",
						   ip[i].flags & VS_IP_VIPA, "takeover",
						   ip[i].flags & VS_IP_TAKEOVER));
	return a;
}

/* What was heard behind a port. */
json_t *cp_hosts_json(struct vs_port *port)
{
	struct vs_host h[VS_HOSTS_UPLINK_MAX];
	unsigned n = port ? vs_port_hosts(port, h, VS_HOSTS_UPLINK_MAX) : 0;
	char text[CP_IP_TEXT];
	json_t *a = json_array();

	for (unsigned i = 0; i < n; i++)
		json_array_append_new(a, json_pack("{s:s, s:o, s:o, s:i}", "ip",
						   cp_ip_text(h[i].addr, text), "mac",
						   cp_mac_json(h[i].mac), "vid",
						   h[i].vid ? json_integer(h[i].vid) : json_null(),
						   "age_s", (int)h[i].age_s));
	return a;
}

/* One connected NIC, as an element of "adapters". */
json_t *cp_adapter_json(const struct cp_nic *nic)
{
	struct cp_policy p = cp_effective(nic, nic->lan);
	json_t *o = cp_policy_json(&p);
	uint8_t mac[6];

	cp_mac_bytes(&nic->mac, mac);
	json_object_set_new(o, "userid", json_string(nic->user->name));
	json_object_set_new(o, "vdev", json_sprintf("%04X", nic->vdev));
	json_object_set_new(o, "mac", cp_mac_json(mac));
	json_object_set_new(o, "attached", json_boolean(cp_nic_attached(nic)));
	json_object_set_new(o, "running", json_boolean(vs_port_running(nic->port)));
	json_object_set_new(o, "promiscuous_active", json_boolean(vs_port_promisc(nic->port)));
	json_object_set_new(o, "unicast", addresses_json(vs_port_macs, nic->port));
	json_object_set_new(o, "multicast", addresses_json(vs_port_groups, nic->port));
	json_object_set_new(o, "ips", ips_json(nic->port));
	json_object_set_new(o, "heard", cp_hosts_json(nic->port));
	json_object_set_new(o, "counters", cp_counters_json(nic->port));
	return o;
}

/* ---- text ------------------------------------------------------------------------- */

static void say_drops(struct cp_run *run, const char *indent, const char *what,
		      const uint64_t drops[VS_DROP_COUNT + 1])
{
	for (unsigned d = 0; d < VS_DROP_COUNT; d++)
		if (drops[d])
			cp_say(run, "%s  %s discarded: %-12llu %s", indent, what,
			       (unsigned long long)drops[d], vs_drop_text((enum vs_drop)d));
}

static void say_direction(struct cp_run *run, const char *indent, const char *what, uint64_t frames,
			  uint64_t bytes, const uint64_t drops[VS_DROP_COUNT + 1])
{
	cp_say(run, "%s%s Packets: %-12llu Discarded: %-10llu Bytes: %llu", indent, what,
	       (unsigned long long)frames, (unsigned long long)sum(drops),
	       (unsigned long long)bytes);
	say_drops(run, indent, what, drops);
}

/* RX of a NIC is what its guest received, RX of an uplink what came from outside. */
void cp_say_counters(struct cp_run *run, const struct vs_port *port, bool uplink,
		     const char *indent)
{
	struct vs_counters c = {0};

	vs_port_counters(port, &c);
	if (uplink)
		say_direction(run, indent, "RX", c.rx_frames, c.rx_bytes, c.rx_drop);
	say_direction(run, indent, uplink ? "TX" : "RX", c.tx_frames, c.tx_bytes, c.tx_drop);
	if (!uplink)
		say_direction(run, indent, "TX", c.rx_frames, c.rx_bytes, c.rx_drop);
}

static void say_list(struct cp_run *run, const char *indent, const char *title, uint8_t (*mac)[6],
		     unsigned n)
{
	char text[CP_MAC_TEXT];

	if (!n)
		return;
	cp_say(run, "%s%s", indent, title);
	for (unsigned i = 0; i < n; i++) {
		cp_mac_text(mac[i], text);
		cp_say(run, "%s  %s", indent, text);
	}
}

static void say_ips(struct cp_run *run, const struct vs_port *port, const char *indent)
{
	struct vs_ip ip[VS_IPS_MAX];
	unsigned n = vs_port_ips(port, ip, VS_IPS_MAX);
	char text[CP_IP_TEXT];

	if (n)
		cp_say(run, "%sUnicast IP Addresses:", indent);
	for (unsigned i = 0; i < n; i++)
		cp_say(run, "%s  %s%s%s", indent, cp_ip_text(ip[i].addr, text),
		       ip[i].flags & VS_IP_VIPA ? "  VIPA" : "",
		       ip[i].flags & VS_IP_TAKEOVER ? "  Takeover" : "");
}

void cp_say_hosts(struct cp_run *run, struct vs_port *port, const char *indent, const char *title)
{
	struct vs_host h[VS_HOSTS_UPLINK_MAX];
	unsigned n = vs_port_hosts(port, h, VS_HOSTS_UPLINK_MAX);
	char text[CP_IP_TEXT], mac[CP_MAC_TEXT], vlan[16] = "";

	if (n)
		cp_say(run, "%s%s", indent, title);
	for (unsigned i = 0; i < n; i++) {
		cp_mac_text(h[i].mac, mac);
		if (h[i].vid)
			snprintf(vlan, sizeof(vlan), "  VLAN: %04u", h[i].vid);
		cp_say(run, "%s  %-24s %s%s  Age: %u", indent, cp_ip_text(h[i].addr, text), mac,
		       vlan, h[i].age_s);
	}
}

void cp_say_addresses(struct cp_run *run, struct vs_port *port, const char *indent)
{
	uint8_t mac[ADDRESSES_MAX][6];
	unsigned n = vs_port_macs(port, mac, ADDRESSES_MAX);

	say_list(run, indent, "Unicast MAC Addresses:", mac, n);
	n = vs_port_groups(port, mac, ADDRESSES_MAX);
	say_list(run, indent, "Multicast MAC Addresses:", mac, n);
	say_ips(run, port, indent);
	cp_say_hosts(run, port, indent, "IP Addresses Heard:");
}

/* "before 10 20-30" and the end of the line. */
void cp_say_vlans(struct cp_run *run, const char *before, const struct vs_vidset *vids)
{
	fputs(before, run->text);
	cp_vlans_print(run->text, vids);
	fputc('\n', run->text);
}

/* How often the two sides had to wake each other; of HiperSockets the worker's side is not counted.
 */
static void say_signals(struct cp_run *run, const struct cp_nic *nic)
{
	struct osa_info i;
	char woken[48] = "";

	cp_nic_session(nic, &i);
	if (!nic->hs)
		snprintf(woken, sizeof(woken), "  Worker woken: %llu",
			 (unsigned long long)i.tx_wakeups);
	cp_say(run, "      Buffers filled: %llu  taken: %llu  Interruptions: %llu%s",
	       (unsigned long long)i.rx_buffers, (unsigned long long)i.tx_buffers,
	       (unsigned long long)i.rx_signals, woken);
}

/* A line of "Adapter Connections:", with details what lies behind it. */
void cp_say_adapter(struct cp_run *run, const struct cp_nic *nic, bool details)
{
	struct cp_policy p = cp_effective(nic, nic->lan);

	cp_say(run, "    Adapter Owner: %-8s NIC: %04X.P00 Type: %-5s %s", nic->user->name,
	       nic->vdev, cp_nic_type_name(nic), cp_nic_attached(nic) ? "In use" : "No guest");
	if (nic->lan->vlan_aware) {
		fprintf(run->text, "      Porttype: %-6s ",
			p.type == CP_PORT_TRUNK ? "Trunk" : "Access");
		cp_say_vlans(run, "VLAN: ", &p.vids);
	}
	if (!details)
		return;
	cp_say_counters(run, nic->port, false, "      ");
	cp_say(run, "      Options: Ethernet Broadcast%s",
	       vs_port_promisc(nic->port) ? " Promiscuous" : "");
	cp_say_addresses(run, nic->port, "      ");
	if (nic->osa)
		say_signals(run, nic);
}
