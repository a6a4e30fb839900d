/* opencv.h - what two of OpenCV's 8-bit functions compute, to the level: networks were trained on them.
 *
 * Both work in fixed point with tables, a level beside the exact value in about one pixel of eight, and so
 * does this. Written from modules/imgproc/src/resize.cpp and color_lab.cpp; the figures are theirs. */
#ifndef LIMN_OPENCV_H
#define LIMN_OPENCV_H

#include "engine/pictures/picture.h"

/* cv::resize with INTER_LINEAR of the three colours, alpha left out: bilinear between the four nearest
 * pixels, half-pixel centres, no antialiasing, weights of 11 bits. LIMN_E_MEMORY. */
limn_status opencv_resize_linear(const struct picture *source, int64_t width, int64_t height,
                                 struct picture *result, limn_error *error);

/* cv::cvtColor with COLOR_RGB2Lab: L* 255/100, a* + 128 and b* + 128, rounded. rgb and lab: pixels x 3. A
 * call prepares tables of 2300 entries. */
void opencv_lab(const unsigned char *rgb, int64_t pixels, unsigned char *lab);

#endif
