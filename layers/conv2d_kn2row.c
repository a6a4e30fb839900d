/* conv2d_kn2row.c - convolution to few output channels at stride 1, by kn2row.h. Equation: conv2d.c. */
#include "layers/kn2row.h"

static bool applies(const struct layer_dims *d)
{
    return kn2row_applies(d) && d->stride_h == 1 && d->stride_w == 1;
}

static struct layer_needs needs(const struct layer_dims *d)
{
    return kn2row_needs(d, false);
}

static void run_task(const struct layer_args *a, int64_t task, void *workspace)
{
    kn2row_run_task(a, task, workspace, false);
}

const struct layer_variant conv2d_kn2row = {
    .name = "conv2d_kn2row",
    .family = FAMILY_NATIVE,
    .applies = applies,
    .band_rows = 1,
    .needs = needs,
    .pack_task = kn2row_pack_task,
    .run_task = run_task,
};
