/* grid.c - see grid.h. */
#include "engine/pictures/grid.h"
#include "engine/pictures/draw.h"
#include "layers/sizes.h"

#include <inttypes.h>
#include <string.h>

enum { COLUMNS = 8, PADDING = 2 };

static void blacken(struct picture *picture)
{
    memset(picture->pixels, 0, (size_t)(picture->width * picture->height * picture->channels));
}

/* Everything but the strip; false if a side is too large. */
static bool lay_out(int64_t count, int64_t width, int64_t height, struct grid *grid)
{
    *grid = (struct grid){
        .count = count, .columns = count < COLUMNS ? count : COLUMNS, .padding = count > 1 ? PADDING : 0};
    int64_t rows = (count + grid->columns - 1) / grid->columns;
    if (__builtin_mul_overflow(grid->columns, width + grid->padding, &grid->width) ||
        __builtin_mul_overflow(rows, height + grid->padding, &grid->height) || grid->width > INT32_MAX ||
        grid->height > INT32_MAX)
        return false;
    grid->width += grid->padding;
    grid->height += grid->padding;
    return true;
}

limn_status grid_begin(int64_t count, int64_t width, int64_t height, struct grid *grid, limn_error *error)
{
    if (!lay_out(count, width, height, grid))
        return fail(error, LIMN_E_OUTPUT,
                    "a sheet of %" PRId64 " pictures of %" PRId64 " x %" PRId64 " is too large", count, width,
                    height);
    limn_status status = picture_create(grid->width, grid->padding + height, 3, &grid->strip, error);
    if (status == LIMN_OK)
        blacken(&grid->strip);
    return status;
}

size_t grid_size(int64_t count, int64_t width, int64_t height, int64_t *sheet_width, int64_t *sheet_height)
{
    struct grid grid;
    lay_out(count, width, height, &grid);
    *sheet_width = grid.width;
    *sheet_height = grid.height;
    return size_product(grid.width, size_product(height + PADDING, 3));
}

limn_status grid_add(struct grid *grid, const struct picture *picture, struct picture_writer *writer,
                     limn_error *error)
{
    int64_t column = grid->added++ % grid->columns;
    draw_picture(&grid->strip, grid->padding + column * (picture->width + grid->padding), grid->padding,
                 picture);
    bool last = grid->added == grid->count;
    if (column + 1 < grid->columns && !last)
        return LIMN_OK;
    limn_status status = picture_writer_rows(writer, grid->strip.pixels, grid->strip.height, error);
    blacken(&grid->strip);
    if (status == LIMN_OK && last) /* the lower edge */
        status = picture_writer_rows(writer, grid->strip.pixels, grid->padding, error);
    return status;
}

void grid_free(struct grid *grid)
{
    picture_free(&grid->strip);
    *grid = (struct grid){0};
}
