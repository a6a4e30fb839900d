/* pool.c - max pooling over a window, average pooling over the whole picture.
 *
 * PyTorch: torch.nn.functional.max_pool2d(x, kernel, stride, padding), floor mode:
 *
 *     y[n,oh,ow,c] = max over kh, kw of x[n, oh * stride_h - pad_h + kh, ow * stride_w - pad_w + kw, c]
 *     OH = (IH + 2 pad_h - KH) / stride_h + 1
 *
 * The part of the window outside the picture does not count; a NaN in the window gives NaN. A 1x1 window with
 * stride S selects every S-th pixel: x[:, :, ::S, ::S].
 *
 * PyTorch: torch.nn.functional.adaptive_avg_pool2d(x, 1):
 *
 *     y[n,0,0,c] = sum over h, w of x[n,h,w,c] / (IH * IW)               summed in double
 *
 * Both read x once (max pooling KH*KW times, in cache) and are bound by memory. */
#include "layers/layer.h"
#include "layers/simd.h"
#include "layers/sizes.h"

#include <string.h>

static void max_pixel(const struct layer_args *a, int64_t n, int64_t oh, int64_t ow, float *y)
{
    const struct layer_dims *d = &a->d;
    bool first = true;
    for (int64_t kh = 0; kh < d->kh; kh++)
        for (int64_t kw = 0; kw < d->kw; kw++) {
            int64_t ih = oh * d->stride_h - d->pad_h + kh, iw = ow * d->stride_w - d->pad_w + kw;
            if (ih < 0 || ih >= d->ih || iw < 0 || iw >= d->iw)
                continue;
            const float *x = a->x + ((n * d->ih + ih) * d->iw + iw) * a->x_stride;
            if (first)
                memcpy(y, x, (size_t)d->oc * sizeof *y);
            else
                simd()->maximum(x, d->oc, y);
            first = false;
        }
}

static void max_run_task(const struct layer_args *a, int64_t task, void *workspace)
{
    (void)workspace;
    const struct layer_dims *d = &a->d;
    for (int64_t ow = 0; ow < d->ow; ow++)
        max_pixel(a, task / d->oh, task % d->oh, ow, a->y + (task * d->ow + ow) * a->y_stride);
}

const struct layer_variant max_pool_plain = {
    .name = "max_pool_plain",
    .family = FAMILY_PLAIN,
    .applies = layer_applies_always,
    .needs = layer_row_needs,
    .run_task = max_run_task,
};

/* Channels of a task. */
enum { BLOCK = 64 };

static int64_t blocks(const struct layer_dims *d)
{
    return divide_up(d->oc, BLOCK);
}

static struct layer_needs average_needs(const struct layer_dims *d)
{
    return (struct layer_needs){.run_tasks = d->n * blocks(d)};
}

static void average_run_task(const struct layer_args *a, int64_t task, void *workspace)
{
    (void)workspace;
    const struct layer_dims *d = &a->d;
    int64_t n = task / blocks(d), first = task % blocks(d) * BLOCK, pixels = d->ih * d->iw;
    int64_t channels = smaller(BLOCK, d->oc - first);
    double sum[BLOCK] = {0};
    for (int64_t p = 0; p < pixels; p++)
        for (int64_t c = 0; c < channels; c++)
            sum[c] += (double)a->x[(n * pixels + p) * a->x_stride + first + c];
    for (int64_t c = 0; c < channels; c++)
        a->y[n * a->y_stride + first + c] = (float)(sum[c] / (double)pixels);
}

const struct layer_variant average_pool_plain = {
    .name = "average_pool_plain",
    .family = FAMILY_PLAIN,
    .applies = layer_applies_always,
    .needs = average_needs,
    .run_task = average_run_task,
};
