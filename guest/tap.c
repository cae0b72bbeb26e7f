/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <net/if_arp.h>
#include <linux/if_tun.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "guest/tap.h"

int tap_open(struct tap *t, const char *ifname)
{
	struct ifreq ifr;
	int rc;

	t->fd = -1;
	if (strlen(ifname) >= sizeof(ifr.ifr_name))
		return -ENAMETOOLONG;
	t->fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (t->fd < 0)
		return -errno;
	memset(&ifr, 0, sizeof(ifr));
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", ifname);
	ifr.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;
	if (ioctl(t->fd, TUNSETIFF, &ifr) < 0) {
		rc = errno == EINVAL ? -EEXIST : -errno; /* EINVAL: the name is not a TAP's */
		tap_close(t);
		return rc;
	}
	memcpy(t->ifname, ifr.ifr_name, sizeof(t->ifname));
	return tap_carrier(t, false);
}

void tap_close(struct tap *t)
{
	if (t->fd >= 0)
		close(t->fd);
	t->fd = -1;
}

int tap_offloads(const struct tap *t, bool checksum, bool tso)
{
	unsigned flags = 0;

	if (checksum)
		flags |= TUN_F_CSUM;
	if (checksum && tso)
		flags |= TUN_F_TSO4 | TUN_F_TSO6;
	return ioctl(t->fd, TUNSETOFFLOAD, flags) < 0 ? -errno : 0;
}

int tap_carrier(const struct tap *t, bool on)
{
	int value = on;

	return ioctl(t->fd, TUNSETCARRIER, &value) < 0 ? -errno : 0;
}

int tap_refresh(struct tap *t)
{
	struct ifreq ifr;

	memset(&ifr, 0, sizeof(ifr));
	if (ioctl(t->fd, TUNGETIFF, &ifr) < 0)
		return -errno;
	memcpy(t->ifname, ifr.ifr_name, sizeof(t->ifname));
	return 0;
}

int tap_mac(const struct tap *t, uint8_t mac[6])
{
	struct ifreq ifr;

	memset(&ifr, 0, sizeof(ifr));
	if (ioctl(t->fd, SIOCGIFHWADDR, &ifr) < 0)
		return -errno;
	memcpy(mac, ifr.ifr_hwaddr.sa_data, 6);
	return 0;
}

int tap_set_mac(const struct tap *t, const uint8_t mac[6])
{
	struct ifreq ifr;

	memset(&ifr, 0, sizeof(ifr));
	ifr.ifr_hwaddr.sa_family = ARPHRD_ETHER;
	memcpy(ifr.ifr_hwaddr.sa_data, mac, 6);
	return ioctl(t->fd, SIOCSIFHWADDR, &ifr) < 0 ? -errno : 0;
}

int tap_noarp(const struct tap *t)
{
	struct ifreq ifr = {0};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), rc = 0;

	if (fd < 0)
		return -errno;
	memcpy(ifr.ifr_name, t->ifname, sizeof(ifr.ifr_name));
	if (ioctl(fd, SIOCGIFFLAGS, &ifr) < 0)
		rc = -errno;
	ifr.ifr_flags |= IFF_NOARP;
	if (!rc && ioctl(fd, SIOCSIFFLAGS, &ifr) < 0)
		rc = -errno;
	close(fd);
	return rc;
}
