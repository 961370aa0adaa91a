// SPDX-License-Identifier: Apache-2.0
//
// hiredis' context in non-blocking mode and its reader. Not its asynchronous layer: that of the version we build with
// (0.14) ends the process by an assertion when a server sends a reply that nobody asked for.
#pragma once
#include <fcntl.h>
#include <hiredis/hiredis.h>
#include <string.h>

// hiredis opens its sockets without CLOEXEC, and a worker must not inherit one.
static inline int hiredisshim_close_on_exec(redisContext *context) {
    return fcntl(context->fd, F_SETFD, FD_CLOEXEC);
}

// Whether the reader holds more than `count` bytes of an item whose first line has not ended. hiredis looks for the end
// of a line from its start whenever more has come, so without this a server could make it look for ever.
static inline int hiredisshim_has_endless_line(const redisReader *reader, size_t count) {
    size_t waiting = reader->len - reader->pos;
    // The first line of a bulk string is its length; anything else that waits is a line.
    return waiting > count && memchr(reader->buf + reader->pos, '\n', 64) == NULL;
}
