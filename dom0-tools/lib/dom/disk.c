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

/* One specification while it is read. NULL: not told; "": the default is asked for. */
struct spec {
    struct dom_disk *out;
    const char *target, *format, *vdev, *access;
    const char *devtype, *backendtype, *backend, *protocol, *full;
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

static int bad(struct spec *s, const char *what, const char *word)
{
    return dom_fail(s->err, -EINVAL, "%s '%.80s'", what, word);
}

/* Words of old that stood before a target: some say its format, the others nothing that
 * is not known otherwise. */
static const char *without_prefix(struct spec *s, const char *target)
{
    static const char *const prefixes[] = {
        "phy:", "file:",    "aio:",   "tap:",   "tap2:",
        "raw:", "tapdisk:", "ioemu:", "qcow2:", NULL};

    for (unsigned int i = 0; prefixes[i];) {
        size_t len = strlen(prefixes[i]);

        if (strncmp(target, prefixes[i], len)) {
            i++;
            continue;
        }
        if (!s->format && (*prefixes[i] == 'q' || *prefixes[i] == 'r'))
            s->format = *prefixes[i] == 'q' ? "qcow2" : "raw";
        target += len;
        i = 0;
    }
    return target;
}

/* Words that stand for themselves. */
static bool set_flag(struct spec *s, const char *word)
{
    if (!strcmp(word, "cdrom"))
        s->devtype = "cdrom";
    else if (!strcmp(word, "discard") || !strcmp(word, "no-discard"))
        s->out->no_discard = *word == 'n';
    else if (!strcmp(word, "trusted") || !strcmp(word, "untrusted"))
        s->out->untrusted = *word == 'u';
    else if (!strcmp(word, "direct-io-safe"))
        s->out->direct = true;
    else
        return false;
    return true;
}

/* key=value. 1: it is none. */
static int set_key(struct spec *s, const char *word)
{
    const struct {
        const char *key;
        const char **value;
    } keys[] = {{"format", &s->format},           {"vdev", &s->vdev},
                {"access", &s->access},           {"devtype", &s->devtype},
                {"backendtype", &s->backendtype}, {"backend", &s->backend},
                {"specification", &s->protocol},  {"enospc", &s->full}};
    const char *equals = strchr(word, '=');

    for (size_t i = 0; equals && i < sizeof(keys) / sizeof(keys[0]); i++) {
        size_t len = strlen(keys[i].key);

        if (len != (size_t)(equals - word) || strncmp(word, keys[i].key, len))
            continue;
        if (*keys[i].value && **keys[i].value)
            return bad(s, "said twice:", word);
        *keys[i].value = equals + 1;
        return 0;
    }
    /* A path may hold an equals sign. */
    return !equals || *word == '/' ? 1 : bad(s, "not a setting that is served:", word);
}

static bool is_vdev(const char *word)
{
    char name[DOM_MAX_VDEV];
    unsigned int devid;
    size_t len = strcspn(word, ":");

    snprintf(name, sizeof(name), "%.*s", (int)len, word);
    return len < sizeof(name) && named_devid(name) >= 0 && !dom_disk_devid(name, &devid);
}

/* A word whose meaning is its place: the first that nothing was said of yet. */
static int set_position(struct spec *s, const char *word)
{
    const char **const positions[POSITIONS] = {&s->target, &s->format, &s->vdev,
                                               &s->access};
    unsigned int at = 0;

    while (at < POSITIONS && *positions[at])
        at++;
    if (at == POSITIONS)
        return bad(s, "too many words, from", word);
    if (!at)
        word = without_prefix(s, word);
    /* Configurations of old have no format. */
    if (at == 1 && !s->vdev && is_vdev(word)) {
        s->format = "";
        at++;
    }
    *positions[at] = word;
    return 0;
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
    int rc = 0;

    while (text && rc >= 0) {
        char *word = trim(text), *comma;

        /* The target's name, given by key, is all that follows: it may hold commas. */
        if (!strncmp(word, "target=", 7)) {
            s->target = without_prefix(s, word + 7);
            return 0;
        }
        comma = strchr(word, ',');
        if (comma)
            *comma = 0;
        text = comma ? comma + 1 : NULL;
        word = trim(word);
        if (set_flag(s, word))
            continue;
        rc = set_key(s, word);
        if (rc == 1)
            rc = set_position(s, word);
    }
    return rc;
}

static int take_vdev(struct spec *s)
{
    const char *suffix = s->vdev ? strchr(s->vdev, ':') : NULL;
    size_t len;

    if (!s->vdev || !*s->vdev)
        return dom_fail(s->err, -EINVAL, "a disk needs a vdev, such as xvda");
    len = suffix ? (size_t)(suffix - s->vdev) : strlen(s->vdev);
    if (suffix)
        s->devtype = suffix + 1;
    if (len >= DOM_MAX_VDEV)
        return bad(s, "not a device's name:", s->vdev);
    snprintf(s->out->vdev, DOM_MAX_VDEV, "%.*s", (int)len, s->vdev);
    if (!len || dom_disk_devid(s->out->vdev, &s->out->devid))
        return bad(s, "not a device's name (xvda, xvdb1, sda, hdc):", s->vdev);
    return 0;
}

/* Which of two words a setting is; the first is the default. -EINVAL: neither. */
static int choose(struct spec *s, const char *value, const char *what, const char *first,
                  const char *second)
{
    char text[80];

    if (!value || !*value || !strcmp(value, first))
        return 0;
    if (!strcmp(value, second))
        return 1;
    snprintf(text, sizeof(text), "%s is %s or %s, not", what, first, second);
    return bad(s, text, value);
}

static int take_kind(struct spec *s)
{
    int qcow2 = choose(s, s->format, "an image's format", "raw", "qcow2"), phy, full, cd;

    if (qcow2 < 0)
        return qcow2;
    cd = choose(s, s->devtype, "devtype", "disk", "cdrom");
    if (cd < 0)
        return cd;
    phy = choose(s, s->backendtype, "backendtype", "hvblk", "phy");
    if (phy < 0)
        return phy;
    full = choose(s, s->full, "enospc", "pause", "fail");
    if (full < 0)
        return full;
    if (choose(s, s->protocol, "specification", "xen", "xen") < 0 ||
        choose(s, s->backend, "the backend's domain", "0", "Domain-0") < 0)
        return -EINVAL;
    if (phy && qcow2)
        return dom_fail(s->err, -EINVAL,
                        "backendtype=phy serves raw images only, not qcow2");
    s->out->qcow2 = qcow2;
    s->out->cdrom = cd;
    s->out->backend = phy ? DOM_DISK_PHY : DOM_DISK_HVBLK;
    s->out->fail_full = full;
    return 0;
}

static int take_access(struct spec *s)
{
    const char *a = s->access ? s->access : "";
    bool cdrom = s->out->cdrom;

    s->out->readonly = cdrom || !strcmp(a, "r") || !strcmp(a, "ro");
    if (cdrom && (!strcmp(a, "w") || !strcmp(a, "rw")))
        return dom_fail(s->err, -EINVAL, "a CD cannot be written to");
    if (*a && strcmp(a, "r") && strcmp(a, "ro") && strcmp(a, "w") && strcmp(a, "rw"))
        return bad(s, "access is r or w, not", a);
    return 0;
}

static int take_target(struct spec *s)
{
    const char *target = s->target ? s->target : "", *dev = "";

    if (!*target && !s->out->cdrom)
        return dom_fail(s->err, -EINVAL, "a disk's target is missing: a path");
    if (*target && *target != '/')
        dev = "/dev/";
    s->out->target = malloc(strlen(dev) + strlen(target) + 1);
    if (!s->out->target)
        return dom_fail(s->err, -ENOMEM, "out of memory");
    strcpy(s->out->target, dev);
    strcat(s->out->target, target);
    return 0;
}

static int take_all(struct spec *s)
{
    int rc = take_vdev(s);

    if (!rc)
        rc = take_kind(s);
    if (!rc)
        rc = take_access(s);
    return rc ? rc : take_target(s);
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

    if (!*disk->target)
        return 0;
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
