/* receptive.c - see receptive.h. */
#include "engine/inspect/receptive.h"
#include "engine/base/memory.h"

/* Pixels of a value that are traced along each side. Up to this factor of enlargement, they include all
 * positions between the pixels of the smaller value. */
enum { TRACED_MOST = 512 };

static void widen(const struct graph *graph, value_id x, struct side_span by, struct side_span *spans)
{
    value_id made = graph_maker(graph, x);
    if (made == NO_VALUE || by.begin >= by.end)
        return;
    struct side_span *span = &spans[made];
    bool empty = span->begin >= span->end;
    span->begin = empty || by.begin < span->begin ? by.begin : span->begin;
    span->end = empty || by.end > span->end ? by.end : span->end;
}

void receptive_trace(const struct graph *graph, const struct plan *plan, value_id x, int64_t at, bool columns,
                     struct side_span *spans)
{
    for (int i = 0; i < graph->count; i++)
        spans[i] = (struct side_span){0, 0};
    spans[x] = (struct side_span){at, at + 1};
    /* Nodes come after the values that they read, also after folding. */
    for (int i = x; i >= 0; i--) {
        const struct node *node = &graph->nodes[i];
        struct side_span made = spans[i];
        if (!node_runs(node) || made.begin >= made.end)
            continue;
        for (int part = 0; part < node->part_count; part++)
            widen(graph, node->parts[part], made, spans);
        if (node->role != NODE_LAYER)
            continue;
        const struct layer_dims *d = &plan->dims[i];
        const struct side side = columns ? side_of_columns(d) : side_of_rows(d);
        widen(graph, node->x, side_reads(node->kind, &side, made.begin, made.end), spans);
        widen(graph, node->residual, made, spans);
    }
}

/* The most pixels of `input` along a side that one pixel of `x` depends on. */
static int64_t widest(const struct graph *graph, const struct plan *plan, value_id input, value_id x,
                      bool columns, struct side_span *spans)
{
    int64_t pixels = columns ? plan->dims[x].ow : plan->dims[x].oh, most = 0;
    for (int64_t at = 0; at < pixels && at < TRACED_MOST; at++) {
        receptive_trace(graph, plan, x, at, columns, spans);
        int64_t size = spans[input].end - spans[input].begin;
        most = size > most ? size : most;
    }
    return most;
}

/* Merges into `field` what follows from a value that the node reads. */
static void inherit(const struct graph *graph, const struct receptive *fields, value_id from,
                    struct receptive *field)
{
    value_id made = graph_maker(graph, from);
    if (made == NO_VALUE || !fields[made].depends)
        return;
    field->stride = field->stride != 0 ? field->stride : fields[made].stride;
    field->depends = true;
    field->whole = field->whole || fields[made].whole;
}

static double stride_after(const struct graph *graph, const struct receptive *fields, const struct node *node,
                           double stride)
{
    switch (node->kind) {
    case LAYER_CONV2D:
    case LAYER_MAX_POOL:
        return stride * (double)node->window.stride_h;
    case LAYER_CONV2D_TRANSPOSE:
        return stride / (double)node->window.stride_h;
    case LAYER_AVERAGE_POOL:
        return 0;
    default:
        if (node->like != NO_VALUE)
            return fields[graph_maker(graph, node->like)].stride;
        return node->factor ? stride / (double)node->factor : stride;
    }
}

static struct receptive field_after(const struct graph *graph, const struct receptive *fields,
                                    const struct node *node)
{
    struct receptive field = {0};
    inherit(graph, fields, node->x, &field);
    if (field.depends && node->role == NODE_LAYER) {
        field.stride = stride_after(graph, fields, node, field.stride);
        field.whole = field.whole || node->kind == LAYER_AVERAGE_POOL;
    }
    inherit(graph, fields, node->residual, &field);
    for (int part = 0; part < node->part_count; part++)
        inherit(graph, fields, node->parts[part], &field);
    return field;
}

limn_status receptive_fields(const struct graph *graph, const struct plan *plan, value_id input,
                             struct receptive *fields, limn_error *error)
{
    size_t count = (size_t)graph->count;
    struct side_span *spans = mem_zalloc(count, sizeof *spans);
    if (!spans)
        return fail_memory(error, "the receptive fields", count * sizeof *spans);
    const struct layer_dims *picture = &plan->dims[input];
    bool pixel = picture->oh == 1 && picture->ow == 1;
    for (int i = 0; i < graph->count; i++) {
        const struct node *node = &graph->nodes[i];
        fields[i] = (struct receptive){0};
        if (i == input)
            fields[i] = (struct receptive){.depends = true, .whole = pixel, .stride = pixel ? 0 : 1};
        else if (node_runs(node))
            fields[i] = field_after(graph, fields, node);
        if (fields[i].whole) {
            fields[i].height = picture->oh;
            fields[i].width = picture->ow;
        } else if (fields[i].depends) {
            fields[i].height = widest(graph, plan, input, i, false, spans);
            fields[i].width = widest(graph, plan, input, i, true, spans);
        }
    }
    mem_free(spans);
    return LIMN_OK;
}
