# SPDX-License-Identifier: MIT
# What the checks of the source share. Sourced.
# shellcheck shell=bash
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1

# sources FOLDER...: all C and assembly files below, outside what was built.
sources() {
    find "$@" \( -name build -o -name .git \) -prune -o \
        -type f \( -name '*.c' -o -name '*.h' -o -name '*.S' \) -print | sort
}

# tap WHAT: turns one line for each violation into TAP; no line at all is one success.
tap() {
    awk -v what="$1" '
    { printf "not ok %d - %s\n", ++n, $0 }
    END {
        if (!n) printf "ok %d - %s\n", ++n, what
        printf "1..%d\n", n
    }'
}
