/* feature_sheet.h - draws the channels of a value on one picture.
 *
 *     generator/Conv_5/relu                       the name
 *     1x64x128x128, 0 .. 3.27                     N x C x H x W, minimum and maximum
 *     2 NaN, 1 infinite                           if there are any
 *     channels 0 to 31                            if not all are shown
 *     [tile]       [tile]       ...               eight a row, more for more than 64
 *     0: 0 .. 1.7  1: 0 .. 0.9                    channel, minimum and maximum
 *
 * Each tile is scaled separately: black is the channel's least finite value, white the largest; a constant
 * channel is middle grey. Maps of a single pixel are scaled together. NaN is magenta, infinity cyan. Maps
 * whose longer side is below 96 pixels are enlarged, above 256 shrunk, by a whole factor; when shrinking, a
 * square becomes its mean, or NaN or infinity if it contains one. Only the first picture of a batch is shown.
 */
#ifndef LIMN_FEATURE_SHEET_H
#define LIMN_FEATURE_SHEET_H

#include "engine/base/tensor.h"
#include "engine/pictures/picture.h"

/* Draws the first `most` >= 1 channels of `value`, or all if it has fewer. Release the sheet with
 * picture_free. LIMN_E_MEMORY; the sheet is then empty. */
limn_status feature_sheet(const struct tensor *value, const char *name, int64_t most, struct picture *sheet,
                          limn_error *error);

#endif
