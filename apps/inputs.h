/* inputs.h - the inputs of a command that takes several at once, as a list of files. */
#ifndef APP_INPUTS_H
#define APP_INPUTS_H

#include "app.h"

struct inputs {
    char **paths; /* "-" is standard input */
    size_t count, room;
};

/* -i, when given, then the plain arguments from `first` on, in their order; a folder stands for the pictures
 * in it, in natural order. LIMN_E_USAGE when there is none, LIMN_E_INPUT for a folder without pictures,
 * LIMN_E_MEMORY; the list is empty then. */
limn_status inputs_collect(const struct options *options, int first, struct inputs *inputs,
                           limn_error *error);

void inputs_free(struct inputs *inputs);

#endif
