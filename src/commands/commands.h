/* The families of data commands. */
#ifndef EIR_COMMANDS_COMMANDS_H
#define EIR_COMMANDS_COMMANDS_H

struct engine;

/* Registers the rows of every family. */
void commands_register(struct engine *engine);

#endif
