/* conv2d_bf16.c - convolution on products of bf16 parts, general in kernel, stride, padding and dilation.
 * The equation is conv2d.c's, the arithmetic bf16.h's, the algorithm bf16_indirect.h's.
 *
 *     conv2d_bf16x3, _lean   as exact as conv2d_native: chosen by itself, where there are matrix tiles
 *     conv2d_bf16x2          for precision bf16x2
 *     conv2d_bf16            for precision bf16
 *
 * The last two are not for layers that a form of Winograd computes faster in floats. */
#include "layers/bf16_indirect.h"

static int fewer(const struct layer_dims *d)
{
    bool winograd = conv2d_winograd.applies(d) || conv2d_winograd_small.applies(d) ||
                    conv2d_winograd_large.applies(d) || conv2d_winograd_lean.applies(d);
    return winograd ? BF16_WINOGRAD_FEWER : 1;
}

static struct indirect_layer layer_of(const struct layer_dims *d)
{
    return (struct indirect_layer){.dims = *d, .y_h = d->oh, .y_w = d->ow, .step_h = 1, .step_w = 1};
}

#define VARIANT(form, parts, numbers, bound, fewer_of_floats)                                                \
    static bool applies_##form(const struct layer_dims *d)                                                   \
    {                                                                                                        \
        return bf16_indirect_applies(parts, fewer_of_floats, d);                                             \
    }                                                                                                        \
    static void run_##form(const struct layer_args *a, int64_t task, void *workspace)                        \
    {                                                                                                        \
        struct indirect_layer layer = layer_of(&a->d);                                                       \
        bf16_run_task_##form(&layer, a, a->packed, task, workspace);                                         \
    }                                                                                                        \
    const struct layer_variant conv2d_##form = {                                                             \
        .name = "conv2d_" #form,                                                                             \
        .family = FAMILY_NATIVE,                                                                             \
        .precision = PRECISION_##numbers,                                                                    \
        .error = (bound),                                                                                    \
        .applies = applies_##form,                                                                           \
        .band_rows = 1,                                                                                      \
        .in_place = true,                                                                                    \
        .needs = bf16_needs_##form,                                                                          \
        .pack_task = bf16_pack_task_##form,                                                                  \
        .pack_span = bf16_pack_span,                                                                         \
        .run_task = run_##form,                                                                              \
    };

VARIANT(bf16x3, 3, FP32, 1, 1)
VARIANT(bf16x3_lean, 3, FP32, 1, 1)
VARIANT(bf16x2, 2, BF16X2, 1 << 4, fewer(d))
VARIANT(bf16, 1, BF16, 1 << 13, fewer(d))
