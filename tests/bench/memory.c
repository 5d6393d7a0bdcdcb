/* SPDX-License-Identifier: MIT */
/*
 * Where the machine's memory is, in pages, as one JSON line:
 *   {"memory":"NAME","total":..,"free":..,"dom0":..,"guests":..,"domains":..}
 * total is the RAM of the machine's own memory map, not what the hypervisor calls it;
 * what is in none of the others the hypervisor has taken for itself. For dom0.
 *
 *   memory NAME
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "abi/domctl.h"
#include "abi/memory.h"
#include "abi/sysctl.h"
#include "xen_dev.h"

#define PAGE        4096ull
#define MAX_DOMAINS 256
#define MAX_ENTRIES 128

/* What the hypervisor reads and writes: in place and locked. */
static struct hv_sysctl op;
static struct hv_domctl_getdomaininfo info[MAX_DOMAINS];
static struct hv_e820entry e820[MAX_ENTRIES];
static struct hv_memory_map map = {MAX_ENTRIES, (uintptr_t)e820};
static int privcmd;

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static void hypercall(const char *what, uint64_t number, uint64_t a, uint64_t b)
{
    struct privcmd_call call = {number, {a, b}};

    if (ioctl(privcmd, XEN_DEV_HYPERCALL, &call) < 0)
        die(what);
}

static void sysctl(const char *what, uint32_t cmd)
{
    op.cmd = cmd;
    op.interface_version = HV_SYSCTL_INTERFACE_VERSION;
    hypercall(what, HV_CALL_SYSCTL, (uintptr_t)&op, 0);
}

static uint64_t total_pages(void)
{
    uint64_t bytes = 0;

    hypercall("machine_memory_map", HV_CALL_MEMORY_OP, HV_MEM_MACHINE_MEMORY_MAP,
              (uintptr_t)&map);
    for (unsigned i = 0; i < map.nr_entries; i++)
        if (e820[i].type == HV_E820_RAM)
            bytes += e820[i].size;
    return bytes / PAGE;
}

int main(int argc, char **argv)
{
    unsigned long long total, free, dom0 = 0, guests = 0;
    unsigned n;

    if (argc != 2)
        return 2;
    privcmd = open("/dev/xen/privcmd", O_RDWR | O_CLOEXEC);
    if (privcmd < 0)
        die("/dev/xen/privcmd");
    memset(info, 0, sizeof(info));
    mlockall(MCL_CURRENT);
    total = total_pages();
    sysctl("physinfo", HV_SYSCTL_PHYSINFO);
    free = op.u.physinfo.free_pages;
    op.u.getdomaininfolist = (struct hv_sysctl_getdomaininfolist){
        .max_domains = MAX_DOMAINS, .buffer = (uintptr_t)info};
    sysctl("getdomaininfolist", HV_SYSCTL_GETDOMAININFOLIST);
    n = op.u.getdomaininfolist.num_domains;
    for (unsigned i = 0; i < n; i++)
        *(info[i].domain ? &guests : &dom0) += info[i].tot_pages;
    printf("{\"memory\":\"%s\",\"total\":%llu,\"free\":%llu,", argv[1], total, free);
    printf("\"dom0\":%llu,\"guests\":%llu,\"domains\":%u}\n", dom0, guests, n);
    return 0;
}
