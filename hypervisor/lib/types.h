/* SPDX-License-Identifier: MIT */
/* Typed numbers shared by every room. Frame numbers are one-member structs, so that a
 * machine frame cannot be passed where a guest frame is meant. */
#ifndef LIB_TYPES_H
#define LIB_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PAGE_SHIFT 12
#define PAGE_SIZE  4096ul
#define PAGE_MASK  (~(PAGE_SIZE - 1))

typedef uint64_t paddr_t; /* machine physical address, bytes */
typedef uint64_t vaddr_t; /* virtual address: a guest's unless said otherwise */
typedef uint16_t domid_t;

typedef struct {
    uint64_t n;
} mfn_t; /* machine frame number */
typedef struct {
    uint64_t n;
} gfn_t; /* guest frame number; for a PV guest its own pfn */

#define INVALID_MFN ((mfn_t){~0ull})
#define INVALID_GFN ((gfn_t){~0ull})

static inline mfn_t mk_mfn(uint64_t n)
{
    return (mfn_t){n};
}
static inline gfn_t mk_gfn(uint64_t n)
{
    return (gfn_t){n};
}
static inline bool mfn_eq(mfn_t a, mfn_t b)
{
    return a.n == b.n;
}
static inline mfn_t mfn_add(mfn_t a, uint64_t i)
{
    return (mfn_t){a.n + i};
}
static inline paddr_t mfn_to_paddr(mfn_t m)
{
    return m.n << PAGE_SHIFT;
}
static inline mfn_t paddr_to_mfn(paddr_t a)
{
    return (mfn_t){a >> PAGE_SHIFT};
}

#define ARRAY_SIZE(a)                 (sizeof(a) / sizeof((a)[0]))
#define container_of(p, type, member) ((type *)((char *)(p)-offsetof(type, member)))
#define MIN(a, b)                     ((a) < (b) ? (a) : (b))
#define MAX(a, b)                     ((a) > (b) ? (a) : (b))
#define ROUND_UP(x, a)                (((x) + (a)-1) / (a) * (a))
#define must_check                    __attribute__((warn_unused_result))
#define likely(x)                     __builtin_expect(!!(x), 1)
#define unlikely(x)                   __builtin_expect(!!(x), 0)
#define printf_like(f, a)             __attribute__((format(printf, f, a)))

#endif
