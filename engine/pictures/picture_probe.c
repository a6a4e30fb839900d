/* picture_probe.c - see picture_probe.h: recognises formats by their first bytes. */
#include "engine/pictures/picture_probe.h"
#include "engine/pictures/metadata.h"

#include <stdio.h>
#include <string.h>

/* Unsupported formats that the error message names. */
static const struct {
    const char *name;
    int at, size;
    const char *bytes;
} refused[] = {
    {"WebP", 8, 4, "WEBP"},
    {"AVIF", 4, 8, "ftypavif"},
    {"AVIF", 4, 8, "ftypavis"},
    {"HEIC", 4, 8, "ftypheic"},
    {"HEIC", 4, 8, "ftypheix"},
    {"HEIC", 4, 8, "ftyphevc"},
    {"HEIC", 4, 8, "ftyphevx"},
    {"HEIF", 4, 8, "ftypmif1"},
    {"HEIF", 4, 8, "ftypmsf1"},
    {"MP4 or similar", 4, 4, "ftyp"},
    {"TIFF (or a camera's raw format)", 0, 4, "II*\0"},
    {"TIFF (or a camera's raw format)", 0, 4, "MM\0*"},
    {"BigTIFF", 0, 4, "II+\0"},
    {"BigTIFF", 0, 4, "MM\0+"},
    {"GIF", 0, 4, "GIF8"},
    {"JPEG XL", 0, 2, "\xff\x0a"},
    {"JPEG XL", 0, 8, "\0\0\0\x0cJXL "},
    {"JPEG 2000", 0, 8, "\0\0\0\x0cjP  "},
    {"JPEG 2000", 0, 4, "\xff\x4f\xff\x51"},
    {"Photoshop (PSD)", 0, 4, "8BPS"},
    {"OpenEXR", 0, 4, "\x76\x2f\x31\x01"},
    {"Radiance HDR", 0, 3, "#?R"},
    {"DDS", 0, 4, "DDS "},
    {"QOI", 0, 4, "qoif"},
    {"Windows icon", 0, 4, "\0\0\1\0"},
    {"MNG", 0, 4, "\x8aMNG"},
    {"JNG", 0, 4, "\x8bJNG"},
    {"PAM (P7)", 0, 3, "P7\n"},
    {"PFM", 0, 3, "PF\n"},
    {"PFM", 0, 3, "Pf\n"},
    {"PDF", 0, 4, "%PDF"},
    {"SVG or other XML", 0, 4, "<svg"},
    {"SVG or other XML", 0, 5, "<?xml"},
};

static bool has_bytes(const struct picture_bytes *file, int at, int size, const char *bytes)
{
    return file->size >= (size_t)(at + size) && memcmp(file->bytes + at, bytes, (size_t)size) == 0;
}

static limn_status fail_unsupported(const struct picture_bytes *file, const char *format, limn_error *error)
{
    return fail(error, LIMN_E_INPUT, "%s: not a picture limn reads (%s); convert it to PNG, JPEG, BMP or PNM",
                file->name, format);
}

static limn_status fail_unknown(const struct picture_bytes *file, limn_error *error)
{
    if (file->size == 0)
        return fail(error, LIMN_E_INPUT, "%s: the file is empty, a PNG, JPEG, BMP or PNM picture expected",
                    file->name);
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        if (has_bytes(file, refused[i].at, refused[i].size, refused[i].bytes))
            return fail_unsupported(file, refused[i].name, error);
    char start[32] = "";
    for (size_t i = 0; i < 8 && i < file->size; i++)
        snprintf(start + 3 * i, sizeof start - 3 * i, " %02x", file->bytes[i]);
    return fail(error, LIMN_E_INPUT, "%s: starts with%s, a PNG, JPEG, BMP or PNM picture expected",
                file->name, start);
}

static limn_status probe(const struct picture_bytes *file, struct picture_header *header, limn_error *error)
{
    *header = (struct picture_header){.orientation = 1, .depth = 8};
    if (has_bytes(file, 0, 8, "\x89PNG\r\n\x1a\n"))
        return png_probe(file, header, error);
    if (has_bytes(file, 0, 4, "\xff\xd8\xff\xf7"))
        return fail_unsupported(file, "JPEG-LS", error);
    if (has_bytes(file, 0, 3, "\xff\xd8\xff"))
        return jpeg_probe(file, header, error);
    if (has_bytes(file, 0, 2, "BM"))
        return bmp_probe(file, header, error);
    if (file->size >= 3 && file->bytes[0] == 'P' && file->bytes[1] >= '1' && file->bytes[1] <= '6')
        return pnm_probe(file, header, error);
    return fail_unknown(file, error);
}

limn_status picture_probe(const struct picture_bytes *file, struct picture_header *header, limn_error *error)
{
    limn_status status = probe(file, header, error);
    header->metadata = status ? 0 : metadata_bytes(file->bytes, file->size);
    return status;
}
