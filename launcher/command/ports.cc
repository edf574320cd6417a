#include "launcher/command/ports.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "launcher/backend/bottle_control.h"
#include "launcher/backend/port_forward.h"
#include "launcher/lifetime/host_ports.h"
#include "launcher/lifetime/registry.h"

namespace bottle::launcher {
namespace {

using Colour = Style::Colour;

Expected<std::vector<BottleRecord>> wanted_bottles(const PortsOptions& options,
                                                   const std::filesystem::path& base) {
  if (!options.id) return living_bottles(base);
  auto found = find_bottle(base, *options.id);
  if (!found) return std::move(found.error());
  return std::vector<BottleRecord>{std::move(*found)};
}

std::string row(const std::string& id, const std::string& inside, const std::string& place) {
  constexpr std::size_t kId = 14;
  constexpr std::size_t kPort = 7;
  const auto padded = [](const std::string& text, std::size_t width) {
    return text + std::string(text.size() < width ? width - text.size() : 1, ' ');
  };
  return padded(id, kId) + padded(inside, kPort) + place;
}

Expected<std::vector<PortRule>> rules_of(const std::vector<std::string>& words) {
  std::vector<PortRule> out;
  for (const auto& word : words) {
    const auto rule = port_rule(word);
    if (!rule) return usage_error("\"" + word + "\" is not a port", std::string(kPortForm));
    out.push_back(*rule);
  }
  if (out.size() > kMaxPorts) {
    return usage_error("more than " + std::to_string(kMaxPorts) + " ports are named",
                       "another `bottle forward` opens more");
  }
  return out;
}

Expected<std::unique_ptr<BottleControl>> control_of(const BottleRecord& bottle,
                                                    const Context& context) {
  for (const auto& entry : context.backends) {
    if (entry.name == bottle.backend) return entry.control();
  }
  return Error{ExitCode::kIsolation,
               "this bottle command cannot reach bottles of the backend " + bottle.backend,
               "use the bottle command that started it"};
}

}  // namespace

std::vector<Option> ports_options(PortsOptions& to) {
  return {{.names = "ID", .into = &to.id, .help = "the bottle; without it: all of them"},
          {.names = "--json", .into = &to.json, .help = "print JSON"}};
}

std::vector<Option> forward_options(ForwardOptions& to) {
  return {
      {.names = "ID", .into = &to.id, .help = "the bottle"},
      {.names = "PORT",
       .into = &to.ports,
       .help = "a port of the bottle, or PORT:HOSTPORT for another number here (0: a free one)"},
      {.names = "--publish-address",
       .into = &to.address,
       .help = "open it at another address than 127.0.0.1, where other machines may reach it",
       .value = "ADDR"},
      {.names = "-q,--quiet", .into = &to.quiet, .help = "print only warnings and errors"}};
}

Expected<int> run_ports(const PortsOptions& options, const Context& context) {
  context.reap();
  const auto base = runtime_base(context.around);
  const auto bottles = wanted_bottles(options, base);
  if (!bottles) return bottles.error();
  auto json = nlohmann::ordered_json::array();
  if (!options.json) {
    context.out << context.style.in(Colour::kFaint, row("ID", "PORT", "HERE")) << "\n";
  }
  for (const auto& bottle : *bottles) {
    for (const auto& port : ports_of(base / bottle.id)) {
      if (options.json) {
        json.push_back({{"id", bottle.id},
                        {"port", port.rule.inside},
                        {"address", port.address},
                        {"host_port", port.rule.host}});
      } else {
        context.out << row(bottle.id, std::to_string(port.rule.inside), printable(place_of(port)))
                    << "\n";
      }
    }
  }
  if (options.json) context.out << json.dump(2) << "\n";
  return 0;
}

Expected<void> check_forward(const ForwardOptions& options) {
  if (options.address) {
    if (auto checked = check_publish_address(*options.address); !checked) return checked;
  }
  if (!options.ports.empty()) return {};
  return usage_error("bottle forward needs a port", "example: bottle forward ID 3000");
}

Expected<int> run_forward(const ForwardOptions& options, const Context& context) {
  const auto rules = rules_of(options.ports);
  if (!rules) return rules.error();
  const auto base = runtime_base(context.around);
  const auto bottle = find_bottle(base, options.id);
  if (!bottle) return bottle.error();
  const auto control = control_of(*bottle, context);
  if (!control) return control.error();
  const std::string address = options.address.value_or("127.0.0.1");
  auto ports = open_ports(*rules, address);
  if (!ports) return std::move(ports.error());
  const Fd launcher = open_process(bottle->launcher);
  if (!launcher) {
    return usage_error("bottle " + bottle->id + " has ended", "bottle list shows those that run");
  }
  SignalWatch signals;
  const auto note = PortNote::write(base / bottle->id, *ports);
  if (!note) return note.error();
  const auto dialer = (*control)->port_dialer(*bottle);
  if (!dialer) return dialer.error();
  if (const auto warning = warning_about(address); !warning.empty()) {
    context.err << "bottle: warning: " << warning << "\n";
  }
  for (const auto& port : *ports) {
    if (options.quiet) continue;
    context.err << "bottle: port " << port.rule.inside << " of bottle " << bottle->id
                << " is open at " << place_of(port) << " (Ctrl-C closes it)\n";
  }
  context.err << std::flush;
  const int signal = forward_ports(*ports, **dialer, launcher.get(), &signals);
  if (signal == 0 && !options.quiet) {
    context.err << "bottle: bottle " << bottle->id << " has ended\n";
  }
  return signal == 0 ? 0 : 128 + signal;
}

}  // namespace bottle::launcher
