/* fuzz_file_kinds.c - untrusted files by their beginning: file_kind_find, fail_foreign. */
#include "engine/base/file_kinds.h"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* In a block of its own, so that the sanitizers see a step beyond the end. */
    size_t used = size < FILE_KIND_BYTES ? size : FILE_KIND_BYTES;
    unsigned char *copy = malloc(used ? used : 1);
    REQUIRE(copy);
    memcpy(copy, data, used);
    const struct file_kind *kind = file_kind_find(copy, used);
    free(copy);
    REQUIRE(kind == file_kind_find(data, size));
    if (!kind)
        return 0;
    limn_error error;
    limn_status status = fail_foreign("f", kind, LIMN_E_WEIGHTS, "safetensors", &error);
    REQUIRE(status == LIMN_E_WEIGHTS && fuzz_is_failure(status, &error, LIMN_E_WEIGHTS, "f"));
    REQUIRE((error.reason == LIMN_REASON_CHECKPOINT) == (kind->group == FILE_CHECKPOINT));
    return 0;
}
