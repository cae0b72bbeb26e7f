/* SPDX-License-Identifier: Apache-2.0 */
/* Who may open the socket of a NIC whose peer's credentials are seen too late, or never. */
#ifndef CP_SOCKACL_H
#define CP_SOCKACL_H

#include "cp/cp.h"

/*
 * Let the accounts of a user open a socket's file, besides its owner, and nobody else: those of
 * his USER statements, else the one of his name.
 * Return: 0 or -errno; ENOTSUP: the file system has no access lists, nothing was changed.
 */
int cp_sockacl_set(const struct cp *cp, const char *user, const char *path);

#endif
