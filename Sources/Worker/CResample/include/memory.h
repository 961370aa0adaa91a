// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <stddef.h>

// Has the kernel provide what is about to be written as a whole, all pages at once: each that is first met by a write
// costs about twice as much. Nothing happens to what lies there already, and nothing at all to small blocks.
void cr_provide(void *memory, size_t count);
