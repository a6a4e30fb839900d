/* segment.h - the segmentation pipeline: from a picture to the class of each pixel.
 *
 *     picture => network's input size => normalised => network => logits => picture's size => classes
 *
 * deeplabv3, as in torchvision's preset. The picture is resized so that its shorter side is N and the longer
 * one N x longer / shorter, without the fraction (torchvision's Resize: antialiased bilinear, which is
 * Pillow's); smaller pictures are enlarged, as there. N is the option `resize`, or else the metadata
 * limn.resize of the weights, or else 520 for 21 classes. For other networks, and with LIMN_RESIZE_FULL or a
 * limn.resize of 0, the picture goes in at its own size; also if no N is given and the default would exceed
 * the limits of picture.h, as for a very narrow picture. RGB / 255, less the mean (0.485, 0.456, 0.406),
 * divided by the deviation (0.229, 0.224, 0.225).
 *
 * unet, as in predict.py of milesial/Pytorch-UNet. Pillow's bicubic to int(scale x width) by int(scale x
 * height), where scale is the option, or else the metadata limn.scale of the weights, or else 0.5; both sides
 * at least 16 for the network's four halvings, then / 255 (predict.py does not divide a picture whose levels
 * are all 0 or 1; this always does). Networks of one input channel get Pillow's L grey, of three RGB, of four
 * RGBA; Pillow resizes RGBA multiplied by its alpha, and so does this.
 *
 * The network gives logits at its input's size, upsampled inside for deeplabv3. They are brought to the
 * picture's size by bilinear interpolation (align_corners=False), and the largest is the class; see
 * classes.h. deeplabv3's own upsampling is part of that step: see classes.h. For a picture that was not
 * resized the classes are exactly upstream's argmax over the network's output; otherwise they have smoother
 * borders than classes enlarged afterwards.
 *
 * Alpha is used only by networks of four input channels, in which hidden pixels are black. Other networks get
 * colours of visible pixels in place of hidden ones (see alpha_fill). */
#ifndef LIMN_SEGMENT_H
#define LIMN_SEGMENT_H

#include "engine/base/npy.h"
#include "engine/base/watch.h"
#include "engine/pipelines/sink.h"
#include "engine/run/model.h"

struct segment {
    limn_segment_options options;
    const struct picture *source; /* of 3 or 4 channels */
    /* Takes a plane of the source's size, the class of each pixel, in one piece when all is computed. Its
     * reserve is what it holds then, along with source, classes and probabilities. */
    struct sink sink;
    struct npy *probabilities; /* NULL, or filled before the sink is called: see below */
    struct watch *watch;       /* NULL: none */
};

/* Checks that the network is of segmentation and takes the options, and sets *classes to how many classes it
 * tells apart: the network's, or two, background and foreground, if it has one.
 * Errors: LIMN_E_USAGE for another network, an option out of range or one that the network does not take;
 * LIMN_E_WEIGHTS for more than CLASSES_MOST classes, an unknown number of input channels, or a limn.resize
 * or limn.scale that is no size. */
limn_status segment_check(const limn_model *model, const limn_segment_options *options, int *classes,
                          limn_error *error);

/* Sets *scale to that at which a unet computes: the option, or else limn.scale, or else 0.5. LIMN_E_WEIGHTS
 * for a limn.scale that is not a number above 0, at most 100. */
limn_status segment_scale(const limn_model *model, const limn_segment_options *options, double *scale,
                          limn_error *error);

/* Sets *size to the size of the network's input for a picture. LIMN_E_INPUT if that is too small or large. */
limn_status segment_size(const limn_model *model, const struct picture *source,
                         const limn_segment_options *options, limn_size *size, limn_error *error);

/* Fills the network's input, of that size, from a picture. LIMN_E_MEMORY. */
limn_status segment_fill(const limn_model *model, const struct picture *source, struct tensor *x,
                         limn_error *error);

/* Finds the class of each pixel of a picture.
 *
 * The probabilities are 1 x C x H x W, the softmax over the network's C classes (or the sigmoid of its only
 * one) at the size of the network's input. Release them with npy_free; on failure they are empty.
 *
 * Memory: what all of it takes is known once the session is planned. If that is more than there is,
 * LIMN_E_MEMORY comes before weights are packed, with the number and what needs less.
 *
 * Errors: segment_check's; LIMN_E_INPUT for a picture that becomes too small or too large for the network;
 * model_check_made's if a logit, before any enlargement, is not finite; LIMN_E_WEIGHTS, LIMN_E_MEMORY,
 * LIMN_E_CANCELLED, and what the sink returns. */
limn_status segment_picture(limn_model *model, const struct segment *how, limn_error *error);

#endif
