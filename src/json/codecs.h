// SPDX-License-Identifier: Apache-2.0
// Which codec a member type gets. Included by json/type.h only.
#pragma once

namespace fairlead::json {

// Where encoded text goes.
class Writer {
 public:
  Writer(std::string& out, Mode mode) : out_(out), mode_(mode) {}
  std::string& out() { return out_; }
  Mode mode() const { return mode_; }
  void object(const Type& type, const void* object);

 private:
  std::string& out_;
  const Mode mode_;
};

// Where decoding is, and what it has found wrong so far.
class Reader {
 public:
  Reader(Mode mode, std::string_view path) : mode_(mode), path_(path) {}
  Mode mode() const { return mode_; }
  void object(const Type& type, const boost::json::value& value, void* object);
  // Notes "expected a string" (or the like) at the current place.
  void expected(std::string_view what, const boost::json::value& got);
  void problem(std::string text);
  // Runs `read` with the path extended by ".name" or "[index]".
  template <class F>
  void inside(std::string_view part, F read) {
    const std::size_t length = path_.size();
    if (!path_.empty() && part.front() != '[') path_ += '.';
    path_ += part;
    read();
    path_.resize(length);
  }
  void throw_if_problems(std::string_view type_name) const;
  // Places and texts, for those who word the error themselves.
  const std::vector<std::pair<std::string, std::string>>& problems() const { return problems_; }

 private:
  const Mode mode_;
  std::string path_;
  std::vector<std::pair<std::string, std::string>> problems_;
};

namespace detail {

void write_string(std::string_view text, Writer& writer);
bool read_string(const boost::json::value& value, std::string& text, Reader& reader);
void write_int(std::int64_t number, Writer& writer);
bool read_int(const boost::json::value& value, std::int64_t& number, std::int64_t least, std::int64_t most,
              Reader& reader);
void write_time(Time time, Writer& writer);
void read_time(const boost::json::value& value, Time& time, Reader& reader);
int read_enum(const boost::json::value& value, const EnumNames& names, Reader& reader);  // -1: a problem was noted
// Array and object iteration without Boost in the header.
std::size_t array_size(const boost::json::value& value,
                       Reader& reader);  // notes a problem and gives 0 for anything else
const boost::json::value& array_at(const boost::json::value& value, std::size_t index);
using MemberVisitor = void (*)(std::string_view key, const boost::json::value& value, void* context);
void each_member(const boost::json::value& value, Reader& reader, MemberVisitor visit, void* context);
bool is_null(const boost::json::value& value);
std::string index_part(std::size_t index);
// The identity of an element of a list when secrets are kept over an update: its "Id", else its "Name".
std::string identity_of(const Type& type, const void* object);

template <class T>
struct IsId : std::false_type {};
template <class T>
struct IsId<Id<T>> : std::true_type {};
template <class T>
struct IsOptional : std::false_type {};
template <class T>
struct IsOptional<std::optional<T>> : std::true_type {};
template <class T>
struct IsVector : std::false_type {};
template <class T>
struct IsVector<std::vector<T>> : std::true_type {};
template <class T>
struct IsMap : std::false_type {};
template <class T, class... Rest>
struct IsMap<std::map<std::string, T, Rest...>> : std::true_type {};

template <class M>
concept HasType = requires { type_of(Tag<M>{}); };
template <class M>
concept HasNames = std::is_enum_v<M> && requires { names_of(Tag<M>{}); };

template <class M>
void copy_member(const void* from, void* to) {
  *static_cast<M*>(to) = *static_cast<const M*>(from);
}

template <class M>
Codec make_string_codec() {
  return {Codec::Kind::string,
          [](const void* m, Writer& w) { write_string(*static_cast<const std::string*>(m), w); },
          [](const boost::json::value& v, void* m, Reader& r) { read_string(v, *static_cast<std::string*>(m), r); },
          [](const void* m) { return static_cast<const std::string*>(m)->empty(); },
          copy_member<M>,
          nullptr,
          [](const void* m, void (*visit)(std::string_view, void*), void* context) {
            visit(*static_cast<const std::string*>(m), context);
          }};
}

template <class M>
Codec make_id_codec() {
  return {Codec::Kind::string,
          [](const void* m, Writer& w) { write_string(static_cast<const M*>(m)->value, w); },
          [](const boost::json::value& v, void* m, Reader& r) { read_string(v, static_cast<M*>(m)->value, r); },
          [](const void* m) { return static_cast<const M*>(m)->empty(); },
          copy_member<M>,
          nullptr,
          [](const void* m, void (*visit)(std::string_view, void*), void* context) {
            visit(static_cast<const M*>(m)->value, context);
          }};
}

template <class M>
Codec make_integer_codec() {
  return {Codec::Kind::integer,
          [](const void* m, Writer& w) { write_int(static_cast<std::int64_t>(*static_cast<const M*>(m)), w); },
          [](const boost::json::value& v, void* m, Reader& r) {
            std::int64_t number = 0;
            constexpr std::int64_t least = sizeof(M) == 4 ? INT32_MIN : INT64_MIN;
            constexpr std::int64_t most = sizeof(M) == 4 ? INT32_MAX : INT64_MAX;
            if (read_int(v, number, least, most, r)) *static_cast<M*>(m) = static_cast<M>(number);
          },
          [](const void*) { return false; }, copy_member<M>};
}

template <class M>
Codec make_enum_codec() {
  return {Codec::Kind::string,
          [](const void* m, Writer& w) {
            write_string(names_of(Tag<M>{}).names.at(static_cast<std::size_t>(*static_cast<const M*>(m))), w);
          },
          [](const boost::json::value& v, void* m, Reader& r) {
            const int index = read_enum(v, names_of(Tag<M>{}), r);
            if (index >= 0) *static_cast<M*>(m) = static_cast<M>(index);
          },
          [](const void*) { return false; }, copy_member<M>};
}

template <class M>
Codec make_object_codec() {
  return {Codec::Kind::object,
          [](const void* m, Writer& w) { w.object(type_of(Tag<M>{}), m); },
          [](const boost::json::value& v, void* m, Reader& r) { r.object(type_of(Tag<M>{}), v, m); },
          [](const void*) { return false; },
          copy_member<M>,
          [](const void* stored, void* incoming) {
            for (const Field& field : type_of(Tag<M>{}).fields()) {
              if (field.codec->keep_secrets != nullptr) field.codec->keep_secrets(field.in(stored), field.in(incoming));
            }
          },
          nullptr,
          [] { return &type_of(Tag<M>{}); }};
}

template <class M, class T>
Codec make_optional_codec() {
  const Codec& inner = codec_for<T>();
  return {inner.kind,
          [](const void* m, Writer& w) {
            const M& value = *static_cast<const M*>(m);
            if (value) {
              codec_for<T>().write(&*value, w);
            } else {
              w.out() += "null";
            }
          },
          [](const boost::json::value& v, void* m, Reader& r) {
            M& value = *static_cast<M*>(m);
            codec_for<T>().read(v, &value.emplace(), r);
          },
          [](const void* m) { return !static_cast<const M*>(m)->has_value(); }, copy_member<M>,
          inner.keep_secrets == nullptr ? nullptr
                                        : +[](const void* stored, void* incoming) {
                                            const M& from = *static_cast<const M*>(stored);
                                            M& to = *static_cast<M*>(incoming);
                                            if (from && to) codec_for<T>().keep_secrets(&*from, &*to);
                                          },
          inner.each_string == nullptr ? nullptr
                                       : +[](const void* m, void (*visit)(std::string_view, void*), void* context) {
                                           const M& value = *static_cast<const M*>(m);
                                           if (value) codec_for<T>().each_string(&*value, visit, context);
                                         },
          inner.nested,
          [](void* m, void (*visit)(const Codec&, void*, void*), void* context) {
            M& value = *static_cast<M*>(m);
            if (value) visit(codec_for<T>(), &*value, context);
          }};
}

template <class T>
void keep_list_secrets(const std::vector<T>& from, std::vector<T>& to) {
  if constexpr (HasType<T>) {
    std::map<std::string, const T*> stored;
    for (const T& element : from) stored.emplace(identity_of(type_of(Tag<T>{}), &element), &element);
    for (T& element : to) {
      const auto found = stored.find(identity_of(type_of(Tag<T>{}), &element));
      if (found != stored.end()) codec_for<T>().keep_secrets(found->second, &element);
    }
  }
}

template <class M, class T>
Codec make_vector_codec() {
  return {Codec::Kind::array,
          [](const void* m, Writer& w) {
            w.out() += '[';
            bool first = true;
            for (const T& element : *static_cast<const M*>(m)) {
              if (!first) w.out() += ',';
              first = false;
              codec_for<T>().write(&element, w);
            }
            w.out() += ']';
          },
          [](const boost::json::value& v, void* m, Reader& r) {
            M& list = *static_cast<M*>(m);
            const std::size_t count = array_size(v, r);
            for (std::size_t i = 0; i < count; ++i) {
              r.inside(index_part(i), [&] { codec_for<T>().read(array_at(v, i), &list.emplace_back(), r); });
            }
          },
          [](const void* m) { return static_cast<const M*>(m)->empty(); }, copy_member<M>,
          codec_for<T>().keep_secrets == nullptr
              ? nullptr
              : +[](const void* stored, void* incoming) {
                  keep_list_secrets(*static_cast<const M*>(stored), *static_cast<M*>(incoming));
                },
          codec_for<T>().each_string == nullptr
              ? nullptr
              : +[](const void* m, void (*visit)(std::string_view, void*), void* context) {
                  const M& elements = *static_cast<const M*>(m);
                  for (const T& element : elements) codec_for<T>().each_string(&element, visit, context);
                },
          codec_for<T>().nested,
          [](void* m, void (*visit)(const Codec&, void*, void*), void* context) {
            for (T& element : *static_cast<M*>(m)) visit(codec_for<T>(), &element, context);
          }};
}

template <class M, class T>
Codec make_map_codec() {
  return {Codec::Kind::map,
          [](const void* m, Writer& w) {
            w.out() += '{';
            bool first = true;
            for (const auto& [key, value] : *static_cast<const M*>(m)) {
              if (!first) w.out() += ',';
              first = false;
              write_string(key, w);
              w.out() += ':';
              codec_for<T>().write(&value, w);
            }
            w.out() += '}';
          },
          [](const boost::json::value& v, void* m, Reader& r) {
            struct Context {
              M& map;
              Reader& reader;
            } context{*static_cast<M*>(m), r};
            each_member(
                v, r,
                [](std::string_view key, const boost::json::value& value, void* raw) {
                  Context& c = *static_cast<Context*>(raw);
                  c.reader.inside(key.empty() ? std::string_view("\"\"") : key,
                                  [&] { codec_for<T>().read(value, &c.map[std::string(key)], c.reader); });
                },
                &context);
          },
          [](const void* m) { return static_cast<const M*>(m)->empty(); }, copy_member<M>,
          codec_for<T>().keep_secrets == nullptr
              ? nullptr
              : +[](const void* stored, void* incoming) {
                  const M& from = *static_cast<const M*>(stored);
                  for (auto& [key, value] : *static_cast<M*>(incoming)) {
                    const auto found = from.find(key);
                    if (found != from.end()) codec_for<T>().keep_secrets(&found->second, &value);
                  }
                },
          codec_for<T>().each_string == nullptr
              ? nullptr
              : +[](const void* m, void (*visit)(std::string_view, void*), void* context) {
                  for (const auto& [key, value] : *static_cast<const M*>(m)) {
                    visit(key, context);
                    codec_for<T>().each_string(&value, visit, context);
                  }
                },
          codec_for<T>().nested,
          [](void* m, void (*visit)(const Codec&, void*, void*), void* context) {
            for (auto& [key, value] : *static_cast<M*>(m)) visit(codec_for<T>(), &value, context);
          }};
}

const Codec& bool_codec();
const Codec& double_codec();
const Codec& time_codec();
const Codec& raw_codec();
const Codec& sensitive_codec();
const Codec& property_codec();

}  // namespace detail

template <class M>
const Codec& codec_for() {
  using namespace detail;
  if constexpr (std::is_same_v<M, bool>) {
    return bool_codec();
  } else if constexpr (std::is_same_v<M, double>) {
    return double_codec();
  } else if constexpr (std::is_same_v<M, Time>) {
    return time_codec();
  } else if constexpr (std::is_same_v<M, Raw>) {
    return raw_codec();
  } else if constexpr (std::is_same_v<M, SensitiveValue>) {
    return sensitive_codec();
  } else if constexpr (std::is_same_v<M, PropertyValue>) {
    return property_codec();
  } else if constexpr (std::is_same_v<M, std::string>) {
    static const Codec codec = make_string_codec<M>();
    return codec;
  } else if constexpr (IsId<M>::value) {
    static const Codec codec = make_id_codec<M>();
    return codec;
  } else if constexpr (HasNames<M>) {
    static const Codec codec = make_enum_codec<M>();
    return codec;
  } else if constexpr (std::is_integral_v<M>) {
    static const Codec codec = make_integer_codec<M>();
    return codec;
  } else if constexpr (IsOptional<M>::value) {
    static const Codec codec = make_optional_codec<M, typename M::value_type>();
    return codec;
  } else if constexpr (IsVector<M>::value) {
    static const Codec codec = make_vector_codec<M, typename M::value_type>();
    return codec;
  } else if constexpr (IsMap<M>::value) {
    static const Codec codec = make_map_codec<M, typename M::mapped_type>();
    return codec;
  } else {
    static_assert(HasType<M>, "this member type has neither a codec nor a type_of(json::Tag<M>)");
    static const Codec codec = make_object_codec<M>();
    return codec;
  }
}

}  // namespace fairlead::json
