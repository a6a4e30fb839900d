/* photoshop.c - see photoshop.h. */
#include "engine/pictures/photoshop.h"
#include "engine/pictures/bytes.h"

#include <string.h>

enum { THUMBNAIL_4 = 1033, THUMBNAIL = 1036, IPTC = 1028, EXIF_1 = 1058, XMP = 1060 };

/* Reads the resource at `at`. Returns where the next one starts; `size` or more after the last; 0 if it is
 * damaged. */
static size_t read_resource(const unsigned char *bytes, size_t size, size_t at, uint32_t *number)
{
    enum { SHORTEST = 12 };
    if (size - at < SHORTEST || memcmp(bytes + at, "8BIM", 4) != 0)
        return 0;
    size_t name = (bytes[at + 6] + 2u) & ~1u;
    *number = read_16be(bytes + at + 4);
    at += 6 + name;
    if (at > size || size - at < 4 || read_32be(bytes + at) > size - at - 4)
        return 0;
    size_t data = read_32be(bytes + at);
    return at + 4 + data + data % 2;
}

bool resources_have_iptc(const unsigned char *bytes, size_t size)
{
    uint32_t number;
    for (size_t at = 0; at < size && (at = read_resource(bytes, size, at, &number));)
        if (number == IPTC)
            return true;
    return false;
}

size_t resources_copy(const unsigned char *bytes, size_t size, unsigned char *out)
{
    size_t used = 0;
    uint32_t number;
    for (size_t at = 0, next; at < size && (next = read_resource(bytes, size, at, &number)); at = next) {
        size_t length = (next < size ? next : size) - at;
        if (number == THUMBNAIL_4 || number == THUMBNAIL || (number >= EXIF_1 && number <= XMP))
            continue;
        memcpy(out + used, bytes + at, length);
        used += length;
    }
    return used;
}
