/* softmax.c - over the channels of each pixel.
 *
 * PyTorch: torch.nn.functional.softmax(x, dim=1).
 *
 *     y[c] = exp(x[c] - m) / sum over k of exp(x[k] - m),     m = max over k of x[k]
 *
 * Subtracting the largest changes nothing in exact arithmetic, and keeps every exponential in 0..1. Bound by
 * exp. */
#include "layers/layer.h"
#include "layers/simd.h"

static void run_task(const struct layer_args *a, int64_t task, void *workspace)
{
    (void)workspace;
    int64_t first, pixels = layer_pixel_span(&a->d, task, &first);
    for (int64_t p = first; p < first + pixels; p++)
        simd()->softmax(a->x + p * a->x_stride, a->d.oc, a->y + p * a->y_stride);
}

const struct layer_variant softmax_plain = {
    .name = "softmax_plain",
    .family = FAMILY_PLAIN,
    .applies = layer_applies_always,
    .needs = layer_pixel_needs,
    .run_task = run_task,
};
