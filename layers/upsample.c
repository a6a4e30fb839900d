/* upsample.c - nearest-neighbour enlargement by an integer factor.
 *
 * PyTorch: torch.nn.functional.interpolate(x, scale_factor=S, mode="nearest").
 *
 *     y[n,oh,ow,c] = x[n, oh / S, ow / S, c]        OH = S * IH, OW = S * IW, integer division
 *
 * One read of x, one write of y, S*S times as large. */
#include "layers/layer.h"

#include <string.h>

static void run_task(const struct layer_args *a, int64_t task, void *workspace)
{
    (void)workspace;
    const struct layer_dims *d = &a->d;
    int64_t n = task / d->oh, oh = task % d->oh, factor_h = d->oh / d->ih, factor_w = d->ow / d->iw;
    const float *x = a->x + (n * d->ih + oh / factor_h) * d->iw * a->x_stride;
    float *y = a->y + task * d->ow * a->y_stride;
    for (int64_t ow = 0; ow < d->ow; ow++)
        memcpy(y + ow * a->y_stride, x + ow / factor_w * a->x_stride, (size_t)d->oc * sizeof *y);
}

const struct layer_variant upsample_nearest = {
    .name = "upsample_nearest",
    .family = FAMILY_PLAIN,
    .applies = layer_applies_always,
    .band_rows = 1,
    .needs = layer_row_needs,
    .run_task = run_task,
};
