/* weights_path.h - weights files by name, and the folders in which they are looked up. */
#ifndef LIMN_WEIGHTS_PATH_H
#define LIMN_WEIGHTS_PATH_H

#include "engine/base/status.h"
#include "engine/base/system.h"

/* Writes the path of the weights that `name` stands for. A name that holds a '/' or a '.', and the name of an
 * existing file, is a path already and is copied. Any other is looked up as NAME.safetensors in
 *   1. $LIMN_WEIGHTS,
 *   2. $XDG_DATA_HOME/limn/weights; if XDG_DATA_HOME is not set, $HOME/.local/share/limn/weights,
 *   3. the folder of the shared library, and weights, ../weights, ../../weights, ../share/limn/weights and
 *      ../../share/limn/weights relative to it, if this code is in a shared library,
 *   4. the folder of the program, and the same folders relative to it,
 *   5. the folder in which `make install` puts weights.
 * The first file found is taken. A library loaded by a relative path (LD_LIBRARY_PATH=lib) is found as long
 * as the process stays in the folder it was started in.
 * Errors: LIMN_E_WEIGHTS; LIMN_REASON_UNKNOWN_NAME for a name that is found nowhere. Thread-safe. */
limn_status weights_path(const char *name, char path[SYSTEM_PATH_MAX], limn_error *error);

/* Whether weights_path finds `name`, which is not a path, in one of its folders. */
bool weights_exist(const char *name);

/* Calls `take` with every name that weights_path finds: in the order of the folders, sorted within each, no
 * name twice. Folders that cannot be read are skipped. */
void weights_each(void (*take)(void *context, const char *name), void *context);

#endif
