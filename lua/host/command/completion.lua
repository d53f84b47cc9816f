-- SPDX-License-Identifier: Apache-2.0
return function(host, given)
  local script = host.load "completion"[given[1]]
  if not script then
    host.refuse("there is no completion for '%s'; give bash, zsh or fish", given[1])
  end
  host.write(script)
end
