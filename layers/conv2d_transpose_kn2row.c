/* conv2d_transpose_kn2row.c - transposed convolution to few output channels, by kn2row.h. Equation:
 * conv2d_transpose.c. */
#include "layers/kn2row.h"

static struct layer_needs needs(const struct layer_dims *d)
{
    return kn2row_needs(d, true);
}

static void run_task(const struct layer_args *a, int64_t task, void *workspace)
{
    kn2row_run_task(a, task, workspace, true);
}

const struct layer_variant conv2d_transpose_kn2row = {
    .name = "conv2d_transpose_kn2row",
    .family = FAMILY_NATIVE,
    .applies = kn2row_applies,
    .band_rows = 1,
    .needs = needs,
    .pack_task = kn2row_pack_task,
    .run_task = run_task,
};
