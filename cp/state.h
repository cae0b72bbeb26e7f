/* SPDX-License-Identifier: Apache-2.0 */
/* What survives a killed daemon: DIR/state. */
#ifndef CP_STATE_H
#define CP_STATE_H

#include <stdbool.h>
#include <stddef.h>

#define CP_STATE_FILE "state"
#define CP_STATE_ID_BYTES 17 /* 16 hexadecimal digits of a hash and a NUL */

/*
 * The identity of a configuration file: a hash of its bytes, or "-" for no file.
 * @path: NULL for none.
 * Return: 0 or -errno (-ENOTSUP: not a regular file, which cannot be read again).
 */
int cp_state_identify(const char *path, char id[CP_STATE_ID_BYTES]);

enum cp_state_found {
	CP_STATE_ABSENT,   /* none: start from the file */
	CP_STATE_VALID,	   /* made from this file: start from it */
	CP_STATE_OUTDATED, /* made from another file: the file wins */
	CP_STATE_UNUSABLE, /* not a state file, or not ours */
};

/*
 * What to make of DIR/state.
 * @dir_fd: DIR. @id: of the file of this start; "-" (no file) accepts every state.
 * @state_fd: receives a descriptor of the state, at its beginning, where it is valid, otherwise -1:
 * what was looked at is what is to be read.
 */
enum cp_state_found cp_state_look(int dir_fd, const char *id, int *state_fd);

/*
 * Write DIR/state: complete, or not at all. @text: statements.
 * Return: 0 or -errno; then the old state stands.
 * Context: control thread; waits for the disk.
 */
int cp_state_save(int dir_fd, const char *id, const char *text);

/*
 * Replace a file of the directory by head and text: wholly or not at all.
 * Return: 0 or -errno. Context: control thread; waits for the disk.
 */
int cp_state_replace(int dir_fd, const char *name, const char *head, const char *text);

/* A clean shutdown: the next start is from the file. Return: 0 or -errno. */
int cp_state_remove(int dir_fd);

#endif
