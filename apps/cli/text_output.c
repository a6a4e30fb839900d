/* text_output.c - see text_output.h. */
#include "apps/cli/text_output.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

limn_status text_open(struct text_output *file, const char *path, bool force, limn_error *error)
{
    *file = (struct text_output){.error = error};
    return file->status = output_open(path, force, &file->output, error);
}

void text_put(struct text_output *file, const char *format, ...)
{
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (file->status == LIMN_OK)
        file->status = output_write(file->output, text, strlen(text), file->error);
}

limn_status text_close(struct text_output *file)
{
    if (file->status == LIMN_OK)
        return output_commit(file->output, file->error);
    output_abandon(file->output);
    return file->status;
}
