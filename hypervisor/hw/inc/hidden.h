/* SPDX-License-Identifier: MIT */
/* Included before everything on the bare machine: also what is only declared lies in
 * this image. */
#pragma GCC visibility push(hidden)
