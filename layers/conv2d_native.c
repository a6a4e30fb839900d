/* conv2d_native.c - convolution by limn's own micro-kernels, general in kernel, stride, padding and dilation.
 * The equation and the storage are conv2d.c's; the algorithm is in indirect.h.
 *
 * Costs N*OH*OW*OC*K multiplications like conv2d_gemm, less those of taps on the padding, and no copy of the
 * input. */
#include "layers/indirect.h"

static void run_task(const struct layer_args *a, int64_t task, void *workspace)
{
    struct indirect_layer layer = {.dims = a->d, .y_h = a->d.oh, .y_w = a->d.ow, .step_h = 1, .step_w = 1};
    indirect_run_task(&layer, a, a->packed, task, workspace);
}

const struct layer_variant conv2d_native = {
    .name = "conv2d_native",
    .family = FAMILY_NATIVE,
    .applies = layer_applies_always,
    .band_rows = 1,
    .in_place = true,
    .needs = indirect_needs,
    .pack_task = indirect_pack_task,
    .pack_span = indirect_pack_span,
    .run_task = run_task,
};
