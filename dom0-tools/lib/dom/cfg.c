/* SPDX-License-Identifier: MIT */
/*
 * Parser of domain.cfg's syntax: one pass over the text, no tokens kept. Nesting of
 * lists is bounded, because the input may be anybody's.
 *
 * Reference: xl.cfg(5), "SYNTAX".
 */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dom/cfg.h"

#define MAX_DEPTH 8

struct parser {
    struct cfg *cfg;
    const char *at, *end, *line_start;
    struct cfg_pos pos; /* file and line; column follows from line_start */
    struct dom_error *err;
};

static int parse_value(struct parser *p, struct cfg_value *out, unsigned int depth);

void cfg_init(struct cfg *cfg)
{
    cfg->first = NULL;
    cfg->tail = &cfg->first;
}

static void free_value(struct cfg_value *value)
{
    for (size_t i = 0; i < value->nr_items; i++)
        free_value(&value->items[i]);
    free(value->items);
    free(value->string);
    memset(value, 0, sizeof(*value));
}

void cfg_free(struct cfg *cfg)
{
    struct cfg_setting *next;

    for (struct cfg_setting *s = cfg->first; s; s = next) {
        next = s->next;
        free_value(&s->value);
        free(s->key);
        free(s);
    }
    cfg_init(cfg);
}

const struct cfg_setting *cfg_find(const struct cfg *cfg, const char *key)
{
    for (const struct cfg_setting *s = cfg->first; s; s = s->next)
        if (!strcmp(s->key, key))
            return s;
    return NULL;
}

int cfg_fail(struct dom_error *err, const struct cfg_pos *pos, const char *fmt, ...)
{
    char what[384];
    va_list args;

    va_start(args, fmt);
    vsnprintf(what, sizeof(what), fmt, args);
    va_end(args);
    if (!pos->line)
        return dom_fail(err, -EINVAL, "%s: %s", pos->file, what);
    return dom_fail(err, -EINVAL, "%s:%u:%u: %s", pos->file, pos->line, pos->column,
                    what);
}

static struct cfg_pos here(const struct parser *p)
{
    struct cfg_pos pos = p->pos;

    pos.column = (unsigned int)(p->at - p->line_start) + 1;
    return pos;
}

static int fail(struct parser *p, const char *what)
{
    struct cfg_pos pos = here(p);

    if (p->at == p->end)
        return cfg_fail(p->err, &pos, "%s, but the file ends", what);
    if (*p->at == '\n')
        return cfg_fail(p->err, &pos, "%s, but the line ends", what);
    if (!isprint((unsigned char)*p->at))
        return cfg_fail(p->err, &pos, "%s, found byte 0x%02x", what,
                        (unsigned char)*p->at);
    return cfg_fail(p->err, &pos, "%s, found '%c'", what, *p->at);
}

static int peek(const struct parser *p)
{
    return p->at < p->end ? (unsigned char)*p->at : -1;
}

static void advance(struct parser *p)
{
    if (*p->at++ == '\n') {
        p->pos.line++;
        p->line_start = p->at;
    }
}

/* Skips blanks and comments; line ends too if asked. */
static void skip(struct parser *p, bool lines)
{
    for (int c; (c = peek(p)) != -1;) {
        if (c == '#') {
            while (peek(p) != -1 && peek(p) != '\n')
                advance(p);
        } else if (c == ' ' || c == '\t' || c == '\r' || c == '\f' ||
                   (lines && c == '\n')) {
            advance(p);
        } else {
            return;
        }
    }
}

/* One character of a string after its backslash. Negative: not an escape we know. */
static int parse_escape(struct parser *p)
{
    static const char from[] = "abfnrtv\\'\"", to[] = "\a\b\f\n\r\t\v\\'\"";
    int c = peek(p), value = 0, digits = 0;
    const char *found;

    if (c == 'x') {
        advance(p);
        for (; digits < 2 && isxdigit(peek(p)); digits++, advance(p))
            value = value * 16 +
                    (isdigit(peek(p)) ? peek(p) - '0' : tolower(peek(p)) - 'a' + 10);
        return digits ? value : -1;
    }
    if (c >= '0' && c <= '7') {
        for (; digits < 3 && peek(p) >= '0' && peek(p) <= '7'; digits++, advance(p))
            value = value * 8 + peek(p) - '0';
        return value < 256 ? value : -1;
    }
    found = c > 0 ? strchr(from, c) : NULL;
    if (!found)
        return -1;
    advance(p);
    return to[found - from];
}

static int parse_string(struct parser *p, struct cfg_value *out)
{
    int quote = peek(p), c;
    size_t len = 0;
    const char *start;

    advance(p);
    start = p->at;
    out->type = CFG_STRING;
    /* A string is never longer than its source. */
    out->string = malloc((size_t)(p->end - start) + 1);
    if (!out->string)
        return dom_fail(p->err, -ENOMEM, "out of memory");
    while ((c = peek(p)) != quote) {
        if (c == -1 || c == '\n')
            return fail(p, "expected the closing quote of this string");
        advance(p);
        if (c == '\\' && (c = parse_escape(p)) < 0)
            return fail(p, "unknown escape after \\");
        if (!c)
            return fail(p, "a string cannot hold a NUL byte");
        out->string[len++] = (char)c;
    }
    advance(p);
    out->string[len] = 0;
    char *fit = realloc(out->string, len + 1);
    out->string = fit ? fit : out->string;
    return 0;
}

static int parse_number(struct parser *p, struct cfg_value *out)
{
    const char *start = p->at;
    char *rest;

    while (isalnum(peek(p)) || peek(p) == '-' || peek(p) == '+')
        advance(p);
    out->type = CFG_NUMBER;
    out->string = strndup(start, (size_t)(p->at - start));
    if (!out->string)
        return dom_fail(p->err, -ENOMEM, "out of memory");
    errno = 0;
    out->number = strtoll(out->string, &rest, 0);
    if (errno || *rest || rest == out->string)
        return cfg_fail(p->err, &out->pos, "'%.40s' is not a number (text needs quotes)",
                        out->string);
    return 0;
}

static int add_item(struct parser *p, struct cfg_value *list, unsigned int depth)
{
    size_t n = list->nr_items;

    /* Room doubles whenever the count reaches a power of two. */
    if (!(n & (n - 1))) {
        struct cfg_value *more = realloc(list->items, (n ? 2 * n : 1) * sizeof(*more));

        if (!more)
            return dom_fail(p->err, -ENOMEM, "out of memory");
        list->items = more;
    }
    memset(&list->items[n], 0, sizeof(*list->items));
    list->nr_items++;
    return parse_value(p, &list->items[n], depth + 1);
}

static int parse_list(struct parser *p, struct cfg_value *out, unsigned int depth)
{
    int rc;

    out->type = CFG_LIST;
    if (depth >= MAX_DEPTH)
        return fail(p, "lists are nested too deeply");
    advance(p);
    for (skip(p, true); peek(p) != ']'; skip(p, true)) {
        rc = add_item(p, out, depth);
        if (rc)
            return rc;
        skip(p, true);
        if (peek(p) == ',')
            advance(p);
        else if (peek(p) != ']')
            return fail(p, "expected ',' or ']' in this list");
    }
    advance(p);
    return 0;
}

static int parse_value(struct parser *p, struct cfg_value *out, unsigned int depth)
{
    int c = peek(p);

    out->pos = here(p);
    if (c == '"' || c == '\'')
        return parse_string(p, out);
    if (c == '[')
        return parse_list(p, out, depth);
    if (isalnum(c) || c == '-' || c == '+')
        return parse_number(p, out);
    return fail(p, "expected a number, a quoted string or a [list]");
}

/* `key += value`: list items and text are appended to what is there. */
static int append_value(struct parser *p, struct cfg_value *to, struct cfg_value *from)
{
    if (to->type != from->type || to->type == CFG_NUMBER)
        return cfg_fail(p->err, &from->pos,
                        "+= needs two strings or two lists (first set at line %u)",
                        to->pos.line);
    if (to->type == CFG_STRING) {
        char *joined;

        if (asprintf(&joined, "%s%s", to->string, from->string) < 0)
            return dom_fail(p->err, -ENOMEM, "out of memory");
        free(to->string);
        to->string = joined;
        return 0;
    }
    size_t all = to->nr_items + from->nr_items, room = 1;
    while (room < all)
        room *= 2;
    struct cfg_value *items = realloc(to->items, room * sizeof(*items));
    if (!items)
        return dom_fail(p->err, -ENOMEM, "out of memory");
    to->items = items;
    if (from->nr_items)
        memcpy(items + to->nr_items, from->items, from->nr_items * sizeof(*items));
    to->nr_items = all;
    free(from->items);
    from->items = NULL;
    from->nr_items = 0;
    return 0;
}

/* Puts a setting into cfg; value's contents move there or are freed. */
static int store(struct parser *p, char *key, struct cfg_pos pos, struct cfg_value *value,
                 bool append)
{
    struct cfg_setting *s = (struct cfg_setting *)cfg_find(p->cfg, key);
    int rc = 0;

    if (s) {
        free(key);
        if (append) {
            rc = append_value(p, &s->value, value);
        } else {
            free_value(&s->value);
            s->value = *value;
            s->pos = pos;
            memset(value, 0, sizeof(*value));
        }
        free_value(value);
        return rc;
    }
    s = calloc(1, sizeof(*s));
    if (!s) {
        free(key);
        free_value(value);
        return dom_fail(p->err, -ENOMEM, "out of memory");
    }
    *s = (struct cfg_setting){.key = key, .pos = pos, .value = *value};
    *p->cfg->tail = s;
    p->cfg->tail = &s->next;
    return 0;
}

/* A key and its equals sign. */
static int parse_key(struct parser *p, char **key, bool *append)
{
    const char *start = p->at;

    if (!isalpha(peek(p)) && peek(p) != '_')
        return fail(p, "expected `key = value`");
    while (isalnum(peek(p)) || peek(p) == '_')
        advance(p);
    *key = strndup(start, (size_t)(p->at - start));
    if (!*key)
        return dom_fail(p->err, -ENOMEM, "out of memory");
    skip(p, false);
    *append = peek(p) == '+' && p->end - p->at > 1 && p->at[1] == '=';
    if (*append)
        advance(p);
    if (peek(p) == '=') {
        advance(p);
        return 0;
    }
    free(*key);
    *key = NULL;
    return fail(p, "expected '=' after the key");
}

static int parse_setting(struct parser *p)
{
    struct cfg_value value = {0};
    struct cfg_pos pos = here(p);
    bool append;
    char *key;
    int rc = parse_key(p, &key, &append);

    if (rc)
        return rc;
    skip(p, false);
    rc = parse_value(p, &value, 0);
    skip(p, false);
    if (!rc && peek(p) != -1 && peek(p) != '\n' && peek(p) != ';')
        rc = fail(p, "expected the end of the line after this value");
    if (rc) {
        free(key);
        free_value(&value);
        return rc;
    }
    return store(p, key, pos, &value, append);
}

static struct parser start(struct cfg *cfg, const char *file, const char *text,
                           size_t len, struct dom_error *err)
{
    return (struct parser){.cfg = cfg,
                           .at = text,
                           .end = text + len,
                           .line_start = text,
                           .pos = {.file = file, .line = 1},
                           .err = err};
}

int cfg_parse(struct cfg *cfg, const char *file, const char *text, size_t len,
              struct dom_error *err)
{
    struct parser p = start(cfg, file, text, len, err);
    int rc = 0;

    for (;;) {
        skip(&p, true);
        if (peek(&p) == ';')
            advance(&p);
        else if (peek(&p) == -1)
            return 0;
        else
            rc = parse_setting(&p);
        if (rc)
            return rc;
    }
}

int cfg_parse_override(struct cfg *cfg, const char *arg, struct dom_error *err)
{
    struct parser p = start(cfg, "argument", arg, strlen(arg), err);
    struct cfg_value value = {.type = CFG_STRING};
    struct cfg_pos pos = here(&p);
    bool append;
    char *key;
    int rc, c;

    skip(&p, false);
    c = peek(&p) == -1 ? -1 : 0;
    rc = c ? fail(&p, "expected `key=value`") : parse_key(&p, &key, &append);
    if (rc)
        return rc;
    skip(&p, false);
    c = peek(&p);
    if (c == '"' || c == '\'' || c == '[') {
        free(key);
        return cfg_parse(cfg, "argument", arg, strlen(arg), err);
    }
    value.pos = here(&p);
    value.string = strdup(p.at);
    if (!value.string) {
        free(key);
        return dom_fail(err, -ENOMEM, "out of memory");
    }
    return store(&p, key, pos, &value, append);
}
