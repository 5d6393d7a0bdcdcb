/* SPDX-License-Identifier: MIT */
/* What backends have counted is found where they keep it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "daemon/counts.h"
#include "dom/usage.h"
#include "unit.h"

static char root[] = "/tmp/usage-XXXXXX";
static struct dom_usage *list;
static unsigned int nr;

static void put(const char *path, const void *data, size_t len)
{
    char command[400], full[300];
    FILE *f;

    snprintf(full, sizeof(full), "%s%s", root, path);
    snprintf(command, sizeof(command), "mkdir -p $(dirname %s)", full);
    ck_assert_int_eq(system(command), 0);
    f = fopen(full, "w");
    ck_assert_ptr_nonnull(f);
    ck_assert_uint_eq(fwrite(data, 1, len, f), len);
    fclose(f);
}

static void put_text(const char *path, const char *text)
{
    put(path, text, strlen(text));
}

static void begin(void)
{
    char command[100];

    snprintf(command, sizeof(command), "rm -rf %s; mkdir %s", root, root);
    ck_assert_int_eq(system(command), 0);
}

static void look(void)
{
    free(list);
    ck_assert_int_eq(dom_usage_read(root, &list, &nr), 0);
}

START_TEST(without_backends_there_is_nothing)
{
    begin();
    look();
    ck_assert_uint_eq(nr, 0);
}
END_TEST

START_TEST(a_disk_of_hvblkd_is_read_from_its_journal)
{
    struct disk_counts c = {DISK_COUNTS_MAGIC, 0, 3, 5, 4096, 8192};
    struct dom_traffic t;

    begin();
    put("/run/hvblkd/7-51712-0123456789abcdef", &c, sizeof(c));
    c.magic = 0;
    put("/run/hvblkd/7-51728-fedcba9876543210", &c, sizeof(c)); /* has not begun */
    put("/run/hvblkd/pid", "12\n", 3);
    look();
    ck_assert_uint_eq(nr, 1);
    ck_assert_uint_eq(list[0].devid, 51712);
    t = dom_usage_sum(list, nr, DOM_DISK, 7);
    ck_assert(t.in_ops == 3 && t.out_ops == 5 && t.in_bytes == 4096 &&
              t.out_bytes == 8192);
}
END_TEST

START_TEST(the_kernels_backends_are_read_from_sysfs)
{
    static const char vbd[] = "/sys/bus/xen-backend/devices/vbd-3-768/statistics/";
    static const char vif[] = "/sys/class/net/vif3.0/statistics/";
    static const char *const vbd_names[] = {"rd_req", "wr_req", "rd_sect", "wr_sect"};
    static const char *const vif_names[] = {"rx_packets", "tx_packets", "rx_bytes",
                                            "tx_bytes"};
    struct dom_traffic t;
    char path[200], text[20];

    begin();
    for (int i = 0; i < 4; i++) {
        snprintf(text, sizeof(text), "%d\n", i + 1);
        snprintf(path, sizeof(path), "%s%s", vbd, vbd_names[i]);
        put_text(path, text);
        snprintf(path, sizeof(path), "%s%s", vif, vif_names[i]);
        put_text(path, text);
    }
    put_text("/sys/class/net/vif3.0-emu/statistics/rx_bytes", "77\n");
    put_text("/sys/class/net/eth0/statistics/rx_bytes", "77\n");
    look();
    ck_assert_uint_eq(nr, 2);
    t = dom_usage_sum(list, nr, DOM_DISK, 3);
    ck_assert(t.in_ops == 1 && t.out_ops == 2 && t.in_bytes == 3 * 512 &&
              t.out_bytes == 4 * 512);
    t = dom_usage_sum(list, nr, DOM_NET, 3); /* as the guest sees it */
    ck_assert(t.out_ops == 1 && t.in_ops == 2 && t.out_bytes == 3 && t.in_bytes == 4);
}
END_TEST

START_TEST(devices_of_one_domain_are_added_up)
{
    struct disk_counts c = {DISK_COUNTS_MAGIC, 0, 1, 2, 3, 4};
    struct dom_traffic t;

    begin();
    put("/run/hvblkd/7-51712-0123456789abcdef", &c, sizeof(c));
    put("/run/hvblkd/7-51728-0123456789abcdef", &c, sizeof(c));
    put("/run/hvblkd/8-51712-0123456789abcdef", &c, sizeof(c));
    look();
    t = dom_usage_sum(list, nr, DOM_DISK, 7);
    ck_assert(t.in_ops == 2 && t.out_ops == 4 && t.in_bytes == 6 && t.out_bytes == 8);
    t = dom_usage_sum(list, nr, DOM_NET, 7);
    ck_assert(t.in_ops == 0 && t.out_bytes == 0);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {without_backends_there_is_nothing,
                                  a_disk_of_hvblkd_is_read_from_its_journal,
                                  the_kernels_backends_are_read_from_sysfs,
                                  devices_of_one_domain_are_added_up, NULL};
    char command[100];
    int rc;

    if (!mkdtemp(root))
        return 2;
    rc = unit_run("usage", NULL, tests);
    free(list);
    snprintf(command, sizeof(command), "rm -rf %s", root);
    return system(command) || rc;
}
