#include "CSandbox.h"
typedef int CSandbox_placeholder;
