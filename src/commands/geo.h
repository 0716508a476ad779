/* What the commands of places share. */
#ifndef EIR_COMMANDS_GEO_H
#define EIR_COMMANDS_GEO_H

#include "engine/call.h"
#include "types/geo.h"

/* Two arguments as longitude and latitude. False: answered. */
bool geo_point_parse(struct call *call, uint32_t index, struct geo_point *point);
/* M, KM, FT, MI: how many metres one is. False: answered. */
bool geo_unit_parse(struct call *call, uint32_t index, double *metres);
void reply_geo_point(struct call *call, struct geo_point point);

#endif
