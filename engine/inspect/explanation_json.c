/* explanation_json.c - an explanation as JSON. apps/cli/README.md lists the members. */
#include "engine/base/json_text.h"
#include "engine/base/memory.h"
#include "engine/inspect/explanation.h"

#include <inttypes.h>

static void add_window(struct json_text *json, const struct layer_dims *w)
{
    if (!w->kh)
        json_add(json, "\"window\": null");
    else
        json_add(json,
                 "\"window\": {\"kernel\": [%" PRId64 ", %" PRId64 "], \"stride\": [%" PRId64 ", %" PRId64
                 "], \"pad\": [%" PRId64 ", %" PRId64 "], \"dilation\": [%" PRId64 ", %" PRId64 "]}",
                 w->kh, w->kw, w->stride_h, w->stride_w, w->pad_h, w->pad_w, w->dilation_h, w->dilation_w);
}

static void add_inputs(struct json_text *json, const struct explanation *e, const struct node *node)
{
    const struct graph *graph = &e->model->graph;
    const value_id direct[] = {graph_maker(graph, node->x), graph_maker(graph, node->residual)};
    const char *between = "";
    json_add(json, "\"inputs\": [");
    for (int i = 0; i < 2 + node->part_count; i++) {
        value_id x = i < 2 ? direct[i] : graph_maker(graph, node->parts[i - 2]);
        if (x == NO_VALUE || (i < 2 && node->role != NODE_LAYER))
            continue;
        json_add_string(json, between, graph->nodes[x].name);
        between = ", ";
    }
    json_add(json, "]");
}

static void add_fused(struct json_text *json, const struct explanation *e, const struct explained *node)
{
    const struct graph *graph = &e->model->graph;
    const char *between = "";
    json_add(json, "\"fused\": [");
    for (value_id x = NO_VALUE; (x = explain_next_fused(graph, node->at, x)) != NO_VALUE; between = ", ") {
        json_add(json, "%s", between);
        json_add_string(json, "{\"name\": ", explain_node(e, x)->name);
        json_add(json, ", \"does\": \"%s\", \"into\": \"%s\"}", graph->nodes[x].does,
                 fusion_name(explain_fusion(graph, x)));
    }
    json_add(json, "]");
}

static void add_receptive(struct json_text *json, const struct receptive *sees)
{
    if (!sees->depends) {
        json_add(json, "\"receptive\": null");
        return;
    }
    json_add(json,
             "\"receptive\": {\"height\": %" PRId64 ", \"width\": %" PRId64 ", \"whole\": %s, \"stride\": ",
             sees->height, sees->width, sees->whole ? "true" : "false");
    json_add(json, sees->stride > 0 ? "%.10g}" : "null}", sees->stride);
}

static void add_kernel(struct json_text *json, const struct explanation *e, const struct explained *node)
{
    const struct step *step = &e->plan.steps[node->first_step];
    if (!node->step_count) {
        json_add(json, "\"kernel\": null");
        return;
    }
    json_add(json,
             "\"kernel\": {\"op\": \"%s\", \"variant\": \"%s\", \"precision\": \"%s\", \"why\": \"%s\", "
             "\"first_step\": %d, \"steps\": %d, \"packed_bytes\": %zu, \"scratch_bytes\": %zu, ",
             step->op->name, step->variant->name, precision_name(step->variant->precision),
             choice_name(step->choice), node->first_step, node->step_count, node->packed_bytes,
             node->scratch_bytes);
    add_window(json, &explain_node(e, node->at)->window);
    json_add(json, "}");
}

static void add_value(struct json_text *json, const struct explanation *e, const struct explained *node)
{
    const struct placement *place = &e->plan.placements[node->host];
    json_add(json, "\"value\": {\"offset\": %zu, \"bytes\": %zu, \"first\": %d, \"last\": %d, ",
             place->offset, place->bytes, place->first, place->last);
    if (node->host == node->at)
        json_add(json, "\"inside\": null");
    else
        json_add_string(json, "\"inside\": ", explain_node(e, node->host)->name);
    json_add(json, ", \"channel\": %" PRId64 "}", node->channel);
}

static void add_node(struct json_text *json, const struct explanation *e, const struct explained *node)
{
    const struct node *from = explain_node(e, node->at);
    const struct layer_dims *d = &e->plan.dims[node->at];
    json_add_string(json, "{\"name\": ", from->name);
    json_add(json, ", \"does\": \"%s\", \"output\": [%" PRId64 ", %" PRId64 ", %" PRId64 ", %" PRId64 "], ",
             from->does, d->n, d->oh, d->ow, d->oc);
    add_window(json, &node->window);
    json_add(json, ",\n   ");
    add_inputs(json, e, from);
    json_add(json, ", \"bias\": %s, ", node->own_bias ? "true" : "false");
    add_fused(json, e, node);
    json_add(json, ", \"parameters\": %" PRId64 ", \"flop\": %.0f,\n   ", from->parameters, node->flops);
    add_receptive(json, &node->sees);
    json_add(json, ",\n   ");
    add_kernel(json, e, node);
    json_add(json, ",\n   ");
    add_value(json, e, node);
    json_add(json, "}");
}

static void add_step(struct json_text *json, const struct explanation *e, int s)
{
    const struct step *step = &e->plan.steps[s];
    size_t values = plan_live_bytes(&e->plan, &e->model->graph, s);
    json_add_string(json, "{\"node\": ", explain_node(e, step->node)->name);
    json_add(json,
             ", \"variant\": \"%s\", \"values_bytes\": %zu, \"scratch_bytes\": %zu, "
             "\"scratch\": [",
             step->variant->name, values, plan_scratch_bytes(&e->plan, step));
    const char *between = "";
    struct explained_block blocks[2];
    for (int i = 0, count = explain_scratch(e, s, blocks); i < count; i++, between = ", ")
        json_add(json, "%s{\"use\": \"%s\", \"offset\": %zu, \"bytes\": %zu}", between, blocks[i].use,
                 blocks[i].offset, blocks[i].bytes);
    json_add(json, "]}");
}

limn_status explain_json(const struct explanation *e, char **text, limn_error *error)
{
    struct json_text builder = {0}, *json = &builder;
    const struct graph *graph = &e->model->graph;
    json_add_string(json, "{\"file\": ", graph->path);
    json_add(json, ", \"model\": \"%s\", \"size\": [%" PRId64 ", %" PRId64 ", %" PRId64 "], ",
             e->model->kind->name, e->size.batch, e->size.height, e->size.width);
    json_add_string(json, "\"engine\": ", limn_engine_describe(e->model->engine));
    json_add(json, ", \"precision\": \"%s\"", precision_name(e->model->engine->rule.precision));
    json_add(json, ", \"threads\": %d,\n \"nodes\": [", limn_engine_threads(e->model->engine));
    for (int i = 0; i < e->count; i++) {
        json_add(json, "%s\n  ", i ? "," : "");
        add_node(json, e, &e->nodes[i]);
    }
    json_add(json, "],\n \"steps\": [");
    for (int s = 0; s < e->plan.step_count; s++) {
        json_add(json, "%s\n  ", s ? "," : "");
        add_step(json, e, s);
    }
    json_add(json,
             "],\n \"totals\": {\"parameters\": %" PRId64 ", \"flop\": %.0f, \"packed_bytes\": %zu, "
             "\"arena_bytes\": %zu, \"unshared_bytes\": %zu, \"peak_step\": %d, \"peak_bytes\": %zu}}\n",
             graph_parameters(graph), plan_flops(graph, &e->plan), e->packed_bytes, e->plan.arena_bytes,
             e->unshared_bytes, e->peak, e->peak_bytes);
    return json_take(json, text, error);
}

limn_status limn_model_explain(limn_model *model, limn_size size, char **json, limn_error *error)
{
    struct explanation explanation;
    *json = NULL;
    limn_status status = explain_create(model, size, &explanation, error);
    if (status != LIMN_OK)
        return status;
    status = explain_json(&explanation, json, error);
    explain_free(&explanation);
    return status;
}

void limn_text_free(char *text)
{
    mem_free(text);
}
