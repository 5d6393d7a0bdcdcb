/* SPDX-License-Identifier: MIT */
/*
 * Names of errors and message types, and taking payloads apart. Nothing here keeps state.
 */
#include "wire/xs_msg.h"

#include <errno.h>
#include <string.h>

static const struct {
    int number;
    const char *name;
} errors[] = {
    {EINVAL, "EINVAL"}, {EACCES, "EACCES"},   {EEXIST, "EEXIST"},
    {EISDIR, "EISDIR"}, {ENOENT, "ENOENT"},   {ENOMEM, "ENOMEM"},
    {ENOSPC, "ENOSPC"}, {EIO, "EIO"},         {ENOTEMPTY, "ENOTEMPTY"},
    {ENOSYS, "ENOSYS"}, {EROFS, "EROFS"},     {EBUSY, "EBUSY"},
    {EAGAIN, "EAGAIN"}, {EISCONN, "EISCONN"}, {E2BIG, "E2BIG"},
    {EPERM, "EPERM"},
};

static const char *const types[XS_MSG_TYPES] = {
    [HV_XS_CONTROL] = "CONTROL",
    [HV_XS_DIRECTORY] = "DIRECTORY",
    [HV_XS_READ] = "READ",
    [HV_XS_GET_PERMS] = "GET_PERMS",
    [HV_XS_WATCH] = "WATCH",
    [HV_XS_UNWATCH] = "UNWATCH",
    [HV_XS_TRANSACTION_START] = "TRANSACTION_START",
    [HV_XS_TRANSACTION_END] = "TRANSACTION_END",
    [HV_XS_INTRODUCE] = "INTRODUCE",
    [HV_XS_RELEASE] = "RELEASE",
    [HV_XS_GET_DOMAIN_PATH] = "GET_DOMAIN_PATH",
    [HV_XS_WRITE] = "WRITE",
    [HV_XS_MKDIR] = "MKDIR",
    [HV_XS_RM] = "RM",
    [HV_XS_SET_PERMS] = "SET_PERMS",
    [HV_XS_WATCH_EVENT] = "WATCH_EVENT",
    [HV_XS_ERROR] = "ERROR",
    [HV_XS_IS_DOMAIN_INTRODUCED] = "IS_DOMAIN_INTRODUCED",
    [HV_XS_RESUME] = "RESUME",
    [HV_XS_SET_TARGET] = "SET_TARGET",
    [HV_XS_RESET_WATCHES] = "RESET_WATCHES",
    [HV_XS_DIRECTORY_PART] = "DIRECTORY_PART",
    [HV_XS_GET_FEATURE] = "GET_FEATURE",
    [HV_XS_SET_FEATURE] = "SET_FEATURE",
    [HV_XS_GET_QUOTA] = "GET_QUOTA",
    [HV_XS_SET_QUOTA] = "SET_QUOTA",
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

const char *xs_error_name(int errnum)
{
    for (size_t i = 0; i < COUNT(errors); i++) {
        if (errors[i].number == errnum)
            return errors[i].name;
    }
    return "EINVAL";
}

int xs_error_number(const char *name, size_t len)
{
    for (size_t i = 0; i < COUNT(errors); i++) {
        if (strlen(errors[i].name) == len && memcmp(errors[i].name, name, len) == 0)
            return errors[i].number;
    }
    return 0;
}

const char *xs_type_name(uint32_t type)
{
    return type < XS_MSG_TYPES && types[type] ? types[type] : "?";
}

const char *xs_args_next(struct xs_args *a, size_t *len)
{
    const char *s = a->at;
    const char *end = a->left ? memchr(s, '\0', a->left) : NULL;

    if (!end)
        return NULL;
    *len = (size_t)(end - s);
    a->at += *len + 1;
    a->left -= *len + 1;
    return s;
}

const char *xs_args_one(const char *buf, size_t len)
{
    if (len == 0 || memchr(buf, '\0', len) != buf + len - 1)
        return NULL;
    return buf;
}

bool xs_number(const char *s, uint64_t max, uint64_t *out)
{
    uint64_t v = 0;

    if (!*s)
        return false;
    for (; *s; s++) {
        unsigned int digit = (unsigned int)(*s - '0');

        if (digit > 9 || v > (max - digit) / 10)
            return false;
        v = v * 10 + digit;
    }
    *out = v;
    return true;
}
