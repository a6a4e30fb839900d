/* metadata_text.c - see metadata_text.h. */
#include "engine/pictures/metadata_text.h"
#include "engine/pictures/png_text.h"
#include "weights/utf8.h"

#include <string.h>

/* A text that fills a segment and more does not fit. */
static void put_text(struct block *block, const struct png_text *text)
{
    size_t room = block->room - block->size;
    room = room <= SEGMENT_MOST ? room : SEGMENT_MOST + 1;
    size_t size = block->full ? 0 : png_text_unpack(text, block->bytes + block->size, room);
    block->full = block->full || size == room;
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
static void write_text_as_comment(struct block *block, const struct png_text *text)
{
    segment_begin(block, JPEG_COM);
    size_t from = block->size;
    if (strcmp(text->keyword, "Comment") != 0) {
        block_word(block, text->keyword);
        widen_latin(block, from);
        block_word(block, ": ");
        from = block->size;
    }
    put_text(block, text);
    if (text->latin)
        widen_latin(block, from);
    segment_end(block);
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

    chunk_begin(block, utf8 ? "iTXt" : "tEXt");
    block_put(block, "Comment\0\0\0\0", utf8 ? 12 : 8);
    block_put(block, item->bytes, size);
    chunk_end(block);
}

void comment_write(struct block *block, const struct metadata_item *item)
{
    if (block_is_jpeg(block))
        segment_write(block, JPEG_COM, "", 0, item->bytes, item->size);
    else
        write_comment_as_text(block, item);
}

/* Writes the texts of a PNG to a JPEG, or to a PNG. Comments come last: readers that keep one comment keep
 * the last. */
void texts_write(struct block *block, bool comments)
{
    const struct metadata *metadata = block->target->metadata;
    for (size_t i = 0; metadata && i < metadata->count; i++) {
        const struct metadata_item *item = &metadata->items[i];
        struct png_text text;
        if (item->kind != METADATA_TEXT || !png_text_read(item->bytes, item->size, &text) ||
            (strcmp(text.keyword, "Comment") == 0) != comments)
            continue;
        if (block_is_jpeg(block)) {
            write_text_as_comment(block, &text);
            continue;
        }
        chunk_begin(block, (const char *)item->bytes);
        block_put(block, item->bytes + 4, item->size - 4);
        chunk_end(block);
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

void software_write(struct block *block)
{
    const char *software = block->target->software;
    if (!software)
        return;
    if (block_is_jpeg(block)) {
        segment_write(block, JPEG_COM, "", 0, (const unsigned char *)software, strlen(software));
        return;
    }
    const char *keyword = has_software(block->target->metadata) ? "limn" : "Software";
    chunk_begin(block, "tEXt");
    block_put(block, keyword, strlen(keyword) + 1);
    block_word(block, software);
    chunk_end(block);
}
