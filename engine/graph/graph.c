/* graph.c - nodes, errors and tensors of a graph: see graph.h. The operations are in graph_conv.c
 * and graph_ops.c. */
#include "engine/graph/graph.h"
#include "engine/base/memory.h"
#include "layers/sizes.h"
#include "weights/number.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Far more operations than any network here has: a file can specify any number, and planning takes time
 * proportional to its square. */
enum { NODES_MOST = 4096 };

void graph_begin(struct graph *graph, const struct weights_file *weights, limn_error *error)
{
    *graph = (struct graph){
        .weights = weights, .error = error, .output = NO_VALUE, .side_multiple = 1, .prefix = ""};
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

value_id graph_fail_because(struct graph *graph, limn_reason reason, const char *format, ...)
{
    if (graph->status == LIMN_OK) {
        char text[512];
        va_list arguments;
        va_start(arguments, format);
        number_vprint(text, sizeof text, format, arguments);
        va_end(arguments);
        graph->status = fail_because(graph->error, LIMN_E_WEIGHTS, reason, "%s: %s", graph->path, text);
    }
    return NO_VALUE;
}

static value_id no_memory(struct graph *graph, size_t bytes)
{
    if (graph->status == LIMN_OK)
        graph->status = fail_memory(graph->error, graph->path, bytes);
    return NO_VALUE;
}

/* ---- nodes ------------------------------------------------------------------------------- */

static bool name_taken(const struct graph *graph, const char *name)
{
    for (int i = 0; i < graph->count; i++)
        if (strcmp(graph->nodes[i].made, name) == 0)
            return true;
    return false;
}

static bool make_room(struct graph *graph)
{
    if (graph->count < graph->room)
        return true;
    int room = graph->room ? 2 * graph->room : 64;
    struct node *grown = mem_resize(graph->nodes, (size_t)room * sizeof *grown);
    if (!grown) {
        no_memory(graph, (size_t)room * sizeof *grown);
        return false;
    }
    graph->nodes = grown;
    graph->room = room;
    return true;
}

void graph_format_name(struct graph *graph, char name[GRAPH_NAME], const char *format, va_list arguments)
{
    if (vsnprintf(name, GRAPH_NAME, format, arguments) >= GRAPH_NAME)
        graph_fail(graph, "node name %s... is too long", name);
}

struct node *graph_append(struct graph *graph, const char *name, const char *suffix, const char *does,
                          value_id x)
{
    char full[GRAPH_NAME];
    if (graph->status != LIMN_OK || !make_room(graph))
        return NULL;
    if (graph->count == NODES_MOST) {
        graph_fail(graph, "a network of more than %d operations", (int)NODES_MOST);
        return NULL;
    }
    if (snprintf(full, sizeof full, "%s%s", name, suffix) >= (int)sizeof full || name_taken(graph, full)) {
        graph_fail(graph, "node name %s%s is too long or occurs twice", name, suffix);
        return NULL;
    }
    struct node *node = &graph->nodes[graph->count++];
    *node =
        (struct node){.does = does, .x = x, .residual = NO_VALUE, .like = NO_VALUE, .fused_into = NO_VALUE};
    node->name = mem_strdup(full);
    node->made = mem_strdup(full);
    if (!node->name || !node->made) {
        no_memory(graph, strlen(full));
        return NULL;
    }
    if (x != NO_VALUE)
        node->channels = graph->nodes[x].channels;
    return node;
}

value_id graph_maker(const struct graph *graph, value_id x)
{
    while (x != NO_VALUE && graph->nodes[x].fused_into != NO_VALUE)
        x = graph->nodes[x].fused_into;
    return x;
}

bool node_runs(const struct node *node)
{
    return node->role != NODE_INPUT && node->fused_into == NO_VALUE;
}

int64_t graph_parameters(const struct graph *graph)
{
    int64_t sum = 0;
    for (int i = 0; i < graph->count; i++)
        sum += graph->nodes[i].fused_into == NO_VALUE ? graph->nodes[i].parameters : 0;
    return sum;
}

value_id graph_find(const struct graph *graph, const char *name)
{
    value_id found = 0;
    while (found < graph->count && strcmp(graph->nodes[found].name, name) != 0)
        found++;
    return found < graph->count ? found : NO_VALUE;
}

value_id graph_last(const struct graph *graph)
{
    return graph->status == LIMN_OK ? graph->count - 1 : NO_VALUE;
}

void graph_output(struct graph *graph, value_id x)
{
    graph->output = x;
}

void graph_require_sides(struct graph *graph, int64_t least, int64_t multiple)
{
    graph->side_least = least;
    graph->side_multiple = multiple;
}

void graph_require_channels(struct graph *graph, value_id x, int64_t channels)
{
    if (graph->status == LIMN_OK && graph->nodes[x].channels != channels)
        graph_fail(graph, "%s has %" PRId64 " channels, %" PRId64 " expected", graph->nodes[x].made,
                   graph->nodes[x].channels, channels);
}

/* ---- tensors ----------------------------------------------------------------------------- */

static const struct tensor_entry *find_tensor(const struct graph *graph, const char *format,
                                              va_list arguments)
{
    char name[GRAPH_NAME];
    int used = snprintf(name, sizeof name, "%s", graph->prefix);
    vsnprintf(name + used, sizeof name - (size_t)used, format, arguments);
    return safetensors_find(graph->weights->header, name);
}

bool graph_has_tensor(const struct graph *graph, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    bool found = find_tensor(graph, format, arguments);
    va_end(arguments);
    return found;
}

void graph_tensor_shape(const struct graph *graph, int64_t shape[4], const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    const struct tensor_entry *entry = find_tensor(graph, format, arguments);
    va_end(arguments);
    for (int i = 0; i < 4; i++)
        shape[i] = entry && i < entry->rank && entry->shape[i] < INT32_MAX ? (int64_t)entry->shape[i] : 0;
}

const struct tensor_entry *graph_use_tensor(struct graph *graph, const char *name, const char *suffix,
                                            int rank)
{
    char full[GRAPH_NAME], shape[96];
    if (graph->status != LIMN_OK)
        return NULL;
    if (snprintf(full, sizeof full, "%s%s", name, suffix) >= (int)sizeof full) {
        graph_fail(graph, "tensor name %s%s is too long", name, suffix);
        return NULL;
    }
    const struct tensor_entry *entry = safetensors_find(graph->weights->header, full);
    if (!entry) {
        graph_fail(graph, "tensor %s is missing", full);
        return NULL;
    }
    graph->used[entry - graph->weights->header->tensors] = true;
    graph->status = weights_check_dtype(graph->weights, entry, graph->error);
    if (graph->status != LIMN_OK)
        return NULL;
    bool fits = entry->rank == rank;
    for (int i = 0; i < entry->rank; i++)
        fits = fits && entry->shape[i] > 0 && entry->shape[i] < INT32_MAX;
    if (!fits) {
        graph_fail(graph, "tensor %s is %s; %d positive dimensions expected", full, shape_text(entry, shape),
                   rank);
        return NULL;
    }
    return entry;
}

float *graph_new_vector(struct graph *graph, int64_t count)
{
    float *vector = graph->status == LIMN_OK ? mem_zalloc(1, float_bytes(count)) : NULL;
    if (!vector)
        no_memory(graph, float_bytes(count));
    return vector;
}

float *graph_read_vector(struct graph *graph, const char *name, const char *suffix, int64_t count)
{
    const struct tensor_entry *entry = graph_use_tensor(graph, name, suffix, 1);
    if (!entry)
        return NULL;
    if (entry->elements != (uint64_t)count) {
        graph_fail(graph, "tensor %s has %" PRIu64 " elements, %" PRId64 " expected", entry->name,
                   entry->elements, count);
        return NULL;
    }
    float *vector = graph_new_vector(graph, count);
    bool finite = true;
    limn_status status =
        vector ? weights_read(graph->weights, entry, vector, &finite, graph->error) : graph->status;
    if (!finite && !graph->nonfinite)
        graph->nonfinite = entry;
    if (status == LIMN_OK)
        return vector;
    graph->status = status;
    mem_free(vector);
    return NULL;
}

/* Whether `name` begins with `part` or has it after a dot. */
static bool has_part(const char *name, const char *part)
{
    size_t length = strlen(part);
    const char *at = name;
    while (strncmp(at, part, length) != 0) {
        at = strchr(at, '.');
        if (!at)
            return false;
        at++;
    }
    return true;
}

void graph_ignore(struct graph *graph, const char *const *parts)
{
    const struct safetensors *header = graph->weights->header;
    for (size_t i = 0; graph->status == LIMN_OK && i < header->tensor_count; i++)
        for (const char *const *part = parts; *part; part++)
            graph->used[i] = graph->used[i] || has_part(header->tensors[i].name, *part);
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
        graph_fail(graph, "%zu tensors that the network does not have: %s%s", unexpected, names,
                   unexpected > 10 ? ", ..." : "");
}

value_id graph_input_node(const struct graph *graph, int index)
{
    for (int i = 0; i < graph->count; i++)
        if (graph->nodes[i].role == NODE_INPUT && index-- == 0)
            return i;
    return NO_VALUE;
}

struct graph graph_until(const struct graph *graph, value_id output)
{
    struct graph part = *graph;
    part.output = output;
    part.count = graph_maker(graph, output) + 1;
    return part;
}
