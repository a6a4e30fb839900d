/* explain_json.c - an explanation as JSON. README.md lists the members. */
#include "apps/cli/explain.h"

#include <inttypes.h>

static void print_window(const struct layer_dims *w)
{
    if (!w->kh)
        printf("\"window\": null");
    else
        printf("\"window\": {\"kernel\": [%" PRId64 ", %" PRId64 "], \"stride\": [%" PRId64 ", %" PRId64
               "], \"pad\": [%" PRId64 ", %" PRId64 "], \"dilation\": [%" PRId64 ", %" PRId64 "]}",
               w->kh, w->kw, w->stride_h, w->stride_w, w->pad_h, w->pad_w, w->dilation_h, w->dilation_w);
}

static void print_inputs(const struct explanation *e, const struct node *node)
{
    const struct graph *graph = &e->model->graph;
    const value_id direct[] = {graph_maker(graph, node->x), graph_maker(graph, node->residual)};
    const char *between = "";
    printf("\"inputs\": [");
    for (int i = 0; i < 2 + node->part_count; i++) {
        value_id x = i < 2 ? direct[i] : graph_maker(graph, node->parts[i - 2]);
        if (x == NO_VALUE || (i < 2 && node->role != NODE_LAYER))
            continue;
        print_json_string(between, graph->nodes[x].name);
        between = ", ";
    }
    printf("]");
}

static void print_fused(const struct explanation *e, const struct explained *node)
{
    const struct graph *graph = &e->model->graph;
    const char *between = "";
    printf("\"fused\": [");
    for (value_id x = NO_VALUE; (x = explain_next_fused(graph, node->at, x)) != NO_VALUE; between = ", ") {
        printf("%s", between);
        print_json_string("{\"name\": ", explain_node(e, x)->name);
        printf(", \"does\": \"%s\", \"into\": \"%s\"}", graph->nodes[x].does,
               fusion_name(explain_fusion(graph, x)));
    }
    printf("]");
}

static void print_receptive(const struct receptive *sees)
{
    if (!sees->depends) {
        printf("\"receptive\": null");
        return;
    }
    printf("\"receptive\": {\"height\": %" PRId64 ", \"width\": %" PRId64 ", \"whole\": %s, \"stride\": ",
           sees->height, sees->width, sees->whole ? "true" : "false");
    printf(sees->stride > 0 ? "%.10g}" : "null}", sees->stride);
}

static void print_kernel(const struct explanation *e, const struct explained *node)
{
    const struct step *step = &e->plan.steps[node->first_step];
    if (!node->step_count) {
        printf("\"kernel\": null");
        return;
    }
    printf(
        "\"kernel\": {\"op\": \"%s\", \"variant\": \"%s\", \"why\": \"%s\", \"first_step\": %d, \"steps\": %d, "
        "\"packed_bytes\": %zu, \"scratch_bytes\": %zu, ",
        step->op->name, step->variant->name, choice_name(step->choice), node->first_step, node->step_count,
        node->packed_bytes, node->scratch_bytes);
    print_window(&explain_node(e, node->at)->window);
    printf("}");
}

static void print_value(const struct explanation *e, const struct explained *node)
{
    const struct placement *place = &e->plan.placements[node->host];
    printf("\"value\": {\"offset\": %zu, \"bytes\": %zu, \"first\": %d, \"last\": %d, ", place->offset,
           place->bytes, place->first, place->last);
    if (node->host == node->at)
        printf("\"inside\": null");
    else
        print_json_string("\"inside\": ", explain_node(e, node->host)->name);
    printf(", \"channel\": %" PRId64 "}", node->channel);
}

static void print_node(const struct explanation *e, const struct explained *node)
{
    const struct node *from = explain_node(e, node->at);
    const struct layer_dims *d = &e->plan.dims[node->at];
    print_json_string("{\"name\": ", from->name);
    printf(", \"does\": \"%s\", \"output\": [%" PRId64 ", %" PRId64 ", %" PRId64 ", %" PRId64 "], ",
           from->does, d->n, d->oh, d->ow, d->oc);
    print_window(&node->window);
    printf(",\n   ");
    print_inputs(e, from);
    printf(", \"bias\": %s, ", node->own_bias ? "true" : "false");
    print_fused(e, node);
    printf(", \"parameters\": %" PRId64 ", \"flop\": %.0f,\n   ", from->parameters, node->flops);
    print_receptive(&node->sees);
    printf(",\n   ");
    print_kernel(e, node);
    printf(",\n   ");
    print_value(e, node);
    printf("}");
}

static void print_step(const struct explanation *e, int s)
{
    const struct step *step = &e->plan.steps[s];
    size_t values = plan_live_bytes(&e->plan, &e->model->graph, s);
    print_json_string("{\"node\": ", explain_node(e, step->node)->name);
    printf(", \"variant\": \"%s\", \"values_bytes\": %zu, \"scratch_bytes\": %zu, "
           "\"scratch\": [",
           step->variant->name, values, plan_scratch_bytes(&e->plan, step));
    const char *between = "";
    struct explained_block blocks[2];
    for (int i = 0, count = explain_scratch(e, s, blocks); i < count; i++, between = ", ")
        printf("%s{\"use\": \"%s\", \"offset\": %zu, \"bytes\": %zu}", between, blocks[i].use,
               blocks[i].offset, blocks[i].bytes);
    printf("]}");
}

void explain_json(const struct explanation *e)
{
    const struct graph *graph = &e->model->graph;
    print_json_string("{\"file\": ", graph->path);
    printf(", \"model\": \"%s\", \"size\": [%" PRId64 ", %" PRId64 ", %" PRId64 "], ", e->model->kind->name,
           e->size.batch, e->size.height, e->size.width);
    print_json_string("\"engine\": ", limn_engine_describe(e->model->engine));
    printf(", \"threads\": %d,\n \"nodes\": [", limn_engine_threads(e->model->engine));
    for (int i = 0; i < e->count; i++) {
        printf("%s\n  ", i ? "," : "");
        print_node(e, &e->nodes[i]);
    }
    printf("],\n \"steps\": [");
    for (int s = 0; s < e->plan.step_count; s++) {
        printf("%s\n  ", s ? "," : "");
        print_step(e, s);
    }
    printf("],\n \"totals\": {\"parameters\": %" PRId64 ", \"flop\": %.0f, \"packed_bytes\": %zu, "
           "\"arena_bytes\": %zu, \"unshared_bytes\": %zu, \"peak_step\": %d, \"peak_bytes\": %zu}}\n",
           graph_parameters(graph), plan_flops(graph, &e->plan), e->packed_bytes, e->plan.arena_bytes,
           e->unshared_bytes, e->peak, e->peak_bytes);
}
