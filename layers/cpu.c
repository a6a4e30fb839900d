/* cpu.c - see cpu.h. */
#include "layers/cpu.h"

#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

static const char *const names[ISA_COUNT] = {"baseline", "avx2", "avx512", "neon"};

const char *isa_name(enum isa isa)
{
    return isa < ISA_COUNT ? names[isa] : "unknown";
}

enum isa isa_named(const char *name)
{
    enum isa isa = 0;
    while (isa < ISA_COUNT && strcmp(names[isa], name) != 0)
        isa++;
    return isa;
}

bool cpu_has(enum isa isa)
{
    switch (isa) {
    case ISA_BASELINE:
        return true;
#if defined(__x86_64__)
    /* libgcc's test includes the operating system's support for the wider registers (XGETBV). */
    case ISA_AVX2:
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    case ISA_AVX512:
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") && cpu_has(ISA_AVX2);
#elif defined(__aarch64__)
    case ISA_NEON:
        return true;
#endif
    default:
        return false;
    }
}

enum isa cpu_isa(void)
{
    enum isa best = ISA_BASELINE;
    for (enum isa isa = 0; isa < ISA_COUNT; isa++)
        if (cpu_has(isa))
            best = isa;
    return best;
}

#if defined(__x86_64__)

enum { FLUSH_TO_ZERO = 1 << 15, DENORMALS_ARE_ZERO = 1 << 6 };

uint64_t cpu_flush_denormals(void)
{
    unsigned state = _mm_getcsr();
    _mm_setcsr(state | FLUSH_TO_ZERO | DENORMALS_ARE_ZERO);
    return state;
}

void cpu_restore_denormals(uint64_t state)
{
    _mm_setcsr((unsigned)state);
}

#elif defined(__aarch64__)

uint64_t cpu_flush_denormals(void)
{
    uint64_t state;
    __asm__ volatile("mrs %0, fpcr" : "=r"(state));
    __asm__ volatile("msr fpcr, %0" : : "r"(state | (UINT64_C(1) << 24)));
    return state;
}

void cpu_restore_denormals(uint64_t state)
{
    __asm__ volatile("msr fpcr, %0" : : "r"(state));
}

#else

uint64_t cpu_flush_denormals(void)
{
    return 0;
}

void cpu_restore_denormals(uint64_t state)
{
    (void)state;
}

#endif
