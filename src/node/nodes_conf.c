/* nodes.conf: written at once where a packet or an answer waits for it, beside the loop where none
 * does.
 *
 * A busy disk takes seconds to sync. So what the core may lose (CLUSTER_SAVE with `may_wait`) is
 * written and synced by the shell, off the loop's thread, to a file of its own (NODE_WRITE); once
 * that is done the file takes the place of nodes.conf here, in the loop's thread. All renames
 * happen in one thread, and a text that is older than what stands there is dropped: so a save that
 * packets depend on is never undone by one that was asked for earlier. One text is on its way at a
 * time; of those that wait for it only the newest is ever written. */
#include "base/log.h"
#include "base/memory.h"
#include "node/parts.h"
#include <stdio.h>

static char *name_of_later(const struct node *node)
{
    struct buffer name = { 0 };
    buffer_append_text(&name, node->config->cluster_config_file);
    buffer_append(&name, bytes_of(".later", sizeof(".later"))); /* with its terminator */
    return name.data;
}

static void complain(struct node *node, enum err err)
{
    log_warning("Can't save %s: %s", node->config->cluster_config_file, err_text(err));
    if (node->config->cluster_config_save_behavior != CONFIG_SAVE_SYNC) return;
    log_warning("Fatal: can't update cluster config file.");
    node_add_effect(node, NODE_EXIT)->count = 1;
}

bool nodes_conf_save(struct node *node)
{
    struct conf_writing *writing = &node->conf_writing;
    writing->is_stale = writing->is_running;
    writing->wants_more = false;
    struct buffer text = { 0 };
    node_mark(node, "cluster, replication and timers");
    cluster_conf_write(node->cluster, &text);
    enum err err = disk_replace(node->disk, node->config->cluster_config_file, buffer_bytes(&text));
    buffer_fini(&text);
    node_mark(node, "save of nodes.conf");
    if (!err) return true;

    cluster_save_failed(node->cluster);
    complain(node, err);
    return false;
}

void nodes_conf_save_later(struct node *node)
{
    struct conf_writing *writing = &node->conf_writing;
    writing->wants_more = writing->is_running;
    if (writing->is_running) return;
    writing->is_running = true;
    struct node_write *write = memory_alloc_zero(sizeof(*write));
    write->name = name_of_later(node);
    cluster_conf_write(node->cluster, &write->content);
    node_add_effect(node, NODE_WRITE)->write = write;
}

void nodes_conf_written(struct node *node, bool is_done)
{
    struct conf_writing *writing = &node->conf_writing;
    ensure(writing->is_running);
    bool is_stale = writing->is_stale;
    writing->is_running = writing->is_stale = false;

    char *name = name_of_later(node);
    enum err err = is_done ? ERR_NONE : ERR_IO;
    if (is_stale)
        err = is_done ? disk_remove(node->disk, name) : ERR_NONE;
    else if (is_done)
        err = disk_rename_unsynced(node->disk, name, node->config->cluster_config_file);
    memory_free(name);
    if (err && !is_stale) {
        cluster_save_again(node->cluster);
        complain(node, err);
    } else if (writing->wants_more) {
        nodes_conf_save_later(node);
    }
}

void nodes_conf_finish(struct node *node)
{
    const struct conf_writing *writing = &node->conf_writing;
    bool is_behind = writing->wants_more || (writing->is_running && !writing->is_stale);
    if (node->cluster != NULL && is_behind && !nodes_conf_save(node))
        log_warning("What changed last in %s is lost", node->config->cluster_config_file);
}

void nodes_conf_tidy(struct node *node)
{
    char *name = name_of_later(node);
    enum err err = disk_remove(node->disk, name);
    if (!err) log_verbose("%s of an earlier run is removed", name);
    memory_free(name);
}

void node_write_destroy(struct node_write *write)
{
    memory_free(write->name);
    buffer_fini(&write->content);
    memory_free(write);
}
