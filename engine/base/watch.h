/* watch.h - progress of long work, reported to a caller that may cancel it: limn_watch of limn.h, for
 * pipelines and sessions.
 *
 *     struct watch watch = watch_of(&users);
 *     watch_part(&watch, 0, 0.8);                      what follows is 80 % of the work
 *     status = watch_show(&watch, 0.5, error);         half of that is done
 *
 * Progress is reported before each piece of work; only the very end reports 1. All functions accept NULL for
 * no watch. */
#ifndef LIMN_WATCH_H
#define LIMN_WATCH_H

#include "engine/base/threads.h"

struct watch {
    limn_watch user;
    double from, to;    /* the current part of the whole, 0 .. 1 */
    uint64_t denormals; /* the caller's mode, restored during its callback: see cpu.h */
};

/* For work that starts now, on this thread; `user` may be NULL. The part is the whole until watch_part sets
 * it. */
struct watch watch_of(const limn_watch *user);

void watch_part(struct watch *watch, double from, double to);

/* Reports that `done`, 0 .. 1, of the part is done. LIMN_E_CANCELLED if the caller cancels. */
limn_status watch_show(const struct watch *watch, double done, limn_error *error);

/* pool_run of the tasks that form the current part; with a watch, some at a time. */
limn_status watch_tasks(const struct watch *watch, struct pool *pool, int64_t tasks, pool_task task,
                        void *context, limn_error *error);

#endif
