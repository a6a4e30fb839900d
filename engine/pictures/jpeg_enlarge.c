/* jpeg_enlarge.c - see jpeg_enlarge.h.
 *
 * A component with half as many samples in a direction is enlarged by a triangle filter. The centres of two
 * pixels lie a quarter of a sample left and right of the centre of their sample, so that each is 3/4 of that
 * sample and 1/4 of the neighbour on its side; beyond the border the last sample repeats:
 *
 *     samples        a         b         c
 *     pixels       a   3a+b 3b+a 3b+c 3c+b   c        (over 4)
 *
 * In both directions this takes 9/16, 3/16, 3/16 and 1/16 of four samples. Halves are rounded down and up in
 * turn. Any other ratio repeats samples, and so does half the width where a component is at most two samples
 * wide (libjpeg: jdsample.c). */
#include "engine/pictures/jpeg_enlarge.h"

/* The inner loops below have no branches and no overlapping pointers, so that compilers vectorise them. */

/* 3 * near + far for each sample of row `y` of the picture. Where the component has all rows, near and far
 * are the same. */
static void add_rows(const struct stb_plane *plane, int64_t y, int16_t *restrict sums)
{
    int64_t near = y / plane->down, far = plane->down == 1 ? near : y % 2 ? near + 1 : near - 1;
    far = far < 0 ? 0 : far < plane->height ? far : plane->height - 1;
    const unsigned char *restrict a = plane->samples + near * plane->stride;
    const unsigned char *restrict b = plane->samples + far * plane->stride;
    for (int64_t i = 0; i < plane->width; i++)
        sums[i] = (int16_t)(3 * a[i] + b[i]);
}

/* Doubles the width of a row of at least two sums. The last pixel may be one beyond the picture's. `left` and
 * `right` are added to the two pixels of a sample before they are divided by 16. */
static void double_sums(const int16_t *restrict in, int64_t width, int left, int right,
                        unsigned char *restrict out)
{
    int64_t last = width - 1;
    out[0] = (unsigned char)((4 * in[0] + left) >> 4);
    for (int64_t i = 0; i < last; i++) {
        out[2 * i + 1] = (unsigned char)((3 * in[i] + in[i + 1] + right) >> 4);
        out[2 * i + 2] = (unsigned char)((3 * in[i + 1] + in[i] + left) >> 4);
    }
    out[2 * last + 1] = (unsigned char)((4 * in[last] + right) >> 4);
}

static void quarter_sums(const int16_t *restrict in, int64_t width, int bias, unsigned char *restrict out)
{
    for (int64_t i = 0; i < width; i++)
        out[i] = (unsigned char)((in[i] + bias) >> 2);
}

static void repeat_samples(const unsigned char *in, int64_t width, int across, unsigned char *out)
{
    for (int64_t x = 0; x < width; in++)
        for (int64_t end = x + across < width ? x + across : width; x < end; x++)
            out[x] = *in;
}

/* Row `y` of a component at the picture's size, `width` samples: in the plane itself, or made in `out`. */
static const unsigned char *enlarged_row(const struct stb_plane *plane, int64_t y, int64_t width,
                                         int16_t *sums, unsigned char *out)
{
    const unsigned char *in = plane->samples + y / plane->down * plane->stride;
    if (plane->across == 1 && plane->down == 1)
        return in;
    if (plane->across == 1 && plane->down == 2) {
        add_rows(plane, y, sums);
        quarter_sums(sums, width, y % 2 ? 2 : 1, out);
    } else if (plane->across == 2 && plane->down <= 2 && plane->width > 2) {
        add_rows(plane, y, sums);
        double_sums(sums, plane->width, plane->down == 2 ? 8 : 4, plane->down == 2 ? 7 : 8, out);
    } else {
        repeat_samples(in, width, plane->across, out);
    }
    return out;
}

static void interleave(const unsigned char *restrict red, const unsigned char *restrict green,
                       const unsigned char *restrict blue, int64_t width, unsigned char *restrict rgb)
{
    for (int64_t x = 0; x < width; x++) {
        rgb[3 * x] = red[x];
        rgb[3 * x + 1] = green[x];
        rgb[3 * x + 2] = blue[x];
    }
}

static inline unsigned char clamp_level(int16_t level)
{
    return (unsigned char)(level < 0 ? 0 : level > 255 ? 255 : level);
}

/* ITU-T T.871, 7: R = Y + 1.402 Cr, G = Y - 0.34414 Cb - 0.71414 Cr, B = Y + 1.772 Cb, where Cb and Cr lie
 * around 128. The factors are scaled by 2^16 and rounded, and the product is rounded. Whole multiples are
 * taken out, so that the rest is a product of 16-bit numbers, for which every CPU has vectors. */
static void convert_ycc(const unsigned char *restrict luma, const unsigned char *restrict cb,
                        const unsigned char *restrict cr, int64_t width, unsigned char *restrict rgb)
{
    enum { PIECE = 256, HALF = 1 << 15 };
    unsigned char red[PIECE], green[PIECE], blue[PIECE];
    for (int64_t x = 0; x < width; x += PIECE) {
        int64_t count = width - x < PIECE ? width - x : PIECE;
        for (int64_t i = 0; i < count; i++) {
            int16_t y = luma[x + i], b = (int16_t)(cb[x + i] - 128), r = (int16_t)(cr[x + i] - 128);
            int16_t to_red = (int16_t)((26345 * r + HALF) >> 16);                /* 1.402 = 1 + 0.402 */
            int16_t to_green = (int16_t)((-22554 * b + 18734 * r + HALF) >> 16); /* 0.71414 = 1 - 0.28586 */
            int16_t to_blue = (int16_t)((-14942 * b + HALF) >> 16);              /* 1.772 = 2 - 0.228 */
            red[i] = clamp_level((int16_t)(y + r + to_red));
            green[i] = clamp_level((int16_t)(y - r + to_green));
            blue[i] = clamp_level((int16_t)(y + 2 * b + to_blue));
        }
        interleave(red, green, blue, count, rgb + 3 * x);
    }
}

/* An even count, since pixels are made in pairs. */
static int64_t padded(int64_t width)
{
    return (width + 3) / 2 * 2;
}

size_t jpeg_rows_bytes(int64_t width)
{
    return (size_t)padded(width) * (3 + sizeof(int16_t));
}

void jpeg_to_rgb(const struct stb_jpeg *jpeg, int64_t width, int64_t height, bool rgb, void *rows,
                 unsigned char *pixels)
{
    int16_t *sums = rows;
    unsigned char *made = (unsigned char *)(sums + padded(width));
    const unsigned char *row[3];
    bool grey = jpeg->components == 1;
    for (int64_t y = 0; y < height; y++, pixels += 3 * width) {
        for (int c = 0; c < 3; c++)
            row[c] = grey && c > 0 ? row[0]
                                   : enlarged_row(&jpeg->planes[c], y, width, sums, made + c * padded(width));
        if (grey || rgb)
            interleave(row[0], row[1], row[2], width, pixels);
        else
            convert_ycc(row[0], row[1], row[2], width, pixels);
    }
}
