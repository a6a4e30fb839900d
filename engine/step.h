/* step.h - running one step of a plan, whole or a band of it. */
#ifndef LIMN_STEP_H
#define LIMN_STEP_H

#include "plan.h"

/* Bytes from one worker's scratch to the next: each begins on a cache line of its own. */
size_t workspace_stride(size_t workspace_bytes);

/* Runs both stages of `step` as its arguments and needs say. Each worker of the pool uses its own part of
 * step->workspace. */
void step_run(const struct step *step, struct pool *pool);

#endif
