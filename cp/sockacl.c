/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An access list of POSIX, because it is the file's owner's to set: changing owner or group takes
 * a privilege that a confined zland has given up, and there is only one of each.
 * Source: acl(5); linux/posix_acl_xattr.h, linux/posix_acl.h.
 */
#include "cp/sockacl.h"

#include "common/be.h"

#include <ctype.h>
#include <errno.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <utlist.h>

#include "cp/cp_priv.h"

#define NO_ID ((uint32_t)ACL_UNDEFINED_ID)
#define READ_WRITE (ACL_READ | ACL_WRITE)
#define ENTRIES_FIXED 4 /* owner, owning group, mask, others */
#define ENTRIES_MAX 512 /* of a file; a disk's file system takes fewer */

struct list {
	unsigned n;
	struct posix_acl_xattr_header header; /* in front of the entries, as it is stored */
	struct posix_acl_xattr_entry entry[ENTRIES_MAX];
};
static_assert(offsetof(struct list, entry) ==
		      offsetof(struct list, header) + sizeof(struct posix_acl_xattr_header),
	      "as it is stored");

static void add(struct list *l, unsigned tag, unsigned perm, uint32_t id)
{
	if (l->n == ENTRIES_MAX)
		return;
	l->entry[l->n++] = (struct posix_acl_xattr_entry){
		.e_tag = (BE_FORCE __le16)htole16((uint16_t)tag),
		.e_perm = (BE_FORCE __le16)htole16((uint16_t)perm),
		.e_id = (BE_FORCE __le32)htole32(id),
	};
}

/* The account whose name is the user's. Return: false if there is none. */
static bool account_of_name(const char *user, uid_t *uid)
{
	char name[CP_NAME_BYTES], buf[4096];
	struct passwd pw, *found = NULL;
	size_t i = 0;

	for (; user[i]; i++)
		name[i] = (char)tolower((unsigned char)user[i]);
	name[i] = '\0';
	if (getpwnam_r(name, &pw, buf, sizeof(buf), &found) != 0 || !found)
		return false;
	*uid = found->pw_uid;
	return true;
}

/* The entries of a user's accounts of one kind. Return: how many accounts of any kind he has. */
static unsigned add_accounts(struct list *l, const struct cp *cp, const char *user, bool group)
{
	const struct cp_account *a;
	unsigned n = 0;

	DL_FOREACH(cp->accounts, a) {
		if (strcmp(a->user, user) != 0)
			continue;
		n++;
		if (a->group == group && l->n < ENTRIES_MAX - ENTRIES_FIXED)
			add(l, group ? ACL_GROUP : ACL_USER, READ_WRITE, a->id);
	}
	return n;
}

int cp_sockacl_set(const struct cp *cp, const char *user, const char *path)
{
	struct list *l = calloc(1, sizeof(*l));
	uid_t uid;
	int rc = 0;

	if (!l)
		return -ENOMEM;
	l->header.a_version = (BE_FORCE __le32)htole32(POSIX_ACL_XATTR_VERSION);
	add(l, ACL_USER_OBJ, READ_WRITE, NO_ID);
	/* cp_caller_may: the name counts where no statement names the user. */
	if (!add_accounts(l, cp, user, false) && account_of_name(user, &uid))
		add(l, ACL_USER, READ_WRITE, uid);
	add(l, ACL_GROUP_OBJ, 0, NO_ID);
	add_accounts(l, cp, user, true);
	add(l, ACL_MASK, READ_WRITE, NO_ID);
	add(l, ACL_OTHER, 0, NO_ID);
	if (lsetxattr(path, "system.posix_acl_access", &l->header,
		      sizeof(l->header) + l->n * sizeof(l->entry[0]), 0) < 0)
		rc = -errno;
	free(l);
	return rc;
}
