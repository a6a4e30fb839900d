/* test_large.c - tensors beyond 2^31 bytes and beyond 2^31 elements: no product of sizes and no offset may be
 * of 32 bits. Kernels on rows here and there of such tensors; a .npy file and a picture of that size, whole,
 * where there is room for them. */
#include "engine/base/files.h"
#include "engine/base/machine_memory.h"
#include "engine/base/memory.h"
#include "engine/base/npy.h"
#include "engine/pictures/picture.h"
#include "tests/support_layers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* 46400^2 is 2^31 elements and 0.3% more: 8.6 GB. */
enum { SIDE = 46400, HALF = SIDE / 2 };

static void test_kernels(void **state)
{
    (void)state;
    static const struct trial trials[] = {
        {.kind = LAYER_CONV2D, .d = {1, SIDE, SIDE, 1, SIDE, SIDE, 1, 1, 1, 1, 1, 0, 0, 1, 1, false}},
        {.kind = LAYER_CONV2D, .d = {1, SIDE, SIDE, 1, SIDE, SIDE, 1, 3, 3, 1, 1, 1, 1, 1, 1, false}},
        {.kind = LAYER_CONV2D, .d = {1, SIDE, SIDE, 1, HALF, HALF, 4, 3, 3, 2, 2, 1, 1, 1, 1, false}},
        {.kind = LAYER_CONV2D,
         .d = {1, HALF, HALF / 4, 16, HALF, HALF / 4, 16, 3, 3, 1, 1, 1, 1, 1, 1, false}},
        {.kind = LAYER_CONV2D_TRANSPOSE,
         .d = {1, HALF, HALF, 1, SIDE, SIDE, 1, 4, 4, 2, 2, 1, 1, 1, 1, false}},
        {.kind = LAYER_POINTWISE, .d = {1, SIDE, SIDE, 1, SIDE, SIDE, 1, 1, 1, 1, 1, 0, 0, 1, 1, false}},
        {.kind = LAYER_MAX_POOL, .d = {1, SIDE, SIDE, 1, HALF, HALF, 1, 2, 2, 2, 2, 0, 0, 1, 1, false}},
        {.kind = LAYER_SOFTMAX, .d = {1, HALF, SIDE, 2, HALF, SIDE, 2, 1, 1, 1, 1, 0, 0, 1, 1, false}},
        {.kind = LAYER_PAD, .d = {1, SIDE - 6, SIDE - 6, 1, SIDE, SIDE, 1, 1, 1, 1, 1, 3, 3, 1, 1, false}},
        {.kind = LAYER_UPSAMPLE, .d = {1, HALF, HALF, 1, SIDE, SIDE, 1, 1, 1, 1, 1, 0, 0, 1, 1, false}},
        {.kind = LAYER_BILINEAR, .d = {1, HALF, HALF, 1, SIDE, SIDE, 1, 1, 1, 1, 1, 0, 0, 1, 1, false}},
        {.kind = LAYER_BICUBIC, .d = {1, HALF, HALF, 1, SIDE, SIDE, 1, 1, 1, 1, 1, 0, 0, 1, 1, false}},
    };
    struct random random = {5};
    if (getenv("LIMN_TEST_QUICK") || SIZE_MAX < UINT64_MAX) /* 32 bits: no such addresses */
        skip();
    for (size_t i = 0; i < sizeof trials / sizeof *trials; i++)
        if (!try_large(&trials[i], &random)) {
            print_message("no address space for such tensors\n");
            skip();
        }
}

/* Whether the test may use this much of memory and of the disk that scratch files lie on. With LIMN_TEST_ISA
 * set it may not: files are the same for every instruction set. */
static bool has_room(size_t memory, size_t disk)
{
    struct statvfs file_system;
    char text[8192];
    unsigned long long kilobytes = 0;
    const char *line =
        file_read_start("/proc/meminfo", text, sizeof text) ? strstr(text, "MemAvailable:") : NULL;
    if (getenv("LIMN_TEST_QUICK") || getenv("LIMN_TEST_ISA") || SIZE_MAX < UINT64_MAX || !line ||
        sscanf(line, "MemAvailable: %llu", &kilobytes) != 1 || statvfs("/tmp", &file_system) != 0)
        return false;
    return kilobytes / 1000 * 1024 * 1000 > memory && machine_memory("").bytes > memory &&
           file_system.f_bavail * file_system.f_frsize > disk;
}

static const size_t GB = 1000000000;

static void test_npy_file(void **state)
{
    (void)state;
    const int64_t shape[4] = {1, 1, 24000, 24000};
    int64_t count = shape[2] * shape[3];
    if (!has_room(8 * GB, 5 * GB))
        skip();
    const char *path = scratch_path("large.npy");
    struct npy array;
    float *values = mem_zalloc((size_t)count, sizeof *values);
    assert_non_null(values);
    for (int64_t i = 0; i < count; i += 100003)
        values[i] = (float)(i % 1000003);
    values[count - 1] = 7;
    assert_ok(npy_write(path, shape, values, true, error));
    mem_free(values);
    assert_ok(npy_read(path, &array, error));
    unlink(path);
    assert_memory_equal(array.shape, shape, sizeof shape);
    for (int64_t i = 0; i < count - 1; i += 100003)
        if (array.data[i] != (float)(i % 1000003))
            fail_with("value %lld is %g", (long long)i, (double)array.data[i]);
    assert_true(array.data[count - 1] == 7);
    npy_free(&array);
}

/* A PNM of more than 2^31 bytes, row by row; its last row is read back from the file. */
static void test_picture_file(void **state)
{
    (void)state;
    enum { WIDTH = 65536, HEIGHT = 11000, ROW = 3 * WIDTH };
    if (!has_room(GB, 3 * GB))
        skip();
    const char *path = scratch_path("large.ppm");
    struct picture_writer *writer;
    struct file *file;
    static unsigned char row[ROW], read[ROW];
    mem_restart_peak();
    size_t before = mem_in_use();
    assert_ok(picture_writer_open(&(struct picture_target){.path = path}, WIDTH, HEIGHT, 3, &writer, error));
    for (int y = 0; y < HEIGHT; y++) {
        memset(row, y % 251, sizeof row);
        assert_ok(picture_writer_rows(writer, row, 1, error));
    }
    assert_ok(picture_writer_commit(writer, error));
    assert_true(mem_peak() - before <=
                picture_writer_bytes(&(struct picture_target){.path = path}, WIDTH, HEIGHT, 3));
    assert_ok(file_open(path, LIMN_E_INPUT, &file, error));
    uint64_t size = file_size(file);
    assert_int_equal(size, (uint64_t)ROW * HEIGHT + strlen("P6\n65536 11000\n255\n"));
    assert_ok(file_read_at(file, size - sizeof read, read, sizeof read, error));
    file_close(file);
    unlink(path);
    assert_memory_equal(read, row, sizeof row);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kernels),
        cmocka_unit_test(test_npy_file),
        cmocka_unit_test(test_picture_file),
    };
    limn_engine *engine = test_engine(1, LIMN_KERNELS_AUTO); /* which settles the instruction set */
    limn_engine_free(engine);
    running_isa = cpu_isa();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
