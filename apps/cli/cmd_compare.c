/* cmd_compare.c - limn compare: compares two pictures or masks, or two folders of them. */
#include "apps/cli/compare_report.h"
#include "apps/cli/inputs.h"
#include "apps/cli/progress.h"
#include "engine/base/files.h"
#include "engine/base/memory.h"
#include "engine/base/system.h"
#include "engine/pictures/mask.h"

#include <stdlib.h>
#include <string.h>

/* ---- one pair ---------------------------------------------------------------------------- */

static limn_status read_one(const struct options *options, const char *path, struct picture *picture,
                            limn_error *error)
{
    return options->masks ? mask_read(path, !options->no_orient, options->binary, picture, error)
                          : input_read(options, path, picture, error);
}

static limn_status measure(const struct options *options, const struct picture pictures[2],
                           const char *const paths[2], struct compared *compared, limn_error *error)
{
    limn_status status;
    if (options->masks) {
        struct mask_counts counts = {0};
        status = mask_compare(pictures, paths, &counts, error);
        compared_masks(&counts, compared);
    } else {
        struct picture_figures figures;
        status = picture_compare(pictures, paths, &figures, error);
        compared_pictures(&figures, compared);
    }
    return status;
}

static limn_status compare_pair(struct compare_report *report, const char *a, const char *b,
                                limn_error *error)
{
    const struct options *options = report->options;
    struct picture pictures[2] = {0};
    struct compared compared;
    limn_status status = read_one(options, a, &pictures[0], error);
    if (status == LIMN_OK)
        status = read_one(options, b, &pictures[1], error);
    if (status == LIMN_OK)
        status = measure(options, pictures, (const char *const[2]){a, b}, &compared, error);
    if (status == LIMN_OK)
        compare_report_pair(report, a, b, &compared);
    picture_free(&pictures[0]);
    picture_free(&pictures[1]);
    return status;
}

/* ---- folders ----------------------------------------------------------------------------- */

struct folder {
    const char *path;
    struct inputs pictures;
    const char **sorted; /* their names, sorted by stem (the name without extension) */
};

/* The name of a picture always has a dot. */
static size_t stem_length(const char *name)
{
    return (size_t)(strrchr(name, '.') - name);
}

static int compare_stems(const char *a, const char *b)
{
    size_t length_a = stem_length(a), length_b = stem_length(b);
    int order = memcmp(a, b, length_a < length_b ? length_a : length_b);
    return order ? order : (length_a > length_b) - (length_a < length_b);
}

static int compare_names(const void *left, const void *right)
{
    const char *a = *(const char *const *)left, *b = *(const char *const *)right;
    int order = compare_stems(a, b);
    return order ? order : strcmp(a, b);
}

static limn_status open_folder(const struct options *options, const char *path, struct folder *folder,
                               limn_error *error)
{
    struct inputs *pictures = &folder->pictures;
    folder->path = path;
    limn_status status = inputs_add_folder(options, path, pictures, error);
    if (status != LIMN_OK)
        return status;
    size_t bytes = pictures->count * sizeof *folder->sorted;
    folder->sorted = mem_alloc(bytes);
    if (!folder->sorted)
        return fail_memory(error, "the list of names", bytes);
    for (size_t i = 0; i < pictures->count; i++)
        folder->sorted[i] = pictures->list[i].name;
    qsort(folder->sorted, pictures->count, sizeof *folder->sorted, compare_names);
    return LIMN_OK;
}

static void close_folder(struct folder *folder)
{
    mem_free(folder->sorted);
    inputs_free(&folder->pictures);
}

/* The index of the first name whose stem does not sort before that of `name`. */
static size_t find_stem(const struct folder *folder, const char *name)
{
    size_t low = 0, high = folder->pictures.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare_stems(folder->sorted[middle], name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Finds the only picture of `folder` with the stem of `name`. */
static limn_status find_partner(const struct folder *folder, const char *name, const char **partner,
                                limn_error *error)
{
    size_t at = find_stem(folder, name), count = folder->pictures.count;
    const char **found = folder->sorted + at;
    *partner = NULL;
    if (at == count || compare_stems(found[0], name) != 0)
        return fail(error, LIMN_E_INPUT, "%s: no picture of this name in %s", name, folder->path);
    *partner = found[0];
    if (at + 1 < count && compare_stems(found[1], name) == 0)
        return fail(error, LIMN_E_INPUT, "%s: ambiguous, both %s and %s in %s match", name, found[0],
                    found[1], folder->path);
    return LIMN_OK;
}

static limn_status compare_named(struct compare_report *report, const struct folder folders[2],
                                 const char *name, limn_error *error)
{
    char a[SYSTEM_PATH_MAX], b[SYSTEM_PATH_MAX];
    const char *partner;
    limn_status status = find_partner(&folders[1], name, &partner, error);
    if (status != LIMN_OK)
        return status;
    if (snprintf(a, sizeof a, "%s/%s", folders[0].path, name) >= (int)sizeof a ||
        snprintf(b, sizeof b, "%s/%s", folders[1].path, partner) >= (int)sizeof b)
        return fail(error, LIMN_E_USAGE, "%s: the path is too long", name);
    return compare_pair(report, a, b, error);
}

static void note_unmatched(const struct options *options, const struct folder folders[2])
{
    size_t unmatched = 0;
    limn_error error;
    const char *partner;
    const struct inputs *others = &folders[1].pictures;
    for (size_t i = 0; i < others->count; i++) {
        find_partner(&folders[0], others->list[i].name, &partner, &error);
        unmatched += !partner;
    }
    if (unmatched)
        app_note(options, "%zu of %zu pictures in %s have no counterpart in %s", unmatched, others->count,
                 folders[1].path, folders[0].path);
}

/* A pair that fails does not stop the rest. */
static limn_status compare_folders(struct compare_report *report, const struct folder folders[2],
                                   limn_error *error)
{
    const struct inputs *pictures = &folders[0].pictures;
    size_t failed = 0, count = pictures->count;
    note_unmatched(report->options, folders);
    progress_begin(report->options, (int64_t)count, "pairs", true);
    for (size_t i = 0; i < count; i++) {
        progress_show((int64_t)i);
        limn_status status = compare_named(report, folders, pictures->list[i].name, error);
        if (status == LIMN_OK)
            continue;
        if (count == 1) {
            progress_end();
            return status;
        }
        app_warn("%s", error->message);
        failed++;
    }
    progress_end();
    compare_report_end(report);
    return failed ? fail(error, LIMN_E_SOME, "%zu of %zu pairs failed", failed, count) : LIMN_OK;
}

/* ---- the command ------------------------------------------------------------------------- */

limn_status compare_run(const struct options *options, limn_error *error)
{
    struct compare_report report = {.options = options};
    if (options->argument_count != 2)
        return fail(error, LIMN_E_USAGE, "two pictures or two folders expected, %d given",
                    options->argument_count);
    if (options->binary && !options->masks)
        return fail(error, LIMN_E_USAGE, "--binary requires --masks");
    if (options->json && options->csv)
        return fail(error, LIMN_E_USAGE, "--json and --csv cannot be used together");
    const char *a = options->arguments[0], *b = options->arguments[1];
    bool folder_a, folder_b;
    limn_status status = folder_find(a, LIMN_E_INPUT, &folder_a, error);
    if (status == LIMN_OK)
        status = folder_find(b, LIMN_E_INPUT, &folder_b, error);
    if (status != LIMN_OK)
        return status;
    if (folder_a != folder_b)
        return fail(error, LIMN_E_USAGE, "%s is a folder and %s is not; two files or two folders expected",
                    folder_a ? a : b, folder_a ? b : a);
    if (strcmp(a, "-") == 0 && strcmp(b, "-") == 0)
        return fail(error, LIMN_E_USAGE, "only one of the two can be read from standard input");
    if (!folder_a) {
        status = compare_pair(&report, a, b, error);
        if (status == LIMN_OK)
            compare_report_end(&report);
        return status;
    }
    struct folder folders[2] = {0};
    for (int i = 0; status == LIMN_OK && i < 2; i++)
        status = open_folder(options, options->arguments[i], &folders[i], error);
    if (status == LIMN_OK)
        status = compare_folders(&report, folders, error);
    close_folder(&folders[0]);
    close_folder(&folders[1]);
    return status;
}
