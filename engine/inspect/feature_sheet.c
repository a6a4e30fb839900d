/* feature_sheet.c - see feature_sheet.h. */
#include "engine/inspect/feature_sheet.h"
#include "engine/pictures/draw.h"
#include "engine/pictures/font.h"
#include "engine/pictures/sheet.h"
#include "weights/number.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

enum { SIDE_LEAST = 96, SIDE_MOST = 256, COLUMNS = 8, WIDTH_LEAST = 480, LINES = 4, TEXT = 320 };

static const struct rgb nan_colour = {230, 0, 190}, infinite_colour = {0, 200, 220}, ink = {40, 40, 40};

/* ---- values ------------------------------------------------------------------------------ */

struct range {
    float least, largest; /* of the finite values; least > largest when there is none */
    int64_t nans, infinites;
};

/* The range of `count` channels from `first` on, in the first `pixels` pixels. */
static struct range range_of(const struct tensor *value, int64_t pixels, int64_t first, int64_t count)
{
    struct range range = {.least = INFINITY, .largest = -INFINITY};
    for (int64_t p = 0; p < pixels; p++)
        for (int64_t c = first; c < first + count; c++) {
            float x = value->data[p * value->stride + c];
            range.nans += isnan(x);
            range.infinites += isinf(x) != 0;
            if (isfinite(x)) {
                range.least = x < range.least ? x : range.least;
                range.largest = x > range.largest ? x : range.largest;
            }
        }
    return range;
}

static void range_text(const struct range *range, char *text, size_t size)
{
    if (range->least > range->largest)
        snprintf(text, size, "no number");
    else if (range->least < range->largest)
        number_print(text, size, "%.3g .. %.3g", (double)range->least, (double)range->largest);
    else
        number_print(text, size, "all %.3g", (double)range->least);
}

/* ---- tiles ------------------------------------------------------------------------------- */

struct tile {
    int64_t enlarge, shrink; /* one of them is 1 */
    struct picture picture;
};

static limn_status tile_create(const struct tensor *value, struct tile *tile, limn_error *error)
{
    int64_t longer = value->h > value->w ? value->h : value->w;
    tile->enlarge = longer < SIDE_LEAST ? (SIDE_LEAST + longer - 1) / longer : 1;
    tile->shrink = (longer + SIDE_MOST - 1) / SIDE_MOST;
    int64_t width = (value->w + tile->shrink - 1) / tile->shrink * tile->enlarge;
    int64_t height = (value->h + tile->shrink - 1) / tile->shrink * tile->enlarge;
    return picture_create(width, height, 3, &tile->picture, error);
}

/* The mean of a channel over a square with its upper left corner at (x, y), clipped to the map. */
static double mean_of_square(const struct tensor *value, int64_t channel, int64_t x, int64_t y, int64_t side)
{
    int64_t right = x + side < value->w ? x + side : value->w,
            below = y + side < value->h ? y + side : value->h;
    double sum = 0;
    for (int64_t row = y; row < below; row++)
        for (int64_t column = x; column < right; column++)
            sum += (double)value->data[(row * value->w + column) * value->stride + channel];
    return sum / (double)((right - x) * (below - y));
}

static struct rgb colour_of(double x, const struct range *range)
{
    if (!isfinite(x))
        return isnan(x) ? nan_colour : infinite_colour;
    double span = (double)range->largest - (double)range->least;
    double level = span > 0 ? (x - (double)range->least) / span : 0.5;
    unsigned char grey = (unsigned char)(level * 255 + 0.5);
    return (struct rgb){grey, grey, grey};
}

static void tile_paint(struct tile *tile, const struct tensor *value, int64_t channel,
                       const struct range *range)
{
    int64_t side = tile->enlarge;
    for (int64_t y = 0; y * side < tile->picture.height; y++)
        for (int64_t x = 0; x * side < tile->picture.width; x++) {
            double mean = mean_of_square(value, channel, x * tile->shrink, y * tile->shrink, tile->shrink);
            draw_fill(&tile->picture, (struct box){x * side, y * side, side, side}, colour_of(mean, range));
        }
}

/* ---- sheet ------------------------------------------------------------------------------- */

struct heading {
    char lines[LINES][TEXT];
    int count;
    int warning; /* the line drawn in the colour of NaN, or -1 */
};

static struct heading heading_of(const struct tensor *value, const struct range *all, const char *name,
                                 int64_t shown)
{
    struct heading heading = {.warning = -1};
    char numbers[64];
    range_text(all, numbers, sizeof numbers);
    snprintf(heading.lines[heading.count++], TEXT, "%s", name);
    snprintf(heading.lines[heading.count++], TEXT, "%" PRId64 "x%" PRId64 "x%" PRId64 "x%" PRId64 ", %s%s",
             value->n, value->c, value->h, value->w, numbers,
             value->n > 1 ? "; the first picture of the batch" : "");
    if (all->nans || all->infinites) {
        heading.warning = heading.count;
        snprintf(heading.lines[heading.count++], TEXT, "%" PRId64 " NaN, %" PRId64 " infinite", all->nans,
                 all->infinites);
    }
    if (shown < value->c)
        snprintf(heading.lines[heading.count++], TEXT, "channels 0 to %" PRId64, shown - 1);
    return heading;
}

/* Eight in a row, more to make a square of more than 64, and enough for the width of the heading. */
static int columns_for(int64_t count, int64_t width)
{
    int columns = count < COLUMNS ? (int)count : COLUMNS;
    while (columns * (int64_t)columns < count || columns * width < WIDTH_LEAST)
        columns++;
    return columns;
}

limn_status feature_sheet(const struct tensor *value, const char *name, int64_t most, struct picture *sheet,
                          limn_error *error)
{
    enum { LINE = FONT_HEIGHT + 4, MARGIN = 8 };
    int64_t shown = value->c < most ? value->c : most;
    struct range all = range_of(value, tensor_pixels(value), 0, value->c);
    struct heading heading = heading_of(value, &all, name, shown);
    struct tile tile = {0};
    struct sheet made = {0};
    limn_status status = tile_create(value, &tile, error);
    if (status == LIMN_OK)
        status =
            sheet_create(tile.picture.width, tile.picture.height, (int)shown,
                         columns_for(shown, tile.picture.width), MARGIN + heading.count * LINE, &made, error);
    for (int i = 0; status == LIMN_OK && i < heading.count; i++)
        draw_text(&made.picture, MARGIN, MARGIN + i * LINE, heading.lines[i], 1,
                  i == heading.warning ? nan_colour : ink);
    for (int64_t channel = 0; status == LIMN_OK && channel < shown; channel++) {
        struct range range = range_of(value, value->h * value->w, channel, 1);
        char numbers[64], caption[96];
        range_text(&range, numbers, sizeof numbers);
        snprintf(caption, sizeof caption, "%" PRId64 ": %s", channel, numbers);
        tile_paint(&tile, value, channel, value->h * value->w > 1 ? &range : &all);
        sheet_put(&made, (int)channel, &tile.picture, caption);
    }
    picture_free(&tile.picture);
    *sheet = made.picture;
    return status;
}
