/* SPDX-License-Identifier: MIT */
/* The commands but ls: reading, writing, listing, removing, permissions, watching,
 * control. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "clients/client.h"
#include "clients/text.h"

char *join(const char *path, const char *name)
{
    char *out;

    if (asprintf(&out, "%s/%s", strcmp(path, "/") == 0 ? "" : path, name) < 0)
        return NULL;
    return out;
}

void perm_text(char *out, const struct xs_permissions *p)
{
    snprintf(out, 16, "%c%u", "nrwb"[p->perms & 3], p -> id);
}

static int failed(const struct client *c, const char *what, const char *path)
{
    fprintf(stderr, "%s: %s path %s\n", c->name, what, path);
    return 1;
}

/* Between the members of a JSON object. */
static void json_key(struct client *c, const char *key, bool first)
{
    fputs(first ? "{\n  " : ",\n  ", c->out);
    text_json(c->out, key, strlen(key));
    fputs(": ", c->out);
}

int do_read(struct client *c, int argc, char **argv)
{
    for (int i = 0; i < argc; i++) {
        unsigned int len;
        char *value = xs_read(c->xs, c->t, argv[i], &len);
        char *text;

        if (!value)
            return failed(c, "couldn't read", argv[i]);
        if (c->json) {
            json_key(c, argv[i], i == 0);
            text_json(c->out, value, len);
            free(value);
            continue;
        }
        if (c->prefix)
            fprintf(c->out, "%s: ", argv[i]);
        text = c->raw ? NULL : text_escape(value, len);
        if (c->raw)
            fwrite(value, 1, len, c->out);
        else
            fputs(text ? text : "", c->out);
        if (!c->raw)
            putc('\n', c->out);
        free(text);
        free(value);
    }
    if (c->json)
        fputs("\n}\n", c->out);
    return 0;
}

int do_write(struct client *c, int argc, char **argv)
{
    for (int i = 0; i + 1 < argc; i += 2) {
        char *value = strdup(argv[i + 1]);
        size_t len;
        bool ok;

        if (!value)
            return 1;
        len = c->raw ? strlen(value) : text_unescape(value);
        ok = xs_write(c->xs, c->t, argv[i], value, (unsigned int)len);
        free(value);
        if (!ok)
            return failed(c, "could not write", argv[i]);
    }
    return 0;
}

static void print_names(struct client *c, const char *path, char **names,
                        unsigned int num)
{
    if (c->json)
        putc('[', c->out);
    for (unsigned int i = 0; i < num; i++) {
        if (c->json) {
            fputs(i ? ", " : "", c->out);
            text_json(c->out, names[i], strlen(names[i]));
        } else {
            if (c->prefix)
                fprintf(c->out, "%s/", path);
            fprintf(c->out, "%s\n", names[i]);
        }
    }
    if (c->json)
        putc(']', c->out);
}

int do_list(struct client *c, int argc, char **argv)
{
    for (int i = 0; i < argc; i++) {
        unsigned int num;
        char **names = xs_directory(c->xs, c->t, argv[i], &num);

        if (!names)
            return failed(c, "could not list", argv[i]);
        if (c->json)
            json_key(c, argv[i], i == 0);
        print_names(c, argv[i], names, num);
        free(names);
    }
    if (c->json)
        fputs("\n}\n", c->out);
    return 0;
}

/* Removes the parents of path that have become empty: no value and no children. */
static bool tidy(struct client *c, char *path)
{
    char *slash;

    while ((slash = strrchr(path, '/')) && slash != path) {
        unsigned int num, len;
        char **names;
        char *value;

        *slash = '\0';
        value = xs_read(c->xs, c->t, path, &len);
        if (!value)
            return false;
        free(value);
        if (len)
            return true;
        names = xs_directory(c->xs, c->t, path, &num);
        if (!names)
            return false;
        free(names);
        if (num)
            return true;
        if (!xs_rm(c->xs, c->t, path))
            return false;
    }
    return true;
}

int do_rm(struct client *c, int argc, char **argv)
{
    for (int i = 0; i < argc; i++) {
        char *path;
        bool ok;

        if (!xs_rm(c->xs, c->t, argv[i]))
            return failed(c, "could not remove", argv[i]);
        if (!c->tidy)
            continue;
        path = strdup(argv[i]);
        ok = path && tidy(c, path);
        free(path);
        if (!ok)
            return failed(c, "could not tidy above", argv[i]);
    }
    return 0;
}

int do_exists(struct client *c, int argc, char **argv)
{
    int status = 0;

    for (int i = 0; i < argc; i++) {
        char *value = xs_read(c->xs, c->t, argv[i], NULL);

        if (c->json) {
            json_key(c, argv[i], i == 0);
            fputs(value ? "true" : "false", c->out);
        }
        status |= !value;
        free(value);
        if (status && !c->json)
            return status;
    }
    if (c->json)
        fputs("\n}\n", c->out);
    return status;
}

/* --- permissions --- */

struct modes {
    struct xs_permissions *perms;
    unsigned int count;
};

static int set_perms(struct client *c, const char *path, const struct modes *m)
{
    if (xs_set_permissions(c->xs, c->t, path, m->perms, m->count))
        return 0;
    fprintf(stderr, "%s: Error occurred setting permissions on '%s': %s\n", c->name, path,
            strerror(errno));
    return 1;
}

static int set_below(struct client *c, const char *path, const struct modes *m)
{
    unsigned int num = 0;
    char **names = xs_directory(c->xs, c->t, path, &num);
    int status = 0;

    if (!names)
        return failed(c, "could not list", path);
    for (unsigned int i = 0; i < num && status == 0; i++) {
        char *child = join(path, names[i]);

        if (!child)
            return 1;
        status = set_perms(c, child, m);
        if (status == 0)
            status = set_below(c, child, m);
        free(child);
    }
    free(names);
    return status;
}

static int set_above(struct client *c, char *path, const struct modes *m)
{
    char *slash;
    int status = 0;

    while (status == 0 && (slash = strrchr(path, '/')) && slash != path) {
        *slash = '\0';
        status = set_perms(c, path, m);
    }
    return status;
}

static int apply_modes(struct client *c, const char *key, const struct modes *m)
{
    char *path = strdup(key);
    int status;

    if (!path)
        return 1;
    status = set_perms(c, path, m);
    if (status == 0 && c->recurse)
        status = set_below(c, path, m);
    if (status == 0 && c->upto)
        status = set_above(c, path, m);
    free(path);
    return status;
}

int do_chmod(struct client *c, int argc, char **argv)
{
    struct modes m = {.count = (unsigned int)argc - 1};
    int status;

    m.perms = calloc((size_t)argc, sizeof(*m.perms));
    if (!m.perms)
        return 1;
    for (int i = 1; i < argc; i++) {
        if (!xs_strings_to_perms(&m.perms[i - 1], 1, argv[i])) {
            fprintf(stderr, "%s: Invalid permission specification: '%c'\n", c->name,
                    argv[i][0]);
            free(m.perms);
            return 1;
        }
    }
    status = apply_modes(c, argv[0], &m);
    free(m.perms);
    return status;
}

/* --- watching and control --- */

int do_watch(struct client *c, int argc, char **argv)
{
    for (int i = 0; i < argc; i++) {
        if (!xs_watch(c->xs, argv[i], argv[i])) {
            fprintf(stderr, "%s: Unable to add watch on %s\n", c->name, argv[i]);
            return 1;
        }
    }
    while (c->events--) {
        unsigned int num;
        char **event = xs_read_watch(c->xs, &num);

        if (!event) {
            fprintf(stderr, "%s: %s\n", c->name, strerror(errno));
            return 1;
        }
        if (c->json) {
            fputs("{\"path\": ", c->out);
            text_json(c->out, event[0], strlen(event[0]));
            fputs(", \"watch\": ", c->out);
            text_json(c->out, event[1], strlen(event[1]));
            fputs("}\n", c->out);
        } else {
            fprintf(c->out, "%s\n", event[0]);
        }
        fflush(c->out);
        free(event);
    }
    return 0;
}

static char *control_args(int argc, char **argv, size_t *len)
{
    char *data, *to;

    *len = 0;
    for (int i = 0; i < argc; i++)
        *len += strlen(argv[i]) + 1;
    data = to = malloc(*len + 1);
    for (int i = 0; data && i < argc; i++)
        to = stpcpy(to, argv[i]) + 1;
    return data;
}

int do_control(struct client *c, int argc, char **argv)
{
    size_t len;
    char *data, *reply;
    int status = 0;

    if (strcmp(argv[0], "live-update") == 0)
        return do_live_update(c, argc - 1, argv + 1);
    data = control_args(argc - 1, argv + 1, &len);
    reply = data ? xs_control_command(c->xs, argv[0], data, (unsigned int)len) : NULL;
    free(data);
    if (!reply) {
        fputs("Command not supported. Valid commands are:\n", c->out);
        reply = xs_control_command(c->xs, "help", NULL, 0);
        status = 3;
    }
    if (c->json)
        text_json(c->out, reply ? reply : "", reply ? strlen(reply) : 0);
    else
        fputs(reply ? reply : "", c->out);
    putc('\n', c->out);
    free(reply);
    return status;
}
