/* cpu.h - the instruction sets of the processor, and the handling of denormals. */
#ifndef LAYERS_CPU_H
#define LAYERS_CPU_H

#include <stdbool.h>
#include <stdint.h>

/* Instruction sets that kernels are compiled for, weakest first on x86-64. The two after AVX-512 add products
 * of bf16 numbers (bf16.h); everything else runs on AVX-512. */
enum isa {
    ISA_BASELINE,    /* x86-64 with SSE2, or any other CPU's default */
    ISA_AVX2,        /* AVX2 and FMA */
    ISA_AVX512,      /* AVX-512 F, BW, DQ, VL */
    ISA_AVX512_BF16, /* and AVX512-BF16 */
    ISA_AVX512_AMX,  /* and AMX-TILE, AMX-BF16: the system must also permit tiles, see engine/base/system.h */
    ISA_NEON,        /* aarch64 Advanced SIMD */
    ISA_AMX_EMULATED, /* the best of the above without bf16, and AMX in plain C: slow, for checking results */
    ISA_COUNT,
};

/* "baseline", "avx2", "avx512", "avx512+bf16", "avx512+amx", "neon", "amx-emulated". */
const char *isa_name(enum isa isa);

/* The set called `name`, or ISA_COUNT if there is none. */
enum isa isa_named(const char *name);

/* The set whose kernels compute with floats where `isa` is in use: ISA_AVX512 for the sets with bf16. */
enum isa isa_of_floats(enum isa isa);

/* The best set this CPU and operating system support; never ISA_AMX_EMULATED. */
enum isa cpu_isa(void);

/* Whether kernels compiled for `isa` can run here. */
bool cpu_has(enum isa isa);

/* Treats subnormal results and operands as zero on the calling thread (MXCSR FTZ and DAZ, FPCR FZ): networks
 * produce many of them, and each costs some hundred cycles. Returns the previous state, for
 * cpu_restore_denormals. */
uint64_t cpu_flush_denormals(void);
void cpu_restore_denormals(uint64_t state);

#endif
