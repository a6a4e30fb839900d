/* pixels.c - see pixels.h: grey levels, sums and means, pieces of a sheet. */
#include "engine/pixels/pixels.h"
#include "engine/base/memory.h"
#include "engine/pictures/resample.h"

#include <inttypes.h>
#include <string.h>

/* ---- grey -------------------------------------------------------------------------------- */

limn_status pixels_grey(const struct picture *picture, enum grey_rule rule, struct picture *plane,
                        limn_error *error)
{
    limn_status status = picture_create(picture->width, picture->height, 1, plane, error);
    if (status == LIMN_OK)
        grey_row(picture->pixels, picture->channels, picture->width * picture->height, rule, plane->pixels);
    return status;
}

limn_status pixels_check_size(const struct picture *picture, const char *name, int64_t width, int64_t height,
                              limn_error *error)
{
    if (picture->width == width && picture->height == height)
        return LIMN_OK;
    return fail(error, LIMN_E_INPUT,
                "%s: %" PRId64 " x %" PRId64 " pixels, the pictures before it have %" PRId64 " x %" PRId64,
                name, picture->width, picture->height, width, height);
}

/* ---- sums -------------------------------------------------------------------------------- */

static limn_status start_sums(struct pixel_sums *sums, const struct picture *picture, limn_error *error)
{
    size_t pixels = (size_t)(picture->width * picture->height);
    sums->sums = mem_zalloc(pixels, sizeof *sums->sums);
    if (!sums->sums)
        return fail_memory(error, "the sums", pixels * sizeof *sums->sums);
    sums->width = picture->width;
    sums->height = picture->height;
    return LIMN_OK;
}

limn_status pixel_sums_add(struct pixel_sums *sums, const struct picture *picture, const char *name,
                           limn_error *error)
{
    struct picture row;
    if (sums->count == PIXELS_MOST_PICTURES)
        return fail(error, LIMN_E_INPUT, "%s: more than %" PRId64 " pictures", name, PIXELS_MOST_PICTURES);
    limn_status status = sums->sums ? LIMN_OK : start_sums(sums, picture, error);
    if (status == LIMN_OK)
        status = pixels_check_size(picture, name, sums->width, sums->height, error);
    if (status == LIMN_OK)
        status = picture_create(sums->width, 1, 1, &row, error);
    if (status != LIMN_OK)
        return status;
    uint32_t *sum = sums->sums;
    for (int64_t y = 0; y < sums->height; y++) {
        const unsigned char *from = picture->pixels + y * sums->width * picture->channels;
        grey_row(from, picture->channels, sums->width, GREY_OPENCV, row.pixels);
        for (int64_t x = 0; x < sums->width; x++)
            *sum++ += row.pixels[x];
    }
    sums->count++;
    picture_free(&row);
    return LIMN_OK;
}

limn_status pixel_sums_mean(const struct pixel_sums *sums, struct picture *plane, limn_error *error)
{
    limn_status status = picture_create(sums->width, sums->height, 1, plane, error);
    uint64_t count = (uint64_t)sums->count;
    for (int64_t i = 0; status == LIMN_OK && i < sums->width * sums->height; i++)
        plane->pixels[i] = (unsigned char)((2 * (uint64_t)sums->sums[i] + count) / (2 * count));
    return status;
}

void pixel_sums_free(struct pixel_sums *sums)
{
    mem_free(sums->sums);
    *sums = (struct pixel_sums){0};
}

/* ---- sheets ------------------------------------------------------------------------------ */

limn_status pixels_check_grid(const struct picture *sheet, const char *name, const struct pixel_grid *grid,
                              limn_error *error)
{
    if (grid->rows > sheet->height || grid->columns > sheet->width)
        return fail(error, LIMN_E_INPUT,
                    "%s: %" PRId64 " x %" PRId64 " pixels are too few for %" PRId64 " columns and %" PRId64
                    " rows",
                    name, sheet->width, sheet->height, grid->columns, grid->rows);
    if (!grid->height && (sheet->height % grid->rows || sheet->width % grid->columns))
        return fail_because(error, LIMN_E_INPUT, LIMN_REASON_PIECES,
                            "%s: %" PRId64 " x %" PRId64 " pixels do not divide into %" PRId64
                            " columns and %" PRId64 " rows of equal pieces",
                            name, sheet->width, sheet->height, grid->columns, grid->rows);
    return LIMN_OK;
}

limn_status pixels_piece(const struct picture *sheet, const struct pixel_grid *grid, int64_t index,
                         struct picture *piece, limn_error *error)
{
    int64_t row = index / grid->columns, column = index % grid->columns;
    int64_t top = row * sheet->height / grid->rows, bottom = (row + 1) * sheet->height / grid->rows;
    int64_t left = column * sheet->width / grid->columns;
    int64_t right = (column + 1) * sheet->width / grid->columns;
    struct picture cut;
    *piece = (struct picture){0};
    limn_status status = picture_create(right - left, bottom - top, sheet->channels, &cut, error);
    if (status != LIMN_OK)
        return status;
    size_t row_bytes = (size_t)(cut.width * cut.channels);
    for (int64_t y = 0; y < cut.height; y++)
        memcpy(cut.pixels + (size_t)y * row_bytes,
               sheet->pixels + ((top + y) * sheet->width + left) * sheet->channels, row_bytes);
    if (!grid->height) {
        *piece = cut;
        return LIMN_OK;
    }
    status = picture_resample(&cut, grid->width, grid->height, RESAMPLE_BICUBIC, piece, error);
    picture_free(&cut);
    return status;
}
