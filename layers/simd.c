/* simd.c - see simd.h. */
#include "layers/simd.h"

#include <stdatomic.h>

/* The kernels of one set of floats, with parts and their products from others. */
#define SIMD_TABLE(isa, split, products, rate)                                                               \
    {                                                                                                        \
        peak_##isa, tile_kernels_##isa, winograd_##isa, finish_##isa, sums_##isa, accumulate_##isa,          \
            total_##isa, maximum_##isa, blend_##isa, softmax_##isa, finite_##isa, split,                     \
            split_weights_##isa, epilogue_##isa, &(products), rate                                           \
    }

enum { RATE_BF16 = 2, RATE_AMX = 16, RATE_EMULATED = 0 };

static const struct simd tables[ISA_COUNT] = {
    [ISA_BASELINE] = SIMD_TABLE(baseline, split_row_baseline, tiles_baseline, RATE_EMULATED),
#if defined(__x86_64__)
    [ISA_AVX2] = SIMD_TABLE(avx2, split_row_avx2, tiles_avx2, RATE_EMULATED),
    [ISA_AVX512] = SIMD_TABLE(avx512, split_row_avx512, tiles_avx512, RATE_EMULATED),
    [ISA_AVX512_BF16] = SIMD_TABLE(avx512, split_row_bf16, bf16_avx512, RATE_BF16),
    [ISA_AVX512_AMX] = SIMD_TABLE(avx512, split_row_bf16, tiles_amx, RATE_AMX),
#elif defined(__aarch64__)
    [ISA_NEON] = SIMD_TABLE(neon, split_row_neon, tiles_neon, RATE_EMULATED),
#endif
};

/* ISA_AMX_EMULATED by the set of its floats: chosen as on a machine with AMX. */
static const struct simd emulated[ISA_COUNT] = {
    [ISA_BASELINE] = SIMD_TABLE(baseline, split_row_baseline, tiles_baseline, RATE_AMX),
#if defined(__x86_64__)
    [ISA_AVX2] = SIMD_TABLE(avx2, split_row_avx2, tiles_avx2, RATE_AMX),
    [ISA_AVX512] = SIMD_TABLE(avx512, split_row_avx512, tiles_avx512, RATE_AMX),
#elif defined(__aarch64__)
    [ISA_NEON] = SIMD_TABLE(neon, split_row_neon, tiles_neon, RATE_AMX),
#endif
};

static _Atomic(const struct simd *) chosen = &tables[ISA_BASELINE];

const struct simd *simd_for(enum isa isa)
{
    return isa == ISA_AMX_EMULATED ? &emulated[isa_of_floats(isa)] : &tables[isa];
}

const struct simd *simd(void)
{
    return atomic_load_explicit(&chosen, memory_order_relaxed);
}

void simd_choose(enum isa isa)
{
    atomic_store(&chosen, simd_for(isa));
}
