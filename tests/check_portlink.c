/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The port socket's client (guest/portlink.c) against zland's side of it: two clients on one
 * switch, with adapters that are queues. The server has threads of its own; service, data and
 * adapter calls of the clients are made by the test.
 *
 *     adapter ONE -- portlink == socket == VSW1 == socket == portlink -- adapter TWO
 */
#include <check.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "guest/portlink.h"
#include "tests/portserver.h"

#define QUEUE 256
#define LINES 16

struct frame {
	uint32_t len;
	uint16_t flags, csum_start, csum_offset, gso_size, hdrlen;
	uint8_t *data;
};

/* A portlink and the adapter in front of it. */
struct end {
	struct portlink *pl;
	struct vs_link link;
	uint8_t mac[6];
	unsigned n_mac, plugs, pulls;
	bool in;
	bool no_start; /* the guest is not up: it starts nothing */
	char line[LINES][256];
	unsigned n_lines;
	struct frame out[QUEUE]; /* to be fetched */
	unsigned n_out, at_out, done;
	struct frame got[QUEUE];
	unsigned n_got, room;
	enum vs_drop refuse_with;
};

struct bed {
	struct portserver server;
	struct end one, two;
};

/* ---- the adapter ------------------------------------------------------------------------- */

/* NOLINTNEXTLINE(readability-non-const-parameter): the type of vs_port_ops.rx_burst */
static unsigned rx_burst(void *port, struct vs_burst *b, uint64_t *dropped)
{
	struct end *e = port;

	(void)dropped;
	b->n = b->nseg_used = 0;
	while (b->n < VS_BURST && e->at_out < e->n_out) {
		const struct frame *f = &e->out[e->at_out++];
		uint32_t head = f->flags ? 100 : VS_HEAD_MIN;
		unsigned i = b->n++;

		b->len[i] = f->len;
		b->headlen[i] = (uint16_t)(f->len < head ? f->len : head);
		b->flags[i] = (uint8_t)f->flags;
		b->csum_start[i] = f->csum_start;
		b->csum_offset[i] = f->csum_offset;
		b->gso_size[i] = f->gso_size;
		b->hdrlen[i] = f->hdrlen;
		memcpy(b->head[i], f->data, b->headlen[i]);
		b->seg0[i] = (uint16_t)b->nseg_used;
		b->nseg[i] = f->len > b->headlen[i];
		if (b->nseg[i])
			b->seg[b->nseg_used++] =
				(struct vs_seg){f->data + b->headlen[i], f->len - b->headlen[i]};
	}
	return b->n;
}

static void rx_done(void *port, const struct vs_burst *b)
{
	struct end *e = port;

	e->done += b->n;
}

static unsigned tx_burst(void *port, const struct vs_burst *b, const struct vs_ref *ref, unsigned n,
			 enum vs_drop *err)
{
	struct end *e = port;

	for (unsigned k = 0; k < n; k++) {
		unsigned i = ref[k].frame;
		struct frame *f = &e->got[e->n_got];
		uint32_t at = b->headlen[i];

		if (!e->room || e->n_got == QUEUE) {
			*err = e->refuse_with;
			return k;
		}
		e->room--;
		*f = (struct frame){
			.len = b->len[i], .flags = b->flags[i], .data = malloc(b->len[i])};
		memcpy(f->data, b->head[i], at);
		for (unsigned s = 0; s < b->nseg[i]; s++) {
			const struct vs_seg *seg = &b->seg[b->seg0[i] + s];

			memcpy(f->data + at, seg->p, seg->len);
			at += seg->len;
		}
		ck_assert_uint_eq(at, f->len);
		e->n_got++;
	}
	return n;
}

static bool arm(void *port)
{
	const struct end *e = port;

	return e->at_out < e->n_out;
}

static void disarm(void *port)
{
	(void)port;
}

static const struct vs_port_ops adapter_ops = {
	.kind = "TEST",
	.rx_burst = rx_burst,
	.rx_done = rx_done,
	.tx_burst = tx_burst,
	.arm = arm,
	.disarm = disarm,
};

static unsigned fences;

static void on_fence(void)
{
	fences++;
}

static void on_log(void *ctx, const char *line)
{
	struct end *e = ctx;

	ck_assert_uint_lt(e->n_lines, LINES);
	snprintf(e->line[e->n_lines++], sizeof(e->line[0]), "%s", line);
}

static void on_mac(void *ctx, const uint8_t mac[6])
{
	struct end *e = ctx;

	memcpy(e->mac, mac, 6);
	e->n_mac++;
}

/* As an adapter with a guest does: start, and register what it has. */
static void on_plug(void *ctx, bool in)
{
	struct end *e = ctx;

	e->in = in;
	if (in)
		e->plugs++;
	else
		e->pulls++;
	if (e->no_start)
		return;
	if (in) {
		ck_assert_uint_gt(e->n_mac, 0);
		ck_assert_int_eq(e->link.ops->start(e->link.ctx, &adapter_ops, e), 0);
		ck_assert_int_eq(e->link.ops->mac_add(e->link.ctx, e->mac), 0);
	} else {
		e->link.ops->stop(e->link.ctx);
	}
}

/* ---- the bed --------------------------------------------------------------------------------- */

static void end_open(struct bed *b, struct end *e, const char *user, uint16_t vdev)
{
	struct portlink_config cfg = {.dir = b->server.dir,
				      .fence = on_fence,
				      .user = user,
				      .vdev = vdev,
				      .log = on_log,
				      .plug = on_plug,
				      .mac = on_mac,
				      .ctx = e};

	memset(e, 0, sizeof(*e));
	e->room = QUEUE;
	e->refuse_with = VS_DROP_TX_NO_BUFFER;
	e->pl = portlink_create(&cfg);
	ck_assert_ptr_nonnull(e->pl);
	e->link = portlink_link(e->pl);
}

static void end_clear(struct end *e)
{
	for (unsigned i = 0; i < e->n_out; i++)
		free(e->out[i].data);
	for (unsigned i = 0; i < e->n_got; i++)
		free(e->got[i].data);
	e->n_out = e->at_out = e->n_got = 0;
}

static void end_close(struct end *e)
{
	portlink_destroy(e->pl);
	end_clear(e);
}

static void end_turn(struct end *e)
{
	struct pollfd p[2] = {{.fd = portlink_service_fd(e->pl), .events = POLLIN},
			      {.fd = portlink_data_fd(e->pl), .events = POLLIN}};

	poll(p, 2, 1);
	portlink_service(e->pl);
	portlink_pump(e->pl);
}

/* The test's time limit ends what never comes. */
#define UNTIL(b, cond)                                                                             \
	while (!(cond)) {                                                                          \
		end_turn(&(b)->one);                                                               \
		end_turn(&(b)->two);                                                               \
	}

static void bed_open(struct bed *b)
{
	portserver_init(&b->server);
	portserver_start(&b->server);
	end_open(b, &b->one, "ONE", 0x0600);
	end_open(b, &b->two, "TWO", 0x0600);
	UNTIL(b, b->one.in && b->two.in);
}

static void bed_close(struct bed *b)
{
	end_close(&b->one);
	end_close(&b->two);
	portserver_stop(&b->server);
	portserver_fini(&b->server);
}

static struct frame *put(struct end *from, const uint8_t dst[6], uint32_t len, unsigned seed)
{
	struct frame *f = &from->out[from->n_out];

	ck_assert_uint_lt(from->n_out, QUEUE);
	*f = (struct frame){.len = len, .data = malloc(len)};
	for (uint32_t i = 0; i < len; i++)
		f->data[i] = (uint8_t)(i * 7 + seed + (i >> 8));
	memcpy(f->data, dst, 6);
	memcpy(f->data + 6, from->mac, 6);
	f->data[12] = 0x88; /* an experimental type: IEEE 802 local 1 */
	f->data[13] = 0xB5;
	from->n_out++;
	return f;
}

static struct bed bed; /* too big for the stack */

/* ---- attaching --------------------------------------------------------------------------------
 */

START_TEST(attaches_and_knows_its_address)
{
	struct bed *b = &bed;

	bed_open(b);
	ck_assert_uint_eq(b->one.n_mac, 1);
	ck_assert_uint_eq(b->one.plugs, 1);
	ck_assert_uint_eq(b->one.pulls, 0);
	ck_assert_uint_eq(b->one.n_lines, 1);
	ck_assert_str_eq(b->one.line[0], "attached as ONE/0600");
	ck_assert_mem_ne(b->one.mac, b->two.mac, 6);
	ck_assert_uint_eq(b->one.mac[0], 0x02);
	bed_close(b);
}
END_TEST

START_TEST(registrations_are_answered)
{
	static const uint8_t ip[16] = {[10] = 0xFF, 0xFF, 10, 0, 0, 1};
	struct bed *b = &bed;
	const struct vs_link_ops *ops;
	void *l;

	bed_open(b);
	ops = b->one.link.ops;
	l = b->one.link.ctx;
	ck_assert_int_eq(ops->mac_add(l, b->one.mac), 0);
	ck_assert_int_eq(ops->mac_add(l, b->two.mac), -EEXIST);
	ck_assert_int_eq(ops->mac_add(l, (uint8_t[6]){0x01, 0, 0x5E, 0, 0, 1}), 0);
	ck_assert_int_eq(ops->mac_del(l, (uint8_t[6]){0x01, 0, 0x5E, 0, 0, 2}), -ENOENT);
	ck_assert_int_eq(ops->mac_add(l, (uint8_t[6]){0}), -EINVAL);
	ck_assert_int_eq(ops->mac_del(l, b->one.mac), 0);
	ck_assert_int_eq(ops->mac_del(l, b->one.mac), -ENOENT);
	ck_assert_int_eq(ops->vid_add(l, 10), 0);
	ck_assert_int_eq(ops->vid_add(l, 4095), -EINVAL);
	ck_assert_int_eq(ops->vid_del(l, 10), 0);
	ck_assert_int_eq(ops->vid_del(l, 10), -ENOENT);
	ck_assert_int_eq(ops->promisc(l, true), -EPERM);
	portserver_command(&b->server, "SET VSWITCH VSW1 GRANT ONE PROMISCUOUS");
	ck_assert_int_eq(ops->promisc(l, true), 0);
	ck_assert_int_eq(ops->promisc(l, false), 0);
	ck_assert_int_eq(ops->layer(l, 3), 0);
	ck_assert_int_eq(ops->ip_add(l, ip, VS_IP_TAKEOVER), 0);
	ck_assert_int_eq(ops->ip_del(l, ip), 0);
	ck_assert_int_eq(ops->ip_del(l, ip), -ENOENT);
	ck_assert_int_eq(ops->routing(l, true, VS_ROUTING_SECONDARY), 0);
	ops->stop(l);
	ck_assert_int_eq(ops->mac_add(l, b->one.mac), -EIO); /* not started */
	ck_assert_int_eq(ops->start(l, &adapter_ops, &b->one), 0);
	ck_assert_int_eq(ops->mac_add(l, b->one.mac), 0);
	bed_close(b);
}
END_TEST

START_TEST(refusals_are_told_once_and_tried_again)
{
	struct bed *b = &bed;
	struct end *third = calloc(1, sizeof(*third));

	bed_open(b);
	end_open(b, third, "ONE", 0x0700);
	while (!third->n_lines)
		end_turn(third);
	ck_assert_ptr_nonnull(strstr(third->line[0], "ZLN0040E"));
	ck_assert_ptr_nonnull(strstr(third->line[0], "ONE/0700"));
	portserver_command(&b->server, "DEFINE NIC USER ONE 0700 TYPE QDIO");
	while (third->n_mac == 0)
		end_turn(third);
	ck_assert_uint_eq(third->n_lines, 2); /* however often it tried */
	ck_assert_str_eq(third->line[1], "attached as ONE/0700");
	ck_assert_uint_eq(third->plugs, 0); /* not coupled */
	end_close(third);
	end_open(b, third, "ONE", 0x0600);
	while (!third->n_lines)
		end_turn(third);
	ck_assert_ptr_nonnull(strstr(third->line[0], "ZLN2507E"));
	end_close(third);
	free(third);
	bed_close(b);
}
END_TEST

START_TEST(waits_for_a_daemon)
{
	struct bed *b = &bed;

	portserver_init(&b->server);
	end_open(b, &b->one, "ONE", 0x0600);
	end_open(b, &b->two, "TWO", 0x0600);
	UNTIL(b, b->one.n_lines);
	ck_assert_ptr_nonnull(strstr(b->one.line[0], "no zland at "));
	ck_assert_int_eq(b->one.link.ops->start(b->one.link.ctx, &adapter_ops, &b->one), -EIO);
	portserver_start(&b->server);
	UNTIL(b, b->one.in && b->two.in);
	ck_assert_uint_eq(b->one.n_lines, 2);
	bed_close(b);
}
END_TEST

/* ---- frames -------------------------------------------------------------------------------------
 */

static const uint32_t lengths[] = {14,	15,   60,   63,	   64,	  65,	 192,
				   193, 1514, 9014, 32768, 65503, 65504, 60};
#define N_LENGTHS (sizeof(lengths) / sizeof(lengths[0]))

static void check_frames(const struct end *from, const struct end *to)
{
	ck_assert_uint_eq(to->n_got, from->n_out);
	ck_assert_uint_eq(from->done, from->n_out);
	for (unsigned i = 0; i < to->n_got; i++) {
		ck_assert_uint_eq(to->got[i].len, from->out[i].len);
		ck_assert_mem_eq(to->got[i].data, from->out[i].data, to->got[i].len);
	}
}

START_TEST(frames_of_every_length_both_ways)
{
	struct bed *b = &bed;

	bed_open(b);
	for (unsigned i = 0; i < N_LENGTHS; i++) {
		put(&b->one, b->two.mac, lengths[i], i);
		put(&b->two, b->one.mac, lengths[i], 100 + i);
	}
	UNTIL(b, b->two.n_got == N_LENGTHS && b->one.n_got == N_LENGTHS);
	check_frames(&b->one, &b->two);
	check_frames(&b->two, &b->one);
	bed_close(b);
}
END_TEST

START_TEST(more_frames_than_a_burst_keep_their_order)
{
	struct bed *b = &bed;
	struct portlink_stats st;

	bed_open(b);
	for (unsigned i = 0; i < 200; i++)
		put(&b->one, b->two.mac, 100 + i, i);
	UNTIL(b, b->two.n_got == 200);
	check_frames(&b->one, &b->two);
	portlink_stats(b->one.pl, &st);
	ck_assert_uint_eq(st.out_frames, 200);
	ck_assert_uint_eq(st.out_dropped, 0);
	portlink_stats(b->two.pl, &st);
	ck_assert_uint_eq(st.in_frames, 200);
	bed_close(b);
}
END_TEST

START_TEST(offloads_are_finished_on_the_way)
{
	struct bed *b = &bed;
	struct frame *f;

	bed_open(b);
	f = put(&b->one, b->two.mac, 54 + 3000, 1);
	f->data[12] = 0x08;
	f->data[13] = 0x00;
	f->data[14] = 0x45;
	f->data[23] = 6; /* TCP */
	f->data[46] = 0x50;
	f->flags = VS_F_GSO_TCP4 | VS_F_CSUM_NEEDED;
	f->csum_start = 34;
	f->csum_offset = 16;
	f->gso_size = 1000;
	f->hdrlen = 54;
	UNTIL(b, b->two.n_got == 3);
	for (unsigned i = 0; i < 3; i++) {
		ck_assert_uint_eq(b->two.got[i].len, 54 + 1000);
		ck_assert_uint_eq(b->two.got[i].flags, VS_F_CSUM_VALID);
		ck_assert_mem_eq(b->two.got[i].data + 54, f->data + 54 + 1000 * i, 1000);
	}
	bed_close(b);
}
END_TEST

START_TEST(an_adapter_without_buffers_drops)
{
	struct bed *b = &bed;
	struct portlink_stats st = {0};

	bed_open(b);
	b->two.room = 5;
	for (unsigned i = 0; i < 20; i++)
		put(&b->one, b->two.mac, 100, i);
	while (st.in_frames + st.in_dropped < 20) {
		UNTIL(b, b->one.at_out == 20);
		end_turn(&b->two);
		portlink_stats(b->two.pl, &st);
	}
	ck_assert_uint_eq(st.in_frames, 5);
	ck_assert_uint_eq(st.in_dropped, 15);
	/* A frame that does not fit is passed over, the ones behind it are not. */
	b->two.room = 0;
	b->two.refuse_with = VS_DROP_TX_TOO_BIG;
	put(&b->one, b->two.mac, 100, 1);
	put(&b->one, b->two.mac, 100, 2);
	while (st.in_dropped < 17) {
		end_turn(&b->one);
		end_turn(&b->two);
		portlink_stats(b->two.pl, &st);
	}
	bed_close(b);
}
END_TEST

/* A client that does not read: the switch goes on, counts, and delivers again afterwards. */
START_TEST(a_full_socket_is_a_counted_drop)
{
	struct bed *b = &bed;
	struct vs_counters c = {0};
	unsigned sent = 0;

	bed_open(b);
	while (c.tx_drop[VS_DROP_TX_NO_BUFFER] == 0) {
		end_clear(&b->one);
		put(&b->one, b->two.mac, 65504, sent++);
		end_turn(&b->one);
		portserver_counters(&b->server, "TWO/0600", &c);
		ck_assert_uint_lt(sent, 10000);
	}
	ck_assert_uint_gt(c.tx_frames, 0);
	while (poll(&(struct pollfd){.fd = portlink_data_fd(b->two.pl), .events = POLLIN}, 1, 0)) {
		end_clear(&b->two);
		b->two.room = QUEUE;
		portlink_pump(b->two.pl);
	}
	end_clear(&b->two);
	end_clear(&b->one);
	put(&b->one, b->two.mac, 1000, 1);
	UNTIL(b, b->two.n_got == 1);
	bed_close(b);
}
END_TEST

/* ---- changes ------------------------------------------------------------------------------------
 */

START_TEST(coupling_is_a_cable)
{
	struct bed *b = &bed;
	struct end *e = &b->one;

	bed_open(b);
	portserver_command(&b->server, "UNCOUPLE USER ONE 0600");
	UNTIL(b, !e->in);
	ck_assert_int_eq(e->link.ops->start(e->link.ctx, &adapter_ops, e), -EIO);
	/* Sent into the void; not into the network that is coupled next. */
	ck_assert_uint_eq(e->pulls, 1);
	portserver_command(&b->server, "COUPLE USER ONE 0600 TO SYSTEM VSW1");
	UNTIL(b, e->in);
	put(e, b->two.mac, 500, 1);
	UNTIL(b, b->two.n_got == 1);
	/* Both at once, before the client looks. */
	portserver_command(&b->server, "UNCOUPLE USER ONE 0600");
	portserver_command(&b->server, "COUPLE USER ONE 0600 TO SYSTEM VSW1");
	UNTIL(b, e->pulls == 2 && e->plugs == 3);
	put(e, b->two.mac, 501, 1);
	UNTIL(b, b->two.n_got == 2);
	ck_assert_uint_eq(e->n_lines, 1);
	bed_close(b);
}
END_TEST

/* What a client sent to one network must not reach the next one. */
START_TEST(frames_do_not_change_networks)
{
	struct bed *b = &bed;

	bed_open(b);
	portserver_command(&b->server, "UNCOUPLE USER ONE 0600");
	put(&b->one, b->two.mac, 666, 1);
	while (b->one.at_out < 1)
		portlink_pump(b->one.pl);
	portserver_command(&b->server, "COUPLE USER ONE 0600 TO SYSTEM VSW1");
	UNTIL(b, b->one.plugs == 2);
	put(&b->one, b->two.mac, 777, 1);
	UNTIL(b, b->two.n_got == 1);
	ck_assert_uint_eq(b->two.got[0].len, 777);
	bed_close(b);
}
END_TEST

START_TEST(the_daemon_restarts)
{
	struct bed *b = &bed;
	struct portlink_stats st;

	bed_open(b);
	for (unsigned round = 1; round <= 2; round++) {
		end_clear(&b->one);
		end_clear(&b->two);
		portserver_stop(&b->server);
		UNTIL(b, !b->one.in && !b->two.in);
		put(&b->one, b->two.mac, 100, 1); /* nobody takes it */
		end_turn(&b->one);
		end_clear(&b->one);
		portserver_start(&b->server);
		UNTIL(b, b->one.in && b->two.in);
		put(&b->one, b->two.mac, 1000, round);
		put(&b->two, b->one.mac, 2000, round);
		UNTIL(b, b->one.n_got == 1 && b->two.n_got == 1);
		ck_assert_uint_eq(b->two.got[0].len, 1000);
		ck_assert_uint_eq(b->one.pulls, round);
		ck_assert_uint_eq(b->one.plugs, round + 1);
		ck_assert_uint_eq(b->one.n_lines, 2 * round + 1);
		ck_assert_str_eq(b->one.line[2 * round - 1],
				 "connection to zland lost: waiting for it");
		ck_assert_str_eq(b->one.line[2 * round], "attached as ONE/0600");
	}
	portlink_stats(b->one.pl, &st);
	ck_assert_uint_eq(st.reconnects, 3);
	bed_close(b);
}
END_TEST

START_TEST(detach_nic_is_a_lost_connection)
{
	struct bed *b = &bed;

	bed_open(b);
	portserver_command(&b->server, "DETACH NIC USER ONE 0600");
	UNTIL(b, b->one.n_lines == 3);
	ck_assert_uint_eq(b->one.pulls, 1);
	ck_assert_ptr_nonnull(strstr(b->one.line[2], "ZLN0040E"));
	portserver_command(&b->server, "NICDEF ONE 0600 TYPE QDIO LAN SYSTEM VSW1");
	UNTIL(b, b->one.in);
	bed_close(b);
}
END_TEST

/* A thread that polls the data socket while no guest is up must be able to sleep. */
START_TEST(unwanted_frames_do_not_wake_for_ever)
{
	struct bed *b = &bed;
	struct vs_counters c = {0};

	bed_open(b);
	put(&b->one, b->two.mac, 100, 1);
	while (c.tx_frames == 0) {
		end_turn(&b->one);
		portserver_counters(&b->server, "TWO/0600", &c);
	}
	b->two.link.ops->stop(b->two.link.ctx);
	portlink_pump(b->two.pl);
	ck_assert_int_eq(
		poll(&(struct pollfd){.fd = portlink_data_fd(b->two.pl), .events = POLLIN}, 1, 0),
		0);
	ck_assert_uint_eq(b->two.n_got, 0);
	b->one.no_start = b->two.no_start = true;
	portserver_stop(&b->server);
	/* Even before the control connection is looked at. */
	portlink_pump(b->two.pl);
	ck_assert_int_eq(portlink_data_fd(b->two.pl), -1);
	portserver_start(&b->server);
	UNTIL(b, b->one.plugs == 2 && b->two.plugs == 2);
	bed_close(b);
}
END_TEST

START_TEST(arm_looks_at_the_adapter)
{
	struct bed *b = &bed;

	bed_open(b);
	ck_assert(!portlink_arm(b->one.pl));
	portlink_disarm(b->one.pl);
	put(&b->one, b->two.mac, 100, 1);
	ck_assert(portlink_arm(b->one.pl));
	portlink_disarm(b->one.pl);
	b->one.link.ops->stop(b->one.link.ctx);
	ck_assert(!portlink_arm(b->one.pl));
	bed_close(b);
}
END_TEST

/* Received frames are none that the adapter's own guest may have put more behind. */
START_TEST(a_pump_tells_whether_it_sent)
{
	struct bed *b = &bed;

	bed_open(b);
	put(&b->one, b->two.mac, 100, 1);
	ck_assert_uint_eq(portlink_pump(b->one.pl), 1);
	ck_assert(portlink_sent(b->one.pl));
	poll(&(struct pollfd){.fd = portlink_data_fd(b->two.pl), .events = POLLIN}, 1, -1);
	ck_assert_uint_eq(portlink_pump(b->two.pl), 1);
	ck_assert_uint_eq(b->two.n_got, 1);
	ck_assert(!portlink_sent(b->two.pl));
	ck_assert_uint_eq(portlink_pump(b->one.pl), 0);
	ck_assert(!portlink_sent(b->one.pl));
	bed_close(b);
}
END_TEST

/* The data thread of "one" never runs. */
START_TEST(a_sender_hands_over_itself)
{
	struct bed *b = &bed;

	bed_open(b);
	for (unsigned i = 0; i < 3; i++)
		put(&b->one, b->two.mac, 100 + i, i);
	fences = 0;
	ck_assert(portlink_send_now(b->one.pl));
	ck_assert_uint_eq(fences, 1);
	while (b->two.n_got < 3)
		end_turn(&b->two);
	check_frames(&b->one, &b->two);
	ck_assert(portlink_send_now(b->one.pl)); /* nothing more */
	/* More than a burst: the rest is the data thread's. */
	for (unsigned i = 0; i < VS_BURST + 1; i++)
		put(&b->one, b->two.mac, 100, i);
	ck_assert(!portlink_send_now(b->one.pl));
	ck_assert_uint_eq(b->one.done, 3 + VS_BURST);
	UNTIL(b, b->two.n_got == b->one.n_out);
	check_frames(&b->one, &b->two);
	/* Nobody who would take it: it stays where it is. */
	b->one.link.ops->stop(b->one.link.ctx);
	put(&b->one, b->two.mac, 100, 1);
	ck_assert(!portlink_send_now(b->one.pl));
	ck_assert_uint_eq(b->one.at_out, b->one.n_out - 1);
	bed_close(b);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("portlink");
	TCase *t = tcase_create("portlink");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, attaches_and_knows_its_address);
	tcase_add_test(t, registrations_are_answered);
	tcase_add_test(t, refusals_are_told_once_and_tried_again);
	tcase_add_test(t, waits_for_a_daemon);
	tcase_add_test(t, frames_of_every_length_both_ways);
	tcase_add_test(t, more_frames_than_a_burst_keep_their_order);
	tcase_add_test(t, offloads_are_finished_on_the_way);
	tcase_add_test(t, an_adapter_without_buffers_drops);
	tcase_add_test(t, a_full_socket_is_a_counted_drop);
	tcase_add_test(t, coupling_is_a_cable);
	tcase_add_test(t, frames_do_not_change_networks);
	tcase_add_test(t, the_daemon_restarts);
	tcase_add_test(t, detach_nic_is_a_lost_connection);
	tcase_add_test(t, unwanted_frames_do_not_wake_for_ever);
	tcase_add_test(t, arm_looks_at_the_adapter);
	tcase_add_test(t, a_pump_tells_whether_it_sent);
	tcase_add_test(t, a_sender_hands_over_itself);
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	SRunner *r = srunner_create(suite());
	int failed;

	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
