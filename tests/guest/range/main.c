/* SPDX-License-Identifier: MIT */
/* Numbers out of range: hypercalls, vCPUs, ports, domains, frames. */
#include "guest.h"
#include "abi/domctl.h"
#include "abi/event_channel.h"
#include "abi/grant_table.h"
#include "abi/memory.h"
#include "abi/sched.h"
#include "abi/sysctl.h"
#include "abi/vcpu.h"

static void hypercalls(void)
{
    static const unsigned int unused[] = {11, 27 + 16, 45, 46, 47, 55, 56, 60, 63};

    for (unsigned int i = 0; i < sizeof(unused) / sizeof(unused[0]); i++)
        if (hcall0(unused[i]) != -ENOSYS)
            test_fail("range: unused hypercall numbers", "%u: %ld", unused[i],
                      hcall0(unused[i]));
    test_ok("range: unused hypercall numbers are -ENOSYS or reported");
    long rc;

    asm volatile("syscall" : "=a"(rc) : "a"(0x12345678UL) : "rcx", "r11", "memory");
    test_num("range: a huge hypercall number", rc, -ENOSYS);
    asm volatile("syscall" : "=a"(rc) : "a"(-1UL) : "rcx", "r11", "memory");
    test_num("range: a negative hypercall number", rc, -ENOSYS);
    test_num("range: an unknown sched_op", sched_op(99, NULL), -ENOSYS);
    test_num("range: an unknown vcpu_op", vcpu_op(99, 0, NULL), -ENOSYS);
    test_num("range: an unknown callback_op", callback_op(9, NULL), -ENOSYS);
    test_num("range: an unknown physdev_op", physdev_op(99, NULL), -ENOSYS);
    test_num("range: an unknown console_io", hcall3(HV_CALL_CONSOLE_IO, 9, 0, 0),
             -ENOSYS);
}

static void vcpus(void)
{
    static const uint64_t no[] = {1, 31, 32, 64, 8191, 8192, 0x7fffffff, 0xffffffff};
    struct hv_vcpu_runstate_info r;

    for (unsigned int i = 0; i < sizeof(no) / sizeof(no[0]); i++) {
        long rc = vcpu_op(HV_VCPUOP_GET_RUNSTATE_INFO, no[i], &r);

        if (rc != -ENOENT) {
            test_fail("range: vCPUs that do not exist", "%lu: %ld", no[i], rc);
            return;
        }
    }
    test_ok("range: vCPUs that do not exist");
}

static void domains(void)
{
    static const uint16_t no[] = {1,      1000,   0x7fef, 0x7ff3,
                                  0x7ff4, 0x7fff, 0x8000, 0xffff};
    struct hv_evtchn_bind_interdomain b = {.remote_port = 1};
    struct hv_gnttab_map_grant_ref m = {.flags = HV_GNTMAP_HOST_MAP};
    struct hv_memory_domain d;
    int bad = 0;

    for (unsigned int i = 0; i < sizeof(no) / sizeof(no[0]); i++) {
        b.remote_dom = m.dom = d.domid = no[i];
        bad += evtchn_op(HV_EVTCHNOP_BIND_INTERDOMAIN, &b) != -ESRCH;
        grant_op(HV_GNTTABOP_MAP_GRANT_REF, &m, 1);
        bad += m.status != HV_GNTST_BAD_DOMAIN;
        bad += memory_op(HV_MEM_CURRENT_RESERVATION, &d) != -ESRCH;
    }
    test_num("range: domains that do not exist", bad, 0);
}

static long domctl(struct hv_domctl *c, unsigned int cmd, unsigned int domain)
{
    memset(c, 0, sizeof(*c));
    c->cmd = cmd;
    c->interface_version = HV_DOMCTL_INTERFACE_VERSION;
    c->domain = (uint16_t)domain;
    return hcall1(HV_CALL_DOMCTL, P(c));
}

static void control(void)
{
    struct hv_domctl c;
    struct hv_sysctl s;

    test_num("range: domctl finds dom0", domctl(&c, HV_DOMCTL_GETDOMAININFO, 0), 0);
    test_num("range: with its pages", (long)c.u.getdomaininfo.tot_pages,
             (long)start_info->nr_pages);
    test_num("range: and says it runs",
             c.u.getdomaininfo.flags & (HV_DOMINF_RUNNING | HV_DOMINF_DYING),
             HV_DOMINF_RUNNING);
    test_num("range: there is no domain 5", domctl(&c, HV_DOMCTL_GETDOMAININFO, 5),
             -ESRCH);
    test_num("range: domain 5 cannot be paused", domctl(&c, HV_DOMCTL_PAUSEDOMAIN, 5),
             -ESRCH);
    test_num("range: dom0 cannot pause itself", domctl(&c, HV_DOMCTL_PAUSEDOMAIN, 0),
             -EINVAL);
    test_num("range: dom0 cannot destroy itself", domctl(&c, HV_DOMCTL_DESTROYDOMAIN, 0),
             -EINVAL);
    test_true("range: an unknown domctl", domctl(&c, 9999, 0) < 0);
    memset(&c, 0, sizeof(c));
    c.cmd = HV_DOMCTL_GETDOMAININFO;
    c.interface_version = 1;
    test_num("range: another domctl version", hcall1(HV_CALL_DOMCTL, P(&c)), -EACCES);
    memset(&s, 0, sizeof(s));
    s.cmd = HV_SYSCTL_PHYSINFO;
    s.interface_version = HV_SYSCTL_INTERFACE_VERSION;
    test_num("range: sysctl physinfo", hcall1(HV_CALL_SYSCTL, P(&s)), 0);
    test_num("range: knows the CPUs", s.u.physinfo.nr_cpus, 1);
    test_true("range: and the memory",
              s.u.physinfo.total_pages > 100000 && s.u.physinfo.total_pages <= 131072);
    test_true("range: PV guests can run",
              s.u.physinfo.capabilities & HV_SYSCTL_PHYSCAP_PV);
    s.cmd = 999;
    test_true("range: an unknown sysctl", hcall1(HV_CALL_SYSCTL, P(&s)) < 0);
    s.interface_version = 1;
    test_num("range: another sysctl version", hcall1(HV_CALL_SYSCTL, P(&s)), -EACCES);
}

static void debug_registers(void)
{
    test_num("range: debug register 0 reads 0", hcall1(HV_CALL_GET_DEBUGREG, 0), 0);
    test_num("range: it is set", hcall2(HV_CALL_SET_DEBUGREG, 0, 0x1000), 0);
    test_num("range: and read", hcall1(HV_CALL_GET_DEBUGREG, 0), 0x1000);
    test_num("range: not to the hypervisor's addresses",
             hcall2(HV_CALL_SET_DEBUGREG, 0, HV_HYPERVISOR_VIRT_START + 0x1000), -EPERM);
    test_num("range: there is no register 8", hcall2(HV_CALL_SET_DEBUGREG, 8, 0),
             -ENODEV);
    test_num("range: nor to read", hcall1(HV_CALL_GET_DEBUGREG, 8), -ENODEV);
}

void test_main(void)
{
    hypercalls();
    vcpus();
    domains();
    control();
    debug_registers();
}
