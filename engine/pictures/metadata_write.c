/* metadata_write.c - see metadata.h: the segments of a JPEG and the chunks of a PNG. All go into one block
 * whose size is bounded in advance; what does not fit, there or in its segment, is left out. */
#include "engine/base/memory.h"
#include "engine/pictures/bytes.h"
#include "engine/pictures/deflate.h"
#include "engine/pictures/inflate.h"
#include "engine/pictures/metadata_block.h"
#include "engine/pictures/metadata_text.h"
#include "engine/pictures/photoshop.h"
#include "engine/pictures/png_text.h"
#include "engine/pictures/xmp.h"

#include <stdio.h>
#include <string.h>

enum {
    MOST_PART = 65000,             /* of a profile, of image resources */
    MOST_PROFILE = 4 << 20,        /* bytes of a profile that a PNG holds compressed */
    MOST_UNPACKED_TEXTS = 1 << 20, /* bytes of the texts that a PNG holds compressed */
    MOST_RAW = 256 << 10,          /* bytes of a raw profile's text */
    FRAME = 128,                   /* at least what an item needs besides its bytes */
    COMPRESSOR = 640 << 10,
    BLOCK_HEADS = 1024, /* what the allocator adds to blocks */
};

/* ---- EXIF, XMP, resources ---------------------------------------------------------------- */

static void put_exif(struct block *block, const struct metadata_item *item)
{
    size_t at = block->size;
    block_put(block, item->bytes, item->size);
    if (!block->full)
        block->size = at + exif_correct(block->bytes + at, item->size, &block->changes);
}

static void put_xmp(struct block *block, const struct metadata_item *item)
{
    size_t size = block->full ? 0
                              : xmp_correct(item->bytes, item->size, &block->changes,
                                            block->bytes + block->size, block->room - block->size);
    block->full = !size;
    block->size += size;
}

static void write_exif(struct block *block, const struct metadata_item *item)
{
    if (block_is_jpeg(block)) {
        segment_begin(block, JPEG_APP1);
        block_put(block, "Exif\0", 6);
        put_exif(block, item);
        segment_end(block);
    } else {
        chunk_begin(block, "eXIf");
        put_exif(block, item);
        chunk_end(block);
    }
}

static void write_xmp(struct block *block, const struct metadata_item *item)
{
    static const char namespace[] = "http://ns.adobe.com/xap/1.0/", keyword[] = "XML:com.adobe.xmp\0\0\0\0";
    if (block_is_jpeg(block)) {
        segment_begin(block, JPEG_APP1);
        block_put(block, namespace, sizeof namespace);
        put_xmp(block, item);
        segment_end(block);
    } else {
        chunk_begin(block, "iTXt");
        block_put(block, keyword, sizeof keyword);
        put_xmp(block, item);
        chunk_end(block);
    }
}

struct part {
    const unsigned char *bytes;
    size_t size;
};

static limn_status take_packed(void *context, const unsigned char *bytes, size_t size, limn_error *error)
{
    (void)error;
    block_put(context, bytes, size);
    return LIMN_OK;
}

/* A chunk that ends with a zlib stream, which unpacks to `part`. */
static limn_status write_packed(struct block *block, const char *type, const char *head, size_t head_size,
                                struct part part, limn_error *error)
{
    struct deflate *deflate;
    limn_status status = deflate_create(take_packed, block, &deflate, error);
    if (status)
        return status;
    chunk_begin(block, type);
    block_put(block, head, head_size);
    status = deflate_write(deflate, part.bytes, part.size, error);
    if (!status)
        status = deflate_finish(deflate, error);
    chunk_end(block);
    deflate_free(deflate);
    return status;
}

/* PNG has no place of its own for them: as ImageMagick and exiftool do, in a text, and only if there is IPTC.
 */
static limn_status write_raw_resources(struct block *block, struct part part, limn_error *error)
{
    static const char head[] = "Raw profile type iptc\0"; /* the second 0: the compression method */
    size_t room = PNG_RAW_PROFILE_ROOM(part.size);
    if (!resources_have_iptc(part.bytes, part.size))
        return LIMN_OK;
    unsigned char *text = mem_alloc(room);
    if (!text)
        return fail_memory(error, "a picture's metadata", room);
    size_t size = png_text_from_profile("iptc", part.bytes, part.size, text);
    limn_status status = write_packed(block, "zTXt", head, sizeof head, (struct part){text, size}, error);
    mem_free(text);
    return status;
}

/* Resources that are longer than a segment go on in the next. */
static limn_status write_resources(struct block *block, struct part part, limn_error *error)
{
    static const char head[] = "Photoshop 3.0";
    unsigned char *copy = mem_alloc(part.size);
    if (!copy)
        return fail_memory(error, "a picture's metadata", part.size);
    limn_status status = LIMN_OK;
    size_t size = resources_copy(part.bytes, part.size, copy);
    if (!block_is_jpeg(block))
        status = write_raw_resources(block, (struct part){copy, size}, error);
    for (size_t at = 0; block_is_jpeg(block) && at < size; at += MOST_PART)
        segment_write(block, JPEG_APP13, head, sizeof head, copy + at,
                      size - at < MOST_PART ? size - at : MOST_PART);
    mem_free(copy);
    return status;
}

static bool has_exif(const struct metadata *metadata)
{
    for (size_t i = 0; i < metadata->count; i++)
        if (metadata->items[i].kind == METADATA_EXIF)
            return true;
    return false;
}

/* EXIF or image resources in a text. Where there is a block of EXIF too, it is the newer form of the same. */
static limn_status write_raw(struct block *block, const struct metadata_item *item, limn_error *error)
{
    struct png_text text;
    unsigned char *bytes = mem_alloc(MOST_RAW);
    if (!bytes)
        return fail_memory(error, "a picture's metadata", MOST_RAW);
    limn_status status = LIMN_OK;
    size_t size =
        png_text_read(item->bytes, item->size, &text) ? png_text_raw_profile(&text, bytes, MOST_RAW) : 0;
    size_t prefix = size > 6 && memcmp(bytes, "Exif\0", 6) == 0 ? 6 : 0;
    bool sound = exif_is_sound(bytes + prefix, size - prefix);
    if (sound && !has_exif(block->target->metadata))
        write_exif(block, &(struct metadata_item){METADATA_EXIF, size - prefix, bytes + prefix});
    else if (size > 4 && memcmp(bytes, "8BIM", 4) == 0)
        status = write_resources(block, (struct part){bytes, size}, error);
    else if (!sound)
        block->losses |= LOSS_RAW;
    mem_free(bytes);
    return status;
}

/* ---- ICC profile ------------------------------------------------------------------------- */

/* "ICC_PROFILE", 0, number of this part from 1 on, number of parts. */
static void write_profile_parts(struct block *block, const unsigned char *profile, size_t size)
{
    size_t parts = (size + MOST_PART - 1) / MOST_PART;
    char head[14] = "ICC_PROFILE";
    if (parts > 255) {
        block->losses |= LOSS_SEGMENT;
        return;
    }
    head[13] = (char)parts;
    for (size_t at = 0; at < size; at += MOST_PART) {
        head[12]++;
        segment_write(block, JPEG_APP2, head, sizeof head, profile + at,
                      size - at < MOST_PART ? size - at : MOST_PART);
    }
}

/* Splits the data of an iCCP chunk, which was checked when it was read, at the end of its name: the profile
 * as a zlib stream. Returns the size of the profile, which is its first number. */
static size_t find_profile(const struct metadata_item *item, const unsigned char **packed,
                           size_t *packed_size)
{
    unsigned char size[4] = {0};
    *packed = (const unsigned char *)memchr(item->bytes, 0, item->size) + 2;
    *packed_size = item->size - (size_t)(*packed - item->bytes);
    inflate_head(*packed, *packed_size, size, sizeof size);
    return read_32be(size);
}

/* PNG to JPEG. */
static limn_status unpack_profile(struct block *block, const struct metadata_item *item, limn_error *error)
{
    const unsigned char *packed;
    size_t packed_size, size = find_profile(item, &packed, &packed_size);
    unsigned char *profile = size <= MOST_PROFILE ? mem_alloc(size) : NULL;
    if (!profile && size <= MOST_PROFILE)
        return fail_memory(error, "an ICC profile", size);
    if (profile && inflate(packed, packed_size, profile, size) == size)
        write_profile_parts(block, profile, size);
    else
        block->losses |= LOSS_PROFILE;
    mem_free(profile);
    return LIMN_OK;
}

/* JPEG to PNG. */
static limn_status pack_profile(struct block *block, const struct metadata_item *item, limn_error *error)
{
    static const char head[] = "ICC profile\0"; /* the second 0: the compression method */
    return write_packed(block, "iCCP", head, sizeof head, (struct part){item->bytes, item->size}, error);
}

static limn_status write_profile(struct block *block, const struct metadata_item *item, limn_error *error)
{
    bool packed = item->kind == METADATA_ICCP;
    if (packed && block_is_jpeg(block))
        return unpack_profile(block, item, error);
    if (!packed && !block_is_jpeg(block))
        return pack_profile(block, item, error);
    if (!packed) {
        write_profile_parts(block, item->bytes, item->size);
        return LIMN_OK;
    }
    chunk_begin(block, "iCCP");
    block_put(block, item->bytes, item->size);
    chunk_end(block);
    return LIMN_OK;
}

/* ---- resolution -------------------------------------------------------------------------- */

/* In dots per inch if it was per metre. All 0 if a JPEG cannot hold it. */
static struct metadata_density density_for_jpeg(struct metadata_density density)
{
    uint64_t x = density.x, y = density.y;
    if (density.unit == DENSITY_METRE) {
        density.unit = DENSITY_INCH;
        x = (x * 254 + 5000) / 10000;
        y = (y * 254 + 5000) / 10000;
    }
    if (!x || !y || x > UINT16_MAX || y > UINT16_MAX)
        return (struct metadata_density){0};
    return (struct metadata_density){(uint32_t)x, (uint32_t)y, density.unit};
}

/* SOI, APP0: "JFIF", 0, version (2), unit, x (2), y (2), thumbnail of 0 x 0. */
static void write_start(struct block *block, struct metadata_density density)
{
    density = density_for_jpeg(density);
    uint32_t x = density.x ? density.x : 1, y = density.y ? density.y : 1;
    const unsigned char start[] = {0xff,
                                   0xd8,
                                   0xff,
                                   0xe0,
                                   0,
                                   16,
                                   'J',
                                   'F',
                                   'I',
                                   'F',
                                   0,
                                   1,
                                   1,
                                   (unsigned char)density.unit,
                                   (unsigned char)(x >> 8),
                                   (unsigned char)x,
                                   (unsigned char)(y >> 8),
                                   (unsigned char)y,
                                   0,
                                   0};
    block_put(block, start, sizeof start);
}

/* x (4), y (4), unit: 0 unknown, 1 metre. */
static void write_phys(struct block *block, struct metadata_density density)
{
    unsigned char data[9] = {[8] = density.unit != DENSITY_ASPECT};
    bool inch = density.unit == DENSITY_INCH;
    uint64_t scale = density.unit == DENSITY_CENTIMETRE ? 100 : 1;
    store_32be(data, (uint32_t)(inch ? ((uint64_t)density.x * 10000 + 127) / 254 : density.x * scale));
    store_32be(data + 4, (uint32_t)(inch ? ((uint64_t)density.y * 10000 + 127) / 254 : density.y * scale));
    chunk_begin(block, "pHYs");
    block_put(block, data, sizeof data);
    chunk_end(block);
}

/* ---- all --------------------------------------------------------------------------------- */

static limn_status write_item(struct block *block, const struct metadata_item *item, limn_error *error)
{
    switch (item->kind) {
    case METADATA_EXIF:
        write_exif(block, item);
        return LIMN_OK;
    case METADATA_XMP:
        write_xmp(block, item);
        return LIMN_OK;
    case METADATA_RAW:
        return write_raw(block, item, error);
    case METADATA_PHOTOSHOP:
        return write_resources(block, (struct part){item->bytes, item->size}, error);
    case METADATA_PROFILE:
    case METADATA_ICCP:
        return write_profile(block, item, error);
    case METADATA_COMMENT:
        comment_write(block, item);
        return LIMN_OK;
    case METADATA_TEXT:
        break; /* write_texts */
    }
    return LIMN_OK;
}

/* In the order of the kinds: EXIF comes first in a JPEG. */
static limn_status write_items(struct block *block, enum metadata_kind first, enum metadata_kind last,
                               limn_error *error)
{
    const struct metadata *metadata = block->target->metadata;
    limn_status status = LIMN_OK;
    for (int kind = (int)first; metadata && kind <= (int)last; kind++)
        for (size_t i = 0; !status && i < metadata->count; i++)
            if ((int)metadata->items[i].kind == kind)
                status = write_item(block, &metadata->items[i], error);
    return status;
}

static limn_status write_all(struct block *block, limn_error *error)
{
    const struct metadata *metadata = block->target->metadata;
    struct metadata_density density = metadata ? metadata->density : (struct metadata_density){0};
    if (block_is_jpeg(block))
        write_start(block, density);
    else if (density.x)
        write_phys(block, density);
    limn_status status = write_items(block, METADATA_EXIF, METADATA_ICCP, error);
    if (status)
        return status;
    if (block_is_jpeg(block))
        software_write(block);
    texts_write(block, false);
    status = write_items(block, METADATA_COMMENT, METADATA_COMMENT, error);
    texts_write(block, true);
    if (!block_is_jpeg(block))
        software_write(block);
    return status;
}

/* The room for an item: a number in XMP, or a character of Latin-1, takes at most twice its bytes. */
static size_t item_room(const struct metadata_item *item)
{
    const unsigned char *packed;
    size_t packed_size, profile = item->kind == METADATA_ICCP ? find_profile(item, &packed, &packed_size) : 0;
    size_t raw = item->kind == METADATA_RAW ? MOST_RAW / 2 : 0;
    return FRAME + 2 * (item->size + raw + (profile <= MOST_PROFILE ? profile : 0));
}

static size_t all_room(const struct metadata_target *target)
{
    const struct metadata *metadata = target->metadata;
    size_t room = 4 * FRAME + (target->software ? strlen(target->software) : 0);
    bool packed = false;
    for (size_t i = 0; metadata && i < metadata->count; i++) {
        const struct metadata_item *item = &metadata->items[i];
        room += item_room(item);
        packed = packed || (item->kind == METADATA_TEXT && item->bytes[0] != 't');
    }
    return room + (packed && target->format == METADATA_FOR_JPEG ? MOST_UNPACKED_TEXTS : 0);
}

static limn_status write_block(const struct metadata_target *target, struct block *block, limn_error *error)
{
    *block = (struct block){.target = target, .room = all_room(target)};
    const struct metadata *metadata = target->metadata;
    block->changes = (struct picture_changes){metadata && metadata->upright, target->width, target->height};
    block->losses = metadata ? metadata->losses : 0;
    if (!(block->bytes = mem_alloc(block->room)))
        return fail_memory(error, "a picture's metadata", block->room);
    limn_status status = write_all(block, error);
    if (!status)
        return LIMN_OK;
    mem_free(block->bytes);
    block->bytes = NULL;
    return status;
}

limn_status metadata_write(const struct metadata_target *target, unsigned char **bytes, size_t *size,
                           limn_error *error)
{
    struct block block;
    *bytes = NULL;
    *size = 0;
    if (!target->metadata && !target->software)
        return LIMN_OK;
    limn_status status = write_block(target, &block, error);
    *bytes = block.bytes;
    *size = status ? 0 : block.size;
    return status;
}

/* What is held along with the block while an item is written. */
static size_t item_extra(const struct metadata_item *item)
{
    switch (item->kind) {
    case METADATA_RAW: /* its text, then the same as below */
        return MOST_RAW + MOST_RAW / 2 + PNG_RAW_PROFILE_ROOM(MOST_RAW / 2) + COMPRESSOR;
    case METADATA_PHOTOSHOP:
        return item->size + PNG_RAW_PROFILE_ROOM(item->size) + COMPRESSOR;
    case METADATA_PROFILE:
        return COMPRESSOR;
    case METADATA_ICCP:
        return item_room(item);
    case METADATA_EXIF:
    case METADATA_XMP:
    case METADATA_COMMENT:
    case METADATA_TEXT:
        break;
    }
    return 0;
}

size_t metadata_write_bytes(const struct metadata_target *target)
{
    const struct metadata *metadata = target->metadata;
    size_t most = 0;
    if (!metadata && !target->software)
        return 0;
    for (size_t i = 0; metadata && i < metadata->count; i++) {
        size_t extra = item_extra(&metadata->items[i]);
        most = extra > most ? extra : most;
    }
    return all_room(target) + most + BLOCK_HEADS;
}

const char *metadata_losses(const struct metadata_target *target, char *text, size_t room)
{
    static const char *const names[] = {
        "the ICC profile (not a valid one for RGB)",
        "extended XMP",
        "metadata over 16 MB",
        "what exceeds 64 KB (the limit of a JPEG)",
        "ImageMagick's raw profiles",
        "compressed XMP",
    };
    struct block block;
    size_t used = 0;
    text[0] = '\0';
    if (!target->metadata || write_block(target, &block, NULL))
        return text;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (block.losses >> i & 1)
            used += (size_t)snprintf(text + used, used < room ? room - used : 0, "%s%s", used ? ", " : "",
                                     names[i]);
    mem_free(block.bytes);
    return text;
}
