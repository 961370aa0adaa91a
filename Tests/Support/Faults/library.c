// SPDX-License-Identifier: Apache-2.0
//
// Another version of libjpeg-turbo, as far as that can be seen: a worker that is started with this library in LD_PRELOAD
// is told so by the messages of the one that is there.
#include <dlfcn.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

struct jpeg_error_mgr *jpeg_std_error(struct jpeg_error_mgr *manager) {
    static struct jpeg_error_mgr *(*real)(struct jpeg_error_mgr *);
    static const char **other;
    if (!real) *(void **)&real = dlsym(RTLD_NEXT, "jpeg_std_error");
    real(manager);
    if (!other) {
        size_t count = (size_t)manager->last_jpeg_message + 1;
        other = calloc(count + 1, sizeof *other);
        if (!other) abort();
        for (size_t i = 0; i < count; i++) {
            const char *message = manager->jpeg_message_table[i];
            int is_named = message && strstr(message, "The libjpeg-turbo Project");
            other[i] = is_named ? "Copyright (C) 1991-2031 Somebody" : message;
        }
    }
    manager->jpeg_message_table = other;
    return manager;
}
