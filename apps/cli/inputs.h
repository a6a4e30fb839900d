/* inputs.h - the inputs of a command that takes several, as a list of files. */
#ifndef APP_INPUTS_H
#define APP_INPUTS_H

#include "apps/cli/app.h"
#include "engine/pictures/picture.h"

struct input {
    char *path;       /* "-" is standard input */
    const char *name; /* the end of `path`: below the folder that was given, or else behind its last slash */
};

struct inputs {
    struct input *list;
    size_t count, room;
};

/* -i, when given, then the plain arguments from `first` on, in their order; a folder stands for the pictures
 * in it, as inputs_add_folder finds them. LIMN_E_USAGE when there is none, LIMN_E_INPUT, LIMN_E_MEMORY; the
 * list is empty then. */
limn_status inputs_collect(const struct options *options, int first, struct inputs *inputs,
                           limn_error *error);

/* Adds the pictures in a folder in natural order, with --recursive those in its folders too. Folders behind
 * links are left alone there, so that there is an end to them, and so is the folder that -o names, which may
 * hold the results of an earlier run. LIMN_E_INPUT where there is no picture, LIMN_E_MEMORY. */
limn_status inputs_add_folder(const struct options *options, const char *folder, struct inputs *inputs,
                              limn_error *error);

void inputs_free(struct inputs *inputs);

/* In a folder, what looks like a picture by its name; what it is, its content decides. Formats that are
 * refused are on the list, so that the user hears of them. */
bool looks_like_picture(const char *name);

/* Reads a picture, turned upright unless --no-orient is given, and prints its warning. Errors of
 * picture_read. */
limn_status input_read(const struct options *options, const char *path, struct picture *picture,
                       limn_error *error);

#endif
