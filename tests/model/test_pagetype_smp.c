/* SPDX-License-Identifier: MIT */
/*
 * Page types under fire: threads play the vCPUs of one guest that pins, unpins, links and
 * overwrites a small pool of frames at random, as tables of all levels, descriptor pages
 * and plain memory, while validation is preempted at random. When they rest, the
 * references that the tables, pins and bases are worth must be exactly those that the
 * frames count; when all is let go, none is left.
 *
 * usage: test_pagetype_smp [steps [seed]]
 */
#include "kern/heap.h"
#include "kern/log.h"
#include "kern/param.h"
#include "kern/room.h"
#include "kern/softirq.h"
#include "lib/errno.h"
#include "mm/mm_priv.h"
#include "mm/mmu.h"
#include "port/guest_mem.h"
#include "port/ipi.h"
#include "port/isolate.h"
#include "port/l1tf.h"
#include "port/map.h"
#include "port/priv.h"
#include "port/upcall.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define THREADS      4
#define FRAMES       4096
#define POOL         48
#define SLOTS        24 /* entries of a table that are used, spread over it */

#define AUDIT_FRAMES FRAMES
#include "audit.h"

/* The port. */
_Thread_local unsigned model_cpu;
_Thread_local struct vcpu *model_current;
_Thread_local bool model_irqs_on = true;
uint8_t *model_arena;
static struct page table[FRAMES];
struct page *const frametable = table;
struct softirq_cpu softirq_cpu[HV_MAX_CPUS];
static uint64_t m2p[FRAMES], master[512];
struct boot_params boot_params = {.pv_linear_pt = true};
static _Atomic uint32_t tlb_time = 1;
static uint64_t flushes;

void log_print(enum log_level level, const char *fmt, ...)
{
}
void log_print_guest(enum log_level level, const char *fmt, ...)
{
}
void panic(const char *fmt, ...)
{
    printf("Bail out! panic: %s\n", fmt);
    abort();
}
void assert_failed(const char *what, const char *file, int line)
{
    printf("Bail out! %s:%d: %s\n", file, line, what);
    abort();
}
unsigned cpu_count(void)
{
    return THREADS;
}
cpumask_t cpu_online(void)
{
    return (1u << THREADS) - 1;
}
void cpu_flush_caches(void)
{
}
void cpu_cpuid(uint32_t leaf, uint32_t subleaf, struct cpuid_regs *out)
{
    *out = (struct cpuid_regs){0};
}
void ipi_call(cpumask_t cpus, void (*fn)(void *arg), void *arg)
{
}
void ipi_serve(void)
{
}
uint32_t tlb_clock(void)
{
    return tlb_time;
}
cpumask_t tlb_filter(cpumask_t cpus, uint32_t stamp)
{
    return cpus;
}
/* Atomic, as all that guests do to their pages is: two may clear the same one. */
void map_zero(mfn_t m, uint64_t frames)
{
    _Atomic uint64_t *p = map_mfn(m);

    for (uint64_t i = 0; i < frames * PAGE_SIZE / sizeof(*p); i++)
        atomic_store_explicit(&p[i], 0, memory_order_relaxed);
}
void map_zero_cold(mfn_t m, uint64_t frames)
{
    map_zero(m, frames);
}
void map_copy(void *to, const void *from, size_t n)
{
    memcpy(to, from, n);
}
uint64_t map_frames_cost(mfn_t start, mfn_t end)
{
    return 0;
}
void map_frames_open(mfn_t start, mfn_t end, mfn_t first)
{
}
bool map_frames_own(mfn_t start, mfn_t end, mfn_t first)
{
    return false;
}
void map_frames_close(mfn_t start, mfn_t end)
{
}
void tlb_flush_mask(cpumask_t cpus, vaddr_t va)
{
    tlb_time++;
    __atomic_fetch_add(&flushes, 1, __ATOMIC_RELAXED);
}
void tlb_flush_local(void)
{
}
void tlb_flush_local_page(vaddr_t va)
{
}
uint64_t *map_m2p(void)
{
    return m2p;
}
uint64_t map_max_mfn(void)
{
    return FRAMES;
}
mfn_t map_m2p_piece(uint64_t n)
{
    return INVALID_MFN;
}
void map_m2p_gather(uint64_t n, mfn_t block)
{
}
const uint64_t *map_master_l4(void)
{
    return master;
}
int guest_read(void *dst, vaddr_t src, size_t n)
{
    return -EFAULT;
}
#define STORE 0x078948u /* mov %rax, (%rdi) */
bool guest_peek(uint64_t va, uint64_t *val)
{
    *val = STORE;
    return true;
}
bool guest_peek_pair(uint64_t va, uint64_t val[2])
{
    memcpy(val, (const void *)va, 16);
    return true;
}
void cpu_set_fault_va(uint64_t va)
{
}
static _Thread_local jmp_buf left;
static _Thread_local void (*left_by)(struct hv_cpu_user_regs *r);
void ctx_leave_by(struct hv_cpu_user_regs *r, void (*fn)(struct hv_cpu_user_regs *))
{
    left_by = fn;
    longjmp(left, 1);
}
void ctx_leave_quick(struct hv_cpu_user_regs *r)
{
    ctx_leave_by(r, NULL);
}
void pv_page_fault(struct hv_cpu_user_regs *r)
{
}
void ctx_load_cr3(struct vcpu_hw *v)
{
    mmu_isolate((struct vcpu *)v);
}
void ctx_load_user_cr3(struct vcpu_hw *v)
{
    mmu_isolate((struct vcpu *)v);
}
/* Isolated guests change their tables the long way; here their copies follow anyway. */
bool tlb_quick(void)
{
    return true;
}
void tlb_quick_cr3(uint64_t cr3)
{
    mmu_isolate(cpu_current());
}
static uint64_t *copies[THREADS][2];
uint64_t l1tf_safe_address(bool control_domain)
{
    return 0;
}
void domain_crash(struct domain *d, const char *fmt, ...)
{
    abort(); /* nothing here is a reason */
}
bool isolate_wanted(bool control_domain)
{
    return true;
}
uint64_t *isolate_l4(unsigned cpu, bool user)
{
    return copies[cpu][user];
}
void ctx_load_tables(struct vcpu_hw *v)
{
}
void *heap_alloc(size_t n)
{
    return calloc(1, n);
}
void heap_free(void *p)
{
    free(p);
}
void *lib_alloc(size_t n)
{
    return calloc(1, n);
}
void lib_free(void *p)
{
    free(p);
}
bool domain_hold(struct domain *d)
{
    return atomic_fetch_add(&d->refs, 1) != 0;
}
void domain_put(struct domain *d)
{
    atomic_fetch_sub(&d->refs, 1);
}
struct domain *domain_create_special(domid_t id)
{
    struct domain *d = calloc(1, sizeof(*d));

    d->id = id;
    d->refs = 1;
    return d;
}

/* The guest. */
static struct domain *g;
static mfn_t pool[POOL];
static unsigned long steps = 200000;
static unsigned first_seed = 1;
static _Thread_local unsigned seed;

static unsigned dice(unsigned n)
{
    return (unsigned)rand_r(&seed) % n;
}

static unsigned any_slot(void)
{
    static const uint16_t odd[] = {0, 1, 7, 8, 255, 256, 260, 271, 272, 300, 504, 511};
    unsigned n = dice(SLOTS);

    return n < 12 ? odd[n] : n * 17;
}

/* Mostly sensible for some level; sometimes anything. */
static uint64_t any_entry(void)
{
    mfn_t m = pool[dice(POOL)];

    switch (dice(12)) {
    case 0:
        return 0;
    case 1:
        return (uint64_t)rand_r(&seed) << 12 | PTE_P | (dice(2) ? PTE_RW : 0);
    case 2:
        return pte_make(m, PTE_P | PTE_RW | PTE_PSE);
    case 3:
        return pte_make(m, PTE_P | PTE_US | PTE_A);
    default:
        return pte_make(m, PTE_P | PTE_US | (dice(3) ? PTE_RW : 0));
    }
}

static void scribble(mfn_t m)
{
    uint64_t *p = map_mfn(m);

    if (!page_get_and_type(page_of(m), g, PGT_WRITABLE))
        return;
    for (unsigned i = 0, clear = !dice(2); clear && i < PT_ENTRIES; i++)
        __atomic_store_n(&p[i], 0, __ATOMIC_RELAXED);
    for (unsigned n = dice(6); n; n--)
        __atomic_store_n(&p[any_slot()], any_entry(), __ATOMIC_RELAXED);
    page_put_and_type(page_of(m));
}

static void finish(struct vcpu *v)
{
    while (mmu_pending(v))
        softirq_cpu[model_cpu].pending = dice(2);
}

/* Most hypercalls that are interrupted are continued; some guests never come back to it.
 */
static void ext(struct vcpu *v, unsigned cmd, mfn_t m)
{
    struct hv_mmuext_op op = {.cmd = cmd, .arg1.mfn = m.n};

    finish(v);
    while (mmu_ext(v, g, &op) == -ERESTART && dice(8)) {
        finish(v);
        softirq_cpu[model_cpu].pending = !dice(3);
    }
    finish(v);
}

/* A store by the quick way, which believes of any frame that it is an L1. */
static _Atomic unsigned long stored;
static void store(struct vcpu *v, mfn_t m)
{
    struct hv_cpu_user_regs r = {.error_code = PF_PRESENT | PF_WRITE};
    uint64_t map = pte_make(m, PTE_P | PTE_US), *reg = &r.rax;

    r.rax = any_entry() & (dice(4) ? ~PTE_P : ~0ull);
    v->mm->quick = (struct ptwr_quick){
        .at = PAGE_SIZE,
        .gen = g->mm->tables_gen,
        .map = &map,
        .map_entry = map,
        .table = page_of(m),
        .code = STORE,
        .code_mask = 0xffffff,
        .len = 3,
        .reg = (uint8_t)((char *)reg - (char *)&r),
        .xchg = dice(2),
    };
    if (!setjmp(left))
        mmu_quick_fault(&r, v, PAGE_SIZE + any_slot() * 8);
    if (left_by)
        left_by(&r);
    stored += r.rip != 0;
}

/* A request by the quick way; else by the long one, as entry code does. */
static _Atomic unsigned long mapped;
static void update(struct vcpu *v, mfn_t m)
{
    struct hv_mmu_update req = {(mfn_to_paddr(m) + any_slot() * 8) | (dice(2) ? 0 : 2),
                                any_entry()};

    finish(v);
    if (!mmu_quick_update((vaddr_t)&req, 1, 0, v)) {
        mapped++;
        return;
    }
    finish(v);
    (void)mmu_update_one(v, g, g, req.ptr, req.val);
    finish(v);
}

/* The same of a change to another process. */
static _Atomic unsigned long switched;
static void bases(struct vcpu *v, mfn_t kernel, mfn_t user)
{
    struct hv_mmuext_op op[2] = {
        {.cmd = HV_MMUEXT_NEW_BASEPTR, .arg1.mfn = kernel.n},
        {.cmd = HV_MMUEXT_NEW_USER_BASEPTR, .arg1.mfn = user.n},
    };

    finish(v);
    if (!mmu_quick_bases((vaddr_t)op, 2, 0, v)) {
        mmu_isolate(v);
        switched++;
        return;
    }
    ext(v, HV_MMUEXT_NEW_BASEPTR, kernel);
    ext(v, HV_MMUEXT_NEW_USER_BASEPTR, user);
}

static void step(struct vcpu *v)
{
    mfn_t m = pool[dice(POOL)];

    softirq_cpu[model_cpu].pending = !dice(3);
    switch (dice(16)) {
    case 0 ... 1:
        ext(v, HV_MMUEXT_PIN_L1_TABLE + dice(4), m);
        break;
    case 2 ... 3:
        ext(v, HV_MMUEXT_UNPIN_TABLE, m);
        break;
    case 4:
        ext(v, dice(2) ? HV_MMUEXT_NEW_BASEPTR : HV_MMUEXT_NEW_USER_BASEPTR, m);
        break;
    case 12:
        bases(v, m, dice(4) ? pool[dice(POOL)] : mk_mfn(0));
        break;
    case 5:
        (void)mmu_set_gdt(v, &m, dice(2), 0);
        break;
    case 6:
        ext(v, HV_MMUEXT_CLEAR_PAGE, m);
        break;
    case 7 ... 9:
        scribble(m);
        break;
    case 10 ... 11:
        store(v, m);
        break;
    default:
        update(v, m);
        break;
    }
}

static void *run(void *arg)
{
    struct vcpu *v = arg;

    model_cpu = v->id;
    model_current = v;
    seed = first_seed * 100 + v->id;
    for (unsigned long n = 0; n < steps; n++)
        step(v);
    return NULL;
}

/* The audit. */
static unsigned bad, compared;

static void audit(const char *when)
{
    memset(want_refs, 0, sizeof(want_refs));
    memset(want_type, 0, sizeof(want_type));
    for (unsigned n = 0; n < THREADS; n++)
        expect_vcpu(g->vcpu[n]->mm);
    for (unsigned n = 0; n < POOL; n++)
        expect_frame(pool[n]);
    for (unsigned n = 0; n < POOL; n++) {
        struct page *pg = page_of(pool[n]);

        if (as_expected(pool[n]))
            continue;
        bad++;
        printf("# %s: frame %u: count %lx type %lx, wanted %lu and %lu\n", when, n,
               (unsigned long)pg->count, (unsigned long)pg->type,
               (unsigned long)want_refs[pool[n].n], (unsigned long)want_type[pool[n].n]);
    }
}

/* Each CPU's copies are those of its vCPU's bases, entry by entry. */
static void audit_copies(void)
{
    for (unsigned n = 0; n < 2 * THREADS; n++) {
        struct mm_vcpu *vm = g->vcpu[n / 2]->mm;
        mfn_t l4 = n % 2 && !mfn_eq(vm->base_user, INVALID_MFN) ? vm->base_user
                                                                : vm->base_kernel;
        uint64_t *copy = copies[n / 2][n % 2], *pt = map_mfn(l4);

        if (mfn_eq(vm->base_kernel, INVALID_MFN))
            continue;
        for (unsigned i = 0; i < PT_ENTRIES; i++) {
            bool itself = (pt[i] & PTE_P) && mfn_eq(pte_mfn(pt[i]), l4);
            uint64_t want =
                itself ? pte_make(map_to_mfn(copy), pt[i] & ~PTE_FRAME) : pt[i];

            if ((i >= HV_FIRST_SLOT && i <= HV_LAST_SLOT) || copy[i] == want ||
                !((copy[i] | want) & PTE_P))
                continue;
            bad++;
            printf("# CPU %u, copy %u, slot %u: %lx, wanted %lx\n", n / 2, n % 2, i,
                   (unsigned long)copy[i], (unsigned long)want);
        }
        compared++;
    }
}

static void let_go(void)
{
    memset(softirq_cpu, 0, sizeof(softirq_cpu));
    for (unsigned n = 0; n < THREADS; n++)
        while (mmu_drop_bases(g->vcpu[n]))
            ;
    for (unsigned n = 0; n < POOL; n++)
        ext(g->vcpu[0], HV_MMUEXT_UNPIN_TABLE, pool[n]);
    for (unsigned n = 0; n < POOL; n++)
        while (page_settle(page_of(pool[n])))
            ;
}

static void build(void)
{
    model_arena = mmap(NULL, FRAMES << PAGE_SHIFT, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    page_alloc_add(mk_mfn(16), mk_mfn(FRAMES));
    for (unsigned n = 0; n < 2 * THREADS; n++)
        copies[n / 2][n % 2] = page_alloc_mapped(0);
    mm_init();
    g = domain_create_special(1);
    g->max_vcpus = THREADS;
    g->vcpu = calloc(THREADS, sizeof(*g->vcpu));
    g->shared = page_alloc_mapped(0);
    g->shared_mfn = map_to_mfn(g->shared);
    if (mm_room.domain_init(g, NULL))
        abort();
    dom_set_max_pages(g, POOL + 1);
    g->vm_assist = 1ull << HV_VMASST_TYPE_WRITABLE_PAGETABLES;
    for (unsigned n = 0; n < THREADS; n++) {
        struct vcpu *v = calloc(1, sizeof(*v));

        v->domain = g;
        v->id = v->processor = n;
        v->running = true;
        v->info_mfn = INVALID_MFN;
        g->vcpu[n] = v;
        if (mm_room.vcpu_init(v))
            abort();
    }
    for (unsigned n = 0; n < POOL; n++) {
        struct page *pg;

        if (dom_page_alloc(g, 0, PAGE_ZERO, &pg))
            abort();
        pool[n] = page_mfn(pg);
    }
}

int main(int argc, char **argv)
{
    pthread_t t[THREADS];
    unsigned pinned = 0, tables = 0;

    if (argc > 1)
        steps = strtoul(argv[1], NULL, 0);
    if (argc > 2)
        first_seed = (unsigned)strtoul(argv[2], NULL, 0);
    printf("TAP version 13\n1..4\n");
    build();
    for (unsigned n = 0; n < THREADS; n++)
        pthread_create(&t[n], NULL, run, g->vcpu[n]);
    for (unsigned n = 0; n < THREADS; n++)
        pthread_join(t[n], NULL);
    for (unsigned n = 0; n < POOL; n++) {
        pinned += !!(page_of(pool[n])->type & PGT_PINNED);
        tables += pgt_type(page_of(pool[n])->type) <= PGT_L4 &&
                  (page_of(pool[n])->type & PGT_COUNT);
    }
    printf(
        "# at rest: %u tables, %u pinned, %lu flushes, %lu quick stores, %lu switches\n",
        tables, pinned, (unsigned long)flushes, (unsigned long)stored,
        (unsigned long)switched);
    audit("at rest");
    printf("%s 1 - frames count exactly what tables, pins and bases are worth\n",
           bad ? "not ok" : "ok");
    printf("%s 2 - the frames were really used as tables\n",
           tables && stored && mapped && switched ? "ok" : "not ok");
    bad = 0;
    audit_copies();
    printf("%s 3 - what CPUs copied of level-4 tables is true\n",
           bad || !compared ? "not ok" : "ok");
    let_go();
    bad = 0;
    audit("let go");
    for (unsigned n = 0; n < POOL; n++)
        bad += page_of(pool[n])->count != (PGC_ALLOCATED | 1);
    printf("%s 4 - when all is let go no reference is left\n", bad ? "not ok" : "ok");
    return bad != 0;
}
