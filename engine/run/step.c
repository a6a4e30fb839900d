/* step.c - see step.h. */
#include "engine/run/step.h"
#include "engine/base/system.h"
#include "layers/sizes.h"

/* ---- the choice of a variant ------------------------------------------------------------- */

enum layer_kind step_kind(const struct step *step)
{
    return (enum layer_kind)(step->op - layer_operators);
}

void step_choose(struct step *step, const struct layer_variant *variant, enum choice choice)
{
    step->variant = variant;
    step->choice = choice;
    step->needs = variant->needs(&step->args.d);
}

static bool family_allowed(enum layer_family family, limn_kernels kernels)
{
    switch (kernels) {
    case LIMN_KERNELS_REFERENCE:
        return family == FAMILY_REFERENCE;
    case LIMN_KERNELS_OPENBLAS:
        return family != FAMILY_NATIVE;
    case LIMN_KERNELS_NATIVE: /* native variants come after OpenBLAS's, which fill the gaps */
    case LIMN_KERNELS_AUTO:
    default:
        return true;
    }
}

static bool precision_allowed(enum layer_precision precision, enum layer_precision requested)
{
    return precision == PRECISION_FP32 || precision == requested;
}

bool rule_allows(struct kernel_rule rule, const struct layer_variant *variant)
{
    return family_allowed(variant->family, rule.family) &&
           precision_allowed(variant->precision, rule.precision);
}

/* Variants are listed in the order of their speed, the reference first. */
void step_choose_fastest(struct step *step, struct kernel_rule rule)
{
    const struct layer_variant *const *v = step->op->variants, *best = v[0], *fastest = v[0];
    while (*++v) {
        if (!(*v)->applies(&step->args.d) || !precision_allowed((*v)->precision, rule.precision))
            continue;
        fastest = *v;
        if (rule_allows(rule, *v))
            best = *v;
    }
    step_choose(step, best, best == fastest ? CHOICE_FASTEST : CHOICE_FAMILY);
}

const char *choice_name(enum choice choice)
{
    static const char *const names[] = {"fastest", "family", "weights", "memory"};
    return names[choice];
}

size_t step_bytes(const struct step *step)
{
    const struct layer_dims *d = &step->args.d;
    int64_t outputs = d->n * d->oh * d->ow * d->oc;
    int64_t floats = d->n * d->ih * d->iw * d->ic + outputs + (step->args.epilogue.residual ? outputs : 0);
    return size_sum(float_bytes(floats), step->needs.packed_bytes);
}

double step_flops(const struct graph *graph, const struct step *step)
{
    return node_flops(&graph->nodes[step->node], &step->args.d);
}

/* ---- running ----------------------------------------------------------------------------- */

size_t workspace_stride(size_t workspace_bytes)
{
    return whole_lines(workspace_bytes);
}

struct stage {
    const struct step *step;
    void (*run)(const struct layer_args *args, int64_t task, void *workspace);
    struct task_time *times; /* per task, or NULL */
};

static void run_task(void *context, int64_t task, int worker)
{
    const struct stage *stage = context;
    const struct step *step = stage->step;
    size_t offset = (size_t)worker * workspace_stride(step->needs.workspace_bytes);
    double start = stage->times ? system_seconds() : 0;
    stage->run(&step->args, task, (unsigned char *)step->workspace + offset);
    if (stage->times)
        stage->times[task] = (struct task_time){start, system_seconds(), worker};
}

int64_t step_tasks(const struct step *step)
{
    return step->needs.prepare_tasks + step->needs.run_tasks;
}

void step_run(const struct step *step, struct pool *pool, struct task_time *times)
{
    int64_t first = step->needs.prepare_tasks;
    struct stage prepare = {step, step->variant->prepare_task, times};
    struct stage run = {step, step->variant->run_task, times ? times + first : NULL};
    if (first)
        pool_run(pool, first, run_task, &prepare);
    pool_run(pool, step->needs.run_tasks, run_task, &run);
}
