-- SPDX-License-Identifier: Apache-2.0
-- Times as people read them. All take milliseconds since 1970, or nil.

local time = {}

--- "2026-11-28 14:03", in the local zone.
function time.minute(ms)
  return ms and os.date("%Y-%m-%d %H:%M", ms // 1000) or ""
end

--- "2026-11-28 14:03:20"
function time.second(ms)
  return ms and os.date("%Y-%m-%d %H:%M:%S", ms // 1000) or ""
end

--- "just now", "5 min ago", "3 h ago", "2 days ago"; the date where that is longer ago.
function time.ago(ms)
  if not ms then
    return ""
  end
  local seconds = os.time() - ms // 1000
  if seconds < 60 then
    return seconds < -60 and time.minute(ms) or "just now"
  elseif seconds < 3600 then
    return ("%d min ago"):format(seconds // 60)
  elseif seconds < 48 * 3600 then
    return ("%d h ago"):format(seconds // 3600)
  elseif seconds < 30 * 86400 then
    return ("%d days ago"):format(seconds // 86400)
  end
  return os.date("%Y-%m-%d", ms // 1000)
end

return time
