/* SPDX-License-Identifier: MIT */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dom/disk.h"
#include "dom/imagelock.h"

#define XVD_MAJOR 202U
#define SD_MAJOR  8U
#define EXTENDED  (1U << 28) /* of disks and partitions beyond the 16th */
#define MAX_DISK  ((1U << 20) - 1)
#define MAX_PART  255U
#define POSITIONS 4

/* One specification while it is read. */
struct spec {
    struct dom_disk *out;
    const char *target, *format, *vdev, *access;
    bool cdrom;
    struct dom_error *err;
};

static bool read_number(const char **at, unsigned int max, unsigned int *out)
{
    unsigned long n;
    char *rest;

    if (!isdigit((unsigned char)**at))
        return false;
    errno = 0;
    n = strtoul(*at, &rest, 10);
    if (errno || n > max)
        return false;
    *at = rest;
    *out = (unsigned int)n;
    return true;
}

/* "a" is 0, "z" 25, "aa" 26, as disks are counted. */
static bool read_letters(const char **at, unsigned int *out)
{
    unsigned int n = 0, len = 0;

    for (; **at >= 'a' && **at <= 'z' && len < 4; (*at)++, len++)
        n = n * 26 + (unsigned int)(**at - 'a') + 1;
    *out = n - 1;
    return len && n - 1 <= MAX_DISK;
}

static int xvd_devid(unsigned int disk, unsigned int part)
{
    if (disk < 16 && part < 16)
        return (int)(XVD_MAJOR << 8 | disk << 4 | part);
    return part <= MAX_PART ? (int)(EXTENDED | disk << 8 | part) : -EINVAL;
}

/* IDE's numbers: two disks to a major, 64 partitions each. */
static int hd_devid(unsigned int disk, unsigned int part)
{
    static const unsigned int majors[] = {3, 22};

    if (disk >= 4 || part >= 64)
        return -EINVAL;
    return (int)(majors[disk / 2] << 8 | (disk & 1) << 6 | part);
}

static int sd_devid(unsigned int disk, unsigned int part)
{
    if (disk >= 16 || part >= 16)
        return -EINVAL;
    return (int)(SD_MAJOR << 8 | disk << 4 | part);
}

/* "d0p1" or "xvda1": a disk, then perhaps a partition. */
static int named_devid(const char *vdev)
{
    static const struct {
        const char *prefix;
        int (*devid)(unsigned int disk, unsigned int part);
    } names[] = {{"xvd", xvd_devid}, {"hd", hd_devid}, {"sd", sd_devid}};
    unsigned int disk, part = 0;
    const char *at = vdev + 1;

    if (*vdev == 'd' && read_number(&at, MAX_DISK, &disk)) {
        if (*at == 'p' && (at++, !read_number(&at, MAX_PART, &part)))
            return -EINVAL;
        return *at ? -EINVAL : xvd_devid(disk, part);
    }
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        at = vdev + strlen(names[i].prefix);
        if (strncmp(vdev, names[i].prefix, strlen(names[i].prefix)))
            continue;
        if (!read_letters(&at, &disk) || (*at && !read_number(&at, MAX_PART, &part)))
            return -EINVAL;
        return *at ? -EINVAL : names[i].devid(disk, part);
    }
    return -EINVAL;
}

int dom_disk_devid(const char *vdev, unsigned int *out)
{
    unsigned long n;
    char *rest;
    int devid;

    if (isdigit((unsigned char)*vdev)) {
        errno = 0;
        n = strtoul(vdev, &rest, 0);
        if (errno || *rest || n >= EXTENDED << 1)
            return -EINVAL;
        *out = (unsigned int)n;
        return 0;
    }
    devid = named_devid(vdev);
    if (devid < 0)
        return devid;
    *out = (unsigned int)devid;
    return 0;
}

/* Words of old that stood before a target, and say nothing that is not known otherwise.
 */
static const char *without_prefix(const char *target)
{
    static const char *const prefixes[] = {
        "phy:", "file:", "raw:", "aio:", "tap:", "tap2:", NULL};

    for (unsigned int i = 0; prefixes[i];) {
        size_t len = strlen(prefixes[i]);

        if (strncmp(target, prefixes[i], len)) {
            i++;
            continue;
        }
        target += len;
        i = 0;
    }
    return target;
}

static int bad(struct spec *s, const char *what, const char *word)
{
    return dom_fail(s->err, -EINVAL, "%s '%.80s'", what, word);
}

static int set_backendtype(struct spec *s, const char *value)
{
    if (!strcmp(value, "hvblk"))
        return 0;
    return bad(s, "disks are served by backendtype=hvblk only, not by", value);
}

/* key=value, and words that stand for themselves. 1: it is none of them. */
static int set_named(struct spec *s, char *word)
{
    const struct {
        const char *key;
        const char **value;
    } keys[] = {{"target", &s->target},
                {"format", &s->format},
                {"vdev", &s->vdev},
                {"access", &s->access}};
    char *equals = strchr(word, '=');

    if (!strcmp(word, "cdrom") || !strcmp(word, "devtype=cdrom")) {
        s->cdrom = true;
        return 0;
    }
    if (!strcmp(word, "direct-io-safe")) {
        s->out->direct = true;
        return 0;
    }
    if (!strcmp(word, "devtype=disk") || !strcmp(word, "discard"))
        return 0;
    if (!equals)
        return 1;
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        size_t len = strlen(keys[i].key);

        if (len == (size_t)(equals - word) && !strncmp(word, keys[i].key, len)) {
            *keys[i].value = equals + 1;
            return 0;
        }
    }
    if (!strncmp(word, "backendtype=", 12))
        return set_backendtype(s, equals + 1);
    /* A path may hold an equals sign. */
    return *word == '/' ? 1 : bad(s, "not a setting that is served:", word);
}

static char *trim(char *word)
{
    char *end;

    word += strspn(word, " \t");
    end = word + strlen(word);
    while (end > word && (end[-1] == ' ' || end[-1] == '\t'))
        *--end = 0;
    return word;
}

static int split(struct spec *s, char *text)
{
    const char **const positions[POSITIONS] = {&s->target, &s->format, &s->vdev,
                                               &s->access};
    unsigned int at = 0;
    int rc = 0;

    while (text && rc >= 0) {
        char *word = trim(text), *comma;

        /* The target's name, given by key, is all that follows: it may hold commas. */
        if (!strncmp(word, "target=", 7)) {
            s->target = word + 7;
            return 0;
        }
        comma = strchr(word, ',');
        if (comma)
            *comma = 0;
        text = comma ? comma + 1 : NULL;
        word = trim(word);
        rc = set_named(s, word);
        if (rc <= 0)
            continue;
        if (at == POSITIONS)
            return bad(s, "too many words, from", word);
        *positions[at++] = word;
    }
    return rc < 0 ? rc : 0;
}

static int take_vdev(struct spec *s)
{
    const char *suffix = strchr(s->vdev, ':');
    size_t len = suffix ? (size_t)(suffix - s->vdev) : strlen(s->vdev);

    if (suffix && !strcmp(suffix, ":cdrom"))
        s->cdrom = true;
    else if (suffix)
        return bad(s, "no such kind of device:", suffix + 1);
    if (len >= DOM_MAX_VDEV)
        return bad(s, "not a device's name:", s->vdev);
    snprintf(s->out->vdev, DOM_MAX_VDEV, "%.*s", (int)len, s->vdev);
    if (!len || dom_disk_devid(s->out->vdev, &s->out->devid))
        return bad(s, "not a device's name (xvda, xvdb1, sda, hdc):", s->vdev);
    return 0;
}

static int take_access(struct spec *s)
{
    const char *a = s->access ? s->access : "";

    s->out->cdrom = s->cdrom;
    s->out->readonly = s->cdrom || !strcmp(a, "r") || !strcmp(a, "ro");
    if (s->cdrom && (!strcmp(a, "w") || !strcmp(a, "rw")))
        return dom_fail(s->err, -EINVAL, "a CD cannot be written to");
    if (*a && strcmp(a, "r") && strcmp(a, "ro") && strcmp(a, "w") && strcmp(a, "rw"))
        return bad(s, "access is r or w, not", a);
    return 0;
}

static int take_all(struct spec *s)
{
    int rc;

    if (s->format && *s->format && strcmp(s->format, "raw"))
        return bad(s, "images must be raw, not", s->format);
    if (!s->vdev || !*s->vdev)
        return dom_fail(s->err, -EINVAL, "a disk needs a vdev, such as xvda");
    rc = take_vdev(s);
    if (!rc)
        rc = take_access(s);
    if (rc)
        return rc;
    s->target = without_prefix(s->target ? s->target : "");
    if (*s->target != '/')
        return dom_fail(s->err, -EINVAL,
                        "a disk's target is a path that begins with '/'");
    s->out->target = strdup(s->target);
    return s->out->target ? 0 : dom_fail(s->err, -ENOMEM, "out of memory");
}

int dom_disk_parse(struct dom_disk *out, const char *text, struct dom_error *err)
{
    struct spec s = {.out = out, .err = err};
    char *copy = strdup(text);
    int rc;

    *out = (struct dom_disk){0};
    if (!copy)
        return dom_fail(err, -ENOMEM, "out of memory");
    rc = split(&s, copy);
    if (!rc)
        rc = take_all(&s);
    free(copy);
    return rc;
}

void dom_disk_free(struct dom_disk *disk)
{
    free(disk->target);
    disk->target = NULL;
}

int dom_disk_check(const struct dom_disk *disk, struct dom_error *err)
{
    int flags = O_CLOEXEC | O_NONBLOCK | O_NOCTTY | (disk->readonly ? O_RDONLY : O_RDWR);
    const char *why = NULL;
    struct stat st;
    int fd;

    if (stat(disk->target, &st))
        why = strerror(errno);
    else if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))
        why = "neither a file nor a block device";
    else if (S_ISREG(st.st_mode) && st.st_size < 512)
        why = "it is empty";
    if (why)
        return dom_fail(err, -EINVAL, "disk %s: %s: %s", disk->vdev, disk->target, why);
    fd =
        open(disk->target, flags | (S_ISBLK(st.st_mode) && !disk->readonly ? O_EXCL : 0));
    if (fd < 0)
        why = errno == EBUSY ? "it is in use" : strerror(errno);
    else if (image_is_locked(fd, disk->readonly))
        why = "it is in use";
    if (fd >= 0)
        close(fd);
    return why ? dom_fail(err, -EBUSY, "disk %s: %s: %s", disk->vdev, disk->target, why)
               : 0;
}
