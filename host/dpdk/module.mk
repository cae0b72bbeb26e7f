# SPDX-License-Identifier: Apache-2.0
# libzlan-dpdk.so, the plug-in with DPDK; included by the Makefile. Built where libdpdk is.

DPDK_PLUGIN := $(if $(shell pkg-config --exists libdpdk 2>/dev/null && echo yes),$(B)/libzlan-dpdk.so)
# Its own copies of four files of host: the plug-in takes no symbols from zland.
DPDK_OBJ := $(patsubst %.c,$(B)/dpdk/%.o,$(wildcard host/dpdk/*.c) host/vnet.c host/vring.c host/vpack.c host/vlease.c host/virtnet.c host/steer.c)
# As system headers: they are not written for our warnings.
DPDK_CFLAGS = $(eval DPDK_CFLAGS := $(subst -I/,-isystem /,$(shell pkg-config --cflags libdpdk)))$(DPDK_CFLAGS)
DPDK_LIBS := -lrte_vhost -lrte_ethdev -lrte_mbuf -lrte_mempool -lrte_eal

$(B)/dpdk/%.o: %.c
	@mkdir -p $(@D)
	$(call step,CC)$(CC) $(CFLAGS) $(DPDK_CFLAGS) -fPIC -fvisibility=hidden -MMD -MP -c -o $@ $<

$(B)/libzlan-dpdk.so: $(DPDK_OBJ)
	$(call step,LD)$(CC) $(LDFLAGS) -shared -o $@ $^ $(DPDK_LIBS)
