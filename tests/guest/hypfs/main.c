/* SPDX-License-Identifier: MIT */
/* The hypervisor's files: what is there, how it is found, what can be written. Xen has
 * more parameters; those asked for here are there on both. */
#include "guest.h"
#include "abi/hypfs.h"

#define HEAD sizeof(struct hv_hypfs_direntry)
#define HIGH ((void *)0xffff800000000000) /* the hypervisor's */

static struct {
    struct hv_hypfs_direntry e;
    char contents[4096];
} file;

static long hypfs(unsigned op, const void *path, uint64_t len, void *buf, uint64_t size)
{
    return hypercall(HV_CALL_HYPFS_OP, op, P(path), len, P(buf), size);
}

static long read_into(const char *path, void *buf, uint64_t size)
{
    return hypfs(HV_HYPFS_OP_READ, path, strlen(path) + 1, buf, size);
}

static long read(const char *path)
{
    memset(&file, 0xee, sizeof(file));
    return read_into(path, &file, sizeof(file));
}

static long write(const char *path, const void *what, uint64_t size)
{
    return hypfs(HV_HYPFS_OP_WRITE_CONTENTS, path, strlen(path) + 1, (void *)what, size);
}

static long write_text(const char *path, const char *text)
{
    return write(path, text, strlen(text) + 1);
}

static bool has(const char *path, const char *text)
{
    return !read(path) && file.e.type == HV_HYPFS_TYPE_STRING &&
           file.e.content_len == strlen(text) + 1 &&
           !memcmp(file.contents, text, strlen(text) + 1);
}

/* The folder's entry of that name, as it was read; NULL: it has none. */
static struct hv_hypfs_dirlistentry *listed(const char *folder, const char *name)
{
    char *at = file.contents;

    if (read(folder) || file.e.type != HV_HYPFS_TYPE_DIR)
        return NULL;
    for (;;) {
        struct hv_hypfs_dirlistentry *d = (void *)at;

        if (strlen(d->name) == strlen(name) && !memcmp(d->name, name, strlen(name)))
            return d;
        if (!d->off_next)
            return NULL;
        at += d->off_next;
    }
}

static void calls(void)
{
    static char path[HV_HYPFS_MAX_PATHLEN + 1];

    test_num("hypfs: version", hypfs(HV_HYPFS_OP_GET_VERSION, NULL, 0, NULL, 0), 1);
    test_num("hypfs: version with an argument",
             hypfs(HV_HYPFS_OP_GET_VERSION, NULL, 0, NULL, 1), -EINVAL);
    test_num("hypfs: an unknown command", hypfs(99, "/", 2, &file, 100), -EOPNOTSUPP);
    test_num("hypfs: no path", hypfs(HV_HYPFS_OP_READ, "/", 0, &file, 100), -EINVAL);
    test_num("hypfs: a path without an end", hypfs(HV_HYPFS_OP_READ, "/", 1, &file, 100),
             -EINVAL);
    test_num("hypfs: a path with two ends",
             hypfs(HV_HYPFS_OP_READ, "/\0x", 4, &file, 100), -EINVAL);
    test_num("hypfs: a path of the hypervisor's memory",
             hypfs(HV_HYPFS_OP_READ, HIGH, 5, &file, 100), -EFAULT);
    memset(path, 'a', sizeof(path));
    path[0] = '/';
    path[sizeof(path) - 1] = 0;
    test_num("hypfs: a path that is too long",
             hypfs(HV_HYPFS_OP_READ, path, sizeof(path), &file, 100), -EINVAL);
    path[sizeof(path) - 2] = 0;
    test_num("hypfs: the longest path",
             hypfs(HV_HYPFS_OP_READ, path, sizeof(path) - 1, &file, 100), -ENOENT);
}

static void paths(void)
{
    test_num("hypfs: a relative path", read("buildinfo"), -EINVAL);
    test_num("hypfs: an empty path", read(""), -EINVAL);
    test_num("hypfs: two slashes", read("//"), -ENOENT);
    test_num("hypfs: two slashes on the way", read("/buildinfo//version"), -ENOENT);
    test_num("hypfs: a slash at a folder's end", read("/buildinfo/"), 0);
    test_num("hypfs: a slash at a file's end", read("/buildinfo/version/major/"),
             -ENOENT);
    test_num("hypfs: a file in a file", read("/buildinfo/version/major/x"), -ENOENT);
    test_num("hypfs: part of a name", read("/build"), -ENOENT);
    test_num("hypfs: a dot", read("/buildinfo/."), -ENOENT);
    test_num("hypfs: the pool's number with a zero before it", read("/cpupool/00"), 0);
    test_num("hypfs: the pool's number as C writes it", read("/cpupool/0x0"), -ENOENT);
    test_num("hypfs: a pool that is not there", read("/cpupool/1"), -ENOENT);
}

static void buffers(void)
{
    test_num("hypfs: no room", read_into("/", &file, HEAD - 1), -EINVAL);
    file.e.content_len = 0;
    test_num("hypfs: room for the description alone", read_into("/", &file, HEAD),
             -ENOBUFS);
    test_true("hypfs: ... which says how much there is", file.e.content_len >= 70);
    test_num("hypfs: a byte too few", read_into("/buildinfo/version/major", &file, 15),
             -ENOBUFS);
    test_num("hypfs: just enough", read_into("/buildinfo/version/major", &file, 16), 0);
    test_num("hypfs: into the hypervisor's memory", read_into("/", HIGH, 100), -EFAULT);
}

static void tree(void)
{
    const struct hv_hypfs_dirlistentry *d = listed("/", "buildinfo");

    test_num("hypfs: the first entry ends at a multiple of four", d ? d->off_next : 0,
             26);
    d = listed("/", "cpupool");
    test_num("hypfs: so does the next", d ? d->off_next : 0, 22);
    d = listed("/", "params");
    test_true("hypfs: the last is last", d && !d->off_next);
    test_num("hypfs: a folder", d ? d->e.type : ~0, HV_HYPFS_TYPE_DIR);
    test_num("hypfs: the major version", read("/buildinfo/version/major"), 0);
    test_num("hypfs: ... is a number", file.e.type, HV_HYPFS_TYPE_UINT);
    test_num("hypfs: ... of four bytes", file.e.content_len, 4);
    test_num("hypfs: ... 4", file.contents[0], 4);
    test_num("hypfs: ... that nobody writes", file.e.max_write_len, 0);
    test_num("hypfs: ... try", write("/buildinfo/version/major", "abc", 4), -EACCES);
    test_num("hypfs: the compiler", read("/buildinfo/compileinfo/compiler"), 0);
    test_num("hypfs: ... is a text", file.e.type, HV_HYPFS_TYPE_STRING);
    test_num("hypfs: what it was built with", read("/buildinfo/config"), 0);
    test_num("hypfs: ... is a text, too", file.e.type, HV_HYPFS_TYPE_STRING);
    test_true("hypfs: ... of some length", file.e.content_len > 128);
    test_num("hypfs: a folder is not written", write("/params", "abc", 4), -EACCES);
    test_num("hypfs: nor what is not there", write("/nothing", "abc", 4), -ENOENT);
}

static void parameters(void)
{
    static const char limit[] = "/params/gnttab_max_frames", level[] = "/params/loglvl";
    static const char long_text[200] = "64";
    const struct hv_hypfs_dirlistentry *d = listed("/params", "gnttab_max_frames");

    test_num("hypfs: a limit takes", d ? d->e.max_write_len : 0, 12);
    test_true("hypfs: its default", has(limit, "64"));
    test_num("hypfs: it is set", write_text(limit, "32"), 0);
    test_true("hypfs: ... and read back", has(limit, "32"));
    test_num("hypfs: letters are no number", write_text(limit, "x"), -EINVAL);
    test_num("hypfs: a text without an end", write(limit, "64", 2), -EDOM);
    test_num("hypfs: a text with two ends", write(limit, "64\0", 4), -EDOM);
    test_num("hypfs: no text", write(limit, "64", 0), -EDOM);
    test_num("hypfs: a text that is too long", write(limit, long_text, sizeof(long_text)),
             -ENOSPC);
    test_num("hypfs: a text of the hypervisor's", write(limit, HIGH, 4), -EFAULT);
    test_true("hypfs: it is as it was", has(limit, "32"));
    test_num("hypfs: levels", write_text(level, "info"), 0);
    test_true("hypfs: ... are read back as two", has(level, "info/info"));
    test_num("hypfs: an unknown level", write_text(level, "bla"), -EINVAL);
    test_num("hypfs: all levels", write_text(level, "all"), 0);
    test_true("hypfs: ... are two, too", has(level, "all/all"));
    test_num("hypfs: not every option is there", write_text("/params/dom0_mem", "1G"),
             -ENOENT);
}

static void pools(void)
{
    static const char file0[] = "/cpupool/0/sched-gran";
    const struct hv_hypfs_dirlistentry *d = listed("/cpupool/0", "sched-gran");

    test_num("hypfs: a pool's granularity takes", d ? d->e.max_write_len : 0, 8);
    test_true("hypfs: ... is a CPU", has(file0, "cpu"));
    test_num("hypfs: ... unknown", write_text(file0, "bla"), -EINVAL);
    test_num("hypfs: ... while it has CPUs", write_text(file0, "core"), -EBUSY);
}

void test_main(void)
{
    calls();
    paths();
    buffers();
    tree();
    parameters();
    pools();
}
