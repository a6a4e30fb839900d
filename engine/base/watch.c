/* watch.c - see watch.h. */
#include "engine/base/watch.h"
#include "layers/cpu.h"
#include "layers/sizes.h"

#include <math.h>

struct watch watch_of(const limn_watch *user)
{
    struct watch watch = {.user = user ? *user : (limn_watch){0}, .to = 1};
    watch.denormals = cpu_flush_denormals();
    cpu_restore_denormals(watch.denormals);
    return watch;
}

void watch_part(struct watch *watch, double from, double to)
{
    if (watch) {
        watch->from = from;
        watch->to = to;
    }
}

limn_status watch_show(const struct watch *watch, double done, limn_error *error)
{
    if (!watch || !watch->user.progress)
        return LIMN_OK;
    double at = watch->from;
    if (done >= 1)
        at = watch->to;
    else if (done > 0) /* false for NaN, 0 / 0 of work without operations */
        at = fmin(at + done * (watch->to - watch->from), watch->to);
    uint64_t inside = cpu_flush_denormals();
    cpu_restore_denormals(watch->denormals);
    bool goes_on = watch->user.progress(watch->user.context, at);
    cpu_restore_denormals(inside);
    return goes_on ? LIMN_OK : fail(error, LIMN_E_CANCELLED, "cancelled, %.0f %% were done", 100 * at);
}

/* ---- tasks ------------------------------------------------------------------------------- */

struct stretch {
    pool_task task;
    void *context;
    int64_t first;
};

static void run_task(void *context, int64_t task, int worker)
{
    const struct stretch *stretch = context;
    stretch->task(stretch->context, stretch->first + task, worker);
}

limn_status watch_tasks(const struct watch *watch, struct pool *pool, int64_t tasks, pool_task task,
                        void *context, limn_error *error)
{
    enum { STRETCHES = 16, TASKS_LEAST = 4 /* for each thread, so that none waits long */ };
    struct stretch stretch = {task, context, 0};
    int64_t count = larger(divide_up(tasks, STRETCHES), TASKS_LEAST * (int64_t)pool_threads(pool));
    limn_status status = LIMN_OK;
    if (!watch || !watch->user.progress)
        count = tasks;
    for (; status == LIMN_OK && stretch.first < tasks; stretch.first += count) {
        status = watch_show(watch, (double)stretch.first / (double)tasks, error);
        if (status == LIMN_OK)
            pool_run(pool, smaller(count, tasks - stretch.first), run_task, &stretch);
    }
    return status;
}
