/* conv2d_transpose_native.c - transposed convolution as the ordinary convolutions of phases.h, each computed
 * by indirect.h. The equation is conv2d_transpose.c's.
 *
 * The same number of multiplications as the definition; each output is written once. */
#include "layers/phases.h"

/* Phases share the output channels, so they have the same pack tasks and spans; one task packs all phases.
 *
 * Every phase has as many run tasks as the one with most. The tasks of all phases for one position follow one
 * another and find x in the cache. Tasks that a smaller phase does not have do nothing. */
static struct layer_needs needs(const struct layer_dims *d)
{
    struct layer_needs all = {0};
    for (int64_t phase = 0; phase < phase_count(d); phase++) {
        struct indirect_layer layer = phase_layer(d, phase);
        struct layer_needs one = indirect_needs(&layer.dims);
        all.pack_tasks = one.pack_tasks;
        all.packed_bytes += one.packed_bytes;
        if (one.run_tasks * phase_count(d) > all.run_tasks)
            all.run_tasks = one.run_tasks * phase_count(d);
        if (one.workspace_bytes > all.workspace_bytes)
            all.workspace_bytes = one.workspace_bytes;
    }
    return all;
}

static struct layer_span pack_span(const struct layer_dims *d, int64_t task)
{
    struct indirect_layer layer = phase_layer(d, 0);
    return indirect_pack_span(&layer.dims, task);
}

static void pack_task(const struct layer_dims *d, const struct layer_weights *w, void *packed, int64_t task)
{
    unsigned char *out = packed;
    for (int64_t phase = 0; phase < phase_count(d); phase++) {
        struct indirect_layer layer = phase_layer(d, phase);
        struct layer_weights weights = phase_weights(d, w, phase);
        indirect_pack_task(&layer.dims, &weights, out, task);
        out += indirect_packed_bytes(&layer.dims);
    }
}

static void run_task(const struct layer_args *a, int64_t task, void *workspace)
{
    int64_t phase = task % phase_count(&a->d), index = task / phase_count(&a->d);
    struct indirect_layer layer = phase_layer(&a->d, phase);
    const float *packed = a->packed;
    packed += phase_taps_before(&a->d, phase) * indirect_tap_floats(&layer.dims);
    if (index < indirect_tasks(&layer.dims))
        indirect_run_task(&layer, a, packed, index, workspace);
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
