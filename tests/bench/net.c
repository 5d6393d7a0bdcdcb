/* SPDX-License-Identifier: MIT */
/*
 * What TCP and small packets cost, one JSON line an operation (measure.h), both ends and
 * the hypervisor included.
 *
 *   net serve               answers; one client at a time
 *   net ask ADDRESS NAME    measures; NAME goes into the lines ("in")
 *   net end                 the benchmark is over: its counts are written down
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

#include "measure.h"

#define PORT  5001
#define PIECE (64U << 10)
#define BULK  (8U << 20)
#define PING  64U
#define BURST 32U /* small packets that are sent before the other end has answered */

/* What a client asks for, as the first byte it sends. */
enum { TAKE = 't', GIVE = 'g', ECHO = 'e', SMALL_TAKE = 'T', SMALL_GIVE = 'G' };

static char memory[PIECE];
static int packets; /* a socket of UDP */

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

/* A burst of small packets; none is lost, as nothing on the way holds fewer. */
static bool give_packets(void)
{
    bool ok = true;

    for (unsigned int i = 0; i < BURST && ok; i++)
        ok = send(packets, memory, PING, 0) == PING;
    return ok;
}

static bool take_packets(void)
{
    bool ok = true;

    for (unsigned int i = 0; i < BURST && ok; i++)
        ok = recv(packets, memory, PING, 0) == PING;
    return ok;
}

/* One request after the other, until the client has gone. */
static void answer(int s)
{
    while (take(s, 1)) {
        char what = memory[0];
        bool ok = what == TAKE         ? take(s, BULK) && give(s, 1)
                  : what == GIVE       ? give(s, BULK)
                  : what == SMALL_TAKE ? take_packets() && give(s, 1)
                  : what == SMALL_GIVE ? give_packets()
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

/* Opens the socket for packets between two ports; one that is lost is an error, no hang.
 */
static bool open_packets(unsigned int port, const struct sockaddr_in *peer,
                         unsigned int its_port)
{
    struct sockaddr_in ours = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    struct sockaddr_in there = *peer;
    struct timeval patience = {.tv_sec = 20};

    there.sin_port = htons((uint16_t)its_port);
    packets = socket(AF_INET, SOCK_DGRAM, 0);
    setsockopt(packets, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    return !bind(packets, (struct sockaddr *)&ours, sizeof(ours)) &&
           !connect(packets, (struct sockaddr *)&there, sizeof(there));
}

static int serve(void)
{
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(PORT)}, peer;
    int s = socket(AF_INET, SOCK_STREAM, 0), on = 1, client;
    socklen_t len = sizeof(peer);

    setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(s, (struct sockaddr *)&any, sizeof(any)) || listen(s, 1)) {
        perror("net");
        return 1;
    }
    while ((client = accept(s, (struct sockaddr *)&peer, &len)) >= 0) {
        if (!open_packets(PORT, &peer, PORT + 1))
            perror("net: packets");
        no_delay(client);
        answer(client);
        close(packets);
        close(client);
    }
    return 1;
}

static bool ask(int s, char what)
{
    memory[0] = what;
    return what == TAKE         ? give(s, 1) && give(s, BULK) && take(s, 1)
           : what == GIVE       ? give(s, 1) && take(s, BULK)
           : what == SMALL_TAKE ? give(s, 1) && give_packets() && take(s, 1)
           : what == SMALL_GIVE ? give(s, 1) && take_packets()
                                : give(s, PING) && take(s, PING);
}

static const struct {
    const char *name;
    char what;
    unsigned int reps;
} operations[] = {{"tcp 8m out", TAKE, 4},
                  {"tcp 8m in", GIVE, 4},
                  {"tcp ping-pong", ECHO, 500},
                  {"udp small packet out", SMALL_TAKE, 64},
                  {"udp small packet in", SMALL_GIVE, 64}};

static int measure(const char *address, const char *name)
{
    struct sockaddr_in there = {.sin_family = AF_INET, .sin_port = htons(PORT)};
    int s = socket(AF_INET, SOCK_STREAM, 0);

    inet_pton(AF_INET, address, &there.sin_addr);
    if (connect(s, (struct sockaddr *)&there, sizeof(there)) ||
        !open_packets(PORT + 1, &there, PORT)) {
        perror("net");
        return 1;
    }
    no_delay(s);
    for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++) {
        bool small = operations[i].what == SMALL_TAKE || operations[i].what == SMALL_GIVE;
        uint64_t before;

        /* The first one fills caches and opens windows. */
        if (!ask(s, operations[i].what))
            return 1;
        before = measure_begin(name);
        for (unsigned int n = 0; n < operations[i].reps; n++)
            if (!ask(s, operations[i].what))
                return 1;
        measure_end(name, operations[i].name, operations[i].reps * (small ? BURST : 1),
                    before);
    }
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 2 && !strcmp(argv[1], "serve"))
        return serve();
    if (argc == 4 && !strcmp(argv[1], "ask"))
        return measure(argv[2], argv[3]);
    if (argc == 2 && !strcmp(argv[1], "end")) {
        MARK(MARK_STAMP, 0);
        return 0;
    }
    fprintf(stderr, "usage: net serve | net ask ADDRESS NAME | net end\n");
    return 2;
}
