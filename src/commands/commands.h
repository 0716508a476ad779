/* The data commands, one array of rows for each family. */
#ifndef EIR_COMMANDS_COMMANDS_H
#define EIR_COMMANDS_COMMANDS_H

struct engine;

/* Registers every row of this folder. */
void commands_register(struct engine *engine);

#endif
