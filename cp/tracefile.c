/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A trace is a capture whose reader is zland itself: workers put frames into the rings as for
 * `zlan capture`, the control thread takes them out and writes them. So no worker ever waits for a
 * disk, and what the control thread cannot keep up with is lost and counted.
 *
 * The first error of a file ends the writing, not the trace: frames are lost from then on, and
 * counted.
 */
#include "cp/tracefile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cp/capture_drain.h"

#define DIRECTORY "traces"
#define BUFFER_BYTES (1u << 17)
#define NAME_BYTES 32
#define AGAIN_US 1000 /* between two turns with a trace that has much to write */

struct cp_tracefile {
	struct cp_tracefile_config cfg;
	char id[9];
	uint32_t snaplen;
	int dir_fd; /* traces/ */
	FILE *f;
	struct host_pcapng *pcapng;
	uint64_t frames;
	uint64_t unwritten;
	int error;
	struct cp_capture *capture;
	struct cp_attached in;
	struct event *readable, *again;
};

/* ---- the file ------------------------------------------------------------------------------- */

static void name_of(const struct cp_tracefile *t, const char *suffix, char name[NAME_BYTES])
{
	snprintf(name, NAME_BYTES, "%s%s.pcapng", t->id, suffix);
}

/* Return: 0 or -errno. */
static int file_close(struct cp_tracefile *t)
{
	int rc = host_pcapng_close(t->pcapng);

	t->pcapng = NULL;
	if (t->f && fclose(t->f) && !rc)
		rc = -errno;
	t->f = NULL;
	return rc;
}

/* Return: 0 or -errno. */
static int file_open(struct cp_tracefile *t)
{
	char name[NAME_BYTES], before[NAME_BYTES];
	int fd;

	name_of(t, "", name);
	name_of(t, ".1", before);
	if (renameat(t->dir_fd, name, t->dir_fd, before) && errno != ENOENT)
		return -errno;
	fd = openat(t->dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	t->f = fdopen(fd, "w");
	if (!t->f) {
		close(fd);
		return -ENOMEM;
	}
	setvbuf(t->f, NULL, _IOFBF, BUFFER_BYTES);
	t->pcapng = host_pcapng_open(t->f, t->snaplen);
	return t->pcapng ? host_pcapng_flush(t->pcapng) : -errno;
}

static void failed(struct cp_tracefile *t, int rc)
{
	char line[128];

	t->error = rc;
	file_close(t);
	snprintf(line, sizeof(line), "ZLN2639E Trace %s is not written any more: %s", t->id,
		 strerror(-rc));
	if (t->cfg.log)
		t->cfg.log(t->cfg.ctx, line);
}

/* ---- frames --------------------------------------------------------------------------------- */

static bool frame_write(void *ctx, const struct cp_ring_frame *f)
{
	struct cp_tracefile *t = ctx;
	int rc = 0;

	if (t->error) {
		t->unwritten++;
		return true;
	}
	if (host_pcapng_bytes(t->pcapng) >= t->cfg.max_bytes) {
		rc = file_close(t);
		if (!rc)
			rc = file_open(t);
	}
	if (!rc)
		rc = cp_capture_write(t->pcapng, f);
	if (!rc) {
		t->frames++;
		return true;
	}
	t->unwritten++;
	failed(t, rc);
	return true;
}

static void drain(struct cp_tracefile *t)
{
	int rc = cp_capture_drain(&t->in, frame_write, t);

	if (rc > 0 && !t->error)
		rc = host_pcapng_flush(t->pcapng);
	if (rc < 0 && !t->error)
		failed(t, rc);
}

/* Others have their turn before there is more. */
static void on_frames(evutil_socket_t fd, short what, void *ctx)
{
	const struct timeval soon = {.tv_usec = AGAIN_US};
	struct cp_tracefile *t = ctx;

	(void)fd;
	(void)what;
	cp_capture_awake(&t->in);
	drain(t);
	if (cp_capture_sleep(&t->in))
		event_add(t->again, &soon);
}

/* ---- life ----------------------------------------------------------------------------------- */

static int directory_open(int dir_fd)
{
	if (mkdirat(dir_fd, DIRECTORY, 0700) && errno != EEXIST)
		return -1;
	return openat(dir_fd, DIRECTORY, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
}

static int capture_open(struct cp_tracefile *t, const struct cp_capture_filter *filter)
{
	int fds[2], rc;

	t->capture = cp_capture_open(filter, fds);
	if (!t->capture)
		return -errno;
	t->in.wake = fds[1]; /* the capture's */
	rc = cp_capture_map(&t->in, fds[0]);
	if (rc)
		return rc;
	t->readable = event_new(t->cfg.base, fds[1], EV_READ | EV_PERSIST, on_frames, t);
	t->again = event_new(t->cfg.base, -1, 0, on_frames, t);
	if (!t->readable || !t->again || event_add(t->readable, NULL))
		return -ENOMEM;
	cp_capture_sleep(&t->in);
	return 0;
}

struct cp_tracefile *cp_tracefile_open(const struct cp_tracefile_config *cfg, const char *id,
				       const struct cp_capture_filter *filter, char *err,
				       size_t err_len)
{
	struct cp_tracefile *t = calloc(1, sizeof(*t));
	int rc;

	if (!t) {
		snprintf(err, err_len, "%s", strerror(ENOMEM));
		return NULL;
	}
	t->cfg = *cfg;
	snprintf(t->id, sizeof(t->id), "%s", id);
	t->snaplen = filter->snaplen;
	t->in.sock = t->in.wake = -1;
	t->dir_fd = directory_open(cfg->dir_fd);
	rc = t->dir_fd < 0 ? -errno : file_open(t);
	if (!rc)
		rc = capture_open(t, filter);
	if (!rc)
		return t;
	snprintf(err, err_len, DIRECTORY "/%s.pcapng: %s", t->id, strerror(-rc));
	cp_tracefile_close(t);
	return NULL;
}

void cp_tracefile_cover(struct cp_tracefile *t, struct vs_switch *sw, struct vs_port *port)
{
	int rc = cp_capture_cover(t->capture, sw, port);

	if (rc && !t->error)
		failed(t, rc);
}

void cp_tracefile_status(const struct cp_tracefile *t, struct cp_trace_status *s)
{
	s->frames = t->frames;
	s->lost = t->unwritten + cp_capture_lost(&t->in);
	s->error = t->error;
}

void cp_tracefile_close(struct cp_tracefile *t)
{
	int rc;

	if (!t)
		return;
	if (t->capture)
		cp_capture_cover(t->capture, NULL, NULL);
	if (t->in.page && !t->error)
		drain(t);
	if (t->readable)
		event_free(t->readable);
	if (t->again)
		event_free(t->again);
	t->in.wake = -1;
	cp_capture_detach(&t->in);
	cp_capture_stop(t->capture);
	rc = file_close(t);
	if (rc && !t->error)
		failed(t, rc);
	if (t->dir_fd >= 0)
		close(t->dir_fd);
	free(t);
}
