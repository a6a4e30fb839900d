/* opencv.c - see opencv.h. */
#include "engine/pictures/opencv.h"
#include "engine/base/maths.h"

#include <math.h>

/* ---- resize ------------------------------------------------------------------------------ */

enum { WEIGHT_ONE = 1 << 11 };

/* The two source samples around a result sample, and their weights. */
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
                /* OpenCV drops four bits, then sixteen, of each product, to fit 16-bit arithmetic. */
                int sum =
                    (((upper >> 4) * down.low_weight) >> 16) + (((lower >> 4) * down.high_weight) >> 16);
                *out++ = (unsigned char)((sum + 2) >> 2);
            }
        }
    }
    return LIMN_OK;
}

/* ---- Lab --------------------------------------------------------------------------------- */

enum {
    WHITE = 255 * 8, /* of linear light, in eighths of a level */
    CUBE_ROOT_BITS = 15,
};

static void fill_linear(int linear[256])
{
    for (int i = 0; i < 256; i++) {
        double v = i / 255.0;
        linear[i] = (int)lrint(WHITE * (v <= 0.04045 ? v / 12.92 : maths_power((v + 0.055) / 1.055, 2.4)));
    }
}

/* The root in single precision, as in OpenCV: two values fall on a half and are rounded to even. */
static void fill_cube_root(int root[WHITE + 1])
{
    for (int i = 0; i <= WHITE; i++) {
        double t = (double)i / WHITE;
        float f = (float)(t < 0.008856 ? t * 7.787 + 16.0 / 116 : maths_power(t, 1.0 / 3));
        root[i] = (int)lrintf((1 << CUBE_ROOT_BITS) * f);
    }
}

/* Rows X, Y, Z divided by the white of D65 (0.950456, 1, 1.088754), in units of 1/4096; each row sums to 1.
 */
static const int weights[3][3] = {{1777, 1541, 778}, {871, 2929, 296}, {73, 448, 3575}};

void opencv_lab(const unsigned char *rgb, int64_t pixels, unsigned char *lab)
{
    enum {
        ONE = 1 << CUBE_ROOT_BITS,
        HALF = ONE / 2,
        L_SCALE = (116 * 255 + 50) / 100, /* 116 and 16, times 255/100 */
        L_SHIFT = (16 * 255 * ONE + 50) / 100,
    };
    int linear[256], root[WHITE + 1];
    fill_linear(linear);
    fill_cube_root(root);
    for (; pixels > 0; pixels--, rgb += 3, lab += 3) {
        int f[3];
        for (int i = 0; i < 3; i++)
            f[i] = root[(weights[i][0] * linear[rgb[0]] + weights[i][1] * linear[rgb[1]] +
                         weights[i][2] * linear[rgb[2]] + 2048) >>
                        12];
        /* No colour of sRGB reaches 0 or 255 in a or b. */
        lab[0] = (unsigned char)((L_SCALE * f[1] - L_SHIFT + HALF) >> CUBE_ROOT_BITS);
        lab[1] = (unsigned char)((500 * (f[0] - f[1]) + 128 * ONE + HALF) >> CUBE_ROOT_BITS);
        lab[2] = (unsigned char)((200 * (f[1] - f[2]) + 128 * ONE + HALF) >> CUBE_ROOT_BITS);
    }
}
