/* picture_probe.h - what a picture file says about itself, learnt from its bytes before anything is decoded.
 *
 * Probing allocates nothing, checks every length against the end of the data, and walks PNG and JPEG to their
 * very end, so that a file cut short is known before any work starts. */
#ifndef LIMN_PICTURE_PROBE_H
#define LIMN_PICTURE_PROBE_H

#include "engine/pictures/picture.h"

enum picture_kind { PICTURE_PNG, PICTURE_JPEG, PICTURE_BMP, PICTURE_PNM };

struct picture_header {
    enum picture_kind kind;
    int64_t width, height; /* as stored: before orientation is applied */
    int depth;             /* bits a sample: 1, 2, 4, 8, 16 */
    bool alpha;            /* an alpha channel, or PNG's tRNS */
    int orientation;       /* EXIF: 1 upright .. 8 */
    bool foreign_profile;  /* an ICC profile that does not call itself sRGB */
    char profile[64];      /* its description, "" when it has none */
    size_t planes;     /* JPEG: bytes that its planes, whole blocks of samples, take while it is decoded */
    size_t palette_at; /* PNG with a palette: where the PLTE chunk starts, else 0 */
    int palette_colours;
};

/* A picture file in memory and the name it has in messages. */
struct picture_bytes {
    const unsigned char *bytes;
    size_t size;
    const char *name;
};

/* Recognises the format and fills the header. LIMN_E_INPUT: a format that is not read (named), a picture
 * beyond the limits of picture.h, a damaged or truncated file. */
limn_status picture_probe(const struct picture_bytes *file, struct picture_header *header, limn_error *error);

/* The parts, one a format; the signature has been checked. */
limn_status png_probe(const struct picture_bytes *file, struct picture_header *header, limn_error *error);
limn_status jpeg_probe(const struct picture_bytes *file, struct picture_header *header, limn_error *error);

/* LIMN_OK when the size is within the limits. */
limn_status picture_check_size(const struct picture_bytes *file, int64_t width, int64_t height,
                               limn_error *error);

/* "NAME: FORMAT data ends early (N bytes), the file is damaged". */
limn_status picture_ends_early(const struct picture_bytes *file, const char *format, limn_error *error);

/* The most that decoding holds at a time beside the file, whatever the content: the picture, and what the
 * decoder unpacks on the way to it. A PNG alone whose data unpacks to more than its pixels may take up to
 * three times as much, or be refused. The header is that of picture_probe. */
size_t picture_decoding_bytes(const struct picture_bytes *file, const struct picture_header *header,
                              bool orient);

/* The orientation, 1..8, in an EXIF block that starts with its TIFF header; 1 when there is none. */
int exif_orientation(const unsigned char *tiff, size_t size);

/* Notes the description of an ICC profile, or of its first `size` bytes, in the header. */
void icc_describe(const unsigned char *profile, size_t size, struct picture_header *header);

/* A byte of the file as it may stand in a message. */
static inline char shown(unsigned char byte)
{
    return (char)(byte >= 32 && byte < 127 ? byte : '?');
}

static inline uint32_t read_16be(const unsigned char *at)
{
    return (uint32_t)at[0] << 8 | at[1];
}

static inline uint32_t read_32be(const unsigned char *at)
{
    return read_16be(at) << 16 | read_16be(at + 2);
}

static inline uint32_t read_16le(const unsigned char *at)
{
    return (uint32_t)at[1] << 8 | at[0];
}

static inline uint32_t read_32le(const unsigned char *at)
{
    return read_16le(at + 2) << 16 | read_16le(at);
}

#endif
