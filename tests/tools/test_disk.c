/* SPDX-License-Identifier: MIT */
/* How users write disks. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "dom/disk.h"
#include "unit.h"

static struct dom_disk disk;
static struct dom_error err;

static void prepare(void)
{
    memset(&err, 0, sizeof(err));
}

static int parse(const char *text)
{
    int rc = dom_disk_parse(&disk, text, &err);

    ck_assert(!rc == !err.text[0]);
    return rc;
}

static void is(const char *text, const char *target, const char *vdev, bool readonly)
{
    ck_assert_msg(!parse(text), "%s: %s", text, err.text);
    ck_assert_str_eq(disk.target, target);
    ck_assert_str_eq(disk.vdev, vdev);
    ck_assert_int_eq(disk.readonly, readonly);
    dom_disk_free(&disk);
}

static void is_refused(const char *text, const char *why)
{
    memset(&err, 0, sizeof(err));
    ck_assert_msg(parse(text) < 0, "%s is taken", text);
    ck_assert_msg(strstr(err.text, why) != NULL, "%s: %s", text, err.text);
}

START_TEST(positional_and_named_forms_are_the_same)
{
    is("/a/b.img,raw,xvda,w", "/a/b.img", "xvda", false);
    is("/a/b.img, raw, xvda, rw", "/a/b.img", "xvda", false);
    is("file:/a/b.img,,xvda,r", "/a/b.img", "xvda", true);
    is("format=raw, vdev=hdc, access=ro, target=/a/b,c=d.img", "/a/b,c=d.img", "hdc",
       true);
    is("/a/b.img,access=rw,vdev=sda", "/a/b.img", "sda", false);
    is("/dev/vg/lv,raw,xvdb", "/dev/vg/lv", "xvdb", false);
    is("phy:/dev/vg/lv,format=raw,vdev=xvdc,access=w", "/dev/vg/lv", "xvdc", false);
    is("vdev=xvda,/a=b", "/a=b", "xvda", false);
}
END_TEST

START_TEST(words_fill_the_places_that_are_left)
{
    is("format=raw,/a,xvda,w", "/a", "xvda", false);
    is("vdev=xvda,/a,raw,r", "/a", "xvda", true);
    is("raw:/a/b.img,hda,w", "/a/b.img", "hda", false);
    is("phy:/dev/vg/lv,xvda1,r", "/dev/vg/lv", "xvda1", true);
    is("vg/lv,,xvda", "/dev/vg/lv", "xvda", false);
    is_refused("format=raw,format=raw,/a,,xvda", "twice");
}
END_TEST

START_TEST(a_disk_is_what_its_settings_say)
{
    is("/a,qcow2,xvda,w", "/a", "xvda", false);
    ck_assert(disk.qcow2 && disk.backend == DOM_DISK_HVBLK && !disk.no_discard);
    is("qcow2:/a,xvda,w", "/a", "xvda", false);
    ck_assert(disk.qcow2 && !disk.direct && !disk.untrusted && !disk.fail_full);
    is("/a,,xvda,,direct-io-safe,no-discard,untrusted,enospc=fail", "/a", "xvda", false);
    ck_assert(!disk.qcow2 && disk.direct && disk.no_discard && disk.untrusted);
    ck_assert(disk.fail_full);
    is("/a,,xvda,backendtype=phy,discard,trusted,backend=0,specification=xen", "/a",
       "xvda", false);
    ck_assert(disk.backend == DOM_DISK_PHY && !disk.no_discard);
}
END_TEST

START_TEST(a_cd_is_read_only)
{
    is(",,hdc,cdrom", "", "hdc", true);
    is(",hdc:cdrom,r", "", "hdc", true);
    is("/root/image.iso,,hdc,,cdrom", "/root/image.iso", "hdc", true);
    is("format=raw, vdev=hdc, access=ro, devtype=cdrom", "", "hdc", true);
    ck_assert(disk.cdrom);
    is("/a/cd.iso,raw,hdc:cdrom,r", "/a/cd.iso", "hdc", true);
    is("/a/cd.iso,raw,xvdc,cdrom", "/a/cd.iso", "xvdc", true);
    is_refused("/a/cd.iso,raw,hdc:cdrom,w", "CD");
    is_refused("/a/cd.iso,raw,hdc:tape,w", "tape");
}
END_TEST

START_TEST(what_is_wrong_is_said)
{
    is_refused("", "vdev");
    is_refused("/a,raw", "vdev");
    is_refused(",raw,xvda,w", "path");
    is_refused("/a,vhd,xvda,w", "vhd");
    is_refused("/a,qcow2,xvda,w,backendtype=phy", "raw images only");
    is_refused("/a,raw,xvda,specification=virtio", "virtio");
    is_refused("/a,raw,xvda,backend=driver", "driver");
    is_refused("/a,raw,xvda,enospc=maybe", "maybe");
    is_refused("/a,raw,xvda,x", "access");
    is_refused("/a,raw,xvda,w,more", "more");
    is_refused("/a,raw,vda,w", "vda");
    is_refused("/a,raw,xvda,w,script=block-iscsi", "script");
    is_refused("/a,raw,xvda,w,backendtype=qdisk", "qdisk");
    is_refused("/a,raw,xvdaaaaaaaaaaaaaaaaaaa,w", "xvda");
}
END_TEST

START_TEST(devices_have_the_numbers_that_guests_expect)
{
    static const struct {
        const char *name;
        unsigned int devid;
    } known[] = {{"xvda", 51712},   {"xvdb", 51728},     {"xvda1", 51713},
                 {"xvdp15", 51967}, {"xvdq", 268439552}, {"xvdaa", 268442112},
                 {"hda", 768},      {"hdb1", 833},       {"hdc", 5632},
                 {"hdd", 5696},     {"sda", 2048},       {"sdb3", 2067},
                 {"d0", 51712},     {"d1p2", 51730},     {"d16p1", 268439553},
                 {"51712", 51712},  {"0xca00", 51712},   {"xvda16", 268435472}};
    static const char *const wrong[] = {
        "",  "x",   "xvd", "xvd1", "hde", "sdq",     "sda16", "xvda ", "xvdA",
        "d", "d0p", "da",  "-1",   "dp1", "xvda256", "1x",    "hda64", "xvdaaaaaa"};
    unsigned int devid;

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        ck_assert_msg(!dom_disk_devid(known[i].name, &devid), "%s", known[i].name);
        ck_assert_msg(devid == known[i].devid, "%s is %u", known[i].name, devid);
    }
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        ck_assert_msg(dom_disk_devid(wrong[i], &devid) < 0, "'%s' is taken", wrong[i]);
}
END_TEST

static void is_unavailable(const char *path, const char *why)
{
    struct dom_disk d = {.target = (char *)path, .vdev = "xvda"};

    memset(&err, 0, sizeof(err));
    ck_assert_int_lt(dom_disk_check(&d, &err), 0);
    ck_assert_msg(strstr(err.text, path) && strstr(err.text, why), "%s", err.text);
}

START_TEST(images_that_cannot_be_had_are_known_before)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    char path[] = "/tmp/diskXXXXXX";
    struct dom_disk d = {.target = path, .vdev = "xvda"};
    int fd = mkstemp(path);

    is_unavailable("/nowhere/at.all", "No such file");
    is_unavailable("/dev/null", "neither");
    is_unavailable("/tmp", "neither");
    is_unavailable(path, "empty");
    ck_assert_int_eq(ftruncate(fd, 4096), 0);
    ck_assert_int_eq(dom_disk_check(&d, &err), 0);
    ck_assert_int_eq(fcntl(fd, F_OFD_SETLK, &lock), 0);
    is_unavailable(path, "in use");
    unlink(path);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {positional_and_named_forms_are_the_same,
                                  words_fill_the_places_that_are_left,
                                  a_disk_is_what_its_settings_say,
                                  a_cd_is_read_only,
                                  what_is_wrong_is_said,
                                  devices_have_the_numbers_that_guests_expect,
                                  images_that_cannot_be_had_are_known_before,
                                  NULL};

    return unit_run("disk", prepare, tests);
}
