/* colorize.h - the colorization pipeline: a picture in, the same with the colours of one network, or a sheet
 * of the colours of several networks or several seeds (colorize_sheet.h). */
#ifndef LIMN_COLORIZE_H
#define LIMN_COLORIZE_H

#include "engine/pipelines/colorizer.h"
#include "engine/pipelines/sink.h"

/* Checks that the options are in range and that the networks take them (of several, one has to), and makes
 * the networks ready to run. On failure there is nothing to close. Errors: LIMN_E_USAGE, and those of
 * colorizer_create. */
limn_status colorize_open(struct colorize *how, limn_error *error);
void colorize_close(struct colorize *how);

/* Colours `picture`, of 3 or 4 channels, and gives the result to the sink in one piece. The picture is used
 * up: it is painted over, or freed once its sheet is there. `watch` may be NULL; sheets ignore it.
 * Errors: those of colorizer_run; LIMN_E_MEMORY, with the number, before any network runs; what the sink
 * returns. */
limn_status colorize_picture(const struct colorize *how, struct picture *picture, const struct sink *sink,
                             struct watch *watch, limn_error *error);

#endif
