/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Run a fuzz target over files instead of searching: `replay_fuzz_x FILE|DIRECTORY...`.
 * make check uses it to replay tests/corpus; a file that crashes a target is shown by name
 * because the name is printed before it is run when -v is given.
 */
#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
__attribute__((weak)) int LLVMFuzzerInitialize(int *argc, char ***argv);

#define INPUT_MAX (16u << 20)

static bool verbose;

/* The input is handed over in an allocation of exactly its size, so that ASan sees a read
 * one byte past its end. */
static int replay_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	uint8_t *data = NULL;
	struct stat st;
	int rc = -1;

	if (!f || fstat(fileno(f), &st) != 0 || st.st_size > (off_t)INPUT_MAX)
		goto done;
	data = malloc(st.st_size > 0 ? (size_t)st.st_size : 1);
	if (!data || fread(data, 1, (size_t)st.st_size, f) != (size_t)st.st_size)
		goto done;
	if (verbose)
		fprintf(stderr, "%s\n", path);
	LLVMFuzzerTestOneInput(data, (size_t)st.st_size);
	rc = 0;
done:
	if (rc != 0)
		fprintf(stderr, "%s: cannot be read: %s\n", path, strerror(errno));
	free(data);
	if (f)
		fclose(f);
	return rc;
}

static int replay_directory(const char *path, unsigned *count)
{
	struct dirent **entry = NULL;
	int n = scandir(path, &entry, NULL, alphasort);
	int rc = n < 0 ? -1 : 0;

	for (int i = 0; i < n; i++) {
		char file[4096];

		if (entry[i]->d_name[0] != '.') {
			snprintf(file, sizeof(file), "%s/%s", path, entry[i]->d_name);
			if (replay_file(file) != 0)
				rc = -1;
			(*count)++;
		}
		free(entry[i]);
	}
	free(entry);
	return rc;
}

int main(int argc, char **argv)
{
	unsigned count = 0;
	int rc = 0;

	if (LLVMFuzzerInitialize)
		LLVMFuzzerInitialize(&argc, &argv);
	for (int i = 1; i < argc; i++) {
		struct stat st;

		if (strcmp(argv[i], "-v") == 0) {
			verbose = true;
		} else if (stat(argv[i], &st) == 0 && S_ISDIR(st.st_mode)) {
			rc |= replay_directory(argv[i], &count);
		} else {
			rc |= replay_file(argv[i]);
			count++;
		}
	}
	printf("%u inputs\n", count);
	return rc == 0 && count > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
