/* step.h - running one step of a plan, whole or a band of it. */
#ifndef LIMN_STEP_H
#define LIMN_STEP_H

#include "engine/run/plan.h"

/* Bytes from one worker's scratch to the next: each begins on a cache line of its own. */
size_t workspace_stride(size_t workspace_bytes);

/* Runs both stages of `step` as its arguments and needs say. Each worker of the pool uses its own part of
 * step->workspace. */
void step_run(const struct step *step, struct pool *pool);

/* When a task ran, by time_now, and on which thread of the pool. */
struct task_time {
    double start, end;
    int worker;
};

/* Tasks of both stages. */
int64_t step_tasks(const struct step *step);

/* step_run, noting the time of each task: step_tasks of them, those of the first stage first. */
void step_run_timed(const struct step *step, struct pool *pool, struct task_time *times);

#endif
