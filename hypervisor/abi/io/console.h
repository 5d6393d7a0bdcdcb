/* SPDX-License-Identifier: MIT */
/*
 * The console page a PV guest shares with its console backend. Indices run freely and
 * are reduced modulo the ring's size; the writer of a byte publishes it by a store of
 * prod with release order, the reader frees it by a store of cons.
 *
 * Reference: Xen public interface, io/console.h.
 */
#ifndef HV_ABI_IO_CONSOLE_H
#define HV_ABI_IO_CONSOLE_H

#include <stdint.h>

#define HV_CONSOLE_IN_SIZE 1024
#define HV_CONSOLE_OUT_SIZE 2048

struct hv_console_interface {
    char in[HV_CONSOLE_IN_SIZE];   /* to the guest */
    char out[HV_CONSOLE_OUT_SIZE]; /* from the guest */
    uint32_t in_cons, in_prod;
    uint32_t out_cons, out_prod;
};

#endif
