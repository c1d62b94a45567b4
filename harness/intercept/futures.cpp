// Futures that become ready when a thread ends. The C++ library would store that where nobody sees
// it; this file is instrumented as code under test is, and takes that function's place.
#include <future>
#include <memory>

namespace heddle::intercept {

void* find_in_libraries(const char* name);

}  // namespace heddle::intercept

void std::__future_base::_State_baseV2::_Make_ready::_S_run(void* element) {
  const std::unique_ptr<_Make_ready> self(static_cast<_Make_ready*>(element));
  if (const std::shared_ptr<_State_baseV2> state = self->_M_shared_state.lock()) {
    state->_M_status._M_store_notify_all(_Status::__ready, std::memory_order_release);
  }
}

void std::__future_base::_State_baseV2::_Make_ready::_M_set() {
  // The library keeps a list of what to do at the end of each thread.
  void* original = heddle::intercept::find_in_libraries(
      "_ZNSt13__future_base13_State_baseV211_Make_ready6_M_setEv");
  reinterpret_cast<void (*)(_Make_ready*)>(original)(this);
  _M_cb = &_Make_ready::_S_run;
}
