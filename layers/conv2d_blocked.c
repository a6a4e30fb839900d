/* conv2d_blocked.c - the loops of conv2d_ref in another order: plain C, ten times as fast.
 *
 * The equation, the storage and the packed weights w[KH][KW][IC][OC] are conv2d.c's. What is wrong with its
 * loops? For one output, step ic reads x[ic] and w[ic][oc]: two loads for one product, the second OC floats
 * after the one before it, and each addition waits for the one before it. Yet the numbers are read again and
 * again: an x by all OC outputs of its pixel, a w by all output pixels.
 *
 * So a tile of PIXELS x CHANNELS outputs is made at once, its sums in an array small enough for registers:
 *
 *                       w[ic]     c0 c1 c2 c3 c4 c5 c6 c7       8 neighbours in memory: 2 registers of 4
 *     x of pixel 0, channel ic     s  s  s  s  s  s  s  s
 *     x of pixel 1, channel ic     s  s  s  s  s  s  s  s       32 sums: 8 of the 16 registers of x86-64
 *     x of pixel 2, channel ic     s  s  s  s  s  s  s  s
 *     x of pixel 3, channel ic     s  s  s  s  s  s  s  s
 *
 * A step of ic takes 4 + 8 numbers for 32 products: each x is used 8 times, each w 4 times, and no sum waits
 * for another. The innermost loop runs over neighbours in memory, so the compiler makes vectors of it. That
 * is reuse in registers. Around the tile, the order of loops gives reuse in the cache: the weights of the
 * same 8 channels serve all tiles of a row of the picture before the next 8 are touched.
 *
 *     conv2d_ref                      here
 *     for ow                          for oc in steps of CHANNELS
 *       for oc                          for ow in steps of PIXELS
 *         for kh, kw                      for kh, kw
 *           for ic                          for ic
 *             sum += x * w                    for p in PIXELS, c in CHANNELS
 *                                               sum[p][c] += x[p] * w[c]
 *
 * Costs N*OH*OW*OC*K multiplications, like conv2d_ref, in float. It is here to be read and measured: the
 * planner always finds something faster. */
#include "layers/epilogue.h"
#include "layers/layer.h"
#include "layers/sizes.h"

#include <string.h>

enum { PIXELS = 4, CHANNELS = 8 };

/* The products of one tap. x[p]: the IC inputs under it for pixel p. The Makefile has the compiler unroll the
 * loops over p and c and make vectors of what comes out: 8 multiplications of 4 floats. Left alone, GCC makes
 * vectors along i, whose weights lie OC floats apart, and is six times as slow. */
static inline void add_products(const float *const x[PIXELS], const float *restrict w, int64_t ic, int64_t oc,
                                int64_t channels, float total[PIXELS][CHANNELS])
{
    float sum[PIXELS][CHANNELS] = {{0}};
    for (int64_t i = 0; i < ic; i++, w += oc) {
        float row[CHANNELS];
        for (int64_t c = 0; c < channels; c++)
            row[c] = w[c];
        for (int64_t p = 0; p < PIXELS; p++)
            for (int64_t c = 0; c < channels; c++)
                sum[p][c] += x[p][i] * row[c];
    }
    for (int64_t p = 0; p < PIXELS; p++)
        for (int64_t c = 0; c < channels; c++)
            total[p][c] += sum[p][c];
}

/* Where input pixels iw, iw + stride, ... of row ih are; outside the picture, a run of zeros. */
static void find_pixels(const struct layer_args *a, int64_t n, int64_t ih, int64_t iw, const float *zeros,
                        const float *x[PIXELS])
{
    const struct layer_dims *d = &a->d;
    for (int p = 0; p < PIXELS; p++, iw += d->stride_w) {
        bool inside = ih >= 0 && ih < d->ih && iw >= 0 && iw < d->iw;
        x[p] = inside ? a->x + ((n * d->ih + ih) * d->iw + iw) * a->x_stride : zeros;
    }
}

/* Output pixels ow .. ow+PIXELS-1 of row `row`, channels oc .. oc+CHANNELS-1, those that there are. */
static void run_tile(const struct layer_args *a, int64_t row, int64_t ow, int64_t oc, const float *zeros)
{
    const struct layer_dims *d = &a->d;
    int64_t n = row / d->oh, oh = row % d->oh, channels = smaller(CHANNELS, d->oc - oc);
    const float *x[PIXELS], *w = (const float *)a->packed + oc;
    float total[PIXELS][CHANNELS] = {{0}};
    for (int64_t kh = 0; kh < d->kh; kh++)
        for (int64_t kw = 0; kw < d->kw; kw++, w += d->ic * d->oc) {
            find_pixels(a, n, oh * d->stride_h - d->pad_h + kh * d->dilation_h,
                        ow * d->stride_w - d->pad_w + kw * d->dilation_w, zeros, x);
            if (channels == CHANNELS) /* a length that the compiler knows */
                add_products(x, w, d->ic, d->oc, CHANNELS, total);
            else
                add_products(x, w, d->ic, d->oc, channels, total);
        }
    for (int64_t p = 0; p < smaller(PIXELS, d->ow - ow); p++)
        memcpy(a->y + (row * d->ow + ow + p) * a->y_stride + oc, total[p], (size_t)channels * sizeof(float));
}

static void run_task(const struct layer_args *a, int64_t task, void *workspace)
{
    const struct layer_dims *d = &a->d;
    float *zeros = memset(workspace, 0, (size_t)d->ic * sizeof *zeros);
    for (int64_t oc = 0; oc < d->oc; oc += CHANNELS)
        for (int64_t ow = 0; ow < d->ow; ow += PIXELS)
            run_tile(a, task, ow, oc, zeros);
    epilogue_apply(&a->epilogue, d->oc, task * d->ow, d->ow, a->y + task * d->ow * a->y_stride, a->y_stride);
}

static struct layer_needs needs(const struct layer_dims *d)
{
    return (struct layer_needs){.pack_tasks = layer_channel_tasks(d),
                                .run_tasks = d->n * d->oh,
                                .packed_bytes = layer_plain_bytes(d),
                                .workspace_bytes = float_bytes(d->ic)};
}

const struct layer_variant conv2d_blocked = {
    .name = "conv2d_blocked",
    .family = FAMILY_PLAIN,
    .error = 2, /* chains of all IC products of a tap */
    .applies = layer_applies_always,
    .band_rows = 1,
    .needs = needs,
    .pack_task = layer_pack_plain,
    .pack_span = layer_channel_span,
    .run_task = run_task,
};
