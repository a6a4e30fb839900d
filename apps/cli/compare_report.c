/* compare_report.c - see compare_report.h. */
#include "apps/cli/compare_report.h"
#include "engine/base/quote.h"

#include <math.h>
#include <string.h>

struct column {
    const char *key, *title;
};

static const struct column picture_columns[] = {
    {"mse", "MSE"},
    {"psnr", "PSNR dB"},
    {"ssim", "SSIM"},
    {"delta_e_2000", "Delta-E"},
    {"colourfulness_a", "colour A"},
    {"colourfulness_b", "colour B"},
    {0},
};

static const struct column mask_columns[] = {
    {"iou", "IoU"},
    {"dice", "Dice"},
    {"pixel_accuracy", "accuracy"},
    {0},
};

static const struct column *columns_of(const struct compare_report *report)
{
    return report->options->masks ? mask_columns : picture_columns;
}

void compared_pictures(const struct picture_figures *f, struct compared *compared)
{
    *compared = (struct compared){
        {f->mse, f->psnr, f->ssim, f->delta_e, f->colourfulness[0], f->colourfulness[1]}, {{0}, {0}, {0}}};
}

void compared_masks(const struct mask_counts *counts, struct compared *compared)
{
    struct mask_figures figures = mask_figures(counts);
    *compared = (struct compared){{figures.iou, figures.dice, figures.accuracy}, *counts};
}

/* True if the class occurs in one of the two masks. */
static bool is_present(const struct mask_counts *counts, int label)
{
    return counts->predicted[label] || counts->truth[label];
}

/* ---- text -------------------------------------------------------------------------------- */

static void text_number(double value)
{
    if (isnan(value))
        printf("%10s ", "-");
    else
        printf("%10.4f ", value);
}

static void text_head(const struct compare_report *report)
{
    for (const struct column *column = columns_of(report); column->key; column++)
        printf("%10s ", column->title);
    printf(" %s\n", report->options->masks ? "prediction, truth" : "A, B");
}

static void text_row(const struct compare_report *report, const struct compared *compared, const char *a,
                     const char *b)
{
    const struct column *columns = columns_of(report);
    for (int i = 0; columns[i].key; i++)
        text_number(compared->values[i]);
    putchar(' ');
    quote_print(DOCUMENT_PLAIN, a);
    printf(*b ? "  " : "");
    quote_print(DOCUMENT_PLAIN, b);
    putchar('\n');
}

static void text_classes(const struct mask_counts *counts)
{
    printf("\n%10s %10s %10s %14s %14s\n", "class", "IoU", "Dice", "predicted", "truth (pixels)");
    for (int label = 0; label < MASK_CLASSES; label++)
        if (is_present(counts, label))
            printf("%10d %10.4f %10.4f %14lld %14lld\n", label, mask_iou(counts, label),
                   mask_dice(counts, label), (long long)counts->predicted[label],
                   (long long)counts->truth[label]);
}

/* ---- CSV --------------------------------------------------------------------------------- */

/* Ten digits: more than are significant, too few to show the order of summation. */
static void csv_number(double value)
{
    if (isnan(value))
        printf(",");
    else
        printf(",%.10g", value);
}

static void csv_head(const struct compare_report *report)
{
    printf(report->options->masks ? "prediction,truth,class" : "a,b");
    for (const struct column *column = columns_of(report); column->key; column++)
        printf(",%s", column->key);
    printf("\n");
}

static void csv_names(const char *a, const char *b)
{
    print_csv_string(a);
    putchar(',');
    print_csv_string(b);
}

/* For masks, prints the pair's means as the class "mean", then each class. */
static void csv_row(const struct compare_report *report, const struct compared *compared, const char *a,
                    const char *b, bool classes)
{
    const struct column *columns = columns_of(report);
    csv_names(a, b);
    if (report->options->masks)
        printf(",mean");
    for (int i = 0; columns[i].key; i++)
        csv_number(compared->values[i]);
    printf("\n");
    for (int label = 0; classes && label < MASK_CLASSES; label++) {
        if (!is_present(&compared->counts, label))
            continue;
        csv_names(a, b);
        printf(",%d", label);
        csv_number(mask_iou(&compared->counts, label));
        csv_number(mask_dice(&compared->counts, label));
        printf(",\n");
    }
}

/* ---- JSON -------------------------------------------------------------------------------- */

static void json_values(const struct compare_report *report, const struct compared *compared)
{
    const struct column *columns = columns_of(report);
    for (int i = 0; columns[i].key; i++)
        print_json_number(i ? ", " : "", columns[i].key, compared->values[i]);
}

static void json_classes(const struct mask_counts *counts)
{
    const char *between = "";
    printf(", \"classes\": [");
    for (int label = 0; label < MASK_CLASSES; label++) {
        if (!is_present(counts, label))
            continue;
        printf("%s{\"class\": %d", between, label);
        print_json_number(", ", "iou", mask_iou(counts, label));
        print_json_number(", ", "dice", mask_dice(counts, label));
        printf(", \"predicted\": %lld, \"truth\": %lld}", (long long)counts->predicted[label],
               (long long)counts->truth[label]);
        between = ", ";
    }
    printf("]");
}

static void json_row(const struct compare_report *report, const struct compared *compared, const char *a,
                     const char *b)
{
    bool masks = report->options->masks;
    printf(report->count ? ",\n  {" : "\n  {");
    print_json_string(masks ? "\"prediction\": " : "\"a\": ", a);
    print_json_string(masks ? ", \"truth\": " : ", \"b\": ", b);
    printf(", ");
    json_values(report, compared);
    if (masks)
        json_classes(&compared->counts);
    printf("}");
}

/* ---- the table --------------------------------------------------------------------------- */

static void report_head(const struct compare_report *report)
{
    if (report->options->json)
        printf("{\"pairs\": [");
    else if (report->options->csv)
        csv_head(report);
    else
        text_head(report);
}

void compare_report_pair(struct compare_report *report, const char *a, const char *b,
                         const struct compared *compared)
{
    if (!report->count)
        report_head(report);
    if (report->options->json)
        json_row(report, compared, a, b);
    else if (report->options->csv)
        csv_row(report, compared, a, b, report->options->masks);
    else
        text_row(report, compared, a, b);
    report->count++;
    for (int i = 0; i < COMPARE_MOST_COLUMNS; i++)
        if (!isnan(compared->values[i])) {
            report->sums[i] += compared->values[i];
            report->terms[i]++;
        }
    if (report->options->masks)
        mask_counts_add(&report->pooled, &compared->counts);
}

static void end_json(const struct compare_report *report, const struct compared *mean,
                     const struct compared *pooled)
{
    printf("],\n \"mean\": {");
    json_values(report, mean);
    if (report->options->masks) {
        printf("},\n \"pooled\": {");
        json_values(report, pooled);
        json_classes(&pooled->counts);
    }
    printf("}}\n");
}

void compare_report_end(struct compare_report *report)
{
    const struct options *options = report->options;
    struct compared mean = {0}, pooled;
    for (int i = 0; i < COMPARE_MOST_COLUMNS; i++)
        mean.values[i] = report->terms[i] ? report->sums[i] / (double)report->terms[i] : NAN;
    compared_masks(&report->pooled, &pooled);
    if (!report->count)
        report_head(report);
    if (options->json) {
        end_json(report, &mean, &pooled);
    } else if (options->csv && report->count > 1) {
        csv_row(report, &mean, "mean", "", false);
        if (options->masks)
            csv_row(report, &pooled, "pooled", "", true);
    } else if (!options->csv) {
        if (report->count > 1)
            text_row(report, &mean, "mean", "");
        if (report->count > 1 && options->masks)
            text_row(report, &pooled, "pooled", "");
        if (options->masks)
            text_classes(&pooled.counts);
    }
}
