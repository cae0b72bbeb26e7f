/* SPDX-License-Identifier: Apache-2.0 */
/* zland: the daemon's command line. What it does is in daemon.c. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "cp/daemon.h"
#include "cp/rundir.h"
#include "cp/version.h"

enum { OPT_CHECK = 256, OPT_NO_CONFINE, OPT_VERSION };

static const char usage[] =
	"Usage: zland [-c FILE] [-d DIR] [-s FILE] [--check]\n"
	"Serve the virtual switches and adapters that FILE and zlan's commands define.\n"
	"\n"
	"  -c, --config FILE   execute the commands in FILE first\n"
	"  -d, --dir DIR       directory of the sockets and the state (" CP_RUNDIR_DEFAULT ")\n"
	"  -s, --saved FILE    what SAVE and PERSIST write (\"saved\" in DIR)\n"
	"      --check         check FILE, report every error with its line, and exit\n"
	"      --no-confine    keep all privileges and system calls (for debugging)\n"
	"  -h, --help          this text\n"
	"      --version       version\n"
	"\n"
	"Prints \"ready\" once it serves. Exit status: 0 after SHUTDOWN, SIGTERM or SIGINT; 1 "
	"after\n"
	"an error; 2 after a wrong option.\n";

static const struct option long_options[] = {
	{"config", required_argument, NULL, 'c'},	   {"dir", required_argument, NULL, 'd'},
	{"saved", required_argument, NULL, 's'},	   {"check", no_argument, NULL, OPT_CHECK},
	{"no-confine", no_argument, NULL, OPT_NO_CONFINE}, {"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, OPT_VERSION},	   {NULL, 0, NULL, 0},
};

static void say_and_exit(const char *text)
{
	fputs(text, stdout);
	exit(EXIT_SUCCESS);
}

static void fail_usage(const char *text)
{
	fprintf(stderr, "zland: %s\n%s", text, usage);
	exit(2);
}

static void parse(int argc, char **argv, struct cp_daemon_options *opt, bool *check)
{
	int c;

	while ((c = getopt_long(argc, argv, "c:d:s:h", long_options, NULL)) != -1) {
		switch (c) {
		case 'c':
			opt->file = optarg;
			break;
		case 'd':
			opt->dir = optarg;
			break;
		case OPT_CHECK:
			*check = true;
			break;
		case OPT_NO_CONFINE:
			opt->confine = false;
			break;
		case 's':
			opt->saved = optarg;
			break;
		case 'h':
			say_and_exit(usage);
			break;
		case OPT_VERSION:
			say_and_exit("zland " ZLAN_VERSION "\n");
			break;
		default:
			fail_usage("wrong option");
		}
	}
	if (optind < argc)
		fail_usage("no arguments are expected");
	if (*check && !opt->file)
		fail_usage("--check needs -c FILE");
}

int main(int argc, char **argv)
{
	struct cp_daemon_options opt = {.dir = CP_RUNDIR_DEFAULT, .confine = true};
	struct cp_daemon *d;
	bool check = false;
	int rc;

	parse(argc, argv, &opt, &check);
	if (check)
		return cp_daemon_check(opt.file) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
	d = cp_daemon_start(&opt);
	if (!d)
		return EXIT_FAILURE;
	rc = cp_daemon_run(d);
	cp_daemon_stop(d, rc == 0);
	return rc == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
