/* support.c - see support.h. */
#include "tests/support.h"
#include "engine/base/system.h"
#include "engine/graph/weights_file.h"
#include "layers/gemm.h"
#include "layers/simd.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- random numbers (Steele, Lea, Flood: SplitMix64, 2014) ------------------------------- */

static uint64_t next(struct random *random)
{
    uint64_t z = (random->state += UINT64_C(0x9E3779B97F4A7C15));
    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return z ^ z >> 31;
}

float random_float(struct random *random)
{
    return (float)((int64_t)(next(random) >> 40) - (1 << 23)) / (float)(1 << 23);
}

int64_t random_below(struct random *random, int64_t bound)
{
    return (int64_t)(next(random) % (uint64_t)bound);
}

void random_fill(struct random *random, float *values, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        values[i] = random_float(random);
}

/* ---- guarded blocks ---------------------------------------------------------------------- */

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(address, size) ((void)(address), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(address, size) ((void)(address), (void)(size))
#endif

enum { ZONE = 64 };

static const float zone_value = -12345.5F;

static void close_zones(const struct guarded *block)
{
    ASAN_POISON_MEMORY_REGION(block->values - ZONE, ZONE * sizeof *block->values);
    ASAN_POISON_MEMORY_REGION(block->values + block->count, ZONE * sizeof *block->values);
}

static void open_zones(const struct guarded *block)
{
    ASAN_UNPOISON_MEMORY_REGION(block->values - ZONE, (size_t)(block->count + 2 * ZONE) * sizeof(float));
}

struct guarded guarded_create(int64_t count)
{
    float *memory = malloc((size_t)(count + 2 * ZONE) * sizeof *memory);
    assert_non_null(memory);
    for (int64_t i = 0; i < count + 2 * ZONE; i++)
        memory[i] = i < ZONE || i >= count + ZONE ? zone_value : NAN;
    struct guarded block = {memory + ZONE, count};
    close_zones(&block);
    return block;
}

bool guarded_intact(const struct guarded *block, const char *what)
{
    open_zones(block);
    for (int64_t i = -ZONE; i < block->count + ZONE; i++) {
        if (i == 0)
            i = block->count;
        if (block->values[i] != zone_value) {
            print_error("%s: wrote at %" PRId64 " of a block of %" PRId64 "\n", what, i, block->count);
            return false;
        }
    }
    close_zones(block);
    return true;
}

void guarded_free(struct guarded *block)
{
    open_zones(block);
    free(block->values - ZONE);
    *block = (struct guarded){0};
}

bool tensors_agree(const struct tensor *got, const float *want, double absolute, double relative,
                   const char *what)
{
    for (int64_t p = 0; p < tensor_pixels(got); p++)
        for (int64_t c = 0; c < got->c; c++) {
            double g = (double)got->data[p * got->stride + c], w = (double)want[p * got->c + c];
            if (fabs(g - w) <= absolute + relative * fabs(w))
                continue;
            print_error("%s: [%" PRId64 ",%" PRId64 ",%" PRId64 ",%" PRId64 "] want %.9g got %.9g\n", what,
                        p / (got->h * got->w), c, p / got->w % got->h, p % got->w, w, g);
            return false;
        }
    return true;
}

/* ---- engines ------------------------------------------------------------------------------ */

void need_kernels(limn_kernels kernels)
{
    if (kernels == LIMN_KERNELS_OPENBLAS && !gemm_available())
        skip();
}

limn_engine *test_engine(int threads, limn_kernels kernels)
{
    limn_engine *engine;
    need_kernels(kernels);
    limn_options options = {.threads = threads, .kernels = kernels, .isa = getenv("LIMN_TEST_ISA")};
    assert_ok(limn_engine_create(&options, &engine, error));
    return engine;
}

enum isa running_isa;

static int run_on(enum isa isa, const struct CMUnitTest *tests, size_t count)
{
    if (!cpu_has(isa) || (isa == ISA_AVX512_AMX && system_permit_tiles()))
        return 0;
    assert_null(gemm_init(isa, true));
    simd_choose(isa);
    running_isa = isa;
    printf("-- %s, OpenBLAS core %s\n", isa_name(isa), gemm_available() ? gemm_core() : "none");
    return _cmocka_run_group_tests(isa_name(isa), tests, count, NULL, NULL);
}

int run_on_every_isa(const struct CMUnitTest *tests, size_t count)
{
    int failed = 0;
    for (enum isa isa = 0; isa < ISA_COUNT; isa++)
        failed += run_on(isa, tests, count);
    return failed;
}

int run_on_every_isa_of_floats(const struct CMUnitTest *tests, size_t count)
{
    int failed = 0;
    for (enum isa isa = 0; isa < ISA_COUNT; isa++)
        if (isa_of_floats(isa) == isa)
            failed += run_on(isa, tests, count);
    return failed;
}

/* ---- files ------------------------------------------------------------------------------- */

static char scratch[] = "/tmp/limn-test-XXXXXX";
static bool scratch_made;

static void remove_scratch(void)
{
    char command[64];
    snprintf(command, sizeof command, "rm -rf %s", scratch);
    if (system(command) != 0)
        fprintf(stderr, "%s was not removed\n", scratch);
}

const char *scratch_path(const char *name)
{
    static char paths[8][256];
    static int turn;
    if (!scratch_made) {
        assert_non_null(mkdtemp(scratch));
        scratch_made = true;
        atexit(remove_scratch);
    }
    char *path = paths[turn++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", scratch, name);
    return path;
}

void write_file(const char *path, const void *bytes, size_t size)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static size_t made_bytes(const struct made_tensor *tensor)
{
    size_t bytes = tensor->shape[0] ? 4 : 8;
    for (const int64_t *side = tensor->shape; *side; side++)
        bytes *= (size_t)*side;
    return bytes;
}

void write_safetensors(const char *path, const struct made_tensor *tensors, size_t count,
                       const char *metadata)
{
    char *header = NULL;
    size_t size = 0;
    FILE *text = open_memstream(&header, &size);
    assert_non_null(text);
    fprintf(text, "{\"__metadata__\": {%s}", metadata);
    size_t offset = 0;
    for (size_t i = 0; i < count; i++) {
        const char *dtype = tensors[i].shape[0] ? "F32" : "I64";
        fprintf(text, ", \"%s\": {\"dtype\": \"%s\", \"shape\": [", tensors[i].name, dtype);
        for (int axis = 0; tensors[i].shape[axis]; axis++)
            fprintf(text, "%s%" PRId64, axis ? ", " : "", tensors[i].shape[axis]);
        size_t end = offset + made_bytes(&tensors[i]);
        fprintf(text, "], \"data_offsets\": [%zu, %zu]}", offset, end);
        offset = end;
    }
    fprintf(text, "}");
    fclose(text);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    uint64_t length = size;
    assert_int_equal(fwrite(&length, 8, 1, file), 1);
    assert_int_equal(fwrite(header, 1, size, file), size);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(fwrite(tensors[i].values, 1, made_bytes(&tensors[i]), file),
                         made_bytes(&tensors[i]));
    assert_int_equal(fclose(file), 0);
    free(header);
}

/* ---- goldens ----------------------------------------------------------------------------- */

#define GOLDENS "tests/goldens/"

limn_model *golden_model(limn_engine *engine, const char *name)
{
    char path[100];
    limn_model *model;
    snprintf(path, sizeof path, GOLDENS "%s.safetensors", name);
    assert_ok(limn_model_load(engine, path, &model, error));
    return model;
}

enum { TENSORS_MOST = 300 };

const char *golden_altered(const char *name, const struct made_tensor *extra, size_t extra_count,
                           const char *metadata)
{
    static struct made_tensor tensors[TENSORS_MOST];
    char path[100];
    struct weights_file file = {0};
    snprintf(path, sizeof path, GOLDENS "%s.safetensors", name);
    assert_ok(weights_open(path, &file, error));
    size_t count = file.header->tensor_count;
    assert_true(count + extra_count <= TENSORS_MOST);
    memset(tensors, 0, sizeof tensors);
    for (size_t i = 0; i < count; i++) {
        const struct tensor_entry *entry = &file.header->tensors[i];
        float *values = malloc((size_t)entry->elements * sizeof *values);
        bool finite = true;
        assert_ok(weights_read(&file, entry, values, &finite, error));
        tensors[i] = (struct made_tensor){.name = entry->name, .values = values};
        for (int axis = 0; axis < entry->rank; axis++)
            tensors[i].shape[axis] = (int64_t)entry->shape[axis];
    }
    for (size_t i = 0; i < extra_count; i++)
        tensors[count + i] = extra[i];
    const char *copy = scratch_path("altered.safetensors");
    write_safetensors(copy, tensors, count + extra_count, metadata);
    for (size_t i = 0; i < count; i++)
        free((void *)tensors[i].values);
    weights_close(&file);
    return copy;
}
