/* SPDX-License-Identifier: MIT */
/* vm_assist: which can be switched, and what is refused. */
#include "guest.h"

static long assist(unsigned int cmd, unsigned int type)
{
    return hcall2(HV_CALL_VM_ASSIST, cmd, type);
}

void test_main(void)
{
    static const struct {
        const char *on, *off;
        unsigned int type;
    } known[] = {
        {"vmassist: 4 GiB segments on", "vmassist: off", HV_VMASST_TYPE_4GB_SEGMENTS},
        {"vmassist: writable page tables on", "vmassist: off",
         HV_VMASST_TYPE_WRITABLE_PAGETABLES},
        {"vmassist: architectural iopl on", "vmassist: off",
         HV_VMASST_TYPE_ARCHITECTURAL_IOPL},
        {"vmassist: runstate update flag on", "vmassist: off",
         HV_VMASST_TYPE_RUNSTATE_UPDATE_FLAG},
        {"vmassist: strict m2p on", "vmassist: off", HV_VMASST_TYPE_M2P_STRICT},
    };

    for (unsigned int i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        test_num(known[i].on, assist(HV_VMASST_CMD_ENABLE, known[i].type), 0);
        test_num(known[i].off, assist(HV_VMASST_CMD_DISABLE, known[i].type), 0);
    }
    test_num("vmassist: an unknown type", assist(HV_VMASST_CMD_ENABLE, 17), -EINVAL);
    test_num("vmassist: one out of range", assist(HV_VMASST_CMD_ENABLE, 64), -EINVAL);
    test_num("vmassist: far out of range", assist(HV_VMASST_CMD_ENABLE, 0xffffffff),
             -EINVAL);
    test_num("vmassist: an unknown command", assist(2, 0), -ENOSYS);
}
