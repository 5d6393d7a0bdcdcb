# SPDX-License-Identifier: MIT
# A CPU goes into firmware and does not come back. busybox's shell; sourced.
. /test/efi.sh
efi_works && break_firmware $jump_to_itself || exit 1
df $vars
