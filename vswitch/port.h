/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The border between a switch and what hangs on it: types and two tables of
 * operations, no code.
 *
 *   vs_port_ops  the switch calls down into a port (adapter, TAP, DPDK, ...)
 *   vs_link_ops  an adapter calls up into whatever stands behind its cable: the
 *                switch itself in zland, the port socket in an emulator
 *
 * A burst is a structure of arrays of up to VS_BURST frames. The frame's first
 * bytes are a private copy (head); the rest are references into memory that
 * stays put until rx_done. What was judged is what is delivered: every decision
 * is taken on head, and head is what the receiver gets. A guest that rewrites
 * its storage meanwhile only changes bytes nobody looked at.
 */
#ifndef VSWITCH_PORT_H
#define VSWITCH_PORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vswitch/drop.h"

#define VS_BURST 64	  /* frames of a burst */
#define VS_HEAD_BYTES 192 /* room for a frame's private first bytes */
#define VS_HEAD_MIN 64	  /* bytes a port snapshots of every longer frame */
#define VS_SEGS 1056	  /* references of a burst: 64 SBALs of 16 entries, some slack */
#define VS_FRAME_MAX                                                                               \
	65504u /* longest Ethernet frame, no FCS: 64 KiB - 32 (spec/osa-qeth.md 7.7)               \
		*/
/* Longest frame handed over uncut to a port that takes large ones: leaves room for the receiver's
 * segmentation header and a tag. */
#define VS_GSO_FRAME_MAX (VS_FRAME_MAX - 36u)

/* Smallest gso_size a port may ask for: a frame must not become tens of thousands of segments. */
#define VS_GSO_SIZE_MIN 48u

/* Flags of a frame (vs_burst.flags). */
enum vs_frame_flag {
	VS_F_CSUM_NEEDED = 1u << 0, /* TCP/UDP checksum is to be computed: csum_start, csum_offset.
				       The field holds the pseudo-header sum. */
	VS_F_CSUM_VALID = 1u << 1,  /* TCP/UDP checksum is known to be right */
	VS_F_GSO_TCP4 = 1u << 2,    /* to be cut into segments of gso_size bytes of payload; */
	VS_F_GSO_TCP6 = 1u << 3,    /* implies VS_F_CSUM_NEEDED, which is set as well */
	VS_F_GSO = VS_F_GSO_TCP4 | VS_F_GSO_TCP6,
};

struct vs_seg {
	const uint8_t *p;
	uint32_t len;
};

/* In how much all frames of a burst are as the first one (vs_burst.same). */
enum vs_same {
	VS_SAME_NOTHING,   /* or not known */
	VS_SAME_ADDRESSES, /* addresses and type */
	VS_SAME_IP, /* and the byte behind: an IP header's version, and the length of an IPv4 one */
};

/*
 * Frame i is head[i][0 .. headlen[i]) followed by the bytes of
 * seg[seg0[i] .. seg0[i] + nseg[i]). len[i] is the sum: Ethernet header to end,
 * no FCS. headlen is min(len, VS_HEAD_MIN), or more when the frame carries
 * offload flags: then all headers through layer 4 lie in head.
 */
struct vs_worker;

struct vs_burst {
	unsigned n;
	unsigned nseg_used;	  /* entries of seg[] in use */
	struct vs_worker *worker; /* whose scratch it is; NULL: nobody's */
	unsigned hold; /* set by the switch: rx_burst yields at most VS_BURST - hold frames,
			  if the port can do with fewer */
	uint32_t len[VS_BURST];
	uint16_t headlen[VS_BURST];
	uint16_t seg0[VS_BURST];
	uint8_t nseg[VS_BURST];
	uint8_t flags[VS_BURST];
	uint16_t csum_start[VS_BURST];	/* offset of the TCP/UDP header in the frame */
	uint16_t csum_offset[VS_BURST]; /* offset of the checksum field from csum_start */
	uint16_t gso_size[VS_BURST];	/* payload bytes of a segment */
	uint16_t hdrlen[VS_BURST];	/* with VS_F_GSO: bytes of headers, Ethernet through TCP */
	uint16_t tci[VS_BURST];		/* set by the switch: VID in 0x0FFF, PCP and DEI above it */
	/*
	 * A bit for a frame: headlen is VS_HEAD_MIN, flags are 0, nseg is at most 1. rx_burst finds
	 * it 0 and may set what it knows; who delivers may then skip looking.
	 */
	uint64_t plain;
	uint32_t plain_max, plain_bytes; /* of the frames with that bit: longest, all together */
	/* Not 0: all frames have that bit, go to one address each (not to a group) and are so long.
	 */
	uint32_t uniform;
	uint8_t same; /* enum vs_same: how all frames begin as the first one does */
	_Alignas(64) uint8_t head[VS_BURST][VS_HEAD_BYTES];
	struct vs_seg seg[VS_SEGS];
};

/* As rx_burst finds it: nothing is known of the frames that will be in it. */
static inline void vs_burst_forget(struct vs_burst *b)
{
	b->plain = b->plain_max = b->plain_bytes = b->uniform = 0;
	b->same = VS_SAME_NOTHING;
}

/* What happens to a frame's 802.1Q tag on its way out of one port. */
enum vs_edit {
	VS_EDIT_NONE,  /* as it came */
	VS_EDIT_STRIP, /* remove the outer tag */
	VS_EDIT_PUSH,  /* insert a tag with tci[i] behind the source address */
	VS_EDIT_RETAG, /* replace the outer tag's TCI by tci[i] */
};

/* One frame of a burst, for one destination. */
struct vs_ref {
	uint8_t frame; /* index in the burst */
	uint8_t edit;  /* enum vs_edit */
};

/* What a port can do by itself; what it lacks the switch does while copying. */
enum vs_port_cap {
	VS_CAP_CSUM_NEEDED = 1u << 0, /* takes frames with VS_F_CSUM_NEEDED */
	VS_CAP_GSO_TCP4 = 1u << 1,    /* takes frames with VS_F_GSO_TCP4 */
	VS_CAP_GSO_TCP6 = 1u << 2,
};

/*
 * A port that delivers by itself (vs_port_ops.forward): how it tells the switch what it did, so
 * that counters and captures are those of every port. @link: the vs_link's ctx of the port the
 * frames came from or went to, of the same switch; but enter takes any port of any switch.
 */
struct vs_direct_ops;

struct vs_direct {
	const struct vs_direct_ops *ops;
	struct vs_worker *w;
	bool captured; /* somebody watches: capture is to be called */
};

enum vs_direct_dir { VS_DIRECT_RX, VS_DIRECT_TX }; /* from a port, to a port */

struct vs_tally {
	enum vs_direct_dir dir;
	enum vs_drop why; /* VS_DROP_NONE: not dropped */
	uint64_t frames, bytes, mcast;
};

struct vs_direct_ops {
	void (*count)(const struct vs_direct *d, void *link, const struct vs_tally *t);
	/* One frame as Ethernet, of a VLAN (0: none), in n pieces; n <= VS_SEGS. */
	void (*capture)(const struct vs_direct *d, void *link, enum vs_direct_dir dir,
			enum vs_drop why, uint16_t vid, const struct vs_seg *seg, unsigned n);
	/* After vs_link_ops.direct: all frames are told of. */
	void (*done)(const struct vs_direct *d, void *link);
	/* A burst to be filled as by rx_burst, and then: a port of a switch where it comes in. One
	 * thread at a time for a port, which no worker may serve. */
	struct vs_burst *(*burst)(const struct vs_direct *d);
	void (*enter)(const struct vs_direct *d, void *link);
};

/*
 * Down: the switch calls a port. One worker at a time calls rx_burst, rx_done,
 * arm and disarm; tx_burst may be called by several workers at once.
 */
struct vs_port_ops {
	const char *kind; /* "OSD", "TAP", ...: shown by QUERY */

	/*
	 * Fill b->n frames and their arrays up to gso_size (the switch owns tci).
	 * The referenced memory stays put until rx_done. Malformed input is the
	 * port's to drop and count (dropped[], by enum vs_drop).
	 * Return: frames in the burst, 0 if there is nothing to do. Never blocks.
	 */
	unsigned (*rx_burst)(void *port, struct vs_burst *b, uint64_t *dropped);

	/* Every frame of the last rx_burst has been delivered or dropped. */
	void (*rx_done)(void *port, const struct vs_burst *b);

	/*
	 * Copy the n frames out, in this order, and signal the receiver once. A
	 * frame that finds no room is not waited for. Frames never carry offload
	 * flags the port has not claimed in caps.
	 * @err: why the first frame not taken was not taken. After VS_DROP_TX_TOO_BIG,
	 * VS_DROP_TX_ERROR and VS_DROP_TX_QUEUE_FULL the switch goes on with the frame behind it;
	 * after any other reason it gives the rest up as well.
	 * Return: frames taken, from the first on.
	 */
	unsigned (*tx_burst)(void *port, const struct vs_burst *b, const struct vs_ref *ref,
			     unsigned n, enum vs_drop *err);

	/*
	 * Before the worker sleeps: ask to be woken through wait_fd, then look once
	 * more (with a full barrier between). Return: true if there is work.
	 */
	bool (*arm)(void *port);
	void (*disarm)(void *port);

	/* Descriptor that polls readable when there is work after arm, or -1. */
	int (*wait_fd)(void *port);

	/* enum vs_port_cap bits, and the longest frame the port takes; may change at run time. */
	unsigned (*caps)(void *port);
	uint32_t (*frame_max)(void *port);

	/* Optional: bytes of an IP packet that the device's network takes, where that is less than
	 * what the port does; 0: not known. May change at run time. */
	uint32_t (*mtu)(void *port);

	/*
	 * Optional, in place of rx_burst, rx_done and tx_burst: a port whose frames do not pass
	 * through the switch. Take and deliver a burst of them.
	 * Return: frames taken, or other work done; 0: there was nothing.
	 */
	unsigned (*forward)(void *port, const struct vs_direct *d);
};

/* What an adapter says of an IP address (vs_link_ops.ip_add). */
enum vs_ip_flag {
	VS_IP_VIPA = 1u << 0,	  /* not to be announced */
	VS_IP_TAKEOVER = 1u << 1, /* may be taken from another that allows it */
};

enum vs_routing { VS_ROUTING_NONE, VS_ROUTING_PRIMARY, VS_ROUTING_SECONDARY };

/*
 * Up: an adapter calls its link. All calls come from the control thread that
 * drives the adapter; none of them blocks for longer than a grace period.
 * Return: 0 or -EEXIST (address registered elsewhere), -ENOSPC (table full),
 * -EPERM (not authorised), -ENOENT (not registered), -EINVAL.
 */
struct vs_link_ops {
	/* The data path may now call ops(port). */
	int (*start)(void *link, const struct vs_port_ops *ops, void *port);
	/* On return nobody is inside ops and nobody will call it again; the
	 * addresses registered through this link are gone. */
	void (*stop)(void *link);
	/* Unicast or group address, by its I/G bit. Adding one's own again succeeds. */
	int (*mac_add)(void *link, const uint8_t mac[6]);
	int (*mac_del)(void *link, const uint8_t mac[6]);
	int (*vid_add)(void *link, uint16_t vid);
	int (*vid_del)(void *link, uint16_t vid);
	int (*promisc)(void *link, bool on);

	/*
	 * Optional, of layer 3. layer comes before start and says what the host speaks.
	 * Return: 0 or -EPROTONOSUPPORT: not there; start would say the same.
	 */
	int (*layer)(void *link, unsigned layer);
	/* An address of the host: 16 bytes, IPv4 as ::ffff:a.b.c.d. @flags: enum vs_ip_flag. */
	int (*ip_add)(void *link, const uint8_t addr[16], unsigned flags);
	int (*ip_del)(void *link, const uint8_t addr[16]);
	/* Packets for addresses that nobody has. -EEXIST: another port is that router. */
	int (*routing)(void *link, bool v6, enum vs_routing type);
	/*
	 * Optional. A worker, inside tx_burst of a port that delivers by itself to ports of link's
	 * switch: how to tell that switch. done ends it. Return: false: nobody counts.
	 */
	bool (*direct)(void *link, const struct vs_burst *b, struct vs_direct *d);
};

struct vs_link {
	const struct vs_link_ops *ops;
	void *ctx;
};

#endif
