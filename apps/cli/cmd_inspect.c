/* cmd_inspect.c - limn inspect and limn verify: list and check the contents of a weights file. */
#include "apps/cli/app.h"
#include "engine/base/memory.h"
#include "engine/base/quote.h"
#include "engine/base/system.h"
#include "engine/graph/models/models.h"
#include "engine/run/plan.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

struct contents {
    char path[SYSTEM_PATH_MAX];
    struct weights_file weights;
    struct graph graph;
    const struct model_kind *kind;
};

static limn_status open_contents(const struct options *options, struct contents *contents, limn_error *error)
{
    const char *name;
    *contents = (struct contents){0};
    limn_status status = app_input(options, &name, error);
    if (status == LIMN_OK)
        status = app_weights_path(name, contents->path, error);
    if (status == LIMN_OK)
        status = weights_open(contents->path, &contents->weights, error);
    return status;
}

static void close_contents(struct contents *contents)
{
    graph_free(&contents->graph);
    weights_close(&contents->weights);
}

/* ---- inspect ----------------------------------------------------------------------------- */

/* "+bias +add +relu": the operations in the epilogue of a step. */
static const char *fused_text(const struct node *node, char text[48])
{
    static const char *const activations[] = {"", " +relu", " +leaky_relu", " +tanh", " +sigmoid"};
    snprintf(text, 48, "%s%s%s%s", node->bias ? " +bias" : "", node->residual != NO_VALUE ? " +add" : "",
             activations[node->activation], node->scale ? " +scale" : "");
    return text[0] ? text + 1 : text;
}

static const char *operator_name(const struct node *node)
{
    static const char *const roles[] = {[NODE_INPUT] = "input", [NODE_CONCAT] = "concat"};
    return node->role == NODE_LAYER ? layer_operators[node->kind].name : roles[node->role];
}

/* Text from outside, filled up with blanks to `width` characters. */
static void print_column(const char *text, int width)
{
    int used = quote_print(DOCUMENT_PLAIN, text);
    printf("%*s", used < width ? width - used : 0, "");
}

static void print_tensors(const struct safetensors *header)
{
    char shape[96];
    printf("\n%-44s %-5s %-20s %12s\n", "tensor", "dtype", "shape", "bytes");
    for (size_t i = 0; i < header->tensor_count; i++) {
        const struct tensor_entry *t = &header->tensors[i];
        print_column(t->name, 44);
        printf(" %-5s %-20s %12" PRIu64 "\n", dtype_name(t->dtype), shape_text(t, shape), t->bytes);
    }
}

static void print_graph(const struct contents *contents, const struct plan *plan)
{
    const struct graph *graph = &contents->graph;
    char shape[64], fused[48];
    printf("\n%-28s %-10s %-22s %-18s %12s %10s\n", "node", "operator", "output (NxCxHxW)", "fused",
           "parameters", "MFLOP");
    for (int i = 0; i < graph->count; i++) {
        const struct node *node = &graph->nodes[i];
        const struct layer_dims *d = &plan->dims[i];
        if (node->fused_into != NO_VALUE)
            continue;
        snprintf(shape, sizeof shape, "%" PRId64 "x%" PRId64 "x%" PRId64 "x%" PRId64, d->n, d->oc, d->oh,
                 d->ow);
        printf("%-28s %-10s %-22s %-18s %12" PRId64 " %10.2f\n", node->name, operator_name(node), shape,
               fused_text(node, fused), node->parameters, node_flops(node, d) / 1e6);
    }
    printf("\n%" PRId64 " parameters, %.3f GFLOP, %.1f MB of activations\n", graph_parameters(graph),
           plan_flops(graph, plan) / 1e9, (double)plan->arena_bytes / 1e6);
}

static void print_json(const struct contents *contents, const struct plan *plan)
{
    const struct safetensors *header = contents->weights.header;
    const struct graph *graph = &contents->graph;
    print_json_string("{\"file\": ", contents->path);
    printf(", \"model\": \"%s\", \"metadata\": {", contents->kind->name);
    for (size_t i = 0; i < header->metadata_count; i++) {
        print_json_string(i ? ", " : "", header->metadata[i].key);
        print_json_string(": ", header->metadata[i].value);
    }
    printf("},\n \"tensors\": [");
    for (size_t i = 0; i < header->tensor_count; i++) {
        const struct tensor_entry *t = &header->tensors[i];
        print_json_string(i ? ",\n  {\"name\": " : "\n  {\"name\": ", t->name);
        printf(", \"dtype\": \"%s\", \"bytes\": %" PRIu64 ", \"shape\": [", dtype_name(t->dtype), t->bytes);
        for (int axis = 0; axis < t->rank; axis++)
            printf("%s%" PRIu64, axis ? ", " : "", t->shape[axis]);
        printf("]}");
    }
    printf("],\n \"nodes\": [");
    const char *before = "\n  {\"name\": ";
    for (int i = 0; i < graph->count; i++) {
        const struct node *node = &graph->nodes[i];
        const struct layer_dims *d = &plan->dims[i];
        if (node->fused_into != NO_VALUE)
            continue;
        print_json_string(before, node->name);
        before = ",\n  {\"name\": ";
        printf(", \"op\": \"%s\", \"shape\": [%" PRId64 ", %" PRId64 ", %" PRId64 ", %" PRId64
               "], \"parameters\": %" PRId64 ", \"flop\": %.0f}",
               operator_name(node), d->n, d->oc, d->oh, d->ow, node->parameters, node_flops(node, d));
    }
    printf("],\n \"parameters\": %" PRId64 ", \"flop\": %.0f, \"arena_bytes\": %zu}\n",
           graph_parameters(graph), plan_flops(graph, plan), plan->arena_bytes);
}

limn_status inspect_run(const struct options *options, limn_error *error)
{
    struct contents contents;
    limn_status status = open_contents(options, &contents, error);
    if (status == LIMN_OK && !options->json) {
        const struct safetensors *header = contents.weights.header;
        print_column(contents.path, 0);
        putchar('\n');
        for (size_t i = 0; i < header->metadata_count; i++) {
            print_column(header->metadata[i].key, 20);
            putchar(' ');
            print_column(header->metadata[i].value, 0);
            putchar('\n');
        }
        print_tensors(header);
    }
    struct plan plan = {0};
    if (status == LIMN_OK)
        status = model_build(&contents.weights, &contents.graph, &contents.kind, error);
    if (status == LIMN_OK) {
        int64_t usual = model_usual_side(contents.kind, &contents.graph);
        limn_size size = {options->batch, options->height ? options->height : usual,
                          options->width ? options->width : usual};
        status = plan_create(&contents.graph, (struct kernel_rule){0}, size, contents.path, &plan, error);
    }
    if (status == LIMN_OK && options->json) {
        print_json(&contents, &plan);
    } else if (status == LIMN_OK) {
        printf("\n%s: %s\n", contents.kind->name, contents.kind->does);
        print_graph(&contents, &plan);
    }
    plan_free(&plan);
    close_contents(&contents);
    return status;
}

/* ---- verify ------------------------------------------------------------------------------ */

limn_status verify_run(const struct options *options, limn_error *error)
{
    struct contents contents;
    limn_status status = open_contents(options, &contents, error);
    if (status == LIMN_OK)
        status = model_build(&contents.weights, &contents.graph, &contents.kind, error);
    const struct safetensors *header = contents.weights.header;
    for (size_t i = 0; status == LIMN_OK && i < header->tensor_count; i++)
        if (dtype_is_usable(header->tensors[i].dtype))
            status = weights_check(&contents.weights, &header->tensors[i], error);
    if (status == LIMN_OK && options->json) {
        print_json_string("{\"file\": ", contents.path);
        printf(", \"model\": \"%s\", \"tensors\": %zu, \"ok\": true}\n", contents.kind->name,
               header->tensor_count);
    } else if (status == LIMN_OK) {
        print_column(contents.path, 0);
        printf(": ok, %s, %zu tensors, %" PRId64 " parameters\n", contents.kind->name, header->tensor_count,
               graph_parameters(&contents.graph));
    }
    close_contents(&contents);
    return status;
}
