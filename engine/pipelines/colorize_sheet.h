/* colorize_sheet.h - several colorizations of one picture on a sheet with captions.
 *
 * Pictures on a sheet have at most 512 pixels a side, and less if a row would be wider than 4096 pixels. The
 * networks run on the whole picture. Alpha is laid over the sheet's white. */
#ifndef LIMN_COLORIZE_SHEET_H
#define LIMN_COLORIZE_SHEET_H

#include "engine/pipelines/colorizer.h"

/* Makes the sheet that a request wants. With `compare`: the source, grey, and the result of each network, in
 * a row. Otherwise the variants of the first network for *seed, *seed + 1, ... (`samples` of them), as a
 * square, with captions "seed N". Errors: those of colorizer_run. Release the sheet with picture_free. */
limn_status colorize_sheet(const struct colorize *how, const struct picture *source, struct picture *sheet,
                           limn_error *error);

/* The most that colorize_sheet holds at a time; at most `run_bytes` while a network runs. */
size_t colorize_sheet_bytes(const struct colorize *how, const struct picture *source, size_t run_bytes);

#endif
