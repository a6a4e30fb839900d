/* conv2d_transpose_winograd.c - transposed convolution of stride 2 and kernel 4x4 by F(4x4, 2x2).
 *
 * Each of the four phases (phases.h) is an ordinary convolution of 2x2, and takes 25 / 16 products an output
 * for each input channel instead of 4. All phases use the same V, made once for a block of tiles; the outputs
 * of a phase are two pixels apart. winograd.h says how the work is divided. */
#include "layers/phases.h"
#include "layers/sizes.h"
#include "layers/winograd.h"

#include <string.h>

enum {
    PHASES = 4,
    TAPS = 4,
    POSITIONS = 25,
    LEAN_BLOCKS = 3 /* with more, each of which transforms the weights again, reading U takes less time */
};

/* Tiles are those of phase 0, whose first output is (0, 0); the first input under it is (pad - 3) / 2. */
static struct winograd_layer layer_of(const struct layer_dims *d, int64_t phase, bool lean)
{
    const struct winograd_kernels *kernels = &simd()->winograd[WINOGRAD_PHASES + phase];
    struct winograd_layer layer = {kernels, .n = d->n, .ic = d->ic, .oc = d->oc, .slice = d->ic};
    if (lean)
        layer.slice = winograd_lean_slice(layer.kernels, d->ic);
    layer.h = (struct winograd_axis){.in = d->ih, .out = d->oh, .first = phase / 2, .offset = d->pad_h - 3};
    layer.w = (struct winograd_axis){.in = d->iw, .out = d->ow, .first = phase % 2, .offset = d->pad_w - 3};
    layer.h.lattices = layer.h.in_step = layer.w.lattices = layer.w.in_step = 1;
    layer.h.out_step = layer.h.scale = layer.w.out_step = layer.w.scale = 2;
    return layer;
}

/* ---- weights ----------------------------------------------------------------------------- *
 *
 *     plain     [phase][panel][25][IC][columns]         U: 25 / 4 times the size of the weights
 *     lean      [phase][panel][IC][2][2][columns]       the weights; every run computes U from them */

static int64_t phase_floats(const struct layer_dims *d, bool lean)
{
    return panel_channel(d->oc, panel_count(d->oc)) * (lean ? TAPS : POSITIONS) * d->ic;
}

static size_t packed_bytes(const struct layer_dims *d, bool lean)
{
    return float_bytes(PHASES * phase_floats(d, lean));
}

static const float *panel_of(const struct layer_args *a, int64_t phase, int64_t oc, bool lean)
{
    return (const float *)a->packed + phase * phase_floats(&a->d, lean) +
           oc * (lean ? TAPS : POSITIONS) * a->d.ic;
}

static struct layer_span pack_span(const struct layer_dims *d, int64_t task)
{
    return panel_span(d->oc, task);
}

/* One panel of one phase. */
static void pack_phase(const struct layer_dims *d, const struct layer_weights *w, struct layer_span span,
                       int64_t phase, bool lean, float *panel)
{
    enum { TOGETHER = 16, COLUMNS_MOST = 64 };
    float buffer[TOGETHER * TAPS * COLUMNS_MOST];
    struct layer_weights weights = phase_weights(d, w, phase);
    int64_t columns = panel_tile(d->oc - span.first)->columns;
    for (int64_t ic = 0; ic < d->ic; ic += TOGETHER) {
        int64_t inputs = smaller(TOGETHER, d->ic - ic);
        float *taps = lean ? panel + ic * TAPS * columns : buffer;
        for (int64_t tap = 0; tap < TAPS; tap++)
            panel_taps(&weights, span, ic, inputs, tap / 2, tap % 2, columns, taps + tap * columns,
                       TAPS * columns);
        for (int64_t i = 0; !lean && i < inputs; i++)
            simd()->winograd[WINOGRAD_PHASES + phase].weights(taps + i * TAPS * columns, columns,
                                                              panel + (ic + i) * columns, d->ic * columns);
    }
}

/* One panel of all phases. */
static void pack_panel(const struct layer_dims *d, const struct layer_weights *w, void *packed, int64_t task,
                       bool lean)
{
    struct layer_span span = panel_span(d->oc, task);
    for (int64_t phase = 0; phase < PHASES; phase++)
        pack_phase(d, w, span, phase, lean,
                   (float *)packed + phase * phase_floats(d, lean) +
                       span.first * (lean ? TAPS : POSITIONS) * d->ic);
}

/* ---- plain: a task is a block, in all phases --------------------------------------------- */

static void plain_pack_task(const struct layer_dims *d, const struct layer_weights *w, void *packed,
                            int64_t task)
{
    pack_panel(d, w, packed, task, false);
}

/* Scratch: M, V, a run of zeros. */
static struct layer_needs plain_needs(const struct layer_dims *d)
{
    struct winograd_layer layer = layer_of(d, 0, false);
    int64_t block = winograd_block(&layer);
    int64_t scratch =
        winograd_m_floats(&layer, block) + winograd_v_floats(&layer, block) + winograd_width(d->ic);
    return (struct layer_needs){.pack_tasks = panel_count(d->oc),
                                .run_tasks = winograd_blocks(&layer),
                                .packed_bytes = packed_bytes(d, false),
                                .workspace_bytes = float_bytes(scratch)};
}

/* One panel of a phase of a block, from the V in `product`; u: room for a slice of U if lean, else NULL. */
static void run_panel(const struct layer_args *a, int64_t phase, int64_t panel, int64_t first, float *u,
                      struct winograd_product product)
{
    struct winograd_layer layer = layer_of(&a->d, phase, u != NULL);
    struct winograd_fetch y;
    int64_t oc = panel_channel(layer.oc, panel);
    const struct simd_tile_kernel *kernel = panel_tile(layer.oc - oc);
    const float *packed = panel_of(a, phase, oc, u != NULL);
    product.m_stride = winograd_stride(winograd_block(&layer), kernel->columns);
    product.channels = layer.ic;
    winograd_fetch_outputs(&layer, a, first, oc, &product, &y);
    if (u) {
        winograd_multiply_lean(&layer, kernel, packed, u, product);
    } else {
        product.u = packed;
        product.u_stride = layer.ic * kernel->columns;
        winograd_multiply(&layer, kernel, &product);
    }
    winograd_output(&layer, a, first, product.tiles, oc, smaller(kernel->columns, layer.oc - oc), product.m,
                    product.m_stride);
}

static void plain_run_task(const struct layer_args *a, int64_t task, void *workspace)
{
    struct winograd_layer layer = layer_of(&a->d, 0, false);
    int64_t block = winograd_block(&layer), first = task * block, width = winograd_width(layer.ic);
    struct winograd_product product = {.m = workspace, .v_width = width, .channels = layer.ic};
    float *zeros = product.m + winograd_m_floats(&layer, block), *v = zeros + width;
    struct winograd_fetch x = {.layer = &layer, .args = a, .zeros = zeros, .channels = layer.ic};
    product.tiles = smaller(block, winograd_tiles(&layer) - first);
    product.v = v;
    product.v_stride = winograd_stride(block, width);
    memset(zeros, 0, (size_t)layer.ic * sizeof *zeros);
    winograd_input(&layer, a, zeros, first, product.tiles, v, 0, block);
    winograd_fetch_begin(&x, first + block, block,
                         PHASES * panel_count(layer.oc) * winograd_calls(&layer, simd()->tiles, &product));
    product.x = &x;
    for (int64_t phase = 0; phase < PHASES; phase++)
        for (int64_t panel = 0; panel < panel_count(layer.oc); panel++)
            run_panel(a, phase, panel, first, NULL, product);
}

static bool fits(const struct layer_dims *d)
{
    enum { CHANNELS_LEAST = 17 };
    return d->kh == 4 && d->kw == 4 && d->stride_h == 2 && d->stride_w == 2 && d->pad_h == 1 &&
           d->pad_w == 1 && d->ic >= CHANNELS_LEAST && d->oc >= CHANNELS_LEAST;
}

static bool plain_applies(const struct layer_dims *d)
{
    struct winograd_layer layer = layer_of(d, 0, false);
    return fits(d) && winograd_blocks(&layer) > LEAN_BLOCKS;
}

const struct layer_variant conv2d_transpose_winograd = {
    .name = "conv2d_transpose_winograd",
    .family = FAMILY_NATIVE,
    .error = 5,
    .in_place = true,
    .applies = plain_applies,
    .needs = plain_needs,
    .pack_task = plain_pack_task,
    .pack_span = pack_span,
    .run_task = plain_run_task,
};

/* ---- lean: a task is a panel of a phase of a block --------------------------------------- */

static void lean_pack_task(const struct layer_dims *d, const struct layer_weights *w, void *packed,
                           int64_t task)
{
    pack_panel(d, w, packed, task, true);
}

/* Shared: V. Scratch: M and a slice of U, or the run of zeros. */
static struct layer_needs lean_needs(const struct layer_dims *d)
{
    struct winograd_layer layer = layer_of(d, 0, true);
    int64_t v = winograd_v_floats(&layer, winograd_tiles(&layer));
    int64_t scratch =
        winograd_m_floats(&layer, winograd_block(&layer)) + winograd_u_floats(&layer) + winograd_width(d->ic);
    return (struct layer_needs){.pack_tasks = panel_count(d->oc),
                                .prepare_tasks = winograd_prepare_tasks(&layer),
                                .run_tasks = winograd_blocks(&layer) * PHASES * panel_count(d->oc),
                                .packed_bytes = packed_bytes(d, true),
                                .shared_bytes = float_bytes(v),
                                .workspace_bytes = float_bytes(scratch)};
}

static void lean_prepare_task(const struct layer_args *a, int64_t task, void *workspace)
{
    struct winograd_layer layer = layer_of(&a->d, 0, true);
    winograd_prepare_task(&layer, a, task, workspace);
}

static void lean_run_task(const struct layer_args *a, int64_t task, void *workspace)
{
    struct winograd_layer layer = layer_of(&a->d, 0, true);
    int64_t blocks = winograd_blocks(&layer), tiles = winograd_tiles(&layer), block = winograd_block(&layer);
    int64_t first = task % blocks * block, part = task / blocks;
    struct winograd_product product = {.m = workspace, .tiles = smaller(block, tiles - first)};
    product.v_width = winograd_v_width(&layer);
    product.v_stride = winograd_stride(tiles, product.v_width);
    product.v = (const float *)a->shared + first * product.v_width;
    run_panel(a, part % PHASES, part / PHASES, first, product.m + winograd_m_floats(&layer, block), product);
}

/* With few tiles, transforming the weights costs more than it saves. V of all tiles is kept. */
static bool lean_applies(const struct layer_dims *d)
{
    enum { TILES_LEAST = 12 };
    struct winograd_layer layer = layer_of(d, 0, true);
    int64_t tiles = winograd_tiles(&layer);
    return fits(d) && tiles >= TILES_LEAST &&
           (winograd_blocks(&layer) <= LEAN_BLOCKS ||
            float_bytes(winograd_v_floats(&layer, tiles)) <= WINOGRAD_SHARED);
}

const struct layer_variant conv2d_transpose_winograd_lean = {
    .name = "conv2d_transpose_winograd_lean",
    .family = FAMILY_NATIVE,
    .error = 5,
    .in_place = true,
    .applies = lean_applies,
    .needs = lean_needs,
    .pack_task = lean_pack_task,
    .pack_span = pack_span,
    .prepare_task = lean_prepare_task,
    .run_task = lean_run_task,
};
