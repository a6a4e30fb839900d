/* alpha.c - see alpha.h. */
#include "engine/pictures/alpha.h"
#include "engine/base/memory.h"
#include "layers/sizes.h"

#include <string.h>

/* ---- premultiplied alpha ----------------------------------------------------------------- */

void alpha_multiply(const unsigned char *in, int64_t count, unsigned char *out)
{
    for (; count > 0; count--, in += 4, out += 4) {
        int alpha = in[3];
        for (int c = 0; c < 3; c++)
            out[c] = (unsigned char)((in[c] * alpha + 127) / 255);
        out[3] = (unsigned char)alpha;
    }
}

void alpha_divide(unsigned char *pixels, int64_t count)
{
    for (; count > 0; count--, pixels += 4) {
        int alpha = pixels[3];
        for (int c = 0; alpha > 0 && alpha < 255 && c < 3; c++) {
            int level = 255 * pixels[c] / alpha;
            pixels[c] = (unsigned char)(level < 255 ? level : 255);
        }
    }
}

/* ---- filling hidden pixels --------------------------------------------------------------- */

/* A level of the pyramid, RGBA; alpha 0 marks an unknown colour. */
struct level {
    int64_t width, height;
    unsigned char *pixels;
};

enum { LEVELS_MOST = 64 }; /* more than halving an int64_t takes */

static unsigned char *pixel_at(const struct level *level, int64_t x, int64_t y)
{
    return level->pixels + (y * level->width + x) * 4;
}

static bool is_opaque(const struct picture *picture)
{
    if (picture->channels != 4)
        return true;
    for (int64_t p = 0; p < picture->width * picture->height; p++)
        if (picture->pixels[4 * p + 3] != 255)
            return false;
    return true;
}

/* The sizes of the levels above a picture, down to 1 x 1. Returns how many; *bytes: of all. */
static int lay_out(const struct picture *picture, struct level levels[LEVELS_MOST], size_t *bytes)
{
    int64_t width = picture->width, height = picture->height;
    int count = 0;
    *bytes = 0;
    do {
        width = (width + 1) / 2;
        height = (height + 1) / 2;
        levels[count++] = (struct level){.width = width, .height = height};
        *bytes = size_sum(*bytes, size_product(4 * width, (size_t)height));
    } while (width > 1 || height > 1);
    return count;
}

/* One pixel of `above`: the mean of up to four pixels of `below`, weighted by alpha; the largest alpha. */
static void reduce_pixel(const struct level *below, int64_t x, int64_t y, unsigned char out[4])
{
    int sum[3] = {0}, weight = 0, most = 0;
    for (int64_t row = 2 * y; row < 2 * y + 2 && row < below->height; row++)
        for (int64_t column = 2 * x; column < 2 * x + 2 && column < below->width; column++) {
            const unsigned char *in = pixel_at(below, column, row);
            for (int c = 0; c < 3; c++)
                sum[c] += in[c] * in[3];
            weight += in[3];
            most = in[3] > most ? in[3] : most;
        }
    for (int c = 0; c < 3; c++)
        out[c] = (unsigned char)(weight ? (sum[c] + weight / 2) / weight : 0);
    out[3] = (unsigned char)most;
}

static void reduce(const struct level *below, struct level *above)
{
    for (int64_t y = 0; y < above->height; y++)
        for (int64_t x = 0; x < above->width; x++)
            reduce_pixel(below, x, y, pixel_at(above, x, y));
}

static int64_t clamp(int64_t at, int64_t size)
{
    return at < 0 ? 0 : at < size ? at : size - 1;
}

/* The colour of pixel (x, y) of the level below `above`, interpolated between the four nearest of `above`:
 * centres of pixels are 1/4 and 3/4 of the way. */
static void enlarge_pixel(const struct level *above, int64_t x, int64_t y, unsigned char out[3])
{
    int64_t left = x / 2, top = y / 2;
    int64_t side = clamp(x % 2 ? left + 1 : left - 1, above->width);
    int64_t next = clamp(y % 2 ? top + 1 : top - 1, above->height);
    const unsigned char *nearest = pixel_at(above, left, top), *beside = pixel_at(above, side, top);
    const unsigned char *over = pixel_at(above, left, next), *across = pixel_at(above, side, next);
    for (int c = 0; c < 3; c++)
        out[c] = (unsigned char)((9 * nearest[c] + 3 * beside[c] + 3 * over[c] + across[c] + 8) / 16);
}

static void fill_level(const struct level *above, struct level *level)
{
    for (int64_t y = 0; y < level->height; y++)
        for (int64_t x = 0; x < level->width; x++) {
            unsigned char *pixel = pixel_at(level, x, y);
            if (!pixel[3])
                enlarge_pixel(above, x, y, pixel);
        }
}

/* keeps_hidden: hidden pixels keep their own colours. */
static void fill_picture(const struct level *above, bool keeps_hidden, const struct picture *picture,
                         struct picture *filled)
{
    const unsigned char *in = picture->pixels;
    unsigned char *out = filled->pixels;
    for (int64_t y = 0; y < picture->height; y++)
        for (int64_t x = 0; x < picture->width; x++, in += 4, out += 3) {
            if (in[3] || keeps_hidden)
                memcpy(out, in, 3);
            else
                enlarge_pixel(above, x, y, out);
        }
}

limn_status alpha_fill(const struct picture *picture, struct picture *filled, limn_error *error)
{
    struct level levels[LEVELS_MOST];
    size_t bytes;
    *filled = (struct picture){0};
    if (is_opaque(picture))
        return LIMN_OK;
    int count = lay_out(picture, levels, &bytes);
    unsigned char *block = mem_alloc(bytes);
    limn_status status = block ? picture_create(picture->width, picture->height, 3, filled, error)
                               : fail_memory(error, "filling hidden pixels", bytes);
    if (status == LIMN_OK) {
        unsigned char *next = block;
        struct level below = {picture->width, picture->height, picture->pixels};
        for (int i = 0; i < count; i++) {
            levels[i].pixels = next;
            next += 4 * levels[i].width * levels[i].height;
            reduce(&below, &levels[i]);
            below = levels[i];
        }
        for (int i = count - 2; i >= 0; i--)
            fill_level(&levels[i + 1], &levels[i]);
        bool nothing_visible = !below.pixels[3]; /* below: 1 x 1 */
        fill_picture(&levels[0], nothing_visible, picture, filled);
    }
    mem_free(block);
    return status;
}

size_t alpha_fill_bytes(const struct picture *picture)
{
    struct level levels[LEVELS_MOST];
    size_t bytes;
    if (is_opaque(picture))
        return 0;
    lay_out(picture, levels, &bytes);
    return size_sum(bytes, size_product(3 * picture->width, (size_t)picture->height));
}
