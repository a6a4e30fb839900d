/* plan.c - see plan.h. Four passes: shapes, kernels, lifetimes, placement. */
#include "plan.h"
#include "memory.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- shapes ------------------------------------------------------------------------------ */

/* PyTorch's formula; 0 or less when the window does not fit. */
static int64_t window_outputs(int64_t in, int64_t kernel, int64_t stride, int64_t pad, int64_t dilation)
{
    int64_t room = in + 2 * pad - dilation * (kernel - 1) - 1;
    return room < 0 ? 0 : room / stride + 1;
}

static void infer_node(const struct graph *graph, const struct node *node, struct layer_dims *all,
                       limn_size size, struct layer_dims *d)
{
    *d = node->window;
    d->oc = node->channels;
    if (node->is_input) {
        d->n = size.batch, d->oh = size.height, d->ow = size.width;
        return;
    }
    const struct layer_dims *x = &all[graph_maker(graph, node->x)];
    d->n = x->n, d->ih = d->oh = x->oh, d->iw = d->ow = x->ow, d->ic = x->oc;
    switch (node->kind) {
    case LAYER_CONV2D:
        d->oh = window_outputs(d->ih, d->kh, d->stride_h, d->pad_h, d->dilation_h);
        d->ow = window_outputs(d->iw, d->kw, d->stride_w, d->pad_w, d->dilation_w);
        break;
    case LAYER_UPSAMPLE:
    case LAYER_BICUBIC:
        d->oh *= node->factor, d->ow *= node->factor;
        break;
    case LAYER_POINTWISE:
    case LAYER_COUNT:
        break;
    }
}

static bool same_size(const struct layer_dims *a, const struct layer_dims *b)
{
    return a->n == b->n && a->oh == b->oh && a->ow == b->ow && a->oc == b->oc;
}

static limn_status infer_shapes(const struct graph *graph, limn_size size, const char *where,
                                struct plan *plan, limn_error *error)
{
    /* Sides are kept far below 2^31, so that no sum or product of two of them overflows 64 bits. */
    const int64_t most = INT32_MAX / 64;
    if (size.batch < 1 || size.height < 1 || size.width < 1 || size.batch > most || size.height > most ||
        size.width > most)
        return fail(error, LIMN_E_INPUT,
                    "%s: a batch of %" PRId64 " at %" PRId64 "x%" PRId64 " is not possible", where,
                    size.batch, size.height, size.width);
    for (int i = 0; i < graph->count; i++) {
        const struct node *node = &graph->nodes[i];
        struct layer_dims *d = &plan->dims[i];
        if (node->fused_into != NO_VALUE)
            continue;
        infer_node(graph, node, plan->dims, size, d);
        if (!tensor_bytes(d->n, d->oh, d->ow, d->oc, &plan->placements[i].bytes))
            return fail(error, LIMN_E_INPUT, "%s: %s cannot be computed at %" PRId64 "x%" PRId64, where,
                        node->name, size.height, size.width);
        value residual = graph_maker(graph, node->residual);
        if (residual != NO_VALUE && !same_size(d, &plan->dims[residual]))
            return fail(error, LIMN_E_INPUT, "%s: %s adds %" PRId64 "x%" PRId64 " to %" PRId64 "x%" PRId64,
                        where, node->name, plan->dims[residual].oh, plan->dims[residual].ow, d->oh, d->ow);
    }
    return LIMN_OK;
}

/* ---- kernels ----------------------------------------------------------------------------- */

/* Variants stand in the order of their speed, the reference first. */
static const struct layer_variant *choose_variant(const struct layer_operator *operator, limn_kernels kernels,
                                                  const struct layer_dims *d)
{
    const struct layer_variant *best = operator->variants[0];
    for (const struct layer_variant *const *v = operator->variants; *v; v++) {
        bool allowed = kernels != LIMN_KERNELS_REFERENCE || (*v)->family == FAMILY_REFERENCE;
        if (allowed && (*v)->applies(d))
            best = *v;
    }
    return best;
}

static void make_steps(const struct graph *graph, limn_kernels kernels, struct plan *plan)
{
    for (int i = 0; i < graph->count; i++) {
        const struct node *node = &graph->nodes[i];
        if (node->is_input || node->fused_into != NO_VALUE)
            continue;
        const struct layer_dims *d = &plan->dims[i];
        struct step *step = &plan->steps[plan->step_count++];
        *step = (struct step){.node = i, .operator= & layer_operators[node->kind] };
        step->variant = choose_variant(step->operator, kernels, d);
        step->tasks = step->variant->tasks(d);
        step->args.d = *d;
        step->args.epilogue = (struct epilogue){
            .bias = node->bias, .activation = node->activation, .scale = node->scale, .shift = node->shift};
        size_t workspace = step->variant->workspace_bytes ? step->variant->workspace_bytes(d) : 0;
        if (workspace > plan->workspace_bytes)
            plan->workspace_bytes = workspace;
    }
}

/* ---- lifetimes and placement ------------------------------------------------------------- */

/* Inputs stay for all steps, so that a session can run again on what it was given. */
static void find_lifetimes(const struct graph *graph, struct plan *plan)
{
    int end = plan->step_count;
    for (int i = 0; i < graph->count; i++)
        if (graph->nodes[i].is_input)
            plan->placements[i].last = end;
    for (int s = 0; s < plan->step_count; s++) {
        const struct node *node = &graph->nodes[plan->steps[s].node];
        value reads[2] = {graph_maker(graph, node->x), graph_maker(graph, node->residual)};
        plan->placements[plan->steps[s].node].first = s;
        plan->placements[plan->steps[s].node].last = s;
        for (int r = 0; r < 2; r++)
            if (reads[r] != NO_VALUE && plan->placements[reads[r]].last < s)
                plan->placements[reads[r]].last = s;
    }
    plan->placements[graph_maker(graph, graph->output)].last = end;
}

static int larger_first(const void *left, const void *right)
{
    const struct placement *a = *(struct placement *const *)left, *b = *(struct placement *const *)right;
    if (a->bytes != b->bytes)
        return a->bytes > b->bytes ? -1 : 1;
    return a < b ? -1 : a > b; /* a fixed order, so that plans repeat */
}

/* The first `placed` entries of `order` have their offsets. Moves up past each one that stands in the way
 * until none does; at most `placed` moves, because each goes beyond the end of another block. */
static size_t lowest_offset(struct placement *const *order, int placed, const struct placement *block)
{
    size_t offset = 0;
    for (bool moved = true; moved;) {
        moved = false;
        for (int i = 0; i < placed; i++) {
            const struct placement *other = order[i];
            bool together = other->first <= block->last && block->first <= other->last;
            if (together && offset < other->offset + other->bytes && other->offset < offset + block->bytes) {
                offset = other->offset + other->bytes;
                moved = true;
            }
        }
    }
    return offset;
}

/* Greedy by size (Pisarchyk and Lee, "Efficient Memory Management for Deep Neural Net Inference", 2020): the
 * largest first, each at the lowest offset where it meets nothing that lives at the same time. */
static limn_status place_values(const struct graph *graph, struct plan *plan, limn_error *error)
{
    enum { ALIGN = 64 };
    struct placement **order = mem_zalloc((size_t)graph->count, sizeof(struct placement *));
    if (!order)
        return fail_memory(error, "the plan", (size_t)graph->count * sizeof *order);
    int count = 0;
    for (int i = 0; i < graph->count; i++)
        if (plan->placements[i].bytes) {
            plan->placements[i].bytes = (plan->placements[i].bytes + ALIGN - 1) / ALIGN * ALIGN;
            order[count++] = &plan->placements[i];
        }
    qsort(order, (size_t)count, sizeof(struct placement *), larger_first);
    for (int i = 0; i < count; i++) {
        order[i]->offset = lowest_offset(order, i, order[i]);
        size_t end = order[i]->offset + order[i]->bytes;
        plan->arena_bytes = end > plan->arena_bytes ? end : plan->arena_bytes;
    }
    mem_free(order);
    return LIMN_OK;
}

/* ---- whole ------------------------------------------------------------------------------- */

limn_status plan_create(const struct graph *graph, limn_kernels kernels, limn_size size, const char *where,
                        struct plan *plan, limn_error *error)
{
    *plan = (struct plan){0};
    size_t count = (size_t)graph->count;
    plan->steps = mem_zalloc(count, sizeof *plan->steps);
    plan->dims = mem_zalloc(count, sizeof *plan->dims);
    plan->placements = mem_zalloc(count, sizeof *plan->placements);
    plan->values = mem_zalloc(count, sizeof *plan->values);
    limn_status status = LIMN_OK;
    if (!plan->steps || !plan->dims || !plan->placements || !plan->values)
        status = fail_memory(error, where, count * sizeof *plan->steps);
    if (status == LIMN_OK)
        status = infer_shapes(graph, size, where, plan, error);
    if (status == LIMN_OK) {
        make_steps(graph, kernels, plan);
        find_lifetimes(graph, plan);
        status = place_values(graph, plan, error);
    }
    if (status != LIMN_OK)
        plan_free(plan);
    return status;
}

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
        const struct layer_dims *d = &plan->dims[i];
        float *data = arena + plan->placements[i].offset / sizeof *arena;
        plan->values[i] = tensor_view(data, d->n, d->oh, d->ow, d->oc, d->oc);
    }
    for (int s = 0; s < plan->step_count; s++) {
        struct step *step = &plan->steps[s];
        const struct node *node = &graph->nodes[step->node];
        const struct tensor *x = &plan->values[graph_maker(graph, node->x)], *y = &plan->values[step->node];
        step->args.x = x->data;
        step->args.x_stride = x->stride;
        step->args.y = y->data;
        step->args.y_stride = y->stride;
        value residual = graph_maker(graph, node->residual);
        if (residual != NO_VALUE) {
            step->args.epilogue.residual = plan->values[residual].data;
            step->args.epilogue.residual_stride = plan->values[residual].stride;
        }
    }
}

size_t step_bytes(const struct step *step)
{
    const struct layer_dims *d = &step->args.d;
    int64_t outputs = d->n * d->oh * d->ow * d->oc;
    int64_t floats = d->n * d->ih * d->iw * d->ic + outputs + (step->args.epilogue.residual ? outputs : 0);
    return (size_t)floats * sizeof(float) +
           (step->variant->packed_bytes ? step->variant->packed_bytes(d) : 0);
}

double step_flops(const struct step *step)
{
    return step->operator->flops(&step->args.d);
}
