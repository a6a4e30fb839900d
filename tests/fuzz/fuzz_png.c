/* fuzz_png.c - PNG pictures of strangers: picture_decode, as they come and with their checksums made right.
 */
#include "memory.h"
#include "pictures.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_check_picture(data, size);
    uint8_t *repaired = fuzz_repair_png(data, size);
    if (repaired)
        fuzz_check_picture(repaired, size);
    mem_free(repaired);
    return 0;
}
