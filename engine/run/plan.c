/* plan.c - see plan.h. Five passes: shapes, values inside others, steps, lifetimes, and placement, which is
 * in plan_place.c. */
#include "engine/run/plan.h"
#include "engine/base/memory.h"

#include <inttypes.h>

/* ---- shapes ------------------------------------------------------------------------------ */

/* PyTorch's formula; 0 or less when the window does not fit. */
static int64_t window_outputs(int64_t in, int64_t kernel, int64_t stride, int64_t pad, int64_t dilation)
{
    int64_t room = in + 2 * pad - dilation * (kernel - 1) - 1;
    return room < 0 ? 0 : room / stride + 1;
}

void plan_infer_output(enum layer_kind kind, struct layer_dims *d)
{
    d->oh = d->ih, d->ow = d->iw;
    if (kind == LAYER_CONV2D || kind == LAYER_MAX_POOL) {
        d->oh = window_outputs(d->ih, d->kh, d->stride_h, d->pad_h, d->dilation_h);
        d->ow = window_outputs(d->iw, d->kw, d->stride_w, d->pad_w, d->dilation_w);
    } else if (kind == LAYER_CONV2D_TRANSPOSE) {
        d->oh = (d->ih - 1) * d->stride_h - 2 * d->pad_h + d->kh;
        d->ow = (d->iw - 1) * d->stride_w - 2 * d->pad_w + d->kw;
    } else if (kind == LAYER_AVERAGE_POOL) {
        d->oh = d->ow = 1;
    }
}

/* The height and width of an enlargement, by its factor or like another value. */
static void infer_resize(const struct graph *graph, const struct node *node, const struct layer_dims *all,
                         struct layer_dims *d)
{
    const struct layer_dims *like = node->like == NO_VALUE ? NULL : &all[graph_maker(graph, node->like)];
    d->oh = like ? like->oh : d->ih * node->factor;
    d->ow = like ? like->ow : d->iw * node->factor;
}

static void infer_layer(const struct graph *graph, const struct node *node, const struct layer_dims *all,
                        struct layer_dims *d)
{
    const struct layer_dims *x = &all[graph_maker(graph, node->x)];
    d->n = x->n, d->ih = x->oh, d->iw = x->ow, d->ic = x->oc;
    plan_infer_output(node->kind, d);
    if (node->factor || node->like != NO_VALUE)
        infer_resize(graph, node, all, d);
    if (node->kind == LAYER_PAD) {
        d->pad_h = (d->oh - d->ih) / 2;
        d->pad_w = (d->ow - d->iw) / 2;
    }
}

static void infer_node(const struct graph *graph, const struct node *node, const struct layer_dims *all,
                       limn_size size, struct layer_dims *d)
{
    *d = node->window;
    d->oc = node->channels;
    if (node->role == NODE_INPUT) {
        d->n = size.batch;
        d->oh = node->side ? node->side : size.height;
        d->ow = node->side ? node->side : size.width;
    } else if (node->role == NODE_CONCAT) {
        const struct layer_dims *first = &all[graph_maker(graph, node->parts[0])];
        d->n = first->n, d->oh = first->oh, d->ow = first->ow;
    } else {
        infer_layer(graph, node, all, d);
    }
}

/* Whether `x`, which a node adds or concatenates, has the node's batch, height and width. */
static bool same_size(const struct graph *graph, const struct plan *plan, value_id x,
                      const struct layer_dims *d)
{
    const struct layer_dims *other = &plan->dims[graph_maker(graph, x)];
    return other->n == d->n && other->oh == d->oh && other->ow == d->ow;
}

static limn_status check_sides(const struct graph *graph, limn_size size, const char *where,
                               limn_error *error)
{
    /* Sides are kept far below 2^31, so that no sum or product of two of them overflows 64 bits. */
    const int64_t most = INT32_MAX / 64;
    bool fixed = true;
    for (int i = 0; i < graph->count; i++)
        fixed = fixed && (graph->nodes[i].role != NODE_INPUT || graph->nodes[i].side);
    if (size.batch < 1 || size.height < 1 || size.width < 1 || size.batch > most || size.height > most ||
        size.width > most)
        return fail(error, LIMN_E_INPUT,
                    "%s: a batch of %" PRId64 " at %" PRId64 "x%" PRId64 " is not possible", where,
                    size.batch, size.height, size.width);
    if (!fixed && (size.height < graph->side_least || size.width < graph->side_least))
        return fail(error, LIMN_E_INPUT,
                    "%s: height x width is %" PRId64 "x%" PRId64 ", at least %" PRId64 " each expected",
                    where, size.height, size.width, graph->side_least);
    if (!fixed && (size.height % graph->side_multiple || size.width % graph->side_multiple))
        return fail(error, LIMN_E_INPUT,
                    "%s: height x width is %" PRId64 "x%" PRId64 ", multiples of %" PRId64 " expected", where,
                    size.height, size.width, graph->side_multiple);
    return LIMN_OK;
}

static limn_status infer_shapes(const struct graph *graph, limn_size size, const char *where,
                                struct plan *plan, limn_error *error)
{
    limn_status status = check_sides(graph, size, where, error);
    for (int i = 0; status == LIMN_OK && i < graph->count; i++) {
        const struct node *node = &graph->nodes[i];
        struct layer_dims *d = &plan->dims[i];
        if (node->fused_into != NO_VALUE)
            continue;
        infer_node(graph, node, plan->dims, size, d);
        if (!tensor_bytes(d->n, d->oh, d->ow, d->oc, &plan->placements[i].bytes))
            return fail(error, LIMN_E_INPUT, "%s: %s cannot be computed at %" PRId64 "x%" PRId64, where,
                        node->name, size.height, size.width);
        bool agree = node->residual == NO_VALUE || same_size(graph, plan, node->residual, d);
        for (int part = 0; part < node->part_count; part++)
            agree = agree && same_size(graph, plan, node->parts[part], d);
        if (!agree)
            return fail(error, LIMN_E_INPUT,
                        "%s: at %" PRId64 "x%" PRId64 " the sizes that meet in %s differ", where, size.height,
                        size.width, node->name);
    }
    return status;
}

/* ---- values inside others ---------------------------------------------------------------- */

value_id plan_host(const struct plan *plan, value_id x, int64_t *channel)
{
    *channel = 0;
    while (plan->placements[x].host != NO_VALUE) {
        *channel += plan->placements[x].channel;
        x = plan->placements[x].host;
    }
    return x;
}

static void live_in(struct plan *plan, value_id x, value_id host, int64_t channel)
{
    plan->placements[x].host = host;
    plan->placements[x].channel = channel;
    plan->placements[x].bytes = 0;
}

/* A pad that adds nothing is its input under another name. Inputs of the graph stay where the caller fills
 * them. */
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

/* Whether step makers may write `x` straight into a concat: not what the caller fills, not what lies
 * elsewhere, and not what is to stay apart. */
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

static void add_step(struct plan *plan, struct step step, limn_kernels kernels)
{
    step_choose_fastest(&step, kernels);
    plan->steps[plan->step_count++] = step;
}

/* Parts of a concat that could not be written in place are copied. */
static void add_copies(const struct graph *graph, int index, limn_kernels kernels, struct plan *plan)
{
    const struct node *node = &graph->nodes[index];
    int64_t channel = 0;
    for (int part = 0; part < node->part_count; part++) {
        value_id x = graph_maker(graph, node->parts[part]);
        const struct placement *placement = &plan->placements[x];
        int64_t channels = plan->dims[x].oc;
        if (placement->host != index || placement->channel != channel) {
            struct step step = {.node = index, .x = x, .y = index, .into = channel};
            step.op = &layer_operators[LAYER_POINTWISE];
            step.args.d = plan->dims[index];
            step.args.d.ih = step.args.d.oh, step.args.d.iw = step.args.d.ow;
            step.args.d.ic = step.args.d.oc = channels;
            add_step(plan, step, kernels);
        }
        channel += channels;
    }
}

static void make_steps(const struct graph *graph, limn_kernels kernels, struct plan *plan)
{
    for (int i = 0; i < graph->count; i++) {
        const struct node *node = &graph->nodes[i];
        value_id x = graph_maker(graph, node->x);
        if (!node_runs(node))
            continue;
        if (node->role == NODE_CONCAT) {
            add_copies(graph, i, kernels, plan);
        } else if (plan->placements[x].host != i) { /* else an empty pad */
            struct step step = {.node = i, .x = x, .y = i, .op = &layer_operators[node->kind]};
            step.args.d = plan->dims[i];
            step.args.epilogue = (struct epilogue){.bias = node->bias,
                                                   .activation = node->activation,
                                                   .slope = node->slope,
                                                   .scale = node->scale,
                                                   .shift = node->shift};
            add_step(plan, step, kernels);
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

/* Inputs stay for all steps, so that a session can run again on what it was given. */
static void find_lifetimes(const struct graph *graph, struct plan *plan)
{
    int end = plan->step_count;
    for (int i = 0; i < graph->count; i++) {
        plan->placements[i].first = graph->nodes[i].role == NODE_INPUT ? 0 : end;
        plan->placements[i].last = graph->nodes[i].role == NODE_INPUT ? end : 0;
    }
    for (int s = 0; s < end; s++) {
        const struct step *step = &plan->steps[s];
        value_id residual = graph_maker(graph, graph->nodes[step->node].residual);
        touch(plan, step->x, s);
        touch(plan, step->y, s);
        if (residual != NO_VALUE)
            touch(plan, residual, s);
    }
    touch(plan, graph_maker(graph, graph->output), end);
}

/* ---- parts that stay apart --------------------------------------------------------------- *
 *
 * A part of a concat that is written in place keeps the room of the whole concat from then on. U-Net's skip
 * connections are made long before the other half: there the room of both counts where the arena is highest.
 * A part gets a place of its own, and is copied in the end, where the arena becomes lower by at least the
 * bytes that are copied; the smallest parts come first, as they cost least. */

/* All passes but the last: everything but where values lie. */
static void lay_out(const struct graph *graph, limn_kernels kernels, struct plan *plan)
{
    for (int i = 0; i < graph->count; i++) {
        const struct layer_dims *d = &plan->dims[i];
        struct placement *placement = &plan->placements[i];
        *placement = (struct placement){.host = NO_VALUE, .apart = placement->apart};
        tensor_bytes(d->n, d->oh, d->ow, d->oc, &placement->bytes); /* which infer_shapes has checked */
    }
    plan->step_count = 0;
    skip_empty_pads(graph, plan);
    place_concats(graph, plan);
    make_steps(graph, kernels, plan);
    plan_limit_weights(plan, graph);
    find_lifetimes(graph, plan);
}

static size_t part_bytes(const struct plan *plan, value_id x)
{
    size_t bytes = 0;
    const struct layer_dims *d = &plan->dims[x];
    tensor_bytes(d->n, d->oh, d->ow, d->oc, &bytes);
    return bytes;
}

/* The part in its concat that comes next by its bytes, then by its number; NO_VALUE behind the last. */
static value_id next_part(const struct graph *graph, const struct plan *plan, value_id before)
{
    value_id next = NO_VALUE;
    size_t least = before == NO_VALUE ? 0 : part_bytes(plan, before);
    for (value_id x = 0; x < graph->count; x++) {
        value_id host = plan->placements[x].host;
        size_t bytes = part_bytes(plan, x);
        bool behind = bytes > least || (bytes == least && x > before);
        if (host != NO_VALUE && graph->nodes[host].role == NODE_CONCAT && behind &&
            (next == NO_VALUE || bytes < part_bytes(plan, next)))
            next = x;
    }
    return next;
}

static void keep_parts_apart(const struct graph *graph, limn_kernels kernels, struct plan *plan)
{
    value_id x = NO_VALUE;
    while ((x = next_part(graph, plan, x)) != NO_VALUE) {
        size_t before = plan_height(plan, graph);
        plan->placements[x].apart = true;
        lay_out(graph, kernels, plan);
        if (before >= plan_height(plan, graph) + part_bytes(plan, x))
            continue;
        plan->placements[x].apart = false;
        lay_out(graph, kernels, plan);
    }
}

/* ---- whole ------------------------------------------------------------------------------- */

limn_status plan_create(const struct graph *graph, limn_kernels kernels, limn_size size, const char *where,
                        struct plan *plan, limn_error *error)
{
    *plan = (struct plan){.threads = 1, .pack_threads = 1};
    size_t count = (size_t)graph->count;
    size_t copies = 0;
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
        status = infer_shapes(graph, size, where, plan, error);
    if (status == LIMN_OK) {
        lay_out(graph, kernels, plan);
        keep_parts_apart(graph, kernels, plan);
        status = plan_place(graph, plan, error);
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
        int64_t channel;
        value_id host = plan_host(plan, i, &channel);
        const struct layer_dims *d = &plan->dims[i];
        float *data = arena + plan->placements[host].offset / sizeof *arena + channel;
        plan->values[i] = tensor_view(data, d->n, d->oh, d->ow, d->oc, plan->dims[host].oc);
    }
    for (int s = 0; s < plan->step_count; s++) {
        struct step *step = &plan->steps[s];
        const struct tensor *x = &plan->values[step->x], *y = &plan->values[step->y];
        value_id residual = graph_maker(graph, graph->nodes[step->node].residual);
        step->args.x = x->data;
        step->args.x_stride = x->stride;
        step->args.y = y->data + step->into;
        step->args.y_stride = y->stride;
        step->args.shared = step->needs.shared_bytes ? arena + step->shared_offset / sizeof *arena : NULL;
        step->workspace = arena + step->workspace_offset / sizeof *arena;
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
    return (size_t)floats * sizeof(float) + step->needs.packed_bytes;
}

double step_flops(const struct graph *graph, const struct step *step)
{
    return node_flops(&graph->nodes[step->node], &step->args.d);
}

double plan_flops(const struct graph *graph, const struct plan *plan)
{
    double sum = 0;
    for (int s = 0; s < plan->step_count; s++)
        sum += step_flops(graph, &plan->steps[s]);
    return sum;
}
