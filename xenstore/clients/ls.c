/* SPDX-License-Identifier: MIT */
/*
 * xenstore-ls: the tree, one line a key, indented; scripts parse these lines, so they
 * look as Xen's do, down to the padding in front of the permissions.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "clients/client.h"
#include "clients/text.h"

#define TAG_WIDTH 8 /* what an abridged value takes beside itself */

struct ls {
    struct client *c;
    int width;  /* of a line */
    int column; /* where permissions start, if the value is not longer */
};

static void print_perms(struct ls *l, const char *path)
{
    unsigned int num;
    struct xs_permissions *p = xs_get_permissions(l->c->xs, l->c->t, path, &num);
    char text[16];

    if (!p) {
        fprintf(stderr, "%s: could not access permissions for %s\n", l->c->name, path);
        return;
    }
    fputs("  (", l->c->out);
    for (unsigned int i = 0; i < num; i++) {
        perm_text(text, &p[i]);
        fprintf(l->c->out, "%s%s", i ? "," : "", text);
    }
    putc(')', l->c->out);
    free(p);
}

static void print_value(struct ls *l, const char *path, int at)
{
    unsigned int len;
    char *value = xs_read(l->c->xs, l->c->t, path, &len);
    char *text = value ? text_escape(value, len) : NULL;
    int shown = l->width - TAG_WIDTH - at;

    free(value);
    if (!text) {
        putc(':', l->c->out);
        return;
    }
    if ((int)strlen(text) + TAG_WIDTH + at > l->width) {
        fprintf(l->c->out, " = \"%.*s\\...\"", shown > 0 ? shown : 0, text);
    } else {
        at += fprintf(l->c->out, " = \"%s\"", text);
        if (l->c->perms) {
            putc(' ', l->c->out);
            for (at++; !l->c->full_path && at < l->column; at++)
                putc(at & 1 ? '.' : ' ', l->c->out);
        }
    }
    free(text);
}

static int print_below(struct ls *l, const char *path, int depth);

static int print_key(struct ls *l, const char *path, const char *name, int depth)
{
    int at = 0;

    if (l->c->full_path)
        fputs(path, l->c->out);
    else
        at = fprintf(l->c->out, "%*s%s", depth, "", name);
    print_value(l, path, at);
    if (l->c->perms)
        print_perms(l, path);
    putc('\n', l->c->out);
    return print_below(l, path, depth + 1);
}

static int list_error(struct ls *l, const char *path)
{
    fprintf(stderr, "%s: xs_directory (%s): %s\n", l->c->name, path, strerror(errno));
    return 1;
}

static int print_below(struct ls *l, const char *path, int depth)
{
    unsigned int num;
    char **names = xs_directory(l->c->xs, l->c->t, path, &num);

    if (!names) {
        /* Gone since its parent was listed: others work on the tree while we print it. */
        return depth && errno == ENOENT ? 0 : list_error(l, path);
    }
    for (unsigned int i = 0; i < num; i++) {
        char *child = join(path, names[i]);
        int status = child ? print_key(l, child, names[i], depth) : 1;

        free(child);
        if (status) {
            free(names);
            return status;
        }
    }
    free(names);
    return 0;
}

/* --- JSON --- */

static void json_perms(struct ls *l, const char *path)
{
    unsigned int num;
    struct xs_permissions *p = xs_get_permissions(l->c->xs, l->c->t, path, &num);
    char text[16];

    fputs("\"perms\": [", l->c->out);
    for (unsigned int i = 0; p && i < num; i++) {
        perm_text(text, &p[i]);
        fprintf(l->c->out, "%s\"%s\"", i ? ", " : "", text);
    }
    putc(']', l->c->out);
    free(p);
}

static int json_children(struct ls *l, const char *path, int depth);

static int json_node(struct ls *l, const char *path, int depth)
{
    unsigned int len = 0;
    char *value = xs_read(l->c->xs, l->c->t, path, &len);
    int status;

    fputs("{\"value\": ", l->c->out);
    if (value)
        text_json(l->c->out, value, len);
    else
        fputs("null", l->c->out);
    free(value);
    fputs(", ", l->c->out);
    json_perms(l, path);
    fputs(", \"children\": ", l->c->out);
    status = json_children(l, path, depth);
    putc('}', l->c->out);
    return status;
}

static int json_children(struct ls *l, const char *path, int depth)
{
    unsigned int num = 0;
    char **names = xs_directory(l->c->xs, l->c->t, path, &num);
    int status = 0;

    if (!names && (depth == 0 || errno != ENOENT))
        status = list_error(l, path);
    putc('{', l->c->out);
    for (unsigned int i = 0; i < num && status == 0; i++) {
        char *child = join(path, names[i]);

        fprintf(l->c->out, "%s\n%*s", i ? "," : "", depth * 2 + 2, "");
        text_json(l->c->out, names[i], strlen(names[i]));
        fputs(": ", l->c->out);
        status = child ? json_node(l, child, depth + 1) : 1;
        free(child);
    }
    if (num)
        fprintf(l->c->out, "\n%*s", depth * 2, "");
    putc('}', l->c->out);
    free(names);
    return status;
}

int do_ls(struct client *c, int argc, char **argv)
{
    struct ls l = {.c = c, .width = 80};
    const char *path = argc ? argv[0] : "/";
    struct winsize size;
    int status;

    if (isatty(STDOUT_FILENO)) {
        if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 2)
            l.width = size.ws_col - 2;
    } else if (c->full_path) {
        l.width = 1 << 28;
    }
    l.column = l.width < 60 ? l.width : 60;
    if (!c->json) {
        for (int i = 0; i < (argc ? argc : 1); i++) {
            status = print_below(&l, argc ? argv[i] : path, 0);
            if (status)
                return status;
        }
        return 0;
    }
    status = json_children(&l, path, 0);
    putc('\n', c->out);
    return status;
}
