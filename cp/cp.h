/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The control program: users, NICs, LANs and switches, and the command language
 * that changes them. One thread (zland's main loop) calls everything here.
 */
#ifndef CP_CP_H
#define CP_CP_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "hipersockets/hs.h"
#include "osa/osa.h"
#include "vswitch/vswitch.h"

struct cp;
struct cp_nic;
struct cp_workers;

/* What may attach to a NIC: an adapter, or a peer of its own socket. */
enum cp_nic_type {
	CP_NIC_QDIO,
	CP_NIC_STREAM,
	CP_NIC_DGRAM,
	CP_NIC_VHOST,
	CP_NIC_HIPERS,
	CP_NIC_CTCA
};

/* ---- the whole -------------------------------------------------------------------- */

struct cp_capture_filter;

/* A trace's file. */
struct cp_trace_status {
	uint64_t frames, lost; /* written, and not */
	int error;	       /* 0, or the -errno that ended the writing */
};

enum cp_save { CP_SAVE_ALL, CP_SAVE_STATEMENT, CP_SAVE_NONE };

struct cp_hooks {
	/* Open a host port for an uplink and start it on link. @err: text for the reply.
	 * Return: a handle for close_uplink, or NULL and errno. zland supplies TAP here,
	 * tests supply a fake. */
	void *(*open_uplink)(void *ctx, const char *kind, const char *arg,
			     const struct vs_link *link, char *err, size_t err_len);
	void (*close_uplink)(void *ctx, void *uplink);
	/* SET DPDK ARGS. Return: 0 or -errno and a text. */
	int (*dpdk_args)(void *ctx, const char *args, char *err, size_t err_len);
	/* Text for QUERY VSWITCH: "Ready" or why not. */
	const char *(*uplink_state)(void *ctx, void *uplink);
	/* What else is to be said of it: a new object, or NULL. */
	json_t *(*uplink_device)(void *ctx, void *uplink);
	/* Make and unmake the socket of a NIC of another TYPE than QDIO. NULL: without.
	 * @err: text for the reply. Return: a handle for close_socket, or NULL and errno. */
	void *(*open_socket)(void *ctx, const char *user, uint16_t vdev, enum cp_nic_type type,
			     char *err, size_t err_len);
	void (*close_socket)(void *ctx, void *socket, enum cp_nic_type type);
	/* The accounts of its user have changed. */
	void (*socket_access)(void *ctx, void *socket, enum cp_nic_type type);
	/* Milliseconds of a monotonic clock. NULL: it stands still. */
	uint64_t (*now_ms)(void *ctx);
	/* Call cp_due at this time of that clock at the latest; replaces what was asked before. */
	void (*call_at)(void *ctx, uint64_t at_ms);
	/* On a worker, must not block: the control thread is to call cp_control_frames. */
	void (*frames)(void *ctx);
	/* The worker a port is to be served by: a new one, or one that was pinned. */
	struct vs_worker *(*pick_worker)(void *ctx, struct vs_port *p);
	/* All of them, for SET and QUERY WORKERS. NULL: there are none. */
	struct cp_workers *(*workers)(void *ctx);
	/* Something was changed by a command: the state file is to be rewritten. */
	void (*changed)(void *ctx);
	/* What was changed is about to be acknowledged: it is on disk on return. The control socket
	 * sees to that by itself; this is for what guests change. */
	void (*acknowledge)(void *ctx);
	/* Make something permanent: the configuration as it is (text), one statement (text), or
	 * nothing any more. @err: text for the reply. Return: 0 or -1. NULL: there is nowhere. */
	int (*save)(void *ctx, enum cp_save what, const char *text, char *err, size_t err_len);
	/* A switch is new: captures of all switches cover it as well. */
	void (*appeared)(void *ctx, struct vs_switch *sw);
	/* An accounting record: a line of JSON without its newline. */
	void (*account)(void *ctx, const char *line);
	/* A trace begins: write what it covers into a file of its name. @err: text for the reply.
	 * Return: a handle for the others, or NULL. */
	void *(*open_trace)(void *ctx, const char *id, const struct cp_capture_filter *filter,
			    char *err, size_t err_len);
	/* In place of what it covered before: a switch (NULL: nothing), or one port of it. */
	void (*cover_trace)(void *ctx, void *trace, struct vs_switch *sw, struct vs_port *port);
	void (*trace_status)(void *ctx, void *trace, struct cp_trace_status *s);
	void (*close_trace)(void *ctx, void *trace);
	/* SHUTDOWN was accepted. */
	void (*shutdown)(void *ctx);
	/* A line for the event log ("ZLN2830I ..."). */
	void (*log)(void *ctx, const char *line);
	/* A port (with its switch), or a switch (p is NULL), is about to be destroyed: captures on
	 * it must end before the return. */
	void (*forget)(void *ctx, struct vs_switch *sw, struct vs_port *p);
	void *ctx;
};

/* Return: an empty control program, or NULL and errno. Hooks may be NULL where not needed. */
struct cp *cp_create(const struct cp_hooks *hooks);
/* Uncouples and frees everything. NULL is legal. */
void cp_destroy(struct cp *cp);
/* Control frames (IGMP, MLD, GVRP) that workers put aside. */
void cp_punted(struct cp *cp, uint64_t now_ms);
/* Once a second: ageing. */
void cp_tick(struct cp *cp, uint32_t now_s);

/* Control frames have come in: LACP and its like are fed. */
void cp_control_frames(struct cp *cp);
/* Do what engines have to do by now, and ask for the next call (hooks.call_at). */
void cp_due(struct cp *cp);
/* The state of an open uplink (hooks.uplink_state) has changed. @handle: of hooks.open_uplink. */
void cp_uplink_changed(struct cp *cp, const void *handle);

/* ---- commands ------------------------------------------------------------------------ */

#define CP_CALLER_GROUPS 64

struct cp_caller {
	char user[9]; /* "OPERATOR" for root and zland's own uid; "": none */
	bool class_b;
	bool guest;   /* of this user's: it may act as him alone, whatever its account */
	bool has_ids; /* what follows is known: the account at the other end of a socket */
	uint32_t uid;
	unsigned n_gids; /* its group first, then its supplementary groups */
	uint32_t gid[CP_CALLER_GROUPS];
};

/*
 * May the caller act as the user? Class B may; whom a USER statement names may; where none names
 * the user, the account of the same name may.
 */
bool cp_caller_may(const struct cp *cp, const struct cp_caller *who, const char *user);
/*
 * Make the first user that USER statements give the caller who->user.
 * Return: false if they give him none and he is not class B; who is then unchanged.
 */
bool cp_caller_resolve(const struct cp *cp, struct cp_caller *who);

/* What a command answered. errors and text never overlap. */
struct cp_reply {
	int rc;	      /* 0, or the number of the first error message (nnnn of ZLNnnnnE) */
	char *text;   /* lines, each with its newline; never NULL after cp_execute */
	char *errors; /* "ZLN2040E VSWITCH SYSTEM FOO does not exist\n"..., "" if none */
	json_t *json; /* of a QUERY; an object with "ok" else */
};
void cp_reply_free(struct cp_reply *r);

/*
 * Execute one statement. A comment or blank line succeeds with empty text.
 * Return: reply->rc.
 */
int cp_execute(struct cp *cp, const struct cp_caller *who, const char *line, struct cp_reply *r);

/*
 * Execute the statements of a file (or only check them: nothing is changed and no uplink is
 * opened, but every statement sees the objects the earlier ones would have made). Errors are
 * handed to report as "FILE:LINE: ZLNnnnnE text".
 * Return: number of errors, or -errno if the file cannot be read.
 */
int cp_execute_file(struct cp *cp, const char *path, bool check_only,
		    void (*report)(void *ctx, const char *text), void *ctx);

/* The same of an open file. @fd: consumed; negative if its open failed, with errno. @name: in
 * reports.
 */
int cp_execute_fd(struct cp *cp, int fd, const char *name, bool check_only,
		  void (*report)(void *ctx, const char *text), void *ctx);

/* The running configuration as statements that recreate it. Caller frees. */
char *cp_configuration(const struct cp *cp);

/*
 * Completion: candidates for the last word of line, one a line, for the shell. Caller frees.
 */
char *cp_complete(struct cp *cp, const char *line);

/* ---- attaching a guest (the channel socket) -------------------------------------------- */

/* What a client without an adapter in this process is told. */
struct cp_nic_client {
	/* "port socket": shown by QUERY NIC. Static. */
	const char *kind;
	enum cp_nic_type type;	  /* of the NICs it may have */
	const struct hs_far *far; /* of HiperSockets: the guest's adapter is made with it */
	/* Pairs of queues in use. NULL: it has none. */
	unsigned (*queue_pairs)(void *ctx);
	/* The NIC was coupled; or its port is about to go, and nothing may use it on return. Not
	 * called from inside cp_nic_attach_port. */
	void (*coupled)(void *ctx, bool on);
	/* The NIC is about to go (DETACH NIC, SHUTDOWN): it may not be used on return. */
	void (*revoked)(void *ctx);
	void *ctx;
};

/*
 * The NIC a client names. Return: the NIC, or NULL and errno (ENOENT: no such NIC, err says what to
 * do; EBUSY: already attached; EPERM).
 */
struct cp_nic *cp_nic_attach(struct cp *cp, const struct cp_caller *who, const char *user,
			     uint16_t vdev, const struct qdio_env_ops *env_ops, void *env,
			     char *err, size_t err_len);
/* Its adapter, from attach to detach. */
struct osa *cp_nic_adapter(struct cp_nic *nic);
/* The client is gone: the adapter is destroyed or the port stopped; the NIC stays, coupled as it
 * was. */
void cp_nic_detach(struct cp_nic *nic);
/*
 * Attach somebody whose adapter is not here (the port socket). The NIC's port is his, by
 * cp_nic_link, whenever the NIC is coupled.
 * Return: as cp_nic_attach.
 */
struct cp_nic *cp_nic_attach_port(struct cp *cp, const struct cp_caller *who, const char *user,
				  uint16_t vdev, const struct cp_nic_client *client, char *err,
				  size_t err_len);
/* Return: whether the NIC is coupled; then link reaches its port, until coupled(ctx, false). */
bool cp_nic_link(struct cp_nic *nic, struct vs_link *link);
/* Of HiperSockets, else NULL: hs_far_layer, hs_iqd_ops. */
struct hs_adapter *cp_nic_hipers(struct cp_nic *nic);
/* The same, while it is coupled; else -1. */
int cp_nic_mfs(const struct cp_nic *nic);

#define CP_GUEST_COMMAND_BYTES 240 /* as long as z/VM's DIAGNOSE X'08' takes */
#define CP_GUEST_ANSWER_BYTES 32512

enum cp_guest_output { CP_OUTPUT_TEXT, CP_OUTPUT_MESSAGES, CP_OUTPUT_JSON };

/*
 * A command of the guest at the NIC, with its user's authority: class G, and nobody else's objects.
 * The NIC, and whoever is attached to it, may be gone on return.
 * @text: n bytes of the client's; ends at the first NUL. @json: its answer as JSON.
 * @out: is given the answer in pieces, if the command was executed.
 * Return: 0, or an errno and a reason: EBADRQC: the command was refused (messages have been
 * given to out), EMSGSIZE: it was executed, but its answer is too long; EINVAL.
 */
int cp_guest_command(struct cp_nic *nic, const char *text, size_t n, bool json,
		     void (*out)(void *ctx, enum cp_guest_output what, const char *p, size_t n),
		     void *ctx, char *err, size_t err_len);

/* The address the NIC was given. */
void cp_nic_mac(const struct cp_nic *nic, uint8_t mac[6]);
/* DETACH NIC, SHUTDOWN: called before the adapter of an attached client is destroyed by a command.
 * The channel must drop its connection and not use the adapter again. */
void cp_nic_set_revoked(struct cp_nic *nic, void (*fn)(void *env), void *env);

/* ---- look-ups for captures ---------------------------------------------------------------- */

/* @name: "VSW1" or "OWNER.LAN". Return: the switch or NULL. */
struct vs_switch *cp_find_switch(struct cp *cp, const char *name);
/* @nic: "USER/VDEV". Return: its port and switch, or NULL if it does not exist or is uncoupled. */
struct vs_port *cp_find_port(struct cp *cp, const char *nic, struct vs_switch **sw);
/*
 * Every virtual switch, guest LAN and pair of CTCAs, for a capture of all of them. Return: entries
 * stored (at most max).
 */
unsigned cp_switches(struct cp *cp, struct vs_switch **out, unsigned max);

#endif
