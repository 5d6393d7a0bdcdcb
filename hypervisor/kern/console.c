/* SPDX-License-Identifier: MIT */
/*
 * Console input. Characters come in irq context. Those for the control domain wait in a
 * ring until its console_io read; those for the hypervisor are debug keys, which run from
 * a softirq, because they print more than an interrupt handler should.
 *
 * `lock` guards the ring, the switch and the queue of keys. When the ring is full new
 * characters are lost.
 */
#include "kern/console.h"
#include "kern/domain.h"
#include "kern/heap.h"
#include "kern/lock.h"
#include "kern/log.h"
#include "kern/page_alloc.h"
#include "kern/room.h"
#include "kern/softirq.h"
#include "kern/vcpu.h"
#include "port/console.h"
#include "port/ipi.h"
#include "port/clock.h"

#define RING         256u /* power of two */
#define SWITCH_CHAR  0x01
#define SWITCH_COUNT 3

void (*console_input_ready)(void);

static spinlock_t lock = SPINLOCK_INIT(RANK_LEAF);
static char ring[RING];
static uint32_t produced, consumed;
static bool to_hypervisor;
static unsigned switch_seen;

#define MAX_KEYS 32
static struct debug_key {
    char key;
    const char *help;
    void (*fn)(void);
} keys[MAX_KEYS];
static unsigned nr_keys;
static char pressed[16]; /* under lock: keys that wait for the task */
static unsigned nr_pressed;
static struct task key_task;

size_t console_read(char *buf, size_t n)
{
    irqflags_t f = spin_lock_irq(&lock);
    size_t i = 0;

    while (i < n && consumed != produced)
        buf[i++] = ring[consumed++ % RING];
    spin_unlock_irq(&lock, f);
    return i;
}

static void say_where(void)
{
    log_info("*** Serial input to %s (type 'CTRL-a' three times to switch input)\n",
             to_hypervisor ? "hypervisor; 'h' for help" : "DOM0");
}

/* Under lock: takes the character for the ring, or says that it is a debug key. */
static bool take(char c, bool *ready)
{
    if (c == SWITCH_CHAR && ++switch_seen == SWITCH_COUNT) {
        switch_seen = 0;
        to_hypervisor = !to_hypervisor;
        c = 0;
    } else if (c != SWITCH_CHAR) {
        switch_seen = 0;
    }
    if (to_hypervisor || c == 0)
        return c != SWITCH_CHAR;
    if (produced - consumed < RING)
        ring[produced++ % RING] = c;
    *ready = true;
    return false;
}

static void input(char c)
{
    irqflags_t f = spin_lock_irq(&lock);
    bool before = to_hypervisor, ready = false, is_key = take(c, &ready),
         switched = before != to_hypervisor;

    spin_unlock_irq(&lock, f);
    if (switched)
        debug_key_press('\0');
    else if (is_key)
        debug_key_press(c);
    if (ready && console_input_ready)
        console_input_ready();
}

/* ---- debug keys ---- */

void debug_key_add(char key, const char *help, void (*fn)(void))
{
    if (nr_keys < MAX_KEYS)
        keys[nr_keys++] = (struct debug_key){key, help, fn};
}

void debug_key_press(char key)
{
    irqflags_t f = spin_lock_irq(&lock);

    if (nr_pressed < sizeof(pressed))
        pressed[nr_pressed++] = key;
    spin_unlock_irq(&lock, f);
    task_kick(&key_task);
}

static void run_key(char key)
{
    if (!key) {
        say_where();
        return;
    }
    for (unsigned i = 0; i < nr_keys; i++) {
        if (keys[i].key == key) {
            log_info("'%c' pressed -> %s\n", key, keys[i].help);
            keys[i].fn();
            return;
        }
    }
    if (key > ' ')
        log_info("'%c' is no debug key; 'h' lists them\n", key);
}

static void run_keys(void *arg)
{
    char key;

    for (;;) {
        irqflags_t f = spin_lock_irq(&lock);
        bool any = nr_pressed > 0;

        key = pressed[0];
        if (any)
            nr_pressed--;
        for (unsigned i = 0; i < nr_pressed; i++)
            pressed[i] = pressed[i + 1];
        spin_unlock_irq(&lock, f);
        if (!any)
            return;
        run_key(key);
    }
}

static void show_help(void)
{
    for (unsigned i = 0; i < nr_keys; i++)
        log_info(" key '%c' => %s\n", keys[i].key, keys[i].help);
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

static void show_domains(void)
{
    struct domain *d;
    unsigned next = 0;

    log_info("now = %lu ns\n", (unsigned long)clock_now());
    while (next < HV_DOMID_FIRST_RESERVED &&
           (d = domain_get_next((domid_t)next)) != NULL) {
        next = d->id + 1u;
        log_info("Domain %u: refs=%u pauses=%d dying=%d shutdown=%d\n", d->id, d->refs,
                 d->pauses, d->dying, d->shutdown_code);
        for (unsigned i = 0; i < d->max_vcpus; i++)
            if (d->vcpu[i])
                show_vcpu(d->vcpu[i]);
        for (unsigned i = 0; rooms[i]; i++)
            if (rooms[i]->dump)
                rooms[i]->dump(d);
        domain_put(d);
    }
}

static void show_memory(void)
{
    log_info("Frames: %lu free of %lu\n", (unsigned long)page_alloc_free_count(),
             (unsigned long)page_alloc_total_count());
}

static void show_cpu(void *arg)
{
    const struct vcpu *v = cpu_current();

    if (v && v->domain)
        log_info("*** CPU%u runs d%uv%u%s\n", cpu_id(), v->domain->id, v->id,
                 v->is_idle ? " (idle)" : "");
    cpu_dump_state();
}

static void show_registers(void)
{
    for (unsigned cpu = 0; cpu < cpu_count(); cpu++)
        if (cpu_online() & cpumask_of(cpu))
            ipi_call(cpumask_of(cpu), show_cpu, NULL);
}

static void reboot(void)
{
    machine_restart();
}

void console_input_init(void)
{
    task_init(&key_task, run_keys, NULL);
    debug_key_add('h', "show this help", show_help);
    debug_key_add('d', "dump registers of all CPUs", show_registers);
    debug_key_add('m', "memory of the hypervisor", show_memory);
    debug_key_add('q', "dump domain (and guest debug) info", show_domains);
    debug_key_add('R', "reboot machine", reboot);
    console_set_input(input);
}
