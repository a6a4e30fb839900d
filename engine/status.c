/* status.c - see status.h. */
#include "status.h"
#include "memory.h"
#include "number.h"

#include <stdarg.h>

limn_status fail(limn_error *error, limn_status status, const char *format, ...)
{
    if (!error)
        return status;
    error->status = status;
    va_list arguments;
    va_start(arguments, format);
    number_vprint(error->message, sizeof error->message, format, arguments);
    va_end(arguments);
    for (char *c = error->message; *c; c++)
        if ((unsigned char)*c < 32 || *c == 127)
            *c = '?';
    return status;
}

limn_status fail_memory(limn_error *error, const char *what, size_t bytes)
{
    size_t left = mem_available();
    if (left == SIZE_MAX)
        return fail(error, LIMN_E_MEMORY, "out of memory: %s needs %.1f MB", what, (double)bytes / 1e6);
    return fail(error, LIMN_E_MEMORY, "out of memory: %s needs %.1f MB, %.1f MB are left under the limit",
                what, (double)bytes / 1e6, (double)left / 1e6);
}
