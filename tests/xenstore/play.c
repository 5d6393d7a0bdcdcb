/* SPDX-License-Identifier: MIT */
/*
 * Plays a script of requests against a running daemon and prints every reply and event,
 * so that two daemons can be compared line by line.
 *
 *   play DIR < script
 *
 * A line is: CLIENT TYPE TX ARGUMENTS. CLIENT is a word: "s..." is a socket client, "dN"
 * the ring of domain N; each is connected when first named. TYPE is the name of a message
 * type, or its number. TX is 0, or the name of a variable that an earlier
 * TRANSACTION_START has set with "=NAME" as argument. Arguments are separated by one
 * blank; backslash escapes are \0 (a NUL), \s (a blank), \\ and \NN*TEXT; (TEXT, NN
 * times). A trailing \0 is the script's to write. Other commands: "+ CLIENT" connects it,
 * "@ FILE TEXT" writes DIR/FILE (a domain's state), "virq" raises the domain exception
 * interrupt, "#" is a comment.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "peer.h"

#define MAX_CLIENTS 64
#define PATIENCE_MS 3000
#define MARK        0x7fffffffu

static const char *dir;

static struct client {
    char name[32];
    struct peer *peer;
    bool active; /* has asked for something */
    bool gone;
} clients[MAX_CLIENTS];

static struct variable {
    char name[32];
    uint32_t value;
} variables[MAX_CLIENTS];

static struct client *find_client(const char *name)
{
    struct client *c = clients;
    char path[256];

    while (c->peer && strcmp(c->name, name) != 0)
        c++;
    if (c->peer)
        return c;
    snprintf(c->name, sizeof(c->name), "%s", name);
    snprintf(path, sizeof(path), "%s/socket", dir);
    c->peer =
        name[0] == 'd' ? peer_ring(dir, (unsigned int)atoi(name + 1)) : peer_socket(path);
    if (!c->peer) {
        fprintf(stderr, "play: %s cannot connect\n", name);
        exit(2);
    }
    return c;
}

static uint32_t *find_variable(const char *name)
{
    struct variable *v = variables;

    while (v->name[0] && strcmp(v->name, name) != 0)
        v++;
    snprintf(v->name, sizeof(v->name), "%s", name);
    return &v->value;
}

static uint32_t type_number(const char *name)
{
    for (uint32_t i = 0; i < XS_MSG_TYPES; i++) {
        if (strcmp(xs_type_name(i), name) == 0)
            return i;
    }
    return (uint32_t)strtoul(name, NULL, 0);
}

static size_t unescape(const char *in, char *out)
{
    size_t n = 0;

    while (*in) {
        if (*in != '\\') {
            out[n++] = *in++;
            continue;
        }
        in++;
        if (isdigit((unsigned char)*in) && *in != '0') {
            long count = strtol(in, (char **)&in, 10);
            const char *text = in + 1, *end = strchr(text, ';');

            while (count--) {
                memcpy(out + n, text, (size_t)(end - text));
                n += (size_t)(end - text);
            }
            in = end + 1;
            continue;
        }
        out[n++] = *in == '0' ? '\0' : *in == 's' ? ' ' : *in;
        in++;
    }
    return n;
}

static void print_payload(const char *data, size_t len)
{
    size_t i = 0;

    while (i < len) {
        unsigned char c = (unsigned char)data[i];
        size_t run = 1;

        while (i + run < len && data[i + run] == data[i])
            run++;
        if (run > 20)
            printf("[%zu times]", run);
        else
            run = 1;
        if (c == 0)
            fputs("\\0", stdout);
        else if (isprint(c))
            putchar(c);
        else
            printf("\\x%02x", c);
        i += run;
    }
}

static void print_message(const struct client *c, const struct message *m)
{
    printf("  %s %s", c->name, xs_type_name(m->h.type));
    if (m->h.type == HV_XS_TRANSACTION_START) {
        puts(" (number)");
        return;
    }
    putchar(' ');
    if (m->h.type == HV_XS_DIRECTORY_PART) {
        size_t skip = strlen(m->data) + 1;

        fputs("(version)\\0", stdout);
        print_payload(m->data + skip, m->h.len - skip);
    } else {
        print_payload(m->data, m->h.len);
    }
    putchar('\n');
}

/*
 * Prints what has come for c. A request of our own at the end marks where to stop:
 * replies come in order, so by then everything is here that the daemon had to say. Who
 * does not answer it is gone.
 */
static void drain_one(struct client *c, uint32_t *tx)
{
    struct message m;

    if (!peer_send(c->peer, HV_XS_GET_DOMAIN_PATH, MARK, 0, "1", 2)) {
        c->gone = true;
        return;
    }
    while (peer_receive(c->peer, &m, PATIENCE_MS)) {
        if (m.h.req_id == MARK)
            return;
        print_message(c, &m);
        if (tx && m.h.type == HV_XS_TRANSACTION_START)
            *tx = (uint32_t)strtoul(m.data, NULL, 10);
    }
    printf("  %s is not served any more\n", c->name);
    c->gone = true;
}

/*
 * The client that asked first; *tx takes the number of a transaction that it has started.
 */
static void drain(struct client *asker, uint32_t *tx)
{
    if (asker && !asker->gone)
        drain_one(asker, tx);
    for (struct client *c = clients; c->peer; c++) {
        if (c != asker && !c->gone && c->active)
            drain_one(c, NULL);
    }
}

static void request(char *line)
{
    char *save, *who = strtok_r(line, " ", &save), *type = strtok_r(NULL, " ", &save);
    char *tx = strtok_r(NULL, " ", &save), *args = strtok_r(NULL, "", &save);
    static char data[1 << 17];
    struct client *c = find_client(who);
    uint32_t *start = NULL, tx_id;
    size_t len;

    if (!type || !tx)
        return;
    tx_id = isdigit((unsigned char)tx[0]) ? (uint32_t)strtoul(tx, NULL, 0)
                                          : *find_variable(tx);
    if (args && args[0] == '=' && strcmp(type, "TRANSACTION_START") == 0) {
        start = find_variable(args + 1);
        args = "\\0";
    }
    c->active = true;
    len = unescape(args ? args : "", data);
    peer_send(c->peer, type_number(type), 7, tx_id, data, len);
    drain(c, start);
}

static void write_state(char *line)
{
    char *save, *file = strtok_r(line, " ", &save), *text = strtok_r(NULL, "", &save);
    char path[256];
    FILE *f;

    snprintf(path, sizeof(path), "%s/%s", dir, file);
    f = fopen(path, "w");
    if (f) {
        fputs(text ? text : "", f);
        fclose(f);
    }
}

static void virq(void)
{
    char path[256];
    uint32_t port = 1;
    int left = 0;
    FILE *f;

    snprintf(path, sizeof(path), "%s/events", dir);
    f = fopen(path, "r+");
    if (f) {
        fwrite(&port, sizeof(port), 1, f);
        fflush(f);
        /* The daemon deals with it before it looks at what comes after. */
        for (int ms = 0; !ioctl(fileno(f), FIONREAD, &left) && left; ms++) {
            if (ms == 10 * PATIENCE_MS)
                break;
            usleep(1000);
        }
        fclose(f);
    }
    drain(NULL, NULL);
}

/* The domain's page has to be there before INTRODUCE; naming the client makes it. */
int main(int argc, char **argv)
{
    static char line[1 << 16];

    if (argc != 2)
        return 2;
    dir = argv[1];
    setvbuf(stdout, NULL, _IOLBF, 0);
    while (fgets(line, sizeof(line), stdin)) {
        line[strcspn(line, "\n")] = '\0';
        if (line[0] == '\0')
            continue;
        puts(line);
        if (line[0] == '#')
            continue;
        if (line[0] == '@')
            write_state(line + 2);
        else if (strcmp(line, "virq") == 0)
            virq();
        else if (line[0] == '+')
            find_client(line + 2);
        else
            request(line);
    }
    return 0;
}
