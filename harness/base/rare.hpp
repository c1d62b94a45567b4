// In-target world. What hooks do now and then only.
#pragma once

/// Out of line, and saves the caller's registers itself: the frequent path around the call then
/// needs no stack frame.
#define HEDDLE_RARE __attribute__((noinline, preserve_most))
