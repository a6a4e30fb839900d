/* plan_create.c - makes a plan: see plan.h. Shapes come from plan_shapes.c; then values inside others, steps,
 * and lifetimes, here; then placement in the arena, from plan_place.c. */
#include "engine/base/memory.h"
#include "engine/run/plan.h"

/* ---- values inside others ---------------------------------------------------------------- */

static void live_in(struct plan *plan, value_id x, value_id host, int64_t channel)
{
    plan->placements[x].host = host;
    plan->placements[x].channel = channel;
    plan->placements[x].bytes = 0;
}

/* A pad that adds nothing shares the memory of its input. Inputs of the graph keep their own, which the
 * caller fills. */
static void skip_empty_pads(const struct graph *graph, struct plan *plan)
{
    for (int i = 0; i < graph->count; i++) {
        const struct node *node = &graph->nodes[i];
        const struct layer_dims *d = &plan->dims[i];
        if (node->role != NODE_LAYER || node->kind != LAYER_PAD || d->ih != d->oh || d->iw != d->ow)
            continue;
        value_id x = graph_maker(graph, node->x);
        if (graph->nodes[x].role == NODE_LAYER && plan->placements[x].host == NO_VALUE)
            live_in(plan, x, i, 0);
    }
}

/* Whether the step that makes `x` may write it straight into a concat. It may not if the caller fills x, if x
 * already lies in another value, or if x is to stay apart. */
static bool can_move(const struct graph *graph, const struct plan *plan, value_id x)
{
    const struct placement *placement = &plan->placements[x];
    return graph->nodes[x].role != NODE_INPUT && placement->host == NO_VALUE && !placement->apart;
}

static void place_concats(const struct graph *graph, struct plan *plan)
{
    for (int i = 0; i < graph->count; i++) {
        const struct node *node = &graph->nodes[i];
        int64_t channel = 0;
        for (int part = 0; part < node->part_count; part++) {
            value_id x = graph_maker(graph, node->parts[part]);
            if (can_move(graph, plan, x))
                live_in(plan, x, i, channel);
            channel += plan->dims[x].oc;
        }
    }
}

/* ---- steps ------------------------------------------------------------------------------- */

static void add_step(struct plan *plan, struct step step)
{
    step_choose_fastest(&step, plan->rule);
    plan->steps[plan->step_count++] = step;
}

/* Parts of a concat that could not be written in place are copied. */
static void add_copies(const struct graph *graph, int index, struct plan *plan)
{
    const struct node *node = &graph->nodes[index];
    int64_t channel = 0;
    for (int part = 0; part < node->part_count; part++) {
        value_id x = graph_maker(graph, node->parts[part]);
        const struct placement *placement = &plan->placements[x];
        int64_t channels = plan->dims[x].oc;
        if (placement->host != index || placement->channel != channel) {
            struct step step = {.node = index, .x = x, .residual = NO_VALUE, .y = index, .into = channel};
            step.op = &layer_operators[LAYER_POINTWISE];
            step.args.d = plan->dims[index];
            step.args.d.ih = step.args.d.oh, step.args.d.iw = step.args.d.ow;
            step.args.d.ic = step.args.d.oc = channels;
            add_step(plan, step);
        }
        channel += channels;
    }
}

static void make_steps(const struct graph *graph, struct plan *plan)
{
    for (int i = 0; i < graph->count; i++) {
        const struct node *node = &graph->nodes[i];
        value_id x = graph_maker(graph, node->x);
        if (!node_runs(node))
            continue;
        if (node->role == NODE_CONCAT) {
            add_copies(graph, i, plan);
        } else if (plan->placements[x].host != i) { /* else an empty pad */
            struct step step = {.node = i, .x = x, .residual = graph_maker(graph, node->residual), .y = i};
            step.op = &layer_operators[node->kind];
            step.args.d = plan->dims[i];
            step.args.epilogue = (struct epilogue){.bias = node->bias,
                                                   .activation = node->activation,
                                                   .slope = node->slope,
                                                   .scale = node->scale,
                                                   .shift = node->shift};
            add_step(plan, step);
        }
    }
}

/* ---- lifetimes --------------------------------------------------------------------------- */

static void touch(struct plan *plan, value_id x, int step)
{
    int64_t channel;
    struct placement *placement = &plan->placements[plan_host(plan, x, &channel)];
    placement->first = step < placement->first ? step : placement->first;
    placement->last = step > placement->last ? step : placement->last;
}

/* Inputs live during all steps, so that a session can run again on the same input. */
static void find_lifetimes(const struct graph *graph, struct plan *plan)
{
    int end = plan->step_count;
    for (int i = 0; i < graph->count; i++) {
        plan->placements[i].first = graph->nodes[i].role == NODE_INPUT ? 0 : end;
        plan->placements[i].last = graph->nodes[i].role == NODE_INPUT ? end : 0;
    }
    for (int s = 0; s < end; s++) {
        const struct step *step = &plan->steps[s];
        touch(plan, step->x, s);
        touch(plan, step->y, s);
        if (step->residual != NO_VALUE)
            touch(plan, step->residual, s);
    }
    touch(plan, graph_maker(graph, graph->output), end);
}

/* ---- parts that stay apart --------------------------------------------------------------- *
 *
 * A part of a concat that is written in place keeps the memory of the whole concat alive from then on.
 * U-Net's skip connections are made long before the other half: there the memory of both counts where the
 * arena is highest. A part gets memory of its own, and is copied at the end, if that lowers the arena by at
 * least the bytes that are copied. The smallest parts are tried first, as they cost least. */

static size_t value_bytes(const struct plan *plan, value_id x)
{
    size_t bytes = 0;
    const struct layer_dims *d = &plan->dims[x];
    tensor_bytes(d->n, d->oh, d->ow, d->oc, &bytes); /* plan_infer_shapes has checked it */
    return bytes;
}

/* All passes between shapes and placement. */
static void lay_out(const struct graph *graph, struct plan *plan)
{
    for (int i = 0; i < graph->count; i++)
        plan->placements[i] = (struct placement){
            .host = NO_VALUE, .apart = plan->placements[i].apart, .bytes = value_bytes(plan, i)};
    plan->step_count = 0;
    skip_empty_pads(graph, plan);
    place_concats(graph, plan);
    make_steps(graph, plan);
    plan_limit_weights(plan, graph);
    find_lifetimes(graph, plan);
}

/* The part in its concat that follows `before` by its bytes, then by its number; NO_VALUE after the last. */
static value_id next_part(const struct graph *graph, const struct plan *plan, value_id before)
{
    value_id next = NO_VALUE;
    size_t least = before == NO_VALUE ? 0 : value_bytes(plan, before);
    for (value_id x = 0; x < graph->count; x++) {
        value_id host = plan->placements[x].host;
        size_t bytes = value_bytes(plan, x);
        bool follows = bytes > least || (bytes == least && x > before);
        if (host != NO_VALUE && graph->nodes[host].role == NODE_CONCAT && follows &&
            (next == NO_VALUE || bytes < value_bytes(plan, next)))
            next = x;
    }
    return next;
}

static void keep_parts_apart(const struct graph *graph, struct plan *plan)
{
    value_id x = NO_VALUE;
    while ((x = next_part(graph, plan, x)) != NO_VALUE) {
        size_t before = plan_height(plan, graph);
        plan->placements[x].apart = true;
        lay_out(graph, plan);
        if (before >= plan_height(plan, graph) + value_bytes(plan, x))
            continue;
        plan->placements[x].apart = false;
        lay_out(graph, plan);
    }
}

/* ---- whole ------------------------------------------------------------------------------- */

limn_status plan_create(const struct graph *graph, struct kernel_rule rule, limn_size size, const char *where,
                        struct plan *plan, limn_error *error)
{
    *plan = (struct plan){.rule = rule, .threads = 1, .pack_threads = 1};
    size_t count = (size_t)graph->count, copies = 0;
    for (int i = 0; i < graph->count; i++)
        copies += (size_t)graph->nodes[i].part_count;
    plan->steps = mem_zalloc(count + copies, sizeof *plan->steps);
    plan->dims = mem_zalloc(count, sizeof *plan->dims);
    plan->placements = mem_zalloc(count, sizeof *plan->placements);
    plan->values = mem_zalloc(count, sizeof *plan->values);
    limn_status status = LIMN_OK;
    if (!plan->steps || !plan->dims || !plan->placements || !plan->values)
        status = fail_memory(error, where, count * sizeof *plan->steps);
    if (status == LIMN_OK)
        status = plan_infer_shapes(graph, size, where, plan, error);
    if (status == LIMN_OK) {
        lay_out(graph, plan);
        keep_parts_apart(graph, plan);
        status = plan_place(graph, plan, error);
    }
    if (status != LIMN_OK)
        plan_free(plan);
    return status;
}
