# SPDX-License-Identifier: Apache-2.0
# hdtzosa.so, the module for an emulator; included by the Makefile.
#
#   make hercules                     for Debian's hercules, headers from its source package
#   make hercules HERCULES_SRC=DIR    for the emulator of that source tree, 3.13 or 4.x
#         [HERCULES_BUILD=DIR]        where its config.h is, if it was built elsewhere

DEBIAN_HERCULES := $(B)/hercules-source
HERCULES_SRC ?= $(DEBIAN_HERCULES)
HERCULES_BUILD ?= $(HERCULES_SRC)

# 4.x has its QETH's header; 3.13 has none. Debian's tree is not configured: no config.h.
EMU := $(if $(wildcard $(HERCULES_SRC)/qeth.h),emu4,emu313)
EMU_CONFIG := $(if $(wildcard $(HERCULES_BUILD)/config.h),$(HERCULES_BUILD),guest/hercules/debian313)

MODULE := $(B)/hercules/hdtzosa.so
MODULE_SRC := $(LIB_qdio) $(LIB_osa) $(LIB_hipersockets) vswitch/packet.c vswitch/join.c guest/portlink.c guest/hercules/zosa.c guest/hercules/operands.c guest/hercules/hipers.c guest/hercules/record.c guest/hercules/record_buffers.c
MODULE_OBJ := $(patsubst %.c,$(B)/hercules/%.o,$(MODULE_SRC))

# Hidden: the emulator exports names of its own, such as qdio's.
$(B)/hercules/%.o: %.c
	@mkdir -p $(@D)
	$(call step,CC)$(CC) $(CFLAGS) -fPIC -fvisibility=hidden -MMD -MP -c -o $@ $<

# The emulator's headers do not compile under our warnings.
EMU_CFLAGS = -std=gnu11 -D_GNU_SOURCE -DHAVE_CONFIG_H -I$(EMU_CONFIG) -isystem $(HERCULES_SRC) -I. \
	$(OPT) -g -fPIC -fcommon -fno-strict-aliasing -fstack-protector-strong -pthread \
	-Wall -Wextra -Werror $(SAN)

# 4.x keeps headers of its own libraries aside, and its version in configure.ac.
EMU_CFLAGS += $(if $(filter emu4,$(EMU)),$(foreach d,telnet SoftFloat decNumber crypto,-isystem $(HERCULES_SRC)/$(d)/include) \
	$(foreach v,VERS_MAJ VERS_INT VERS_MIN,-D$(v)=$(shell sed -n 's/^ *$(v)=\([0-9]*\).*/\1/p' $(HERCULES_SRC)/configure.ac)) -DVERS_BLD=0)

# Rebuilt when another emulator is named: which one is in the file's name.
EMU_SRC := guest/hercules/$(EMU).c
EMU_OBJ := $(B)/hercules/$(EMU)$(subst /,_,$(abspath $(HERCULES_SRC))).o
$(EMU_OBJ): $(EMU_SRC) guest/hercules/zosa.h guest/hercules/module.mk
	@mkdir -p $(@D)
	$(call step,CC)$(CC) $(EMU_CFLAGS) -c -o $@ $<

# Always linked: the emulator's half may be another than last time, and older than the module.
.PHONY: relink
$(MODULE): $(MODULE_OBJ) $(EMU_OBJ) relink
	$(call step,LD)$(CC) $(LDFLAGS) -shared -Wl,-Bsymbolic -o $@ $(filter %.o,$^)

.PHONY: hercules
hercules:
	@scripts/deps.sh build
	@[ -e $(HERCULES_SRC)/hercules.h ] || [ $(HERCULES_SRC) != $(DEBIAN_HERCULES) ] || scripts/hercules-source.sh $(DEBIAN_HERCULES)
	@[ -e $(HERCULES_SRC)/hercules.h ] || { echo '$(HERCULES_SRC) is not a source tree of hercules' >&2; exit 1; }
	@$(MAKE) --no-print-directory $(MODULE)
	@echo 'For Hercules: $(abspath $(MODULE))'
