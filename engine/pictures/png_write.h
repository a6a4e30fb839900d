/* png_write.h - writes 8-bit RGB or RGBA as PNG, row by row. Holds three rows and the compressor, whatever
 * the height. */
#ifndef LIMN_PNG_WRITE_H
#define LIMN_PNG_WRITE_H

#include "engine/base/files.h"

struct png_writer;

#define PNG_MOST_SIDE INT64_C(2147483647)

/* Writes the header to `output`, which the caller keeps. Sides 1..PNG_MOST_SIDE. LIMN_E_OUTPUT,
 * LIMN_E_MEMORY. */
limn_status png_writer_create(struct output *output, int64_t width, int64_t height, int channels,
                              struct png_writer **writer, limn_error *error);

/* Appends one row of width x channels bytes. LIMN_E_OUTPUT. */
limn_status png_writer_row(struct png_writer *writer, const unsigned char *row, limn_error *error);

/* Ends the file, after the last row. LIMN_E_OUTPUT. */
limn_status png_writer_finish(struct png_writer *writer, limn_error *error);

void png_writer_free(struct png_writer *writer);

#endif
