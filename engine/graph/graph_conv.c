/* graph_conv.c - the operations with weights, convolutions and linear layers: see graph.h. */
#include "engine/graph/graph.h"

#include <inttypes.h>

/* Positions of OC, IC, KH, KW among the axes of a layout. */
static const struct {
    int o, i, h, w;
} axes[] = {
    [LAYOUT_OIHW] = {0, 1, 2, 3},
    [LAYOUT_HWIO] = {3, 2, 0, 1},
    [LAYOUT_IOHW] = {1, 0, 2, 3},
};

struct layer_dims graph_window(int64_t kh, int64_t kw, struct conv conv)
{
    int64_t stride = conv.stride ? conv.stride : 1, dilation = conv.dilation ? conv.dilation : 1;
    return (struct layer_dims){.kh = kh,
                               .kw = kw,
                               .stride_h = stride,
                               .stride_w = stride,
                               .pad_h = conv.pad,
                               .pad_w = conv.pad,
                               .dilation_h = dilation,
                               .dilation_w = dilation};
}

/* Sets a node's weights, and its bias if the file has the vector NAME+BIAS. */
static void set_weights(struct graph *graph, struct node *node, const char *name,
                        const struct tensor_entry *weight, int64_t channels, const char *bias)
{
    node->weight = weight;
    node->channels = channels;
    node->parameters = (int64_t)weight->elements;
    if (*bias && graph_has_tensor(graph, "%s%s", name, bias)) {
        node->bias = graph_read_vector(graph, name, bias, channels);
        node->parameters += channels;
    }
}

static value_id convolution(struct graph *graph, value_id x, struct conv conv, enum layer_kind kind,
                            enum weight_layout layout, const char *name)
{
    char shape[96];
    const char *suffix = conv.weight ? conv.weight : ".weight";
    struct node *node = graph_append(graph, name, "", layer_operators[kind].name, x);
    const struct tensor_entry *weight = graph_use_tensor(graph, name, suffix, 4);
    if (!node || !weight)
        return NO_VALUE;
    int64_t inputs = (int64_t)weight->shape[axes[layout].i];
    if (inputs != node->channels)
        return graph_fail(graph, "tensor %s is %s: %" PRId64 " input channels, %" PRId64 " expected",
                          weight->name, shape_text(weight, shape), inputs, node->channels);
    node->kind = kind;
    node->layout = layout;
    node->window =
        graph_window((int64_t)weight->shape[axes[layout].h], (int64_t)weight->shape[axes[layout].w], conv);
    set_weights(graph, node, name, weight, (int64_t)weight->shape[axes[layout].o],
                conv.bias ? conv.bias : ".bias");
    return graph_last(graph);
}

value_id graph_conv2d(struct graph *graph, value_id x, struct conv conv, const char *format, ...)
{
    char name[GRAPH_NAME];
    va_list arguments;
    va_start(arguments, format);
    graph_format_name(graph, name, format, arguments);
    va_end(arguments);
    return convolution(graph, x, conv, LAYER_CONV2D, conv.layout, name);
}

value_id graph_conv2d_transpose(struct graph *graph, value_id x, struct conv conv, const char *format, ...)
{
    char name[GRAPH_NAME];
    va_list arguments;
    va_start(arguments, format);
    graph_format_name(graph, name, format, arguments);
    va_end(arguments);
    value_id y = convolution(graph, x, conv, LAYER_CONV2D_TRANSPOSE, LAYOUT_IOHW, name);
    if (y != NO_VALUE && graph->nodes[x].side == 1) {
        /* With one input pixel the stride has no effect. A stride as large as the kernel makes every output a
         * phase of its own (layers/phases.h), with the one tap that meets the input and none on the padding.
         */
        struct layer_dims *window = &graph->nodes[y].window;
        window->stride_h = window->kh;
        window->stride_w = window->kw;
    }
    return y;
}

value_id graph_linear(struct graph *graph, value_id x, int64_t side, const char *format, ...)
{
    char name[GRAPH_NAME], shape[96];
    va_list arguments;
    va_start(arguments, format);
    graph_format_name(graph, name, format, arguments);
    va_end(arguments);
    struct node *node = graph_append(graph, name, "", "linear", x);
    const struct tensor_entry *weight = graph_use_tensor(graph, name, ".weight", 2);
    if (!node || !weight)
        return NO_VALUE;
    int64_t inputs = node->channels * side * side;
    if ((int64_t)weight->shape[1] != inputs)
        return graph_fail(graph, "tensor %s is %s: %" PRIu64 " inputs, %" PRId64 " expected", weight->name,
                          shape_text(weight, shape), weight->shape[1], inputs);
    node->kind = LAYER_CONV2D;
    node->layout = LAYOUT_OIHW; /* a row is C x side x side: the kernel of one output */
    node->window = graph_window(side, side, (struct conv){0});
    set_weights(graph, node, name, weight, (int64_t)weight->shape[0], ".bias");
    return graph_last(graph);
}
