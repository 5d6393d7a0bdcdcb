/* SPDX-License-Identifier: MIT */
/*
 * The cache's files are named by a hash of what they were unpacked from. The hash must
 * be quick (a kernel is read in full each time it is started) and nobody must be able
 * to make another kernel with the same hash, or tenants could replace each other's. So
 * it is a universal hash under a secret key, which is made once per machine and lies
 * beside the files: blocks of 4 KiB are condensed by NH, their results by a polynomial
 * over the prime 2^61 - 1 at two secret points.
 *
 * Reference: RFC 4418 (UMAC), "NH Hash Algorithm", of which this is the 64-bit form.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dom/cache.h"

#define CACHE_DIR "/var/cache/ostler"
#define KEY_FILE  CACHE_DIR "/key"
#define MAX_FILES 8
#define BLOCK     4096U
#define CHUNK     (16 * BLOCK)
#define PRIME     ((1ULL << 61) - 1)

struct secret {
    uint64_t nh[BLOCK / 8];
    uint64_t point[2];
};

typedef unsigned __int128 u128;

static uint64_t reduce(u128 x)
{
    uint64_t r = (uint64_t)(x & PRIME) + (uint64_t)(x >> 61);

    r = (r & PRIME) + (r >> 61);
    return r >= PRIME ? r - PRIME : r;
}

static u128 condense(const struct secret *s, const uint8_t *block)
{
    uint64_t m[2];
    u128 sum = 0;

    for (unsigned int i = 0; i < BLOCK / 8; i += 2) {
        memcpy(m, block + i * 8, sizeof(m));
        sum += (u128)(m[0] + s->nh[i]) * (m[1] + s->nh[i + 1]);
    }
    return sum;
}

static void add_block(struct dom_cache_key *key, const struct secret *s,
                      const uint8_t *block)
{
    u128 sum = condense(s, block);
    const uint64_t part[3] = {(uint64_t)sum & 0xffffffff, (uint64_t)sum >> 32,
                              (uint64_t)(sum >> 64)};

    for (unsigned int lane = 0; lane < 2; lane++)
        for (unsigned int i = 0; i < 3; i++)
            key->hash[lane] = reduce((u128)key->hash[lane] * s->point[lane] + part[i]);
}

static int read_secret(struct secret *s)
{
    int fd = open(KEY_FILE, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    ssize_t got;

    if (fd < 0)
        return -1;
    got = read(fd, s, sizeof(*s));
    close(fd);
    return got == sizeof(*s) ? 0 : -1;
}

/* Makes the secret, unless somebody else is quicker. */
static int make_secret(struct secret *s)
{
    char temp[] = CACHE_DIR "/.key-XXXXXX";
    bool written;
    int fd;

    mkdir("/var/cache", 0755);
    if (mkdir(CACHE_DIR, 0700) && errno != EEXIST)
        return -1;
    for (size_t at = 0; at < sizeof(*s); at += 256)
        if (getrandom((char *)s + at, sizeof(*s) - at < 256 ? sizeof(*s) - at : 256, 0) <
            0)
            return -1;
    s->point[0] &= PRIME >> 1;
    s->point[1] &= PRIME >> 1;
    fd = mkostemp(temp, O_CLOEXEC);
    if (fd < 0)
        return -1;
    written = write(fd, s, sizeof(*s)) == sizeof(*s) && !fdatasync(fd);
    close(fd);
    if (written && link(temp, KEY_FILE) && errno != EEXIST)
        written = false;
    unlink(temp);
    return written ? read_secret(s) : -1;
}

int dom_cache_key(struct dom_cache_key *out, int fd)
{
    struct secret *s = malloc(sizeof(*s));
    uint8_t *chunk = malloc(CHUNK);
    ssize_t got = -1;

    memset(out, 0, sizeof(*out));
    if (s && chunk && (!read_secret(s) || !make_secret(s))) {
        while ((got = pread(fd, chunk, CHUNK, (off_t)out->size)) > 0) {
            size_t padded = ((size_t)got + BLOCK - 1) / BLOCK * BLOCK;

            memset(chunk + got, 0, padded - (size_t)got);
            for (size_t at = 0; at < padded; at += BLOCK)
                add_block(out, s, chunk + at);
            out->size += (uint64_t)got;
        }
    }
    free(chunk);
    free(s);
    return got < 0 ? -1 : 0;
}

static void name_of(const struct dom_cache_key *key, char out[96])
{
    snprintf(out, 96, CACHE_DIR "/%016llx%016llx-%llx.elf",
             (unsigned long long)key->hash[0], (unsigned long long)key->hash[1],
             (unsigned long long)key->size);
}

int dom_cache_find(const struct dom_cache_key *key)
{
    char name[96];
    int fd;

    name_of(key, name);
    fd = open(name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd >= 0)
        futimens(fd, NULL); /* the oldest are removed first */
    return fd;
}

/* Removes the file that was not used for longest, if there are too many. */
static void make_room(void)
{
    DIR *dir = opendir(CACHE_DIR);
    struct timespec oldest = {0};
    struct dirent *entry;
    char victim[256] = "";
    unsigned int nr = 0;

    while (dir && (entry = readdir(dir))) {
        struct stat st;

        if (!strstr(entry->d_name, ".elf") ||
            fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW))
            continue;
        if (!nr++ || st.st_mtim.tv_sec < oldest.tv_sec ||
            (st.st_mtim.tv_sec == oldest.tv_sec && st.st_mtim.tv_nsec < oldest.tv_nsec)) {
            oldest = st.st_mtim;
            snprintf(victim, sizeof(victim), "%s", entry->d_name);
        }
    }
    if (nr >= MAX_FILES)
        unlinkat(dirfd(dir), victim, 0);
    if (dir)
        closedir(dir);
}

int dom_cache_begin(struct dom_cache_file *out)
{
    make_room();
    strcpy(out->name, CACHE_DIR "/.elf-XXXXXX");
    out->fd = mkostemp(out->name, O_CLOEXEC);
    return out->fd < 0 ? -1 : 0;
}

void dom_cache_end(const struct dom_cache_file *file, const struct dom_cache_key *key)
{
    char name[96];

    if (key)
        name_of(key, name);
    /* A file under its final name is whole, whatever happens to the machine. */
    if (!key || fdatasync(file->fd) || rename(file->name, name))
        unlink(file->name);
}
