/* band_dims.h - which rows of its input an operator reads for some rows of its output. */
#ifndef LIMN_BAND_DIMS_H
#define LIMN_BAND_DIMS_H

#include "engine/run/step.h"

/* Whether an operator can run on bands of rows. */
bool band_possible(enum layer_kind kind);

/* The dimensions with which `step`, planned for the whole picture, makes rows from .. to-1 of its output:
 * d.oh = to - from; d.ih rows of x from row *first on; d.pad_h as layer.h defines it for bands. */
struct layer_dims band_dims(const struct step *step, int64_t from, int64_t to, int64_t *first);

#endif
