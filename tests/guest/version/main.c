/* SPDX-License-Identifier: MIT */
/* xen_version: everything it tells. */
#include "guest.h"
#include "abi/version.h"

void test_main(void)
{
    static hv_extraversion_t extra;
    static hv_capabilities_info_t caps;
    static hv_changeset_info_t changeset;
    static hv_commandline_t cmdline;
    static struct hv_compile_info compile;
    struct hv_platform_parameters params;
    hv_domain_handle_t handle;
    struct {
        struct hv_build_id b;
        char room[64];
    } build;
    long v = version_op(HV_VER_VERSION, NULL);

    test_num("version: major 4", v >> 16, 4);
    test_num("version: minor 17", v & 0xffff, 17);
    test_true("version: extraversion", version_op(HV_VER_EXTRAVERSION, extra) >= 0);
    test_num("version: begins with a dot", extra[0], '.');
    test_true("version: capabilities", version_op(HV_VER_CAPABILITIES, caps) >= 0);
    test_true("version: name 64-bit PV guests", !memcmp(caps, "xen-3.0-x86_64", 14));
    test_true("version: changeset", version_op(HV_VER_CHANGESET, changeset) >= 0);
    test_num("version: platform_parameters",
             version_op(HV_VER_PLATFORM_PARAMETERS, &params), 0);
    test_num("version: the hole starts where the ABI says", (long)params.virt_start,
             (long)HV_HYPERVISOR_VIRT_START);
    test_num("version: pagesize", version_op(HV_VER_PAGESIZE, NULL), 4096);
    test_num("version: the domain's handle", version_op(HV_VER_GUEST_HANDLE, handle), 0);
    test_num("version: compile_info", version_op(HV_VER_COMPILE_INFO, &compile), 0);
    test_true("version: dom0 may read the command line",
              version_op(HV_VER_COMMANDLINE, cmdline) >= 0);
    test_true("version: it has what GRUB gave", strlen(cmdline) > 20);
    build.b.len = 0;
    test_num("version: no room for the build's number",
             version_op(HV_VER_BUILD_ID, &build), -EINVAL);
    build.b.len = 2;
    test_num("version: too little room for it", version_op(HV_VER_BUILD_ID, &build),
             -ENOBUFS);
    build.b.len = sizeof(build.room);
    test_num("version: the build's number is as long as was said",
             version_op(HV_VER_BUILD_ID, &build), version_op(HV_VER_BUILD_ID, NULL));
    test_num("version: an unknown question", version_op(77, NULL), -ENOSYS);
}
