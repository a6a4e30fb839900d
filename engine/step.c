/* step.c - see step.h. */
#include "step.h"

size_t workspace_stride(size_t workspace_bytes)
{
    return (workspace_bytes + 63) / 64 * 64;
}

static void *workspace_of(const struct step *step, int worker)
{
    return (unsigned char *)step->workspace + (size_t)worker * workspace_stride(step->needs.workspace_bytes);
}

static void prepare_task(void *context, int64_t task, int worker)
{
    const struct step *step = context;
    step->variant->prepare_task(&step->args, task, workspace_of(step, worker));
}

static void run_task(void *context, int64_t task, int worker)
{
    const struct step *step = context;
    step->variant->run_task(&step->args, task, workspace_of(step, worker));
}

void step_run(const struct step *step, struct pool *pool)
{
    struct step own = *step;
    if (step->needs.prepare_tasks)
        pool_run(pool, step->needs.prepare_tasks, prepare_task, &own);
    pool_run(pool, step->needs.run_tasks, run_task, &own);
}
