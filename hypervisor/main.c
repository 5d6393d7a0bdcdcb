/* SPDX-License-Identifier: MIT */
/* The order in which the hypervisor comes to life, and the one list of its rooms: domains
 * are created by walking it forward, destroyed by walking it backward. */
#include "comm/event.h"
#include "comm/grant.h"
#include "comm/pirq.h"
#include "guest/pv/dom0.h"
#include "guest/pv/domain.h"
#include "guest/time.h"
#include "kern/console.h"
#include "kern/hang.h"
#include "kern/log.h"
#include "kern/page_alloc.h"
#include "kern/param.h"
#include "kern/room.h"
#include "kern/sched.h"
#include "kern/softirq.h"
#include "mm/page.h"
#include "port/console.h"
#include "port/map.h"
#include "port/platform.h"
#include "port/upcall.h"

const struct room *const rooms[] = {
    &sched_room, &mm_room,   &evtchn_room, &grant_room,
    &pirq_room,  &time_room, &pv_room,     NULL,
};

static void banner(const struct boot_info *bi)
{
    log_info("Ostler: a hypervisor with Xen 4.17's interfaces");
    log_info("Boot loader: %s, %u modules, %s", bi->loader, bi->modules,
             bi->efi ? "UEFI" : "BIOS");
    log_info("Command line: %s", bi->cmdline);
}

/* What is given out is zero in any case: this says who has to wait for it. */
static void scrub_ram(void)
{
    if (boot_params.bootscrub == SCRUB_AS_USED)
        page_alloc_leave_fresh_dirty();
    if (boot_params.bootscrub != SCRUB_AT_BOOT)
        return;
    log_info("Scrubbing free RAM");
    while (page_alloc_scrub())
        softirq_run();
}

static void input_for_dom0(void)
{
    evtchn_raise_global_virq(HV_VIRQ_CONSOLE);
}

void hv_main(struct boot_info *bi)
{
    struct domain *d;

    console_early_init(bi->cmdline);
    banner(bi);
    param_parse(bi->cmdline);
    timer_subsys_init();
    machine_init(bi);
    sched_init();
    mm_init();
    time_init();
    console_input_ready = input_for_dom0;
    console_input_init();
    machine_start_cpus();
    console_late_init();
    scrub_ram();
    d = dom0_build(bi);
    map_free_modules(); /* dom0 has copies */
    log_info("%luM free for guests; starting dom0",
             (unsigned long)(page_alloc_free_count() >> 8));
    platform_vga_handover();
    if (domain_unpause_by_controller(d))
        panic("dom0 cannot be started");
    hang_init();
    sched_start();
}

void hv_ap_main(void)
{
    sched_start();
}
