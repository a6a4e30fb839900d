/* colorize_sheet.c - see colorize_sheet.h. */
#include "engine/pipelines/colorize_sheet.h"
#include "engine/pictures/resample.h"
#include "engine/pictures/sheet.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { PICTURE_SIDE = 512, ROW_WIDTH = 4096 };

/* A sheet under way: the picture as it stands on it, and a copy to be painted. */
struct work {
    struct picture small, copy;
    struct sheet sheet;
    struct colorize_tint tint;
    int cells; /* so far */
};

static int64_t shrunk(int64_t side, int64_t most, int64_t longer)
{
    int64_t result = longer > most ? (side * most + longer / 2) / longer : side;
    return result > 0 ? result : 1;
}

static void finish(struct work *work, limn_status status, struct picture *sheet)
{
    *sheet = work->sheet.picture;
    if (status != LIMN_OK)
        picture_free(sheet);
    picture_free(&work->small);
    picture_free(&work->copy);
}

/* Of each picture on a sheet. */
static void small_size(const struct picture *source, int columns, int64_t *width, int64_t *height)
{
    int64_t most = ROW_WIDTH / columns < PICTURE_SIDE ? ROW_WIDTH / columns : PICTURE_SIDE;
    int64_t longer = source->width > source->height ? source->width : source->height;
    *width = shrunk(source->width, most, longer);
    *height = shrunk(source->height, most, longer);
}

size_t colorize_sheet_bytes(const struct picture *source, int count, int columns, size_t run_bytes)
{
    int64_t width, height;
    small_size(source, columns, &width, &height);
    size_t begun = picture_resample_bytes(source->width, source->height, source->channels, width, height,
                                          RESAMPLE_BICUBIC);
    size_t sheet = 2 * (size_t)(width * height * source->channels) +
                   sheet_bytes(width, height, count, columns, 0) + run_bytes;
    return begun > sheet ? begun : sheet;
}

static limn_status begin(struct work *work, const struct picture *source, int count, int columns,
                         struct colorize_tint tint, limn_error *error)
{
    int64_t width, height;
    small_size(source, columns, &width, &height);
    *work = (struct work){.tint = tint};
    limn_status status = picture_resample(source, width, height, RESAMPLE_BICUBIC, &work->small, error);
    const struct picture *small = &work->small;
    if (status == LIMN_OK)
        status = picture_create(small->width, small->height, small->channels, &work->copy, error);
    if (status == LIMN_OK)
        status = sheet_create(small->width, small->height, count, columns, 0, &work->sheet, error);
    return status;
}

static void copy_small(struct work *work)
{
    const struct picture *small = &work->small;
    memcpy(work->copy.pixels, small->pixels, (size_t)(small->width * small->height * small->channels));
}

/* Runs a network on the whole picture, and puts the result into the next cell. */
static limn_status add(struct work *work, struct colorizer *colorizer, const struct picture *source,
                       const struct colorize_wish *wish, const char *caption, limn_error *error)
{
    limn_status status = colorizer_run(colorizer, source, wish, error);
    if (status != LIMN_OK)
        return status;
    copy_small(work);
    status = colorizer_paint(colorizer, work->tint, wish->watch, &work->copy, error);
    if (status == LIMN_OK)
        sheet_put(&work->sheet, work->cells++, &work->copy, caption);
    return status;
}

limn_status colorize_compare(const struct colorize_entry *entries, int count, const struct picture *source,
                             const struct colorize_wish *wish, struct colorize_tint tint,
                             struct picture *sheet, limn_error *error)
{
    struct work work;
    limn_status status = begin(&work, source, count + 2, count + 2, tint, error);
    if (status == LIMN_OK) {
        copy_small(&work);
        colorize_grey(entries->colorizer->model->engine, &work.copy);
        sheet_put(&work.sheet, work.cells++, &work.small, "input");
        sheet_put(&work.sheet, work.cells++, &work.copy, "grey");
    }
    for (int i = 0; status == LIMN_OK && i < count; i++)
        status = add(&work, entries[i].colorizer, source, wish, entries[i].caption, error);
    finish(&work, status, sheet);
    return status;
}

int colorize_columns(int count)
{
    int columns = 1;
    while (columns * columns < count)
        columns++;
    return columns;
}

limn_status colorize_samples(struct colorizer *colorizer, int count, uint64_t seed,
                             const struct picture *source, struct colorize_tint tint, struct picture *sheet,
                             limn_error *error)
{
    struct work work;
    limn_status status = begin(&work, source, count, colorize_columns(count), tint, error);
    for (int i = 0; status == LIMN_OK && i < count; i++, seed++) {
        char caption[32];
        snprintf(caption, sizeof caption, "seed %" PRIu64, seed);
        status = add(&work, colorizer, source, &(struct colorize_wish){.seed = &seed}, caption, error);
    }
    finish(&work, status, sheet);
    return status;
}
