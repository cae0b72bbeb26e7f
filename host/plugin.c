/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finding and loading the plug-in with DPDK. It stays loaded: what it starts (threads, memory)
 * cannot be taken back.
 */
#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "host/dpdk.h"

/* The folder of the running program. Return: false if it is not to be found out. */
static bool program_folder(char *dir, size_t cap)
{
	ssize_t n = readlink("/proc/self/exe", dir, cap - 1);
	char *slash;

	if (n <= 0)
		return false;
	dir[n] = '\0';
	slash = strrchr(dir, '/');
	if (!slash)
		return false;
	*slash = '\0';
	return true;
}

/* Return: whether there is a plug-in; path: where. */
static bool find(char *path, size_t cap)
{
	static const char *const sub[] = {"", "/../lib/zlan"};
	char dir[PATH_MAX];

	if (!program_folder(dir, sizeof(dir)))
		dir[0] = '\0';
	for (size_t i = 0; i < sizeof(sub) / sizeof(sub[0]); i++) {
		snprintf(path, cap, "%s%s/" HOST_DPDK_PLUGIN, dir, sub[i]);
		if (access(path, R_OK) == 0)
			return true;
	}
	return false;
}

bool host_dpdk_present(char *err, size_t err_len)
{
	char path[PATH_MAX + 64];

	if (find(path, sizeof(path)))
		return true;
	snprintf(err, err_len, "this zland was built without DPDK: install libdpdk-dev, then make");
	return false;
}

static void *load(char *err, size_t err_len)
{
	char path[PATH_MAX + 64];
	void *lib;

	if (!host_dpdk_present(err, err_len) || !find(path, sizeof(path)))
		return NULL;
	lib = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!lib)
		snprintf(err, err_len,
			 "%s; its libraries come with the packages dpdk and librte-vhost23",
			 dlerror());
	return lib;
}

const struct host_dpdk *host_dpdk_load(char *err, size_t err_len)
{
	void *lib = load(err, err_len); /* again: the same one, counted */
	const struct host_dpdk *d;

	if (!lib)
		return NULL;
	d = dlsym(lib, HOST_DPDK_SYMBOL);
	if (d && d->abi == HOST_DPDK_ABI)
		return d;
	snprintf(err, err_len, HOST_DPDK_PLUGIN " is of another release than zland");
	dlclose(lib);
	return NULL;
}
