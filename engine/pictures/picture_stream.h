/* picture_stream.h - the pictures on standard input, one after the other, each read as it arrives.
 *
 *     struct picture_stream *stream;
 *     struct picture picture;
 *     bool more;
 *     limn_status status = picture_stream_open(&stream, error);
 *     while (status == LIMN_OK && (status = picture_stream_more(stream, &more, error)) == LIMN_OK && more) {
 *         status = picture_stream_next(stream, true, &picture, error);
 *         ...
 *         picture_free(&picture);
 *     }
 *     picture_stream_close(stream);
 *
 * A stream of PNM holds any number of pictures ("frames") of any sizes and kinds, P1 to P6, in direct
 * succession or with whitespace between them, as `ffmpeg -f image2pipe -c:v ppm -` writes them. Of a raw
 * frame (P4, P5, P6) no byte after its end is waited for, and not more than it is held. The length of a plain
 * frame (P1, P2, P3) is not known before its last sample, and netpbm allows one in a file only, so from the
 * first of them on, the stream is read to its end, at most PICTURE_MOST_BYTES. A stream of another format
 * holds one picture; several PNG or JPEG, as `ffmpeg -f image2pipe -` writes by default, are refused. */
#ifndef LIMN_PICTURE_STREAM_H
#define LIMN_PICTURE_STREAM_H

#include "engine/pictures/picture.h"

struct picture_stream;

/* Reads nothing yet. LIMN_E_MEMORY. */
limn_status picture_stream_open(struct picture_stream **stream, limn_error *error);

/* Waits for the start of the next picture. *more is false at the end of standard input, but true for the
 * first picture even there, so that reading it fails. LIMN_E_INPUT (reading fails), LIMN_E_MEMORY. */
limn_status picture_stream_more(struct picture_stream *stream, bool *more, limn_error *error);

/* Reads and decodes the picture that picture_stream_more has found, with the errors of picture_read. The
 * first is called "standard input" in messages, the others "standard input, frame 2" and so on. The picture's
 * name is valid until the next one is read. After a failure the stream cannot be used any more. */
limn_status picture_stream_next(struct picture_stream *stream, bool orient, struct picture *picture,
                                limn_error *error);

/* Whether the stream is PNM, from the first picture_stream_more on. */
bool picture_stream_is_pnm(const struct picture_stream *stream);

/* NULL is allowed. */
void picture_stream_close(struct picture_stream *stream);

#endif
