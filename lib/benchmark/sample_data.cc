#include "benchmark/sample_data.h"

#include <algorithm>
#include <iterator>
#include <random>
#include <string>
#include <vector>

namespace coppice {
namespace {

using Generator = std::mt19937_64;

/// Small numbers are more frequent, as the frequent words of a language are.
std::size_t skewed(Generator& generator, std::size_t end) {
  return std::min({generator() % end, generator() % end, generator() % end});
}

std::vector<std::string> make_words(Generator& generator, std::size_t count) {
  std::vector<std::string> words(count);
  for (std::string& word : words) {
    for (std::size_t left = 2 + skewed(generator, 14); left > 0; --left)
      word += static_cast<char>('a' + skewed(generator, 26));
  }
  return words;
}

std::string make_line(Generator& generator, const std::vector<std::string>& words) {
  constexpr const char* kBetween[] = {" ", " ", "(", ", ", "->", " = ", "_", ") ", ";", " + "};
  std::string line(skewed(generator, 8), '\t');
  for (std::size_t left = 1 + generator() % 6; left > 0; --left) {
    line += words[skewed(generator, words.size())];
    line += kBetween[skewed(generator, std::size(kBetween))];
  }
  return line + "\n";
}

}  // namespace

Bytes sample_noise(std::size_t size) {
  Generator generator(1);
  Bytes bytes(size);
  for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(generator());
  return bytes;
}

Bytes sample_text(std::size_t size) {
  Generator generator(2);
  const std::vector<std::string> words = make_words(generator, 6000);
  std::vector<std::string> lines;
  lines.reserve(3000);
  while (lines.size() < 3000) lines.push_back(make_line(generator, words));
  Bytes bytes;
  bytes.reserve(size + 256);
  while (bytes.size() < size) {
    std::string& line = lines[skewed(generator, lines.size())];
    if (generator() % 3 == 0) line = make_line(generator, words);
    bytes.insert(bytes.end(), line.begin(), line.end());
  }
  bytes.resize(size);
  return bytes;
}

}  // namespace coppice
