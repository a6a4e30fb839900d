/* colorize_sheet.c - see colorize_sheet.h. */
#include "engine/pipelines/colorize_sheet.h"
#include "engine/pictures/resample.h"
#include "engine/pictures/sheet.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { PICTURE_SIDE = 512, ROW_WIDTH = 4096 };

/* A sheet being made: the source at its size on the sheet, and a copy to paint. */
struct work {
    const struct colorize *how;
    struct picture small, copy;
    struct sheet sheet;
    int cells; /* so far */
};

/* Pictures on the sheet, and how many of them are in a row. */
static int cell_count(const struct colorize *how, int *columns)
{
    int count = how->compare ? how->count + 2 : how->samples;
    *columns = how->compare ? count : 1;
    while (*columns * *columns < count)
        ++*columns;
    return count;
}

static int64_t shrunk(int64_t side, int64_t most, int64_t longer)
{
    int64_t result = longer > most ? (side * most + longer / 2) / longer : side;
    return result > 0 ? result : 1;
}

/* The size of each picture on the sheet. */
static void small_size(const struct picture *source, int columns, int64_t *width, int64_t *height)
{
    int64_t most = ROW_WIDTH / columns < PICTURE_SIDE ? ROW_WIDTH / columns : PICTURE_SIDE;
    int64_t longer = source->width > source->height ? source->width : source->height;
    *width = shrunk(source->width, most, longer);
    *height = shrunk(source->height, most, longer);
}

size_t colorize_sheet_bytes(const struct colorize *how, const struct picture *source, size_t run_bytes)
{
    int64_t width, height;
    int columns, count = cell_count(how, &columns);
    small_size(source, columns, &width, &height);
    size_t begun = picture_resample_bytes(source->width, source->height, source->channels, width, height,
                                          RESAMPLE_BICUBIC);
    size_t sheet = 2 * (size_t)(width * height * source->channels) +
                   sheet_bytes(width, height, count, columns, 0) + run_bytes;
    return begun > sheet ? begun : sheet;
}

static limn_status begin(struct work *work, const struct picture *source, limn_error *error)
{
    int64_t width, height;
    int columns, count = cell_count(work->how, &columns);
    small_size(source, columns, &width, &height);
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
                       const uint64_t *seed, const char *caption, limn_error *error)
{
    const struct colorizer_inputs inputs = {&work->how->hints, seed};
    limn_status status = colorizer_run(colorizer, source, &inputs, NULL, error);
    if (status != LIMN_OK)
        return status;
    copy_small(work);
    status = colorizer_paint(colorizer, work->how->tint, NULL, &work->copy, error);
    if (status == LIMN_OK)
        sheet_put(&work->sheet, work->cells++, &work->copy, caption);
    return status;
}

static limn_status add_networks(struct work *work, const struct picture *source, limn_error *error)
{
    const struct colorize *how = work->how;
    limn_status status = LIMN_OK;
    copy_small(work);
    colorize_grey(how->models[0]->engine, &work->copy);
    sheet_put(&work->sheet, work->cells++, &work->small, "input");
    sheet_put(&work->sheet, work->cells++, &work->copy, "grey");
    for (int i = 0; status == LIMN_OK && i < how->count; i++)
        status = add(work, how->colorizers[i], source, how->seed, how->captions[i], error);
    return status;
}

static limn_status add_samples(struct work *work, const struct picture *source, limn_error *error)
{
    uint64_t seed = *work->how->seed;
    limn_status status = LIMN_OK;
    for (int i = 0; status == LIMN_OK && i < work->how->samples; i++, seed++) {
        char caption[32];
        snprintf(caption, sizeof caption, "seed %" PRIu64, seed);
        status = add(work, work->how->colorizers[0], source, &seed, caption, error);
    }
    return status;
}

limn_status colorize_sheet(const struct colorize *how, const struct picture *source, struct picture *sheet,
                           limn_error *error)
{
    struct work work = {.how = how};
    limn_status status = begin(&work, source, error);
    if (status == LIMN_OK)
        status = how->compare ? add_networks(&work, source, error) : add_samples(&work, source, error);
    *sheet = work.sheet.picture;
    if (status != LIMN_OK)
        picture_free(sheet);
    picture_free(&work.small);
    picture_free(&work.copy);
    return status;
}
