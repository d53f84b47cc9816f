-- SPDX-License-Identifier: Apache-2.0
return function(host, given)
  host.load "lifecycle"(given, "restore")
end
