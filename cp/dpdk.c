/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Starting DPDK opens devices, reserves memory and makes threads: more than a confined zland may
 * do. So it is started by the configuration file, which is executed before, or not at all.
 */
#include "cp/dpdk.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cp/confine.h"
#include "host/dpdk.h"

struct cp_dpdk {
	bool confine, sealed, wanted;
	const struct host_dpdk *api; /* once started */
	char args[CP_DPDK_ARGS_BYTES];
	char why[256]; /* it could not be started before it was sealed; "": was not tried */
};

struct cp_dpdk *cp_dpdk_create(bool confine)
{
	struct cp_dpdk *d = calloc(1, sizeof(*d));

	if (d)
		d->confine = confine;
	return d;
}

void cp_dpdk_destroy(struct cp_dpdk *d)
{
	free(d);
}

int cp_dpdk_args(struct cp_dpdk *d, const char *args, char *err, size_t err_len)
{
	if (d->api && strcmp(args, d->args) != 0) {
		snprintf(err, err_len, "DPDK is running; restart zland with the new arguments");
		return -EBUSY;
	}
	snprintf(d->args, sizeof(d->args), "%s", args);
	d->wanted = true;
	return 0;
}

static const struct host_dpdk *start(const struct cp_dpdk *d, const char *device, char *err,
				     size_t err_len)
{
	struct host_dpdk_start s = {
		.args = d->args,
		.device = device,
		.confine = d->confine ? cp_confine_worker : NULL,
	};
	const struct host_dpdk *api = host_dpdk_load(err, err_len);
	int rc = api ? api->start(&s, err, err_len) : -ENOSYS;

	if (!rc)
		return api;
	errno = -rc;
	return NULL;
}

const struct host_dpdk *cp_dpdk_get(struct cp_dpdk *d, const char *device, char *err,
				    size_t err_len)
{
	int saved;

	if (d->api)
		return d->api;
	if (d->sealed) {
		snprintf(err, err_len, "%s",
			 d->why[0] ? d->why
				   : "DPDK is started by zland's configuration file only (SET DPDK "
				     "ARGS, or a port), or with zland --no-confine");
		errno = EPERM;
		return NULL;
	}
	d->api = start(d, device, err, err_len);
	saved = errno;
	if (!d->api)
		snprintf(d->why, sizeof(d->why), "%s", err);
	errno = saved;
	return d->api;
}

bool cp_dpdk_seal(struct cp_dpdk *d, char *err, size_t err_len)
{
	err[0] = '\0';
	if (d->wanted)
		cp_dpdk_get(d, "", err, err_len);
	if (!d->api && !d->why[0])
		host_dpdk_present(d->why, sizeof(d->why));
	d->sealed = true;
	return d->api;
}
