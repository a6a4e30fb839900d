/* text_output.h - an output file of formatted text that remembers its first error. */
#ifndef APP_TEXT_OUTPUT_H
#define APP_TEXT_OUTPUT_H

#include "engine/base/files.h"

struct text_output {
    struct output *output;
    limn_status status; /* of the first write that failed */
    limn_error *error;
};

/* output_open with the errors of output_open; `error` also receives those of text_put. */
limn_status text_open(struct text_output *file, const char *path, bool force, limn_error *error);

/* Writes at most 1023 bytes of printf-style text; does nothing after an error. */
void text_put(struct text_output *file, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Commits the file, or abandons it after an error. Returns the first error. */
limn_status text_close(struct text_output *file);

#endif
