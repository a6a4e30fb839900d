/* module.h - limn as a WebAssembly module: what it exports to JavaScript and what it imports.
 *
 * `make wasm` builds build/wasm/limn.wasm. It has one thread and needs WebAssembly SIMD, nothing of WASI, and
 * one function of the page:
 *
 *     limn.progress(done)   called before each layer of a network with `done` 0 .. 1; returning 0 cancels
 *
 * README.md has a complete program.
 *
 * Types. A pointer, a size and an int are Numbers. A pointer above 2 GB appears negative in JavaScript: `>>>
 * 0` makes it an address. A text is UTF-8 in the module's memory and ends with a zero byte. Memory grows
 * while the module works, which detaches limn.memory.buffer: make a new view of it after each call.
 *
 * Objects. A function that makes an object returns 0 on failure. The caller frees what it made: images and
 * bytes in any order, a colorizer before its model, a model before the bytes of its weights. Every function
 * that frees accepts 0; the others that take an image accept 0 and fail.
 *
 * Memory. The module's memory grows up to 4 GB and never shrinks; freed memory is used again. What would need
 * more fails with status 6 (LIMN_E_MEMORY) before the work starts.
 *
 * These functions of limn.h are exported unchanged: limn_model_free, limn_model_name, limn_model_metadata,
 * limn_model_warning. __stack_pointer is exported for a test. */
#ifndef LIMN_MODULE_H
#define LIMN_MODULE_H

#include "engine/limn.h"

/* ---- bytes ------------------------------------------------------------------------------- */

/* Memory for what JavaScript hands to the module: files, texts, hints. */
void *limn_bytes_create(size_t size);
void limn_bytes_free(void *bytes);

/* ---- failures ---------------------------------------------------------------------------- */

/* Of the call that failed last: its limn_status (2 to 7), its limn_reason, and one line of text, valid until
 * the next failure. */
int limn_failure_status(void);
int limn_failure_reason(void);
const char *limn_failure_message(void);

/* ---- models ------------------------------------------------------------------------------ */

/* limn_model_load_bytes: the model borrows `bytes` until limn_model_free; `name` is copied. */
limn_model *limn_model_open(const void *bytes, size_t size, const char *name);

/* The classes of a segmentation network: how many (0 on failure), and of class `index` the name, valid until
 * the next call, and the colour, 0xRRGGBB. Outside of 0 .. count - 1 the name is "" and the colour 0. */
int limn_classes_count(const limn_model *model);
const char *limn_class_name(const limn_model *model, int index);
int limn_class_colour(const limn_model *model, int index);

/* ---- images ------------------------------------------------------------------------------ */

/* A picture, rows of 8-bit pixels from the top without padding, and the metadata of its file. */
typedef struct limn_image limn_image;

/* An image for JavaScript to fill. `channels`: 3 for R G B, 4 for R G B A. */
limn_image *limn_image_create(int width, int height, int channels);

/* Decodes a PNG, JPEG, BMP or PNM file as the limn program does and turns it upright. `name` is its name in
 * messages and is copied. */
limn_image *limn_image_decode(const void *file, size_t size, const char *name);

/* Encodes a PNG, JPEG, BMP, PPM or PGM file. The extension of `name` decides which. `quality` of a JPEG is 1
 * to 100; the program uses 92. The metadata of `source` is carried to a PNG or JPEG and corrected; 0: none.
 * `software`, ASCII, is stored as what made the picture; 0: nothing. Returns bytes for limn_bytes_free;
 * limn_encoded_size is their number until the next limn_image_encode. */
void *limn_image_encode(const limn_image *image, const char *name, int quality, const limn_image *source,
                        const char *software);
size_t limn_encoded_size(void);

int limn_image_width(const limn_image *image);
int limn_image_height(const limn_image *image);
int limn_image_channels(const limn_image *image);
unsigned char *limn_image_pixels(const limn_image *image);

/* What reading the file lost or ignored, one line, or "". Valid as long as the image. */
const char *limn_image_warning(const limn_image *image);
void limn_image_free(limn_image *image);

/* ---- images from images ------------------------------------------------------------------ */

/* Each returns a new image with the channels of its source. Rotating and cropping keep its metadata, which
 * limn_image_encode corrects, and its name. */

/* Turned clockwise: any whole number of quarter turns, negative ones anticlockwise. */
limn_image *limn_image_rotate(const limn_image *image, int quarter_turns);

/* The part of width x height pixels whose upper left pixel is x, y. It must be inside the image. */
limn_image *limn_image_crop(const limn_image *image, int x, int y, int width, int height);

/* Shrunk with Pillow's bicubic filter to at most `longest` pixels a side; a copy if it is no larger. */
limn_image *limn_image_reduce(const limn_image *image, int longest);

/* ---- pipelines --------------------------------------------------------------------------- */

/* Each returns a new image. The options are those of limn.h; 0 is the default. */

/* limn_colorize. `hints` are 6 * hint_count ints: x, y, radius, red, green, blue of each. They may be 0 if
 * there are none. `seed` is a whole number below 2^53; -1: the mean colours. */
limn_image *limn_image_colorize(limn_model *model, const limn_image *source, const int32_t *hints,
                                int hint_count, double seed, double saturation, double temperature,
                                int network_size);

/* limn_upscale: `factor` times as wide and high; 2 to 4 for enhancenet. */
limn_image *limn_image_upscale(limn_model *model, const limn_image *source, int factor);

/* limn_segment: an image with one channel, the class of each pixel. `resize` -1: the picture's own size. */
limn_image *limn_image_segment(limn_model *model, const limn_image *source, int resize, double scale,
                               double threshold);

/* limn_generate: `count` square pictures, one below the other. `seed` is a whole number below 2^53. */
limn_image *limn_image_generate(limn_model *model, int count, double seed, bool fixed_range);

/* ---- a colorizer: find colours once, paint them often ------------------------------------ */

/* limn_image_colorize in two steps, for pages where hints and settings change:
 *
 *     colorizer = limn_colorizer_create(model, 0)
 *     limn_colorizer_run(colorizer, photo, hints, 1, -1)                  when a hint changes
 *     view = limn_colorizer_paint(colorizer, small, 0, 0, w, h, 0, 0)     when anything changes
 *     limn_colorizer_paint(colorizer, photo, 0, 0, width, height, 0, 0)   to save
 *
 * Each step reports progress from 0 to 1. */
typedef struct limn_colorizer limn_colorizer;

/* Makes the network ready: about 100 MB of memory at 256. The model must outlive the colorizer.
 * `network_size` is the side of the network's input; 0: the weights' own. */
limn_colorizer *limn_colorizer_create(limn_model *model, int network_size);
void limn_colorizer_free(limn_colorizer *colorizer);

/* 1 for siggraph17, 0 for networks that ignore hints, with which limn_colorizer_run refuses them. */
int limn_colorizer_takes_hints(const limn_colorizer *colorizer);

/* Finds the colours of `source`, of 3 or 4 channels, with hints and a seed as for limn_image_colorize, and
 * keeps them. Returns 1, or 0 on failure: the colours kept before stay.
 *
 * The colorizer also keeps the source as the network sees it, small, so the next run with the same image is
 * faster. It does not see what JavaScript writes into the pixels of an image after the first run. */
int limn_colorizer_run(limn_colorizer *colorizer, const limn_image *source, const int32_t *hints,
                       int hint_count, double seed);

/* A new image: the part of `picture` of width x height pixels at x, y, with its own lightness and the colours
 * of the last run. `picture` is the source of that run, or the same picture at another size. The pixels are
 * those that limn_image_colorize would give them with this saturation and temperature. Name and metadata are
 * those of `picture`. */
limn_image *limn_colorizer_paint(const limn_colorizer *colorizer, const limn_image *picture, int x, int y,
                                 int width, int height, double saturation, double temperature);

#endif
