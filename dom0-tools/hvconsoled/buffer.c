/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "consoled.h"

/* Makes room for len more bytes behind the data. */
static int make_room(struct buffer *b, size_t len)
{
    size_t room = b->room ? b->room : 4096;
    char *data;

    if (b->start + b->len + len <= b->room)
        return 0;
    if (b->len + len <= b->room) {
        memmove(b->data, b->data + b->start, b->len);
        b->start = 0;
        return 0;
    }
    while (room < b->len + len)
        room *= 2;
    data = malloc(room);
    if (!data)
        return -1;
    if (b->len)
        memcpy(data, b->data + b->start, b->len);
    free(b->data);
    b->data = data;
    b->start = 0;
    b->room = room;
    return 0;
}

void buffer_add(struct buffer *b, const char *data, size_t len)
{
    if (len > b->limit) {
        data += len - b->limit;
        len = b->limit;
    }
    if (b->len + len > b->limit)
        buffer_drop(b, b->len + len - b->limit);
    if (!len || make_room(b, len))
        return;
    memcpy(b->data + b->start + b->len, data, len);
    b->len += len;
}

void buffer_drop(struct buffer *b, size_t len)
{
    b->start += len;
    b->len -= len;
    if (!b->len)
        b->start = 0;
}

void buffer_free(struct buffer *b)
{
    free(b->data);
    *b = (struct buffer){.limit = b->limit};
}
