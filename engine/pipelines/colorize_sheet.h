/* colorize_sheet.h - several colorizations of one picture on a sheet with captions.
 *
 * On a sheet pictures have at most 512 pixels a side, and where more than eight stand in a row so few that
 * the row has 4096; the networks see the whole picture all the same. Alpha lets the sheet's white through. */
#ifndef LIMN_COLORIZE_SHEET_H
#define LIMN_COLORIZE_SHEET_H

#include "engine/pipelines/colorize.h"

struct colorize_entry {
    struct colorizer *colorizer;
    const char *caption;
};

/* Input, grey, and what each of `count` >= 1 networks makes of it, side by side. Errors: those of
 * colorizer_run. Release the sheet with picture_free. */
limn_status colorize_compare(const struct colorize_entry *entries, int count, const struct picture *source,
                             const struct colorize_wish *wish, struct colorize_tint tint,
                             struct picture *sheet, limn_error *error);

/* `count` >= 1 variants of a network with a latent vector, from the seeds `seed`, `seed` + 1, ..., in a
 * square of rows. Captions are "seed N". */
limn_status colorize_samples(struct colorizer *colorizer, int count, uint64_t seed,
                             const struct picture *source, struct colorize_tint tint, struct picture *sheet,
                             limn_error *error);

/* The most that either of the two holds at a time for a sheet of `count` pictures, input and grey counted, in
 * rows of `columns`; at most `run_bytes` while a network runs. */
size_t colorize_sheet_bytes(const struct picture *source, int count, int columns, size_t run_bytes);

/* How many pictures colorize_samples puts in a row. */
int colorize_columns(int count);

#endif
