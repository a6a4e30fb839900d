/* jpeg_segments.c - see jpeg_segments.h. */
#include "engine/pictures/jpeg_segments.h"
#include "engine/pictures/bytes.h"

#include <string.h>

/* The offset of the second byte of the next marker at or after `at`, or the size of the file. */
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

static bool is_restart(int marker)
{
    return marker >= JPEG_RST0 && marker <= JPEG_RST7;
}

/* Fills the length and the data of a segment whose length field is at *at. */
static void read_data(const struct picture_bytes *file, size_t *at, struct jpeg_segment *segment)
{
    size_t left = file->size - *at, length = left < 2 ? 0 : read_16be(file->bytes + *at);
    bool unread =
        (segment->marker >= JPEG_APP0 && segment->marker <= JPEG_APP15) || segment->marker == JPEG_COM;
    if (unread && left >= 2 && length < 2)
        length = 2; /* too small to count itself; libjpeg reads such metadata as empty */
    if (length < 2 || length > left) {
        segment->marker = JPEG_CUT;
        return;
    }
    segment->data = file->bytes + *at + 2;
    segment->size = length - 2;
    *at += length;
}

/* Fills the entropy-coded data from *at to the next marker that ends them. A restart marker with nothing
 * after it restarts nothing and is left out. */
static void read_coded(const struct picture_bytes *file, size_t *at, struct jpeg_segment *segment)
{
    size_t from = *at, interval = *at, marker; /* interval: where it starts */
    for (;;) {
        marker = next_marker(file, interval);
        if (marker == file->size || !is_restart(file->bytes[marker]))
            break;
        segment->restarts++;
        interval = marker + 1;
    }
    *at = marker == file->size ? marker : marker - 1;
    while (*at > interval && file->bytes[*at - 1] == 0xff)
        --*at;
    segment->coded = file->bytes + from;
    segment->coded_size = *at - from;
    if (segment->restarts > 0 && interval == *at) {
        segment->restarts--;
        segment->coded_size -= 2;
    }
}

bool jpeg_next_segment(const struct picture_bytes *file, size_t *at, struct jpeg_segment *segment)
{
    size_t marker = *at;
    do {
        marker = next_marker(file, marker);
        if (marker == file->size)
            return false;
        *segment = (struct jpeg_segment){.marker = file->bytes[marker], .at = marker};
        marker++;
    } while (is_restart(segment->marker) || segment->marker == JPEG_TEM);
    *at = marker;
    if (segment->marker != JPEG_SOI && segment->marker != JPEG_EOI)
        read_data(file, at, segment);
    if (segment->marker == JPEG_SOS)
        read_coded(file, at, segment);
    return true;
}

bool jpeg_is_frame(int marker)
{
    return marker == JPEG_SOF0 || (marker > JPEG_SOF0 && marker <= JPEG_SOF15 && marker % 4 != 0);
}

/* Precision, height (2), width (2), number of components, 3 bytes each: name, sampling, table. */
void jpeg_read_frame(const struct jpeg_segment *segment, struct jpeg_frame *frame)
{
    frame->components = segment->data[5];
    frame->progressive = segment->marker == JPEG_SOF2;
    for (int i = 0; i < frame->components; i++) {
        const unsigned char *component = segment->data + 6 + 3 * i;
        frame->component[i].name = component[0];
        frame->component[i].across = component[1] >> 4;
        frame->component[i].down = component[1] & 15;
        frame->component[i].table = component[2];
    }
}

int jpeg_scan_order(const struct jpeg_frame *frame, const struct jpeg_segment *scan, int order[3])
{
    bool taken[3] = {false};
    int count = scan->size ? scan->data[0] : 0;
    if (count < 1 || count > frame->components || scan->size != 4 + 2 * (size_t)count)
        return 0;
    for (int i = 0; i < count; i++) {
        int c = 0;
        while (c < frame->components && (taken[c] || frame->component[c].name != scan->data[1 + 2 * i]))
            c++;
        if (c == frame->components)
            return 0;
        taken[c] = true;
        order[i] = c;
    }
    return count;
}
