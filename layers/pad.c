/* pad.c - adds zeros around a picture, or crops it.
 *
 * PyTorch: torch.nn.functional.pad(x, (left, right, top, bottom)); negative numbers crop.
 *
 *     y[n,oh,ow,c] = x[n, oh - top, ow - left, c], 0 where that is outside x        top = pad_h, left = pad_w
 *
 * How much is added or cropped at the bottom and the right follows from the output's size. */
#include "layers/layer.h"

#include <string.h>

static void run_task(const struct layer_args *a, int64_t task, void *workspace)
{
    (void)workspace;
    const struct layer_dims *d = &a->d;
    int64_t ih = task % d->oh - d->pad_h;
    const float *x = a->x + (task / d->oh * d->ih + ih) * d->iw * a->x_stride;
    for (int64_t ow = 0; ow < d->ow; ow++) {
        float *y = a->y + (task * d->ow + ow) * a->y_stride;
        int64_t iw = ow - d->pad_w;
        if (ih >= 0 && ih < d->ih && iw >= 0 && iw < d->iw)
            memcpy(y, x + iw * a->x_stride, (size_t)d->oc * sizeof *y);
        else
            memset(y, 0, (size_t)d->oc * sizeof *y);
    }
}

const struct layer_variant pad_plain = {
    .name = "pad_plain",
    .family = FAMILY_PLAIN,
    .applies = layer_applies_always,
    .needs = layer_row_needs,
    .run_task = run_task,
};
