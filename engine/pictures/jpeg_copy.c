/* jpeg_copy.c - see jpeg_copy.h. */
#include "engine/pictures/jpeg_copy.h"
#include "engine/pictures/jpeg_segments.h"

#include <string.h>

/* The Huffman tables of T.81, annex K.3, as a DHT segment holds them: class and index, the number of codes of
 * each length from 1 to 16, the values. */
static const unsigned char standard_tables[] =
    /* K.3: DC, luminance */
    "\x00\x00\x01\x05\x01\x01\x01\x01\x01\x01\x00\x00\x00\x00\x00\x00\x00"
    "\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b"
    /* K.5: AC, luminance */
    "\x10\x00\x02\x01\x03\x03\x02\x04\x03\x05\x05\x04\x04\x00\x00\x01\x7d"
    "\x01\x02\x03\x00\x04\x11\x05\x12\x21\x31\x41\x06\x13\x51\x61\x07\x22\x71\x14\x32"
    "\x81\x91\xa1\x08\x23\x42\xb1\xc1\x15\x52\xd1\xf0\x24\x33\x62\x72\x82\x09\x0a\x16"
    "\x17\x18\x19\x1a\x25\x26\x27\x28\x29\x2a\x34\x35\x36\x37\x38\x39\x3a\x43\x44\x45"
    "\x46\x47\x48\x49\x4a\x53\x54\x55\x56\x57\x58\x59\x5a\x63\x64\x65\x66\x67\x68\x69"
    "\x6a\x73\x74\x75\x76\x77\x78\x79\x7a\x83\x84\x85\x86\x87\x88\x89\x8a\x92\x93\x94"
    "\x95\x96\x97\x98\x99\x9a\xa2\xa3\xa4\xa5\xa6\xa7\xa8\xa9\xaa\xb2\xb3\xb4\xb5\xb6"
    "\xb7\xb8\xb9\xba\xc2\xc3\xc4\xc5\xc6\xc7\xc8\xc9\xca\xd2\xd3\xd4\xd5\xd6\xd7\xd8"
    "\xd9\xda\xe1\xe2\xe3\xe4\xe5\xe6\xe7\xe8\xe9\xea\xf1\xf2\xf3\xf4\xf5\xf6\xf7\xf8"
    "\xf9\xfa"
    /* K.4: DC, chrominance */
    "\x01\x00\x03\x01\x01\x01\x01\x01\x01\x01\x01\x01\x00\x00\x00\x00\x00"
    "\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b"
    /* K.6: AC, chrominance */
    "\x11\x00\x02\x01\x02\x04\x04\x03\x04\x07\x05\x04\x04\x00\x01\x02\x77"
    "\x00\x01\x02\x03\x11\x04\x05\x21\x31\x06\x12\x41\x51\x07\x61\x71\x13\x22\x32\x81"
    "\x08\x14\x42\x91\xa1\xb1\xc1\x09\x23\x33\x52\xf0\x15\x62\x72\xd1\x0a\x16\x24\x34"
    "\xe1\x25\xf1\x17\x18\x19\x1a\x26\x27\x28\x29\x2a\x35\x36\x37\x38\x39\x3a\x43\x44"
    "\x45\x46\x47\x48\x49\x4a\x53\x54\x55\x56\x57\x58\x59\x5a\x63\x64\x65\x66\x67\x68"
    "\x69\x6a\x73\x74\x75\x76\x77\x78\x79\x7a\x82\x83\x84\x85\x86\x87\x88\x89\x8a\x92"
    "\x93\x94\x95\x96\x97\x98\x99\x9a\xa2\xa3\xa4\xa5\xa6\xa7\xa8\xa9\xaa\xb2\xb3\xb4"
    "\xb5\xb6\xb7\xb8\xb9\xba\xc2\xc3\xc4\xc5\xc6\xc7\xc8\xc9\xca\xd2\xd3\xd4\xd5\xd6"
    "\xd7\xd8\xd9\xda\xe2\xe3\xe4\xe5\xe6\xe7\xe8\xe9\xea\xf2\xf3\xf4\xf5\xf6\xf7\xf8"
    "\xf9\xfa";

/* PREFIX_BYTES: SOI, the standard tables as a segment. */
enum { TABLES_BYTES = sizeof standard_tables - 1, PREFIX_BYTES = 2 + 4 + TABLES_BYTES };

size_t jpeg_copy_bytes(const struct picture_header *header)
{
    return header->jpeg.end + PREFIX_BYTES;
}

static unsigned char *add_bytes(unsigned char *out, const void *bytes, size_t size)
{
    memcpy(out, bytes, size);
    return out + size;
}

static unsigned char *add_segment(unsigned char *out, int marker, const void *data, size_t size)
{
    const unsigned char head[] = {0xff, (unsigned char)marker, (unsigned char)((size + 2) >> 8),
                                  (unsigned char)(size + 2)};
    return add_bytes(add_bytes(out, head, sizeof head), data, size);
}

/* Copies the segment, and gives its components their indices as names. */
static unsigned char *add_frame(unsigned char *out, const struct jpeg_segment *segment,
                                const struct jpeg_frame *frame)
{
    unsigned char *data = out + 4;
    out = add_segment(out, segment->marker, segment->data, segment->size);
    for (int i = 0; i < frame->components; i++)
        data[6 + 3 * i] = (unsigned char)i;
    return out;
}

/* Copies the scan with its data. *seen gets a bit for each of its components. */
static unsigned char *add_scan(unsigned char *out, const struct jpeg_segment *segment,
                               const struct jpeg_frame *frame, unsigned *seen)
{
    unsigned char *data = out + 4;
    int order[3], count = jpeg_scan_order(frame, segment, order);
    out = add_segment(out, segment->marker, segment->data, segment->size);
    for (int i = 0; i < count; i++) {
        data[1 + 2 * i] = (unsigned char)order[i];
        *seen |= 1u << order[i];
    }
    return add_bytes(out, segment->coded, segment->coded_size);
}

size_t jpeg_copy(const struct picture_bytes *file, const struct picture_header *header, unsigned char *copy)
{
    const struct picture_bytes part = {file->bytes, header->jpeg.end, file->name};
    struct jpeg_segment segment;
    struct jpeg_frame frame = {0};
    unsigned seen = 0;
    unsigned char *out = add_bytes(copy, "\xff\xd8", 2);
    out = add_segment(out, JPEG_DHT, standard_tables, TABLES_BYTES);
    for (size_t at = 2; jpeg_next_segment(&part, &at, &segment);) {
        /* A component keeps the table that it has in its first scan; stb would use the last. */
        bool late = frame.progressive && seen == (1u << frame.components) - 1;
        if (jpeg_is_frame(segment.marker)) {
            jpeg_read_frame(&segment, &frame);
            out = add_frame(out, &segment, &frame);
        } else if (segment.marker == JPEG_SOS) {
            out = add_scan(out, &segment, &frame, &seen);
        } else if (segment.marker == JPEG_DHT || segment.marker == JPEG_DRI ||
                   (segment.marker == JPEG_DQT && !late)) {
            out = add_segment(out, segment.marker, segment.data, segment.size);
        }
    }
    return (size_t)(out - copy);
}
