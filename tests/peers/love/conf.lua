-- SPDX-License-Identifier: Apache-2.0
-- A game without a window, which needs no display.

function love.conf(t)
  t.identity = "mlmanager-peer"
  t.modules.window = false
  t.modules.graphics = false
  t.modules.audio = false
  t.modules.sound = false
  t.modules.joystick = false
end

-- The engine's own shows the error and waits for a key.
function love.errorhandler(message)
  io.stderr:write(debug.traceback(tostring(message), 2), "\n")
  return function()
    return 1
  end
end
