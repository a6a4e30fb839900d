/* fuzz_carry.c - metadata read from a file and written for another one, which is read again.
 *
 *     byte 0      bit 0: for a PNG, not a JPEG; bits 1 to 3: the orientation that was applied, less 1; the
 * rest: how much of the memory that is needed there is, none: all the rest    the file, of which only the
 * metadata need be right */
#include "engine/base/memory.h"
#include "engine/pictures/metadata.h"
#include "tests/fuzz/pictures.h"

#include <string.h>

/* What the allocator adds to a block. */
enum { BLOCK_HEAD = 128 };

/* Within the memory that is announced. NULL if it is refused because `share` sixteenths of it is not enough.
 */
static unsigned char *write_checked(const struct metadata_target *target, size_t share, size_t *size)
{
    const size_t held = mem_in_use(), most = metadata_write_bytes(target);
    unsigned char *bytes;
    char losses[METADATA_LOSSES_TEXT];
    mem_restart_peak();
    mem_set_limit(held + (share ? most * share / 16 : most) + 1);
    limn_status status = metadata_write(target, &bytes, size, NULL);
    mem_set_limit(0);
    REQUIRE(mem_peak() <= held + most);
    REQUIRE(status == LIMN_OK || (status == LIMN_E_MEMORY && share && !bytes && mem_in_use() == held));
    REQUIRE(strlen(metadata_losses(target, losses, sizeof losses)) < sizeof losses);
    return bytes;
}

/* The kinds whose items may change when they are written a second time: structures that overlap. */
static bool is_stable(const struct metadata *metadata)
{
    for (size_t i = 0; i < metadata->count; i++) {
        enum metadata_kind kind = metadata->items[i].kind;
        if (kind == METADATA_EXIF || kind == METADATA_XMP || kind == METADATA_RAW)
            return false;
    }
    return true;
}

/* Reads what was written as a file, and writes it again: the same bytes. */
static void check_again(const struct metadata_target *target, const unsigned char *bytes, size_t size)
{
    static const unsigned char signature[8] = "\x89PNG\r\n\x1a\n";
    size_t before = target->format == METADATA_FOR_PNG ? sizeof signature : 0, again_size;
    unsigned char *file = mem_alloc(before + size), *again;
    REQUIRE(file);
    memcpy(file, signature, before);
    memcpy(file + before, bytes, size);
    struct metadata *metadata;
    REQUIRE(metadata_read(file, before + size, 1, &metadata, NULL) == LIMN_OK);
    struct metadata_target second = *target;
    second.metadata = metadata;
    if (metadata && is_stable(target->metadata)) {
        again = write_checked(&second, 0, &again_size);
        REQUIRE(again_size == size && memcmp(again, bytes, size) == 0);
        mem_free(again);
    }
    metadata_free(metadata);
    mem_free(file);
}

static uint8_t choice; /* byte 0 */

static void check_file(const uint8_t *data, size_t size)
{
    const size_t held = mem_in_use(), need = metadata_bytes(data, size);
    int orientation = 1 + (choice >> 1 & 7);
    size_t written_size;
    struct metadata *metadata;
    mem_set_limit(held + need + BLOCK_HEAD);
    REQUIRE(metadata_read(data, size, orientation, &metadata, NULL) == LIMN_OK);
    mem_set_limit(0);
    REQUIRE(mem_in_use() <= held + need + BLOCK_HEAD && !need == !metadata);
    const struct metadata_target target = {choice & 1 ? METADATA_FOR_PNG : METADATA_FOR_JPEG, 70000, 9,
                                           metadata, NULL};
    unsigned char *written = write_checked(&target, choice >> 4, &written_size);
    if (written)
        check_again(&target, written, written_size);
    mem_free(written);
    metadata_free(metadata);
    REQUIRE(mem_in_use() == held);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size)
        return 0;
    choice = data[0];
    fuzz_also_repaired(check_file, data + 1, size - 1);
    return 0;
}
