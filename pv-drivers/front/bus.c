/* SPDX-License-Identifier: MIT */
/* See bus.h. */
#include <errno.h>
#include "bus.h"

/* path := folder "/" name; false: too long. */
static bool join(char *path, const char *folder, const char *name)
{
    size_t n = 0;

    while (*folder && n < BUS_PATH_MAX)
        path[n++] = *folder++;
    if (n < BUS_PATH_MAX)
        path[n++] = '/';
    while (*name && n < BUS_PATH_MAX)
        path[n++] = *name++;
    if (n == BUS_PATH_MAX)
        return false;
    path[n] = 0;
    return true;
}

static bool number(const char *s, uint64_t *value)
{
    uint64_t n = 0;

    if (!*s)
        return false;
    for (; *s; s++) {
        if (*s < '0' || *s > '9' || n > (UINT64_MAX - 9) / 10)
            return false;
        n = n * 10 + (uint64_t)(*s - '0');
    }
    *value = n;
    return true;
}

static uint64_t read_number(const char *folder, const char *name, uint64_t otherwise)
{
    char path[BUS_PATH_MAX], text[32];
    uint64_t n;

    if (!join(path, folder, name) || front_read(path, text, sizeof(text)) < 0)
        return otherwise;
    return number(text, &n) ? n : otherwise;
}

int bus_find(struct bus_device *d, const char *front)
{
    char path[BUS_PATH_MAX];
    uint64_t dom;
    size_t n;
    int rc;

    for (n = 0; front[n] && n + 1 < sizeof(d->front); n++)
        d->front[n] = front[n];
    d->front[n] = 0;
    dom = read_number(d->front, "backend-id", UINT64_MAX);
    if (front[n] || dom > UINT16_MAX || !join(path, d->front, "backend"))
        return -EINVAL;
    rc = front_read(path, d->back, sizeof(d->back));
    if (rc < 0)
        return rc;
    d->dom = (uint16_t)dom;
    d->state = (unsigned int)bus_front(d, "state", 0);
    return 0;
}

int bus_front_text(const struct bus_device *d, const char *name, char *text, size_t size)
{
    char path[BUS_PATH_MAX];

    return join(path, d->front, name) ? front_read(path, text, size) : -ENAMETOOLONG;
}

uint64_t bus_front(const struct bus_device *d, const char *name, uint64_t otherwise)
{
    return read_number(d->front, name, otherwise);
}

uint64_t bus_back(const struct bus_device *d, const char *name, uint64_t otherwise)
{
    return read_number(d->back, name, otherwise);
}

int bus_write_text(const struct bus_device *d, const char *name, const char *value)
{
    char path[BUS_PATH_MAX];

    return join(path, d->front, name) ? front_write(path, value) : -ENAMETOOLONG;
}

int bus_write(const struct bus_device *d, const char *name, uint64_t value)
{
    char text[24], *p = text + sizeof(text);

    *--p = 0;
    do {
        *--p = (char)('0' + value % 10);
        value /= 10;
    } while (value);
    return bus_write_text(d, name, p);
}

int bus_say(struct bus_device *d, unsigned int state)
{
    int rc;

    if (d->state == state)
        return 0;
    rc = bus_write(d, "state", state);
    if (!rc)
        d->state = state;
    return rc;
}
