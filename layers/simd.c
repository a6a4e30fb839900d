/* simd.c - see simd.h. */
#include "layers/simd.h"

#include <stdatomic.h>

#define SIMD_TABLE(isa)                                                                                      \
    {                                                                                                        \
        peak_##isa, tile_kernels_##isa, winograd_##isa, finish_##isa, sums_##isa, accumulate_##isa,          \
            total_##isa, maximum_##isa, blend_##isa, softmax_##isa, finite_##isa, epilogue_##isa             \
    }

static const struct simd tables[ISA_COUNT] = {
    [ISA_BASELINE] = SIMD_TABLE(baseline),
#if defined(__x86_64__)
    [ISA_AVX2] = SIMD_TABLE(avx2),
    [ISA_AVX512] = SIMD_TABLE(avx512),
#elif defined(__aarch64__)
    [ISA_NEON] = SIMD_TABLE(neon),
#endif
};

static _Atomic(const struct simd *) chosen = &tables[ISA_BASELINE];

const struct simd *simd_for(enum isa isa)
{
    return &tables[isa];
}

const struct simd *simd(void)
{
    return atomic_load_explicit(&chosen, memory_order_relaxed);
}

void simd_choose(enum isa isa)
{
    atomic_store(&chosen, &tables[isa]);
}
