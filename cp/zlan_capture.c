/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `zlan capture`: frames from zland's rings, filtered, merged by time, written as pcapng.
 *
 * Ends at SIGINT or SIGTERM, after --count frames, when the reader of a pipe goes away, or when
 * what it captures is gone; in each case all that was captured is written and a summary goes to
 * standard error. The section header appears in the output once frames are being captured.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <pcap/pcap.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "cp/capture.h"
#include "cp/capture_attach.h"
#include "cp/capture_drain.h"
#include "cp/capture_sink.h"
#include "host/host.h"

static const char usage[] =
	"Usage: zlan capture [-o FILE|-] [--vswitch V] [--nic USER/VDEV] [--dropped]\n"
	"                    [--vlan VID[,VID...]] [--snaplen N] [--count N] [FILTER]\n"
	"Capture the frames of all switches, one switch (V or OWNER.LAN) or one NIC as pcapng.\n"
	"  -o FILE      write to FILE; - or nothing: standard output\n"
	"  --dropped    only frames that were dropped; the packet comment says why\n"
	"  --vlan VID   only frames of these VLANs, by their tags or the ports they came through\n"
	"  --snaplen N  keep N bytes of each frame (64-65535, default 65535)\n"
	"  --count N    end after N frames\n"
	"FILTER is in libpcap's syntax (man pcap-filter). To watch live:\n"
	"  zlan capture | tshark -r -\n";

struct options {
	const char *out; /* NULL: standard output, if it is no terminal */
	const char *vswitch, *nic;
	bool dropped;
	json_t *vlans; /* NULL: all */
	uint32_t snaplen;
	uint64_t count; /* 0: no end */
	char *filter;	/* NULL: none */
};

enum end { END_NOT_YET, END_ASKED, END_GONE, END_DAEMON, END_OUTPUT, END_PROTOCOL };

struct session {
	struct options opt;
	struct cp_attached in;
	struct bpf_program filter;
	struct cp_sink sink;
	FILE *stream;
	struct host_pcapng *pcapng;
	uint64_t captured;
	enum end end;
};

/* ---- options ------------------------------------------------------------------------------ */

static bool number(const char *text, uint64_t min, uint64_t max, uint64_t *out)
{
	char *end;

	errno = 0;
	if (*text < '0' || *text > '9')
		return false;
	*out = strtoull(text, &end, 10);
	return !*end && !errno && *out >= min && *out <= max;
}

static int bad_value(const char *option, const char *value, const char *expected)
{
	fprintf(stderr, "ZLN0002E Invalid operand - %s %s: %s is expected\n", option, value,
		expected);
	return -1;
}

/* The words after the options, as one; NULL if there are none. Return: 0 or -1. */
static int filter_join(char **filter, int argc, char **argv)
{
	char *text, *at;
	size_t len = 1;

	*filter = NULL;
	if (!argc)
		return 0;
	for (int i = 0; i < argc; i++)
		len += strlen(argv[i]) + 1;
	text = malloc(len);
	if (!text) {
		fprintf(stderr, "ZLN2511E Capture failed: %s\n", strerror(ENOMEM));
		return -1;
	}
	at = stpcpy(text, argv[0]);
	for (int i = 1; i < argc; i++)
		at = stpcpy(stpcpy(at, " "), argv[i]);
	*filter = text;
	return 0;
}

/* "10" or "10,20". Return: 0 or -1 after a message. */
static int vlans_set(struct options *o, const char *value)
{
	const char *at = value;

	json_decref(o->vlans);
	o->vlans = json_array();
	for (;;) {
		char word[8] = "";
		uint64_t vid;
		size_t len = strcspn(at, ",");

		if (len < sizeof(word))
			memcpy(word, at, len);
		if (!o->vlans || !number(word, 1, VS_VID_MAX, &vid))
			return bad_value("--vlan", value, "VIDs as 10 or 10,20");
		json_array_append_new(o->vlans, json_integer((json_int_t)vid));
		if (!at[len])
			return 0;
		at += len + 1;
	}
}

static int option_set(struct options *o, int c, const char *value)
{
	uint64_t n;

	switch (c) {
	case 'o':
		o->out = value;
		return 0;
	case 'v':
		o->vswitch = value;
		return 0;
	case 'n':
		o->nic = value;
		return 0;
	case 'd':
		o->dropped = true;
		return 0;
	case 'V':
		return vlans_set(o, value);
	case 's':
		if (!number(value, CAPTURE_SNAPLEN_MIN, CAPTURE_SNAPLEN_MAX, &n))
			return bad_value("--snaplen", value, "64 to 65535");
		o->snaplen = (uint32_t)n;
		return 0;
	case 'c':
		if (!number(value, 1, UINT64_MAX, &o->count))
			return bad_value("--count", value, "a number from 1");
		return 0;
	default:
		return -1;
	}
}

/* Return: 0, 1 (help was shown), or -1 after a message. */
static int options_parse(struct options *o, int argc, char **argv)
{
	static const struct option names[] = {
		{"vswitch", required_argument, NULL, 'v'}, {"nic", required_argument, NULL, 'n'},
		{"dropped", no_argument, NULL, 'd'},	   {"vlan", required_argument, NULL, 'V'},
		{"snaplen", required_argument, NULL, 's'}, {"count", required_argument, NULL, 'c'},
		{"help", no_argument, NULL, 'h'},	   {NULL, 0, NULL, 0},
	};
	int c;

	memset(o, 0, sizeof(*o));
	o->snaplen = CAPTURE_SNAPLEN_MAX;
	optind = 0; /* the caller may have used getopt already */
	opterr = 0;
	while ((c = getopt_long(argc, argv, "+:o:h", names, NULL)) != -1) {
		if (c == 'h') {
			fputs(usage, stdout);
			return 1;
		}
		if (c == '?' || c == ':') {
			fprintf(stderr, "ZLN0003E Invalid option - %s%s; see zlan capture --help\n",
				argv[optind - 1], c == ':' ? " needs a value" : "");
			return -1;
		}
		if (option_set(o, c, optarg))
			return -1;
	}
	return filter_join(&o->filter, argc - optind, argv + optind);
}

/* Return: 0 or -1 after a message. */
static int filter_compile(struct session *s)
{
	struct bpf_program prog;
	pcap_t *p;
	int rc;

	if (!s->opt.filter)
		return 0;
	p = pcap_open_dead(DLT_EN10MB, (int)s->opt.snaplen);
	if (!p) {
		fprintf(stderr, "ZLN2511E Capture failed: %s\n", strerror(ENOMEM));
		return -1;
	}
	rc = pcap_compile(p, &prog, s->opt.filter, 1, PCAP_NETMASK_UNKNOWN);
	if (rc)
		fprintf(stderr, "ZLN2706E Filter \"%s\": %s\n", s->opt.filter, pcap_geterr(p));
	else
		s->filter = prog;
	pcap_close(p);
	return rc ? -1 : 0;
}

static json_t *request_of(const struct options *o)
{
	return json_pack("{s:{s:s*, s:s*, s:b, s:O*, s:i}}", "capture", "vswitch", o->vswitch,
			 "nic", o->nic, "dropped", o->dropped, "vlan", o->vlans, "snaplen",
			 (int)o->snaplen);
}

/* ---- frames -----------------------------------------------------------------------------------
 */

static bool wanted(const struct session *s, const struct cp_ring_frame *f)
{
	struct pcap_pkthdr hdr = {.caplen = f->caplen, .len = f->len};

	return !s->opt.filter || pcap_offline_filter(&s->filter, &hdr, f->data);
}

static bool frame_write(void *ctx, const struct cp_ring_frame *f)
{
	struct session *s = ctx;

	if (!wanted(s, f))
		return true;
	if (cp_capture_write(s->pcapng, f))
		s->end = END_OUTPUT;
	else if (++s->captured == s->opt.count)
		s->end = END_ASKED;
	return s->end == END_NOT_YET;
}

/* Write what the rings hold now. Return: whether there was anything. */
static bool drain(struct session *s)
{
	int rc = cp_capture_drain(&s->in, frame_write, s);

	if (rc < 0)
		s->end = END_PROTOCOL;
	if (rc && host_pcapng_flush(s->pcapng) && s->end == END_NOT_YET)
		s->end = END_OUTPUT;
	return rc != 0;
}

/* Wait for frames, a signal, the end of zland or of the output's reader. */
static void wait_events(struct session *s, bool sleep)
{
	struct pollfd pfd[] = {
		{.fd = s->in.wake, .events = POLLIN},
		{.fd = s->in.sock, .events = POLLIN},
		{.fd = s->sink.stop_fd, .events = POLLIN},
		{.fd = s->sink.fd}, /* POLLERR: nobody reads any more */
	};

	if (sleep)
		sleep = !cp_capture_sleep(&s->in);
	if (poll(pfd, sizeof(pfd) / sizeof(pfd[0]), sleep ? -1 : 0) < 0)
		return;
	cp_capture_awake(&s->in);
	if (pfd[3].revents & POLLERR) {
		s->sink.rc = -EPIPE;
		s->end = END_OUTPUT;
	} else if (pfd[2].revents) {
		s->end = END_ASKED;
	} else if (pfd[1].revents) {
		s->end = END_DAEMON;
	}
}

static void capture_run(struct session *s)
{
	while (s->end == END_NOT_YET) {
		bool ended = atomic_load_explicit(&s->in.page->ended, memory_order_acquire);
		bool any = drain(s);

		if (s->end != END_NOT_YET)
			return;
		if (ended && !any)
			s->end = END_GONE;
		else
			wait_events(s, !any);
		if (s->end == END_ASKED || s->end == END_DAEMON) {
			/* what came before the signal */
			enum end why = s->end;

			s->end = END_NOT_YET;
			drain(s);
			s->end = why;
		}
	}
}

/* ---- the whole
 * ----------------------------------------------------------------------------------- */

/* Say how it ended. Return: exit status. */
static int conclude(const struct session *s)
{
	bool failed = true;

	if (s->end == END_DAEMON)
		fprintf(stderr, "ZLN2707E zland has ended\n");
	else if (s->end == END_PROTOCOL)
		fprintf(stderr, "ZLN2704E zland's capture memory cannot be used: "
				"zland and zlan are of different versions\n");
	else if (s->sink.rc && s->sink.rc != -EPIPE && s->sink.rc != -EINTR)
		fprintf(stderr, "ZLN2708E Writing the capture failed: %s\n", strerror(-s->sink.rc));
	else
		failed = false;
	if (s->end == END_GONE)
		fprintf(stderr, "ZLN2709I What was captured is gone\n");
	fprintf(stderr, "%llu frames captured, %llu lost\n", (unsigned long long)s->captured,
		(unsigned long long)cp_capture_lost(&s->in));
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* The output is open: capture. Return: exit status. */
static int capture_to_sink(struct session *s)
{
	int status;

	s->stream = cp_sink_open(&s->sink);
	s->pcapng = s->stream ? host_pcapng_open(s->stream, s->opt.snaplen) : NULL;
	if (!s->pcapng) {
		fprintf(stderr, "ZLN2708E Writing the capture failed: %s\n", strerror(errno));
		if (s->stream)
			fclose(s->stream);
		return EXIT_FAILURE;
	}
	if (host_pcapng_flush(s->pcapng))
		s->end = END_OUTPUT;
	capture_run(s);
	host_pcapng_close(s->pcapng);
	status = conclude(s);
	fclose(s->stream);
	return status;
}

static int output_open(const struct options *o)
{
	int fd;

	if (!o->out || !strcmp(o->out, "-"))
		return STDOUT_FILENO;
	fd = open(o->out, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		fprintf(stderr, "ZLN2711E %s: %s\n", o->out, strerror(errno));
	return fd;
}

/* With the signals that end a capture on a descriptor, as they were afterwards. */
static int with_signals(struct session *s, int (*run)(struct session *s))
{
	const struct sigaction ignore = {.sa_handler = SIG_IGN};
	struct sigaction pipe_before;
	struct signalfd_siginfo info;
	sigset_t stop, before;
	int status = EXIT_FAILURE;

	sigemptyset(&stop);
	sigaddset(&stop, SIGINT);
	sigaddset(&stop, SIGTERM);
	sigaddset(&stop, SIGHUP);
	s->sink.stop_fd = signalfd(-1, &stop, SFD_CLOEXEC | SFD_NONBLOCK);
	if (s->sink.stop_fd < 0) {
		fprintf(stderr, "ZLN2511E Capture failed: %s\n", strerror(errno));
		return status;
	}
	pthread_sigmask(SIG_BLOCK, &stop, &before);
	sigaction(SIGPIPE, &ignore, &pipe_before);
	status = run(s);
	while (read(s->sink.stop_fd, &info, sizeof(info)) > 0)
		; /* taken: not to be delivered when they are unblocked */
	sigaction(SIGPIPE, &pipe_before, NULL);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	close(s->sink.stop_fd);
	return status;
}

/* Attached: open the output and capture. Until then a signal ends the program as any other: the
 * open of a FIFO may wait for its reader. Return: exit status. */
static int capture_to_output(struct session *s)
{
	int status;

	s->sink.fd = output_open(&s->opt);
	if (s->sink.fd < 0)
		return EXIT_FAILURE;
	status = with_signals(s, capture_to_sink);
	if (s->sink.fd != STDOUT_FILENO && close(s->sink.fd) && status == EXIT_SUCCESS) {
		fprintf(stderr, "ZLN2708E Writing the capture failed: %s\n", strerror(errno));
		status = EXIT_FAILURE;
	}
	return status;
}

static int attach_and_capture(struct session *s, const char *dir)
{
	json_t *request = request_of(&s->opt);
	int status = EXIT_FAILURE;

	if (!request) {
		fprintf(stderr, "ZLN0002E Invalid operand - a name is not valid UTF-8\n");
		return status;
	}
	if (!cp_capture_attach(&s->in, dir, request)) {
		status = capture_to_output(s);
		cp_capture_detach(&s->in);
	}
	json_decref(request);
	return status;
}

/*
 * Run `zlan capture`.
 * @dir: zland's. @argv: argv[0] is "capture".
 * Return: exit status; errors went to standard error as "ZLNnnnnE text".
 */
int capture_main(const char *dir, int argc, char **argv)
{
	struct session s = {.end = END_NOT_YET};
	int rc = options_parse(&s.opt, argc, argv), status = EXIT_FAILURE;

	if (rc > 0) {
		status = EXIT_SUCCESS;
	} else if (!rc && !s.opt.out && isatty(STDOUT_FILENO)) {
		fprintf(stderr, "ZLN2700E Standard output is a terminal: use -o FILE, or "
				"`zlan capture | tshark -r -`\n");
	} else if (!rc && !filter_compile(&s)) {
		status = attach_and_capture(&s, dir);
		pcap_freecode(&s.filter);
	}
	free(s.opt.filter);
	json_decref(s.opt.vlans);
	return status;
}
