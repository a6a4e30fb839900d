/* conv2d_winograd.c - 3x3 convolution by F(4x4, 3x3), with any padding and dilation, at stride 1.
 *
 * The equation and the storage are conv2d.c's; winograd.h says how the work is cut. Each output costs 2.25
 * products for each input channel instead of 9, and the rounding error is about twice that of the direct
 * form.
 *
 * Where a picture is large, a task takes a block of tiles through all stages, V staying in its L2. Where
 * it is small, that would give few and unequal tasks: there all of V is made first, by the prepare tasks,
 * and a run task is one block and one panel of output channels.
 *
 * U takes 36 / 9 = 4 times the room of the weights. conv2d_winograd keeps it. conv2d_winograd_lean keeps the
 * weights, and transforms them as it goes, a slice of input channels at a time; that pays where one block
 * holds the whole picture, so that it happens once a run, and reading U would take longer than making it. */
#include "winograd.h"

#include <string.h>

enum {
    SHARED_MOST = 32 << 20, /* bytes of V that may be kept for a whole layer */
    LEAN_TILES = WINOGRAD_TILES,
    LEAN_CHANNELS = 256, /* a slice of U: 36 x 256 x 64 floats, 2.3 MB */
};

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static struct winograd_layer layer_of(const struct layer_dims *d)
{
    struct winograd_layer layer = {&native()->winograd[WINOGRAD_4_3], .n = d->n, .ic = d->ic, .oc = d->oc};
    layer.h = (struct winograd_axis){.in = d->ih, .out = d->oh, .offset = -d->pad_h, .scale = 1};
    layer.w = (struct winograd_axis){.in = d->iw, .out = d->ow, .offset = -d->pad_w, .scale = 1};
    layer.h.lattices = layer.h.out_step = layer.h.in_step = d->dilation_h;
    layer.w.lattices = layer.w.out_step = layer.w.in_step = d->dilation_w;
    return layer;
}

/* ---- weights ----------------------------------------------------------------------------- */

/* Floats of U, or of the weights, for one column. */
static int64_t column_floats(const struct layer_dims *d, bool lean)
{
    return (lean ? 9 : 36) * d->ic;
}

static int64_t pack_tasks(const struct layer_dims *d)
{
    return panel_count(d->oc);
}

static size_t packed_bytes(const struct layer_dims *d)
{
    return (size_t)(panel_channel(d->oc, panel_count(d->oc)) * column_floats(d, false)) * sizeof(float);
}

static size_t lean_packed_bytes(const struct layer_dims *d)
{
    return (size_t)(panel_channel(d->oc, panel_count(d->oc)) * column_floats(d, true)) * sizeof(float);
}

/* The taps of one input channel for one panel: [3][3][columns]. */
static void pack_taps(const struct layer_dims *d, const struct layer_weights *w, int64_t ic, int64_t first,
                      int64_t columns, float *out)
{
    for (int64_t tap = 0; tap < 9; tap++)
        panel_row(w, ic, tap / 3, tap % 3, d->oc, first, columns, out + tap * columns);
}

/* One panel of U: [36][IC][columns]. */
static void pack_task(const struct layer_dims *d, const struct layer_weights *w, void *packed, int64_t task)
{
    enum { COLUMNS_MOST = 64 };
    float taps[9 * COLUMNS_MOST];
    const struct winograd_kernels *kernels = &native()->winograd[WINOGRAD_4_3];
    int64_t first = panel_channel(d->oc, task), columns = panel_tile(d->oc - first)->columns;
    float *panel = (float *)packed + first * column_floats(d, false);
    for (int64_t ic = 0; ic < d->ic; ic++) {
        pack_taps(d, w, ic, first, columns, taps);
        kernels->weights(taps, columns, panel + ic * columns, d->ic * columns);
    }
}

/* One panel of the weights: [IC][3][3][columns]. */
static void lean_pack_task(const struct layer_dims *d, const struct layer_weights *w, void *packed,
                           int64_t task)
{
    int64_t first = panel_channel(d->oc, task), columns = panel_tile(d->oc - first)->columns;
    float *panel = (float *)packed + first * column_floats(d, true);
    for (int64_t ic = 0; ic < d->ic; ic++)
        pack_taps(d, w, ic, first, columns, panel + ic * 9 * columns);
}

/* ---- V for all, first -------------------------------------------------------------------- */

static size_t whole_v_bytes(const struct layer_dims *d)
{
    struct winograd_layer layer = layer_of(d);
    return (size_t)winograd_v_floats(&layer, winograd_tiles(&layer)) * sizeof(float);
}

static size_t shared_bytes(const struct layer_dims *d)
{
    size_t bytes = whole_v_bytes(d);
    return bytes <= SHARED_MOST ? bytes : 0;
}

/* Small tasks: the input transform of a few tiles. */
enum { PREPARE_TILES = 6 };

static int64_t prepare_tasks(const struct layer_dims *d)
{
    struct winograd_layer layer = layer_of(d);
    return (winograd_tiles(&layer) + PREPARE_TILES - 1) / PREPARE_TILES;
}

static void prepare_task(const struct layer_args *a, int64_t task, void *workspace)
{
    struct winograd_layer layer = layer_of(&a->d);
    int64_t tiles = winograd_tiles(&layer), first = task * PREPARE_TILES;
    float *zeros = workspace;
    memset(zeros, 0, (size_t)a->d.ic * sizeof *zeros);
    winograd_input(&layer, a, zeros, first, smaller(PREPARE_TILES, tiles - first), a->shared, first, tiles);
}

/* ---- U kept ------------------------------------------------------------------------------ */

/* M, and either V or only the run of zeros that making it takes. */
static size_t workspace_bytes(const struct layer_dims *d)
{
    struct winograd_layer layer = layer_of(d);
    int64_t v = shared_bytes(d) ? 0 : winograd_v_floats(&layer, WINOGRAD_TILES);
    return (size_t)(winograd_m_floats(&layer, WINOGRAD_TILES) + v + winograd_width(d->ic)) * sizeof(float);
}

static int64_t tasks(const struct layer_dims *d)
{
    struct winograd_layer layer = layer_of(d);
    return winograd_blocks(&layer) * (shared_bytes(d) ? panel_count(d->oc) : 1);
}

static void run_panel(const struct winograd_layer *layer, const struct layer_args *a, int64_t first,
                      int64_t panel, struct winograd_product product)
{
    int64_t oc = panel_channel(layer->oc, panel);
    const struct native_tile_kernel *kernel = panel_tile(layer->oc - oc);
    product.u = (const float *)a->packed + oc * column_floats(&a->d, false);
    product.u_stride = layer->ic * kernel->columns;
    product.m_stride = winograd_stride(WINOGRAD_TILES, kernel->columns);
    winograd_multiply(layer, kernel, &product);
    winograd_output(layer, a, first, product.tiles, oc, smaller(kernel->columns, layer->oc - oc), product.m,
                    product.m_stride);
}

static void run_task(const struct layer_args *a, int64_t task, void *workspace)
{
    struct winograd_layer layer = layer_of(&a->d);
    bool shared = shared_bytes(&a->d) > 0;
    int64_t all = winograd_tiles(&layer), blocks = winograd_blocks(&layer);
    int64_t block = winograd_block(&layer), first = (shared ? task % blocks : task) * block;
    struct winograd_product product = {.m = workspace, .channels = layer.ic};
    product.tiles = smaller(block, all - first);
    product.v_width = winograd_width(layer.ic);
    product.v_stride = winograd_stride(shared ? all : WINOGRAD_TILES, product.v_width);
    if (shared) {
        product.v = (const float *)a->shared + first * product.v_width;
        run_panel(&layer, a, first, task / blocks, product);
        return;
    }
    float *zeros = product.m + winograd_m_floats(&layer, WINOGRAD_TILES), *v = zeros + product.v_width;
    memset(zeros, 0, (size_t)layer.ic * sizeof *zeros);
    winograd_input(&layer, a, zeros, first, product.tiles, v, 0, WINOGRAD_TILES);
    product.v = v;
    for (int64_t panel = 0; panel < panel_count(layer.oc); panel++)
        run_panel(&layer, a, first, panel, product);
}

/* Below this many channels the transforms, which do not depend on how many there are on the other side, cost
 * more than the products saved. */
static bool fits(const struct layer_dims *d)
{
    enum { CHANNELS_LEAST = 17 };
    return d->kh == 3 && d->kw == 3 && d->stride_h == 1 && d->stride_w == 1 && d->ic >= CHANNELS_LEAST &&
           d->oc >= CHANNELS_LEAST;
}

static bool lean_applies(const struct layer_dims *d)
{
    struct winograd_layer layer = layer_of(d);
    return fits(d) && winograd_tiles(&layer) <= LEAN_TILES;
}

const struct layer_variant conv2d_winograd = {
    .name = "conv2d_winograd",
    .family = FAMILY_NATIVE,
    .error = 5,
    .applies = fits,
    .packed_bytes = packed_bytes,
    .pack_tasks = pack_tasks,
    .pack_task = pack_task,
    .workspace_bytes = workspace_bytes,
    .shared_bytes = shared_bytes,
    .prepare_tasks = prepare_tasks,
    .prepare_task = prepare_task,
    .tasks = tasks,
    .run_task = run_task,
};

/* ---- U made as it goes ------------------------------------------------------------------- */

static size_t lean_workspace_bytes(const struct layer_dims *d)
{
    struct winograd_layer layer = layer_of(d);
    int64_t u = 36 * winograd_stride(LEAN_CHANNELS, native()->tiles[0].columns);
    return (size_t)(winograd_m_floats(&layer, LEAN_TILES) + u + winograd_width(d->ic)) * sizeof(float);
}

/* A panel of output channels. */
static void lean_run_task(const struct layer_args *a, int64_t task, void *workspace)
{
    struct winograd_layer layer = layer_of(&a->d);
    int64_t oc = panel_channel(layer.oc, task), all = winograd_tiles(&layer);
    const struct native_tile_kernel *kernel = panel_tile(layer.oc - oc);
    const float *taps = (const float *)a->packed + oc * column_floats(&a->d, true);
    float *m = workspace, *u = m + winograd_m_floats(&layer, LEAN_TILES);
    struct winograd_product product = {.u = u, .m = m, .tiles = all, .v_width = winograd_width(layer.ic)};
    product.u_stride = winograd_stride(LEAN_CHANNELS, kernel->columns);
    product.v_stride = winograd_stride(all, product.v_width);
    product.m_stride = winograd_stride(LEAN_TILES, kernel->columns);
    for (int64_t ic = 0; ic < layer.ic; ic += LEAN_CHANNELS) {
        product.channels = smaller(LEAN_CHANNELS, layer.ic - ic);
        product.add = ic > 0;
        for (int64_t i = 0; i < product.channels; i++)
            layer.kernels->weights(taps + (ic + i) * 9 * kernel->columns, kernel->columns,
                                   u + i * kernel->columns, product.u_stride);
        product.v = (const float *)a->shared + ic;
        winograd_multiply(&layer, kernel, &product);
    }
    winograd_output(&layer, a, 0, all, oc, smaller(kernel->columns, layer.oc - oc), product.m,
                    product.m_stride);
}

const struct layer_variant conv2d_winograd_lean = {
    .name = "conv2d_winograd_lean",
    .family = FAMILY_NATIVE,
    .error = 5,
    .applies = lean_applies,
    .packed_bytes = lean_packed_bytes,
    .pack_tasks = pack_tasks,
    .pack_task = lean_pack_task,
    .workspace_bytes = lean_workspace_bytes,
    .shared_bytes = whole_v_bytes,
    .prepare_tasks = prepare_tasks,
    .prepare_task = prepare_task,
    .tasks = pack_tasks,
    .run_task = lean_run_task,
};
