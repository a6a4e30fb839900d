/* colorizer.h - colorization of one picture by one network.
 *
 *     picture => small, Lab => L => network => a, b, small => the picture's size => with its own L => RGB
 *
 * Lightness is the picture's own, pixel for pixel; only a and b are new. Lab is that of pictures/colour.h.
 *
 * eccv16 and siggraph17, as in util.py of richzhang/colorization. The RGB picture goes to 256 x 256, or
 * another size, with Pillow's bicubic, then to Lab. a and b come back at that size.
 *
 * vae, as in colordata.py of aditya12agd5/pytorch_divcolor:
 *   1. RGB goes to 64 x 64 with OpenCV's INTER_LINEAR (no antialiasing);
 *   2. to OpenCV's 8-bit Lab, where L8 is L 255/100, rounded; grey = 2 L8 / 255 - 1. Both steps are those of
 *      pictures/opencv.h;
 *   3. OpenCV's a and b are stored as a + 128 and b + 128, and the network's y as 2 (a + 128) / 255 - 1: so
 *      a = 127.5 y - 0.5, b likewise. Upstream truncates here; limn does not.
 *
 * With the colour encoder, z is the mean that the encoder computes from the picture's own a and b, from step
 * 2 as 2 (a + 128) / 255 - 1: the vae then reconstructs the picture's colours.
 *
 * Hints of siggraph17 go into its input as squares (hints_draw). For weights trained on spread hints, they
 * then spread from there over the whole input (spread_hints), and the result is a mixture of the spread
 * colours and the network's, in which the share of the network is
 *
 *     (1 - confidence of the pixel) * (1 - mean confidence of the picture)
 *
 * So a single hint colours its thing and the network the rest; many hints say more than the network knows.
 *
 * Small a and b are enlarged (or reduced, for small pictures) by torch.nn.functional.interpolate's bilinear,
 * align_corners=False.
 *
 * Networks get colours of visible pixels in place of hidden ones (see alpha_fill). */
#ifndef LIMN_COLORIZER_H
#define LIMN_COLORIZER_H

#include "engine/base/watch.h"
#include "engine/pictures/picture.h"
#include "engine/pipelines/hints.h"
#include "engine/run/model.h"

/* A network ready to colorize. One thread at a time. */
struct colorizer {
    limn_model *model; /* borrowed */
    limn_session *session;
    int64_t side, latent;      /* of the network's square input; length of z, 0 without one */
    bool spreads;              /* hints spread (spread.h) before the network sees them; colorizer_create sets
                                * it as the weights' metadata limn.spread_hints says, else to false */
    limn_model *encoder_model; /* NULL without an encoder, as the next */
    limn_session *encoder;
    float *ab; /* side x side x 2, Lab units: of the last picture */
};

/* Optional inputs besides the picture. */
struct colorizer_inputs {
    const struct picture
        *small;                /* what colorizer_shrink makes of the picture; NULL: colorizer_run makes it */
    const struct hints *hints; /* ignored by a network that takes none */
    const uint64_t *seed;      /* z = noise_normal(*seed); NULL: z = 0, the mean of the colours it knows.
                                * Ignored if there is an encoder */
};

/* a and b are multiplied by 1 + saturation; then b grows by temperature and a by a third of that, which is
 * the way from daylight to lamplight: a lamp of 4000 K, seen by an eye used to D65, is at a = 10, b = 32.
 */
struct tint {
    double saturation;  /* -1: grey, 0: as the network has it, 9: ten times the colour */
    double temperature; /* Lab units, -100 .. 100, positive is warm */
};

/* Whether a network takes hints, and whether it has a latent vector. */
bool colorizer_takes_hints(const limn_model *model);
bool colorizer_has_latent(const limn_model *model);

/* Whether a network can run at other sizes than its own. */
bool colorizer_takes_sizes(const limn_model *model);

/* LIMN_E_USAGE unless such a network can run at side x side pixels. */
limn_status colorizer_check_side(int64_t side, limn_error *error);

/* The side of the network's input unless another is asked for. */
int64_t colorizer_side(const limn_model *model);

/* Shrinks (or enlarges) a picture of 3 or 4 channels to the side of the network's input, hidden pixels
 * filled. LIMN_E_MEMORY; *small is then empty. Release with picture_free. */
limn_status colorizer_shrink(const limn_model *model, const struct picture *source, int64_t side,
                             struct picture *small, limn_error *error);

/* Fills the input that comes from a picture: channel 0 of `input`, 1 x side x side x C. With `ab`, which may
 * be NULL, the input of the vae's encoder too. LIMN_E_MEMORY. */
limn_status colorizer_fill(const limn_model *model, const struct picture *source, struct tensor *input,
                           struct tensor *ab, limn_error *error);

/* The network runs at side x side pixels: 0 for its own size, else a side that colorizer_check_side accepts.
 * With `encode`, z comes from each picture's own colours; the network must have a latent vector.
 * Errors: LIMN_E_USAGE for a network of another kind; LIMN_E_WEIGHTS, also for a file without a colour
 * encoder or with one that does not fit; LIMN_E_MEMORY. */
limn_status colorizer_create(limn_model *model, int64_t side, bool encode, struct colorizer **colorizer,
                             limn_error *error);
void colorizer_free(struct colorizer *colorizer);

/* Runs the network on a picture of 3 or 4 channels; the result stays in colorizer->ab. `watch` may be NULL.
 * Errors: LIMN_E_INPUT for a hint outside the picture; model_check_made's if the network makes values that
 * are not finite; LIMN_E_MEMORY, LIMN_E_CANCELLED. */
limn_status colorizer_run(struct colorizer *colorizer, const struct picture *source,
                          const struct colorizer_inputs *inputs, const struct watch *watch,
                          limn_error *error);

/* The most that colorizer_run holds at a time for a picture of this size. */
size_t colorizer_run_bytes(const struct colorizer *colorizer, const struct picture *source);

/* What a colorizer holds besides the model, between runs too. */
size_t colorizer_bytes(const struct colorizer *colorizer);

/* Operations of colorizer_run and colorizer_paint on a picture. Those of painting are counted as operations
 * of the network that take as long. */
double colorizer_flops(const struct colorizer *colorizer, const struct picture *source);

/* The share of colorizer_run in the work of colorizer_run and colorizer_paint on a picture. */
double colorizer_run_share(const struct colorizer *colorizer, const struct picture *source);

/* Gives a picture the colours of the last run, in place: that picture, or one of another size with the same
 * content. Alpha stays. Allocates nothing. `watch`, and then `error` too, may be NULL: the only error is
 * LIMN_E_CANCELLED, which leaves the picture partly painted. */
limn_status colorizer_paint(const struct colorizer *colorizer, struct tint tint, const struct watch *watch,
                            struct picture *picture, limn_error *error);

/* The same for a part of such a picture: `part` is what is at x, y in `whole`, of which only the size counts.
 * It gets the pixels that the whole picture would have there. */
limn_status colorizer_paint_part(const struct colorizer *colorizer, struct tint tint,
                                 const struct picture *whole, int64_t x, int64_t y, const struct watch *watch,
                                 struct picture *part, limn_error *error);

/* Takes the colour from a picture, in place: only L stays, as colorizer_paint does with saturation -1. */
void colorize_grey(limn_engine *engine, struct picture *picture);

#endif
