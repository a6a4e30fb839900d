/* fuzz_npy.c - untrusted tensors: npy_decode, latents_read; and npy_write, which reads back the same. */
#include "engine/base/memory.h"
#include "engine/base/npy.h"
#include "engine/pipelines/latents.h"
#include "tests/fuzz/fuzz.h"

#include <math.h>
#include <string.h>

static size_t elements_of(const struct npy *array)
{
    size_t elements = 1;
    for (int axis = 0; axis < 4; axis++) {
        REQUIRE(array->shape[axis] > 0);
        REQUIRE(size_multiply(elements, (size_t)array->shape[axis], &elements));
    }
    return elements;
}

static void check_round_trip(const struct npy *array, size_t elements)
{
    enum { HEADER = 128 };
    struct npy again;
    limn_error error;
    size_t size;
    if (HEADER + elements * sizeof(float) > FUZZ_WRITTEN)
        return;
    REQUIRE(npy_write(fuzz_sink(), array->shape, array->data, false, &error) == LIMN_OK);
    const uint8_t *written = fuzz_written(&size);
    REQUIRE(npy_decode(written, size, "again.npy", &again, &error) == LIMN_OK);
    REQUIRE(memcmp(again.shape, array->shape, sizeof again.shape) == 0);
    REQUIRE(memcmp(again.data, array->data, elements * sizeof(float)) == 0);
    npy_free(&again);
}

static void check_latents(const char *path, int64_t wanted)
{
    float *latents;
    int64_t count;
    limn_error error;
    limn_status status = latents_read(path, wanted, &latents, &count, &error);
    REQUIRE_STATUS(status, &error, LIMN_E_INPUT, path);
    REQUIRE((latents != NULL) == (status == LIMN_OK) && (count > 0) == (status == LIMN_OK));
    for (int64_t i = 0; i < count * wanted; i++)
        REQUIRE(isfinite(latents[i]));
    mem_free(latents);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const size_t held = mem_in_use();
    struct npy array;
    limn_error error;
    limn_status status = npy_decode(data, size, "fuzz.npy", &array, &error);
    REQUIRE_STATUS(status, &error, LIMN_E_INPUT, "fuzz.npy");
    const char *path = fuzz_file(data, size);
    if (status == LIMN_OK) {
        size_t elements = elements_of(&array);
        REQUIRE(elements <= size / sizeof *array.data);
        check_round_trip(&array, elements);
        check_latents(path, array.shape[1]);
    }
    check_latents(path, status == LIMN_OK ? array.shape[3] : 1);
    npy_free(&array);
    mem_set_limit(1);
    REQUIRE(npy_decode(data, size, "fuzz.npy", &array, &error) ==
            (status == LIMN_OK ? LIMN_E_MEMORY : status));
    mem_set_limit(0);
    REQUIRE(!array.data && mem_in_use() == held);
    return 0;
}
