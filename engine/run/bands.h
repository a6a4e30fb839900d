/* bands.h - a network run over a picture in bands: full width, some rows at a time, in memory that grows with
 * the width and the band, not with the picture's height.
 *
 *     bands_create(model, height, width, &bands, error);      plans; holds next to no memory
 *     bands_settle(bands, 96, &bytes, error);                 bands of 96 input rows: what a run would take
 *     bands_run(bands, &io, error);                           takes that, runs, gives it back
 *     bands_free(bands);
 *
 * Every row of every value is computed exactly once, by the kernels that a session of the whole picture would
 * use, and has the same bytes (see LAYER_TILE_PERIOD in layers/layer.h), unless a memory limit made one of
 * the two give up speed. Between two bands a value keeps only the rows that its readers still need. */
#ifndef LIMN_BANDS_H
#define LIMN_BANDS_H

#include "engine/base/tensor.h"
#include "engine/base/watch.h"
#include "engine/run/model.h"

struct bands;

struct bands_io {
    /* Fills `rows` (1 x H x W x C, dense) with the input's rows first .. first + H - 1. In order. */
    void (*take)(void *context, int64_t first, const struct tensor *rows);
    /* Is given the output's rows first .. first + H - 1, valid during the call. In order, each once; a status
     * other than LIMN_OK ends the run. */
    limn_status (*give)(void *context, int64_t first, const struct tensor *rows, limn_error *error);
    void *context;
    const struct watch *watch; /* shown before each piece of work how much is done; may be NULL */
};

/* Whether a graph can be run in bands: one input of the session's size, and only operators whose output rows
 * depend on some rows of one value, or two: convolutions, enlargements but bilinear, pointwise operations. */
bool bands_possible(const struct graph *graph);

/* Plans a run of one picture of height x width. bands_possible must hold; the model must outlive the bands.
 * LIMN_E_INPUT for a size the graph cannot take, LIMN_E_MEMORY. */
limn_status bands_create(limn_model *model, int64_t height, int64_t width, struct bands **bands,
                         limn_error *error);
void bands_free(struct bands *bands);

/* Settles that `rows` rows of the input, at least 1, are taken in at a time; where values are wider, they are
 * worked on in fewer rows, so that all bands are about as large. *bytes is what bands_run will hold at most:
 * its own memory, exactly, as the schedule is gone through once without computing, and the packed weights
 * that the model does not have yet. LIMN_E_MEMORY. */
limn_status bands_settle(struct bands *bands, int64_t rows, size_t *bytes, limn_error *error);

/* Gives up speed at one step, for less packed weights; false when nothing is left to give up. bands_settle
 * must be called again. */
bool bands_lighten(struct bands *bands);

/* Runs the whole picture through; bands_settle must have been called. Denormal numbers are flushed to zero
 * meanwhile. LIMN_E_WEIGHTS, LIMN_E_MEMORY, LIMN_E_CANCELLED, and what `give` returns. */
limn_status bands_run(struct bands *bands, const struct bands_io *io, limn_error *error);

#endif
