# SPDX-License-Identifier: MIT
# Tools and flags shared by every part. Each Makefile sets TOP, then includes this file.
TOP     ?= $(abspath .)
O       ?= $(TOP)/build
# make's own default is cc: whoever sets CC is heard, make is not.
ifeq ($(origin CC),default)
CC      := gcc
endif
AR      ?= ar
PREFIX  ?= /usr
SBINDIR ?= $(PREFIX)/sbin
BINDIR  ?= $(PREFIX)/bin
MULTIARCH := $(shell $(CC) -print-multiarch 2>/dev/null)
LIBDIR  ?= $(PREFIX)/lib/$(MULTIARCH)
MANDIR  ?= $(PREFIX)/share/man

WARN    := -Wall -Wextra -Werror -Wno-unused-parameter -Wno-missing-field-initializers \
           -Wstrict-prototypes -Wold-style-definition -Wvla
CFLAGS_USER := -std=gnu11 -O2 -g $(WARN) -D_GNU_SOURCE -I$(TOP)/hypervisor -MMD -MP
