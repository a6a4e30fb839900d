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

/* The average, in two stages: each prepare task adds up some pixels, all channels of them, so that it reads x
 * from front to back; the run task of a picture adds up these sums. */
enum { PARTS_MOST = 16, PIXELS_LEAST = 64 };

static int64_t part_pixels(const struct layer_dims *d)
{
    return larger(divide_up(d->ih * d->iw, PARTS_MOST), PIXELS_LEAST);
}

/* Of a picture. */
static int64_t part_count(const struct layer_dims *d)
{
    return divide_up(d->ih * d->iw, part_pixels(d));
}

static struct layer_needs average_needs(const struct layer_dims *d)
{
    int64_t parts = d->n * part_count(d);
    return (struct layer_needs){.prepare_tasks = parts,
                                .run_tasks = d->n,
                                .shared_bytes = size_product(parts * d->oc, sizeof(double))};
}

/* x => shared: [N][parts][C], in double */
static void average_prepare_task(const struct layer_args *a, int64_t task, void *workspace)
{
    (void)workspace;
    const struct layer_dims *d = &a->d;
    int64_t pixels = d->ih * d->iw, first = task % part_count(d) * part_pixels(d);
    const float *x = a->x + (task / part_count(d) * pixels + first) * a->x_stride;
    simd()->total(x, a->x_stride, smaller(part_pixels(d), pixels - first), d->oc,
                  (double *)a->shared + task * d->oc);
}

static void average_run_task(const struct layer_args *a, int64_t task, void *workspace)
{
    (void)workspace;
    const struct layer_dims *d = &a->d;
    const double *sums = (const double *)a->shared + task * part_count(d) * d->oc;
    for (int64_t c = 0; c < d->oc; c++) {
        double sum = 0;
        for (int64_t part = 0; part < part_count(d); part++)
            sum += sums[part * d->oc + c];
        a->y[task * a->y_stride + c] = (float)(sum / (double)(d->ih * d->iw));
    }
}

const struct layer_variant average_pool_plain = {
    .name = "average_pool_plain",
    .family = FAMILY_PLAIN,
    .applies = layer_applies_always,
    .needs = average_needs,
    .prepare_task = average_prepare_task,
    .run_task = average_run_task,
};
