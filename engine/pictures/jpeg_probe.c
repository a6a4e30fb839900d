/* jpeg_probe.c - see picture_header.h: walks the segments of a JPEG (ITU-T T.81, annex B).
 *
 * A decoder reads missing data as zero bits and does not notice a truncated file. This probe refuses a file
 * whose scans do not send every component, whose restart markers do not fit its size, or that has less than a
 * bit for each block. It accepts what libjpeg accepts and warns of: stray bytes between segments, anything
 * after the end marker, components with odd names. Without an end marker, it accepts only a baseline file;
 * the reader then checks that the data are complete. */
#include "engine/pictures/bytes.h"
#include "engine/pictures/jpeg_segments.h"
#include "layers/sizes.h"

#include <string.h>

/* Limits on scans. Each costs a pass over the picture, however few bytes it has. Encoders write about
 * ten. A valid file sends every coefficient of a block once, or, if progressive, at most 14 times, once
 * for each bit. */
enum { MOST_SCANS = 500, BLOCK = 64, MOST_BITS = 14 };

/* libjpeg smooths a progressive picture, against blocks that show, if it has any of these coefficients (in
 * zigzag order) without all of their bits. Decoders without that show another picture. */
enum { FIRST_SMOOTHED = 1, LAST_SMOOTHED = 9 };

enum { UNSENT = -1 };

struct probe {
    const struct picture_bytes *file;
    struct picture_header *header;
    struct jpeg_frame frame;
    bool quantiser[4], huffman[2][4]; /* the tables so far; Huffman: for DC, for AC */
    bool jfif, adobe, adobe_rgb;
    int64_t interval;          /* MCUs from one restart marker to the next; 0: none */
    int coefficients;          /* how many scans may still send, over all components */
    signed char bit[3][BLOCK]; /* of each component's coefficients, the lowest bit that was sent, or UNSENT */
    int scans;
    size_t misfit_at; /* the first scan whose restart markers do not fit its size, or 0 */
    size_t coded;     /* bytes of entropy-coded data */
};

static limn_status fail_frame(const struct picture_bytes *file, const char *what, limn_error *error)
{
    return fail(error, LIMN_E_INPUT,
                "%s: %s JPEG is not supported, 8-bit grey, YCbCr or RGB, Huffman-coded expected", file->name,
                what);
}

static limn_status fail_segment(const struct picture_bytes *file, const struct jpeg_segment *segment,
                                const char *what, limn_error *error)
{
    return fail(error, LIMN_E_INPUT, "%s: JPEG %s at byte %zu is damaged", file->name, what, segment->at);
}

/* ---- frame ------------------------------------------------------------------------------- */

/* The kind of an unsupported frame header (table B.1). */
static const char *frame_kind(int marker)
{
    if (marker >= JPEG_SOF9)
        return "arithmetic-coded";
    return marker == JPEG_SOF3 ? "lossless" : "hierarchical";
}

static int64_t most_across(const struct jpeg_frame *frame)
{
    int most = 1;
    for (int i = 0; i < frame->components; i++)
        most = frame->component[i].across > most ? frame->component[i].across : most;
    return most;
}

static int64_t most_down(const struct jpeg_frame *frame)
{
    int most = 1;
    for (int i = 0; i < frame->components; i++)
        most = frame->component[i].down > most ? frame->component[i].down : most;
    return most;
}

/* Whether every component can be enlarged by whole numbers, as libjpeg needs. */
static bool samplings_divide(const struct jpeg_frame *frame)
{
    int64_t across = most_across(frame), down = most_down(frame);
    for (int i = 0; i < frame->components; i++)
        if (frame->component[i].across == 0 || across % frame->component[i].across != 0 ||
            frame->component[i].down == 0 || down % frame->component[i].down != 0)
            return false;
    return across <= 4 && down <= 4;
}

/* The number of minimum coded units of a scan of all components. */
static int64_t count_units(const struct probe *probe)
{
    return divide_up(probe->header->width, 8 * most_across(&probe->frame)) *
           divide_up(probe->header->height, 8 * most_down(&probe->frame));
}

/* The 8 x 8 blocks of component i in whole units: as a scan with others has them, and as a decoder stores
 * them. */
static int64_t count_stored(const struct probe *probe, int i)
{
    return count_units(probe) * probe->frame.component[i].across * probe->frame.component[i].down;
}

/* Those that a scan of it alone has: not the ones outside the picture. */
static int64_t count_blocks(const struct probe *probe, int i)
{
    int64_t across = probe->frame.component[i].across, down = probe->frame.component[i].down;
    return divide_up(divide_up(probe->header->width * across, most_across(&probe->frame)), 8) *
           divide_up(divide_up(probe->header->height * down, most_down(&probe->frame)), 8);
}

/* SOF. */
static limn_status read_frame(struct probe *probe, const struct jpeg_segment *segment, limn_error *error)
{
    const struct picture_bytes *file = probe->file;
    struct picture_header *header = probe->header;
    struct jpeg_frame *frame = &probe->frame;
    const unsigned char *data = segment->data;
    if (segment->marker > JPEG_SOF2)
        return fail_frame(file, frame_kind(segment->marker), error);
    if (segment->size < 6 || segment->size < 6 + 3 * (size_t)data[5])
        return fail(error, LIMN_E_INPUT, "%s: JPEG frame header of %zu bytes is too short", file->name,
                    segment->size);
    if (header->width)
        return fail(error, LIMN_E_INPUT, "%s: JPEG with a second frame header, the file is damaged",
                    file->name);
    if (data[0] != 8)
        return fail(error, LIMN_E_INPUT, "%s: JPEG with %d bits a sample, 8 expected", file->name, data[0]);
    header->height = read_16be(data + 1);
    header->width = read_16be(data + 3);
    if (header->height == 0)
        return fail(error, LIMN_E_INPUT,
                    "%s: JPEG that gives its height after the data (DNL) is not supported", file->name);
    if (data[5] == 4)
        return fail_frame(file, "CMYK or YCCK", error);
    if (data[5] != 1 && data[5] != 3)
        return fail(error, LIMN_E_INPUT, "%s: JPEG with %d components, 1 or 3 expected", file->name, data[5]);
    jpeg_read_frame(segment, frame);
    if (!samplings_divide(frame))
        return fail(error, LIMN_E_INPUT,
                    "%s: JPEG with sampling factors that are not 1 to 4, or do not divide the largest",
                    file->name);
    for (int i = 0; i < frame->components; i++) {
        header->jpeg.planes += (size_t)(BLOCK * count_stored(probe, i));
        header->jpeg.blocks += frame->progressive ? count_blocks(probe, i) : 0;
    }
    header->jpeg.progressive = frame->progressive;
    probe->coefficients = BLOCK * frame->components * (frame->progressive ? MOST_BITS : 1);
    memset(probe->bit, UNSENT, sizeof probe->bit);
    return picture_check_size(file->name, header->width, header->height, error);
}

/* ---- tables ------------------------------------------------------------------------------ */

/* DHT: class and index, 16 counts of codes by length, then as many values. The decoder's tables hold 256
 * codes; it checks neither that number nor that the codes of each length fit. */
static bool read_huffman_tables(struct probe *probe, const unsigned char *data, size_t size)
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
        if (codes > 256 || codes > size - 17 || data[0] >> 4 > 1 || (data[0] & 15) > 3)
            return false;
        probe->huffman[data[0] >> 4][data[0] & 15] = true;
        data += 17 + codes;
        size -= 17 + codes;
    }
    return size == 0;
}

/* DQT: precision (0: bytes, 1: two bytes) and index, 64 divisors. */
static bool read_quantisers(struct probe *probe, const unsigned char *data, size_t size)
{
    while (size > 0) {
        size_t bytes = data[0] >> 4 ? 1 + 2 * BLOCK : 1 + BLOCK;
        if (data[0] >> 4 > 1 || (data[0] & 15) > 3 || size < bytes)
            return false;
        probe->quantiser[data[0] & 15] = true;
        data += bytes;
        size -= bytes;
    }
    return true;
}

/* ---- scans ------------------------------------------------------------------------------- */

/* Whether every table that the scan uses is known. A baseline file may leave out the Huffman tables 0 and 1
 * of annex K, as the frames of Motion JPEG do. */
static bool has_tables(const struct probe *probe, const struct jpeg_segment *segment, int count,
                       const int order[3])
{
    bool progressive = probe->frame.progressive;
    const unsigned char *last = segment->data + 1 + 2 * count;
    for (int i = 0; i < count; i++) {
        int dc = segment->data[2 + 2 * i] >> 4, ac = segment->data[2 + 2 * i] & 15;
        int quantiser = probe->frame.component[order[i]].table;
        bool uses_dc = !progressive || (last[0] == 0 && last[2] >> 4 == 0),
             uses_ac = !progressive || last[0] > 0;
        if (quantiser > 3 || !probe->quantiser[quantiser] || dc > 3 || ac > 3 ||
            (uses_dc && !probe->huffman[0][dc] && (progressive || dc > 1)) ||
            (uses_ac && !probe->huffman[1][ac] && (progressive || ac > 1)))
            return false;
    }
    return true;
}

/* Whether the scan has as many restart markers as its minimum coded units need. */
static bool restarts_fit(const struct probe *probe, const struct jpeg_segment *segment, int count, int first)
{
    int64_t units = count == 1 ? count_blocks(probe, first) : count_units(probe);
    int64_t expected = probe->interval ? (units - 1) / probe->interval : 0;
    return segment->restarts == expected;
}

/* SOS: number of components, 2 bytes each (name, tables), the first and the last coefficient, and their bits:
 * the lowest before << 4 | the lowest now. */
static limn_status read_scan(struct probe *probe, const struct jpeg_segment *segment, limn_error *error)
{
    const char *name = probe->file->name;
    struct jpeg_frame *frame = &probe->frame;
    int order[3], count = jpeg_scan_order(frame, segment, order);
    if (++probe->scans > MOST_SCANS)
        return fail(error, LIMN_E_INPUT, "%s: JPEG with more than %d scans", name, MOST_SCANS);
    if (!frame->components)
        return fail(error, LIMN_E_INPUT, "%s: JPEG scan comes before the frame header", name);
    if (count == 0)
        return fail(error, LIMN_E_INPUT, "%s: JPEG scan header of %zu bytes is damaged", name, segment->size);
    const unsigned char *last = segment->data + 1 + 2 * count;
    int from = frame->progressive ? last[0] : 0, to = frame->progressive ? last[1] : BLOCK - 1;
    probe->coefficients -= count * (to - from + 1);
    if (to < from || to >= BLOCK || probe->coefficients < 0)
        return fail(error, LIMN_E_INPUT, "%s: JPEG scan repeats coefficients %d to %d, the file is damaged",
                    name, from, to);
    if (!has_tables(probe, segment, count, order))
        return fail(error, LIMN_E_INPUT, "%s: JPEG scan at byte %zu uses a table that the file does not have",
                    name, segment->at);
    if (!probe->misfit_at && !restarts_fit(probe, segment, count, order[0]))
        probe->misfit_at = segment->at;
    for (int i = 0; i < count; i++) {
        memset(probe->bit[order[i]] + from, frame->progressive ? last[2] & 15 : 0, (size_t)(to - from + 1));
        if (!frame->progressive)
            probe->header->jpeg.blocks +=
                count == 1 ? count_blocks(probe, order[0]) : count_stored(probe, order[i]);
    }
    probe->coded += segment->coded_size;
    return LIMN_OK;
}

/* Whether the scans so far sent something of every component. */
static bool sent_all_components(const struct probe *probe)
{
    for (int i = 0; i < probe->frame.components; i++)
        if (probe->bit[i][0] == UNSENT)
            return false;
    return probe->scans > 0;
}

static bool sent_all_bits(const struct probe *probe)
{
    for (int i = 0; i < probe->frame.components; i++)
        for (int c = FIRST_SMOOTHED; c <= LAST_SMOOTHED; c++)
            if (probe->bit[i][c] != 0)
                return false;
    return true;
}

/* ---- all --------------------------------------------------------------------------------- */

static void read_metadata(struct probe *probe, const struct jpeg_segment *segment)
{
    const unsigned char *data = segment->data;
    size_t size = segment->size;
    if (segment->marker == JPEG_APP0 && size >= 14 && memcmp(data, "JFIF", 5) == 0)
        probe->jfif = true;
    if (segment->marker == JPEG_APP14 && size >= 12 && memcmp(data, "Adobe", 5) == 0) {
        probe->adobe = true;
        probe->adobe_rgb = data[11] == 0;
    }
    if (segment->marker == JPEG_APP1 && size > 6 && memcmp(data, "Exif\0\0", 6) == 0)
        probe->header->orientation = exif_orientation(data + 6, size - 6);
    /* "ICC_PROFILE", 0, number of this part, number of parts: the first part holds the description. */
    if (segment->marker == JPEG_APP2 && size > 14 && memcmp(data, "ICC_PROFILE", 12) == 0 && data[12] == 1)
        icc_describe(data + 14, size - 14, probe->header);
}

/* The colours of three components, as libjpeg guesses them: JFIF allows YCbCr alone, Adobe's segment says,
 * and else the names 'R', 'G', 'B' do. */
static bool is_rgb(const struct probe *probe)
{
    const struct jpeg_frame *frame = &probe->frame;
    if (frame->components != 3 || probe->jfif)
        return false;
    if (probe->adobe)
        return probe->adobe_rgb;
    return frame->component[0].name == 'R' && frame->component[1].name == 'G' &&
           frame->component[2].name == 'B';
}

static bool is_known(int marker)
{
    return jpeg_is_frame(marker) || marker == JPEG_DHT || marker == JPEG_DAC ||
           (marker >= JPEG_EOI && marker <= JPEG_DRI) || (marker >= JPEG_APP0 && marker <= JPEG_APP15) ||
           marker == JPEG_COM;
}

static limn_status read_segment(struct probe *probe, const struct jpeg_segment *segment, limn_error *error)
{
    if (segment->marker == JPEG_CUT)
        return picture_ends_early(probe->file, "JPEG", error);
    if (!is_known(segment->marker))
        return fail_segment(probe->file, segment, "marker", error);
    if (segment->marker == JPEG_SOS && probe->scans == 0)
        probe->header->jpeg.rgb = is_rgb(probe); /* libjpeg decides here too */
    if (segment->marker == JPEG_SOS)
        return read_scan(probe, segment, error);
    if (jpeg_is_frame(segment->marker))
        return read_frame(probe, segment, error);
    if (segment->marker == JPEG_DHT && !read_huffman_tables(probe, segment->data, segment->size))
        return fail_segment(probe->file, segment, "Huffman table", error);
    if (segment->marker == JPEG_DQT && !read_quantisers(probe, segment->data, segment->size))
        return fail_segment(probe->file, segment, "quantisation table", error);
    if (segment->marker == JPEG_DRI && segment->size != 2)
        return fail_segment(probe->file, segment, "restart interval", error);
    if (segment->marker == JPEG_DRI)
        probe->interval = read_16be(segment->data);
    read_metadata(probe, segment);
    return LIMN_OK;
}

/* Whether the file, which has ended, has everything that its picture needs. */
static limn_status check_complete(const struct probe *probe, limn_error *error)
{
    if (!probe->scans)
        return fail(error, LIMN_E_INPUT, "%s: JPEG without picture data (a scan)", probe->file->name);
    /* Every block takes at least one bit. */
    if (!sent_all_components(probe) || (int64_t)probe->coded * 8 < probe->header->jpeg.blocks)
        return picture_ends_early(probe->file, "JPEG", error);
    if (probe->misfit_at)
        return fail(
            error, LIMN_E_INPUT,
            "%s: JPEG scan at byte %zu has restart markers that do not fit its size, the file is damaged",
            probe->file->name, probe->misfit_at);
    if (!sent_all_bits(probe))
        return fail(error, LIMN_E_INPUT,
                    "%s: progressive JPEG without the scans of its finer detail is not supported",
                    probe->file->name);
    return LIMN_OK;
}

limn_status jpeg_probe(const struct picture_bytes *file, struct picture_header *header, limn_error *error)
{
    struct probe probe = {.file = file, .header = header};
    header->kind = PICTURE_JPEG;
    for (size_t at = 2;;) {
        struct jpeg_segment segment;
        bool found = jpeg_next_segment(file, &at, &segment);
        if (found && segment.marker == JPEG_EOI)
            break;
        /* What follows a baseline picture without an end marker is not part of it. */
        if ((!found || !is_known(segment.marker)) && sent_all_components(&probe) && !probe.frame.progressive)
            break;
        limn_status status =
            found ? read_segment(&probe, &segment, error) : picture_ends_early(file, "JPEG", error);
        if (status)
            return status;
        if (segment.marker == JPEG_SOS)
            header->jpeg.end = at;
    }
    return check_complete(&probe, error);
}
