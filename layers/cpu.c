/* cpu.c - see cpu.h. */
#include "layers/cpu.h"

#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#endif

static const char *const names[ISA_COUNT] = {"baseline",   "avx2", "avx512",      "avx512+bf16",
                                             "avx512+amx", "neon", "amx-emulated"};

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

#if defined(__x86_64__)

static bool has_avx512_bf16(void)
{
    enum { AVX512_BF16 = 1 << 5 };
    unsigned a, b, c, d;
    return __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a & AVX512_BF16);
}

/* CPUID says what the processor has, XCR0 whether the system saves the tiles when it switches threads. */
static bool has_amx(void)
{
    enum { OSXSAVE = 1 << 27, AMX_BF16 = 1 << 22, AMX_TILE = 1 << 24, TILE_STATE = 3 << 17 };
    unsigned a, b, c, d, low, high;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & OSXSAVE))
        return false;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (d & AMX_BF16) && (d & AMX_TILE) &&
           (low & TILE_STATE) == TILE_STATE;
}

#endif

bool cpu_has(enum isa isa)
{
    switch (isa) {
    case ISA_BASELINE:
    case ISA_AMX_EMULATED:
        return true;
#if defined(__x86_64__)
    /* libgcc's test includes the operating system's support for the wider registers (XGETBV). */
    case ISA_AVX2:
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    case ISA_AVX512:
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") && cpu_has(ISA_AVX2);
    case ISA_AVX512_BF16:
        return cpu_has(ISA_AVX512) && has_avx512_bf16();
    case ISA_AVX512_AMX:
        return cpu_has(ISA_AVX512_BF16) && has_amx();
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
    for (enum isa isa = 0; isa < ISA_AMX_EMULATED; isa++)
        if (cpu_has(isa))
            best = isa;
    return best;
}

enum isa isa_of_floats(enum isa isa)
{
    if (isa == ISA_AMX_EMULATED)
        isa = cpu_isa();
    return isa == ISA_AVX512_BF16 || isa == ISA_AVX512_AMX ? ISA_AVX512 : isa;
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
