/* jpeg_probe.c - see picture_header.h: walks the segments of a JPEG (ITU-T T.81, annex B).
 *
 *     FF marker [length (2, counting itself)  data]
 *
 * A start of scan (SOS) is followed by entropy-coded data without a length. In it a byte FF is followed by 00
 * or starts a restart marker; any other marker ends the data. The decoder reads missing data as zero bits and
 * does not notice a truncated file; this probe refuses a file without an end marker (EOI). */
#include "engine/pictures/bytes.h"
#include "engine/pictures/picture_header.h"
#include "layers/sizes.h"

#include <string.h>

enum { SOF0 = 0xc0, SOF2 = 0xc2, SOF3 = 0xc3, SOF9 = 0xc9, SOF15 = 0xcf, DHT = 0xc4 };
enum { TEM = 0x01, RST0 = 0xd0, SOI = 0xd8, EOI = 0xd9, SOS = 0xda, APP1 = 0xe1, APP2 = 0xe2 };

/* Limits on scans. Each costs a pass over the picture, however few bytes it has. Encoders write about ten. A
 * valid file sends every coefficient of a block once, or, if progressive, at most 14 times, once for each
 * bit. */
enum { MOST_SCANS = 500, BLOCK = 64, MOST_BITS = 14 };

/* The values of the frame header against which scans are checked. */
struct frame {
    int components;
    bool progressive;
    int64_t blocks;   /* of 8 x 8 samples, in all components */
    int coefficients; /* how many scans may still send, over all components */
};

/* The offset of the second byte of the next marker at or after `at`, or the size of the file. Skips fill
 * bytes and stray bytes between segments. */
static size_t next_marker(const struct picture_bytes *file, size_t at)
{
    while (at < file->size) {
        const unsigned char *found = memchr(file->bytes + at, 0xff, file->size - at);
        if (!found)
            break;
        at = (size_t)(found - file->bytes) + 1;
        if (at < file->size && file->bytes[at] != 0 && file->bytes[at] != 0xff)
            return at;
    }
    return file->size;
}

static limn_status fail_frame(const struct picture_bytes *file, const char *what, limn_error *error)
{
    return fail(error, LIMN_E_INPUT,
                "%s: %s JPEG is not supported, 8-bit grey, YCbCr or RGB, Huffman-coded expected", file->name,
                what);
}

/* The kind of an unsupported frame header (table B.1). */
static const char *frame_kind(int marker)
{
    if (marker >= SOF9)
        return "arithmetic-coded";
    return marker == SOF3 ? "lossless" : "hierarchical";
}

/* The number of 8 x 8 blocks of all components. `components` has 3 bytes each; the second is the relative
 * sampling, across << 4 | down. `padded`: to whole minimum coded units of an interleaved scan, as the decoder
 * stores them. */
static int64_t count_blocks(const struct picture_header *header, const unsigned char *components, int count,
                            bool padded)
{
    int64_t most_across = 1, most_down = 1, blocks = 0;
    for (int i = 0; i < count; i++) {
        int across = components[3 * i + 1] >> 4, down = components[3 * i + 1] & 15;
        most_across = across > most_across ? across : most_across;
        most_down = down > most_down ? down : most_down;
    }
    for (int i = 0; i < count; i++) {
        int across = components[3 * i + 1] >> 4, down = components[3 * i + 1] & 15;
        if (padded)
            blocks += divide_up(header->width, 8 * most_across) * across *
                      divide_up(header->height, 8 * most_down) * down;
        else
            blocks += divide_up(divide_up(header->width * across, most_across), 8) *
                      divide_up(divide_up(header->height * down, most_down), 8);
    }
    return blocks;
}

/* SOF: precision, height (2), width (2), number of components, 3 bytes each: name, sampling, table. */
static limn_status read_frame(const struct picture_bytes *file, int marker, const unsigned char *data,
                              size_t size, struct frame *frame, struct picture_header *header,
                              limn_error *error)
{
    if (marker > SOF2)
        return fail_frame(file, frame_kind(marker), error);
    if (size < 6 || size < 6 + 3 * (size_t)data[5])
        return fail(error, LIMN_E_INPUT, "%s: JPEG frame header of %zu bytes is too short", file->name, size);
    if (header->width)
        return fail(error, LIMN_E_INPUT, "%s: JPEG with a second frame header, the file is damaged",
                    file->name);
    if (data[0] != 8)
        return fail(error, LIMN_E_INPUT, "%s: JPEG with %d bits a sample, 8 expected", file->name, data[0]);
    header->kind = PICTURE_JPEG;
    header->height = read_16be(data + 1);
    header->width = read_16be(data + 3);
    if (data[5] == 4)
        return fail_frame(file, "CMYK or YCCK", error);
    if (data[5] != 1 && data[5] != 3)
        return fail(error, LIMN_E_INPUT, "%s: JPEG with %d components, 1 or 3 expected", file->name, data[5]);
    frame->components = data[5];
    frame->progressive = marker == SOF2;
    frame->blocks = count_blocks(header, data + 6, data[5], false);
    frame->coefficients = BLOCK * frame->components * (frame->progressive ? MOST_BITS : 1);
    /* For progressive files the decoder also holds a 16-bit coefficient per sample. */
    header->planes =
        (size_t)(BLOCK * count_blocks(header, data + 6, data[5], true)) * (frame->progressive ? 3 : 1);
    return picture_check_size(file->name, header->width, header->height, error);
}

/* DHT: class and index, 16 counts of codes by length, then as many values. The decoder's tables hold 256
 * codes; it checks neither that number nor that the codes of each length fit. */
static bool huffman_tables_sound(const unsigned char *data, size_t size)
{
    while (size >= 17) {
        uint32_t codes = 0, room = 1;
        for (int i = 1; i <= 16; i++) {
            codes += data[i];
            room *= 2;
            if (data[i] > room)
                return false;
            room -= data[i];
        }
        if (codes > 256 || codes > size - 17)
            return false;
        data += 17 + codes;
        size -= 17 + codes;
    }
    return size == 0;
}

/* SOS: number of components, 2 bytes each, the first and the last coefficient, their bit positions. */
static limn_status read_scan(const struct picture_bytes *file, const unsigned char *data, size_t size,
                             struct frame *frame, limn_error *error)
{
    if (!frame->components)
        return fail(error, LIMN_E_INPUT, "%s: JPEG scan comes before the frame header", file->name);
    if (size < 1 || size != 4 + 2 * (size_t)data[0])
        return fail(error, LIMN_E_INPUT, "%s: JPEG scan header of %zu bytes is damaged", file->name, size);
    int components = data[0], first = data[1 + 2 * components], last = data[2 + 2 * components];
    frame->coefficients -= components * (frame->progressive ? last - first + 1 : BLOCK);
    if ((frame->progressive && last < first) || frame->coefficients < 0)
        return fail(error, LIMN_E_INPUT, "%s: JPEG scan repeats coefficients %d to %d, the file is damaged",
                    file->name, first, last);
    return LIMN_OK;
}

static void read_metadata(int marker, const unsigned char *data, size_t size, struct picture_header *header)
{
    if (marker == APP1 && size > 6 && memcmp(data, "Exif\0\0", 6) == 0)
        header->orientation = exif_orientation(data + 6, size - 6);
    /* "ICC_PROFILE", 0, number of this part, number of parts: the first part holds the description. */
    if (marker == APP2 && size > 14 && memcmp(data, "ICC_PROFILE", 12) == 0 && data[12] == 1)
        icc_describe(data + 14, size - 14, header);
}

limn_status jpeg_probe(const struct picture_bytes *file, struct picture_header *header, limn_error *error)
{
    struct frame frame = {0};
    size_t at = 2, coded = 0; /* coded: bytes of entropy-coded data */
    int scans = 0;
    bool in_scan = false;
    for (;;) {
        size_t from = at;
        at = next_marker(file, from);
        if (at >= file->size)
            return picture_ends_early(file, "JPEG", error);
        coded += in_scan ? at - from : 0;
        int marker = file->bytes[at++];
        if (marker == EOI)
            break;
        if (marker == TEM || (marker >= RST0 && marker <= SOI))
            continue;
        size_t left = file->size - at;
        if (left < 2 || read_16be(file->bytes + at) < 2 || read_16be(file->bytes + at) > left)
            return picture_ends_early(file, "JPEG", error);
        const unsigned char *data = file->bytes + at + 2;
        size_t size = read_16be(file->bytes + at) - 2;
        limn_status status = LIMN_OK;
        in_scan = marker == SOS;
        if (marker == DHT && !huffman_tables_sound(data, size))
            status =
                fail(error, LIMN_E_INPUT, "%s: JPEG Huffman table at byte %zu is damaged", file->name, at);
        else if (marker == SOF0 || (marker > SOF0 && marker <= SOF15 && marker % 4 != 0))
            status = read_frame(file, marker, data, size, &frame, header, error);
        else if (marker == SOS && ++scans > MOST_SCANS)
            status = fail(error, LIMN_E_INPUT, "%s: JPEG with more than %d scans", file->name, MOST_SCANS);
        else if (marker == SOS)
            status = read_scan(file, data, size, &frame, error);
        else
            read_metadata(marker, data, size, header);
        if (status)
            return status;
        at += 2 + size;
    }
    if (!scans)
        return fail(error, LIMN_E_INPUT, "%s: JPEG without picture data (a scan)", file->name);
    /* Every block takes at least one bit. */
    if ((int64_t)coded * 8 < frame.blocks)
        return picture_ends_early(file, "JPEG", error);
    return LIMN_OK;
}
