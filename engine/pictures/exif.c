/* exif.c - see exif.h. */
#include "engine/pictures/exif.h"
#include "engine/pictures/bytes.h"

#include <string.h>

enum { TIFF_HEADER = 8, ENTRY = 12, SHORT = 3, LONG = 4, RATIONAL = 5 };
enum {
    IMAGE_WIDTH = 0x100,
    IMAGE_LENGTH = 0x101,
    ORIENTATION = 0x112,
    STRIP_OFFSETS = 0x111,
    STRIP_BYTE_COUNTS = 0x117,
    X_RESOLUTION = 0x11a,
    Y_RESOLUTION = 0x11b,
    RESOLUTION_UNIT = 0x128,
    JPEG_OFFSET = 0x201,
    JPEG_LENGTH = 0x202,
    EXIF_DIRECTORY = 0x8769,
    GPS_DIRECTORY = 0x8825,
    PIXEL_X_DIMENSION = 0xa002,
    PIXEL_Y_DIMENSION = 0xa003,
    INTEROPERABILITY_DIRECTORY = 0xa005,
};

struct block {
    const unsigned char *bytes;
    unsigned char *writable; /* the same bytes, or NULL if they are only read */
    size_t size;
    bool big; /* the most significant byte comes first */
};

/* `count` entries start at `at`; count 0: no directory. */
struct directory {
    size_t at, count;
};

struct range {
    size_t from, to;
};

static uint32_t read_16(const struct block *block, size_t at)
{
    return block->big ? read_16be(block->bytes + at) : read_16le(block->bytes + at);
}

static uint32_t read_32(const struct block *block, size_t at)
{
    return block->big ? read_32be(block->bytes + at) : read_32le(block->bytes + at);
}

/* Stores the `bytes` low bytes of a value. */
static void store(const struct block *block, size_t at, uint32_t value, int bytes)
{
    for (int i = 0; i < bytes; i++)
        block->writable[at + (size_t)i] = (unsigned char)(value >> 8 * (block->big ? bytes - 1 - i : i));
}

static bool has_header(const unsigned char *tiff, size_t size)
{
    return size >= TIFF_HEADER + 2 && (memcmp(tiff, "II*\0", 4) == 0 || memcmp(tiff, "MM\0*", 4) == 0);
}

/* ---- directories ------------------------------------------------------------------------- */

/* The directory at an offset; empty unless all its entries lie within the block. */
static struct directory directory_at(const struct block *block, size_t offset)
{
    if (offset < TIFF_HEADER || offset > block->size - 2)
        return (struct directory){0};
    size_t count = read_16(block, offset);
    if (count > (block->size - offset - 2) / ENTRY)
        return (struct directory){0};
    return (struct directory){offset + 2, count};
}

static struct directory first_directory(const struct block *block)
{
    return directory_at(block, read_32(block, 4));
}

/* The offset of the link to the next directory; 0 if the block ends before it. */
static size_t link_at(const struct block *block, struct directory directory)
{
    size_t end = directory.at + ENTRY * directory.count;
    return directory.count && block->size - end >= 4 ? end : 0;
}

/* The first entry with this tag at or after `from`, or the end of the directory. */
static size_t find_entry(const struct block *block, struct directory directory, size_t from, uint32_t tag)
{
    size_t end = directory.at + ENTRY * directory.count;
    while (from < end && read_16(block, from) != tag)
        from += ENTRY;
    return from;
}

/* Where the value of an entry lies; empty if it is not within the block. */
static struct range value_range(const struct block *block, size_t entry)
{
    static const size_t sizes[] = {0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4}; /* of the types */
    uint32_t type = read_16(block, entry + 2);
    uint64_t size =
        type < sizeof sizes / sizeof *sizes ? (uint64_t)sizes[type] * read_32(block, entry + 4) : 0;
    size_t at = size > 4 ? read_32(block, entry + 8) : entry + 8;
    if (at > block->size || size > block->size - at)
        return (struct range){0};
    return (struct range){at, at + (size_t)size};
}

/* Number `index` of the whole numbers, SHORT or LONG, that an entry holds. False if there is no such number.
 */
static bool read_number(const struct block *block, struct directory directory, uint32_t tag, size_t index,
                        size_t *number)
{
    size_t entry = find_entry(block, directory, directory.at, tag);
    if (entry == directory.at + ENTRY * directory.count)
        return false;
    uint32_t type = read_16(block, entry + 2);
    struct range value = value_range(block, entry);
    size_t size = type == LONG ? 4 : 2;
    if ((type != SHORT && type != LONG) || index >= (value.to - value.from) / size)
        return false;
    *number = type == LONG ? read_32(block, value.from + 4 * index) : read_16(block, value.from + 2 * index);
    return true;
}

/* Replaces the number of every entry with this tag. A SHORT becomes a LONG if it has to: both lie in the
 * entry. */
static void set_number(const struct block *block, struct directory directory, uint32_t tag, uint32_t value)
{
    size_t end = directory.at + ENTRY * directory.count;
    for (size_t entry = directory.at; (entry = find_entry(block, directory, entry, tag)) < end;
         entry += ENTRY) {
        uint32_t type = read_16(block, entry + 2);
        if ((type != SHORT && type != LONG) || read_32(block, entry + 4) != 1)
            continue;
        if (value > UINT16_MAX)
            store(block, entry + 2, type = LONG, 2);
        store(block, entry + 8, value, type == LONG ? 4 : 2);
    }
}

static struct directory directory_of(const struct block *block, struct directory parent, uint32_t tag)
{
    size_t offset;
    return read_number(block, parent, tag, 0, &offset) ? directory_at(block, offset) : (struct directory){0};
}

/* ---- the thumbnail ----------------------------------------------------------------------- */

static bool ranges_meet(struct range a, struct range b)
{
    return a.from < b.to && b.from < a.to;
}

/* Whether a directory, with its count, link and values, has bytes in a range. */
static bool directory_meets(const struct block *block, struct directory directory, struct range range)
{
    size_t end = directory.at + ENTRY * directory.count;
    if (directory.count && ranges_meet((struct range){directory.at - 2, end + 4}, range))
        return true;
    for (size_t entry = directory.at; entry < end; entry += ENTRY)
        if (ranges_meet(value_range(block, entry), range))
            return true;
    return false;
}

/* Cuts off, or clears, a part of the thumbnail, unless something that is kept has bytes in it. */
static void remove_part(struct block *block, const struct directory *kept, int count, struct range part)
{
    for (int i = 0; i < count; i++)
        if (directory_meets(block, kept[i], part))
            return;
    if (part.to == block->size)
        block->size = part.from;
    else
        memset(block->writable + part.from, 0, part.to - part.from);
}

/* The thumbnail is a JPEG, or strips of pixels. Each strip is removed from the last to the first, so that
 * strips at the end of the block are cut off. */
static void remove_thumbnail(struct block *block, struct directory thumbnail, const struct directory *kept,
                             int count)
{
    static const uint32_t tags[][2] = {{JPEG_OFFSET, JPEG_LENGTH}, {STRIP_OFFSETS, STRIP_BYTE_COUNTS}};
    enum { MOST_STRIPS = 64 };
    for (int i = 0; i < 2; i++)
        for (size_t strip = MOST_STRIPS; strip-- > 0;) {
            size_t at, size;
            if (!read_number(block, thumbnail, tags[i][0], strip, &at) ||
                !read_number(block, thumbnail, tags[i][1], strip, &size) || at < TIFF_HEADER ||
                at >= block->size)
                continue;
            size_t left = block->size - at;
            remove_part(block, kept, count, (struct range){at, at + (size < left ? size : left)});
        }
}

/* ---- all --------------------------------------------------------------------------------- */

bool exif_is_sound(const unsigned char *tiff, size_t size)
{
    if (!has_header(tiff, size))
        return false;
    const struct block block = {tiff, NULL, size, tiff[0] == 'M'};
    return first_directory(&block).count > 0;
}

int exif_orientation(const unsigned char *tiff, size_t size)
{
    if (!has_header(tiff, size))
        return 1;
    const struct block block = {tiff, NULL, size, tiff[0] == 'M'};
    size_t offset = read_32(&block, 4);
    if (offset > size - 2)
        return 1;
    size_t count = read_16(&block, offset), room = (size - offset - 2) / ENTRY;
    struct directory first = {offset + 2, count < room ? count : room};
    size_t entry = find_entry(&block, first, first.at, ORIENTATION);
    if (entry == first.at + ENTRY * first.count)
        return 1;
    uint32_t value = read_16(&block, entry + 8);
    return read_16(&block, entry + 2) == SHORT && value >= 1 && value <= 8 ? (int)value : 1;
}

/* The first number of an entry with numerators and denominators, rounded. False if it is not between 1 and
 * 65535. */
static bool read_rational(const struct block *block, struct directory directory, uint32_t tag,
                          uint32_t *number)
{
    size_t entry = find_entry(block, directory, directory.at, tag);
    if (entry == directory.at + ENTRY * directory.count || read_16(block, entry + 2) != RATIONAL)
        return false;
    struct range value = value_range(block, entry);
    uint64_t above = value.to - value.from >= 8 ? read_32(block, value.from) : 0;
    uint64_t below = above ? read_32(block, value.from + 4) : 0;
    uint64_t rounded = below ? (2 * above + below) / (2 * below) : 0;
    *number = (uint32_t)rounded;
    return rounded >= 1 && rounded <= UINT16_MAX;
}

bool exif_resolution(const unsigned char *tiff, size_t size, uint32_t *x, uint32_t *y, bool *per_inch)
{
    enum { INCH = 2, CENTIMETRE = 3 };
    const struct block block = {tiff, NULL, size, tiff[0] == 'M'};
    struct directory first = first_directory(&block);
    size_t unit = INCH; /* the default */
    read_number(&block, first, RESOLUTION_UNIT, 0, &unit);
    *per_inch = unit == INCH;
    return (unit == INCH || unit == CENTIMETRE) && read_rational(&block, first, X_RESOLUTION, x) &&
           read_rational(&block, first, Y_RESOLUTION, y);
}

size_t exif_correct(unsigned char *tiff, size_t size, const struct picture_changes *changes)
{
    struct block block = {tiff, NULL, size, tiff[0] == 'M'};
    block.writable = tiff;
    struct directory first = first_directory(&block), exif = directory_of(&block, first, EXIF_DIRECTORY);
    struct directory gps = directory_of(&block, first, GPS_DIRECTORY);
    struct directory interoperability = directory_of(&block, exif, INTEROPERABILITY_DIRECTORY);
    uint32_t width = (uint32_t)changes->width, height = (uint32_t)changes->height;
    if (changes->upright)
        set_number(&block, first, ORIENTATION, 1);
    set_number(&block, first, IMAGE_WIDTH, width);
    set_number(&block, first, IMAGE_LENGTH, height);
    set_number(&block, exif, PIXEL_X_DIMENSION, width);
    set_number(&block, exif, PIXEL_Y_DIMENSION, height);

    size_t link = link_at(&block, first);
    if (link && read_32(&block, link)) {
        const struct directory kept[] = {first, exif, gps, interoperability};
        struct directory thumbnail = directory_at(&block, read_32(&block, link));
        store(&block, link, 0, 4);
        remove_thumbnail(&block, thumbnail, kept, sizeof kept / sizeof *kept);
    }
    return block.size;
}
