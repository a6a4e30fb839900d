/* explanation.c - see explanation.h. */
#include "engine/inspect/explanation.h"
#include "engine/base/memory.h"
#include "engine/run/pack.h"
#include "engine/run/session.h"
#include "layers/sizes.h"

#include <inttypes.h>

/* ---- size -------------------------------------------------------------------------------- */

static limn_status settle_size(const limn_model *model, limn_size *size, limn_error *error)
{
    const struct node *input = &model->graph.nodes[graph_input_node(&model->graph, 0)];
    int64_t usual = model_usual_side(model->kind, &model->graph);
    bool given = size->height || size->width;
    if (input->side && given && (size->height != input->side || size->width != input->side))
        return fail(
            error, LIMN_E_INPUT,
            "%s: height x width is %" PRId64 "x%" PRId64 "; %s has a fixed input of %" PRId64 "x%" PRId64,
            model->graph.path, size->height, size->width, model->kind->name, input->side, input->side);
    size->batch = size->batch ? size->batch : 1;
    size->height = size->height ? size->height : usual;
    size->width = size->width ? size->width : usual;
    return LIMN_OK;
}

/* ---- fused nodes ------------------------------------------------------------------------- */

value_id explain_next_fused(const struct graph *graph, value_id host, value_id before)
{
    for (value_id x = before + 1; x < graph->count; x++)
        if (graph->nodes[x].fused_into != NO_VALUE && graph_maker(graph, x) == host)
            return x;
    return NO_VALUE;
}

enum fusion explain_fusion(const struct graph *graph, value_id fused)
{
    const struct node *node = &graph->nodes[fused];
    value_id maker = graph_maker(graph, fused);
    const struct node *host = &graph->nodes[maker];
    if (node->kind != LAYER_POINTWISE)
        return FUSION_KERNEL;
    bool factors = node->activation == ACTIVATION_NONE && node->residual == NO_VALUE;
    /* Nothing is fused after factors that stay in the epilogue: see graph_fold.c. */
    bool stays = host->scale && explain_next_fused(graph, maker, fused) == NO_VALUE;
    return factors && host->weight && !stays ? FUSION_WEIGHTS : FUSION_EPILOGUE;
}

const char *fusion_name(enum fusion fusion)
{
    static const char *const names[] = {"kernel", "weights", "epilogue"};
    return names[fusion];
}

static bool has_own_bias(const struct graph *graph, value_id at)
{
    const struct node *node = &graph->nodes[at];
    int64_t own = node->parameters;
    for (value_id x = NO_VALUE; (x = explain_next_fused(graph, at, x)) != NO_VALUE;)
        own -= graph->nodes[x].parameters;
    return node->weight && own > (int64_t)node->weight->elements;
}

/* ---- nodes ------------------------------------------------------------------------------- */

/* The window as the network has it: 3x3 with padding 1 if an enlargement was fused into the kernel. */
static struct layer_dims network_window(const struct node *node)
{
    /* clang-format off */
    const struct layer_dims enlarged = {.kh = 3, .kw = 3, .stride_h = 1, .stride_w = 1, .pad_h = 1, .pad_w = 1,
                                        .dilation_h = 1, .dilation_w = 1};
    /* clang-format on */
    return node->enlarged ? enlarged : node->window;
}

static void fill_node(const struct explanation *explanation, value_id at, struct explained *node)
{
    const struct graph *graph = &explanation->model->graph;
    const struct plan *plan = &explanation->plan;
    *node = (struct explained){.at = at,
                               .window = network_window(&graph->nodes[at]),
                               .own_bias = has_own_bias(graph, at),
                               .flops = node_flops(&graph->nodes[at], &plan->dims[at])};
    node->host = plan_host(plan, at, &node->channel);
    for (int s = 0; s < plan->step_count; s++) {
        const struct step *step = &plan->steps[s];
        if (step->node != at)
            continue;
        struct pack_request request = {.node = at, .variant = step->variant, .dims = &step->args.d};
        size_t scratch = plan_scratch_bytes(plan, step);
        node->first_step = node->step_count++ ? node->first_step : s;
        node->packed_bytes += pack_bytes(NULL, &request);
        node->scratch_bytes = scratch > node->scratch_bytes ? scratch : node->scratch_bytes;
    }
}

static limn_status explain_nodes(struct explanation *explanation, limn_error *error)
{
    const struct graph *graph = &explanation->model->graph;
    const struct plan *plan = &explanation->plan;
    size_t count = (size_t)graph->count, bytes;
    struct receptive *fields = mem_zalloc(count, sizeof *fields);
    explanation->nodes = mem_zalloc(count, sizeof *explanation->nodes);
    limn_status status = fields && explanation->nodes
                             ? receptive_fields(graph, plan, graph_input_node(graph, 0), fields, error)
                             : fail_memory(error, graph->path, count * sizeof *explanation->nodes);
    for (int i = 0; status == LIMN_OK && i < graph->count; i++) {
        const struct layer_dims *d = &plan->dims[i];
        if (graph->nodes[i].fused_into != NO_VALUE)
            continue;
        struct explained *node = &explanation->nodes[explanation->count++];
        fill_node(explanation, i, node);
        node->sees = fields[i];
        explanation->packed_bytes += node->packed_bytes;
        if (tensor_bytes(d->n, d->oh, d->ow, d->oc, &bytes))
            explanation->unshared_bytes += bytes;
    }
    mem_free(fields);
    return status;
}

/* ---- whole ------------------------------------------------------------------------------- */

const struct node *explain_node(const struct explanation *explanation, value_id at)
{
    return &explanation->model->graph.nodes[at];
}

int explain_scratch(const struct explanation *explanation, int s, struct explained_block blocks[2])
{
    const struct step *step = &explanation->plan.steps[s];
    size_t workspaces = plan_scratch_bytes(&explanation->plan, step) - step->needs.shared_bytes;
    int count = 0;
    if (step->needs.shared_bytes)
        blocks[count++] = (struct explained_block){"shared", step->shared_offset, step->needs.shared_bytes};
    if (workspaces)
        blocks[count++] = (struct explained_block){"workspaces", step->workspace_offset, workspaces};
    return count;
}

size_t explain_live_bytes(const struct explanation *explanation, int s)
{
    const struct plan *plan = &explanation->plan;
    size_t scratch = s < plan->step_count ? plan_scratch_bytes(plan, &plan->steps[s]) : 0;
    return plan_live_bytes(plan, &explanation->model->graph, s) + scratch;
}

static void find_peak(struct explanation *explanation)
{
    for (int s = 0; s <= explanation->plan.step_count; s++) {
        size_t bytes = explain_live_bytes(explanation, s);
        if (bytes > explanation->peak_bytes) {
            explanation->peak_bytes = bytes;
            explanation->peak = s;
        }
    }
}

limn_status explain_create(limn_model *model, limn_size size, struct explanation *explanation,
                           limn_error *error)
{
    const struct graph *graph = &model->graph;
    struct plan *plan = &explanation->plan;
    *explanation = (struct explanation){.model = model};
    limn_status status = settle_size(model, &size, error);
    if (status == LIMN_OK)
        status = plan_create(graph, model->engine->rule, size, graph->path, plan, error);
    if (status == LIMN_OK)
        status = plan_fit(plan, graph, model, NULL, error);
    if (status == LIMN_OK && plan->arena_bytes == SIZE_MAX)
        status =
            fail(error, LIMN_E_MEMORY, "%s: %" PRId64 "x%" PRId64 " takes more memory than can be addressed",
                 graph->path, size.height, size.width);
    explanation->size = size;
    if (status == LIMN_OK)
        status = explain_nodes(explanation, error);
    if (status == LIMN_OK)
        find_peak(explanation);
    else
        explain_free(explanation);
    return status;
}

void explain_free(struct explanation *explanation)
{
    plan_free(&explanation->plan);
    mem_free(explanation->nodes);
    *explanation = (struct explanation){0};
}
