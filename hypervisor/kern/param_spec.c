/* SPDX-License-Identifier: MIT */
/*
 * Boot options about speculation. Each is a list of words, of which those that are known
 * but have nothing to switch here are taken without a word. All of a list counts, or
 * nothing.
 *
 * Reference: Xen Hypervisor Command Line Options, "spec-ctrl (x86)", "xpti (x86)",
 * "pv-l1tf (x86)".
 */
#include "kern/param_priv.h"
#include "lib/string.h"

#define WORD_MAX 32

int param_bool(const char *v)
{
    static const char *const yes[] = {"1", "on", "yes", "true", "enable"};
    static const char *const no[] = {"0", "off", "no", "false", "disable"};

    for (size_t i = 0; i < ARRAY_SIZE(yes); i++) {
        if (!strcmp(v, yes[i]))
            return 1;
        if (!strcmp(v, no[i]))
            return 0;
    }
    return -1;
}

/* The next word of a list; false: there is none. A word that is too long is cut. */
static bool next_word(const char **v, char word[WORD_MAX])
{
    size_t n = 0;

    if (!**v)
        return false;
    for (; **v && **v != ','; ++*v)
        if (n < WORD_MAX - 1)
            word[n++] = **v;
    word[n] = '\0';
    *v += **v == ',';
    return true;
}

/* One of: a boolean, dom0=boolean, domu=boolean. */
static bool by_domain(const char *word, int8_t *dom0, int8_t *domu)
{
    bool one = !strncmp(word, "dom0=", 5) || !strncmp(word, "domu=", 5);
    int b = param_bool(one ? word + 5 : word);

    if (b < 0)
        return false;
    if (!one || word[3] == '0')
        *dom0 = (int8_t)b;
    if (!one || word[3] == 'u')
        *domu = (int8_t)b;
    return true;
}

bool param_xpti(const char *v)
{
    int8_t dom0 = boot_params.xpti_dom0, domu = boot_params.xpti_domu;
    char word[WORD_MAX];

    while (next_word(&v, word)) {
        if (!strcmp(word, "default"))
            dom0 = domu = -1;
        else if (!by_domain(word, &dom0, &domu))
            return false;
    }
    boot_params.xpti_dom0 = dom0;
    boot_params.xpti_domu = domu;
    return true;
}

bool param_l1tf(const char *v)
{
    int8_t dom0 = boot_params.l1tf_dom0, domu = boot_params.l1tf_domu;
    char word[WORD_MAX];

    while (next_word(&v, word))
        if (!by_domain(word, &dom0, &domu))
            return false;
    boot_params.l1tf_dom0 = dom0;
    boot_params.l1tf_domu = domu;
    return true;
}

/* "name", "no-name", "name=boolean": 1 or 0; "name=pv=boolean", "name=no-hvm" and the
 * like too, -2 if they are not about PV guests. -1: another word. */
static int switched(const char *word, const char *name)
{
    bool off = !strncmp(word, "no-", 3);
    size_t n = strlen(name);
    int b;

    word += off ? 3 : 0;
    if (strncmp(word, name, n))
        return -1;
    if (!word[n])
        return !off;
    if (off || word[n] != '=')
        return -1;
    word += n + 1;
    b = param_bool(word);
    if (b >= 0)
        return b;
    if (switched(word, "hvm") != -1)
        return -2;
    return switched(word, "pv");
}

/* For guests that are not isolated there is nothing to choose: they have none. */
bool param_pcid(const char *v)
{
    int b = switched(v, "xpti");

    if (b < 0)
        b = param_bool(v);
    if (b >= 0)
        boot_params.pcid = b;
    return b >= 0;
}

/* Everything that nobody has asked for yet. */
static void all_off(struct boot_params *p)
{
    int8_t *const unset[] = {&p->xpti_dom0, &p->xpti_domu, &p->l1tf_dom0, &p->l1tf_domu};

    for (size_t i = 0; i < ARRAY_SIZE(unset); i++)
        if (*unset[i] < 0)
            *unset[i] = 0;
    p->verw = p->bhb_entry = p->bhi_dis_s = 0;
}

/* What is always so here, or never, or for guests that there are not. */
static bool known(const char *word)
{
    static const char *const names[] = {
        "hvm",         "msr-sc",        "rsb",     "ibpb-entry", "ibrs",
        "stibp",       "ibpb",          "ssbd",    "psfd",       "eager-fpu",
        "l1d-flush",   "srb-lock",      "gds-mit", "div-scrub",  "branch-harden",
        "lock-harden", "bp-spec-reduce"};

    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        if (switched(word, names[i]) != -1)
            return true;
    return !strncmp(word, "bti-thunk=", 10) || !strncmp(word, "bhb-seq=", 8);
}

static bool spec_word(struct boot_params *p, const char *word)
{
    static const struct {
        const char *name;
        size_t at;
    } names[] = {{"verw", offsetof(struct boot_params, verw)},
                 {"md-clear", offsetof(struct boot_params, verw)},
                 {"bhb-entry", offsetof(struct boot_params, bhb_entry)},
                 {"bhi-dis-s", offsetof(struct boot_params, bhi_dis_s)}};
    int b;

    if (param_bool(word) == 0 || switched(word, "xen") == 0) {
        all_off(p);
        return true;
    }
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        b = switched(word, names[i].name);
        if (b >= 0)
            *((int8_t *)p + names[i].at) = (int8_t)b;
        if (b != -1)
            return true;
    }
    b = switched(word, "pv");
    if (b >= 0)
        p->verw = p->bhb_entry = (int8_t)b;
    else if ((b = switched(word, "unpriv-mmio")) >= 0)
        p->unpriv_mmio = b;
    return b >= 0 || known(word);
}

bool param_spec_ctrl(const char *v)
{
    struct boot_params p = boot_params;
    char word[WORD_MAX];

    while (next_word(&v, word))
        if (!spec_word(&p, word))
            return false;
    boot_params = p;
    return true;
}
