/* metadata_write.c - see metadata.h: the segments of a JPEG and the chunks of a PNG. All go into one block
 * whose size is bounded in advance; what does not fit, there or in its segment, is left out. */
#include "engine/base/memory.h"
#include "engine/pictures/bytes.h"
#include "engine/pictures/deflate.h"
#include "engine/pictures/metadata.h"
#include "engine/pictures/photoshop.h"
#include "engine/pictures/png_crc.h"
#include "engine/pictures/stb.h"
#include "engine/pictures/xmp.h"
#include "weights/utf8.h"

#include <stdio.h>
#include <string.h>

enum { APP1 = 0xe1, APP2 = 0xe2, APP13 = 0xed, COM = 0xfe };
enum {
    MOST_SEGMENT = 65533,          /* bytes of data in a segment */
    MOST_PART = 65000,             /* of a profile, of image resources */
    MOST_PROFILE = 4 << 20,        /* bytes of a profile that a PNG holds compressed */
    MOST_UNPACKED_TEXTS = 1 << 20, /* bytes of the texts that a PNG holds compressed */
    FRAME = 128,                   /* at least what an item needs besides its bytes */
    COMPRESSOR = 640 << 10,
    BLOCK_HEADS = 1024, /* what the allocator adds to blocks */
};

struct block {
    const struct metadata_target *target;
    struct picture_changes changes;
    unsigned char *bytes;
    size_t size, room;
    size_t start; /* of the segment or chunk under way */
    bool full;    /* the segment or chunk under way does not fit */
    unsigned losses;
};

/* ---- segments and chunks ----------------------------------------------------------------- */

static void put(struct block *block, const void *bytes, size_t size)
{
    if (size > block->room - block->size)
        block->full = true;
    if (block->full)
        return;
    memcpy(block->bytes + block->size, bytes, size);
    block->size += size;
}

static void put_word(struct block *block, const char *word)
{
    put(block, word, strlen(word));
}

/* Leaves out the segment or chunk under way. */
static void drop(struct block *block, enum metadata_loss loss)
{
    block->size = block->start;
    block->full = false;
    block->losses |= loss;
}

/* FF marker, length (2, counting itself), data. */
static void begin_segment(struct block *block, int marker)
{
    block->start = block->size;
    put(block, (const unsigned char[]){0xff, (unsigned char)marker, 0, 0}, 4);
}

/* Leaves out an empty one. */
static void end_segment(struct block *block)
{
    size_t data = block->size - block->start - 4;
    if (block->full || data == 0 || data > MOST_SEGMENT) {
        drop(block, block->full || data ? LOSS_SEGMENT : LOSS_NONE);
        return;
    }
    block->bytes[block->start + 2] = (unsigned char)((data + 2) >> 8);
    block->bytes[block->start + 3] = (unsigned char)(data + 2);
}

/* Length, type (4), data, CRC-32 of type and data. */
static void begin_chunk(struct block *block, const char *type)
{
    block->start = block->size;
    put(block, "\0\0\0", 4);
    put(block, type, 4);
}

static void end_chunk(struct block *block)
{
    unsigned char crc[4];
    unsigned char *chunk = block->bytes + block->start;
    size_t size = block->size - block->start;
    store_32be(crc, block->full ? 0 : png_crc(0, chunk + 4, size - 4));
    put(block, crc, sizeof crc);
    if (block->full)
        drop(block, LOSS_LARGE);
    else
        store_32be(chunk, (uint32_t)(size - 8));
}

/* ---- EXIF, XMP, resources ---------------------------------------------------------------- */

static bool for_jpeg(const struct block *block)
{
    return block->target->format == METADATA_FOR_JPEG;
}

static void put_exif(struct block *block, const struct metadata_item *item)
{
    size_t at = block->size;
    put(block, item->bytes, item->size);
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
    if (for_jpeg(block)) {
        begin_segment(block, APP1);
        put(block, "Exif\0", 6);
        put_exif(block, item);
        end_segment(block);
    } else {
        begin_chunk(block, "eXIf");
        put_exif(block, item);
        end_chunk(block);
    }
}

static void write_xmp(struct block *block, const struct metadata_item *item)
{
    static const char namespace[] = "http://ns.adobe.com/xap/1.0/", keyword[] = "XML:com.adobe.xmp\0\0\0\0";
    if (for_jpeg(block)) {
        begin_segment(block, APP1);
        put(block, namespace, sizeof namespace);
        put_xmp(block, item);
        end_segment(block);
    } else {
        begin_chunk(block, "iTXt");
        put(block, keyword, sizeof keyword);
        put_xmp(block, item);
        end_chunk(block);
    }
}

static void write_part(struct block *block, int marker, const void *head, size_t head_size,
                       const unsigned char *bytes, size_t size)
{
    begin_segment(block, marker);
    put(block, head, head_size);
    put(block, bytes, size);
    end_segment(block);
}

/* Resources that are longer than a segment go on in the next. A PNG has no place for them. */
static limn_status write_resources(struct block *block, const struct metadata_item *item, limn_error *error)
{
    static const char head[] = "Photoshop 3.0";
    if (!for_jpeg(block)) {
        block->losses |= resources_have_iptc(item->bytes, item->size) ? LOSS_PHOTOSHOP : 0;
        return LIMN_OK;
    }
    unsigned char *copy = mem_alloc(item->size);
    if (!copy)
        return fail_memory(error, "a picture's metadata", item->size);
    size_t size = resources_copy(item->bytes, item->size, copy);
    for (size_t at = 0; at < size; at += MOST_PART)
        write_part(block, APP13, head, sizeof head, copy + at, size - at < MOST_PART ? size - at : MOST_PART);
    mem_free(copy);
    return LIMN_OK;
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
        write_part(block, APP2, head, sizeof head, profile + at,
                   size - at < MOST_PART ? size - at : MOST_PART);
    }
}

/* Splits the data of an iCCP chunk, which was checked when it was read, at the end of its name: the profile
 * as a zlib stream. Returns the size of the profile, which is its first number. */
static size_t find_profile(const struct metadata_item *item, const unsigned char **packed,
                           size_t *packed_size)
{
    unsigned char size[4];
    *packed = (const unsigned char *)memchr(item->bytes, 0, item->size) + 2;
    *packed_size = item->size - (size_t)(*packed - item->bytes);
    stb_inflate_prefix(*packed, *packed_size, size, sizeof size);
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
    if (profile && stb_inflate(packed, packed_size, profile, size))
        write_profile_parts(block, profile, size);
    else
        block->losses |= LOSS_PROFILE;
    mem_free(profile);
    return LIMN_OK;
}

static limn_status take_packed(void *context, const unsigned char *bytes, size_t size, limn_error *error)
{
    (void)error;
    put(context, bytes, size);
    return LIMN_OK;
}

/* JPEG to PNG. */
static limn_status pack_profile(struct block *block, const struct metadata_item *item, limn_error *error)
{
    static const char name[] = "ICC profile\0"; /* the second 0: the compression method */
    struct deflate *deflate;
    limn_status status = deflate_create(take_packed, block, &deflate, error);
    if (status)
        return status;
    begin_chunk(block, "iCCP");
    put(block, name, sizeof name);
    status = deflate_write(deflate, item->bytes, item->size, error);
    if (!status)
        status = deflate_finish(deflate, error);
    end_chunk(block);
    deflate_free(deflate);
    return status;
}

static limn_status write_profile(struct block *block, const struct metadata_item *item, limn_error *error)
{
    bool packed = item->kind == METADATA_ICCP;
    if (packed && for_jpeg(block))
        return unpack_profile(block, item, error);
    if (!packed && !for_jpeg(block))
        return pack_profile(block, item, error);
    if (!packed) {
        write_profile_parts(block, item->bytes, item->size);
        return LIMN_OK;
    }
    begin_chunk(block, "iCCP");
    put(block, item->bytes, item->size);
    end_chunk(block);
    return LIMN_OK;
}

/* ---- comments and texts ------------------------------------------------------------------ */

/* The parts of a text chunk. */
struct text {
    const char *keyword; /* ends with a 0 */
    const unsigned char *bytes;
    size_t size;
    bool packed; /* a zlib stream */
    bool latin;  /* Latin-1, not UTF-8 */
};

/* Moves past a string that ends with a 0. False if it does not. */
static bool skip_string(struct text *text)
{
    const unsigned char *end = memchr(text->bytes, 0, text->size);
    size_t length = end ? (size_t)(end + 1 - text->bytes) : 0;
    text->bytes += length;
    text->size -= length;
    return end != NULL;
}

/* tEXt: keyword, 0, text. zTXt: keyword, 0, method, stream. iTXt: keyword, 0, compressed?, method, language,
 * 0, translated keyword, 0, text or stream. */
static bool read_text(const struct metadata_item *item, struct text *text)
{
    char kind = (char)item->bytes[0];
    size_t head = kind == 'z' ? 1 : kind == 'i' ? 2 : 0;
    *text = (struct text){
        .keyword = (const char *)item->bytes + 4, .bytes = item->bytes + 4, .size = item->size - 4};
    if (!skip_string(text) || text->size < head)
        return false;
    text->latin = kind != 'i';
    text->packed = kind == 'z' || (kind == 'i' && text->bytes[0]);
    text->bytes += head;
    text->size -= head;
    return kind != 'i' || (skip_string(text) && skip_string(text));
}

/* Unpacks to the end of the block. A text contains no 0. */
static void put_unpacked(struct block *block, const struct text *text)
{
    size_t room = block->room - block->size;
    room = room <= MOST_SEGMENT ? room : MOST_SEGMENT + 1;
    stb_inflate_prefix(text->bytes, text->size, block->bytes + block->size, (int)room);
    size_t size = strnlen((const char *)block->bytes + block->size, room);
    block->full = size == room;
    block->size += size;
}

/* Converts what follows `from` from Latin-1 to UTF-8, from its end to its start. */
static void widen_latin(struct block *block, size_t from)
{
    size_t more = 0;
    for (size_t i = from; i < block->size; i++)
        more += block->bytes[i] >> 7;
    if (more > block->room - block->size)
        block->full = true;
    if (block->full)
        return;
    unsigned char *out = block->bytes + block->size + more;
    for (size_t i = block->size; i-- > from;) {
        unsigned char byte = block->bytes[i];
        *--out = byte & 0x80 ? 0x80 | (byte & 0x3f) : byte;
        if (byte & 0x80)
            *--out = 0xc0 | byte >> 6;
    }
    block->size += more;
}

/* A comment of a JPEG from a text of a PNG: "KEYWORD: TEXT", or TEXT if the keyword is Comment. */
static void write_text_as_comment(struct block *block, const struct text *text)
{
    begin_segment(block, COM);
    size_t from = block->size;
    if (strcmp(text->keyword, "Comment") != 0) {
        put_word(block, text->keyword);
        widen_latin(block, from);
        put_word(block, ": ");
        from = block->size;
    }
    if (text->packed && !block->full)
        put_unpacked(block, text);
    else
        put(block, text->bytes, text->size);
    if (text->latin)
        widen_latin(block, from);
    end_segment(block);
}

/* Whether it is UTF-8, and has characters other than ASCII. */
static bool is_utf8(const unsigned char *bytes, size_t size)
{
    bool wide = false;
    uint32_t code;
    for (size_t at = 0; at < size;) {
        at += utf8_decode(bytes + at, size - at, &code);
        if (code == UTF8_ILL_FORMED)
            return false;
        wide = wide || code > 127;
    }
    return wide;
}

/* A text of a PNG from a comment of a JPEG, which ends at its first 0: iTXt for UTF-8, else tEXt, that is
 * Latin-1. */
static void write_comment_as_text(struct block *block, const struct metadata_item *item)
{
    size_t size = strnlen((const char *)item->bytes, item->size);
    bool utf8 = is_utf8(item->bytes, size);
    if (!size)
        return;

    begin_chunk(block, utf8 ? "iTXt" : "tEXt");
    put(block, "Comment\0\0\0\0", utf8 ? 12 : 8);
    put(block, item->bytes, size);
    end_chunk(block);
}

static void write_comment(struct block *block, const struct metadata_item *item)
{
    if (for_jpeg(block))
        write_part(block, COM, "", 0, item->bytes, item->size);
    else
        write_comment_as_text(block, item);
}

/* Writes the texts of a PNG to a JPEG, or to a PNG. Comments come last: readers that keep one comment keep
 * the last. */
static void write_texts(struct block *block, bool comments)
{
    const struct metadata *metadata = block->target->metadata;
    for (size_t i = 0; metadata && i < metadata->count; i++) {
        const struct metadata_item *item = &metadata->items[i];
        struct text text;
        if (item->kind != METADATA_TEXT || !read_text(item, &text) ||
            (strcmp(text.keyword, "Comment") == 0) != comments)
            continue;
        if (for_jpeg(block)) {
            write_text_as_comment(block, &text);
            continue;
        }
        begin_chunk(block, (const char *)item->bytes);
        put(block, item->bytes + 4, item->size - 4);
        end_chunk(block);
    }
}

static bool has_software(const struct metadata *metadata)
{
    for (size_t i = 0; metadata && i < metadata->count; i++) {
        const struct metadata_item *item = &metadata->items[i];
        if (item->kind == METADATA_TEXT && strcmp((const char *)item->bytes + 4, "Software") == 0)
            return true;
    }
    return false;
}

static void write_software(struct block *block)
{
    const char *software = block->target->software;
    if (!software)
        return;
    if (for_jpeg(block)) {
        write_part(block, COM, "", 0, (const unsigned char *)software, strlen(software));
        return;
    }
    const char *keyword = has_software(block->target->metadata) ? "limn" : "Software";
    begin_chunk(block, "tEXt");
    put(block, keyword, strlen(keyword) + 1);
    put_word(block, software);
    end_chunk(block);
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
    put(block, start, sizeof start);
}

/* x (4), y (4), unit: 0 unknown, 1 metre. */
static void write_phys(struct block *block, struct metadata_density density)
{
    unsigned char data[9] = {[8] = density.unit != DENSITY_ASPECT};
    bool inch = density.unit == DENSITY_INCH;
    uint64_t scale = density.unit == DENSITY_CENTIMETRE ? 100 : 1;
    store_32be(data, (uint32_t)(inch ? ((uint64_t)density.x * 10000 + 127) / 254 : density.x * scale));
    store_32be(data + 4, (uint32_t)(inch ? ((uint64_t)density.y * 10000 + 127) / 254 : density.y * scale));
    begin_chunk(block, "pHYs");
    put(block, data, sizeof data);
    end_chunk(block);
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
    case METADATA_PHOTOSHOP:
        return write_resources(block, item, error);
    case METADATA_PROFILE:
    case METADATA_ICCP:
        return write_profile(block, item, error);
    case METADATA_COMMENT:
        write_comment(block, item);
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
    if (for_jpeg(block))
        write_start(block, density);
    else if (density.x)
        write_phys(block, density);
    limn_status status = write_items(block, METADATA_EXIF, METADATA_ICCP, error);
    if (status)
        return status;
    if (for_jpeg(block))
        write_software(block);
    write_texts(block, false);
    status = write_items(block, METADATA_COMMENT, METADATA_COMMENT, error);
    write_texts(block, true);
    if (!for_jpeg(block))
        write_software(block);
    return status;
}

/* The room for an item: a number in XMP, or a character of Latin-1, takes at most twice its bytes. */
static size_t item_room(const struct metadata_item *item)
{
    const unsigned char *packed;
    size_t packed_size, profile = item->kind == METADATA_ICCP ? find_profile(item, &packed, &packed_size) : 0;
    return FRAME + 2 * (item->size + (profile <= MOST_PROFILE ? profile : 0));
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

size_t metadata_write_bytes(const struct metadata_target *target)
{
    const struct metadata *metadata = target->metadata;
    size_t most = 0; /* of what is held along with the block */
    if (!metadata && !target->software)
        return 0;
    for (size_t i = 0; metadata && i < metadata->count; i++) {
        const struct metadata_item *item = &metadata->items[i];
        size_t bytes = item->kind == METADATA_PROFILE ? COMPRESSOR : item_room(item);
        most = bytes > most ? bytes : most;
    }
    return all_room(target) + most + BLOCK_HEADS;
}

const char *metadata_losses(const struct metadata_target *target, char *text, size_t room)
{
    static const char *const names[] = {
        "the ICC profile (not a valid one for RGB)",
        "extended XMP",
        "metadata over 16 MB",
        "IPTC (a PNG has no place for it)",
        "what exceeds 64 KB (the limit of a JPEG)",
        "ImageMagick's raw profiles",
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
