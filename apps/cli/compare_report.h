/* compare_report.h - the figures of compared pairs as text, JSON or CSV. */
#ifndef APP_COMPARE_REPORT_H
#define APP_COMPARE_REPORT_H

#include "apps/cli/app.h"
#include "engine/pixels/metrics.h"

/* What is known of one pair: a value for each column, and for masks the counts behind them. */
enum { COMPARE_MOST_COLUMNS = 6 };
struct compared {
    double values[COMPARE_MOST_COLUMNS]; /* NAN: there is none */
    struct mask_counts counts;
};

struct compare_report {
    const struct options *options; /* masks, json, csv */
    size_t count;                  /* pairs so far */
    double sums[COMPARE_MOST_COLUMNS];
    size_t terms[COMPARE_MOST_COLUMNS]; /* of each sum */
    struct mask_counts pooled;
};

/* The row of values of a pair of pictures, or of masks. */
void compared_pictures(const struct picture_figures *figures, struct compared *compared);
void compared_masks(const struct mask_counts *counts, struct compared *compared);

/* Writes one pair to stdout; the first one comes after the head of the table. */
void compare_report_pair(struct compare_report *report, const char *a, const char *b,
                         const struct compared *compared);

/* Writes the means of several pairs, and what closes the table. A mean leaves out the pairs without that
 * figure; an infinite PSNR makes an infinite mean. */
void compare_report_end(struct compare_report *report);

#endif
