/* metrics.h - compares two pictures, or two masks.
 *
 * Pictures are 8-bit RGB or RGBA; alpha is ignored. A grey picture has R = G = B, which gives the same
 * figures as its single plane. Results are the same on all machines up to the last digits of a double. */
#ifndef LIMN_METRICS_H
#define LIMN_METRICS_H

#include "engine/pictures/picture.h"

/* ---- pictures ---------------------------------------------------------------------------- */

enum { SSIM_SIDE = 7 };

struct picture_figures {
    double mse;     /* mean of the squared differences of samples, in levels^2 */
    double psnr;    /* 10 log10(255^2 / mse), in dB; INFINITY for equal pictures */
    double ssim;    /* structural similarity, 1 for equal pictures; NAN if a side is below 7, the window */
    double delta_e; /* CIEDE2000, mean over the pixels */
    double colourfulness[2]; /* of each picture */
};

/* Compares two pictures of the same size; `names` are their names in messages.
 *
 * SSIM: Wang, Bovik, Sheikh, Simoncelli, IEEE Transactions on Image Processing 13(4), 2004, with the defaults
 * of scikit-image's structural_similarity(x, y, channel_axis=-1, data_range=255): a 7 x 7 window of equal
 * weights, sample (n - 1) covariances, the mean over all windows inside the picture, then over channels.
 *
 * Colourfulness: Hasler and Suesstrunk, "Measuring colourfulness in natural images", SPIE 5007, 2003: with
 * rg = R - G and yb = (R + G) / 2 - B, the root of their variances' sum + 0.3 x the root of their squared
 * means' sum; 0 for grey, above 100 for extremely colourful.
 *
 * Errors: LIMN_E_INPUT if the sizes differ, LIMN_E_MEMORY. */
limn_status picture_compare(const struct picture pictures[2], const char *const names[2],
                            struct picture_figures *figures, limn_error *error);

/* ---- masks ------------------------------------------------------------------------------- */

enum { MASK_CLASSES = 256 };

/* Pixel counts by class, from which the figures below are computed. Counts of several files can be added. */
struct mask_counts {
    int64_t predicted[MASK_CLASSES], truth[MASK_CLASSES]; /* pixels of each class */
    int64_t agreed[MASK_CLASSES];                         /* of that class in both */
};

/* Adds to *counts the pixels of a prediction (masks[0]) and a truth (masks[1]) of the same size, as read by
 * mask_read. Pixels that are MASK_IGNORED in the truth are not counted. Errors: LIMN_E_INPUT if the sizes
 * differ. */
limn_status mask_compare(const struct picture masks[2], const char *const names[2],
                         struct mask_counts *counts, limn_error *error);

void mask_counts_add(struct mask_counts *sum, const struct mask_counts *more);

/* With P pixels of a class in the prediction, T in the truth, A in both: A / (P + T - A), and 2 A / (P + T).
 * NAN for a class that is in neither. */
double mask_iou(const struct mask_counts *counts, int label);
double mask_dice(const struct mask_counts *counts, int label);

/* Means over the classes that occur in either mask, including the background, and the share of correct
 * pixels. NAN if no pixel was counted. */
struct mask_figures {
    double iou, dice, accuracy;
};
struct mask_figures mask_figures(const struct mask_counts *counts);

#endif
