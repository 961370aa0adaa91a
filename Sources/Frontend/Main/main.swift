// SPDX-License-Identifier: Apache-2.0

internal import FrontendCore
internal import Glibc

exit(Front.main(CommandLine.arguments))
