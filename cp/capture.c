/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Captures, zland's side.
 *
 * A capture is one memfd with a ring per worker (capture_wire.h), a pipe that wakes the reader, and
 * a capture point in each switch it covers. Capture points call emit and flush on the workers, so
 * each ring has one writer. Start, stop and forget belong to the control thread; stopping a capture
 * point waits until no worker is in it, hence nothing here needs a lock.
 *
 * The memory is sealed against a change of its size: else the reader could cut it off under a
 * worker's store. It is sparse: only rings that frames pass through take memory.
 */
#include "cp/capture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cp/capture_ring.h"
#include "cp/cp_priv.h"

struct target {
	struct vs_capture *point; /* NULL: ended */
	struct vs_switch *sw;
	struct vs_port *port; /* NULL: every port of the switch */
};

struct cp_capture {
	struct cp_ring_writer ring[CAPTURE_RINGS];
	struct capture_page *page;
	int memfd;
	int wake_read, wake_write;
	bool all; /* switches, also those to come */
	struct cp_capture_filter filter;
	unsigned n, live;
	struct target target[CP_LANS_MAX];
};

/* ---- on the workers --------------------------------------------------------------------- */

static void capture_emit(void *ctx, unsigned worker, const struct vs_capture_frame *f)
{
	struct cp_capture *c = ctx;

	if (worker < CAPTURE_RINGS)
		cp_ring_put(&c->ring[worker], f, vs_port_name(f->port));
}

static void reader_wake(struct cp_capture *c)
{
	/* Full barrier between the publication and the look at asleep; the reader has one between
	 * its store of asleep and its look at the heads. One of us sees the other. */
	atomic_thread_fence(memory_order_seq_cst);
	if (!atomic_load_explicit(&c->page->asleep, memory_order_relaxed) ||
	    !atomic_exchange_explicit(&c->page->asleep, 0, memory_order_relaxed))
		return;
	/* A full pipe is readable already. */
	while (write(c->wake_write, "", 1) < 0 && errno == EINTR)
		;
}

static void capture_publish(void *ctx, unsigned worker)
{
	struct cp_capture *c = ctx;

	if (worker >= CAPTURE_RINGS)
		return;
	cp_ring_publish(&c->ring[worker]);
	reader_wake(c);
}

/* ---- request ------------------------------------------------------------------------------ */

struct request {
	const char *vswitch, *nic;
	struct cp_capture_filter filter;
};

static void refuse(char *err, size_t err_len, enum cp_msg m, const char *a, const char *b)
{
	char text[160];

	cp_message_text(text, sizeof(text), m, a, b, NULL);
	snprintf(err, err_len, "ZLN%04uE %s", cp_message(m)->number, text);
}

/* An optional string. Return: false if it is something else. */
static bool string_of(const json_t *o, const char *key, const char **out)
{
	const json_t *v = json_object_get(o, key);

	*out = json_string_value(v);
	return !v || json_is_null(v) || *out;
}

/* An optional array of VIDs. Return: false if it is something else. */
static bool vlans_of(const json_t *o, struct cp_capture_filter *f)
{
	const json_t *list = json_object_get(o, "vlan"), *v;
	size_t i;

	if (!list || json_is_null(list))
		return true;
	f->by_vlan = true;
	json_array_foreach(list, i, v)
	{
		if (json_integer_value(v) < 1 || json_integer_value(v) > (json_int_t)VS_VID_MAX)
			return false;
		vs_vidset_add(&f->vids, (unsigned)json_integer_value(v));
	}
	return json_array_size(list) > 0;
}

static bool request_parse(const json_t *o, struct request *req, char *err, size_t err_len)
{
	const json_t *dropped = json_object_get(o, "dropped");
	const json_t *snaplen = json_object_get(o, "snaplen");
	json_int_t n = snaplen ? json_integer_value(snaplen) : CAPTURE_SNAPLEN_MAX;

	memset(req, 0, sizeof(*req));
	req->filter.dropped = json_is_true(dropped);
	req->filter.snaplen = (uint32_t)n;
	if (!string_of(o, "vswitch", &req->vswitch))
		refuse(err, err_len, CP_E_BAD_OPERAND, "vswitch", "a name is expected");
	else if (!string_of(o, "nic", &req->nic))
		refuse(err, err_len, CP_E_BAD_OPERAND, "nic", "USER/VDEV is expected");
	else if (dropped && !json_is_boolean(dropped))
		refuse(err, err_len, CP_E_BAD_OPERAND, "dropped", "true or false is expected");
	else if (!vlans_of(o, &req->filter))
		refuse(err, err_len, CP_E_BAD_OPERAND, "vlan", "VIDs from 1 to 4094 are expected");
	else if (n < CAPTURE_SNAPLEN_MIN || n > CAPTURE_SNAPLEN_MAX)
		refuse(err, err_len, CP_E_BAD_OPERAND, "snaplen", "64 to 65535 is expected");
	else
		return true;
	return false;
}

/* The NIC's port; if a switch is named as well, only there. */
static bool target_nic(struct target *t, struct cp *cp, const struct request *req, char *err,
		       size_t err_len)
{
	t->port = cp_find_port(cp, req->nic, &t->sw);
	if (!t->port)
		snprintf(err, err_len,
			 "ZLN2701E NIC %.32s does not exist or is not coupled; "
			 "QUERY NIC lists the NICs of a user",
			 req->nic);
	else if (!req->vswitch || t->sw == cp_find_switch(cp, req->vswitch))
		return true;
	else
		snprintf(err, err_len, "ZLN2710E NIC %.32s is not coupled to %.32s", req->nic,
			 req->vswitch);
	return false;
}

/* What the request covers, into c->target. */
static bool targets_find(struct cp_capture *c, struct cp *cp, const struct request *req, char *err,
			 size_t err_len)
{
	struct vs_switch *all[CP_LANS_MAX];
	struct target *t = &c->target[0];

	c->n = 1;
	if (req->nic)
		return target_nic(t, cp, req, err, err_len);
	if (req->vswitch) {
		t->sw = cp_find_switch(cp, req->vswitch);
		if (!t->sw)
			refuse(err, err_len, CP_E_SWITCH_UNKNOWN, req->vswitch, NULL);
		return t->sw;
	}
	c->n = cp_switches(cp, all, CP_LANS_MAX);
	for (unsigned i = 0; i < c->n; i++)
		c->target[i].sw = all[i];
	c->all = true;
	return true;
}

/* ---- life ------------------------------------------------------------------------------------ */

static int memory_setup(struct cp_capture *c)
{
	void *map;

	c->memfd = memfd_create("zlan-capture", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (c->memfd < 0 || ftruncate(c->memfd, CAPTURE_BYTES) ||
	    fcntl(c->memfd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL))
		return -errno;
	map = mmap(NULL, CAPTURE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, c->memfd, 0);
	if (map == MAP_FAILED)
		return -errno;
	c->page = map;
	c->page->magic = CAPTURE_MAGIC;
	c->page->version = CAPTURE_VERSION;
	c->page->rings = CAPTURE_RINGS;
	c->page->ring_bytes = CAPTURE_RING_BYTES;
	for (unsigned i = 0; i < CAPTURE_RINGS; i++)
		cp_ring_writer_init(&c->ring[i], &c->page->ring[i],
				    (uint8_t *)map + CAPTURE_DATA_OFFSET +
					    (size_t)i * CAPTURE_RING_BYTES,
				    CAPTURE_RING_BYTES);
	return 0;
}

static int wake_setup(struct cp_capture *c)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK))
		return -errno;
	c->wake_read = fds[0];
	c->wake_write = fds[1];
	return 0;
}

static int point_start(struct cp_capture *c, struct target *t)
{
	struct vs_capture_config cfg = {
		.sw = t->sw,
		.port = t->port,
		.dropped_only = c->filter.dropped,
		.by_vlan = c->filter.by_vlan,
		.vids = c->filter.vids,
		.snaplen = c->filter.snaplen,
		.emit = capture_emit,
		.flush = capture_publish,
		.ctx = c,
	};

	t->point = vs_capture_start(&cfg);
	if (!t->point)
		return -errno;
	c->live++;
	return 0;
}

static int points_start(struct cp_capture *c)
{
	int rc = 0;

	for (unsigned i = 0; i < c->n && !rc; i++)
		rc = point_start(c, &c->target[i]);
	return rc;
}

struct cp_capture *cp_capture_open(const struct cp_capture_filter *filter, int fds[2])
{
	struct cp_capture *c = aligned_alloc(_Alignof(struct cp_capture), sizeof(*c));
	int rc;

	if (!c)
		return NULL;
	memset(c, 0, sizeof(*c));
	c->memfd = c->wake_read = c->wake_write = -1;
	c->filter = *filter;
	rc = memory_setup(c);
	if (!rc)
		rc = wake_setup(c);
	if (rc) {
		cp_capture_stop(c);
		errno = -rc;
		return NULL;
	}
	fds[0] = c->memfd;
	fds[1] = c->wake_read;
	return c;
}

struct cp_capture *cp_capture_start(struct cp *cp, const json_t *request, int fds[2], char *err,
				    size_t err_len)
{
	struct cp_capture *c;
	struct request req;
	int rc;

	if (!request_parse(request, &req, err, err_len))
		return NULL;
	c = cp_capture_open(&req.filter, fds);
	if (!c) {
		refuse(err, err_len, CP_E_SYSTEM, "Capture", strerror(errno));
		return NULL;
	}
	if (!targets_find(c, cp, &req, err, err_len)) {
		cp_capture_stop(c);
		return NULL;
	}
	rc = points_start(c);
	if (!rc)
		return c;
	refuse(err, err_len, CP_E_SYSTEM, "Capture", strerror(-rc));
	cp_capture_stop(c);
	return NULL;
}

static void target_end(struct cp_capture *c, struct target *t)
{
	if (!t->point)
		return;
	vs_capture_stop(t->point);
	t->point = NULL;
	c->live--;
}

/* NULL is legal. */
void cp_capture_stop(struct cp_capture *c)
{
	if (!c)
		return;
	for (unsigned i = 0; i < c->n; i++)
		target_end(c, &c->target[i]);
	if (c->page)
		munmap(c->page, CAPTURE_BYTES);
	if (c->memfd >= 0)
		close(c->memfd);
	if (c->wake_read >= 0)
		close(c->wake_read);
	if (c->wake_write >= 0)
		close(c->wake_write);
	free(c);
}

int cp_capture_cover(struct cp_capture *c, struct vs_switch *sw, struct vs_port *port)
{
	for (unsigned i = 0; i < c->n; i++)
		target_end(c, &c->target[i]);
	c->n = 1;
	c->target[0] = (struct target){.sw = sw, .port = port};
	return sw ? point_start(c, &c->target[0]) : 0;
}

void cp_capture_appeared(struct cp_capture *c, struct vs_switch *sw)
{
	struct target *t = NULL;

	if (!c->all)
		return;
	for (unsigned i = 0; i < c->n && !t; i++)
		if (!c->target[i].point)
			t = &c->target[i];
	if (!t && c->n < CP_LANS_MAX)
		t = &c->target[c->n++];
	if (!t)
		return;
	*t = (struct target){.sw = sw};
	point_start(c, t); /* without memory it goes on with the others */
}

void cp_capture_forget(struct cp_capture *c, struct vs_switch *sw, struct vs_port *p)
{
	for (unsigned i = 0; i < c->n; i++)
		if (p ? c->target[i].port == p : c->target[i].sw == sw)
			target_end(c, &c->target[i]);
	if (c->live || c->all)
		return;
	/* release: the rings were published before, by workers the stop has waited for */
	atomic_store_explicit(&c->page->ended, 1, memory_order_release);
	reader_wake(c);
}
