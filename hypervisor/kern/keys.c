/* SPDX-License-Identifier: MIT */
/*
 * Debug keys, with Xen's letters: what each shows. They run in softirq context with irqs
 * on, one at a time. Reading without locks is all right where a stale number does no
 * harm.
 */
#include "kern/console.h"
#include "kern/domain.h"
#include "kern/log.h"
#include "kern/page_alloc.h"
#include "kern/room.h"
#include "kern/sched.h"
#include "kern/timer.h"
#include "kern/vcpu.h"
#include "port/clock.h"
#include "port/console.h"
#include "port/ipi.h"
#include "port/map.h"

#define MAX_KEYS 32
static struct debug_key {
    char key;
    const char *help;
    void (*fn)(void);
} keys[MAX_KEYS];
static unsigned nr_keys;

void debug_key_add(char key, const char *help, void (*fn)(void))
{
    if (nr_keys < MAX_KEYS)
        keys[nr_keys++] = (struct debug_key){key, help, fn};
}

/* fn for each domain, with a reference to it. */
static void each_domain(void (*fn)(struct domain *d, void *arg), void *arg)
{
    struct domain *d;
    unsigned next = 0;

    while (next < HV_DOMID_FIRST_RESERVED &&
           (d = domain_get_next((domid_t)next)) != NULL) {
        next = d->id + 1u;
        fn(d, arg);
        domain_put(d);
    }
}

static void dump_room(struct domain *d, void *arg)
{
    const struct room *room = arg;

    log_info("Domain %u:\n", d->id);
    room->dump(d);
}

static const struct room *room_of(char key)
{
    for (unsigned i = 0; rooms[i]; i++)
        if (rooms[i]->dump_key == key)
            return rooms[i];
    return NULL;
}

bool debug_key_run(char key)
{
    const struct room *room = room_of(key);

    for (unsigned i = 0; i < nr_keys; i++) {
        if (keys[i].key == key) {
            log_info("'%c' pressed -> %s\n", key, keys[i].help);
            keys[i].fn();
            return true;
        }
    }
    if (!room)
        return false;
    log_info("'%c' pressed -> %s\n", key, room->dump_help);
    each_domain(dump_room, (void *)room);
    return true;
}

static void show_help(void)
{
    for (unsigned i = 0; i < nr_keys; i++)
        log_info(" key '%c' => %s\n", keys[i].key, keys[i].help);
    for (unsigned i = 0; rooms[i]; i++)
        if (rooms[i]->dump_key)
            log_info(" key '%c' => %s\n", rooms[i]->dump_key, rooms[i]->dump_help);
}

static void show_vcpu(const struct vcpu *v)
{
    log_info("  VCPU%u: CPU%u %s flags=%#x pauses=%d upcall_pend=%d upcall_mask=%d "
             "affinity=%#lx\n",
             v->id, v->processor, v->running ? "running" : "not running", v->pause_flags,
             v->pauses, v->hw.info ? v->hw.info->evtchn_upcall_pending : 0,
             v->hw.info ? v->hw.info->evtchn_upcall_mask : 0,
             (unsigned long)v->hard_affinity);
}

static void show_domain(struct domain *d, void *arg)
{
    log_info("Domain %u: refs=%u pauses=%d dying=%d shutdown=%d\n", d->id, d->refs,
             d->pauses, d->dying, d->shutdown_code);
    for (unsigned i = 0; i < d->max_vcpus; i++)
        if (d->vcpu[i])
            show_vcpu(d->vcpu[i]);
    for (unsigned i = 0; rooms[i]; i++)
        if (rooms[i]->dump && !rooms[i]->dump_key)
            rooms[i]->dump(d);
}

static void show_domains(void)
{
    log_info("now = %lu ns\n", (unsigned long)clock_now());
    each_domain(show_domain, NULL);
}

static void show_memory(void)
{
    log_info("Frames: %lu free of %lu, %lu when the frame table has entries for all\n",
             (unsigned long)page_alloc_free_count(), (unsigned long)map_ram_frames(),
             (unsigned long)page_alloc_usable_count());
}

static void show_node(void)
{
    log_info("NODE0: CPUs %#lx, %lu frames, %lu free\n", (unsigned long)cpu_online(),
             (unsigned long)map_ram_frames(), (unsigned long)page_alloc_free_count());
}

static void show_cpu(void *arg)
{
    const struct vcpu *v = cpu_current();

    if (v && v->domain)
        log_info("*** CPU%u runs d%uv%u%s\n", cpu_id(), v->domain->id, v->id,
                 v->is_idle ? " (idle)" : "");
    cpu_dump_state();
}

static void each_cpu(void (*fn)(void *arg), void *arg)
{
    for (unsigned cpu = 0; cpu < cpu_count(); cpu++)
        if (cpu_online() & cpumask_of(cpu))
            ipi_call(cpumask_of(cpu), fn, arg);
}

static void show_registers(void)
{
    each_cpu(show_cpu, NULL);
}

static void show_regs_of(struct vcpu *v)
{
    const struct hv_cpu_user_regs *r = v == cpu_current() ? guest_regs() : &v->hw.regs;

    log_info("*** d%uv%u: %s mode, rip %016lx rsp %016lx rflags %lx\n", v->domain->id,
             v->id, v->hw.kernel_mode ? "kernel" : "user", (unsigned long)r->rip,
             (unsigned long)r->rsp, (unsigned long)r->rflags);
    log_info("rax %016lx rbx %016lx rcx %016lx rdx %016lx\n", (unsigned long)r->rax,
             (unsigned long)r->rbx, (unsigned long)r->rcx, (unsigned long)r->rdx);
    log_info("rsi %016lx rdi %016lx rbp %016lx r8  %016lx\n", (unsigned long)r->rsi,
             (unsigned long)r->rdi, (unsigned long)r->rbp, (unsigned long)r->r8);
    log_info("r9  %016lx r10 %016lx r11 %016lx r12 %016lx\n", (unsigned long)r->r9,
             (unsigned long)r->r10, (unsigned long)r->r11, (unsigned long)r->r12);
    log_info("r13 %016lx r14 %016lx r15 %016lx cr3 %016lx\n", (unsigned long)r->r13,
             (unsigned long)r->r14, (unsigned long)r->r15,
             (unsigned long)v->hw.cr3_kernel);
}

static void show_dom0(void)
{
    for (unsigned i = 0; dom0 && i < dom0->max_vcpus; i++) {
        struct vcpu *v = dom0->vcpu[i];

        if (!v || !v->initialised)
            continue;
        if (v != cpu_current())
            vcpu_pause(v);
        show_regs_of(v);
        if (v != cpu_current())
            vcpu_unpause(v);
    }
}

static void show_idle(void)
{
    for (unsigned cpu = 0; cpu < cpu_count(); cpu++)
        log_info("CPU%u: C1 only, idle for %lu ms\n", cpu,
                 (unsigned long)(sched_cpu_idle_ns(cpu) / 1000000));
}

static void show_clock(void *arg)
{
    log_info("CPU%u: TSC %lu, time %lu ns\n", cpu_id(), (unsigned long)clock_tsc(),
             (unsigned long)clock_now());
}

static void show_clocks(void)
{
    log_info("TSC %lu kHz, %s\n", (unsigned long)clock_tsc_khz(),
             clock_tsc_stable() ? "in step on all CPUs" : "not in step");
    each_cpu(show_clock, NULL);
}

static void show_softtsc(void)
{
    log_info("RDTSC is emulated for no domain\n");
}

/* The ring as it is, to the console only: what is printed is not logged again. */
static void show_log(void)
{
    uint32_t index = 0;
    char buf[128];
    size_t n;

    while ((n = log_read(buf, sizeof(buf), &index, false)) > 0)
        console_write(buf, n);
}

static void show_all(void)
{
    static const char wanted[] = "0acdeigmqrstuz";

    for (unsigned i = 0; wanted[i]; i++)
        (void)debug_key_run(wanted[i]);
}

static void reboot(void)
{
    machine_restart();
}

void keys_init(void)
{
    debug_key_add('*', "print all diagnostics", show_all);
    debug_key_add('0', "dump Dom0 registers", show_dom0);
    debug_key_add('R', "reboot machine", reboot);
    debug_key_add('a', "dump timer queues", timer_dump);
    debug_key_add('c', "dump idle states", show_idle);
    debug_key_add('d', "dump registers", show_registers);
    debug_key_add('h', "show this message", show_help);
    debug_key_add('m', "memory info", show_memory);
    debug_key_add('q', "dump domain (and guest debug) info", show_domains);
    debug_key_add('r', "dump run queues", sched_dump);
    debug_key_add('s', "dump softtsc stats", show_softtsc);
    debug_key_add('t', "display multi-cpu clock info", show_clocks);
    debug_key_add('u', "dump NUMA info", show_node);
    debug_key_add('w', "synchronously dump console ring buffer (dmesg)", show_log);
}
