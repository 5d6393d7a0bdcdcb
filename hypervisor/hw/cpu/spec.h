/* SPDX-License-Identifier: MIT */
/* Speculation controls that go with a vCPU; ctx_load_spec_ctrl() is port/context.h's. */
#ifndef HW_CPU_SPEC_H
#define HW_CPU_SPEC_H

#include "port/context.h"

void spec_switch(struct vcpu_hw *v); /* v, a guest's, is about to run on this CPU */

#endif
