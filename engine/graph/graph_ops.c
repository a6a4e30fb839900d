/* graph_ops.c - the operations without convolution weights, one function each: see graph.h. Each appends a
 * node and sets its channels; the plan infers heights and widths. */
#include "engine/base/memory.h"
#include "engine/graph/graph.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

/* Appends a layer that reads x, named after x with a suffix: "/" and what the layer does. NULL after a
 * failure. */
static struct node *append_layer(struct graph *graph, value_id x, const char *suffix, enum layer_kind kind)
{
    struct node *node =
        graph->status == LIMN_OK ? graph_append(graph, graph->nodes[x].made, suffix, suffix + 1, x) : NULL;
    if (node)
        node->kind = kind;
    return node;
}

/* ---- inputs ------------------------------------------------------------------------------ */

value_id graph_input_fixed(struct graph *graph, const char *name, int64_t channels, int64_t side)
{
    struct node *node = graph_append(graph, name, "", "input", NO_VALUE);
    if (node) {
        node->role = NODE_INPUT;
        node->channels = channels;
        node->side = side;
    }
    return graph_last(graph);
}

value_id graph_input(struct graph *graph, const char *name, int64_t channels)
{
    return graph_input_fixed(graph, name, channels, 0);
}

/* ---- pointwise --------------------------------------------------------------------------- */

static value_id activate(struct graph *graph, value_id x, const char *suffix, enum activation activation,
                         float slope)
{
    struct node *node = append_layer(graph, x, suffix, LAYER_POINTWISE);
    if (node) {
        node->activation = activation;
        node->slope = slope;
    }
    return graph_last(graph);
}

value_id graph_relu(struct graph *graph, value_id x)
{
    return activate(graph, x, "/relu", ACTIVATION_RELU, 0);
}

value_id graph_leaky_relu(struct graph *graph, value_id x, float slope)
{
    return activate(graph, x, "/leaky_relu", ACTIVATION_LEAKY_RELU, slope);
}

value_id graph_tanh(struct graph *graph, value_id x)
{
    return activate(graph, x, "/tanh", ACTIVATION_TANH, 0);
}

value_id graph_sigmoid(struct graph *graph, value_id x)
{
    return activate(graph, x, "/sigmoid", ACTIVATION_SIGMOID, 0);
}

value_id graph_add(struct graph *graph, value_id a, value_id b)
{
    struct node *node = append_layer(graph, a, "/add", LAYER_POINTWISE);
    if (node) {
        node->residual = b;
        if (graph->nodes[b].channels != node->channels)
            graph_fail(graph, "%s: %" PRId64 " channels added to %" PRId64, node->name,
                       graph->nodes[b].channels, node->channels);
    }
    return graph_last(graph);
}

static float *copy_vector(struct graph *graph, const float *from, int64_t count)
{
    float *vector = graph_new_vector(graph, count);
    return vector ? memcpy(vector, from, (size_t)count * sizeof *vector) : NULL;
}

value_id graph_shift(struct graph *graph, value_id x, const float *shift)
{
    struct node *node = append_layer(graph, x, "/shift", LAYER_POINTWISE);
    if (node)
        node->bias = copy_vector(graph, shift, node->channels);
    return graph_last(graph);
}

value_id graph_scale_shift(struct graph *graph, value_id x, const float *scale, const float *shift)
{
    struct node *node = append_layer(graph, x, "/scale", LAYER_POINTWISE);
    if (node) {
        node->scale = copy_vector(graph, scale, node->channels);
        node->shift = copy_vector(graph, shift, node->channels);
    }
    return graph_last(graph);
}

/* y = (x - mean) / sqrt(variance + eps) * weight + bias, as one scale and one shift, computed in double. */
static void fill_batchnorm(struct graph *graph, struct node *node, const char *name)
{
    const double eps = 1e-5;
    int64_t count = node->channels;
    float *weight = graph_read_vector(graph, name, ".weight", count);
    float *bias = graph_read_vector(graph, name, ".bias", count);
    float *mean = graph_read_vector(graph, name, ".running_mean", count);
    float *variance = graph_read_vector(graph, name, ".running_var", count);
    node->scale = graph_new_vector(graph, count);
    node->shift = graph_new_vector(graph, count);
    for (int64_t c = 0; graph->status == LIMN_OK && c < count; c++) {
        double scale = (double)weight[c] / sqrt((double)variance[c] + eps);
        if (variance[c] < 0)
            graph_fail(graph, "tensor %s.running_var: variance %g of channel %" PRId64 " is negative", name,
                       (double)variance[c], c);
        node->scale[c] = (float)scale;
        node->shift[c] = (float)((double)bias[c] - (double)mean[c] * scale);
    }
    node->parameters = 2 * count;
    mem_free(weight);
    mem_free(bias);
    mem_free(mean);
    mem_free(variance);
}

value_id graph_batchnorm(struct graph *graph, value_id x, const char *format, ...)
{
    char name[GRAPH_NAME];
    va_list arguments;
    va_start(arguments, format);
    graph_format_name(graph, name, format, arguments);
    va_end(arguments);
    struct node *node = graph_append(graph, name, "", "batchnorm", x);
    if (node) {
        node->kind = LAYER_POINTWISE;
        fill_batchnorm(graph, node, name);
    }
    return graph_last(graph);
}

/* ---- pooling, softmax -------------------------------------------------------------------- */

static value_id max_pool(struct graph *graph, value_id x, const char *suffix, int64_t kernel, int64_t stride,
                         int64_t pad)
{
    struct node *node = append_layer(graph, x, suffix, LAYER_MAX_POOL);
    if (node)
        node->window = graph_window(kernel, kernel, (struct conv){.stride = stride, .pad = pad});
    return graph_last(graph);
}

value_id graph_max_pool(struct graph *graph, value_id x, int64_t kernel, int64_t stride, int64_t pad)
{
    return max_pool(graph, x, "/max_pool", kernel, stride, pad);
}

value_id graph_subsample(struct graph *graph, value_id x, int64_t stride)
{
    return max_pool(graph, x, "/subsample", 1, stride, 0);
}

value_id graph_average_pool(struct graph *graph, value_id x)
{
    append_layer(graph, x, "/average_pool", LAYER_AVERAGE_POOL);
    return graph_last(graph);
}

value_id graph_softmax(struct graph *graph, value_id x)
{
    append_layer(graph, x, "/softmax", LAYER_SOFTMAX);
    return graph_last(graph);
}

/* ---- sizes ------------------------------------------------------------------------------- */

static value_id resize(struct graph *graph, value_id x, const char *suffix, enum layer_kind kind,
                       int64_t factor, value_id like, bool align_corners)
{
    struct node *node = append_layer(graph, x, suffix, kind);
    if (node) {
        node->factor = factor;
        node->like = like;
        node->window.align_corners = align_corners;
    }
    return graph_last(graph);
}

value_id graph_upsample(struct graph *graph, value_id x, int64_t factor)
{
    return resize(graph, x, "/upsample", LAYER_UPSAMPLE, factor, NO_VALUE, false);
}

value_id graph_bicubic(struct graph *graph, value_id x, int64_t factor)
{
    return resize(graph, x, "/bicubic", LAYER_BICUBIC, factor, NO_VALUE, false);
}

value_id graph_bilinear(struct graph *graph, value_id x, int64_t factor, bool align_corners)
{
    return resize(graph, x, "/bilinear", LAYER_BILINEAR, factor, NO_VALUE, align_corners);
}

value_id graph_bilinear_like(struct graph *graph, value_id x, value_id like, bool align_corners)
{
    return resize(graph, x, "/bilinear", LAYER_BILINEAR, 0, like, align_corners);
}

value_id graph_pad_like(struct graph *graph, value_id x, value_id like)
{
    return resize(graph, x, "/pad", LAYER_PAD, 0, like, false);
}

value_id graph_concat(struct graph *graph, const value_id *parts, int count)
{
    struct node *node = graph->status == LIMN_OK
                            ? graph_append(graph, graph->nodes[parts[0]].made, "/concat", "concat", NO_VALUE)
                            : NULL;
    for (int i = 0; node && i < count && i < PARTS_MOST; i++) {
        node->role = NODE_CONCAT;
        node->parts[node->part_count++] = parts[i];
        node->channels += graph->nodes[parts[i]].channels;
    }
    return graph_last(graph);
}
