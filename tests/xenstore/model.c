/* SPDX-License-Identifier: MIT */
/* See model.h. */
#include "model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire/xs_msg.h"

static struct model_node *find(struct model *m, const char *path)
{
    for (unsigned int i = 0; i < m->count; i++) {
        if (strcmp(m->node[i].path, path) == 0)
            return &m->node[i];
    }
    return NULL;
}

static void parent_of(const char *path, char *out)
{
    char *slash;

    memmove(out, path, strlen(path) + 1);
    slash = strrchr(out, '/');
    slash[slash == out ? 1 : 0] = '\0';
}

bool model_below(const char *parent, const char *child)
{
    size_t len = strlen(parent);

    if (strcmp(parent, "/") == 0)
        return true;
    return strncmp(parent, child, len) == 0 && (child[len] == '/' || child[len] == '\0');
}

bool model_may(const struct model_perm *perm, unsigned int count, unsigned int domid,
               char what)
{
    char letter = perm[0].letter;

    if (domid == 0 || perm[0].domid == domid)
        return true;
    for (unsigned int i = count; i-- > 1;) {
        if (perm[i].domid == domid)
            letter = perm[i].letter;
    }
    return letter == 'b' || letter == what;
}

static bool may(const struct model_node *n, unsigned int domid, char what)
{
    return model_may(n->perm, n->perms, domid, what);
}

static void fail(struct model_reply *r, const char *name)
{
    r->error = true;
    strcpy(r->data, name);
    r->len = strlen(name) + 1;
}

static void add(struct model_reply *r, const char *text, size_t len)
{
    memcpy(r->data + r->len, text, len);
    r->len += len;
}

void model_init(struct model *m)
{
    static const char *const paths[] = {"/", "/tool", "/tool/xenstored"};

    memset(m, 0, sizeof(*m));
    for (int i = 0; i < 3; i++) {
        strcpy(m->node[i].path, paths[i]);
        m->node[i].perm[0] = (struct model_perm){'n', 0};
        m->node[i].perms = 1;
    }
    m->count = 3;
}

static void note(struct model *m, struct model_events *e, const struct model_node *n)
{
    struct model_event *ev = &e->event[e->count++];
    struct model_node *p;
    char parent[MODEL_TEXT];

    strcpy(ev->path, n->path);
    memcpy(ev->perm, n->perm, sizeof(ev->perm));
    ev->perms = n->perms;
    parent_of(n->path, parent);
    p = find(m, parent);
    if (!p)
        abort();
    memcpy(ev->parent_perm, p->perm, sizeof(p->perm));
    ev->parent_perms = p->perms;
}

static struct model_node *make(struct model *m, const char *path, unsigned int domid)
{
    struct model_node *n = find(m, path), *p;
    char parent[MODEL_TEXT];

    if (n)
        return n;
    parent_of(path, parent);
    p = make(m, parent, domid);
    if (m->count == MODEL_NODES)
        abort();
    n = &m->node[m->count++];
    memset(n, 0, sizeof(*n));
    strcpy(n->path, path);
    memcpy(n->perm, p->perm, sizeof(n->perm));
    n->perms = p->perms;
    if (domid)
        n->perm[0].domid = domid;
    return n;
}

static void list(struct model *m, const char *path, struct model_reply *r)
{
    char parent[MODEL_TEXT];

    for (unsigned int i = 0; i < m->count; i++) {
        const char *name = strrchr(m->node[i].path, '/') + 1;

        parent_of(m->node[i].path, parent);
        if (*name && strcmp(parent, path) == 0)
            add(r, name, strlen(name) + 1);
    }
}

static void get_perms(const struct model_node *n, struct model_reply *r)
{
    char text[16];

    for (unsigned int i = 0; i < n->perms; i++) {
        sprintf(text, "%c%u", n->perm[i].letter, n->perm[i].domid);
        add(r, text, strlen(text) + 1);
    }
}

static void set_perms(struct model *m, struct model_node *n,
                      const struct model_request *rq, struct model_reply *r,
                      struct model_events *e)
{
    struct model_perm perm[MODEL_PERMS];
    unsigned int count = 0;
    char text[MODEL_TEXT], *save, *word;

    strcpy(text, rq->value);
    for (word = strtok_r(text, " ", &save); word; word = strtok_r(NULL, " ", &save))
        perm[count++] = (struct model_perm){word[0], (unsigned int)atoi(word + 1)};
    if (rq->domid && perm[0].domid != n->perm[0].domid) {
        fail(r, "EPERM");
        return;
    }
    memcpy(n->perm, perm, sizeof(perm));
    n->perms = count;
    note(m, e, n);
    add(r, "OK", 3);
}

static void rm(struct model *m, struct model_node *n, struct model_events *e)
{
    struct model_node top = *n;
    unsigned int kept = 0;

    /* Nodes below it first: watches on exactly them hear of it. */
    for (unsigned int i = 0; i < m->count; i++) {
        if (model_below(top.path, m->node[i].path) &&
            strcmp(top.path, m->node[i].path) != 0)
            note(m, e, &m->node[i]);
    }
    note(m, e, &top);
    for (unsigned int i = 0; i < m->count; i++) {
        if (!model_below(top.path, m->node[i].path))
            m->node[kept++] = m->node[i];
    }
    m->count = kept;
}

/* The node is there and may be used: does what is asked. */
static void on_node(struct model *m, struct model_node *n, const struct model_request *rq,
                    struct model_reply *r, struct model_events *e)
{
    switch (rq->type) {
    case HV_XS_READ:
        add(r, n->value, strlen(n->value));
        return;
    case HV_XS_DIRECTORY:
        list(m, n->path, r);
        return;
    case HV_XS_GET_PERMS:
        get_perms(n, r);
        return;
    case HV_XS_SET_PERMS:
        set_perms(m, n, rq, r, e);
        return;
    case HV_XS_WRITE:
        strcpy(n->value, rq->value);
        note(m, e, n);
        break;
    case HV_XS_RM:
        rm(m, n, e);
        break;
    default: /* MKDIR of what is there */
        break;
    }
    add(r, "OK", 3);
}

/* It is not there. */
static void on_nothing(struct model *m, const struct model_request *rq,
                       struct model_reply *r, struct model_events *e)
{
    struct model_node *n;
    char parent[MODEL_TEXT];

    if (rq->type == HV_XS_WRITE || rq->type == HV_XS_MKDIR) {
        n = make(m, rq->path, rq->domid);
        if (rq->type == HV_XS_WRITE)
            strcpy(n->value, rq->value);
        note(m, e, n);
        add(r, "OK", 3);
        return;
    }
    parent_of(rq->path, parent);
    if (rq->type == HV_XS_RM && find(m, parent))
        add(r, "OK", 3);
    else
        fail(r, "ENOENT");
}

void model_apply(struct model *m, const struct model_request *rq,
                 struct model_reply *reply, struct model_events *events)
{
    bool writes = rq->type == HV_XS_WRITE || rq->type == HV_XS_MKDIR ||
                  rq->type == HV_XS_RM || rq->type == HV_XS_SET_PERMS;
    struct model_node *n = find(m, rq->path), *above = n;
    char path[MODEL_TEXT];
    bool allowed;

    memset(reply, 0, sizeof(*reply));
    strcpy(path, rq->path);
    while (!above) {
        parent_of(path, path);
        above = find(m, path);
    }
    allowed = may(above, rq->domid, writes ? 'w' : 'r');
    if (rq->type == HV_XS_SET_PERMS && rq->domid && above->perm[0].domid != rq->domid)
        allowed = !n && allowed;
    if (!allowed)
        fail(reply, "EACCES");
    else if (rq->type == HV_XS_RM && strcmp(rq->path, "/") == 0)
        fail(reply, "EINVAL");
    else if (n)
        on_node(m, n, rq, reply, events);
    else
        on_nothing(m, rq, reply, events);
}
