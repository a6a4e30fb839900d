/* plan.c - reading, binding and freeing a plan: see plan.h. */
#include "engine/run/plan.h"
#include "engine/base/memory.h"
#include "layers/sizes.h"

void plan_free(struct plan *plan)
{
    mem_free(plan->steps);
    mem_free(plan->dims);
    mem_free(plan->placements);
    mem_free(plan->values);
    *plan = (struct plan){0};
}

void plan_bind(struct plan *plan, const struct graph *graph, float *arena)
{
    for (int i = 0; i < graph->count; i++) {
        int64_t channel;
        value_id host = plan_host(plan, i, &channel);
        const struct layer_dims *d = &plan->dims[i];
        float *data = arena + plan->placements[host].offset / sizeof *arena + channel;
        plan->values[i] = tensor_view(data, d->n, d->oh, d->ow, d->oc, plan->dims[host].oc);
    }
    for (int s = 0; s < plan->step_count; s++) {
        struct step *step = &plan->steps[s];
        const struct tensor *x = &plan->values[step->x], *y = &plan->values[step->y];
        step->args.x = x->data;
        step->args.x_stride = x->stride;
        step->args.y = y->data + step->into;
        step->args.y_stride = y->stride;
        step->args.shared = step->needs.shared_bytes ? arena + step->shared_offset / sizeof *arena : NULL;
        step->workspace = arena + step->workspace_offset / sizeof *arena;
        if (step->residual != NO_VALUE) {
            step->args.epilogue.residual = plan->values[step->residual].data;
            step->args.epilogue.residual_stride = plan->values[step->residual].stride;
        }
    }
}

value_id plan_host(const struct plan *plan, value_id x, int64_t *channel)
{
    *channel = 0;
    while (plan->placements[x].host != NO_VALUE) {
        *channel += plan->placements[x].channel;
        x = plan->placements[x].host;
    }
    return x;
}

double plan_flops(const struct graph *graph, const struct plan *plan)
{
    double sum = 0;
    for (int s = 0; s < plan->step_count; s++)
        sum += step_flops(graph, &plan->steps[s]);
    return sum;
}

size_t plan_live_bytes(const struct plan *plan, const struct graph *graph, int s)
{
    size_t bytes = 0;
    for (int i = 0; i < graph->count; i++)
        if (plan->placements[i].first <= s && s <= plan->placements[i].last)
            bytes = size_sum(bytes, plan->placements[i].bytes);
    return bytes;
}

size_t plan_scratch_bytes(const struct plan *plan, const struct step *step)
{
    return size_sum(step->needs.shared_bytes,
                    size_product(plan->threads, workspace_stride(step->needs.workspace_bytes)));
}

size_t plan_height(const struct plan *plan, const struct graph *graph)
{
    size_t highest = 0;
    for (int s = 0; s < plan->step_count; s++) {
        size_t height = size_sum(plan_live_bytes(plan, graph, s), plan_scratch_bytes(plan, &plan->steps[s]));
        highest = height > highest ? height : highest;
    }
    return highest;
}
