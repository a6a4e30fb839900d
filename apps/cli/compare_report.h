/* compare_report.h - the figures of compared pairs as text, JSON or CSV. */
#ifndef APP_COMPARE_REPORT_H
#define APP_COMPARE_REPORT_H

#include "apps/cli/app.h"
#include "engine/pixels/metrics.h"

/* The figures of one pair: a value for each column, and for masks the pixel counts. */
enum { COMPARE_MOST_COLUMNS = 6 };
struct compared {
    double values[COMPARE_MOST_COLUMNS]; /* NAN: undefined */
    struct mask_counts counts;
};

struct compare_report {
    const struct options *options; /* masks, json, csv */
    size_t count;                  /* pairs so far */
    double sums[COMPARE_MOST_COLUMNS];
    size_t terms[COMPARE_MOST_COLUMNS]; /* number of values in each sum */
    struct mask_counts pooled;
};

/* Fill the figures of a pair of pictures, or of masks. */
void compared_pictures(const struct picture_figures *figures, struct compared *compared);
void compared_masks(const struct mask_counts *counts, struct compared *compared);

/* Prints one pair to standard output; before the first one, the head of the table. */
void compare_report_pair(struct compare_report *report, const char *a, const char *b,
                         const struct compared *compared);

/* Prints the means of several pairs and ends the table. A mean excludes pairs whose value is undefined; an
 * infinite PSNR makes the mean infinite. */
void compare_report_end(struct compare_report *report);

#endif
