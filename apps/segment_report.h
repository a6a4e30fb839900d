/* segment_report.h - what was found in pictures, and how right it is, as text or JSON on stdout. */
#ifndef APP_SEGMENT_REPORT_H
#define APP_SEGMENT_REPORT_H

#include "app.h"
#include "labels.h"
#include "metrics.h"

struct segment_report {
    bool json; /* else text, which is about truths only */
    const struct labels *labels;
    size_t count; /* pictures so far */
    bool compared;
    struct mask_counts pooled;
};

/* Reports one picture. `counts` are set against `truth`, or NULL without one. */
void segment_report_add(struct segment_report *report, const char *input, const char *output,
                        const struct picture *classes, const char *truth, const struct mask_counts *counts);

/* Closes the report, with the figures of all pixels together. */
void segment_report_end(const struct segment_report *report);

#endif
