/* test_sizes.c - sizes that size_t cannot hold: 2^32 bytes and 64 more where it has 32 bits, 2^64 elsewhere.
 */
#include "engine/base/memory.h"
#include "engine/graph/graph.h"
#include "engine/pictures/grid.h"
#include "engine/pictures/picture.h"
#include "engine/pictures/sheet.h"
#include "layers/sizes.h"
#include "tests/support.h"

#include <limits.h>
#include <string.h>

/* One more than the largest size_t, divided by 2^16. */
#define LIMIT_BY_64K ((int64_t)1 << (sizeof(size_t) * CHAR_BIT - 16))
enum { FACTOR = 1 << 16 };

static void test_sums(void **state)
{
    (void)state;
    assert_true(size_sum(SIZE_MAX - 64, 64) == SIZE_MAX);
    assert_true(size_sum(SIZE_MAX - 65, 64) == SIZE_MAX - 1);
    assert_true(size_sum(SIZE_MAX - 63, 64) == SIZE_MAX); /* 0 without the check */
    assert_true(size_sum(SIZE_MAX, SIZE_MAX) == SIZE_MAX);
    assert_true(size_sum(SIZE_MAX, 0) == SIZE_MAX);
}

static void test_products(void **state)
{
    (void)state;
    assert_true(size_product(0, SIZE_MAX) == 0);
    assert_true(size_product(1, SIZE_MAX) == SIZE_MAX);
    assert_true(size_product(2, SIZE_MAX) == SIZE_MAX);
    assert_true(size_product(LIMIT_BY_64K - 1, FACTOR) == SIZE_MAX - FACTOR + 1);
    assert_true(size_product(LIMIT_BY_64K, FACTOR) == SIZE_MAX);     /* 0 without the check */
    assert_true(size_product(LIMIT_BY_64K + 1, FACTOR) == SIZE_MAX); /* 2^16 without */
    assert_true(size_product(LIMIT_BY_64K / 4 * FACTOR, 4) == SIZE_MAX);
    assert_true(size_product(-1, 1) == SIZE_MAX);
    assert_true(size_product(INT64_MIN, 1) == SIZE_MAX);
    assert_true(float_bytes(16) == 64);
    assert_true(float_bytes(LIMIT_BY_64K / 4 * FACTOR) == SIZE_MAX);
    assert_true(float_bytes(LIMIT_BY_64K / 4 * FACTOR + 16) == SIZE_MAX); /* 64 without */
}

static void test_lines(void **state)
{
    (void)state;
    assert_true(whole_lines(0) == 0);
    assert_true(whole_lines(1) == 64);
    assert_true(whole_lines(64) == 64);
    assert_true(whole_lines(SIZE_MAX - 63) == SIZE_MAX - 63);
    assert_true(whole_lines(SIZE_MAX - 62) == SIZE_MAX);
    assert_true(whole_lines(SIZE_MAX) == SIZE_MAX);
}

static void test_size_multiply(void **state)
{
    (void)state;
    size_t product;
    assert_true(size_multiply((uint64_t)LIMIT_BY_64K - 1, FACTOR, &product));
    assert_true(product == SIZE_MAX - FACTOR + 1);
    assert_false(size_multiply((uint64_t)LIMIT_BY_64K, FACTOR, &product));
    assert_false(size_multiply((uint64_t)LIMIT_BY_64K + 1, FACTOR, &product));
    assert_false(size_multiply(UINT64_MAX, 2, &product));
}

/* 2^32 bytes and 2^32 + 64 as floats of a tensor, as pixels and as one block. On 64 bits the sizes are exact
 * and only the limit refuses them. */
static void test_four_gigabytes(void **state)
{
    (void)state;
    mem_set_limit(mem_in_use() + ((size_t)1 << 24));
    for (int64_t more = 0; more <= 64; more += 64) {
        const int64_t bytes = ((int64_t)1 << 32) + more;
        const size_t held = sizeof(size_t) > 4 ? (size_t)bytes : SIZE_MAX;
        struct tensor tensor;
        struct picture picture = {0};
        size_t size;
        assert_true(tensor_bytes(1, 1, bytes / 4, 1, &size) && size == held);
        assert_true(size_product(bytes, 1) == held);
        assert_fails(tensor_create(1, 1, bytes / 4, 1, &tensor, error), LIMN_E_MEMORY, "a tensor");
        assert_fails(tensor_create(4, bytes / 64, 2, 2, &tensor, error), LIMN_E_MEMORY, "a tensor");
        assert_null(mem_alloc(size_product(bytes, 1)));
        assert_null(mem_alloc(whole_lines(size)));
        limn_error error;
        assert_true(picture_create(bytes, 1, 1, &picture, &error) != LIMN_OK);
        assert_true(picture_create(bytes / 4, 1, 4, &picture, &error) != LIMN_OK);
        assert_true(picture_create(1 << 16, bytes >> 16, 1, &picture, &error) != LIMN_OK);
        assert_null(picture.pixels);
    }
    mem_set_limit(0);
}

/* Sheets are estimated before anything is allocated. */
static void test_sheets(void **state)
{
    (void)state;
    for (int64_t more = 0; more <= 64; more += 64) {
        const int64_t width = ((int64_t)1 << 24) + more / 64, height = ((int64_t)1 << 8) - 2;
        const size_t held = sizeof(size_t) > 4 ? (size_t)(width * (height + 2) * 3) : SIZE_MAX;
        int64_t made_width, made_height;
        assert_true(grid_size(1, width, height, &made_width, &made_height) == held);
        assert_true(sheet_bytes(width, height, 1, 1, 0) > held - (held == SIZE_MAX));
    }
}

/* The vectors of a network, whose length a file gives, and the values of a run, whose size an option gives.
 */
static void test_networks(void **state)
{
    (void)state;
    static const limn_size sizes[] = {
        {1, 16384, 16384}, {1, 16384, 16388}, {1, 65536, 65536}, {2, 4096, 65552}};
    limn_engine *engine = test_engine(1, LIMN_KERNELS_AUTO);
    limn_model *model = golden_model(engine, "enhancenet");
    limn_session *session;
    mem_set_limit(mem_in_use() + ((size_t)1 << 24));
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        assert_fails(limn_session_create(model, sizes[i], &session, error), LIMN_E_MEMORY, "out of memory");
        assert_null(session);
    }
    for (int64_t more = 0; more <= 16; more += 16) {
        limn_error error = {0};
        struct graph graph = {.path = "network", .error = &error};
        assert_null(graph_new_vector(&graph, ((int64_t)1 << 30) + more));
        assert_int_equal(graph.status, LIMN_E_MEMORY);
    }
    mem_set_limit(0);
    limn_model_free(model);
    limn_engine_free(engine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sums),           cmocka_unit_test(test_products),
        cmocka_unit_test(test_lines),          cmocka_unit_test(test_size_multiply),
        cmocka_unit_test(test_four_gigabytes), cmocka_unit_test(test_networks),
        cmocka_unit_test(test_sheets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
