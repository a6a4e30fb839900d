/* test_session.c - looking into a run through limn.h: values of nodes, times of steps, progress, cancelling,
 * and explanations. The values expected are PyTorch's (tests/goldens). */
#include "engine/base/memory.h"
#include "engine/graph/weights_file.h"
#include "engine/limn.h"
#include "tests/support.h"
#include "tests/support_faults.h"
#include "weights/json.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char *const networks[] = {"dcgan-3-stages", "deeplabv3",     "eccv16",          "enhancenet",
                                       "siggraph17",     "unet-bilinear", "unet-transposed", "vae"};
enum { NETWORKS = sizeof networks / sizeof *networks, NODES_MOST = 400 };

static size_t floats(limn_shape shape)
{
    return (size_t)(shape.n * shape.c * shape.h * shape.w);
}

/* A session at the usual size with random inputs. */
static limn_session *ready_session(limn_model *model)
{
    limn_session *session;
    struct random random = {3};
    assert_ok(limn_session_create(model, limn_model_usual_size(model), &session, error));
    for (int i = 0; i < limn_model_inputs(model); i++) {
        size_t count = floats(limn_session_input_shape(session, i));
        float *x = malloc(count * sizeof *x);
        random_fill(&random, x, (int64_t)count);
        assert_ok(limn_session_set_input(session, i, x, error));
        free(x);
    }
    return session;
}

/* The output, to be freed. */
static float *output_of(const limn_session *session)
{
    float *y = malloc(floats(limn_session_output_shape(session)) * sizeof *y);
    assert_ok(limn_session_get_output(session, y, error));
    return y;
}

static void assert_output(const limn_session *session, const float *want, const char *what)
{
    float *y = output_of(session);
    if (memcmp(y, want, floats(limn_session_output_shape(session)) * sizeof *y) != 0)
        fail_with("%s: another output than in a plain run", what);
    free(y);
}

/* ---- values ------------------------------------------------------------------------------ */

/* Compares values with PyTorch's of the first case, by their names. */
struct comparison {
    struct weights_file file;
    int compared;
};

/* The floats of reference 0/NAME in N C H W, to be freed, and its shape; or NULL. */
static float *reference(const struct weights_file *file, const char *name, limn_shape *shape)
{
    char full[300];
    snprintf(full, sizeof full, "0/%s", name);
    const struct tensor_entry *entry = safetensors_find(file->header, full);
    if (!entry)
        return NULL;
    const uint64_t *s = entry->shape;
    *shape = (limn_shape){(int64_t)s[0], (int64_t)s[1], (int64_t)s[2], (int64_t)s[3]};
    float *nchw = malloc((size_t)entry->elements * sizeof *nchw);
    bool finite = true;
    assert_ok(weights_read(file, entry, nchw, &finite, error));
    return nchw;
}

static bool compare_value(void *context, const limn_value *value)
{
    struct comparison *comparison = context;
    limn_shape shape;
    float *want = reference(&comparison->file, value->name, &shape);
    if (!want)
        return true;
    assert_memory_equal(&shape, &value->shape, sizeof shape);
    size_t count = floats(shape);
    float *got = malloc(count * sizeof *got);
    double most = 1, worst = 0;
    limn_value_get(value, got);
    for (size_t i = 0; i < count; i++) {
        most = fmax(most, fabs((double)want[i]));
        worst = fmax(worst, fabs((double)want[i] - (double)got[i]));
    }
    if (!(worst <= 8e-6 * most)) /* float32 through up to fifty layers; the baseline rounds twice as often */
        fail_with("%s: %g from PyTorch's value, whose largest is %g", value->name, worst, most);
    comparison->compared++;
    free(want);
    free(got);
    return true;
}

/* Inputs and results of every layer, in the caller's order of axes. */
static void test_values_are_those_of_pytorch(void **state)
{
    (void)state;
    limn_engine *engine = test_engine(2, LIMN_KERNELS_AUTO);
    for (int n = 0; n < NETWORKS; n++) {
        char path[100];
        struct comparison comparison = {.compared = 0};
        const limn_observer observer = {compare_value, &comparison};
        limn_model *model = golden_model(engine, networks[n]);
        limn_session *session = NULL;
        snprintf(path, sizeof path, "tests/goldens/%s.golden.safetensors", networks[n]);
        assert_ok(weights_open(path, &comparison.file, error));
        for (int i = 0; i < limn_model_inputs(model); i++) {
            limn_shape s;
            float *x = reference(&comparison.file, limn_model_input_name(model, i), &s);
            assert_non_null(x);
            if (i == 0)
                assert_ok(limn_session_create(model, (limn_size){s.n, s.h, s.w}, &session, error));
            assert_ok(limn_session_set_input(session, i, x, error));
            free(x);
        }
        limn_session_set_observer(session, &observer);
        assert_ok(limn_session_run(session, error));
        if (comparison.compared < 3)
            fail_with("%s: %d values compared", networks[n], comparison.compared);
        limn_session_free(session);
        weights_close(&comparison.file);
        limn_model_free(model);
    }
    limn_engine_free(engine);
}

/* How often each node of a model was seen, and the value seen last. */
struct census {
    const limn_model *model;
    int seen[NODES_MOST], inputs;
    bool after_inputs;
    float *last;
    size_t last_bytes;
};

static bool count_value(void *context, const limn_value *value)
{
    struct census *census = context;
    bool is_input = false;
    for (int i = 0; i < limn_model_inputs(census->model); i++)
        is_input = is_input || strcmp(limn_model_input_name(census->model, i), value->node) == 0;
    assert_false(is_input && census->after_inputs);
    census->after_inputs = !is_input;
    census->inputs += is_input;
    for (int i = 0;; i++) {
        const char *name = limn_model_node_name(census->model, i);
        if (!name)
            fail_with("%s is not listed", value->node);
        if (strcmp(name, value->node) == 0) {
            census->seen[i]++;
            break;
        }
    }
    census->last_bytes = floats(value->shape) * sizeof *census->last;
    census->last = realloc(census->last, census->last_bytes);
    limn_value_get(value, census->last);
    return true;
}

/* Every node that is listed is seen once, the inputs first and the output last. */
static void test_every_listed_node_is_seen_once(void **state)
{
    (void)state;
    limn_engine *engine = test_engine(2, LIMN_KERNELS_AUTO);
    for (int n = 0; n < NETWORKS; n++) {
        limn_model *model = golden_model(engine, networks[n]);
        limn_session *session = ready_session(model);
        struct census census = {.model = model};
        limn_session_set_observer(session, &(limn_observer){count_value, &census});
        assert_ok(limn_session_run(session, error));
        int nodes = 0;
        for (; limn_model_node_name(model, nodes); nodes++)
            if (census.seen[nodes] != 1)
                fail_with("%s: %s was seen %d times", networks[n], limn_model_node_name(model, nodes),
                          census.seen[nodes]);
        assert_true(nodes > limn_model_inputs(model));
        assert_int_equal(census.inputs, limn_model_inputs(model));
        assert_int_equal(census.last_bytes, floats(limn_session_output_shape(session)) * sizeof(float));
        assert_output(session, census.last, networks[n]);
        assert_null(limn_model_node_name(model, -1));
        assert_null(limn_model_input_name(model, -1));
        assert_null(limn_model_input_name(model, limn_model_inputs(model)));
        free(census.last);
        limn_session_free(session);
        limn_model_free(model);
    }
    limn_engine_free(engine);
}

/* ---- progress and cancelling ------------------------------------------------------------- */

/* A watch and an observer that return false at some call. */
struct visits {
    int count, stop_at;
    double done;
    bool calm; /* values never decreased, and denormals were never flushed */
};

static bool visit(struct visits *visits)
{
    volatile float least = 1e-38F;
    visits->calm = visits->calm && least * 0.01F != 0;
    return ++visits->count != visits->stop_at;
}

static bool visit_progress(void *context, double done)
{
    struct visits *visits = context;
    visits->calm = visits->calm && (visits->count ? done >= visits->done : done == 0);
    visits->done = done;
    return visit(visits);
}

static bool visit_value(void *context, const limn_value *value)
{
    (void)value;
    return visit(context);
}

/* A run that is cancelled at any of its calls leaves a session that runs to its end. */
static void check_cancelling(bool watched, int (*calls_expected)(const limn_session *))
{
    limn_engine *engine = test_engine(2, LIMN_KERNELS_AUTO);
    limn_model *model = golden_model(engine, "siggraph17");
    limn_session *session = ready_session(model);
    assert_ok(limn_session_run(session, error));
    float *want = output_of(session);
    struct visits visits;
    const limn_watch watch = {visit_progress, &visits};
    const limn_observer observer = {visit_value, &visits};
    if (watched)
        limn_session_set_watch(session, &watch);
    else
        limn_session_set_observer(session, &observer);
    int calls = calls_expected(session);
    size_t before = mem_in_use();
    for (int stop_at = 1; stop_at <= calls; stop_at++) {
        visits = (struct visits){.stop_at = stop_at, .calm = true};
        assert_fails(limn_session_run(session, error), LIMN_E_CANCELLED, "cancelled");
        assert_int_equal(visits.count, stop_at);
        assert_true(visits.calm);
    }
    visits = (struct visits){.calm = true};
    assert_ok(limn_session_run(session, error));
    assert_true(visits.calm && visits.count == calls && (!watched || visits.done == 1));
    assert_int_equal(mem_in_use(), before);
    assert_output(session, want, "after cancelling");

    limn_session_set_watch(session, NULL);
    limn_session_set_observer(session, NULL);
    visits.count = 0;
    assert_ok(limn_session_run(session, error));
    assert_int_equal(visits.count, 0);
    assert_output(session, want, "without a watch");
    free(want);
    limn_session_free(session);
    limn_model_free(model);
    limn_engine_free(engine);
}

static int count_steps(const limn_session *session)
{
    int count = 0;
    while (limn_session_step(session, count))
        count++;
    return count;
}

static int steps_and_end(const limn_session *session)
{
    return count_steps(session) + 1;
}

static int nodes_of_siggraph17(const limn_session *session)
{
    (void)session;
    limn_engine *engine = test_engine(1, LIMN_KERNELS_AUTO);
    limn_model *model = golden_model(engine, "siggraph17");
    int count = 0;
    while (limn_model_node_name(model, count))
        count++;
    limn_model_free(model);
    limn_engine_free(engine);
    return count;
}

static void test_watch(void **state)
{
    (void)state;
    check_cancelling(true, steps_and_end);
}

static void test_observer_that_cancels(void **state)
{
    (void)state;
    check_cancelling(false, nodes_of_siggraph17);
}

/* ---- steps ------------------------------------------------------------------------------- */

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

/* The facts of a layer that is known, and times that fit into that of the run. */
static void test_steps(void **state)
{
    (void)state;
    limn_engine *engine = test_engine(1, LIMN_KERNELS_REFERENCE);
    limn_model *model = golden_model(engine, "enhancenet");
    limn_session *session;
    assert_ok(limn_session_create(model, (limn_size){2, 8, 12}, &session, error));
    const limn_step *first = limn_session_step(session, 0), *step = NULL;
    for (int i = 0; (step = limn_session_step(session, i)) && strcmp(step->node, "generator/Conv") != 0; i++)
        assert_true(step->seconds == 0);
    assert_non_null(step);
    const limn_shape input = {2, 3, 8, 12}, output = {2, step->output.c, 8, 12};
    assert_memory_equal(&step->input, &input, sizeof input);
    assert_memory_equal(&step->output, &output, sizeof output);
    assert_string_equal(step->op, "conv2d");
    assert_string_equal(step->kernel, "conv2d_ref");
    assert_string_equal(step->choice, "family");
    assert_int_equal(step->weight_bytes, 9 * 3 * output.c * (int64_t)sizeof(float));
    assert_true(step->flops >= 2.0 * 9 * 3 * (double)floats(output));

    struct random random = {1};
    float x[2 * 3 * 8 * 12];
    random_fill(&random, x, sizeof x / sizeof *x);
    assert_ok(limn_session_set_input(session, 0, x, error));
    double begin = now(), sum = 0;
    assert_ok(limn_session_run(session, error));
    double end = now();
    int steps = count_steps(session);
    for (int i = 0; i < steps; i++) {
        assert_true(limn_session_step(session, i)->seconds > 0);
        sum += limn_session_step(session, i)->seconds;
    }
    assert_true(sum <= end - begin);
    assert_ptr_equal(limn_session_step(session, 0), first);
    assert_null(limn_session_step(session, -1));
    assert_null(limn_session_step(session, steps));
    limn_session_free(session);
    limn_model_free(model);
    limn_engine_free(engine);
}

/* ---- explanations ------------------------------------------------------------------------ */

/* Moves to the member `key` of the object at `j`. */
static void find_member(struct json *j, const char *key)
{
    char name[100];
    assert_true(json_open(j, '{'));
    while (json_more(j, '}')) {
        assert_true(json_key(j, name, sizeof name, NULL));
        if (strcmp(name, key) == 0)
            return;
        json_skip(j);
    }
    fail_with("no member %s", key);
}

static void assert_member(struct json object, const char *key, const char *want)
{
    char text[300];
    find_member(&object, key);
    assert_true(json_string(&object, text, sizeof text, NULL));
    assert_string_equal(text, want);
}

static double number_of(struct json object, const char *key)
{
    double number = 0;
    find_member(&object, key);
    assert_true(json_number(&object, &number));
    return number;
}

/* It parses, and its steps are those of a session. */
static void test_explanation_of_every_network(void **state)
{
    (void)state;
    limn_engine *engine = test_engine(2, LIMN_KERNELS_AUTO);
    for (int n = 0; n < NETWORKS; n++) {
        limn_model *model = golden_model(engine, networks[n]);
        limn_session *session = ready_session(model);
        size_t before = mem_in_use();
        char *text, *usual;
        assert_ok(limn_model_explain(model, limn_model_usual_size(model), &text, error));
        assert_ok(limn_model_explain(model, (limn_size){0}, &usual, error));
        assert_string_equal(text, usual);
        struct json j = json_text(text, strlen(text)), whole = j, totals = j;
        assert_true(json_skip(&whole) && json_end(&whole));
        assert_member(j, "model", limn_model_name(model));

        double flops = 0;
        int s = 0;
        find_member(&j, "steps");
        assert_true(json_open(&j, '['));
        for (; json_more(&j, ']'); s++) {
            const limn_step *step = limn_session_step(session, s);
            assert_non_null(step);
            assert_member(j, "node", step->node);
            assert_member(j, "variant", step->kernel);
            assert_true(number_of(j, "scratch_bytes") == (double)step->scratch_bytes);
            flops += step->flops;
            json_skip(&j);
        }
        assert_null(limn_session_step(session, s));
        find_member(&totals, "totals");
        assert_true(number_of(totals, "flop") == flops);
        limn_text_free(text);
        limn_text_free(usual);
        assert_int_equal(mem_in_use(), before);
        limn_session_free(session);
        limn_model_free(model);
    }
    limn_text_free(NULL);
    limn_engine_free(engine);
}

static void test_explanations_that_fail(void **state)
{
    (void)state;
    limn_engine *engine = test_engine(1, LIMN_KERNELS_AUTO);
    limn_model *model = golden_model(engine, "unet-bilinear");
    size_t before = mem_in_use();
    char *text = (char *)model;
    assert_fails(limn_model_explain(model, (limn_size){1, 1, 1}, &text, error), LIMN_E_INPUT, "1x1");
    assert_null(text);
    bool done = false;
    for (int nth = 1; !done; nth++) {
        limn_error error;
        fault_at(FAULT_MEMORY, nth, false);
        limn_status status = limn_model_explain(model, (limn_size){1, 64, 64}, &text, &error);
        done = fault_calls(FAULT_MEMORY) < nth;
        fault_at(FAULT_MEMORY, 0, false);
        assert_int_equal(status, done ? LIMN_OK : LIMN_E_MEMORY);
        assert_int_equal(text != NULL, done);
        limn_text_free(text);
        assert_int_equal(mem_in_use(), before);
    }
    limn_model_free(model);
    limn_engine_free(engine);
}

static void test_usual_sizes(void **state)
{
    (void)state;
    static const struct {
        const char *weights, *inputs[3];
        limn_size size;
    } trials[] = {{"weights/enhancenet.safetensors", {"rgb"}, {1, 128, 128}},
                  {"weights/siggraph17-scenes.safetensors", {"Lab"}, {1, 256, 256}},
                  {"weights/vae-scenes.safetensors", {"grey", "z"}, {1, 64, 64}},
                  {"weights/dcgan-digits.safetensors", {"z"}, {1, 1, 1}}};
    limn_engine *engine = test_engine(1, LIMN_KERNELS_AUTO);
    for (size_t i = 0; i < sizeof trials / sizeof *trials; i++) {
        limn_model *model;
        assert_ok(limn_model_load(engine, trials[i].weights, &model, error));
        limn_size size = limn_model_usual_size(model);
        assert_memory_equal(&size, &trials[i].size, sizeof size);
        for (int k = 0; k < limn_model_inputs(model); k++)
            assert_string_equal(limn_model_input_name(model, k), trials[i].inputs[k]);
        assert_null(trials[i].inputs[limn_model_inputs(model)]);
        limn_model_free(model);
    }
    limn_engine_free(engine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_are_those_of_pytorch),
        cmocka_unit_test(test_every_listed_node_is_seen_once),
        cmocka_unit_test(test_watch),
        cmocka_unit_test(test_observer_that_cancels),
        cmocka_unit_test(test_steps),
        cmocka_unit_test(test_explanation_of_every_network),
        cmocka_unit_test(test_explanations_that_fail),
        cmocka_unit_test(test_usual_sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
