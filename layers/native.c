/* native.c - the choice between the compiled copies of the native kernels: see native.h. */
#include "layers/native.h"

#include <stdatomic.h>

#define NATIVE_TABLE(isa)                                                                                    \
    {                                                                                                        \
        peak_##isa, tile_kernels_##isa, winograd_##isa, finish_##isa, sums_##isa, accumulate_##isa,          \
            maximum_##isa, blend_##isa, softmax_##isa, finite_##isa, transcend_##isa, epilogue_##isa         \
    }

static const struct native tables[ISA_COUNT] = {
    [ISA_BASELINE] = NATIVE_TABLE(baseline),
#if defined(__x86_64__)
    [ISA_AVX2] = NATIVE_TABLE(avx2),
    [ISA_AVX512] = NATIVE_TABLE(avx512),
#elif defined(__aarch64__)
    [ISA_NEON] = NATIVE_TABLE(neon),
#endif
};

static _Atomic(const struct native *) chosen = &tables[ISA_BASELINE];

const struct native *native_for(enum isa isa)
{
    return &tables[isa];
}

const struct native *native(void)
{
    return atomic_load_explicit(&chosen, memory_order_relaxed);
}

void native_choose(enum isa isa)
{
    atomic_store(&chosen, &tables[isa]);
}
