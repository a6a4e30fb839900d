/* watch.h - how far a long piece of work is, told to whoever waits for it and may end it: limn_watch of
 * limn.h as pipelines and sessions see it.
 *
 *     struct watch watch = watch_of(&users);
 *     watch_part(&watch, 0, 0.8);                      what comes next is 80 % of all
 *     status = watch_show(&watch, 0.5, error);         half of that is done
 *
 * Progress is shown before each stretch of work; only what stands at the end of all shows 1. In all functions
 * a NULL watch is one that nobody looks at. */
#ifndef LIMN_WATCH_H
#define LIMN_WATCH_H

#include "engine/base/threads.h"

struct watch {
    limn_watch user;
    double from, to;    /* the part of the whole that is under way */
    uint64_t denormals; /* how the user's code has them: see cpu.h */
};

/* For work that starts now, on this thread; `user` may be NULL. Until watch_part the part is the whole. */
struct watch watch_of(const limn_watch *user);

void watch_part(struct watch *watch, double from, double to);

/* `done`, 0 .. 1, of the part is done. LIMN_E_CANCELLED where the user wants no more of it. */
limn_status watch_show(const struct watch *watch, double done, limn_error *error);

/* pool_run of these tasks, which are the part under way; where somebody watches, some at a time. */
limn_status watch_tasks(const struct watch *watch, struct pool *pool, int64_t tasks, pool_task task,
                        void *context, limn_error *error);

#endif
