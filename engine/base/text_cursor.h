/* text_cursor.h - a walk through text that came from a file, for readers whose errors name line and column.
 *
 * Lines end with "\n" or "\r\n"; the last may go without. A byte order mark of UTF-8 at the start, which
 * Windows' editors leave there, is skipped. */
#ifndef LIMN_TEXT_CURSOR_H
#define LIMN_TEXT_CURSOR_H

#include "engine/base/status.h"

struct text_cursor {
    const char *at, *end, *line_start;
    int64_t line;     /* from 1 */
    const char *name; /* of the file, for messages */
};

/* `text`, of `size` bytes, and `name` must outlive the cursor. */
struct text_cursor text_cursor_at(const unsigned char *text, size_t size, const char *name);

/* At the end of a line or of the text. */
bool text_line_ends(const struct text_cursor *cursor);

/* Steps over the end of a line that it stands at; at the end of the text it stays. */
void text_next_line(struct text_cursor *cursor);

/* Skips blanks and tabs. */
void text_skip_blanks(struct text_cursor *cursor);

/* Whether nothing but white space is left. */
bool text_rest_is_blank(const struct text_cursor *cursor);

/* Steps over decimal digits. False, and no step, when it does not stand at one. A number above INT64_MAX
 * counts as INT64_MAX. */
bool text_take_whole(struct text_cursor *cursor, int64_t *number);

/* Steps over `expected` when it stands there. */
bool text_take(struct text_cursor *cursor, const char *expected);

/* Ends with LIMN_E_INPUT and "NAME: line L, column C: MESSAGE". Columns count bytes, from 1. */
limn_status text_fail(const struct text_cursor *cursor, limn_error *error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* text_fail() with "'WORD': EXPECTED expected"; the word reaches to the next of the separators or the line's
 * end. Where there is no word, "EXPECTED expected". */
limn_status text_fail_word(const struct text_cursor *cursor, const char *separators, const char *expected,
                           limn_error *error);

#endif
