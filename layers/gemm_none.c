/* gemm_none.c - gemm.h for a limn built without OpenBLAS. It replaces gemm.c. */
#include "layers/gemm.h"

#include <stdlib.h>

bool gemm_available(void)
{
    return false;
}

const char *gemm_init(enum isa isa, bool forced)
{
    (void)isa, (void)forced;
    return NULL;
}

const char *gemm_core(void)
{
    return NULL;
}

/* No caller gets here: variants that multiply by OpenBLAS apply to nothing. */
void gemm_run(const struct gemm *g)
{
    (void)g;
    abort();
}
