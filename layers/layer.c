/* layer.c - the tables of operators, and what several of them share. */
#include "layers/layer.h"
#include "layers/native.h"
#include "layers/sizes.h"

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

/* Every input meets the whole kernel once, whatever the stride. */
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
                               &conv2d_winograd, &conv2d_winograd_small, &conv2d_winograd_lean)},
    [LAYER_CONV2D_TRANSPOSE] = {"conv2d_transpose", true, transpose_flops,
                                VARIANTS(&conv2d_transpose_ref, &conv2d_transpose_gemm,
                                         &conv2d_transpose_native, &conv2d_transpose_kn2row,
                                         &conv2d_transpose_winograd, &conv2d_transpose_winograd_lean)},
    [LAYER_POINTWISE] = {"pointwise", true, pointwise_flops, VARIANTS(&pointwise_plain)},
    [LAYER_MAX_POOL] = {"max_pool", false, copy_flops, VARIANTS(&max_pool_plain)},
    [LAYER_AVERAGE_POOL] = {"average_pool", false, input_flops, VARIANTS(&average_pool_plain)},
    [LAYER_SOFTMAX] = {"softmax", false, softmax_flops, VARIANTS(&softmax_plain)},
    [LAYER_PAD] = {"pad", false, copy_flops, VARIANTS(&pad_plain)},
    [LAYER_UPSAMPLE] = {"upsample", false, copy_flops, VARIANTS(&upsample_nearest)},
    [LAYER_BILINEAR] = {"bilinear", false, bilinear_flops, VARIANTS(&bilinear_plain)},
    [LAYER_BICUBIC] = {"bicubic", false, bicubic_flops, VARIANTS(&bicubic_tf1)},
};

/* Pixels a task: about 64 KB of output, so that a task is worth handing to a thread and stays in L2. */
static int64_t pixels_per_task(const struct layer_dims *d)
{
    int64_t pixels = 16384 / d->oc;
    return pixels > 16 ? pixels : 16;
}

struct layer_needs layer_pixel_needs(const struct layer_dims *d)
{
    return (struct layer_needs){.run_tasks = divide_up(d->n * d->oh * d->ow, pixels_per_task(d))};
}

int64_t layer_pixel_span(const struct layer_dims *d, int64_t task, int64_t *first)
{
    int64_t each = pixels_per_task(d);
    *first = task * each;
    return smaller(each, d->n * d->oh * d->ow - *first);
}

struct layer_needs layer_row_needs(const struct layer_dims *d)
{
    return (struct layer_needs){.run_tasks = d->n * d->oh};
}

/* Few enough channels that in PyTorch's order, where the taps of a channel are neighbours, they stay in the
 * cache until all taps are copied. */
enum { CHANNELS_PER_TASK = 16 };

int64_t layer_channel_tasks(const struct layer_dims *d)
{
    return divide_up(d->ic, CHANNELS_PER_TASK);
}

struct layer_span layer_channel_span(const struct layer_dims *d, int64_t task)
{
    int64_t first = task * CHANNELS_PER_TASK;
    return (struct layer_span){AXIS_INPUT, first, smaller(CHANNELS_PER_TASK, d->ic - first)};
}

size_t layer_plain_bytes(const struct layer_dims *d)
{
    return (size_t)(d->kh * d->kw * d->ic * d->oc) * sizeof(float);
}

/* [OC IC KH KW in any order] => [KH][KW][IC][OC] */
void layer_pack_plain(const struct layer_dims *d, const struct layer_weights *w, void *packed, int64_t task)
{
    struct layer_span span = layer_channel_span(d, task);
    for (int64_t tap = 0; tap < d->kh * d->kw; tap++)
        for (int64_t i = 0; i < span.count; i++) {
            const float *in =
                w->data + tap / d->kw * w->stride_h + tap % d->kw * w->stride_w + i * w->stride_i;
            float *out = (float *)packed + (tap * d->ic + span.first + i) * d->oc;
            for (int64_t oc = 0; oc < d->oc; oc++)
                out[oc] = in[oc * w->stride_o] * (w->scale ? w->scale[oc] : 1.0F);
        }
}

int64_t layer_band_rows(const struct layer_variant *variant)
{
    return variant->band_rows ? variant->band_rows : LAYER_TILE_PERIOD;
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

struct epilogue epilogue_slice(const struct epilogue *e, int64_t oc)
{
    struct epilogue part = *e;
    part.bias = e->bias ? e->bias + oc : NULL;
    part.residual = e->residual ? e->residual + oc : NULL;
    part.scale = e->scale ? e->scale + oc : NULL;
    part.shift = e->shift ? e->shift + oc : NULL;
    return part;
}

void layer_reference_row(const struct layer_args *a, int64_t task, layer_sum sum)
{
    const struct layer_dims *d = &a->d;
    float *y = a->y + task * d->ow * a->y_stride;
    for (int64_t ow = 0; ow < d->ow; ow++)
        for (int64_t oc = 0; oc < d->oc; oc++)
            y[ow * a->y_stride + oc] = (float)sum(a, task / d->oh, task % d->oh, ow, oc);
    epilogue_apply(&a->epilogue, d->oc, task * d->ow, d->ow, y, a->y_stride);
}
