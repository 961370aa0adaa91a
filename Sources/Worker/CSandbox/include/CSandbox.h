// SPDX-License-Identifier: Apache-2.0
//
// The sandbox's system calls. Every function does one thing and returns 0 (or what is said) or a negative errno.
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// With a user namespace of its own for everybody but root, who would lose the right to change the uid in one.
int cs_new_namespaces(int with_pid);
// A read-only, empty tmpfs becomes the root; the real one is gone from this mount namespace.
int cs_empty_root(void);
// 1 when whoever started this process has already put it into a network of its own: no interface is up but loopback.
int cs_has_own_network(void);
// 1 when it has been given a file system without anything of the machine's but programs and libraries.
int cs_has_own_root(void);
// Takes uid, groups and every capability from root; from others the capabilities their namespace gave them.
int cs_drop_privileges(uint32_t uid, uint32_t gid);
int cs_no_new_privileges(void);
// A ruleset that handles everything the kernel knows and allows nothing. Returns the ABI (> 0), 0 when there is none.
int cs_landlock_deny_all(void);
int cs_limit_files(uint64_t files);
int cs_limit_file_size(uint64_t bytes);
int cs_limit_core(void);
int cs_limit_memory(uint64_t bytes);
int cs_limit_cpu(uint64_t seconds);
int cs_die_with_parent(void);

// A filter of system calls, compiled once and loaded in every child.
typedef struct cs_filter cs_filter;
// `names`: allowed calls. `kills`: others end the process; if not, they fail with EPERM. NULL when libseccomp refuses; *error
// says why.
cs_filter *cs_filter_compile(const char *const *names, int count, int kills, int *error);
int cs_filter_load(const cs_filter *filter);

pid_t cs_fork(void);
void cs_exit(int code) __attribute__((noreturn));

// For `--sandbox-test`: tries something forbidden. >= 0: it worked. The list ends at cs_attempt_name() == NULL.
const char *cs_attempt_name(int which);
long cs_attempt(int which);
