/* upscale.c - see upscale.h. */
#include "engine/pipelines/upscale.h"
#include "engine/base/memory.h"
#include "engine/base/system.h"
#include "engine/pictures/alpha.h"
#include "engine/pictures/resample.h"
#include "engine/pipelines/check.h"
#include "engine/run/bands.h"
#include "engine/run/session.h"
#include "layers/sizes.h"

#include <inttypes.h>
#include <stdio.h>

/* TILE_AUTO chooses bands that need no more. */
static const size_t BUDGET = (size_t)512 << 20;

/* ---- pixels ------------------------------------------------------------------------------ */

/* Clips, scales, rounds to nearest. */
static unsigned char to_byte(float level)
{
    float scaled = level * 255.0F;
    return (unsigned char)(scaled >= 255 ? 255 : scaled > 0 ? scaled + 0.5F : 0);
}

/* Pixels of the network's output => 8-bit pixels. */
static void store_pixels(const struct tensor *rows, unsigned char *out, int channels)
{
    const float *in = rows->data;
    for (int64_t p = 0; p < tensor_pixels(rows); p++, in += rows->stride, out += channels)
        for (int c = 0; c < 3; c++)
            out[c] = to_byte(in[c]);
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

/* ---- rows -------------------------------------------------------------------------------- */

limn_status upscale_factor(const limn_model *model, int64_t *factor, limn_error *error)
{
    enum { PROBE = 16 };
    struct plan plan;
    *factor = 0;
    if (limn_model_inputs(model) == 1 &&
        model->graph.nodes[graph_input_node(&model->graph, 0)].channels == 3) {
        limn_status status = plan_create(&model->graph, (struct kernel_rule){0}, (limn_size){1, PROBE, PROBE},
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
    return fail_kind(model, "a super-resolution", "enhancenet", error);
}

limn_status upscale_scale(const limn_model *model, int64_t wanted, int64_t *scale, limn_error *error)
{
    limn_status status = upscale_factor(model, scale, error);
    if (status == LIMN_OK && wanted)
        status = check_range("scale", (double)wanted, 2, (double)*scale, error);
    if (status == LIMN_OK && wanted)
        *scale = wanted;
    return status;
}

enum { STRIP = 16 }; /* rows of the network's output that are converted and written at a time */

struct job {
    limn_model *model;
    const struct upscale *how;
    const struct picture *source; /* how->source */
    int64_t factor, scale;        /* of the network, and of the result */
    struct picture filled;        /* what the network gets instead of the source, or empty: see alpha_fill */
    struct picture alpha;         /* the enlarged plane, or empty */
    size_t filling;               /* alpha_fill_bytes */
    unsigned char *strip;
    struct resampler *reducer; /* from factor to scale; NULL if they are equal */
    struct bands *bands;       /* NULL: the whole picture at once */
    limn_session *session;     /* that, planned; or NULL */
    size_t run_bytes;          /* of either */
};

void upscale_fill(const struct picture *source, int64_t first, const struct tensor *x)
{
    const unsigned char *in = source->pixels + first * source->width * source->channels;
    float *out = x->data;
    for (int64_t p = 0; p < tensor_pixels(x); p++, in += source->channels, out += x->stride)
        for (int c = 0; c < 3; c++)
            out[c] = (float)in[c] / 255.0F;
}

static void take_rows(void *context, int64_t first, const struct tensor *x)
{
    const struct job *job = context;
    upscale_fill(job->filled.pixels ? &job->filled : job->source, first, x);
}

/* Rows of the output, at most STRIP, from row `first` on. */
static limn_status write_strip(struct job *job, int64_t first, const struct tensor *rows, limn_error *error)
{
    int channels = job->source->channels;
    char name[SYSTEM_PATH_MAX];
    snprintf(name, sizeof name, "%s, rows %" PRId64 " to %" PRId64 " of the result", job->source->name, first,
             first + rows->h - 1);
    limn_status status = model_check_made(job->model, rows, name, error);
    if (status != LIMN_OK)
        return status;
    store_pixels(rows, job->strip, channels);
    if (job->alpha.pixels)
        for (int64_t p = 0; p < tensor_pixels(rows); p++)
            job->strip[4 * p + 3] = job->alpha.pixels[first * rows->w + p];
    const struct picture strip = {
        .width = rows->w, .height = rows->h, .channels = channels, .pixels = job->strip};
    const struct rows_taker taker = {job->how->sink.rows, job->how->sink.context};
    return job->reducer ? resampler_rows(job->reducer, &strip, &taker, error)
                        : taker.rows(taker.context, &strip, error);
}

static limn_status give_rows(void *context, int64_t first, const struct tensor *rows, limn_error *error)
{
    limn_status status = LIMN_OK;
    for (int64_t row = 0; status == LIMN_OK && row < rows->h; row += STRIP) {
        const struct tensor strip =
            tensor_view(rows->data + row * rows->w * rows->stride, 1, smaller(STRIP, rows->h - row), rows->w,
                        rows->c, rows->stride);
        status = write_strip(context, first + row, &strip, error);
    }
    return status;
}

/* ---- memory ------------------------------------------------------------------------------ */

static size_t strip_bytes(const struct job *job)
{
    return size_product(STRIP * job->factor * job->source->width * job->source->channels, 1);
}

/* From the network's output to the result. */
static struct resampling reduction(const struct job *job)
{
    const struct picture *source = job->source;
    return (struct resampling){source->width * job->factor,
                               source->height * job->factor,
                               source->width * job->scale,
                               source->height * job->scale,
                               source->channels,
                               RESAMPLE_BICUBIC};
}

/* What is held from beginning to end. */
static size_t bytes_throughout(const struct job *job)
{
    const struct resampling how = reduction(job);
    size_t reduced = job->scale < job->factor ? resampler_bytes(&how) : 0;
    return size_sum(size_sum(strip_bytes(job), reduced), job->how->sink.reserve);
}

/* What is held along with the network's run. */
static size_t bytes_beside(const struct job *job)
{
    enum { SMALL = 65536 }; /* headers of blocks, and notes of packing */
    size_t pixels = (size_t)(job->source->width * job->source->height);
    size_t alpha = size_product(job->factor * job->factor, pixels), filled = job->filling ? 3 * pixels : 0;
    return size_sum(size_sum(SMALL + filled, bytes_throughout(job)), job->source->channels == 4 ? alpha : 0);
}

/* What is held before it, while alpha is enlarged and then hidden pixels are filled. */
static size_t bytes_before(const struct job *job)
{
    const struct picture plane = {.width = job->source->width, .height = job->source->height, .channels = 1};
    size_t pixels = (size_t)(plane.width * plane.height),
           enlarged = size_product(job->factor * job->factor, pixels);
    size_t enlarging = size_sum(pixels, picture_resample_bytes(&plane, plane.width * job->factor,
                                                               plane.height * job->factor, RESAMPLE_BICUBIC));
    size_t filling = size_sum(enlarged, job->filling), alpha = enlarging > filling ? enlarging : filling;
    return size_sum(bytes_throughout(job), job->source->channels == 4 ? alpha : 0);
}

static size_t room(const struct job *job)
{
    size_t left = mem_available(), beside = bytes_beside(job);
    return left > beside ? left - beside : 0;
}

static limn_status too_large(const struct job *job, limn_reason reason, size_t bytes, const char *hint,
                             limn_error *error)
{
    char what[64];
    snprintf(what, sizeof what, "enlarging %" PRId64 " x %" PRId64 " pixels", job->source->width,
             job->source->height);
    return fail_need(error, reason, what, bytes, hint);
}

/* Lays out bands of `rows` rows. Under a memory limit they use slower, smaller kernels until they fit. */
static limn_status settle(struct job *job, int64_t rows, limn_error *error)
{
    limn_status status = bands_settle(job->bands, rows, &job->run_bytes, error);
    while (status == LIMN_OK && job->run_bytes > room(job) && bands_lighten(job->bands))
        status = bands_settle(job->bands, rows, &job->run_bytes, error);
    if (status != LIMN_OK || job->run_bytes <= room(job))
        return status;
    size_t bytes = job->run_bytes + bytes_beside(job);
    return rows > LAYER_TILE_PERIOD ? too_large(job, LIMN_REASON_BANDS, bytes, "lower bands", error)
                                    : too_large(job, LIMN_REASON_NONE, bytes, "a smaller picture", error);
}

/* Chooses the highest bands that fit the budget, or else the lowest. More than 96 rows are not faster, nor is
 * the whole picture at once. */
static limn_status choose_bands(struct job *job, limn_error *error)
{
    size_t most = room(job) < BUDGET ? room(job) : BUDGET;
    for (int64_t rows = 8 * LAYER_TILE_PERIOD; rows >= LAYER_TILE_PERIOD; rows /= 2) {
        limn_status status = bands_settle(job->bands, rows, &job->run_bytes, error);
        if (status != LIMN_OK || job->run_bytes <= most)
            return status;
    }
    return settle(job, LAYER_TILE_PERIOD, error);
}

static limn_status plan_whole(struct job *job, limn_reason reason, const char *hint, limn_error *error)
{
    const struct session_request request = {.output = job->model->graph.output,
                                            .size = {1, job->source->height, job->source->width},
                                            .room = {bytes_beside(job), hint, reason}};
    limn_status status = session_plan(job->model, &request, &job->session, error);
    if (status == LIMN_OK)
        job->run_bytes = plan_bytes(&job->session->plan);
    return status;
}

/* Chooses the height of the bands; a graph that cannot run in bands runs on the whole picture at once. */
static limn_status choose(struct job *job, limn_error *error)
{
    int64_t rows = job->how->tile;
    if (!bands_possible(&job->model->graph))
        return plan_whole(job, LIMN_REASON_NONE, "a smaller picture", error);
    if (rows == TILE_WHOLE)
        return plan_whole(job, LIMN_REASON_BANDS, "bands of rows", error);
    limn_status status =
        bands_create(job->model, job->source->height, job->source->width, &job->bands, error);
    if (status != LIMN_OK)
        return status;
    return rows == TILE_AUTO ? choose_bands(job, error)
                             : settle(job, round_up(rows, LAYER_TILE_PERIOD), error);
}

/* ---- pipeline ---------------------------------------------------------------------------- */

/* Operations do not depend on how the work is divided into bands. */
static limn_status announce(const struct job *job, limn_error *error)
{
    const limn_size size = {1, job->source->height, job->source->width};
    const struct graph *graph = &job->model->graph;
    struct plan plan;
    if (!job->how->sink.forecast)
        return LIMN_OK;
    limn_status status = plan_create(graph, (struct kernel_rule){0}, size, graph->path, &plan, error);
    if (status != LIMN_OK)
        return status;
    sink_forecast(&job->how->sink,
                  (struct forecast){size, plan_flops(graph, &plan), job->run_bytes + bytes_beside(job)});
    plan_free(&plan);
    return LIMN_OK;
}

/* Makes what is held along with the network's run, after its size has been checked. */
static limn_status allocate(struct job *job, limn_error *error)
{
    const struct resampling how = reduction(job);
    limn_status status = LIMN_OK;
    job->strip = mem_alloc(strip_bytes(job));
    if (!job->strip)
        status = fail_memory(error, "a strip of the picture", strip_bytes(job));
    if (status == LIMN_OK && job->scale < job->factor)
        status = resampler_create(&how, &job->reducer, error);
    if (status == LIMN_OK)
        status = enlarge_alpha(job->source, job->factor, &job->alpha, error);
    return status == LIMN_OK ? alpha_fill(job->source, &job->filled, error) : status;
}

static limn_status prepare(struct job *job, limn_error *error)
{
    const struct picture *source = job->source;
    limn_status status = upscale_factor(job->model, &job->factor, error);
    if (status == LIMN_OK)
        status = upscale_scale(job->model, job->how->scale, &job->scale, error);
    if (status == LIMN_OK && bytes_before(job) > mem_available())
        status = too_large(job, LIMN_REASON_NONE, bytes_before(job), "a smaller picture", error);
    if (status == LIMN_OK)
        status = choose(job, error);
    if (status == LIMN_OK)
        status = announce(job, error);
    if (status == LIMN_OK)
        status = sink_begin(&job->how->sink, source->width * job->scale, source->height * job->scale,
                            source->channels, error);
    if (status == LIMN_OK)
        status = watch_show(job->how->watch, 0, error);
    return status == LIMN_OK ? allocate(job, error) : status;
}

static limn_status run_whole(struct job *job, limn_error *error)
{
    limn_status status = session_prepare(job->session, error);
    if (status != LIMN_OK)
        return status;
    take_rows(job, 0, session_input(job->session, 0));
    session_watch(job->session, job->how->watch);
    status = limn_session_run(job->session, error);
    return status == LIMN_OK ? give_rows(job, 0, session_output(job->session), error) : status;
}

limn_status upscale_picture(limn_model *model, const struct upscale *how, limn_error *error)
{
    struct job job = {
        .model = model, .how = how, .source = how->source, .filling = alpha_fill_bytes(how->source)};
    limn_status status = prepare(&job, error);
    struct bands_io io = {.take = take_rows, .give = give_rows, .context = &job, .watch = how->watch};
    if (status == LIMN_OK)
        status = job.bands ? bands_run(job.bands, &io, error) : run_whole(&job, error);
    if (status == LIMN_OK)
        status = watch_show(how->watch, 1, error);
    bands_free(job.bands);
    limn_session_free(job.session);
    picture_free(&job.filled);
    picture_free(&job.alpha);
    resampler_free(job.reducer);
    mem_free(job.strip);
    return status;
}
