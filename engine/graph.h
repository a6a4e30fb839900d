/* graph.h - a network as a list of operations, before any size is known.
 *
 * A model file in engine/models/ builds one with the calls below, one operation a line, in the order of
 * execution. Each call returns a value: the tensor that the operation will make. Errors are sticky: after the
 * first, every call does nothing, and the builder's caller checks graph->status once.
 *
 *     value x = graph_input(g, "rgb", 3);
 *     value y = graph_relu(g, graph_conv2d(g, x, "stem", (struct conv){.pad = 1}));
 *     graph_output(g, graph_add(g, x, y));
 *
 * Values are named after what made them: a convolution after its weights ("stem"), what follows by a suffix
 * ("stem/relu", "stem/relu/add"). A name that repeats is an error.
 *
 * graph_fold then fuses pointwise operations into what makes their input (see graph_fold.c); plan.h turns the
 * result into something that can run at one size. */
#ifndef LIMN_GRAPH_H
#define LIMN_GRAPH_H

#include "layer.h"
#include "weights_file.h"

typedef int value;

enum { NO_VALUE = -1 };

/* The order of a weight tensor's axes in the file. */
enum weight_layout {
    LAYOUT_OIHW, /* PyTorch's conv2d */
    LAYOUT_HWIO, /* TensorFlow's */
};

/* A convolution's parameters; kernel and channels come from the weight tensor. 0 in stride or dilation
 * means 1. */
struct conv {
    enum weight_layout layout;
    const char *weight,
        *bias; /* suffixes of the tensors' names, default ".weight" and ".bias"; bias "" for none */
    int64_t stride, pad, dilation;
};

struct node {
    char *name; /* of the operation */
    char *made; /* of its value, after what was fused into it */
    bool is_input;
    enum layer_kind kind; /* unless is_input */
    value x;
    int64_t channels;         /* of the value */
    struct layer_dims window; /* kernel, stride, padding, dilation only */
    int64_t factor;           /* of an enlargement */

    const struct tensor_entry *weight;
    enum weight_layout layout;
    float *weight_scale; /* factors a folded batchnorm multiplies into the weights, or NULL */

    /* The epilogue; arrays of `channels` floats owned by the graph, or NULL. */
    float *bias, *scale, *shift;
    value residual;
    enum activation activation;

    value fused_into; /* NO_VALUE, or the node that now makes this value */
};

struct graph {
    const struct weights_file *weights;
    const char *path; /* of the weights file, for messages */
    struct node *nodes;
    int count, room;
    value output;
    bool *used; /* per tensor of the weights file: the graph reads it */
    limn_status status;
    limn_error *error;
};

/* Starts an empty graph over a weights file, which must outlive it; `error` is filled at the first failure.
 */
void graph_begin(struct graph *graph, const struct weights_file *weights, limn_error *error);
void graph_free(struct graph *graph);

/* ---- building ---------------------------------------------------------------------------- */

value graph_input(struct graph *graph, const char *name, int64_t channels);

/* y = conv2d(x, NAME.weight) + NAME.bias: see layers/conv2d.c. Channels must fit x. */
value graph_conv2d(struct graph *graph, value x, const char *name, struct conv conv);

value graph_relu(struct graph *graph, value x);

/* a + b, of the same shape. */
value graph_add(struct graph *graph, value a, value b);

/* x + shift[c]; `shift` is copied, x's channels floats. */
value graph_shift(struct graph *graph, value x, const float *shift);

/* Nearest neighbour, `factor` times as high and wide. */
value graph_upsample(struct graph *graph, value x, int64_t factor);

/* TensorFlow 1's bicubic, likewise: see layers/bicubic.c. */
value graph_bicubic(struct graph *graph, value x, int64_t factor);

void graph_output(struct graph *graph, value x);

/* Whether the weights file has this tensor. printf-style. */
bool graph_has_tensor(const struct graph *graph, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Makes the first failure; later ones are ignored. Returns NO_VALUE, for builders to pass on. printf-style.
 */
value graph_fail(struct graph *graph, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* ---- after building ---------------------------------------------------------------------- */

/* Marks tensors that the graph knows and does not need: those whose name contains one of the NULL-ended
 * parts. */
void graph_ignore(struct graph *graph, const char *const *parts);

/* An error that lists up to ten tensors that are neither used nor ignored. */
void graph_check_all_used(struct graph *graph);

/* Fuses what can be fused. */
void graph_fold(struct graph *graph);

/* The node that makes `x` after folding. */
value graph_maker(const struct graph *graph, value x);

/* Parameters of a node: elements of its weight tensor and bias. */
int64_t node_parameters(const struct node *node);

#endif
