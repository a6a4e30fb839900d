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
    CHANNELS_FEW = 16, /* with fewer input channels, the taps are gathered */
};

static int64_t taps_of(const struct layer_dims *d)
{
    return d->kh * d->kw;
}

static bool is_gathered(const struct layer_dims *d)
{
    return d->ic < CHANNELS_FEW && taps_of(d) > 1;
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
    float *c; /* [PIXELS][columns] */
};

static size_t lay_out(const struct layer_dims *d, void *workspace, struct block *block)
{
    unsigned char *at = workspace;
    size_t pointers = size_product(taps_of(d) * PIXELS, sizeof *block->x.rows);
    size_t pixels = PIXELS * sizeof *block->x.pixels;
    size_t c = float_bytes(PIXELS * simd()->tiles[0].columns);
    size_t zeros = float_bytes(round_up(d->ic, LINE_FLOATS));
    size_t gathered = is_gathered(d) ? float_bytes(PIXELS * taps_of(d) * d->ic) : 0;
    if (block)
        *block = (struct block){{(const float **)(void *)at, (int64_t *)(void *)(at + pointers),
                                 (float *)(void *)(at + pointers + pixels + c),
                                 (float *)(void *)(at + pointers + pixels + c + zeros)},
                                (float *)(void *)(at + pointers + pixels)};
    return size_sum(size_sum(pointers + pixels, c + zeros), gathered);
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

/* Copies the inputs under the taps of output pixel (n, oh, ow) side by side: a kernel row at a time if x has
 * no gaps and the row is inside the picture. */
static void gather_pixel(const struct layer_dims *d, const struct layer_args *a, int64_t n, int64_t oh,
                         int64_t ow, float *out)
{
    int64_t left = ow * d->stride_w - d->pad_w, run = d->kw * d->ic;
    bool inside = left >= 0 && left + d->kw <= d->iw && d->dilation_w == 1 && a->x_stride == d->ic;
    for (int64_t kh = 0; kh < d->kh; kh++, out += run) {
        int64_t ih = oh * d->stride_h - d->pad_h + kh * d->dilation_h;
        const float *x = a->x + ((n * d->ih + ih) * d->iw + left) * a->x_stride;
        bool row_inside = ih >= 0 && ih < d->ih;
        if (row_inside && inside) {
            int64_t i = 0;
            for (; i + 4 <= run; i += 4) /* runs are too short for a call of memcpy */
                memcpy(out + i, x + i, 4 * sizeof *out);
            for (; i < run; i++)
                out[i] = x[i];
            continue;
        }
        for (int64_t kw = 0; kw < d->kw; kw++) {
            int64_t iw = left + kw * d->dilation_w;
            bool there = row_inside && iw >= 0 && iw < d->iw;
            for (int64_t ic = 0; ic < d->ic; ic++)
                out[kw * d->ic + ic] = there ? x[kw * d->dilation_w * a->x_stride + ic] : 0;
        }
    }
}

void indirect_find_rows(const struct indirect_layer *layer, const struct layer_args *a, int64_t first,
                        int64_t count, const struct indirect_rows *to)
{
    const struct layer_dims *d = &layer->dims;
    bool gathered = is_gathered(d);
    int64_t width = taps_of(d) * d->ic;
    for (int64_t i = 0, run; i < count; i += run) {
        int64_t ow = (first + i) % d->ow, oh = (first + i) / d->ow % d->oh, n = (first + i) / (d->ow * d->oh);
        int64_t pixel = (n * layer->y_h + layer->first_h + oh * layer->step_h) * layer->y_w + layer->first_w +
                        ow * layer->step_w;
        run = smaller(count - i, d->ow - ow);
        for (int64_t j = 0; j < run; j++)
            to->pixels[i + j] = pixel + j * layer->step_w;
        for (int64_t j = 0; gathered && j < run; j++) {
            to->rows[i + j] = to->gathered + (i + j) * width;
            gather_pixel(d, a, n, oh, ow + j, to->gathered + (i + j) * width);
        }
        if (!gathered)
            find_taps(d, a, n, oh, ow, run, to->zeros, to->rows + i);
    }
    for (int64_t tap = 0; tap < (gathered ? 1 : taps_of(d)); tap++)
        for (int64_t i = count; i < larger(round_up(count, TILE_ROWS), round_up(count, BF16_SIDE)); i++)
            to->rows[tap * PIXELS + i] = gathered ? to->gathered : to->zeros;
}

/* ---- products ---------------------------------------------------------------------------- */

bool indirect_sees(const float *const *rows, int64_t count, const float *zeros)
{
    for (int64_t i = 0; i < count; i++)
        if (rows[i] != zeros)
            return true;
    return false;
}

/* One panel for one block. */
struct panel_run {
    const struct layer_dims *d;
    const struct simd_tile_kernel *kernel;
    const struct block *block;
    int64_t count; /* pixels */
    struct epilogue epilogue;
    struct simd_outputs to;
    int64_t channels;
    bool *begun; /* per tile: C holds products */
};

/* A slice of a panel, taps tap .. tap+taps and channels k_first .. k_first+k. */
struct slice {
    int64_t tap, taps, k_first, k;
    const float *b;
    bool last;
};

/* Prefetches the lines of y that a tile will write, and of the residual. Inline, because GCC removes calls of
 * functions that only prefetch: it takes them for functions without effects. */
static inline __attribute__((always_inline)) void fetch_outputs(const struct panel_run *run, int64_t i,
                                                                int64_t rows)
{
    const struct epilogue *e = &run->epilogue;
    for (int64_t r = i; r < i + rows; r++) {
        int64_t pixel = run->to.pixels[r];
        for (int64_t c = 0; c < run->channels; c += LINE_FLOATS) {
            __builtin_prefetch(run->to.y + pixel * run->to.y_stride + c, 1);
            if (e->residual)
                __builtin_prefetch(e->residual + pixel * e->residual_stride + c);
        }
    }
}

/* A tile goes to y as soon as it is complete: its stores then overlap with the products of the next. */
static void finish_tile(const struct panel_run *run, int64_t i, int64_t rows)
{
    int64_t columns = run->kernel->columns;
    struct simd_outputs to = run->to;
    to.pixels += i;
    simd()->finish(run->block->c + i * columns, columns, rows, run->channels, &to);
}

/* A slice for all tiles of the block. */
static void run_slice(const struct panel_run *run, const struct slice *slice)
{
    const struct simd_tile_kernel *kernel = run->kernel;
    const struct block *block = run->block;
    int64_t lines = slice->taps * slice->k, next = slice->taps * slice->k * kernel->columns;
    for (int64_t i = 0; i < run->count; i += kernel->rows) {
        int64_t rows = smaller(kernel->rows, run->count - i);
        struct simd_tile tile = {.k = slice->k, .k_first = slice->k_first, .rows_stride = PIXELS};
        tile.taps = slice->taps;
        tile.rows = block->x.rows + slice->tap * PIXELS + i;
        tile.b = slice->b;
        tile.c = block->c + i * kernel->columns;
        tile.c_stride = kernel->columns;
        bool *begun = &run->begun[i / kernel->rows];
        tile.add = *begun;
        /* Each tile prefetches a part of the next slice; tiles after its end, this slice, which is cached. */
        int64_t part = i / kernel->rows * lines * LINE_FLOATS;
        tile.ahead = slice->b + (part < next ? next + part : 0);
        /* A tile that sees the picture under no tap is multiplied by zeros once. */
        bool live = slice->taps > 1 || (slice->last && !*begun) ||
                    indirect_sees(tile.rows, kernel->rows, block->x.zeros);
        if (slice->last)
            fetch_outputs(run, i, rows);
        if (live)
            kernel->run[rows](&tile);
        *begun = *begun || live;
        if (slice->last)
            finish_tile(run, i, rows);
    }
}

/* K in slices of at most CHAIN products: whole taps, or parts of one that is longer. */
static void run_panel(const struct panel_run *run, const float *b)
{
    const struct layer_dims *d = run->d;
    int64_t columns = run->kernel->columns;
    int64_t taps = is_gathered(d) ? 1 : taps_of(d), ic = is_gathered(d) ? taps_of(d) * d->ic : d->ic;
    int64_t k = smaller(ic, CHAIN), together = k == ic ? CHAIN / k : 1;
    if (taps == 0) { /* a phase of a transposed convolution without taps */
        memset(run->block->c, 0, (size_t)(PIXELS * columns) * sizeof *run->block->c);
        finish_tile(run, 0, run->count);
    }
    for (int64_t tap = 0; tap < taps; tap += together)
        for (int64_t k_first = 0; k_first < ic; k_first += k) {
            struct slice slice = {.tap = tap, .k_first = k_first};
            slice.taps = smaller(together, taps - tap);
            slice.k = smaller(k, ic - k_first);
            slice.b = b + (tap * ic + k_first) * columns;
            slice.last = tap + slice.taps == taps && k_first + slice.k == ic;
            run_slice(run, &slice);
        }
}

static void run_panels(const struct layer_dims *d, const struct layer_args *a, const float *packed,
                       const struct block *block, int64_t count, int64_t group)
{
    int64_t groups = group_count(d), panels = panel_count(d->oc);
    for (int64_t panel = group * panels / groups; panel < (group + 1) * panels / groups; panel++) {
        int64_t oc = panel_channel(d->oc, panel);
        struct panel_run run = {.d = d, .kernel = panel_tile(d->oc - oc), .block = block, .count = count};
        run.channels = smaller(run.kernel->columns, d->oc - oc);
        run.epilogue = epilogue_slice(&a->epilogue, oc);
        run.to = (struct simd_outputs){&run.epilogue, a->y + oc, a->y_stride, block->x.pixels};
        run.begun = (bool[PIXELS]){false};
        run_panel(&run, packed + oc * packed_rows(d));
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
    memset(block.x.zeros, 0, (size_t)round_up(d->ic, LINE_FLOATS) * sizeof *block.x.zeros);
    indirect_find_rows(layer, a, first, count, &block.x);
    run_panels(d, a, packed, &block, count, task % groups);
}
