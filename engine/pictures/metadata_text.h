/* metadata_text.h - comments of JPEGs and texts of PNGs, for metadata_write.c. */
#ifndef LIMN_METADATA_TEXT_H
#define LIMN_METADATA_TEXT_H

#include "engine/pictures/metadata_block.h"

/* A comment of a JPEG; in a PNG the text Comment, up to its first 0. */
void comment_write(struct block *block, const struct metadata_item *item);

/* The texts of the source, a PNG, with the keyword Comment, or those with another. In a JPEG each becomes a
 * comment. */
void texts_write(struct block *block, bool comments);

/* The target's own entry. */
void software_write(struct block *block);

#endif
