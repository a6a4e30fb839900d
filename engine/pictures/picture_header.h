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
    struct {
        size_t planes;  /* bytes of the planes during decoding, padded to whole blocks */
        int64_t blocks; /* of 8 x 8 samples, that decoding transforms: of a progressive file at its end */
        bool progressive;
        bool rgb;   /* the components are red, green and blue, not Y, Cb and Cr */
        size_t end; /* where the last scan ends */
    } jpeg;
    struct {
        int colour; /* enum png_colour */
        bool interlaced;
        const unsigned char *palette; /* RGB triples in the file, NULL unless the colour type is 3 */
        int colours;
        const unsigned char *transparency; /* the data of tRNS, or NULL */
        int transparencies;                /* its bytes that are used */
        bool has_data;
        uint64_t data;  /* bytes in IDAT chunks */
        bool ended;     /* IEND was found */
        bool srgb;      /* says that it is sRGB, or has an ICC profile */
        bool cicp;      /* has another colour space, as code points (cICP) */
        uint32_t gamma; /* gAMA, or 0 */
        bool primaries; /* has other primaries than sRGB (cHRM) */
    } png;
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

enum { PNG_PALETTE_BYTES = 3 * 256 };

/* Decodes a PNG into an empty picture. `header` is png_probe's. `palette` replaces the file's; NULL: the
 * file's, in which missing colours are grey. No block is larger than `most_block`. LIMN_E_INPUT,
 * LIMN_E_MEMORY. */
limn_status png_read(const struct picture_bytes *file, const struct picture_header *header,
                     const unsigned char palette[PNG_PALETTE_BYTES], size_t most_block,
                     struct picture *picture, limn_error *error);

/* Decodes a JPEG into an empty picture. `header` is jpeg_probe's. No block is larger than `most_block`.
 * LIMN_E_INPUT, LIMN_E_MEMORY. */
limn_status jpeg_read(const struct picture_bytes *file, const struct picture_header *header,
                      size_t most_block, struct picture *picture, limn_error *error);

/* Decodes a BMP into an empty picture, with alpha only if the header declares a mask for it. LIMN_E_INPUT,
 * LIMN_E_MEMORY. */
limn_status bmp_read(const struct picture_bytes *file, struct picture *picture, limn_error *error);

/* Decodes a PNM file into an empty picture; samples are scaled from 0..maxval to 0..255 and rounded. What
 * follows the picture is ignored unless it is another PNM picture. LIMN_E_INPUT with the byte offset of the
 * fault, LIMN_E_MEMORY. */
limn_status pnm_read(const struct picture_bytes *file, struct picture *picture, limn_error *error);

/* The same for grey samples above 255, which are not scaled: R is the high byte, G the low byte, B 0. */
limn_status pnm_read_wide(const struct picture_bytes *file, struct picture *picture, limn_error *error);

/* Finds where the first picture of a PNM stream ends. `file` holds what has been read of the stream so far,
 * all of it if `whole`. *end is 0 if more must be read to tell: until the header is complete, and for a plain
 * PNM always. It exceeds file->size if the picture is not complete. LIMN_E_INPUT. */
limn_status pnm_frame(const struct picture_bytes *file, bool whole, size_t *end, limn_error *error);

/* Whether the bytes start like a PNM header. */
bool pnm_starts(const unsigned char *bytes, size_t size);

/* The number of whitespace characters at the start. */
size_t pnm_skip_space(const unsigned char *bytes, size_t size);

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
