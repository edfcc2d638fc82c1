#include "backup/pattern.h"
namespace coppice {
}
