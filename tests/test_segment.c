/* test_segment.c - the classes of rows made one at a time, against a plain enlargement of all logits followed
 * by a search for the largest. */
#include "engine/base/memory.h"
#include "engine/pipelines/classes.h"
#include "engine/pipelines/segment.h"
#include "engine/pipelines/segment_view.h"
#include "engine/run/session.h"
#include "layers/operators.h"
#include "tests/support.h"
#include "tests/support_faults.h"

#include <math.h>
#include <string.h>

/* Logits that are taken as they are. */
static struct logits as_made(const struct tensor *made)
{
    return (struct logits){.made = made, .height = made->h, .width = made->w};
}

/* ---- the plain way, in double ------------------------------------------------------------ */

static double logit_at(const struct tensor *x, int64_t row, int64_t column, int64_t c)
{
    return (double)x->data[(row * x->w + column) * x->stride + c];
}

/* The two samples that output `out` lies between, clamped at the edges, and the share of the second. */
static double between(int64_t out, int64_t from, int64_t to, int64_t at[2])
{
    double s = fmax(((double)out + 0.5) * (double)from / (double)to - 0.5, 0);
    at[0] = (int64_t)s;
    at[1] = at[0] + 1 < from ? at[0] + 1 : from - 1;
    return s - (double)at[0];
}

static double enlarged(const struct tensor *x, int64_t row, int64_t height, int64_t column, int64_t width,
                       int64_t c)
{
    int64_t r[2], w[2];
    double down = between(row, x->h, height, r), right = between(column, x->w, width, w);
    double top = (1 - right) * logit_at(x, r[0], w[0], c) + right * logit_at(x, r[0], w[1], c);
    double bottom = (1 - right) * logit_at(x, r[1], w[0], c) + right * logit_at(x, r[1], w[1], c);
    return (1 - down) * top + down * bottom;
}

/* Whether `class` is what the enlarged logits say; float32 may decide otherwise where two are this close. */
static bool is_right(const struct tensor *x, int64_t row, int64_t column, const struct picture *classes,
                     double threshold)
{
    const double rounding = 1e-5;
    int class = classes->pixels[row * classes->width + column];
    double chosen = enlarged(x, row, classes->height, column, classes->width, x->c > 1 ? class : 0);
    if (x->c == 1) {
        double least = log(threshold / (1 - threshold));
        return class < 2 && (class ? chosen > least - rounding : chosen <= least + rounding);
    }
    for (int64_t c = 0; c < x->c; c++)
        if (enlarged(x, row, classes->height, column, classes->width, c) > chosen + rounding)
            return false;
    return class < x->c;
}

static void check(struct pool *pool, int64_t h, int64_t w, int64_t c, int64_t height, int64_t width,
                  double threshold)
{
    struct random random = {(uint64_t)(h * 31 + w * 7 + c)};
    int64_t stride = c + 3; /* as in a slice of a wider tensor */
    struct guarded block = guarded_create(h * w * stride);
    struct tensor logits = tensor_view(block.values, 1, h, w, c, stride);
    for (int64_t p = 0; p < h * w; p++)
        random_fill(&random, block.values + p * stride, c);
    struct logits taken = as_made(&logits);
    struct picture classes;
    assert_ok(picture_create(width, height, 1, &classes, error));
    memset(classes.pixels, 0xEE, (size_t)(width * height));
    assert_ok(classes_from_logits(pool, &taken, threshold, NULL, &classes, error));
    for (int64_t row = 0; row < height; row++)
        for (int64_t column = 0; column < width; column++)
            if (!is_right(&logits, row, column, &classes, threshold))
                fail_with("%lldx%lldx%lld to %lldx%lld, threshold %g: [h=%lld,w=%lld] got class %d",
                          (long long)h, (long long)w, (long long)c, (long long)height, (long long)width,
                          threshold, (long long)row, (long long)column, classes.pixels[row * width + column]);
    assert_true(guarded_intact(&block, "logits"));
    picture_free(&classes);
    guarded_free(&block);
}

static void test_against_the_plain_way(void **state)
{
    (void)state;
    static const int64_t sizes[] = {1, 2, 3, 7, 13}, results[] = {1, 2, 5, 13, 40};
    static const int64_t classes[] = {1, 2, 3, 21, 256};
    for (int threads = 1; threads <= 2; threads++) {
        struct pool *pool;
        assert_ok(pool_create(threads, &pool, error));
        for (int i = 0; i < 5; i++)
            for (int j = 0; j < 5; j++)
                for (int k = 0; k < 5; k++)
                    check(pool, sizes[i], sizes[(i + k) % 5], classes[k], results[j], results[(j + k) % 5],
                          0.5);
        check(pool, 5, 4, 1, 17, 19, 0.7);
        check(pool, 5, 4, 1, 17, 19, 0.01);
        pool_free(pool);
    }
}

/* At the logits' own size nothing is blended: the very numbers are compared, and the first of equals wins. */
static void test_own_size_is_exact(void **state)
{
    (void)state;
    float values[] = {1, 1, 0.99999994F, /**/ 0, 0.5F, 0.50000006F, /**/ -2, -3, -2, /**/ -1e30F, 0, 1e-30F};
    static const unsigned char want[] = {0, 2, 0, 2};
    struct tensor made = tensor_view(values, 1, 2, 2, 3, 3);
    struct logits logits = as_made(&made);
    struct pool *pool;
    struct picture classes;
    assert_ok(pool_create(1, &pool, error));
    assert_ok(picture_create(2, 2, 1, &classes, error));
    assert_ok(classes_from_logits(pool, &logits, 0.5, NULL, &classes, error));
    assert_memory_equal(classes.pixels, want, sizeof want);
    picture_free(&classes);
    pool_free(pool);
}

static void test_without_memory(void **state)
{
    (void)state;
    float values[4] = {0};
    struct tensor made = tensor_view(values, 1, 2, 2, 1, 1);
    struct logits logits = as_made(&made);
    struct pool *pool;
    struct picture classes;
    assert_ok(pool_create(1, &pool, error));
    assert_ok(picture_create(2, 2, 1, &classes, error));
    for (int nth = 1; nth <= 2; nth++) {
        fault_at(FAULT_MEMORY, nth, false);
        assert_fails(classes_from_logits(pool, &logits, 0.5, NULL, &classes, error), LIMN_E_MEMORY, "logits");
    }
    fault_at(FAULT_MEMORY, 0, false);
    picture_free(&classes);
    pool_free(pool);
}

/* ---- logits that are enlarged first ------------------------------------------------------- */

/* One enlargement: of h x w x c to height x width. */
struct enlarging {
    int64_t h, w, height, width, c;
    bool align_corners;
};

static void fail_enlarging(const struct enlarging *e, const char *what)
{
    fail_with("%s, %lldx%lldx%lld to %lldx%lld, align_corners %d: %s", isa_name(running_isa), (long long)e->h,
              (long long)e->w, (long long)e->c, (long long)e->height, (long long)e->width, e->align_corners,
              what);
}

/* Logits in pixels that lie further apart than they need. With `levels`, each is one of so few values that
 * many pixels have several largest ones. */
static struct guarded make_logits(const struct enlarging *e, int levels, struct tensor *made)
{
    struct random random = {(uint64_t)(e->h * 31 + e->width * 7 + e->c)};
    int64_t stride = e->c + 3;
    struct guarded block = guarded_create(e->h * e->w * stride);
    for (int64_t i = 0; i < block.count; i++)
        if (i % stride < e->c)
            block.values[i] = levels ? (float)random_below(&random, levels) : random_float(&random);
    *made = tensor_view(block.values, 1, e->h, e->w, e->c, stride);
    return block;
}

/* The whole enlarged tensor, as the last step of a session makes it. */
static struct tensor enlarge(const struct layer_variant *variant, const struct enlarging *e,
                             const struct tensor *made)
{
    struct tensor whole;
    assert_ok(tensor_create(1, e->height, e->width, e->c, &whole, error));
    struct layer_args args = {.x = made->data, .x_stride = made->stride, .y = whole.data, .y_stride = e->c};
    args.d = (struct layer_dims){.n = 1, .ih = e->h, .iw = e->w, .ic = e->c};
    args.d.oh = e->height, args.d.ow = e->width, args.d.oc = e->c, args.d.align_corners = e->align_corners;
    for (int64_t task = 0; task < variant->needs(&args.d).run_tasks; task++)
        variant->run_task(&args, task, NULL);
    return whole;
}

static struct logits enlarged_later(const struct enlarging *e, const struct tensor *made)
{
    return (struct logits){made, e->height, e->width, e->align_corners};
}

static void check_rows(const struct enlarging *e, const struct tensor *made, const struct tensor *whole)
{
    struct logits logits = enlarged_later(e, made);
    struct guarded row = guarded_create(e->width * e->c);
    for (int64_t y = e->height; y-- > 0;) {
        logits_row(&logits, y, row.values);
        if (memcmp(row.values, whole->data + y * row.count, (size_t)row.count * sizeof(float)) != 0)
            fail_enlarging(e, "a row differs");
    }
    assert_true(guarded_intact(&row, "a row"));
    guarded_free(&row);
}

/* The first of the largest of a whole tensor's pixel; of one channel, whether it is above 0. */
static int64_t class_of(const struct tensor *whole, int64_t pixel)
{
    const float *logits = whole->data + pixel * whole->c;
    int64_t class = 0;
    for (int64_t c = 1; c < whole->c; c++)
        if (logits[c] > logits[class])
            class = c;
    return whole->c > 1 ? class : *logits > 0;
}

/* Classes of a picture of height x width from the small logits, against those from the whole tensor. */
static void check_classes(struct pool *pool, const struct enlarging *e, const struct tensor *made,
                          const struct tensor *whole, int64_t height, int64_t width)
{
    struct logits later = enlarged_later(e, made), before = as_made(whole);
    struct picture got, want;
    assert_ok(picture_create(width, height, 1, &got, error));
    assert_ok(picture_create(width, height, 1, &want, error));
    assert_ok(classes_from_logits(pool, &later, 0.5, NULL, &got, error));
    assert_ok(classes_from_logits(pool, &before, 0.5, NULL, &want, error));
    if (memcmp(got.pixels, want.pixels, (size_t)(width * height)) != 0)
        fail_enlarging(e, "the classes differ");
    for (int64_t p = 0; height == e->height && width == e->width && p < width * height; p++)
        if (got.pixels[p] != class_of(whole, p))
            fail_enlarging(e, "a class is not the first of the largest logits");
    picture_free(&got);
    picture_free(&want);
}

static void check_enlarging(struct pool *pool, const struct enlarging *e, int levels)
{
    struct tensor made;
    struct guarded block = make_logits(e, levels, &made);
    for (const struct layer_variant *const *v = layer_operators[LAYER_BILINEAR].variants; *v; v++) {
        struct tensor whole = enlarge(*v, e, &made);
        check_rows(e, &made, &whole);
        if (e->c <= CLASSES_MOST) {
            check_classes(pool, e, &made, &whole, e->height, e->width);
            check_classes(pool, e, &made, &whole, 2 * e->height + 1, e->width + 30);
            check_classes(pool, e, &made, &whole, (e->height + 2) / 3, (e->width + 1) / 2);
        }
        tensor_free(&whole);
    }
    assert_true(guarded_intact(&block, "logits"));
    guarded_free(&block);
}

static void test_enlarged_by_rows_or_as_a_whole(void **state)
{
    (void)state;
    static const int64_t sizes[][4] = {{1, 1, 1, 1}, {1, 1, 5, 9},    {2, 3, 7, 5}, {3, 5, 33, 41},
                                       {5, 5, 5, 5}, {9, 13, 65, 97}, {7, 9, 3, 4}};
    static const int64_t channels[] = {1, 2, 5, 21, 256, 300};
    for (int threads = 1; threads <= 3; threads += 2) {
        struct pool *pool;
        assert_ok(pool_create(threads, &pool, error));
        for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
            for (size_t c = 0; c < sizeof channels / sizeof *channels; c++)
                for (int levels = 0; levels <= 3; levels += 3) {
                    struct enlarging e = {sizes[s][0], sizes[s][1], sizes[s][2],
                                          sizes[s][3], channels[c], (s + c) % 2};
                    check_enlarging(pool, &e, levels);
                }
        pool_free(pool);
    }
}

/* Numbers that are none reach the very outputs that they reach in the whole tensor. */
static void test_rows_keep_what_is_no_number(void **state)
{
    (void)state;
    const struct enlarging e = {4, 5, 31, 37, 21, false};
    struct tensor made;
    struct guarded block = make_logits(&e, 0, &made);
    made.data[(1 * 5 + 2) * made.stride + 3] = NAN;
    made.data[(2 * 5 + 4) * made.stride + 20] = INFINITY;
    made.data[(3 * 5 + 0) * made.stride + 0] = -INFINITY;
    struct tensor whole = enlarge(layer_operators[LAYER_BILINEAR].variants[0], &e, &made);
    int64_t bad = 0;
    for (int64_t i = 0; i < tensor_pixels(&whole) * whole.c; i++)
        bad += !isfinite(whole.data[i]);
    assert_true(bad > 3);
    check_rows(&e, &made, &whole);
    tensor_free(&whole);
    guarded_free(&block);
}

/* ---- networks that end with an enlargement ----------------------------------------------- */

static limn_session *ran(limn_model *model, value_id output, limn_size size)
{
    limn_session *session;
    struct random random = {7};
    assert_ok(
        session_plan(model, &(struct session_request){.output = output, .size = size}, &session, error));
    assert_ok(session_prepare(session, error));
    struct tensor *x = session_input(session, 0);
    random_fill(&random, x->data, tensor_pixels(x) * x->c);
    assert_ok(limn_session_run(session, error));
    return session;
}

/* A session that stops short of it, and rows from there, give what the session of the whole graph gives. */
static void test_stopping_before_the_enlargement(void **state)
{
    (void)state;
    static const limn_size sizes[] = {{1, 1, 1}, {1, 33, 47}, {1, 61, 30}, {1, 64, 8}};
    limn_engine *engine = test_engine(2, LIMN_KERNELS_AUTO);
    limn_model *model;
    assert_ok(limn_model_load(engine, "tests/goldens/deeplabv3.safetensors", &model, error));
    const struct node *last = &model->graph.nodes[model->graph.output];
    assert_int_equal(last->kind, LAYER_BILINEAR);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        limn_session *whole = ran(model, model->graph.output, sizes[i]),
                     *part = ran(model, last->x, sizes[i]);
        const struct tensor *y = session_output(whole), *made = session_output(part);
        assert_int_equal(part->plan.step_count, whole->plan.step_count - 1);
        assert_true(part->plan.arena_bytes <= whole->plan.arena_bytes);
        assert_true(y->h == sizes[i].height && y->w == sizes[i].width && made->h == (y->h + 7) / 8);
        check_rows(&(struct enlarging){made->h, made->w, y->h, y->w, y->c, false}, made, y);
        limn_session_free(whole);
        limn_session_free(part);
    }
    limn_model_free(model);
    limn_engine_free(engine);
}

/* ---- views ------------------------------------------------------------------------------- */

/* Each allocation fails once: a message, nothing painted, nothing kept; then the view is painted. */
static void test_views_without_memory(void **state)
{
    (void)state;
    struct labels labels = {.count = 3, .names = {"background", "cat", "dog"}};
    struct mask_values values = {.channels = 3, .colours = {{0}, {1, 1, 1}, {2, 2, 2}}};
    struct picture source, classes, painted;
    assert_ok(picture_create(9, 4, 4, &source, error));
    assert_ok(picture_create(9, 4, 1, &classes, error));
    memset(source.pixels, 77, 9 * 4 * 4);
    for (int p = 0; p < 36; p++)
        classes.pixels[p] = (unsigned char)(p % 3);
    size_t before = mem_in_use();
    for (enum segment_view view = 0; view < VIEWS; view++) {
        limn_status status = LIMN_E_MEMORY;
        for (int nth = 1; status == LIMN_E_MEMORY; nth++) {
            fault_at(FAULT_MEMORY, nth, false);
            status = segment_paint(view, &source, &classes, &labels, &values, &painted, NULL);
            fault_at(FAULT_MEMORY, 0, false);
            assert_true(nth < 10);
            assert_int_equal(painted.pixels != NULL, status == LIMN_OK);
        }
        assert_int_equal(status, LIMN_OK);
        assert_true(painted.height >= 4 && painted.width >= 9);
        picture_free(&painted);
        assert_int_equal(mem_in_use(), before);
    }
    picture_free(&source);
    picture_free(&classes);
}

/* ---- memory ------------------------------------------------------------------------------ */

static limn_status drop_classes(void *context, const struct picture *rows, limn_error *error)
{
    (void)context, (void)rows, (void)error;
    return LIMN_OK;
}

/* The least limit, to 1 kB, at which a picture is segmented rather than refused. */
static size_t least_limit(limn_engine *engine, const char *path, const struct picture *source,
                          const limn_segment_options *options, size_t *peak)
{
    size_t low = mem_in_use(), high = low + ((size_t)1 << 28);
    while (high - low > 1024) {
        size_t limit = low + (high - low) / 2, before = mem_in_use();
        limn_model *model;
        const struct segment how = {.options = *options, .source = source, .sink = {.rows = drop_classes}};
        limn_error refusal = {0};
        mem_set_limit(0);
        assert_ok(limn_model_load(engine, path, &model, error));
        mem_restart_peak();
        size_t loaded = mem_in_use();
        mem_set_limit(limit);
        limn_status status = segment_picture(model, &how, &refusal);
        if (status == LIMN_OK)
            high = limit, *peak = mem_peak();
        else
            low = limit;
        if (status != LIMN_OK &&
            (status != LIMN_E_MEMORY || !strstr(refusal.message, "in all, the limit is") ||
             mem_peak() > loaded + 200000))
            fail_with("with %zu bytes: %s, after %zu", limit, refusal.message, mem_peak() - loaded);
        mem_set_limit(0);
        limn_model_free(model);
        assert_int_equal(mem_in_use(), before);
    }
    return high;
}

/* A run beyond the memory limit is refused before it takes any memory. At the smallest limit that is enough,
 * it takes what was announced, within 15%. */
static void test_memory_is_announced(void **state)
{
    (void)state;
    static const struct {
        const char *weights;
        limn_segment_options options;
        int channels;
    } cases[] = {
        {"tests/goldens/deeplabv3.safetensors", {.resize = 250}, 3},
        {"tests/goldens/deeplabv3.safetensors", {.resize = 40}, 4},
        {"tests/goldens/unet-bilinear.safetensors", {.scale = 0.4}, 3},
    };
    limn_engine *engine = test_engine(2, LIMN_KERNELS_AUTO);
    mem_set_limit(0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct picture source;
        struct random random = {3};
        size_t peak = 0, held = mem_in_use();
        assert_ok(picture_create(650, 450, cases[i].channels, &source, error));
        for (int64_t p = 0; p < source.width * source.height * source.channels; p++)
            source.pixels[p] = (unsigned char)random_below(&random, 256);
        size_t limit = least_limit(engine, cases[i].weights, &source, &cases[i].options, &peak);
        if ((double)(peak - held) < 0.85 * (double)(limit - held))
            fail_with("case %zu: %zu bytes were taken, %zu announced", i, peak - held, limit - held);
        picture_free(&source);
    }
    limn_engine_free(engine);
}

int main(void)
{
    const struct CMUnitTest on_every_isa[] = {
        cmocka_unit_test(test_enlarged_by_rows_or_as_a_whole),
        cmocka_unit_test(test_rows_keep_what_is_no_number),
    };
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_the_plain_way), cmocka_unit_test(test_own_size_is_exact),
        cmocka_unit_test(test_without_memory),        cmocka_unit_test(test_stopping_before_the_enlargement),
        cmocka_unit_test(test_views_without_memory),  cmocka_unit_test(test_memory_is_announced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) +
           run_on_every_isa_of_floats(on_every_isa, sizeof on_every_isa / sizeof *on_every_isa);
}
