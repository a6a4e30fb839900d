/* classes.h - from logits to the class of each pixel of a picture of any size. */
#ifndef LIMN_CLASSES_H
#define LIMN_CLASSES_H

#include "engine/base/watch.h"
#include "engine/pictures/picture.h"
#include "engine/pipelines/logits.h"

/* A class is a byte. */
enum { CLASSES_MOST = LIMN_CLASSES_MOST };

/* Writes the class of every pixel into `classes`, a plane (one channel) that has the size wanted.
 *
 * logits: height x width x C, C from 1 to CLASSES_MOST, all of them finite. They are enlarged or shrunk to
 * the size of `classes` as torch.nn.functional.interpolate(mode="bilinear", align_corners=False) does, and
 * the class is the channel with the largest, the first of equals. With a single channel, class 1 is where
 * sigmoid(logit) > threshold, class 0 elsewhere; `threshold` lies between 0 and 1.
 *
 * Logits exist nowhere at the picture's size, nor as a whole at height x width where they were made smaller:
 * rows are made, looked at and forgotten, so that memory beyond the arguments is three rows of width x C
 * floats for each thread. `watch` may be NULL. Errors: LIMN_E_MEMORY, LIMN_E_CANCELLED. */
limn_status classes_from_logits(struct pool *pool, const struct logits *logits, double threshold,
                                const struct watch *watch, struct picture *classes, limn_error *error);

/* The most that it holds beside its arguments: `width` of the logits, their channels, and that of `classes`.
 */
size_t classes_bytes(const struct pool *pool, int64_t width, int64_t channels, int64_t classes_width);

#endif
