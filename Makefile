# SPDX-License-Identifier: MIT
# make          builds everything, and leaves in build/root what `make install` writes
# make run      boots Ostler in QEMU and starts a guest on it; installs what is missing first
# make check    runs every test, from nothing
# make check-long    runs what takes long: ten guests on a bridge for ten minutes, disks under fio
# make check-debian  runs Debian's libvirt and QEMU over our XenStore; fetches 160 MB once
# make bench    measures Ostler and devices beside Debian's Xen 4.17; make bench-xenstore XenStore
# make guest-kernel  builds a small Linux for guests, with guest-patches' series
# make install  writes it to DESTDIR
# make clean    removes what was built; make distclean also what was downloaded
TOP := $(CURDIR)
include Config.mk

PARTS := $(patsubst %/Makefile,%,$(wildcard $(addsuffix /Makefile,\
	hypervisor xenstore dom0-tools pv-drivers)))
HYPERVISOR ?= ours
GRUBDIR ?= /etc/grub.d

# A part's install may need what an earlier part built, so the parts go one after the other.
.PHONY: all setup install install-parts run check check-long check-debian bench bench-xenstore \
	guest-kernel clean distclean
all:
	@set -e; for part in $(PARTS); do $(MAKE) --no-print-directory -C $$part all; done
	@rm -rf $(O)/stage
	@$(MAKE) --no-print-directory -s install-parts DESTDIR=$(O)/stage
	@tests/lab/mirror $(O)/stage $(O)/root

install: all
	@$(MAKE) --no-print-directory install-parts

install-parts:
	@set -e; for part in $(PARTS); do \
		$(MAKE) --no-print-directory -C $$part install DESTDIR=$(DESTDIR); done
	install -D -m 755 dom0-tools/grub/20_ostler $(DESTDIR)$(GRUBDIR)/20_ostler

setup:
	@tests/lab/setup

run: setup
	@$(MAKE) --no-print-directory all
	@tests/lab/demo --hypervisor $(HYPERVISOR)

check: setup
	@$(MAKE) --no-print-directory all
	@$(MAKE) --no-print-directory -C tests all
	@tests/run

check-long: setup
	@$(MAKE) --no-print-directory all
	@tests/long/net.sh
	@tests/long/disks.sh
	@tests/long/guest_kernel.sh

check-debian: setup
	@$(MAKE) --no-print-directory all
	@tests/debian/libvirt.sh

bench: setup
	@$(MAKE) --no-print-directory all
	@tests/bench/run
	@tests/bench/devices

bench-xenstore: setup
	@$(MAKE) --no-print-directory all
	@tests/lab/fetch xen >/dev/null
	@$(MAKE) --no-print-directory -C tests/xenstore all
	@tests/xenstore/bench.sh

guest-kernel: setup
	@guest-patches/build

clean:
	rm -rf $(filter-out $(O)/cache,$(wildcard $(O)/*))

distclean:
	rm -rf $(O)
