/* weights_list.h - limn --weights: the weights that are found by name, and what each is for. */
#ifndef APP_WEIGHTS_LIST_H
#define APP_WEIGHTS_LIST_H

/* Prints a line for each: its name, which begins the line and is followed by two blanks or more; the command
 * that it is for; network, licence and size. A file that cannot be used is listed with its error. */
void weights_list_print(void);

#endif
