/* batch.h - commands that turn pictures into pictures: one or several inputs, files or folders. */
#ifndef APP_BATCH_H
#define APP_BATCH_H

#include "inputs.h"
#include "pictures/picture.h"

/* Turns one picture into one file. */
typedef limn_status (*batch_step)(void *context, const struct input *input, const char *output,
                                  limn_error *error);

enum {
    BATCH_PNG = 1,  /* results should not go through JPEG: names made in a folder all end in .png */
    BATCH_JSON = 2, /* --json prints what was made of which input, or why not, and how long it took */
};

/* Runs `step` for every input of the command line:
 *
 *   one file, -o FILE         FILE
 *   several files, -o FOLDER  FOLDER/NAME of each; the folder is made
 *   a folder, -o FOLDER       every picture in it, in natural order; with --recursive those in its folders
 *                             too, FOLDER/PATH of each below the input; folders are made
 *
 * how: of the flags above. The name keeps its extension when pictures can be written in that format, else it
 * becomes .png. Two inputs with one output name are an error, before any work. One bad picture, or one too
 * large for the memory, does not stop the rest: its message is printed, and LIMN_E_SOME returned at the end.
 * A single input's failure is returned as the status. */
limn_status batch_run(const struct options *options, unsigned how, batch_step step, void *context,
                      limn_error *error);

#endif
