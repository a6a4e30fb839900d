/* options.h - the table of options, for those who write it out: help, manual, completions. */
#ifndef OPTIONS_H
#define OPTIONS_H

#include "apps/cli/app.h"

#include <stddef.h>

enum kind {
    FLAG,
    TEXT,
    TEXTS,
    WHOLE,
    NUMBER,
    RANGE,
    SECONDS,
    BYTES,
    SIZE /* two numbers, next to each other */
};

struct option_entry {
    char letter; /* of the short form; 0: none */
    const char *name;
    const char *argument; /* NULL for a flag; see is_choice and those below */
    const char *help;
    enum kind kind;
    size_t offset; /* in struct options */
    int64_t least, most;
    unsigned commands;
};

/* The option of `command` behind `before`, in the order of the table; NULL begins and ends. */
const struct option_entry *options_next(const struct command *command, const struct option_entry *before);

/* What an argument is, by how the table or a synopsis writes it. */
bool is_choice(const char *argument, size_t length); /* one of these words, as in auto|native */
bool is_path(const char *argument);                  /* has FILE, PATH or MASK in it */
bool is_folder(const char *argument);                /* FOLDER */
bool is_weights(const char *argument);               /* NAME|FILE */

/* The words to choose from where a command's synopsis begins with them, as in model|layers, else 0: their
 * length. */
size_t command_choice(const struct command *command);

#endif
