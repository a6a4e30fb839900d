/* bmp.c - see picture_header.h. Reads BMP: 1, 2, 4, 8 bit with a palette, 16 and 32 bit with masks, 24 bit;
 * uncompressed. stb_image is not used for BMP because it reads past short palettes and takes padding for
 * alpha.
 *
 *     14   file header: "BM", file size, reserved, offset of the pixels
 *     12+  information header, its version given by its size: 12 (OS/2), 40, 52, 56, 64 (OS/2 2), 108 (V4),
 *          124 (V5)
 *          masks of red, green, blue, alpha: inside a header of 52 bytes or more, else after it
 *          palette: blue, green, red (12-byte header) or blue, green, red, 0 (others)
 *          rows padded to multiples of 4 bytes, the bottom row first unless the height is negative */
#include "engine/pictures/bytes.h"
#include "engine/pictures/picture_header.h"

#include <string.h>

enum { COMPRESSION_NONE = 0, COMPRESSION_MASKS = 3, COMPRESSION_ALPHA_MASKS = 6 };
enum { RED, GREEN, BLUE, ALPHA };

struct bmp {
    int64_t width, height;
    bool top_down;
    int bits;
    size_t pixels_at, stride;
    uint32_t mask[4];              /* 16 and 32 bits; alpha 0: none */
    unsigned char palette[256][3]; /* missing entries are black */
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

static limn_status read_masks(const struct picture_bytes *file, uint32_t header_size, uint32_t compression,
                              struct bmp *bmp, limn_error *error)
{
    if (compression == COMPRESSION_NONE) {
        static const uint32_t narrow[4] = {0x7c00, 0x03e0, 0x001f, 0}, wide[4] = {0xff0000, 0xff00, 0xff, 0};
        memcpy(bmp->mask, bmp->bits == 16 ? narrow : wide, sizeof bmp->mask);
        return LIMN_OK;
    }
    bool has_alpha = compression == COMPRESSION_ALPHA_MASKS || header_size >= 56;
    int masks = has_alpha ? 4 : 3;
    if (file->size < 54 + 4 * (size_t)masks)
        return picture_ends_early(file, "BMP", error);
    for (int i = 0; i < masks; i++) {
        bmp->mask[i] = read_32le(file->bytes + 54 + 4 * i);
        if (!mask_sound(bmp->mask[i]) || (i != ALPHA && bmp->mask[i] == 0))
            return fail_bmp(file, "a colour mask", bmp->mask[i], error);
    }
    return LIMN_OK;
}

static void read_palette(const struct picture_bytes *file, size_t at, size_t entry, size_t declared,
                         struct bmp *bmp)
{
    size_t colours = (size_t)1 << bmp->bits;
    if (declared && declared < colours)
        colours = declared;
    for (size_t i = 0; i < colours && at + entry <= bmp->pixels_at; i++, at += entry)
        for (int c = 0; c < 3; c++)
            bmp->palette[i][c] = file->bytes[at + (size_t)(2 - c)];
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

    bool masked = bmp->bits == 16 || bmp->bits == 32;
    if (!masked && bmp->bits != 1 && bmp->bits != 2 && bmp->bits != 4 && bmp->bits != 8 && bmp->bits != 24)
        return fail_bmp(file, "a bit depth of", bmp->bits, error);
    bool uses_masks = compression == COMPRESSION_MASKS || compression == COMPRESSION_ALPHA_MASKS;
    if (compression != COMPRESSION_NONE && !(uses_masks && masked && header_size != 64))
        return fail_bmp(file, compression == 1 || compression == 2 ? "run-length compression" : "compression",
                        compression, error);
    bmp->pixels_at = read_32le(bytes + 10);
    size_t row_bytes = ((size_t)bmp->width * (size_t)bmp->bits + 7) / 8;
    bmp->stride = (row_bytes + 3) / 4 * 4;
    /* Some writers omit the padding of the last row. */
    size_t needed = bmp->stride * (size_t)(bmp->height - 1) + row_bytes;
    if (bmp->pixels_at > file->size || needed > file->size - bmp->pixels_at)
        return picture_ends_early(file, "BMP", error);
    if (bmp->pixels_at < 14 + (size_t)header_size)
        return fail_bmp(file, "pixels at byte", (int64_t)bmp->pixels_at, error);
    if (masked)
        status = read_masks(file, header_size, compression, bmp, error);
    else if (bmp->bits <= 8)
        read_palette(file, 14 + (size_t)header_size, core ? 3 : 4, declared, bmp);
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
    if (status)
        return status;
    for (int64_t y = 0; y < bmp.height; y++) {
        int64_t stored = bmp.top_down ? y : bmp.height - 1 - y;
        read_row(&bmp, file->bytes + bmp.pixels_at + (size_t)stored * bmp.stride, channels,
                 picture->pixels + y * bmp.width * channels);
    }
    if (channels == 4)
        repair_alpha(picture);
    return LIMN_OK;
}
