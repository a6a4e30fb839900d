/* network_input.h - the input of a network from a picture, as the pipelines make it.
 *
 *     deeplabv3    RGB, normalised; resized as limn_segment does by default
 *     unet         grey, RGB or RGBA / 255, at half the picture's size
 *     eccv16       L at 256 x 256
 *     siggraph17   L, and zeros for a, b and the mask: no hints; at 256 x 256
 *     vae          grey, -1 to 1, at 64 x 64
 *     enhancenet   RGB / 255, at the picture's size
 *
 * segment.h, colorizer.h and upscale.h say more. */
#ifndef LIMN_NETWORK_INPUT_H
#define LIMN_NETWORK_INPUT_H

#include "engine/base/npy.h"
#include "engine/pictures/picture.h"
#include "engine/run/model.h"

/* Makes the first input of `model`, 1 x C x H x W, from a picture of 3 or 4 channels. Release with npy_free;
 * on failure it is empty.
 * Errors: LIMN_E_USAGE for a network whose input is not a picture (dcgan); LIMN_E_INPUT for a picture that
 * becomes too small or too large; LIMN_E_WEIGHTS, LIMN_E_MEMORY. */
limn_status network_input(const limn_model *model, const struct picture *source, struct npy *input,
                          limn_error *error);

#endif
