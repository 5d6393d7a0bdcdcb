/* SPDX-License-Identifier: MIT */
/* What a panic shows, of each CPU: registers, the words of the stack that lie in text, by
 * name, and whose vCPU was there. The CPU that panics stops the others by NMI, each
 * leaves its registers in stopped[], and it prints them all. The names are laid into the
 * image by mksyms.sh in a second link: symbol_count pairs of offsets from the image's
 * start and into symbol_names, rising by address. */
#include "hw/boot/boot.h"
#include "hw/cpu/desc.h"
#include "hw/cpu/extable.h"
#include "hw/cpu/msr.h"
#include "hw/cpu/trap.h"
#include "hw/plat/apic.h"
#include "hw/plat/clock.h"
#include "kern/log.h"
#include "port/platform.h"
#include "kern/vcpu.h"
#include "lib/string.h"
#include "port/cpu.h"

#define STOP_US 100000 /* how long a CPU has to answer */

struct symbol {
    uint32_t offset, name;
};
extern const uint32_t symbol_count;
extern const struct symbol symbol_table[];
extern const char symbol_names[];
extern char __image_start[], __text_end[];
extern const char __build_id_start[], __build_id_end[];
extern const char hypercall_done[]; /* entry.S: where handlers return to */

static _Atomic bool stopping;
static const struct hv_cpu_user_regs *_Atomic stopped[HV_MAX_CPUS];

static bool in_text(uint64_t addr)
{
    return addr >= (uint64_t)__image_start && addr < (uint64_t)__text_end;
}

const char *symbol_name(uint64_t addr, char *buf, unsigned n)
{
    uint32_t off = (uint32_t)(addr - IMAGE_START), lo = 0, hi = symbol_count;

    if (!in_text(addr) || !symbol_count || off < symbol_table[0].offset) {
        snprintf(buf, n, "%#lx", (unsigned long)addr);
        return buf;
    }
    while (hi - lo > 1) {
        uint32_t mid = (lo + hi) / 2;

        if (symbol_table[mid].offset <= off)
            lo = mid;
        else
            hi = mid;
    }
    snprintf(buf, n, "%s+%#x", symbol_names + symbol_table[lo].name,
             off - symbol_table[lo].offset);
    return buf;
}

/* The linker's note: three words, the first two lengths, the maker's name, the number. */
size_t platform_build_id(const void **id)
{
    const uint32_t *note = (const void *)__build_id_start;

    if (__build_id_end - __build_id_start < 16)
        return 0;
    *id = (const char *)(note + 3) + ROUND_UP(note[0], 4u);
    return note[1];
}

const char *platform_symbol(uint32_t n, uint64_t *addr)
{
    if (n >= symbol_count)
        return NULL;
    *addr = IMAGE_START + symbol_table[n].offset;
    return symbol_names + symbol_table[n].name;
}

static void dump_regs(const struct hv_cpu_user_regs *r)
{
    char buf[80];

    log_err("rip %04x:%016lx  %s", r->cs, (unsigned long)r->rip,
            symbol_name(r->rip, buf, sizeof(buf)));
    log_err("rsp %04x:%016lx  rflags %08lx", r->ss, (unsigned long)r->rsp,
            (unsigned long)r->rflags);
#define L(a, b, c)                                                                       \
    log_err(#a " %016lx  " #b " %016lx  " #c " %016lx", (unsigned long)r->a,             \
            (unsigned long)r->b, (unsigned long)r->c)
    L(rax, rbx, rcx);
    L(rdx, rsi, rdi);
    L(rbp, r8, r9);
    L(r10, r11, r12);
    L(r13, r14, r15);
#undef L
}

/* Where the stack of a CPU that sp is on ends; 0: sp is on none of them. */
static uint64_t stack_end(const struct cpu_info *info, uint64_t *sp)
{
    uint64_t slot = (uint64_t)info & ~(STACK_SLOT - 1ull);
    unsigned page = (unsigned)((*sp - slot) >> PAGE_SHIFT);

    if (*sp < slot || *sp >= slot + STACK_SLOT)
        return 0;
    if (page ==
        STACK_MAIN_PAGE - 1) { /* overflown into the guard: from its lowest word on */
        *sp = slot + STACK_MAIN_PAGE * PAGE_SIZE;
        page++;
    }
    if (page >= STACK_MAIN_PAGE)
        return (uint64_t)&info->regs.rip;
    return STACK_PAGE_MASK >> page & 1 ? (*sp | (PAGE_SIZE - 1)) : 0;
}

static void dump_stack(const struct cpu_info *info, uint64_t sp)
{
    uint64_t end;
    unsigned shown = 0;
    char buf[80];

    sp &= ~7ull;
    end = stack_end(info, &sp);
    for (; sp < end && shown < 32; sp += 8) {
        uint64_t w = *(const uint64_t *)sp;

        if (in_text(w) && !rsb_filling(w)) {
            log_err("  [%016lx] %s", (unsigned long)w, symbol_name(w, buf, sizeof(buf)));
            shown++;
        }
    }
}

/* In a hypercall there is no frame: its handler's return address is where entry code
 * pushed it, and what entry code kept is told. */
static bool in_hypercall(const struct cpu_info *info, uint64_t sp)
{
    const uint64_t *ret = (const uint64_t *)&info->regs.rip - HCALL_RSB - 1;

    return sp <= (uint64_t)ret && *ret == (uint64_t)hypercall_done;
}

static void dump_hypercall(const struct cpu_info *info)
{
    const unsigned long *a = info->hcall.arg;

    log_err("in hypercall %u (%lx, %lx, %lx, %lx, %lx, %lx)", info->nr, a[0], a[1], a[2],
            a[3], a[4], a[5]);
    log_err("from rip %016lx rsp %016lx", (unsigned long)info->regs.rip,
            (unsigned long)info->regs.rsp);
}

static void dump_domain(const struct domain *d)
{
    log_err("domain %u: %u vcpus, refs %u, pauses %d, dying %d, shutdown %d", d->id,
            d->max_vcpus, d->refs, d->pauses, d->dying, d->shutdown_code);
}

static void dump_guest(const struct cpu_info *info, uint64_t sp)
{
    const struct vcpu *v = info->current;

    if (!v)
        return;
    if (v->is_idle) {
        log_err("CPU %u idle", info->cpu);
        return;
    }
    dump_domain(v->domain);
    log_err("vcpu %u, %s mode, pause flags %x, events pending %u masked %u:", v->id,
            v->hw.kernel_mode ? "kernel" : "user", v->pause_flags,
            v->hw.info->evtchn_upcall_pending, v->hw.info->evtchn_upcall_mask);
    if (in_hypercall(info, sp))
        dump_hypercall(info);
    else
        dump_regs(&info->regs);
}

/* r: where the CPU was; NULL: here. */
static void dump_cpu(const struct cpu_info *info, const struct hv_cpu_user_regs *r)
{
    uint64_t sp = r ? r->rsp : hw_rsp;

    if (!r || !(r->cs & 3)) {
        if (r)
            dump_regs(r);
        log_err("stack:");
        dump_stack(info, sp);
    }
    dump_guest(info, r && r->cs & 3 ? ~0ull : sp);
}

void cpu_dump_state(void)
{
    log_err("CPU %u: cr0 %lx cr2 %lx cr3 %lx cr4 %lx", cpu_id(),
            (unsigned long)read_cr0(), (unsigned long)read_cr2(),
            (unsigned long)read_cr3(), (unsigned long)read_cr4());
    dump_cpu(cpu_info(), trap_dump_regs);
}

void cpu_stop_if_asked(const struct hv_cpu_user_regs *r)
{
    if (!stopping)
        return;
    stopped[cpu_id()] = r;
    cpu_halt_forever();
}

void cpu_stop_others(void)
{
    cpumask_t others = cpu_online() & ~cpumask_of(cpu_id()), left;
    unsigned us;

    stopping = true;
    for (left = others; left; left &= left - 1)
        apic_send_nmi((unsigned)__builtin_ctzll(left));
    for (us = 0; us < STOP_US; us++) {
        for (left = others; left && stopped[__builtin_ctzll(left)]; left &= left - 1)
            ;
        if (!left)
            return;
        clock_delay_us(1);
    }
}

void cpu_dump_others(void)
{
    cpumask_t left = cpu_online() & ~cpumask_of(cpu_id());

    for (; left; left &= left - 1) {
        unsigned cpu = (unsigned)__builtin_ctzll(left);

        if (stopped[cpu]) {
            log_err("CPU %u:", cpu);
            dump_cpu(desc_cpu_info(cpu), stopped[cpu]);
        } else {
            log_err("CPU %u does not answer", cpu);
        }
    }
}
