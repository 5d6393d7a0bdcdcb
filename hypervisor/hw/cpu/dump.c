/* SPDX-License-Identifier: MIT */
/* What a panic shows: registers, the words of the stack that lie in text, by name, and
 * whose vCPU was there. The names are laid into the image by mksyms.sh in a second link:
 * symbol_count pairs of offsets from the image's start and into symbol_names, rising by
 * address. */
#include "hw/boot/boot.h"
#include "hw/cpu/msr.h"
#include "hw/cpu/trap.h"
#include "kern/log.h"
#include "kern/vcpu.h"
#include "lib/string.h"
#include "port/cpu.h"

struct symbol {
    uint32_t offset, name;
};
extern const uint32_t symbol_count;
extern const struct symbol symbol_table[];
extern const char symbol_names[];
extern char __image_start[], __text_end[];

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

/* Where the stack that sp is on ends; 0: sp is on none of this CPU's. */
static uint64_t stack_end(uint64_t *sp)
{
    uint64_t slot = hw_rsp & ~(STACK_SLOT - 1ull);
    unsigned page = (unsigned)((*sp - slot) >> PAGE_SHIFT);

    if (*sp < slot || *sp >= slot + STACK_SLOT)
        return 0;
    if (page ==
        STACK_MAIN_PAGE - 1) { /* overflown into the guard: from its lowest word on */
        *sp = slot + STACK_MAIN_PAGE * PAGE_SIZE;
        page++;
    }
    if (page >= STACK_MAIN_PAGE)
        return (uint64_t)&cpu_info()->regs;
    return STACK_PAGE_MASK >> page & 1 ? (*sp | (PAGE_SIZE - 1)) : 0;
}

static void dump_stack(uint64_t sp)
{
    uint64_t end;
    unsigned shown = 0;
    char buf[80];

    sp &= ~7ull;
    end = stack_end(&sp);
    for (; sp < end && shown < 32; sp += 8) {
        uint64_t w = *(const uint64_t *)sp;

        if (in_text(w)) {
            log_err("  [%016lx] %s", (unsigned long)w, symbol_name(w, buf, sizeof(buf)));
            shown++;
        }
    }
}

static void dump_guest(void)
{
    const struct vcpu *v = cpu_current();

    if (!v)
        return;
    if (v->is_idle) {
        log_err("CPU %u idle", cpu_id());
        return;
    }
    log_err("domain %u vcpu %u, %s mode; its registers:", v->domain->id, v->id,
            v->hw.kernel_mode ? "kernel" : "user");
    dump_regs(&cpu_info()->regs);
}

void cpu_dump_state(void)
{
    const struct hv_cpu_user_regs *r = trap_dump_regs;

    log_err("CPU %u: cr0 %lx cr2 %lx cr3 %lx cr4 %lx", cpu_id(),
            (unsigned long)read_cr0(), (unsigned long)read_cr2(),
            (unsigned long)read_cr3(), (unsigned long)read_cr4());
    if (r)
        dump_regs(r);
    log_err("stack:");
    dump_stack(r ? r->rsp : hw_rsp);
    dump_guest();
}
