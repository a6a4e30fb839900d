/* test_load_bytes.c - weights in memory: limn_model_load_bytes against limn_model_load of the same bytes.
 *
 * The bytes are in memory that cannot be written to and ends at a page that cannot be read. */
#include "engine/base/memory.h"
#include "engine/pipelines/colorizer.h"
#include "engine/run/session.h"
#include "tests/support.h"
#include "tests/support_faults.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define GOLDENS "tests/goldens/"
#define ENHANCENET GOLDENS "enhancenet.safetensors"
#define VAE "weights/vae-scenes.safetensors"

/* ---- bytes in memory --------------------------------------------------------------------- */

struct mapped {
    const unsigned char *bytes;
    size_t size;
    unsigned char *pages;
    size_t page_bytes; /* readable ones; a page that is not follows */
};

/* Copies bytes to the end of the readable pages, so that a read beyond them ends the test. */
static struct mapped map_bytes(const unsigned char *bytes, size_t size)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), all = (size + page - 1) / page * page + page;
    struct mapped mapped = {.size = size, .page_bytes = all - page};
    mapped.pages = mmap(NULL, all, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(mapped.pages != MAP_FAILED);
    unsigned char *at = mapped.pages + mapped.page_bytes - size;
    if (size) {
        memcpy(at, bytes, size);
        assert_int_equal(mprotect(mapped.pages, mapped.page_bytes, PROT_READ), 0);
    }
    assert_int_equal(mprotect(mapped.pages + mapped.page_bytes, page, PROT_NONE), 0);
    mapped.bytes = at;
    return mapped;
}

static void unmap_bytes(struct mapped *mapped)
{
    munmap(mapped->pages, mapped->page_bytes + (size_t)sysconf(_SC_PAGESIZE));
}

/* The bytes of a file, to be freed. */
static unsigned char *file_bytes(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    *size = (size_t)ftell(file);
    rewind(file);
    unsigned char *bytes = malloc(*size);
    assert_int_equal(fread(bytes, 1, *size, file), *size);
    fclose(file);
    return bytes;
}

/* ---- the same outputs -------------------------------------------------------------------- */

/* The output of a session whose inputs are random, to be freed. */
static float *run_session(limn_session *session, int inputs, size_t *bytes)
{
    struct random random = {5};
    for (int i = 0; i < inputs; i++) {
        struct tensor *x = session_input(session, i);
        random_fill(&random, x->data, tensor_pixels(x) * x->c);
    }
    assert_ok(limn_session_run(session, error));
    limn_shape shape = limn_session_output_shape(session);
    *bytes = (size_t)(shape.n * shape.c * shape.h * shape.w) * sizeof(float);
    float *y = malloc(*bytes);
    assert_ok(limn_session_get_output(session, y, error));
    return y;
}

/* On a small input: every network can be computed at 32x32, but vae, whose input has one size. */
static float *run_model(limn_model *model, size_t *bytes)
{
    limn_session *session;
    assert_ok(limn_session_create(model, (limn_size){1, 32, 32}, &session, error));
    float *y = run_session(session, limn_model_inputs(model), bytes);
    limn_session_free(session);
    return y;
}

/* Runs both models and frees them. */
static void assert_same_outputs(limn_model *a, limn_model *b, const char *what)
{
    size_t bytes_a, bytes_b;
    float *a_output = run_model(a, &bytes_a), *b_output = run_model(b, &bytes_b);
    if (bytes_a != bytes_b || memcmp(a_output, b_output, bytes_a) != 0)
        fail_with("%s: other values than from the file", what);
    free(a_output), free(b_output);
    limn_model_free(a), limn_model_free(b);
}

static void test_goldens(void **state)
{
    (void)state;
    static const char *const names[] = {"enhancenet",
                                        "deeplabv3",
                                        "eccv16",
                                        "siggraph17",
                                        "vae",
                                        "siggraph17-centred-mask",
                                        "unet-transposed",
                                        "vae-half-pixel",
                                        "unet-bilinear",
                                        "dcgan-3-stages",
                                        "dcgan-5-stages"};
    bool quick = getenv("LIMN_TEST_QUICK"); /* set where an emulator or valgrind runs the tests */
    size_t shifts = quick ? 2 : 8;
    limn_engine *engine = test_engine(2, LIMN_KERNELS_AUTO);
    for (size_t i = 0; i < sizeof names / sizeof *names; i += quick ? 3 : 1) {
        char path[100];
        size_t size;
        snprintf(path, sizeof path, GOLDENS "%s.safetensors", names[i]);
        unsigned char *bytes = file_bytes(path, &size), *moved = malloc(size + 8);
        for (size_t shift = 1; shift < shifts; shift += 3) {
            limn_model *from_file, *from_bytes;
            memcpy(moved + shift, bytes, size);
            assert_ok(limn_model_load(engine, path, &from_file, error));
            assert_ok(limn_model_load_bytes(engine, moved + shift, size, path, &from_bytes, error));
            assert_string_equal(limn_model_name(from_file), limn_model_name(from_bytes));
            assert_same_outputs(from_file, from_bytes, path);
        }
        free(bytes), free(moved);
    }
    limn_engine_free(engine);
}

/* ---- ownership --------------------------------------------------------------------------- */

/* Two models of the same constant bytes, whose name is changed after loading; the bytes outlive neither. */
static void test_bytes_are_borrowed(void **state)
{
    (void)state;
    size_t size;
    unsigned char *bytes = file_bytes(ENHANCENET, &size);
    struct mapped mapped = map_bytes(bytes, size);
    limn_engine *engine = test_engine(2, LIMN_KERNELS_AUTO);
    limn_model *models[2], *from_file;
    char name[] = "first name";
    free(bytes);
    assert_ok(limn_model_load_bytes(engine, mapped.bytes, size, name, &models[0], error));
    strcpy(name, "other");
    assert_ok(limn_model_load_bytes(engine, mapped.bytes, size, name, &models[1], error));
    assert_string_equal(models[0]->graph.path, "first name");
    assert_string_equal(models[1]->graph.path, "other");
    for (int i = 0; i < 2; i++) { /* the second works after the first is freed */
        assert_ok(limn_model_load(engine, ENHANCENET, &from_file, error));
        assert_same_outputs(from_file, models[i], "constant bytes");
    }
    unmap_bytes(&mapped);
    limn_engine_free(engine);
}

/* After limn_model_load, metadata and tensors' shapes no longer depend on the bytes, so bytes that a caller
 * changes against the documentation give wrong values, not wrong reads. */
static void test_changed_bytes_are_read_as_values(void **state)
{
    (void)state;
    size_t size, output_bytes;
    unsigned char *bytes = file_bytes(ENHANCENET, &size);
    limn_engine *engine = test_engine(2, LIMN_KERNELS_AUTO);
    limn_model *model;
    assert_ok(limn_model_load_bytes(engine, bytes, size, "changed", &model, error));
    memset(bytes, 0xFF, size);
    free(run_model(model, &output_bytes));
    assert_non_null(strstr(limn_model_warning(model), "changed: tensor "));
    limn_model_free(model);
    limn_engine_free(engine);
    free(bytes);
}

/* Weights in memory of the caller take none of limn's, and none is left after limn_model_free. */
static void test_memory_held(void **state)
{
    (void)state;
    size_t size, output_bytes;
    unsigned char *bytes = file_bytes(VAE, &size);
    limn_engine *engine = test_engine(1, LIMN_KERNELS_AUTO);
    limn_model *model;
    size_t held = mem_in_use();
    assert_ok(limn_model_load_bytes(engine, bytes, size, "vae", &model, error));
    assert_true(mem_in_use() - held < size / 4);
    free(run_model(model, &output_bytes));
    limn_model_free(model);
    assert_int_equal(mem_in_use(), held);
    limn_engine_free(engine);
    free(bytes);
}

/* ---- the colour encoder, which comes from the same source -------------------------------- */

static float *run_encoder(limn_model *model, size_t *bytes)
{
    struct colorizer *colorizer;
    assert_ok(colorizer_create(model, 0, true, &colorizer, error));
    assert_string_equal(colorizer->encoder_model->graph.path, model->graph.path);
    float *y = run_session(colorizer->encoder, limn_model_inputs(colorizer->encoder_model), bytes);
    colorizer_free(colorizer);
    limn_model_free(model);
    return y;
}

static void test_colour_encoder(void **state)
{
    (void)state;
    size_t size, wanted_bytes, got_bytes;
    unsigned char *bytes = file_bytes(VAE, &size);
    limn_engine *engine = test_engine(2, LIMN_KERNELS_AUTO);
    limn_model *model;
    assert_ok(limn_model_load(engine, VAE, &model, error));
    float *wanted = run_encoder(model, &wanted_bytes);
    const char *path = scratch_path("removed.safetensors");
    write_file(path, bytes, size);
    for (int from_file = 0; from_file < 2; from_file++) {
        if (from_file)
            assert_ok(limn_model_load(engine, path, &model, error));
        else
            assert_ok(limn_model_load_bytes(engine, bytes, size, "not a file", &model, error));
        if (from_file)
            assert_int_equal(unlink(path), 0);
        float *got = run_encoder(model, &got_bytes);
        assert_int_equal(got_bytes, wanted_bytes);
        assert_memory_equal(got, wanted, got_bytes);
        free(got);
    }
    free(wanted), free(bytes);
    limn_engine_free(engine);
}

/* ---- failures ---------------------------------------------------------------------------- */

/* Loads the bytes from memory and from a file of the same name: both must end alike. */
static void assert_same_end(limn_engine *engine, const unsigned char *bytes, size_t size)
{
    const char *path = scratch_path("damaged.safetensors");
    struct mapped mapped = map_bytes(bytes, size);
    limn_error wanted = {0}, got = {0};
    limn_model *from_file, *from_bytes;
    size_t held = mem_in_use();
    unlink(path); /* a file that is removed need not be waited for */
    write_file(path, bytes, size);
    limn_status status = limn_model_load(engine, path, &from_file, &wanted);
    assert_int_equal(limn_model_load_bytes(engine, mapped.bytes, size, path, &from_bytes, &got), status);
    assert_int_equal(!from_bytes, status != LIMN_OK);
    assert_string_equal(got.message, wanted.message);
    assert_int_equal(got.reason, wanted.reason);
    if (status == LIMN_OK)
        assert_same_outputs(from_file, from_bytes, path);
    assert_int_equal(mem_in_use(), held);
    unmap_bytes(&mapped);
}

static void test_truncated(void **state)
{
    (void)state;
    size_t size;
    unsigned char *bytes = file_bytes(ENHANCENET, &size);
    limn_engine *engine = test_engine(1, LIMN_KERNELS_AUTO);
    size_t stride = getenv("LIMN_TEST_QUICK") ? 613 : 61;
    for (size_t cut = 0; cut <= size; cut += cut < 32 || size - cut < 32 ? 1 : stride)
        assert_same_end(engine, bytes, cut);
    limn_engine_free(engine);
    free(bytes);
}

static void test_damaged(void **state)
{
    (void)state;
    enum { HEADER = 3000 };
    int trials = getenv("LIMN_TEST_QUICK") ? 30 : 300;
    size_t size;
    unsigned char *bytes = file_bytes(ENHANCENET, &size);
    limn_engine *engine = test_engine(1, LIMN_KERNELS_AUTO);
    struct random random = {9};
    for (int trial = 0; trial < trials; trial++) {
        size_t at = (size_t)random_below(&random, trial % 4 ? HEADER : (int64_t)size);
        unsigned char kept = bytes[at];
        bytes[at] = (unsigned char)random_below(&random, 256);
        assert_same_end(engine, bytes, size);
        bytes[at] = kept;
    }
    limn_engine_free(engine);
    free(bytes);
}

static void test_other_kinds(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
        limn_reason reason;
    } kinds[] = {{"PK\3\4........................", 28, LIMN_REASON_CHECKPOINT},
                 {"\x89PNG\r\n\x1a\n................", 24, LIMN_REASON_NONE},
                 {"\0\0\0\0\0\0\0\0", 8, LIMN_REASON_NONE},
                 {"", 0, LIMN_REASON_NONE}};
    limn_engine *engine = test_engine(1, LIMN_KERNELS_AUTO);
    limn_model *model;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        assert_same_end(engine, (const unsigned char *)kinds[i].bytes, kinds[i].size);
        assert_reason(limn_model_load_bytes(engine, kinds[i].bytes, kinds[i].size, "x", &model, error),
                      kinds[i].reason);
    }
    limn_engine_free(engine);
}

static void test_null(void **state)
{
    (void)state;
    limn_engine *engine = test_engine(1, LIMN_KERNELS_AUTO);
    limn_model *model = (limn_model *)engine;
    assert_fails(limn_model_load_bytes(engine, NULL, 0, "x", &model, error), LIMN_E_USAGE,
                 "the weights: NULL");
    assert_null(model);
    assert_fails(limn_model_load_bytes(engine, "", 0, NULL, &model, error), LIMN_E_USAGE,
                 "the name of the weights: NULL");
    limn_engine_free(engine);
}

/* Each allocation fails in turn, once and from then on. */
static void test_failing_allocations(void **state)
{
    (void)state;
    size_t size;
    unsigned char *bytes = file_bytes(VAE, &size);
    limn_engine *engine = test_engine(1, LIMN_KERNELS_AUTO);
    size_t held = mem_in_use();
    for (int persistent = 0; persistent < 2; persistent++) {
        limn_status status = LIMN_E_MEMORY;
        int64_t nth = 0;
        while (status != LIMN_OK) {
            limn_error error = {0};
            limn_model *model;
            struct colorizer *colorizer = NULL;
            fault_at(FAULT_MEMORY, ++nth, persistent);
            status = limn_model_load_bytes(engine, bytes, size, "weights", &model, &error);
            if (status == LIMN_OK)
                status = colorizer_create(model, 0, true, &colorizer, &error);
            fault_at(FAULT_MEMORY, 0, false);
            colorizer_free(colorizer);
            limn_model_free(model);
            assert_int_equal(mem_in_use(), held);
            if (status != LIMN_OK)
                assert_int_equal(status, LIMN_E_MEMORY);
        }
        assert_true(nth > 20);
    }
    limn_engine_free(engine);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_goldens),
        cmocka_unit_test(test_bytes_are_borrowed),
        cmocka_unit_test(test_changed_bytes_are_read_as_values),
        cmocka_unit_test(test_memory_held),
        cmocka_unit_test(test_colour_encoder),
        cmocka_unit_test(test_truncated),
        cmocka_unit_test(test_damaged),
        cmocka_unit_test(test_other_kinds),
        cmocka_unit_test(test_null),
        cmocka_unit_test(test_failing_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
