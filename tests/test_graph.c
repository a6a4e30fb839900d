/* test_graph.c - building, folding, planning and running graphs. */
#include "engine/base/memory.h"
#include "engine/base/system.h"
#include "engine/run/session.h"
#include "tests/support.h"
#include "tests/support_faults.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GOLDENS "tests/goldens/"

/* ---- runs -------------------------------------------------------------------------------- */

static float *run_once(limn_model *model, limn_size size, size_t *bytes)
{
    limn_session *session;
    assert_ok(limn_session_create(model, size, &session, error));
    limn_shape in = limn_session_input_shape(session, 0), out = limn_session_output_shape(session);
    int64_t inputs = in.n * in.c * in.h * in.w;
    *bytes = (size_t)(out.n * out.c * out.h * out.w) * sizeof(float);
    float *x = malloc((size_t)inputs * sizeof *x), *y = malloc(*bytes);
    random_fill(&(struct random){9}, x, inputs);
    assert_ok(limn_session_set_input(session, 0, x, error));
    assert_ok(limn_session_run(session, error));
    assert_ok(limn_session_run(session, error)); /* inputs survive a run */
    assert_ok(limn_session_get_output(session, y, error));
    limn_session_free(session);
    free(x);
    return y;
}

static void test_threads_do_not_change_results(void **state)
{
    (void)state;
    limn_size size = {2, 33, 29};
    size_t bytes = 0;
    float *first = NULL;
    for (int threads = 1; threads <= 5; threads++) {
        limn_engine *engine = test_engine(threads, LIMN_KERNELS_AUTO);
        limn_model *model;
        assert_ok(limn_model_load(engine, GOLDENS "enhancenet.safetensors", &model, error));
        float *y = run_once(model, size, &bytes);
        if (first)
            assert_memory_equal(first, y, bytes);
        else
            first = y;
        if (first != y)
            free(y);
        limn_model_free(model);
        limn_engine_free(engine);
    }
    free(first);
}

struct client {
    limn_model *model;
    limn_size size;
    float *y;
    size_t bytes;
};

static void *client_main(void *argument)
{
    struct client *client = argument;
    client->y = run_once(client->model, client->size, &client->bytes);
    return NULL;
}

/* Sessions of one model in several threads, sharing one pool, give what they give one after the other. */
static void test_sessions_side_by_side(void **state)
{
    (void)state;
    enum { CLIENTS = 4 };
    limn_engine *engine = test_engine(3, LIMN_KERNELS_AUTO);
    limn_model *model;
    assert_ok(limn_model_load(engine, GOLDENS "enhancenet.safetensors", &model, error));
    pthread_t threads[CLIENTS];
    struct client clients[CLIENTS];
    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = (struct client){.model = model, .size = {1, 16 + i % 2, 19}};
        assert_int_equal(pthread_create(&threads[i], NULL, client_main, &clients[i]), 0);
    }
    for (int i = 0; i < CLIENTS; i++) {
        pthread_join(threads[i], NULL);
        size_t bytes;
        float *alone = run_once(model, clients[i].size, &bytes);
        assert_memory_equal(alone, clients[i].y, bytes);
        free(alone);
        free(clients[i].y);
    }
    limn_model_free(model);
    limn_engine_free(engine);
}

static void test_running_allocates_nothing(void **state)
{
    (void)state;
    limn_engine *engine = test_engine(2, LIMN_KERNELS_AUTO);
    limn_model *model;
    limn_session *session;
    assert_ok(limn_model_load(engine, GOLDENS "enhancenet.safetensors", &model, error));
    assert_ok(limn_session_create(model, (limn_size){1, 12, 12}, &session, error));
    memset(session_input(session, 0)->data, 0, 12 * 12 * 3 * sizeof(float));
    fault_at(FAULT_MEMORY, 1, true);
    limn_status status = limn_session_run(session, NULL);
    fault_at(FAULT_MEMORY, 0, false);
    assert_int_equal(status, LIMN_OK);
    limn_session_free(session);
    limn_model_free(model);
    limn_engine_free(engine);
}

/* The steps' times add up to the run's; each task of each step ran once, within the run, on a thread of the
 * pool; and no thread did two at a time. */
static void test_times_of_steps_and_tasks(void **state)
{
    (void)state;
    enum { THREADS = 3 };
    limn_engine *engine = test_engine(THREADS, LIMN_KERNELS_AUTO);
    limn_model *model;
    limn_session *session;
    assert_ok(limn_model_load(engine, "weights/enhancenet.safetensors", &model, error));
    assert_ok(limn_session_create(model, (limn_size){1, 32, 32}, &session, error));
    struct tensor *x = session_input(session, 0);
    memset(x->data, 0, (size_t)(tensor_pixels(x) * x->c) * sizeof(float));
    size_t steps = (size_t)session->plan.step_count, tasks = (size_t)session_tasks(session), second = 0;
    for (size_t s = 0; s < steps; s++)
        second += (size_t)session->plan.steps[s].needs.run_tasks;
    assert_true(second < tasks); /* some steps have two stages: Winograd's */
    double sum = 0;
    struct task_time *times = calloc(tasks, sizeof *times);
    session_trace(session, times);
    double begin = system_seconds();
    assert_ok(limn_session_run(session, error));
    double end = system_seconds(), after[THREADS] = {begin, begin, begin};
    for (size_t s = 0; s < steps; s++) {
        double seconds = limn_session_step(session, (int)s)->seconds;
        assert_true(seconds > 0);
        sum += seconds;
    }
    assert_true(sum <= end - begin);
    for (size_t i = 0; i < tasks; i++) { /* a thread takes the tasks of a step in their order */
        assert_in_range(times[i].worker, 0, THREADS - 1);
        assert_true(times[i].start >= after[times[i].worker] && times[i].end >= times[i].start);
        after[times[i].worker] = times[i].end;
    }
    assert_true(after[0] <= end && after[1] <= end && after[2] <= end);

    struct task_time last = times[tasks - 1];
    session_trace(session, NULL);
    assert_ok(limn_session_run(session, error));
    assert_memory_equal(&last, &times[tasks - 1], sizeof last);
    free(times);
    limn_session_free(session);
    limn_model_free(model);
    limn_engine_free(engine);
}

/* A session that fails for want of memory leaves nothing half made, and the model can still be used. */
static void test_packing_may_fail(void **state)
{
    (void)state;
    static const char *const models[] = {"enhancenet", "dcgan-5-stages",
                                         "siggraph17"}; /* each order of weights */
    for (size_t m = 0; m < sizeof models / sizeof *models; m++) {
        char path[128];
        snprintf(path, sizeof path, GOLDENS "%s.safetensors", models[m]);
        limn_engine *engine = test_engine(3, LIMN_KERNELS_AUTO);
        limn_model *model, *other;
        limn_session *session;
        const limn_size size = {1, 32, 32};
        assert_ok(limn_model_load(engine, path, &model, error));
        size_t before = mem_in_use();
        limn_status status = LIMN_E_MEMORY;
        int nth = 0;
        while (status == LIMN_E_MEMORY) {
            if (!model->packed && mem_in_use() != before) /* weights packed before the failure are kept */
                fail_with("%s, allocation %d failed: something is left", models[m], nth);
            fault_at(FAULT_MEMORY, ++nth, false);
            status = limn_session_create(model, size, &session, NULL);
            fault_at(FAULT_MEMORY, 0, false);
        }
        assert_int_equal(status, LIMN_OK);
        assert_true(nth > 8);
        limn_session_free(session);
        size_t bytes;
        float *after = run_once(model, size, &bytes);
        assert_ok(limn_model_load(engine, path, &other, error));
        float *fresh = run_once(other, size, &bytes);
        assert_memory_equal(after, fresh, bytes);
        free(after);
        free(fresh);
        limn_model_free(other);
        limn_model_free(model);
        limn_engine_free(engine);
    }
}

/* ---- planning ---------------------------------------------------------------------------- */

/* No two values that live at the same time share a byte. */
static void test_placements_do_not_overlap(void **state)
{
    (void)state;
    limn_engine *engine = test_engine(1, LIMN_KERNELS_AUTO);
    limn_model *model;
    struct plan plan;
    assert_ok(limn_model_load(engine, GOLDENS "enhancenet.safetensors", &model, error));
    assert_ok(
        plan_create(&model->graph, (struct kernel_rule){0}, (limn_size){3, 31, 47}, "graph", &plan, error));
    size_t sum = 0;
    for (int i = 0; i < model->graph.count; i++) {
        const struct placement *a = &plan.placements[i];
        sum += a->bytes;
        assert_true(a->offset % 64 == 0 && a->offset + a->bytes <= plan.arena_bytes);
        for (int j = 0; j < i; j++) {
            const struct placement *b = &plan.placements[j];
            bool together = a->first <= b->last && b->first <= a->last;
            bool overlap = a->offset < b->offset + b->bytes && b->offset < a->offset + a->bytes;
            assert_false(a->bytes && b->bytes && together && overlap);
        }
    }
    assert_true(plan.arena_bytes < sum); /* memory is used again */
    plan_free(&plan);
    limn_model_free(model);
    limn_engine_free(engine);
}

static void test_impossible_sizes(void **state)
{
    (void)state;
    limn_engine *engine = test_engine(1, LIMN_KERNELS_AUTO);
    limn_model *model;
    limn_session *session;
    assert_ok(limn_model_load(engine, GOLDENS "enhancenet.safetensors", &model, error));
    assert_fails(limn_session_create(model, (limn_size){1, 0, 5}, &session, error), LIMN_E_INPUT,
                 "not possible");
    assert_fails(limn_session_create(model, (limn_size){1, -3, 5}, &session, error), LIMN_E_INPUT,
                 "not possible");
    assert_fails(limn_session_create(model, (limn_size){INT64_MAX, 2, 2}, &session, error), LIMN_E_INPUT,
                 "not possible");
    assert_fails(limn_session_create(model, (limn_size){9999999, 9999999, 9999999}, &session, error),
                 LIMN_E_INPUT, "cannot be");
    assert_null(session);
    limn_model_free(model);
    limn_engine_free(engine);
}

/* ---- folding ----------------------------------------------------------------------------- */

static struct graph begin_graph(struct weights_file *weights, limn_error *first)
{
    static const float ones[64] = {1, 1, 1, 1};
    const char *path = scratch_path("fold.safetensors");
    const struct made_tensor tensors[] = {{"a.weight", {2, 2, 1, 1}, ones},
                                          {"a.bias", {2}, ones},
                                          {"b.weight", {2, 2, 3, 3}, ones},
                                          {"b.bias", {2}, ones}};
    write_safetensors(path, tensors, 4, "");
    assert_ok(weights_open(path, weights, error));
    struct graph graph;
    graph_begin(&graph, weights, first);
    return graph;
}

static int live_nodes(const struct graph *graph)
{
    int count = 0;
    for (int i = 0; i < graph->count; i++)
        count += graph->nodes[i].fused_into == NO_VALUE;
    return count;
}

static void test_folding(void **state)
{
    (void)state;
    limn_error error = {0};
    struct weights_file weights;
    struct graph g = begin_graph(&weights, &error);
    static const float shift[2] = {5, 6};
    value_id x = graph_input(&g, "x", 2);
    value_id a = graph_relu(&g, graph_conv2d(&g, x, (struct conv){0}, "a"));
    value_id b = graph_conv2d(&g, a, (struct conv){.pad = 1}, "b");
    value_id sum = graph_add(&g, x, b);         /* joins b, its second operand: x has no epilogue */
    value_id out = graph_shift(&g, sum, shift); /* joins b too, into its bias */
    graph_output(&g, graph_relu(&g, out));
    graph_check_all_used(&g);
    graph_fold(&g);
    assert_int_equal(g.status, LIMN_OK);
    assert_int_equal(live_nodes(&g), 3);
    const struct node *conv = &g.nodes[b];
    assert_int_equal(graph_maker(&g, g.output), b);
    assert_int_equal(conv->residual, x);
    assert_int_equal(conv->activation, ACTIVATION_RELU);
    assert_true(conv->bias[0] == 6 && conv->bias[1] == 7);
    assert_string_equal(conv->made, "x/add/shift/relu");
    assert_string_equal(conv->name, "b");
    graph_free(&g);
    weights_close(&weights);
}

/* What must not be fused: a value with two readers, a shift after an activation, a residual made later. */
static void test_folding_refused(void **state)
{
    (void)state;
    limn_error error = {0};
    struct weights_file weights;
    struct graph g = begin_graph(&weights, &error);
    static const float shift[2] = {5, 6};
    value_id x = graph_input(&g, "x", 2);
    value_id a = graph_conv2d(&g, x, (struct conv){0}, "a");
    value_id relu = graph_relu(&g, a); /* a is read again below */
    value_id b = graph_conv2d(&g, graph_shift(&g, relu, shift), (struct conv){.pad = 1}, "b");
    value_id sum = graph_add(&g, a, b);
    graph_output(&g, sum);
    graph_fold(&g);
    assert_int_equal(g.status, LIMN_OK);
    assert_int_equal(g.nodes[relu].fused_into, NO_VALUE);
    assert_int_equal(graph_maker(&g, sum), b); /* a is made before b, so b can add it */
    assert_int_equal(live_nodes(&g), 5);       /* x, a, relu, shift, b */
    graph_free(&g);
    weights_close(&weights);
}

/* A transposed convolution of one pixel takes a stride that wastes nothing; of more it keeps its own. */
static void test_one_pixel_transposed(void **state)
{
    (void)state;
    for (int64_t side = 0; side < 3; side++) { /* 0: the session's */
        limn_error error = {0};
        struct weights_file weights;
        struct graph g = begin_graph(&weights, &error);
        value_id x = graph_input_fixed(&g, "x", 2, side);
        value_id y = graph_conv2d_transpose(&g, x, (struct conv){.stride = 2, .pad = 1}, "b");
        assert_int_equal(g.status, LIMN_OK);
        assert_int_equal(g.nodes[y].window.stride_h, side == 1 ? 3 : 2);
        assert_int_equal(g.nodes[y].window.stride_w, side == 1 ? 3 : 2);
        graph_free(&g);
        weights_close(&weights);
    }
}

/* A name that does not fit is an error and is never cut to another one. */
static void test_long_names(void **state)
{
    (void)state;
    char name[2 * GRAPH_NAME];
    memset(name, 'n', sizeof name);
    for (int length = 1; length < 2 * GRAPH_NAME; length++) {
        limn_error error = {0};
        struct weights_file weights;
        struct graph g = begin_graph(&weights, &error);
        graph_batchnorm(&g, graph_input(&g, "x", 2), "%.*s", length, name);
        assert_int_equal(g.status, LIMN_E_WEIGHTS);
        bool fits = (size_t)length + strlen(".weight") < GRAPH_NAME;
        assert_non_null(strstr(error.message, fits ? ".weight is missing" : "is too long"));
        graph_free(&g);
        weights_close(&weights);
    }
}

static void test_sticky_errors(void **state)
{
    (void)state;
    limn_error error = {0};
    struct weights_file weights;
    struct graph g = begin_graph(&weights, &error);
    value_id x = graph_input(&g, "x", 3);
    value_id a = graph_conv2d(&g, x, (struct conv){0}, "a");
    graph_output(&g, graph_relu(&g, graph_add(&g, graph_conv2d(&g, a, (struct conv){0}, "missing"), a)));
    graph_check_all_used(&g);
    graph_fold(&g);
    assert_int_equal(g.status, LIMN_E_WEIGHTS);
    assert_non_null(
        strstr(error.message, "fold.safetensors: tensor a.weight is 2x2x1x1: 2 input channels, 3 expected"));
    graph_free(&g);

    graph_begin(&g, &weights, &error);
    x = graph_input(&g, "x", 2);
    graph_output(&g, graph_linear(&g, x, 1, "a"));
    assert_non_null(strstr(error.message, "a.weight is 2x2x1x1; 2 positive dimensions"));
    graph_free(&g);

    graph_begin(&g, &weights, &error);
    x = graph_input(&g, "x", 2);
    graph_output(&g, graph_conv2d(&g, x, (struct conv){0}, "a"));
    graph_check_all_used(&g);
    assert_non_null(strstr(error.message, "2 tensors that the network does not have: b.bias, b.weight"));
    graph_free(&g);

    graph_begin(&g, &weights, &error);
    for (int i = 0; i < 5000; i++) {
        char name[16];
        snprintf(name, sizeof name, "%d", i);
        graph_input(&g, name, 1);
    }
    assert_non_null(strstr(error.message, "a network of more than 4096 operations"));
    assert_int_equal(g.count, 4096);
    graph_free(&g);
    weights_close(&weights);
}

/* ---- weights files ----------------------------------------------------------------------- */

static void test_bad_weights_files(void **state)
{
    (void)state;
    limn_engine *engine = test_engine(1, LIMN_KERNELS_AUTO);
    limn_model *model;
    static const float zeros[64];
    const char *path = scratch_path("bad.safetensors");
    assert_fails(limn_model_load(engine, "/nowhere/x", &model, error), LIMN_E_WEIGHTS,
                 "/nowhere/x: No such file");
    assert_fails(limn_model_load(engine, "nowhere", &model, error), LIMN_E_WEIGHTS,
                 "no weights called nowhere: nowhere.safetensors was not found in $LIMN_WEIGHTS");
    assert_reason(limn_model_load(engine, "nowhere", &model, error), LIMN_REASON_UNKNOWN_NAME);
    assert_reason(limn_model_load(engine, "/nowhere/x", &model, error), LIMN_REASON_NONE);
    assert_string_equal(limn_default_weights(LIMN_TASK_UPSCALE), "enhancenet");
    assert_null(limn_default_weights((limn_task)(LIMN_TASK_GENERATE + 1)));
    assert_fails(limn_model_load(engine, "/tmp", &model, error), LIMN_E_WEIGHTS, "folder");
    assert_fails(limn_model_load(engine, "/dev/zero", &model, error), LIMN_E_WEIGHTS, "device");
    write_file(path, "abc", 3);
    assert_fails(limn_model_load(engine, path, &model, error), LIMN_E_WEIGHTS, "3 bytes, too short");
    write_file(path, "PK\3\4 0123456789abcdefghijklmnop", 30);
    assert_fails(limn_model_load(engine, path, &model, error), LIMN_E_WEIGHTS, "not safetensors");
    assert_reason(limn_model_load(engine, path, &model, error), LIMN_REASON_CHECKPOINT);
    const struct made_tensor unknown[] = {{"x", {2}, zeros}};
    write_safetensors(path, unknown, 1, "");
    assert_fails(limn_model_load(engine, path, &model, error), LIMN_E_WEIGHTS, "none of the known networks");
    write_safetensors(path, unknown, 1, "\"limn.model\": \"resnet\"");
    assert_fails(limn_model_load(engine, path, &model, error), LIMN_E_WEIGHTS, "limn.model is \"resnet\"");
    write_safetensors(path, unknown, 1, "\"limn.model\": \"enhancenet\"");
    assert_fails(limn_model_load(engine, path, &model, error), LIMN_E_WEIGHTS, "1 convolutions");
    assert_null(model);
    limn_engine_free(engine);
}

/* A file cut or rewritten after it was opened is an error when its weights are read. */
static void test_weights_change_meanwhile(void **state)
{
    (void)state;
    unsigned char *bytes;
    size_t size;
    limn_engine *engine = test_engine(3, LIMN_KERNELS_AUTO);
    limn_model *model;
    limn_session *session;
    const char *path = scratch_path("changing.safetensors");
    assert_ok(
        file_read_all(GOLDENS "enhancenet.safetensors", SIZE_MAX / 2, LIMN_E_INPUT, &bytes, &size, error));
    write_file(path, bytes, size);
    assert_ok(limn_model_load(engine, path, &model, error));
    write_file(path, bytes, size - 100);
    assert_fails(limn_session_create(model, (limn_size){1, 4, 4}, &session, error), LIMN_E_WEIGHTS, "chang");
    limn_model_free(model);

    /* Written again as it was, at once: that this changed nothing cannot be known. */
    write_file(path, bytes, size);
    assert_ok(limn_model_load(engine, path, &model, error));
    write_file(path, bytes, size);
    for (int i = 0; i < 2; i++)
        assert_fails(limn_session_create(model, (limn_size){1, 4, 4}, &session, error), LIMN_E_WEIGHTS,
                     "changing.safetensors: changed while it was being read");
    limn_model_free(model);

    /* What was packed before is there; what another size needs is not. */
    assert_ok(limn_model_load(engine, path, &model, error));
    assert_ok(limn_session_create(model, (limn_size){1, 4, 4}, &session, error));
    limn_session_free(session);
    write_file(path, bytes, size);
    assert_ok(limn_session_create(model, (limn_size){1, 4, 4}, &session, error));
    limn_session_free(session);
    limn_model_free(model);

    /* Another file in its place: the model still reads the one it opened. */
    assert_ok(limn_model_load(engine, path, &model, error));
    const char *other = scratch_path("other.safetensors");
    write_file(other, "none", 4);
    assert_int_equal(rename(other, path), 0);
    assert_ok(limn_session_create(model, (limn_size){1, 4, 4}, &session, error));
    limn_session_free(session);
    limn_model_free(model);
    assert_fails(limn_model_load(engine, path, &model, error), LIMN_E_WEIGHTS, "4 bytes, too short");
    limn_engine_free(engine);
    mem_free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_threads_do_not_change_results),
        cmocka_unit_test(test_sessions_side_by_side),
        cmocka_unit_test(test_running_allocates_nothing),
        cmocka_unit_test(test_times_of_steps_and_tasks),
        cmocka_unit_test(test_packing_may_fail),
        cmocka_unit_test(test_placements_do_not_overlap),
        cmocka_unit_test(test_impossible_sizes),
        cmocka_unit_test(test_folding),
        cmocka_unit_test(test_folding_refused),
        cmocka_unit_test(test_one_pixel_transposed),
        cmocka_unit_test(test_long_names),
        cmocka_unit_test(test_sticky_errors),
        cmocka_unit_test(test_bad_weights_files),
        cmocka_unit_test(test_weights_change_meanwhile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
