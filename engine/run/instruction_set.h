/* instruction_set.h - the instruction set of the process, chosen by its first engine. */
#ifndef LIMN_INSTRUCTION_SET_H
#define LIMN_INSTRUCTION_SET_H

#include "engine/base/status.h"
#include "layers/cpu.h"

/* An instruction set, and why it is not ISA_AVX512_AMX although the CPU has that: "" if it is, if another set
 * was named, or if the CPU lacks AMX. */
struct isa_choice {
    enum isa isa;
    char denied[96];
};

/* Makes the process use the set called `name`, or if it is NULL or "auto" the best one that the CPU has and
 * the system permits; prepares OpenBLAS and the kernels for it. Later calls change nothing, and fail if they
 * name another set. LIMN_E_USAGE: an unknown set, one that the CPU lacks or the system denies, or OpenBLAS
 * cannot be loaded. */
limn_status isa_use(const char *name, limn_error *error);

/* The choice in use; its set is ISA_COUNT before the first isa_use. */
struct isa_choice isa_in_use(void);

/* The part of isa_use that asks for permission. `isa` is a set that the CPU has; `permit` is
 * system_permit_tiles, or in tests its replacement, and is called for ISA_AVX512_AMX only. If it is denied,
 * `forced` fails, and otherwise the choice is the next best set. */
limn_status isa_permit(enum isa isa, bool forced, const char *(*permit)(void), struct isa_choice *choice,
                       limn_error *error);

#endif
