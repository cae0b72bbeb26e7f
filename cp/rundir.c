/* SPDX-License-Identifier: Apache-2.0 */
/*
 * zland's directory. A lock file tells a living daemon from a dead one's leavings: the kernel
 * drops the lock with the process, however it ended.
 */
#include "cp/rundir.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define LISTEN_BACKLOG 128

static int take_lock(int dir_fd, const char *dir, char *err, size_t err_len)
{
	int fd = openat(dir_fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	int rc;

	if (fd < 0) {
		rc = -errno;
		snprintf(err, err_len, "cannot make %s/lock: %s", dir, strerror(errno));
		return rc;
	}
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return fd;
	rc = errno == EWOULDBLOCK ? -EBUSY : -errno;
	snprintf(err, err_len, "another zland serves %s; stop it or choose another -d DIR", dir);
	close(fd);
	return rc;
}

/* Confined, even root cannot write where it is not the owner; and an owner, like everybody who may
 * write there, could forge the state and the sockets. */
static int check_owner(int dir_fd, const char *dir, char *err, size_t err_len)
{
	struct stat st;

	if (fstat(dir_fd, &st) < 0)
		return -errno;
	if (st.st_uid != geteuid()) {
		snprintf(err, err_len, "%s belongs to another account than zland runs under", dir);
		return -EPERM;
	}
	if (st.st_mode & (S_IWGRP | S_IWOTH)) {
		snprintf(err, err_len,
			 "others may write in %s: chmod go-w it, or choose another -d DIR", dir);
		return -EPERM;
	}
	return 0;
}

int cp_rundir_open(const char *dir, int *lock_fd, char *err, size_t err_len)
{
	int fd, lock = 0;

	bool made = mkdir(dir, 0755) == 0;

	if (!made && errno != EEXIST) {
		snprintf(err, err_len, "cannot make %s: %s", dir, strerror(errno));
		return -errno;
	}
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		snprintf(err, err_len, "cannot open %s: %s", dir, strerror(errno));
		return -errno;
	}
	/* Clients of other accounts must get through, whatever our umask. */
	if (made && fchmod(fd, 0755) < 0) {
		lock = -errno;
		snprintf(err, err_len, "cannot open %s to others: %s", dir, strerror(errno));
	}
	if (!lock)
		lock = check_owner(fd, dir, err, err_len);
	if (!lock)
		lock = take_lock(fd, dir, err, err_len);
	if (lock < 0) {
		close(fd);
		return lock;
	}
	*lock_fd = lock;
	return fd;
}

static int socket_address(const char *dir, const char *name, struct sockaddr_un *sa)
{
	int n;

	memset(sa, 0, sizeof(*sa));
	sa->sun_family = AF_UNIX;
	n = snprintf(sa->sun_path, sizeof(sa->sun_path), "%s/%s", dir, name);
	return n < 0 || (size_t)n >= sizeof(sa->sun_path) ? -ENAMETOOLONG : 0;
}

int cp_rundir_listen(const char *dir, const char *name, int type)
{
	struct sockaddr_un sa;
	int rc = socket_address(dir, name, &sa);
	int fd;

	if (rc)
		return rc;
	fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (unlink(sa.sun_path) < 0 && errno != ENOENT)
		goto fail;
	if (bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0)
		goto fail;
	if (chmod(sa.sun_path, 0666) < 0)
		goto fail;
	if (type != SOCK_DGRAM && listen(fd, LISTEN_BACKLOG) < 0)
		goto fail;
	return fd;
fail:
	rc = -errno;
	close(fd);
	return rc;
}

int cp_rundir_connect(const char *dir, const char *name, int type)
{
	struct sockaddr_un sa;
	int rc = socket_address(dir, name, &sa);
	int fd;

	if (rc)
		return rc;
	fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0)
		return fd;
	rc = -errno;
	close(fd);
	return rc;
}

/* The user id of an account: its name in upper case if that fits. */
static void user_of(uid_t uid, char user[9])
{
	char buf[4096];
	struct passwd pw, *found = NULL;
	size_t n;

	user[0] = '\0';
	if (getpwuid_r(uid, &pw, buf, sizeof(buf), &found) != 0 || !found)
		return;
	n = strlen(pw.pw_name);
	if (n > 8)
		return;
	for (size_t i = 0; i <= n; i++)
		user[i] = (char)toupper((unsigned char)pw.pw_name[i]);
}

/* The groups of an account. One that is in more than we have room for has only its first. */
static void read_groups(int fd, struct cp_caller *who)
{
	socklen_t len = (CP_CALLER_GROUPS - 1) * sizeof(gid_t);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, who->gid + 1, &len) == 0)
		who->n_gids += (unsigned)(len / sizeof(gid_t));
}

void cp_rundir_account(uid_t uid, gid_t gid, struct cp_caller *who)
{
	*who = (struct cp_caller){.has_ids = true, .uid = uid, .n_gids = 1, .gid = {gid}};
	if (uid == 0 || uid == geteuid()) {
		snprintf(who->user, sizeof(who->user), "OPERATOR");
		who->class_b = true;
	} else {
		user_of(uid, who->user);
	}
}

int cp_rundir_peer(int fd, struct cp_caller *who, uid_t *uid)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	memset(who, 0, sizeof(*who));
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
		return -errno;
	*uid = cred.uid;
	cp_rundir_account(cred.uid, cred.gid, who);
	read_groups(fd, who);
	return 0;
}
