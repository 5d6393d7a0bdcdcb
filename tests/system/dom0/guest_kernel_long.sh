# SPDX-License-Identifier: MIT
# As guest_kernel.sh, with many more kills. busybox's shell; sourced.
KILLS=200
. /test/guest_kernel.sh
