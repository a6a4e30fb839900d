/* fuzz_bmp_pnm.c - untrusted BMP and PNM pictures, and formats refused by name: picture_decode. */
#include "tests/fuzz/pictures.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_check_picture(data, size);
    return 0;
}
