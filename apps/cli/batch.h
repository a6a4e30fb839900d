/* batch.h - commands that turn pictures into pictures: one or several inputs, files or folders. */
#ifndef APP_BATCH_H
#define APP_BATCH_H

#include "apps/cli/inputs.h"
#include "engine/base/system.h"

/* What a command makes of pictures. */
struct batch_job {
    /* Turns one picture into one file. */
    limn_status (*step)(void *context, const struct input *input, const char *output, limn_error *error);
    /* With --json: members of the command's own (see outcomes.h), of the picture that `step` has just made,
     * and of the whole. NULL: none. */
    void (*picture_members)(void *context);
    void (*whole_members)(void *context);
    void *context;
    const char *suffix; /* of a name made beside the input: "-upscaled" */
    bool png;           /* results should not go through JPEG: names made in a folder all end in .png */
    bool coloured;      /* a grey input gives a coloured result: .pgm is not kept */
    bool alpha;         /* results need alpha: PNM on standard input gives PNG */
};

/* The inputs of the command line and the outputs made of them. */
struct batch {
    const struct options *options;
    const struct batch_job *job; /* borrowed */
    struct inputs inputs;
    char **outputs;               /* of each input; of standard input "-", a file, or in a folder NULL */
    bool to_folder;               /* -o is a folder, the next one */
    char folder[SYSTEM_PATH_MAX]; /* without a slash at its end; "": the outputs are beside the inputs */
};

/* Lists the inputs and names their outputs, before a network is loaded:
 *
 *   files, no -o               PLACE/NAME-upscaled.png of each, beside it (or the job's suffix)
 *   one file, -o FILE          FILE
 *   files, -o FOLDER           FOLDER/NAME of each
 *   a folder, -o FOLDER        every picture in it, in natural order; with --recursive those in its folders
 *                              too, FOLDER/PATH of each below the input; folders are made
 *   standard input, -o -       one picture after the other; PNM gives PNM
 *   standard input, -o FILE    FILE, of one picture
 *   standard input, -o FOLDER  FOLDER/0001.png, FOLDER/0002.png and so on
 *
 * -o is a folder if it exists as one, if its name ends in a slash, or if there are several inputs; it is
 * made. In a folder the name keeps its extension when pictures can be written in that format, else it becomes
 * .png. With --format the extension follows it. LIMN_E_USAGE if two inputs have one output, if an output
 * would replace an input that is still to be read, or if several inputs have a -o that is no folder;
 * LIMN_E_OUTPUT if there is a single output and it exists. On failure the batch is empty. */
limn_status batch_open(const struct options *options, const struct batch_job *job, struct batch *batch,
                       limn_error *error);

/* Runs the job's step for every input. One bad picture, or one too large for the memory, does not stop the
 * rest: its message is printed, and LIMN_E_SOME returned at the end. A single input's failure is returned as
 * the status, and so is that of a picture on standard input, which ends the run. With --skip-existing, inputs
 * whose output exists are counted and passed over. With --json what became of each is printed; nothing where
 * the first one ends it. */
limn_status batch_run(struct batch *batch, limn_error *error);

void batch_close(struct batch *batch);

#endif
