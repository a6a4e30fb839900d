/* test_forecast.c - what the pipelines say of a run before it starts: the network's size, operations, memory.
 */
#include "engine/base/memory.h"
#include "engine/pipelines/colorize.h"
#include "engine/pipelines/segment.h"
#include "engine/pipelines/upscale.h"
#include "tests/support.h"
#include "tests/support_pictures.h"

/* A sink that checks the order of the calls. */
struct seen {
    struct forecast forecast;
    int forecasts, begins;
    size_t in_use; /* before the call of the pipeline */
};

static void keep_forecast(void *context, const struct forecast *forecast)
{
    struct seen *seen = context;
    assert_int_equal(seen->begins, 0);
    seen->forecast = *forecast;
    seen->forecasts++;
}

static limn_status begin(void *context, const struct picture *made, limn_error *error)
{
    struct seen *seen = context;
    (void)made, (void)error;
    assert_int_equal(seen->forecasts, 1);
    seen->begins++;
    return LIMN_OK;
}

static limn_status drop_rows(void *context, const struct picture *rows, limn_error *error)
{
    (void)context, (void)rows, (void)error;
    return LIMN_OK;
}

static struct sink sink_of(struct seen *seen)
{
    *seen = (struct seen){0};
    mem_restart_peak();
    seen->in_use = mem_in_use();
    return (struct sink){.begin = begin, .rows = drop_rows, .context = seen, .forecast = keep_forecast};
}

/* The memory that the call took is what was said, at most a quarter less, and the plan itself. */
static void check(const struct seen *seen, int64_t height, int64_t width, const char *name)
{
    enum { PLAN = 200000 };
    size_t taken = mem_peak() - seen->in_use;
    assert_int_equal(seen->forecasts, 1);
    assert_int_equal(seen->forecast.size.height, height);
    assert_int_equal(seen->forecast.size.width, width);
    if (taken > seen->forecast.bytes + PLAN || (double)taken < 0.75 * (double)seen->forecast.bytes)
        fail_with("%s: %zu bytes taken, %zu said", name, taken, seen->forecast.bytes);
}

static double segment_forecast(limn_engine *engine, const struct picture *source, int64_t resize)
{
    struct seen seen;
    limn_model *model = golden_model(engine, "deeplabv3");
    const struct segment how = {.options.resize = resize, .source = source, .sink = sink_of(&seen)};
    assert_ok(segment_picture(model, &how, error));
    check(&seen, resize, resize * source->width / source->height, "segment");
    limn_model_free(model);
    return seen.forecast.flops;
}

static void test_segment(void **state)
{
    struct picture source = make_picture(400, 300, 3);
    double small = segment_forecast(*state, &source, 200), large = segment_forecast(*state, &source, 400);
    assert_true(large > small && large < 4 * small); /* the rest is work at the picture's size */
    picture_free(&source);
}

static double upscale_forecast(limn_engine *engine, int64_t width, int64_t height, int channels, int64_t tile)
{
    struct seen seen;
    limn_model *model = golden_model(engine, "enhancenet");
    struct picture source = make_picture(width, height, channels);
    const struct upscale how = {.source = &source, .scale = 3, .sink = sink_of(&seen), .tile = tile};
    assert_ok(upscale_picture(model, &how, error));
    check(&seen, height, width, "upscale");
    picture_free(&source);
    limn_model_free(model);
    return seen.forecast.flops;
}

static void test_upscale(void **state)
{
    double whole = upscale_forecast(*state, 160, 120, 3, TILE_WHOLE);
    assert_true(whole > 0);
    assert_true(whole == upscale_forecast(*state, 160, 120, 4, TILE_AUTO));
    assert_true(2 * whole == upscale_forecast(*state, 160, 240, 3, 24));
}

static double colorize_forecast(limn_engine *engine, int64_t side)
{
    struct seen seen;
    limn_model *model = golden_model(engine, "eccv16");
    struct picture picture = make_picture(90, 70, 3);
    const struct sink sink = sink_of(&seen);
    struct colorize how = {.models = {model}, .count = 1, .network_size = side};
    assert_ok(colorize_open(&how, error));
    assert_ok(colorize_picture(&how, &picture, &sink, NULL, error));
    check(&seen, side, side, "colorize");
    colorize_close(&how);
    picture_free(&picture);
    limn_model_free(model);
    return seen.forecast.flops;
}

static void test_colorize(void **state)
{
    double small = colorize_forecast(*state, 128), large = colorize_forecast(*state, 512);
    assert_true(large > small);
}

static int create_engine(void **state)
{
    *state = test_engine(1, LIMN_KERNELS_AUTO);
    return 0;
}

static int free_engine(void **state)
{
    limn_engine_free(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_segment),
        cmocka_unit_test(test_upscale),
        cmocka_unit_test(test_colorize),
    };
    return cmocka_run_group_tests(tests, create_engine, free_engine);
}
