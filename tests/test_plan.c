/* test_plan.c - what plans say they take, and what they give up where memory is short. */
#include "engine/base/memory.h"
#include "engine/run/session.h"
#include "tests/support.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GOLDENS "tests/goldens/"

/* ---- a network with something to give up ------------------------------------------------- */

/* Two levels and a skip connection, wide enough for Winograd at both: at 80x80, of a block of tiles and more
 * below. */
enum { LOW = 24, MIDDLE = 40, HIGH = 72, SIDE = 80 };

static bool any_file(const struct graph *g)
{
    (void)g;
    return true;
}

static void build(struct graph *g)
{
    struct conv padded = {.pad = 1};
    value_id x = graph_relu(g, graph_conv2d(g, graph_input(g, "x", 3), padded, "first"));
    value_id skip = graph_relu(g, graph_conv2d(g, x, padded, "a"));
    value_id deep = graph_max_pool(g, skip, 2, 2, 0);
    deep = graph_relu(g, graph_conv2d(g, deep, padded, "b"));
    deep = graph_relu(g, graph_conv2d(g, deep, padded, "c"));
    deep = graph_conv2d_transpose(g, deep, (struct conv){.stride = 2, .pad = 1}, "up");
    value_id both = graph_concat(g, (value_id[]){skip, deep}, 2);
    graph_output(g, graph_conv2d(g, graph_relu(g, graph_conv2d(g, both, padded, "d")), padded, "last"));
}

static const struct model_kind test_kind = {"test", "", any_file, build, 0};

static const char *write_weights(void)
{
    static float numbers[HIGH * HIGH * 16];
    struct made_tensor tensors[] = {
        {"first.weight", {LOW, 3, 3, 3}, numbers},        {"first.bias", {LOW}, numbers + 1},
        {"a.weight", {MIDDLE, LOW, 3, 3}, numbers + 2},   {"a.bias", {MIDDLE}, numbers + 3},
        {"b.weight", {HIGH, MIDDLE, 3, 3}, numbers + 4},  {"b.bias", {HIGH}, numbers + 5},
        {"c.weight", {HIGH, HIGH, 3, 3}, numbers + 6},    {"c.bias", {HIGH}, numbers + 7},
        {"up.weight", {HIGH, MIDDLE, 4, 4}, numbers + 8}, {"up.bias", {MIDDLE}, numbers + 9},
        {"d.weight", {LOW, 2 * MIDDLE, 3, 3}, numbers},   {"d.bias", {LOW}, numbers + 2},
        {"last.weight", {3, LOW, 3, 3}, numbers},         {"last.bias", {3}, numbers}};
    random_fill(&(struct random){3}, numbers, sizeof numbers / sizeof *numbers);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        numbers[i] *= 0.1F;
    const char *path = scratch_path("plan.safetensors");
    write_safetensors(path, tensors, sizeof tensors / sizeof *tensors, "");
    return path;
}

static limn_model *load(limn_engine *engine)
{
    limn_model *model;
    assert_ok(model_load_as(engine, write_weights(), &test_kind, &model, error));
    return model;
}

static const limn_size test_size = {1, SIDE, SIDE};

/* The output for inputs that are always the same, NHWC; to be released by free. */
static float *run(limn_session *session, int64_t *count)
{
    struct tensor *x = session_input(session, 0);
    const struct tensor *y = session_output(session);
    random_fill(&(struct random){4}, x->data, tensor_pixels(x) * x->c);
    assert_ok(limn_session_run(session, error));
    *count = tensor_pixels(y) * y->c;
    return memcpy(malloc((size_t)*count * sizeof(float)), y->data, (size_t)*count * sizeof(float));
}

/* Of the same network by plain loops with double sums. */
static float *run_reference(limn_size size)
{
    limn_engine *engine = test_engine(2, LIMN_KERNELS_REFERENCE);
    limn_model *model = load(engine);
    limn_session *session;
    int64_t count;
    assert_ok(limn_session_create(model, size, &session, error));
    float *y = run(session, &count);
    limn_session_free(session);
    limn_model_free(model);
    limn_engine_free(engine);
    return y;
}

/* Winograd's rounding, through a few layers. */
static void assert_near(limn_session *session, const float *want)
{
    int64_t count;
    float *y = run(session, &count);
    double largest = 0;
    for (int64_t i = 0; i < count; i++)
        largest = fmax(largest, fabs((double)want[i]));
    for (int64_t i = 0; i < count; i++)
        if (!(fabs((double)y[i] - (double)want[i]) <= 2e-5 * largest))
            fail_with("value %" PRId64 ": want %.9g got %.9g", i, (double)want[i], (double)y[i]);
    free(y);
}

/* ---- what it takes ----------------------------------------------------------------------- */

/* plan_bytes against the most that was in use while a session was made and run. */
static void check_bytes(limn_model *model, limn_size size, const char *what)
{
    limn_session *session;
    size_t before = mem_in_use();
    mem_restart_peak();
    assert_ok(limn_session_create(model, size, &session, error));
    assert_ok(limn_session_run(session, error));
    double took = (double)(mem_peak() - before), said = (double)plan_bytes(&session->plan);
    const double plan_itself = 1e5; /* and what makes it */
    if (took > said * 1.01 + plan_itself || took < said * 0.97 - plan_itself)
        fail_with("%s at %" PRId64 "x%" PRId64 ": %.0f bytes were in use, %.0f said", what, size.height,
                  size.width, took, said);
    limn_session_free(session);
}

static void test_bytes_are_honest(void **state)
{
    (void)state;
    static const char *const networks[] = {"enhancenet",      "deeplabv3",     "eccv16",
                                           "siggraph17",      "vae",           "unet-bilinear",
                                           "unet-transposed", "dcgan-5-stages"};
    for (int threads = 1; threads <= 3; threads += 2) {
        limn_engine *engine = test_engine(threads, LIMN_KERNELS_AUTO);
        for (size_t i = 0; i < sizeof networks / sizeof *networks; i++) {
            char path[100];
            limn_model *model;
            snprintf(path, sizeof path, GOLDENS "%s.safetensors", networks[i]);
            assert_ok(limn_model_load(engine, path, &model, error));
            check_bytes(model, (limn_size){1, 224, 224}, networks[i]);
            check_bytes(model, (limn_size){3, 64, 64}, networks[i]); /* weights are packed by now */
            limn_model_free(model);
        }
        limn_model *model = load(engine);
        check_bytes(model, test_size, "the test network");
        limn_model_free(model);
        limn_engine_free(engine);
    }
}

/* Values so many and so large that their sum leaves size_t. */
static void build_huge(struct graph *g)
{
    value_id x = graph_upsample(g, graph_input(g, "x", 15), 8), y = x;
    for (int i = 0; i < 5; i++)
        y = graph_tanh(g, graph_add(g, graph_softmax(g, y), x));
    graph_output(g, y);
}

static void test_sizes_that_overflow(void **state)
{
    (void)state;
    static const struct model_kind huge = {"huge", "", any_file, build_huge, 0};
    static const float zero[1];
    const struct made_tensor tensors[] = {{"unused", {1}, zero}};
    const char *path = scratch_path("huge.safetensors");
    const int64_t side = INT32_MAX / 64;
    limn_engine *engine = test_engine(2, LIMN_KERNELS_AUTO);
    struct weights_file weights;
    struct graph graph;
    struct plan plan;
    limn_error first = {0};
    write_safetensors(path, tensors, 1, "");
    assert_ok(weights_open(path, &weights, error));
    graph_begin(&graph, &weights, &first);
    huge.build(&graph);
    assert_int_equal(graph.status, LIMN_OK);
    assert_ok(plan_create(&graph, (struct kernel_rule){0}, (limn_size){1, side, side}, "huge", &plan, error));
    assert_true(plan.arena_bytes == SIZE_MAX && plan_bytes(&plan) == SIZE_MAX);
    assert_null(mem_alloc(plan.arena_bytes));
    plan_free(&plan);
    graph_free(&graph);
    weights_close(&weights);
    limn_engine_free(engine);
}

/* ---- the memory limit -------------------------------------------------------------------- */

enum { STEPS_MOST = 32 };

struct choices {
    int steps;
    bool given_up[STEPS_MOST];
};

static struct choices choices_of(const struct plan *plan)
{
    struct choices choices = {.steps = plan->step_count};
    assert_true(plan->step_count <= STEPS_MOST);
    for (int s = 0; s < plan->step_count; s++) {
        choices.given_up[s] = plan->steps[s].choice == CHOICE_MEMORY;
        assert_ptr_not_equal(plan->steps[s].variant, &conv2d_blocked);
    }
    return choices;
}

static int count_given_up(const struct choices *choices)
{
    int count = 0;
    for (int s = 0; s < choices->steps; s++)
        count += choices->given_up[s];
    return count;
}

/* What the fastest plan takes. */
static size_t fastest_bytes(limn_engine *engine)
{
    limn_model *model = load(engine);
    struct plan plan;
    assert_ok(plan_create(&model->graph, (struct kernel_rule){0}, test_size, "test", &plan, error));
    assert_ok(plan_fit(&plan, &model->graph, model, NULL, error));
    size_t bytes = plan_bytes(&plan);
    plan_free(&plan);
    limn_model_free(model);
    return bytes;
}

/* A session of a fresh model under a limit of `bytes` more than are in use; NULL, and nothing was allocated,
 * when that is too little. */
static limn_session *create_within(limn_model *model, size_t bytes)
{
    limn_session *session;
    limn_error error = {0};
    size_t before = mem_in_use();
    mem_restart_peak();
    mem_set_limit(before + bytes);
    limn_status status = limn_session_create(model, test_size, &session, &error);
    if (status == LIMN_OK)
        return session;
    mem_set_limit(0);
    bool explained = strstr(error.message, "out of memory: ") &&
                     strstr(error.message, "in all, the limit is") &&
                     strstr(error.message, "less is needed with");
    if (status != LIMN_E_MEMORY || !explained || mem_in_use() != before || mem_peak() > before + 50000)
        fail_with("within %zu bytes: status %d, message \"%s\", %zu bytes were in use", bytes, (int)status,
                  error.message, mem_peak() - before);
    return NULL;
}

/* Less and less: the results stay right, what is given up grows, and what was refused stays refused. */
static void check_shrinking(int threads, const float *want)
{
    limn_engine *engine = test_engine(threads, LIMN_KERNELS_AUTO);
    const size_t plan_itself = 50000, fastest = fastest_bytes(engine) + plan_itself;
    struct choices before = {0};
    int most = 0, refused = 0;
    for (size_t bytes = fastest; bytes > fastest / 4; bytes -= fastest / 40) {
        limn_model *model = load(engine);
        limn_session *session = create_within(model, bytes);
        refused += !session;
        if (session && refused)
            fail_with("%d threads: %zu bytes are enough, more were not", threads, bytes);
        if (session) {
            assert_near(session, want);
            assert_true(mem_peak() <= mem_in_use() + mem_available());
            mem_set_limit(0);
            struct choices now = choices_of(&session->plan);
            for (int s = 0; s < before.steps; s++)
                if (before.given_up[s] && !now.given_up[s])
                    fail_with("%d threads, %zu bytes: step %d is fast again", threads, bytes, s);
            most = count_given_up(&now);
            if (bytes == fastest && most)
                fail_with("%d threads: something is given up though the fastest fits", threads);
            before = now;
        }
        limn_session_free(session);
        limn_model_free(model);
    }
    assert_true(most >= 3 && refused);
    limn_engine_free(engine);
}

static void test_shrinking_limits(void **state)
{
    (void)state;
    float *want = run_reference(test_size);
    int most = getenv("LIMN_TEST_QUICK") ? 1 : 3; /* set where an emulator or valgrind runs the tests */
    for (int threads = 1; threads <= most; threads++)
        check_shrinking(threads, want);
    free(want);
}

/* Weights that a model has packed cost nothing again: a second session runs as fast as the first, of another
 * size too. A light session and a fast one of the same model both give the right results. */
static void test_sessions_of_several_sizes(void **state)
{
    (void)state;
    const limn_size smaller = {1, SIDE - 8, SIDE};
    float *want = run_reference(test_size), *want_smaller = run_reference(smaller);
    limn_engine *engine = test_engine(2, LIMN_KERNELS_AUTO);
    size_t fastest = fastest_bytes(engine);
    limn_model *model = load(engine);
    limn_session *light = create_within(model, fastest * 3 / 4), *fast, *second;
    assert_non_null(light);
    mem_set_limit(0);
    assert_ok(limn_session_create(model, smaller, &fast, error));
    mem_set_limit(mem_in_use() + fast->plan.arena_bytes + 50000); /* room for values, not for weights */
    assert_ok(limn_session_create(model, smaller, &second, error));
    mem_set_limit(0);
    struct choices choices = choices_of(&second->plan), first = choices_of(&light->plan);
    assert_true(count_given_up(&choices) == 0 && count_given_up(&first) > 0);
    assert_near(light, want);
    assert_near(fast, want_smaller);
    assert_near(second, want_smaller);
    limn_session_free(light);
    limn_session_free(fast);
    limn_session_free(second);
    limn_model_free(model);
    limn_engine_free(engine);
    free(want);
    free(want_smaller);
}

/* ---- the budget of packed weights -------------------------------------------------------- */

enum { BROAD = 1024 };

static void build_heavy(struct graph *g)
{
    struct conv padded = {.pad = 1};
    value_id x = graph_conv2d(g, graph_input(g, "x", LOW), padded, "light");
    x = graph_conv2d(g, graph_max_pool(g, x, 2, 2, 0), (struct conv){0}, "broad");
    graph_output(g, graph_conv2d(g, x, padded, "heavy"));
}

/* 38 MB of weights in one layer, which Winograd would make 151 MB of. */
static void test_budget_of_weights(void **state)
{
    (void)state;
    float *zeros = calloc((size_t)BROAD * BROAD * 9, sizeof *zeros);
    const struct made_tensor tensors[] = {
        {"light.weight", {LOW, LOW, 3, 3}, zeros},     {"light.bias", {LOW}, zeros},
        {"broad.weight", {BROAD, LOW, 1, 1}, zeros},   {"broad.bias", {BROAD}, zeros},
        {"heavy.weight", {BROAD, BROAD, 3, 3}, zeros}, {"heavy.bias", {BROAD}, zeros}};
    const char *path = scratch_path("heavy.safetensors");
    write_safetensors(path, tensors, sizeof tensors / sizeof *tensors, "");
    free(zeros);
    struct weights_file weights;
    struct graph graph;
    struct plan plan;
    limn_error first = {0};
    limn_engine *engine = test_engine(1, LIMN_KERNELS_AUTO);
    assert_ok(weights_open(path, &weights, error));
    graph_begin(&graph, &weights, &first);
    build_heavy(&graph);
    assert_int_equal(graph.status, LIMN_OK);
    assert_ok(
        plan_create(&graph, (struct kernel_rule){0}, (limn_size){1, SIDE, SIDE}, "heavy", &plan, error));
    assert_int_equal(plan.steps[0].choice, CHOICE_FASTEST);
    assert_string_equal(plan.steps[0].variant->name, "conv2d_winograd");
    assert_int_equal(plan.steps[3].choice, CHOICE_WEIGHTS);
    assert_string_equal(plan.steps[3].variant->name, "conv2d_winograd_lean");
    assert_string_equal(choice_name(plan.steps[3].choice), "weights");
    plan_free(&plan);
    graph_free(&graph);
    weights_close(&weights);
    limn_engine_free(engine);
}

/* ---- a variant that only teaches --------------------------------------------------------- */

/* conv2d_blocked is in the table to be tested and measured; no choice of kernels makes a plan run it. */
static void test_blocked_is_never_chosen(void **state)
{
    const limn_kernels *kernels = *state;
    need_kernels(*kernels);
    for (int64_t channels = 1; channels <= HIGH; channels++)
        for (int64_t kernel = 1; kernel <= 5; kernel += 2) {
            struct step step = {0};
            int64_t pad = kernel / 2;
            step.op = &layer_operators[LAYER_CONV2D];
            step.args.d = (struct layer_dims){.n = 1, .ih = SIDE, .iw = SIDE, .ic = channels, .oc = HIGH};
            step.args.d.oh = step.args.d.ow = SIDE;
            step.args.d.kh = step.args.d.kw = kernel, step.args.d.pad_h = step.args.d.pad_w = pad;
            step.args.d.stride_h = step.args.d.stride_w = 1;
            step.args.d.dilation_h = step.args.d.dilation_w = 1;
            step_choose_fastest(&step, (struct kernel_rule){.family = *kernels});
            assert_ptr_not_equal(step.variant, &conv2d_blocked);
            assert_true(*kernels != LIMN_KERNELS_REFERENCE || step.variant == &conv2d_ref);
        }
}

/* ---- precision --------------------------------------------------------------------------- */

static bool bf16_applies;

static bool applies_bf16(const struct layer_dims *d)
{
    (void)d;
    return bf16_applies;
}

static double no_flops(const struct layer_dims *d)
{
    (void)d;
    return 0;
}

/* A variant whose packed weights take so many bytes. */
#define MADE_VARIANT(id, called, of_family, of_precision, condition, bytes)                                  \
    static struct layer_needs needs_of_##id(const struct layer_dims *d)                                      \
    {                                                                                                        \
        (void)d;                                                                                             \
        return (struct layer_needs){.packed_bytes = (bytes)};                                                \
    }                                                                                                        \
    static const struct layer_variant id = {.name = (called),                                                \
                                            .family = (of_family),                                           \
                                            .precision = (of_precision),                                     \
                                            .applies = (condition),                                          \
                                            .needs = needs_of_##id,                                          \
                                            .pack_task = layer_pack_plain};

MADE_VARIANT(made_ref, "ref", FAMILY_REFERENCE, PRECISION_FP32, layer_applies_always, 1000)
MADE_VARIANT(lean_fp32, "lean fp32", FAMILY_NATIVE, PRECISION_FP32, layer_applies_always, 3000)
MADE_VARIANT(lean_bf16x2, "lean bf16x2", FAMILY_NATIVE, PRECISION_BF16X2, layer_applies_always, 2000)
MADE_VARIANT(lean_bf16, "lean bf16", FAMILY_NATIVE, PRECISION_BF16, applies_bf16, 1000)
MADE_VARIANT(same_fp32, "same fp32", FAMILY_NATIVE, PRECISION_FP32, layer_applies_always, 4000)
MADE_VARIANT(fast_fp32, "fp32", FAMILY_NATIVE, PRECISION_FP32, layer_applies_always, 4000)
MADE_VARIANT(fast_bf16x2, "bf16x2", FAMILY_NATIVE, PRECISION_BF16X2, layer_applies_always, 5000)
MADE_VARIANT(fast_bf16, "bf16", FAMILY_NATIVE, PRECISION_BF16, applies_bf16, 6000)

static const struct layer_variant *const made_variants[] = {
    &made_ref, &lean_fp32, &lean_bf16x2, &lean_bf16, &same_fp32, &fast_fp32, &fast_bf16x2, &fast_bf16, NULL};
static const struct layer_operator made_operator = {"made", false, no_flops, made_variants};

/* A step gets the first variant of the list, if memory is short the next, and nothing else after the last. */
static void check_rule(struct kernel_rule rule, const char *const names[])
{
    struct step step = {.op = &made_operator};
    struct plan plan = {.rule = rule, .steps = &step, .step_count = 1};
    step_choose_fastest(&step, rule);
    assert_string_equal(step.variant->name, *names);
    assert_int_equal(step.choice, rule.family == LIMN_KERNELS_AUTO ? CHOICE_FASTEST : CHOICE_FAMILY);
    while (*++names) {
        assert_true(plan_lighten(&plan, NULL, NULL, CHOICE_MEMORY));
        assert_string_equal(step.variant->name, *names);
        assert_int_equal(step.choice, CHOICE_MEMORY);
    }
    assert_false(plan_lighten(&plan, NULL, NULL, CHOICE_MEMORY));
}

static void test_no_precision_but_the_requested(void **state)
{
    (void)state;
    static const char *const fp32[] = {"fp32", "lean fp32", NULL}, *const ref[] = {"ref", NULL};
    static const char *const bf16x2[] = {"bf16x2", "fp32", "lean bf16x2", NULL};
    static const char *const bf16[] = {"bf16", "fp32", "lean bf16", NULL};
    for (int applies = 0; applies < 2; applies++) {
        bf16_applies = applies;
        check_rule((struct kernel_rule){0}, fp32);
        check_rule((struct kernel_rule){.precision = PRECISION_BF16X2}, bf16x2);
        check_rule((struct kernel_rule){.precision = PRECISION_BF16}, applies ? bf16 : fp32);
        check_rule((struct kernel_rule){LIMN_KERNELS_REFERENCE, PRECISION_BF16}, ref);
    }
}

/* ---- parts of a concat ------------------------------------------------------------------- */

enum { THIN = 16, THICK = 512 };

/* Most lives between `in` and `out`, where the room that the concat has for `deep` is of no use yet. */
static void build_skip(struct graph *g)
{
    struct conv plain = {0};
    value_id skip = graph_conv2d(g, graph_input(g, "x", 3), plain, "skip");
    value_id deep = graph_conv2d(g, graph_max_pool(g, skip, 2, 2, 0), plain, "in");
    deep = graph_conv2d(g, graph_conv2d(g, deep, plain, "middle"), plain, "out");
    deep = graph_upsample(g, deep, 2);
    graph_output(g, graph_conv2d(g, graph_concat(g, (value_id[]){skip, deep}, 2), plain, "last"));
}

static const char *write_skip_weights(void)
{
    static float numbers[THICK * THICK];
    const struct made_tensor tensors[] = {
        {"skip.weight", {THIN, 3, 1, 1}, numbers},         {"skip.bias", {THIN}, numbers + 1},
        {"in.weight", {THICK, THIN, 1, 1}, numbers + 2},   {"in.bias", {THICK}, numbers + 3},
        {"middle.weight", {THICK, THICK, 1, 1}, numbers},  {"middle.bias", {THICK}, numbers + 5},
        {"out.weight", {THIN, THICK, 1, 1}, numbers + 6},  {"out.bias", {THIN}, numbers + 7},
        {"last.weight", {3, 2 * THIN, 1, 1}, numbers + 8}, {"last.bias", {3}, numbers + 9}};
    const char *path = scratch_path("skip.safetensors");
    random_fill(&(struct random){5}, numbers, sizeof numbers / sizeof *numbers);
    write_safetensors(path, tensors, sizeof tensors / sizeof *tensors, "");
    return path;
}

static limn_status count_concats(void *context, const struct node *node, const struct tensor *made,
                                 limn_error *error)
{
    (void)made, (void)error;
    *(int *)context += node->role == NODE_CONCAT;
    return LIMN_OK;
}

/* The part is copied in the end, once, and right. */
static void test_parts_that_stay_apart(void **state)
{
    (void)state;
    static const struct model_kind kind = {"skip", "", any_file, build_skip, 0};
    float *want = NULL;
    for (int fast = 0; fast < 2; fast++) {
        limn_engine *engine = test_engine(2, fast ? LIMN_KERNELS_AUTO : LIMN_KERNELS_REFERENCE);
        limn_model *model;
        limn_session *session;
        int apart = 0, concats = 0;
        int64_t count;
        assert_ok(model_load_as(engine, write_skip_weights(), &kind, &model, error));
        assert_ok(limn_session_create(model, (limn_size){1, 16, 16}, &session, error));
        for (int i = 0; i < session->graph.count; i++)
            apart += session->plan.placements[i].apart;
        assert_int_equal(apart, 1);
        if (fast)
            assert_near(session, want);
        else
            want = run(session, &count);
        session_observe(session, count_concats, &concats);
        assert_ok(limn_session_run(session, error));
        assert_int_equal(concats, 1);
        limn_session_free(session);
        limn_model_free(model);
        limn_engine_free(engine);
    }
    free(want);
}

/* ---- sums in place ------------------------------------------------------------------------ */

/* Sums in which the residual is read for the last time (the first and the third), is read again later (the
 * second), and is the input as well (the fourth). */
static void build_sums(struct graph *g)
{
    struct conv padded = {.pad = 1};
    value_id x = graph_conv2d(g, graph_input(g, "x", 3), padded, "first");
    value_id y =
        graph_add(g, graph_conv2d(g, graph_relu(g, graph_conv2d(g, x, padded, "a")), padded, "b"), x);
    value_id z = graph_conv2d(g, graph_conv2d(g, y, padded, "f"), padded, "c");
    z = graph_relu(g, graph_add(g, z, y));
    z = graph_add(g, graph_conv2d(g, z, padded, "d"), y);
    graph_output(g, graph_add(g, graph_conv2d(g, z, (struct conv){0}, "e"), z));
}

static const char *write_sum_weights(void)
{
    static float numbers[LOW * LOW * 9 + 8];
    const struct made_tensor tensors[] = {
        {"first.weight", {LOW, 3, 3, 3}, numbers},   {"first.bias", {LOW}, numbers + 1},
        {"a.weight", {LOW, LOW, 3, 3}, numbers + 2}, {"a.bias", {LOW}, numbers + 3},
        {"b.weight", {LOW, LOW, 3, 3}, numbers + 4}, {"b.bias", {LOW}, numbers + 5},
        {"c.weight", {LOW, LOW, 3, 3}, numbers + 6}, {"c.bias", {LOW}, numbers + 7},
        {"d.weight", {LOW, LOW, 3, 3}, numbers + 1}, {"d.bias", {LOW}, numbers + 2},
        {"e.weight", {LOW, LOW, 1, 1}, numbers + 3}, {"e.bias", {LOW}, numbers + 4},
        {"f.weight", {LOW, LOW, 3, 3}, numbers + 7}, {"f.bias", {LOW}, numbers + 5}};
    const char *path = scratch_path("sums.safetensors");
    random_fill(&(struct random){6}, numbers, sizeof numbers / sizeof *numbers);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        numbers[i] *= 0.1F;
    write_safetensors(path, tensors, sizeof tensors / sizeof *tensors, "");
    return path;
}

/* All values of a run, one after the other. */
struct seen {
    float *values;
    int64_t count;
};

static limn_status see(void *context, const struct node *node, const struct tensor *made, limn_error *error)
{
    (void)node, (void)error;
    struct seen *seen = context;
    int64_t count = tensor_pixels(made) * made->c;
    seen->values = realloc(seen->values, (size_t)(seen->count + count) * sizeof *seen->values);
    tensor_to_nchw(made, seen->values + seen->count);
    seen->count += count;
    return LIMN_OK;
}

/* Where results replace residuals, every value is right when an observer sees it, in a second run too. */
static void test_sums_in_place(void **state)
{
    (void)state;
    static const struct model_kind kind = {"sums", "", any_file, build_sums, 0};
    struct seen seen[2] = {{0}, {0}};
    for (int fast = 0; fast < 2; fast++) {
        limn_engine *engine = test_engine(2, fast ? LIMN_KERNELS_AUTO : LIMN_KERNELS_REFERENCE);
        limn_model *model;
        limn_session *session;
        int64_t count;
        int replaced = 0;
        assert_ok(model_load_as(engine, write_sum_weights(), &kind, &model, error));
        assert_ok(limn_session_create(model, (limn_size){2, 19, 22}, &session, error));
        for (int i = 0; i < session->graph.count; i++)
            replaced += session->plan.placements[i].replaces;
        assert_int_equal(replaced, fast ? 2 : 0);
        free(run(session, &count));
        session_observe(session, see, &seen[fast]);
        free(run(session, &count));
        limn_session_free(session);
        limn_model_free(model);
        limn_engine_free(engine);
    }
    assert_int_equal(seen[0].count, seen[1].count);
    for (int64_t i = 0; i < seen[0].count; i++)
        if (!(fabs((double)seen[1].values[i] - (double)seen[0].values[i]) <= 2e-5))
            fail_with("value %" PRId64 ": want %.9g got %.9g", i, (double)seen[0].values[i],
                      (double)seen[1].values[i]);
    free(seen[0].values);
    free(seen[1].values);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes_are_honest),
        cmocka_unit_test(test_sizes_that_overflow),
        cmocka_unit_test(test_shrinking_limits),
        cmocka_unit_test(test_sessions_of_several_sizes),
        cmocka_unit_test(test_budget_of_weights),
        cmocka_unit_test(test_no_precision_but_the_requested),
        KERNELS_TEST(test_blocked_is_never_chosen, AUTO),
        KERNELS_TEST(test_blocked_is_never_chosen, OPENBLAS),
        KERNELS_TEST(test_blocked_is_never_chosen, NATIVE),
        KERNELS_TEST(test_blocked_is_never_chosen, REFERENCE),
        cmocka_unit_test(test_parts_that_stay_apart),
        cmocka_unit_test(test_sums_in_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
