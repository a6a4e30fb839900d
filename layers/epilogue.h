/* epilogue.h - applying an epilogue (layer.h) to results that are already in y. */
#ifndef LAYERS_EPILOGUE_H
#define LAYERS_EPILOGUE_H

#include "layers/layer.h"

/* Applies `e` in place to `pixels` pixels of `channels` floats at y, y_stride floats apart. They are the
 * pixels from `first` on of the output, counted over all N OH OW: that places the residual. */
void epilogue_apply(const struct epilogue *e, int64_t channels, int64_t first, int64_t pixels, float *y,
                    int64_t y_stride);

/* The part of `e` that belongs to channels `oc` and up. */
struct epilogue epilogue_slice(const struct epilogue *e, int64_t oc);

/* The run task of a reference: computes row `task` of the N OH rows of the output. Each output is what `sum`
 * returns for it, then the epilogue. */
typedef double (*epilogue_sum)(const struct layer_args *args, int64_t n, int64_t oh, int64_t ow, int64_t oc);
void epilogue_row(const struct layer_args *args, int64_t task, epilogue_sum sum);

#endif
