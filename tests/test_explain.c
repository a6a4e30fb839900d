/* test_explain.c - receptive fields, worked out by hand and tried out; explanations without memory. */
#include "engine/base/memory.h"
#include "engine/inspect/explanation.h"
#include "engine/run/session.h"
#include "tests/support.h"
#include "tests/support_faults.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GOLDENS "tests/goldens/"

/* ---- by hand ----------------------------------------------------------------------------- */

struct known {
    const char *node;
    int64_t field; /* 0: the whole picture */
    double stride;
};

static const struct explained *find(const struct explanation *explanation, const char *name)
{
    for (int i = 0; i < explanation->count; i++)
        if (strcmp(explain_node(explanation, explanation->nodes[i].at)->name, name) == 0)
            return &explanation->nodes[i];
    fail_with("there is no node %s", name);
    return NULL;
}

static void check_known(const char *path, limn_size size, const struct known *rows, size_t count)
{
    limn_engine *engine = test_engine(1, LIMN_KERNELS_AUTO);
    limn_model *model;
    struct explanation explanation;
    assert_ok(limn_model_load(engine, path, &model, error));
    assert_ok(explain_create(model, size, &explanation, error));
    for (size_t i = 0; i < count; i++) {
        struct receptive sees = find(&explanation, rows[i].node)->sees;
        bool whole = !rows[i].field;
        int64_t high = whole ? explanation.size.height : rows[i].field,
                wide = whole ? explanation.size.width : rows[i].field;
        if (!sees.depends || sees.whole != whole || sees.height != high || sees.width != wide ||
            sees.stride != rows[i].stride)
            fail_with("%s: %s sees %lld x %lld, stride %g; %lld x %lld, stride %g expected", path,
                      rows[i].node, (long long)sees.height, (long long)sees.width, sees.stride,
                      (long long)high, (long long)wide, rows[i].stride);
    }
    explain_free(&explanation);
    limn_model_free(model);
    limn_engine_free(engine);
}

#define CHECK_KNOWN(path, size, rows) check_known(path, size, rows, sizeof(rows) / sizeof *(rows))

/* Two 3x3 in a row have a field of 5. After the enlargements they see at most 3 and then 7 neighbouring
 * pixels of the smaller value. The bicubic sees only four pixels. */
static void test_enhancenet(void **state)
{
    (void)state;
    static const struct known rows[] = {{"rgb", 1, 1},
                                        {"generator/Conv", 3, 1},
                                        {"generator/Conv_1", 5, 1},
                                        {"generator/Conv_2", 7, 1},
                                        {"generator/Conv_3", 8, 0.5},
                                        {"generator/Conv_4", 9, 0.25},
                                        {"generator/Conv_5", 9, 0.25},
                                        {"generator/Conv_6", 10, 0.25},
                                        {"rgb/shift/bicubic", 4, 0.25}};
    CHECK_KNOWN(GOLDENS "enhancenet.safetensors", ((limn_size){1, 24, 32}), rows);
}

/* Down: 5, 6, + 8, + 2, + 16 ... + 64 at 16 pixels a step. Up, two 3x3 at a time: of the value half as large,
 * 5 pixels in a row see 3; with the two 3x3 there 7, of the next smaller one 4 at most, or 5 after two more.
 */
static void test_unet(void **state)
{
    (void)state;
    static const struct known rows[] = {{"inc.double_conv.3", 5, 1},
                                        {"inc.double_conv.4/relu/max_pool", 6, 2},
                                        {"down1.maxpool_conv.1.double_conv.3", 14, 2},
                                        {"down2.maxpool_conv.1.double_conv.3", 32, 4},
                                        {"down3.maxpool_conv.1.double_conv.3", 68, 8},
                                        {"down4.maxpool_conv.1.double_conv.0", 108, 16},
                                        {"down4.maxpool_conv.1.double_conv.3", 140, 16},
                                        {"up1.up", 140, 8},
                                        {"up1.conv.double_conv.3", 172, 8},
                                        {"up2.conv.double_conv.3", 188, 4},
                                        {"up3.conv.double_conv.3", 204, 2},
                                        {"outc.conv", 204, 1}};
    CHECK_KNOWN(GOLDENS "unet-transposed.safetensors", ((limn_size){1, 64, 48}), rows);
}

/* Weights of one channel for a DeepLab with so many blocks in its stages. */
enum { TENSORS_MOST = 700 };

struct weights_list {
    struct made_tensor tensors[TENSORS_MOST];
    char names[TENSORS_MOST][64];
    size_t count;
};

static const float ones[256] = {1};

static void __attribute__((format(printf, 4, 5)))
add_conv(struct weights_list *list, int64_t ic, int64_t side, const char *format, ...)
{
    char name[40];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(name, sizeof name, format, arguments);
    va_end(arguments);
    snprintf(list->names[list->count], sizeof *list->names, "%s.weight", name);
    list->tensors[list->count] = (struct made_tensor){list->names[list->count], {1, ic, side, side}, ones};
    list->count++;
}

static void __attribute__((format(printf, 2, 3))) add_norm(struct weights_list *list, const char *format, ...)
{
    static const char *const parts[] = {"weight", "bias", "running_mean", "running_var"};
    char name[40];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(name, sizeof name, format, arguments);
    va_end(arguments);
    for (int i = 0; i < 4; i++, list->count++) {
        snprintf(list->names[list->count], sizeof *list->names, "%s.%s", name, parts[i]);
        list->tensors[list->count] = (struct made_tensor){list->names[list->count], {1}, ones};
    }
}

static void add_block(struct weights_list *list, int stage, int block)
{
    static const int64_t sides[] = {1, 3, 1};
    for (int i = 0; i < 3; i++) {
        add_conv(list, 1, sides[i], "backbone.layer%d.%d.conv%d", stage, block, i + 1);
        add_norm(list, "backbone.layer%d.%d.bn%d", stage, block, i + 1);
    }
    if (block > 0)
        return;
    add_conv(list, 1, 1, "backbone.layer%d.0.downsample.0", stage);
    add_norm(list, "backbone.layer%d.0.downsample.1", stage);
}

static const char *write_deeplab(const int blocks[4])
{
    static struct weights_list list;
    list.count = 0;
    add_conv(&list, 3, 7, "backbone.conv1");
    add_norm(&list, "backbone.bn1");
    for (int stage = 0; stage < 4; stage++)
        for (int block = 0; block < blocks[stage]; block++)
            add_block(&list, stage + 1, block);
    for (int i = 0; i < 5; i++) {
        add_conv(&list, 1, i % 4 ? 3 : 1, "classifier.0.convs.%d.%d", i, i == 4);
        add_norm(&list, "classifier.0.convs.%d.%d", i, 1 + (i == 4));
    }
    add_conv(&list, 5, 1, "classifier.0.project.0");
    add_norm(&list, "classifier.0.project.1");
    add_conv(&list, 1, 3, "classifier.1");
    add_norm(&list, "classifier.2");
    add_conv(&list, 1, 1, "classifier.4");
    assert_true(list.count <= TENSORS_MOST);
    const char *path = scratch_path("deeplab.safetensors");
    write_safetensors(path, list.tensors, list.count, "");
    return path;
}

/* 7, 11; then each 3x3 adds 2 d j: 3 x 8, 8 + 3 x 16, 16 + 5 (22) x 32, 32 + 2 x 64, and the branches of the
 * pyramid 12, 24 and 36 times 16. */
static void test_deeplab(void **state)
{
    (void)state;
    static const struct known r50[] = {{"backbone.conv1", 7, 2},
                                       {"backbone.bn1/relu/max_pool", 11, 4},
                                       {"backbone.layer1.2.conv3", 35, 4},
                                       {"backbone.layer2.0.downsample.0", 35, 8},
                                       {"backbone.layer2.0.conv3", 43, 8},
                                       {"backbone.layer2.3.conv3", 91, 8},
                                       {"backbone.layer3.0.conv3", 107, 8},
                                       {"backbone.layer3.5.conv3", 267, 8},
                                       {"backbone.layer4.0.conv3", 299, 8},
                                       {"backbone.layer4.2.conv3", 427, 8},
                                       {"classifier.0.convs.0.0", 427, 8},
                                       {"classifier.0.convs.1.0", 619, 8},
                                       {"classifier.0.convs.3.0", 1003, 8},
                                       {"backbone.layer4.2.bn3/add/relu/average_pool", 0, 0},
                                       {"classifier.0.convs.4.2/relu/bilinear", 0, 8},
                                       {"classifier.0.project.0", 0, 8},
                                       {"classifier.4/bilinear", 0, 1}};
    static const struct known r101[] = {{"backbone.layer3.22.conv3", 811, 8},
                                        {"backbone.layer4.2.conv3", 971, 8},
                                        {"classifier.0.convs.2.0", 1355, 8}};
    CHECK_KNOWN(write_deeplab((const int[]){3, 4, 6, 3}), ((limn_size){1, 64, 96}), r50);
    CHECK_KNOWN(write_deeplab((const int[]){3, 4, 23, 3}), ((limn_size){1, 96, 65}), r101);
}

/* ---- measured ---------------------------------------------------------------------------- *
 *
 * One row (or column) of the first input changes. A row of a value of the network may change only if its
 * receptive field contains that row; if that row is the first or the last of the field, it must change. The
 * first is checked by adding a number, the second by NaN, which no zero or negative weight, ReLU or rounding
 * hides. The kernels are the references, which read nothing outside the field. */

struct trial {
    const char *graph;
    int64_t along, across; /* sides of the picture, where it has no size of its own */
    int64_t borders;       /* what must be touched, at least: so that there is something to see */
};

struct seen {
    limn_session *session;
    bool columns;
    int64_t changed;   /* the row */
    float **before;    /* each node's value without the change; NULL: take it down */
    bool poisoned;     /* by NaN */
    int64_t at_border; /* checked rows whose field begins or ends with the changed row */
    struct side_span *spans;
};

/* Whether row (or column) `at` of a value is touched: unlike before, or, when poisoned, holding a NaN. */
static bool is_touched(const struct seen *seen, const struct tensor *made, const float *before, int64_t at)
{
    int64_t across = seen->columns ? made->h : made->w;
    for (int64_t other = 0; other < across; other++) {
        int64_t pixel = seen->columns ? other * made->w + at : at * made->w + other;
        for (int64_t c = 0; c < made->c; c++) {
            float now = made->data[pixel * made->stride + c];
            if (seen->poisoned ? isnan(now) != 0 : now != before[pixel * made->c + c])
                return true;
        }
    }
    return false;
}

static void keep(const struct tensor *made, float **before)
{
    int64_t pixels = tensor_pixels(made);
    *before = malloc((size_t)(pixels * made->c) * sizeof **before);
    for (int64_t p = 0; p < pixels; p++)
        memcpy(*before + p * made->c, made->data + p * made->stride, (size_t)made->c * sizeof **before);
}

static limn_status look(void *context, const struct node *node, const struct tensor *made, limn_error *error)
{
    struct seen *seen = context;
    const struct graph *graph = &seen->session->graph;
    value_id x = (value_id)(node - graph->nodes), input = graph_input_node(graph, 0);
    if (!seen->before[x]) {
        keep(made, &seen->before[x]);
        return LIMN_OK;
    }
    for (int64_t at = 0; at < (seen->columns ? made->w : made->h); at++) {
        receptive_trace(graph, &seen->session->plan, x, at, seen->columns, seen->spans);
        struct side_span span = seen->spans[input];
        bool sees = span.begin <= seen->changed && seen->changed < span.end;
        bool border = sees && (seen->changed == span.begin || seen->changed == span.end - 1);
        bool touched = is_touched(seen, made, seen->before[x], at);
        seen->at_border += border;
        if (seen->poisoned ? border && !touched : touched && !sees)
            return fail(error, LIMN_E_INPUT,
                        "%s: %s %lld sees %lld..%lld, %lld was changed, and it is %stouched", node->name,
                        seen->columns ? "column" : "row", (long long)at, (long long)span.begin,
                        (long long)span.end - 1, (long long)seen->changed, touched ? "" : "un");
    }
    return LIMN_OK;
}

/* Runs with `by` added to row `changed` of the first input; nothing is changed by 0. */
static void run_changed(struct seen *seen, float by)
{
    for (int i = 0; i < limn_model_inputs(seen->session->model); i++) {
        struct tensor *x = session_input(seen->session, i);
        struct random random = {(uint64_t)i + 5};
        random_fill(&random, x->data, tensor_pixels(x) * x->c);
        for (int64_t p = 0; i == 0 && by != 0 && p < tensor_pixels(x); p++)
            for (int64_t c = 0; c < x->c && (seen->columns ? p % x->w : p / x->w) == seen->changed; c++)
                x->data[p * x->c + c] += by;
    }
    assert_ok(limn_session_run(seen->session, error));
}

static void try_session(limn_session *session, bool columns, int64_t borders)
{
    const struct tensor *x = session_input(session, 0);
    int64_t side = columns ? x->w : x->h;
    struct seen seen = {.session = session, .columns = columns};
    seen.before = calloc((size_t)session->graph.count, sizeof *seen.before);
    seen.spans = calloc((size_t)session->graph.count, sizeof *seen.spans);
    session_observe(session, look, &seen);
    run_changed(&seen, 0);
    const int64_t rows[] = {side / 2, side / 2 + 1, side / 2 + 7, 0, side - 1};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        seen.changed = rows[i] < side ? rows[i] : 0;
        seen.poisoned = false;
        run_changed(&seen, 1);
        seen.poisoned = true;
        run_changed(&seen, NAN);
    }
    assert_true(seen.at_border >= borders);
    for (int i = 0; i < session->graph.count; i++)
        free(seen.before[i]);
    free(seen.before);
    free(seen.spans);
}

static void test_tried_out(void **state)
{
    (void)state;
    static const struct trial trials[] = {
        {"enhancenet", 40, 3, 300}, {"unet-transposed", 323, 17, 300}, {"unet-bilinear", 301, 16, 300},
        {"deeplabv3", 513, 9, 100}, {"eccv16", 515, 8, 200},           {"siggraph17", 512, 8, 80},
        {"vae", 64, 64, 6},         {"vae-half-pixel", 64, 64, 6},     {"dcgan-5-stages", 1, 1, 100}};
    limn_engine *engine = test_engine(2, LIMN_KERNELS_REFERENCE);
    for (size_t i = 0; i < 2 * sizeof trials / sizeof *trials; i++) {
        const struct trial *trial = &trials[i / 2];
        bool columns = i % 2;
        char path[100];
        limn_model *model;
        limn_session *session;
        snprintf(path, sizeof path, GOLDENS "%s.safetensors", trial->graph);
        limn_size size = {1, columns ? trial->across : trial->along, columns ? trial->along : trial->across};
        assert_ok(limn_model_load(engine, path, &model, error));
        assert_ok(limn_session_create(model, size, &session, error));
        try_session(session, columns, trial->borders);
        limn_session_free(session);
        limn_model_free(model);
    }
    limn_engine_free(engine);
}

/* ---- explanations ------------------------------------------------------------------------ */

static void test_memory_may_fail(void **state)
{
    (void)state;
    limn_engine *engine = test_engine(1, LIMN_KERNELS_AUTO);
    limn_model *model;
    struct explanation explanation;
    assert_ok(limn_model_load(engine, GOLDENS "unet-bilinear.safetensors", &model, error));
    size_t before = mem_in_use();
    limn_status status = LIMN_E_MEMORY;
    int nth = 0;
    while (status == LIMN_E_MEMORY) {
        fault_at(FAULT_MEMORY, ++nth, false);
        status = explain_create(model, (limn_size){1, 32, 32}, &explanation, NULL);
        fault_at(FAULT_MEMORY, 0, false);
        assert_true(status == LIMN_OK || mem_in_use() == before);
    }
    assert_int_equal(status, LIMN_OK);
    assert_true(nth > 1);
    assert_null(model->packed); /* nothing is read or packed */
    explain_free(&explanation);
    assert_true(mem_in_use() == before);
    limn_model_free(model);
    limn_engine_free(engine);
}

/* What an explanation says is what a session of that size has. */
static void test_explains_what_a_session_is(void **state)
{
    (void)state;
    limn_engine *engine = test_engine(3, LIMN_KERNELS_AUTO);
    limn_model *model;
    limn_session *session;
    struct explanation explanation;
    const limn_size size = {2, 40, 56};
    assert_ok(limn_model_load(engine, GOLDENS "siggraph17.safetensors", &model, error));
    assert_ok(explain_create(model, size, &explanation, error));
    assert_ok(limn_session_create(model, size, &session, error));
    const struct plan *told = &explanation.plan, *real = &session->plan;
    assert_int_equal(told->step_count, real->step_count);
    assert_true(told->arena_bytes == real->arena_bytes && explanation.peak_bytes <= real->arena_bytes);
    assert_true(explanation.packed_bytes == told->packed_bytes);
    for (int s = 0; s < real->step_count; s++)
        assert_ptr_equal(told->steps[s].variant, real->steps[s].variant);
    limn_session_free(session);
    explain_free(&explanation);
    limn_model_free(model);
    limn_engine_free(engine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_enhancenet),      cmocka_unit_test(test_unet),
        cmocka_unit_test(test_deeplab),         cmocka_unit_test(test_tried_out),
        cmocka_unit_test(test_memory_may_fail), cmocka_unit_test(test_explains_what_a_session_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
