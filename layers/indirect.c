/* indirect.c - see indirect.h. */
#include "layers/indirect.h"
#include "layers/epilogue.h"
#include "layers/sizes.h"

#include <string.h>

enum {
    PIXELS = INDIRECT_PIXELS,
    TILE_ROWS = 12,    /* a multiple of the rows of every tile of floats */
    TASKS_WANTED = 16, /* with fewer blocks, the panels are divided among tasks too */
    CHAIN = 512,       /* products added in one chain: the rounding error grows with its length */
    STRIP = 256,       /* channels of a strip of panels: pixels of y are written 1 KB at a time */
    STRIP_WEIGHTS = 256 * 1024 / sizeof(float), /* of a slice of a strip: they stay in L2 */
    CHANNELS_FEW = 16, /* with fewer input channels, the taps of a kernel row are joined */
};

static int64_t taps_of(const struct layer_dims *d)
{
    return d->kh * d->kw;
}

/* With few input channels a kernel row is one tap of KW*IC channels: in x they are neighbours. */
static bool is_joined(const struct layer_dims *d)
{
    return d->ic < CHANNELS_FEW && d->kw > 1;
}

static int64_t joined_taps(const struct layer_dims *d)
{
    return is_joined(d) ? d->kh : taps_of(d);
}

static int64_t joined_channels(const struct layer_dims *d)
{
    return is_joined(d) ? d->kw * d->ic : d->ic;
}

/* ---- weights ----------------------------------------------------------------------------- */

static int64_t packed_rows(const struct layer_dims *d)
{
    return taps_of(d) * d->ic;
}

struct layer_span indirect_pack_span(const struct layer_dims *d, int64_t task)
{
    return panel_span(d->oc, task);
}

/* A panel: [KH*KW][IC][columns], a few input channels at a time: in PyTorch's order their taps are
 * neighbours, and stay in the cache until all are used. */
void indirect_pack_task(const struct layer_dims *d, const struct layer_weights *w, void *packed, int64_t task)
{
    enum { TOGETHER = 16 };
    struct layer_span span = panel_span(d->oc, task);
    int64_t columns = panel_tile(d->oc - span.first)->columns;
    float *out = (float *)packed + span.first * packed_rows(d);
    for (int64_t ic = 0; ic < d->ic; ic += TOGETHER)
        for (int64_t tap = 0; tap < taps_of(d); tap++)
            panel_taps(w, span, ic, smaller(TOGETHER, d->ic - ic), tap / d->kw, tap % d->kw, columns,
                       out + (tap * d->ic + ic) * columns, columns);
}

/* ---- tasks ------------------------------------------------------------------------------- */

static int64_t block_count(const struct layer_dims *d)
{
    return divide_up(d->n * d->oh * d->ow, PIXELS);
}

static int64_t group_count(const struct layer_dims *d)
{
    int64_t blocks = block_count(d);
    if (blocks == 0 || blocks >= TASKS_WANTED)
        return 1;
    return smaller(panel_count(d->oc), divide_up(TASKS_WANTED, blocks));
}

static int64_t task_count(const struct layer_dims *d)
{
    return block_count(d) * group_count(d);
}

/* The workspace of a task. */
struct block {
    struct indirect_rows x;
    float *c; /* [PIXELS][columns of a strip] */
};

static size_t lay_out(const struct layer_dims *d, void *workspace, struct block *block)
{
    unsigned char *at = workspace;
    size_t pointers = size_product(joined_taps(d) * PIXELS, sizeof *block->x.rows);
    size_t pixels = PIXELS * sizeof *block->x.pixels;
    size_t c = float_bytes(PIXELS * smaller(STRIP, panel_channel(d->oc, panel_count(d->oc))));
    size_t zeros = float_bytes(round_up(joined_channels(d), LINE_FLOATS));
    size_t copies = is_joined(d) ? float_bytes(PIXELS * taps_of(d) * d->ic) : 0;
    if (block)
        *block = (struct block){{(const float **)(void *)at, (int64_t *)(void *)(at + pointers),
                                 (float *)(void *)(at + pointers + pixels + c),
                                 (float *)(void *)(at + pointers + pixels + c + zeros)},
                                (float *)(void *)(at + pointers + pixels)};
    return size_sum(size_sum(pointers + pixels, c + zeros), copies);
}

struct layer_needs indirect_needs(const struct layer_dims *d)
{
    return (struct layer_needs){.pack_tasks = panel_count(d->oc),
                                .run_tasks = task_count(d),
                                .packed_bytes =
                                    float_bytes(panel_channel(d->oc, panel_count(d->oc)) * packed_rows(d)),
                                .workspace_bytes = lay_out(d, NULL, NULL)};
}

/* `run` output pixels of a row, from (n, oh, ow) on => pointers to the pixels of x under their taps. */
static void find_taps(const struct layer_dims *d, const struct layer_args *a, int64_t n, int64_t oh,
                      int64_t ow, int64_t run, const float *zeros, const float **rows)
{
    int64_t step = d->stride_w * a->x_stride;
    for (int64_t kh = 0; kh < d->kh; kh++) {
        int64_t ih = oh * d->stride_h - d->pad_h + kh * d->dilation_h;
        bool row_inside = ih >= 0 && ih < d->ih;
        for (int64_t kw = 0; kw < d->kw; kw++, rows += PIXELS) {
            int64_t iw = ow * d->stride_w - d->pad_w + kw * d->dilation_w;
            const float *x = a->x + ((n * d->ih + ih) * d->iw + iw) * a->x_stride;
            for (int64_t i = 0; i < run; i++, iw += d->stride_w, x += step)
                rows[i] = row_inside && iw >= 0 && iw < d->iw ? x : zeros;
        }
    }
}

/* Copies the KW*IC inputs under a kernel row from pixel iw of the row x on: zeros outside the picture. */
static void copy_kernel_row(const struct layer_dims *d, const float *x, int64_t x_stride, int64_t iw,
                            float *out)
{
    for (int64_t kw = 0; kw < d->kw; kw++, iw += d->dilation_w)
        for (int64_t ic = 0; ic < d->ic; ic++)
            *out++ = iw >= 0 && iw < d->iw ? x[iw * x_stride + ic] : 0;
}

/* The same for joined taps. A kernel row that is not in one piece in x is copied. */
static void find_joined(const struct layer_dims *d, const struct layer_args *a, int64_t n, int64_t oh,
                        int64_t ow, int64_t run, const struct indirect_rows *to, int64_t first)
{
    int64_t width = joined_channels(d);
    bool dense = d->dilation_w == 1 && a->x_stride == d->ic;
    for (int64_t kh = 0; kh < d->kh; kh++) {
        int64_t ih = oh * d->stride_h - d->pad_h + kh * d->dilation_h;
        const float *x = a->x + (n * d->ih + ih) * d->iw * a->x_stride,
                    **rows = to->rows + kh * PIXELS + first;
        float *copy = to->copies + (first * d->kh + kh) * width;
        for (int64_t i = 0; i < run; i++, copy += d->kh * width) {
            int64_t iw = (ow + i) * d->stride_w - d->pad_w;
            if (ih < 0 || ih >= d->ih) {
                rows[i] = to->zeros;
            } else if (dense && iw >= 0 && iw + d->kw <= d->iw) {
                rows[i] = x + iw * d->ic;
            } else {
                copy_kernel_row(d, x, a->x_stride, iw, copy);
                rows[i] = copy;
            }
        }
    }
}

void indirect_find_rows(const struct indirect_layer *layer, const struct layer_args *a, int64_t first,
                        int64_t count, const struct indirect_rows *to)
{
    const struct layer_dims *d = &layer->dims;
    for (int64_t i = 0, run; i < count; i += run) {
        int64_t ow = (first + i) % d->ow, oh = (first + i) / d->ow % d->oh, n = (first + i) / (d->ow * d->oh);
        int64_t pixel = (n * layer->y_h + layer->first_h + oh * layer->step_h) * layer->y_w + layer->first_w +
                        ow * layer->step_w;
        run = smaller(count - i, d->ow - ow);
        for (int64_t j = 0; j < run; j++)
            to->pixels[i + j] = pixel + j * layer->step_w;
        if (is_joined(d))
            find_joined(d, a, n, oh, ow, run, to, i);
        else
            find_taps(d, a, n, oh, ow, run, to->zeros, to->rows + i);
    }
    for (int64_t tap = 0; tap < joined_taps(d); tap++)
        for (int64_t i = count; i < larger(round_up(count, TILE_ROWS), round_up(count, BF16_SIDE)); i++)
            to->rows[tap * PIXELS + i] = to->zeros;
}

/* ---- products ---------------------------------------------------------------------------- */

bool indirect_sees(const float *const *rows, int64_t count, const float *zeros)
{
    for (int64_t i = 0; i < count; i++)
        if (rows[i] != zeros)
            return true;
    return false;
}

/* Neighbouring panels with tiles of one kind, for one block. */
struct strip {
    const struct simd_tile_kernel *kernel;
    const struct block *block;
    int64_t count; /* pixels */
    struct epilogue epilogue;
    struct simd_outputs to;
    int64_t panels, channels;
    const float *b; /* of the first panel */
    int64_t panel;  /* floats of a panel of b */
    bool *begun;    /* per tile: C holds products */
};

/* A slice of all panels, taps tap .. tap+taps and channels k_first .. k_first+k. */
struct slice {
    int64_t tap, taps, k_first, k;
    int64_t offset; /* in a panel of b */
    bool first, last;
};

/* Prefetches the lines of y that a panel's tile will write, and of the residual. Inline, because GCC removes
 * calls of functions that only prefetch: it takes them for functions without effects. */
static inline __attribute__((always_inline)) void fetch_outputs(const struct strip *strip, int64_t i,
                                                                int64_t rows, int64_t panel)
{
    const struct epilogue *e = &strip->epilogue;
    int64_t first = panel * strip->kernel->columns;
    int64_t end = smaller(first + strip->kernel->columns, strip->channels);
    for (int64_t r = i; r < i + rows; r++) {
        int64_t pixel = strip->to.pixels[r];
        for (int64_t c = first; c < end; c += LINE_FLOATS) {
            __builtin_prefetch(strip->to.y + pixel * strip->to.y_stride + c, 1);
            if (e->residual)
                __builtin_prefetch(e->residual + pixel * e->residual_stride + c);
        }
    }
}

/* The sums of a tile of all panels. Those of a layer with one slice are finished at once: they share the
 * memory of one tile, which stays in L1. */
static float *tile_sums(const struct strip *strip, const struct slice *slice, int64_t i)
{
    bool only = slice->first && slice->last;
    return strip->block->c + (only ? 0 : i * strip->panels * strip->kernel->columns);
}

/* The products of a tile with a slice of every panel. */
static void run_tile(const struct strip *strip, const struct slice *slice, int64_t i, int64_t rows, bool live)
{
    const struct simd_tile_kernel *kernel = strip->kernel;
    struct simd_tile tile = {.k = slice->k, .k_first = slice->k_first, .rows_stride = PIXELS};
    tile.taps = slice->taps;
    tile.rows = strip->block->x.rows + slice->tap * PIXELS + i;
    tile.c_stride = strip->panels * kernel->columns;
    tile.add = strip->begun[i / kernel->rows];
    /* The tiles prefetch what is read next: the next slice, or after the last the next strip. Tiles after
     * their end prefetch this slice, which is cached. */
    int64_t floats = slice->taps * slice->k * kernel->columns;
    int64_t next = slice->last ? strip->panels * strip->panel - slice->offset : floats;
    int64_t part = i / kernel->rows * slice->taps * slice->k * LINE_FLOATS;
    for (int64_t panel = 0; panel < strip->panels; panel++) {
        tile.b = strip->b + panel * strip->panel + slice->offset;
        tile.c = tile_sums(strip, slice, i) + panel * kernel->columns;
        tile.ahead = tile.b + (part < floats ? next + part : 0);
        if (slice->last)
            fetch_outputs(strip, i, rows, panel);
        if (live)
            kernel->run[rows](&tile);
    }
}

static void finish_tiles(const struct strip *strip, const float *c, int64_t i, int64_t rows)
{
    struct simd_outputs to = strip->to;
    to.pixels += i;
    simd()->finish(c, strip->panels * strip->kernel->columns, rows, strip->channels, &to);
}

/* A slice for all tiles of the block. A tile goes to y as soon as it is complete: its stores then overlap
 * with the products of the next. */
static void run_slice(const struct strip *strip, const struct slice *slice)
{
    int64_t tile = strip->kernel->rows;
    for (int64_t i = 0; i < strip->count; i += tile) {
        bool *begun = &strip->begun[i / tile];
        int64_t rows = smaller(tile, strip->count - i);
        /* A tile that sees the picture under no tap is multiplied by zeros once. */
        bool live =
            slice->taps > 1 || (slice->last && !*begun) ||
            indirect_sees(strip->block->x.rows + slice->tap * PIXELS + i, tile, strip->block->x.zeros);
        run_tile(strip, slice, i, rows, live);
        *begun = *begun || live;
        if (slice->last)
            finish_tiles(strip, tile_sums(strip, slice, i), i, rows);
    }
}

/* K in slices of at most CHAIN products: whole taps, or parts of one that is longer. */
static void run_strip(const struct strip *strip, const struct layer_dims *d)
{
    int64_t columns = strip->kernel->columns;
    int64_t taps = joined_taps(d), ic = joined_channels(d);
    int64_t k = smaller(ic, CHAIN), together = k == ic ? CHAIN / k : 1;
    if (taps == 0) { /* a phase of a transposed convolution without taps */
        memset(strip->block->c, 0, float_bytes(PIXELS * strip->panels * columns));
        finish_tiles(strip, strip->block->c, 0, strip->count);
    }
    for (int64_t tap = 0; tap < taps; tap += together)
        for (int64_t k_first = 0; k_first < ic; k_first += k) {
            struct slice slice = {.tap = tap, .k_first = k_first};
            slice.taps = smaller(together, taps - tap);
            slice.k = smaller(k, ic - k_first);
            slice.offset = (tap * ic + k_first) * columns;
            slice.first = slice.offset == 0;
            slice.last = tap + slice.taps == taps && k_first + slice.k == ic;
            run_slice(strip, &slice);
        }
}

/* The panels from `first` on, before `end`, that make a strip. */
static int64_t strip_panels(const struct layer_dims *d, int64_t first, int64_t end)
{
    const struct simd_tile_kernel *kernel = panel_tile(d->oc - panel_channel(d->oc, first));
    int64_t weights = larger(smaller(packed_rows(d), CHAIN), 1) * kernel->columns;
    int64_t most = smaller(STRIP / kernel->columns, STRIP_WEIGHTS / weights), panels = 1;
    while (panels < most && first + panels < end &&
           panel_tile(d->oc - panel_channel(d->oc, first + panels)) == kernel)
        panels++;
    return panels;
}

static void run_panels(const struct layer_dims *d, const struct layer_args *a, const float *packed,
                       const struct block *block, int64_t count, int64_t group)
{
    int64_t groups = group_count(d), panels = panel_count(d->oc);
    int64_t end = (group + 1) * panels / groups;
    for (int64_t panel = group * panels / groups, next; panel < end; panel = next) {
        int64_t oc = panel_channel(d->oc, panel);
        struct strip strip = {.kernel = panel_tile(d->oc - oc), .block = block, .count = count};
        strip.panels = strip_panels(d, panel, end);
        next = panel + strip.panels;
        strip.channels = smaller(strip.panels * strip.kernel->columns, d->oc - oc);
        strip.epilogue = epilogue_slice(&a->epilogue, oc);
        strip.to = (struct simd_outputs){&strip.epilogue, a->y + oc, a->y_stride, block->x.pixels};
        strip.b = packed + oc * packed_rows(d);
        strip.panel = packed_rows(d) * strip.kernel->columns;
        strip.begun = (bool[PIXELS]){false};
        run_strip(&strip, d);
    }
}

void indirect_run_task(const struct indirect_layer *layer, const struct layer_args *a, const void *packed,
                       int64_t task, void *workspace)
{
    const struct layer_dims *d = &layer->dims;
    int64_t groups = group_count(d), first = task / groups * PIXELS;
    int64_t count = smaller(PIXELS, d->n * d->oh * d->ow - first);
    struct block block;
    lay_out(d, workspace, &block);
    memset(block.x.zeros, 0, float_bytes(joined_channels(d)));
    indirect_find_rows(layer, a, first, count, &block.x);
    run_panels(d, a, packed, &block, count, task % groups);
}
