/* fuzz_metadata.c - untrusted EXIF blocks, XMP packets, image resources and ICC profiles, without the picture
 * around them. */
#include "engine/base/memory.h"
#include "engine/pictures/exif.h"
#include "engine/pictures/photoshop.h"
#include "engine/pictures/picture_header.h"
#include "engine/pictures/xmp.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

static const struct picture_changes changes = {.upright = true, .width = 123456, .height = 7};

static void check_exif(const uint8_t *data, size_t size)
{
    int orientation = exif_orientation(data, size);
    REQUIRE(orientation >= 1 && orientation <= 8);
    if (!exif_is_sound(data, size))
        return;
    uint32_t x, y;
    bool per_inch;
    REQUIRE(!exif_resolution(data, size, &x, &y, &per_inch) || (x - 1 < UINT16_MAX && y - 1 < UINT16_MAX));
    uint8_t *copy = mem_alloc(size);
    REQUIRE(copy);
    memcpy(copy, data, size);
    REQUIRE(exif_correct(copy, size, &changes) <= size);
    mem_free(copy);
}

/* Enough room is twice the size; the exact room suffices, and less does not. */
static void check_xmp(const uint8_t *data, size_t size)
{
    uint8_t *copy = mem_alloc(3 * size + 1), *again = mem_alloc(3 * size + 1);
    REQUIRE(copy && again);
    size_t most = xmp_correct(data, size, &changes, copy, 3 * size);
    if (most) {
        REQUIRE(xmp_correct(data, size, &changes, again, most) == most && memcmp(copy, again, most) == 0);
        REQUIRE(xmp_correct(data, size, &changes, again, most - 1) == 0);
    }
    mem_free(copy);
    mem_free(again);
}

static void check_resources(const uint8_t *data, size_t size)
{
    uint8_t *copy = mem_alloc(size + 1), *again = mem_alloc(size + 1);
    REQUIRE(copy && again);
    size_t kept = resources_copy(data, size, copy);
    REQUIRE(kept <= size);
    REQUIRE(resources_copy(copy, kept, again) == kept);
    REQUIRE(!resources_have_iptc(copy, kept) || resources_have_iptc(data, size));
    mem_free(copy);
    mem_free(again);
}

static void check_profile(const uint8_t *data, size_t size)
{
    struct picture_header header;
    memset(&header, 'x', sizeof header);
    icc_describe(data, size, &header);
    size_t length = strnlen(header.profile, sizeof header.profile);
    REQUIRE(length < sizeof header.profile);
    for (size_t i = 0; i < length; i++)
        REQUIRE(header.profile[i] >= 32 && header.profile[i] < 127);
    REQUIRE(header.foreign_profile || length > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_exif(data, size);
    check_xmp(data, size);
    check_resources(data, size);
    check_profile(data, size);
    return 0;
}
