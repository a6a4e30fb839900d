/* jpeg_read.c - see picture_header.h: decodes the planes with stb_image, then makes the pixels from them. */
#include "engine/base/memory.h"
#include "engine/pictures/jpeg_copy.h"
#include "engine/pictures/jpeg_enlarge.h"
#include "engine/pictures/stb.h"

#include <string.h>

/* `copy` has room for a copy of the file. */
static limn_status decode_planes(const struct picture_bytes *file, const struct picture_header *header,
                                 unsigned char *copy, size_t most_block, struct stb_jpeg *jpeg,
                                 limn_error *error)
{
    size_t size = jpeg_copy(file, header, copy);
    struct stb_failure failure;
    memcpy(copy + size, stb_jpeg_end, STB_JPEG_END);
    if (stb_decode_jpeg(copy, size + STB_JPEG_END, header->jpeg.blocks, most_block, jpeg, &failure))
        return LIMN_OK;
    if (failure.no_memory)
        return fail_memory(error, file->name, failure.no_memory);
    if (failure.ends_early)
        return picture_ends_early(file, "JPEG", error);
    return fail(error, LIMN_E_INPUT, "%s: JPEG data cannot be decoded (%s), the file is damaged", file->name,
                failure.reason);
}

static limn_status make_pixels(const char *name, const struct stb_jpeg *jpeg,
                               const struct picture_header *header, struct picture *picture,
                               limn_error *error)
{
    size_t rows_bytes = jpeg_rows_bytes(header->width);
    void *rows = mem_alloc(rows_bytes);
    if (!rows)
        return fail_memory(error, name, rows_bytes);
    limn_status status = picture_create(header->width, header->height, 3, picture, error);
    if (!status)
        jpeg_to_rgb(jpeg, header->width, header->height, header->jpeg.rgb, rows, picture->pixels);
    mem_free(rows);
    return status;
}

limn_status jpeg_read(const struct picture_bytes *file, const struct picture_header *header,
                      size_t most_block, struct picture *picture, limn_error *error)
{
    size_t bytes = jpeg_copy_bytes(header) + STB_JPEG_END;
    unsigned char *copy = mem_alloc(bytes);
    struct stb_jpeg jpeg;
    if (!copy)
        return fail_memory(error, file->name, bytes);
    limn_status status = decode_planes(file, header, copy, most_block, &jpeg, error);
    mem_free(copy);
    if (!status)
        status = make_pixels(file->name, &jpeg, header, picture, error);
    stb_jpeg_free(&jpeg);
    return status;
}
