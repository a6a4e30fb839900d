/* pointwise.c - element by element: y = scale * activation(x + bias + residual) + shift.
 *
 * PyTorch: relu(x), x + r, x * scale[None, :, None, None] + shift[...], and their compositions. The planner
 * fuses these into the operator that computes x wherever it can; this runs the rest.
 *
 * Costs one read of x (and of the residual) and one write of y: bound by memory. */
#include "layers/epilogue.h"
#include "layers/layer.h"

#include <string.h>

static void run_task(const struct layer_args *a, int64_t task, void *workspace)
{
    (void)workspace;
    int64_t first, pixels = layer_pixel_span(&a->d, task, &first);
    float *y = a->y + first * a->y_stride;
    for (int64_t p = 0; p < pixels; p++)
        memcpy(y + p * a->y_stride, a->x + (first + p) * a->x_stride, (size_t)a->d.oc * sizeof *y);
    epilogue_apply(&a->epilogue, a->d.oc, first, pixels, y, a->y_stride);
}

const struct layer_variant pointwise_plain = {
    .name = "pointwise_plain",
    .family = FAMILY_PLAIN,
    .applies = layer_applies_always,
    .band_rows = 1,
    .needs = layer_pixel_needs,
    .run_task = run_task,
};
