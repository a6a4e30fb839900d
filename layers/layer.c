/* layer.c - what several operators share: see layer.h. */
#include "layers/layer.h"
#include "layers/gemm.h"
#include "layers/sizes.h"

const char *precision_name(enum layer_precision precision)
{
    static const char *const names[PRECISION_COUNT] = {"fp32", "bf16x2", "bf16"};
    return names[precision];
}

/* Pixels of a task: about 64 KB of output, which is worth handing to a thread and fits in L2. */
static int64_t pixels_per_task(const struct layer_dims *d)
{
    int64_t pixels = 16384 / d->oc;
    return pixels > 16 ? pixels : 16;
}

struct layer_needs layer_pixel_needs(const struct layer_dims *d)
{
    return (struct layer_needs){.run_tasks = divide_up(d->n * d->oh * d->ow, pixels_per_task(d))};
}

int64_t layer_pixel_span(const struct layer_dims *d, int64_t task, int64_t *first)
{
    int64_t each = pixels_per_task(d);
    *first = task * each;
    return smaller(each, d->n * d->oh * d->ow - *first);
}

struct layer_needs layer_row_needs(const struct layer_dims *d)
{
    return (struct layer_needs){.run_tasks = d->n * d->oh};
}

/* In PyTorch's order the taps of a channel are neighbours; this few channels stay in the cache until all taps
 * are copied. */
enum { CHANNELS_PER_TASK = 16 };

int64_t layer_channel_tasks(const struct layer_dims *d)
{
    return divide_up(d->ic, CHANNELS_PER_TASK);
}

struct layer_span layer_channel_span(const struct layer_dims *d, int64_t task)
{
    int64_t first = task * CHANNELS_PER_TASK;
    return (struct layer_span){AXIS_INPUT, first, smaller(CHANNELS_PER_TASK, d->ic - first)};
}

size_t layer_plain_bytes(const struct layer_dims *d)
{
    return float_bytes(d->kh * d->kw * d->ic * d->oc);
}

/* [OC IC KH KW in any order] => [KH][KW][IC][OC] */
void layer_pack_plain(const struct layer_dims *d, const struct layer_weights *w, void *packed, int64_t task)
{
    struct layer_span span = layer_channel_span(d, task);
    for (int64_t tap = 0; tap < d->kh * d->kw; tap++)
        for (int64_t i = 0; i < span.count; i++) {
            const float *in =
                w->data + tap / d->kw * w->stride_h + tap % d->kw * w->stride_w + i * w->stride_i;
            float *out = (float *)packed + (tap * d->ic + span.first + i) * d->oc;
            for (int64_t oc = 0; oc < d->oc; oc++)
                out[oc] = in[oc * w->stride_o] * (w->scale ? w->scale[oc] : 1.0F);
        }
}

int64_t layer_band_rows(const struct layer_variant *variant)
{
    return variant->band_rows ? variant->band_rows : LAYER_TILE_PERIOD;
}

bool layer_applies_always(const struct layer_dims *d)
{
    (void)d;
    return true;
}

bool layer_applies_gemm(const struct layer_dims *d)
{
    (void)d;
    return gemm_available();
}
