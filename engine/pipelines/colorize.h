/* colorize.h - the colorization pipeline: a picture in, the same with the colours that a network thinks of.
 *
 *     picture => small, Lab => L => network => a, b, small => the picture's size => with its own L => RGB
 *
 * Lightness is the picture's own, pixel for pixel; only a and b are new. Lab is that of pictures/colour.h.
 *
 * eccv16 and siggraph17, as util.py of richzhang/colorization has it. The RGB picture goes to 256 x 256 with
 * Pillow's bicubic, then to Lab. a and b come back at 256 x 256.
 *
 * vae, as colordata.py of aditya12agd5/pytorch_divcolor has it:
 *   1. RGB goes to 64 x 64 with OpenCV's INTER_LINEAR (no antialiasing);
 *   2. to OpenCV's 8-bit Lab, where L8 is L 255/100, rounded; grey = 2 L8 / 255 - 1. Both as
 * pictures/opencv.h;
 *   3. OpenCV's a and b are stored as a + 128 and b + 128, and the network's y as 2 (a + 128) / 255 - 1: so
 *      a = 127.5 y - 0.5, b likewise. Upstream cuts the fraction off at this point; here it stays.
 *
 * With its colour encoder, z is the mean that this one gives for the picture's own a and b, from step 2 as
 * 2 (a + 128) / 255 - 1: then the vae paints its memory of the picture.
 *
 * Small a and b are enlarged (or reduced, for small pictures) by torch.nn.functional.interpolate's bilinear,
 * align_corners=False. */
#ifndef LIMN_COLORIZE_H
#define LIMN_COLORIZE_H

#include "engine/base/watch.h"
#include "engine/pictures/picture.h"
#include "engine/pipelines/hints.h"
#include "engine/run/model.h"

/* A network ready to colorize. One thread at a time. */
struct colorizer {
    limn_model *model; /* borrowed */
    limn_session *session;
    int64_t side, latent; /* of the network's square input; length of z, 0 without one */
    bool takes_hints;
    limn_model *encoder_model; /* NULL without colorizer_add_encoder, as the next */
    limn_session *encoder;
    float *ab; /* side x side x 2, Lab units: of the last picture */
};

/* What a network may be told beside the picture. */
struct colorize_wish {
    const struct hints *hints; /* NULL: none; ignored by a network that takes none */
    const uint64_t *seed;      /* z = noise_normal(*seed); NULL: z = 0, the mean of the colours it knows. Not
                                * looked at behind colorizer_add_encoder */
    const struct watch *watch; /* of the network's run; NULL: nobody */
};

/* a and b are multiplied by `saturation`; then b grows by `temperature` and a by a third of that, which is
 * the way from daylight to lamplight: a lamp of 4000 K, seen by an eye used to D65, lies at a = 10, b = 32.
 */
struct colorize_tint {
    float saturation;  /* 1: as the network has it, 0: grey */
    float temperature; /* Lab units, positive is warm */
};

/* Errors: LIMN_E_USAGE for a network of another kind, LIMN_E_WEIGHTS, LIMN_E_MEMORY. */
limn_status colorizer_create(limn_model *model, struct colorizer **colorizer, limn_error *error);
void colorizer_free(struct colorizer *colorizer);

/* From now on z comes from each picture's own colours. Errors: LIMN_E_WEIGHTS for a vae whose file holds no
 * colour encoder or one that does not fit, LIMN_E_MEMORY; the colorizer can then only be freed. The network
 * must be one with a latent vector. */
limn_status colorizer_add_encoder(struct colorizer *colorizer, limn_error *error);

/* Runs the network on a picture of 3 or 4 channels; its answer stays in colorizer->ab. Errors: LIMN_E_INPUT
 * for a hint outside the picture, model_check_made's when the network makes values that are not finite,
 * LIMN_E_MEMORY, LIMN_E_CANCELLED. */
limn_status colorizer_run(struct colorizer *colorizer, const struct picture *source,
                          const struct colorize_wish *wish, limn_error *error);

/* The most that colorizer_run holds at a time for a picture of this size. */
size_t colorizer_run_bytes(const struct colorizer *colorizer, const struct picture *source);

/* LIMN_E_MEMORY, with the number, where all that colouring `source` takes is more than there is left. */
limn_status colorize_check_memory(const struct picture *source, size_t bytes, limn_error *error);

/* The share of colorizer_run in the work that it and colorizer_paint make of a picture. */
double colorizer_run_share(const struct colorizer *colorizer, const struct picture *source);

/* Gives a picture the colours of the last run, in place: that picture, or one of another size with the same
 * content. Alpha stays. Needs no memory, whatever the size. `watch`, and `error` then too, may be NULL:
 * nothing but LIMN_E_CANCELLED can happen, which leaves a picture of which a part has its new colours. */
limn_status colorizer_paint(const struct colorizer *colorizer, struct colorize_tint tint,
                            const struct watch *watch, struct picture *picture, limn_error *error);

/* The picture without colour: L alone, which colorizer_paint gives for saturation 0 too. */
void colorize_grey(limn_engine *engine, struct picture *picture);

#endif
