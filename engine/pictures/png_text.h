/* png_text.h - the texts in a PNG (W3C PNG, third edition, 11.3.3). */
#ifndef LIMN_PNG_TEXT_H
#define LIMN_PNG_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* The parts of a text chunk. */
struct png_text {
    const char *keyword; /* ends with a 0 */
    const unsigned char *bytes;
    size_t size;
    bool packed; /* a zlib stream */
    bool latin;  /* Latin-1, not UTF-8 */
};

/* Splits the type and the data of a tEXt, zTXt or iTXt chunk. False if a part is missing. */
bool png_text_read(const unsigned char *chunk, size_t size, struct png_text *text);

/* Unpacks, or copies, the text. Returns its size, which is `room` if it has `room` bytes or more. A text
 * contains no 0. */
size_t png_text_unpack(const struct png_text *text, unsigned char *out, size_t room);

/* Unpacks a text "Raw profile type ...", in which ImageMagick and exiftool store EXIF and IPTC: the name of
 * the profile, its size, and its bytes as hexadecimal digits, each after a line break. `out` has `room` bytes
 * for the text, of which the profile takes the first half at most. Returns the size of the profile, 0 if it
 * is damaged or does not fit. */
size_t png_text_raw_profile(const struct png_text *text, unsigned char *out, size_t room);

/* The opposite: writes the text to `out`, which has PNG_RAW_PROFILE_ROOM(size) bytes for a name of up to 8
 * letters. Returns the size of the text. */
#define PNG_RAW_PROFILE_ROOM(size) (2 * (size) + (size) / 36 + 32)
size_t png_text_from_profile(const char *name, const unsigned char *bytes, size_t size, unsigned char *out);

#endif
