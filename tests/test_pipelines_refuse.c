/* test_pipelines_refuse.c - what limn.h's pipelines refuse: pictures, models and options that make no sense.
 * And what they say of a model: classes, factor, side. */
#include "tests/support.h"

#include <math.h>
#include <string.h>

enum { SIDE = 32, FACTOR = 4 };
static unsigned char pixels[SIDE * SIDE * 4], made[FACTOR * SIDE * FACTOR * SIDE * 4];
static const limn_picture rgb = {pixels, SIDE, SIDE, 3, 0}, classes = {made, SIDE, SIDE, 1, 0},
                          same = {made, SIDE, SIDE, 3, 0}, large = {made, FACTOR *SIDE, FACTOR *SIDE, 3, 0},
                          generated = {made, 64, 64, 3, 0};

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

/* ---- pictures ---------------------------------------------------------------------------- */

/* A pipeline without options. */
typedef limn_status (*pipeline)(limn_model *model, const limn_picture *source, const limn_picture *result,
                                limn_error *error);

static limn_status segment(limn_model *model, const limn_picture *source, const limn_picture *result,
                           limn_error *error)
{
    return limn_segment(model, source, result, NULL, NULL, error);
}

static limn_status colorize(limn_model *model, const limn_picture *source, const limn_picture *result,
                            limn_error *error)
{
    return limn_colorize(model, source, result, NULL, NULL, error);
}

static limn_status upscale(limn_model *model, const limn_picture *source, const limn_picture *result,
                           limn_error *error)
{
    return limn_upscale(model, source, result, NULL, error);
}

static const struct {
    const char *weights;
    pipeline call;
    const limn_picture *result;
} calls[] = {
    {"deeplabv3", segment, &classes},
    {"eccv16", colorize, &same},
    {"enhancenet", upscale, &large},
};

/* Pictures of which one field is wrong. */
static const struct {
    limn_picture picture;
    limn_status status;
    const char *message;
} bad_sources[] = {
    {{NULL, SIDE, SIDE, 3, 0}, LIMN_E_USAGE, "the source has no pixels"},
    {{pixels, SIDE, SIDE, 1, 0}, LIMN_E_INPUT, "the source has 1 channels, 3 (RGB) or 4 (RGBA) expected"},
    {{pixels, SIDE, SIDE, 5, 0}, LIMN_E_INPUT, "5 channels"},
    {{pixels, 0, SIDE, 3, 0}, LIMN_E_INPUT, "the source: a picture of 0 x 32 pixels, at least 1 x 1"},
    {{pixels, SIDE, -1, 3, 0}, LIMN_E_INPUT, "32 x -1 pixels"},
    {{pixels, INT64_MAX, SIDE, 3, 0}, LIMN_E_INPUT, "9223372036854775807 x 32"},
    {{pixels, SIDE, 16385, 3, 0}, LIMN_E_INPUT, "at most 16384 a side"},
    {{pixels, 16000, 16000, 3, 0}, LIMN_E_INPUT, "256000000 pixels, at most 89478485"},
    {{pixels, SIDE, SIDE, 3, 3 * SIDE - 1}, LIMN_E_USAGE, "the source: a stride of 95 bytes, at least 96"},
    {{pixels, SIDE, SIDE, 3, -96}, LIMN_E_USAGE, "a stride of -96 bytes"},
    {{pixels, SIDE, SIDE, 3, INT64_MAX}, LIMN_E_USAGE, "a stride of 9223372036854775807"},
    {{pixels, SIDE + 1, SIDE, 3, 0}, LIMN_E_USAGE, "room for "},
    {{pixels, SIDE, SIDE - 1, 3, 0}, LIMN_E_USAGE, "are made"},
};

static void test_sources(void **state)
{
    for (size_t c = 0; c < sizeof calls / sizeof *calls; c++) {
        limn_model *model = golden_model(*state, calls[c].weights);
        for (size_t i = 0; i < sizeof bad_sources / sizeof *bad_sources; i++)
            assert_fails(calls[c].call(model, &bad_sources[i].picture, calls[c].result, error),
                         bad_sources[i].status, bad_sources[i].message);
        limn_model_free(model);
    }
}

static void refuse_result(size_t c, limn_model *model, limn_picture result, const char *message)
{
    assert_fails(calls[c].call(model, &rgb, &result, error), LIMN_E_USAGE, message);
}

static void test_results(void **state)
{
    for (size_t c = 0; c < sizeof calls / sizeof *calls; c++) {
        limn_model *model = golden_model(*state, calls[c].weights);
        const limn_picture r = *calls[c].result;
        refuse_result(c, model, (limn_picture){NULL, r.width, r.height, r.channels, 0}, "has no pixels");
        refuse_result(c, model, (limn_picture){made, r.width - 1, r.height, r.channels, 0}, "are made");
        refuse_result(c, model, (limn_picture){made, r.width, 0, r.channels, 0}, "are made");
        refuse_result(c, model, (limn_picture){made, r.width, r.height, r.channels + 1, 0}, "channels");
        refuse_result(c, model, (limn_picture){made, r.width, r.height, r.channels, 1}, "a stride of 1");
        refuse_result(c, model, (limn_picture){made, r.width, r.height, r.channels, INT64_MIN}, "a stride");
        limn_model_free(model);
    }
}

static void test_null(void **state)
{
    for (size_t c = 0; c < sizeof calls / sizeof *calls; c++) {
        limn_model *model = golden_model(*state, calls[c].weights);
        assert_fails(calls[c].call(NULL, &rgb, calls[c].result, error), LIMN_E_USAGE, "no model: NULL");
        assert_fails(calls[c].call(model, NULL, calls[c].result, error), LIMN_E_USAGE, "no source: NULL");
        assert_fails(calls[c].call(model, &rgb, NULL, error), LIMN_E_USAGE, ": NULL");
        assert_int_equal(calls[c].call(NULL, NULL, NULL, NULL), LIMN_E_USAGE);
        assert_int_equal(calls[c].call(model, &rgb, calls[c].result, NULL), LIMN_OK);
        limn_model_free(model);
    }
    int count;
    assert_fails(limn_generate(NULL, &generated, 1, NULL, NULL, error), LIMN_E_USAGE, "no model");
    assert_fails(limn_segment_classes(NULL, NULL, &count, error), LIMN_E_USAGE, "no model");
    assert_fails(limn_upscale_factor(NULL, &count, error), LIMN_E_USAGE, "no model");
    assert_fails(limn_generate_side(NULL, &count, error), LIMN_E_USAGE, "no model");
    assert_fails(limn_segment_classes(NULL, NULL, NULL, error), LIMN_E_USAGE, "count: NULL");
    assert_fails(limn_upscale_factor(NULL, NULL, error), LIMN_E_USAGE, "factor: NULL");
    assert_fails(limn_generate_side(NULL, NULL, error), LIMN_E_USAGE, "side: NULL");
}

/* ---- models ------------------------------------------------------------------------------ */

/* Each model to each pipeline, of which it fits one. */
static void test_models_of_another_kind(void **state)
{
    static const struct {
        const char *weights, *fits;
    } models[] = {{"deeplabv3", "segment"},      {"unet-bilinear", "segment"}, {"eccv16", "colorize"},
                  {"siggraph17", "colorize"},    {"vae", "colorize"},          {"enhancenet", "upscale"},
                  {"dcgan-5-stages", "generate"}};
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        limn_model *model = golden_model(*state, models[i].weights);
        int count, factor, side;
        const struct {
            const char *pipeline;
            limn_status status;
        } done[] = {
            {"segment", limn_segment(model, &rgb, &classes, NULL, NULL, NULL)},
            {"segment", limn_segment_classes(model, NULL, &count, NULL)},
            {"colorize", limn_colorize(model, &rgb, &same, NULL, NULL, NULL)},
            {"upscale", limn_upscale(model, &rgb, &large, NULL, NULL)},
            {"upscale", limn_upscale_factor(model, &factor, NULL)},
            {"generate", limn_generate(model, &generated, 1, NULL, NULL, NULL)},
            {"generate", limn_generate_side(model, &side, NULL)},
        };
        for (size_t d = 0; d < sizeof done / sizeof *done; d++) {
            bool fits = strcmp(done[d].pipeline, models[i].fits) == 0;
            if (done[d].status != (fits ? LIMN_OK : LIMN_E_USAGE))
                fail_with("%s, %s: status %d", models[i].weights, done[d].pipeline, (int)done[d].status);
        }
        assert_int_equal(count > 0, done[0].status == LIMN_OK);
        assert_int_equal(factor, done[3].status == LIMN_OK ? FACTOR : 0);
        assert_int_equal(side, done[5].status == LIMN_OK ? 64 : 0);
        limn_model_free(model);
    }
}

/* ---- options ----------------------------------------------------------------------------- */

static limn_status segment_with(limn_model *model, limn_segment_options options, limn_error *error)
{
    return limn_segment(model, &rgb, &classes, &options, NULL, error);
}

#define SEGMENT(model, ...) segment_with(model, (limn_segment_options){__VA_ARGS__}, error)

static void test_options_of_segmentation(void **state)
{
    limn_model *deeplab = golden_model(*state, "deeplabv3"), *u = golden_model(*state, "unet-bilinear");
    assert_ok(SEGMENT(deeplab, .resize = 20));
    assert_ok(SEGMENT(deeplab, .resize = LIMN_RESIZE_FULL));
    assert_fails(SEGMENT(deeplab, .resize = -2), LIMN_E_USAGE, "resize -2: expected -1 to 16384");
    assert_fails(SEGMENT(deeplab, .resize = INT64_MAX), LIMN_E_USAGE, "expected -1 to 16384");
    assert_fails(SEGMENT(deeplab, .resize = 16384), LIMN_E_INPUT, "too many");
    assert_fails(SEGMENT(deeplab, .scale = 1), LIMN_E_USAGE,
                 "scale is an option of unet; deeplabv3 has resize");
    assert_fails(SEGMENT(deeplab, .threshold = 0.5), LIMN_E_USAGE,
                 "threshold is an option of networks with one class");
    assert_fails(SEGMENT(u, .threshold = 1.5), LIMN_E_USAGE, "threshold 1.5");
    assert_fails(SEGMENT(u, .resize = 40), LIMN_E_USAGE, "resize is an option of deeplabv3; unet has scale");
    assert_fails(SEGMENT(u, .resize = LIMN_RESIZE_FULL), LIMN_E_USAGE, "resize is an option of deeplabv3");
    assert_fails(SEGMENT(u, .scale = 101), LIMN_E_USAGE, "scale 101");
    assert_fails(SEGMENT(u, .scale = NAN), LIMN_E_USAGE, "scale");
    assert_fails(SEGMENT(u, .scale = 0.1), LIMN_E_INPUT, "a larger scale");
    limn_model_free(deeplab);
    limn_model_free(u);
}

static limn_status colorize_with(limn_model *model, limn_colorize_options options, limn_error *error)
{
    return limn_colorize(model, &rgb, &same, &options, NULL, error);
}

static limn_status hint_at(limn_model *model, int64_t x, int64_t y, int64_t radius, limn_error *error)
{
    limn_hint hints[] = {{1, 2, 3, 4, 5, 6}, {x, y, radius, 200, 100, 50}};
    return colorize_with(model, (limn_colorize_options){.hints = hints, .hint_count = 2}, error);
}

#define COLORIZE(model, ...) colorize_with(model, (limn_colorize_options){__VA_ARGS__}, error)

static void test_options_of_colorization(void **state)
{
    static const limn_hint hint = {0};
    static const uint64_t seed = 1;
    limn_model *eccv = golden_model(*state, "eccv16"), *siggraph = golden_model(*state, "siggraph17");
    assert_ok(hint_at(siggraph, SIDE - 1, SIDE - 1, 1 << 24, error));
    assert_ok(COLORIZE(eccv, .hints = &hint)); /* none of them counts */
    assert_fails(hint_at(siggraph, SIDE, 0, 0, error), LIMN_E_INPUT, "hint 1: 32, 0 is outside the picture");
    assert_fails(hint_at(siggraph, -1, 0, 0, error), LIMN_E_INPUT, "hint 1: -1, 0 is outside");
    assert_fails(hint_at(siggraph, 0, INT64_MAX, 0, error), LIMN_E_INPUT, "is outside");
    assert_fails(hint_at(siggraph, 0, 0, -1, error), LIMN_E_INPUT, "hint 1: radius -1: expected 0 to");
    assert_fails(hint_at(siggraph, 0, 0, INT64_MAX, error), LIMN_E_INPUT,
                 "radius 9223372036854775807: expected");
    assert_fails(hint_at(eccv, 0, 0, 0, error), LIMN_E_USAGE, "eccv16 takes none");
    assert_fails(COLORIZE(siggraph, .hint_count = 1), LIMN_E_USAGE, "hints: NULL");
    assert_fails(COLORIZE(siggraph, .hints = &hint, .hint_count = SIZE_MAX / 2), LIMN_E_MEMORY, "hints");
    assert_fails(COLORIZE(siggraph, .seed = &seed), LIMN_E_USAGE, "seeds are options of vae");
    assert_fails(COLORIZE(eccv, .saturation = -1.5), LIMN_E_USAGE, "saturation -1.5: expected -1 to 9");
    assert_fails(COLORIZE(eccv, .saturation = NAN), LIMN_E_USAGE, "saturation");
    assert_fails(COLORIZE(eccv, .temperature = 101), LIMN_E_USAGE, "temperature 101");
    assert_ok(COLORIZE(siggraph, .spread = LIMN_SPREAD_ON));
    assert_fails(COLORIZE(eccv, .spread = LIMN_SPREAD_OFF), LIMN_E_USAGE,
                 "spread is an option of siggraph17");
    assert_fails(COLORIZE(siggraph, .spread = (limn_spread)3), LIMN_E_USAGE, "spread 3: expected");
    assert_ok(COLORIZE(eccv, .network_size = 64));
    static const int64_t sizes[] = {-8, 8, 56, 63, 100, 1025, 1032, INT64_MAX, INT64_MIN};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        assert_fails(COLORIZE(eccv, .network_size = sizes[i]), LIMN_E_USAGE,
                     "expected a multiple of 8 from 64 to 1024");
    limn_model *vae = golden_model(*state, "vae");
    assert_fails(COLORIZE(vae, .network_size = 64), LIMN_E_USAGE, "network size is an option of eccv16 and");
    limn_model_free(vae);
    limn_model_free(eccv);
    limn_model_free(siggraph);
}

/* The size of the result says how many times larger it is. */
static void test_scales(void **state)
{
    limn_model *model = golden_model(*state, "enhancenet");
    for (int64_t scale = 1; scale <= FACTOR + 1; scale++) {
        limn_picture result = large;
        result.width = result.height = scale * SIDE;
        bool fits = scale >= 2 && scale <= FACTOR;
        assert_int_equal(limn_upscale(model, &rgb, &result, NULL, NULL), fits ? LIMN_OK : LIMN_E_USAGE);
        result.height--;
        assert_fails(limn_upscale(model, &rgb, &result, NULL, error), LIMN_E_USAGE,
                     "128 x 128 of 3 are made");
    }
    limn_model_free(model);
}

static void test_pictures_to_generate(void **state)
{
    limn_model *model = golden_model(*state, "dcgan-5-stages");
    limn_picture pictures[] = {generated, generated};
    assert_ok(limn_generate(model, pictures, 2, NULL, NULL, error));
    assert_fails(limn_generate(model, pictures, 0, NULL, NULL, error), LIMN_E_USAGE, "0 pictures");
    assert_fails(limn_generate(model, pictures, INT64_MIN, NULL, NULL, error), LIMN_E_USAGE, "pictures");
    assert_fails(limn_generate(model, pictures, 1 << 21, NULL, NULL, error), LIMN_E_USAGE,
                 "expected 1 to 1048576");
    assert_fails(limn_generate(model, NULL, 1, NULL, NULL, error), LIMN_E_USAGE, "pictures: NULL");
    pictures[1].width = 63;
    assert_fails(limn_generate(model, pictures, 2, NULL, NULL, error), LIMN_E_USAGE,
                 "picture 1: room for 63 x 64 pixels of 3 channels, 64 x 64 of 3 are made");
    limn_model_free(model);
}

/* ---- classes ----------------------------------------------------------------------------- */

#define SIXTY "012345678901234567890123456789012345678901234567890123456789"

static void test_classes(void **state)
{
    static limn_class found[LIMN_CLASSES_MOST];
    int count;
    limn_model *model = golden_model(*state, "unet-bilinear");
    assert_ok(limn_segment_classes(model, found, &count, error));
    limn_model_free(model);
    assert_int_equal(count, 2);
    assert_string_equal(found[0].name, "background");
    assert_string_equal(found[1].name, "foreground");
    assert_int_equal(found[0].red + found[0].green + found[0].blue, 0);
    assert_int_equal(found[1].red, 128);
    assert_int_equal(found[1].green + found[1].blue, 0);

    /* 63 bytes fit. Of a letter of two bytes, which must not be cut in two, the second would be the 64th. */
    const char *metadata = "\"limn.classes\": \"[\\\"" SIXTY "abc\\\", \\\"" SIXTY "ab\xC3\xA9\\\"]\"";
    assert_ok(limn_model_load(*state, golden_altered("unet-bilinear", NULL, 0, metadata), &model, error));
    assert_ok(limn_segment_classes(model, found, &count, error));
    assert_string_equal(found[0].name, SIXTY "abc");
    assert_string_equal(found[1].name, SIXTY "ab");
    limn_model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sources),
        cmocka_unit_test(test_results),
        cmocka_unit_test(test_null),
        cmocka_unit_test(test_models_of_another_kind),
        cmocka_unit_test(test_options_of_segmentation),
        cmocka_unit_test(test_options_of_colorization),
        cmocka_unit_test(test_scales),
        cmocka_unit_test(test_pictures_to_generate),
        cmocka_unit_test(test_classes),
    };
    return cmocka_run_group_tests(tests, create_engine, free_engine);
}
