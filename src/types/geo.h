/* Places on earth as the scores of sorted sets, and which of them lie within a shape.
 *
 * A score holds 26 bits of latitude and 26 of longitude, interleaved, the latitude in the even
 * bits: places that share their first bits share a rectangle, and so the places of a rectangle are
 * a range of scores. The arithmetic follows Valkey's to the last bit, because clients see its
 * digits. Pure functions. */
#ifndef EIR_TYPES_GEO_H
#define EIR_TYPES_GEO_H

#include "base/units.h"

struct geo_point {
    double longitude;
    double latitude;
};

#define GEO_LONGITUDE_MAX 180.0
#define GEO_LATITUDE_MAX  85.05112878 /* where the square map of the web ends */

bool geo_point_is_valid(struct geo_point point);
double geo_score(struct geo_point point);
/* The middle of what the score stands for. Any score is taken: sorted sets may hold others. */
struct geo_point geo_point_of(double score);

/* The eleven characters of a geohash as others write them: latitudes up to 90 degrees. */
#define GEO_TEXT_SIZE 11
void geo_text(struct geo_point point, char text[GEO_TEXT_SIZE]);

/* Metres along a great circle. */
double geo_distance(struct geo_point a, struct geo_point b);

enum geo_shape_kind { GEO_CIRCLE, GEO_BOX, GEO_POLYGON };

struct geo_shape {
    enum geo_shape_kind kind;
    struct geo_point center;          /* of a polygon: from geo_polygon_center */
    double radius_m;                  /* of a circle */
    double width_m, height_m;         /* of a box */
    const struct geo_point *vertices; /* borrowed; of a polygon */
    size_t vertex_count;
};

struct geo_point geo_polygon_center(const struct geo_point *vertices, size_t count);

/* Does it lie within? *distance_m is that to the centre then. */
bool geo_shape_contains(const struct geo_shape *shape, struct geo_point point, double *distance_m);

/* Scores from `min` on and below `max`. */
struct geo_area {
    double min, max;
};
#define GEO_AREAS_MAX 9
/* The areas that cover the shape, in the order in which Valkey looks at them. */
size_t geo_shape_areas(const struct geo_shape *shape, struct geo_area areas[GEO_AREAS_MAX]);

#endif
