// The protocols as tests: each form by its name, the protocol's own with "protocol_" in front.
#include <string>
#include <thread>

#include "heddle_std.hpp"
#include "protocols.hpp"

namespace {

template <class Protocol>
void run() {
  Protocol protocol;
  protocol.before();
  std::thread first([&protocol] { protocol.thread(0); });
  std::thread second([&protocol] { protocol.thread(1); });
  first.join();
  second.join();
  protocol.after();
}

struct Registered {
  template <class Protocol>
  void form(const protocols::description& d) {
    const std::string correct = std::string("protocol_") + d.protocol;
    if (d.form == nullptr) {
      heddle::Registration(correct.c_str(), run<Protocol>);
    } else {
      const std::string name = correct + "@" + d.form;
      const bool weak = d.where != protocols::model::sc;
      heddle::Registration(name.c_str(), run<Protocol>,
                           d.fault == nullptr ? nullptr : correct.c_str(), d.fault,
                           weak ? name_of(d.where) : "");
    }
  }
};

const int registered = (protocols::visit_forms(Registered()), 0);

}  // namespace
