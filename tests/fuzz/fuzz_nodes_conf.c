/* nodes.conf: what is accepted must print to a text that reads back and prints the same. */
#include "cluster/conf.h"

#include "base/ensure.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char why[CONF_WHY_SIZE];
    struct conf conf, again;
    conf_init(&conf);
    conf_init(&again);
    enum err err = conf_parse(bytes_of(data, size), &conf, why);
    ensure(err == ERR_NONE || err == ERR_NOT_FOUND || why[0] != 0);
    if (err == ERR_NONE) {
        struct buffer first = { 0 }, second = { 0 };
        conf_print(&conf, &first);
        ensure(conf_parse(buffer_bytes(&first), &again, why) == ERR_NONE);
        conf_print(&again, &second);
        ensure(bytes_equal(buffer_bytes(&first), buffer_bytes(&second)));
        buffer_fini(&first);
        buffer_fini(&second);
    }
    conf_fini(&conf);
    conf_fini(&again);
    return 0;
}
