/* SPDX-License-Identifier: MIT */
/* A hypercall on its way from entry code to its handler. Entry code keeps one a CPU,
 * fills in the arguments and calls the row of hcall_table. */
#ifndef PORT_HCALL_H
#define PORT_HCALL_H

#define HCALLS 64
/* A handler's special answer: run me again with h->arg as I left them (the guest sees one
 * call). Entry code rewinds the guest's instruction pointer, so that interrupts and
 * events get their turn. */
#define HCALL_AGAIN_CODE -0x7fff0001

#ifndef __ASSEMBLY__
struct vcpu;
struct domain;

struct hcall {
    struct vcpu *v;       /* the caller, current */
    struct domain *d;     /* v->domain */
    unsigned long arg[6]; /* a handler that is preempted changes them so that calling
                             again goes on */
};

typedef long (*hcall_fn)(struct hcall *h);
extern const hcall_fn hcall_table[HCALLS]; /* call/table.c; without holes */
#endif

#endif
