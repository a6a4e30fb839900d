/* inputs.h - the list of input files of a command that takes several. */
#ifndef APP_INPUTS_H
#define APP_INPUTS_H

#include "apps/cli/app.h"
#include "engine/pictures/picture_stream.h"

struct input {
    char *path;       /* "-" is standard input */
    const char *name; /* the end of `path`: relative to the folder that was given, or after the last slash; of
                       * a picture on standard input "0001", "0002" and so on */
    struct picture_stream *stream; /* standard input; NULL for a file */
    int64_t frame;                 /* number of the picture in the stream, from 1 */
    enum picture_format format;    /* of its output, unless --format or the output's name says otherwise */
};

struct inputs {
    struct input *list;
    size_t count, room;
};

/* Lists -i, if given, then the plain arguments, in their order. A folder is replaced by the pictures that
 * inputs_add_folder finds in it. LIMN_E_USAGE if there is no input, LIMN_E_INPUT, LIMN_E_MEMORY; on failure
 * the list is empty. */
limn_status inputs_collect(const struct options *options, struct inputs *inputs, limn_error *error);

/* Adds the pictures in a folder in natural order, with --recursive those in its subfolders too. A picture is
 * a file whose ending is that of a picture, in any format, or whose beginning, if it may be read. Not
 * pictures: documents, drawings (PDF, SVG), videos, and hidden files, whose names start with a dot, such as
 * the "._" files of macOS. Skips
 * symbolic links to folders, which could form a cycle, and the folder of -o, which may contain the results of
 * an earlier run. LIMN_E_INPUT if there is no picture, LIMN_E_MEMORY. */
limn_status inputs_add_folder(const struct options *options, const char *folder, struct inputs *inputs,
                              limn_error *error);

void inputs_free(struct inputs *inputs);

/* Reads the only picture of a file or of standard input, turned upright unless --no-orient is given, and
 * prints its warning. Errors of picture_read. */
limn_status input_read(const struct options *options, const char *path, struct picture *picture,
                       limn_error *error);

/* input_read for an input that may be the next picture of a stream. */
limn_status input_next(const struct options *options, const struct input *input, struct picture *picture,
                       limn_error *error);

/* app_target for the output made of this input. */
struct picture_target input_target(const struct options *options, const struct input *input,
                                   const char *output);

#endif
