/* upscale.c - see upscale.h.
 *
 * Tiles. The picture is cut into squares; for each, the network runs on a window that holds the square and a
 * margin around it, and only the square's part of the result is kept. Inside, pixels near a window's edge see
 * the zeros of "same" padding where the picture goes on, and are wrong; the margin is the graph's reach, so
 * none of them is kept. At the picture's own edges windows end where the picture does, and the padding is
 * right.
 *
 *     picture   |--------------------------------------|
 *     tile                  |-------|
 *     window          |-----|-------|-----|              all windows have one size: one plan serves them all
 *     last window                |-----|-------|-------|  pushed back from the edge
 *
 * The GEMM convolution repeats a pixel exactly only if its index modulo LAYER_TILE_PERIOD repeats (conv2d.c);
 * so window offsets, and the difference between the picture's width and a window's, are multiples of it. */
#include "upscale.h"
#include "memory.h"
#include "pictures/resample.h"
#include "session.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

/* What an automatic choice of tile may plan for: three quarters of what is left under the memory limit,
 * because a band of the picture and the workers' scratch come on top. */
static size_t arena_budget(void)
{
    const size_t most = (size_t)512 << 20;
    size_t left = mem_available() / 4 * 3;
    return left < most ? left : most;
}

/* ---- geometry ---------------------------------------------------------------------------- */

/* The farther side of a convolution's window: what padding covers on one, the rest of the kernel on the
 * other. */
static double window_reach(const struct layer_dims *w)
{
    int64_t high = (w->kh - 1) * w->dilation_h, wide = (w->kw - 1) * w->dilation_w;
    int64_t sides[] = {w->pad_h, high - w->pad_h, w->pad_w, wide - w->pad_w}, farthest = 0;
    for (int i = 0; i < 4; i++)
        farthest = sides[i] > farthest ? sides[i] : farthest;
    return (double)farthest;
}

int64_t graph_reach(const struct graph *graph)
{
    double *reach = mem_zalloc((size_t)graph->count, 2 * sizeof *reach), *scale = reach + graph->count,
           farthest = 0;
    if (!reach)
        return -1;
    for (int i = 0; i < graph->count; i++) {
        const struct node *node = &graph->nodes[i];
        value x = graph_maker(graph, node->x), residual = graph_maker(graph, node->residual);
        scale[i] = x == NO_VALUE ? 1 : scale[x];
        reach[i] = x == NO_VALUE ? 0 : reach[x];
        if (node->role == NODE_LAYER && node->kind == LAYER_CONV2D) {
            reach[i] += window_reach(&node->window) / scale[i];
            scale[i] /= (double)node->window.stride_h;
        } else if (node->role == NODE_LAYER && node->kind == LAYER_BICUBIC) {
            reach[i] += 2 / scale[i];
            scale[i] *= (double)node->factor;
        } else if (node->role == NODE_LAYER && node->kind == LAYER_UPSAMPLE) {
            scale[i] *= (double)node->factor;
        }
        if (residual != NO_VALUE && reach[residual] > reach[i])
            reach[i] = reach[residual];
        farthest = reach[i] > farthest ? reach[i] : farthest;
    }
    mem_free(reach);
    return (int64_t)ceil(farthest);
}

static int64_t round_up(int64_t n, int64_t unit)
{
    return (n + unit - 1) / unit * unit;
}

/* One axis of the cut. */
struct cut {
    int64_t size, tile, margin, window, count;
};

static struct cut cut_axis(int64_t size, int64_t tile, int64_t margin)
{
    struct cut cut = {.size = size, .tile = tile, .margin = margin};
    int64_t least = tile + 2 * margin;
    cut.window = least + (size - least) % LAYER_TILE_PERIOD;
    if (tile == TILE_WHOLE || size <= least + LAYER_TILE_PERIOD)
        cut.window = cut.tile = size;
    cut.count = (size + cut.tile - 1) / cut.tile;
    return cut;
}

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t window_start(const struct cut *cut, int64_t index)
{
    int64_t start = index * cut->tile - cut->margin;
    return start < 0 ? 0 : smaller(start, cut->size - cut->window);
}

static limn_status arena_bytes(const limn_model *model, int64_t height, int64_t width, size_t *bytes,
                               limn_error *error)
{
    struct plan plan;
    limn_status status = plan_create(&model->graph, model->engine->kernels, (limn_size){1, height, width},
                                     model->graph.path, &plan, error);
    *bytes = status == LIMN_OK ? plan.arena_bytes : 0;
    if (status == LIMN_OK)
        plan_free(&plan);
    return status;
}

/* The whole picture if it fits the budget, else the largest tile that does. */
static limn_status choose_tile(const limn_model *model, const struct picture *source, int64_t margin,
                               int64_t *tile, limn_error *error)
{
    static const int64_t candidates[] = {TILE_WHOLE, 480, 384, 288, 240, 192, 144, 96, 48};
    for (size_t i = 0; i < sizeof candidates / sizeof *candidates; i++) {
        *tile = candidates[i];
        size_t bytes;
        limn_status status = arena_bytes(model, cut_axis(source->height, *tile, margin).window,
                                         cut_axis(source->width, *tile, margin).window, &bytes, error);
        if (status != LIMN_OK || bytes <= arena_budget())
            return status;
    }
    return LIMN_OK;
}

/* ---- pixels ------------------------------------------------------------------------------ */

/* 8-bit RGB at (top, left) => NHWC, 0..1. */
static void load_window(const struct picture *source, int64_t top, int64_t left, struct tensor *x)
{
    for (int64_t row = 0; row < x->h; row++) {
        const unsigned char *in = source->pixels + ((top + row) * source->width + left) * source->channels;
        float *out = x->data + row * x->w * x->stride;
        for (int64_t column = 0; column < x->w; column++, in += source->channels, out += x->stride)
            for (int c = 0; c < 3; c++)
                out[c] = (float)in[c] / 255.0F;
    }
}

/* Clips, scales, rounds to nearest; a NaN is counted. */
static unsigned char to_byte(float level, int64_t *nans)
{
    *nans += isnan(level);
    float scaled = level * 255.0F;
    return (unsigned char)(scaled >= 255 ? 255 : scaled > 0 ? scaled + 0.5F : 0);
}

/* Part of the network's output, `height` x `width` from (top, left) => 8-bit pixels of the band. */
static int64_t store_tile(const struct tensor *y, int64_t top, int64_t left, int64_t height, int64_t width,
                          unsigned char *band, int64_t band_width, int channels)
{
    int64_t nans = 0;
    for (int64_t row = 0; row < height; row++) {
        const float *in = y->data + ((top + row) * y->w + left) * y->stride;
        unsigned char *out = band + row * band_width * channels;
        for (int64_t column = 0; column < width; column++, in += y->stride, out += channels)
            for (int c = 0; c < 3; c++)
                out[c] = to_byte(in[c], &nans);
    }
    return nans;
}

/* The alpha plane of `source`, enlarged; empty when it has none. */
static limn_status enlarge_alpha(const struct picture *source, int64_t factor, struct picture *alpha,
                                 limn_error *error)
{
    *alpha = (struct picture){0};
    if (source->channels != 4)
        return LIMN_OK;
    struct picture plane;
    limn_status status = picture_create(source->width, source->height, 1, &plane, error);
    if (status != LIMN_OK)
        return status;
    for (int64_t p = 0; p < source->width * source->height; p++)
        plane.pixels[p] = source->pixels[4 * p + 3];
    status = picture_resample(&plane, source->width * factor, source->height * factor, RESAMPLE_BICUBIC,
                              alpha, error);
    picture_free(&plane);
    return status;
}

/* ---- pipeline ---------------------------------------------------------------------------- */

limn_status upscale_factor(const limn_model *model, int64_t *factor, limn_error *error)
{
    enum { PROBE = 16 };
    struct plan plan;
    *factor = 0;
    if (limn_model_inputs(model) == 1 &&
        model->graph.nodes[graph_input_node(&model->graph, 0)].channels == 3) {
        limn_status status = plan_create(&model->graph, LIMN_KERNELS_AUTO, (limn_size){1, PROBE, PROBE},
                                         model->graph.path, &plan, error);
        if (status != LIMN_OK)
            return status;
        const struct layer_dims *out = &plan.dims[graph_maker(&model->graph, model->graph.output)];
        if (out->oc == 3 && out->oh == out->ow && out->oh % PROBE == 0 && out->oh > PROBE)
            *factor = out->oh / PROBE;
        plan_free(&plan);
    }
    if (*factor)
        return LIMN_OK;
    return fail(error, LIMN_E_USAGE, "%s holds a %s network, a super-resolution one (enhancenet) is needed",
                model->graph.path, model->kind->name);
}

struct job {
    const struct picture *source;
    const struct upscale *how;
    limn_session *session;
    struct cut rows, columns;
    int64_t factor;
    struct picture alpha;
    unsigned char *band; /* one row of tiles, enlarged */
};

static limn_status run_tile(struct job *job, int64_t i, int64_t j, limn_error *error)
{
    const struct picture *source = job->source;
    int64_t top = window_start(&job->rows, i), left = window_start(&job->columns, j), factor = job->factor;
    int64_t row = i * job->rows.tile, column = j * job->columns.tile;
    int64_t height = smaller(job->rows.tile, source->height - row);
    int64_t width = smaller(job->columns.tile, source->width - column);
    load_window(source, top, left, session_input(job->session, 0));
    limn_status status = limn_session_run(job->session, error);
    if (status != LIMN_OK)
        return status;
    int64_t nans = store_tile(session_output(job->session), (row - top) * factor, (column - left) * factor,
                              height * factor, width * factor, job->band + column * factor * source->channels,
                              source->width * factor, source->channels);
    if (nans)
        return fail(error, LIMN_E_WEIGHTS, "%s: the network produced %" PRId64 " values that are no numbers",
                    job->session->model->graph.path, nans);
    return LIMN_OK;
}

static limn_status run_band(struct job *job, int64_t i, limn_error *error)
{
    const struct upscale *how = job->how;
    for (int64_t j = 0; j < job->columns.count; j++) {
        limn_status status = run_tile(job, i, j, error);
        if (status != LIMN_OK)
            return status;
        if (how->progress)
            how->progress(how->context, i * job->columns.count + j + 1, job->rows.count * job->columns.count);
    }
    int64_t row = i * job->rows.tile, width = job->source->width * job->factor;
    int64_t count = smaller(job->rows.tile, job->source->height - row) * job->factor;
    if (job->alpha.pixels)
        for (int64_t p = 0; p < count * width; p++)
            job->band[4 * p + 3] = job->alpha.pixels[row * job->factor * width + p];
    return how->rows(how->context, job->band, count, error);
}

static limn_status prepare(struct job *job, limn_model *model, limn_error *error)
{
    const struct picture *source = job->source;
    limn_status status = upscale_factor(model, &job->factor, error);
    if (status != LIMN_OK)
        return status;
    int64_t reach = graph_reach(&model->graph), tile = job->how->tile;
    if (reach < 0)
        return fail_memory(error, "the graph's reach", 0);
    int64_t margin = round_up(reach, LAYER_TILE_PERIOD);
    if (tile == TILE_AUTO)
        status = choose_tile(model, source, margin, &tile, error);
    if (status != LIMN_OK)
        return status;
    job->rows = cut_axis(source->height, round_up(tile, LAYER_TILE_PERIOD), margin);
    job->columns = cut_axis(source->width, round_up(tile, LAYER_TILE_PERIOD), margin);
    size_t band = (size_t)(job->rows.tile * job->factor * source->width * job->factor * source->channels);
    job->band = mem_alloc(band);
    if (!job->band)
        return fail_memory(error, "a band of the picture", band);
    status = enlarge_alpha(source, job->factor, &job->alpha, error);
    if (status == LIMN_OK)
        status = limn_session_create(model, (limn_size){1, job->rows.window, job->columns.window},
                                     &job->session, error);
    return status;
}

limn_status upscale_picture(limn_model *model, const struct picture *source, const struct upscale *how,
                            limn_error *error)
{
    struct job job = {.source = source, .how = how};
    limn_status status = prepare(&job, model, error);
    for (int64_t i = 0; status == LIMN_OK && i < job.rows.count; i++)
        status = run_band(&job, i, error);
    limn_session_free(job.session);
    picture_free(&job.alpha);
    mem_free(job.band);
    return status;
}
