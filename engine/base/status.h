/* status.h - how the engine reports failure: a status returned, a message in the caller's limn_error. */
#ifndef LIMN_STATUS_H
#define LIMN_STATUS_H

#include "engine/limn.h"

/* Fills *error (which may be NULL) and returns `status`, so that a check reads
 *     return fail(error, LIMN_E_INPUT, "%s: %d channels, 3 expected", path, channels);
 * A message longer than limn_error holds is cut in its middle; control characters that a file name or a
 * tensor name may bring along are replaced, so that the message stays one printable line. */
#define fail(error, status, ...) fail_because(error, status, LIMN_REASON_NONE, __VA_ARGS__)

/* fail() with a reason, for which the program knows a remedy. */
limn_status fail_because(limn_error *error, limn_status status, limn_reason reason, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* fail() for an allocation: "out of memory: WHAT needs N MB", or kB, or bytes where it is little, and how
 * much is left under a limit. Returns LIMN_E_MEMORY. */
limn_status fail_memory(limn_error *error, const char *what, size_t bytes);

/* fail() for work that would take `bytes` more than is held now, found out before it starts: "out of memory:
 * WHAT takes N MB in all, the limit is M MB; less is needed with HINT", N with what is held. */
limn_status fail_need(limn_error *error, limn_reason reason, const char *what, size_t bytes,
                      const char *hint);

/* Static analysis sees one file at a time and would think that these may return LIMN_OK. */
#ifdef __clang_analyzer__
#define fail_because(error, status, ...) ((fail_because)(error, status, __VA_ARGS__), (status))
#define fail_memory(...) ((fail_memory)(__VA_ARGS__), LIMN_E_MEMORY)
#define fail_need(...) ((fail_need)(__VA_ARGS__), LIMN_E_MEMORY)
#endif

#endif
