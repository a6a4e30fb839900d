/* fuzz.h - what the fuzz targets share.
 *
 * A target is one file, fuzz_NAME.c, that defines LLVMFuzzerTestOneInput: it gives the bytes to one reader,
 * as a stranger's file would, and checks what the reader promises of its result. `make fuzz` links it with
 * libFuzzer, `make check-c` with replay.c, which runs the files in corpus/NAME once each. */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include "engine/base/status.h"

/* libFuzzer's entry point; returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Ends the process, naming the place, when a promise is broken. */
#define REQUIRE(promise) fuzz_require((promise), #promise, __FILE__, __LINE__)
void fuzz_require(bool kept, const char *promise, const char *file, int line);

/* What every reader promises: success; or one of its own failures, with a message of one printable line that
 * begins with the file's name. */
#define REQUIRE_STATUS(status, error, kind, name)                                                            \
    REQUIRE((status) == LIMN_OK || fuzz_is_failure((status), (error), (kind), (name)))
bool fuzz_is_failure(limn_status status, const limn_error *error, limn_status kind, const char *name);

/* The path of a file that holds these bytes, for readers that want a file: always the same one, in memory. */
const char *fuzz_file(const uint8_t *data, size_t size);

/* Makes a file look as if it had been written long ago: of a new one, reading waits to see that it stays. */
bool fuzz_age_file(const char *path);

/* Makes that file `size` bytes long, with zeros after the bytes, which take no memory. False if that fails.
 */
bool fuzz_file_grow(uint64_t size);

/* A path for writers, and what they have written to it since the last call: `size` bytes, in static storage,
 * followed by a zero byte. No more than FUZZ_WRITTEN may be written at a time. */
enum { FUZZ_WRITTEN = 1 << 16 };
const char *fuzz_sink(void);
const uint8_t *fuzz_written(size_t *size);

#endif
