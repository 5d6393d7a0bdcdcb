/* SPDX-License-Identifier: MIT */
#include "dom/channel.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* Cuts the blanks off both ends, in place. */
static char *trim(char *text)
{
    char *end = text + strlen(text);

    while (end > text && isspace((unsigned char)end[-1]))
        *--end = 0;
    return text + strspn(text, " \t\n");
}

static int set_copy(char **to, const char *value, struct dom_error *err)
{
    free(*to);
    *to = strdup(value);
    return *to ? 0 : dom_fail(err, -ENOMEM, "out of memory");
}

static int set(struct dom_channel *out, char **connection, char *word,
               struct dom_error *err)
{
    char *equals = strchr(word, '='), *key, *value;

    if (!equals)
        return dom_fail(err, -EINVAL, "'%.60s' is not KEY=VALUE", word);
    *equals = 0;
    key = trim(word);
    value = trim(equals + 1);
    if (!strcmp(key, "name"))
        return set_copy(&out->name, value, err);
    if (!strcmp(key, "path"))
        return set_copy(&out->path, value, err);
    if (!strcmp(key, "connection"))
        return set_copy(connection, value, err);
    if (strcmp(key, "backend") != 0)
        return dom_fail(err, -EINVAL,
                        "a channel has no '%.60s' (but name, connection and path)", key);
    if (!strcmp(value, "0") || !strcmp(value, "Domain-0"))
        return 0;
    return dom_fail(err, -EINVAL, "its backend can be dom0 only, not '%.60s'", value);
}

/* What is missing, and how settings fit together. */
static int finish(const struct dom_channel *out, const char *connection,
                  struct dom_error *err)
{
    bool is_pty = connection && !strcasecmp(connection, "pty");
    bool is_socket = connection && !strcasecmp(connection, "socket");

    if (!out->name || !*out->name)
        return dom_fail(err, -EINVAL, "a channel needs a name=");
    if (!is_pty && !is_socket)
        return dom_fail(err, -EINVAL, "connection= must be pty or socket%s%.40s%s",
                        connection ? ", not '" : "", connection ? connection : "",
                        connection ? "'" : "");
    if (is_pty && out->path)
        return dom_fail(err, -EINVAL, "path= is for connection=socket");
    if (is_pty)
        return 0;
    if (!out->path || *out->path != '/')
        return dom_fail(err, -EINVAL,
                        "connection=socket needs a path= that begins with '/'");
    if (strlen(out->path) >= sizeof(((struct sockaddr_un *)NULL)->sun_path))
        return dom_fail(err, -EINVAL, "path= is longer than a socket's can be (107)");
    return 0;
}

int dom_channel_parse(struct dom_channel *out, const char *text, struct dom_error *err)
{
    char *copy = strdup(text), *rest = copy, *connection = NULL, *word;
    int rc = copy ? 0 : dom_fail(err, -ENOMEM, "out of memory");

    *out = (struct dom_channel){0};
    while (!rc && (word = strsep(&rest, ",")))
        if (*trim(word))
            rc = set(out, &connection, trim(word), err);
    if (!rc)
        rc = finish(out, connection, err);
    free(connection);
    free(copy);
    return rc;
}

void dom_channel_free(struct dom_channel *channel)
{
    free(channel->name);
    free(channel->path);
    *channel = (struct dom_channel){0};
}

int dom_channel_check(const struct dom_channel *channel, struct dom_error *err)
{
    char folder[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
    struct stat st;
    char *slash;

    if (!channel->path)
        return 0;
    if (!stat(channel->path, &st) && !S_ISSOCK(st.st_mode))
        return dom_fail(err, -EEXIST, "channel %s: %s is there and is not a socket",
                        channel->name, channel->path);
    strcpy(folder, channel->path);
    slash = strrchr(folder, '/');
    slash[slash == folder] = 0; /* the root is its own folder */
    if (access(folder, W_OK | X_OK))
        return dom_fail(err, -errno, "channel %s: cannot make a socket in %s: %s",
                        channel->name, folder, strerror(errno));
    return 0;
}
