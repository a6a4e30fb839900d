/* views.h - pictures in the memory of limn's callers (limn_picture): checked, and as the pipelines have them.
 */
#ifndef LIMN_VIEWS_H
#define LIMN_VIEWS_H

#include "engine/pictures/picture.h"

/* A caller's picture for a pipeline to read: the caller's own pixels, or a copy of them. */
struct view {
    struct picture picture; /* dense */
    struct picture copy;    /* empty where the pixels are the caller's */
};

/* LIMN_E_USAGE for NULL, or a layout of memory that makes no sense; LIMN_E_INPUT for a picture of other than
 * 3 or 4 channels, without pixels, or beyond the limits of picture.h. */
limn_status view_check_source(const limn_picture *source, limn_error *error);

/* LIMN_E_USAGE unless `made`, which messages call `what`, has this size and can be written to. */
limn_status view_check_made(const limn_picture *made, const char *what, int64_t width, int64_t height,
                            int channels, limn_error *error);

/* A view of a source that has been checked. The pixels are copied where rows are padded, and where writing to
 * `made` would change them; NULL: always. Release with view_close. LIMN_E_MEMORY. */
limn_status view_open(const limn_picture *source, const limn_picture *made, struct view *view,
                      limn_error *error);
void view_close(struct view *view);

/* Writes `count` dense rows into the caller's picture, from row `first` on. */
void view_put(const limn_picture *made, int64_t first, const unsigned char *rows, int64_t count);

#endif
