/* jpeg_read.c - see picture_header.h: decodes the planes with stb_image, then makes the pixels from them. */
#include "engine/base/memory.h"
#include "engine/pictures/jpeg_copy.h"
#include "engine/pictures/jpeg_enlarge.h"
#include "engine/pictures/jpeg_segments.h"
#include "engine/pictures/png_crc.h"
#include "engine/pictures/stb.h"

#include <string.h>

/* Bytes that follow the data of a file without an end marker. stb reads zero bits after an end marker, and
 * these bits in front of it. */
static const unsigned char end_marker[] = {0xff, JPEG_EOI};
static const unsigned char other_end[] = {0xfe, 0xfe, 0xfe, 0xfe, 0xfe, 0xfe, 0xfe, 0xfe, 0xff, JPEG_EOI};

struct decoding {
    const struct picture_bytes *file;
    unsigned char *copy;
    size_t size, most_block;
};

static limn_status decode_planes(const struct decoding *decoding, const unsigned char *end, size_t end_size,
                                 struct stb_jpeg *jpeg, limn_error *error)
{
    struct stb_failure failure;
    const char *name = decoding->file->name;
    memcpy(decoding->copy + decoding->size, end, end_size);
    if (stb_decode_jpeg(decoding->copy, decoding->size + end_size, decoding->most_block, jpeg, &failure))
        return LIMN_OK;
    if (failure.no_memory)
        return fail_memory(error, name, failure.no_memory);
    return fail(error, LIMN_E_INPUT, "%s: JPEG data cannot be decoded (%s), the file is damaged", name,
                failure.reason);
}

/* Of all blocks, also those outside the picture. */
static uint32_t checksum(const struct stb_jpeg *jpeg)
{
    uint32_t crc = 0;
    for (int c = 0; c < jpeg->components; c++)
        crc = png_crc(crc, jpeg->planes[c].samples,
                      (size_t)(jpeg->planes[c].stride * jpeg->planes[c].stored_height));
    return crc;
}

/* Decodes a file without an end marker with two endings. If its data are complete, no bit after them matters;
 * if not, already the first bit that is missing makes a difference. */
static limn_status decode_unmarked(struct decoding *decoding, struct stb_jpeg *jpeg, limn_error *error)
{
    while (decoding->copy[decoding->size - 1] == 0xff) /* the first half of a marker */
        decoding->size--;
    limn_status status = decode_planes(decoding, other_end, sizeof other_end, jpeg, NULL);
    uint32_t crc = checksum(jpeg);
    stb_jpeg_free(jpeg);
    if (status == LIMN_E_INPUT)
        return picture_ends_early(decoding->file, "JPEG", error);
    status = decode_planes(decoding, end_marker, sizeof end_marker, jpeg, error);
    if (!status && checksum(jpeg) != crc) {
        stb_jpeg_free(jpeg);
        status = picture_ends_early(decoding->file, "JPEG", error);
    }
    return status;
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
    size_t bytes = jpeg_copy_bytes(header) + sizeof other_end;
    struct decoding decoding = {file, mem_alloc(bytes), 0, most_block};
    struct stb_jpeg jpeg;
    if (!decoding.copy)
        return fail_memory(error, file->name, bytes);
    decoding.size = jpeg_copy(file, header, decoding.copy);
    limn_status status = header->jpeg.unmarked
                             ? decode_unmarked(&decoding, &jpeg, error)
                             : decode_planes(&decoding, end_marker, sizeof end_marker, &jpeg, error);
    mem_free(decoding.copy);
    if (!status)
        status = make_pixels(file->name, &jpeg, header, picture, error);
    stb_jpeg_free(&jpeg);
    return status;
}
