/* SPDX-License-Identifier: MIT */
/* A guest's granted pages, in this process: reference n is page n, if it is granted. */
#ifndef FAKE_DOOR_H
#define FAKE_DOOR_H

#include <stdbool.h>
#include <stdint.h>

#include "hv/door.h"

#define FAKE_PAGES 1024U

extern uint8_t (*fake_page)[PAGE_SIZE];
extern bool fake_granted[FAKE_PAGES];
extern unsigned int fake_mapped; /* how many pages are, now */

void fake_open(void);

/* Where fake_copy.c finds a granted page; NULL: it is not granted for that. */
uint8_t *fake_granted_page(uint32_t ref, bool write);

#endif
