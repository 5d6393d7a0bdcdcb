/* SPDX-License-Identifier: MIT */
/*
 * What every header of the guest ABI starts from: integer types and the suffixes of
 * constants, which an assembler cannot read.
 */
#ifndef HV_ABI_BASE_H
#define HV_ABI_BASE_H

#ifdef __ASSEMBLY__
#define HV_U(x) x
#define HV_UL(x) x
#else
#include <stdint.h>
#define HV_UL_(x) x##UL
#define HV_U_(x) x##U
#define HV_U(x) HV_U_(x)
#define HV_UL(x) HV_UL_(x)

/* A guest pointer inside a structure: a guest virtual address, never dereferenced. */
typedef uint64_t hv_handle_t;
typedef uint64_t hv_pfn_t;
typedef uint64_t hv_ulong_t;
typedef uint16_t hv_domid_t;
typedef uint8_t hv_domain_handle_t[16]; /* a domain's UUID */
#endif

#endif
