/* SPDX-License-Identifier: MIT */
/* How users write network interfaces. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "dom/vif.h"
#include "unit.h"

static struct dom_vif vif;
static struct dom_error err;

static void prepare(void)
{
    memset(&err, 0, sizeof(err));
}

static void is(const char *text)
{
    ck_assert_msg(!dom_vif_parse(&vif, text, &err), "%s: %s", text, err.text);
    dom_vif_free(&vif);
}

static void is_refused(const char *text, const char *why)
{
    memset(&err, 0, sizeof(err));
    ck_assert_msg(dom_vif_parse(&vif, text, &err) < 0, "%s is taken", text);
    ck_assert_msg(strstr(err.text, why) != NULL, "%s: %s", text, err.text);
}

START_TEST(keys_stand_in_any_order_and_all_may_be_left_out)
{
    is("mac=00:16:3E:74:3d:76, bridge=br1 ,vifname=web0,mtu=9000,devid=3,untrusted");
    ck_assert_str_eq(vif.mac, "00:16:3e:74:3d:76");
    ck_assert_str_eq(vif.bridge, "br1");
    ck_assert_str_eq(vif.name, "web0");
    ck_assert_uint_eq(vif.mtu, 9000);
    ck_assert_int_eq(vif.devid, 3);
    ck_assert(vif.untrusted);
    is("");
    ck_assert_str_eq(vif.bridge, "xenbr0");
    ck_assert_int_eq(vif.devid, -1);
    ck_assert(!vif.untrusted && !vif.mtu && !vif.rate_bytes);
    is("type=vif,model=e1000,backend=0");
}
END_TEST

START_TEST(our_backend_serves_unless_the_kernels_is_asked_for)
{
    is("bridge=br1");
    ck_assert(!vif.phy);
    is("backendtype=hvnet");
    ck_assert(!vif.phy);
    is("backendtype=phy,bridge=br1");
    ck_assert(vif.phy);
    is_refused("backendtype=qdisk", "hvnet, or phy");
}
END_TEST

START_TEST(without_a_mac_there_is_a_random_one_of_xens)
{
    char first[DOM_MAX_MAC];

    is("bridge=br1");
    ck_assert_int_eq(strncmp(vif.mac, "00:16:3e:", 9), 0);
    ck_assert_int_eq(strlen(vif.mac), DOM_MAX_MAC - 1);
    strcpy(first, vif.mac);
    is("bridge=br1");
    ck_assert_str_ne(vif.mac, first);
}
END_TEST

static void rate_is(const char *text, uint64_t bytes, unsigned int us)
{
    is(text);
    ck_assert_uint_eq(vif.rate_bytes, bytes);
    ck_assert_uint_eq(vif.rate_us, us);
}

/* As xl writes them to XenStore. */
START_TEST(rates_are_bytes_an_interval)
{
    rate_is("rate=10Mb/s", 62500, 50000);
    rate_is("rate=1MB/s@20ms", 20000, 20000);
    rate_is("rate=250KB/s", 12500, 50000);
    rate_is("rate=8000b/s@1s", 1000, 1000000);
    rate_is("rate=1GB/s@100us", 100000, 100);
    is_refused("rate=10", "not a rate");
    is_refused("rate=10MB", "not a rate");
    is_refused("rate=MB/s", "not a rate");
    is_refused("rate=10Xb/s", "not a rate");
    is_refused("rate=1MB/s@20", "not a rate");
    is_refused("rate=1b/s@1us", "not a rate");
    is_refused("rate=1KB/s@1us", "too little");
    is_refused("rate=100GB/s@100s", "too much");
}
END_TEST

START_TEST(what_is_wrong_is_said)
{
    is_refused("mac=00:16:3e:74:3d", "not a MAC address");
    is_refused("mac=00:16:3e:74:3d:76:11", "not a MAC address");
    is_refused("mac=01:16:3e:74:3d:76", "not a MAC address");
    is_refused("mac=00:00:00:00:00:00", "not a MAC address");
    is_refused("mac=00:16:3e:74:3d:7x", "not a MAC address");
    is_refused("bridge=a/b", "not an interface's name");
    is_refused("vifname=abcdefghijklmnop", "not an interface's name");
    is_refused("vifname=..", "not an interface's name");
    is_refused("mtu=10", "not a number from 68");
    is_refused("mtu=100000", "not a number from 68");
    is_refused("brigde=br0", "not a setting of a network interface: 'brigde'");
    is_refused("br0", "not a setting of a network interface: 'br0'");
    is_refused("backend=net-vm", "by domain 0 only");
    is_refused("type=none", "type is vif");
}
END_TEST

START_TEST(a_script_is_kept_and_warned_of)
{
    is("bridge=br0");
    ck_assert_str_eq(vif.warning, "");
    ck_assert_int_eq(dom_vif_parse(&vif, "script=/etc/xen/scripts/vif-route", &err), 0);
    ck_assert_str_eq(vif.script, "/etc/xen/scripts/vif-route");
    ck_assert_ptr_nonnull(strstr(vif.warning, "vif-route' is not run"));
    dom_vif_free(&vif);
    is("gatewaydev=eth0");
    ck_assert_ptr_nonnull(strstr(vif.warning, "eth0"));
}
END_TEST

START_TEST(a_bridge_that_is_not_there_is_refused)
{
    is("bridge=nosuchbridge");
    ck_assert_int_lt(dom_vif_check(&vif, &err), 0);
    ck_assert_ptr_nonnull(strstr(err.text, "no bridge 'nosuchbridge'"));
    memset(&err, 0, sizeof(err));
    is("bridge=nosuchbridge,vifname=lo");
    ck_assert_int_eq(dom_vif_check(&vif, &err), -EEXIST);
    ck_assert_ptr_nonnull(strstr(err.text, "'lo' already"));
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {keys_stand_in_any_order_and_all_may_be_left_out,
                                  our_backend_serves_unless_the_kernels_is_asked_for,
                                  without_a_mac_there_is_a_random_one_of_xens,
                                  rates_are_bytes_an_interval,
                                  what_is_wrong_is_said,
                                  a_script_is_kept_and_warned_of,
                                  a_bridge_that_is_not_there_is_refused,
                                  NULL};

    return unit_run("vif", prepare, tests);
}
