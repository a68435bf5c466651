// SPDX-License-Identifier: Apache-2.0
#include "server/config.h"

#include <algorithm>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "json/value.h"
#include "kube/yaml.h"

namespace fairlead::server {

namespace {

constexpr int kMostDays = 3'650;

constexpr std::size_t kMaxConfigBytes = 1u << 20;

using Source = std::map<std::string, std::string>;

std::string environment_name(std::string_view name) {
  std::string out = "FAIRLEAD_";
  for (const char c : name) out += c == '-' ? '_' : static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  return out;
}

std::string text_of_value(const json::Value& value, const std::string& where) {
  if (value.is_string()) return std::string(json::view(value.get_string()));
  if (value.is_bool() || value.is_int64()) return json::text_of(value);
  throw invalid_at(where, "must be a text, a number or true or false");
}

Source file_source(const std::string& path) {
  const json::Value root = kube::parse_yaml(file::read(path, kMaxConfigBytes), path);
  if (root.is_null()) return {};
  const json::Object* members = root.if_object();
  if (members == nullptr) throw invalid(text::format("{} must hold settings such as \"listen: 127.0.0.1:8080\"", path));
  Source source;
  for (const auto& member : *members) {
    const std::string name(member.key());
    const bool known =
        std::any_of(settings().begin(), settings().end(), [&](const Setting& setting) { return setting.name == name; });
    if (!known) throw invalid(text::format("{} has the unknown setting \"{}\"", path, text::shorten(name, 60)));
    source[name] = text_of_value(member.value(), path + ": " + name);
  }
  return source;
}

class Reader {
 public:
  Reader(const Source& flags, const Source& environment) : flags_(flags), environment_(environment) {
    const std::string path = find("config").value_or("");
    if (!path.empty()) file_ = file_source(path);
  }

  void read(std::string_view name, std::string& into) const {
    if (auto value = find(name)) into = *value;
  }
  void read(std::string_view name, int& into, int least, int most) const {
    const auto value = find(name);
    if (!value) return;
    const auto number = text::parse_int(*value);
    if (!number || *number < least || *number > most) {
      throw invalid(text::format("--{} must be a number from {} to {}, but is \"{}\"", name, least, most,
                                 text::shorten(*value, 40)));
    }
    into = static_cast<int>(*number);
  }
  void read(std::string_view name, bool& into) const {
    const auto value = find(name);
    if (!value) return;
    const auto flag = value->empty() ? std::optional(true) : text::parse_bool(*value);
    if (!flag)
      throw invalid(text::format("--{} must be true or false, but is \"{}\"", name, text::shorten(*value, 40)));
    into = *flag;
  }
  void read_one_of(std::string_view name, std::string& into, const std::vector<std::string>& allowed) const {
    read(name, into);
    if (std::find(allowed.begin(), allowed.end(), into) == allowed.end()) {
      throw invalid(text::format("--{} must be one of {}, but is \"{}\"", name, text::join(allowed, ", "),
                                 text::shorten(into, 40)));
    }
  }

 private:
  std::optional<std::string> find(std::string_view name) const {
    if (const auto flag = flags_.find(std::string(name)); flag != flags_.end()) return flag->second;
    if (const auto variable = environment_.find(environment_name(name)); variable != environment_.end())
      return variable->second;
    if (const auto setting = file_.find(std::string(name)); setting != file_.end()) return setting->second;
    return std::nullopt;
  }

  const Source& flags_;
  const Source& environment_;
  Source file_;
};

bool is_api_key(std::string_view key) {
  constexpr std::string_view kPrefix = "API-";
  return key.size() > kPrefix.size() && key.starts_with(kPrefix) &&
         std::all_of(key.begin() + kPrefix.size(), key.end(),
                     [](char c) { return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); });
}

}  // namespace

const std::vector<Setting>& settings() {
  static const std::vector<Setting> all = {
      {"data-dir", "DIR", "where everything is kept (default ./fairlead-data)"},
      {"listen", "ADDRESS:PORT", "where API, UI and executors connect (default 127.0.0.1:8080; port 0: any free one)"},
      {"tls-cert", "FILE", "PEM certificate chain; with --tls-key the server speaks HTTPS"},
      {"tls-key", "FILE", "PEM private key of --tls-cert"},
      {"worker-user", "USER",
       "the user that scripts and the built-in worker run as (default: fairlead-worker where it exists)"},
      {"task-cap", "N", "how many tasks execute at the same time; waiting ones do not count (default 50)"},
      {"keep-audit-days", "N", "how long audit events stay in the database before they are archived (default 90)"},
      {"keep-task-days", "N", "how long ended tasks are kept that are no deployment's (default 30)"},
      {"keep-run-days", "N", "how long the engine's records of ended runs are kept (default 7)"},
      {"log-format", "text|json", "the server's own log on standard error (default text)"},
      {"log-level", "LEVEL", "debug, info, warning or error (default info)"},
      {"builtin-worker", "true|false", "start the built-in worker (default true)"},
      {"trust-scripts", "", "let scripts run as the server's own user where no worker user exists"},
      {"master-key-file", "FILE", "the key that seals secrets (default DIR/keys/master.key, made at the first start)"},
      {"config", "FILE", "a YAML file with these settings by their names"},
  };
  return all;
}

Config load_config(const Source& flags, const Source& environment) {
  const Reader reader(flags, environment);
  Config config;
  reader.read("data-dir", config.data_dir);
  reader.read("listen", config.listen);
  reader.read("tls-cert", config.tls_cert);
  reader.read("tls-key", config.tls_key);
  reader.read("worker-user", config.worker_user);
  reader.read("task-cap", config.task_cap, 1, 100'000);
  reader.read("keep-audit-days", config.retention.audit_days, 1, kMostDays);
  reader.read("keep-task-days", config.retention.task_days, 1, kMostDays);
  reader.read("keep-run-days", config.retention.run_days, 1, kMostDays);
  reader.read_one_of("log-format", config.log_format, {"text", "json"});
  reader.read_one_of("log-level", config.log_level, {"debug", "info", "warning", "error"});
  reader.read("builtin-worker", config.builtin_worker);
  reader.read("trust-scripts", config.trust_scripts);
  reader.read("master-key-file", config.master_key_file);
  if (config.tls_cert.empty() != config.tls_key.empty())
    throw invalid("--tls-cert and --tls-key go together; give both or none");
  parse_listen(config.listen);
  if (const auto key = environment.find("FAIRLEAD_ADMIN_API_KEY"); key != environment.end() && !key->second.empty()) {
    if (!is_api_key(key->second)) {
      throw invalid("FAIRLEAD_ADMIN_API_KEY must be API- followed by capital letters and digits, such as API-MYKEY123");
    }
    config.admin_api_key = Secret(key->second);
  }
  return config;
}

std::string print_config(const Config& config) {
  const auto line = [](std::string_view name, const std::string& value) {
    return text::format("{}: {}\n", name, json::text_of(json::Value(value)));
  };
  return line("data-dir", config.data_dir) + line("listen", config.listen) + line("tls-cert", config.tls_cert) +
         line("tls-key", config.tls_key) + line("worker-user", config.worker_user) +
         text::format("task-cap: {}\n", config.task_cap) +
         text::format("keep-audit-days: {}\nkeep-task-days: {}\nkeep-run-days: {}\n", config.retention.audit_days,
                      config.retention.task_days, config.retention.run_days) +
         line("log-format", config.log_format) + line("log-level", config.log_level) +
         text::format("builtin-worker: {}\ntrust-scripts: {}\n", config.builtin_worker, config.trust_scripts) +
         line("master-key-file", config.master_key_file);
}

ListenAddress parse_listen(const std::string& text) {
  const std::size_t colon = text.rfind(':');
  const auto port =
      colon == std::string::npos ? std::nullopt : text::parse_int(std::string_view(text).substr(colon + 1));
  if (!port || *port < 0 || *port > 65'535 || colon == 0) {
    throw invalid(
        text::format("--listen must be ADDRESS:PORT such as 127.0.0.1:8080, but is \"{}\"", text::shorten(text, 60)));
  }
  std::string address = text.substr(0, colon);
  if (address.size() > 2 && address.front() == '[' && address.back() == ']')
    address = address.substr(1, address.size() - 2);
  return {address, static_cast<std::uint16_t>(*port)};
}

}  // namespace fairlead::server
