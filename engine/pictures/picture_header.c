/* picture_header.c - see picture_header.h. Orientation: EXIF 2.32, 4.6.4; profile description: ICC.1:2022,
 * 7.2, 7.3, 10.15. Metadata that does not parse counts as absent, never as an error. */
#include "engine/pictures/bytes.h"
#include "engine/pictures/picture_header.h"

#include <string.h>

/* A TIFF header (byte order, 42, offset of the first directory), then 12-byte entries:
 * tag, type, count, value. Orientation is tag 0x0112, one SHORT held in the value field itself. */
int exif_orientation(const unsigned char *tiff, size_t size)
{
    if (size < 14 || (memcmp(tiff, "II*\0", 4) != 0 && memcmp(tiff, "MM\0*", 4) != 0))
        return 1;
    bool big = tiff[0] == 'M';
    size_t directory = big ? read_32be(tiff + 4) : read_32le(tiff + 4);
    if (directory > size - 2)
        return 1;
    size_t entries = big ? read_16be(tiff + directory) : read_16le(tiff + directory);
    const unsigned char *entry = tiff + directory + 2;
    size_t left = (size - directory - 2) / 12;
    for (size_t i = 0; i < entries && i < left; i++, entry += 12) {
        uint32_t tag = big ? read_16be(entry) : read_16le(entry);
        uint32_t type = big ? read_16be(entry + 2) : read_16le(entry + 2);
        uint32_t value = big ? read_16be(entry + 8) : read_16le(entry + 8);
        if (tag == 0x0112)
            return type == 3 && value >= 1 && value <= 8 ? (int)value : 1;
    }
    return 1;
}

/* Copies the text of a tag: 'desc' (version 2) holds a count and ASCII; of 'mluc' (version 4), records of
 * UTF-16, the first is used. Characters other than ASCII become '?'. */
static void copy_text(const unsigned char *tag, size_t size, char *text, size_t room)
{
    size_t count = 0, step = 1, start = 0;
    if (size >= 12 && memcmp(tag, "desc", 4) == 0) {
        start = 12;
        count = read_32be(tag + 8);
    } else if (size >= 28 && memcmp(tag, "mluc", 4) == 0 && read_32be(tag + 8) > 0) {
        start = read_32be(tag + 24);
        count = read_32be(tag + 20) / 2;
        step = 2;
    }
    size_t used = 0;
    for (size_t at = start; count > 0 && at < size && size - at >= step && used + 1 < room;
         at += step, count--) {
        uint32_t c = step == 2 ? read_16be(tag + at) : tag[at];
        if (c == 0)
            break;
        text[used++] = shown((unsigned char)(c < 127 ? c : '?'));
    }
    text[used] = '\0';
}

/* A 128-byte header, then the number of tags and 12-byte entries: signature, offset, size. */
void icc_describe(const unsigned char *profile, size_t size, struct picture_header *header)
{
    header->foreign_profile = true;
    header->profile[0] = '\0';
    if (size < 132)
        return;
    size_t tags = read_32be(profile + 128), left = (size - 132) / 12;
    for (size_t i = 0; i < tags && i < left; i++) {
        const unsigned char *entry = profile + 132 + 12 * i;
        size_t at = read_32be(entry + 4), bytes = read_32be(entry + 8);
        if (memcmp(entry, "desc", 4) != 0 || at > size)
            continue;
        copy_text(profile + at, bytes < size - at ? bytes : size - at, header->profile,
                  sizeof header->profile);
        break;
    }
    /* "c2" is Facebook's minimal sRGB profile, common in pictures from the web. */
    if (strstr(header->profile, "sRGB") || strcmp(header->profile, "c2") == 0)
        header->foreign_profile = false;
}

limn_status picture_ends_early(const struct picture_bytes *file, const char *format, limn_error *error)
{
    return fail(error, LIMN_E_INPUT, "%s: %s data ends early (%zu bytes), the file is damaged", file->name,
                format, file->size);
}
