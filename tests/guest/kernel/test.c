/* SPDX-License-Identifier: MIT */
/* Start and end of a test kernel, and its reports on the emergency console. */
#include "guest.h"
#include "abi/sched.h"

struct out {
    char *buf;
    size_t size, len;
};

static void put(struct out *o, char c)
{
    if (o->len + 1 < o->size)
        o->buf[o->len++] = c;
}

static void put_number(struct out *o, uint64_t n, unsigned int base, int width, char pad)
{
    char digits[24];
    int i = 0;

    do {
        digits[i++] = "0123456789abcdef"[n % base];
        n /= base;
    } while (n);
    for (; width > i; width--)
        put(o, pad);
    while (i)
        put(o, digits[--i]);
}

/* %s %c %d %u %x with l, zero padding and width. */
int format(char *buf, size_t size, const char *fmt, va_list args)
{
    struct out o = {buf, size, 0};

    for (; *fmt; fmt++) {
        int width = 0, is_long = 0;
        char pad = ' ';

        if (*fmt != '%') {
            put(&o, *fmt);
            continue;
        }
        fmt++;
        if (*fmt == '0')
            pad = '0';
        for (; *fmt >= '0' && *fmt <= '9'; fmt++)
            width = width * 10 + *fmt - '0';
        for (; *fmt == 'l'; fmt++)
            is_long = 1;
        if (*fmt == 's') {
            for (const char *s = va_arg(args, const char *); *s; s++)
                put(&o, *s);
        } else if (*fmt == 'c') {
            put(&o, (char)va_arg(args, int));
        } else if (*fmt == 'd') {
            long n = is_long ? va_arg(args, long) : va_arg(args, int);

            if (n < 0)
                put(&o, '-');
            put_number(&o, n < 0 ? -(uint64_t)n : (uint64_t)n, 10, width, pad);
        } else {
            uint64_t n = is_long ? va_arg(args, uint64_t) : va_arg(args, unsigned int);

            put_number(&o, n, *fmt == 'x' ? 16 : 10, width, pad);
        }
    }
    buf[o.len] = 0;
    return (int)o.len;
}

static void say(const char *s)
{
    hcall3(HV_CALL_CONSOLE_IO, HV_CONSOLEIO_WRITE, strlen(s), P(s));
}

void printf(const char *fmt, ...)
{
    static char line[512];
    va_list args;

    va_start(args, fmt);
    format(line, sizeof(line), fmt, args);
    va_end(args);
    say(line);
}

void test_ok(const char *name)
{
    printf("@ok %s\n", name);
}

void test_fail(const char *name, const char *why, ...)
{
    static char text[256];
    va_list args;

    va_start(args, why);
    format(text, sizeof(text), why, args);
    va_end(args);
    printf("@not ok %s: %s\n", name, text);
}

void test_true(const char *name, bool ok)
{
    if (ok)
        test_ok(name);
    else
        test_fail(name, "it is not so");
}

void test_num(const char *name, long got, long want)
{
    if (got == want)
        test_ok(name);
    else
        test_fail(name, "got %ld (0x%lx), wanted %ld", got, got, want);
}

void test_end(void)
{
    struct hv_sched_shutdown off = {HV_SHUTDOWN_POWEROFF};

    say("@end\n");
    for (;;)
        sched_op(HV_SCHEDOP_SHUTDOWN, &off);
}

void guest_main(struct hv_start_info *si);
void guest_main(struct hv_start_info *si)
{
    start_info = si;
    say("@start\n");
    trap_init();
    map_mfn(shared_info, si->shared_info | PTE_RW);
    test_main();
    test_end();
}
