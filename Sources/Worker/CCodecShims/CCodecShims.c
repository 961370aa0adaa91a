#include "CCodecShims.h"
typedef int CCodecShims_placeholder;
