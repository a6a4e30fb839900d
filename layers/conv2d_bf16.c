/* conv2d_bf16.c - convolution on products of bf16 parts, general in kernel, stride, padding and dilation.
 * The equation is conv2d.c's, the arithmetic bf16.h's, the algorithm bf16_indirect.h's.
 *
 *     conv2d_bf16x3, _lean   as exact as conv2d_native: chosen by itself, where there are matrix tiles
 *     conv2d_bf16x2          for precision bf16x2
 *     conv2d_bf16            for precision bf16 */
#include "layers/bf16_indirect.h"

static void run_task(struct bf16_form form, const struct layer_args *a, int64_t task, void *workspace)
{
    struct indirect_layer layer = {.dims = a->d, .y_h = a->d.oh, .y_w = a->d.ow, .step_h = 1, .step_w = 1};
    bf16_indirect_run_task(form, &layer, a, a->packed, task, workspace);
}

/* Fewer products of floats can take less time than more products of bf16. */
static bool beats_winograd(struct bf16_form form, const struct layer_dims *d)
{
    enum { WINOGRAD_GAIN = 3 }; /* time of conv2d_native over that of the forms of Winograd: 2 to 3 */
    bool winograd =
        conv2d_winograd.applies(d) || conv2d_winograd_small.applies(d) || conv2d_winograd_lean.applies(d);
    return !winograd || form.parts * (form.parts + 1) / 2 * WINOGRAD_GAIN < simd()->bf16_rate;
}

#define VARIANT(form_name, parts, lean, worse, condition)                                                    \
    static bool applies_##form_name(const struct layer_dims *d)                                              \
    {                                                                                                        \
        struct bf16_form form = {parts, lean};                                                               \
        return bf16_indirect_applies(form, d) && (condition);                                                \
    }                                                                                                        \
    static struct layer_needs needs_##form_name(const struct layer_dims *d)                                  \
    {                                                                                                        \
        return bf16_indirect_needs((struct bf16_form){parts, lean}, d);                                      \
    }                                                                                                        \
    static void pack_##form_name(const struct layer_dims *d, const struct layer_weights *w, void *packed,    \
                                 int64_t task)                                                               \
    {                                                                                                        \
        bf16_indirect_pack_task((struct bf16_form){parts, lean}, d, w, packed, task);                        \
    }                                                                                                        \
    static void run_##form_name(const struct layer_args *a, int64_t task, void *workspace)                   \
    {                                                                                                        \
        run_task((struct bf16_form){parts, lean}, a, task, workspace);                                       \
    }                                                                                                        \
    const struct layer_variant conv2d_##form_name = {                                                        \
        .name = "conv2d_" #form_name,                                                                        \
        .family = FAMILY_NATIVE,                                                                             \
        .precision = (parts) == 3   ? PRECISION_FP32                                                         \
                     : (parts) == 2 ? PRECISION_BF16X2                                                       \
                                    : PRECISION_BF16,                                                        \
        .error = worse,                                                                                      \
        .applies = applies_##form_name,                                                                      \
        .band_rows = 1,                                                                                      \
        .needs = needs_##form_name,                                                                          \
        .pack_task = pack_##form_name,                                                                       \
        .pack_span = bf16_indirect_pack_span,                                                                \
        .run_task = run_##form_name,                                                                         \
    };

VARIANT(bf16x3, 3, false, 1, true)
VARIANT(bf16x3_lean, 3, true, 1, true)
VARIANT(bf16x2, 2, false, 1 << 7, beats_winograd(form, d))
VARIANT(bf16, 1, false, 1 << 15, beats_winograd(form, d))
