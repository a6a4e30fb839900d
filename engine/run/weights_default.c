/* weights_default.c - the weights of each task: limn_default_weights. */
#include "engine/run/weights_path.h"

/* The first that is found. Published weights come before those that limn includes. */
static const char *const names[][2] = {
    [LIMN_TASK_SEGMENT] = {"deeplabv3", "unet-nuclei"},
    [LIMN_TASK_COLORIZE] = {"siggraph17", "siggraph17-photos"},
    [LIMN_TASK_UPSCALE] = {"enhancenet"},
    [LIMN_TASK_GENERATE] = {"dcgan-landscapes"},
};

const char *limn_default_weights(limn_task task)
{
    if ((size_t)task >= sizeof names / sizeof *names)
        return NULL;
    const char *const *name = names[task];
    return name[1] && !weights_exist(name[0]) ? name[1] : name[0];
}
