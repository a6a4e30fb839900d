/* winograd.c - see winograd.h. */
#include "layers/winograd.h"
#include "layers/epilogue.h"
#include "layers/sizes.h"

#include <string.h>

enum {
    PREPARE_TILES = 6,   /* of a task that only transforms inputs: few, so that all threads have work */
    LEAN_CHANNELS = 256, /* a slice of U: at most 36 x 256 x 64 floats, 2.3 MB */
};

static int64_t v_positions(const struct winograd_layer *layer)
{
    return layer->kernels->points * layer->kernels->points;
}

static int64_t m_positions(const struct winograd_layer *layer)
{
    return layer->kernels->kept * layer->kernels->kept;
}

/* The position of V that belongs to a position of U and M. */
static int64_t v_position(const struct winograd_kernels *kernels, int64_t position)
{
    return (position / kernels->kept + kernels->skip_h) * kernels->points + position % kernels->kept +
           kernels->skip_w;
}

struct winograd_layer winograd_conv2d(enum winograd_form form, const struct layer_dims *d)
{
    struct winograd_layer layer = {&simd()->winograd[form], .n = d->n, .ic = d->ic, .oc = d->oc};
    layer.h = (struct winograd_axis){.in = d->ih, .out = d->oh, .offset = -d->pad_h, .scale = 1};
    layer.w = (struct winograd_axis){.in = d->iw, .out = d->ow, .offset = -d->pad_w, .scale = 1};
    layer.h.lattices = layer.h.out_step = layer.h.in_step = d->dilation_h;
    layer.w.lattices = layer.w.out_step = layer.w.in_step = d->dilation_w;
    return layer;
}

/* ---- positions of tiles ------------------------------------------------------------------ */

/* The lattices of an axis. The first `longer` of them have one output more than the others. */
struct lattices {
    int64_t longer, long_tiles, short_tiles, tiles;
};

static struct lattices count_lattices(const struct winograd_axis *axis, int64_t outputs)
{
    int64_t each = axis->out / axis->out_step, longer = axis->out % axis->out_step;
    struct lattices l = {.longer = smaller(longer, axis->lattices)};
    l.long_tiles = divide_up(each + 1, outputs);
    l.short_tiles = divide_up(each, outputs);
    l.tiles = l.longer * l.long_tiles + (axis->lattices - l.longer) * l.short_tiles;
    return l;
}

/* The first output of tile t. */
static int64_t tile_output(const struct winograd_axis *axis, const struct lattices *l, int64_t outputs,
                           int64_t t)
{
    int64_t in_long = l->longer * l->long_tiles;
    int64_t lattice = t < in_long ? t / l->long_tiles : l->longer + (t - in_long) / l->short_tiles;
    int64_t index = t < in_long ? t % l->long_tiles : (t - in_long) % l->short_tiles;
    return lattice + index * outputs * axis->out_step;
}

void winograd_find_tiles(const struct winograd_layer *layer, int64_t first, int64_t count,
                         struct winograd_tile *tiles)
{
    int64_t outputs = layer->kernels->outputs;
    struct lattices h = count_lattices(&layer->h, outputs), w = count_lattices(&layer->w, outputs);
    int64_t row = first / w.tiles, column = first % w.tiles;
    for (int64_t i = 0; i < count; row++, column = 0) {
        int64_t n = row / h.tiles, oh = tile_output(&layer->h, &h, outputs, row % h.tiles);
        for (; i < count && column < w.tiles; i++, column++)
            tiles[i] = (struct winograd_tile){n, oh, tile_output(&layer->w, &w, outputs, column)};
    }
}

int64_t winograd_tiles(const struct winograd_layer *layer)
{
    return layer->n * count_lattices(&layer->h, layer->kernels->outputs).tiles *
           count_lattices(&layer->w, layer->kernels->outputs).tiles;
}

/* With few input channels a block is so small that V and M, whose transforms then cost much, stay in an L2 of
 * 1 MB, unless there would be too few blocks for all threads. With many, U is read from memory for every
 * block, so blocks are large; less so where x, of which a block's part is prefetched, is large too, and with
 * 8 points, with which M of a tile is nearly twice as large. */
int64_t winograd_block(const struct winograd_layer *layer)
{
    enum { ROWS = 12, FEW_CHANNELS = 128, FEW_TILES = 24, MORE_TILES = 48 };
    int64_t tiles = winograd_tiles(layer), most = WINOGRAD_TILES;
    if (layer->ic <= FEW_CHANNELS && tiles >= WINOGRAD_BLOCKS * FEW_TILES)
        most = FEW_TILES;
    else if (layer->kernels->points == 8 || float_bytes(winograd_v_floats(layer, tiles)) > WINOGRAD_SHARED)
        most = MORE_TILES;
    return round_up(divide_up(tiles, divide_up(tiles, most)), ROWS);
}

int64_t winograd_blocks(const struct winograd_layer *layer)
{
    return divide_up(winograd_tiles(layer), winograd_block(layer));
}

/* ---- sizes ------------------------------------------------------------------------------- */

int64_t winograd_stride(int64_t tiles, int64_t width)
{
    return round_up(tiles * width, LINE_FLOATS) + LINE_FLOATS;
}

int64_t winograd_width(int64_t channels)
{
    return round_up(channels, LINE_FLOATS);
}

int64_t winograd_v_floats(const struct winograd_layer *layer, int64_t tiles)
{
    return v_positions(layer) * winograd_stride(tiles, winograd_width(layer->ic));
}

int64_t winograd_m_floats(const struct winograd_layer *layer, int64_t tiles)
{
    return m_positions(layer) * winograd_stride(tiles, simd()->tiles[0].columns);
}

/* ---- the three stages -------------------------------------------------------------------- */

static int64_t input_at(const struct winograd_axis *axis, int64_t output, int64_t point)
{
    return (output + axis->offset) / axis->scale + point * axis->in_step;
}

void winograd_find_inputs(const struct winograd_layer *layer, const struct layer_args *a, const float *zeros,
                          const struct winograd_tile *tile, const float **at)
{
    int points = layer->kernels->points;
    int64_t left = input_at(&layer->w, tile->ow, 0), step = layer->w.in_step * a->x_stride;
    for (int i = 0; i < points; i++) {
        int64_t ih = input_at(&layer->h, tile->oh, i), iw = left;
        bool inside = ih >= 0 && ih < layer->h.in;
        const float *x = a->x + ((tile->n * layer->h.in + ih) * layer->w.in + left) * a->x_stride;
        for (int j = 0; j < points; j++, x += step, iw += layer->w.in_step)
            *at++ = inside && iw >= 0 && iw < layer->w.in ? x : zeros;
    }
}

void winograd_input(const struct winograd_layer *layer, const struct layer_args *args, const float *zeros,
                    int64_t first, int64_t count, float *v, int64_t row, int64_t tiles)
{
    struct winograd_tile where[WINOGRAD_TILES];
    const float *at[WINOGRAD_POSITIONS];
    int64_t width = winograd_width(layer->ic), stride = winograd_stride(tiles, width);
    winograd_find_tiles(layer, first, count, where);
    for (int64_t t = 0; t < count; t++) {
        winograd_find_inputs(layer, args, zeros, &where[t], at);
        layer->kernels->input(at, layer->ic, v + (row + t) * width, stride);
    }
}

int64_t winograd_prepare_tasks(const struct winograd_layer *layer)
{
    return divide_up(winograd_tiles(layer), PREPARE_TILES);
}

void winograd_prepare_task(const struct winograd_layer *layer, const struct layer_args *args, int64_t task,
                           void *workspace)
{
    int64_t tiles = winograd_tiles(layer), first = task * PREPARE_TILES;
    float *zeros = workspace;
    memset(zeros, 0, (size_t)layer->ic * sizeof *zeros);
    winograd_input(layer, args, zeros, first, smaller(PREPARE_TILES, tiles - first), args->shared, first,
                   tiles);
}

void winograd_fetch_begin(struct winograd_fetch *f, int64_t first, int64_t count, int64_t calls)
{
    const struct winograd_kernels *kernels = f->layer->kernels;
    int side = f->outputs ? kernels->outputs : kernels->points;
    f->count = larger(0, smaller(count, winograd_tiles(f->layer) - first));
    winograd_find_tiles(f->layer, first, f->count, f->tiles);
    f->each = f->pixel = (int64_t)side * side;
    f->tile = 0;
    f->together = divide_up(f->count * f->each, calls);
}

static void find_pixels(struct winograd_fetch *f, const struct winograd_tile *tile)
{
    int64_t pixels[WINOGRAD_POSITIONS];
    if (!f->outputs) {
        winograd_find_inputs(f->layer, f->args, f->zeros, tile, f->at);
        return;
    }
    winograd_find_outputs(f->layer, tile, pixels);
    for (int64_t i = 0; i < f->each; i++)
        f->at[i] = pixels[i] < 0 ? f->args->y : f->args->y + pixels[i] * f->args->y_stride;
}

/* Inline, because GCC removes calls of functions that only prefetch. */
static inline __attribute__((always_inline)) void fetch_pixels(struct winograd_fetch *f)
{
    for (int64_t i = 0; i < f->together; i++, f->pixel++) {
        if (f->pixel == f->each) {
            if (f->tile == f->count)
                return;
            find_pixels(f, &f->tiles[f->tile++]);
            f->pixel = 0;
        }
        for (int64_t c = f->channel; c < f->channel + f->channels; c += LINE_FLOATS)
            __builtin_prefetch(f->at[f->pixel] + c, 0, 2);
    }
}

int64_t winograd_calls(const struct winograd_layer *layer, const struct simd_tile_kernel *kernel,
                       const struct winograd_product *p)
{
    return m_positions(layer) * divide_up(p->tiles, kernel->rows) *
           divide_up(p->channels, layer->kernels->chain);
}

void winograd_fetch_outputs(const struct winograd_layer *layer, const struct layer_args *args, int64_t first,
                            int64_t oc, struct winograd_product *product, struct winograd_fetch *y)
{
    const struct simd_tile_kernel *kernel = panel_tile(layer->oc - oc);
    *y = (struct winograd_fetch){.layer = layer, .args = args, .channel = oc, .outputs = true};
    y->channels = smaller(kernel->columns, layer->oc - oc);
    winograd_fetch_begin(y, first, product->tiles, winograd_calls(layer, kernel, product));
    product->y = y;
}

void winograd_multiply(const struct winograd_layer *layer, const struct simd_tile_kernel *kernel,
                       const struct winograd_product *p)
{
    const float *rows[WINOGRAD_TILES];
    for (int64_t t = 0; t < WINOGRAD_TILES; t++) /* a matrix tile reads all its rows, the spare ones too */
        rows[t] = p->v + (t < p->tiles ? t : 0) * p->v_width;
    int64_t chain = layer->kernels->chain, u_lines = kernel->columns / LINE_FLOATS;
    /* All calls for a position prefetch U of the next, then its V: so few calls must each prefetch more. */
    bool few = divide_up(p->tiles, kernel->rows) < u_lines;
    int64_t lines = few ? 2 : 1, u_calls = divide_up(u_lines, lines);
    for (int64_t position = 0; position < m_positions(layer); position++)
        for (int64_t k = 0; k < p->channels; k += chain)
            for (int64_t t = 0; t < p->tiles; t += kernel->rows) {
                struct simd_tile tile = {.taps = 1, .c_stride = kernel->columns};
                tile.k = smaller(chain, p->channels - k);
                tile.k_first = v_position(layer->kernels, position) * p->v_stride + k;
                tile.rows = rows + t;
                tile.b = p->u + position * p->u_stride + k * kernel->columns;
                tile.c = p->m + position * p->m_stride + t * kernel->columns;
                tile.add = p->add || k > 0;
                int64_t call = t / kernel->rows, part = tile.k * lines * LINE_FLOATS;
                tile.ahead_two = few;
                tile.ahead = call < u_calls ? tile.b + p->u_stride + call * part
                                            : rows[0] + tile.k_first + p->v_stride + (call - u_calls) * part;
                if (p->x)
                    fetch_pixels(p->x);
                if (p->y)
                    fetch_pixels(p->y);
                kernel->run[smaller(kernel->rows, p->tiles - t)](&tile);
            }
}

static int64_t slice_channels(const struct winograd_layer *layer)
{
    return smaller(LEAN_CHANNELS, layer->ic);
}

int64_t winograd_u_floats(const struct winograd_layer *layer)
{
    return m_positions(layer) * winograd_stride(slice_channels(layer), simd()->tiles[0].columns);
}

void winograd_multiply_lean(const struct winograd_layer *layer, const struct simd_tile_kernel *kernel,
                            const float *taps, float *u, struct winograd_product product)
{
    int64_t each = layer->kernels->taps * layer->kernels->taps * kernel->columns;
    const float *v = product.v;
    product.u = u;
    product.u_stride = winograd_stride(slice_channels(layer), kernel->columns);
    for (int64_t ic = 0; ic < layer->ic; ic += LEAN_CHANNELS) {
        product.channels = smaller(LEAN_CHANNELS, layer->ic - ic);
        product.add = ic > 0;
        product.v = v + ic;
        for (int64_t i = 0; i < product.channels; i++)
            layer->kernels->weights(taps + (ic + i) * each, kernel->columns, u + i * kernel->columns,
                                    product.u_stride);
        winograd_multiply(layer, kernel, &product);
    }
}

void winograd_find_outputs(const struct winograd_layer *layer, const struct winograd_tile *tile,
                           int64_t *pixels)
{
    int outputs = layer->kernels->outputs;
    for (int i = 0; i < outputs; i++)
        for (int j = 0; j < outputs; j++) {
            int64_t oh = tile->oh + layer->h.first + i * layer->h.out_step;
            int64_t ow = tile->ow + layer->w.first + j * layer->w.out_step;
            bool inside = oh < layer->h.out && ow < layer->w.out;
            *pixels++ = inside ? (tile->n * layer->h.out + oh) * layer->w.out + ow : -1;
        }
}

void winograd_output(const struct winograd_layer *layer, const struct layer_args *args, int64_t first,
                     int64_t count, int64_t oc, int64_t channels, const float *m, int64_t m_stride)
{
    struct winograd_tile where[WINOGRAD_TILES];
    int64_t pixels[WINOGRAD_POSITIONS], columns = panel_tile(layer->oc - oc)->columns;
    struct epilogue epilogue = epilogue_slice(&args->epilogue, oc);
    struct simd_outputs to = {&epilogue, args->y + oc, args->y_stride, pixels};
    winograd_find_tiles(layer, first, count, where);
    for (int64_t t = 0; t < count; t++) {
        winograd_find_outputs(layer, &where[t], pixels);
        layer->kernels->output(m + t * columns, m_stride, channels, &to);
    }
}
