/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames between the TAP and the queues, one copy each way: the kernel copies
 * straight into output SBALs and out of input SBALs.
 *
 * Packing: a frame that finds the output queue empty goes out alone at once. While
 * the adapter is busy with others, what the TAP has waiting shares an SBAL. Nothing
 * waits for a frame that is not there.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include "guest/nic.h"

#define RX_BATCH 64u
#define TX_BATCH 64u
#define LARGE 8192u /* bytes of an SBAL from which it is closed: the next frame may be long */
#define TAP_FRAME_MAX 65550u

/* ---- from the adapter ------------------------------------------------------------------- */

static void write_frame(struct nic *n, const struct guest_rx *rx)
{
	struct virtio_net_hdr h = {0};
	struct iovec iov[2] = {{&h, sizeof(h)}, {(void *)(uintptr_t)rx->data, rx->len}};

	if (rx->flags & GUEST_RX_CSUM_VALID)
		h.flags = VIRTIO_NET_HDR_F_DATA_VALID;
	if (rx->flags & GUEST_RX_CSUM_PARTIAL && !vnet_to_tap(&h, rx)) {
		n->rx_dropped++;
		return;
	}
	/* An interface that is down refuses: as a cable whose other end is off. */
	if (writev(n->tap.fd, iov, 2) < 0)
		n->rx_dropped++;
}

bool nic_pump_rx(struct nic *n)
{
	struct guest_rx rx[RX_BATCH];
	unsigned k;

	if (!n->polling)
		return false;
	k = guest_rx_burst(n->dev, rx, RX_BATCH);
	for (unsigned i = 0; i < k; i++) {
		if (n->layer == 3)
			nic_write_packet(n, &rx[i]);
		else
			write_frame(n, &rx[i]);
	}
	guest_rx_release(n->dev);
	if (k)
		return true;
	n->polling = guest_rx_stop(n->dev);
	return n->polling;
}

/* ---- to the adapter ------------------------------------------------------------------------ */

/* Joining and leaving groups is announced by these: look at the list at once. */
static bool is_membership_report(const uint8_t *frame)
{
	static const uint8_t igmp3[6] = {0x01, 0x00, 0x5E, 0x00, 0x00, 0x16};
	static const uint8_t mld2[6] = {0x33, 0x33, 0x00, 0x00, 0x00, 0x16};

	return (frame[0] & 1) && (memcmp(frame, igmp3, 6) == 0 || memcmp(frame, mld2, 6) == 0);
}

struct tx {
	struct guest_slot slot;
	bool open;
};

static bool open_slot(struct nic *n, struct tx *tx)
{
	if (!tx->open)
		tx->open = guest_slot_open(n->dev, 0, &tx->slot);
	return tx->open;
}

/* The slot goes out now. */
static void close_slot(struct nic *n, struct tx *tx)
{
	if (!tx->open)
		return;
	guest_slot_commit(n->dev, &tx->slot);
	guest_tx_flush(n->dev, 0);
	tx->open = false;
}

/* Where the next frame may be read to. Return: NULL: the queue is full. */
static uint8_t *room_for_frame(struct nic *n, struct tx *tx, uint32_t *room)
{
	uint8_t *p;

	if (!open_slot(n, tx))
		return NULL;
	p = guest_slot_room(&tx->slot, room);
	if (p)
		return p;
	close_slot(n, tx);
	return open_slot(n, tx) ? guest_slot_room(&tx->slot, room) : NULL;
}

static bool add(struct tx *tx, uint32_t len, const struct vnet_out *v)
{
	return guest_slot_add(&tx->slot, len, v->flags, v->hdrlen, v->mss);
}

/*
 * A frame that does not fit behind the others moves to an SBAL of its own.
 * @p: its bytes up to head; the rest is in the spill buffer.
 */
static uint8_t *move(struct nic *n, struct tx *tx, const uint8_t *p, uint32_t head, uint32_t len)
{
	uint32_t room;
	uint8_t *to;

	if (!tx->slot.frames || len > GUEST_FRAME_MAX)
		return NULL;
	close_slot(n, tx);
	to = open_slot(n, tx) ? guest_slot_room(&tx->slot, &room) : NULL;
	if (!to || len > room)
		return NULL;
	memcpy(to, p, head);
	memcpy(to + head, n->spill, len - head);
	return to;
}

/* len bytes were read: head of them to p, what had no room there to the spill buffer. */
static bool take_frame(struct nic *n, struct tx *tx, const struct virtio_net_hdr *h, uint8_t *p,
		       uint32_t room, uint32_t len)
{
	uint32_t head = len < room ? len : room;
	struct vnet_out v;

	if (head < len) {
		p = move(n, tx, p, head, len);
		if (!p)
			return false;
	}
	if (!vnet_from_tap(h, p, len, n->info.tx_checksum, &v))
		return false;
	if (is_membership_report(p))
		n->look = true;
	if (add(tx, len, &v))
		return true;
	/* The entries left did not suffice. */
	p = move(n, tx, p, len, len);
	return p && add(tx, len, &v);
}

/* Is the slot not to wait for the next frame of the TAP? */
static bool send_now(struct nic *n, const struct tx *tx)
{
	if (tx->slot.used >= LARGE)
		return true;
	guest_tx_reclaim(n->dev, 0);
	return guest_tx_busy(n->dev, 0) == 0;
}

bool nic_pump_tx(struct nic *n)
{
	struct virtio_net_hdr h;
	struct tx tx = {.open = false};
	unsigned i;
	uint32_t room = 0;
	uint8_t *p;
	ssize_t got;

	if (n->iqd || n->layer == 3)
		return nic_pump_tx_iqd(n);
	for (i = 0; i < TX_BATCH; i++) {
		p = room_for_frame(n, &tx, &room);
		n->tx_blocked = !p;
		if (!p)
			break;
		struct iovec iov[3] = {
			{&h, sizeof(h)}, {p, room}, {n->spill, TAP_FRAME_MAX - room}};
		got = readv(n->tap.fd, iov, room < TAP_FRAME_MAX ? 3 : 2);
		if (got < (ssize_t)sizeof(h)) {
			n->look |= got < 0 && errno == EBADFD; /* deleted: nic_settings ends us */
			break;
		}
		if (!take_frame(n, &tx, &h, p, room, (uint32_t)got - (uint32_t)sizeof(h)))
			n->tx_dropped++;
		if (tx.open && tx.slot.frames && send_now(n, &tx))
			close_slot(n, &tx);
	}
	close_slot(n, &tx);
	return i == TX_BATCH;
}
