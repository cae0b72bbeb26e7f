/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The saved configuration. Its first line, a comment to the command language, says what it is:
 *
 *     * zland saved 1 whole 0123456789abcdef     (identity of the configuration file, - for none)
 *     * zland saved 1 added
 *
 * Every change writes a new file aside and renames it: there is always one whole file.
 */
#include "cp/save.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define WHOLE "* zland saved 1 whole "
#define ADDED "* zland saved 1 added\n"
#define SAVED_MAX (16u << 20) /* what is read back at start */

struct cp_saved {
	int dir_fd;
	char *path;
	const char *name; /* in path */
	char id[CP_STATE_ID_BYTES];
};

struct cp_saved *cp_saved_open(const char *path, const char *id)
{
	struct cp_saved *s = calloc(1, sizeof(*s));
	char *slash;

	if (!s)
		return NULL;
	s->dir_fd = -1;
	s->path = strdup(path);
	if (!s->path)
		goto fail;
	snprintf(s->id, sizeof(s->id), "%s", id);
	slash = strrchr(s->path, '/');
	s->name = slash ? slash + 1 : s->path;
	if (slash)
		*slash = '\0';
	s->dir_fd = open(!slash		    ? "."
			 : slash == s->path ? "/"
					    : s->path,
			 O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (slash)
		*slash = '/';
	if (s->dir_fd >= 0)
		return s;
fail:
	cp_saved_close(s);
	return NULL;
}

void cp_saved_close(struct cp_saved *s)
{
	int rc = errno;

	if (!s)
		return;
	if (s->dir_fd >= 0)
		close(s->dir_fd);
	free(s->path);
	free(s);
	errno = rc;
}

const char *cp_saved_path(const struct cp_saved *s)
{
	return s->path;
}

static enum cp_saved_found judge(const struct cp_saved *s, int fd)
{
	char line[sizeof(WHOLE) + CP_STATE_ID_BYTES + 1];
	ssize_t n = pread(fd, line, sizeof(line) - 1, 0);
	size_t head = strlen(WHOLE);

	if (n < 0)
		return CP_SAVED_UNUSABLE;
	line[n] = '\0';
	if (strncmp(line, ADDED, strlen(ADDED)) == 0)
		return CP_SAVED_ADDED;
	if (strncmp(line, WHOLE, head) != 0 || !strchr(line, '\n'))
		return CP_SAVED_UNUSABLE;
	*strchr(line, '\n') = '\0';
	return strcmp(s->id, "-") == 0 || strcmp(line + head, s->id) == 0 ? CP_SAVED_WHOLE
									  : CP_SAVED_OUTDATED;
}

enum cp_saved_found cp_saved_look(struct cp_saved *s, int *out)
{
	enum cp_saved_found found = CP_SAVED_UNUSABLE;
	struct stat st;
	int fd = openat(s->dir_fd, s->name,
			O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW);

	*out = -1;
	if (fd < 0)
		return errno == ENOENT ? CP_SAVED_NONE : CP_SAVED_UNUSABLE;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == geteuid() &&
	    st.st_size <= (off_t)SAVED_MAX)
		found = judge(s, fd);
	if (found == CP_SAVED_WHOLE || found == CP_SAVED_ADDED)
		*out = fd;
	else
		close(fd);
	return found;
}

int cp_saved_write(struct cp_saved *s, const char *text)
{
	char head[sizeof(WHOLE) + CP_STATE_ID_BYTES];

	snprintf(head, sizeof(head), WHOLE "%s\n", s->id);
	return cp_state_replace(s->dir_fd, s->name, head, text);
}

/* The file as it is. Return: its text for free, or NULL and errno. */
static char *read_all(int fd)
{
	struct stat st;
	char *text = NULL;
	size_t n = 0;

	if (fstat(fd, &st) == 0)
		text = calloc(1, (size_t)st.st_size + 1);
	while (text && n < (size_t)st.st_size) {
		ssize_t got = pread(fd, text + n, (size_t)st.st_size - n, (off_t)n);

		if (got <= 0)
			break;
		n += (size_t)got;
	}
	return text;
}

int cp_saved_add(struct cp_saved *s, const char *statement)
{
	char *old = NULL, *text = NULL;
	int fd, rc, n;

	cp_saved_look(s, &fd);
	if (fd >= 0)
		old = read_all(fd);
	n = fd >= 0 && !old ? -1 : asprintf(&text, "%s%s\n", old ? old : "", statement);
	if (n < 0)
		rc = -ENOMEM;
	else if ((size_t)n >= SAVED_MAX - 100)
		rc = -EFBIG;
	else
		rc = cp_state_replace(s->dir_fd, s->name, old ? "" : ADDED, text);
	if (fd >= 0)
		close(fd);
	if (n >= 0)
		free(text);
	free(old);
	return rc;
}

int cp_saved_remove(struct cp_saved *s)
{
	if (unlinkat(s->dir_fd, s->name, 0) < 0 && errno != ENOENT)
		return -errno;
	return fsync(s->dir_fd) < 0 ? -errno : 0;
}
