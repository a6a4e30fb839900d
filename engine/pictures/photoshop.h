/* photoshop.h - image resources: the blocks in a JPEG's APP13 segment, IPTC among them (Adobe Photoshop file
 * formats specification, image resource section).
 *
 *     "8BIM"  number (2)  name: length (1) and bytes, padded to even  size (4)  data, padded to even */
#ifndef LIMN_PHOTOSHOP_H
#define LIMN_PHOTOSHOP_H

#include <stdbool.h>
#include <stddef.h>

/* True if there is IPTC (number 1028) among the resources. */
bool resources_have_iptc(const unsigned char *bytes, size_t size);

/* Copies the resources, but not thumbnails of the picture as it was (1033, 1036), nor EXIF and XMP (1058 to
 * 1060), which a JPEG has in segments of their own. Stops at a damaged one. Returns the size of the copy, at
 * most `size`. */
size_t resources_copy(const unsigned char *bytes, size_t size, unsigned char *out);

#endif
