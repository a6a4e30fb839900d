/* commands.h - the table of commands. Parsing, help, manual page and completions read it. */
#ifndef COMMANDS_H
#define COMMANDS_H

#include "apps/cli/app.h"

/* One bit for each command: the table of options says with them which commands an option belongs to. */
enum command_bit {
    SEGMENT = 1,
    COLORIZE = 2,
    UPSCALE = 4,
    GENERATE = 8,
    COMPARE = 16,
    PIXELS = 32,
    RUN = 64,
    INSPECT = 128,
    VERIFY = 256,
    BENCH = 512,
    EXPLAIN = 1024,
    ALL = 2047,
};

struct command {
    enum command_bit bit;
    const char *name, *summary;
    const char *synopsis; /* follows "limn NAME " */
    const char *example;  /* a whole command line */
    const char *details;  /* paragraphs, separated by an empty line */
    limn_status (*run)(const struct options *options, limn_error *error);
};

/* Ends with a NULL name. */
extern const struct command commands[];

/* NULL if there is no command with this name. */
const struct command *command_find(const char *name);

/* Options that take the place of a command, such as --version. Ends with a NULL name. */
struct general_option {
    const char *name;
    const char *argument; /* NULL if it takes none */
    const char *help;
};
extern const struct general_option general_options[];

#endif
