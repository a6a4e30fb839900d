/* instruction_set.c - see instruction_set.h. */
#include "engine/run/instruction_set.h"
#include "engine/base/system.h"
#include "layers/gemm.h"
#include "layers/simd.h"

#include <stdio.h>
#include <string.h>

/* One for the whole process: OpenBLAS has one set of kernels for all threads. Guarded by the lock of the
 * process. */
static struct isa_choice in_use = {.isa = ISA_COUNT};

struct isa_choice isa_in_use(void)
{
    system_process_lock();
    struct isa_choice choice = in_use;
    system_process_unlock();
    return choice;
}

limn_status isa_permit(enum isa isa, bool forced, const char *(*permit)(void), struct isa_choice *choice,
                       limn_error *error)
{
    *choice = (struct isa_choice){.isa = isa};
    const char *denial = isa == ISA_AVX512_AMX ? permit() : NULL;
    if (!denial)
        return LIMN_OK;
    if (forced)
        return fail(error, LIMN_E_USAGE, "instruction set %s: the system denies matrix tiles: %s",
                    isa_name(isa), denial);
    choice->isa = ISA_AVX512_BF16; /* which every CPU with AMX has, see cpu_has */
    snprintf(choice->denied, sizeof choice->denied, "%s", denial);
    return LIMN_OK;
}

/* The first choice of the process, under its lock. */
static limn_status choose(enum isa isa, bool forced, limn_error *error)
{
    struct isa_choice choice;
    limn_status status = isa_permit(isa, forced, system_permit_tiles, &choice, error);
    if (status != LIMN_OK)
        return status;
    const char *problem = gemm_init(choice.isa, forced);
    if (problem)
        return fail(error, LIMN_E_USAGE, "cannot load OpenBLAS: %s", problem);
    simd_choose(choice.isa);
    in_use = choice;
    return LIMN_OK;
}

limn_status isa_use(const char *name, limn_error *error)
{
    bool forced = name && strcmp(name, "auto") != 0;
    enum isa isa = forced ? isa_named(name) : cpu_isa();
    limn_status status = LIMN_OK;
    if (isa == ISA_COUNT)
        return fail(error, LIMN_E_USAGE,
                    "instruction set \"%s\": auto, baseline, avx2, avx512, avx512+bf16, avx512+amx, neon or "
                    "amx-emulated expected",
                    name);
    if (!cpu_has(isa))
        return fail(error, LIMN_E_USAGE, "instruction set %s: this CPU does not have it (its best is %s)",
                    isa_name(isa), isa_name(cpu_isa()));
    system_process_lock();
    if (in_use.isa == ISA_COUNT)
        status = choose(isa, forced, error);
    else if (forced && isa != in_use.isa)
        status = fail(error, LIMN_E_USAGE, "instruction set %s: this process already runs with %s",
                      isa_name(isa), isa_name(in_use.isa));
    system_process_unlock();
    return status;
}
