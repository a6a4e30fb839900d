/* picture_header.h - what the probes of all formats fill in, and the errors they share. */
#ifndef LIMN_PICTURE_HEADER_H
#define LIMN_PICTURE_HEADER_H

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

/* Fails with LIMN_E_INPUT unless the size is within the limits of picture.h. */
limn_status picture_check_size(const struct picture_bytes *file, int64_t width, int64_t height,
                               limn_error *error);

/* Returns LIMN_E_INPUT with "NAME: FORMAT data ends early (N bytes), the file is damaged". */
limn_status picture_ends_early(const struct picture_bytes *file, const char *format, limn_error *error);

/* A byte of the file for a message: '?' unless it is printable ASCII. */
static inline char shown(unsigned char byte)
{
    return (char)(byte >= 32 && byte < 127 ? byte : '?');
}

#endif
