/* cpu.h - the instruction sets of the processor, and the handling of denormals. */
#ifndef LAYERS_CPU_H
#define LAYERS_CPU_H

#include <stdbool.h>
#include <stdint.h>

/* Instruction sets that kernels are compiled for, weakest first on x86-64. */
enum isa {
    ISA_BASELINE, /* x86-64 with SSE2, or any other CPU's default */
    ISA_AVX2,     /* AVX2 and FMA */
    ISA_AVX512,   /* AVX-512 F, BW, DQ, VL */
    ISA_NEON,     /* aarch64 Advanced SIMD */
    ISA_COUNT,
};

/* "baseline", "avx2", "avx512", "neon". */
const char *isa_name(enum isa isa);

/* The set called `name`, or ISA_COUNT if there is none. */
enum isa isa_named(const char *name);

/* The best set this CPU and operating system support. */
enum isa cpu_isa(void);

/* Whether kernels compiled for `isa` can run here. */
bool cpu_has(enum isa isa);

/* Treats subnormal results and operands as zero on the calling thread (MXCSR FTZ and DAZ, FPCR FZ): networks
 * produce many of them, and each costs some hundred cycles. Returns the previous state, for
 * cpu_restore_denormals. */
uint64_t cpu_flush_denormals(void);
void cpu_restore_denormals(uint64_t state);

#endif
