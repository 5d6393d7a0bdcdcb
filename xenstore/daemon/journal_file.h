/* SPDX-License-Identifier: MIT */
/*
 * The journal's two files, for journal*.c and recover*.c: how they look, and how records
 * are put into them. See journal.h for what a record says.
 *
 * Both files hold the same bytes. Each record carries a check of its length and a sum of
 * its payload, so of two copies it is known which one is right; each word of the head
 * carries its own check. All of them are made with a key that no client knows: what a
 * client has written can never be taken for a record.
 */
#ifndef DAEMON_JOURNAL_FILE_H
#define DAEMON_JOURNAL_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

/* A file: a head of one page, then records. Another format has quite another number. */
#define JOURNAL_MAGIC  0xb36d4f0e91c8a572u
#define JOURNAL_HEAD   4096u
#define JOURNAL_COPIES 2

struct journal_head {
    uint64_t magic;
    char boot_id[40]; /* a journal from before a reboot says nothing */
    /* Words as journal_word makes them. */
    uint64_t id;        /* drawn whenever it is written anew; its copy has the same */
    uint64_t key;       /* of the sums, and of the tree (store_key) */
    uint64_t committed; /* end of the last record that counts */
};

struct journal_record {
    uint16_t len;   /* of the payload that follows */
    uint16_t check; /* journal_check(len) */
    uint32_t sum;   /* journal_sum(payload) */
};

struct journal_file {
    int fd[JOURNAL_COPIES];
    struct journal_head *head[JOURNAL_COPIES];
    char *window[JOURNAL_COPIES];
    uint64_t window_at; /* offset of the windows in the files */
    uint64_t backed;    /* the files have memory up to here */
    uint64_t end;       /* where the next record goes */
    uint64_t copied;    /* the second file holds everything before this */
};
#define JOURNAL_FILE_NONE ((struct journal_file){.fd = {-1, -1}})

/* 40 bits with a check of 24. */
uint64_t journal_word(uint64_t value);
bool journal_word_get(uint64_t word, uint64_t *value); /* false: it is damaged */

/* The key for what follows; set before anything is written or read. */
void journal_set_key(uint64_t key);
uint16_t journal_check(uint16_t len);
uint32_t journal_sum(const void *data, size_t len);
void journal_boot_id(char *out); /* 40 bytes */
/* The path of a copy of the journal at path. */
void journal_path(char *out, size_t size, const char *path, int copy);

/* Makes it, or goes on with one that recover has read and mended. 0 or errno. */
int journal_file_open(struct journal_file *f, const char *path, bool resume);
void journal_file_close(struct journal_file *f);
static inline bool journal_file_is_open(const struct journal_file *f)
{
    return f->head[0] != NULL;
}
/* Makes all that was appended count. */
void journal_file_commit(struct journal_file *f);
/* One record of these parts. If there is no room, the journal is given up and closed. */
void journal_file_append(struct journal_file *f, const struct iovec *part, int parts);
/* Whole records from elsewhere; false if there was no room. */
bool journal_file_raw(struct journal_file *f, const void *data, size_t len);

#endif
