/* graph.c - building a graph: see graph.h. */
#include "graph.h"
#include "memory.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { NAME_ROOM = 256 };

void graph_begin(struct graph *graph, const struct weights_file *weights, limn_error *error)
{
    *graph = (struct graph){.weights = weights, .error = error, .output = NO_VALUE};
    graph->path = file_path(weights->file);
    graph->used = mem_zalloc(weights->header->tensor_count + 1, sizeof *graph->used);
    if (!graph->used)
        graph->status = fail_memory(error, graph->path, weights->header->tensor_count);
}

void graph_free(struct graph *graph)
{
    for (int i = 0; i < graph->count; i++) {
        struct node *node = &graph->nodes[i];
        mem_free(node->name);
        mem_free(node->made);
        mem_free(node->weight_scale);
        mem_free(node->bias);
        mem_free(node->scale);
        mem_free(node->shift);
    }
    mem_free(graph->nodes);
    mem_free(graph->used);
    *graph = (struct graph){0};
}

value graph_fail(struct graph *graph, const char *format, ...)
{
    if (graph->status == LIMN_OK) {
        char text[512];
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(text, sizeof text, format, arguments);
        va_end(arguments);
        graph->status = fail(graph->error, LIMN_E_WEIGHTS, "%s: %s", graph->path, text);
    }
    return NO_VALUE;
}

static value no_memory(struct graph *graph, size_t bytes)
{
    if (graph->status == LIMN_OK)
        graph->status = fail_memory(graph->error, graph->path, bytes);
    return NO_VALUE;
}

/* ---- nodes ------------------------------------------------------------------------------- */

/* Appends a node that reads x (NO_VALUE for an input); its name is x's plus the suffix, or `name` alone. */
static struct node *append(struct graph *graph, const char *base, const char *suffix, value x)
{
    if (graph->status != LIMN_OK)
        return NULL;
    if (graph->count == graph->room) {
        int room = graph->room ? 2 * graph->room : 64;
        struct node *grown = mem_resize(graph->nodes, (size_t)room * sizeof *grown);
        if (!grown) {
            no_memory(graph, (size_t)room * sizeof *grown);
            return NULL;
        }
        graph->nodes = grown;
        graph->room = room;
    }
    char name[NAME_ROOM];
    if (snprintf(name, sizeof name, "%s%s", base, suffix) >= (int)sizeof name) {
        graph_fail(graph, "node name %s%s is too long", base, suffix);
        return NULL;
    }
    for (int i = 0; i < graph->count; i++)
        if (strcmp(graph->nodes[i].made, name) == 0) {
            graph_fail(graph, "two nodes are called %s", name);
            return NULL;
        }
    struct node *node = &graph->nodes[graph->count];
    *node = (struct node){.x = x, .residual = NO_VALUE, .fused_into = NO_VALUE};
    graph->count++;
    node->name = mem_strdup(name);
    node->made = mem_strdup(name);
    if (!node->name || !node->made) {
        no_memory(graph, strlen(name));
        return NULL;
    }
    if (x != NO_VALUE)
        node->channels = graph->nodes[x].channels;
    return node;
}

static value last_value(const struct graph *graph)
{
    return graph->count - 1;
}

/* A node that changes x: named after it. NULL when x is NO_VALUE after an earlier failure. */
static struct node *append_to(struct graph *graph, value x, const char *suffix)
{
    return graph->status == LIMN_OK ? append(graph, graph->nodes[x].made, suffix, x) : NULL;
}

value graph_input(struct graph *graph, const char *name, int64_t channels)
{
    struct node *node = append(graph, name, "", NO_VALUE);
    if (!node)
        return NO_VALUE;
    node->is_input = true;
    node->channels = channels;
    return last_value(graph);
}

value graph_relu(struct graph *graph, value x)
{
    struct node *node = append_to(graph, x, "/relu");
    if (!node)
        return NO_VALUE;
    node->kind = LAYER_POINTWISE;
    node->activation = ACTIVATION_RELU;
    return last_value(graph);
}

value graph_add(struct graph *graph, value a, value b)
{
    struct node *node = append_to(graph, a, "/add");
    if (!node)
        return NO_VALUE;
    node->kind = LAYER_POINTWISE;
    node->residual = b;
    if (graph->nodes[b].channels != node->channels)
        return graph_fail(graph, "%s: %" PRId64 " channels added to %" PRId64, node->name,
                          graph->nodes[b].channels, node->channels);
    return last_value(graph);
}

value graph_shift(struct graph *graph, value x, const float *shift)
{
    struct node *node = append_to(graph, x, "/shift");
    if (!node)
        return NO_VALUE;
    node->kind = LAYER_POINTWISE;
    size_t bytes = (size_t)node->channels * sizeof *shift;
    node->bias = mem_alloc(bytes);
    if (!node->bias)
        return no_memory(graph, bytes);
    memcpy(node->bias, shift, bytes);
    return last_value(graph);
}

static value enlarge(struct graph *graph, value x, const char *suffix, enum layer_kind kind, int64_t factor)
{
    struct node *node = append_to(graph, x, suffix);
    if (!node)
        return NO_VALUE;
    node->kind = kind;
    node->factor = factor;
    return last_value(graph);
}

value graph_upsample(struct graph *graph, value x, int64_t factor)
{
    return enlarge(graph, x, "/upsample", LAYER_UPSAMPLE, factor);
}

value graph_bicubic(struct graph *graph, value x, int64_t factor)
{
    return enlarge(graph, x, "/bicubic", LAYER_BICUBIC, factor);
}

void graph_output(struct graph *graph, value x)
{
    graph->output = x;
}

/* ---- tensors ----------------------------------------------------------------------------- */

bool graph_has_tensor(const struct graph *graph, const char *format, ...)
{
    char name[NAME_ROOM];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(name, sizeof name, format, arguments);
    va_end(arguments);
    return safetensors_find(graph->weights->header, name) != NULL;
}

/* The tensor NAME+SUFFIX, marked as used; it must be of a usable dtype and have `rank` axes, all positive and
 * below 2^31 so that products of a few of them cannot overflow. */
static const struct tensor_entry *use_tensor(struct graph *graph, const char *name, const char *suffix,
                                             int rank)
{
    char full[NAME_ROOM], shape[96];
    snprintf(full, sizeof full, "%s%s", name, suffix);
    const struct tensor_entry *entry = safetensors_find(graph->weights->header, full);
    if (!entry) {
        graph_fail(graph, "tensor %s is missing", full);
        return NULL;
    }
    graph->used[entry - graph->weights->header->tensors] = true;
    bool fits = entry->rank == rank && dtype_is_usable(entry->dtype);
    for (int i = 0; i < entry->rank; i++)
        fits = fits && entry->shape[i] > 0 && entry->shape[i] < INT32_MAX;
    if (!fits) {
        graph_fail(graph, "tensor %s is %s of %s; %d positive dimensions of F32, F16 or BF16 expected", full,
                   dtype_name(entry->dtype), shape_text(entry, shape), rank);
        return NULL;
    }
    return entry;
}

/* Reads NAME+SUFFIX, which must hold `count` elements. NULL after a failure. */
static float *read_vector(struct graph *graph, const char *name, const char *suffix, int64_t count)
{
    const struct tensor_entry *entry = use_tensor(graph, name, suffix, 1);
    if (!entry)
        return NULL;
    if (entry->elements != (uint64_t)count) {
        graph_fail(graph, "tensor %s has %" PRIu64 " elements, %" PRId64 " expected", entry->name,
                   entry->elements, count);
        return NULL;
    }
    float *vector = mem_alloc((size_t)count * sizeof *vector);
    if (!vector) {
        no_memory(graph, (size_t)count * sizeof *vector);
        return NULL;
    }
    limn_status status = weights_read(graph->weights, entry, vector, NULL, graph->error);
    if (status != LIMN_OK) {
        graph->status = status;
        mem_free(vector);
        return NULL;
    }
    return vector;
}

value graph_conv2d(struct graph *graph, value x, const char *name, struct conv conv)
{
    struct node *node = graph->status == LIMN_OK ? append(graph, name, "", x) : NULL;
    if (!node)
        return NO_VALUE;
    const char *bias = conv.bias ? conv.bias : ".bias";
    const struct tensor_entry *weight = use_tensor(graph, name, conv.weight ? conv.weight : ".weight", 4);
    if (!weight)
        return NO_VALUE;
    const uint64_t *s = weight->shape;
    bool oihw = conv.layout == LAYOUT_OIHW;
    int64_t inputs = (int64_t)(oihw ? s[1] : s[2]), outputs = (int64_t)(oihw ? s[0] : s[3]);
    int64_t stride = conv.stride ? conv.stride : 1, dilation = conv.dilation ? conv.dilation : 1;
    if (inputs != node->channels) {
        char shape[96];
        return graph_fail(graph, "tensor %s is %s: %" PRId64 " input channels, %" PRId64 " expected",
                          weight->name, shape_text(weight, shape), inputs, node->channels);
    }
    node->kind = LAYER_CONV2D;
    node->weight = weight;
    node->layout = conv.layout;
    node->channels = outputs;
    node->window = (struct layer_dims){.kh = (int64_t)(oihw ? s[2] : s[0]),
                                       .kw = (int64_t)(oihw ? s[3] : s[1]),
                                       .stride_h = stride,
                                       .stride_w = stride,
                                       .pad_h = conv.pad,
                                       .pad_w = conv.pad,
                                       .dilation_h = dilation,
                                       .dilation_w = dilation};
    if (*bias) {
        float *vector = read_vector(graph, name, bias, outputs);
        if (!vector)
            return NO_VALUE;
        node->bias = vector;
    }
    return last_value(graph);
}

void graph_ignore(struct graph *graph, const char *const *parts)
{
    const struct safetensors *header = graph->weights->header;
    for (size_t i = 0; graph->status == LIMN_OK && i < header->tensor_count; i++)
        for (const char *const *part = parts; *part; part++)
            graph->used[i] = graph->used[i] || strstr(header->tensors[i].name, *part);
}

void graph_check_all_used(struct graph *graph)
{
    const struct safetensors *header = graph->weights->header;
    char names[400] = "";
    size_t unexpected = 0;
    for (size_t i = 0; graph->status == LIMN_OK && i < header->tensor_count; i++) {
        if (graph->used[i] || unexpected++ >= 10)
            continue;
        size_t used = strlen(names);
        snprintf(names + used, sizeof names - used, "%s%s", used ? ", " : "", header->tensors[i].name);
    }
    if (unexpected)
        graph_fail(graph, "%zu tensors that the graph does not have: %s%s", unexpected, names,
                   unexpected > 10 ? ", ..." : "");
}

int64_t node_parameters(const struct node *node)
{
    return (node->weight ? (int64_t)node->weight->elements : 0) +
           (node->weight && node->bias ? node->channels : 0);
}
