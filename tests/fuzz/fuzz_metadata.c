/* fuzz_metadata.c - untrusted EXIF blocks and ICC profiles, without the picture around them. */
#include "engine/pictures/picture_header.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int orientation = exif_orientation(data, size);
    REQUIRE(orientation >= 1 && orientation <= 8);

    struct picture_header header;
    memset(&header, 'x', sizeof header);
    icc_describe(data, size, &header);
    size_t length = strnlen(header.profile, sizeof header.profile);
    REQUIRE(length < sizeof header.profile);
    for (size_t i = 0; i < length; i++)
        REQUIRE(header.profile[i] >= 32 && header.profile[i] < 127);
    REQUIRE(header.foreign_profile || length > 0);
    return 0;
}
