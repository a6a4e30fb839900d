/* options.h - the table of options: parsing, and the entries for help, manual page and completions. */
#ifndef OPTIONS_H
#define OPTIONS_H

#include "apps/cli/commands.h"

#include <stddef.h>

enum option_kind {
    FLAG,     /* no value */
    TEXT,     /* may be given once */
    TEXTS,    /* may be given several times */
    WHOLE,    /* a whole number, from least to most */
    NUMBER,   /* from least to most */
    POSITIVE, /* above 0, at most `most` */
    BYTES,    /* a whole number; K, M or G may follow */
    SIZE,     /* HxW: two whole numbers, stored one after the other */
};

struct option_entry {
    char letter; /* short form; 0: none */
    const char *name;
    const char *argument; /* as the help prints it; NULL for a flag */
    const char *help;
    enum option_kind kind;
    size_t offset;       /* in struct options */
    unsigned commands;   /* bits of enum command_bit */
    int64_t least, most; /* of the value; 0 for kinds without */
};

/* The command's option that follows `before` in the table. NULL starts and ends the list. */
const struct option_entry *options_next(const struct command *command, const struct option_entry *before);

/* Parses argv[1..] with the options of `command`. LIMN_E_USAGE. */
limn_status options_parse(const struct command *command, int argc, char **argv, struct options *options,
                          limn_error *error);

/* Whether an argument of the table is a file (FILE, PATH or MASK is part of it) or a folder (FOLDER). */
bool is_path(const char *argument);
bool is_folder(const char *argument);

#endif
