/* fuzz_png.c - PNG pictures of strangers: picture_decode, as they come and with their checksums made right.
 */
#include "tests/fuzz/pictures.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_also_repaired(fuzz_check_picture, data, size);
    return 0;
}
