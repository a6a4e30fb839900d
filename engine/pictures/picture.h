/* picture.h - pictures in and out: 8-bit RGB or RGBA in memory, PNG, JPEG, BMP and PNM in files.
 *
 * Reading converts to one form: grey becomes R = G = B, a palette RGB(A), 16 bits the high byte,
 * rounded; alpha, where the file has it, is the fourth channel. EXIF orientation is applied.
 * The content of a file decides its format, never its name. */
#ifndef LIMN_PICTURE_H
#define LIMN_PICTURE_H

#include "engine/base/status.h"

/* Limits of an input picture, and of the file it comes in: above any picture within the limits but a
 * plain-text one of 16 bits, and low enough for the decoders' ints. */
#define PICTURE_MOST_PIXELS INT64_C(89478485)
#define PICTURE_MOST_SIDE INT64_C(16384)
#define PICTURE_MOST_BYTES ((size_t)1 << 30)

struct picture {
    int64_t width, height;
    int channels;          /* 3: RGB, 4: RGBA, not premultiplied; 1: a single plane, inside the engine only */
    unsigned char *pixels; /* height x width x channels, dense; released by picture_free */
    char warning[160];     /* "" or what the user should know, e.g. an ICC profile other than sRGB */
    const char *name; /* for messages: of one that was read, its file's as given to the reader, borrowed */
};

/* Allocates a picture with undefined pixels. LIMN_E_MEMORY. */
limn_status picture_create(int64_t width, int64_t height, int channels, struct picture *picture,
                           limn_error *error);

/* Frees the pixels and empties the struct; fine on an empty one. */
void picture_free(struct picture *picture);

/* Reads a picture from a file, or from standard input when path is "-". The header is checked before any
 * pixel is decoded: more than PICTURE_MOST_PIXELS or a side over PICTURE_MOST_SIDE is refused with
 * the number; WebP, HEIC/AVIF, TIFF, GIF, JPEG XL and CMYK JPEG are refused by name.
 * `orient` applies the EXIF orientation. Errors: LIMN_E_INPUT, LIMN_E_MEMORY; *picture is then empty. */
limn_status picture_read(const char *path, bool orient, struct picture *picture, limn_error *error);

/* The same for a picture file held in memory; `name` stands in messages. */
limn_status picture_decode(const unsigned char *bytes, size_t size, const char *name, bool orient,
                           struct picture *picture, limn_error *error);

/* ---- writing, band by band --------------------------------------------------------------- */

struct picture_writer;

/* Starts a picture file. The extension decides the format (.png .jpg .jpeg .bmp .ppm .pgm .pnm; "-" is PNG on
 * standard output). PNG and PNM are written as the rows come and hold one band in memory; JPEG and
 * BMP hold the whole picture and are limited to 65535 a side (JPEG) and 2^31 - 1 bytes (stb's int sizes);
 * a larger one is refused with the number. JPEG, BMP (24 bit) and PNM have no alpha: it is laid over white.
 * `quality` 1..100 is JPEG's; up to 90 chroma is kept at half the width and height, above at full size.
 * Errors: LIMN_E_OUTPUT, LIMN_E_USAGE (unknown extension), LIMN_E_MEMORY. */
limn_status picture_writer_open(const char *path, int64_t width, int64_t height, int channels, int quality,
                                bool force, struct picture_writer **writer, limn_error *error);

/* True when picture_writer_open would know the format: for checking a command line before work starts. */
bool picture_format_known(const char *path);

/* The most that a writer so opened holds at a time; 0 for an unknown extension. */
size_t picture_writer_bytes(const char *path, int64_t width, int64_t height, int channels);

/* Appends `count` rows of width x channels bytes, from the top of the picture down. */
limn_status picture_writer_rows(struct picture_writer *writer, const unsigned char *rows, int64_t count,
                                limn_error *error);

/* All rows must have come. Frees the writer either way; after a failure no file is left. */
limn_status picture_writer_commit(struct picture_writer *writer, limn_error *error);
void picture_writer_abandon(struct picture_writer *writer);

/* The four calls above for a whole picture. */
limn_status picture_write(const char *path, const struct picture *picture, int quality, bool force,
                          limn_error *error);

#endif
