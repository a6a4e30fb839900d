/* segment_report.h - what was found in pictures, and how right it is, as text or JSON on stdout. */
#ifndef APP_SEGMENT_REPORT_H
#define APP_SEGMENT_REPORT_H

#include "apps/cli/app.h"
#include "engine/pipelines/labels.h"
#include "engine/pipelines/segment_view.h"
#include "engine/pixels/metrics.h"

#include <limits.h>

/* What was found in one picture. */
struct segment_found {
    int64_t width, height;
    int64_t pixels[CLASSES_MOST]; /* of each class */
    char truth[PATH_MAX];         /* "": none, and no counts */
    struct mask_counts counts;
};

struct segment_report {
    bool json; /* else text, which is about truths only */
    const struct labels *labels;
    struct segment_found last;
    size_t compared; /* pictures with a truth, so far */
    struct mask_counts pooled;
};

/* Takes the next picture, whose text is printed at once. `counts` are set against `truth`; "": there is none.
 */
void segment_report_add(struct segment_report *report, const char *input, const struct picture *classes,
                        const char *truth, const struct mask_counts *counts);

/* JSON members, as outcomes.h has them: of the last picture, and of all pixels together. */
void segment_report_picture(const struct segment_report *report);
void segment_report_whole(const struct segment_report *report);

/* The end of the text: the figures of all pixels together. */
void segment_report_end(const struct segment_report *report);

#endif
