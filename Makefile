# SPDX-License-Identifier: Apache-2.0
# zlan: targets for people are listed by `make help`.

.DEFAULT_GOAL := all
B ?= build
ifeq ($(origin CC),default)
CC := gcc
endif
OPT ?= -O2
SAN ?=
PKGS := libnl-3.0 libnl-route-3.0 libpcap libevent jansson libedit liburcu-qsbr liburcu-cds libcap-ng libseccomp libsystemd liburing

WARN := -Wall -Wextra -Wconversion -Wvla -Wmissing-prototypes -Wstrict-prototypes -Wshadow -Werror
# Asked once, and only by a target that compiles.
PKG_CFLAGS = $(eval PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS) 2>/dev/null))$(PKG_CFLAGS)
PKG_LIBS = $(eval PKG_LIBS := $(shell pkg-config --libs $(PKGS) 2>/dev/null))$(PKG_LIBS)
CHECK_LIBS = $(eval CHECK_LIBS := $(shell pkg-config --libs check 2>/dev/null))$(CHECK_LIBS)
CFLAGS := -std=c11 -D_GNU_SOURCE -I. $(OPT) -g -fno-strict-aliasing -fno-common -fstack-protector-strong -pthread $(WARN) $(SAN)
LDFLAGS := -pthread $(SAN) -Wl,--as-needed -Wl,-z,relro,-z,now

# One short line a step; V=1 shows the commands, -s nothing.
silent := $(findstring s,$(firstword -$(MAKEFLAGS)))
step = $(if $(V),,@$(if $(silent),,printf '  %-4s %s\n' $(1) $@;))

# One folder is one library; zland.c, zlan.c and zlan-nic.c are the programs' main files.
PROGRAM_SRC := cp/zland.c cp/zlan.c guest/zlan-nic.c
LIB_qdio := $(wildcard qdio/*.c)
LIB_vswitch := $(wildcard vswitch/*.c)
LIB_osa := $(wildcard osa/*.c)
LIB_hipersockets := $(wildcard hipersockets/*.c)
LIB_host := $(wildcard host/*.c)
LIB_cp := $(filter-out $(PROGRAM_SRC),$(wildcard cp/*.c))
LIB_guest := $(filter-out $(PROGRAM_SRC),$(wildcard guest/*.c))
LIBS := qdio vswitch osa hipersockets host cp guest

SRC := $(foreach l,$(LIBS),$(LIB_$(l))) $(PROGRAM_SRC)
ARCHIVES := $(foreach l,cp guest host hipersockets osa qdio vswitch,$(B)/lib$(l).a)
PROGRAMS := $(B)/zland $(B)/zlan $(B)/zlan-nic
CHECKS := $(patsubst tests/%.c,$(B)/tests/%,$(wildcard tests/check_*.c))
FUZZERS := $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
TESTLIB := $(filter-out tests/check_%.c,$(wildcard tests/*.c))

.DELETE_ON_ERROR:
.SECONDARY: # objects of tests stay, so that the next make check only relinks

include host/dpdk/module.mk

.PHONY: all
all: $(PROGRAMS) $(DPDK_PLUGIN)

define library
$(B)/lib$(1).a: $(patsubst %.c,$(B)/%.o,$(LIB_$(1)))
	@rm -f $$@
	$$(call step,AR)ar rcs $$@ $$^
endef
$(foreach l,$(LIBS),$(eval $(call library,$(l))))

$(B)/%.o: %.c
	@mkdir -p $(@D)
	$(call step,CC)$(CC) $(CFLAGS) $(PKG_CFLAGS) -MMD -MP -c -o $@ $<

$(B)/zland: $(B)/cp/zland.o $(B)/libcp.a $(B)/libhost.a $(B)/libhipersockets.a $(B)/libosa.a $(B)/libqdio.a $(B)/libvswitch.a
	$(call step,LD)$(CC) $(LDFLAGS) -o $@ $^ $(PKG_LIBS)
$(B)/zlan: $(B)/cp/zlan.o $(B)/libcp.a $(B)/libhost.a $(B)/libhipersockets.a $(B)/libosa.a $(B)/libqdio.a $(B)/libvswitch.a
	$(call step,LD)$(CC) $(LDFLAGS) -o $@ $^ $(PKG_LIBS)
$(B)/zlan-nic: $(B)/guest/zlan-nic.o $(B)/libguest.a $(B)/libhost.a
	$(call step,LD)$(CC) $(LDFLAGS) -o $@ $^ $(PKG_LIBS)

# Unit tests: tests/check_NAME.c with Check; other tests/*.c are helpers linked into each.
$(B)/libtest.a: $(patsubst %.c,$(B)/%.o,$(TESTLIB))
	@rm -f $@
	$(call step,AR)ar rcs $@ $^
$(B)/tests/check_%: $(B)/tests/check_%.o $(if $(TESTLIB),$(B)/libtest.a) $(ARCHIVES)
	$(call step,LD)$(CC) $(LDFLAGS) -Wl,--wrap=_mark_point -o $@ $< $(if $(TESTLIB),$(B)/libtest.a) -Wl,--start-group $(ARCHIVES) -Wl,--end-group $(PKG_LIBS) $(CHECK_LIBS)
.PHONY: checks
checks: $(CHECKS)

# Fuzz targets, libFuzzer ABI: with tests/fuzz/replay.c they replay files (make check), with
# clang's libFuzzer they search (make fuzz).
$(B)/fuzz/replay_%: $(B)/tests/fuzz/%.o $(B)/tests/fuzz/replay.o $(if $(TESTLIB),$(B)/libtest.a) $(ARCHIVES)
	@mkdir -p $(@D)
	$(call step,LD)$(CC) $(LDFLAGS) -o $@ $(B)/tests/fuzz/$*.o $(B)/tests/fuzz/replay.o $(if $(TESTLIB),$(B)/libtest.a) -Wl,--start-group $(ARCHIVES) -Wl,--end-group $(PKG_LIBS)
$(B)/fuzz/search_%: $(B)/tests/fuzz/%.o $(if $(TESTLIB),$(B)/libtest.a) $(ARCHIVES)
	@mkdir -p $(@D)
	$(call step,LD)$(CC) $(LDFLAGS) -fsanitize=fuzzer -o $@ $(B)/tests/fuzz/$*.o $(if $(TESTLIB),$(B)/libtest.a) -Wl,--start-group $(ARCHIVES) -Wl,--end-group $(PKG_LIBS)
.PHONY: replayers searchers
replayers: $(patsubst %,$(B)/fuzz/replay_%,$(FUZZERS))
searchers: $(patsubst %,$(B)/fuzz/search_%,$(FUZZERS))

$(B)/bench: $(patsubst %.c,$(B)/%.o,$(wildcard tests/bench/*.c)) $(if $(TESTLIB),$(B)/libtest.a) $(ARCHIVES)
	$(call step,LD)$(CC) $(LDFLAGS) -o $@ $(filter %.o,$^) $(if $(TESTLIB),$(B)/libtest.a) -Wl,--start-group $(ARCHIVES) -Wl,--end-group $(PKG_LIBS) -lm

# The same once more, built to count the cycles of the switch's stages (common/stage.h).
STAGED := $(patsubst %.c,$(B)/staged/%.o,$(wildcard tests/bench/*.c) $(LIB_osa) $(LIB_vswitch) tests/inproc.c)
$(B)/staged/%.o: %.c
	@mkdir -p $(@D)
	$(call step,CC)$(CC) $(CFLAGS) $(PKG_CFLAGS) -DZLAN_STAGES -MMD -MP -c -o $@ $<
$(B)/staged/bench: $(STAGED) $(ARCHIVES)
	$(call step,LD)$(CC) $(LDFLAGS) -o $@ $(STAGED) -Wl,--start-group $(ARCHIVES) -Wl,--end-group $(PKG_LIBS)

# Guests by vhost-user for the bench's peers, where libdpdk is.
VHOST_LOOP := $(if $(DPDK_PLUGIN),$(B)/vhost-loop)
$(B)/vhost-loop: tests/bench/vhost/loop.c
	@mkdir -p $(@D)
	$(call step,CC)$(CC) $(CFLAGS) -O3 $(DPDK_CFLAGS) -MMD -MP -o $@ $< $(LDFLAGS) -lrte_ethdev -lrte_mbuf -lrte_mempool -lrte_ring -lrte_eal

include guest/hercules/module.mk

# ---- what people call ------------------------------------------------------------------

PREFIX ?= /usr/local
SECONDS ?= 60
SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer

.PHONY: help
help:
	@echo 'make               build zland, zlan and zlan-nic into $(B)/'
	@echo 'sudo make demo     install what is missing, build, show two guests on a virtual switch'
	@echo 'sudo make check    install what the tests need and run all of them'
	@echo 'sudo make deps     only install the packages'
	@echo 'make hercules      the device module for Hercules; HERCULES_SRC=DIR for another than Debian'"'"'s'
	@echo 'sudo make check-guest   a stock Linux driver under Hercules; HERCULES=PATH for another emulator'
	@echo 'make lint          warnings, sparse, cppcheck, clang-tidy, clang-format, include arrows'
	@echo 'make fuzz          search with every fuzz target, SECONDS=$(SECONDS) each'
	@echo 'sudo make bench    how fast, beside others; writes $(B)/bench.json; ONLY=REGEX some of it'
	@echo 'sudo make bench-guest   the same of guests under Hercules, minutes; adds to $(B)/bench.json'
	@echo 'make asan          all programs and tests with ASan and UBSan into build/asan/'
	@echo 'make tsan          the lock-free parts of the queues under ThreadSanitizer'
	@echo 'make coverage      line coverage of the unit tests and the fuzz corpora'
	@echo 'make install       into $$(DESTDIR)$$(PREFIX), PREFIX=$(PREFIX)'

.PHONY: deps
deps:
	@scripts/deps.sh build demo test lint

.PHONY: demo
demo:
	@scripts/deps.sh build demo
	@echo 'Building'
	@$(MAKE) -s -j$(shell nproc) all
	@B=$(B) scripts/demo.sh

.PHONY: check
check:
	@scripts/deps.sh build test
	@MAKE='$(MAKE)' scripts/check.sh

.PHONY: check-guest
check-guest:
	@scripts/deps.sh build test guest
	@MAKE='$(MAKE)' scripts/check-guest.sh

.PHONY: lint
lint:
	@scripts/deps.sh build lint
	@MAKE='$(MAKE)' PKG_CFLAGS='$(PKG_CFLAGS)' WARN='$(WARN)' EMU_SRC='$(EMU_SRC)' EMU_CFLAGS='$(EMU_CFLAGS)' \
		EMU_HEADERS='$(HERCULES_SRC)' scripts/lint.sh $(STEPS)

.PHONY: asan
asan:
	@$(MAKE) --no-print-directory B=build/asan OPT=-O1 SAN='$(SANITIZE)' all checks replayers

# What needs no RCU, which ThreadSanitizer does not know. It knows no fences either (-Wno-tsan).
.PHONY: tsan
tsan:
	@mkdir -p build/tsan
	$(call step,CC)$(CC) $(CFLAGS) -Wno-tsan -fsanitize=thread -o build/tsan/check_lease tests/check_lease.c $(LIB_qdio) $(CHECK_LIBS)
	$(call step,CC)$(CC) $(CFLAGS) -Wno-tsan -fsanitize=thread -o build/tsan/check_virtnet tests/check_virtnet.c host/virtnet.c host/vlease.c host/vring.c host/vpack.c host/vnet.c $(CHECK_LIBS)
	build/tsan/check_lease
	build/tsan/check_virtnet

.PHONY: fuzz
fuzz:
	@scripts/deps.sh build fuzz
	@$(MAKE) --no-print-directory B=build/libfuzzer CC=clang OPT=-O1 SAN='$(SANITIZE) -fsanitize=fuzzer-no-link' searchers
	@scripts/fuzz.sh build/libfuzzer $(SECONDS) $(FUZZERS)

.PHONY: bench
bench:
	@scripts/deps.sh build
	@[ "$$(id -u)" != 0 ] || scripts/deps.sh bench
	@$(MAKE) -s -j$(shell nproc) all $(B)/bench $(B)/staged/bench $(VHOST_LOOP)
	@tests/bench/bench.sh $(B)/bench -o $(B)/bench.json $(if $(ONLY),'$(ONLY)')

.PHONY: bench-guest
bench-guest:
	@scripts/deps.sh build test guest
	@$(MAKE) -s all
	@$(MAKE) -s hercules
	@scripts/guest-root.sh $(B)/guest-root
	@ZLAN_BIN=$(abspath $(B)) tests/bench/emulator.sh

.PHONY: coverage
coverage:
	@scripts/deps.sh build coverage
	@$(MAKE) --no-print-directory B=build/coverage OPT=-O0 WARN= SAN=--coverage checks replayers
	@MAKE='$(MAKE)' scripts/check.sh --coverage build/coverage

.PHONY: install
install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/sbin $(DESTDIR)$(PREFIX)/share/doc/zlan
	install -m 755 $(B)/zlan $(B)/zlan-nic $(DESTDIR)$(PREFIX)/bin
	install -m 755 $(B)/zland $(DESTDIR)$(PREFIX)/sbin
	$(if $(DPDK_PLUGIN),install -D -m 755 $(DPDK_PLUGIN) $(DESTDIR)$(PREFIX)/lib/zlan/libzlan-dpdk.so)
	install -m 644 README.md LICENSE $(wildcard docs/*.md) $(DESTDIR)$(PREFIX)/share/doc/zlan

-include $(shell find $(B) -name '*.d' -type f 2>/dev/null)

.PHONY: clean
clean:
	rm -rf build
