/* layer.h - what every operator looks like from outside.
 *
 * An operator is one table of variants (operators.h): a plain reference and whatever is faster. The planner,
 * the tests and the benchmark all walk these tables, so a variant that is in a table is chosen, tested and
 * measured, and one that is not does not exist.
 *
 * A variant does its work in independent tasks. How many there are, and what each one computes, depends on
 * the dimensions only, never on the number of threads: that is what makes results bit-identical for every
 * thread count. Layers allocate nothing: a variant states the bytes that it needs for packed weights and for
 * each thread's scratch, and the caller provides them.
 *
 * Activations are NHWC float32. Pixels of a tensor are `stride` floats apart, at least its channels: more
 * when it is a slice of a wider tensor, as the inputs of a concat are. */
#ifndef LAYERS_LAYER_H
#define LAYERS_LAYER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Dimensions of one operator. The third row is for operators that have a window. */
struct layer_dims {
    int64_t n, ih, iw, ic; /* input */
    int64_t oh, ow, oc;    /* output */
    int64_t kh, kw, stride_h, stride_w, pad_h, pad_w, dilation_h, dilation_w;
    bool align_corners; /* bilinear only */
};

enum activation {
    ACTIVATION_NONE,
    ACTIVATION_RELU,
    ACTIVATION_LEAKY_RELU, /* slope * v where v is negative */
    ACTIVATION_TANH,
    ACTIVATION_SIGMOID, /* 1 / (1 + exp(-v)) */
};

/* What is applied to a result before it is stored, in this order, each part optional:
 *
 *     y = scale * activation(x + bias + residual) + shift
 *
 * This covers conv -> ReLU, conv -> batchnorm -> ReLU (the batchnorm folded into weights and bias), a
 * residual sum before the activation, and conv -> ReLU -> batchnorm, where scale and shift stay. */
struct epilogue {
    const float *bias;     /* OC, or NULL */
    const float *residual; /* N OH OW OC, or NULL */
    int64_t residual_stride;
    enum activation activation;
    float slope;                /* of the leaky ReLU */
    const float *scale, *shift; /* OC each; NULL: 1 and 0 */
};

/* The weights of an operator before packing, in any order of the four axes. */
struct layer_weights {
    const float *data; /* of channel 0; for a pack task with a span, of the span's first channel */
    int64_t stride_o, stride_i, stride_h, stride_w; /* floats between neighbours along OC, IC, KH, KW */
    const float *scale;                             /* factors multiplied in, all OC of them, or NULL */
};

struct layer_args {
    struct layer_dims d;
    const float *x; /* N IH IW IC */
    int64_t x_stride;
    float *y; /* N OH OW OC; never overlaps x; overlaps the residual only where in_place allows it */
    int64_t y_stride;
    const void *packed; /* written by the pack tasks; NULL for operators without weights */
    void *shared;       /* written by the prepare tasks for the run tasks; NULL without them */
    struct epilogue epilogue;
};

/* The part of the weights that a pack task reads: some neighbouring channels of the output or of the input,
 * and everything along the other axes. */
struct layer_span {
    enum layer_axis { AXIS_OUTPUT, AXIS_INPUT } axis;
    int64_t first, count;
};

enum layer_family {
    FAMILY_REFERENCE, /* the definition, sums in double */
    FAMILY_OPENBLAS,  /* matrix products by OpenBLAS */
    FAMILY_NATIVE,    /* limn's own kernels (simd.h) */
    FAMILY_PLAIN,     /* the only form of an operator, or one that is there for teaching */
};

/* What a variant multiplies; sums are floats in all cases. Better ones first. See bf16.h. */
enum layer_precision {
    PRECISION_FP32,   /* floats, or bf16x3, which is as exact */
    PRECISION_BF16X2, /* floats as sums of two bf16 numbers */
    PRECISION_BF16,   /* bf16 numbers */
    PRECISION_COUNT,
};

/* "fp32", "bf16x2", "bf16" */
const char *precision_name(enum layer_precision precision);

/* What a variant needs at given dimensions. */
struct layer_needs {
    int64_t pack_tasks, prepare_tasks, run_tasks; /* of the three stages; 0: there is no such stage */
    size_t packed_bytes;                          /* written by the pack tasks */
    size_t shared_bytes;                          /* written by the prepare tasks for the run tasks */
    size_t workspace_bytes;                       /* scratch for one prepare or run task */
};

/* Three stages. The tasks of a stage may run in parallel. Weights are packed once, when a model is first
 * used; in every run all prepare tasks end before the first run task begins. */
struct layer_variant {
    const char *name;
    enum layer_family family;
    enum layer_precision precision;

    /* Bound of the rounding error, as a multiple of that of a plain float sum, with up to 64 input channels.
     * 0 means 1. */
    double error;
    bool (*applies)(const struct layer_dims *d); /* whether it can compute these dimensions, and should */
    int band_rows;                               /* see "Bands" below; 0 means LAYER_TILE_PERIOD */

    /* Whether y may be the residual's memory: each element of the residual is read, by the task that writes
     * the same element of y, before it is written. */
    bool in_place;

    struct layer_needs (*needs)(const struct layer_dims *d);

    /* NULL if there are no weights. What is packed, in how many tasks and bytes, depends on the channels and
     * the kernel only: sessions of all sizes share it. */
    void (*pack_task)(const struct layer_dims *d, const struct layer_weights *weights, void *packed,
                      int64_t task);

    /* The part of the weights that a pack task reads, so that only this part of a file needs to be in memory;
     * NULL: all. The axis is the same for all tasks, and each span begins where the previous one ends. */
    struct layer_span (*pack_span)(const struct layer_dims *d, int64_t task);

    void (*prepare_task)(const struct layer_args *args, int64_t task, void *workspace); /* or NULL */
    void (*run_task)(const struct layer_args *args, int64_t task, void *workspace);
};

/* Bands. A picture can be computed in bands of rows (engine/run/bands.h): a variant is run on dimensions and
 * pointers for a part of x and y, of full width, of one picture. Its outputs must have the same bytes as in a
 * run of the whole picture, so nothing that changes a byte may depend on ih or oh. The caller guarantees:
 *
 *   - The number of the band's first output row in the whole picture is a multiple of the variant's band_rows
 *     times the dilation, for transposed convolution also times stride_h, and for an enlargement also of its
 *     factor. The number of rows is such a multiple too, except in the band at the picture's lower edge.
 *   - The band has at least LAYER_BAND_PIXELS output pixels, or all pixels of the picture.
 *   - It has all rows of x that its outputs read. Rows outside exist only at the picture's own edges: there
 *     they are zeros, or for bicubic the row at the edge.
 *   - pad_h gives the position of the first row of x in the operator's equation. For a convolution it is the
 *     padding at the picture's upper edge, and less or 0 below it. For bicubic it is minus the number of rows
 *     of x above the band's own. Transposed convolution gets x from a multiple of band_rows on, and a pad_h
 *     that drops everything that these rows add above the band.
 *
 * The GEMM forms (conv2d.c) compute every period of LAYER_TILE_PERIOD pixels in the same way, and the heights
 * of Winograd's tiles divide it. */
enum { LAYER_TILE_PERIOD = 12, LAYER_BAND_PIXELS = 16 * LAYER_TILE_PERIOD };

/* A variant's band_rows, or LAYER_TILE_PERIOD if they are 0. */
int64_t layer_band_rows(const struct layer_variant *variant);

/* needs() for variants that touch every element once: a task is some pixels of the N OH OW of the output. */
struct layer_needs layer_pixel_needs(const struct layer_dims *d);

/* The pixels of such a task: returns their number and sets *first to the first. */
int64_t layer_pixel_span(const struct layer_dims *d, int64_t task, int64_t *first);

/* Plain packing, for variants that read the weights as w[KH][KW][IC][OC]: a task copies a few input channels.
 * layer_plain_bytes is right for any other order without gaps, too. */
size_t layer_plain_bytes(const struct layer_dims *d);
int64_t layer_channel_tasks(const struct layer_dims *d);
struct layer_span layer_channel_span(const struct layer_dims *d, int64_t task);
void layer_pack_plain(const struct layer_dims *d, const struct layer_weights *w, void *packed, int64_t task);

/* applies() for a variant that computes any dimensions: returns true. */
bool layer_applies_always(const struct layer_dims *d);

/* The same for a variant that calls gemm_run: returns false if limn was built without OpenBLAS. */
bool layer_applies_gemm(const struct layer_dims *d);

/* needs() for variants whose task is one of the N OH rows of the output, and that need no memory. */
struct layer_needs layer_row_needs(const struct layer_dims *d);

/* The variants; each is in the file of its name, or of its operator. */
extern const struct layer_variant conv2d_ref, conv2d_blocked, conv2d_gemm, conv2d_native, conv2d_kn2row,
    conv2d_winograd, conv2d_winograd_small, conv2d_winograd_large, conv2d_winograd_lean, conv2d_bf16x3,
    conv2d_bf16x3_lean, conv2d_bf16x2, conv2d_bf16, conv2d_winograd_bf16x3, conv2d_winograd_bf16x2;
extern const struct layer_variant conv2d_transpose_ref, conv2d_transpose_gemm, conv2d_transpose_native,
    conv2d_transpose_kn2row, conv2d_transpose_winograd, conv2d_transpose_winograd_lean,
    conv2d_transpose_bf16x3, conv2d_transpose_bf16x3_lean, conv2d_transpose_bf16x2, conv2d_transpose_bf16;
extern const struct layer_variant pointwise_plain;
extern const struct layer_variant max_pool_plain, average_pool_plain;
extern const struct layer_variant softmax_plain;
extern const struct layer_variant pad_plain;
extern const struct layer_variant upsample_nearest;
extern const struct layer_variant bilinear_plain;
extern const struct layer_variant bicubic_tf1;

#endif
