/* graph.h - a network as a list of operations, independent of the input size.
 *
 * A model file in engine/graph/models/ builds one with the calls below, one operation a line, in the order of
 * execution. Each call appends a node and returns the number of its value: the tensor that the operation will
 * make. Errors are sticky: after the first one every call does nothing, and the caller of the builder checks
 * graph->status once.
 *
 *     value_id x = graph_input(g, "rgb", 3);
 *     value_id y = graph_relu(g, graph_conv2d(g, x, (struct conv){.pad = 1}, "block%d.conv", 1));
 *     graph_output(g, graph_add(g, x, y));
 *
 * A value is named after what makes it: a convolution after its weights ("block1.conv"), what follows by a
 * suffix ("block1.conv/relu", "block1.conv/relu/add"). Using a name twice is an error.
 *
 * graph_fold then fuses pointwise operations into the ones that make their input (see graph_fold.c); plan.h
 * turns the result into something that can run at one size. */
#ifndef LIMN_GRAPH_H
#define LIMN_GRAPH_H

#include "engine/graph/weights_file.h"
#include "layers/operators.h"

#include <stdarg.h>

/* A value, by the index of the node that makes it. */
typedef int value_id;

enum { NO_VALUE = -1, PARTS_MOST = 8, GRAPH_NAME = 256 /* bytes of a name, with its zero */ };

/* The order of a weight tensor's axes in the file. */
enum weight_layout {
    LAYOUT_OIHW, /* PyTorch's conv2d */
    LAYOUT_HWIO, /* TensorFlow's */
    LAYOUT_IOHW, /* PyTorch's conv_transpose2d */
};

/* A convolution's parameters; kernel and channels come from the weight tensor. A stride or dilation of 0
 * means 1. */
struct conv {
    enum weight_layout layout;
    const char *weight,
        *bias; /* suffixes of the tensors' names: ".weight" and ".bias" if NULL; "": no bias */
    int64_t stride, pad, dilation;
};

enum node_role {
    NODE_LAYER,  /* an operator of layers/ */
    NODE_INPUT,  /* filled by the caller */
    NODE_CONCAT, /* its parts side by side; written in place if possible */
};

struct node {
    char *name; /* of the operation */
    char *made; /* of its value: the name of the last operation fused into it */
    const char
        *does; /* the operation in one word, as the network defines it: "conv2d", "add"; static storage */
    enum node_role role;
    enum layer_kind kind; /* of a layer */
    value_id x;
    int64_t channels;           /* of the value */
    int64_t side;               /* of an input of fixed size; 0: the session's size */
    struct layer_dims window;   /* kernel, stride, padding, dilation, align_corners only */
    int64_t factor;             /* of an enlargement; 0: to the size of `like` */
    value_id like;              /* the value whose height and width this one takes, or NO_VALUE */
    value_id parts[PARTS_MOST]; /* of a concat */
    int part_count;
    int64_t parameters; /* trained numbers that the operation uses */

    const struct tensor_entry *weight;
    enum weight_layout layout;
    bool enlarged;       /* the kernel is 4x4, computed from the tensor's 3x3: see graph_fold.c */
    float *weight_scale; /* per output channel: factors from a folded batchnorm, or NULL */

    /* The epilogue; arrays of `channels` floats owned by the graph, or NULL. */
    float *bias, *scale, *shift;
    value_id residual;
    enum activation activation;
    float slope; /* of a leaky ReLU */

    value_id fused_into; /* the node that now makes this value, or NO_VALUE */
};

struct graph {
    const struct weights_file *weights;
    const char *path;   /* of the weights file, for messages */
    const char *prefix; /* of the tensors' names in graph_has_tensor; "" except during recognition */
    struct node *nodes;
    int count, room;
    value_id output;
    int64_t side_least, side_multiple;    /* of heights and widths; 0 and 1 by default */
    bool *used;                           /* per tensor of the weights file: the graph reads or ignores it */
    const struct tensor_entry *nonfinite; /* the first tensor read that holds NaN or infinity, or NULL */
    limn_status status;
    limn_error *error;
};

/* Starts an empty graph over a weights file, which must outlive it. The first failure fills `error`. */
void graph_begin(struct graph *graph, const struct weights_file *weights, limn_error *error);
void graph_free(struct graph *graph);

/* ---- building ---------------------------------------------------------------------------- *
 *
 * Names of operations with weights are printf-style: they are the names of the tensors, without a suffix. */

value_id graph_input(struct graph *graph, const char *name, int64_t channels);

/* An input of side x side pixels at every session size, such as a latent vector of 1 x 1. */
value_id graph_input_fixed(struct graph *graph, const char *name, int64_t channels, int64_t side);

/* y = conv2d(x, NAME.weight) + NAME.bias: see layers/conv2d.c. Fails unless the weights have x's channels. */
value_id graph_conv2d(struct graph *graph, value_id x, struct conv conv, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* The transposed convolution: see layers/conv2d_transpose.c. Weights are IC x OC x KH x KW. */
value_id graph_conv2d_transpose(struct graph *graph, value_id x, struct conv conv, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* PyTorch's linear layer over a flattened x of side x side pixels: y[o] = sum of NAME.weight[o][c, h, w] *
 * x[c, h, w], plus NAME.bias. Weights are OC x (C side side), the inputs in NCHW order; y is 1 x 1 pixels.
 * Computed as a convolution without padding whose kernel covers x. */
value_id graph_linear(struct graph *graph, value_id x, int64_t side, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* PyTorch's BatchNorm2d at inference, eps 1e-5, from NAME.weight, .bias, .running_mean and .running_var. */
value_id graph_batchnorm(struct graph *graph, value_id x, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

value_id graph_relu(struct graph *graph, value_id x);
value_id graph_leaky_relu(struct graph *graph, value_id x, float slope);
value_id graph_tanh(struct graph *graph, value_id x);
value_id graph_sigmoid(struct graph *graph, value_id x);

/* a + b, of the same shape. */
value_id graph_add(struct graph *graph, value_id a, value_id b);

/* x + shift[c]; copies `shift`, one float per channel of x. */
value_id graph_shift(struct graph *graph, value_id x, const float *shift);

/* x * scale[c] + shift[c]; copies both. */
value_id graph_scale_shift(struct graph *graph, value_id x, const float *scale, const float *shift);

/* The channels of all parts, one part after the other; heights and widths must be equal. */
value_id graph_concat(struct graph *graph, const value_id *parts, int count);

/* See layers/pool.c. */
value_id graph_max_pool(struct graph *graph, value_id x, int64_t kernel, int64_t stride, int64_t pad);
value_id graph_average_pool(struct graph *graph, value_id x);

/* x[:, :, ::stride, ::stride]. */
value_id graph_subsample(struct graph *graph, value_id x, int64_t stride);

value_id graph_softmax(struct graph *graph, value_id x);

/* Pads x with zeros, or crops it, to the height and width of `like`; half of the difference, rounded down, at
 * the top and the left. */
value_id graph_pad_like(struct graph *graph, value_id x, value_id like);

/* Nearest neighbour, `factor` times as high and wide. */
value_id graph_upsample(struct graph *graph, value_id x, int64_t factor);

/* Bilinear, `factor` times as high and wide, or to the size of `like`: see layers/bilinear.c. */
value_id graph_bilinear(struct graph *graph, value_id x, int64_t factor, bool align_corners);
value_id graph_bilinear_like(struct graph *graph, value_id x, value_id like, bool align_corners);

/* TensorFlow 1's bicubic, `factor` times as high and wide: see layers/bicubic.c. */
value_id graph_bicubic(struct graph *graph, value_id x, int64_t factor);

void graph_output(struct graph *graph, value_id x);

/* Sets what the height and width of the input must be: at least `least`, and multiples of `multiple`. */
void graph_require_sides(struct graph *graph, int64_t least, int64_t multiple);

/* Fails unless x has `channels` channels. */
void graph_require_channels(struct graph *graph, value_id x, int64_t channels);

/* The sides of a tensor, 0 beyond its rank; all 0 if the file does not have it. */
void graph_tensor_shape(const struct graph *graph, int64_t shape[4], const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Whether the weights file has a tensor. */
bool graph_has_tensor(const struct graph *graph, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Records a failure, unless there was one before. Returns NO_VALUE, for builders to return. */
#define graph_fail(graph, ...) graph_fail_because(graph, LIMN_REASON_NONE, __VA_ARGS__)
value_id graph_fail_because(struct graph *graph, limn_reason reason, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* ---- after building ---------------------------------------------------------------------- */

/* Marks tensors that the graph does not need: those whose name, from its start or after a dot, begins with
 * one of the NULL-terminated parts. */
void graph_ignore(struct graph *graph, const char *const *parts);

/* Fails if there are tensors that are neither used nor ignored; the message lists up to ten. */
void graph_check_all_used(struct graph *graph);

/* Fuses what can be fused. */
void graph_fold(struct graph *graph);

/* The operation called `name`, which is also the name of its value; NO_VALUE if there is none. */
value_id graph_find(const struct graph *graph, const char *name);

/* The node of input `index`, or NO_VALUE. */
value_id graph_input_node(const struct graph *graph, int index);

/* The node that makes `x` after folding. */
value_id graph_maker(const struct graph *graph, value_id x);

/* The graph up to the node that makes `output`, without what was built after it. `output` must be a value
 * that folding kept: the final result of its node. A view, for plan_create: it borrows everything; do not
 * free it. */
struct graph graph_until(const struct graph *graph, value_id output);

/* The operations of a layer at these dimensions as the network defines them; each multiplication and each
 * addition is one. What is folded into it does not change them, so rates compare with other programs'. */
double node_flops(const struct node *node, const struct layer_dims *d);

/* Trained numbers that all operations use. */
int64_t graph_parameters(const struct graph *graph);

/* Whether a node runs: it is neither an input nor fused into another. */
bool node_runs(const struct node *node);

/* ---- for graph*.c ------------------------------------------------------------------------ */

/* Appends a node called NAME+SUFFIX that reads x (NO_VALUE for none); NULL after a failure. Pointers to nodes
 * are valid until the next call. `does`: see struct node. */
struct node *graph_append(struct graph *graph, const char *name, const char *suffix, const char *does,
                          value_id x);

/* The value that was appended last, or NO_VALUE after a failure. */
value_id graph_last(const struct graph *graph);

/* Formats a name; one that is too long is a failure. */
void graph_format_name(struct graph *graph, char name[GRAPH_NAME], const char *format, va_list arguments)
    __attribute__((format(printf, 3, 0)));

/* The window of a kh x kw kernel with the stride, padding and dilation of `conv`. */
struct layer_dims graph_window(int64_t kh, int64_t kw, struct conv conv);

/* The tensor NAME+SUFFIX, marked as used. It must have a usable dtype and `rank` axes, positive and below
 * 2^31. NULL after a failure. */
const struct tensor_entry *graph_use_tensor(struct graph *graph, const char *name, const char *suffix,
                                            int rank);

/* The `count` floats of tensor NAME+SUFFIX; free them with mem_free. NULL after a failure. */
float *graph_read_vector(struct graph *graph, const char *name, const char *suffix, int64_t count);

/* `count` floats of 0; free them with mem_free. NULL after a failure, which includes no memory. */
float *graph_new_vector(struct graph *graph, int64_t count);

#endif
