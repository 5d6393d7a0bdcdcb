/* SPDX-License-Identifier: MIT */
/*
 * What a front end needs of the kernel that carries it: nine functions. Everything else
 * in this folder is plain C without a library.
 *
 * The kernel calls a front end's functions one at a time (a lock of its own, or a single
 * CPU with interrupts off), and never from within one of these.
 */
#ifndef PV_FRONT_PORT_H
#define PV_FRONT_PORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FRONT_PAGE_SIZE 4096U

/*
 * XenStore. A relative path lies in the domain's home. front_read() leaves a text that
 * ends in 0 and returns its length, or a negative errno (-ENOENT: no such node).
 */
int front_read(const char *path, char *value, size_t size);
int front_write(const char *path, const char *value);

/* n zeroed pages in a row, or NULL. */
void *front_pages(unsigned int n);
void front_pages_free(void *pages, unsigned int n);

/* Lets domain dom map the page that p is in: a grant's reference, or a negative errno. */
int front_grant(uint16_t dom, const void *p, bool readonly);
/* Takes it back: 0, or -EBUSY while the domain still has the page mapped. */
int front_revoke(uint32_t ref);

/* A new event channel to domain dom; fn(arg) is called when it sends: its number. */
int front_event_open(uint16_t dom, void (*fn)(void *arg), void *arg);
void front_event_close(uint32_t port);
void front_event_send(uint32_t port);

#endif
