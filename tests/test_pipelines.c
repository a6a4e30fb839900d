/* test_pipelines.c - limn.h's pipelines against the private ones that they call, byte by byte; how they
 * are followed, cancelled and shared, and what becomes of them without memory. What the private ones make is
 * tested elsewhere, what the public ones refuse in test_pipelines_refuse.c. */
#include "engine/base/memory.h"
#include "engine/pipelines/colorize.h"
#include "engine/pipelines/generate.h"
#include "engine/pipelines/latents.h"
#include "engine/pipelines/segment.h"
#include "engine/pipelines/upscale.h"
#include "tests/support.h"
#include "tests/support_faults.h"
#include "tests/support_pictures.h"

#include <float.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* ---- calls ------------------------------------------------------------------------------- */

enum { SHEET = 2 }; /* pictures generated, side by side */
static const uint64_t seed = 3;
static const limn_hint hints[] = {{5, 7, 2, 200, 30, 40}, {20, 9, 0, 10, 90, 250}};
static const char *const hints_text = "5 7 #c81e28\n20 9 #0a5afa 0\n";

/* A call of one of the four, with its options. */
struct trial {
    const char *name, *weights;
    enum { SEGMENT, COLORIZE, UPSCALE, GENERATE } pipeline;
    int64_t width, height; /* of the source, and its channels */
    int channels;
    int64_t made_width, made_height; /* of the result, and its channels */
    int made_channels;
    limn_segment_options segment;
    limn_colorize_options colorize;
    limn_generate_options generate;
};

static const struct trial trials[] = {
    {"deeplabv3", "deeplabv3", SEGMENT, 45, 33, 3, 45, 33, 1, .segment.resize = 40},
    {"unet", "unet-bilinear", SEGMENT, 50, 61, 4, 50, 61, 1, .segment.scale = 0.75},
    {"eccv16", "eccv16", COLORIZE, 70, 9, 4, 70, 9, 4, .colorize.saturation = 0.5},
    {"siggraph17", "siggraph17", COLORIZE, 37, 12, 3, 37, 12, 3, .colorize = {hints, 2, .temperature = -10}},
    {"network size", "siggraph17", COLORIZE, 37, 12, 3, 37, 12, 3,
     .colorize = {hints, 2, .network_size = 72}},
    {"spread hints", "siggraph17", COLORIZE, 37, 12, 3, 37, 12, 3,
     .colorize = {hints, 2, .spread = LIMN_SPREAD_ON}},
    {"vae", "vae", COLORIZE, 90, 41, 3, 90, 41, 3, .colorize.seed = &seed},
    {"enhancenet", "enhancenet", UPSCALE, 19, 30, 3, 76, 120, 3, .segment = {0}},
    {"alpha", "enhancenet", UPSCALE, 23, 14, 4, 92, 56, 4, .segment = {0}},
    {"scale 2", "enhancenet", UPSCALE, 19, 30, 3, 38, 60, 3, .segment = {0}},
    {"scale 3", "enhancenet", UPSCALE, 23, 14, 4, 69, 42, 4, .segment = {0}},
    {"dcgan", "dcgan-5-stages", GENERATE, 1, 1, 3, SHEET * 64, 64, 3, .generate.seed = 5},
    {"fixed range", "dcgan-3-stages", GENERATE, 1, 1, 3, SHEET * 16, 16, 3, .generate = {5, true}},
};
enum { TRIALS = sizeof trials / sizeof *trials };

/* A trial with all that it needs. */
struct job {
    const struct trial *trial;
    limn_engine *engine;
    limn_model *model;
    struct picture source;
    unsigned char *want; /* what the private pipeline makes, dense */
    size_t bytes;        /* of that */
};

/* Pictures side by side. */
static limn_status generate_sheet(limn_model *model, const limn_picture *sheet,
                                  const limn_generate_options *options, const limn_watch *watch,
                                  limn_error *error)
{
    limn_picture pictures[SHEET];
    int64_t side = sheet->height;
    for (int i = 0; i < SHEET; i++)
        pictures[i] = (limn_picture){sheet->pixels + 3 * i * side, side, side, 3,
                                     sheet->stride ? sheet->stride : 3 * sheet->width};
    return limn_generate(model, pictures, SHEET, options, watch, error);
}

static limn_status call_model(const struct job *job, limn_model *model, const limn_picture *source,
                              const limn_picture *made, const limn_watch *watch, limn_error *error)
{
    const struct trial *trial = job->trial;
    switch (trial->pipeline) {
    case SEGMENT:
        return limn_segment(model, source, made, &trial->segment, watch, error);
    case COLORIZE:
        return limn_colorize(model, source, made, &trial->colorize, watch, error);
    case UPSCALE:
        return limn_upscale(model, source, made, watch, error);
    case GENERATE:
    default:
        return generate_sheet(model, made, &trial->generate, watch, error);
    }
}

static limn_status call(const struct job *job, const limn_picture *source, const limn_picture *made,
                        const limn_watch *watch, limn_error *error)
{
    return call_model(job, job->model, source, made, watch, error);
}

/* ---- what the private pipelines make ----------------------------------------------------- */

/* A sink that keeps the rows one after the other. */
static limn_status take_rows(void *context, const struct picture *rows, limn_error *error)
{
    struct job *job = context;
    size_t bytes = (size_t)(rows->height * rows->width * rows->channels);
    (void)error;
    memcpy(job->want + job->bytes, rows->pixels, bytes);
    job->bytes += bytes;
    return LIMN_OK;
}

static void want_classes(struct job *job)
{
    const struct segment how = {
        .options = job->trial->segment, .source = &job->source, .sink = {.rows = take_rows, .context = job}};
    job->bytes = 0;
    assert_ok(segment_picture(job->model, &how, error));
}

static void want_colours(struct job *job)
{
    const limn_colorize_options *options = &job->trial->colorize;
    const struct tint tint = {options->saturation, options->temperature};
    struct picture picture = job->source;
    struct colorizer *colorizer;
    struct hints parsed = {0};
    const struct colorizer_inputs inputs = {.hints = &parsed, .seed = options->seed};
    if (options->hints)
        assert_ok(hints_parse((const unsigned char *)hints_text, strlen(hints_text), "text", &parsed, error));
    picture.pixels = memcpy(job->want, job->source.pixels, job->bytes);
    assert_ok(colorizer_create(job->model, options->network_size, false, &colorizer, error));
    colorizer->spreads = options->spread == LIMN_SPREAD_ON;
    assert_ok(colorizer_run(colorizer, &job->source, &inputs, NULL, error));
    assert_ok(colorizer_paint(colorizer, tint, NULL, &picture, error));
    colorizer_free(colorizer);
    hints_free(&parsed);
}

static void want_enlarged(struct job *job)
{
    const struct upscale how = {.source = &job->source,
                                .scale = job->trial->made_width / job->trial->width,
                                .sink = {.rows = take_rows, .context = job},
                                .tile = TILE_AUTO};
    job->bytes = 0;
    assert_ok(upscale_picture(job->model, &how, error));
}

/* A sink that puts the pictures side by side. */
static limn_status take_picture(void *context, const struct picture *picture, limn_error *error)
{
    struct job *job = context;
    size_t row = (size_t)(3 * picture->width);
    (void)error;
    for (int64_t y = 0; y < picture->height; y++)
        memcpy(job->want + (size_t)y * SHEET * row + job->bytes, picture->pixels + (size_t)y * row, row);
    job->bytes += row;
    return LIMN_OK;
}

static void want_pictures(struct job *job)
{
    struct generator generator;
    float *latents;
    size_t bytes = job->bytes;
    struct generate how = {.count = SHEET,
                           .fixed_range = job->trial->generate.fixed_range,
                           .sink = {.rows = take_picture, .context = job}};
    assert_ok(generator_of(job->model, &generator, error));
    assert_ok(latents_create(job->trial->generate.seed, SHEET, generator.latent, &latents, error));
    how.latents = latents;
    job->bytes = 0;
    assert_ok(generate_pictures(job->model, &how, error));
    job->bytes = bytes;
    mem_free(latents);
}

static struct job job_create(const struct trial *trial, int threads)
{
    static void (*const wanted[])(struct job *) = {want_classes, want_colours, want_enlarged, want_pictures};
    struct job job = {.trial = trial, .engine = test_engine(threads, LIMN_KERNELS_AUTO)};
    job.model = golden_model(job.engine, trial->weights);
    job.source = make_picture(trial->width, trial->height, trial->channels);
    job.bytes = (size_t)(trial->made_width * trial->made_height * trial->made_channels);
    job.want = malloc(job.bytes);
    wanted[trial->pipeline](&job);
    return job;
}

static void job_free(struct job *job)
{
    free(job->want);
    picture_free(&job->source);
    limn_model_free(job->model);
    limn_engine_free(job->engine);
}

/* ---- pictures of callers ----------------------------------------------------------------- */

enum { BEFORE = 0xA5 }; /* every byte of what nothing was written to */

static limn_picture source_of(const struct job *job)
{
    return (limn_picture){job->source.pixels, job->source.width, job->source.height, job->source.channels, 0};
}

/* Room for what is made, to be freed. */
static limn_picture room_for(const struct job *job, int64_t padding)
{
    const struct trial *t = job->trial;
    int64_t stride = t->made_width * t->made_channels + padding;
    limn_picture room = {malloc((size_t)(stride * t->made_height)), t->made_width, t->made_height,
                         t->made_channels, padding ? stride : 0};
    memset(room.pixels, BEFORE, (size_t)(stride * t->made_height));
    return room;
}

static bool is_wanted(const struct job *job, const limn_picture *made)
{
    size_t row = (size_t)(made->width * made->channels), stride = made->stride ? (size_t)made->stride : row;
    for (size_t y = 0; y < (size_t)made->height; y++)
        if (memcmp(made->pixels + y * stride, job->want + y * row, row) != 0)
            return false;
    return true;
}

/* Whether a call that failed did what it may: only some write before all has gone well. */
static bool is_left(const struct job *job, const limn_picture *made)
{
    for (size_t i = 0; job->trial->pipeline < UPSCALE && i < job->bytes; i++)
        if (made->pixels[i] != BEFORE)
            return false;
    return true;
}

/* Runs `check` for every trial; source and dense room for the result are there. */
static void for_each(int threads, void (*check)(struct job *job, limn_picture source, limn_picture made))
{
    for (int t = 0; t < TRIALS; t++) {
        struct job job = job_create(&trials[t], threads);
        limn_picture made = room_for(&job, 0);
        check(&job, source_of(&job), made);
        free(made.pixels);
        job_free(&job);
    }
}

/* ---- results ----------------------------------------------------------------------------- */

static void check_bytes(struct job *job, limn_picture source, limn_picture made)
{
    assert_ok(call(job, &source, &made, NULL, error));
    if (!is_wanted(job, &made))
        fail_with("%s: another result", job->trial->name);
}

static void test_bytes_of_the_private_pipelines(void **state)
{
    (void)state;
    for_each(1, check_bytes);
    for_each(2, check_bytes);
}

/* Rows with padding on both sides; what is between the rows of the result stays. */
static void check_strides(struct job *job, limn_picture source, limn_picture dense)
{
    enum { PADDING = 7 };
    limn_picture made = room_for(job, PADDING);
    int64_t row = source.width * source.channels;
    source.stride = row + PADDING;
    source.pixels = malloc((size_t)(source.stride * source.height));
    for (int64_t y = 0; y < source.height; y++) {
        memset(source.pixels + y * source.stride, BEFORE, (size_t)source.stride);
        memcpy(source.pixels + y * source.stride, job->source.pixels + y * row, (size_t)row);
    }
    (void)dense;
    assert_ok(call(job, &source, &made, NULL, error));
    if (!is_wanted(job, &made))
        fail_with("%s: another result with padded rows", job->trial->name);
    for (int64_t y = 1; y <= made.height; y++)
        for (int64_t x = 1; x <= PADDING; x++)
            assert_int_equal(made.pixels[y * made.stride - x], BEFORE);
    free(source.pixels);
    free(made.pixels);
}

static void test_strides(void **state)
{
    (void)state;
    for_each(1, check_strides);
}

/* The result at the source's place, before it, after it. */
static void check_overlaps(struct job *job, limn_picture source, limn_picture made)
{
    static const size_t places[] = {0, 11, 200};
    size_t bytes = (size_t)(source.width * source.height * source.channels);
    unsigned char *memory = malloc(bytes + job->bytes + 200);
    source.pixels = memory + 11;
    for (int i = 0; i < 3; i++) {
        made.pixels = memory + places[i];
        memcpy(source.pixels, job->source.pixels, bytes);
        assert_ok(call(job, &source, &made, NULL, error));
        if (!is_wanted(job, &made))
            fail_with("%s: another result at %zu over a source at 11", job->trial->name, places[i]);
    }
    free(memory);
}

static void test_over_the_source(void **state)
{
    (void)state;
    for_each(2, check_overlaps);
}

/* ---- progress ---------------------------------------------------------------------------- */

struct progress {
    int calls, last; /* last: the call that cancels; 0: none */
    double done, largest_step;
    pthread_t thread;
    bool good;
};

static bool follow(void *context, double done)
{
    struct progress *progress = context;
    volatile double tiny = DBL_MIN;
    bool has_denormals = tiny / 2 > 0; /* as this code has them; a run has none */
    bool rises = progress->calls++ ? done >= progress->done && progress->done < 1 && done <= 1 : done == 0;
    progress->good =
        progress->good && rises && has_denormals && pthread_equal(progress->thread, pthread_self());
    progress->largest_step = fmax(progress->largest_step, done - progress->done);
    progress->done = done;
    return progress->calls != progress->last;
}

static limn_watch watch_by(struct progress *progress, int last)
{
    *progress = (struct progress){.last = last, .thread = pthread_self(), .good = true};
    return (limn_watch){follow, progress};
}

static void check_progress(struct job *job, limn_picture source, limn_picture made)
{
    struct progress progress;
    limn_watch watch = watch_by(&progress, 0), no_function = {NULL, &progress};
    assert_ok(call(job, &source, &made, &watch, error));
    if (!progress.good || progress.done != 1 || progress.calls < 5 || progress.largest_step > 0.7)
        fail_with("%s: %d calls, %g at last, %g more at once", job->trial->name, progress.calls,
                  progress.done, progress.largest_step);
    assert_true(is_wanted(job, &made));
    assert_ok(call(job, &source, &made, &no_function, error));
}

static void test_progress_rises_to_the_end(void **state)
{
    (void)state;
    for_each(2, check_progress);
}

/* At each call in turn: no memory is lost, and the next run gives the right result. */
static void check_cancelling(struct job *job, limn_picture source, limn_picture made)
{
    struct progress progress;
    limn_watch watch = watch_by(&progress, 0);
    assert_ok(call(job, &source, &made, &watch, error));
    int calls = progress.calls, stride = getenv("LIMN_TEST_QUICK") || THREAD_SANITIZER ? 7 : 1;
    size_t before = mem_in_use();
    for (int last = 1; last <= calls; last += stride) {
        watch = watch_by(&progress, last);
        memset(made.pixels, BEFORE, job->bytes);
        assert_fails(call(job, &source, &made, &watch, error), LIMN_E_CANCELLED, "cancelled, ");
        if (progress.calls != last || mem_in_use() != before || !is_left(job, &made))
            fail_with("%s, cancelled at call %d: %d calls, %zu bytes more", job->trial->name, last,
                      progress.calls, mem_in_use() - before);
    }
    assert_ok(call(job, &source, &made, NULL, error));
    assert_true(is_wanted(job, &made));
}

static void test_cancelled_at_every_call(void **state)
{
    (void)state;
    for_each(1, check_cancelling);
}

/* What a model runs first. */
static void check_cancelling_early(struct job *job, limn_picture source, limn_picture made)
{
    size_t before = mem_in_use();
    for (int last = 1; last < 4; last++) {
        limn_model *model = golden_model(job->engine, job->trial->weights);
        struct progress progress;
        limn_watch watch = watch_by(&progress, last);
        assert_fails(call_model(job, model, &source, &made, &watch, error), LIMN_E_CANCELLED, "cancelled, ");
        assert_ok(call_model(job, model, &source, &made, NULL, error));
        assert_true(is_wanted(job, &made));
        limn_model_free(model);
        assert_int_equal(mem_in_use(), before);
    }
}

static void test_cancelled_before_the_first_run(void **state)
{
    (void)state;
    for_each(1, check_cancelling_early);
}

/* What has progress makes a call of its own now and then. */
struct nest {
    const struct job *job;
    int calls;
};

static bool call_again(void *context, double done)
{
    struct nest *nest = context;
    (void)done;
    if (nest->calls++ % 16 != 3)
        return true;
    limn_picture source = source_of(nest->job), made = room_for(nest->job, 0);
    bool good = call(nest->job, &source, &made, NULL, NULL) == LIMN_OK && is_wanted(nest->job, &made);
    free(made.pixels);
    return good;
}

static void check_nesting(struct job *job, limn_picture source, limn_picture made)
{
    struct nest nest = {job, 0};
    limn_watch watch = {call_again, &nest};
    assert_ok(call(job, &source, &made, &watch, error));
    assert_true(nest.calls > 3 && is_wanted(job, &made));
}

static void test_progress_may_use_the_model(void **state)
{
    (void)state;
    for_each(2, check_nesting);
}

/* ---- memory ------------------------------------------------------------------------------ */

/* One allocation after the other fails, those of packing too. */
static void check_faults(struct job *job, limn_picture source, limn_picture made)
{
    size_t before = mem_in_use();
    bool failed = true;
    for (int nth = 1; failed; nth++) {
        limn_model *model = golden_model(job->engine, job->trial->weights);
        memset(made.pixels, BEFORE, job->bytes);
        fault_at(FAULT_MEMORY, nth, false);
        limn_status status = call_model(job, model, &source, &made, NULL, NULL);
        failed = fault_calls(FAULT_MEMORY) >= nth;
        fault_at(FAULT_MEMORY, 0, false);
        limn_model_free(model);
        bool good = status == LIMN_OK ? is_wanted(job, &made)
                                      : status == LIMN_E_MEMORY && failed && is_left(job, &made);
        if (!good || mem_in_use() != before)
            fail_with("%s, allocation %d fails: status %d, %zu bytes more", job->trial->name, nth,
                      (int)status, mem_in_use() - before);
    }
}

static void test_every_allocation_may_fail(void **state)
{
    (void)state;
    for_each(1, check_faults);
}

static void check_limit(struct job *job, limn_picture source, limn_picture made)
{
    struct progress progress;
    limn_watch watch = watch_by(&progress, 0);
    mem_set_limit(mem_in_use() + 3000);
    assert_fails(call(job, &source, &made, &watch, error), LIMN_E_MEMORY, "out of memory: ");
    mem_set_limit(0);
    assert_true(progress.calls < 2 && is_left(job, &made));
}

static void test_memory_limit(void **state)
{
    (void)state;
    for_each(1, check_limit);
}

/* ---- threads ----------------------------------------------------------------------------- */

enum { THREADS = 4, ROUNDS = 3 };

/* NULL when something was wrong. */
static void *call_in_thread(void *context)
{
    const struct job *job = context;
    limn_picture source = source_of(job), made = room_for(job, 0);
    bool good = true;
    for (int round = 0; round < ROUNDS; round++) {
        struct progress progress;
        limn_watch watch = watch_by(&progress, round == 1 ? 3 : 0);
        limn_status status = call(job, &source, &made, &watch, NULL);
        bool done = round == 1 ? status == LIMN_E_CANCELLED : status == LIMN_OK && is_wanted(job, &made);
        good = good && done && progress.good;
    }
    free(made.pixels);
    return good ? context : NULL;
}

static void check_threads(struct job *job, limn_picture source, limn_picture made)
{
    pthread_t threads[THREADS];
    (void)source;
    (void)made;
    limn_model_free(job->model); /* a new one, so that they race for its weights too */
    job->model = golden_model(job->engine, job->trial->weights);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, call_in_thread, job), 0);
    for (int i = 0; i < THREADS; i++) {
        void *good;
        pthread_join(threads[i], &good);
        if (!good)
            fail_with("%s: thread %d", job->trial->name, i);
    }
}

static void test_threads_share_a_model(void **state)
{
    (void)state;
    for_each(2, check_threads);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes_of_the_private_pipelines),
        cmocka_unit_test(test_strides),
        cmocka_unit_test(test_over_the_source),
        cmocka_unit_test(test_progress_rises_to_the_end),
        cmocka_unit_test(test_cancelled_at_every_call),
        cmocka_unit_test(test_cancelled_before_the_first_run),
        cmocka_unit_test(test_progress_may_use_the_model),
        cmocka_unit_test(test_every_allocation_may_fail),
        cmocka_unit_test(test_memory_limit),
        cmocka_unit_test(test_threads_share_a_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
