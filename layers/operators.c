/* operators.c - see operators.h. */
#include "layers/operators.h"

static double conv2d_flops(const struct layer_dims *d)
{
    return 2.0 * (double)(d->n * d->oh * d->ow * d->oc) * (double)(d->kh * d->kw * d->ic);
}

static double pointwise_flops(const struct layer_dims *d)
{
    return (double)(d->n * d->oh * d->ow * d->oc);
}

static double copy_flops(const struct layer_dims *d)
{
    (void)d;
    return 0;
}

/* Four products and three sums for each output, and before that for each input column of each output row. */
static double bicubic_flops(const struct layer_dims *d)
{
    return 7.0 * (double)(d->n * d->oh * d->oc) * (double)(d->ow + d->iw);
}

/* Every input is multiplied by the whole kernel once, whatever the stride. */
static double transpose_flops(const struct layer_dims *d)
{
    return 2.0 * (double)(d->n * d->ih * d->iw * d->ic) * (double)(d->kh * d->kw * d->oc);
}

static double input_flops(const struct layer_dims *d)
{
    return (double)(d->n * d->ih * d->iw * d->ic);
}

/* Subtracting the largest, an exponential, a sum, a division: counted as four. */
static double softmax_flops(const struct layer_dims *d)
{
    return 4 * input_flops(d);
}

/* Four products and three sums. */
static double bilinear_flops(const struct layer_dims *d)
{
    return 7 * pointwise_flops(d);
}

#define VARIANTS(...) ((const struct layer_variant *const[]){__VA_ARGS__, NULL})

const struct layer_operator layer_operators[LAYER_COUNT] = {
    [LAYER_CONV2D] = {"conv2d", true, conv2d_flops,
                      VARIANTS(&conv2d_ref, &conv2d_blocked, &conv2d_gemm, &conv2d_native, &conv2d_kn2row,
                               &conv2d_bf16x3_lean, &conv2d_bf16x3, &conv2d_winograd_lean, &conv2d_winograd,
                               &conv2d_winograd_small, &conv2d_winograd_large, &conv2d_winograd_bf16x3,
                               &conv2d_bf16x2, &conv2d_winograd_bf16x2, &conv2d_bf16)},
    [LAYER_CONV2D_TRANSPOSE] = {"conv2d_transpose", true, transpose_flops,
                                VARIANTS(&conv2d_transpose_ref, &conv2d_transpose_gemm,
                                         &conv2d_transpose_native, &conv2d_transpose_kn2row,
                                         &conv2d_transpose_bf16x3_lean, &conv2d_transpose_bf16x3,
                                         &conv2d_transpose_winograd_lean, &conv2d_transpose_winograd,
                                         &conv2d_transpose_bf16x2, &conv2d_transpose_bf16)},
    [LAYER_POINTWISE] = {"pointwise", true, pointwise_flops, VARIANTS(&pointwise_plain)},
    [LAYER_MAX_POOL] = {"max_pool", false, copy_flops, VARIANTS(&max_pool_plain)},
    [LAYER_AVERAGE_POOL] = {"average_pool", false, input_flops, VARIANTS(&average_pool_plain)},
    [LAYER_SOFTMAX] = {"softmax", false, softmax_flops, VARIANTS(&softmax_plain)},
    [LAYER_PAD] = {"pad", false, copy_flops, VARIANTS(&pad_plain)},
    [LAYER_UPSAMPLE] = {"upsample", false, copy_flops, VARIANTS(&upsample_nearest)},
    [LAYER_BILINEAR] = {"bilinear", false, bilinear_flops, VARIANTS(&bilinear_plain)},
    [LAYER_BICUBIC] = {"bicubic", false, bicubic_flops, VARIANTS(&bicubic_tf1)},
};
