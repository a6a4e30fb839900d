/* help.h - the help, the manual page and the completions, written from the tables of commands and options. */
#ifndef HELP_H
#define HELP_H

#include "apps/cli/commands.h"

/* limn --help to stdout. */
void help_print(void);

/* limn COMMAND --help to stdout: example, usage, details, options. */
void help_print_command(const struct command *command);

/* The manual page limn(1) to stdout, as input of man. */
void manual_print(void);

/* The completion script for "bash", "zsh" or "fish" to stdout. LIMN_E_USAGE for another shell. */
limn_status completion_print(const char *shell, limn_error *error);

#endif
