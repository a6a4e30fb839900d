/* step.c - see step.h. */
#include "step.h"

size_t workspace_stride(size_t workspace_bytes)
{
    return (workspace_bytes + 63) / 64 * 64;
}

struct step_run {
    const struct step *step;
    unsigned char *workspace;
    size_t stride;
};

static void prepare_task(void *context, int64_t task, int worker)
{
    const struct step_run *run = context;
    run->step->variant->prepare_task(&run->step->args, task, run->workspace + (size_t)worker * run->stride);
}

static void run_task(void *context, int64_t task, int worker)
{
    const struct step_run *run = context;
    run->step->variant->run_task(&run->step->args, task, run->workspace + (size_t)worker * run->stride);
}

void step_run(const struct step *step, struct pool *pool, unsigned char *workspace, size_t stride)
{
    struct step_run run = {step, workspace, stride};
    if (step->shared_bytes)
        pool_run(pool, step->variant->prepare_tasks(&step->args.d), prepare_task, &run);
    pool_run(pool, step->tasks, run_task, &run);
}
