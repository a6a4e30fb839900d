/* fuzz_npy.c - tensors of strangers: npy_decode. */
#include "fuzz.h"
#include "memory.h"
#include "npy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const size_t held = mem_in_use();
    struct npy array;
    limn_error error;
    limn_status status = npy_decode(data, size, "fuzz.npy", &array, &error);
    REQUIRE_STATUS(status, &error, LIMN_E_INPUT, "fuzz.npy");
    if (status == LIMN_OK) {
        size_t elements = 1;
        for (int axis = 0; axis < 4; axis++) {
            REQUIRE(array.shape[axis] > 0);
            REQUIRE(size_multiply(elements, (size_t)array.shape[axis], &elements));
        }
        REQUIRE(elements <= size / sizeof *array.data);
    }
    npy_free(&array);
    REQUIRE(mem_in_use() == held);
    return 0;
}
