/* conv2d_winograd.c - convolution of 3x3 and 5x5 by Winograd's algorithm, with any padding and dilation, at
 * stride 1.
 *
 * The equation and the storage are conv2d.c's; winograd.h says how the work is divided. Products an output,
 * for each input channel:
 *
 *     conv2d_winograd        3x3   F(4,3)   36 / 16 = 2.25 instead of 9
 *                            5x5   F(2,5)   36 / 4 = 9 instead of 25
 *     conv2d_winograd_small  3x3   F(3,3)   25 / 9 = 2.78; in small pictures less of the tiles is outside
 *     conv2d_winograd_large  5x5   F(4,5)   64 / 16 = 4
 *     conv2d_winograd_lean   3x3   F(4,3)   with weights as they are: see below
 *
 * In a large picture a task takes a block of tiles through all stages, and V stays in its caches. In a small
 * one there would be few tasks of unequal size: there the prepare tasks make all of V first, and a run task
 * is one block and one panel of output channels.
 *
 * U is 36 / 9 = 4 times as large as the weights of 3x3. The lean variant keeps the weights as they are, and
 * transforms them in every run, for each block again. Where one block holds the whole picture, that takes
 * less time than reading U; elsewhere it takes a little longer, and saves memory. */
#include "layers/sizes.h"
#include "layers/winograd.h"

#include <string.h>

enum {
    CACHED_MOST = 8 << 20, /* bytes of V that stay in the L3 */
    SLICE = 512,           /* input channels of V that a task makes at a time */
};

/* The variants. */
enum mode { PLAIN, SMALL, LARGE, LEAN };

static struct winograd_layer layer_of(enum mode mode, const struct layer_dims *d)
{
    enum winograd_form plain = d->kh == 5 ? WINOGRAD_2_5 : WINOGRAD_4_3;
    struct winograd_layer layer = winograd_conv2d(mode == SMALL   ? WINOGRAD_3_3
                                                  : mode == LARGE ? WINOGRAD_4_5
                                                                  : plain,
                                                  d);
    if (mode == LEAN)
        layer.slice = winograd_lean_slice(layer.kernels, d->ic);
    return layer;
}

static const struct winograd_kernels *kernels_of(enum mode mode, const struct layer_dims *d)
{
    return layer_of(mode, d).kernels;
}

/* Products for one pair of channels. Fewer tiles count as TILES_LEAST: they take less time than reading U. */
static int64_t products(const struct winograd_layer *layer)
{
    enum { TILES_LEAST = 16 };
    return larger(winograd_tiles(layer), TILES_LEAST) * layer->kernels->points * layer->kernels->points;
}

/* Taps of one axis that read the picture, over all outputs. */
static int64_t live_taps(int64_t in, int64_t out, int64_t kernel, int64_t pad, int64_t dilation)
{
    int64_t live = 0;
    for (int64_t k = 0; k < kernel; k++) {
        int64_t ahead = k * dilation - pad; /* output o reads input o + ahead, if that is in 0 .. in-1 */
        live += larger(0, smaller(out, in - ahead) - larger(0, -ahead));
    }
    return live;
}

/* Whether there are clearly fewer products than in conv2d_native, which skips the padding. With few channels
 * the transforms cost more than is saved: their cost does not depend on the channels of the other side. */
static bool is_worth(enum mode mode, const struct layer_dims *d)
{
    enum { CHANNELS_LEAST = 17 };
    const struct winograd_kernels *kernels = kernels_of(mode, d);
    if (d->kh != kernels->taps || d->kw != kernels->taps || d->stride_h != 1 || d->stride_w != 1 ||
        d->ic < CHANNELS_LEAST || d->oc < CHANNELS_LEAST)
        return false;
    struct winograd_layer layer = layer_of(mode, d);
    int64_t indirect = d->n * live_taps(d->ih, d->oh, d->kh, d->pad_h, d->dilation_h) *
                       live_taps(d->iw, d->ow, d->kw, d->pad_w, d->dilation_w);
    return products(&layer) * 4 < indirect * 3;
}

/* ---- weights ----------------------------------------------------------------------------- */

/* Packed floats for one column and one input channel: of U, or in lean mode of the weights. */
static int64_t column_floats(enum mode mode, const struct layer_dims *d)
{
    const struct winograd_kernels *kernels = kernels_of(mode, d);
    int side = mode == LEAN ? kernels->taps : kernels->points;
    return side * side;
}

static struct layer_span pack_span(const struct layer_dims *d, int64_t task)
{
    return panel_span(d->oc, task);
}

/* One panel: of U, [positions][IC][columns], or of the weights, [IC][KH][KW][columns]. */
static void pack_task(enum mode mode, const struct layer_dims *d, const struct layer_weights *w, void *packed,
                      int64_t task)
{
    enum { TOGETHER = 4, COLUMNS_MOST = 64, TAPS_MOST = 25 };
    float buffer[TOGETHER * TAPS_MOST * COLUMNS_MOST];
    struct layer_span span = panel_span(d->oc, task);
    int64_t columns = panel_tile(d->oc - span.first)->columns, taps = d->kh * d->kw;
    float *panel = (float *)packed + span.first * column_floats(mode, d) * d->ic;
    for (int64_t ic = 0; ic < d->ic; ic += TOGETHER) {
        int64_t inputs = smaller(TOGETHER, d->ic - ic);
        float *out = mode == LEAN ? panel + ic * taps * columns : buffer;
        for (int64_t tap = 0; tap < taps; tap++)
            panel_taps(w, span, ic, inputs, tap / d->kw, tap % d->kw, columns, out + tap * columns,
                       taps * columns);
        for (int64_t i = 0; mode != LEAN && i < inputs; i++)
            kernels_of(mode, d)->weights(buffer + i * taps * columns, columns, panel + (ic + i) * columns,
                                         d->ic * columns);
    }
}

/* ---- V for all, first -------------------------------------------------------------------- */

/* 0: V is not shared, each task makes that of its block. */
static size_t shared_bytes(const struct winograd_layer *layer)
{
    size_t bytes = float_bytes(winograd_v_floats(layer, winograd_tiles(layer)));
    bool is_small = winograd_blocks(layer) < WINOGRAD_BLOCKS && bytes <= WINOGRAD_SHARED;
    return is_small || winograd_tiles(layer) <= WINOGRAD_TILES ? bytes : 0;
}

static void prepare_task(enum mode mode, const struct layer_args *a, int64_t task, void *workspace)
{
    struct winograd_layer layer = layer_of(mode, &a->d);
    winograd_prepare_task(&layer, a, task, workspace);
}

/* ---- products and back ------------------------------------------------------------------- */

/* Every panel reads V again. Where V is not shared and has many channels, a task makes a slice of them at a
 * time, which the cache holds, and keeps M of all panels, to which each slice adds its products. */
static bool is_sliced(const struct layer_dims *d)
{
    return d->ic > SLICE && d->oc <= d->ic;
}

static int64_t slice_channels(const struct layer_dims *d)
{
    return is_sliced(d) ? SLICE : d->ic;
}

/* Without shared V, a task is some blocks in a row: while one is multiplied, x of the next is prefetched. */
static int64_t blocks_together(const struct winograd_layer *layer)
{
    enum { MOST = 8 };
    return larger(1, smaller(MOST, winograd_blocks(layer) / WINOGRAD_BLOCKS));
}

/* M of one panel, or of all. */
static int64_t m_floats(const struct winograd_layer *layer, const struct layer_dims *d)
{
    return winograd_m_floats(layer, winograd_block(layer)) * (is_sliced(d) ? panel_count(d->oc) : 1);
}

/* Scratch: M, and if V is not shared a run of zeros and a slice of V; in lean mode a slice of U. */
static struct layer_needs needs(enum mode mode, const struct layer_dims *d)
{
    struct winograd_layer layer = layer_of(mode, d), slice = layer;
    int64_t packed = panel_channel(d->oc, panel_count(d->oc)) * column_floats(mode, d) * d->ic;
    int64_t block = winograd_block(&layer);
    int64_t scratch = winograd_m_floats(&layer, block) + winograd_width(d->ic);
    size_t shared = shared_bytes(&layer);
    slice.ic = slice_channels(d);
    if (!shared)
        scratch = m_floats(&layer, d) + winograd_width(slice.ic) + winograd_v_floats(&slice, block);
    if (mode == LEAN)
        scratch += winograd_u_floats(&layer);
    return (struct layer_needs){.pack_tasks = panel_count(d->oc),
                                .prepare_tasks = shared ? winograd_prepare_tasks(&layer) : 0,
                                .run_tasks =
                                    shared ? winograd_blocks(&layer) * panel_count(d->oc)
                                           : divide_up(winograd_blocks(&layer), blocks_together(&layer)),
                                .packed_bytes = float_bytes(packed),
                                .shared_bytes = shared,
                                .workspace_bytes = float_bytes(scratch)};
}

/* M of a panel, from the V in `product`, which begins at input channel ic: M = V U there, else M += V U.
 * u: space for a slice of U, in lean mode. */
static void multiply(enum mode mode, const struct winograd_layer *layer, const struct layer_args *a,
                     int64_t ic, int64_t panel, float *u, struct winograd_product product)
{
    int64_t oc = panel_channel(layer->oc, panel);
    const struct simd_tile_kernel *kernel = panel_tile(layer->oc - oc);
    const float *packed = (const float *)a->packed + oc * column_floats(mode, &a->d) * layer->ic;
    product.m_stride = winograd_stride(winograd_block(layer), kernel->columns);
    product.add = ic > 0;
    if (mode == LEAN) {
        packed += ic * column_floats(mode, &a->d) * kernel->columns;
        winograd_multiply_lean(layer, kernel, packed, u, product);
    } else {
        product.u = packed + ic * kernel->columns;
        product.u_stride = layer->ic * kernel->columns;
        winograd_multiply(layer, kernel, &product);
    }
}

/* y of a panel, from the M in `product`, a block from tile `first` on. */
static void output(const struct winograd_layer *layer, const struct layer_args *a, int64_t first,
                   int64_t panel, struct winograd_product product)
{
    int64_t oc = panel_channel(layer->oc, panel), columns = panel_tile(layer->oc - oc)->columns;
    winograd_output(layer, a, first, product.tiles, oc, smaller(columns, layer->oc - oc), product.m,
                    winograd_stride(winograd_block(layer), columns));
}

/* M and y of a panel, from the V in `product`, which holds input channels ic .. of the block from tile
 * `first` on; y only with the last of them. */
static void run_panel(enum mode mode, const struct winograd_layer *layer, const struct layer_args *a,
                      int64_t ic, int64_t first, int64_t panel, float *u, struct winograd_product product)
{
    bool last = ic + product.channels == layer->ic;
    struct winograd_fetch y;
    if (last)
        winograd_fetch_outputs(layer, a, first, panel_channel(layer->oc, panel), &product, &y);
    multiply(mode, layer, a, ic, panel, u, product);
    if (last)
        output(layer, a, first, panel, product);
}

/* A task with shared V is a block and a panel. Of V and U, one stays in the cache from task to task, the
 * other is read again: a panel of U for all blocks, or where V is too large, a block of V for all panels. */
static void run_shared(enum mode mode, const struct winograd_layer *layer, const struct layer_args *a,
                       int64_t task, float *m)
{
    int64_t all = winograd_tiles(layer), blocks = winograd_blocks(layer), panels = panel_count(layer->oc);
    bool cached = shared_bytes(layer) <= CACHED_MOST;
    int64_t panel = cached ? task / blocks : task % panels, block = cached ? task % blocks : task / panels;
    int64_t tiles = winograd_block(layer), first = block * tiles;
    struct winograd_product product = {.m = m, .channels = layer->ic};
    product.tiles = smaller(tiles, all - first);
    product.v_width = winograd_v_width(layer);
    product.v_stride = winograd_stride(all, product.v_width);
    product.v = (const float *)a->shared + first * product.v_width;
    run_panel(mode, layer, a, 0, first, panel, m + winograd_m_floats(layer, tiles), product);
}

/* A task without is some blocks, each with all panels. */
static void run_block(enum mode mode, const struct winograd_layer *layer, const struct layer_args *a,
                      int64_t block, float *m)
{
    int64_t tiles = winograd_block(layer), first = block * tiles, panels = panel_count(layer->oc);
    int64_t channels = slice_channels(&a->d), panel_floats = winograd_m_floats(layer, tiles);
    float *zeros = m + m_floats(layer, &a->d), *v = zeros + winograd_width(channels);
    struct winograd_layer slice = *layer;
    slice.ic = channels;
    float *u = v + winograd_v_floats(&slice, tiles);
    struct winograd_product product = {.v = v, .tiles = smaller(tiles, winograd_tiles(layer) - first)};
    memset(zeros, 0, (size_t)channels * sizeof *zeros);
    for (int64_t ic = 0; ic < layer->ic; ic += channels) {
        struct layer_args args = *a;
        struct winograd_fetch x = {.layer = layer, .args = a, .zeros = zeros, .channels = channels};
        bool last = ic + channels >= layer->ic;
        slice.ic = product.channels = smaller(channels, layer->ic - ic);
        args.x += ic;
        product.v_width = winograd_v_width(&slice);
        product.v_stride = winograd_stride(tiles, product.v_width);
        winograd_input(&slice, &args, zeros, first, product.tiles, v, 0, tiles);
        x.channel = last ? 0 : ic + channels;
        winograd_fetch_begin(&x, last ? first + tiles : first, tiles,
                             panels * winograd_calls(layer, simd()->tiles, &product));
        product.x = &x;
        for (int64_t panel = 0; panel < panels; panel++) {
            product.m = m + (is_sliced(&a->d) ? panel * panel_floats : 0);
            run_panel(mode, layer, a, ic, first, panel, u, product);
        }
    }
}

static void run_task(enum mode mode, const struct layer_args *a, int64_t task, void *workspace)
{
    struct winograd_layer layer = layer_of(mode, &a->d);
    if (shared_bytes(&layer) > 0) {
        run_shared(mode, &layer, a, task, workspace);
        return;
    }
    int64_t together = blocks_together(&layer);
    for (int64_t i = 0; i < together && task * together + i < winograd_blocks(&layer); i++)
        run_block(mode, &layer, a, task * together + i, workspace);
}

/* ---- variants ---------------------------------------------------------------------------- */

static bool has_fewer_products(enum mode mode, const struct layer_dims *d)
{
    struct winograd_layer layer = layer_of(mode, d), plain = layer_of(PLAIN, d);
    return products(&layer) < products(&plain);
}

static bool is_one_block(const struct layer_dims *d)
{
    struct winograd_layer layer = layer_of(PLAIN, d);
    return d->kh == 3 && winograd_tiles(&layer) <= WINOGRAD_TILES;
}

/* A single block of 3x3 is left to the lean variant, or has too few tiles even for that. */
static bool applies_plain(const struct layer_dims *d)
{
    return is_worth(PLAIN, d) && !is_one_block(d);
}

static bool applies_small(const struct layer_dims *d)
{
    return is_worth(SMALL, d) && has_fewer_products(SMALL, d) && !is_one_block(d);
}

static bool applies_large(const struct layer_dims *d)
{
    return is_worth(LARGE, d) && has_fewer_products(LARGE, d);
}

static bool applies_lean(const struct layer_dims *d)
{
    enum { TILES_LEAST = 24 };
    struct winograd_layer layer = layer_of(LEAN, d);
    return is_worth(LEAN, d) && d->kh == 3 && winograd_tiles(&layer) >= TILES_LEAST;
}

/* A variant: the functions above in one mode. */
#define VARIANT(prefix, mode, applies_to, bound)                                                             \
    static struct layer_needs prefix##_needs(const struct layer_dims *d)                                     \
    {                                                                                                        \
        return needs(mode, d);                                                                               \
    }                                                                                                        \
    static void prefix##_pack_task(const struct layer_dims *d, const struct layer_weights *w, void *packed,  \
                                   int64_t task)                                                             \
    {                                                                                                        \
        pack_task(mode, d, w, packed, task);                                                                 \
    }                                                                                                        \
    static void prefix##_prepare_task(const struct layer_args *a, int64_t task, void *workspace)             \
    {                                                                                                        \
        prepare_task(mode, a, task, workspace);                                                              \
    }                                                                                                        \
    static void prefix##_run_task(const struct layer_args *a, int64_t task, void *workspace)                 \
    {                                                                                                        \
        run_task(mode, a, task, workspace);                                                                  \
    }                                                                                                        \
    const struct layer_variant prefix = {                                                                    \
        .name = #prefix,                                                                                     \
        .family = FAMILY_NATIVE,                                                                             \
        .error = (bound),                                                                                    \
        .in_place = true,                                                                                    \
        .applies = (applies_to),                                                                             \
        .needs = prefix##_needs,                                                                             \
        .pack_task = prefix##_pack_task,                                                                     \
        .pack_span = pack_span,                                                                              \
        .prepare_task = prefix##_prepare_task,                                                               \
        .run_task = prefix##_run_task,                                                                       \
    };

/* With 64 channels, the rounding error of F(4,5) is four times that of F(4,3) in the root mean square. It
 * grows no faster with more channels than that of a plain sum, because chains are of 64. */
VARIANT(conv2d_winograd, PLAIN, applies_plain, 5)
VARIANT(conv2d_winograd_small, SMALL, applies_small, 5)
VARIANT(conv2d_winograd_large, LARGE, applies_large, 20)
VARIANT(conv2d_winograd_lean, LEAN, applies_lean, 5)
