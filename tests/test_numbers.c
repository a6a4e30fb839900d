/* test_numbers.c - NaN, infinity and denormals: found in weights and results, and never slow. */
#include "engine/base/finite.h"
#include "engine/base/memory.h"
#include "engine/base/system.h"
#include "engine/run/session.h"
#include "tests/support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ENHANCENET "tests/goldens/enhancenet.safetensors"

static float from_bits(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* ---- finding them ------------------------------------------------------------------------ */

static void test_all_finite(void **state)
{
    (void)state;
    static const uint32_t finite[] = {0,          0x80000000, 1,          0x807FFFFF,
                                      0x00800000, 0x7F7FFFFF, 0xFF7FFFFF, 0x3F800000};
    static const uint32_t nonfinite[] = {0x7F800000, 0xFF800000, 0x7F800001, 0xFF800001,
                                         0x7FC00000, 0xFFC00000, 0x7FFFFFFF, 0xFFFFFFFF};
    enum { MOST = 200, KINDS = sizeof finite / sizeof *finite };
    for (size_t count = 0; count <= MOST; count++) {
        struct guarded block = guarded_create((int64_t)count); /* NaN around it must not count */
        for (size_t i = 0; i < count; i++)
            block.values[i] = from_bits(finite[i % KINDS]);
        if (!all_finite(block.values, count))
            fail_with("%zu finite floats are not", count);
        for (size_t i = 0; i < count; i++) {
            float kept = block.values[i];
            block.values[i] = from_bits(nonfinite[i % KINDS]);
            if (all_finite(block.values, count))
                fail_with("float %zu of %zu, %08x, passes as finite", i, count, nonfinite[i % KINDS]);
            block.values[i] = kept;
        }
        guarded_free(&block);
    }
}

static void test_count_nonfinite(void **state)
{
    (void)state;
    float values[2 * 3 * 4 * 5];
    for (int stride = 3; stride <= 5; stride++) {
        struct tensor tensor = tensor_view(values, 2, 3, 4, 3, stride);
        for (size_t i = 0; i < sizeof values / sizeof *values; i++)
            values[i] = (int)i % stride < 3 ? 1 : NAN; /* between the pixels of a slice */
        assert_int_equal(count_nonfinite(&tensor), 0);
        values[0] = NAN;
        values[23 * stride + 2] = -INFINITY;
        assert_int_equal(count_nonfinite(&tensor), 2);
    }
}

/* ---- in weights -------------------------------------------------------------------------- */

struct poison {
    const char *tensor;
    uint64_t element;
    float value;
};

/* A copy of the small EnhanceNet with some values replaced. */
static const char *poisoned(const struct poison *poisons, size_t count)
{
    unsigned char *bytes;
    size_t size;
    struct weights_file file;
    const char *path = scratch_path("poisoned.safetensors");
    assert_ok(file_read_all(ENHANCENET, SIZE_MAX / 2, LIMN_E_INPUT, &bytes, &size, error));
    assert_ok(weights_open(ENHANCENET, &file, error));
    for (size_t i = 0; i < count; i++) {
        const struct tensor_entry *entry = safetensors_find(file.header, poisons[i].tensor);
        assert_non_null(entry);
        assert_true(entry->dtype == DTYPE_F32 && poisons[i].element < entry->elements);
        memcpy(bytes + entry->offset + poisons[i].element * sizeof(float), &poisons[i].value, sizeof(float));
    }
    weights_close(&file);
    write_file(path, bytes, size);
    mem_free(bytes);
    return path;
}

static void check_warning(const limn_model *model, const char *wanted)
{
    const char *warning = limn_model_warning(model);
    if (!wanted && warning)
        fail_with("unwanted: %s", warning);
    if (wanted && (!warning || !strstr(warning, wanted) || !strstr(warning, "poisoned.safetensors: ")))
        fail_with("warning \"%s\", wanted \"%s\"", warning ? warning : "none", wanted);
}

/* Biases are read while the model is loaded, the weights of convolutions for the first session. */
static void test_weights_that_are_no_numbers(void **state)
{
    (void)state;
    static const struct {
        struct poison poisons[3];
        size_t count;
        const char *at_load, *then;
    } cases[] = {
        {{{0}}, 0, NULL, NULL},
        {{{"generator/Conv/biases", 3, NAN}},
         1,
         "tensor generator/Conv/biases holds 1 value that is NaN or infinite, at [3]",
         "generator/Conv/biases"},
        {{{"generator/Conv_3/weights", 1, INFINITY}},
         1,
         NULL,
         "tensor generator/Conv_3/weights holds 1 value that is NaN or infinite, at [0,0,0,1]"},
        {{{"generator/Conv_3/weights", 224, -INFINITY}, {"generator/Conv_3/weights", 25, NAN}},
         2,
         NULL,
         "tensor generator/Conv_3/weights holds 2 values that are NaN or infinite, the first at [0,1,0,0]"},
        {{{"generator/Conv_3/weights", 7, NAN}, {"generator/Conv_1/weights", 8, NAN}},
         2,
         NULL,
         "tensor generator/Conv_1/weights holds 1 value"}, /* the one that runs first */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int threads = 1; threads <= 3; threads += 2)
            for (limn_kernels kernels = LIMN_KERNELS_AUTO; kernels <= LIMN_KERNELS_REFERENCE; kernels++) {
                limn_engine *engine = test_engine(threads, kernels);
                limn_model *model;
                limn_session *session;
                assert_ok(limn_model_load(engine, poisoned(cases[i].poisons, cases[i].count), &model, error));
                check_warning(model, cases[i].at_load);
                for (int64_t side = 4; side < 40; side += 30) {
                    assert_ok(limn_session_create(model, (limn_size){1, side, side}, &session, error));
                    check_warning(model, cases[i].then);
                    limn_session_free(session);
                }
                limn_model_free(model);
                limn_engine_free(engine);
            }
}

static void test_results_that_are_no_numbers(void **state)
{
    (void)state;
    static const struct poison bias = {"generator/Conv/biases", 0, NAN};
    limn_engine *engine = test_engine(1, LIMN_KERNELS_AUTO);
    limn_model *sound, *bad;
    float values[12] = {1, NAN, INFINITY};
    struct tensor made = tensor_view(values, 1, 2, 2, 3, 3);
    assert_ok(limn_model_load(engine, ENHANCENET, &sound, error));
    assert_ok(limn_model_load(engine, poisoned(&bias, 1), &bad, error));
    assert_fails(model_check_made(sound, &made, "x.png", error), LIMN_E_INPUT,
                 "x.png: 2 of 12 values that the network made are NaN or infinite; " ENHANCENET
                 " itself holds none");
    assert_fails(model_check_made(bad, &made, "x.png", error), LIMN_E_WEIGHTS,
                 "poisoned.safetensors: tensor generator/Conv/biases holds 1 value");
    values[1] = values[2] = 0;
    assert_ok(model_check_made(bad, &made, "x.png", error));
    limn_model_free(sound);
    limn_model_free(bad);
    limn_engine_free(engine);
}

/* ---- denormals --------------------------------------------------------------------------- */

static const float tiny = 1e-40F;

/* Whether this thread computes with denormals. */
static bool has_denormals(void)
{
    volatile float x = tiny;
    return x * 2 > x;
}

/* Skips the test where denormals cannot be flushed: valgrind does not know of it. */
static void need_flushing(void)
{
    uint64_t mine = cpu_flush_denormals();
    bool kept = has_denormals();
    cpu_restore_denormals(mine);
    if (kept)
        skip();
}

/* The demo's EnhanceNet as float32, its weights scaled by `factor`: all, or those of one tensor. */
static const char *scaled(float factor, const char *only)
{
    enum { TENSORS_MOST = 64 };
    struct made_tensor tensors[TENSORS_MOST] = {0};
    char name[32];
    struct weights_file file;
    assert_ok(weights_open("weights/enhancenet.safetensors", &file, error));
    size_t count = file.header->tensor_count;
    assert_true(count <= TENSORS_MOST);
    for (size_t i = 0; i < count; i++) {
        const struct tensor_entry *entry = &file.header->tensors[i];
        float *values = malloc((size_t)entry->elements * sizeof *values);
        bool finite = true;
        assert_ok(weights_read(&file, entry, values, &finite, error));
        for (uint64_t v = 0; v < entry->elements; v++)
            values[v] *= only && strcmp(only, entry->name) != 0 ? 1 : factor;
        tensors[i] = (struct made_tensor){.name = entry->name, .values = values};
        for (int axis = 0; axis < entry->rank; axis++)
            tensors[i].shape[axis] = (int64_t)entry->shape[axis];
    }
    snprintf(name, sizeof name, "scaled-%g.safetensors", (double)factor);
    const char *path = scratch_path(name);
    write_safetensors(path, tensors, count, "\"limn.model\": \"enhancenet\"");
    for (size_t i = 0; i < count; i++)
        free((void *)tensors[i].values);
    weights_close(&file);
    return path;
}

enum { SIDE = 24 };

static limn_session *ready_session(limn_model *model, float level)
{
    limn_session *session;
    assert_ok(limn_session_create(model, (limn_size){1, SIDE, SIDE}, &session, error));
    float x[3 * SIDE * SIDE];
    random_fill(&(struct random){4}, x, 3 * SIDE * SIDE);
    for (int i = 0; i < 3 * SIDE * SIDE; i++)
        x[i] *= level;
    assert_ok(limn_session_set_input(session, 0, x, error));
    return session;
}

static double run_seconds(limn_session *session)
{
    double start = system_seconds();
    assert_ok(limn_session_run(session, error));
    return system_seconds() - start;
}

/* Denormals cost a hundred cycles each where they are computed with. The least of several rounds counts: a
 * busy machine only ever adds. */
static void test_denormals_are_not_slow(void **state)
{
    (void)state;
    enum { LEAST = 5, MOST = 60 };
    const double bound = 1.5;
    need_flushing();
    if (getenv("LIMN_TEST_QUICK")) /* an emulator's times are not the processor's */
        skip();
    for (int threads = 1; threads <= 2; threads++) {
        limn_engine *engine = test_engine(threads, LIMN_KERNELS_AUTO);
        limn_model *models[2];
        limn_session *sessions[2];
        double least[2] = {INFINITY, INFINITY};
        for (int i = 0; i < 2; i++) {
            assert_ok(limn_model_load(engine, scaled(i ? tiny : 1, NULL), &models[i], error));
            sessions[i] = ready_session(models[i], i ? tiny : 1);
        }
        for (int round = 0; round < MOST && (round < LEAST || least[1] > bound * least[0]); round++)
            for (int i = 0; i < 2; i++)
                least[i] = fmin(least[i], run_seconds(sessions[i]));
        if (least[1] > bound * least[0])
            fail_with("%d threads: %g ms, with denormals %g ms", threads, 1e3 * least[0], 1e3 * least[1]);
        for (int i = 0; i < 2; i++) {
            limn_session_free(sessions[i]);
            limn_model_free(models[i]);
        }
        limn_engine_free(engine);
    }
}

/* A number that depends on every bit of what a session's nodes make (FNV-1a). */
static limn_status hash_value(void *context, const struct node *node, const struct tensor *made,
                              limn_error *error)
{
    (void)node, (void)error;
    uint64_t *hash = context;
    for (int64_t p = 0; p < tensor_pixels(made); p++) {
        const unsigned char *bytes = (const unsigned char *)(made->data + p * made->stride);
        for (size_t i = 0; i < (size_t)made->c * sizeof(float); i++)
            *hash = (*hash ^ bytes[i]) * UINT64_C(1099511628211);
    }
    return LIMN_OK;
}

/* Whichever thread packs a part of the weights, a worker or a caller who computes with denormals or flushes
 * them, it comes out the same; and so does the result. The weights are about the least normal number, so that
 * what Winograd's algorithm makes of them is not always normal. */
static void test_denormals_are_the_same_for_every_thread(void **state)
{
    (void)state;
    const char *path = scaled(3e-37F, "generator/Conv_23/weights");
    uint64_t first = 0;
    for (int threads = 1; threads <= 4; threads++)
        for (int flushed = 0; flushed < 2; flushed++) {
            limn_engine *engine = test_engine(threads, LIMN_KERNELS_AUTO);
            limn_model *model;
            uint64_t hash = 0;
            assert_ok(limn_model_load(engine, path, &model, error));
            uint64_t mine = cpu_flush_denormals();
            if (!flushed)
                cpu_restore_denormals(mine);
            limn_session *session = ready_session(model, 1e30F);
            cpu_restore_denormals(mine);
            session_observe(session, hash_value, &hash);
            assert_ok(limn_session_run(session, error));
            first = first ? first : hash;
            if (hash != first)
                fail_with("%d threads, the caller's denormals %s: other values than with one", threads,
                          flushed ? "flushed" : "kept");
            limn_session_free(session);
            limn_model_free(model);
            limn_engine_free(engine);
        }
}

static void test_the_callers_mode_is_restored(void **state)
{
    (void)state;
    need_flushing();
    assert_true(has_denormals());
    for (int threads = 1; threads <= 2; threads++) {
        limn_engine *engine = test_engine(threads, LIMN_KERNELS_AUTO);
        limn_model *model;
        assert_true(has_denormals());
        assert_ok(limn_model_load(engine, ENHANCENET, &model, error));
        assert_true(has_denormals());
        limn_session *session = ready_session(model, 1);
        assert_true(has_denormals());
        run_seconds(session);
        assert_true(has_denormals());
        limn_session_free(session);

        uint64_t mine = cpu_flush_denormals(); /* and one who flushes them goes on so */
        assert_false(has_denormals());
        session = ready_session(model, 1);
        run_seconds(session);
        assert_false(has_denormals());
        cpu_restore_denormals(mine);
        limn_session_free(session);
        limn_model_free(model);
        limn_engine_free(engine);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_count_nonfinite),
        cmocka_unit_test(test_weights_that_are_no_numbers),
        cmocka_unit_test(test_results_that_are_no_numbers),
        cmocka_unit_test(test_denormals_are_not_slow),
        cmocka_unit_test(test_denormals_are_the_same_for_every_thread),
        cmocka_unit_test(test_the_callers_mode_is_restored),
    };
    const struct CMUnitTest on_every_isa[] = {cmocka_unit_test(test_all_finite)};
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return failed + run_on_every_isa_of_floats(on_every_isa, 1);
}
