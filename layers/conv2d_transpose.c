/* conv2d_transpose.c - transposed convolution ("deconvolution"), general in kernel, stride and padding.
 *
 * PyTorch: torch.nn.functional.conv_transpose2d(x, w, b, stride, padding), groups = 1, dilation = 1, no
 * output padding. It is the gradient of conv2d with respect to its input: conv2d gathers, this scatters. Each
 * input pixel adds its multiple of the kernel to the output:
 *
 *     y[n,oh,ow,oc]  +=  sum over ic of  x[n,ih,iw,ic] * w[ic,oc,kh,kw]
 *         oh = ih * stride_h - pad_h + kh      (dropped where that is outside the output)
 *         ow = iw * stride_w - pad_w + kw
 *
 * and then the epilogue.
 *
 *     OH = (IH - 1) stride_h - 2 pad_h + KH                OW likewise
 *
 * PyTorch stores the weights IC x OC x KH x KW.
 *
 * Variants. Each takes N*IH*IW*IC*KH*KW*OC multiplications; what it moves through memory beside x, w and y:
 *
 *     conv2d_transpose_ref     nothing; a double accumulator, gathers output by output
 *     conv2d_transpose_gemm    KH*KW*OC floats an input pixel (col2im), in cache
 *
 * Faster ones are in conv2d_transpose_native.c, conv2d_transpose_kn2row.c and conv2d_transpose_winograd.c. */
#include "layers/epilogue.h"
#include "layers/gemm.h"
#include "layers/layer.h"
#include "layers/simd.h"
#include "layers/sizes.h"

#include <string.h>

/* Output channels of a task of the GEMM form. Packed weights are divided into blocks of this many channels,
 * so tasks share no output and no sum is split between threads. */
enum { OC_BLOCK = 32 };

/* ---- reference --------------------------------------------------------------------------- */

/* The scatter as a gather: output oh has terms from those ih with oh = ih * stride - pad + kh. */
static double ref_sum(const struct layer_args *a, int64_t n, int64_t oh, int64_t ow, int64_t oc)
{
    const struct layer_dims *d = &a->d;
    const float *w = a->packed;
    double sum = 0;
    for (int64_t kh = 0; kh < d->kh; kh++) {
        int64_t down = oh + d->pad_h - kh;
        if (down < 0 || down % d->stride_h || down / d->stride_h >= d->ih)
            continue;
        for (int64_t kw = 0; kw < d->kw; kw++) {
            int64_t across = ow + d->pad_w - kw;
            if (across < 0 || across % d->stride_w || across / d->stride_w >= d->iw)
                continue;
            const float *x =
                a->x + ((n * d->ih + down / d->stride_h) * d->iw + across / d->stride_w) * a->x_stride;
            for (int64_t ic = 0; ic < d->ic; ic++)
                sum += (double)x[ic] * (double)w[((kh * d->kw + kw) * d->ic + ic) * d->oc + oc];
        }
    }
    return sum;
}

static void ref_run_task(const struct layer_args *a, int64_t task, void *workspace)
{
    (void)workspace;
    epilogue_row(a, task, ref_sum);
}

static struct layer_needs ref_needs(const struct layer_dims *d)
{
    return (struct layer_needs){.pack_tasks = layer_channel_tasks(d),
                                .run_tasks = d->n * d->oh,
                                .packed_bytes = layer_plain_bytes(d)};
}

const struct layer_variant conv2d_transpose_ref = {
    .name = "conv2d_transpose_ref",
    .family = FAMILY_REFERENCE,
    .applies = layer_applies_always,
    .band_rows = 1,
    .needs = ref_needs,
    .pack_task = layer_pack_plain,
    .pack_span = layer_channel_span,
    .run_task = ref_run_task,
};

/* ---- GEMM + col2im ----------------------------------------------------------------------- *
 *
 * The multiples of the kernel for a block of input pixels are one matrix product. Adding them to their
 * outputs is col2im, the reverse of conv2d's im2col:
 *
 *     x [ROWS x IC]  x  W [IC x KH*KW*B]  =>  columns [ROWS x KH*KW*B]
 *     columns  => col2im =>  y [N OH OW], channels oc .. oc+B, added up
 *
 * with B output channels to a task.
 *
 * A task is one group of pictures and one block of output channels; it processes the input pixels in blocks
 * of ROWS. A group is one picture, or as many small ones as fit into a block, each beginning at a multiple of
 * LAYER_TILE_PERIOD. As in conv2d_gemm all products have the same number of rows, so a picture's result does
 * not depend on the rest of the batch. */

enum { ROWS = 8 * LAYER_TILE_PERIOD };

/* Rows of a picture in a block, and how many pictures share a block. */
static int64_t picture_rows(const struct layer_dims *d)
{
    return round_up(d->ih * d->iw, LAYER_TILE_PERIOD);
}

static int64_t pictures_in_group(const struct layer_dims *d)
{
    return picture_rows(d) < ROWS ? ROWS / picture_rows(d) : 1;
}

static int64_t oc_blocks(const struct layer_dims *d)
{
    return divide_up(d->oc, OC_BLOCK);
}

static struct layer_span gemm_pack_span(const struct layer_dims *d, int64_t task)
{
    int64_t first = task * OC_BLOCK;
    return (struct layer_span){AXIS_OUTPUT, first, smaller(OC_BLOCK, d->oc - first)};
}

/* [IC OC KH KW in any order] => [block of OC][IC][KH][KW][channels of the block] */
static void gemm_pack_task(const struct layer_dims *d, const struct layer_weights *w, void *packed,
                           int64_t task)
{
    struct layer_span span = gemm_pack_span(d, task);
    float *out = (float *)packed + span.first * d->ic * d->kh * d->kw;
    for (int64_t ic = 0; ic < d->ic; ic++)
        for (int64_t kh = 0; kh < d->kh; kh++)
            for (int64_t kw = 0; kw < d->kw; kw++)
                for (int64_t i = 0; i < span.count; i++)
                    *out++ =
                        w->data[kh * w->stride_h + kw * w->stride_w + ic * w->stride_i + i * w->stride_o] *
                        (w->scale ? w->scale[span.first + i] : 1.0F);
}

/* Scratch: the product, and a copy of rows of x filled up with zeros. */
static struct layer_needs gemm_needs(const struct layer_dims *d)
{
    int64_t scratch = ROWS * (d->kh * d->kw * OC_BLOCK + d->ic);
    return (struct layer_needs){.pack_tasks = oc_blocks(d),
                                .run_tasks = divide_up(d->n, pictures_in_group(d)) * oc_blocks(d),
                                .packed_bytes = layer_plain_bytes(d),
                                .workspace_bytes = float_bytes(scratch)};
}

/* Adds the products of input pixels first .. first+rows-1 of picture n to their outputs. */
static void col2im(const struct layer_args *a, int64_t n, int64_t first, int64_t rows, int64_t oc,
                   int64_t channels, const float *columns)
{
    const struct layer_dims *d = &a->d;
    for (int64_t p = first; p < first + rows; p++)
        for (int64_t kh = 0; kh < d->kh; kh++) {
            int64_t oh = p / d->iw * d->stride_h - d->pad_h + kh;
            for (int64_t kw = 0; kw < d->kw; kw++, columns += channels) {
                int64_t ow = p % d->iw * d->stride_w - d->pad_w + kw;
                if (oh < 0 || oh >= d->oh || ow < 0 || ow >= d->ow)
                    continue;
                simd()->accumulate(columns, channels,
                                   a->y + ((n * d->oh + oh) * d->ow + ow) * a->y_stride + oc);
            }
        }
}

/* A block of a group's input: rows of x for each picture, zeros between and after them. */
static void gather_rows(const struct layer_args *a, int64_t first_picture, int64_t pictures, int64_t first,
                        int64_t rows, float *block)
{
    const struct layer_dims *d = &a->d;
    memset(block, 0, (size_t)(ROWS * d->ic) * sizeof *block);
    for (int64_t i = 0; i < pictures; i++) {
        const float *x = a->x + ((first_picture + i) * d->ih * d->iw + first) * a->x_stride;
        for (int64_t row = 0; row < rows; row++)
            memcpy(block + (i * picture_rows(d) + row) * d->ic, x + row * a->x_stride,
                   (size_t)d->ic * sizeof *block);
    }
}

static void gemm_run_task(const struct layer_args *a, int64_t task, void *workspace)
{
    const struct layer_dims *d = &a->d;
    int64_t picture = task / oc_blocks(d) * pictures_in_group(d),
            pictures = smaller(pictures_in_group(d), d->n - picture);
    int64_t oc = task % oc_blocks(d) * OC_BLOCK, channels = smaller(OC_BLOCK, d->oc - oc);
    int64_t inputs = d->ih * d->iw, outputs = pictures * d->oh * d->ow, wide = d->kh * d->kw * channels;
    float *columns = workspace, *spare = columns + ROWS * d->kh * d->kw * OC_BLOCK;
    float *y = a->y + picture * d->oh * d->ow * a->y_stride + oc;
    for (int64_t p = 0; p < outputs; p++)
        memset(y + p * a->y_stride, 0, (size_t)channels * sizeof *y);
    for (int64_t first = 0; first < inputs; first += ROWS) {
        int64_t rows = smaller(ROWS, inputs - first);
        struct gemm g = {.m = ROWS, .n = wide, .k = d->ic, .c = columns, .ldc = wide};
        g.b = (const float *)a->packed + oc * d->ic * d->kh * d->kw;
        g.ldb = wide;
        g.a = a->x + (picture * inputs + first) * a->x_stride;
        g.lda = a->x_stride;
        if (rows < ROWS) {
            gather_rows(a, picture, pictures, first, rows, spare);
            g.a = spare;
            g.lda = d->ic;
        }
        gemm_run(&g);
        for (int64_t i = 0; i < pictures; i++)
            col2im(a, picture + i, first, rows, oc, channels, columns + i * picture_rows(d) * wide);
    }
    struct epilogue epilogue = epilogue_slice(&a->epilogue, oc);
    epilogue_apply(&epilogue, channels, picture * d->oh * d->ow, outputs, y, a->y_stride);
}

const struct layer_variant conv2d_transpose_gemm = {
    .name = "conv2d_transpose_gemm",
    .family = FAMILY_OPENBLAS,
    .applies = layer_applies_gemm,
    .needs = gemm_needs,
    .pack_task = gemm_pack_task,
    .pack_span = gemm_pack_span,
    .run_task = gemm_run_task,
};
