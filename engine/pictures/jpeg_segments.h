/* jpeg_segments.h - the structure of a JPEG file (ITU-T T.81, annex B), for its probe and its reader. */
#ifndef LIMN_JPEG_SEGMENTS_H
#define LIMN_JPEG_SEGMENTS_H

#include "engine/pictures/picture_header.h"

enum jpeg_marker {
    JPEG_CUT = 0, /* not a marker: a segment that is longer than the rest of the file */
    JPEG_TEM = 0x01,
    JPEG_SOF0 = 0xc0, /* start of frame: baseline */
    JPEG_SOF2 = 0xc2, /* progressive */
    JPEG_SOF3 = 0xc3, /* lossless */
    JPEG_DHT = 0xc4,  /* Huffman tables */
    JPEG_JPG = 0xc8,  /* reserved */
    JPEG_SOF9 = 0xc9, /* this and later ones: arithmetic coding */
    JPEG_DAC = 0xcc,  /* conditions of arithmetic coding */
    JPEG_SOF15 = 0xcf,
    JPEG_RST0 = 0xd0, /* restart markers 0 to 7 */
    JPEG_RST7 = 0xd7,
    JPEG_SOI = 0xd8, /* start and end of the file */
    JPEG_EOI = 0xd9,
    JPEG_SOS = 0xda, /* start of scan */
    JPEG_DQT = 0xdb, /* quantisation tables */
    JPEG_DNL = 0xdc, /* number of lines */
    JPEG_DRI = 0xdd, /* restart interval */
    JPEG_APP0 = 0xe0,
    JPEG_APP1 = 0xe1,
    JPEG_APP2 = 0xe2,
    JPEG_APP14 = 0xee,
    JPEG_APP15 = 0xef,
    JPEG_COM = 0xfe, /* comment */
};

/* FF marker [length (2, counting itself)  data]. After a start of scan (SOS) follows entropy-coded data
 * without a length: in it a byte FF is followed by 00 or starts a restart marker; any other marker ends the
 * data. */
struct jpeg_segment {
    int marker;
    size_t at; /* offset of the marker's second byte in the file */
    const unsigned char *data;
    size_t size;
    const unsigned char *coded; /* SOS: the entropy-coded data, whose last byte is never FF */
    size_t coded_size;
    int64_t restarts; /* restart markers in it */
};

/* Reads the next segment from offset *at on, and moves *at to its end. Skips fill bytes, stray bytes and
 * restart markers before it, as libjpeg does. Returns false, with *at unchanged, if the file ends first. */
bool jpeg_next_segment(const struct picture_bytes *file, size_t *at, struct jpeg_segment *segment);

/* SOF: the frame header, of at most three components. */
struct jpeg_frame {
    int components;
    bool progressive;
    struct {
        int name, across, down, table; /* relative sampling; number of the quantisation table */
    } component[3];
};

bool jpeg_is_frame(int marker);

/* Reads a frame header whose size and number of components have been checked. */
void jpeg_read_frame(const struct jpeg_segment *segment, struct jpeg_frame *frame);

/* The components of a scan by their index in the frame, in order[0..count-1]. Where several have one name,
 * which is invalid but exists, they are taken in turn, as libjpeg does. Returns their count, 0 if the header
 * is damaged. */
int jpeg_scan_order(const struct jpeg_frame *frame, const struct jpeg_segment *scan, int order[3]);

#endif
