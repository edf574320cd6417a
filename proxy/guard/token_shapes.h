#pragma once

#include "proxy/guard/shapes/token_shapes.h"
