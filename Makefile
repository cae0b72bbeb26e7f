# SPDX-License-Identifier: Apache-2.0
# zlan: targets for people are listed by `make help`.

B ?= build
CC ?= gcc
OPT ?= -O2
SAN ?=
PKGS := libnl-3.0 libnl-route-3.0 libpcap libevent jansson libedit liburcu-qsbr liburcu-cds libcap-ng libseccomp libsystemd liburing

WARN := -Wall -Wextra -Wconversion -Wvla -Wmissing-prototypes -Wstrict-prototypes -Wshadow -Werror
PKG_CFLAGS = $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
PKG_LIBS = $(shell pkg-config --libs $(PKGS) 2>/dev/null)
CFLAGS := -std=c11 -D_GNU_SOURCE -I. $(OPT) -g -fno-strict-aliasing -fno-common -fstack-protector-strong -pthread $(WARN) $(SAN)
LDFLAGS := -pthread $(SAN) -Wl,-z,relro,-z,now

# One folder is one library; zland.c, zlan.c and zlan-nic.c are the programs' main files.
PROGRAM_SRC := cp/zland.c cp/zlan.c guest/zlan-nic.c
LIB_qdio := $(wildcard qdio/*.c)
LIB_vswitch := $(wildcard vswitch/*.c)
LIB_osa := $(wildcard osa/*.c)
LIB_host := $(wildcard host/*.c)
LIB_cp := $(filter-out $(PROGRAM_SRC),$(wildcard cp/*.c))
LIB_guest := $(filter-out $(PROGRAM_SRC),$(wildcard guest/*.c))
LIBS := qdio vswitch osa host cp guest

SRC := $(foreach l,$(LIBS),$(LIB_$(l))) $(PROGRAM_SRC)
ARCHIVES := $(foreach l,cp guest host osa qdio vswitch,$(B)/lib$(l).a)
PROGRAMS := $(B)/zland $(B)/zlan $(B)/zlan-nic
CHECKS := $(patsubst tests/%.c,$(B)/tests/%,$(wildcard tests/check_*.c))
FUZZERS := $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
TESTLIB := $(filter-out tests/check_%.c,$(wildcard tests/*.c))

.PHONY: all
all: $(PROGRAMS)

define library
$(B)/lib$(1).a: $(patsubst %.c,$(B)/%.o,$(LIB_$(1)))
	@rm -f $$@
	ar rcs $$@ $$^
endef
$(foreach l,$(LIBS),$(eval $(call library,$(l))))

$(B)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(PKG_CFLAGS) -MMD -MP -c -o $@ $<

$(B)/zland: $(B)/cp/zland.o $(B)/libcp.a $(B)/libhost.a $(B)/libosa.a $(B)/libqdio.a $(B)/libvswitch.a
	$(CC) $(LDFLAGS) -o $@ $^ $(PKG_LIBS)
$(B)/zlan: $(B)/cp/zlan.o $(B)/libcp.a $(B)/libhost.a $(B)/libosa.a $(B)/libqdio.a $(B)/libvswitch.a
	$(CC) $(LDFLAGS) -o $@ $^ $(PKG_LIBS)
$(B)/zlan-nic: $(B)/guest/zlan-nic.o $(B)/libguest.a $(B)/libhost.a
	$(CC) $(LDFLAGS) -o $@ $^ $(PKG_LIBS)

# Unit tests: tests/check_NAME.c with Check; other tests/*.c are helpers linked into each.
$(B)/libtest.a: $(patsubst %.c,$(B)/%.o,$(TESTLIB))
	@rm -f $@
	ar rcs $@ $^
$(B)/tests/check_%: $(B)/tests/check_%.o $(if $(TESTLIB),$(B)/libtest.a) $(ARCHIVES)
	$(CC) $(LDFLAGS) -o $@ $< $(if $(TESTLIB),$(B)/libtest.a) -Wl,--start-group $(ARCHIVES) -Wl,--end-group $(PKG_LIBS) $(shell pkg-config --libs check 2>/dev/null)
.PHONY: checks
checks: $(CHECKS)

# Fuzz targets, libFuzzer ABI: with tests/fuzz/replay.c they replay files (make check), with
# clang's libFuzzer they search (make fuzz).
$(B)/fuzz/replay_%: $(B)/tests/fuzz/%.o $(B)/tests/fuzz/replay.o $(if $(TESTLIB),$(B)/libtest.a) $(ARCHIVES)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $(B)/tests/fuzz/$*.o $(B)/tests/fuzz/replay.o $(if $(TESTLIB),$(B)/libtest.a) -Wl,--start-group $(ARCHIVES) -Wl,--end-group $(PKG_LIBS)
$(B)/fuzz/search_%: $(B)/tests/fuzz/%.o $(if $(TESTLIB),$(B)/libtest.a) $(ARCHIVES)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -fsanitize=fuzzer -o $@ $(B)/tests/fuzz/$*.o $(if $(TESTLIB),$(B)/libtest.a) -Wl,--start-group $(ARCHIVES) -Wl,--end-group $(PKG_LIBS)
.PHONY: replayers searchers
replayers: $(patsubst %,$(B)/fuzz/replay_%,$(FUZZERS))
searchers: $(patsubst %,$(B)/fuzz/search_%,$(FUZZERS))

$(B)/bench: $(patsubst %.c,$(B)/%.o,$(wildcard tests/bench/*.c)) $(if $(TESTLIB),$(B)/libtest.a) $(ARCHIVES)
	$(CC) $(LDFLAGS) -o $@ $(filter %.o,$^) $(if $(TESTLIB),$(B)/libtest.a) -Wl,--start-group $(ARCHIVES) -Wl,--end-group $(PKG_LIBS) -lm

-include $(shell find $(B) -name '*.d' 2>/dev/null)

.PHONY: clean
clean:
	rm -rf build
