/* bands.h - runs a network over a picture in bands: full width, some rows at a time. Memory grows with the
 * width and the height of a band, not with the height of the picture.
 *
 *     bands_create(model, height, width, &bands, error);    plans; allocates little
 *     bands_settle(bands, 96, &bytes, error);               bands of 96 input rows; bytes: what a run takes
 *     bands_run(bands, &io, error);                         allocates, runs, frees
 *     bands_free(bands);
 *
 * Every row of every value is computed exactly once, by the same kernels as in a session of the whole
 * picture, and has the same bytes (see LAYER_TILE_PERIOD in layers/layer.h), unless a memory limit made one
 * of the two give up speed. Between two bands a value keeps only the rows that its readers still need. */
#ifndef LIMN_BANDS_H
#define LIMN_BANDS_H

#include "engine/base/tensor.h"
#include "engine/base/watch.h"
#include "engine/run/model.h"

struct bands;

struct bands_io {
    /* Fills `rows` (1 x H x W x C, dense) with the input's rows first .. first + H - 1. Called in order. */
    void (*take)(void *context, int64_t first, const struct tensor *rows);
    /* Receives the output's rows first .. first + H - 1, which are valid during the call. Called in order,
     * once for each row; a status other than LIMN_OK ends the run. */
    limn_status (*give)(void *context, int64_t first, const struct tensor *rows, limn_error *error);
    void *context;
    const struct watch *watch; /* reports progress before each piece of work; may be NULL */
};

/* Whether a graph can run in bands: it has one input of the session's size, and only operators whose output
 * rows depend on some rows of one or two values: convolutions, enlargements except bilinear, pointwise
 * operations. */
bool bands_possible(const struct graph *graph);

/* Plans a run of one picture of height x width. bands_possible must be true; the model must outlive the
 * bands. LIMN_E_INPUT for a size the graph cannot take, LIMN_E_MEMORY. */
limn_status bands_create(limn_model *model, int64_t height, int64_t width, struct bands **bands,
                         limn_error *error);
void bands_free(struct bands *bands);

/* Sets the height of bands to `rows` rows of the input, at least 1; where values are wider, bands have fewer
 * rows, so that all are about as large. *bytes is the most that bands_run will hold: its own memory, exactly,
 * and the packed weights that the model does not have yet. LIMN_E_MEMORY. */
limn_status bands_settle(struct bands *bands, int64_t rows, size_t *bytes, limn_error *error);

/* Gives up speed at one step for less packed weights; false if nothing is left to give up. Call bands_settle
 * again afterwards. */
bool bands_lighten(struct bands *bands);

/* Runs the whole picture; after bands_settle. Flushes denormals to zero meanwhile. LIMN_E_WEIGHTS,
 * LIMN_E_MEMORY, LIMN_E_CANCELLED, and the errors of `give`. */
limn_status bands_run(struct bands *bands, const struct bands_io *io, limn_error *error);

#endif
