/* bmp.c - see picture_header.h. Reads BMP: 1, 2, 4, 8 bit with a palette, 16 and 32 bit with masks, 24 bit,
 * and the run-length compression of 4 and 8 bit. stb_image is not used for BMP because it reads past short
 * palettes and takes padding for alpha.
 *
 *     14   file header: "BM", file size, reserved, offset of the pixels
 *     12+  information header, its version given by its size: 12 (OS/2), 40, 52, 56, 64 (OS/2 2), 108 (V4),
 *          124 (V5)
 *          masks of red, green, blue, alpha: inside a header of 52 bytes or more, else after it
 *          palette: blue, green, red (12-byte header) or blue, green, red, 0 (others)
 *          rows padded to multiples of 4 bytes, the bottom row first unless the height is negative
 *
 * Where files break these rules in ways that are common, this reader does what Pillow does. It differs where
 * Pillow 9.4 is wrong: 16-bit samples are rounded (Pillow's are up to 1 lower), a palette of greys 0, 1, 2 ..
 * 15 is used, and runs may skip rows and pixels. */
#include "engine/pictures/bytes.h"
#include "engine/pictures/picture_header.h"

#include <string.h>

enum {
    COMPRESSION_NONE = 0,
    COMPRESSION_RUNS8 = 1,
    COMPRESSION_RUNS4 = 2,
    COMPRESSION_MASKS = 3,
    COMPRESSION_ALPHA_MASKS = 6,
};
enum { RED, GREEN, BLUE, ALPHA };

struct bmp {
    int64_t width, height;
    bool top_down;
    int bits;
    bool has_runs; /* compressed */
    size_t pixels_at, stride;
    uint32_t mask[4];              /* 16 and 32 bits; alpha 0: none */
    unsigned char palette[256][3]; /* missing entries are grey: what Pillow makes of such indices */
};

static limn_status fail_bmp(const struct picture_bytes *file, const char *what, int64_t found,
                            limn_error *error)
{
    return fail(error, LIMN_E_INPUT, "%s: BMP with %s %lld is not supported", file->name, what,
                (long long)found);
}

/* A mask must be one run of ones. */
static bool mask_sound(uint32_t mask)
{
    uint32_t low = mask & (~mask + 1);
    return (mask & (mask + low)) == 0;
}

/* Files with masks of zero have the layout of files without masks, and alpha. */
static limn_status read_masks(const struct picture_bytes *file, uint32_t header_size, uint32_t compression,
                              struct bmp *bmp, limn_error *error)
{
    static const uint32_t narrow[4] = {0x7c00, 0x03e0, 0x001f, 0}, wide[4] = {0xff0000, 0xff00, 0xff, 0},
                          zero[4] = {0};
    const uint32_t *usual = bmp->bits == 16 ? narrow : wide;
    bool has_alpha = compression == COMPRESSION_ALPHA_MASKS || header_size >= 56;
    int masks = compression == COMPRESSION_NONE ? 0 : has_alpha ? 4 : 3;
    if (file->size < 54 + 4 * (size_t)masks)
        return picture_ends_early(file, "BMP", error);
    for (int i = 0; i < masks; i++)
        bmp->mask[i] = read_32le(file->bytes + 54 + 4 * i);
    if (memcmp(bmp->mask, zero, sizeof zero) == 0) {
        memcpy(bmp->mask, usual, sizeof bmp->mask);
        if (masks && bmp->bits == 32)
            bmp->mask[ALPHA] = 0xff000000;
    }
    for (int i = 0; i < masks; i++)
        if (!mask_sound(bmp->mask[i]) || (i != ALPHA && bmp->mask[i] == 0) ||
            (bmp->bits == 24 && i != ALPHA && bmp->mask[i] != usual[i]))
            return fail_bmp(file, "a colour mask", bmp->mask[i], error);
    return LIMN_OK;
}

static void read_palette(const struct picture_bytes *file, size_t at, size_t entry, size_t colours,
                         struct bmp *bmp)
{
    for (int i = 0; i < 256; i++)
        memset(bmp->palette[i], i, 3);
    for (size_t i = 0; i < colours && at + entry <= bmp->pixels_at; i++, at += entry)
        for (int c = 0; c < 3; c++)
            bmp->palette[i][c] = file->bytes[at + (size_t)(2 - c)];
}

/* Some writers leave the offset of the pixels zero, or count the headers only. */
static void find_pixels(size_t headers, size_t palette, struct bmp *bmp)
{
    if (bmp->pixels_at == 0 || (palette && bmp->pixels_at == headers))
        bmp->pixels_at = headers + palette;
}

static limn_status check_pixels(const struct picture_bytes *file, size_t headers, struct bmp *bmp,
                                limn_error *error)
{
    size_t row_bytes = ((size_t)bmp->width * (size_t)bmp->bits + 7) / 8;
    bmp->stride = (row_bytes + 3) / 4 * 4;
    /* Some writers omit the padding of the last row. */
    size_t needed = bmp->has_runs ? 2 : bmp->stride * (size_t)(bmp->height - 1) + row_bytes;
    if (bmp->pixels_at > file->size || needed > file->size - bmp->pixels_at)
        return picture_ends_early(file, "BMP", error);
    if (bmp->pixels_at < headers)
        return fail_bmp(file, "pixels at byte", (int64_t)bmp->pixels_at, error);
    return LIMN_OK;
}

static limn_status read_header(const struct picture_bytes *file, struct bmp *bmp, limn_error *error)
{
    *bmp = (struct bmp){0};
    const unsigned char *bytes = file->bytes;
    if (file->size < 26)
        return picture_ends_early(file, "BMP", error);
    uint32_t header_size = read_32le(bytes + 14), compression = COMPRESSION_NONE, declared = 0;
    bool core = header_size == 12;
    if (!core && header_size != 40 && header_size != 52 && header_size != 56 && header_size != 64 &&
        header_size != 108 && header_size != 124)
        return fail_bmp(file, "a header size of", header_size, error);
    if (file->size < 14 + (size_t)header_size)
        return picture_ends_early(file, "BMP", error);
    bmp->width = core ? (int32_t)read_16le(bytes + 18) : (int32_t)read_32le(bytes + 18);
    bmp->height = core ? (int32_t)read_16le(bytes + 20) : (int32_t)read_32le(bytes + 22);
    bmp->bits = (int)read_16le(bytes + (core ? 24 : 28));
    bmp->top_down = bmp->height < 0;
    if (bmp->top_down)
        bmp->height = -bmp->height;
    if (!core) {
        compression = read_32le(bytes + 30);
        declared = read_32le(bytes + 46);
    }
    limn_status status = picture_check_size(file->name, bmp->width, bmp->height, error);
    if (status)
        return status;

    bool masked = bmp->bits == 16 || bmp->bits == 32, indexed = bmp->bits <= 8;
    if (!masked && bmp->bits != 1 && bmp->bits != 2 && bmp->bits != 4 && bmp->bits != 8 && bmp->bits != 24)
        return fail_bmp(file, "a bit depth of", bmp->bits, error);
    bool has_masks = compression == COMPRESSION_MASKS || compression == COMPRESSION_ALPHA_MASKS;
    bmp->has_runs = (compression == COMPRESSION_RUNS8 && bmp->bits == 8) ||
                    (compression == COMPRESSION_RUNS4 && bmp->bits == 4);
    if (compression != COMPRESSION_NONE && !bmp->has_runs && !(has_masks && !indexed && header_size != 64))
        return fail_bmp(file,
                        compression == 4   ? "JPEG data, compression"
                        : compression == 5 ? "PNG data, compression"
                                           : "compression",
                        compression, error);

    size_t most = (size_t)1 << bmp->bits % 32, colours = declared && declared < most ? declared : most;
    size_t entry = core ? 3 : 4, palette_at = 14 + (size_t)header_size;
    size_t masks_after = has_masks && header_size == 40 ? (compression == COMPRESSION_MASKS ? 12 : 16) : 0;
    bmp->pixels_at = read_32le(bytes + 10);
    find_pixels(palette_at + masks_after, indexed ? entry * colours : 0, bmp);
    status = check_pixels(file, palette_at, bmp, error);
    if (!status && indexed)
        read_palette(file, palette_at, entry, colours, bmp);
    else if (!status && (masked || has_masks))
        status = read_masks(file, header_size, compression, bmp, error);
    return status;
}

limn_status bmp_probe(const struct picture_bytes *file, struct picture_header *header, limn_error *error)
{
    struct bmp bmp;
    limn_status status = read_header(file, &bmp, error);
    header->kind = PICTURE_BMP;
    header->width = bmp.width;
    header->height = bmp.height;
    header->alpha = bmp.mask[ALPHA] != 0;
    return status;
}

/* The bits of `value` under a mask, scaled to 0..255 and rounded. */
static unsigned char masked_sample(uint32_t value, uint32_t mask)
{
    int shift = __builtin_ctz(mask);
    uint64_t sample = (value & mask) >> shift, most = mask >> shift;
    return (unsigned char)((sample * 255 + most / 2) / most);
}

static void read_row(const struct bmp *bmp, const unsigned char *row, int channels, unsigned char *out)
{
    for (int64_t x = 0; x < bmp->width; x++, out += channels) {
        if (bmp->bits == 24) {
            for (int c = 0; c < 3; c++)
                out[c] = row[3 * x + 2 - c];
        } else if (bmp->bits < 16) {
            int64_t bit = x * bmp->bits;
            int index = row[bit / 8] >> (8 - bmp->bits - bit % 8) & ((1 << bmp->bits) - 1);
            memcpy(out, bmp->palette[index], 3);
        } else {
            uint32_t value = bmp->bits == 16 ? read_16le(row + 2 * x) : read_32le(row + 4 * x);
            for (int c = 0; c < channels; c++)
                out[c] = masked_sample(value, bmp->mask[c]);
        }
    }
}

/* ---- runs -------------------------------------------------------------------------------- */

struct runs {
    const struct bmp *bmp;
    struct picture *picture;
    int64_t x, y; /* the next pixel, y in stored order */
};

static int64_t upright_row(const struct bmp *bmp, int64_t y)
{
    return bmp->top_down ? y : bmp->height - 1 - y;
}

/* Pixels beyond the right side are dropped. */
static void put_pixel(struct runs *runs, int index)
{
    const struct bmp *bmp = runs->bmp;
    if (runs->x < bmp->width && runs->y < bmp->height)
        memcpy(runs->picture->pixels + 3 * (upright_row(bmp, runs->y) * bmp->width + runs->x),
               bmp->palette[index], 3);
    runs->x++;
}

/* Pixel i of bytes that hold one or, with 4 bits, two each. */
static int index_at(const struct bmp *bmp, const unsigned char *bytes, int i)
{
    return bmp->bits == 8 ? bytes[i] : bytes[i / 2] >> (i % 2 ? 0 : 4) & 15;
}

/* Pairs of bytes (Microsoft, "Bitmap Compression"): a count and what to repeat, of 4 bits two in turn; or 0
 * and
 *
 *     0    the row ends                      2    two bytes follow: skip so many pixels, so many rows
 *     1    the picture ends                  n    the indices of n pixels follow, padded to pairs of bytes
 *
 * What is skipped has colour 0. */
static limn_status read_runs(const struct picture_bytes *file, const struct bmp *bmp, struct picture *picture,
                             limn_error *error)
{
    struct runs runs = {bmp, picture, 0, 0};
    size_t at = bmp->pixels_at;
    for (int64_t i = 0; i < bmp->width * bmp->height; i++)
        memcpy(picture->pixels + 3 * i, bmp->palette[0], 3);
    while (runs.y < bmp->height && file->size - at >= 2) {
        int count = file->bytes[at], code = file->bytes[at + 1];
        const unsigned char repeated[2] = {(unsigned char)code, (unsigned char)code},
                            *follows = file->bytes + at + 2;
        at += 2;
        size_t more = count || code < 2 ? 0
                      : code == 2       ? 2
                                        : ((size_t)code * (size_t)bmp->bits + 15) / 16 * 2;
        if (more > file->size - at)
            break;
        at += more;
        for (int i = 0; i < count; i++)
            put_pixel(&runs, index_at(bmp, repeated, i % 2));
        if (!count && code == 0)
            runs.x = 0, runs.y++;
        else if (!count && code == 1)
            return LIMN_OK;
        else if (!count && code == 2)
            runs.x += follows[0], runs.y += follows[1];
        for (int i = 0; !count && code > 2 && i < code; i++)
            put_pixel(&runs, index_at(bmp, follows, i));
    }
    bool complete = runs.y >= bmp->height || (runs.y == bmp->height - 1 && runs.x >= bmp->width);
    return complete ? LIMN_OK : picture_ends_early(file, "BMP", error);
}

/* ---- all --------------------------------------------------------------------------------- */

/* Some writers declare an alpha mask and leave all its bits zero: such a picture is opaque. */
static void repair_alpha(struct picture *picture)
{
    size_t bytes = (size_t)(picture->width * picture->height) * 4;
    for (size_t i = ALPHA; i < bytes; i += 4)
        if (picture->pixels[i])
            return;
    for (size_t i = ALPHA; i < bytes; i += 4)
        picture->pixels[i] = 255;
}

limn_status bmp_read(const struct picture_bytes *file, struct picture *picture, limn_error *error)
{
    struct bmp bmp;
    limn_status status = read_header(file, &bmp, error);
    int channels = bmp.mask[ALPHA] ? 4 : 3;
    if (!status)
        status = picture_create(bmp.width, bmp.height, channels, picture, error);
    if (!status && bmp.has_runs)
        status = read_runs(file, &bmp, picture, error);
    for (int64_t y = 0; !status && !bmp.has_runs && y < bmp.height; y++)
        read_row(&bmp, file->bytes + bmp.pixels_at + (size_t)y * bmp.stride, channels,
                 picture->pixels + upright_row(&bmp, y) * bmp.width * channels);
    if (!status && channels == 4)
        repair_alpha(picture);
    if (status)
        picture_free(picture);
    return status;
}
