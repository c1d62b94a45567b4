// In-target world.
#pragma once

namespace heddle::intercept {

/// Connects AddressSanitizer's reports with the engine, where it is linked in. Call once.
void install_sanitizer_glue();

}  // namespace heddle::intercept
