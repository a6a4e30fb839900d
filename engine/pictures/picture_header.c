/* picture_header.c - see picture_header.h. Profile description: ICC.1:2022, 7.2, 7.3, 10.15. Metadata that
 * does not parse counts as absent, never as an error. */
#include "engine/pictures/bytes.h"
#include "engine/pictures/picture_header.h"

#include <string.h>

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
