/* conv2d.c - two-dimensional convolution, general in kernel, stride, padding and dilation.
 *
 * PyTorch: torch.nn.functional.conv2d(x, w, b, stride, padding, dilation), groups = 1. As there, and in every
 * framework, the kernel is not flipped: strictly this is a cross-correlation.
 *
 *     y[n,oh,ow,oc] = epilogue( sum over kh, kw, ic of  x[n, ih, iw, ic] * w[kh,kw,ic,oc] )
 *         ih = oh * stride_h - pad_h + kh * dilation_h      (x is 0 outside the picture)
 *         iw = ow * stride_w - pad_w + kw * dilation_w
 *
 *     OH = (IH + 2 pad_h - dilation_h (KH - 1) - 1) / stride_h + 1        OW likewise
 *
 * Storage. x is NHWC: the IC floats of a pixel are neighbours, then comes the next pixel of the row. The KW
 * taps of one kernel row therefore read one contiguous run of KW * IC floats (at dilation 1):
 *
 *     x, row ih      | .. | ic ic ic | ic ic ic | ic ic ic | .. |
 *                           pixel iw   iw + 1     iw + 2            <- one run for KW = 3
 *
 * Packed weights, both variants here: w[KH][KW][IC][OC], a matrix of K = KH*KW*IC rows and OC columns.
 *
 * Variants. Each takes N*OH*OW*OC*K multiplications; what it moves through memory beside x, w and y:
 *
 *     conv2d_ref     nothing; a double accumulator, the reference for all others
 *     conv2d_gemm    K floats an output pixel (im2col), in cache;
 *                    nothing for 1x1, where x is the matrix already
 *
 * Faster ones are in conv2d_native.c, conv2d_kn2row.c and conv2d_winograd.c. */
#include "layers/epilogue.h"
#include "layers/gemm.h"
#include "layers/layer.h"
#include "layers/sizes.h"

#include <string.h>

static int64_t output_pixels(const struct layer_dims *d)
{
    return d->n * d->oh * d->ow;
}

/* K: how many products make one output. */
static int64_t taps(const struct layer_dims *d)
{
    return d->kh * d->kw * d->ic;
}

/* ---- reference --------------------------------------------------------------------------- */

static double ref_sum(const struct layer_args *a, int64_t n, int64_t oh, int64_t ow, int64_t oc)
{
    const struct layer_dims *d = &a->d;
    const float *w = a->packed;
    double sum = 0;
    for (int64_t kh = 0; kh < d->kh; kh++) {
        int64_t ih = oh * d->stride_h - d->pad_h + kh * d->dilation_h;
        if (ih < 0 || ih >= d->ih)
            continue;
        for (int64_t kw = 0; kw < d->kw; kw++) {
            int64_t iw = ow * d->stride_w - d->pad_w + kw * d->dilation_w;
            if (iw < 0 || iw >= d->iw)
                continue;
            const float *x = a->x + ((n * d->ih + ih) * d->iw + iw) * a->x_stride;
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

const struct layer_variant conv2d_ref = {
    .name = "conv2d_ref",
    .family = FAMILY_REFERENCE,
    .applies = layer_applies_always,
    .band_rows = 1,
    .needs = ref_needs,
    .pack_task = layer_pack_plain,
    .pack_span = layer_channel_span,
    .run_task = ref_run_task,
};

/* ---- GEMM -------------------------------------------------------------------------------- *
 *
 * The sum over (kh, kw, ic) is a dot product of K floats, so a block of output pixels is a matrix product:
 *
 *     [N IH IW IC]  => im2col =>  A [ROWS x K]
 *     A [ROWS x K]  x  W [K x OC]  =>  y [ROWS x OC], written in place with y_stride as the row distance
 *
 * A holds one row an output pixel: the K inputs under the kernel there, zeros outside the picture. All of A
 * would be K/IC copies of the picture; so one block of rows at a time is made, and used while it is in the
 * cache.
 *
 * Repeatability. The last bit of a BLAS result depends on the number of rows, because rows left over from a
 * full register tile are computed by another kernel. On some cores it also depends on a row's position:
 * Haswell's kernels divide 12 rows into two times 6 and sum the two halves in different order. So every
 * product has the same number of rows, a multiple of 12, and the last block is filled up with zeros. The
 * result of a pixel then depends only on the pixel's inputs and its index modulo LAYER_TILE_PERIOD, for
 * pictures of at least LAYER_BAND_PIXELS pixels: smaller pictures have smaller blocks. */

/* Rows of a block: enough that BLAS's copying of W is cheap compared to the product, few enough that A (K
 * floats a row) fits in about 1 MB of L2, and no more than a small picture has. */
static int64_t block_rows(const struct layer_dims *d)
{
    int64_t most = LAYER_BAND_PIXELS / LAYER_TILE_PERIOD, periods = taps(d) <= 1152 ? most : most / 2;
    return smaller(divide_up(output_pixels(d), LAYER_TILE_PERIOD), periods) * LAYER_TILE_PERIOD;
}

static bool input_is_matrix(const struct layer_dims *d)
{
    return d->kh == 1 && d->kw == 1 && d->stride_h == 1 && d->stride_w == 1 && d->pad_h == 0 && d->pad_w == 0;
}

/* The KW taps of one kernel row for one output pixel: [row of x from pixel iw on] => [KW*IC]. */
static void gather_row(const struct layer_args *a, const float *x, int64_t iw, float *out)
{
    const struct layer_dims *d = &a->d;
    int64_t last = iw + (d->kw - 1) * d->dilation_w;
    if (iw >= 0 && last < d->iw && d->dilation_w == 1 && a->x_stride == d->ic) {
        memcpy(out, x + iw * d->ic, (size_t)(d->kw * d->ic) * sizeof *out);
        return;
    }
    for (int64_t kw = 0; kw < d->kw; kw++, iw += d->dilation_w, out += d->ic) {
        if (iw >= 0 && iw < d->iw)
            memcpy(out, x + iw * a->x_stride, (size_t)d->ic * sizeof *out);
        else
            memset(out, 0, (size_t)d->ic * sizeof *out);
    }
}

/* Output pixels first .. first+rows-1: [N IH IW IC] => [ROWS x K]. */
static void im2col(const struct layer_args *a, int64_t first, int64_t rows, float *out)
{
    const struct layer_dims *d = &a->d;
    int64_t run = d->kw * d->ic;
    for (int64_t p = first; p < first + rows; p++) {
        int64_t ow = p % d->ow, oh = p / d->ow % d->oh, n = p / (d->ow * d->oh);
        for (int64_t kh = 0; kh < d->kh; kh++, out += run) {
            int64_t ih = oh * d->stride_h - d->pad_h + kh * d->dilation_h;
            if (ih >= 0 && ih < d->ih)
                gather_row(a, a->x + (n * d->ih + ih) * d->iw * a->x_stride, ow * d->stride_w - d->pad_w,
                           out);
            else
                memset(out, 0, (size_t)run * sizeof *out);
        }
    }
}

/* Scratch: a block of A, and a block of y for when the last block is not full. */
static struct layer_needs gemm_needs(const struct layer_dims *d)
{
    int64_t rows = block_rows(d);
    return (struct layer_needs){.pack_tasks = layer_channel_tasks(d),
                                .run_tasks = divide_up(output_pixels(d), rows),
                                .packed_bytes = layer_plain_bytes(d),
                                .workspace_bytes = float_bytes(rows * (taps(d) + d->oc))};
}

static void gemm_run_task(const struct layer_args *a, int64_t task, void *workspace)
{
    const struct layer_dims *d = &a->d;
    int64_t block = block_rows(d), k = taps(d), first = task * block;
    int64_t rows = smaller(block, output_pixels(d) - first);
    bool full = rows == block;
    float *columns = workspace, *spare = columns + block * k;
    float *y = a->y + first * a->y_stride;

    struct gemm g = {.m = block, .n = d->oc, .k = k, .a = columns, .lda = k, .b = a->packed, .ldb = d->oc};
    if (full && input_is_matrix(d)) {
        g.a = a->x + first * a->x_stride;
        g.lda = a->x_stride;
    } else {
        im2col(a, first, rows, columns);
        memset(columns + rows * k, 0, (size_t)((block - rows) * k) * sizeof *columns);
    }
    g.c = full ? y : spare;
    g.ldc = full ? a->y_stride : d->oc;
    gemm_run(&g);
    if (!full)
        for (int64_t row = 0; row < rows; row++)
            memcpy(y + row * a->y_stride, spare + row * d->oc, (size_t)d->oc * sizeof *y);
    epilogue_apply(&a->epilogue, d->oc, first, rows, y, a->y_stride);
}

const struct layer_variant conv2d_gemm = {
    .name = "conv2d_gemm",
    .family = FAMILY_OPENBLAS,
    .applies = layer_applies_gemm,
    .needs = gemm_needs,
    .pack_task = layer_pack_plain,
    .pack_span = layer_channel_span,
    .run_task = gemm_run_task,
};
