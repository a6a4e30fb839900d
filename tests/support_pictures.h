/* support_pictures.h - what the tests of pictures share: files built byte by byte, which our own writers
 * cannot make, and pictures made, read and compared. Whatever goes wrong in here fails the running test. */
#ifndef TESTS_SUPPORT_PICTURES_H
#define TESTS_SUPPORT_PICTURES_H

#include "engine/pictures/picture.h"
#include "tests/support.h"

/* ---- files built byte by byte ------------------------------------------------------------ */

/* A file in memory. Too large for the stack: static, or from test_calloc. `size` = 0 empties it. */
struct blob {
    unsigned char bytes[1 << 17];
    size_t size;
};

void add_bytes(struct blob *blob, const void *bytes, size_t size);
void add_text(struct blob *blob, const char *text); /* without its zero byte */
void add_zeros(struct blob *blob, int count);

/* The low `count` bytes of a number, the high one first (_be) or the low one. */
void add_be(struct blob *blob, uint32_t value, int count);
void add_le(struct blob *blob, uint32_t value, int count);

/* The bytes as one zlib stream. */
void add_zlib(struct blob *blob, const void *bytes, size_t size);

/* A deflate_sink whose context is a blob, for streams that come in several pieces. */
limn_status add_compressed(void *blob, const unsigned char *bytes, size_t size, limn_error *error);

/* ---- PNG --------------------------------------------------------------------------------- */

/* A kind of PNG. Its PLTE and tRNS chunks are the caller's to add: `transparent` and `palette` are notes that
 * nothing in here reads. */
struct png_kind {
    int colour, depth, channels;  /* as in IHDR: colour type, bits in a sample; samples in a pixel */
    bool interlaced, transparent; /* transparent: there is a tRNS chunk */
    int palette;                  /* colours in the PLTE chunk, 0 when there is none */
};

/* A PNG is start_png (signature, IHDR), chunks of the caller's, end_png (IDAT in two pieces, IEND). start_png
 * empties the blob first. Sample c of pixel x, y is sample_at(x, y, c, depth). */
void start_png(struct blob *png, const struct png_kind *kind, int width, int height);
void add_chunk(struct blob *png, const char *type, const void *data, size_t size);
void end_png(struct blob *png, const struct png_kind *kind, int width, int height);

/* A number of `depth` bits that looks random and is always the same. */
uint32_t sample_at(int x, int y, int c, int depth);

/* ---- BMP --------------------------------------------------------------------------------- */

/* Everything of a 4 x 2 BMP but its pixels, in an emptied blob. `header_size` is the info header's and tells
 * its version (12: OS/2, 40, 108, 124). `masks` is the count of colour masks in `mask`, `colours` that of
 * palette entries: entry i is R, G, B = 10 i, 20 i, 30 i. */
void build_bmp(struct blob *bmp, uint32_t header_size, int bits, uint32_t compression, bool top_down,
               int masks, const uint32_t *mask, int colours);

/* ---- JPEG and what files carry besides pixels -------------------------------------------- */

/* Inserts a segment after the start of a JPEG. */
void insert_segment(struct blob *jpeg, int marker, const void *data, size_t size);

/* An EXIF block with nothing but an orientation, in big- or little-endian numbers. */
void add_exif(struct blob *blob, int orientation, bool big);

/* An ICC profile with nothing but a description, of version 2 or 4. */
void add_profile(struct blob *blob, const char *name, bool version4);

/* ---- pictures ---------------------------------------------------------------------------- */

/* A smooth picture that JPEG keeps well. Release with picture_free, as what read_ok returns. */
struct picture make_picture(int64_t width, int64_t height, int channels);

/* Reads a file, orientation applied. */
struct picture read_ok(const char *path);

/* The same sides, channels and pixels; `what` is in the message. */
void assert_same(const struct picture *want, const struct picture *got, const char *what);

/* For JPEG: the same sides, three channels, a mean absolute difference of at most `most`. */
void assert_near(const struct picture *want, const struct picture *got, double most, const char *what);

/* ---- files ------------------------------------------------------------------------------- */

/* What the file holds, cut where the blob is full. */
void load_file(const char *path, struct blob *blob);

/* A test to list after all that write: the scratch folder has no hidden file, such as the temporary file of a
 * writer that was neither committed nor abandoned. It is a test because cmocka's programs succeed even if the
 * teardown of their group fails. */
void test_no_temporary_left(void **state);

#endif
