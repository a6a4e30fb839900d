/* metadata_block.c - see metadata_block.h. */
#include "engine/pictures/metadata_block.h"
#include "engine/pictures/bytes.h"
#include "engine/pictures/png_crc.h"

#include <string.h>

bool block_is_jpeg(const struct block *block)
{
    return block->target->format == METADATA_FOR_JPEG;
}

void block_put(struct block *block, const void *bytes, size_t size)
{
    if (size > block->room - block->size)
        block->full = true;
    if (block->full)
        return;
    memcpy(block->bytes + block->size, bytes, size);
    block->size += size;
}

void block_word(struct block *block, const char *word)
{
    block_put(block, word, strlen(word));
}

/* Leaves out the segment or chunk under way. */
static void block_drop(struct block *block, enum metadata_loss loss)
{
    block->size = block->start;
    block->full = false;
    block->losses |= loss;
}

/* FF marker, length (2, counting itself), data. */
void segment_begin(struct block *block, int marker)
{
    block->start = block->size;
    block_put(block, (const unsigned char[]){0xff, (unsigned char)marker, 0, 0}, 4);
}

void segment_end(struct block *block)
{
    size_t data = block->size - block->start - 4;
    if (block->full || data == 0 || data > SEGMENT_MOST) {
        block_drop(block, block->full || data ? LOSS_SEGMENT : LOSS_NONE);
        return;
    }
    block->bytes[block->start + 2] = (unsigned char)((data + 2) >> 8);
    block->bytes[block->start + 3] = (unsigned char)(data + 2);
}

/* Length, type (4), data, CRC-32 of type and data. */
void chunk_begin(struct block *block, const char *type)
{
    block->start = block->size;
    block_put(block, "\0\0\0", 4);
    block_put(block, type, 4);
}

void chunk_end(struct block *block)
{
    unsigned char crc[4];
    unsigned char *chunk = block->bytes + block->start;
    size_t size = block->size - block->start;
    store_32be(crc, block->full ? 0 : png_crc(0, chunk + 4, size - 4));
    block_put(block, crc, sizeof crc);
    if (block->full)
        block_drop(block, LOSS_LARGE);
    else
        store_32be(chunk, (uint32_t)(size - 8));
}

void segment_write(struct block *block, int marker, const void *head, size_t head_size,
                   const unsigned char *bytes, size_t size)
{
    segment_begin(block, marker);
    block_put(block, head, head_size);
    block_put(block, bytes, size);
    segment_end(block);
}
