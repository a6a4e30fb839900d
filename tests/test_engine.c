/* test_engine.c - the base of the engine: memory, threads, tensors, .npy files. */
#include "engine/base/files.h"
#include "engine/base/memory.h"
#include "engine/base/npy.h"
#include "engine/base/system.h"
#include "engine/base/threads.h"
#include "layers/gemm.h"
#include "tests/support.h"
#include "tests/support_faults.h"

#include <inttypes.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- memory ------------------------------------------------------------------------------ */

static void test_blocks_are_aligned_and_counted(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 63, 64, 65, 4096, 100001, (size_t)5 << 20};
    enum { COUNT = sizeof sizes / sizeof *sizes };
    size_t before = mem_in_use(), requested = 0;
    void *blocks[COUNT];
    for (int i = 0; i < COUNT; i++) {
        blocks[i] = mem_alloc(sizes[i]);
        requested += sizes[i];
        if (!blocks[i] || (uintptr_t)blocks[i] % 64)
            fail_with("mem_alloc(%zu) is %p", sizes[i], blocks[i]);
        memset(blocks[i], 0xAA, sizes[i]);
        assert_true(mem_in_use() - before >= requested && mem_peak() >= mem_in_use());
        for (int j = 0; j < i; j++)
            assert_ptr_not_equal(blocks[i], blocks[j]);
    }
    size_t most = mem_in_use();
    for (int i = 0; i < COUNT; i++)
        mem_free(blocks[i]);
    mem_free(NULL);
    assert_int_equal(mem_in_use(), before);
    assert_true(mem_peak() >= most);
    assert_true(system_peak_resident() > (size_t)1 << 20);
}

static void test_sizes_that_overflow(void **state)
{
    (void)state;
    size_t before = mem_in_use(), product = 7;
    static const size_t pairs[][2] = {{SIZE_MAX, 1},
                                      {SIZE_MAX, 2},
                                      {SIZE_MAX / 2 + 1, 2},
                                      {(size_t)1 << 32, (size_t)1 << 32},
                                      {1, SIZE_MAX - 64}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        if (mem_zalloc(pairs[i][0], pairs[i][1]))
            fail_with("mem_zalloc(%zu, %zu) is not NULL", pairs[i][0], pairs[i][1]);
    for (size_t down = 0; down < 200; down++)
        assert_null(mem_alloc(SIZE_MAX - down));
    assert_int_equal(mem_in_use(), before);
    assert_false(size_multiply(SIZE_MAX / 3 + 1, 3, &product));
    assert_true(size_multiply(SIZE_MAX / 3, 3, &product) && product == SIZE_MAX / 3 * 3);
    assert_true(size_multiply(0, SIZE_MAX, &product) && product == 0);
}

static void test_zeroed_copied_resized(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 100, 64, 100000, 5, 0, 70};
    size_t before = mem_in_use(), kept = 0;
    unsigned char *block = mem_alloc(1000);
    memset(block, 0xFF, 1000);
    mem_free(block);
    block = mem_zalloc(10, 100);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(block[i], 0);
    mem_free(block);
    block = mem_resize(NULL, 10);
    assert_non_null(block);
    memcpy(block, "0123456789", 10);
    kept = 10;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        block = mem_resize(block, sizes[i]);
        kept = kept < sizes[i] ? kept : sizes[i];
        if (!block || (uintptr_t)block % 64 || memcmp(block, "0123456789", kept) != 0)
            fail_with("after mem_resize(%zu): the first %zu bytes are lost, or it is not aligned", sizes[i],
                      kept);
    }
    fault_at(FAULT_MEMORY, 1, false);
    assert_null(mem_resize(block, 1 << 20));
    mem_free(block); /* still valid, as after realloc */
    char *copy = mem_strdup("some text");
    assert_string_equal(copy, "some text");
    mem_free(copy);
    assert_int_equal(mem_in_use(), before);
}

static void test_memory_limit(void **state)
{
    (void)state;
    size_t before = mem_in_use();
    mem_set_limit(before + 100000);
    void *block = mem_alloc(90000), *more = mem_alloc(90000);
    assert_true(block && !more);
    mem_free(block);
    assert_null(mem_alloc(100000)); /* the 64 bytes before a block count */
    more = mem_alloc(90000);
    mem_set_limit(0);
    block = mem_alloc(1000000);
    assert_true(block && more);
    mem_free(block);
    mem_free(more);
    assert_int_equal(mem_in_use(), before);
}

/* However little it is, a message says a number that is something. */
static void test_memory_messages(void **state)
{
    (void)state;
    static const struct {
        size_t bytes;
        const char *text;
    } trials[] = {{0, "needs 0 bytes"},     {999, "needs 999 bytes"}, {1000, "needs 1.0 kB"},
                  {99900, "needs 99.9 kB"}, {100000, "needs 0.1 MB"}, {1500000, "needs 1.5 MB"}};
    for (size_t i = 0; i < sizeof trials / sizeof *trials; i++)
        assert_fails(fail_memory(error, "it", trials[i].bytes), LIMN_E_MEMORY, trials[i].text);
    mem_set_limit(mem_in_use() + 2000);
    assert_fails(fail_memory(error, "it", 3000), LIMN_E_MEMORY,
                 "out of memory: it needs 3.0 kB, 2.0 kB are left under the limit");
    mem_set_limit(500);
    assert_fails(fail_need(error, LIMN_REASON_BANDS, "it", 500, "less"), LIMN_E_MEMORY,
                 "the limit is 500 bytes; less is");
    mem_set_limit(0);
}

static void test_injected_failures(void **state)
{
    (void)state;
    for (int persistent = 0; persistent < 2; persistent++)
        for (int nth = 1; nth < 5; nth++) {
            fault_at(FAULT_MEMORY, nth, persistent);
            for (int i = 1; i < 8; i++) {
                void *block = mem_alloc(1);
                bool expected = persistent ? i < nth : i != nth;
                if ((block != NULL) != expected)
                    fail_with("fault_at(FAULT_MEMORY, %d, %d): allocation %d %s", nth, persistent, i,
                              block ? "worked" : "failed");
                mem_free(block);
            }
            fault_at(FAULT_MEMORY, 0, false);
        }
}

/* Calls that allocate, each to be run with every one of its allocations failing in turn. */

static limn_status read_whole(limn_error *error)
{
    unsigned char *bytes;
    size_t size;
    int ends[2];
    static const char text[65536]; /* grows the block once, and fits in a pipe */
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], text, sizeof text), sizeof text);
    close(ends[1]);
    assert_int_equal(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
    limn_status status = file_read_all("-", SIZE_MAX, LIMN_E_INPUT, &bytes, &size, error);
    close(ends[0]);
    mem_free(bytes);
    return status;
}

static limn_status open_file(limn_error *error)
{
    struct file *file;
    limn_status status = file_open("tests/goldens/resample.txt", LIMN_E_INPUT, &file, error);
    file_close(file);
    return status;
}

static limn_status list_folder(limn_error *error)
{
    char **names;
    size_t count;
    limn_status status = folder_list("tests", &names, &count, error);
    names_free(names, count);
    return status;
}

static limn_status write_and_read_npy(limn_error *error)
{
    static const float data[6] = {1, 2, 3, 4, 5, 6};
    struct npy array = {0};
    const char *path = scratch_path("injected.npy");
    limn_status status = npy_write(path, (int64_t[4]){1, 2, 3, 1}, data, true, error);
    if (status == LIMN_OK)
        status = npy_read(path, &array, error);
    npy_free(&array);
    return status;
}

static limn_status make_pool(limn_error *error)
{
    struct pool *pool;
    limn_status status = pool_create(3, &pool, error);
    pool_free(pool);
    return status;
}

static limn_status make_tensor(limn_error *error)
{
    struct tensor tensor;
    limn_status status = tensor_create(1, 2, 3, 4, &tensor, error);
    tensor_free(&tensor);
    return status;
}

static void test_every_allocation_may_fail(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        limn_status (*call)(limn_error *error);
    } calls[] = {{"file_read_all", read_whole}, {"file_open", open_file}, {"folder_list", list_folder},
                 {"npy", write_and_read_npy},   {"pool", make_pool},      {"tensor", make_tensor}};
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
        for (int persistent = 0; persistent < 2; persistent++) {
            size_t before = mem_in_use();
            limn_status status = LIMN_E_MEMORY;
            int nth = 0;
            while (status == LIMN_E_MEMORY) {
                limn_error error = {0};
                fault_at(FAULT_MEMORY, ++nth, persistent);
                status = calls[i].call(&error);
                fault_at(FAULT_MEMORY, 0, false);
                bool reported = status == LIMN_OK || strstr(error.message, "out of memory");
                if (mem_in_use() != before || !reported)
                    fail_with("%s, allocation %d fails, persistent %d: %zu bytes lost, message \"%s\"",
                              calls[i].name, nth, persistent, mem_in_use() - before, error.message);
            }
            if (status != LIMN_OK || nth < 2)
                fail_with("%s: status %d when allocation %d fails", calls[i].name, (int)status, nth);
        }
}

/* ---- threads ----------------------------------------------------------------------------- */

enum { POOL_MOST = 8 };

/* A job that notes what happens to it. */
struct tally {
    struct pool *pool;
    int64_t tasks, inner; /* inner: each task runs a job of so many tasks itself, on the same pool */
    atomic_int *runs;     /* per task */
    atomic_int busy[POOL_MOST];
    atomic_bool bad_worker;
};

static bool tally_run(struct pool *pool, int64_t tasks, int64_t inner);

static void tally_task(void *context, int64_t task, int worker)
{
    struct tally *tally = context;
    if (worker < 0 || worker >= pool_threads(tally->pool) || task < 0 || task >= tally->tasks) {
        atomic_store(&tally->bad_worker, true);
        return;
    }
    if (atomic_exchange(&tally->busy[worker], 1)) /* two tasks with one scratch at the same time */
        atomic_store(&tally->bad_worker, true);
    atomic_fetch_add(&tally->runs[task], 1);
    if (tally->inner && !tally_run(tally->pool, tally->inner, 0))
        atomic_store(&tally->bad_worker, true);
    atomic_store(&tally->busy[worker], 0);
}

/* Whether every task ran once, on a worker that there is, alone on it. */
static bool tally_run(struct pool *pool, int64_t tasks, int64_t inner)
{
    struct tally tally = {.pool = pool, .tasks = tasks, .inner = inner};
    tally.runs = calloc((size_t)tasks + 1, sizeof *tally.runs);
    pool_run(pool, tasks, tally_task, &tally);
    bool good = !atomic_load(&tally.bad_worker);
    for (int64_t i = 0; i < tasks; i++)
        good = good && atomic_load(&tally.runs[i]) == 1;
    free(tally.runs);
    return good;
}

static const int64_t task_counts[] = {0, 1, 2, 3, 7, 8, 9, 1000};

static void test_every_task_runs_once(void **state)
{
    (void)state;
    for (int threads = 1; threads <= POOL_MOST; threads++) {
        struct pool *pool;
        assert_ok(pool_create(threads, &pool, error));
        assert_int_equal(pool_threads(pool), threads);
        for (int round = 0; round < 10; round++)
            for (size_t i = 0; i < sizeof task_counts / sizeof *task_counts; i++)
                for (int64_t inner = 0; inner <= 5; inner += 5)
                    if (!tally_run(pool, task_counts[i], task_counts[i] < 10 ? inner : 0))
                        fail_with("%d threads, %" PRId64 " tasks, each with %" PRId64 " inside, round %d",
                                  threads, task_counts[i], inner, round);
        pool_free(pool);
    }
    pool_free(NULL);
}

struct caller {
    struct pool *pool;
    int number;
    bool good;
};

static void *caller_main(void *argument)
{
    struct caller *caller = argument;
    caller->good = true;
    for (int round = 0; round < 20; round++)
        for (size_t i = 0; i < sizeof task_counts / sizeof *task_counts; i++)
            caller->good =
                tally_run(caller->pool, task_counts[i], (caller->number + round) % 4) && caller->good;
    return NULL;
}

static void test_callers_share_a_pool(void **state)
{
    (void)state;
    enum { CALLERS = 4 };
    for (int threads = 1; threads <= 4; threads++) {
        struct pool *pool;
        pthread_t ids[CALLERS];
        struct caller callers[CALLERS];
        assert_ok(pool_create(threads, &pool, error));
        for (int i = 0; i < CALLERS; i++) {
            callers[i] = (struct caller){.pool = pool, .number = i};
            assert_int_equal(pthread_create(&ids[i], NULL, caller_main, &callers[i]), 0);
        }
        for (int i = 0; i < CALLERS; i++)
            pthread_join(ids[i], NULL);
        for (int i = 0; i < CALLERS; i++)
            if (!callers[i].good)
                fail_with("%d threads, %d callers: a task of caller %d did not run once", threads, CALLERS,
                          i);
        pool_free(pool);
    }
}

static void test_pools_do_with_fewer_threads(void **state)
{
    (void)state;
    for (int nth = 1; nth < 4; nth++)
        for (int persistent = 0; persistent < 2; persistent++) {
            struct pool *pool;
            fault_at(FAULT_THREAD, nth, persistent);
            assert_ok(pool_create(4, &pool, error));
            fault_at(FAULT_THREAD, 0, false);
            assert_int_equal(pool_threads(pool), nth); /* the first is the caller */
            assert_true(tally_run(pool, 100, 5));
            pool_free(pool);
        }
}

static void test_pools_come_and_go(void **state)
{
    (void)state;
    for (int i = 0; i < 50; i++) { /* freed while its workers start, spin or sleep */
        struct pool *pool;
        assert_ok(pool_create(1 + i % 5, &pool, error));
        assert_true(i % 3 == 0 || tally_run(pool, 3, 0));
        if (i % 10 == 9)
            usleep(2000);
        pool_free(pool);
    }
    assert_true(usable_cores() >= 1);
}

/* ---- kernels ----------------------------------------------------------------------------- */

static void test_openblas_is_as_built(void **state)
{
    (void)state;
    limn_options options = {.threads = 1, .kernels = LIMN_KERNELS_OPENBLAS};
    limn_engine *engine = NULL;
    if (gemm_available()) {
        assert_ok(limn_engine_create(&options, &engine, error));
        assert_non_null(strstr(limn_engine_describe(engine), " OpenBLAS core "));
    } else {
        assert_fails(limn_engine_create(&options, &engine, error), LIMN_E_USAGE,
                     "this limn was built without OpenBLAS");
        assert_null(engine);
        engine = test_engine(1, LIMN_KERNELS_NATIVE);
        assert_non_null(strstr(limn_engine_describe(engine), ", no OpenBLAS, "));
    }
    limn_engine_free(engine);
}

static void test_precisions(void **state)
{
    (void)state;
    static const char *const words[] = {NULL, ", precision bf16x2, ", ", precision bf16, "};
    for (int precision = LIMN_FP32; precision <= LIMN_BF16; precision++) {
        limn_options options = {.threads = 1, .precision = (limn_precision)precision};
        limn_engine *engine;
        assert_ok(limn_engine_create(&options, &engine, error));
        const char *said = strstr(limn_engine_describe(engine), words[precision] ? words[precision] : "prec");
        assert_int_equal(said != NULL, words[precision] != NULL);
        limn_engine_free(engine);
    }
    for (int precision = -1; precision <= LIMN_BF16 + 1; precision += LIMN_BF16 + 2) {
        limn_options options = {.threads = 1, .precision = (limn_precision)precision};
        limn_engine *engine;
        assert_fails(limn_engine_create(&options, &engine, error), LIMN_E_USAGE,
                     "LIMN_FP32, LIMN_BF16X2 or LIMN_BF16 expected");
        assert_null(engine);
    }
}

/* ---- tensors ----------------------------------------------------------------------------- */

static void test_nchw_and_back(void **state)
{
    (void)state;
    static const int64_t shapes[][5] = {/* n, h, w, c, stride */
                                        {1, 1, 1, 1, 1},
                                        {1, 3, 5, 4, 4},
                                        {2, 3, 5, 4, 7},
                                        {3, 2, 1, 5, 6},
                                        {2, 7, 3, 1, 9}};
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
        int64_t n = shapes[s][0], h = shapes[s][1], w = shapes[s][2], c = shapes[s][3], stride = shapes[s][4];
        int64_t count = n * h * w * c;
        struct guarded nhwc = guarded_create(n * h * w * stride), back = guarded_create(count);
        float *nchw = malloc((size_t)count * sizeof *nchw);
        struct tensor tensor = tensor_view(nhwc.values, n, h, w, c, stride);
        for (int64_t i = 0; i < count; i++)
            nchw[i] = (float)i;
        tensor_from_nchw(&tensor, nchw);
        for (int64_t i = 0; i < n * h * w * stride; i++) {
            int64_t pixel = i / stride, channel = i % stride, image = pixel / (h * w);
            float want = (float)((image * c + channel) * h * w + pixel % (h * w)), got = nhwc.values[i];
            if (channel < c ? got != want : !isnan(got))
                fail_with("%" PRId64 "x%" PRId64 "x%" PRId64 "x%" PRId64 ", stride %" PRId64 ": [%" PRId64
                          ",%" PRId64 ",%" PRId64 ",%" PRId64 "] want %g got %g",
                          n, c, h, w, stride, image, channel, pixel / w % h, pixel % w,
                          (double)(channel < c ? want : NAN), (double)got);
        }
        tensor_to_nchw(&tensor, back.values);
        assert_memory_equal(back.values, nchw, (size_t)count * sizeof *nchw);
        assert_true(guarded_intact(&nhwc, "from NCHW") && guarded_intact(&back, "to NCHW"));
        guarded_free(&nhwc);
        guarded_free(&back);
        free(nchw);
    }
}

static void test_tensor_sizes(void **state)
{
    (void)state;
    static const struct {
        int64_t n, h, w, c;
        bool possible;
        size_t bytes;
    } cases[] = {
        {1, 1, 1, 1, true, 4},
        {2, 3, 5, 7, true, 840},
        {1, 1, 1, INT64_MAX / 4, true, INT64_MAX / 4 * 4},
        {1, 1, 1, INT64_MAX / 4 + 1, false, 0},
        {INT64_C(1) << 31, INT64_C(1) << 31, 1, 1, false, 0},
        {INT64_C(1) << 31, INT64_C(1) << 30, 1, 1, false, 0}, /* 2^63 bytes */
        {INT64_C(1) << 16, INT64_C(1) << 16, INT64_C(1) << 16, INT64_C(1) << 16, false, 0},
        {0, 1, 1, 1, false, 0},
        {1, 0, 1, 1, false, 0},
        {1, 1, -1, 1, false, 0},
        {-1, 1, 1, -1, false, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t bytes = 0;
        bool possible = tensor_bytes(cases[i].n, cases[i].h, cases[i].w, cases[i].c, &bytes);
        if (possible != cases[i].possible || bytes != cases[i].bytes)
            fail_with("case %zu: %s, %zu bytes", i, possible ? "possible" : "impossible", bytes);
    }
    struct tensor tensor;
    assert_fails(tensor_create(1, 0, 1, 1, &tensor, error), LIMN_E_INPUT, "1 x 0 x 1 x 1");
    assert_fails(tensor_create(1, 1, 1, INT64_MAX / 4, &tensor, error), LIMN_E_MEMORY, "out of memory");
    assert_null(tensor.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blocks_are_aligned_and_counted),
        cmocka_unit_test(test_sizes_that_overflow),
        cmocka_unit_test(test_zeroed_copied_resized),
        cmocka_unit_test(test_memory_limit),
        cmocka_unit_test(test_memory_messages),
        cmocka_unit_test(test_injected_failures),
        cmocka_unit_test(test_every_allocation_may_fail),
        cmocka_unit_test(test_every_task_runs_once),
        cmocka_unit_test(test_callers_share_a_pool),
        cmocka_unit_test(test_pools_do_with_fewer_threads),
        cmocka_unit_test(test_pools_come_and_go),
        cmocka_unit_test(test_openblas_is_as_built),
        cmocka_unit_test(test_precisions),
        cmocka_unit_test(test_nchw_and_back),
        cmocka_unit_test(test_tensor_sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
