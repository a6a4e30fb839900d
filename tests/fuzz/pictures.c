/* pictures.c - see pictures.h. */
#include "tests/fuzz/pictures.h"
#include "engine/base/memory.h"
#include "engine/pictures/bytes.h"
#include "engine/pictures/picture_probe.h"
#include "engine/pictures/png_crc.h"

#include <string.h>

static const char name[] = "fuzz.picture";

static bool is_printable(const char *text, size_t room)
{
    for (size_t i = 0; i < room; i++) {
        if (text[i] == '\0')
            return true;
        if (text[i] < 32 || text[i] > 126)
            return false;
    }
    return false;
}

void fuzz_check_failure(limn_status status, const limn_error *error, const char *path)
{
    REQUIRE_STATUS(status, error, LIMN_E_INPUT, path);
    if (status != LIMN_OK)
        REQUIRE(is_printable(error->message, sizeof error->message));
}

static bool is_within_limits(int64_t width, int64_t height)
{
    return width >= 1 && height >= 1 && width <= PICTURE_MOST_SIDE && height <= PICTURE_MOST_SIDE &&
           width * height <= PICTURE_MOST_PIXELS;
}

static void check_header(const struct picture_header *header)
{
    int depth = header->depth;
    REQUIRE(is_within_limits(header->width, header->height));
    REQUIRE(depth == 1 || depth == 2 || depth == 4 || depth == 8 || depth == 16);
    REQUIRE(header->orientation >= 1 && header->orientation <= 8);
    REQUIRE(is_printable(header->profile, sizeof header->profile));
}

bool fuzz_is_small(const uint8_t *data, size_t size)
{
    struct picture_header header;
    struct picture_bytes file = {data, size, name};
    return picture_probe(&file, &header, NULL) != LIMN_OK || header.width * header.height <= FUZZ_MOST_PIXELS;
}

static limn_status decode(const uint8_t *data, size_t size, const struct picture_header *header, bool orient,
                          struct picture *picture)
{
    const size_t held = mem_in_use();
    limn_error error;
    mem_restart_peak();
    limn_status status = picture_decode(data, size, name, orient, picture, &error);
    REQUIRE(mem_peak() - held <=
            picture_decoding_bytes(header, orient) * (header->kind == PICTURE_PNG ? 3 : 1));
    fuzz_check_failure(status, &error, name);
    if (status != LIMN_OK) {
        REQUIRE(!picture->pixels && mem_in_use() == held);
        return status;
    }
    bool exchanged = orient && header->orientation >= 5;
    REQUIRE(picture->width == (exchanged ? header->height : header->width));
    REQUIRE(picture->height == (exchanged ? header->width : header->height));
    REQUIRE(picture->channels == (header->alpha ? 4 : 3));
    REQUIRE(is_printable(picture->warning, sizeof picture->warning));
    REQUIRE(picture->warning[0] != '\0' || (!header->foreign_profile && header->depth < 16));
    return status;
}

static bool same_pixels(const struct picture *a, const struct picture *b)
{
    return memcmp(a->pixels, b->pixels, (size_t)(a->width * a->height * a->channels)) == 0;
}

/* The pixel at the upper left of the upright picture is at a corner of the stored one (EXIF 2.32, 4.6.4 A).
 */
static bool corner_is_right(const struct picture *stored, const struct picture *upright, int orientation)
{
    static const struct {
        bool right, bottom;
    } corners[9] = {[2] = {true, false}, [3] = {true, true}, [4] = {false, true},
                    [6] = {false, true}, [7] = {true, true}, [8] = {true, false}};
    int64_t x = corners[orientation].right ? stored->width - 1 : 0;
    int64_t y = corners[orientation].bottom ? stored->height - 1 : 0;
    const unsigned char *pixel = stored->pixels + (y * stored->width + x) * stored->channels;
    return memcmp(pixel, upright->pixels, (size_t)stored->channels) == 0;
}

/* What the header says decoding takes is enough, and less is refused. */
static void check_memory(const uint8_t *data, size_t size, const struct picture_header *header,
                         limn_status expected)
{
    size_t needed = picture_decoding_bytes(header, true);
    struct picture picture;
    limn_error error;
    mem_set_limit(mem_in_use() + needed);
    limn_status status = picture_decode(data, size, name, true, &picture, &error);
    REQUIRE(status == expected || (header->kind == PICTURE_PNG && status == LIMN_E_MEMORY));
    picture_free(&picture);
    mem_set_limit(mem_in_use() + needed - 1);
    status = picture_decode(data, size, name, true, &picture, &error);
    mem_set_limit(0);
    REQUIRE(status == LIMN_E_MEMORY && !picture.pixels);
    fuzz_check_failure(status, &error, name);
}

void fuzz_check_picture(const uint8_t *data, size_t size)
{
    const size_t held = mem_in_use();
    struct picture stored, again, upright;
    struct picture_header header;
    struct picture_bytes file = {data, size, name};
    limn_error error;
    limn_status status = picture_probe(&file, &header, &error);
    fuzz_check_failure(status, &error, name);
    REQUIRE(mem_in_use() == held);
    if (status != LIMN_OK) {
        REQUIRE(picture_decode(data, size, name, true, &stored, NULL) == status && !stored.pixels);
        return;
    }
    check_header(&header);
    if (header.width * header.height > FUZZ_MOST_PIXELS)
        return;
    status = decode(data, size, &header, false, &stored);
    REQUIRE(decode(data, size, &header, false, &again) == status);
    REQUIRE(decode(data, size, &header, true, &upright) == status);
    if (status == LIMN_OK) {
        REQUIRE(same_pixels(&stored, &again));
        REQUIRE(header.orientation != 1 || same_pixels(&stored, &upright));
        REQUIRE(corner_is_right(&stored, &upright, header.orientation));
    }
    picture_free(&stored);
    picture_free(&again);
    picture_free(&upright);
    check_memory(data, size, &header, status);
    REQUIRE(mem_in_use() == held);
}

void fuzz_also_repaired(void (*check)(const uint8_t *data, size_t size), const uint8_t *data, size_t size)
{
    check(data, size);
    if (size < 8 || memcmp(data, "\x89PNG\r\n\x1a\n", 8) != 0)
        return;
    bool changed = false;
    uint8_t *copy = mem_alloc(size);
    REQUIRE(copy);
    memcpy(copy, data, size);
    for (size_t at = 8; size - at >= 12;) {
        size_t bytes = read_32be(copy + at);
        if (bytes > size - at - 12)
            break;
        uint8_t *type = copy + at + 4, *tail = type + 4 + bytes;
        uint32_t crc = png_crc(0, type, 4 + bytes);
        changed = changed || read_32be(tail) != crc;
        store_32be(tail, crc);
        at += 12 + bytes;
    }
    if (changed)
        check(copy, size);
    mem_free(copy);
}
