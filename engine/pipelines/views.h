/* views.h - pictures in the memory of limn's callers (limn_picture) as sources and sinks of pipelines. */
#ifndef LIMN_VIEWS_H
#define LIMN_VIEWS_H

#include "engine/pipelines/sink.h"

/* A caller's picture for a pipeline to read: the caller's own pixels, or a copy of them. */
struct view {
    struct picture picture; /* dense */
    struct picture copy;    /* empty where the pixels are the caller's */
};

/* Opens a view of a source. The pixels are copied if rows are padded or writing to `made` could change them;
 * with NULL, always. Release with view_close. LIMN_E_USAGE for NULL or an impossible stride; LIMN_E_INPUT for
 * a picture that has other than 3 or 4 channels, is empty, or is beyond the limits of picture.h;
 * LIMN_E_MEMORY. */
limn_status view_open(const limn_picture *source, const limn_picture *made, struct view *view,
                      limn_error *error);
void view_close(struct view *view);

/* The caller's pictures as a sink: see view_sink. */
struct view_target {
    const limn_picture *pictures;
    int64_t count;
    const char *what; /* they are called in messages */
    int64_t rows;     /* written so far, to all of them */
};

/* A sink that writes into the caller's pictures, one after the other. Its begin is LIMN_E_USAGE unless each
 * has the size of what is made and can be written to. */
struct sink view_sink(struct view_target *target);

#endif
