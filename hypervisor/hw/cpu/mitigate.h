/* SPDX-License-Identifier: MIT */
/* What is done about cpu_bugs, as boot options want it; port/l1tf.h's part as well. */
#ifndef HW_CPU_MITIGATE_H
#define HW_CPU_MITIGATE_H

#include "lib/types.h"

struct mitigations {
    bool verw;                     /* the last thing before a guest's code runs */
    bool forget_dom0, forget_domu; /* branch history, before C runs for it */
    uint64_t spec_ctrl;            /* what is always set in MSR_SPEC_CTRL */
    uint64_t l1tf_dom0, l1tf_domu; /* safe addresses, 0: not looked at */
};
extern struct mitigations mitigations;

void mitigate_boot(void); /* boot CPU: decides, tells, and fits entry code to it */
/* What is at `at` in entry code, a jump (0xe9) or call (0xe8), leads to `to`. */
void mitigate_lead(uint64_t at, uint8_t opcode, uint64_t to);
void cpu_verw(
    void); /* around a sleep, if mitigations.verw: the sibling gets the buffers */

#endif
