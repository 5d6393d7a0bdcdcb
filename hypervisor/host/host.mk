# SPDX-License-Identifier: MIT
# The portable rooms compiled for the host, with sanitizers, for tests: $(O)/host/libhvcore.a.
# Included by hypervisor/Makefile, which has set TOP and read Config.mk. lib/string.c and
# lib/print.c stay out: here they are the C library's (their test includes the files).
HOST_SAN  := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
HOST_SRC  := $(filter-out lib/string.c lib/print.c,$(wildcard lib/*.c kern/*.c mm/*.c comm/*.c \
	guest/*.c guest/*/*.c call/*.c host/*.c))
HOST_OBJ  := $(HOST_SRC:%.c=$(O)/host/%.o)
HOST_LIB  := $(O)/host/libhvcore.a
# gcc sees uninitialised uses that are none when it sanitizes; the bare build has that warning.
HOST_CFLAGS := $(CFLAGS_USER) $(HOST_SAN) -Wno-maybe-uninitialized \
	-I$(TOP)/hypervisor/host/inc -DLOCK_CHECK=1

.PHONY: host
host: $(HOST_LIB)

# Anew, so that a removed file does not stay in it.
$(HOST_LIB): $(HOST_OBJ)
	@rm -f $@
	@echo "  AR $@"; $(AR) rcs $@ $^

$(O)/host/%.o: %.c
	@mkdir -p $(@D)
	@echo "  HOSTCC $<"; $(CC) $(HOST_CFLAGS) -MF $(@:.o=.d) -c -o $@ $<

-include $(HOST_OBJ:.o=.d)
