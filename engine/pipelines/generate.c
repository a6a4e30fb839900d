/* generate.c - see generate.h. */
#include "engine/pipelines/generate.h"
#include "engine/base/memory.h"
#include "engine/pipelines/check.h"
#include "engine/pipelines/latents.h"
#include "engine/run/session.h"
#include "layers/sizes.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* Clang may fuse a * b + c into one rounding where the machine can; torchvision rounds twice. */
#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#endif

enum { MOST_BATCH = 16, SMALL = 4096 }; /* SMALL: blocks' headers */
static const size_t arena_budget = (size_t)256 << 20, kept_budget = (size_t)256 << 20;

limn_status generator_of(const limn_model *model, struct generator *generator, limn_error *error)
{
    const struct graph *graph = &model->graph;
    *generator = (struct generator){0};
    const struct node *input = &graph->nodes[graph_input_node(graph, 0)];
    if (limn_model_inputs(model) != 1 || input->side != 1)
        return fail_kind(model, "a generator", "dcgan", error);
    struct plan plan;
    limn_status status =
        plan_create(graph, model->engine->rule, (limn_size){1, 1, 1}, graph->path, &plan, error);
    if (status != LIMN_OK)
        return status;
    const struct layer_dims *out = &plan.dims[graph_maker(graph, graph->output)];
    int64_t height = out->oh, width = out->ow;
    *generator = (struct generator){input->channels, height, out->oc, plan.arena_bytes};
    plan_free(&plan);
    if (height != width)
        return fail(error, LIMN_E_WEIGHTS,
                    "%s makes pictures of %" PRId64 " x %" PRId64 " pixels, square ones expected",
                    graph->path, width, height);
    if (generator->channels != 1 && generator->channels != 3)
        return fail(error, LIMN_E_WEIGHTS,
                    "%s makes pictures of %" PRId64 " channels, 1 (grey) or 3 (RGB) expected", graph->path,
                    generator->channels);
    return LIMN_OK;
}

/* ---- the network ------------------------------------------------------------------------- */

struct job {
    const limn_model *model;
    const struct generate *how;
    struct generator generator;
    const float *latents;
    limn_session *session;
    int64_t batch, values; /* values: of one picture */
    float *kept;           /* every picture's values, or NULL: computed a second time */
    float *one;            /* room for the values of one picture */
    float low, high;
    int64_t runs_done, runs; /* of the network */
    struct picture picture;
};

/* Runs the network on the vectors from `first` on. The last batch is filled up with copies of the last one.
 */
static limn_status run_batch(struct job *job, int64_t first, limn_error *error)
{
    struct tensor *z = session_input(job->session, 0);
    for (int64_t n = 0; n < z->n; n++) {
        int64_t vector = first + n < job->how->count ? first + n : job->how->count - 1;
        memcpy(z->data + n * z->stride, job->latents + vector * z->c, (size_t)z->c * sizeof *z->data);
    }
    double run = (double)job->runs_done++, runs = (double)job->runs;
    watch_part(job->how->watch, run / runs, (run + 1) / runs);
    return limn_session_run(job->session, error);
}

/* Dense values of picture i, the batch's n-th, which must be finite. */
static limn_status take_values(const struct job *job, int64_t i, int64_t n, float *values, limn_error *error)
{
    const struct tensor *y = session_output(job->session);
    const struct tensor made =
        tensor_view(y->data + n * y->h * y->w * y->stride, 1, y->h, y->w, y->c, y->stride);
    char name[32];
    for (int64_t p = 0; p < y->h * y->w; p++)
        for (int64_t c = 0; c < y->c; c++)
            *values++ = made.data[p * y->stride + c];
    snprintf(name, sizeof name, "picture %" PRId64, i);
    return model_check_made(job->model, &made, name, error);
}

/* ---- values to bytes --------------------------------------------------------------------- */

static void widen_range(struct job *job, const float *values)
{
    for (int64_t i = 0; i < job->values; i++) {
        job->low = fminf(job->low, values[i]);
        job->high = fmaxf(job->high, values[i]);
    }
}

static void to_picture(struct job *job, const float *values)
{
    float range = (float)fmax((double)job->high - (double)job->low, 1e-5);
    int64_t pixels = job->picture.width * job->picture.height, channels = job->values / pixels;
    unsigned char *rgb = job->picture.pixels;
    for (int64_t i = 0; i < 3 * pixels; i++) {
        float level = (values[channels == 3 ? i : i / 3] - job->low) / range * 255.0F + 0.5F;
        rgb[i] = (unsigned char)(level >= 255 ? 255 : level > 0 ? level : 0);
    }
}

/* ---- the passes -------------------------------------------------------------------------- */

/* Computes the values of all pictures, unless they are kept from the pass before. Then hands each picture
 * over, if `deliver`, or widens the range by it. */
static limn_status run_pass(struct job *job, bool deliver, limn_error *error)
{
    const struct sink *sink = &job->how->sink;
    const bool computed = deliver && job->kept;
    limn_status status = LIMN_OK;
    for (int64_t i = 0; status == LIMN_OK && i < job->how->count; i++) {
        int64_t n = i % job->batch;
        float *values = job->kept ? job->kept + i * job->values : job->one;
        if (!computed && n == 0)
            status = run_batch(job, i, error);
        if (!computed && status == LIMN_OK)
            status = take_values(job, i, n, values, error);
        if (status != LIMN_OK)
            return status;
        if (deliver) {
            to_picture(job, values);
            status = sink->rows(sink->context, &job->picture, error);
        } else {
            widen_range(job, values);
        }
    }
    return status;
}

/* Batches of one size, as even as they can be: 17 pictures run as 9 and 8, not as 16 and 1. */
static int64_t choose_batch(const struct generator *generator, int64_t count)
{
    int64_t most = generator->arena_bytes ? (int64_t)(arena_budget / generator->arena_bytes) : MOST_BATCH;
    most = most > MOST_BATCH ? MOST_BATCH : most < 1 ? 1 : most;
    int64_t batches = (count + most - 1) / most;
    return (count + batches - 1) / batches;
}

/* Plans the run, and refuses what is too large; then begins the sink, and takes the memory. */
static limn_status prepare(struct job *job, limn_model *model, limn_error *error)
{
    const struct generate *how = job->how;
    int64_t side = job->generator.side;
    size_t bytes = float_bytes(job->values), all, left;
    const struct session_request request = {
        .output = model->graph.output,
        .size = {job->batch, 1, 1},
        .room = {size_sum(how->sink.reserve + SMALL, size_sum(bytes, size_product(3 * side, (size_t)side))),
                 job->batch > 1 ? "fewer pictures" : "fewer threads", LIMN_REASON_NONE}};
    limn_status status = session_plan(model, &request, &job->session, error);
    if (status == LIMN_OK)
        status = sink_begin(&how->sink, side, side, 3, error);
    if (status == LIMN_OK)
        status = watch_show(how->watch, 0, error);
    if (status == LIMN_OK && !(job->one = mem_alloc(bytes)))
        status = fail_memory(error, "a picture", bytes);
    if (status == LIMN_OK)
        status = picture_create(side, side, 3, &job->picture, error);
    if (status == LIMN_OK)
        status = session_prepare(job->session, error);
    if (status != LIMN_OK)
        return status;
    session_watch(job->session, how->watch);
    left = mem_available();
    left = left > how->sink.reserve ? left - how->sink.reserve : 0;
    if (!how->fixed_range && size_multiply(bytes, (uint64_t)how->count, &all) && all <= kept_budget &&
        all <= left)
        job->kept = mem_alloc(all);
    job->runs = (how->count + job->batch - 1) / job->batch * (how->fixed_range || job->kept ? 1 : 2);
    return LIMN_OK;
}

limn_status generate_pictures(limn_model *model, const struct generate *how, limn_error *error)
{
    struct job job = {.model = model,
                      .how = how,
                      .latents = how->latents,
                      .low = how->fixed_range ? -1 : INFINITY,
                      .high = how->fixed_range ? 1 : -INFINITY};
    float *made = NULL;
    limn_status status = generator_of(model, &job.generator, error);
    if (status == LIMN_OK && (how->count < 1 || how->count > GENERATE_MOST))
        status =
            fail(error, LIMN_E_USAGE, "%" PRId64 " pictures: expected 1 to %d", how->count, GENERATE_MOST);
    if (status == LIMN_OK && !how->latents)
        status = latents_create(how->seed, how->count, job.generator.latent, &made, error);
    if (status != LIMN_OK)
        return status;
    if (made)
        job.latents = made;
    job.batch = choose_batch(&job.generator, how->count);
    job.values = job.generator.side * job.generator.side * job.generator.channels;
    status = prepare(&job, model, error);
    if (status == LIMN_OK && !how->fixed_range)
        status = run_pass(&job, false, error);
    if (status == LIMN_OK)
        status = run_pass(&job, true, error);
    if (status == LIMN_OK)
        status = watch_show(how->watch, 1, error);
    mem_free(made);
    mem_free(job.kept);
    mem_free(job.one);
    limn_session_free(job.session);
    picture_free(&job.picture);
    return status;
}
