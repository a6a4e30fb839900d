/* notes.c - see notes.h. */
#include "apps/cli/notes.h"
#include "engine/pictures/picture.h"

#include <string.h>

enum { NOTES = 16 }; /* different ones; any more are printed every time */

static struct {
    char text[sizeof((struct picture *)NULL)->warning];
    size_t more; /* pictures after the first */
} notes[NOTES];

void note_once(const struct options *options, const char *name, const char *note)
{
    size_t i = 0;
    while (i < NOTES && notes[i].text[0] && strcmp(notes[i].text, note) != 0)
        i++;
    bool is_new = i == NOTES || !notes[i].text[0];
    if (is_new)
        app_note(options, "%s: %s", name, note);
    if (i < NOTES && is_new)
        snprintf(notes[i].text, sizeof notes[i].text, "%s", note);
    else if (i < NOTES)
        notes[i].more++;
}

void notes_end(const struct options *options)
{
    for (size_t i = 0; i < NOTES && notes[i].text[0]; i++)
        if (notes[i].more)
            app_note(options, "%zu more picture%s: %s", notes[i].more, notes[i].more == 1 ? "" : "s",
                     notes[i].text);
}
