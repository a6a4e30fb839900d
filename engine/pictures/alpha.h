/* alpha.h - keeps the colours of hidden pixels (alpha 0) out of visible ones.
 *
 * The colour of a hidden pixel is arbitrary: programs write black, white, or what was there before. Whatever
 * mixes neighbouring pixels must not mix it in. Resampling multiplies colours by alpha before and divides
 * by it after, as Pillow does. A network gets a copy in which hidden pixels have colours of visible ones. */
#ifndef LIMN_ALPHA_H
#define LIMN_ALPHA_H

#include "engine/pictures/picture.h"

/* Multiplies the colours of `count` RGBA pixels by alpha / 255, rounded to nearest. `out` may be `in`. */
void alpha_multiply(const unsigned char *in, int64_t count, unsigned char *out);

/* The inverse, in place, rounded down, at most 255: Pillow's. With alpha 0 the pixel is unchanged. */
void alpha_divide(unsigned char *pixels, int64_t count);

/* Makes an RGB copy for a network, in which hidden pixels are filled from visible ones. *filled stays empty
 * if the picture is opaque: then the network can read the picture itself. Release with picture_free.
 *
 * The method is push-pull (Gortler, Grzeszczuk, Szeliski, Cohen, "The Lumigraph", SIGGRAPH 1996): each level
 * of a pyramid halves the sides and takes the mean of the visible pixels, weighted by alpha; then, from the
 * smallest level down, hidden pixels are interpolated from the level above. Near a border, hidden pixels
 * thus continue the visible ones; far from it they are smooth. If no pixel is visible, all keep their
 * colours. LIMN_E_MEMORY. */
limn_status alpha_fill(const struct picture *picture, struct picture *filled, limn_error *error);

/* The most that alpha_fill holds at a time; 0 if it makes no copy. */
size_t alpha_fill_bytes(const struct picture *picture);

#endif
