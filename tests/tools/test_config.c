/* SPDX-License-Identifier: MIT */
/* domain.cfg: what is understood, and what is said of what is not. */
#include <stdio.h>

#include "dom/config.h"
#include "unit.h"

#define BASE "name = \"g\"\nkernel = \"/k\"\n"

static struct dom_config cfg;
static struct dom_error err;
static char warnings[1024];

static void note_warning(const char *line)
{
    strncat(warnings, line, sizeof(warnings) - strlen(warnings) - 2);
    strcat(warnings, "\n");
}

static int parse_args(const char *text, char *const *args, int nr)
{
    memset(&err, 0, sizeof(err));
    warnings[0] = 0;
    return dom_config_parse(&cfg, "t.cfg", text, strlen(text), args, nr, note_warning,
                            &err);
}

static int parse(const char *text)
{
    return parse_args(text, NULL, 0);
}

static void refused(const char *text, const char *why)
{
    int rc = parse(text);

    ck_assert_msg(rc < 0, "accepted: %s", text);
    ck_assert_str_eq(err.text, why);
    dom_config_free(&cfg);
}

START_TEST(every_served_key_is_read)
{
    ck_assert_int_eq(
        parse("name = \"demo\"\nuuid = \"6e7e4dac-1b61-4a90-9cf8-e108154e97ce\"\n"
              "type = \"pv\"\nkernel = '/boot/k'\nramdisk = \"/boot/r\"\n"
              "root = \"/dev/xvda1 ro\"\nextra = \"quiet\"\nmemory = 256\nmaxmem = 512\n"
              "vcpus = 2\nmaxvcpus = 4\ncpus = [ \"0\", \"1-3,^2\" ]\ncpu_weight = 512\n"
              "cap = 50\ntsc_mode = \"native\"\non_poweroff = \"preserve\"\n"
              "on_reboot = \"destroy\"\non_crash = \"restart\"\n"),
        0);
    ck_assert_str_eq(cfg.name, "demo");
    ck_assert_uint_eq(cfg.uuid[0], 0x6e);
    ck_assert_uint_eq(cfg.uuid[15], 0xce);
    ck_assert_str_eq(cfg.kernel, "/boot/k");
    ck_assert_str_eq(cfg.ramdisk, "/boot/r");
    ck_assert_str_eq(cfg.cmdline, "root=/dev/xvda1 ro quiet");
    ck_assert_uint_eq(cfg.memory_kib, 256 << 10);
    ck_assert_uint_eq(cfg.maxmem_kib, 512 << 10);
    ck_assert_uint_eq(cfg.vcpus, 2);
    ck_assert_uint_eq(cfg.maxvcpus, 4);
    ck_assert_uint_eq(cfg.pins[0].bits[0], 1);
    ck_assert_uint_eq(cfg.pins[1].bits[0], 2 | 8);
    ck_assert_uint_eq(cfg.pins[3].bits[0], UINT64_MAX);
    ck_assert_uint_eq(cfg.weight, 512);
    ck_assert_int_eq(cfg.cap, 50);
    ck_assert_uint_eq(cfg.tsc_mode, 2);
    ck_assert_int_eq(cfg.on_poweroff, DOM_ACTION_PRESERVE);
    ck_assert_int_eq(cfg.on_reboot, DOM_ACTION_DESTROY);
    ck_assert_int_eq(cfg.on_crash, DOM_ACTION_RESTART);
    ck_assert_str_eq(warnings, "");
    dom_config_free(&cfg);
}
END_TEST

START_TEST(defaults_are_those_of_xl)
{
    struct dom_config other;

    ck_assert_int_eq(parse(BASE), 0);
    ck_assert_uint_eq(cfg.memory_kib, 32 << 10);
    ck_assert_uint_eq(cfg.maxmem_kib, cfg.memory_kib);
    ck_assert_uint_eq(cfg.vcpus, 1);
    ck_assert_uint_eq(cfg.maxvcpus, 1);
    ck_assert_str_eq(cfg.cmdline, "");
    ck_assert_int_eq(cfg.on_reboot, DOM_ACTION_RESTART);
    ck_assert_int_eq(cfg.on_crash, DOM_ACTION_DESTROY);
    ck_assert_int_eq(cfg.cap, -1);
    other = cfg;
    ck_assert_int_eq(parse(BASE), 0);
    ck_assert_mem_ne(cfg.uuid, other.uuid, 16);
    dom_config_free(&cfg);
    dom_config_free(&other);
}
END_TEST

START_TEST(syntax_is_that_of_xl)
{
    ck_assert_int_eq(parse("\n# all of this\n;;name='a\\'\\x41\\102';kernel=\"k\" # x\r\n"
                           "memory = \"0x40\"\ncpus = [\n '0', # first\n\n \"1\" , ]\n"
                           "vcpus=1;vcpus=2\nextra=\"a\"\nextra += \" b\""),
                     0);
    ck_assert_str_eq(cfg.name, "a'AB");
    ck_assert_uint_eq(cfg.memory_kib, 64 << 10);
    ck_assert_uint_eq(cfg.vcpus, 2);
    ck_assert_str_eq(cfg.cmdline, "a b");
    ck_assert_uint_eq(cfg.pins[1].bits[0], 2);
    dom_config_free(&cfg);
}
END_TEST

START_TEST(cmdline_replaces_root_and_extra)
{
    ck_assert_int_eq(parse(BASE "root=\"a\"\nextra=\"b\"\ncmdline=\"c d\"\n"), 0);
    ck_assert_str_eq(cfg.cmdline, "c d");
    dom_config_free(&cfg);
    ck_assert_int_eq(parse(BASE "root=\"a\"\n"), 0);
    ck_assert_str_eq(cfg.cmdline, "root=a");
    dom_config_free(&cfg);
}
END_TEST

START_TEST(arguments_override_the_file)
{
    char *args[] = {"memory=128", "name=other", "extra=a b=c", "cpus=[\"0\"]",
                    "on_crash = \"preserve\""};

    ck_assert_int_eq(parse_args(BASE "memory = 64\n", args, 5), 0);
    ck_assert_uint_eq(cfg.memory_kib, 128 << 10);
    ck_assert_str_eq(cfg.name, "other");
    ck_assert_str_eq(cfg.cmdline, "a b=c");
    ck_assert_int_eq(cfg.on_crash, DOM_ACTION_PRESERVE);
    dom_config_free(&cfg);
}
END_TEST

START_TEST(bad_arguments_are_refused)
{
    char *bad[] = {"memory", "=3", "", "3=4", "memory=many", "cpus=[", "memoy=3"};

    for (int i = 0; i < 7; i++) {
        ck_assert_int_lt(parse_args(BASE, &bad[i], 1), 0);
        ck_assert_int_eq(strncmp(err.text, "argument:1:", 11), 0);
        dom_config_free(&cfg);
    }
}
END_TEST

START_TEST(unknown_keys_are_refused_with_the_nearest)
{
    refused(BASE "\n  memroy = 3\n",
            "t.cfg:4:3: unknown key 'memroy', did you mean 'memory'?");
    refused(BASE "kernal = \"x\"\n",
            "t.cfg:3:1: unknown key 'kernal', did you mean 'kernel'?");
    refused(BASE "zzzzqqqq = 3\n", "t.cfg:3:1: unknown key 'zzzzqqqq'");
}
END_TEST

START_TEST(known_keys_without_effect_are_warned_of)
{
    ck_assert_int_eq(parse(BASE "pci=[]\nvtpm=[]\n"), 0);
    ck_assert_str_eq(warnings, "t.cfg:3:1: 'pci' has no effect yet\n"
                               "t.cfg:4:1: 'vtpm' has no effect yet\n");
    dom_config_free(&cfg);
    ck_assert_int_eq(parse(BASE "on_crash = 'coredump-restart'\n"), 0);
    ck_assert_str_eq(warnings, "t.cfg:3:12: on_crash: core dumps are not written yet, "
                               "'restart' is done without\n");
    ck_assert_int_eq(cfg.on_crash, DOM_ACTION_RESTART);
    dom_config_free(&cfg);
}
END_TEST

START_TEST(network_interfaces_have_their_place_in_the_list_for_a_number)
{
    ck_assert_int_eq(parse(BASE "vif = [ 'bridge=br0', 'devid=7', '' ]\n"), 0);
    ck_assert_uint_eq(cfg.nr_vifs, 3);
    ck_assert_str_eq(cfg.vifs[0].bridge, "br0");
    ck_assert_int_eq(cfg.vifs[0].devid, 0);
    ck_assert_int_eq(cfg.vifs[1].devid, 7);
    ck_assert_int_eq(cfg.vifs[2].devid, 2);
    ck_assert_str_eq(cfg.vifs[2].bridge, "xenbr0");
    dom_config_free(&cfg);
    refused(BASE "vif = [ '',\n  'devid=0' ]\n",
            "t.cfg:4:3: vif: there is an interface with this devid already");
    refused(BASE "vif = [ 'mac=1' ]\n",
            "t.cfg:3:9: vif: not a MAC address (00:16:3e:01:02:03): '1'");
    ck_assert_int_eq(parse(BASE "vif = [ 'script=/a/b' ]\n"), 0);
    ck_assert_ptr_nonnull(
        strstr(warnings, "t.cfg:3:9: vif: the script '/a/b' is not run"));
    dom_config_free(&cfg);
}
END_TEST

START_TEST(disks_are_read_in_their_order)
{
    ck_assert_int_eq(parse(BASE "disk = [ '/a,raw,xvda,w',\n  'vdev=xvdb,target=/b' ]\n"),
                     0);
    ck_assert_uint_eq(cfg.nr_disks, 2);
    ck_assert_str_eq(cfg.disks[0].target, "/a");
    ck_assert_str_eq(cfg.disks[1].target, "/b");
    ck_assert_str_eq(warnings, "");
    dom_config_free(&cfg);
    ck_assert_int_eq(parse(BASE "disk = []\n"), 0);
    ck_assert_uint_eq(cfg.nr_disks, 0);
    dom_config_free(&cfg);
    refused(BASE "disk = [ '/a,raw,xvda',\n  '/b,raw,xvda' ]\n",
            "t.cfg:4:3: disk: there is a disk with this vdev already");
    refused(BASE "disk = [ '/a,vhd,xvda' ]\n",
            "t.cfg:3:10: disk: an image's format is raw or qcow2, not 'vhd'");
    refused(BASE "disk = '/a,raw,xvda'\n",
            "t.cfg:3:8: disk: this key takes a list of strings");
}
END_TEST

START_TEST(wrong_syntax_is_refused_where_it_stands)
{
    refused("name = demo\n", "t.cfg:1:8: 'demo' is not a number (text needs quotes)");
    refused("name \"x\"\n", "t.cfg:1:6: expected '=' after the key, found '\"'");
    refused("name = \"x\n", "t.cfg:1:10: expected the closing quote of this string, but "
                            "the line ends");
    refused("name = \"x", "t.cfg:1:10: expected the closing quote of this string, but "
                          "the file ends");
    refused("a = 1 2\n",
            "t.cfg:1:7: expected the end of the line after this value, found '2'");
    refused("a = [ 1 2 ]\n", "t.cfg:1:9: expected ',' or ']' in this list, found '2'");
    refused("a = [ 1,\n", "t.cfg:2:1: expected a number, a quoted string or a [list], "
                          "but the file ends");
    refused("a = \"\\q\"\n", "t.cfg:1:7: unknown escape after \\, found 'q'");
    refused("a = [[[[[[[[[[[[]]]]]]]]]]]]\n",
            "t.cfg:1:13: lists are nested too deeply, found '['");
    refused("\x01", "t.cfg:1:1: expected `key = value`, found byte 0x01");
}
END_TEST

START_TEST(wrong_values_are_refused_where_they_stand)
{
    refused(BASE "memory = 0\n", "t.cfg:3:10: memory: 0 is out of range: 1 to 16777216");
    refused(BASE "memory = \"much\"\n", "t.cfg:3:10: memory: this key takes a number");
    refused(BASE "memory = [1]\n", "t.cfg:3:10: memory: this key takes a number");
    refused(BASE "vcpus = 99999999999999999999\n",
            "t.cfg:3:9: '99999999999999999999' is not a number (text needs quotes)");
    refused(BASE "vcpus = 4\nmaxvcpus = 2\n",
            "t.cfg: vcpus = 4 is more than maxvcpus = 2");
    refused(BASE "memory = 4\nmaxmem = 2\n", "t.cfg: memory is more than maxmem");
    refused(BASE "name = \"a/b\"\n",
            "t.cfg:3:8: name: a name has at least one character and no '/'");
    refused(BASE "type = \"hvm\"\n",
            "t.cfg:3:8: type: only type = \"pv\" can be built yet");
    refused(BASE "uuid = \"123\"\n",
            "t.cfg:3:8: uuid: a UUID is 32 hexadecimal digits, with or without dashes");
    refused(BASE "cpus = \"3-1\"\n",
            "t.cfg:3:8: cpus: CPUs are given as in \"0-3,^2\" or \"all\"");
    refused("kernel = \"k\"\n", "t.cfg: 'name' is not set");
    refused("name = \"n\"\n", "t.cfg: 'kernel' is not set");
    refused(BASE "extra = 'a'\nextra += [ 1 ]\n",
            "t.cfg:4:10: += needs two strings or two lists (first set at line 3)");
}
END_TEST

START_TEST(channels_are_read_as_xl_reads_them)
{
    static const char *const bad[][2] = {
        {"name=a", "connection= must be pty or socket"},
        {"connection=pty", "a channel needs a name="},
        {"connection=tcp,name=a", "connection= must be pty or socket, not 'tcp'"},
        {"connection=socket,name=a", "needs a path="},
        {"connection=socket,name=a,path=b", "needs a path= that begins with '/'"},
        {"connection=pty,name=a,path=/b", "path= is for connection=socket"},
        {"connection=pty,name=a,backend=other", "dom0 only, not 'other'"},
        {"connection=pty,name=a,port=7", "a channel has no 'port'"},
        {"pty", "'pty' is not KEY=VALUE"},
    };
    char text[256];

    ck_assert_int_eq(parse(BASE "channel = [\"connection=socket, name = org.one.1,"
                                " path =/tmp/a b/ \", 'connection=PTY,name=two',"
                                "'name=x,connection=pty,backend=0']\n"),
                     0);
    ck_assert_uint_eq(cfg.nr_channels, 3);
    ck_assert_str_eq(cfg.channels[0].name, "org.one.1");
    ck_assert_str_eq(cfg.channels[0].path, "/tmp/a b/");
    ck_assert_str_eq(cfg.channels[1].name, "two");
    ck_assert_ptr_null(cfg.channels[1].path);
    dom_config_free(&cfg);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        snprintf(text, sizeof(text), BASE "channel = [\"%s\"]\n", bad[i][0]);
        ck_assert_int_lt(parse(text), 0);
        ck_assert_ptr_nonnull(strstr(err.text, bad[i][1]));
        dom_config_free(&cfg);
    }
}
END_TEST

START_TEST(a_nul_byte_is_refused)
{
    static const char text[] = "name = \"a\0b\"\n";

    memset(&err, 0, sizeof(err));
    ck_assert_int_lt(
        dom_config_parse(&cfg, "t.cfg", text, sizeof(text) - 1, NULL, 0, NULL, &err), 0);
    dom_config_free(&cfg);
}
END_TEST

START_TEST(cpu_sets_are_written_as_xl_writes_them)
{
    static const struct {
        const char *in, *out;
    } sets[] = {{"all", "all"}, {"0-3", "0-3"}, {"0,2,3,4", "0,2-4"}, {"all,^0", "1-7"},
                {"0-7", "all"}, {"7", "7"},     {"0-6,^3", "0-2,4-6"}};
    char text[64];

    for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++) {
        struct dom_cpuset set = {{0}};

        ck_assert_int_eq(dom_cpuset_parse(&set, sets[i].in), 0);
        dom_cpuset_format(&set, 8, text, sizeof(text));
        ck_assert_str_eq(text, sets[i].out);
    }
}
END_TEST

START_TEST(wrong_cpu_sets_are_refused)
{
    static const char *const bad[] = {"",     "x",    "1-",  "-1",
                                      "1,,2", "1,",   "256", "1-300",
                                      "^",    "allx", "5-2", "99999999999999999999"};

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct dom_cpuset set = {{0}};

        ck_assert_msg(dom_cpuset_parse(&set, bad[i]) < 0, "accepted '%s'", bad[i]);
    }
}
END_TEST

START_TEST(uuids_are_read_and_written)
{
    static const char text[] = "6e7e4dac-1b61-4a90-9cf8-e108154e97ce";
    char out[37];
    uint8_t uuid[16];

    ck_assert_int_eq(dom_uuid_parse(uuid, text), 0);
    dom_uuid_format(uuid, out);
    ck_assert_str_eq(out, text);
    ck_assert_int_eq(dom_uuid_parse(uuid, "6E7E4DAC1B614A909CF8E108154E97CE"), 0);
    dom_uuid_format(uuid, out);
    ck_assert_str_eq(out, text);
    ck_assert_int_lt(dom_uuid_parse(uuid, "6e7e4dac-1b61-4a90-9cf8-e108154e97c"), 0);
    ck_assert_int_lt(dom_uuid_parse(uuid, "6e7e4dac-1b61-4a90-9cf8-e108154e97ce0"), 0);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        every_served_key_is_read,
        defaults_are_those_of_xl,
        syntax_is_that_of_xl,
        cmdline_replaces_root_and_extra,
        arguments_override_the_file,
        bad_arguments_are_refused,
        unknown_keys_are_refused_with_the_nearest,
        known_keys_without_effect_are_warned_of,
        network_interfaces_have_their_place_in_the_list_for_a_number,
        disks_are_read_in_their_order,
        channels_are_read_as_xl_reads_them,
        wrong_syntax_is_refused_where_it_stands,
        wrong_values_are_refused_where_they_stand,
        a_nul_byte_is_refused,
        cpu_sets_are_written_as_xl_writes_them,
        wrong_cpu_sets_are_refused,
        uuids_are_read_and_written,
        NULL};

    return unit_run("config", NULL, tests);
}
