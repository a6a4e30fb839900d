/* text_cursor.c - see text_cursor.h. */
#include "engine/base/text_cursor.h"
#include "weights/number.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

struct text_cursor text_cursor_at(const unsigned char *text, size_t size, const char *name)
{
    const char *start = (const char *)text;
    struct text_cursor cursor = {.at = start, .end = start + size, .line = 1, .name = name};
    text_take(&cursor, "\xEF\xBB\xBF");
    cursor.line_start = cursor.at;
    return cursor;
}

bool text_line_ends(const struct text_cursor *cursor)
{
    const char *at = cursor->at, *end = cursor->end;
    return at == end || *at == '\n' || (*at == '\r' && end - at > 1 && at[1] == '\n');
}

void text_next_line(struct text_cursor *cursor)
{
    if (cursor->at == cursor->end)
        return;
    cursor->at += *cursor->at == '\r' ? 2 : 1;
    cursor->line_start = cursor->at;
    cursor->line++;
}

void text_skip_blanks(struct text_cursor *cursor)
{
    while (cursor->at < cursor->end && (*cursor->at == ' ' || *cursor->at == '\t'))
        cursor->at++;
}

bool text_rest_is_blank(const struct text_cursor *cursor)
{
    struct text_cursor rest = *cursor;
    while (rest.at < rest.end) {
        text_skip_blanks(&rest);
        if (!text_line_ends(&rest))
            return false;
        text_next_line(&rest);
    }
    return true;
}

bool text_take_whole(struct text_cursor *cursor, int64_t *number)
{
    const char *start = cursor->at;
    for (*number = 0; cursor->at < cursor->end && *cursor->at >= '0' && *cursor->at <= '9'; cursor->at++)
        if (__builtin_mul_overflow(*number, 10, number) ||
            __builtin_add_overflow(*number, *cursor->at - '0', number))
            *number = INT64_MAX;
    return cursor->at > start;
}

bool text_take(struct text_cursor *cursor, const char *expected)
{
    size_t length = strlen(expected);
    if ((size_t)(cursor->end - cursor->at) < length || memcmp(cursor->at, expected, length) != 0)
        return false;
    cursor->at += length;
    return true;
}

limn_status text_fail(const struct text_cursor *cursor, limn_error *error, const char *format, ...)
{
    char message[256];
    va_list arguments;
    va_start(arguments, format);
    number_vprint(message, sizeof message, format, arguments);
    va_end(arguments);
    return fail(error, LIMN_E_INPUT, "%s: line %" PRId64 ", column %td: %s", cursor->name, cursor->line,
                cursor->at - cursor->line_start + 1, message);
}

limn_status text_fail_word(const struct text_cursor *cursor, const char *separators, const char *expected,
                           limn_error *error)
{
    enum { MOST_SHOWN = 32 };
    struct text_cursor word = *cursor;
    /* strchr() would also find the zero that ends the separators. */
    while (!text_line_ends(&word) && !(*word.at && strchr(separators, *word.at)))
        word.at++;
    ptrdiff_t length = word.at - cursor->at;
    bool cut = length > MOST_SHOWN;
    if (!length)
        return text_fail(cursor, error, "%s expected", expected);
    return text_fail(cursor, error, "'%.*s%s': %s expected", cut ? MOST_SHOWN : (int)length, cursor->at,
                     cut ? "..." : "", expected);
}
