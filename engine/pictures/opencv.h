/* opencv.h - two of OpenCV's 8-bit functions, with equal results: networks were trained on them.
 *
 * OpenCV uses fixed point with tables, which is off by one level in about one pixel of eight; this code does
 * the same. Written from modules/imgproc/src/resize.cpp and color_lab.cpp, with their constants. */
#ifndef LIMN_OPENCV_H
#define LIMN_OPENCV_H

#include "engine/pictures/picture.h"

/* cv::resize with INTER_LINEAR, to an RGB picture; alpha is dropped: bilinear between the four nearest
 * pixels, half-pixel centres, no antialiasing, weights of 11 bits. LIMN_E_MEMORY. */
limn_status opencv_resize_linear(const struct picture *source, int64_t width, int64_t height,
                                 struct picture *result, limn_error *error);

/* cv::cvtColor with COLOR_RGB2Lab: L* 255/100, a* + 128 and b* + 128, rounded. rgb and lab: pixels x 3. Each
 * call fills tables of 2300 entries. */
void opencv_lab(const unsigned char *rgb, int64_t pixels, unsigned char *lab);

#endif
