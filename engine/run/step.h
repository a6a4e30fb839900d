/* step.h - one step of a plan: one kernel, its arguments, and running it, on the whole picture or on a band.
 */
#ifndef LIMN_STEP_H
#define LIMN_STEP_H

#include "engine/base/threads.h"
#include "engine/graph/graph.h"

/* Which variants a plan may use: see operators.h. All zero: all families, fp32. */
struct kernel_rule {
    limn_kernels family;
    enum layer_precision precision;
};

bool rule_allows(struct kernel_rule rule, const struct layer_variant *variant);

/* Why a step runs with its variant. */
enum choice {
    CHOICE_FASTEST,
    CHOICE_FAMILY,  /* a faster one of the same precision belongs to a family that was not requested */
    CHOICE_WEIGHTS, /* a faster one exceeds the budget of packed weights */
    CHOICE_MEMORY,  /* a faster one exceeds the memory limit */
};

struct step {
    int node;             /* the operation: its weights and its epilogue */
    value_id x, residual; /* the values it reads; residual: added to the result, or NO_VALUE */
    value_id y;           /* the value it writes */
    int64_t into;         /* first channel of y that it writes: 0 except for copies into a concat */
    const struct layer_operator *op;
    const struct layer_variant *variant;
    enum choice choice;
    struct layer_args args;
    struct layer_needs needs;
    size_t shared_offset, workspace_offset; /* in the arena, during this step only */
    void *workspace;                        /* for all workers; set by plan_bind */
};

/* Which operator a step runs: the index of `op` in layer_operators. */
enum layer_kind step_kind(const struct step *step);

/* Sets the variant of a step, and what that variant needs. */
void step_choose(struct step *step, const struct layer_variant *variant, enum choice choice);

/* Chooses the fastest variant that the rule allows. */
void step_choose_fastest(struct step *step, struct kernel_rule rule);

/* "fastest", "family", "weights", "memory" */
const char *choice_name(enum choice choice);

/* Bytes a step must at least move: inputs, packed weights and output, once each. */
size_t step_bytes(const struct step *step);

/* Operations of a step, see node_flops; 0 for a copy into a concat. */
double step_flops(const struct graph *graph, const struct step *step);

/* ---- running ----------------------------------------------------------------------------- */

/* Bytes from one worker's scratch to the next: each begins on its own cache line. */
size_t workspace_stride(size_t workspace_bytes);

/* When a task ran, by system_seconds, and on which thread of the pool. */
struct task_time {
    double start, end;
    int worker;
};

/* Number of tasks of both stages. */
int64_t step_tasks(const struct step *step);

/* Runs both stages of `step` as its arguments and needs say. Each worker of the pool uses its own part of
 * step->workspace. `times`: step_tasks elements that receive the time of each task, the first stage first; or
 * NULL. */
void step_run(const struct step *step, struct pool *pool, struct task_time *times);

#endif
