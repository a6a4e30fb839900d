/* manual.h - the manual page and the shells' completions, from the tables of commands and options. */
#ifndef MANUAL_H
#define MANUAL_H

#include "apps/cli/app.h"

/* limn(1) to stdout, for man. */
void manual_print(void);

/* A script for "bash", "zsh" or "fish" to stdout. LIMN_E_USAGE for another shell. */
limn_status completion_print(const char *shell, limn_error *error);

#endif
