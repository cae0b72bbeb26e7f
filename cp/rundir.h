/* SPDX-License-Identifier: Apache-2.0 */
/* zland's directory (-d DIR): its lock and the sockets in it. */
#ifndef CP_RUNDIR_H
#define CP_RUNDIR_H

#include <stddef.h>
#include <sys/types.h>

#include "cp/cp.h"

#define CP_RUNDIR_DEFAULT "/run/zlan"
#define CP_CONTROL_SOCKET "control"

/*
 * Make the directory if it is absent and take its lock, which ends with the process. One that
 * others own or may write in is refused (-EPERM).
 * @lock_fd: receives the lock's descriptor; closing it gives the lock up.
 * @err: text for the user.
 * Return: descriptor of the directory, or -errno (-EBUSY: another zland serves it).
 */
int cp_rundir_open(const char *dir, int *lock_fd, char *err, size_t err_len);

/*
 * Listen on a UNIX socket DIR/name that everybody may connect to (who may do what is decided by
 * the peer's credentials). A socket left by a dead daemon is replaced: to be called with
 * the lock held.
 * @type: SOCK_STREAM or SOCK_SEQPACKET; SOCK_DGRAM only binds.
 * Return: a non-blocking descriptor, or -errno.
 */
int cp_rundir_listen(const char *dir, const char *name, int type);

/*
 * Connect to DIR/name. Return: a blocking descriptor, or -errno.
 */
int cp_rundir_connect(const char *dir, const char *name, int type);

/*
 * Who is at the other end. root and zland's own uid are OPERATOR with class B; any other account is
 * the user of its name in upper case, or "" if that is no user id (longer than 8), until USER
 * statements say otherwise (cp_caller_may).
 * @uid: receives the peer's uid.
 * Return: 0 or -errno. Context: control thread; may ask the account database.
 */
int cp_rundir_peer(int fd, struct cp_caller *who, uid_t *uid);

/* The same of an account known by other means, whose further groups are not. */
void cp_rundir_account(uid_t uid, gid_t gid, struct cp_caller *who);

#endif
