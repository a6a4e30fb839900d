/* opencv.c - see opencv.h. */
#include "opencv.h"

#include <math.h>

/* ---- resize ------------------------------------------------------------------------------ */

enum { WEIGHT_ONE = 1 << 11 };

/* The two samples of `from` between which sample i of `to` lies, and their weights. */
struct tap {
    int64_t low, high;
    int low_weight, high_weight;
};

static int64_t clamp(int64_t index, int64_t count)
{
    return index < 0 ? 0 : index < count ? index : count - 1;
}

static struct tap tap_at(int64_t i, int64_t from, int64_t to)
{
    float place = (float)(((double)i + 0.5) * ((double)from / (double)to) - 0.5), low = floorf(place);
    float fraction = place - low;
    return (struct tap){clamp((int64_t)low, from), clamp((int64_t)low + 1, from),
                        (int)lrintf((1 - fraction) * WEIGHT_ONE), (int)lrintf(fraction * WEIGHT_ONE)};
}

limn_status opencv_resize_linear(const struct picture *source, int64_t width, int64_t height,
                                 struct picture *result, limn_error *error)
{
    limn_status status = picture_create(width, height, 3, result, error);
    if (status != LIMN_OK)
        return status;
    unsigned char *out = result->pixels;
    int64_t row = source->width * source->channels;
    for (int64_t y = 0; y < height; y++) {
        struct tap down = tap_at(y, source->height, height);
        for (int64_t x = 0; x < width; x++) {
            struct tap across = tap_at(x, source->width, width);
            for (int c = 0; c < 3; c++) {
                const unsigned char *left = source->pixels + across.low * source->channels + c;
                const unsigned char *right = source->pixels + across.high * source->channels + c;
                int upper =
                    left[down.low * row] * across.low_weight + right[down.low * row] * across.high_weight;
                int lower =
                    left[down.high * row] * across.low_weight + right[down.high * row] * across.high_weight;
                /* Four bits, then sixteen, are cut off each product, so that it fits 16-bit arithmetic. */
                int sum =
                    (((upper >> 4) * down.low_weight) >> 16) + (((lower >> 4) * down.high_weight) >> 16);
                *out++ = (unsigned char)((sum + 2) >> 2);
            }
        }
    }
    return LIMN_OK;
}

/* ---- lightness --------------------------------------------------------------------------- */

enum {
    WHITE = 255 * 8, /* of linear light, in eighths of a level */
    CUBE_ROOT_BITS = 15,
};

static void fill_linear(int linear[256])
{
    for (int i = 0; i < 256; i++) {
        double v = i / 255.0;
        linear[i] = (int)lrint(WHITE * (v <= 0.04045 ? v / 12.92 : pow((v + 0.055) / 1.055, 2.4)));
    }
}

static void fill_cube_root(int root[WHITE + 1])
{
    for (int i = 0; i <= WHITE; i++) {
        double t = (double)i / WHITE;
        root[i] = (int)lrint((1 << CUBE_ROOT_BITS) * (t < 0.008856 ? t * 7.787 + 16.0 / 116 : cbrt(t)));
    }
}

/* 116 and 16, times 255/100. Y's weights 0.212671, 0.715160, 0.072169 are in units of 1/4096. */
void opencv_lightness(const unsigned char *rgb, int64_t pixels, unsigned char *lightness)
{
    enum {
        SCALE = (116 * 255 + 50) / 100,
        SHIFT = (16 * 255 * (1 << CUBE_ROOT_BITS) + 50) / 100,
        HALF = 1 << (CUBE_ROOT_BITS - 1),
    };
    int linear[256], root[WHITE + 1];
    fill_linear(linear);
    fill_cube_root(root);
    for (; pixels > 0; pixels--, rgb += 3) {
        int y = (871 * linear[rgb[0]] + 2929 * linear[rgb[1]] + 296 * linear[rgb[2]] + 2048) >> 12;
        *lightness++ = (unsigned char)((SCALE * root[y] - SHIFT + HALF) >> CUBE_ROOT_BITS);
    }
}
