/* winograd.c - see winograd.h. */
#include "layers/winograd.h"
#include "layers/epilogue.h"
#include "layers/sizes.h"

#include <string.h>

enum {
    PREPARE_TILES = 6, /* of a task that only transforms inputs: few, so that all threads have work */
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

int64_t winograd_lean_slice(const struct winograd_kernels *kernels, int64_t ic)
{
    return smaller(kernels->weights_row ? 128 : 256, ic);
}

struct winograd_layer winograd_conv2d(enum winograd_form form, const struct layer_dims *d)
{
    struct winograd_layer layer = {&simd()->winograd[form], .n = d->n, .ic = d->ic, .oc = d->oc,
                                   .slice = d->ic};
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

int64_t winograd_v_width(const struct winograd_layer *layer)
{
    return winograd_width(smaller(layer->slice, layer->ic));
}

/* Of one slice. */
static int64_t slice_floats(const struct winograd_layer *layer, int64_t v_stride)
{
    return v_positions(layer) * v_stride;
}

int64_t winograd_v_floats(const struct winograd_layer *layer, int64_t tiles)
{
    int64_t stride = winograd_stride(tiles, winograd_v_width(layer));
    return divide_up(layer->ic, layer->slice) * slice_floats(layer, stride);
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
    int64_t width = winograd_v_width(layer), stride = winograd_stride(tiles, width);
    winograd_find_tiles(layer, first, count, where);
    for (int64_t t = 0; t < count; t++)
        for (int64_t ic = 0; ic < layer->ic; ic += layer->slice) {
            struct layer_args slice = *args;
            slice.x += ic;
            winograd_find_inputs(layer, &slice, zeros, &where[t], at);
            layer->kernels->input(at, smaller(layer->slice, layer->ic - ic),
                                  v + ic / layer->slice * slice_floats(layer, stride) + (row + t) * width,
                                  stride);
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
           divide_up(p->channels, smaller(layer->kernels->chain, layer->slice));
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

/* What the calls for a position prefetch: U of the next position, then its V. In a lean product, whose U was
 * just made, they prefetch V of the next position, then weights. */
struct ahead {
    bool lean, two; /* two lines at each step of k: where there are few calls */
    int64_t first;  /* floats of what comes first */
    const float *weights, *end_of_weights;
};

static struct ahead ahead_begin(const struct winograd_layer *layer, const struct simd_tile_kernel *kernel,
                                const struct winograd_product *p)
{
    int64_t channels = smaller(layer->kernels->chain, p->channels);
    int64_t lines = divide_up(p->tiles, kernel->rows) * channels;
    struct ahead a = {.lean = p->positions > 0, .first = channels * kernel->columns};
    int64_t then = 0;
    if (a.lean) {
        a.first = p->tiles * p->v_width;
        a.weights = p->next_weights;
        a.end_of_weights = p->next_weights + p->next_floats;
        then = p->next_floats / p->positions;
    }
    a.two = lines * LINE_FLOATS < a.first + then;
    return a;
}

/* b, v: U and V of the next position. */
static const float *ahead_of(struct ahead *a, int64_t k, int64_t call, const float *b, const float *v)
{
    int64_t part = k * (a->two ? 2 : 1) * LINE_FLOATS, first_calls = divide_up(a->first, part);
    if (call < first_calls)
        return (a->lean ? v : b) + call * part;
    if (!a->lean)
        return v + (call - first_calls) * part;
    const float *weights = a->weights;
    if (weights >= a->end_of_weights)
        return v;
    a->weights += part;
    return weights;
}

void winograd_multiply(const struct winograd_layer *layer, const struct simd_tile_kernel *kernel,
                       const struct winograd_product *p)
{
    const float *rows[WINOGRAD_TILES];
    for (int64_t t = 0; t < WINOGRAD_TILES; t++) /* a matrix tile reads all its rows, the spare ones too */
        rows[t] = p->v + (t < p->tiles ? t : 0) * p->v_width;
    int64_t chain = layer->kernels->chain;
    int64_t end = p->positions ? p->position + p->positions : m_positions(layer);
    struct ahead ahead = ahead_begin(layer, kernel, p);
    for (int64_t position = p->position; position < end; position++)
        for (int64_t k = 0; k < p->channels; k += chain)
            for (int64_t t = 0; t < p->tiles; t += kernel->rows) {
                struct simd_tile tile = {.taps = 1, .c_stride = kernel->columns, .ahead_two = ahead.two};
                tile.k = smaller(chain, p->channels - k);
                tile.k_first = v_position(layer->kernels, position) * p->v_stride + k;
                tile.rows = rows + t;
                tile.b = p->u + (position - p->position) * p->u_stride + k * kernel->columns;
                tile.c = p->m + position * p->m_stride + t * kernel->columns;
                tile.add = p->add || k > 0;
                bool last = p->positions && position + 1 == end;
                tile.ahead = ahead_of(&ahead, tile.k, t / kernel->rows, tile.b + p->u_stride,
                                      last ? p->next_v : rows[0] + tile.k_first + p->v_stride);
                if (p->x)
                    fetch_pixels(p->x);
                if (p->y)
                    fetch_pixels(p->y);
                kernel->run[smaller(kernel->rows, p->tiles - t)](&tile);
            }
}

/* Rows of positions that a lean product transforms at a time: one where a panel is wide, else all. */
static int64_t rows_together(const struct winograd_kernels *kernels)
{
    return kernels->weights_row ? 1 : kernels->kept;
}

int64_t winograd_u_floats(const struct winograd_layer *layer)
{
    return rows_together(layer->kernels) * layer->kernels->kept *
           winograd_stride(layer->slice, simd()->tiles[0].columns);
}

/* U of some rows from `row` on. weights: of the slice. */
static void transform_weights(const struct winograd_layer *layer, int64_t row, const float *weights,
                              int64_t channels, int64_t columns, float *u, int64_t u_stride)
{
    const struct winograd_kernels *kernels = layer->kernels;
    int64_t each = kernels->taps * kernels->taps * columns;
    if (kernels->weights_row)
        kernels->weights_row((int)row, weights, channels, columns, u, u_stride);
    for (int64_t ic = 0; !kernels->weights_row && ic < channels; ic++)
        kernels->weights(weights + ic * each, columns, u + ic * columns, u_stride);
}

void winograd_multiply_lean(const struct winograd_layer *layer, const struct simd_tile_kernel *kernel,
                            const float *weights, float *u, struct winograd_product product)
{
    const struct winograd_kernels *kernels = layer->kernels;
    const float *v = product.v;
    int64_t each = kernels->taps * kernels->taps * kernel->columns, channels = product.channels;
    int64_t slices = divide_up(channels, layer->slice), v_slice = slice_floats(layer, product.v_stride);
    int64_t rows = rows_together(kernels);
    bool add = product.add;
    product.u = u;
    product.u_stride = winograd_stride(layer->slice, kernel->columns);
    product.positions = rows * kernels->kept;
    for (int64_t i = 0; i < kernels->kept / rows * slices; i++) {
        int64_t row = i / slices * rows, slice = i % slices, next = (i + 1) % slices;
        int64_t next_row = (i + 1) / slices * rows % kernels->kept;
        product.position = row * kernels->kept;
        product.channels = smaller(layer->slice, channels - slice * layer->slice);
        product.add = add || slice > 0;
        product.v = v + slice * v_slice;
        product.next_v =
            v + next * v_slice + v_position(kernels, next_row * kernels->kept) * product.v_stride;
        product.next_weights = weights + next * layer->slice * each;
        product.next_floats = smaller(layer->slice, channels - next * layer->slice) * each;
        transform_weights(layer, row, weights + slice * layer->slice * each, product.channels,
                          kernel->columns, u, product.u_stride);
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
