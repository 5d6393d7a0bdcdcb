/* SPDX-License-Identifier: MIT */
/* Becoming a daemon, once. */
#ifndef PV_BACKGROUND_H
#define PV_BACKGROUND_H

/*
 * Goes to the background; the caller's process ends when background_ready() is called, or
 * with status 1 when this one ends before. *ready is for that. 0, or -1 with errno.
 */
int background_start(int *ready);
void background_ready(int ready);

/*
 * One daemon per file: FILE, or DIR/pid if file is NULL. Holds the process's number. Logs
 * why it fails.
 */
int background_lock(const char *file, const char *dir);
void background_unlock(void);

#endif
