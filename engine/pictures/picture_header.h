/* picture_header.h - the header of a picture file, the probes and readers of single formats, and what they
 * share. */
#ifndef LIMN_PICTURE_HEADER_H
#define LIMN_PICTURE_HEADER_H

#include "engine/pictures/exif.h"
#include "engine/pictures/picture.h"

enum picture_kind { PICTURE_PNG, PICTURE_JPEG, PICTURE_BMP, PICTURE_PNM };

struct picture_header {
    enum picture_kind kind;
    int64_t width, height; /* as stored: before orientation is applied */
    int depth;             /* bits a sample: 1, 2, 4, 8, 16 */
    bool alpha;            /* an alpha channel, or PNG's tRNS */
    int orientation;       /* EXIF, 1..8; 1 is upright */
    bool foreign_profile;  /* an ICC profile whose description does not name sRGB */
    char profile[64];      /* that description, or "" */
    size_t metadata;       /* bytes that metadata_read allocates */
    size_t planes;         /* JPEG: bytes of the planes during decoding, padded to whole blocks */
    size_t palette_at;     /* PNG with a palette: offset of the PLTE chunk, else 0 */
    int palette_colours;
};

/* A picture file in memory, and its name for messages. */
struct picture_bytes {
    const unsigned char *bytes;
    size_t size;
    const char *name;
};

/* Check the structure of a file whose signature has been checked, and read its header. LIMN_E_INPUT: damaged,
 * truncated, unsupported, beyond the limits. */
limn_status png_probe(const struct picture_bytes *file, struct picture_header *header, limn_error *error);
limn_status jpeg_probe(const struct picture_bytes *file, struct picture_header *header, limn_error *error);
limn_status bmp_probe(const struct picture_bytes *file, struct picture_header *header, limn_error *error);
limn_status pnm_probe(const struct picture_bytes *file, struct picture_header *header, limn_error *error);

/* Decodes a BMP into an empty picture, with alpha only if the header declares a mask for it. LIMN_E_INPUT,
 * LIMN_E_MEMORY. */
limn_status bmp_read(const struct picture_bytes *file, struct picture *picture, limn_error *error);

/* Decodes the first picture of a PNM file into an empty picture; samples are scaled from 0..maxval to 0..255
 * and rounded. LIMN_E_INPUT with the byte offset of the fault, LIMN_E_MEMORY. */
limn_status pnm_read(const struct picture_bytes *file, struct picture *picture, limn_error *error);

enum { PNG_PALETTE_BYTES = 3 * 256 };

/* Makes a copy of a PNG file, *size bytes, with 256 other colours in its PLTE chunk. `header` is the file's,
 * with palette_at. Release the copy with mem_free; NULL if there is no memory. */
unsigned char *png_with_palette(const struct picture_bytes *file, const struct picture_header *header,
                                const unsigned char palette[PNG_PALETTE_BYTES], size_t *size);

/* Stores the description of an ICC profile, given whole or its first `size` bytes, in the header. */
void icc_describe(const unsigned char *profile, size_t size, struct picture_header *header);

/* Returns LIMN_E_INPUT with "NAME: FORMAT data ends early (N bytes), the file is damaged". */
limn_status picture_ends_early(const struct picture_bytes *file, const char *format, limn_error *error);

/* A byte of the file for a message: '?' unless it is printable ASCII. */
static inline char shown(unsigned char byte)
{
    return (char)(byte >= 32 && byte < 127 ? byte : '?');
}

#endif
