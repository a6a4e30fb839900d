/* exif.h - reads and corrects EXIF blocks (CIPA DC-008 2.32, 4.5 and 4.6).
 *
 * A block starts with a TIFF header: byte order (II or MM), 42, offset of the first directory. A directory is
 * a count, 12-byte entries (tag, type, count, value or offset of the value), and the offset of the next
 * directory or 0. All offsets count from the start of the block.
 *
 *     directory 0   the picture; its entries 8769 and 8825 point to the directories EXIF and GPS
 *     directory 1   the thumbnail
 *
 * Nothing is moved: the maker's notes hold offsets that only the maker's programs understand. */
#ifndef LIMN_EXIF_H
#define LIMN_EXIF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* True if the header is valid and directory 0 lies within the block. */
bool exif_is_sound(const unsigned char *tiff, size_t size);

/* The orientation, 1..8; 1 if there is none. Also of blocks that are not sound. */
int exif_orientation(const unsigned char *tiff, size_t size);

/* The resolution that a sound block declares, in dots per inch or per centimetre, rounded. False if there is
 * none. */
bool exif_resolution(const unsigned char *tiff, size_t size, uint32_t *x, uint32_t *y, bool *per_inch);

/* What has become of the picture. */
struct picture_changes {
    bool upright;          /* it was turned: its orientation is 1 now */
    int64_t width, height; /* its size now */
};

/* Corrects orientation and size where the block has them, and removes the thumbnail: directory 0 becomes the
 * last one, and the thumbnail's bytes are cut off, or cleared if something follows them. Returns the new size
 * of the block, which must be sound; at most `size`. */
size_t exif_correct(unsigned char *tiff, size_t size, const struct picture_changes *changes);

#endif
