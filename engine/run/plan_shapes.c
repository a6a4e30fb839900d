/* plan_shapes.c - the shape of every value of a graph at one size: see plan.h. */
#include "engine/run/plan.h"

#include <inttypes.h>

/* PyTorch's formula; 0 if the window does not fit. */
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

/* The height and width of an enlargement, by its factor or to the size of another value. */
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

limn_status plan_infer_shapes(const struct graph *graph, limn_size size, const char *where, struct plan *plan,
                              limn_error *error)
{
    limn_status status = check_sides(graph, size, where, error);
    for (int i = 0; status == LIMN_OK && i < graph->count; i++) {
        const struct node *node = &graph->nodes[i];
        struct layer_dims *d = &plan->dims[i];
        if (node->fused_into != NO_VALUE)
            continue;
        infer_node(graph, node, plan->dims, size, d);
        size_t bytes;
        if (!tensor_bytes(d->n, d->oh, d->ow, d->oc, &bytes))
            return fail(error, LIMN_E_INPUT, "%s: %s cannot be computed at %" PRId64 "x%" PRId64, where,
                        node->name, size.height, size.width);
        bool agree = node->residual == NO_VALUE || same_size(graph, plan, node->residual, d);
        for (int part = 0; part < node->part_count; part++)
            agree = agree && same_size(graph, plan, node->parts[part], d);
        if (!agree)
            return fail(error, LIMN_E_INPUT, "%s: at %" PRId64 "x%" PRId64 " the inputs of %s differ in size",
                        where, size.height, size.width, node->name);
    }
    return status;
}
