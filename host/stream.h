/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ports over a UNIX socket in the two framings of QEMU: -netdev stream (a stream in which every
 * frame follows its length) and -netdev dgram (a frame is a datagram).
 * Source: QEMU net/stream.c, net/dgram.c, net/net.c (net_fill_rstate): the length is 4 bytes,
 * big-endian, without itself.
 */
#ifndef HOST_STREAM_H
#define HOST_STREAM_H

#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>

#include "vswitch/port.h"

struct host_stream;
struct host_dgram;

/*
 * @fd: a connected SOCK_STREAM socket, owned by the port, unless this fails.
 * Return: the port, or NULL and errno.
 */
struct host_stream *host_stream_create(int fd);
/* Not started, or stopped. NULL is legal. */
void host_stream_destroy(struct host_stream *s);
const struct vs_port_ops *host_stream_ops(void);
/*
 * Throw away the frames that were sent so far, also the one of which only a part has come. Not
 * started.
 */
void host_stream_drain(struct host_stream *s);
/* Has the peer sent what is no frame, so that the stream cannot be followed? Any thread. */
bool host_stream_broken(const struct host_stream *s);

/*
 * @fd: a bound SOCK_DGRAM socket; stays the caller's and outlives the port.
 * @peer: who is answered, until a datagram comes from another address of the same account.
 * @uid: whose datagrams are taken (SO_PASSCRED must be on), and who must own the peer's socket.
 * Return: the port, or NULL and errno (EDESTADDRREQ: not an absolute path; EPERM: a link, or not a
 * socket of uid's).
 */
struct host_dgram *host_dgram_create(int fd, const struct sockaddr_un *peer, socklen_t peer_len,
				     uid_t uid);
void host_dgram_destroy(struct host_dgram *d);
const struct vs_port_ops *host_dgram_ops(void);
void host_dgram_drain(struct host_dgram *d);
/* Is nobody bound to the peer's address any more? Any thread. */
bool host_dgram_lost(const struct host_dgram *d);

/*
 * Who sent the next datagram; it stays where it is.
 * Return: 0, -EAGAIN, or -errno (-EDESTADDRREQ: a sender without an address cannot be answered; the
 * datagram was thrown away).
 */
int host_dgram_peek(int fd, struct sockaddr_un *peer, socklen_t *peer_len, struct ucred *cred);

#endif
