/* draw.c - see draw.h. */
#include "engine/pictures/draw.h"
#include "engine/pictures/font.h"

#include <string.h>

struct rgb palette_voc(int index)
{
    unsigned bits = (unsigned)index & 255, red = 0, green = 0, blue = 0;
    for (int shift = 7; bits; shift--, bits >>= 3) {
        red |= (bits & 1) << shift;
        green |= (bits >> 1 & 1) << shift;
        blue |= (bits >> 2 & 1) << shift;
    }
    return (struct rgb){(unsigned char)red, (unsigned char)green, (unsigned char)blue};
}

/* The part of a box inside the picture; its width or height is 0 or less if it lies outside. */
static struct box clip(const struct picture *picture, struct box box)
{
    int64_t right = box.x + box.width, bottom = box.y + box.height;
    box.x = box.x > 0 ? box.x : 0;
    box.y = box.y > 0 ? box.y : 0;
    box.width = (right < picture->width ? right : picture->width) - box.x;
    box.height = (bottom < picture->height ? bottom : picture->height) - box.y;
    return box;
}

static unsigned char *pixel_at(const struct picture *picture, int64_t x, int64_t y)
{
    return picture->pixels + (y * picture->width + x) * picture->channels;
}

void draw_fill(struct picture *picture, struct box box, struct rgb colour)
{
    const unsigned char pixel[4] = {colour.red, colour.green, colour.blue, 255};
    box = clip(picture, box);
    for (int64_t y = box.y; y < box.y + box.height; y++)
        for (int64_t x = box.x; x < box.x + box.width; x++)
            memcpy(pixel_at(picture, x, y), pixel, (size_t)picture->channels);
}

void draw_frame(struct picture *picture, struct box box, int64_t thickness, struct rgb colour)
{
    struct box top = {box.x, box.y, box.width, thickness}, left = {box.x, box.y, thickness, box.height};
    struct box bottom = top, right = left;
    bottom.y += box.height - thickness;
    right.x += box.width - thickness;
    draw_fill(picture, top, colour);
    draw_fill(picture, bottom, colour);
    draw_fill(picture, left, colour);
    draw_fill(picture, right, colour);
}

void draw_text(struct picture *picture, int64_t x, int64_t y, const char *text, int scale, struct rgb colour)
{
    for (uint32_t code; (code = font_next(&text));) {
        struct glyph glyph = font_glyph(code);
        for (int row = 0; row < FONT_HEIGHT; row++)
            for (int column = 0; column < glyph.columns; column++)
                if (glyph.rows[row][column] == '#')
                    draw_fill(picture, (struct box){x + column * scale, y + row * scale, scale, scale},
                              colour);
        x += glyph.advance * scale;
    }
}

int64_t draw_text_width(const char *text, int scale)
{
    int64_t columns = 0;
    for (uint32_t code; (code = font_next(&text));)
        columns += font_glyph(code).advance;
    return columns ? (columns - 1) * scale : 0;
}

/* Composites `count` pixels of `from` onto `to`. */
static void composite_row(unsigned char *to, int to_channels, const unsigned char *from, int from_channels,
                          int64_t count)
{
    if (to_channels == from_channels) {
        memcpy(to, from, (size_t)(count * to_channels));
        return;
    }
    for (; count > 0; count--, to += to_channels, from += from_channels) {
        int alpha = from_channels == 4 ? from[3] : 255;
        for (int c = 0; c < 3; c++)
            to[c] = (unsigned char)((from[c] * alpha + to[c] * (255 - alpha) + 127) / 255);
        if (to_channels == 4)
            to[3] = 255;
    }
}

void draw_picture(struct picture *picture, int64_t x, int64_t y, const struct picture *from)
{
    struct box box = clip(picture, (struct box){x, y, from->width, from->height});
    for (int64_t row = box.y; box.width > 0 && row < box.y + box.height; row++)
        composite_row(pixel_at(picture, box.x, row), picture->channels, pixel_at(from, box.x - x, row - y),
                      from->channels, box.width);
}
