/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CP_VERSION_H
#define CP_VERSION_H

#define ZLAN_VERSION "0.1"

#endif
