/* SPDX-License-Identifier: MIT */
/* Copying from and to the current guest's memory, by its own addresses. The range is
 * checked, the copy may fault anywhere and then ends with -EFAULT by the exception table.
 * Most of what hypercalls copy is a multiple of eight bytes. */
#include "hw/cpu/extable.h"
#include "lib/errno.h"
#include "port/guest_mem.h"
#include "port/layout.h"

#define USER_END (1ull << 47)

bool guest_range_ok(vaddr_t va, size_t n)
{
    if (va < USER_END)
        return n <= USER_END - va;
    return va >= HV_VIRT_END && (!n || va + (n - 1) >= va);
}

/* A function that copies n units by instruction: 0, or -EFAULT where one cannot be. */
#define COPY(name, instruction)                                                          \
    static int name(void *dst, const void *src, size_t n)                                \
    {                                                                                    \
        int rc = 0;                                                                      \
                                                                                         \
        __asm__ volatile(STAC_C "1: " instruction "\n"                                   \
                                "2: " CLAC_C ".pushsection .text.fixup, \"ax\"\n"        \
                                "3: movl %4, %0; jmp 2b\n"                               \
                                ".popsection\n" EXTABLE_C("1b", "3b")                    \
                         : "+r"(rc), "+D"(dst), "+S"(src), "+c"(n)                       \
                         : "i"(-EFAULT)                                                  \
                         : "memory");                                                    \
        return rc;                                                                       \
    }
COPY(copy, "rep movsb")
COPY(copy_words, "rep movsq")

int guest_read(void *dst, vaddr_t src, size_t n)
{
    if (!guest_range_ok(src, n))
        return -EFAULT;
    return n & 7 ? copy(dst, (const void *)src, n)
                 : copy_words(dst, (const void *)src, n / 8);
}

int guest_write(vaddr_t dst, const void *src, size_t n)
{
    if (!guest_range_ok(dst, n))
        return -EFAULT;
    return n & 7 ? copy((void *)dst, src, n) : copy_words((void *)dst, src, n / 8);
}
