/* text_cursor.h - reads the text of a file from front to back; errors name line and column.
 *
 * Lines end with "\n" or "\r\n"; the last line may have no end. A UTF-8 byte order mark at the start, which
 * editors on Windows write, is skipped. */
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

/* Whether the cursor is at the end of a line or of the text. */
bool text_line_ends(const struct text_cursor *cursor);

/* Moves past the end of a line; at the end of the text it does nothing. */
void text_next_line(struct text_cursor *cursor);

/* Skips blanks and tabs. */
void text_skip_blanks(struct text_cursor *cursor);

/* Whether nothing but white space is left. */
bool text_rest_is_blank(const struct text_cursor *cursor);

/* Reads a number of decimal digits. False, without moving, if there is no digit. A number above INT64_MAX
 * counts as INT64_MAX. */
bool text_take_whole(struct text_cursor *cursor, int64_t *number);

/* Moves past `expected` if it comes next; else false. */
bool text_take(struct text_cursor *cursor, const char *expected);

/* Returns LIMN_E_INPUT with "NAME: line L, column C: MESSAGE". Columns count bytes, from 1. */
limn_status text_fail(const struct text_cursor *cursor, limn_error *error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* text_fail() with "'WORD': EXPECTED expected"; the word ends at a separator or at the end of the line. If
 * there is no word, "EXPECTED expected". */
limn_status text_fail_word(const struct text_cursor *cursor, const char *separators, const char *expected,
                           limn_error *error);

#endif
