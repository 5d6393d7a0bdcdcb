/* SPDX-License-Identifier: MIT */
/*
 * The runtime of the guest tests: tiny PV kernels that GRUB starts in dom0's place.
 *
 * A test is one main.c with test_main(). It reports each property with one of the
 * test_* functions; the lines go to the emergency console as "@ok NAME" and
 * "@not ok NAME: WHY", from which tests/guest/run makes TAP. All memory of a test is in
 * its image, so that every page has an address and a known machine frame.
 */
#ifndef TESTS_GUEST_H
#define TESTS_GUEST_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "abi/xen.h"
#include "abi/arch_x86.h"
#include "lib/errno.h"
#include "hypercall.h"

#define PAGE_SIZE 4096UL
#define VIRT_BASE 0xffffffff80000000UL

/* ---- test.c: reports ---- */
void test_main(void); /* the test itself */

void test_ok(const char *name);
void test_fail(const char *name, const char *why, ...)
    __attribute__((format(printf, 2, 3)));
void test_true(const char *name, bool ok);
void test_num(const char *name, long got, long want);
void test_end(void) __attribute__((noreturn)); /* power off; the log's last line */

void printf(const char *format, ...) __attribute__((format(printf, 1, 2)));
int format(char *buf, size_t size, const char *fmt, va_list args);

/* ---- string.c ---- */
void *memset(void *p, int c, size_t n);
void *memcpy(void *to, const void *from, size_t n);
int memcmp(const void *a, const void *b, size_t n);
size_t strlen(const char *s);

/* ---- trap.c: entries ---- */
struct frame {
    uint64_t r15, r14, r13, r12, r11, r10, r9, r8, rdi, rsi, rbp, rbx, rdx, rcx, rax;
    uint64_t vector, error;
    uint64_t rip, cs, rflags, rsp, ss;
};

#define ENTRY_EVENT     0x100
#define ENTRY_SYSCALL   0x101
#define ENTRY_SYSCALL32 0x102
#define ENTRY_FAILSAFE  0x103

#define TRAP_DE         0
#define TRAP_DB         1
#define TRAP_NMI        2
#define TRAP_BP         3
#define TRAP_OF         4
#define TRAP_UD         6
#define TRAP_NM         7
#define TRAP_NP         11
#define TRAP_SS         12
#define TRAP_GP         13
#define TRAP_PF         14
#define TRAP_MF         16
#define TRAP_AC         17

/* Runs fn(arg); -1, or the vector of the trap it met (then in last_trap, last_cr2). */
long guarded(void (*fn)(void *), void *arg);
extern struct frame last_trap;
extern uint64_t last_cr2;

/* If set, gets every entry first; true: handled, go back to the frame. */
extern bool (*entry_hook)(struct frame *f);

void resume(struct frame *f) __attribute__((noreturn)); /* goes to a frame made by hand */
void trap_init(void);
const char *trap_stub(unsigned int vector); /* its handler's entry */
extern char event_stub[], syscall_stub[], syscall32_stub[], failsafe_stub[], nmi_stub[];
extern char start_secondary[];
struct hv_vcpu_guest_context;
/* A context in which a vCPU begins in secondary_main(), with the first one's tables. */
void secondary_context(struct hv_vcpu_guest_context *c, unsigned int vcpu,
                       void *stack_end);
void secondary_main(long vcpu) __attribute__((noreturn)); /* weak: a test may have it */

/* ---- memory.c ---- */
#define PTE_P        0x1UL
#define PTE_W        0x2UL
#define PTE_U        0x4UL
#define PTE_A        0x20UL
#define PTE_D        0x40UL
#define PTE_PS       0x80UL
#define PTE_G        0x100UL
#define PTE_NX       (1UL << 63)
#define PTE_MFN(pte) (((pte) >> 12) & 0xffffffffffUL)
#define PTE_RW       (PTE_P | PTE_W | PTE_U | PTE_A | PTE_D)
#define PTE_RO       (PTE_P | PTE_U | PTE_A)

extern struct hv_start_info *start_info;
extern struct hv_shared_info *shared_info;

void *page_alloc(void); /* a zeroed page of the image, mapped writable */
uint64_t va_mfn(const void *va);
void *mfn_va(uint64_t mfn);
uint64_t mfn_pfn(uint64_t mfn);
uint64_t *pte_at(const void *va, int level); /* entry that maps va; level 1..4 */
uint64_t pte_maddr(const void *va, int level);
long map_mfn(void *va, uint64_t pte); /* update_va_mapping with INVLPG */
void remap(void *va, uint64_t flags); /* va's own frame with other flags; must work */

static inline uint64_t pte_of(const void *va, uint64_t flags)
{
    return va_mfn(va) << 12 | flags;
}

/* ---- event.c ---- */
extern volatile uint32_t event_count[4096]; /* 2-level deliveries, per port */
void events_on(void);
void events_off(void);
bool event_wait(uint32_t port, uint32_t count); /* up to PATIENCE_NS */
void event_scan(void);
uint64_t now_ns(void);
/* For what is to happen at once: the machine may stand still in between. */
#define PATIENCE_NS 20000000000UL
long evtchn_alloc_loop(uint32_t *port); /* unbound to oneself; 0 or an error */

#endif
