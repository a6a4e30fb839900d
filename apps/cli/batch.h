/* batch.h - commands that turn pictures into pictures: one or several inputs, files or folders. */
#ifndef APP_BATCH_H
#define APP_BATCH_H

#include "apps/cli/inputs.h"
#include "engine/pictures/picture.h"

/* What a command makes of pictures. */
struct batch_job {
    /* Turns one picture into one file. */
    limn_status (*step)(void *context, const struct input *input, const char *output, limn_error *error);
    /* With --json: members of the command's own (see outcomes.h), of the picture that `step` has just made,
     * and of the whole. NULL: none. */
    void (*picture_members)(void *context);
    void (*whole_members)(void *context);
    void *context;
    bool png; /* results should not go through JPEG: names made in a folder all end in .png */
};

/* Runs the job's step for every input of the command line:
 *
 *   one file, -o FILE         FILE
 *   several files, -o FOLDER  FOLDER/NAME of each; the folder is made
 *   a folder, -o FOLDER       every picture in it, in natural order; with --recursive those in its folders
 *                             too, FOLDER/PATH of each below the input; folders are made
 *
 * The name keeps its extension when pictures can be written in that format, else it becomes .png. Two inputs
 * with one output name are an error, before any work. One bad picture, or one too large for the memory, does
 * not stop the rest: its message is printed, and LIMN_E_SOME returned at the end. A single input's failure is
 * returned as the status. With --json what became of each is printed; nothing where the first one ends it. */
limn_status batch_run(const struct options *options, const struct batch_job *job, limn_error *error);

/* Reads an input as the options say, and prints what the reader warns of. */
limn_status batch_read(const struct options *options, const struct input *input, struct picture *picture,
                       limn_error *error);

#endif
