/* remedy.c - see remedy.h. */
#include "apps/cli/remedy.h"
#include "engine/base/status.h"

static const char *const remedies[] = {
    [LIMN_REASON_EXISTS] = " (use --force to replace it)",
    [LIMN_REASON_CHECKPOINT] = "; convert it with: python3 tools/convert.py CHECKPOINT -o NAME.safetensors",
    [LIMN_REASON_PIECES] = " (use --size HxW to resize them to one size)",
    [LIMN_REASON_BANDS] = " (use --tile N for bands of N rows, with a smaller N)",
    [LIMN_REASON_RESIZE] = " (use --resize N with a smaller N, such as 520)",
    [LIMN_REASON_SCALE] = " (use a smaller --scale)",
};

void remedy_append(limn_error *error)
{
    limn_error plain = *error;
    size_t reason = (size_t)error->reason;
    if (reason < sizeof remedies / sizeof *remedies && remedies[reason])
        fail(error, plain.status, "%s%s", plain.message, remedies[reason]);
}
