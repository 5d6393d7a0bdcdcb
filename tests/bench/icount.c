/* SPDX-License-Identifier: MIT */
/*
 * A plugin for QEMU's TCG (plugin interface 1, QEMU 7.2 and later) that counts what the
 * benchmark cannot see from inside: writes of CR3 and CR4, INVLPG, and how often the
 * hypervisor was left for a guest. bench.c marks windows with instructions (mark.h).
 *
 *   -plugin file=icount.so,out=FILE[,log=FILE][,profile=FILE][,entry=HEX]
 *
 * OUT gets, at stamp 0:    op INDEX WINDOWS INSTRUCTIONS CR3 CR4 INVLPG LEAVES
 * and as they come:        stamp N INSTRUCTIONS
 *                          log BYTES INSTRUCTIONS   LOG, the serial port's file, has
 * grown entry INSTRUCTIONS       code that begins with these bytes runs PROFILE gets, at
 * stamp 0: INDEX ADDRESS INSTRUCTIONS for each block that ran in a window.
 *
 * Reference: QEMU, "TCG Plugins" (docs/devel/tcg-plugins). Its functions are declared
 * here, for Debian packages no header. One CPU only: nothing here takes a lock.
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mark.h"

#define EXPORT       __attribute__((visibility("default")))
#define NO_REGISTERS 0
#define ADD_U64      0

struct qemu_plugin_tb;
struct qemu_plugin_insn;
typedef void (*insn_fn)(unsigned cpu, void *data);

EXPORT int qemu_plugin_version = 1;
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb,
                                                 size_t i);
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *insn);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *insn);
void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t id,
                                           void (*fn)(uint64_t, struct qemu_plugin_tb *));
void qemu_plugin_register_vcpu_tb_exec_inline(struct qemu_plugin_tb *tb, int op, void *at,
                                              uint64_t value);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn, insn_fn fn,
                                            int flags, void *data);
EXPORT int qemu_plugin_install(uint64_t id, const void *info, int argc, char **argv);

#define OPERATIONS 96
#define FIRST_STEP 32 /* the steps between stamps 1 and 2 are windows, too */
#define BOOT       31 /* from the boot loader's jump to the first process */
#define BLOCKS     (1u << 20)
#define ENTRY_MAX  16

enum count { CR3, CR4, INVLPG, LEAVES, COUNTS };

struct window {
    uint64_t windows, instructions, counts[COUNTS];
};
static struct window sums[OPERATIONS];
static uint64_t instructions, counts[COUNTS];
static struct window begun;
static bool booting;
static FILE *out;
static const char *log_name, *profile_name;
static uint8_t entry_bytes[ENTRY_MAX];
static size_t entry_size;

/* Blocks by address and length; `runs` is added to by the code that QEMU generates. */
static struct {
    uint64_t address, size;
} * blocks;
static uint64_t *runs, *runs_begun, *runs_in[OPERATIONS];
static uint32_t *by_hash;
static uint32_t n_blocks = 1;

static uint32_t block_index(uint64_t address, uint64_t size)
{
    uint32_t h = (uint32_t)(((address ^ size << 50) * 0x9e3779b97f4a7c15ull) >> 43);

    while (by_hash[h]) {
        if (blocks[by_hash[h]].address == address && blocks[by_hash[h]].size == size)
            return by_hash[h];
        h = (h + 1) % (2 * BLOCKS);
    }
    if (n_blocks == BLOCKS)
        return 0;
    blocks[n_blocks].address = address;
    blocks[n_blocks].size = size;
    by_hash[h] = n_blocks;
    return n_blocks++;
}

static void window_begin(void)
{
    begun.instructions = instructions;
    memcpy(begun.counts, counts, sizeof(counts));
    if (profile_name)
        memcpy(runs_begun, runs, n_blocks * sizeof(*runs));
}

static void window_end(unsigned op)
{
    struct window *w = &sums[op];

    w->windows++;
    w->instructions += instructions - begun.instructions;
    for (unsigned i = 0; i < COUNTS; i++)
        w->counts[i] += counts[i] - begun.counts[i];
    if (!profile_name)
        return;
    if (!runs_in[op])
        runs_in[op] = calloc(BLOCKS, sizeof(*runs));
    for (uint32_t i = 1; i < n_blocks; i++)
        runs_in[op][i] += runs[i] - runs_begun[i];
}

static void write_sums(void)
{
    FILE *f = profile_name ? fopen(profile_name, "w") : NULL;

    for (unsigned op = 0; op < OPERATIONS; op++) {
        const struct window *w = &sums[op];

        if (!w->windows)
            continue;
        fprintf(out, "op %u %lu %lu", op, w->windows, w->instructions);
        for (unsigned i = 0; i < COUNTS; i++)
            fprintf(out, " %lu", w->counts[i]);
        fprintf(out, "\n");
        for (uint32_t i = 1; f && i < n_blocks; i++)
            if (runs_in[op][i])
                fprintf(f, "%u %lx %lu %lu\n", op, blocks[i].address,
                        runs_in[op][i] * blocks[i].size, runs_in[op][i]);
    }
    if (f)
        fclose(f);
}

static void on_stamp(unsigned n)
{
    static unsigned steps;

    fprintf(out, "stamp %u %lu\n", n, instructions);
    if (n == 0)
        write_sums();
    fflush(out);
    if (n == 1)
        window_begin();
    else if (n == 2 && steps < OPERATIONS - FIRST_STEP)
        window_end(FIRST_STEP + steps++);
}

static void on_mark(unsigned cpu, void *data)
{
    unsigned mark = (unsigned)(uintptr_t)data, op = mark & 0xff;

    switch (mark >> 8 & 0xff) {
    case MARK_BEGIN:
        window_begin();
        break;
    case MARK_END:
        window_end(op % FIRST_STEP);
        break;
    case MARK_STAMP:
        on_stamp(op);
        break;
    }
}

static void on_count(unsigned cpu, void *data)
{
    (*(uint64_t *)data)++;
}

static void on_entry(unsigned cpu, void *data)
{
    fprintf(out, "entry %lu\n", instructions);
    entry_size = 0;
    booting = true;
    window_begin();
}

static bool ends_boot(int fd, off_t size)
{
    static const char last[] = "Run /init";
    char tail[sizeof(last)] = "";

    return size >= (off_t)sizeof(last) &&
           pread(fd, tail, sizeof(last) - 1, size - (off_t)(sizeof(last) - 1)) > 0 &&
           !strcmp(tail, last);
}

/* After a write to some port: whether it was a character for the log is seen at the file.
 */
static void on_out(unsigned cpu, void *data)
{
    static int fd = -1;
    static off_t size;
    struct stat st;

    if (fd < 0)
        fd = open(log_name, O_RDONLY);
    if (fd < 0 || fstat(fd, &st) || st.st_size == size)
        return;
    size = st.st_size;
    fprintf(out, "log %ld %lu\n", (long)size, instructions);
    if (booting && ends_boot(fd, size)) {
        window_end(BOOT);
        booting = false;
    }
}

static bool in_hypervisor(uint64_t va)
{
    return va >= 0xffff800000000000 && va < 0xffff880000000000;
}

static void count_at(struct qemu_plugin_insn *insn, enum count what)
{
    qemu_plugin_register_vcpu_insn_exec_cb(insn, on_count, NO_REGISTERS, &counts[what]);
}

static void look_at(struct qemu_plugin_insn *insn, bool hypervisor)
{
    const uint8_t *d = qemu_plugin_insn_data(insn);
    size_t n = qemu_plugin_insn_size(insn);
    uint32_t mark;

    if (n == 7 && d[0] == 0x0f && d[1] == 0x1f && d[2] == 0x80) {
        memcpy(&mark, d + 3, 4);
        if ((mark & 0xffff0000) == MARK_MAGIC)
            qemu_plugin_register_vcpu_insn_exec_cb(insn, on_mark, NO_REGISTERS,
                                                   (void *)(uintptr_t)mark);
        return;
    }
    if (log_name && n == 1 && d[0] == 0xee)
        qemu_plugin_register_vcpu_insn_exec_cb(insn, on_out, NO_REGISTERS, NULL);
    if (hypervisor && n && d[n - 1] == 0xcf && n <= 2)
        count_at(insn, LEAVES);
    if (n > 1 && (d[0] & 0xf0) == 0x40)
        d++, n--;
    if (hypervisor && n == 2 && d[0] == 0x0f && d[1] == 0x07)
        count_at(insn, LEAVES);
    if (n < 3 || d[0] != 0x0f)
        return;
    if (d[1] == 0x22 && (d[2] >> 3 & 7) == 3)
        count_at(insn, CR3);
    else if (d[1] == 0x22 && (d[2] >> 3 & 7) == 4)
        count_at(insn, CR4);
    else if (d[1] == 0x01 && (d[2] >> 3 & 7) == 7 && d[2] < 0xc0)
        count_at(insn, INVLPG);
}

static bool is_entry(const struct qemu_plugin_tb *tb, size_t n)
{
    size_t at = 0;

    for (size_t i = 0; i < n && at < entry_size; i++) {
        struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
        size_t size = qemu_plugin_insn_size(insn);

        if (size > entry_size - at)
            size = entry_size - at;
        if (memcmp(qemu_plugin_insn_data(insn), entry_bytes + at, size))
            return false;
        at += size;
    }
    return at && at == entry_size;
}

static void on_translation(uint64_t id, struct qemu_plugin_tb *tb)
{
    size_t n = qemu_plugin_tb_n_insns(tb);
    uint64_t va = qemu_plugin_tb_vaddr(tb);

    for (size_t i = 0; i < n; i++)
        look_at(qemu_plugin_tb_get_insn(tb, i), in_hypervisor(va));
    if (entry_size && is_entry(tb, n))
        qemu_plugin_register_vcpu_insn_exec_cb(qemu_plugin_tb_get_insn(tb, 0), on_entry,
                                               NO_REGISTERS, NULL);
    qemu_plugin_register_vcpu_tb_exec_inline(tb, ADD_U64, &instructions, n);
    if (profile_name)
        qemu_plugin_register_vcpu_tb_exec_inline(tb, ADD_U64, &runs[block_index(va, n)],
                                                 1);
}

static void read_hex(const char *hex)
{
    unsigned byte;

    for (; entry_size < ENTRY_MAX && sscanf(hex, "%2x", &byte) == 1 && hex[1]; hex += 2)
        entry_bytes[entry_size++] = (uint8_t)byte;
}

EXPORT int qemu_plugin_install(uint64_t id, const void *info, int argc, char **argv)
{
    for (int i = 0; i < argc; i++) {
        if (!strncmp(argv[i], "out=", 4))
            out = fopen(argv[i] + 4, "w");
        else if (!strncmp(argv[i], "log=", 4))
            log_name = strdup(argv[i] + 4);
        else if (!strncmp(argv[i], "profile=", 8))
            profile_name = strdup(argv[i] + 8);
        else if (!strncmp(argv[i], "entry=", 6))
            read_hex(argv[i] + 6);
    }
    if (!out) {
        fprintf(stderr, "icount: out= names no file that can be written\n");
        return -1;
    }
    if (profile_name) {
        blocks = calloc(BLOCKS, sizeof(*blocks));
        runs = calloc(BLOCKS, sizeof(*runs));
        runs_begun = calloc(BLOCKS, sizeof(*runs));
        by_hash = calloc(2 * BLOCKS, sizeof(*by_hash));
    }
    qemu_plugin_register_vcpu_tb_trans_cb(id, on_translation);
    return 0;
}
