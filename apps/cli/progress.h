/* progress.h - a line on the terminal while long work is under way: a bar, what is done, how fast it goes,
 * and how long it will still take. Only where standard error is a terminal, and not with --quiet; it is wiped
 * when the work ends, and before any message. There is one at a time. */
#ifndef APP_PROGRESS_H
#define APP_PROGRESS_H

#include "apps/cli/app.h"

/* Begins: `all` items are to be done, of which `unit` is the plural. `prints`: the command prints its results
 * as they are made; where these go to a terminal, nothing is shown between them. */
void progress_begin(const struct options *options, int64_t all, const char *unit, bool prints);

/* So many items are done. */
void progress_show(int64_t done);

/* Of the item under way, `done` of `all` parts are done. These are what is counted where there is one item.
 */
void progress_part(int64_t done, int64_t all, const char *unit);

/* Wipes the line; the next call above shows it again. Nothing where none is shown; async-signal-safe. */
void progress_wipe(void);

/* Wipes the line, and ends. */
void progress_end(void);

#endif
