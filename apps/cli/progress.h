/* progress.h - a progress line on the terminal: a bar, the items done, the rate, and the time left. Shown
 * only if standard error is a terminal, and not with --quiet. It is erased when the work ends and before any
 * message. There is one at a time. */
#ifndef APP_PROGRESS_H
#define APP_PROGRESS_H

#include "apps/cli/app.h"

/* Starts with `all` items to do, 0 if their number is not known. unit: what an item is, in the plural.
 * prints: whether the command prints its results as it goes; then no line is shown if standard output is a
 * terminal. */
void progress_begin(const struct options *options, int64_t all, const char *unit, bool prints);

/* Shows that `done` items are done. */
void progress_show(int64_t done);

/* Shows that `done` of `all` parts of the current item are done. If there is one item, parts are counted
 * instead of items. */
void progress_part(int64_t done, int64_t all, const char *unit);

/* Erases the line, if it is shown; the next call above shows it again. Async-signal-safe. */
void progress_wipe(void);

/* Erases the line and ends. */
void progress_end(void);

#endif
