/* test_bands.c - a network run in bands of rows against the same network run whole: the same bytes, for every
 * operator that bands take, with every family of kernels and every instruction set the CPU has. */
#include "engine/base/memory.h"
#include "engine/pictures/resample.h"
#include "engine/pipelines/upscale.h"
#include "engine/run/bands.h"
#include "engine/run/session.h"
#include "layers/simd.h"
#include "tests/support.h"
#include "tests/support_faults.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GOLDENS "tests/goldens/"

/* ---- one run in bands -------------------------------------------------------------------- */

struct picture_run {
    const float *x;
    float *y;
    int64_t width, taken, given; /* of the input; rows so far */
    size_t row;                  /* floats in a row of the output */
    size_t held, most;           /* memory in use before the run and the most during it */
    int64_t stop;                /* fail when this many rows have come; 0: never */
};

static void note_memory(struct picture_run *run)
{
    if (mem_in_use() - run->held > run->most)
        run->most = mem_in_use() - run->held;
}

static void take(void *context, int64_t first, const struct tensor *rows)
{
    struct picture_run *run = context;
    assert_int_equal(first, run->taken);
    assert_true(rows->n == 1 && rows->w == run->width && rows->c == 3 && rows->stride == 3);
    memcpy(rows->data, run->x + first * rows->w * 3, (size_t)(rows->h * rows->w * 3) * sizeof(float));
    run->taken += rows->h;
    note_memory(run);
}

static limn_status give(void *context, int64_t first, const struct tensor *rows, limn_error *error)
{
    struct picture_run *run = context;
    assert_int_equal(first, run->given);
    assert_int_equal((size_t)(rows->w * rows->c), run->row);
    memcpy(run->y + (size_t)first * run->row, rows->data, (size_t)rows->h * run->row * sizeof(float));
    run->given += rows->h;
    note_memory(run);
    if (run->stop && run->given >= run->stop)
        return fail(error, LIMN_E_OUTPUT, "stopped");
    return LIMN_OK;
}

static limn_status run_in_bands(limn_model *model, limn_size size, int64_t rows, struct picture_run *run)
{
    struct bands *bands;
    size_t bytes;
    struct bands_io io = {.take = take, .give = give, .context = run};
    assert_ok(bands_create(model, size.height, size.width, &bands, error));
    assert_ok(bands_settle(bands, rows, &bytes, error));
    run->width = size.width;
    run->held = mem_in_use();
    limn_status status = bands_run(bands, &io, NULL);
    assert_int_equal(mem_in_use(), run->held);
    if (run->most < bytes || run->most >= bytes + 128) /* a block's own line, and up to the next one */
        fail_with("%zu bytes in use, %zu said before", run->most, bytes);
    bands_free(bands);
    return status;
}

/* The output of a run of the whole picture: NHWC, to be released by free. */
static float *run_whole(limn_model *model, limn_size size, const float *x, limn_shape *shape)
{
    limn_session *session;
    assert_ok(limn_session_create(model, size, &session, error));
    memcpy(session_input(session, 0)->data, x, (size_t)(size.height * size.width * 3) * sizeof *x);
    assert_ok(limn_session_run(session, error));
    *shape = limn_session_output_shape(session);
    size_t bytes = (size_t)(shape->c * shape->h * shape->w) * sizeof(float);
    float *y = memcpy(malloc(bytes), session_output(session)->data, bytes);
    limn_session_free(session);
    return y;
}

static void compare_runs(limn_model *model, limn_size size, const int64_t *heights, const char *what)
{
    limn_shape shape;
    int64_t count = size.height * size.width * 3;
    float *x = malloc((size_t)count * sizeof *x);
    random_fill(&(struct random){(uint64_t)count}, x, count);
    float *want = run_whole(model, size, x, &shape);
    for (; *heights; heights++) {
        size_t row = (size_t)(shape.w * shape.c), bytes = row * (size_t)shape.h * sizeof(float);
        struct picture_run run = {.x = x, .y = malloc(bytes), .row = row};
        assert_int_equal(run_in_bands(model, size, *heights, &run), LIMN_OK);
        assert_int_equal(run.given, shape.h);
        for (size_t i = 0; i < row * (size_t)shape.h; i++)
            if (memcmp(&run.y[i], &want[i], sizeof *want) != 0)
                fail_with("%s, %s, %" PRId64 "x%" PRId64 " in bands of %" PRId64
                          ": row %zu pixel %zu channel %zu want %.9g got %.9g",
                          isa_name(running_isa), what, size.height, size.width, *heights, i / row,
                          i % row / (size_t)shape.c, i % (size_t)shape.c, (double)want[i], (double)run.y[i]);
        free(run.y);
    }
    free(want);
    free(x);
}

/* ---- operators --------------------------------------------------------------------------- */

/* The operator in the middle of the test network, and where the network ends. */
struct middle {
    enum layer_kind kind;
    int64_t kernel, stride, pad, dilation, factor;
};

enum { WIDE = 20, WIDER = 40, KERNEL_MOST = 7 }; /* channels: more than a vector, and not whole ones */

static int64_t wide = WIDE; /* of the test network */

static struct middle middle;

static value_id middle_value(struct graph *g, value_id x)
{
    static const float ones[WIDER] = {1, 2, 3};
    struct conv conv = {.stride = middle.stride, .pad = middle.pad, .dilation = middle.dilation};
    switch (middle.kind) {
    case LAYER_CONV2D:
        return graph_relu(g, graph_conv2d(g, x, conv, "middle"));
    case LAYER_CONV2D_TRANSPOSE:
        return graph_relu(g, graph_conv2d_transpose(g, x, conv, "middle"));
    case LAYER_UPSAMPLE:
        return graph_upsample(g, x, middle.factor);
    case LAYER_BICUBIC:
        return graph_bicubic(g, x, middle.factor);
    default:
        return graph_scale_shift(g, x, ones, ones);
    }
}

static bool any_file(const struct graph *g)
{
    (void)g;
    return true;
}

/* A convolution, the operator, a block with a sum, and three channels at the end, which have too few for the
 * native kernels. The value before the operator is read twice, so that nothing is fused into it. */
static void build(struct graph *g)
{
    value_id x = graph_relu(g, graph_conv2d(g, graph_input(g, "x", 3), (struct conv){.pad = 1}, "first"));
    value_id y = middle_value(g, x);
    value_id side = graph_relu(g, graph_conv2d(g, y, (struct conv){.pad = 1}, "left"));
    value_id sum = graph_add(g, graph_conv2d(g, side, (struct conv){.pad = 1}, "right"), y);
    if (middle.kind == LAYER_POINTWISE)
        sum = graph_add(g, sum, x);
    graph_output(g, graph_tanh(g, graph_conv2d(g, sum, (struct conv){0}, "last")));
}

static const struct model_kind test_kind = {"test", "", any_file, build, 0};

static const char *write_weights(void)
{
    static float numbers[WIDER * WIDER * KERNEL_MOST * KERNEL_MOST];
    int64_t k = middle.kernel;
    struct made_tensor tensors[] = {
        {"first.weight", {wide, 3, 3, 3}, numbers},     {"first.bias", {wide}, numbers + 5},
        {"left.weight", {wide, wide, 3, 3}, numbers},   {"left.bias", {wide}, numbers + 7},
        {"right.weight", {wide, wide, 3, 3}, numbers},  {"right.bias", {wide}, numbers + 9},
        {"last.weight", {3, wide, 1, 1}, numbers},      {"last.bias", {3}, numbers},
        {"middle.weight", {wide, wide, k, k}, numbers}, {"middle.bias", {wide}, numbers + 3}};
    const char *path = scratch_path("bands.safetensors");
    random_fill(&(struct random){8}, numbers, sizeof numbers / sizeof *numbers);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        numbers[i] *= 0.1F;
    write_safetensors(path, tensors, k ? 10 : 8, "");
    return path;
}

/* Whether the operator has an output at this size: a convolution needs an input, with its padding, as large
 * as its kernel. */
static bool has_output(limn_size size)
{
    int64_t least = middle.dilation * (middle.kernel - 1) + 1 - 2 * middle.pad;
    return middle.kind != LAYER_CONV2D || (size.height >= least && size.width >= least);
}

static void test_operators(void **state)
{
    static const struct middle middles[] = {
        {LAYER_CONV2D, 1, 1, 0, 1, 0},
        {LAYER_CONV2D, 3, 1, 1, 1, 0},
        {LAYER_CONV2D, 3, 1, 0, 1, 0},
        {LAYER_CONV2D, 5, 1, 2, 1, 0},
        {LAYER_CONV2D, 3, 1, 2, 2, 0},
        {LAYER_CONV2D, 3, 1, 1, 3, 0},
        {LAYER_CONV2D, 4, 1, 1, 1, 0},
        {LAYER_CONV2D, 2, 1, 5, 1, 0}, /* rows of padding alone */
        {LAYER_CONV2D, 3, 2, 1, 1, 0},
        {LAYER_CONV2D_TRANSPOSE, 4, 2, 1, 0, 0},
        {LAYER_CONV2D_TRANSPOSE, 2, 2, 0, 0, 0},
        {LAYER_CONV2D_TRANSPOSE, 3, 1, 1, 0, 0},
        {LAYER_CONV2D_TRANSPOSE, 5, 3, 1, 0, 0},
        {LAYER_CONV2D_TRANSPOSE, 7, 2, 2, 0, 0},
        {LAYER_CONV2D_TRANSPOSE, 1, 3, 0, 0, 0}, /* gaps */
        {.kind = LAYER_UPSAMPLE, .factor = 2},
        {.kind = LAYER_UPSAMPLE, .factor = 3},
        {.kind = LAYER_BICUBIC, .factor = 2},
        {.kind = LAYER_BICUBIC, .factor = 3},
        {.kind = LAYER_POINTWISE},
    };
    static const int64_t sizes[][2] = {{1, 1}, {1, 30}, {50, 1}, {29, 7}, {41, 19}, {25, 12}};
    static const int64_t heights[] = {1, 24, 0};
    const limn_kernels *kernels = *state;
    /* The reference computes each output by itself, slowly: small pictures do. LIMN_TEST_QUICK is set where
     * an emulator or valgrind runs the tests. */
    bool few = *kernels == LIMN_KERNELS_REFERENCE || getenv("LIMN_TEST_QUICK");
    int count = few ? 4 : sizeof sizes / sizeof *sizes;
    int compared = 0, refused = 0;
    for (size_t m = 0; m < sizeof middles / sizeof *middles; m++) {
        limn_engine *engine = test_engine(2, *kernels);
        limn_model *model;
        char what[100];
        middle = middles[m];
        snprintf(what, sizeof what, "%s, kernel %d stride %d pad %d dilation %d factor %d",
                 layer_operators[middle.kind].name, (int)middle.kernel, (int)middle.stride, (int)middle.pad,
                 (int)middle.dilation, (int)middle.factor);
        assert_ok(model_load_as(engine, write_weights(), &test_kind, &model, error));
        assert_true(bands_possible(&model->graph));
        for (int s = 0; s < count; s++) {
            limn_size size = {1, sizes[s][0], sizes[s][1]};
            limn_session *session;
            if (has_output(size)) {
                compare_runs(model, size, heights, what);
                compared++;
            } else {
                assert_fails(limn_session_create(model, size, &session, error), LIMN_E_INPUT,
                             "middle cannot be computed at");
                refused++;
            }
        }
        limn_model_free(model);
        limn_engine_free(engine);
    }
    /* Three of the 20 operators have no output at three of those sizes. */
    assert_int_equal(compared + refused, 20 * count);
    assert_int_equal(refused, 3 * 3);
}

/* Whether six products of parts take less time than one of floats, so that fp32 uses them. */
static bool tiles_are_fast(void)
{
    return simd()->bf16_rate > 6;
}

static void test_operators_on_tiles(void **state)
{
    if (!tiles_are_fast())
        skip();
    test_operators(state);
}

/* The steps of a run that multiply bf16 parts at this precision. */
static int bf16_steps(limn_model *model, limn_size size, enum layer_precision precision)
{
    struct plan plan;
    int count = 0;
    assert_ok(plan_create(&model->graph, model->engine->rule, size, "test", &plan, error));
    for (int s = 0; s < plan.step_count; s++)
        count += strstr(plan.steps[s].variant->name, "bf16") && plan.steps[s].variant->precision == precision;
    plan_free(&plan);
    return count;
}

/* With the fastest kernels of a precision, one size. Returns bf16_steps. */
static int compare_at(struct middle operation, enum layer_precision precision, limn_size size,
                      const int64_t *heights, const char *what)
{
    limn_engine *engine = test_engine(2, LIMN_KERNELS_AUTO);
    limn_model *model;
    engine->rule.precision = precision;
    middle = operation;
    assert_ok(model_load_as(engine, write_weights(), &test_kind, &model, error));
    compare_runs(model, size, heights, what);
    int steps = bf16_steps(model, size, precision);
    limn_model_free(model);
    limn_engine_free(engine);
    return steps;
}

static void compare_one(struct middle operation, limn_size size, int64_t height, const char *what)
{
    compare_at(operation, PRECISION_FP32, size, (const int64_t[]){height, 0}, what);
}

/* Wide pictures, where Winograd's V is too large for a first stage in most bands, and not in the lowest. */
static void test_stages_differ(void **state)
{
    (void)state;
    if (getenv("LIMN_TEST_QUICK"))
        skip();
    compare_one((struct middle){LAYER_CONV2D, 3, 1, 1, 1, 0}, (limn_size){1, 53, 8000}, 24, "wide");
}

/* Room for several bands, where each must be of whole tiles on all lattices of a dilation, and phases. */
static void test_lattices(void **state)
{
    (void)state;
    const limn_size size = {1, 110, 100};
    compare_one((struct middle){LAYER_CONV2D, 3, 1, 2, 2, 0}, size, 1, "dilation 2");
    compare_one((struct middle){LAYER_CONV2D, 3, 1, 1, 3, 0}, size, 1, "dilation 3");
    compare_one((struct middle){LAYER_CONV2D_TRANSPOSE, 4, 2, 1, 0, 0}, size, 1, "stride 2");
}

/* Products of bf16 parts at every precision, where the instruction set has them. */
static void test_precisions(void **state)
{
    (void)state;
    static const struct middle middles[] = {
        {LAYER_CONV2D, 1, 1, 0, 1, 0},           {LAYER_CONV2D, 3, 1, 1, 1, 0},
        {LAYER_CONV2D, 5, 2, 2, 1, 0},           {LAYER_CONV2D, 3, 1, 2, 2, 0},
        {LAYER_CONV2D_TRANSPOSE, 4, 2, 1, 0, 0}, {LAYER_CONV2D_TRANSPOSE, 5, 3, 1, 0, 0},
    };
    const limn_size size = {1, 29, 11};
    size_t step = getenv("LIMN_TEST_QUICK") ? 2 : 1; /* an emulator runs tiles in plain C slowest */
    wide = WIDER;
    for (size_t m = 0; simd()->bf16_rate && m < sizeof middles / sizeof *middles; m += step)
        for (enum layer_precision precision = 0; precision < PRECISION_COUNT; precision++) {
            char what[100];
            snprintf(what, sizeof what, "%s, kernel %d, %s", layer_operators[middles[m].kind].name,
                     (int)middles[m].kernel, precision_name(precision));
            int used = compare_at(middles[m], precision, size, (const int64_t[]){1, 24, 0}, what);
            /* At fp32 Winograd's forms are faster than tiles; convolution with a stride has none. */
            bool strided = middles[m].kind == LAYER_CONV2D && middles[m].stride > 1;
            if (tiles_are_fast() && !used && (precision != PRECISION_FP32 || strided))
                fail_with("%s: not used", what);
        }
    wide = WIDE;
}

/* ---- EnhanceNet -------------------------------------------------------------------------- */

struct result {
    unsigned char *bytes;
    size_t used, row;
    double done;
};

static limn_status keep_rows(void *context, const struct picture *rows, limn_error *error)
{
    (void)error;
    struct result *kept = context;
    memcpy(kept->bytes + kept->used, rows->pixels, (size_t)rows->height * kept->row);
    kept->used += (size_t)rows->height * kept->row;
    return LIMN_OK;
}

static bool keep_progress(void *context, double done)
{
    struct result *kept = context;
    assert_true(done >= kept->done && done <= 1);
    kept->done = done;
    return true;
}

static struct picture random_picture(int64_t height, int64_t width, int channels)
{
    struct picture picture;
    assert_ok(picture_create(width, height, channels, &picture, error));
    struct random random = {(uint64_t)(height * width)};
    for (int64_t i = 0; i < height * width * channels; i++)
        picture.pixels[i] = (unsigned char)random_below(&random, 256);
    return picture;
}

static struct result upscaled(limn_model *model, const struct picture *source, int64_t tile, int64_t scale)
{
    struct result kept = {.row = (size_t)(scale * source->width * source->channels)};
    kept.bytes = malloc(kept.row * (size_t)(scale * source->height));
    struct watch watch = watch_of(&(limn_watch){keep_progress, &kept});
    const struct upscale how = {.source = source,
                                .scale = scale,
                                .sink = {.rows = keep_rows, .context = &kept},
                                .tile = tile,
                                .watch = &watch};
    assert_ok(upscale_picture(model, &how, error));
    assert_int_equal(kept.used, kept.row * (size_t)(scale * source->height));
    assert_true(kept.done == 1);
    return kept;
}

/* The result at a scale below 4 is the one at 4, resized. */
static void check_reduced(limn_model *model, const struct picture *source, int64_t scale,
                          const struct result *reduced)
{
    struct result large = upscaled(model, source, TILE_WHOLE, 4);
    const struct picture enlarged = {.width = 4 * source->width,
                                     .height = 4 * source->height,
                                     .channels = source->channels,
                                     .pixels = large.bytes};
    struct picture want;
    assert_ok(picture_resample(&enlarged, scale * source->width, scale * source->height, RESAMPLE_BICUBIC,
                               &want, error));
    assert_memory_equal(reduced->bytes, want.pixels, reduced->used);
    picture_free(&want);
    free(large.bytes);
}

/* Bands give the bytes of the whole: heights that are no multiples, thin pictures, alpha. */
static void test_pictures(void **state)
{
    static const int64_t sizes[][3] = {{61, 51, 3}, {75, 29, 4}, {1, 50, 3},  {99, 2, 3},
                                       {1, 1, 4},   {12, 12, 3}, {13, 36, 4}, {2, 149, 3}};
    const limn_kernels *kernels = *state;
    size_t first = getenv("LIMN_TEST_QUICK") ? 2 : 0; /* the first two are the large ones */
    limn_engine *engine = test_engine(2, *kernels);
    limn_model *model;
    assert_ok(limn_model_load(engine, GOLDENS "enhancenet.safetensors", &model, error));
    for (size_t s = first; s < sizeof sizes / sizeof *sizes; s++) {
        struct picture source = random_picture(sizes[s][0], sizes[s][1], (int)sizes[s][2]);
        int64_t scale = 4 - (int64_t)s % 3;
        struct result whole = upscaled(model, &source, TILE_WHOLE, scale);
        check_reduced(model, &source, scale, &whole);
        for (int64_t tile = TILE_AUTO; tile < 80; tile += 23) {
            struct result banded = upscaled(model, &source, tile, scale);
            if (memcmp(whole.bytes, banded.bytes, whole.used) != 0)
                fail_with("%s, %" PRId64 "x%" PRId64 " in bands of %" PRId64 " differs from the whole",
                          isa_name(running_isa), sizes[s][0], sizes[s][1], tile);
            free(banded.bytes);
        }
        free(whole.bytes);
        picture_free(&source);
    }
    limn_model_free(model);
    limn_engine_free(engine);
}

/* A picture ten times as high takes no more memory. */
static void test_memory_does_not_grow_with_the_height(void **state)
{
    (void)state;
    limn_engine *engine = test_engine(1, LIMN_KERNELS_AUTO);
    limn_model *model;
    size_t bytes[2];
    assert_ok(limn_model_load(engine, GOLDENS "enhancenet.safetensors", &model, error));
    for (int i = 0; i < 2; i++) {
        struct bands *bands;
        assert_ok(bands_create(model, i ? 4000 : 400, 100, &bands, error));
        assert_ok(bands_settle(bands, 24, &bytes[i], error));
        bands_free(bands);
    }
    assert_int_equal(bytes[0], bytes[1]);
    limn_model_free(model);
    limn_engine_free(engine);
}

/* A fresh model run in bands of 12 rows, with the fastest or the lightest kernels, and no more memory than
 * was said before, but for what packing notes. Returns the bytes that were said. */
static size_t run_within_limit(limn_engine *engine, const char *path, limn_size size, bool light,
                               struct picture_run *run)
{
    limn_model *model;
    struct bands *bands;
    size_t bytes;
    int lighter = 0;
    struct bands_io io = {.take = take, .give = give, .context = run};
    assert_ok(model_load_as(engine, path, &test_kind, &model, error));
    assert_ok(bands_create(model, size.height, size.width, &bands, error));
    while (light && bands_lighten(bands))
        lighter++;
    assert_true(!light || lighter >= 2);
    assert_ok(bands_settle(bands, 12, &bytes, error));
    run->held = mem_in_use();
    mem_set_limit(mem_in_use() + bytes + 10000);
    limn_status status = bands_run(bands, &io, NULL);
    mem_set_limit(0);
    assert_int_equal(status, LIMN_OK);
    assert_true(run->most >= bytes); /* nor is it more than needed */
    bands_free(bands);
    limn_model_free(model);
    return bytes;
}

/* What is said before counts packed weights; lighter kernels need less, and are right but for rounding. */
static void test_memory_limit(void **state)
{
    (void)state;
    const limn_size size = {1, 60, 50};
    limn_engine *engine = test_engine(2, LIMN_KERNELS_AUTO);
    limn_model *model;
    limn_shape shape;
    size_t bytes[2];
    static float x[60 * 50 * 3];
    random_fill(&(struct random){6}, x, sizeof x / sizeof *x);
    middle = (struct middle){LAYER_CONV2D, 3, 1, 1, 1, 0};
    const char *path = write_weights();
    assert_ok(model_load_as(engine, path, &test_kind, &model, error));
    float *want = run_whole(model, size, x, &shape);
    for (int light = 0; light < 2; light++) {
        struct picture_run run = {.x = x, .width = size.width, .row = (size_t)(shape.w * shape.c)};
        run.y = malloc(run.row * (size_t)shape.h * sizeof(float));
        bytes[light] = run_within_limit(engine, path, size, light, &run);
        struct tensor y = tensor_view(run.y, 1, shape.h, shape.w, shape.c, shape.c);
        assert_true(tensors_agree(&y, want, light ? 1e-5 : 0, 0, "bands within a limit"));
        free(run.y);
    }
    assert_true(bytes[1] < bytes[0]);
    free(want);
    limn_model_free(model);
    limn_engine_free(engine);
}

static limn_status upscale_afresh(limn_engine *engine, const struct picture *source, struct result *kept,
                                  limn_error *error)
{
    limn_model *model;
    limn_status status = limn_model_load(engine, GOLDENS "enhancenet.safetensors", &model, error);
    if (status != LIMN_OK)
        return status;
    kept->used = 0;
    const struct upscale how = {
        .source = source, .scale = 3, .sink = {.rows = keep_rows, .context = kept}, .tile = 12};
    status = upscale_picture(model, &how, error);
    limn_model_free(model);
    return status;
}

static void test_every_allocation_may_fail(void **state)
{
    (void)state;
    limn_engine *engine = test_engine(1, LIMN_KERNELS_AUTO);
    struct picture source = random_picture(25, 9, 4);
    struct result kept = {.row = 3 * 9 * 4, .bytes = malloc(16 * 25 * 9 * 4)};
    size_t before = mem_in_use();
    for (int persistent = 0; persistent < 2; persistent++) {
        limn_status status = LIMN_E_MEMORY;
        int nth = 0;
        while (status == LIMN_E_MEMORY) {
            limn_error error = {0};
            fault_at(FAULT_MEMORY, ++nth, persistent);
            status = upscale_afresh(engine, &source, &kept, &error);
            fault_at(FAULT_MEMORY, 0, false);
            if (mem_in_use() != before || (status != LIMN_OK && !strstr(error.message, "out of memory")))
                fail_with("allocation %d fails, persistent %d: %zu bytes lost, message \"%s\"", nth,
                          persistent, mem_in_use() - before, error.message);
        }
        assert_int_equal(status, LIMN_OK);
        assert_true(nth > 20);
    }
    free(kept.bytes);
    picture_free(&source);
    limn_engine_free(engine);
}

static void test_failing_output_ends_the_run(void **state)
{
    (void)state;
    enum { SIDE = 40 };
    static float x[SIDE * SIDE * 3], y[16 * SIDE * SIDE * 3];
    limn_engine *engine = test_engine(2, LIMN_KERNELS_AUTO);
    limn_model *model;
    assert_ok(limn_model_load(engine, GOLDENS "enhancenet.safetensors", &model, error));
    limn_session *session; /* which packs the weights, so that they do not count below */
    assert_ok(limn_session_create(model, (limn_size){1, SIDE, SIDE}, &session, error));
    limn_session_free(session);
    struct picture_run run = {.x = x, .y = y, .row = 4 * SIDE * 3, .stop = 20};
    assert_int_equal(run_in_bands(model, (limn_size){1, SIDE, SIDE}, 12, &run), LIMN_E_OUTPUT);
    assert_true(run.given >= 20 && run.given < 4 * SIDE);
    limn_model_free(model);
    limn_engine_free(engine);
}

static void test_networks_that_need_the_whole(void **state)
{
    (void)state;
    static const char *const networks[] = {"dcgan-3-stages", "deeplabv3",       "eccv16", "siggraph17",
                                           "unet-bilinear",  "unet-transposed", "vae",    "vae-half-pixel"};
    limn_engine *engine = test_engine(1, LIMN_KERNELS_AUTO);
    for (size_t i = 0; i < sizeof networks / sizeof *networks; i++) {
        char path[100];
        limn_model *model;
        snprintf(path, sizeof path, GOLDENS "%s.safetensors", networks[i]);
        assert_ok(limn_model_load(engine, path, &model, error));
        assert_false(bands_possible(&model->graph));
        limn_model_free(model);
    }
    limn_engine_free(engine);
}

int main(void)
{
    const struct CMUnitTest of_floats[] = {
        KERNELS_TEST(test_operators, AUTO),
        KERNELS_TEST(test_operators, OPENBLAS),
        KERNELS_TEST(test_operators, NATIVE),
        KERNELS_TEST(test_operators, REFERENCE),
        cmocka_unit_test(test_stages_differ),
        cmocka_unit_test(test_lattices),
        KERNELS_TEST(test_pictures, AUTO),
        KERNELS_TEST(test_pictures, OPENBLAS),
        KERNELS_TEST(test_pictures, NATIVE),
        KERNELS_TEST(test_pictures, REFERENCE),
        cmocka_unit_test(test_memory_does_not_grow_with_the_height),
        cmocka_unit_test(test_memory_limit),
        cmocka_unit_test(test_every_allocation_may_fail),
        cmocka_unit_test(test_failing_output_ends_the_run),
        cmocka_unit_test(test_networks_that_need_the_whole),
    };
    const struct CMUnitTest of_parts[] = {KERNELS_TEST(test_operators_on_tiles, AUTO),
                                          cmocka_unit_test(test_precisions)};
    limn_engine_free(test_engine(1, LIMN_KERNELS_AUTO)); /* the first engine settles the process's kernels */
    return run_on_every_isa_of_floats(of_floats, sizeof of_floats / sizeof *of_floats) +
           run_on_every_isa(of_parts, sizeof of_parts / sizeof *of_parts);
}
