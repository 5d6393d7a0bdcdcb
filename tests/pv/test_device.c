/* SPDX-License-Identifier: MIT */
/* Attaching and detaching disks as hvtool does, with hvblkd and a guest without a driver.
 */
#include <limits.h>
#include <sys/stat.h>

#include "daemon_world.h"
#include "dom/device.h"

#define DOMID 7

char world_pid_file[128];

static struct dom_host host;
static struct dom_error err;
static char target[128];
static struct dom_disk disk;

/* The guest's event channels: closed when they have been asked about so often. */
static unsigned int closed_after, asked;
static uint32_t asked_of[2];

int door_evtchn_status(struct door *door, struct hv_evtchn_status *op)
{
    char *front = xs_read(xs, XBT_NULL, "/local/domain/7/device/vbd/51712", NULL);

    ck_assert_msg(!front, "what the guest waits for has not happened");
    ck_assert_uint_eq(op->dom, DOMID);
    asked_of[asked++ >= closed_after] = op->port;
    op->status = asked <= closed_after ? HV_EVTCHNSTAT_UNBOUND : HV_EVTCHNSTAT_CLOSED;
    return 0;
}

/* The domain's own folders, as they are when devices come. */
static void begin(void)
{
    host.xs = xs;
    put("/local/domain/7", "name", "guest", 0);
    put("/local/domain/7/device/suspend", "event-channel", "", 0);
    put("/libxl/7/device/console/0", "state", "1", 0);
    put("/local/domain/0", "name", "Domain-0", 0);
    make_image(DOMID);
    file_name(target, "image-%u", DOMID);
    disk = (struct dom_disk){.target = target, .vdev = "xvda", .devid = 51712};
    /* The daemon's word for being there is a file that it locks when it is ready. */
    file_name(world_pid_file, "run/pid", 0);
    for (int ms = 0; ms < PATIENCE_MS; ms += 2) {
        struct stat st;

        if (!stat(world_pid_file, &st) && st.st_size)
            return;
        usleep(2000);
    }
    ck_abort_msg("hvblkd does not start");
}

static int attach(void)
{
    memset(&err, 0, sizeof(err));
    return dom_disk_attach(&host, DOMID, &disk, &err);
}

static int detach(const char *vdev, bool force)
{
    memset(&err, 0, sizeof(err));
    return dom_disk_detach(&host, DOMID, vdev, force, &err);
}

static void is(const char *path, const char *want)
{
    char *value = xs_read(xs, XBT_NULL, path, NULL);

    ck_assert_msg(value != NULL, "%s is not there", path);
    ck_assert_str_eq(value, want);
    free(value);
}

static void owned_by(const char *path, unsigned int owner, unsigned int reader)
{
    unsigned int nr = 0;
    struct xs_permissions *perms = xs_get_permissions(xs, XBT_NULL, path, &nr);

    ck_assert_ptr_nonnull(perms);
    ck_assert_uint_eq(nr, 2);
    ck_assert_uint_eq(perms[0].id, owner);
    ck_assert_uint_eq(perms[0].perms, XS_PERM_NONE);
    ck_assert_uint_eq(perms[1].id, reader);
    ck_assert_uint_eq(perms[1].perms, XS_PERM_READ);
    free(perms);
}

START_TEST(an_attached_disk_is_offered_and_leaves_nothing_when_it_goes)
{
    unsigned int before;

    begin();
    before = nodes_below("/");
    ck_assert_msg(!attach(), "%s", err.text);
    is("/local/domain/7/device/vbd/51712/virtual-device", "51712");
    is("/local/domain/7/device/vbd/51712/state", "1");
    is("/local/domain/7/device/vbd/51712/backend",
       "/local/domain/0/backend/hvblk/7/51712");
    is("/local/domain/0/backend/hvblk/7/51712/state", "2");
    is("/local/domain/0/backend/hvblk/7/51712/sectors", "8192");
    is("/local/domain/0/backend/hvblk/7/51712/mode", "w");
    owned_by("/local/domain/7/device/vbd/51712", DOMID, 0);
    owned_by("/local/domain/0/backend/hvblk/7/51712", 0, DOMID);
    ck_assert_msg(!detach("xvda", false), "%s", err.text);
    ck_assert_uint_eq(nodes_below("/"), before);
}
END_TEST

START_TEST(what_cannot_be_attached_leaves_nothing)
{
    unsigned int before;
    struct dom_disk first;

    begin();
    before = nodes_below("/");
    disk.target = "/nowhere/at-all";
    ck_assert_int_lt(attach(), 0);
    ck_assert_ptr_nonnull(strstr(err.text, "/nowhere/at-all: No such file"));
    disk.target = target;
    ck_assert_uint_eq(nodes_below("/"), before);
    ck_assert_int_eq(attach(), 0);
    before = nodes_below("/");
    ck_assert_int_lt(attach(), 0);
    ck_assert_ptr_nonnull(strstr(err.text, "in use"));
    first = disk;
    make_image(8);
    file_name(target, "image-%u", 8);
    ck_assert_int_eq(attach(), -EEXIST);
    ck_assert_ptr_nonnull(strstr(err.text, "xvda already"));
    disk = first;
    ck_assert_uint_eq(nodes_below("/"), before);
}
END_TEST

START_TEST(a_disk_that_is_not_there_cannot_be_detached)
{
    begin();
    ck_assert_int_eq(detach("xvdb", false), -ESRCH);
    ck_assert_ptr_nonnull(strstr(err.text, "domain 7 has no disk xvdb"));
    ck_assert_int_eq(detach("nonsense", false), -EINVAL);
}
END_TEST

/* Otherwise it takes a device that comes under the same number for the old one. */
START_TEST(a_disk_has_gone_when_the_guest_has_closed_its_event_channels)
{
    static const char front[] = "/local/domain/7/device/vbd/51712";

    begin();
    ck_assert_int_eq(attach(), 0);
    put(front, "multi-queue-num-queues", "2", 0);
    put("/local/domain/7/device/vbd/51712/queue-0", "event-channel", "17", 0);
    put("/local/domain/7/device/vbd/51712/queue-1", "event-channel", "18", 0);
    closed_after = 3;
    ck_assert_msg(!detach("xvda", false), "%s", err.text);
    ck_assert_uint_eq(asked, 5);
    ck_assert_uint_eq(asked_of[0], 17);
    ck_assert_uint_eq(asked_of[1], 18);
}
END_TEST

START_TEST(a_guest_that_never_closes_them_is_not_waited_for_for_ever)
{
    begin();
    ck_assert_int_eq(attach(), 0);
    put("/local/domain/7/device/vbd/51712", "event-channel", "17", 0);
    closed_after = UINT_MAX;
    ck_assert_msg(!detach("xvda", false), "%s", err.text);
    ck_assert_uint_gt(asked, 1);
}
END_TEST

/* A driver that is there and does not close. */
START_TEST(a_guest_that_holds_on_is_told_of_and_can_be_forced)
{
    begin();
    ck_assert_int_eq(attach(), 0);
    put("/local/domain/7/device/vbd/51712", "state", "5", 0);
    wait_state("/local/domain/0/backend/hvblk/7/51712", HV_XENBUS_STATE_CLOSED);
    ck_assert_int_eq(detach("xvda", false), 0);
    ck_assert_int_eq(attach(), 0);
    kill(daemon_pid, SIGSTOP); /* nobody answers now */
    ck_assert_int_eq(detach("xvda", false), -EBUSY);
    ck_assert_ptr_nonnull(strstr(err.text, "--force"));
    kill(daemon_pid, SIGCONT);
    ck_assert_msg(!detach("xvda", true), "%s", err.text);
}
END_TEST

START_TEST(disks_are_listed)
{
    struct dom_disk_info *list;
    unsigned int nr;

    begin();
    ck_assert_int_eq(dom_disk_list(&host, DOMID, &list, &nr, &err), 0);
    ck_assert_uint_eq(nr, 0);
    free(list);
    ck_assert_int_eq(attach(), 0);
    ck_assert_int_eq(dom_disk_list(&host, DOMID, &list, &nr, &err), 0);
    ck_assert_uint_eq(nr, 1);
    ck_assert_str_eq(list->vdev, "xvda");
    ck_assert_str_eq(list->target, target);
    ck_assert_uint_eq(list->back_state, HV_XENBUS_STATE_INIT_WAIT);
    free(list);
}
END_TEST

static void drive_holds(const char *want)
{
    struct dom_disk_info *list;
    unsigned int nr;

    ck_assert_int_eq(dom_disk_list(&host, DOMID, &list, &nr, &err), 0);
    ck_assert_uint_eq(nr, 1);
    ck_assert_str_eq(list->vdev, "xvda");
    ck_assert_str_eq(list->target, want);
    ck_assert(list->cdrom && list->readonly);
    free(list);
}

static int change_cd(const char *vdev, const char *path)
{
    memset(&err, 0, sizeof(err));
    return dom_cd_change(&host, DOMID, vdev, path, &err);
}

START_TEST(cds_come_and_go_in_a_drive)
{
    unsigned int before, empty;

    begin();
    before = nodes_below("/");
    disk.target = "";
    disk.readonly = disk.cdrom = true;
    ck_assert_msg(!attach(), "%s", err.text);
    empty = nodes_below("/");
    drive_holds("");
    ck_assert_int_eq(attach(), -EEXIST);
    ck_assert_int_lt(change_cd("xvda", ""), 0);
    ck_assert_ptr_nonnull(strstr(err.text, "nothing in xvda"));
    ck_assert_int_eq(change_cd("xvdb", target), -ESRCH);
    ck_assert_msg(!change_cd("xvda", target), "%s", err.text);
    drive_holds(target);
    is("/local/domain/0/backend/hvblk/7/51712/device-type", "cdrom");
    is("/local/domain/0/backend/hvblk/7/51712/mode", "r");
    ck_assert_int_lt(change_cd("xvda", "/nowhere/at-all"), 0);
    drive_holds(target);
    ck_assert_msg(!change_cd("xvda", target), "%s", err.text);
    ck_assert_msg(!change_cd("xvda", ""), "%s", err.text);
    drive_holds("");
    ck_assert_uint_eq(nodes_below("/"), empty);
    ck_assert_msg(!detach("xvda", false), "%s", err.text);
    ck_assert_uint_eq(nodes_below("/"), before);
}
END_TEST

START_TEST(a_disk_is_no_cd_drive)
{
    begin();
    ck_assert_int_eq(attach(), 0);
    ck_assert_int_eq(change_cd("xvda", target), -ESRCH);
    ck_assert_ptr_nonnull(strstr(err.text, "no CD drive xvda"));
}
END_TEST

START_TEST(what_the_disk_is_reaches_the_backend)
{
    static const char back[] = "/local/domain/0/backend/hvblk/7/51712";
    char *feature;

    begin();
    disk.no_discard = true;
    ck_assert_msg(!attach(), "%s", err.text);
    feature = xs_read(xs, XBT_NULL,
                      "/local/domain/0/backend/hvblk/7/51712/feature-discard", NULL);
    ck_assert_ptr_null(feature);
    is("/local/domain/7/device/vbd/51712/trusted", "1");
    ck_assert_int_eq(detach("xvda", false), 0);
    /* A raw image is never taken for what it looks like, and no other for a raw one. */
    disk.qcow2 = true;
    ck_assert_int_lt(attach(), 0);
    ck_assert_ptr_nonnull(strstr(err.text, "no qcow2 image"));
    ck_assert(!xs_read(xs, XBT_NULL, back, NULL));
}
END_TEST

START_TEST(a_domain_that_has_gone_gives_its_disks_back)
{
    struct dom_config cfg = {.disks = &disk, .nr_disks = 1};
    unsigned int before;

    begin();
    before = nodes_below("/");
    ck_assert_int_eq(dom_devices_check(&cfg, &err), 0);
    ck_assert_int_eq(dom_devices_add(&host, DOMID, &cfg, &err), 0);
    dom_devices_remove(&host, DOMID);
    ck_assert_uint_eq(nodes_below("/"), before);
    ck_assert_int_eq(dom_devices_check(&cfg, &err), 0); /* it is free again */
}
END_TEST

START_TEST(without_a_backend_that_is_said)
{
    begin();
    kill(daemon_pid, SIGKILL);
    waitpid(daemon_pid, NULL, 0);
    daemon_pid = 0;
    ck_assert_int_lt(attach(), 0);
    ck_assert_ptr_nonnull(strstr(err.text, "start hvblkd"));
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        an_attached_disk_is_offered_and_leaves_nothing_when_it_goes,
        what_cannot_be_attached_leaves_nothing,
        a_disk_that_is_not_there_cannot_be_detached,
        a_disk_has_gone_when_the_guest_has_closed_its_event_channels,
        a_guest_that_never_closes_them_is_not_waited_for_for_ever,
        a_guest_that_holds_on_is_told_of_and_can_be_forced,
        disks_are_listed,
        cds_come_and_go_in_a_drive,
        a_disk_is_no_cd_drive,
        what_the_disk_is_reaches_the_backend,
        a_domain_that_has_gone_gives_its_disks_back,
        without_a_backend_that_is_said,
        NULL};

    return world_run("device", tests);
}
