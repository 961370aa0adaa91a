#include "CPlatform.h"
typedef int CPlatform_placeholder;
