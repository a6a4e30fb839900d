/* fuzz_mask.c - untrusted masks: mask_read. */
#include "engine/base/memory.h"
#include "engine/pictures/mask.h"
#include "tests/fuzz/pictures.h"

#include <string.h>

/* Classes above 0 are one, where the mask is read without `binary` too; it may be read with it only. */
static void check_binary(const char *path, const struct picture *mask, bool read)
{
    struct picture joined;
    limn_error error;
    limn_status status = mask_read(path, false, true, &joined, &error);
    fuzz_check_failure(status, &error, path);
    REQUIRE(status == LIMN_OK || !read);
    for (int64_t i = 0; status == LIMN_OK && i < joined.width * joined.height; i++)
        REQUIRE(joined.pixels[i] <= 1 && (!read || joined.pixels[i] == (mask->pixels[i] > 0)));
    picture_free(&joined);
}

static void check_mask(const uint8_t *data, size_t size)
{
    if (!fuzz_is_small(data, size))
        return;
    const size_t held = mem_in_use();
    const char *path = fuzz_file(data, size);
    struct picture mask, again, picture;
    limn_error error;
    limn_status status = mask_read(path, false, false, &mask, &error);
    fuzz_check_failure(status, &error, path);
    REQUIRE(mask_read(path, false, false, &again, NULL) == status);
    if (status == LIMN_OK) {
        /* What is a mask is a picture too, of the same size. */
        REQUIRE(picture_decode(data, size, path, false, &picture, NULL) == LIMN_OK);
        REQUIRE(mask.width == picture.width && mask.height == picture.height);
        REQUIRE(mask.channels == 1 && again.channels == 1);
        REQUIRE(memcmp(mask.pixels, again.pixels, (size_t)(mask.width * mask.height)) == 0);
        picture_free(&picture);
    } else {
        REQUIRE(!mask.pixels && !again.pixels);
    }
    check_binary(path, &mask, status == LIMN_OK);
    picture_free(&mask);
    picture_free(&again);
    mem_set_limit(mem_in_use() + size % 64 * 2048 + 1);
    limn_status without_memory = mask_read(path, false, false, &mask, &error);
    mem_set_limit(0);
    REQUIRE(without_memory == status || without_memory == LIMN_E_MEMORY);
    REQUIRE(without_memory == LIMN_OK || !mask.pixels);
    picture_free(&mask);
    REQUIRE(mem_in_use() == held);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_also_repaired(check_mask, data, size);
    return 0;
}
