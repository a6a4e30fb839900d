/* metadata.h - what a picture file holds besides its pixels, carried from one file to another.
 *
 *     picture_read -> picture.metadata -> picture_target.metadata -> picture_writer_open
 *
 *     what                   in a JPEG                           in a PNG
 *     EXIF                   APP1 "Exif"                         eXIf
 *     XMP                    APP1 "http://ns.adobe.com/xap/1.0/" iTXt "XML:com.adobe.xmp"
 *     IPTC                   APP13 "Photoshop 3.0"               zTXt "Raw profile type iptc"
 *     ICC profile, for RGB   APP2 "ICC_PROFILE", in parts        iCCP
 *     resolution             APP0 "JFIF"                         pHYs
 *     comments               COM                                 tEXt or iTXt "Comment"
 *     texts                  COM "KEYWORD: TEXT"                 tEXt, zTXt, iTXt
 *
 * EXIF and XMP are corrected for the new picture (exif.h, xmp.h), IPTC loses its thumbnail. A PNG's other
 * texts become comments of a JPEG, but a JPEG's comments do not become texts again. Not carried: extended or
 * compressed XMP, a profile for grey, and what is too large for the format or for METADATA_MOST_BYTES. What
 * is damaged counts as absent.
 *
 * Sources: ITU-T T.81, B.2.4; ITU-T T.871 (JFIF); CIPA DC-008; XMP specification part 3; W3C PNG, third
 * edition, chapter 11; ICC.1:2022, annex B; Adobe Photoshop file formats, image resource section. */
#ifndef LIMN_METADATA_H
#define LIMN_METADATA_H

#include "engine/base/status.h"

enum metadata_kind {
    METADATA_EXIF,      /* a sound block: see exif.h */
    METADATA_RAW,       /* EXIF or image resources in a PNG's text "Raw profile type ..." */
    METADATA_XMP,       /* a packet of UTF-8 */
    METADATA_PHOTOSHOP, /* image resources, which hold IPTC */
    METADATA_PROFILE,   /* an ICC profile */
    METADATA_ICCP,      /* the data of a PNG's iCCP chunk */
    METADATA_COMMENT,   /* a comment of a JPEG, encoding unknown */
    METADATA_TEXT,      /* the type and the data of a PNG's tEXt, zTXt or iTXt chunk */
};

struct metadata_item {
    enum metadata_kind kind;
    size_t size;
    const unsigned char *bytes;
};

/* Dots in a unit along x and y; all 0: not known. */
struct metadata_density {
    uint32_t x, y;
    enum { DENSITY_ASPECT, DENSITY_INCH, DENSITY_CENTIMETRE, DENSITY_METRE } unit;
};

/* Why something in the source is not carried. */
enum metadata_loss {
    LOSS_NONE = 0,
    LOSS_PROFILE = 1,  /* an ICC profile that is not for RGB, or is damaged */
    LOSS_EXTENDED = 2, /* extended XMP */
    LOSS_LARGE = 4,    /* more than METADATA_MOST_BYTES or METADATA_MOST_ITEMS */
    LOSS_SEGMENT = 8,  /* more than a segment of a JPEG holds */
    LOSS_RAW = 16,     /* a "Raw profile type ..." that is damaged, or neither EXIF nor IPTC */
    LOSS_PACKED = 32,  /* XMP that a PNG holds compressed, which XMP part 3 forbids */
};

enum { METADATA_MOST_BYTES = 16 << 20, METADATA_MOST_ITEMS = 4096, METADATA_LOSSES_TEXT = 240 };

/* One block, items and bytes included. */
struct metadata {
    bool upright; /* the pixels were turned by the orientation that the source declares */
    struct metadata_density density;
    unsigned losses; /* of enum metadata_loss */
    size_t count;
    struct metadata_item items[];
};

/* Copies the metadata of a picture file. `orientation`: the one that was applied to the pixels, 1 if none
 * was. *metadata is NULL if there is none, as in every file but PNG and JPEG. LIMN_E_MEMORY. Free with
 * metadata_free. */
limn_status metadata_read(const unsigned char *bytes, size_t size, int orientation,
                          struct metadata **metadata, limn_error *error);

/* The bytes that metadata_read allocates. */
size_t metadata_bytes(const unsigned char *bytes, size_t size);

/* A copy for a picture with the same content; NULL of NULL. `exchanged`: its x and y are those of the source
 * exchanged. LIMN_E_MEMORY. Free with metadata_free. */
limn_status metadata_copy(const struct metadata *metadata, bool exchanged, struct metadata **copy,
                          limn_error *error);

/* NULL is allowed. */
void metadata_free(struct metadata *metadata);

/* ---- writing: metadata_write.c ----------------------------------------------------------- */

enum metadata_format { METADATA_FOR_JPEG, METADATA_FOR_PNG };

/* A file to write metadata into. */
struct metadata_target {
    enum metadata_format format;
    int64_t width, height;
    const struct metadata *metadata; /* NULL: none */
    const char *software;            /* an entry of its own, ASCII; NULL: none */
};

/* Makes the metadata part of the file:
 *
 *     JPEG    the start, SOI and APP0, then segments
 *     PNG     the chunks that follow IHDR
 *
 * `software` is a comment of a JPEG, before those of the source, because readers that keep one keep the last.
 * In a PNG it is a text with the keyword Software, or limn if the source has a Software. *bytes is NULL if
 * metadata and software are. LIMN_E_MEMORY. Free with mem_free. */
limn_status metadata_write(const struct metadata_target *target, unsigned char **bytes, size_t *size,
                           limn_error *error);

/* An upper bound of the bytes that metadata_write holds at a time. */
size_t metadata_write_bytes(const struct metadata_target *target);

/* picture_losses of picture.h. */
const char *metadata_losses(const struct metadata_target *target, char *text, size_t room);

#endif
