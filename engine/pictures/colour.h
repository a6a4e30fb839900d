/* colour.h - 8-bit sRGB to grey, to CIE Lab and back, and the perceived difference of two Lab colours.
 *
 * The constants of Lab are those of scikit-image's rgb2lab and lab2rgb (skimage/color/colorconv.py), with its
 * rounding, because networks were trained with them: sRGB curve, D65 white, 2-degree observer. With v a
 * sample / 255 and (Xn, Yn, Zn) = (0.95047, 1, 1.08883):
 *
 *     linear  = v > 0.04045 ? ((v + 0.055) / 1.055)^2.4 : v / 12.92
 *     (X,Y,Z) = M (R,G,B)                  linear; M is in colour.c
 *     f(t)    = t > 0.008856 ? cbrt(t) : 7.787 t + 16/116
 *     L = 116 f(Y/Yn) - 16     a = 500 (f(X/Xn) - f(Y/Yn))     b = 200 (f(Y/Yn) - f(Z/Zn))
 *
 * and back:
 *
 *     y = (L + 16) / 116     x = y + a / 500     z = max(y - b / 200, 0)
 *     g(t)    = t > 0.2068966 ? t^3 : (t - 16/116) / 7.787
 *     (R,G,B) = M^-1 (Xn g(x), Yn g(y), Zn g(z))
 *     v       = linear > 0.0031308 ? 1.055 linear^(1/2.4) - 0.055 : 12.92 linear
 *     sample  = v clipped to 0..1, times 255, rounded to nearest
 *
 * L is 0 .. 100; a and b of sRGB colours are in -87 .. 99 and -108 .. 95. The functions are thread-safe. */
#ifndef LIMN_COLOUR_H
#define LIMN_COLOUR_H

#include <stdint.h>

/* Grey levels in fixed point, with the weights of ITU-R BT.601 at two scales; results sometimes differ by one
 * level. */
enum grey_rule {
    GREY_PILLOW, /* Image.convert("L"):         (19595 R + 38470 G +  7471 B + 32768) >> 16 */
    GREY_OPENCV, /* cvtColor(..., BGR2GRAY):    ( 9798 R + 19235 G +  3735 B + 16384) >> 15 */
};

/* Fills grey[count] from pixels[count x channels]; channels is 3 or 4, alpha is ignored. `grey` may be
 * `pixels` itself. */
void grey_row(const unsigned char *pixels, int channels, int64_t count, enum grey_rule rule,
              unsigned char *grey);

/* rgb: pixels x channels (3 or 4; the fourth, alpha, is skipped). lab: pixels x 3, within 3e-4 of the
 * equations. */
void lab_from_rgb(const unsigned char *rgb, int channels, int64_t pixels, float *lab);

/* The inverse; a fourth channel is left unchanged. Colours outside sRGB are clipped, NaN becomes 0. */
void rgb_from_lab(const float *lab, int64_t pixels, unsigned char *rgb, int channels);

/* CIEDE2000 with kL = kC = kH = 1; a difference of 1 is just noticeable. Sharma, Wu, Dalal, "The CIEDE2000
 * Color-Difference Formula: Implementation Notes, Supplementary Test Data, and Mathematical Observations",
 * Color Research and Application 30(1), 2005. */
double delta_e_2000(const float first[3], const float second[3]);

#endif
