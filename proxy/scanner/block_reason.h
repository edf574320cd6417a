#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "proxy/http/fields.h"

namespace bottle {

// May the request be sent again as it is? pipelock's word on its refusal.
enum class BlockRetry : std::uint8_t {
  Unknown,    // it gave no word, or one that is not known here
  None,       // it will be refused again
  Transient,  // later, yes
  Policy,     // when a person has changed something
};

// The fields with which pipelock marks its refusals since 2.4 (docs/pipelock.md, section 3).
struct BlockReason {
  std::string code;   // of [a-z_], at most 48; empty: none of that form was given
  std::string layer;  // of pipelock's, same form, at most 32; often empty
  BlockRetry retry = BlockRetry::Unknown;
};

// Nothing if the answer has no such mark. A mark that is malformed, or there twice, is still one:
// then what it says does not count.
[[nodiscard]] std::optional<BlockReason> block_reason_of(const Fields& fields);

// The mark, or one of the fields that explain it. Names of any case.
[[nodiscard]] bool is_block_field(std::string_view name);

// " (CODE, LAYER)", as far as they are known, for a detail.
[[nodiscard]] std::string in_brackets(const BlockReason& reason);

}  // namespace bottle
