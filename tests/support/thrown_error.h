#pragma once
#include <doctest/doctest.h>

#include "base/error.h"

namespace coppice::test {

/// The error that `call` throws; fails the test if it throws none.
template <typename Call>
Error error_of(const Call& call) {
  try {
    call();
  } catch (const Error& error) {
    return error;
  }
  FAIL("no error");
  return {ErrorKind::failed, ""};
}

template <typename Call>
ErrorKind kind_of(const Call& call) {
  return error_of(call).kind();
}

}  // namespace coppice::test
