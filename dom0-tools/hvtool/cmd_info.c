#include "tool.h"
int cmd_info(struct tool *t,int argc,char **argv){return 1;}
int cmd_dmesg(struct tool *t,int argc,char **argv){return 1;}
int cmd_vcpu_list(struct tool *t,int argc,char **argv){return 1;}
int cmd_vcpu_pin(struct tool *t,int argc,char **argv){return 1;}
int cmd_sched(struct tool *t,int argc,char **argv){return 1;}
int cmd_debug_keys(struct tool *t,int argc,char **argv){return 1;}
