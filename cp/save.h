/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What SAVE and PERSIST made permanent: a file of statements beside the configuration, read at the
 * next start. Either it is whole (SAVE: it stands for the configuration file it was saved over) or
 * additions (PERSIST: executed behind the configuration file).
 */
#ifndef CP_SAVE_H
#define CP_SAVE_H

#include <stddef.h>

#include "cp/state.h"

struct cp_saved;

enum cp_saved_found {
	CP_SAVED_NONE,
	CP_SAVED_WHOLE,	   /* instead of the configuration file */
	CP_SAVED_ADDED,	   /* behind it */
	CP_SAVED_OUTDATED, /* whole, but the configuration file was edited since */
	CP_SAVED_UNUSABLE, /* not such a file, or not ours */
};

/*
 * @path: the file; it need not exist, its folder must. Kept open, so that a confined daemon can
 * replace the file. @id: cp_state_identify of the configuration file.
 * Return: it, or NULL and errno.
 */
struct cp_saved *cp_saved_open(const char *path, const char *id);
void cp_saved_close(struct cp_saved *s);
const char *cp_saved_path(const struct cp_saved *s);

/* @out: receives a descriptor of the statements where they count, otherwise -1. */
enum cp_saved_found cp_saved_look(struct cp_saved *s, int *out);

/* SAVE. Return: 0 or -errno; then the old file stands. */
int cp_saved_write(struct cp_saved *s, const char *text);
/* PERSIST: one more statement. Return: 0 or -errno. */
int cp_saved_add(struct cp_saved *s, const char *statement);
/* SAVE NONE. Return: 0 or -errno. */
int cp_saved_remove(struct cp_saved *s);

#endif
