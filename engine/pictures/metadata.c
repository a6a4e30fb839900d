/* metadata.c - see metadata.h: reads and copies. Each file is walked twice, first to count, then to copy. The
 * walks check all lengths, and stop where the file is not as it should be. */
#include "engine/pictures/metadata.h"
#include "engine/base/memory.h"
#include "engine/pictures/bytes.h"
#include "engine/pictures/exif.h"
#include "engine/pictures/inflate.h"
#include "engine/pictures/png_crc.h"
#include "engine/pictures/png_text.h"

#include <string.h>

enum { SOI = 0xd8, EOI = 0xd9, SOS = 0xda, TEM = 0x01, RST0 = 0xd0 };
enum { APP0 = 0xe0, APP1 = 0xe1, APP2 = 0xe2, APP13 = 0xed, COM = 0xfe };
enum { MOST_PARTS = 255, PNG_SIGNATURE = 8, ICC_HEADER = 128 };

struct bytes {
    const unsigned char *at;
    size_t size;
};

/* Segments of a JPEG that continue one another. */
struct parts {
    struct bytes list[MOST_PARTS];
    int count;
};

struct reader {
    struct bytes file;
    struct metadata *made; /* NULL: only count */
    unsigned char *free;   /* where the next item's bytes go */
    size_t count, bytes;   /* of the items so far */
    struct bytes exif;     /* empty: none so far */
    bool has_xmp, has_profile, has_density, has_raw_exif, has_raw_resources;
    unsigned losses;
    struct metadata_density density;
};

static bool starts_with(struct bytes bytes, const char *start, size_t size)
{
    return bytes.size >= size && memcmp(bytes.at, start, size) == 0;
}

static struct bytes skip(struct bytes bytes, size_t size)
{
    return (struct bytes){bytes.at + size, bytes.size - size};
}

/* Adds an item whose bytes are the parts, one after the other. */
static void keep_parts(struct reader *reader, enum metadata_kind kind, const struct bytes *parts, int count)
{
    size_t size = 0;
    for (int i = 0; i < count; i++)
        size += parts[i].size;
    if (!size)
        return;
    if (reader->count == METADATA_MOST_ITEMS || size > METADATA_MOST_BYTES - reader->bytes) {
        reader->losses |= LOSS_LARGE;
        return;
    }
    if (reader->made) {
        reader->made->items[reader->count] = (struct metadata_item){kind, size, reader->free};
        for (int i = 0; i < count; reader->free += parts[i++].size)
            memcpy(reader->free, parts[i].at, parts[i].size);
    }
    reader->count++;
    reader->bytes += size;
}

static void keep(struct reader *reader, enum metadata_kind kind, struct bytes bytes)
{
    keep_parts(reader, kind, &bytes, 1);
}

/* Keeps the first one only. */
static void keep_first(struct reader *reader, enum metadata_kind kind, struct bytes bytes, bool *has)
{
    if (!*has)
        keep(reader, kind, bytes);
    *has = true;
}

/* Keeps the first sound block. Some PNGs have the prefix that belongs to JPEGs. */
static void keep_exif(struct reader *reader, struct bytes block)
{
    if (starts_with(block, "Exif\0\0", 6))
        block = skip(block, 6);
    if (reader->exif.at || !exif_is_sound(block.at, block.size))
        return;
    reader->exif = block;
    keep(reader, METADATA_EXIF, block);
}

/* Square pixels, the most common, are what a file without a resolution has too. */
static void keep_density(struct reader *reader, struct metadata_density density)
{
    bool square = density.unit == DENSITY_ASPECT && density.x == density.y;
    if (!reader->has_density && !square && density.x && density.y)
        reader->density = density;
    reader->has_density = true;
}

/* A profile's header: size (4 bytes), ..., at 16 the colour space, at 36 "acsp". */
static bool profile_is_rgb(struct bytes profile)
{
    return profile.size >= ICC_HEADER && memcmp(profile.at + 16, "RGB ", 4) == 0 &&
           memcmp(profile.at + 36, "acsp", 4) == 0;
}

/* ---- JPEG -------------------------------------------------------------------------------- */

/* "ICC_PROFILE", 0, number of this part from 1 on, number of parts. */
static void add_profile_part(struct parts *parts, struct bytes data)
{
    int number = data.at[12], count = data.at[13];
    if (number < 1 || number > count || parts->list[number - 1].at)
        return;
    parts->list[number - 1] = skip(data, 14);
    parts->count = count;
}

static void keep_profile(struct reader *reader, const struct parts *parts)
{
    bool whole = parts->count > 0;
    for (int i = 0; whole && i < parts->count; i++)
        whole = parts->list[i].at != NULL;
    if (whole && profile_is_rgb(parts->list[0]))
        keep_parts(reader, METADATA_PROFILE, parts->list, parts->count);
    else if (parts->count)
        reader->losses |= LOSS_PROFILE;
}

static void read_app1(struct reader *reader, struct bytes data)
{
    static const char xmp[] = "http://ns.adobe.com/xap/1.0/",
                      extended[] = "http://ns.adobe.com/xmp/extension/";
    if (starts_with(data, "Exif\0\0", 6))
        keep_exif(reader, data);
    else if (starts_with(data, xmp, sizeof xmp))
        keep_first(reader, METADATA_XMP, skip(data, sizeof xmp), &reader->has_xmp);
    else if (starts_with(data, extended, sizeof extended))
        reader->losses |= LOSS_EXTENDED;
}

static void read_segment(struct reader *reader, int marker, struct bytes data, struct parts *profile,
                         struct parts *resources)
{
    static const char photoshop[] = "Photoshop 3.0";
    if (marker == APP0 && starts_with(data, "JFIF\0", 5) && data.size >= 12 &&
        data.at[7] <= DENSITY_CENTIMETRE)
        keep_density(reader,
                     (struct metadata_density){read_16be(data.at + 8), read_16be(data.at + 10), data.at[7]});
    else if (marker == APP1)
        read_app1(reader, data);
    else if (marker == APP2 && starts_with(data, "ICC_PROFILE", 12) && data.size > 14)
        add_profile_part(profile, data);
    else if (marker == APP13 && starts_with(data, photoshop, sizeof photoshop) &&
             resources->count < MOST_PARTS)
        resources->list[resources->count++] = skip(data, sizeof photoshop);
    else if (marker == COM)
        keep(reader, METADATA_COMMENT, data);
}

/* Walks the segments before the first scan. */
static void read_jpeg(struct reader *reader)
{
    const unsigned char *bytes = reader->file.at;
    struct parts profile = {.count = 0}, resources = {.count = 0};
    for (size_t at = 2, left; at < reader->file.size && (left = reader->file.size - at) >= 4;) {
        int marker = bytes[at + 1];
        if (marker == SOS || marker == EOI)
            break;
        if (bytes[at] != 0xff || marker == 0 || marker == 0xff || marker == TEM ||
            (marker >= RST0 && marker <= SOI)) {
            at++;
            continue;
        }
        size_t size = read_16be(bytes + at + 2);
        if (size < 2 || size > left - 2)
            break;
        read_segment(reader, marker, (struct bytes){bytes + at + 4, size - 2}, &profile, &resources);
        at += 2 + size;
    }
    keep_profile(reader, &profile);
    keep_parts(reader, METADATA_PHOTOSHOP, resources.list, resources.count);
}

/* ---- PNG --------------------------------------------------------------------------------- */

/* A name of up to 79 bytes, 0, the compression method, the profile as a zlib stream. */
static void read_iccp(struct reader *reader, struct bytes data)
{
    unsigned char start[ICC_HEADER];
    const unsigned char *end = memchr(data.at, 0, data.size < 80 ? data.size : 80);
    if (!end || (size_t)(end - data.at) + 2 > data.size)
        return;
    struct bytes packed = skip(data, (size_t)(end - data.at) + 2);
    if (profile_is_rgb((struct bytes){start, inflate_head(packed.at, packed.size, start, sizeof start)}))
        keep_first(reader, METADATA_ICCP, data, &reader->has_profile);
    else
        reader->losses |= LOSS_PROFILE;
}

/* `name`: what follows "Raw profile type ". ImageMagick stores several under two names each. */
static void read_raw(struct reader *reader, struct bytes chunk, struct bytes name)
{
    if (starts_with(name, "exif", 5) || starts_with(name, "APP1", 5))
        keep_first(reader, METADATA_RAW, chunk, &reader->has_raw_exif);
    else if (starts_with(name, "8bim", 5) || starts_with(name, "iptc", 5))
        keep_first(reader, METADATA_RAW, chunk, &reader->has_raw_resources);
    else
        reader->losses |= LOSS_RAW;
}

static void read_xmp(struct reader *reader, struct bytes chunk)
{
    struct png_text text;
    if (!png_text_read(chunk.at, chunk.size, &text))
        return;
    if (text.packed)
        reader->losses |= LOSS_PACKED;
    else
        keep_first(reader, METADATA_XMP, (struct bytes){text.bytes, text.size}, &reader->has_xmp);
}

/* A keyword of up to 79 bytes, 0, the text; `chunk` is type and data. */
static void read_text(struct reader *reader, struct bytes chunk)
{
    static const char xmp[] = "XML:com.adobe.xmp", raw[] = "Raw profile type ";
    struct bytes data = skip(chunk, 4);
    const unsigned char *end = memchr(data.at, 0, data.size < 80 ? data.size : 80);
    if (!end || end == data.at)
        return;
    if (starts_with(data, raw, sizeof raw - 1))
        read_raw(reader, chunk, skip(data, sizeof raw - 1));
    else if (starts_with(data, xmp, sizeof xmp))
        read_xmp(reader, chunk);
    else
        keep(reader, METADATA_TEXT, chunk);
}

static void read_chunk(struct reader *reader, struct bytes chunk)
{
    static const char kept[] = "eXIfiCCPpHYstEXtzTXtiTXt";
    struct bytes data = skip(chunk, 4);
    int kind = 0;
    while (kind < 6 && memcmp(chunk.at, kept + 4 * kind, 4) != 0)
        kind++;
    if (kind == 6 || png_crc(0, chunk.at, chunk.size) != read_32be(chunk.at + chunk.size))
        return;
    if (kind == 0)
        keep_exif(reader, data);
    else if (kind == 1)
        read_iccp(reader, data);
    else if (kind > 2)
        read_text(reader, chunk);
    else if (data.size == 9 && data.at[8] <= 1)
        keep_density(reader, (struct metadata_density){read_32be(data.at), read_32be(data.at + 4),
                                                       data.at[8] ? DENSITY_METRE : DENSITY_ASPECT});
}

static void read_png(struct reader *reader)
{
    const unsigned char *bytes = reader->file.at;
    for (size_t at = PNG_SIGNATURE, left; at < reader->file.size && (left = reader->file.size - at) >= 12;) {
        size_t size = read_32be(bytes + at);
        if (size > left - 12)
            break;
        read_chunk(reader, (struct bytes){bytes + at + 4, 4 + size});
        at += 12 + size;
    }
}

/* ---- all --------------------------------------------------------------------------------- */

/* A file without a resolution of its own has that of its EXIF. */
static void walk(struct reader *reader)
{
    if (starts_with(reader->file, "\xff\xd8", 2))
        read_jpeg(reader);
    else if (starts_with(reader->file, "\x89PNG\r\n\x1a\n", PNG_SIGNATURE))
        read_png(reader);
    struct metadata_density density = {0};
    bool per_inch;
    if (reader->density.x || !reader->exif.at ||
        !exif_resolution(reader->exif.at, reader->exif.size, &density.x, &density.y, &per_inch))
        return;
    density.unit = per_inch ? DENSITY_INCH : DENSITY_CENTIMETRE;
    reader->density = density;
}

static size_t block_bytes(const struct reader *reader)
{
    return sizeof(struct metadata) + reader->count * sizeof(struct metadata_item) + reader->bytes;
}

static bool is_empty(const struct reader *reader)
{
    return !reader->count && !reader->density.x && !reader->losses;
}

size_t metadata_bytes(const unsigned char *bytes, size_t size)
{
    struct reader counter = {.file = {bytes, size}};
    walk(&counter);
    return is_empty(&counter) ? 0 : block_bytes(&counter);
}

/* For pixels whose x and y are exchanged. */
static void exchange_density(struct metadata *metadata)
{
    struct metadata_density density = metadata->density;
    metadata->density = (struct metadata_density){density.y, density.x, density.unit};
}

limn_status metadata_read(const unsigned char *bytes, size_t size, int orientation,
                          struct metadata **metadata, limn_error *error)
{
    struct reader counted = {.file = {bytes, size}};
    *metadata = NULL;
    walk(&counted);
    if (is_empty(&counted))
        return LIMN_OK;
    struct metadata *made = mem_alloc(block_bytes(&counted));
    if (!made)
        return fail_memory(error, "a picture's metadata", block_bytes(&counted));
    *made = (struct metadata){orientation != 1, counted.density, counted.losses, counted.count};
    if (orientation >= 5)
        exchange_density(made);
    struct reader copied = {
        .file = counted.file, .made = made, .free = (unsigned char *)(made->items + made->count)};
    walk(&copied);
    *metadata = made;
    return LIMN_OK;
}

limn_status metadata_copy(const struct metadata *metadata, bool exchanged, struct metadata **copy,
                          limn_error *error)
{
    *copy = NULL;
    if (!metadata)
        return LIMN_OK;
    size_t bytes = sizeof *metadata + metadata->count * sizeof *metadata->items;
    for (size_t i = 0; i < metadata->count; i++)
        bytes += metadata->items[i].size;
    struct metadata *made = mem_alloc(bytes);
    if (!made)
        return fail_memory(error, "a picture's metadata", bytes);
    memcpy(made, metadata, bytes);
    for (size_t i = 0; i < made->count; i++)
        made->items[i].bytes = (unsigned char *)made + (metadata->items[i].bytes - (unsigned char *)metadata);
    if (exchanged)
        exchange_density(made);
    *copy = made;
    return LIMN_OK;
}

void metadata_free(struct metadata *metadata)
{
    mem_free(metadata);
}
