/* SPDX-License-Identifier: Apache-2.0 */
/* Private to the port socket: a connection and the port behind its data socket. */
#ifndef CP_PORTSOCK_PRIV_H
#define CP_PORTSOCK_PRIV_H

#include <stdbool.h>
#include <stdint.h>

#include "cp/conn.h"
#include "cp/port_wire.h"
#include "cp/portsock.h"

/* ---- frames (portsock_port.c) ----------------------------------------------------------- */

struct portsock_port;

enum portsock_kind {
	PORTSOCK_FRAMES,
	PORTSOCK_UNITS,		/* of HiperSockets */
	PORTSOCK_UNITS_RESULTS, /* what comes of them is told */
};

#define PORTSOCK_FDS 2

/*
 * Make a data socket.
 * @client_fd: the client's ends, the socket's and the results'; the caller's to pass on and close.
 * @n: how many.
 * Return: the port, or NULL and errno.
 */
struct portsock_port *portsock_port_open(enum portsock_kind kind, int client_fd[PORTSOCK_FDS],
					 unsigned *n);
/* Not started, or stopped. NULL is legal. */
void portsock_port_close(struct portsock_port *p);
/* Throw away what the client has sent so far. The port is not started. */
void portsock_port_drain(struct portsock_port *p);
extern const struct vs_port_ops portsock_port_ops;
/* As of hs_far: a packet is a unit. */
uint32_t portsock_port_receive(struct portsock_port *p, const uint8_t **unit);
enum vs_drop portsock_port_send(struct portsock_port *p, const struct iovec *iov, unsigned n);
void portsock_port_results(struct portsock_port *p, const uint8_t *reason, unsigned n);
void portsock_port_want_room(struct portsock_port *p, bool want);

/* ---- a connection (portsock_conn.c) ------------------------------------------------------ */

struct portsock_conn {
	struct cp_conn conn; /* the first member */
	struct cp_portsock *ps;

	struct cp_nic *nic; /* attached; what follows is valid */
	struct cp_nic_client client;
	struct portsock_port *port;
	struct hs_far far; /* of HiperSockets */
	bool started;	   /* the NIC's port calls ours */
	unsigned version;
};

/* Return: the connection, or NULL and errno; fd is then still the caller's. */
struct portsock_conn *portsock_conn_open(struct cp_portsock *ps, int fd,
					 const struct cp_caller *who);

/* ---- HiperSockets (portsock_hipers.c) ----------------------------------------------------- */

/* The client is to be that of a NIC of HiperSockets. */
void portsock_hipers_open(struct portsock_conn *c);
/* enum port_mfs */
uint8_t portsock_hipers_mfs(const struct portsock_conn *c);
/* Requests; the NIC is coupled. Return: 0 or -errno. */
int portsock_hipers_layer3(struct portsock_conn *c, const struct port_layer3 *m);
int portsock_hipers_set(struct portsock_conn *c, const struct port_hipers *m);
int portsock_hipers_ipa(struct portsock_conn *c, const struct port_ipa *m);

/* Of the port socket (portsock.c). */
const struct cp_portsock_config *portsock_config(const struct cp_portsock *ps);
/* The connection that was adopted last, or NULL: for the fuzz target. */
struct portsock_conn *portsock_newest(const struct cp_portsock *ps);
/* The connection is about to be freed. */
void portsock_forget(struct cp_portsock *ps, struct portsock_conn *c);

#endif
