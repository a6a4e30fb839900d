/* conv2d_transpose_native.c - transposed convolution as the ordinary convolutions of phases.h, each computed
 * directly (direct.h). The equation is conv2d_transpose.c's.
 *
 * The same number of multiplications as the definition, each output written once. */
#include "phases.h"

static size_t packed_bytes(const struct layer_dims *d)
{
    size_t bytes = 0;
    for (int64_t phase = 0; phase < phase_count(d); phase++) {
        struct direct direct = phase_direct(d, phase);
        bytes += direct_packed_bytes(&direct.dims);
    }
    return bytes;
}

/* Phases share the output channels, so they have the same pack tasks and spans; one task packs all phases. */
static int64_t pack_tasks(const struct layer_dims *d)
{
    struct direct direct = phase_direct(d, 0);
    return direct_pack_tasks(&direct.dims);
}

static struct layer_span pack_span(const struct layer_dims *d, int64_t task)
{
    struct direct direct = phase_direct(d, 0);
    return direct_pack_span(&direct.dims, task);
}

static void pack_task(const struct layer_dims *d, const struct layer_weights *w, void *packed, int64_t task)
{
    unsigned char *out = packed;
    for (int64_t phase = 0; phase < phase_count(d); phase++) {
        struct direct direct = phase_direct(d, phase);
        struct layer_weights weights = phase_weights(d, w, phase);
        direct_pack_task(&direct.dims, &weights, out, task);
        out += direct_packed_bytes(&direct.dims);
    }
}

static size_t workspace_bytes(const struct layer_dims *d)
{
    size_t most = 0;
    for (int64_t phase = 0; phase < phase_count(d); phase++) {
        struct direct direct = phase_direct(d, phase);
        size_t bytes = direct_workspace_bytes(&direct.dims);
        most = bytes > most ? bytes : most;
    }
    return most;
}

/* Tasks of the phase that has most of them: of each, so that the phases of one place follow one another and
 * find x in the cache. Those that a smaller phase does not have do nothing. */
static int64_t tasks_each(const struct layer_dims *d)
{
    int64_t most = 0;
    for (int64_t phase = 0; phase < phase_count(d); phase++) {
        struct direct direct = phase_direct(d, phase);
        int64_t tasks = direct_tasks(&direct.dims);
        most = tasks > most ? tasks : most;
    }
    return most;
}

static int64_t tasks(const struct layer_dims *d)
{
    return tasks_each(d) * phase_count(d);
}

static void run_task(const struct layer_args *a, int64_t task, void *workspace)
{
    const float *packed = a->packed;
    int64_t phase = task % phase_count(&a->d), index = task / phase_count(&a->d);
    for (int64_t i = 0; i < phase; i++) {
        struct direct before = phase_direct(&a->d, i);
        packed += direct_packed_bytes(&before.dims) / sizeof *packed;
    }
    struct direct direct = phase_direct(&a->d, phase);
    if (index < direct_tasks(&direct.dims))
        direct_run_task(&direct, a, packed, index, workspace);
}

const struct layer_variant conv2d_transpose_native = {
    .name = "conv2d_transpose_native",
    .family = FAMILY_NATIVE,
    .applies = layer_applies_always,
    .band_rows = 1,
    .packed_bytes = packed_bytes,
    .pack_tasks = pack_tasks,
    .pack_task = pack_task,
    .pack_span = pack_span,
    .workspace_bytes = workspace_bytes,
    .tasks = tasks,
    .run_task = run_task,
};
