/* segment_report.c - see segment_report.h. */
#include "apps/cli/segment_report.h"

#include <inttypes.h>
#include <math.h>

/* A truth may hold classes that the network does not know. */
static const char *name_of(const struct segment_report *report, int label)
{
    return label < report->labels->count ? report->labels->names[label] : NULL;
}

static bool is_compared(const struct mask_counts *counts, int label)
{
    return counts && (counts->predicted[label] || counts->truth[label]);
}

/* ---- JSON -------------------------------------------------------------------------------- */

/* JSON has no NaN. */
static void json_figure(const char *key, double figure)
{
    if (isnan(figure))
        printf(", \"%s\": null", key);
    else
        printf(", \"%s\": %.10g", key, figure);
}

static void json_class(const struct segment_report *report, int label)
{
    const char *name = name_of(report, label);
    printf("{\"class\": %d, \"name\": ", label);
    if (name)
        print_json_string(stdout, name);
    else
        printf("null");
}

static void json_means(const struct mask_counts *counts)
{
    struct mask_figures figures = mask_figures(counts);
    json_figure("iou", figures.iou);
    json_figure("dice", figures.dice);
    json_figure("accuracy", figures.accuracy);
}

/* pixels: of each class in the picture; NULL for all pictures together. counts: NULL without a truth. */
static void json_classes(const struct segment_report *report, const int64_t *pixels, int64_t all,
                         const struct mask_counts *counts)
{
    const char *between = "";
    printf("\"classes\": [");
    for (int label = 0; label < CLASSES_MOST; label++) {
        bool compared = is_compared(counts, label);
        if (!compared && !(pixels && pixels[label]))
            continue;
        printf("%s", between);
        json_class(report, label);
        if (pixels)
            printf(", \"pixels\": %" PRId64 ", \"share\": %.10g", pixels[label],
                   (double)pixels[label] / (double)all);
        if (compared) {
            json_figure("iou", mask_iou(counts, label));
            json_figure("dice", mask_dice(counts, label));
        }
        printf("}");
        between = ", ";
    }
    printf("]");
}

void segment_report_picture(const struct segment_report *report)
{
    const struct segment_found *found = &report->last;
    const struct mask_counts *counts = found->truth[0] ? &found->counts : NULL;
    printf(", \"width\": %" PRId64 ", \"height\": %" PRId64 ", ", found->width, found->height);
    json_classes(report, found->pixels, found->width * found->height, counts);
    if (counts) {
        printf(", \"truth\": ");
        print_json_string(stdout, found->truth);
        json_means(counts);
    }
}

void segment_report_whole(const struct segment_report *report)
{
    if (!report->compared)
        return;
    printf(",\n \"pooled\": {");
    json_classes(report, NULL, 0, &report->pooled);
    json_means(&report->pooled);
    printf("}");
}

/* ---- text -------------------------------------------------------------------------------- */

static void text_figure(double figure)
{
    if (isnan(figure))
        printf("%10s", "-");
    else
        printf("%10.4f", figure);
}

static void text_name(const char *name)
{
    for (; name && *name; name++)
        putchar((unsigned char)*name < ' ' || *name == 127 ? '?' : *name);
    putchar('\n');
}

static void text_counts(const struct segment_report *report, const char *title,
                        const struct mask_counts *counts)
{
    struct mask_figures figures = mask_figures(counts);
    printf("%s\n%10s%10s  %s\n", title, "IoU", "Dice", "class");
    for (int label = 0; label < CLASSES_MOST; label++) {
        if (!is_compared(counts, label))
            continue;
        text_figure(mask_iou(counts, label));
        text_figure(mask_dice(counts, label));
        printf("  %d ", label);
        text_name(name_of(report, label));
    }
    text_figure(figures.iou);
    text_figure(figures.dice);
    printf("  mean\n");
    text_figure(figures.accuracy);
    printf("%10s  pixel accuracy\n", "");
}

/* ---- both -------------------------------------------------------------------------------- */

void segment_report_add(struct segment_report *report, const char *input, const struct picture *classes,
                        const char *truth, const struct mask_counts *counts)
{
    struct segment_found *found = &report->last;
    found->width = classes->width;
    found->height = classes->height;
    found->counts = *counts;
    classes_count(classes, found->pixels);
    snprintf(found->truth, sizeof found->truth, "%s", truth);
    if (!truth[0])
        return;
    mask_counts_add(&report->pooled, counts);
    report->compared++;
    if (!report->json)
        text_counts(report, input, counts);
}

void segment_report_end(const struct segment_report *report)
{
    if (!report->json && report->compared > 1)
        text_counts(report, "all pixels together", &report->pooled);
}
