/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stands in for the config.h of the hercules 3.13 that Debian packages: what decides about the
 * layout of its structures, and no more. emu313.c checks the sizes that result.
 * Source: spec/hercules-module.md 1.
 */
#ifndef ZOSA_DEBIAN313_CONFIG_H
#define ZOSA_DEBIAN313_CONFIG_H

#define ZOSA_DEBIAN313 1

#define BUILD_HERCIFC 1
#define EXTERNALGUI 1
#define HAVE_FSYNC 1
#define HAVE_NET_IF_H 1
#define HAVE_NET_ROUTE_H 1
#define HAVE_SETRESUID 1
#define HAVE_STRERROR_R 1
#define HAVE_STRSIGNAL 1
#define HAVE_STRUCT_IN_ADDR_S_ADDR 1
#define HAVE_SYS_MOUNT_H 1
#define HAVE_SYS_MTIO_H 1
#define HAVE_U_INT 1
#define HAVE_U_INT8_T 1
#define OPTION_DYNAMIC_LOAD 1
#define OPTION_HAO 1
#define MAX_CPU_ENGINES 8
#define VERSION "3.13"

#endif
