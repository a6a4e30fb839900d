/* layer.c - the tables of operators, and what several of them share. */
#include "layer.h"
#include "native.h"

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

/* Four products and three sums for each output, and before for each input column of each output row. */
static double bicubic_flops(const struct layer_dims *d)
{
    return 7.0 * (double)(d->n * d->oh * d->oc) * (double)(d->ow + d->iw);
}

const struct layer_operator layer_operators[LAYER_COUNT] = {
    [LAYER_CONV2D] = {"conv2d", true, conv2d_flops,
                      (const struct layer_variant *const[]){&conv2d_ref, &conv2d_gemm, NULL}},
    [LAYER_POINTWISE] = {"pointwise", true, pointwise_flops,
                         (const struct layer_variant *const[]){&pointwise_plain, NULL}},
    [LAYER_UPSAMPLE] = {"upsample", false, copy_flops,
                        (const struct layer_variant *const[]){&upsample_nearest, NULL}},
    [LAYER_BICUBIC] = {"bicubic", false, bicubic_flops,
                       (const struct layer_variant *const[]){&bicubic_tf1, NULL}},
};

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Pixels a task: about 64 KB of output, so that a task is worth handing to a thread and stays in L2. */
static int64_t pixels_per_task(const struct layer_dims *d)
{
    int64_t pixels = 16384 / d->oc;
    return pixels > 16 ? pixels : 16;
}

int64_t layer_pixel_tasks(const struct layer_dims *d)
{
    int64_t each = pixels_per_task(d);
    return (d->n * d->oh * d->ow + each - 1) / each;
}

int64_t layer_pixel_span(const struct layer_dims *d, int64_t task, int64_t *first)
{
    int64_t each = pixels_per_task(d);
    *first = task * each;
    return smaller(each, d->n * d->oh * d->ow - *first);
}

bool layer_applies_always(const struct layer_dims *d)
{
    (void)d;
    return true;
}

void epilogue_apply(const struct epilogue *e, int64_t channels, int64_t first, int64_t pixels, float *y,
                    int64_t y_stride)
{
    if (e->bias || e->residual || e->activation != ACTIVATION_NONE || e->scale)
        native()->epilogue(e, channels, first, pixels, y, y_stride);
}
