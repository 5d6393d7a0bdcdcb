/* SPDX-License-Identifier: MIT */
/* Microcode as its makers pack it. */
#ifndef CALL_MICROCODE_H
#define CALL_MICROCODE_H

#include "lib/types.h"

enum microcode_maker { MICROCODE_NONE, MICROCODE_INTEL, MICROCODE_AMD };
struct microcode_cpu {
    enum microcode_maker maker;
    uint32_t signature; /* CPUID 1, EAX */
    uint32_t platform;  /* Intel: one bit of platform flags */
    uint32_t revision;
};
struct microcode_patch {
    const uint8_t *at; /* NULL: none that is newer than what the CPU has */
    uint32_t size, revision;
};

/* The newest update for the CPU among n bytes. -EINVAL: they are no microcode, or it is
 * damaged. */
int microcode_find(const struct microcode_cpu *c, const uint8_t *data, size_t n,
                   struct microcode_patch *out);

#endif
