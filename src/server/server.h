/* A running server: sockets, timers, files and children around one node. */
#ifndef EIR_SERVER_SERVER_H
#define EIR_SERVER_SERVER_H

#include "node/config.h"

struct log_file;

/* Serves until the node wants to exit; returns the exit code. Adopts the configuration. */
int server_run(struct config *config, struct log_file *log_file);

#endif
