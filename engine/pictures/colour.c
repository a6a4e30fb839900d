/* colour.c - see colour.h. */
#include "engine/pictures/colour.h"
#include "engine/base/maths.h"
#include "engine/base/system.h"

#include <math.h>
#include <stdatomic.h>
#include <string.h>

/* IEC 61966-2-1's matrix as scikit-image rounds it, and the white of D65. */
static const double xyz_from_linear[3][3] = {
    {0.412453, 0.357580, 0.180423},
    {0.212671, 0.715160, 0.072169},
    {0.019334, 0.119193, 0.950227},
};
static const double white[3] = {0.95047, 1, 1.08883};

/* ---- grey -------------------------------------------------------------------------------- */

void grey_row(const unsigned char *pixels, int channels, int64_t count, enum grey_rule rule,
              unsigned char *grey)
{
    static const struct {
        uint32_t red, green, blue;
        int shift;
    } rules[] = {
        [GREY_PILLOW] = {19595, 38470, 7471, 16},
        [GREY_OPENCV] = {9798, 19235, 3735, 15},
    };
    const uint32_t red = rules[rule].red, green = rules[rule].green, blue = rules[rule].blue;
    const int shift = rules[rule].shift;
    const uint32_t half = UINT32_C(1) << (shift - 1);
    for (; count > 0; count--, pixels += channels)
        *grey++ = (unsigned char)((red * pixels[0] + green * pixels[1] + blue * pixels[2] + half) >> shift);
}

/* ---- the curve of sRGB ------------------------------------------------------------------- */

/* Both directions as tables: a power for each pixel would take longer than the rest. */
enum { STEPS = 4096 };
struct curve {
    float linear[256]; /* the light of each sample */
    float least[257];  /* the least light of which each sample is the nearest */
    /* The sample at the lower end of each of the equal steps of light from 0 to 1. The curve is steepest near
     * black, where a sample has 1/3294 of the light: no step has parts of more than two samples. */
    unsigned char below[STEPS];
};

static float linear_from(double v)
{
    return (float)(v > 0.04045 ? maths_power((v + 0.055) / 1.055, 2.4) : v / 12.92);
}

static void fill(struct curve *curve)
{
    for (int i = 0; i < 256; i++) {
        curve->linear[i] = linear_from(i / 255.0);
        curve->least[i] = linear_from((i - 0.5) / 255);
    }
    curve->least[256] = INFINITY;
    for (int step = 0, sample = 0; step < STEPS; step++) {
        sample += (float)step / STEPS >= curve->least[sample + 1];
        curve->below[step] = (unsigned char)sample;
    }
}

/* Filled by the first call in the process. */
static const struct curve *filled_curve(void)
{
    static struct curve curve;
    static atomic_bool filled;
    if (!atomic_load(&filled)) {
        system_process_lock();
        if (!atomic_load(&filled))
            fill(&curve);
        atomic_store(&filled, true);
        system_process_unlock();
    }
    return &curve;
}

/* ---- to Lab ------------------------------------------------------------------------------ */

/* For t in 0.008 .. 1.1. The C library's cbrtf took half of the time here. A third of a float's bit pattern
 * plus a constant is the cube root within 4%, linear between powers of two (W. Kahan's first step); each of
 * Halley's steps then triples the correct digits: r (r^3 + 2 t) / (2 r^3 + t). */
static float cube_root(float t)
{
    uint32_t bits;
    float r;
    memcpy(&bits, &t, sizeof bits);
    bits = bits / 3 + 709958130;
    memcpy(&r, &bits, sizeof r);
    for (int step = 0; step < 2; step++) {
        float cube = r * r * r;
        r *= (cube + 2 * t) / (2 * cube + t);
    }
    return r;
}

static float compress(float t)
{
    return t > 0.008856f ? cube_root(t) : 7.787f * t + 16.0f / 116;
}

void lab_from_rgb(const unsigned char *rgb, int channels, int64_t pixels, float *lab)
{
    const float *linear = filled_curve()->linear;
    float to_xyz[3][3]; /* divided by the white */
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++)
            to_xyz[i][j] = (float)(xyz_from_linear[i][j] / white[i]);
    for (; pixels > 0; pixels--, rgb += channels, lab += 3) {
        float r = linear[rgb[0]], g = linear[rgb[1]], b = linear[rgb[2]], f[3];
        for (int i = 0; i < 3; i++)
            f[i] = compress(to_xyz[i][0] * r + to_xyz[i][1] * g + to_xyz[i][2] * b);
        lab[0] = 116 * f[1] - 16;
        lab[1] = 500 * (f[0] - f[1]);
        lab[2] = 200 * (f[1] - f[2]);
    }
}

/* ---- from Lab ---------------------------------------------------------------------------- */

/* The inverse of xyz_from_linear by cofactors, times the white. Indices that wrap around give a cofactor its
 * sign. */
static void fill_from_xyz(float from_xyz[3][3])
{
    const double(*m)[3] = xyz_from_linear;
    double cofactor[3][3], determinant = 0;
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++) {
            int i1 = (i + 1) % 3, i2 = (i + 2) % 3, j1 = (j + 1) % 3, j2 = (j + 2) % 3;
            cofactor[i][j] = m[i1][j1] * m[i2][j2] - m[i1][j2] * m[i2][j1];
        }
    for (int j = 0; j < 3; j++)
        determinant += m[0][j] * cofactor[0][j];
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++)
            from_xyz[i][j] = (float)(cofactor[j][i] / determinant * white[j]);
}

static float expand(float t)
{
    return t > 0.2068966f ? t * t * t : (t - 16.0f / 116) / 7.787f;
}

/* The first comparison is false for NaN too. */
static unsigned char encode(const struct curve *curve, float linear)
{
    if (!(linear > 0))
        return 0;
    if (linear >= 1)
        return 255;
    int sample = curve->below[(int)(linear * STEPS)];
    return (unsigned char)(sample + (linear >= curve->least[sample + 1]));
}

void rgb_from_lab(const float *lab, int64_t pixels, unsigned char *rgb, int channels)
{
    const struct curve *curve = filled_curve();
    float from_xyz[3][3];
    fill_from_xyz(from_xyz);
    for (; pixels > 0; pixels--, lab += 3, rgb += channels) {
        float y = (lab[0] + 16) / 116, x = y + lab[1] / 500, z = y - lab[2] / 200;
        x = expand(x);
        y = expand(y);
        z = expand(z < 0 ? 0 : z);
        for (int c = 0; c < 3; c++)
            rgb[c] = encode(curve, from_xyz[c][0] * x + from_xyz[c][1] * y + from_xyz[c][2] * z);
    }
}

/* ---- CIEDE2000 --------------------------------------------------------------------------- */

static const double DEGREE = 0.017453292519943295; /* in radians */

/* sqrt(c^7 / (c^7 + 25^7)) */
static double chroma_weight(double c)
{
    double c7 = c * c * c * c * c * c * c;
    return sqrt(c7 / (c7 + 6103515625.0));
}

/* In degrees, 0 .. 360; 0 for a grey, which has no hue. */
static double hue(double a, double b)
{
    double degrees = maths_atan2(b, a) / DEGREE;
    return degrees < 0 ? degrees + 360 : degrees;
}

/* T of (15): 1 - 0.17 cos(h - 30) + 0.24 cos(2 h) + 0.32 cos(3 h + 6) - 0.20 cos(4 h - 63), in degrees. The
 * multiples and the sums are those of a rotation, from one cosine and sine. */
static double hue_term(double h)
{
    const double cos_30 = 0.8660254037844386, sin_30 = 0.5, cos_6 = 0.9945218953682733,
                 sin_6 = 0.10452846326765347, cos_63 = 0.4539904997395468, sin_63 = 0.8910065241883679;
    double c1 = maths_cos(h * DEGREE), s1 = maths_sin(h * DEGREE);
    double c2 = c1 * c1 - s1 * s1, s2 = 2 * c1 * s1;
    double c3 = c2 * c1 - s2 * s1, s3 = s2 * c1 + c2 * s1;
    double c4 = c2 * c2 - s2 * s2, s4 = 2 * c2 * s2;
    return 1 - 0.17 * (c1 * cos_30 + s1 * sin_30) + 0.24 * c2 + 0.32 * (c3 * cos_6 - s3 * sin_6) -
           0.20 * (c4 * cos_63 + s4 * sin_63);
}

/* Names and equation numbers are the paper's. */
double delta_e_2000(const float first[3], const float second[3])
{
    double l1 = first[0], a1 = first[1], b1 = first[2], l2 = second[0], a2 = second[1], b2 = second[2];

    /* Step 1: chroma and hue, with the a axis stretched near grey. (2) to (7) */
    double c_mean = (sqrt(a1 * a1 + b1 * b1) + sqrt(a2 * a2 + b2 * b2)) / 2;
    double stretch = 1 + 0.5 * (1 - chroma_weight(c_mean));
    a1 *= stretch;
    a2 *= stretch;
    double c1 = sqrt(a1 * a1 + b1 * b1), c2 = sqrt(a2 * a2 + b2 * b2);
    double h1 = hue(a1, b1), h2 = hue(a2, b2);

    /* Step 2: differences; that of hue along the shorter arc, 0 if one colour is grey. (8) to (11) */
    double dl = l2 - l1, dc = c2 - c1, dh = c1 * c2 == 0 ? 0 : h2 - h1;
    if (dh > 180)
        dh -= 360;
    else if (dh < -180)
        dh += 360;
    double dh_length = 2 * sqrt(c1 * c2) * maths_sin(dh / 2 * DEGREE);

    /* Step 3: means; that of hue on the shorter arc. (12) to (14) */
    double l = (l1 + l2) / 2, c = (c1 + c2) / 2, h = h1 + h2;
    if (c1 * c2 != 0) {
        if (fabs(h1 - h2) > 180)
            h += h < 360 ? 360 : -360;
        h /= 2;
    }

    /* Weights of lightness, chroma and hue, and the rotation for blue. (15) to (21) */
    double t = hue_term(h);
    double from_blue = (h - 275) / 25, from_mid = (l - 50) * (l - 50);
    double sl = 1 + 0.015 * from_mid / sqrt(20 + from_mid), sc = 1 + 0.045 * c, sh = 1 + 0.015 * c * t;
    /* Below 1e-17 where from_blue^2 is above 40. */
    double rotation = from_blue * from_blue < 40
                          ? -maths_sin(60 * maths_exp(-from_blue * from_blue) * DEGREE) * 2 * chroma_weight(c)
                          : 0;

    /* (22) */
    dl /= sl;
    dc /= sc;
    dh_length /= sh;
    return sqrt(dl * dl + dc * dc + dh_length * dh_length + rotation * dc * dh_length);
}
