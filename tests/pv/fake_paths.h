/* SPDX-License-Identifier: MIT */
/* Included before all else in what of the tools is tested here: other places, less
 * patience. */
#ifndef FAKE_PATHS_H
#define FAKE_PATHS_H

extern char world_pid_file[128];

#define BLOCK_PID_FILE world_pid_file
#define WAIT_MS        5000
#define WAIT_FORCED_MS 5000
#define WAIT_GUEST_MS  2000

#endif
