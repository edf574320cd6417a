#pragma once

#include <span>

#include "proxy/guard/shapes/token_shapes.h"

// The tables that token_shapes() is made of, by the kind of service.
namespace bottle {

[[nodiscard]] std::span<const TokenShape> model_shapes() noexcept;
[[nodiscard]] std::span<const TokenShape> cloud_shapes() noexcept;
[[nodiscard]] std::span<const TokenShape> hosting_shapes() noexcept;
[[nodiscard]] std::span<const TokenShape> code_host_shapes() noexcept;
[[nodiscard]] std::span<const TokenShape> messaging_shapes() noexcept;
[[nodiscard]] std::span<const TokenShape> workplace_shapes() noexcept;
[[nodiscard]] std::span<const TokenShape> payment_shapes() noexcept;
[[nodiscard]] std::span<const TokenShape> observability_shapes() noexcept;
[[nodiscard]] std::span<const TokenShape> vault_shapes() noexcept;
[[nodiscard]] std::span<const TokenShape> database_shapes() noexcept;
[[nodiscard]] std::span<const TokenShape> key_shapes() noexcept;

}  // namespace bottle
