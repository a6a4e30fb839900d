/* progress.c - see progress.h. */
#include "apps/cli/progress.h"
#include "engine/base/system.h"

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { LINE = 256 };

static struct {
    bool is_on;
    const char *unit;
    int64_t done, all;
    double begun, shown; /* system_seconds at the start, and when the line was last drawn */
} progress;

static atomic_int columns_drawn; /* width of the line; 0: not shown */

void progress_begin(const struct options *options, int64_t all, const char *unit, bool prints)
{
    const char *terminal = getenv("TERM");
    bool can = system_is_terminal(SYSTEM_STDERR) && !(terminal && strcmp(terminal, "dumb") == 0);
    progress.is_on = can && !options->quiet && !(prints && system_is_terminal(SYSTEM_STDOUT));
    progress.unit = unit;
    progress.done = 0;
    progress.all = all;
    progress.begun = system_seconds();
    progress.shown = -INFINITY;
}

/* "1:02:03 left"; "2:03 left" under an hour. */
static int left_text(double seconds, char *text, size_t room)
{
    long long left = (long long)fmin(ceil(seconds), 360000);
    if (left < 3600)
        return snprintf(text, room, "%lld:%02lld left", left / 60, left % 60);
    return snprintf(text, room, "%lld:%02lld:%02lld left", left / 3600, left / 60 % 60, left % 60);
}

/* "  3 of 40 pictures, 1.2/s, 0:31 left" */
static int text_of(double done, int64_t all, const char *unit, char text[LINE])
{
    double seconds = system_seconds() - progress.begun;
    char total[32] = "";
    if (all)
        snprintf(total, sizeof total, " of %lld", (long long)all);
    int length = snprintf(text, LINE, "%lld%s %s", (long long)done, total, unit);
    if (done <= 0 || seconds <= 0 || length >= LINE)
        return length;
    double rate = done / seconds;
    length += snprintf(text + length, (size_t)(LINE - length), rate < 99.5 ? ", %.2g/s" : ", %.0f/s", rate);
    if (!all || length + 2 >= LINE)
        return length;
    length += snprintf(text + length, (size_t)(LINE - length), ", ");
    return length >= LINE ? length
                          : length + left_text(seconds * ((double)all / done - 1), text + length,
                                               (size_t)(LINE - length));
}

/* The usable columns of the terminal. The last one is left out: some terminals wrap after it. */
static int columns(void)
{
    int known = system_terminal_columns(), wide = known ? known : 80;
    return wide - 1 < LINE - 2 ? wide - 1 : LINE - 2;
}

/* Draws the bar, if there is room for one, then as much of the text as fits. */
static void draw(double done, int64_t all, const char *unit)
{
    enum { BAR_LEAST = 10, BAR_MOST = 40, AROUND = 3 }; /* brackets, a blank */
    double now = system_seconds();
    char text[LINE], line[2 * LINE] = "\r";
    if (!progress.is_on || now < progress.shown + 0.1)
        return;
    progress.shown = now;
    int wide = columns(), length = text_of(done, all, unit, text), bar = wide - length - AROUND, used = 1;
    bar = !all || bar < BAR_LEAST ? 0 : bar > BAR_MOST ? BAR_MOST : bar;
    if (bar) {
        int full = (int)(bar * done / (double)all);
        line[used++] = '[';
        for (int i = 0; i < bar; i++)
            line[used++] = i < full ? '#' : '.';
        line[used++] = ']';
        line[used++] = ' ';
    }
    used += snprintf(line + used, LINE, "%.*s", wide, text);
    int drawn = used - 1;
    for (int i = drawn; i < columns_drawn; i++) /* erases the rest of a longer line */
        line[used++] = ' ';
    columns_drawn = drawn > columns_drawn ? drawn : columns_drawn;
    (void)!system_write(SYSTEM_STDERR, line, (size_t)used);
}

void progress_show(int64_t done)
{
    progress.done = done;
    if (progress.all != 1)
        draw((double)done, progress.all, progress.unit);
}

void progress_part(int64_t done, int64_t all, const char *unit)
{
    if (progress.all == 1)
        draw((double)done, all, unit);
    else
        draw((double)progress.done + (double)done / (double)all, progress.all, progress.unit);
}

void progress_wipe(void)
{
    char line[LINE + 1];
    int wide = columns_drawn;
    if (!wide)
        return;
    columns_drawn = 0;
    for (int i = 0; i <= wide; i++)
        line[i] = ' ';
    line[0] = '\r';
    line[wide + 1] = '\r';
    (void)!system_write(SYSTEM_STDERR, line, (size_t)wide + 2);
}

void progress_end(void)
{
    progress_wipe();
    progress.is_on = false;
}
