// SPDX-License-Identifier: Apache-2.0
#include "domain/octostache/digest.h"

#include <sodium.h>

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>

namespace fairlead::domain::octostache {

namespace {

// Message, 0x80, zeros, length in bits: blocks of 64 bytes. MD5 writes the length with its low byte first.
std::string pad(std::string_view bytes, bool little_endian) {
  std::string padded(bytes);
  padded += '\x80';
  while (padded.size() % 64 != 56) padded += '\0';
  const std::uint64_t bits = std::uint64_t{bytes.size()} * 8;
  for (unsigned i = 0; i < 8; ++i) padded += static_cast<char>(bits >> (8 * (little_endian ? i : 7 - i)));
  return padded;
}

std::uint32_t load(const char* at, bool little_endian) {
  std::uint32_t value = 0;
  for (unsigned i = 0; i < 4; ++i) {
    const auto byte = static_cast<std::uint32_t>(static_cast<unsigned char>(at[i]));
    value |= byte << (8 * (little_endian ? i : 3 - i));
  }
  return value;
}

template <std::size_t Count>
std::string store(const std::array<std::uint32_t, Count>& words, bool little_endian) {
  std::string out;
  for (const std::uint32_t word : words) {
    for (unsigned i = 0; i < 4; ++i) out += static_cast<char>(word >> (8 * (little_endian ? i : 3 - i)));
  }
  return out;
}

}  // namespace

std::string md5(std::string_view bytes) {
  static constexpr int kShifts[4][4] = {{7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}};
  static const std::array<std::uint32_t, 64> table = [] {
    std::array<std::uint32_t, 64> sines{};
    for (std::size_t i = 0; i < 64; ++i) {
      sines[i] = static_cast<std::uint32_t>(std::floor(std::fabs(std::sin(static_cast<double>(i + 1))) * 4294967296.0));
    }
    return sines;
  }();
  std::array<std::uint32_t, 4> state{0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};
  const std::string padded = pad(bytes, true);
  for (std::size_t block = 0; block < padded.size(); block += 64) {
    auto [a, b, c, d] = state;
    for (std::size_t i = 0; i < 64; ++i) {
      const std::size_t round = i / 16;
      std::uint32_t mixed = 0;
      std::size_t word = 0;
      if (round == 0) {
        mixed = (b & c) | (~b & d);
        word = i;
      } else if (round == 1) {
        mixed = (d & b) | (~d & c);
        word = (5 * i + 1) % 16;
      } else if (round == 2) {
        mixed = b ^ c ^ d;
        word = (3 * i + 5) % 16;
      } else {
        mixed = c ^ (b | ~d);
        word = (7 * i) % 16;
      }
      const std::uint32_t sum = a + mixed + table[i] + load(padded.data() + block + 4 * word, true);
      a = d;
      d = c;
      c = b;
      b += std::rotl(sum, kShifts[round][i % 4]);
    }
    state = {state[0] + a, state[1] + b, state[2] + c, state[3] + d};
  }
  return store(state, true);
}

std::string sha1(std::string_view bytes) {
  std::array<std::uint32_t, 5> state{0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
  const std::string padded = pad(bytes, false);
  for (std::size_t block = 0; block < padded.size(); block += 64) {
    std::array<std::uint32_t, 80> words{};
    for (std::size_t i = 0; i < 80; ++i) {
      words[i] = i < 16 ? load(padded.data() + block + 4 * i, false)
                        : std::rotl(words[i - 3] ^ words[i - 8] ^ words[i - 14] ^ words[i - 16], 1);
    }
    auto [a, b, c, d, e] = state;
    for (std::size_t i = 0; i < 80; ++i) {
      std::uint32_t mixed = 0;
      if (i < 20) {
        mixed = ((b & c) | (~b & d)) + 0x5a827999;
      } else if (i < 40) {
        mixed = (b ^ c ^ d) + 0x6ed9eba1;
      } else if (i < 60) {
        mixed = ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc;
      } else {
        mixed = (b ^ c ^ d) + 0xca62c1d6;
      }
      const std::uint32_t next = std::rotl(a, 5) + mixed + e + words[i];
      e = d;
      d = c;
      c = std::rotl(b, 30);
      b = a;
      a = next;
    }
    state = {state[0] + a, state[1] + b, state[2] + c, state[3] + d, state[4] + e};
  }
  return store(state, false);
}

std::string sha512(std::string_view bytes) {
  std::string out(crypto_hash_sha512_BYTES, '\0');
  crypto_hash_sha512(reinterpret_cast<unsigned char*>(out.data()), reinterpret_cast<const unsigned char*>(bytes.data()),
                     bytes.size());
  return out;
}

// FIPS 180-4: SHA-512 from another start, cut to 384 bits.
std::string sha384(std::string_view bytes) {
  constexpr std::uint64_t kStart[8] = {0xcbbb9d5dc1059ed8, 0x629a292a367cd507, 0x9159015a3070dd17, 0x152fecd8f70e5939,
                                       0x67332667ffc00b31, 0x8eb44a8768581511, 0xdb0c2e0d64f98fa7, 0x47b5481dbefa4fa4};
  crypto_hash_sha512_state state;
  crypto_hash_sha512_init(&state);
  std::copy(std::begin(kStart), std::end(kStart), state.state);
  crypto_hash_sha512_update(&state, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
  std::string out(crypto_hash_sha512_BYTES, '\0');
  crypto_hash_sha512_final(&state, reinterpret_cast<unsigned char*>(out.data()));
  out.resize(48);
  return out;
}

}  // namespace fairlead::domain::octostache
