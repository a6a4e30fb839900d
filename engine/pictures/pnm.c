/* pnm.c - see picture_header.h. Reads PBM, PGM and PPM, plain (P1, P2, P3) and raw (P4, P5, P6). The grammar
 * is that of the Netpbm manual pages pbm(5), pgm(5), ppm(5):
 *
 *     "P" digit, width, height, maxval (not in P1 and P4), one whitespace character, samples
 *
 * separated by whitespace. Comments go from '#' to the end of a line: in the header they are ignored as a
 * whole, even inside a number; among plain samples they separate numbers. Plain samples are decimal numbers
 * (P1: digits that need no separator); raw samples are 1 byte, or 2 bytes, big-endian, if maxval exceeds 255;
 * P4 packs 8 pixels into a byte, and each row starts a new byte. In PBM 1 is black.
 *
 * A file can hold several pictures, one directly after the other ("frames"). netpbm allows that for raw ones
 * only; here plain ones can follow one another too. */
#include "engine/pictures/bytes.h"
#include "engine/pictures/picture_header.h"

#include <inttypes.h>

struct pnm {
    const struct picture_bytes *file;
    size_t at; /* the next byte to read */
    int digit; /* of the magic number */
    bool in_samples;
    int64_t width, height;
    uint32_t most; /* maxval */
    int channels;
    bool split; /* read samples as pnm_read_wide does */
    bool ended; /* the data ended where more was expected */
};

static bool is_space(int c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Moves behind the line of a comment. */
static void skip_comment(struct pnm *pnm)
{
    const struct picture_bytes *file = pnm->file;
    while (pnm->at < file->size && file->bytes[pnm->at] != '\n' && file->bytes[pnm->at] != '\r')
        pnm->at++;
    if (pnm->at < file->size)
        pnm->at++;
}

static limn_status ends_early(struct pnm *pnm, limn_error *error)
{
    pnm->ended = true;
    return picture_ends_early(pnm->file, "PNM", error);
}

static limn_status skip_space(struct pnm *pnm, limn_error *error)
{
    const struct picture_bytes *file = pnm->file;
    while (pnm->at < file->size) {
        if (file->bytes[pnm->at] == '#')
            skip_comment(pnm);
        else if (is_space(file->bytes[pnm->at]))
            pnm->at++;
        else
            return LIMN_OK;
    }
    return ends_early(pnm, error);
}

static bool at_digit(struct pnm *pnm)
{
    const struct picture_bytes *file = pnm->file;
    while (!pnm->in_samples && pnm->at < file->size && file->bytes[pnm->at] == '#')
        skip_comment(pnm);
    return pnm->at < file->size && file->bytes[pnm->at] >= '0' && file->bytes[pnm->at] <= '9';
}

/* Reads a decimal number of at most `most`; `single` stops after one digit, for P1. */
static limn_status read_number(struct pnm *pnm, const char *what, bool single, uint32_t most,
                               uint32_t *number, limn_error *error)
{
    const struct picture_bytes *file = pnm->file;
    limn_status status = skip_space(pnm, error);
    if (status)
        return status;
    size_t start = pnm->at;
    uint64_t value = 0;
    while (value <= most && at_digit(pnm)) {
        value = value * 10 + file->bytes[pnm->at++] - '0';
        if (single)
            break;
    }
    if (pnm->at == start)
        return fail(error, LIMN_E_INPUT, "%s: PNM %s expected at byte %zu, '%c' found", file->name, what,
                    start, shown(file->bytes[start]));
    if (value > most)
        return fail(error, LIMN_E_INPUT,
                    "%s: PNM %s at byte %zu is %" PRIu64 " or more, at most %" PRIu32 " expected", file->name,
                    what, start, value, most);
    *number = (uint32_t)value;
    return LIMN_OK;
}

static size_t raw_row_bytes(const struct pnm *pnm)
{
    size_t samples = (size_t)(pnm->width * pnm->channels);
    return pnm->digit == 4 ? (samples + 7) / 8 : pnm->most > 255 ? 2 * samples : samples;
}

/* The least bytes that the samples take: plain ones have a digit each, and a separator except in P1. */
static size_t least_bytes(const struct pnm *pnm)
{
    size_t samples = (size_t)(pnm->width * pnm->height * pnm->channels);
    if (pnm->digit >= 4)
        return raw_row_bytes(pnm) * (size_t)pnm->height;
    return pnm->digit == 1 ? samples : 2 * samples - 1;
}

/* Reads the header; the samples need not follow. */
static limn_status parse_header(struct pnm *pnm, const struct picture_bytes *file, limn_error *error)
{
    *pnm = (struct pnm){.file = file, .at = 2, .digit = file->bytes[1] - '0', .most = 1};
    pnm->channels = pnm->digit % 3 == 0 ? 3 : 1;
    bool has_most = pnm->digit % 3 != 1;
    uint32_t width = 0, height = 0;
    limn_status status = read_number(pnm, "width", false, INT32_MAX, &width, error);
    if (!status)
        status = read_number(pnm, "height", false, INT32_MAX, &height, error);
    if (!status && has_most)
        status = read_number(pnm, "maxval", false, 65535, &pnm->most, error);
    pnm->width = width;
    pnm->height = height;
    if (!status)
        status = picture_check_size(file->name, width, height, error);
    if (status)
        return status;
    if (pnm->most == 0)
        return fail(error, LIMN_E_INPUT, "%s: PNM maxval is 0, 1 to 65535 expected", file->name);
    if (pnm->at >= file->size)
        return ends_early(pnm, error);
    /* Netpbm's programs write no more whitespace if the header ends with a comment. */
    bool after_comment = is_space(file->bytes[pnm->at - 1]);
    if (!is_space(file->bytes[pnm->at]) && !after_comment)
        return fail(error, LIMN_E_INPUT, "%s: PNM header ends with '%c' at byte %zu, whitespace expected",
                    file->name, shown(file->bytes[pnm->at]), pnm->at);
    pnm->at += is_space(file->bytes[pnm->at]);
    pnm->in_samples = true;
    return LIMN_OK;
}

/* The same, and checks that enough bytes follow. */
static limn_status read_header(struct pnm *pnm, const struct picture_bytes *file, limn_error *error)
{
    limn_status status = parse_header(pnm, file, error);
    bool short_of_data = status == LIMN_OK && least_bytes(pnm) > file->size - pnm->at;
    return short_of_data ? ends_early(pnm, error) : status;
}

limn_status pnm_probe(const struct picture_bytes *file, struct picture_header *header, limn_error *error)
{
    struct pnm pnm;
    limn_status status = read_header(&pnm, file, error);
    header->kind = PICTURE_PNM;
    header->width = pnm.width;
    header->height = pnm.height;
    header->depth = pnm.most > 255 ? 16 : 8;
    return status;
}

/* Reads sample `i` of the row at pnm->at (raw), or the next sample (plain). */
static limn_status read_sample(struct pnm *pnm, int64_t i, uint32_t *sample, limn_error *error)
{
    const unsigned char *row = pnm->file->bytes + pnm->at;
    if (pnm->digit <= 3)
        return read_number(pnm, "sample", pnm->digit == 1, pnm->most, sample, error);
    if (pnm->digit == 4)
        *sample = row[i / 8] >> (7 - i % 8) & 1;
    else
        *sample = pnm->most > 255 ? read_16be(row + 2 * i) : row[i];
    if (*sample > pnm->most)
        return fail(error, LIMN_E_INPUT,
                    "%s: PNM sample in the row at byte %zu is %" PRIu32 ", at most %" PRIu32 " expected",
                    pnm->file->name, pnm->at, *sample, pnm->most);
    return LIMN_OK;
}

static limn_status read_row(struct pnm *pnm, unsigned char *out, limn_error *error)
{
    bool bitmap = pnm->digit % 3 == 1;
    int copies = 3 / pnm->channels;
    for (int64_t i = 0; i < pnm->width * pnm->channels; i++) {
        uint32_t sample;
        limn_status status = read_sample(pnm, i, &sample, error);
        if (status)
            return status;
        if (pnm->split) {
            *out++ = (unsigned char)(sample >> 8);
            *out++ = (unsigned char)(sample & 255);
            *out++ = 0;
            continue;
        }
        uint32_t scaled = bitmap ? (sample ? 0 : 255) : (sample * 255 + pnm->most / 2) / pnm->most;
        for (int c = 0; c < copies; c++)
            *out++ = (unsigned char)scaled;
    }
    if (pnm->digit >= 4)
        pnm->at += raw_row_bytes(pnm);
    return LIMN_OK;
}

bool pnm_starts(const unsigned char *bytes, size_t size)
{
    return size >= 3 && bytes[0] == 'P' && bytes[1] >= '1' && bytes[1] <= '6' &&
           (is_space(bytes[2]) || bytes[2] == '#');
}

size_t pnm_skip_space(const unsigned char *bytes, size_t size)
{
    size_t at = 0;
    while (at < size && is_space(bytes[at]))
        at++;
    return at;
}

/* Whatever else follows a picture is ignored, as Pillow does. */
static limn_status check_only(const struct pnm *pnm, limn_error *error)
{
    const unsigned char *rest = pnm->file->bytes + pnm->at;
    size_t size = pnm->file->size - pnm->at, space = pnm_skip_space(rest, size);
    return pnm_starts(rest + space, size - space)
               ? fail(error, LIMN_E_INPUT,
                      "%s: holds more than one picture, one expected: the second starts at byte %zu",
                      pnm->file->name, pnm->at + space)
               : LIMN_OK;
}

limn_status pnm_frame(const struct picture_bytes *file, bool whole, size_t *end, limn_error *error)
{
    struct pnm pnm;
    uint32_t sample;
    limn_status status = parse_header(&pnm, file, error);
    bool plain = pnm.digit <= 3;
    *end = 0;
    if ((pnm.ended || plain) && !whole)
        return LIMN_OK;
    for (int64_t i = 0; plain && !status && i < pnm.width * pnm.height * pnm.channels; i++)
        status = read_sample(&pnm, i, &sample, error);
    if (!status)
        *end = pnm.at + (plain ? 0 : raw_row_bytes(&pnm) * (size_t)pnm.height);
    return status;
}

static limn_status read_picture(const struct picture_bytes *file, bool split, struct picture *picture,
                                limn_error *error)
{
    struct pnm pnm;
    limn_status status = read_header(&pnm, file, error);
    pnm.split = split;
    if (!status)
        status = picture_create(pnm.width, pnm.height, 3, picture, error);
    for (int64_t y = 0; !status && y < pnm.height; y++)
        status = read_row(&pnm, picture->pixels + y * pnm.width * 3, error);
    if (!status)
        status = check_only(&pnm, error);
    if (status)
        picture_free(picture);
    return status;
}

limn_status pnm_read(const struct picture_bytes *file, struct picture *picture, limn_error *error)
{
    return read_picture(file, false, picture, error);
}

limn_status pnm_read_wide(const struct picture_bytes *file, struct picture *picture, limn_error *error)
{
    return read_picture(file, true, picture, error);
}
