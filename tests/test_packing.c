/* test_packing.c - packed weights where they outweigh the picture: what packing takes, to the byte, and which
 * of them are given up. */
#include "engine/base/memory.h"
#include "engine/run/pack.h"
#include "engine/run/session.h"
#include "engine/run/step.h"
#include "tests/support.h"

#include <string.h>

/* ---- a network of two Winograd layers ---------------------------------------------------- */

enum { WIDE = 96, FEW = 21, THREADS = 3 };

static bool any_file(const struct graph *g)
{
    (void)g;
    return true;
}

/* "wide" has most of the weights, and four times the pixels of "few". */
static void build(struct graph *g)
{
    struct conv padded = {.pad = 1};
    value_id x = graph_conv2d(g, graph_input(g, "x", 3), padded, "first");
    x = graph_max_pool(g, graph_conv2d(g, x, padded, "wide"), 2, 2, 0);
    x = graph_conv2d(g, graph_conv2d(g, x, (struct conv){0}, "narrow"), padded, "few");
    graph_output(g, graph_conv2d(g, x, padded, "last"));
}

static limn_model *load(limn_engine *engine)
{
    static const struct model_kind kind = {"test", "", any_file, build, 0};
    static const float numbers[WIDE * WIDE * 9];
    const struct made_tensor tensors[] = {
        {"first.weight", {WIDE, 3, 3, 3}, numbers},    {"first.bias", {WIDE}, numbers},
        {"wide.weight", {WIDE, WIDE, 3, 3}, numbers},  {"wide.bias", {WIDE}, numbers},
        {"narrow.weight", {FEW, WIDE, 1, 1}, numbers}, {"narrow.bias", {FEW}, numbers},
        {"few.weight", {FEW, FEW, 3, 3}, numbers},     {"few.bias", {FEW}, numbers},
        {"last.weight", {3, FEW, 3, 3}, numbers},      {"last.bias", {3}, numbers}};
    const char *path = scratch_path("packing.safetensors");
    limn_model *model;
    write_safetensors(path, tensors, sizeof tensors / sizeof *tensors, "");
    assert_ok(model_load_as(engine, path, &kind, &model, error));
    return model;
}

static const limn_size tiny = {1, 4, 4}, large = {1, 80, 80};

/* ---- to the byte ------------------------------------------------------------------------- */

static void check_height(const struct plan *plan, const struct graph *graph)
{
    size_t height = 0;
    for (int s = 0; s < plan->step_count; s++) {
        const struct layer_needs *needs = &plan->steps[s].needs;
        size_t here = plan_live_bytes(plan, graph, s) + needs->shared_bytes +
                      workspace_stride(needs->workspace_bytes) * THREADS;
        height = here > height ? here : height;
    }
    assert_int_equal(plan_height(plan, graph), height);
    assert_true(plan->arena_bytes >= height);
}

/* Under a limit of what a plan says with so many packing threads, not a byte more: it has at least these and
 * gives nothing up, there is room for what it takes, and it takes all of it. */
static void check_limit(limn_engine *engine, limn_kernels kernels, int threads)
{
    limn_model *model = load(engine);
    const struct graph *graph = &model->graph;
    struct plan plan;
    assert_ok(plan_create(graph, (struct kernel_rule){.family = kernels}, tiny, "test", &plan, error));
    assert_ok(plan_fit(&plan, graph, model, NULL, error));
    assert_int_equal(plan.pack_threads, THREADS);
    check_height(&plan, graph);
    plan.pack_threads = threads;
    size_t bytes = plan_bytes(&plan), before = mem_in_use();
    size_t notes = PACK_NOTES + PACK_NOTES_EACH * (size_t)plan.step_count;
    bool staged = plan.staging_bytes > plan.arena_bytes; /* else all of them fit below the arena */
    mem_restart_peak();
    mem_set_limit(before + bytes);
    limn_status fits = plan_fit(&plan, graph, model, NULL, NULL);
    limn_status packs = fits == LIMN_OK ? plan_pack(&plan, model, NULL) : fits;
    void *arena = packs == LIMN_OK ? mem_alloc(plan.arena_bytes) : NULL;
    mem_set_limit(0);
    assert_int_equal(fits, LIMN_OK);
    assert_int_equal(packs, LIMN_OK);
    assert_non_null(arena);
    assert_true(plan.pack_threads == threads || (!staged && plan.pack_threads > threads));
    assert_true(mem_peak() - before >= bytes - notes);
    for (int s = 0; s < plan.step_count; s++) {
        assert_true(plan.steps[s].choice != CHOICE_MEMORY);
        assert_int_equal((uintptr_t)plan.steps[s].args.packed % 64, 0);
    }
    mem_free(arena);
    plan_free(&plan);
    limn_model_free(model);
}

static void test_limits_to_the_byte(void **state)
{
    const limn_kernels *kernels = *state;
    limn_engine *engine = test_engine(THREADS, *kernels);
    for (int threads = 1; threads <= THREADS; threads++)
        check_limit(engine, *kernels, threads);
    limn_engine_free(engine);
}

/* ---- what is given up -------------------------------------------------------------------- */

static bool is_light(const struct plan *plan, const struct graph *graph, const char *name)
{
    for (int s = 0; s < plan->step_count; s++)
        if (strcmp(graph->nodes[plan->steps[s].node].name, name) == 0)
            return plan->steps[s].choice == CHOICE_WEIGHTS;
    fail_with("no step is called %s", name);
    return false;
}

/* Not the largest weights go first but those that the fewest multiplications share. */
static void test_few_pixels_first(void **state)
{
    (void)state;
    limn_engine *engine = test_engine(1, LIMN_KERNELS_AUTO);
    limn_model *model = load(engine);
    const struct graph *graph = &model->graph;
    struct plan plan;
    assert_ok(plan_create(graph, (struct kernel_rule){0}, large, "test", &plan, error));
    assert_true(plan_lighten(&plan, NULL, NULL, CHOICE_WEIGHTS));
    assert_true(is_light(&plan, graph, "few") && !is_light(&plan, graph, "wide"));
    assert_true(plan_lighten(&plan, NULL, NULL, CHOICE_WEIGHTS));
    assert_true(is_light(&plan, graph, "wide"));
    assert_false(plan_lighten(&plan, NULL, NULL, CHOICE_WEIGHTS));
    plan_free(&plan);
    limn_model_free(model);
    limn_engine_free(engine);
}

/* Giving up what a model has packed already would save nothing. */
static void test_packed_is_kept(void **state)
{
    (void)state;
    limn_engine *engine = test_engine(1, LIMN_KERNELS_AUTO);
    limn_model *model = load(engine);
    struct plan plan;
    assert_ok(plan_create(&model->graph, (struct kernel_rule){0}, large, "test", &plan, error));
    assert_ok(plan_pack(&plan, model, error));
    assert_false(plan_lighten(&plan, NULL, model, CHOICE_WEIGHTS));
    plan_note_packing(&plan, model, 1);
    assert_true(plan.packed_bytes == 0 && plan.staging_bytes == 0);
    plan_free(&plan);
    limn_model_free(model);
    limn_engine_free(engine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        KERNELS_TEST(test_limits_to_the_byte, AUTO),
        KERNELS_TEST(test_limits_to_the_byte, OPENBLAS),
        cmocka_unit_test(test_few_pixels_first),
        cmocka_unit_test(test_packed_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
