/* picture_probe.c - see picture_probe.h: recognises formats by their first bytes. */
#include "engine/pictures/picture_probe.h"
#include "engine/base/file_kinds.h"
#include "engine/pictures/metadata.h"

#include <stdio.h>
#include <string.h>

static bool has_bytes(const struct picture_bytes *file, int at, int size, const char *bytes)
{
    return file->size >= (size_t)(at + size) && memcmp(file->bytes + at, bytes, (size_t)size) == 0;
}

static limn_status fail_unknown(const struct picture_bytes *file, limn_error *error)
{
    const struct file_kind *kind = file_kind_find(file->bytes, file->size);
    if (file->size == 0)
        return fail(error, LIMN_E_INPUT, "%s: the file is empty, a PNG, JPEG, BMP or PNM picture expected",
                    file->name);
    if (kind && kind->group == FILE_OTHER_PICTURE)
        return fail(error, LIMN_E_INPUT,
                    "%s: not a picture limn reads (%s); convert it to PNG, JPEG, BMP or PNM", file->name,
                    kind->name);
    if (kind)
        return fail_foreign(file->name, kind, LIMN_E_INPUT, "a picture", error);
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
        return has_bytes(file, 12, 4, "CgBI") ? fail_unknown(file, error) : png_probe(file, header, error);
    if (has_bytes(file, 0, 3, "\xff\xd8\xff") && !has_bytes(file, 3, 1, "\xf7"))
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
