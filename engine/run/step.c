/* step.c - see step.h. */
#include "engine/run/step.h"
#include "layers/sizes.h"

size_t workspace_stride(size_t workspace_bytes)
{
    return whole_lines(workspace_bytes);
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

/* ---- with times -------------------------------------------------------------------------- */

struct timed_job {
    struct step step;
    pool_task task;
    struct task_time *times;
};

static void timed_task(void *context, int64_t task, int worker)
{
    struct timed_job *job = context;
    double start = time_now();
    job->task(&job->step, task, worker);
    job->times[task] = (struct task_time){start, time_now(), worker};
}

int64_t step_tasks(const struct step *step)
{
    return step->needs.prepare_tasks + step->needs.run_tasks;
}

void step_run_timed(const struct step *step, struct pool *pool, struct task_time *times)
{
    int64_t before = step->needs.prepare_tasks;
    struct timed_job prepare = {*step, prepare_task, times}, run = {*step, run_task, times + before};
    if (before)
        pool_run(pool, before, timed_task, &prepare);
    pool_run(pool, step->needs.run_tasks, timed_task, &run);
}
