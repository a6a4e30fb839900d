/* conv2d_transpose_native.c - transposed convolution as the ordinary convolutions of phases.h, each computed
 * by indirect.h. The equation is conv2d_transpose.c's.
 *
 * The same number of multiplications as the definition; each output is written once. */
#include "layers/phases.h"

static const struct phase_method method = {indirect_needs, indirect_pack_span, indirect_pack_task,
                                           indirect_run_task};

static struct layer_needs needs(const struct layer_dims *d)
{
    return phase_needs(&method, d);
}

static struct layer_span pack_span(const struct layer_dims *d, int64_t task)
{
    return phase_pack_span(&method, d, task);
}

static void pack_task(const struct layer_dims *d, const struct layer_weights *w, void *packed, int64_t task)
{
    phase_pack_task(&method, d, w, packed, task);
}

static void run_task(const struct layer_args *a, int64_t task, void *workspace)
{
    phase_run_task(&method, a, task, workspace);
}

const struct layer_variant conv2d_transpose_native = {
    .name = "conv2d_transpose_native",
    .family = FAMILY_NATIVE,
    .applies = layer_applies_always,
    .band_rows = 1,
    .in_place = true,
    .needs = needs,
    .pack_task = pack_task,
    .pack_span = pack_span,
    .run_task = run_task,
};
