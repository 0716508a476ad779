/* Interleaved coordinates, distances on a sphere, and the rectangles that cover a shape. */
#include "types/geo.h"

#include "base/ensure.h"

#include <math.h>

#define STEPS_MAX      26
#define EARTH_RADIUS_M 6372797.560856
#define MERCATOR_MAX_M 20037726.37
#define RADIANS(value) ((value) * (M_PI / 180.0))
#define DEGREES(value) ((value) / (M_PI / 180.0))

/* ---- cells: a rectangle of `steps` bits in each direction ---- */

struct cell {
    uint64_t bits;
    unsigned steps; /* 0: none */
};

struct bounds {
    double west, south, east, north;
};

static const struct bounds world = { -GEO_LONGITUDE_MAX, -GEO_LATITUDE_MAX, GEO_LONGITUDE_MAX,
                                     GEO_LATITUDE_MAX };

/* The bits of a number, each followed by a zero. */
static uint64_t spread(uint64_t value)
{
    value &= 0xffffffff;
    value = (value | value << 16) & 0x0000ffff0000ffff;
    value = (value | value << 8) & 0x00ff00ff00ff00ff;
    value = (value | value << 4) & 0x0f0f0f0f0f0f0f0f;
    value = (value | value << 2) & 0x3333333333333333;
    return (value | value << 1) & 0x5555555555555555;
}

static uint32_t gather(uint64_t value)
{
    value &= 0x5555555555555555;
    value = (value | value >> 1) & 0x3333333333333333;
    value = (value | value >> 2) & 0x0f0f0f0f0f0f0f0f;
    value = (value | value >> 4) & 0x00ff00ff00ff00ff;
    value = (value | value >> 8) & 0x0000ffff0000ffff;
    return (uint32_t)(value | value >> 16);
}

/* The very end of a range counts as one more than the last number: Valkey keeps it so. */
static struct cell cell_of(struct geo_point point, const struct bounds *range, unsigned steps)
{
    double scale = (double)(1ull << steps);
    double latitude = (point.latitude - range->south) / (range->north - range->south);
    double longitude = (point.longitude - range->west) / (range->east - range->west);
    uint64_t bits = spread((uint32_t)(latitude * scale)) | spread((uint32_t)(longitude * scale))
                                                               << 1;
    return (struct cell){ bits, steps };
}

static struct bounds cell_bounds(struct cell cell)
{
    uint32_t latitude = gather(cell.bits), longitude = gather(cell.bits >> 1);
    double scale = (double)(1ull << cell.steps);
    double height = world.north - world.south, width = world.east - world.west;
    return (struct bounds){
        .west = world.west + (longitude * 1.0 / scale) * width,
        .east = world.west + ((longitude + 1.0) / scale) * width,
        .south = world.south + (latitude * 1.0 / scale) * height,
        .north = world.south + ((latitude + 1.0) / scale) * height,
    };
}

/* Around the world where it ends. */
static struct cell cell_neighbour(struct cell cell, int east, int north)
{
    uint32_t mask = (uint32_t)((1ull << cell.steps) - 1);
    uint32_t latitude = (gather(cell.bits) + (uint32_t)north) & mask;
    uint32_t longitude = (gather(cell.bits >> 1) + (uint32_t)east) & mask;
    if (north == 0) latitude = gather(cell.bits);
    if (east == 0) longitude = gather(cell.bits >> 1);
    return (struct cell){ spread(latitude) | spread(longitude) << 1, cell.steps };
}

/* ---- points and scores ---- */

bool geo_point_is_valid(struct geo_point point)
{
    return point.longitude >= world.west && point.longitude <= world.east &&
           point.latitude >= world.south && point.latitude <= world.north;
}

double geo_score(struct geo_point point)
{
    ensure(geo_point_is_valid(point));
    return (double)cell_of(point, &world, STEPS_MAX).bits;
}

/* As the processor converts what no place has as its score, so that the digits agree. */
static uint64_t score_bits(double score)
{
    if (score >= 0) return score < 0x1p64 ? (uint64_t)score : 0;
    return score >= -0x1p63 ? (uint64_t)(int64_t)score : (uint64_t)INT64_MIN;
}

struct geo_point geo_point_of(double score)
{
    struct bounds bounds = cell_bounds((struct cell){ score_bits(score), STEPS_MAX });
    double longitude = (bounds.west + bounds.east) / 2;
    double latitude = (bounds.south + bounds.north) / 2;
    return (struct geo_point){
        .longitude = MAX(world.west, MIN(longitude, world.east)),
        .latitude = MAX(world.south, MIN(latitude, world.north)),
    };
}

void geo_text(struct geo_point point, char text[GEO_TEXT_SIZE])
{
    static const char letters[] = "0123456789bcdefghjkmnpqrstuvwxyz";
    static const struct bounds range = { -180, -90, 180, 90 };
    uint64_t bits = cell_of(point, &range, STEPS_MAX).bits;
    /* 52 bits are ten letters of five; the last letter is always the first one. */
    for (unsigned i = 0; i < GEO_TEXT_SIZE - 1; i++)
        text[i] = letters[bits >> (52 - (i + 1) * 5) & 0x1f];
    text[GEO_TEXT_SIZE - 1] = letters[0];
}

/* ---- distances ---- */

static double latitude_distance(double a, double b)
{
    return EARTH_RADIUS_M * fabs(RADIANS(b) - RADIANS(a));
}

/* The haversine formula. */
double geo_distance(struct geo_point a, struct geo_point b)
{
    double a_longitude = RADIANS(a.longitude), b_longitude = RADIANS(b.longitude);
    double v = sin((b_longitude - a_longitude) / 2);
    if (v == 0.0) return latitude_distance(a.latitude, b.latitude);
    double a_latitude = RADIANS(a.latitude), b_latitude = RADIANS(b.latitude);
    double u = sin((b_latitude - a_latitude) / 2);
    double sum = u * u + cos(a_latitude) * cos(b_latitude) * v * v;
    return 2.0 * EARTH_RADIUS_M * asin(sqrt(sum));
}

/* The middle of the vertices in space, seen from the middle of the earth. */
struct geo_point geo_polygon_center(const struct geo_point *vertices, size_t count)
{
    double x = 0, y = 0, z = 0;
    for (size_t i = 0; i < count; i++) {
        double latitude = RADIANS(vertices[i].latitude);
        double longitude = RADIANS(vertices[i].longitude);
        x += cos(latitude) * cos(longitude);
        y += cos(latitude) * sin(longitude);
        z += sin(latitude);
    }
    x /= (double)count;
    y /= (double)count;
    z /= (double)count;
    return (struct geo_point){
        .longitude = DEGREES(atan2(y, x)),
        .latitude = DEGREES(atan2(z, sqrt(x * x + y * y))),
    };
}

/* ---- shapes ---- */

static bool box_contains(const struct geo_shape *box, struct geo_point point)
{
    if (latitude_distance(point.latitude, box->center.latitude) > box->height_m / 2) return false;
    struct geo_point beside = { box->center.longitude, point.latitude };
    return geo_distance(point, beside) <= box->width_m / 2;
}

/* How often a ray from the point crosses an edge: degrees are taken for a plane. */
static bool polygon_contains(const struct geo_shape *polygon, struct geo_point point)
{
    bool is_inside = false;
    for (size_t i = 0, j = polygon->vertex_count - 1; i < polygon->vertex_count; j = i++) {
        struct geo_point a = polygon->vertices[i], b = polygon->vertices[j];
        if ((a.latitude > point.latitude) == (b.latitude > point.latitude)) continue;
        double crossing = (b.longitude - a.longitude) * (point.latitude - a.latitude) /
                              (b.latitude - a.latitude) +
                          a.longitude;
        if (point.longitude < crossing) is_inside = !is_inside;
    }
    return is_inside;
}

bool geo_shape_contains(const struct geo_shape *shape, struct geo_point point, double *distance_m)
{
    if (shape->kind == GEO_BOX && !box_contains(shape, point)) return false;
    if (shape->kind == GEO_POLYGON && !polygon_contains(shape, point)) return false;
    *distance_m = geo_distance(shape->center, point);
    return shape->kind != GEO_CIRCLE || *distance_m <= shape->radius_m;
}

/* ---- the areas that cover a shape ---- */

static struct bounds polygon_bounds(const struct geo_shape *polygon)
{
    struct geo_point first = polygon->vertices[0];
    struct bounds bounds = { first.longitude, first.latitude, first.longitude, first.latitude };
    for (size_t i = 1; i < polygon->vertex_count; i++) {
        struct geo_point vertex = polygon->vertices[i];
        bounds.west = MIN(bounds.west, vertex.longitude);
        bounds.east = MAX(bounds.east, vertex.longitude);
        bounds.south = MIN(bounds.south, vertex.latitude);
        bounds.north = MAX(bounds.north, vertex.latitude);
    }
    return bounds;
}

/* Nearer to a pole the same width is more degrees. */
static struct bounds shape_bounds(const struct geo_shape *shape)
{
    if (shape->kind == GEO_POLYGON) return polygon_bounds(shape);
    bool is_circle = shape->kind == GEO_CIRCLE;
    double height_m = is_circle ? shape->radius_m : shape->height_m / 2;
    double width_m = is_circle ? shape->radius_m : shape->width_m / 2;
    struct geo_point center = shape->center;
    double up = DEGREES(height_m / EARTH_RADIUS_M);
    double side = center.latitude < 0 ? center.latitude - up : center.latitude + up;
    double across = DEGREES(width_m / EARTH_RADIUS_M / cos(RADIANS(side)));
    return (struct bounds){
        .west = center.longitude - across,
        .south = center.latitude - up,
        .east = center.longitude + across,
        .north = center.latitude + up,
    };
}

static double shape_radius(const struct geo_shape *shape)
{
    if (shape->kind == GEO_CIRCLE) return shape->radius_m;
    double width_m = shape->width_m, height_m = shape->height_m;
    if (shape->kind == GEO_POLYGON) {
        struct bounds bounds = polygon_bounds(shape);
        struct geo_point west = { bounds.west, bounds.south }, east = { bounds.east, bounds.south };
        struct geo_point top = { bounds.west, bounds.north };
        width_m = geo_distance(west, east);
        height_m = geo_distance(west, top);
    }
    return sqrt((width_m / 2) * (width_m / 2) + (height_m / 2) * (height_m / 2));
}

/* Cells of how many steps are at least as large as the radius? */
static unsigned steps_for(double radius_m, double latitude)
{
    if (radius_m == 0) return STEPS_MAX;
    int steps = 1;
    for (; radius_m < MERCATOR_MAX_M; radius_m *= 2) steps++;
    steps -= 2; /* so that the radius is covered even where the point is at a cell's edge */
    if (fabs(latitude) > 66) steps--; /* cells are narrower towards the poles */
    if (fabs(latitude) > 80) steps--;
    return (unsigned)MAX(1, MIN(steps, STEPS_MAX));
}

enum { CENTER, NORTH, SOUTH, EAST, WEST, NORTH_EAST, NORTH_WEST, SOUTH_EAST, SOUTH_WEST };

static void cells_around(struct geo_point center, unsigned steps, struct cell cells[GEO_AREAS_MAX])
{
    static const struct {
        int east, north;
    } ways[GEO_AREAS_MAX] = {
        [CENTER] = { 0, 0 },      [NORTH] = { 0, 1 },       [SOUTH] = { 0, -1 },
        [EAST] = { 1, 0 },        [WEST] = { -1, 0 },       [NORTH_EAST] = { 1, 1 },
        [NORTH_WEST] = { -1, 1 }, [SOUTH_EAST] = { 1, -1 }, [SOUTH_WEST] = { -1, -1 },
    };
    struct cell cell = cell_of(center, &world, steps);
    for (size_t i = 0; i < GEO_AREAS_MAX; i++)
        cells[i] = cell_neighbour(cell, ways[i].east, ways[i].north);
}

/* Do the cells around the middle one reach the edges of what is to be covered? */
static bool cells_suffice(const struct cell cells[GEO_AREAS_MAX], const struct bounds *bounds)
{
    return cell_bounds(cells[NORTH]).north >= bounds->north &&
           cell_bounds(cells[SOUTH]).south <= bounds->south &&
           cell_bounds(cells[EAST]).east >= bounds->east &&
           cell_bounds(cells[WEST]).west <= bounds->west;
}

/* Leaves out the sides to which the middle cell reaches far enough by itself. */
static void cells_exclude(struct cell cells[GEO_AREAS_MAX], const struct bounds *bounds)
{
    struct bounds middle = cell_bounds(cells[CENTER]);
    const struct cell none = { 0, 0 };
    if (middle.south < bounds->south) cells[SOUTH] = cells[SOUTH_WEST] = cells[SOUTH_EAST] = none;
    if (middle.north > bounds->north) cells[NORTH] = cells[NORTH_EAST] = cells[NORTH_WEST] = none;
    if (middle.west < bounds->west) cells[WEST] = cells[SOUTH_WEST] = cells[NORTH_WEST] = none;
    if (middle.east > bounds->east) cells[EAST] = cells[SOUTH_EAST] = cells[NORTH_EAST] = none;
}

size_t geo_shape_areas(const struct geo_shape *shape, struct geo_area areas[GEO_AREAS_MAX])
{
    struct cell cells[GEO_AREAS_MAX];
    struct bounds bounds = shape_bounds(shape);
    unsigned steps = steps_for(shape_radius(shape), shape->center.latitude);
    cells_around(shape->center, steps, cells);
    if (steps > 1 && !cells_suffice(cells, &bounds)) cells_around(shape->center, --steps, cells);
    if (steps >= 2) cells_exclude(cells, &bounds);

    size_t count = 0;
    uint64_t last = UINT64_MAX;
    for (size_t i = 0; i < GEO_AREAS_MAX; i++) {
        /* In a world of few cells the neighbours on both sides are the same one. */
        if (cells[i].steps == 0 || cells[i].bits == last) continue;
        last = cells[i].bits;
        unsigned shift = 2 * (STEPS_MAX - steps);
        areas[count++] = (struct geo_area){
            .min = (double)(cells[i].bits << shift),
            .max = (double)((cells[i].bits + 1) << shift),
        };
    }
    return count;
}
