/* conv2d_native.c - direct convolution on the micro-kernel, general in kernel, stride, padding and dilation.
 *
 * The equation and the storage are conv2d.c's. Instead of copying the pixels under the kernel into a matrix
 * (im2col), a table of pointers says where they are: for each tap (kh, kw) and each output pixel of a block,
 * the pixel of x under it, or a run of zeros outside the picture.
 *
 *     [N IH IW IC]  + pointers [KH*KW][PIXELS]  x  W packed [panel][KH*KW][IC][columns]  =>  y [PIXELS x OC]
 *
 * A panel is as many output channels as a tile has columns. The last panels are narrower tiles where that
 * wastes less, and filled up with zeros; what belongs to no channel goes into a spare tile and is dropped.
 *
 * Costs N*OH*OW*OC*K multiplications like conv2d_gemm, and no copy of the input. W is read from L2 once for
 * every tile of 6 or 12 pixels.
 *
 * A task is a block of pixels, and, where a small picture gives few of those, one of several groups of
 * panels. */
#include "layer.h"
#include "panels.h"

#include <string.h>

enum {
    PIXELS = 96,       /* of a block: a multiple of every tile's rows */
    TASKS_WANTED = 16, /* where there are fewer blocks, panels are shared out too */
    CHAIN = 512,       /* products added in one chain: the rounding error grows with the longest */
    SPARE = 12 * 64,   /* floats of the largest tile */
};

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static size_t packed_bytes(const struct layer_dims *d)
{
    return (size_t)(panel_channel(d->oc, panel_count(d->oc)) * d->kh * d->kw * d->ic) * sizeof(float);
}

static int64_t pack_tasks(const struct layer_dims *d)
{
    return panel_count(d->oc);
}

/* One panel: [OC IC KH KW in any order] => [KH][KW][IC][columns], a few input channels at a time: in
 * PyTorch's order their taps are neighbours, and stay in the cache until all are used. */
static void pack_task(const struct layer_dims *d, const struct layer_weights *w, void *packed, int64_t task)
{
    enum { TOGETHER = 16 };
    int64_t first = panel_channel(d->oc, task), columns = panel_tile(d->oc - first)->columns;
    float *panel = (float *)packed + first * d->kh * d->kw * d->ic;
    for (int64_t block = 0; block < d->ic; block += TOGETHER)
        for (int64_t tap = 0; tap < d->kh * d->kw; tap++) {
            const float *in = w->data + tap / d->kw * w->stride_h + tap % d->kw * w->stride_w;
            for (int64_t ic = block; ic < smaller(block + TOGETHER, d->ic); ic++)
                panel_row(w, in + ic * w->stride_i, d->oc, first, columns,
                          panel + (tap * d->ic + ic) * columns);
        }
}

static int64_t block_count(const struct layer_dims *d)
{
    return (d->n * d->oh * d->ow + PIXELS - 1) / PIXELS;
}

static int64_t group_count(const struct layer_dims *d)
{
    int64_t blocks = block_count(d);
    return blocks >= TASKS_WANTED ? 1 : smaller(panel_count(d->oc), (TASKS_WANTED + blocks - 1) / blocks);
}

static int64_t tasks(const struct layer_dims *d)
{
    return block_count(d) * group_count(d);
}

/* Pointers, a spare tile, and the run of zeros. */
static size_t workspace_bytes(const struct layer_dims *d)
{
    return (size_t)(d->kh * d->kw * PIXELS) * sizeof(const float *) + (size_t)(SPARE + d->ic) * sizeof(float);
}

/* Output pixel (n, oh, ow) => the pixels of x under its taps, PIXELS apart in `rows`. */
static void find_taps(const struct layer_args *a, int64_t n, int64_t oh, int64_t ow, const float *zeros,
                      const float **rows)
{
    const struct layer_dims *d = &a->d;
    int64_t left = ow * d->stride_w - d->pad_w;
    for (int64_t kh = 0; kh < d->kh; kh++) {
        int64_t ih = oh * d->stride_h - d->pad_h + kh * d->dilation_h, iw = left;
        bool row_inside = ih >= 0 && ih < d->ih;
        const float *x = a->x + ((n * d->ih + ih) * d->iw + left) * a->x_stride;
        for (int64_t kw = 0; kw < d->kw; kw++, rows += PIXELS) {
            *rows = row_inside && iw >= 0 && iw < d->iw ? x : zeros;
            iw += d->dilation_w;
            x += d->dilation_w * a->x_stride;
        }
    }
}

/* [block of output pixels] => rows[tap][pixel]; pixels beyond the last one see zeros. */
static void find_rows(const struct layer_args *a, int64_t first, int64_t pixels, const float *zeros,
                      const float **rows)
{
    const struct layer_dims *d = &a->d;
    int64_t ow = first % d->ow, oh = first / d->ow % d->oh, n = first / (d->ow * d->oh);
    for (int64_t i = 0; i < pixels; i++) {
        find_taps(a, n, oh, ow, zeros, rows + i);
        if (++ow == d->ow) {
            ow = 0;
            if (++oh == d->oh)
                oh = 0, n++;
        }
    }
    for (int64_t tap = 0; tap < d->kh * d->kw; tap++)
        for (int64_t i = pixels; i < PIXELS; i++)
            rows[tap * PIXELS + i] = zeros;
}

/* One tile, K in pieces of at most CHAIN products: whole taps, or parts of one that is longer. */
static void run_tile(const struct layer_dims *d, const struct native_tile_kernel *kernel,
                     struct native_tile tile)
{
    int64_t taps = d->kh * d->kw, k = smaller(d->ic, CHAIN), together = k == d->ic ? CHAIN / k : 1;
    const float *const *rows = tile.rows;
    const float *b = tile.b;
    for (int64_t tap = 0; tap < taps; tap += together)
        for (tile.k_first = 0; tile.k_first < d->ic; tile.k_first += k) {
            tile.taps = smaller(together, taps - tap);
            tile.k = smaller(k, d->ic - tile.k_first);
            tile.rows = rows + tap * tile.rows_stride;
            tile.b = b + (tap * d->ic + tile.k_first) * kernel->columns;
            tile.add = tap > 0 || tile.k_first > 0;
            kernel->run(&tile);
        }
}

/* All tiles of one panel: channels oc .. oc+channels of the block. */
static void run_panel(const struct layer_args *a, const struct native_tile_kernel *kernel,
                      struct native_tile tile, int64_t first, int64_t pixels, int64_t oc, float *spare)
{
    int64_t channels = smaller(kernel->columns, a->d.oc - oc);
    const float *const *rows = tile.rows;
    for (int64_t i = 0; i < pixels; i += kernel->rows) {
        float *y = a->y + (first + i) * a->y_stride + oc;
        bool whole = channels == kernel->columns && i + kernel->rows <= pixels;
        tile.rows = rows + i;
        tile.c = whole ? y : spare;
        tile.c_stride = whole ? a->y_stride : kernel->columns;
        run_tile(&a->d, kernel, tile);
        for (int64_t r = 0; !whole && r < kernel->rows && i + r < pixels; r++)
            memcpy(y + r * a->y_stride, spare + r * kernel->columns, (size_t)channels * sizeof *y);
    }
    struct epilogue epilogue = epilogue_slice(&a->epilogue, oc);
    epilogue_apply(&epilogue, channels, first, pixels, a->y + first * a->y_stride + oc, a->y_stride);
}

static void run_task(const struct layer_args *a, int64_t task, void *workspace)
{
    const struct layer_dims *d = &a->d;
    int64_t groups = group_count(d), panels = panel_count(d->oc), group = task % groups;
    int64_t first = task / groups * PIXELS, pixels = smaller(PIXELS, d->n * d->oh * d->ow - first);
    const float **rows = workspace;
    float *spare = (float *)(rows + d->kh * d->kw * PIXELS), *zeros = spare + SPARE;
    memset(zeros, 0, (size_t)d->ic * sizeof *zeros);
    find_rows(a, first, pixels, zeros, rows);
    struct native_tile tile = {.rows = rows, .rows_stride = PIXELS, .b = a->packed};
    for (int64_t panel = 0, oc = 0; panel < panels; panel++) {
        const struct native_tile_kernel *kernel = panel_tile(d->oc - oc);
        if (panel >= group * panels / groups && panel < (group + 1) * panels / groups)
            run_panel(a, kernel, tile, first, pixels, oc, spare);
        tile.b += d->kh * d->kw * d->ic * kernel->columns;
        oc += kernel->columns;
    }
}

/* With few output channels most of a tile would be filling. */
static bool applies(const struct layer_dims *d)
{
    enum { CHANNELS_LEAST = 17 };
    return d->oc >= CHANNELS_LEAST;
}

const struct layer_variant conv2d_native = {
    .name = "conv2d_native",
    .family = FAMILY_NATIVE,
    .applies = applies,
    .packed_bytes = packed_bytes,
    .pack_tasks = pack_tasks,
    .pack_task = pack_task,
    .workspace_bytes = workspace_bytes,
    .tasks = tasks,
    .run_task = run_task,
};
