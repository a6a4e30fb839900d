/* fuzz_png.c - untrusted PNG pictures: picture_decode, unchanged and with corrected checksums.
 */
#include "tests/fuzz/pictures.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_also_repaired(fuzz_check_picture, data, size);
    return 0;
}
