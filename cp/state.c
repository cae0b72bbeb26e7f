/* SPDX-License-Identifier: Apache-2.0 */
/*
 * State on disk. The file is a configuration like any other, with a first line (a comment to
 * the command language) that says from which file the daemon had been started:
 *
 *     * zland state 1 config 0123456789abcdef
 *
 * It is replaced by renaming a complete and synced new one, so that there is always one whole file.
 */
#include "cp/state.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEADER "* zland state 1 config "

/* FNV-1a: tells an edited file from the same one; nobody gains by a collision. */
static uint64_t hash_bytes(uint64_t h, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		h = (h ^ p[i]) * UINT64_C(0x100000001B3);
	return h;
}

/* Open a file that is read more than once; the open of any other kind waits for nobody.
 * Return: descriptor, or -errno (-ENOTSUP: not a regular file). */
static int open_regular(int dir_fd, const char *path, int flags, struct stat *st)
{
	int fd = openat(dir_fd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | flags);
	int rc = 0;

	if (fd < 0)
		return -errno;
	if (fstat(fd, st) < 0)
		rc = -errno;
	else if (S_ISDIR(st->st_mode))
		rc = -EISDIR;
	else if (!S_ISREG(st->st_mode))
		rc = -ENOTSUP;
	if (!rc)
		return fd;
	close(fd);
	return rc;
}

int cp_state_identify(const char *path, char id[CP_STATE_ID_BYTES])
{
	uint64_t h = UINT64_C(0xCBF29CE484222325);
	uint8_t buf[4096];
	struct stat st;
	ssize_t n;
	int fd, rc;

	snprintf(id, CP_STATE_ID_BYTES, "-");
	if (!path)
		return 0;
	fd = open_regular(AT_FDCWD, path, 0, &st);
	if (fd < 0)
		return fd;
	while ((n = read(fd, buf, sizeof(buf))) > 0)
		h = hash_bytes(h, buf, (size_t)n);
	rc = n < 0 ? -errno : 0;
	close(fd);
	if (!rc)
		snprintf(id, CP_STATE_ID_BYTES, "%016llx", (unsigned long long)h);
	return rc;
}

/* What the first line of a state says. */
static enum cp_state_found judge(int fd, const char *id)
{
	char line[sizeof(HEADER) + CP_STATE_ID_BYTES];
	size_t head = strlen(HEADER), len;
	ssize_t n = pread(fd, line, sizeof(line) - 1, 0);

	if (n < 0)
		return CP_STATE_UNUSABLE;
	line[n] = '\0';
	len = strcspn(line, "\n");
	if (line[len] != '\n' || len <= head || memcmp(line, HEADER, head) != 0)
		return CP_STATE_UNUSABLE;
	line[len] = '\0';
	if (strcmp(id, "-") == 0 || strcmp(line + head, id) == 0)
		return CP_STATE_VALID;
	return CP_STATE_OUTDATED;
}

enum cp_state_found cp_state_look(int dir_fd, const char *id, int *state_fd)
{
	enum cp_state_found found = CP_STATE_UNUSABLE;
	struct stat st = {0};
	int fd = open_regular(dir_fd, CP_STATE_FILE, O_NOFOLLOW, &st);

	*state_fd = -1;
	if (fd < 0)
		return fd == -ENOENT ? CP_STATE_ABSENT : CP_STATE_UNUSABLE;
	if (st.st_uid == geteuid())
		found = judge(fd, id);
	if (found == CP_STATE_VALID)
		*state_fd = fd;
	else
		close(fd);
	return found;
}

static int write_all(int fd, const char *p, size_t n)
{
	while (n) {
		ssize_t done = write(fd, p, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -errno;
		p += done;
		n -= (size_t)done;
	}
	return 0;
}

static int write_temporary(int dir_fd, const char *name, const char *head, const char *text)
{
	int fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	int rc;

	if (fd < 0)
		return -errno;
	rc = write_all(fd, head, strlen(head));
	if (!rc)
		rc = write_all(fd, text, strlen(text));
	if (!rc && fsync(fd) < 0)
		rc = -errno;
	if (close(fd) < 0 && !rc)
		rc = -errno;
	return rc;
}

int cp_state_replace(int dir_fd, const char *name, const char *head, const char *text)
{
	char aside[NAME_MAX + 1];
	int rc;

	if (snprintf(aside, sizeof(aside), "%s.tmp", name) >= (int)sizeof(aside))
		return -ENAMETOOLONG;
	rc = write_temporary(dir_fd, aside, head, text);
	if (!rc && renameat(dir_fd, aside, dir_fd, name) < 0)
		rc = -errno;
	if (rc) {
		unlinkat(dir_fd, aside, 0);
		return rc;
	}
	return fsync(dir_fd) < 0 ? -errno : 0;
}

int cp_state_save(int dir_fd, const char *id, const char *text)
{
	char head[sizeof(HEADER) + CP_STATE_ID_BYTES];

	snprintf(head, sizeof(head), HEADER "%s\n", id);
	return cp_state_replace(dir_fd, CP_STATE_FILE, head, text);
}

int cp_state_remove(int dir_fd)
{
	if (unlinkat(dir_fd, CP_STATE_FILE, 0) < 0 && errno != ENOENT)
		return -errno;
	return 0;
}
