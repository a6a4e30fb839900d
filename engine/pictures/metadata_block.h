/* metadata_block.h - a block of segments of a JPEG, or of chunks of a PNG, under construction:
 * metadata_write.c.
 *
 *     segment_begin(block, APP1);                      chunk_begin(block, "eXIf");
 *     block_put(block, bytes, size);                   block_put(block, bytes, size);
 *     segment_end(block);                              chunk_end(block);
 *
 * What does not fit, in the block or in the segment, is left out as a whole, and noted as a loss. */
#ifndef LIMN_METADATA_BLOCK_H
#define LIMN_METADATA_BLOCK_H

#include "engine/pictures/exif.h"
#include "engine/pictures/metadata.h"

enum { JPEG_APP1 = 0xe1, JPEG_APP2 = 0xe2, JPEG_APP13 = 0xed, JPEG_COM = 0xfe };
enum { SEGMENT_MOST = 65533 }; /* bytes of data in a segment */

struct block {
    const struct metadata_target *target;
    struct picture_changes changes;
    unsigned char *bytes; /* room for `room`, `size` in use */
    size_t size, room;
    size_t start; /* of the segment or chunk under way */
    bool full;    /* it does not fit */
    unsigned losses;
};

bool block_is_jpeg(const struct block *block);

/* Append to the segment or chunk under way; a string without its 0. */
void block_put(struct block *block, const void *bytes, size_t size);
void block_word(struct block *block, const char *word);

/* An empty segment is left out, which is no loss. */
void segment_begin(struct block *block, int marker);
void segment_end(struct block *block);

/* A whole segment: head, then bytes. */
void segment_write(struct block *block, int marker, const void *head, size_t head_size,
                   const unsigned char *bytes, size_t size);

void chunk_begin(struct block *block, const char *type);
void chunk_end(struct block *block);

#endif
