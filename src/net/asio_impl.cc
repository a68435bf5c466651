// SPDX-License-Identifier: Apache-2.0
// The one file with Asio's and Beast's own compiled parts.
#include <boost/asio/impl/src.hpp>
#include <boost/beast/src.hpp>
