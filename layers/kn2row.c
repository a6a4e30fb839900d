/* kn2row.c - see kn2row.h. */
#include "layers/kn2row.h"
#include "layers/epilogue.h"
#include "layers/panels.h"
#include "layers/sizes.h"

#include <string.h>

enum {
    CHANNELS_MOST = 8,   /* of y: from half a vector on, a matrix tile of output channels is no worse */
    CHANNELS_LEAST = 16, /* of x: with fewer, the sums outweigh the products */
    ROWS_MOST = 32,      /* of y, of a task: the more, the fewer rows of T are computed twice */
    ROWS_LEAST = 8,
    TASKS_WANTED = 16,
    TAPS_MOST = 64,
    TILE_ROWS = 12, /* of x multiplied at a time: every matrix tile's rows divide it */
    CHAIN = 512,    /* products added in one chain: the rounding error grows with its length */
};

/* ---- which inputs an output uses ---------------------------------------------------------- */

/* One axis. Output i * step + phase, 0 <= phase < step, uses the inputs i + offset, one for each tap that the
 * phase has. */
struct axis {
    bool transposed;
    int64_t in, out, taps, step, pad, dilation;
};

static bool meets(const struct axis *axis, int64_t phase, int64_t tap, int64_t *offset)
{
    int64_t at = axis->transposed ? phase + axis->pad - tap : tap * axis->dilation - axis->pad;
    *offset = at / axis->step;
    return at % axis->step == 0;
}

/* Inputs that taps read before the first and after the last, and from the first to the last of an output. */
struct reach {
    int64_t before, after, span;
};

static struct reach reach_of(const struct axis *axis)
{
    struct reach reach = {0, 0, 1};
    for (int64_t phase = 0; phase < axis->step; phase++) {
        int64_t outputs = divide_up(axis->out - phase, axis->step);
        int64_t least = INT64_MAX, most = INT64_MIN;
        for (int64_t tap = 0, offset; tap < axis->taps; tap++)
            if (meets(axis, phase, tap, &offset))
                least = smaller(least, offset), most = larger(most, offset);
        if (least > most)
            continue;
        reach.before = larger(reach.before, -least);
        reach.after = larger(reach.after, outputs - 1 + most - (axis->in - 1));
        reach.span = larger(reach.span, most - least + 1);
    }
    return reach;
}

/* Values that follow from the dimensions. */
struct plan {
    const struct layer_dims *d;
    struct axis h, w;
    int64_t products, columns; /* of a pixel of T; the same rounded up to whole panels, the rest zeros */
    int64_t before, pixels;    /* pixels of zeros before a row of T; all pixels of a row */
    int64_t ring;              /* rows of T that are kept */
    int64_t padded;            /* the width of x in whole matrix tiles */
};

static struct plan plan_of(const struct layer_dims *d, bool transposed)
{
    struct plan p = {.d = d, .products = d->kh * d->kw * d->oc};
    p.h = (struct axis){transposed, d->ih, d->oh, d->kh, 1, d->pad_h, d->dilation_h};
    p.w = (struct axis){transposed, d->iw, d->ow, d->kw, 1, d->pad_w, d->dilation_w};
    if (transposed)
        p.h.step = d->stride_h, p.w.step = d->stride_w;
    struct reach w = reach_of(&p.w);
    p.columns = panel_channel(p.products, panel_count(p.products));
    p.before = w.before;
    p.padded = round_up(d->iw, TILE_ROWS);
    p.pixels = w.before + larger(p.padded, d->iw + larger(w.after, 0));
    p.ring = reach_of(&p.h).span;
    return p;
}

bool kn2row_applies(const struct layer_dims *d)
{
    int64_t taps = d->kh * d->kw;
    return d->oc <= CHANNELS_MOST && d->ic >= CHANNELS_LEAST && taps <= TAPS_MOST;
}

/* ---- weights ----------------------------------------------------------------------------- */

/* [OC IC KH KW in any order] => [panel][IC][columns], of which [KH][KW][OC] are the columns of all panels. */
void kn2row_pack_task(const struct layer_dims *d, const struct layer_weights *w, void *packed, int64_t task)
{
    (void)task;
    int64_t products = d->kh * d->kw * d->oc;
    float *out = packed;
    for (int64_t first = 0, columns; first < products; first += columns) {
        columns = panel_tile(products - first)->columns;
        for (int64_t ic = 0; ic < d->ic; ic++)
            for (int64_t column = first; column < first + columns; column++) {
                int64_t tap = column / d->oc, oc = column % d->oc;
                const float *in = w->data + oc * w->stride_o + ic * w->stride_i + tap / d->kw * w->stride_h +
                                  tap % d->kw * w->stride_w;
                *out++ = column < products ? *in * (w->scale ? w->scale[oc] : 1) : 0;
            }
    }
}

/* ---- tasks ------------------------------------------------------------------------------- */

static int64_t rows_per_task(const struct layer_dims *d)
{
    int64_t rows = d->n * d->oh / TASKS_WANTED;
    return smaller(larger(rows, ROWS_LEAST), ROWS_MOST);
}

/* Tasks of one picture. */
static int64_t tasks_each(const struct layer_dims *d)
{
    return divide_up(d->oh, rows_per_task(d));
}

/* The workspace of a task. */
struct scratch {
    const float **pixels; /* [padded] of the row of x that is being multiplied */
    int64_t *made;        /* [ring] the row of x whose products are in that row of T, or -1 */
    float *t;             /* [ring][pixels][columns], then a vector that is read but not used */
};

static size_t lay_out(const struct plan *p, void *workspace, struct scratch *scratch)
{
    unsigned char *at = workspace;
    size_t pixels = size_product(p->padded, sizeof *scratch->pixels),
           made = size_product(p->ring, sizeof *scratch->made);
    if (scratch)
        *scratch = (struct scratch){(const float **)(void *)at, (int64_t *)(void *)(at + pixels),
                                    (float *)(void *)(at + pixels + made)};
    return size_sum(size_sum(pixels, made), float_bytes(p->ring * p->pixels * p->columns + 4));
}

struct layer_needs kn2row_needs(const struct layer_dims *d, bool transposed)
{
    struct plan p = plan_of(d, transposed);
    return (struct layer_needs){.pack_tasks = 1,
                                .run_tasks = d->n * tasks_each(d),
                                .packed_bytes = float_bytes(p.columns * d->ic),
                                .workspace_bytes = lay_out(&p, NULL, NULL)};
}

static float *row_of_t(const struct plan *p, const struct scratch *scratch, int64_t ih)
{
    return scratch->t + ih % p->ring * p->pixels * p->columns;
}

/* A row of x => its row of T. */
static void multiply_row(const struct plan *p, const struct layer_args *a, const float *x,
                         const struct scratch *scratch, float *t)
{
    const struct layer_dims *d = p->d;
    const float *b = a->packed;
    float *own = t + p->before * p->columns;
    for (int64_t i = 0; i < p->padded; i++)
        scratch->pixels[i] = x + smaller(i, d->iw - 1) * a->x_stride;
    for (int64_t i = 0; i < p->padded; i += TILE_ROWS)
        for (int64_t first = 0, columns; first < p->products; first += columns) {
            const struct simd_tile_kernel *kernel = panel_tile(p->products - first);
            columns = kernel->columns;
            for (int64_t row = i; row < i + TILE_ROWS; row += kernel->rows)
                for (int64_t k = 0; k < d->ic; k += CHAIN) {
                    struct simd_tile tile = {.taps = 1, .k = smaller(CHAIN, d->ic - k), .k_first = k};
                    tile.rows = scratch->pixels + row;
                    tile.b = b + first * d->ic + k * columns;
                    tile.c = own + row * p->columns + first;
                    tile.c_stride = p->columns;
                    tile.add = k > 0;
                    tile.ahead = scratch->pixels[smaller(i + TILE_ROWS, p->padded - 1)];
                    kernel->run[kernel->rows](&tile);
                }
        }
    memset(t, 0, (size_t)(p->before * p->columns) * sizeof *t);
    float *after = own + d->iw * p->columns;
    memset(after, 0, (size_t)(t + p->pixels * p->columns - after) * sizeof *after);
}

/* The taps of phase `phase` in row oh => pointers to their terms for the phase's first output; returns how
 * many. */
static int64_t find_terms(const struct plan *p, const struct scratch *scratch, int64_t oh, int64_t phase,
                          const float **terms)
{
    const struct layer_dims *d = p->d;
    int64_t count = 0;
    for (int64_t kh = 0, h; kh < d->kh; kh++) {
        if (!meets(&p->h, oh % p->h.step, kh, &h))
            continue;
        int64_t ih = oh / p->h.step + h;
        if (ih < 0 || ih >= d->ih)
            continue;
        const float *row = row_of_t(p, scratch, ih);
        for (int64_t kw = 0, w; kw < d->kw; kw++)
            if (meets(&p->w, phase, kw, &w))
                terms[count++] = row + (p->before + w) * p->columns + (kh * d->kw + kw) * d->oc;
    }
    return count;
}

/* A row of y from the rows of T. */
static void sum_row(const struct plan *p, const struct layer_args *a, int64_t n, int64_t oh,
                    const struct scratch *scratch)
{
    const struct layer_dims *d = p->d;
    int64_t first = (n * d->oh + oh) * d->ow, step = p->w.step;
    float *y = a->y + first * a->y_stride;
    const float *terms[TAPS_MOST];
    for (int64_t phase = 0; phase < step; phase++) {
        struct simd_sums sums = {.terms = terms, .step = p->columns, .y_step = step * a->y_stride};
        sums.count = find_terms(p, scratch, oh, phase, terms);
        sums.pixels = divide_up(d->ow - phase, step);
        for (int64_t oc = 0; oc < d->oc; oc += SIMD_SUMS_CHANNELS) {
            sums.channels = smaller(SIMD_SUMS_CHANNELS, d->oc - oc);
            sums.bias = a->epilogue.bias ? a->epilogue.bias + oc : NULL;
            sums.y = y + phase * a->y_stride + oc;
            simd()->sums(&sums);
            for (int64_t i = 0; i < sums.count; i++)
                terms[i] += SIMD_SUMS_CHANNELS;
        }
    }
    struct epilogue rest = a->epilogue;
    rest.bias = NULL;
    epilogue_apply(&rest, d->oc, first, d->ow, y, a->y_stride);
}

void kn2row_run_task(const struct layer_args *a, int64_t task, void *workspace, bool transposed)
{
    const struct layer_dims *d = &a->d;
    struct plan p = plan_of(d, transposed);
    struct scratch scratch;
    lay_out(&p, workspace, &scratch);
    for (int64_t i = 0; i < p.ring; i++)
        scratch.made[i] = -1;
    int64_t n = task / tasks_each(d), first = task % tasks_each(d) * rows_per_task(d);
    for (int64_t oh = first; oh < smaller(first + rows_per_task(d), d->oh); oh++) {
        for (int64_t kh = 0, h; kh < d->kh; kh++) {
            if (!meets(&p.h, oh % p.h.step, kh, &h))
                continue;
            int64_t ih = oh / p.h.step + h;
            if (ih < 0 || ih >= d->ih || scratch.made[ih % p.ring] == ih)
                continue;
            multiply_row(&p, a, a->x + (n * d->ih + ih) * d->iw * a->x_stride, &scratch,
                         row_of_t(&p, &scratch, ih));
            scratch.made[ih % p.ring] = ih;
        }
        sum_row(&p, a, n, oh, &scratch);
    }
}
