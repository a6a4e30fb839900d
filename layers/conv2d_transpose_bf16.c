/* conv2d_transpose_bf16.c - transposed convolution as the ordinary convolutions of phases.h, on products of
 * bf16 parts: the forms of conv2d_bf16.c. The equation is conv2d_transpose.c's. */
#include "layers/bf16_indirect.h"
#include "layers/phases.h"

static int fewer(const struct layer_dims *d)
{
    bool winograd = conv2d_transpose_winograd.applies(d) || conv2d_transpose_winograd_lean.applies(d);
    return winograd ? BF16_WINOGRAD_FEWER : 1;
}

#define VARIANT(form, parts, numbers, bound, fewer_of_floats)                                                \
    static const struct phase_method method_##form = {bf16_needs_##form, bf16_pack_span,                     \
                                                      bf16_pack_task_##form, bf16_run_task_##form};          \
    static bool applies_##form(const struct layer_dims *d)                                                   \
    {                                                                                                        \
        struct indirect_layer layer = phase_layer(d, 0);                                                     \
        return bf16_indirect_applies(parts, fewer_of_floats, &layer.dims);                                   \
    }                                                                                                        \
    static struct layer_needs needs_##form(const struct layer_dims *d)                                       \
    {                                                                                                        \
        return phase_needs(&method_##form, d);                                                               \
    }                                                                                                        \
    static void pack_##form(const struct layer_dims *d, const struct layer_weights *w, void *packed,         \
                            int64_t task)                                                                    \
    {                                                                                                        \
        phase_pack_task(&method_##form, d, w, packed, task);                                                 \
    }                                                                                                        \
    static void run_##form(const struct layer_args *a, int64_t task, void *workspace)                        \
    {                                                                                                        \
        phase_run_task(&method_##form, a, task, workspace);                                                  \
    }                                                                                                        \
    const struct layer_variant conv2d_transpose_##form = {                                                   \
        .name = "conv2d_transpose_" #form,                                                                   \
        .family = FAMILY_NATIVE,                                                                             \
        .precision = PRECISION_##numbers,                                                                    \
        .error = (bound),                                                                                    \
        .applies = applies_##form,                                                                           \
        .band_rows = 1,                                                                                      \
        .in_place = true,                                                                                    \
        .needs = needs_##form,                                                                               \
        .pack_task = pack_##form,                                                                            \
        .pack_span = bf16_pack_span,                                                                         \
        .run_task = run_##form,                                                                              \
    };

VARIANT(bf16x3, 3, FP32, 1, 1)
VARIANT(bf16x3_lean, 3, FP32, 1, 1)
VARIANT(bf16x2, 2, BF16X2, 1 << 4, fewer(d))
VARIANT(bf16, 1, BF16, 1 << 13, fewer(d))
