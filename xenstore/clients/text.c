/* SPDX-License-Identifier: MIT */
/* Escaping. See text.h. */
#include "clients/text.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

char *text_escape(const void *value, size_t len)
{
    const unsigned char *in = value;
    char *out = malloc(len * 4 + 1), *to = out;

    if (!out)
        return NULL;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = in[i];

        if (c == '\t' || c == '\n' || c == '\r' || c == '\\') {
            *to++ = '\\';
            *to++ = c == '\t' ? 't' : c == '\n' ? 'n' : c == '\r' ? 'r' : '\\';
        } else if (c >= 0x20 && c < 0x7f) {
            *to++ = (char)c;
        } else {
            to += sprintf(to, c < 8 ? "\\%03o" : "\\x%02x", c);
        }
    }
    *to = '\0';
    return out;
}

static int digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return 16;
}

/* Takes up to max digits of this base. */
static char number(const char **at, int base, int max)
{
    int v = 0;

    for (; max && digit(**at) < base; max--)
        v = v * base + digit(*(*at)++);
    return (char)v;
}

static char unescape_one(const char **at)
{
    char c = *(*at)++;

    switch (c) {
    case 't':
        return '\t';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 'x':
        return digit(**at) < 16 ? number(at, 16, 2) : 'x';
    case '\0':
        (*at)--;
        return '\0';
    default:
        break;
    }
    if (c < '0' || c > '7')
        return c;
    (*at)--;
    return number(at, 8, 3);
}

size_t text_unescape(char *s)
{
    const char *from = s;
    char *to = s;

    while (*from) {
        char c = *from++;

        *to++ = c == '\\' ? unescape_one(&from) : c;
    }
    *to = '\0';
    return (size_t)(to - s);
}

/* Bytes of the UTF-8 sequence at p, or 0 if it is none. */
static size_t utf8(const unsigned char *p, size_t left)
{
    size_t n = p[0] < 0x80   ? 1
               : p[0] < 0xc2 ? 0
               : p[0] < 0xe0 ? 2
               : p[0] < 0xf0 ? 3
               : p[0] < 0xf5 ? 4
                             : 0;

    if (n == 0 || n > left)
        return 0;
    for (size_t i = 1; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    }
    if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xf0 && p[1] < 0x90) ||
        (p[0] == 0xed && p[1] > 0x9f) || (p[0] == 0xf4 && p[1] > 0x8f))
        return 0;
    return n;
}

void text_json(FILE *out, const void *value, size_t len)
{
    const unsigned char *p = value;

    putc('"', out);
    while (len) {
        size_t n = utf8(p, len);

        if (n == 0 || *p < 0x20 || *p == 0x7f) {
            fprintf(out, "\\u%04x", *p);
            n = 1;
        } else {
            if (*p == '"' || *p == '\\')
                putc('\\', out);
            fwrite(p, 1, n, out);
        }
        p += n;
        len -= n;
    }
    putc('"', out);
}
