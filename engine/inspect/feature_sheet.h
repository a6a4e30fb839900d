/* feature_sheet.h - the channels of a value on one picture, for looking at what a network does inside.
 *
 *     generator/Conv_5/relu                       the name
 *     1x64x128x128, 0 .. 3.27                     N x C x H x W, least and largest of all its values
 *     2 NaN, 1 infinite                           where there are any
 *     channels 0 to 31                            where not all of them are shown
 *     [tile]       [tile]       ...               eight a row, more for more than 64
 *     0: 0 .. 1.7  1: 0 .. 0.9                    channel, least and largest
 *
 * A tile is grey, each for itself: black is the channel's least finite value, white the largest; a channel of
 * one value is middle grey, but maps of a single pixel are scaled together. NaN is magenta, infinity cyan.
 * Maps whose longer side is below 96 pixels are enlarged, above 256 shrunk, a whole number of times: a square
 * becomes its mean, or NaN or infinity where it holds one. Of a batch only the first picture is shown. */
#ifndef LIMN_FEATURE_SHEET_H
#define LIMN_FEATURE_SHEET_H

#include "engine/base/tensor.h"
#include "engine/pictures/picture.h"

/* Draws the first `most` >= 1 channels of `value`, or all. Release the sheet with picture_free.
 * LIMN_E_MEMORY; the sheet is then empty. */
limn_status feature_sheet(const struct tensor *value, const char *name, int64_t most, struct picture *sheet,
                          limn_error *error);

#endif
