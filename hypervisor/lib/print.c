/* SPDX-License-Identifier: MIT */
/*
 * Formatted output for the bare machine; a hosted build uses libc's.
 *
 * Known: %d %i %u %x %X %o %p %c %s %%, the flags - + space 0 #, width and precision
 * (also *), the lengths hh h l ll z j t. The result is always terminated when n is not 0;
 * the value returned is the length that the whole text has.
 */
#include "lib/string.h"

struct out {
    char *buf;
    size_t size, len; /* len may grow beyond size */
};

struct spec {
    bool left, zero, plus, space, alt;
    int width, prec; /* prec -1: none */
    int length;      /* -2 hh, -1 h, 0, 1 l, 2 ll */
};

static void put(struct out *o, char c)
{
    if (o->len + 1 < o->size)
        o->buf[o->len] = c;
    o->len++;
}

static void pad(struct out *o, char c, int n)
{
    while (n-- > 0)
        put(o, c);
}

static void put_text(struct out *o, const struct spec *sp, const char *s)
{
    size_t n;

    if (!s)
        s = "(null)";
    n = sp->prec >= 0 ? strnlen(s, (size_t)sp->prec) : strlen(s);
    if (!sp->left)
        pad(o, ' ', sp->width - (int)n);
    for (size_t i = 0; i < n; i++)
        put(o, s[i]);
    if (sp->left)
        pad(o, ' ', sp->width - (int)n);
}

static void put_number(struct out *o, const struct spec *sp, uint64_t v, unsigned base,
                       const char *prefix, bool upper)
{
    const char *digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";
    char tmp[24];
    int n = 0, zeros, plen = (int)strlen(prefix), fill;

    for (; v; v /= base)
        tmp[n++] = digits[v % base];
    if (!n && sp->prec != 0)
        tmp[n++] = '0';
    zeros = MAX(sp->prec - n, 0);
    fill = MAX(sp->width - n - zeros - plen, 0);
    if (sp->zero && !sp->left && sp->prec < 0) {
        zeros += fill;
        fill = 0;
    }
    if (!sp->left)
        pad(o, ' ', fill);
    for (int i = 0; i < plen; i++)
        put(o, prefix[i]);
    pad(o, '0', zeros);
    while (n)
        put(o, tmp[--n]);
    if (sp->left)
        pad(o, ' ', fill);
}

static const char *parse_flags(const char *f, struct spec *sp)
{
    for (;; f++) {
        switch (*f) {
        case '-':
            sp->left = true;
            break;
        case '0':
            sp->zero = true;
            break;
        case '+':
            sp->plus = true;
            break;
        case ' ':
            sp->space = true;
            break;
        case '#':
            sp->alt = true;
            break;
        default:
            return f;
        }
    }
}

static const char *parse_count(const char *f, int *out)
{
    int v = 0;

    for (; *f >= '0' && *f <= '9'; f++)
        v = MIN(v * 10 + (*f - '0'), 4096);
    *out = v;
    return f;
}

static const char *parse_length(const char *f, struct spec *sp)
{
    for (;; f++) {
        switch (*f) {
        case 'h':
            sp->length--;
            break;
        case 'l':
            sp->length++;
            break;
        case 'z':
        case 'j':
        case 't':
            sp->length = 2;
            break;
        default:
            return f;
        }
    }
}

/* The number is cut to its type here, so that the va_list is only walked in vsnprintf. */
static void put_signed(struct out *o, const struct spec *sp, int64_t v)
{
    const char *sign = v < 0 ? "-" : sp->plus ? "+" : sp->space ? " " : "";

    if (!sp->length)
        v = (int)v;
    else if (sp->length == -1)
        v = (short)v;
    else if (sp->length == -2)
        v = (signed char)v;
    put_number(o, sp, v < 0 ? 0 - (uint64_t)v : (uint64_t)v, 10, sign, false);
}

static void put_unsigned(struct out *o, const struct spec *sp, uint64_t v, char conv)
{
    unsigned base = conv == 'u' ? 10 : conv == 'o' ? 8 : 16;
    const char *prefix = "";

    if (!sp->length)
        v = (unsigned)v;
    else if (sp->length == -1)
        v = (unsigned short)v;
    else if (sp->length == -2)
        v = (unsigned char)v;
    if (conv == 'p' || (sp->alt && v && base == 16))
        prefix = conv == 'X' ? "0X" : "0x";
    put_number(o, sp, v, base, prefix, conv == 'X');
}

int vsnprintf(char *buf, size_t n, const char *fmt, va_list ap)
{
    struct out o = {buf, n, 0};

    for (const char *f = fmt; *f; f++) {
        struct spec sp = {.prec = -1};

        if (*f != '%') {
            put(&o, *f);
            continue;
        }
        f = parse_flags(f + 1, &sp);
        if (*f == '*') {
            sp.width = va_arg(ap, int);
            sp.left |= sp.width < 0;
            sp.width = sp.width < 0 ? -sp.width : sp.width;
            f++;
        } else {
            f = parse_count(f, &sp.width);
        }
        if (*f == '.' && f[1] == '*') {
            sp.prec = va_arg(ap, int);
            f += 2;
        } else if (*f == '.') {
            f = parse_count(f + 1, &sp.prec);
        }
        f = parse_length(f, &sp);
        switch (*f) {
        case 'd':
        case 'i':
            put_signed(&o, &sp, sp.length > 0 ? va_arg(ap, long) : va_arg(ap, int));
            break;
        case 'u':
        case 'x':
        case 'X':
        case 'o':
            put_unsigned(&o, &sp,
                         sp.length > 0 ? va_arg(ap, unsigned long) : va_arg(ap, unsigned),
                         *f);
            break;
        case 'p':
            sp.length = 2;
            put_unsigned(&o, &sp, (uintptr_t)va_arg(ap, void *), 'p');
            break;
        case 's':
            put_text(&o, &sp, va_arg(ap, const char *));
            break;
        case 'c':
            pad(&o, ' ', sp.left ? 0 : sp.width - 1);
            put(&o, (char)va_arg(ap, int));
            pad(&o, ' ', sp.left ? sp.width - 1 : 0);
            break;
        case '\0':
            f--;
            break;
        default:
            put(&o, *f);
            break;
        }
    }
    if (n)
        buf[MIN(o.len, n - 1)] = '\0';
    return (int)o.len;
}

int snprintf(char *buf, size_t n, const char *fmt, ...)
{
    va_list ap;
    int r;

    va_start(ap, fmt);
    r = vsnprintf(buf, n, fmt, ap);
    va_end(ap);
    return r;
}
