/* SPDX-License-Identifier: MIT */
/*
 * The reference guest: a kernel of a few pages that carries pv-drivers/front. It shows
 * what a port of the front ends takes (port.c, store.c), and measures their back ends.
 * It runs as an ordinary guest; hvtool or xl starts it.
 */
#ifndef TESTS_GUEST_REFERENCE_H
#define TESTS_GUEST_REFERENCE_H

#include "front/port.h"
#include "guest.h"

/* ---- console.c: what it says, on its console ---- */
void console_init(void);
void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* ---- store.c: XenStore over the shared page ---- */
void store_init(void);
void store_watch(const char *path);
/* True once after a watch has fired, and once at first. */
bool store_fired(void);

/* ---- port.c ---- */
void port_init(void);
/* A port to be waited for: fn may be NULL. */
void port_listen(uint32_t port, void (*fn)(void *), void *arg);
/* Waits until any port that is listened to has had an event, and calls what it is for. */
void port_wait(void);

/* An event at that time, if none comes before. */
void port_alarm(uint64_t ns);

/* ---- disk.c, hostile.c, net.c, console.c: the workloads ---- */
/* Echoes what comes from a further console. */
void console_main(const char *front);
void disk_main(const char *front);
/* Misuses the disk's protocol so many times, then uses it well. */
void hostile_main(const char *front, unsigned int cycles);
/* place: "N COUNT", the guest's number and that of all guests it talks to; see net.c. */
void net_main(const char *front, const char *place);

#endif
