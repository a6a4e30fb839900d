/* sheet.c - see sheet.h. A cell is a picture, a line of text below it, and half a gap on every side. */
#include "engine/pictures/sheet.h"
#include "engine/pictures/draw.h"
#include "engine/pictures/font.h"
#include "layers/sizes.h"

#include <string.h>

enum { GAP = 8, WIDTH_LEAST = 72, WIDTH_OF_LARGE_TEXT = 400 };

/* A sheet without pixels; its picture has the sheet's size. */
static struct sheet lay_out(int64_t width, int64_t height, int count, int columns, int64_t heading)
{
    int scale = width < WIDTH_OF_LARGE_TEXT ? 1 : 2;
    struct sheet sheet = {.columns = columns, .scale = scale, .heading = heading};
    sheet.cell_width = (width < WIDTH_LEAST ? WIDTH_LEAST : width) + GAP;
    sheet.cell_height = height + GAP / 2 + FONT_HEIGHT * scale + GAP;
    sheet.picture.width = columns * sheet.cell_width + GAP;
    sheet.picture.height = heading + (count + columns - 1) / columns * sheet.cell_height + GAP;
    return sheet;
}

size_t sheet_bytes(int64_t width, int64_t height, int count, int columns, int64_t heading)
{
    struct sheet sheet = lay_out(width, height, count, columns, heading);
    return size_product(sheet.picture.width * sheet.picture.height, 3);
}

limn_status sheet_create(int64_t width, int64_t height, int count, int columns, int64_t heading,
                         struct sheet *sheet, limn_error *error)
{
    *sheet = lay_out(width, height, count, columns, heading);
    limn_status status =
        picture_create(sheet->picture.width, sheet->picture.height, 3, &sheet->picture, error);
    if (status == LIMN_OK)
        memset(sheet->picture.pixels, 255, (size_t)(sheet->picture.width * sheet->picture.height * 3));
    return status;
}

/* Copies as much of the caption as fits `room` pixels. */
static void fit(const char *caption, int64_t room, int scale, char *text, size_t size)
{
    size_t length = strlen(caption);
    length = length < size ? length : size - 1;
    memcpy(text, caption, length);
    text[length] = 0;
    while (length && draw_text_width(text, scale) > room)
        text[--length] = 0;
}

void sheet_put(struct sheet *sheet, int index, const struct picture *picture, const char *caption)
{
    static const struct rgb ink = {40, 40, 40};
    int64_t x = GAP + index % sheet->columns * sheet->cell_width;
    int64_t y = sheet->heading + GAP + index / sheet->columns * sheet->cell_height;
    char text[128];
    fit(caption, sheet->cell_width - GAP, sheet->scale, text, sizeof text);
    draw_picture(&sheet->picture, x, y, picture);
    draw_text(&sheet->picture, x, y + picture->height + GAP / 2, text, sheet->scale, ink);
}
