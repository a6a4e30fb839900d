/* segment_view.c - see segment_view.h. */
#include "engine/pipelines/segment_view.h"
#include "engine/pictures/draw.h"
#include "engine/pictures/legend.h"

#include <string.h>

const char *const segment_view_names[VIEWS] = {"mask", "color", "overlay", "side", "cutout"};

void classes_count(const struct picture *classes, int64_t counts[CLASSES_MOST])
{
    memset(counts, 0, CLASSES_MOST * sizeof *counts);
    for (int64_t p = 0; p < classes->width * classes->height; p++)
        counts[classes->pixels[p]]++;
}

static void voc_colours(struct mask_values *voc)
{
    for (int i = 0; i < CLASSES_MOST; i++) {
        struct rgb colour = palette_voc(i);
        memcpy(voc->colours[i], (unsigned char[]){colour.red, colour.green, colour.blue, 255}, 4);
    }
}

/* Paints each pixel from the source's pixel and the colour of its class. */
static void paint(enum segment_view view, const struct picture *source, const struct picture *classes,
                  const struct mask_values *values, struct picture *painted)
{
    const unsigned char *in = source->pixels;
    unsigned char *out = painted->pixels;
    int64_t pixels = classes->width * classes->height;
    for (int64_t p = 0; p < pixels; p++, in += source->channels, out += painted->channels) {
        unsigned char class = classes->pixels[p];
        if (view == VIEW_OVERLAY) {
            memcpy(out, in, (size_t)source->channels);
            for (int c = 0; c < 3 && class; c++)
                out[c] = (unsigned char)((in[c] + values->colours[class][c] + 1) / 2);
        } else if (view == VIEW_CUTOUT) {
            memcpy(out, in, 3);
            out[3] = class == 0 ? 0 : source->channels == 4 ? in[3] : 255;
        } else {
            memcpy(out, values->colours[class], (size_t)painted->channels);
        }
    }
}

/* ---- side by side ------------------------------------------------------------------------ */

/* The classes found, those with most pixels first, with equal ones in the order of their numbers. */
static size_t list_classes(const struct picture *classes, const struct labels *labels,
                           struct legend_entry entries[CLASSES_MOST])
{
    int64_t counts[CLASSES_MOST], pixels = classes->width * classes->height;
    size_t found = 0;
    classes_count(classes, counts);
    for (int i = 0; i < labels->count; i++) {
        if (!counts[i])
            continue;
        struct legend_entry entry = {palette_voc(i), labels->names[i], (double)counts[i] / (double)pixels};
        size_t at = found++;
        for (; at > 0 && entries[at - 1].share < entry.share; at--)
            entries[at] = entries[at - 1];
        entries[at] = entry;
    }
    return found;
}

/* The largest text with which the legend is no higher than the picture and takes no more than a third of its
 * width, or half for text that is small; else the smallest that can be read. */
static int legend_scale(const struct legend_entry *entries, size_t count, const struct picture *source)
{
    enum { LARGEST = 16 };
    for (int scale = LARGEST; scale > 1; scale--) {
        int64_t height, width;
        legend_size(entries, count, scale, &height, &width);
        if (height <= source->height && width <= source->width / (scale > 2 ? 3 : 2))
            return scale;
    }
    return 1;
}

static limn_status paint_side(const struct picture *source, const struct picture *classes,
                              const struct labels *labels, const struct picture *colours,
                              struct picture *painted, limn_error *error)
{
    static const struct rgb white = {255, 255, 255};
    struct legend_entry entries[CLASSES_MOST];
    struct picture legend;
    size_t count = list_classes(classes, labels, entries);
    int scale = legend_scale(entries, count, source);
    int64_t width = source->width, height, legend_width;
    legend_size(entries, count, scale, &height, &legend_width);
    height = height > source->height ? height : source->height;
    limn_status status = legend_draw(entries, count, scale, height, legend_width, &legend, error);
    if (status != LIMN_OK)
        return status;
    status = picture_create(2 * width + legend_width, height, 3, painted, error);
    if (status == LIMN_OK) {
        draw_fill(painted, (struct box){0, 0, 2 * width, height}, white);
        draw_picture(painted, 0, 0, source);
        draw_picture(painted, width, 0, colours);
        draw_picture(painted, 2 * width, 0, &legend);
    }
    picture_free(&legend);
    return status;
}

/* ---- all --------------------------------------------------------------------------------- */

static int view_channels(enum segment_view view, const struct picture *source,
                         const struct mask_values *values)
{
    switch (view) {
    case VIEW_MASK:
        return values->channels;
    case VIEW_OVERLAY:
        return source->channels;
    case VIEW_CUTOUT:
        return 4;
    default:
        return 3;
    }
}

limn_status segment_paint(enum segment_view view, const struct picture *source, const struct picture *classes,
                          const struct labels *labels, const struct mask_values *values,
                          struct picture *painted, limn_error *error)
{
    struct mask_values voc = {0};
    limn_status status =
        picture_create(source->width, source->height, view_channels(view, source, values), painted, error);
    if (status != LIMN_OK)
        return status;
    voc_colours(&voc);
    paint(view, source, classes, view == VIEW_MASK ? values : &voc, painted);
    if (view != VIEW_SIDE)
        return LIMN_OK;
    struct picture flat = *painted;
    *painted = (struct picture){0};
    status = paint_side(source, classes, labels, &flat, painted, error);
    picture_free(&flat);
    return status;
}

/* The side view's size, and the legend's within it, at most: for all classes in the least text, or for half
 * the picture's width in a larger one. */
static void side_size(const struct picture *source, const struct labels *labels, int64_t *height,
                      int64_t *legend_width)
{
    struct legend_entry entries[CLASSES_MOST];
    for (int i = 0; i < labels->count; i++)
        entries[i] = (struct legend_entry){.name = labels->names[i], .share = 0.5};
    legend_size(entries, (size_t)labels->count, 1, height, legend_width);
    *height = *height > source->height ? *height : source->height;
    *legend_width = *legend_width > source->width / 2 ? *legend_width : source->width / 2;
}

size_t segment_paint_bytes(enum segment_view view, const struct picture *source, const struct labels *labels,
                           const struct mask_values *values, const struct picture_target *target)
{
    int channels = view_channels(view, source, values);
    int64_t width = source->width, height = source->height, legend_width;
    size_t flat = (size_t)(width * height * channels);
    if (view != VIEW_SIDE)
        return flat + picture_writer_bytes(target, width, height, channels);
    side_size(source, labels, &height, &legend_width);
    width = 2 * width + legend_width;
    size_t painted = (size_t)(width * height * channels);
    size_t painting = flat + (size_t)(legend_width * height * channels);
    size_t writing = picture_writer_bytes(target, width, height, channels);
    return painted + (painting > writing ? painting : writing);
}
