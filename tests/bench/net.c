/* SPDX-License-Identifier: MIT */
/*
 * What TCP costs, one JSON line an operation, in ticks of the TSC: under QEMU's -icount
 * instructions of the whole machine, both ends and the hypervisor included.
 *
 *   net serve               answers; one client at a time
 *   net ask ADDRESS NAME    measures; NAME goes into the lines ("in")
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "mark.h"

#define PORT  5001
#define PIECE (64U << 10)
#define BULK  (8U << 20)
#define PING  64U

/* What a client asks for, as the first byte it sends. */
enum { TAKE = 't', GIVE = 'g', ECHO = 'e' };

static char memory[PIECE];

static inline uint64_t rdtsc(void)
{
    uint32_t lo, hi;

    __asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi) : : "memory");
    return (uint64_t)hi << 32 | lo;
}

static bool take(int s, size_t size)
{
    while (size) {
        ssize_t n = read(s, memory, size < PIECE ? size : PIECE);

        if (n <= 0)
            return false;
        size -= (size_t)n;
    }
    return true;
}

static bool give(int s, size_t size)
{
    while (size) {
        ssize_t n = write(s, memory, size < PIECE ? size : PIECE);

        if (n <= 0)
            return false;
        size -= (size_t)n;
    }
    return true;
}

/* One request after the other, until the client has gone. */
static void answer(int s)
{
    while (take(s, 1)) {
        char what = memory[0];
        bool ok = what == TAKE   ? take(s, BULK) && give(s, 1)
                  : what == GIVE ? give(s, BULK)
                                 : take(s, PING - 1) && give(s, PING);

        if (!ok)
            return;
    }
}

static void no_delay(int s)
{
    int on = 1;

    setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

static int serve(void)
{
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(PORT)};
    int s = socket(AF_INET, SOCK_STREAM, 0), on = 1, client;

    setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(s, (struct sockaddr *)&any, sizeof(any)) || listen(s, 1)) {
        perror("net");
        return 1;
    }
    while ((client = accept(s, NULL, NULL)) >= 0) {
        no_delay(client);
        answer(client);
        close(client);
    }
    return 1;
}

static bool ask(int s, char what)
{
    memory[0] = what;
    return what == TAKE   ? give(s, 1) && give(s, BULK) && take(s, 1)
           : what == GIVE ? give(s, 1) && take(s, BULK)
                          : give(s, PING) && take(s, PING);
}

static const struct {
    const char *name;
    char what;
    unsigned int reps;
} operations[] = {
    {"tcp 8m out", TAKE, 4}, {"tcp 8m in", GIVE, 4}, {"tcp ping-pong", ECHO, 500}};

/* Opens or closes an operation's window in the profile: constants only. */
static void mark(unsigned int kind, unsigned int op)
{
    switch (kind << 4 | op) {
    case MARK_BEGIN << 4 | 0:
        MARK(MARK_BEGIN, 0);
        break;
    case MARK_BEGIN << 4 | 1:
        MARK(MARK_BEGIN, 1);
        break;
    case MARK_BEGIN << 4 | 2:
        MARK(MARK_BEGIN, 2);
        break;
    case MARK_END << 4 | 0:
        MARK(MARK_END, 0);
        break;
    case MARK_END << 4 | 1:
        MARK(MARK_END, 1);
        break;
    case MARK_END << 4 | 2:
        MARK(MARK_END, 2);
        break;
    }
}

static int measure(const char *address, const char *name)
{
    struct sockaddr_in there = {.sin_family = AF_INET, .sin_port = htons(PORT)};
    int s = socket(AF_INET, SOCK_STREAM, 0);
    bool guest = !strcmp(name, "guest");

    inet_pton(AF_INET, address, &there.sin_addr);
    if (connect(s, (struct sockaddr *)&there, sizeof(there))) {
        perror("net");
        return 1;
    }
    no_delay(s);
    for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++) {
        uint64_t before;

        /* The first one fills caches and opens windows. */
        if (!ask(s, operations[i].what))
            return 1;
        before = rdtsc();
        for (unsigned int n = 0; n < operations[i].reps; n++) {
            if (guest)
                mark(MARK_BEGIN, i);
            if (!ask(s, operations[i].what))
                return 1;
            if (guest)
                mark(MARK_END, i);
        }
        printf("{\"in\":\"%s\",\"op\":\"%s\",\"index\":%zu,\"ticks\":%llu}\n", name,
               operations[i].name, i,
               (unsigned long long)(rdtsc() - before) / operations[i].reps);
    }
    if (guest)
        MARK(MARK_STAMP, 0);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 2 && !strcmp(argv[1], "serve"))
        return serve();
    if (argc == 4 && !strcmp(argv[1], "ask"))
        return measure(argv[2], argv[3]);
    fprintf(stderr, "usage: net serve | net ask ADDRESS NAME\n");
    return 2;
}
