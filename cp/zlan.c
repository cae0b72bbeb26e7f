/* SPDX-License-Identifier: Apache-2.0 */
/* zlan: the command of zland. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "cp/capture.h"
#include "cp/client.h"
#include "cp/rundir.h"
#include "cp/shell.h"
#include "cp/version.h"

enum { OPT_JSON = 256, OPT_VERSION };

struct options {
	const char *dir;
	bool json;
};

static const char usage[] =
	"Usage: zlan [-d DIR] [--json] COMMAND...   one command; zlan HELP lists them\n"
	"       zlan [-d DIR] [--json] -            commands from standard input, one a line\n"
	"       zlan [-d DIR] [--json]              a shell with history and completion\n"
	"       zlan [-d DIR] capture [-o FILE|-] [--vswitch V] [--nic U/VDEV] [--dropped]\n"
	"                             [--snaplen N] [--count N] [FILTER]\n"
	"\n"
	"  -d, --dir DIR   directory of zland's sockets (" CP_RUNDIR_DEFAULT ")\n"
	"      --json      answers as JSON\n"
	"  -h, --help      this text\n"
	"      --version   version\n"
	"\n"
	"Exit status: 0 where every command succeeded, 1 where one failed, 2 after a wrong "
	"option.\n"
	"Errors go to standard error as \"ZLNnnnnE text\".\n";

static const struct option long_options[] = {
	{"dir", required_argument, NULL, 'd'},
	{"json", no_argument, NULL, OPT_JSON},
	{"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, OPT_VERSION},
	{NULL, 0, NULL, 0},
};

static void say_and_exit(const char *text)
{
	fputs(text, stdout);
	exit(EXIT_SUCCESS);
}

/* Options end at the first word of the command. */
static void parse(int argc, char **argv, struct options *opt)
{
	int c;

	while ((c = getopt_long(argc, argv, "+d:h", long_options, NULL)) != -1) {
		switch (c) {
		case 'd':
			opt->dir = optarg;
			break;
		case OPT_JSON:
			opt->json = true;
			break;
		case 'h':
			say_and_exit(usage);
			break;
		case OPT_VERSION:
			say_and_exit("zlan " ZLAN_VERSION "\n");
			break;
		default:
			fputs(usage, stderr);
			exit(2);
		}
	}
}

/* "--json" is also understood behind the command. Return: number of words left. */
static int take_json(int argc, char **argv, struct options *opt)
{
	if (argc > 0 && strcmp(argv[argc - 1], "--json") == 0) {
		opt->json = true;
		argc--;
	}
	return argc;
}

/* The words with blanks between them. Return: NULL if memory is exhausted. */
static char *join(int n, char **word)
{
	size_t len = 1;
	char *line, *end;

	for (int i = 0; i < n; i++)
		len += strlen(word[i]) + 1;
	line = malloc(len);
	if (!line)
		return NULL;
	end = line;
	*end = '\0';
	for (int i = 0; i < n; i++) {
		if (i)
			end = stpcpy(end, " ");
		end = stpcpy(end, word[i]);
	}
	return line;
}

static int one_command(struct cp_client *cl, int n, char **word, bool json)
{
	char *line = join(n, word);
	bool ok = line && cp_client_command(cl, line, json, "");

	free(line);
	return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int run(struct cp_client *cl, int n, char **word, const struct options *opt)
{
	if (n == 0)
		return cp_shell_interactive(cl, opt->dir, opt->json);
	if (n == 1 && strcmp(word[0], "-") == 0)
		return cp_shell_stream(cl, stdin, "stdin", opt->json);
	return one_command(cl, n, word, opt->json);
}

int main(int argc, char **argv)
{
	struct options opt = {.dir = CP_RUNDIR_DEFAULT};
	struct cp_client *cl;
	char err[512];
	int n, rc;

	parse(argc, argv, &opt);
	argv += optind;
	n = argc - optind;
	if (n > 0 && strcasecmp(argv[0], "capture") == 0)
		return capture_main(opt.dir, n, argv);
	n = take_json(n, argv, &opt);
	if (n == 0 && !isatty(STDIN_FILENO)) {
		fprintf(stderr, "zlan: no command, and standard input is no terminal\n%s", usage);
		return 2;
	}
	cl = cp_client_open(opt.dir, err, sizeof(err));
	if (!cl) {
		fprintf(stderr, "%s\n", err);
		return EXIT_FAILURE;
	}
	rc = run(cl, n, argv, &opt);
	if (fflush(stdout) || ferror(stdout)) {
		fprintf(stderr, "ZLN2654E Standard output: %s\n", strerror(errno));
		rc = EXIT_FAILURE;
	}
	cp_client_close(cl);
	return rc;
}
