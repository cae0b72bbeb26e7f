/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bandwidth. Theory of operation:
 *
 * What a port sends into the switch is limited by not asking it for more: a port in debt is
 * passed over until its tokens return, and its frames stay where they are, with the guest. So
 * nothing is dropped and TCP sees a slow link. What goes to a port is limited by a queue: while
 * there are tokens and nobody waits, frames go straight through; the others are copied into a
 * ring and sent by the port's worker when their time comes. A full queue drops and counts.
 *
 * The uplink's queue has classes when priorities or guarantees are in use, and also takes the
 * frames for which the device has no room at the moment. A few control frames go first, more are as
 * HIGH (guests send them too); then ports that have not had their guaranteed share, each from a
 * queue of its own, so that none of its frames overtakes another; then HIGH, NORMAL and LOW by
 * weights (16:4:1), which hold only while frames wait: an uplink that keeps up has no queue and
 * costs nothing.
 *
 * A bucket may go into debt by one fetch; the mean rate is exact all the same, because debts are
 * paid before anything else goes. Fetches ask for few frames when tokens are few (vs_burst.hold).
 *
 * Threads: buckets are single words. Queues have a spin lock, held for copies of single frames in
 * and for looking at headers out; sending is done without it, by the port's worker alone. Frames
 * in hand stay in the ring until they are sent, so frames behind them queue up and keep the order.
 *
 * Limits: VS_GUARANTEES_MAX guarantees of a switch; a queue holds 20 ms of its rate, 32 KiB at
 * least, 4 MiB at most.
 */
#include "vswitch/kept.h"
#include "vswitch/lag.h"
#include "vswitch/vs_priv.h"

#include <errno.h>
#include <stdlib.h>

#include "common/be.h"

#define QUEUE_NS 20e6
#define QUEUE_MIN 32768u
#define QUEUE_MAX (4u << 20)
#define RETRY_NS 50000u /* the device had no room */
#define QUANTUM 2048
#define CONTROL_BPS 1000000u /* of control frames that go before all else */
#define FRAMES_A_TURN 256u   /* sent from a queue before the worker looks at other ports */

static const int weight[VS_CLASSES] = {
	[VS_CLASS_LOW] = 1, [VS_CLASS_NORMAL] = 4, [VS_CLASS_HIGH] = 16, [VS_CLASS_CONTROL] = 16};

/* A frame in a ring, its bytes behind it; a multiple of 8 together. frame.len 0: fills the end. */
struct record {
	uint32_t size;
	struct kept frame;
};

static_assert(sizeof(struct record) == 24, "record");

struct queue {
	uint8_t *mem;
	uint32_t cap, head, tail, used;
	uint32_t limit; /* of bytes */
	uint32_t bytes, frames;
	enum vs_class class;
	struct bucket guarantee; /* of a port's own queue */
	const struct vs_port *owner;
};

struct shaper {
	_Atomic(struct vs_port *) p; /* whose worker fetches by it and sends; NULL: nobody now */
	struct lane in, out;
	_Atomic bool in_limited, queues;
	bool keep; /* refused frames wait: an uplink with classes */
	_Atomic int priority;
	uint32_t frame_bytes; /* the longest of the last fetch */
	_Atomic uint64_t held, waited;

	pthread_spinlock_t lock; /* all below */
	_Atomic unsigned backlog;
	_Atomic uint64_t out_due;
	struct queue q[VS_CLASSES];
	struct queue *own[VS_GUARANTEES_MAX]; /* of ports with a guarantee */
	unsigned turn;			      /* among queues of one class */
	int deficit[VS_CLASSES];
};

/* ---- rings -------------------------------------------------------------------------- */

static int queue_make(struct queue *q, uint32_t limit)
{
	uint32_t cap = 2 * (limit > VS_FRAME_MAX ? limit : 2 * VS_FRAME_MAX);

	q->limit = limit;
	if (q->mem)
		return 0; /* what waits stays; a longer limit is bounded by the ring */
	q->cap = (cap + 7) & ~7u;
	q->mem = malloc(q->cap);
	return q->mem ? 0 : -ENOMEM;
}

static bool queue_put(struct queue *q, const struct vs_burst *b, struct vs_ref ref)
{
	uint32_t len = b->len[ref.frame];
	uint32_t size = (uint32_t)(sizeof(struct record) + len + 7) & ~7u;
	uint32_t end = q->cap - q->tail;
	struct record r = {.size = size, .frame = kept_of(b, ref)};

	if (!q->mem || (q->frames && q->bytes + len > q->limit) ||
	    q->used + size + (end < size ? end : 0) > q->cap)
		return false;
	if (end < size) {
		const uint32_t filler[2] = {end, 0};

		memcpy(q->mem + q->tail, filler, sizeof(filler));
		q->used += end;
		q->tail = 0;
	}
	memcpy(q->mem + q->tail, &r, sizeof(r));
	kept_copy(q->mem + q->tail + sizeof(r), b, ref.frame);
	q->tail = (q->tail + size) % q->cap;
	q->used += size;
	q->bytes += len;
	q->frames++;
	return true;
}

static uint32_t skip_filler(const struct queue *q, uint32_t at, uint32_t *filler)
{
	uint32_t head[2];

	memcpy(head, q->mem + at, sizeof(head));
	*filler = head[1] ? 0 : head[0];
	return head[1] ? at : 0;
}

/* The first frames of the queue as a burst: at least one, then as many as bytes allow. */
static unsigned queue_look(const struct queue *q, uint64_t bytes, struct vs_burst *b,
			   struct vs_ref *ref)
{
	uint32_t at = q->head, filler;

	b->n = b->nseg_used = 0;
	for (unsigned i = 0; i < VS_BURST && i < q->frames; i++) {
		struct record r;

		at = skip_filler(q, at, &filler);
		memcpy(&r, q->mem + at, sizeof(r));
		if (i && r.frame.len > bytes)
			break;
		bytes -= r.frame.len < bytes ? r.frame.len : bytes;
		ref[i] = kept_append(b, &r.frame, q->mem + at + sizeof(r));
		at = (at + r.size) % q->cap;
	}
	return b->n;
}

static void queue_drop_first(struct queue *q, unsigned n)
{
	for (; n; n--) {
		uint32_t filler;
		struct record r;

		q->head = skip_filler(q, q->head, &filler);
		memcpy(&r, q->mem + q->head, sizeof(r));
		q->used -= r.size + filler;
		q->head = (q->head + r.size) % q->cap;
		q->bytes -= r.frame.len;
		q->frames--;
	}
}

/* ---- what a frame is worth ------------------------------------------------------------ */

uint32_t shape_wire_bytes(const struct vs_burst *b, unsigned i)
{
	uint32_t len = b->len[i];

	if (b->flags[i] & VS_F_GSO && b->gso_size[i] && len > b->hdrlen[i])
		len += (len - b->hdrlen[i] - 1) / b->gso_size[i] * b->hdrlen[i];
	return len;
}

/* The same behind the change of its tag. */
static uint32_t sent_bytes(const struct vs_burst *b, struct vs_ref ref)
{
	uint32_t len = shape_wire_bytes(b, ref.frame);

	return ref.edit == VS_EDIT_PUSH	   ? len + VLAN_HLEN
	       : ref.edit == VS_EDIT_STRIP ? len - VLAN_HLEN
					   : len;
}

static enum vs_class class_of_pcp(unsigned pcp)
{
	/* IEEE 802.1Q: 1 is background, below 0; 2 spare; 4 and above are for what may not wait. */
	return pcp >= 4 ? VS_CLASS_HIGH : pcp == 1 || pcp == 2 ? VS_CLASS_LOW : VS_CLASS_NORMAL;
}

/* Return: the DSCP, or -1 for a frame without one. */
static int dscp_of(const struct vs_burst *b, unsigned i)
{
	const uint8_t *h = b->head[i];
	unsigned at = 12, type = be16_load(h + at);

	if (type == ETHERTYPE_VLAN && b->headlen[i] >= ETH_HLEN + VLAN_HLEN) {
		at += VLAN_HLEN;
		type = be16_load(h + at);
	}
	if (b->headlen[i] < at + 4)
		return -1;
	if (type == 0x0800)
		return h[at + 3] >> 2;
	if (type == 0x86DD)
		return (h[at + 2] << 4 | h[at + 3] >> 4) >> 2 & 0x3F;
	return -1;
}

static enum vs_class class_of_dscp(unsigned dscp)
{
	/* RFC 4594: CS1 and LE are background; EF, CS4 and above may not wait. */
	if (dscp >= 32)
		return VS_CLASS_HIGH;
	return dscp == 8 || dscp == 1 ? VS_CLASS_LOW : VS_CLASS_NORMAL;
}

/* Groups that belong to link protocols: LACP, LLDP, GVRP, MVRP. */
static bool is_control(const struct vs_burst *b, unsigned i)
{
	static const uint8_t prefix[5] = {0x01, 0x80, 0xC2, 0x00, 0x00};

	return !memcmp(b->head[i], prefix, sizeof(prefix));
}

static enum vs_class class_of(const struct shaper *s, const struct vs_port *from,
			      const struct vs_burst *b, struct vs_ref ref)
{
	int how = atomic_load_explicit(&s->priority, memory_order_relaxed);
	unsigned i = ref.frame;
	bool tagged = be16_load(b->head[i] + 2 * ETH_ALEN) == ETHERTYPE_VLAN;
	int dscp = how == VS_PRIORITY_DSCP ? dscp_of(b, i) : -1;

	if (is_control(b, i))
		return VS_CLASS_CONTROL;
	if (how == VS_PRIORITY_OFF)
		return VS_CLASS_NORMAL;
	if (how == VS_PRIORITY_PCP && tagged)
		return class_of_pcp(b->tci[i] >> 13);
	if (dscp >= 0)
		return class_of_dscp((unsigned)dscp);
	return (enum vs_class)atomic_load_explicit(&from->class, memory_order_relaxed);
}

/* ---- queues, lock held ------------------------------------------------------------------ */

static struct queue *queue_for(struct shaper *s, const struct vs_port *from,
			       const struct vs_burst *b, struct vs_ref ref)
{
	unsigned own = atomic_load_explicit(&from->guarantee_queue, memory_order_relaxed);
	enum vs_class class = s->keep ? class_of(s, from, b, ref) : VS_CLASS_NORMAL;

	if (s->keep && own && class != VS_CLASS_CONTROL && s->own[own - 1])
		return s->own[own - 1];
	return &s->q[class];
}

static struct queue *guaranteed(struct shaper *s, uint64_t now)
{
	uint64_t due = UINT64_MAX;

	for (unsigned k = 0; k < VS_GUARANTEES_MAX; k++) {
		struct queue *q = s->own[(s->turn + k) % VS_GUARANTEES_MAX];

		if (q && q->frames && bucket_bytes(&q->guarantee, now, &due))
			return q;
	}
	return NULL;
}

/* A queue of the class with frames, in turn. */
static struct queue *of_class(struct shaper *s, enum vs_class class)
{
	for (unsigned k = 0; k <= VS_GUARANTEES_MAX; k++) {
		unsigned at = (s->turn + k) % (VS_GUARANTEES_MAX + 1);
		struct queue *q = at < VS_GUARANTEES_MAX ? s->own[at] : &s->q[class];

		if (q && q->frames && q->class == class)
			return q;
	}
	return NULL;
}

/* The queue whose frames go next; there is one. @bytes: lowered to its share. */
static struct queue *pick(struct shaper *s, uint64_t now, uint64_t *bytes)
{
	uint64_t due = UINT64_MAX;
	struct queue *q;

	s->turn++;
	if (!s->keep)
		return &s->q[VS_CLASS_NORMAL];
	q = &s->q[VS_CLASS_CONTROL];
	if (q->frames && bucket_bytes(&q->guarantee, now, &due))
		return q;
	q = guaranteed(s, now);
	if (q)
		return q;
	for (;;) {
		for (int c = VS_CLASS_CONTROL; c >= VS_CLASS_LOW; c--) {
			q = of_class(s, (enum vs_class)c);
			if (!q) {
				s->deficit[c] = 0;
			} else if (s->deficit[c] > 0) {
				if ((uint64_t)s->deficit[c] < *bytes)
					*bytes = (uint64_t)s->deficit[c];
				return q;
			}
		}
		for (int c = VS_CLASS_CONTROL; c >= VS_CLASS_LOW; c--)
			s->deficit[c] += weight[c] * QUANTUM;
	}
}

/* ---- to a port ---------------------------------------------------------------------------- */

/* @n: at most VS_BURST. What finds no room is counted, and shown to captures. */
static bool enqueue(struct vs_worker *w, struct shaper *s, const struct vs_port *from,
		    struct vs_port *to, struct vs_burst *b, const struct vs_ref *ref, unsigned n)
{
	struct vs_ref refused[VS_BURST];
	unsigned put = 0, lost = 0;
	bool first;

	pthread_spin_lock(&s->lock);
	first = !atomic_load_explicit(&s->backlog, memory_order_relaxed);
	for (unsigned k = 0; k < n; k++)
		if (queue_put(queue_for(s, from, b, ref[k]), b, ref[k]))
			put++;
		else
			refused[lost++] = ref[k];
	if (first)
		atomic_store_explicit(&s->out_due, 0, memory_order_relaxed);
	atomic_fetch_add_explicit(&s->backlog, put, memory_order_seq_cst);
	pthread_spin_unlock(&s->lock);
	atomic_fetch_add_explicit(&s->waited, put, memory_order_relaxed);
	if (lost) {
		count(&to->counters[w->id].tx_drop[VS_DROP_RATE_QUEUE], lost);
		capture_frames(w, to, b, refused, lost, VS_CAPTURE_DROP, VS_DROP_RATE_QUEUE);
	}
	return first && put;
}

/* Frames that may go straight through: as many as there are tokens for. */
static unsigned passing(struct shaper *s, uint64_t now, const struct vs_burst *b,
			const struct vs_ref *ref, unsigned n, uint64_t *spent)
{
	uint64_t due = UINT64_MAX, bytes;
	unsigned k;

	*spent = 0;
	if (atomic_load_explicit(&s->backlog, memory_order_acquire))
		return 0;
	bytes = lane_bytes(&s->out, now, &due);
	for (k = 0; k < n && *spent < bytes; k++)
		*spent += sent_bytes(b, ref[k]);
	return k;
}

void shape_deliver(struct vs_worker *w, struct vs_port *from, struct vs_port *to, struct shaper *s,
		   struct vs_burst *b, const struct vs_ref *ref, unsigned n)
{
	uint64_t now = w->clock_ns(), spent;
	unsigned k = passing(s, now, b, ref, n, &spent), done = 0;
	struct vs_worker *its;

	if (k) {
		done = burst_pass(w, to, b, ref, k, s->keep);
		/* What the device had no room for is paid for when it leaves the queue. */
		for (unsigned i = done; i < k; i++)
			spent -= sent_bytes(b, ref[i]);
		lane_spend(&s->out, now, spent);
	}
	/* Nothing waits: the others of a group need not either. */
	if (done == n && k)
		lane_spend(&s->out, now, 0);
	if (done == n || !enqueue(w, s, from, to, b, ref + done, n - done))
		return;
	/* One that gets the port only now looks at it by itself. */
	its = atomic_load_explicit(&to->worker, memory_order_acquire);
	if (its && its != w && its->wake)
		its->wake(its->watch_ctx);
}

/* One batch from the queues. Return: frames gone, 0: none may go now. */
static unsigned drain_some(struct vs_worker *w, struct vs_port *p, struct shaper *s, uint64_t now)
{
	uint64_t due = UINT64_MAX, spent = 0;
	uint64_t bytes = lane_bytes(&s->out, now, &due);
	struct vs_ref ref[VS_BURST];
	struct queue *q;
	unsigned n, done;

	if (!bytes) {
		atomic_store_explicit(&s->out_due, due, memory_order_relaxed);
		return 0;
	}
	pthread_spin_lock(&s->lock);
	q = pick(s, now, &bytes);
	n = queue_look(q, bytes, &w->queued, ref);
	pthread_spin_unlock(&s->lock);
	done = burst_pass(w, p, &w->queued, ref, n, s->keep);
	for (unsigned k = 0; k < done; k++)
		spent += sent_bytes(&w->queued, ref[k]);
	pthread_spin_lock(&s->lock);
	queue_drop_first(q, done);
	if (s->keep)
		s->deficit[q->class] -= (int)spent;
	bucket_spend(&q->guarantee, now, spent);
	atomic_fetch_sub_explicit(&s->backlog, done, memory_order_release);
	pthread_spin_unlock(&s->lock);
	lane_spend(&s->out, now, spent);
	if (done < n)
		atomic_store_explicit(&s->out_due, now + RETRY_NS, memory_order_relaxed);
	return done < n ? 0 : done;
}

static unsigned drain(struct vs_worker *w, struct vs_port *p, struct shaper *s, uint64_t now)
{
	unsigned total = 0, n;

	if (now < atomic_load_explicit(&s->out_due, memory_order_relaxed))
		return 0;
	while (atomic_load_explicit(&s->backlog, memory_order_acquire) && total < FRAMES_A_TURN) {
		n = drain_some(w, p, s, now);
		total += n;
		if (!n)
			return total;
	}
	if (!atomic_load_explicit(&s->backlog, memory_order_acquire))
		lane_spend(&s->out, now, 0);
	return total;
}

/* ---- from a port -------------------------------------------------------------------------- */

static unsigned fetch(struct vs_worker *w, struct vs_port *p, struct shaper *s, uint64_t now)
{
	uint64_t due = UINT64_MAX, spent = 0, frames;
	uint64_t bytes = lane_bytes(&s->in, now, &due);
	unsigned n;

	if (!bytes) {
		count(&s->held, 1);
		return 0;
	}
	frames = bytes / (s->frame_bytes ? s->frame_bytes : 1514);
	if (frames < VS_BURST)
		w->burst.hold = VS_BURST - (frames ? (unsigned)frames : 1);
	n = burst_fetch(w, p);
	w->burst.hold = 0;
	if (n)
		s->frame_bytes = 0;
	for (unsigned i = 0; i < n; i++) {
		uint32_t wire = shape_wire_bytes(&w->burst, i);

		spent += wire;
		if (wire > s->frame_bytes)
			s->frame_bytes = wire;
	}
	lane_spend(&s->in, now, spent);
	return n;
}

static bool is_handed_over(const struct shaper *s, const struct vs_port *p)
{
	return atomic_load_explicit(&s->p, memory_order_acquire) != p;
}

unsigned shape_forward(struct vs_worker *w, struct vs_port *p, struct shaper *s)
{
	uint64_t now = w->clock_ns();
	unsigned sent = 0;

	if (!atomic_load_explicit(&p->running, memory_order_acquire))
		return 0;
	if (is_handed_over(s, p))
		return burst_fetch(w, p);
	if (atomic_load_explicit(&s->backlog, memory_order_acquire))
		sent = drain(w, p, s, now);
	if (atomic_load_explicit(&s->in_limited, memory_order_relaxed))
		return sent + fetch(w, p, s, now);
	return sent + burst_fetch(w, p);
}

bool shape_queues(const struct shaper *s)
{
	return atomic_load_explicit(&s->queues, memory_order_relaxed);
}

/* Before the worker sleeps. Return: true if there is work now. */
bool shape_arm(struct vs_worker *w, struct vs_port *p, struct shaper *s)
{
	uint64_t now = w->clock_ns(), due = UINT64_MAX;
	bool may_fetch;

	if (is_handed_over(s, p))
		return p->ops->arm(p->ctx);
	may_fetch = !atomic_load_explicit(&s->in_limited, memory_order_relaxed) ||
		    lane_bytes(&s->in, now, &due);
	if (atomic_load_explicit(&s->backlog, memory_order_seq_cst)) {
		uint64_t out = atomic_load_explicit(&s->out_due, memory_order_relaxed);

		due = out < due ? out : due;
	}
	if (due < w->due_ns)
		w->due_ns = due;
	if (may_fetch && p->ops->arm(p->ctx))
		return true;
	/* Asleep without frames it is not one its group waits for. */
	if (may_fetch)
		lane_spend(&s->in, now, 0);
	return due <= now;
}

/* ---- control thread ------------------------------------------------------------------------- */

static uint64_t held(const struct vs_port *p)
{
	const struct shaper *s = p ? atomic_load(&p->shaper) : NULL;

	return s ? atomic_load_explicit(&s->held, memory_order_relaxed) : 0;
}

void vs_port_shaping_state(const struct vs_port *p, struct vs_shaping_state *out)
{
	struct shaper *s = atomic_load(&p->shaper);
	const struct vs_lag *lag = atomic_load(&p->lag);

	memset(out, 0, sizeof(*out));
	out->held = held(p);
	for (unsigned i = 0; lag && i < VS_LAG_MEMBERS; i++)
		out->held += held(lag_port(lag, i));
	if (!s)
		return;
	out->waited = atomic_load_explicit(&s->waited, memory_order_relaxed);
	pthread_spin_lock(&s->lock);
	for (unsigned c = 0; c < VS_CLASSES; c++) {
		out->frames += s->q[c].frames;
		out->bytes += s->q[c].bytes;
	}
	for (unsigned i = 0; i < VS_GUARANTEES_MAX; i++)
		if (s->own[i]) {
			out->frames += s->own[i]->frames;
			out->bytes += s->own[i]->bytes;
		}
	pthread_spin_unlock(&s->lock);
}

static uint32_t queue_limit(uint64_t bps)
{
	double bytes = (double)bps / 8 * QUEUE_NS / 1e9;

	if (!bps)
		return 1u << 20;
	return bytes < QUEUE_MIN ? QUEUE_MIN : bytes > QUEUE_MAX ? QUEUE_MAX : (uint32_t)bytes;
}

static void shaper_destroy(struct shaper *s)
{
	if (!s)
		return;
	lane_leave(&s->in);
	lane_leave(&s->out);
	for (unsigned c = 0; c < VS_CLASSES; c++)
		free(s->q[c].mem);
	for (unsigned i = 0; i < VS_GUARANTEES_MAX; i++)
		if (s->own[i]) {
			free(s->own[i]->mem);
			free(s->own[i]);
		}
	pthread_spin_destroy(&s->lock);
	free(s);
}

static struct shaper *shaper_create(struct vs_port *p)
{
	struct shaper *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	atomic_init(&s->p, p);
	s->out.out = true;
	for (unsigned c = 0; c < VS_CLASSES; c++)
		s->q[c].class = (enum vs_class)c;
	pthread_spin_init(&s->lock, PTHREAD_PROCESS_PRIVATE);
	return s;
}

/* A queue of its own for each port with a guarantee, none for others. */
static int own_queues(struct shaper *s)
{
	struct vs_switch *sw = atomic_load(&s->p)->sw;

	for (unsigned i = 0; i < VS_PORTS_MAX; i++) {
		struct vs_port *p = atomic_load(&sw->port[i]);
		unsigned k = p ? atomic_load(&p->guarantee_queue) : 0;
		struct queue *q;

		if (!k)
			continue;
		q = s->own[k - 1] ? s->own[k - 1] : calloc(1, sizeof(*q));
		if (!q || queue_make(q, s->q[VS_CLASS_NORMAL].limit)) {
			if (q != s->own[k - 1])
				free(q);
			return -ENOMEM;
		}
		bucket_set(&q->guarantee, &(struct vs_rate){.bps = p->shaping.guarantee_bps}, 0);
		pthread_spin_lock(&s->lock);
		q->class = p->shaping.class;
		q->owner = p;
		s->own[k - 1] = q;
		pthread_spin_unlock(&s->lock);
	}
	return 0;
}

static int shaper_queues(struct shaper *s, const struct vs_port_shaping *cfg, bool classes)
{
	int rc = 0;

	for (unsigned c = 0; c < VS_CLASSES && !rc; c++)
		if (classes || c == VS_CLASS_NORMAL)
			rc = queue_make(&s->q[c], queue_limit(cfg->out.bps));
	if (classes)
		bucket_set(&s->q[VS_CLASS_CONTROL].guarantee, &(struct vs_rate){.bps = CONTROL_BPS},
			   0);
	if (!rc && classes)
		rc = own_queues(s);
	return rc;
}

static int lane_join(struct lane *l, struct vs_rate_group *g)
{
	if (atomic_load(&l->group) == g)
		return 0;
	lane_leave(l);
	return g ? lane_enter(g, l) : 0;
}

static bool has_guarantees(const struct vs_switch *sw)
{
	for (unsigned i = 0; i < VS_PORTS_MAX; i++) {
		const struct vs_port *p = atomic_load(&sw->port[i]);

		if (p && p->shaping.guarantee_bps)
			return true;
	}
	return false;
}

/* Bring the shaper of a port in line with p->shaping. */
static int apply(struct vs_port *p)
{
	const struct vs_port_shaping *cfg = &p->shaping;
	bool uplink = p->cfg.role == VS_ROLE_UPLINK;
	bool classes = uplink && (cfg->priority || has_guarantees(p->sw));
	/* A member's group is for what it brings; what leaves waits at the uplink. */
	struct vs_rate_group *out = p->cfg.role == VS_ROLE_MEMBER ? NULL : cfg->group;
	bool queues = classes || cfg->out.bps || out;
	struct shaper *old = atomic_load(&p->shaper), *s = old;
	int rc;

	if (!queues && !cfg->in.bps && !cfg->group) {
		shape_free(p);
		return 0;
	}
	if (!s)
		s = shaper_create(p);
	if (!s)
		return -ENOMEM;
	rc = queues ? shaper_queues(s, cfg, classes) : 0;
	if (!rc)
		rc = lane_join(&s->in, cfg->group);
	if (!rc)
		rc = lane_join(&s->out, out);
	if (rc) {
		if (!old)
			shaper_destroy(s);
		return rc;
	}
	bucket_set(&s->in.own, &cfg->in, 0);
	bucket_set(&s->out.own, &cfg->out, 0);
	if (queues && !shape_queues(s))
		atomic_fetch_add(&p->sw->extras, 1);
	else if (!queues && shape_queues(s))
		atomic_fetch_sub(&p->sw->extras, 1);
	atomic_store(&s->queues, queues);
	atomic_store(&s->in_limited, cfg->in.bps || cfg->group);
	atomic_store(&s->priority, (int)cfg->priority);
	if (classes)
		s->keep = true;
	atomic_store_explicit(&p->shaper, s, memory_order_release);
	return 0;
}

/* It is new, gone, or has other guests with a guarantee. */
static int apply_uplink(struct vs_switch *sw)
{
	uint16_t up = atomic_load(&sw->uplink);
	struct vs_port *p = up == FDB_PORT_NONE ? NULL : atomic_load(&sw->port[up]);

	return p ? apply(p) : 0;
}

/* The lowest number no other port of the switch has. Return: 1.., 0: none is left. */
static unsigned free_guarantee(const struct vs_switch *sw)
{
	uint64_t used = 0;

	for (unsigned i = 0; i < VS_PORTS_MAX; i++) {
		const struct vs_port *p = atomic_load(&sw->port[i]);
		unsigned k = p ? atomic_load(&p->guarantee_queue) : 0;

		if (k)
			used |= UINT64_C(1) << (k - 1);
	}
	return ~used ? (unsigned)__builtin_ctzll(~used) + 1 : 0;
}

int vs_port_shape(struct vs_port *p, const struct vs_port_shaping *cfg)
{
	struct vs_port_shaping was = p->shaping;
	struct vs_lag *lag = atomic_load(&p->lag);
	unsigned k = atomic_load(&p->guarantee_queue);
	int rc;

	if (cfg->guarantee_bps && !k)
		k = free_guarantee(p->sw);
	if (cfg->guarantee_bps && !k)
		return -ENOSPC;
	p->shaping = *cfg;
	rc = lag ? lag_rate_in(lag, &cfg->in) : 0;
	if (!rc)
		rc = apply(p);
	if (rc) {
		p->shaping = was;
		return rc;
	}
	atomic_store(&p->class, (uint8_t)cfg->class);
	atomic_store(&p->guarantee_queue, (uint8_t)(cfg->guarantee_bps ? k : 0));
	if (cfg->guarantee_bps || was.guarantee_bps)
		rc = apply_uplink(p->sw);
	return rc;
}

/* What waits is lost, and counted. */
static void lose(struct shaper *s, struct vs_port *p, enum vs_drop why)
{
	unsigned n;

	pthread_spin_lock(&s->lock);
	for (unsigned c = 0; c < VS_CLASSES; c++)
		queue_drop_first(&s->q[c], s->q[c].frames);
	for (unsigned i = 0; i < VS_GUARANTEES_MAX; i++)
		if (s->own[i])
			queue_drop_first(s->own[i], s->own[i]->frames);
	n = atomic_exchange(&s->backlog, 0);
	pthread_spin_unlock(&s->lock);
	count(&p->counters[VS_WORKERS_MAX].tx_drop[why], n);
}

/* The port has stopped, and nobody waits for it. */
void shape_stop(struct vs_port *p)
{
	struct shaper *s = atomic_load(&p->shaper);

	if (!s)
		return;
	lose(s, p, VS_DROP_TX_DOWN);
	lane_spend(&s->in, 0, 0);
	lane_spend(&s->out, 0, 0);
}

void shape_free(struct vs_port *p)
{
	struct shaper *s = atomic_load(&p->shaper);

	if (!s)
		return;
	atomic_store(&p->shaper, NULL);
	if (shape_queues(s))
		atomic_fetch_sub(&p->sw->extras, 1);
	synchronize_rcu();
	lose(s, p, VS_DROP_RATE_QUEUE);
	shaper_destroy(s);
}

/* ---- a port takes another's place --------------------------------------------------------- */

void shape_share(struct vs_port *old, struct vs_port *p)
{
	p->shaping = old->shaping;
	atomic_store_explicit(&p->shaper, atomic_load(&old->shaper), memory_order_release);
}

void shape_hand_over(struct vs_port *old, struct vs_port *p)
{
	struct shaper *s = atomic_load(&old->shaper);
	struct vs_worker *its = atomic_load(&p->worker);

	old->shaping = (struct vs_port_shaping){.class = VS_CLASS_NORMAL};
	if (!s)
		return;
	atomic_store(&old->shaper, NULL);
	atomic_store(&s->p, NULL);
	synchronize_rcu();
	atomic_store_explicit(&s->p, p, memory_order_release);
	/* What came meanwhile has woken nobody. */
	if (its && its->wake)
		its->wake(its->watch_ctx);
}
