/* picture.h - reads and writes pictures: 8-bit RGB or RGBA in memory, PNG, JPEG, BMP and PNM in files.
 *
 * Reading converts grey to R = G = B, palettes to RGB(A), and 16-bit samples to 8 bits, rounded; alpha, if
 * the file has it, is the fourth channel. The content of a file decides its format, never its name. */
#ifndef LIMN_PICTURE_H
#define LIMN_PICTURE_H

#include "engine/base/status.h"

/* Limits of an input picture and of its file. The file limit fits the decoders' ints; within the other limits
 * only a plain-text PNM of 16 bits can exceed it. */
#define PICTURE_MOST_PIXELS INT64_C(89478485)
#define PICTURE_MOST_SIDE INT64_C(16384)
#define PICTURE_MOST_BYTES ((size_t)1 << 30)

struct metadata;

struct picture {
    int64_t width, height;
    int channels;          /* 3: RGB, 4: RGBA, not premultiplied; 1: a single plane, inside the engine only */
    unsigned char *pixels; /* height x width x channels, dense; released by picture_free */
    char warning[256];     /* "" or a note for the user: what is lost or ignored, as an ICC profile */
    const char *name;      /* for messages: the name given to the reader, borrowed */
    struct metadata
        *metadata; /* of the file it was read from (metadata.h), NULL if none; released by picture_free */
};

/* LIMN_E_INPUT unless the size is within these limits; `name` is the picture's in the message. */
limn_status picture_check_size(const char *name, int64_t width, int64_t height, limn_error *error);

/* Allocates a picture with undefined pixels. LIMN_E_MEMORY. */
limn_status picture_create(int64_t width, int64_t height, int channels, struct picture *picture,
                           limn_error *error);

/* Frees pixels and metadata, and empties the struct, which may be empty. */
void picture_free(struct picture *picture);

/* Reads a picture from a file, or from standard input if path is "-". `orient` applies the EXIF orientation.
 * The header is checked before any pixel is decoded: a picture over the limits is refused with its size;
 * WebP, HEIC/AVIF, TIFF, GIF, JPEG XL and CMYK JPEG are refused by name, and so is a PNM file of several
 * pictures.
 * Errors: LIMN_E_INPUT, LIMN_E_MEMORY; *picture is then empty. */
limn_status picture_read(const char *path, bool orient, struct picture *picture, limn_error *error);

/* The same for a picture file in memory; `name` is its name in messages. */
limn_status picture_decode(const unsigned char *bytes, size_t size, const char *name, bool orient,
                           struct picture *picture, limn_error *error);

/* ---- writing row by row ------------------------------------------------------------------ */

/* BY_NAME: the extension of the path decides: .png .jpg .jpeg .bmp .ppm .pgm, .pnm for PPM; "-" is PNG. */
enum picture_format {
    PICTURE_BY_NAME,
    PICTURE_AS_PNG,
    PICTURE_AS_JPEG,
    PICTURE_AS_BMP,
    PICTURE_AS_PPM,
    PICTURE_AS_PGM
};

/* A picture file to write. */
struct picture_target {
    const char *path; /* "-" is standard output */
    enum picture_format format;
    int quality; /* of a JPEG, 1..100; up to 90 chroma is stored at half the width and height, above in full
                  */
    bool force;  /* false: an existing file is an error */
    /* If `bytes` is not NULL, the file is made in memory, and the path is its name in messages. After
     * picture_writer_commit, free *bytes with mem_free. */
    unsigned char **bytes;
    size_t *size;
    /* For PNG and JPEG: metadata of the source, which is corrected, and how the picture was made, ASCII. Each
     * may be NULL. Borrowed until the writer is open. */
    const struct metadata *metadata;
    const char *software;
};

struct picture_writer;

/* Starts a picture file. PNG and PNM are written row by row; JPEG and BMP hold the whole picture in memory
 * and are limited to 65535 pixels a side (JPEG) and 2^31 - 1 bytes (stb's int sizes). JPEG, BMP (24 bit) and
 * PNM have no alpha: the picture is composited over white. A single plane is written as R = G = B. `target`
 * is borrowed until the end of this call. Errors: LIMN_E_OUTPUT, LIMN_E_USAGE (unknown extension),
 * LIMN_E_MEMORY. */
limn_status picture_writer_open(const struct picture_target *target, int64_t width, int64_t height,
                                int channels, struct picture_writer **writer, limn_error *error);

/* The format that picture_writer_open writes; PICTURE_BY_NAME if the name does not tell. */
enum picture_format picture_format_of(const struct picture_target *target);

/* True if picture_writer_open knows the format. */
bool picture_format_known(const struct picture_target *target);

/* The usual extension of a format, such as ".png", which is also that of PICTURE_BY_NAME. */
const char *picture_extension(enum picture_format format);
/* Lists which of the target's metadata a PNG or JPEG will not hold, as in "extended XMP, IPTC"; "" for other
 * formats, which hold none. Cut if it is longer than `room`. Returns `text`. */
const char *picture_losses(const struct picture_target *target, char *text, size_t room);

/* An upper bound of the bytes such a writer holds at a time; 0 for an unknown extension. */
size_t picture_writer_bytes(const struct picture_target *target, int64_t width, int64_t height, int channels);

/* Appends `count` rows of width x channels bytes, from the top down. LIMN_E_OUTPUT; after a failure every
 * further call fails too. */
limn_status picture_writer_rows(struct picture_writer *writer, const unsigned char *rows, int64_t count,
                                limn_error *error);

/* Completes the file; fails unless all rows were appended. Frees the writer in any case; after a failure no
 * file is left. */
limn_status picture_writer_commit(struct picture_writer *writer, limn_error *error);

/* Removes the unfinished file and frees the writer, which may be NULL. */
void picture_writer_abandon(struct picture_writer *writer);

/* Writes a whole picture: open, rows, commit. */
limn_status picture_write(const struct picture_target *target, const struct picture *picture,
                          limn_error *error);

#endif
