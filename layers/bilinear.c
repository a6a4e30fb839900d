/* bilinear.c - bilinear interpolation to any size, without antialiasing.
 *
 * PyTorch: torch.nn.functional.interpolate(x, size, mode="bilinear", align_corners). Output o has the source
 * coordinate
 *
 *     align_corners true     s = o (I - 1) / (O - 1), 0 when O = 1
 *     align_corners false    s = max(0, (o + 1/2) I / O - 1/2)
 *
 * so that the centres of the corner pixels coincide (true), or the corners of the pictures (false), and is
 *
 *     y = (1 - f) x[i] + f x[min(i + 1, I - 1)],   i = floor(s), f = s - i
 *
 * in each direction. */
#include "layers/bilinear.h"
#include "layers/simd.h"

struct bilinear_sample bilinear_sample(int64_t out, int64_t in_size, int64_t out_size, bool align_corners)
{
    double source;
    if (align_corners)
        source = out_size > 1 ? (double)out * (double)(in_size - 1) / (double)(out_size - 1) : 0;
    else
        source = ((double)out + 0.5) * (double)in_size / (double)out_size - 0.5;
    source = source > 0 ? source : 0;
    int64_t low = (int64_t)source;
    low = low < in_size ? low : in_size - 1; /* rounding may reach the size itself */
    return (struct bilinear_sample){low, low + 1 < in_size ? low + 1 : low, (float)(source - (double)low)};
}

void bilinear_row(const struct layer_args *a, int64_t row, float *y)
{
    const struct layer_dims *d = &a->d;
    struct bilinear_sample h = bilinear_sample(row % d->oh, d->ih, d->oh, d->align_corners);
    const float *x = a->x + row / d->oh * d->ih * d->iw * a->x_stride;
    const float *top = x + h.low * d->iw * a->x_stride, *bottom = x + h.high * d->iw * a->x_stride;
    for (int64_t ow = 0; ow < d->ow; ow++) {
        struct bilinear_sample w = bilinear_sample(ow, d->iw, d->ow, d->align_corners);
        int64_t left = w.low * a->x_stride, right = w.high * a->x_stride;
        const float *corners[] = {top + left, top + right, bottom + left, bottom + right};
        float weights[] = {(1 - h.weight) * (1 - w.weight), (1 - h.weight) * w.weight,
                           h.weight * (1 - w.weight), h.weight * w.weight};
        simd()->blend(corners, weights, d->oc, y + ow * a->y_stride);
    }
}

static void run_task(const struct layer_args *a, int64_t task, void *workspace)
{
    (void)workspace;
    bilinear_row(a, task, a->y + task * a->d.ow * a->y_stride);
}

const struct layer_variant bilinear_plain = {
    .name = "bilinear_plain",
    .family = FAMILY_PLAIN,
    .applies = layer_applies_always,
    .needs = layer_row_needs,
    .run_task = run_task,
};
