/* status.c - see status.h. */
#include "engine/base/status.h"
#include "engine/base/memory.h"
#include "engine/base/system.h"
#include "weights/number.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Copies the text, or its beginning and its end if it does not fit: a path may be longer than a message, and
 * the cause comes after it. */
static void keep_ends(const char *text, size_t room, char *message)
{
    static const char between[] = " ... ";
    size_t length = strlen(text), half = (room - sizeof between) / 2;
    if (length < room)
        memcpy(message, text, length + 1);
    else
        sprintf(message, "%.*s%s%s", (int)half, text, between, text + length - half);
}

#undef fail_because
#undef fail_memory
#undef fail_need

limn_status fail_because(limn_error *error, limn_status status, limn_reason reason, const char *format, ...)
{
    char text[2 * SYSTEM_PATH_MAX];
    va_list arguments;
    if (!error)
        return status;
    error->status = status;
    error->reason = reason;
    va_start(arguments, format);
    number_vprint(text, sizeof text, format, arguments);
    va_end(arguments);
    keep_ends(text, sizeof error->message, error->message);
    for (unsigned char *c = (unsigned char *)error->message; *c; c++)
        if (*c < 32 || *c == 127)
            *c = '?';
        else if (c[0] == 0xC2 && c[1] >= 0x80 && c[1] < 0xA0) /* U+0080 to U+009F in UTF-8 */
            c[0] = c[1] = '?';
    return status;
}

enum { SIZE_TEXT = 32 };

/* In MB from 0.1 MB on; less would be shown as 0.0. */
static const char *size_text(size_t bytes, char text[SIZE_TEXT])
{
    if (bytes < 1000)
        snprintf(text, SIZE_TEXT, "%zu bytes", bytes);
    else if (bytes < 100000)
        number_print(text, SIZE_TEXT, "%.1f kB", (double)bytes / 1e3);
    else
        number_print(text, SIZE_TEXT, "%.1f MB", (double)bytes / 1e6);
    return text;
}

limn_status fail_memory(limn_error *error, const char *what, size_t bytes)
{
    char needed[SIZE_TEXT], rest[SIZE_TEXT];
    size_t left = mem_available();
    size_text(bytes, needed);
    if (left == SIZE_MAX)
        return fail(error, LIMN_E_MEMORY, "out of memory: %s needs %s", what, needed);
    return fail(error, LIMN_E_MEMORY, "out of memory: %s needs %s, %s are left under the limit", what, needed,
                size_text(left, rest));
}

limn_status fail_need(limn_error *error, limn_reason reason, const char *what, size_t bytes, const char *hint)
{
    char needed[SIZE_TEXT], limit[SIZE_TEXT];
    size_t held = mem_in_use(), left = mem_available(), all;
    if (__builtin_add_overflow(held, bytes, &all))
        return fail_because(error, LIMN_E_MEMORY, reason,
                            "out of memory: %s takes more than any machine has; less is needed with %s", what,
                            hint);
    return fail_because(error, LIMN_E_MEMORY, reason,
                        "out of memory: %s takes %s in all, the limit is %s; less is needed with %s", what,
                        size_text(all, needed),
                        size_text(left > SIZE_MAX - held ? SIZE_MAX : held + left, limit), hint);
}
