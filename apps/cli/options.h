/* options.h - the table of options: parsing, help, manual page and completions. */
#ifndef OPTIONS_H
#define OPTIONS_H

#include "apps/cli/commands.h"

#include <stddef.h>

enum option_kind {
    FLAG,     /* no value */
    TEXT,     /* may be given once */
    TEXTS,    /* may be given several times */
    WORD,     /* one of the words in `argument`, A|B|C; its number, from 1 */
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

/* Parses argv[1..] with the options of `command`. LIMN_E_USAGE.
 *
 * options->choices becomes the command and those options that change the pictures it makes, as in "segment
 * --scale 1": in the order of the table, without numbers that are the default, paths, and options for speed,
 * memory and messages. So equal pictures have equal texts. */
limn_status options_parse(const struct command *command, int argc, char **argv, struct options *options,
                          limn_error *error);

/* Whether an argument of the table is a file (FILE, PATH or MASK is part of it) or a folder (FOLDER). */
bool is_path(const char *argument);
bool is_folder(const char *argument);

/* ---- help.c, manual.c, completion.c ------------------------------------------------------ */

/* limn --help to stdout. */
void help_print(void);

/* limn COMMAND --help to stdout: example, usage, details, options. */
void help_print_command(const struct command *command);

/* The manual page limn(1) to stdout, as input of man. */
void manual_print(void);

/* The completion script for "bash", "zsh" or "fish" to stdout. LIMN_E_USAGE for another shell. */
limn_status completion_print(const char *shell, limn_error *error);

#endif
