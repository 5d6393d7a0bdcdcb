#!/bin/sh
# SPDX-License-Identifier: MIT
# Reads `nm -n` of the image, writes the assembly of dump.c's symbol table: text symbols only.
exec awk '
$2 ~ /^[tTwW]$/ && $3 !~ /^(\.|__image|__text_end)/ && length($1) == 16 {
    if (substr($1, 1, 8) != "ffff82d0") next
    n++
    off[n] = substr($1, 9)
    name[n] = $3
}
END {
    print "    .section .symbols, \"a\""
    print "    .globl symbol_count, symbol_table, symbol_names"
    print "symbol_count: .long " n + 0
    print "    .balign 8"
    print "symbol_table:"
    at = 0
    for (i = 1; i <= n; i++) {
        print "    .long 0x" off[i] " - 0x40000000, " at
        at += length(name[i]) + 1
    }
    print "symbol_names:"
    for (i = 1; i <= n; i++)
        print "    .asciz \"" name[i] "\""
    print "    .section .note.GNU-stack, \"\", @progbits"
}'
