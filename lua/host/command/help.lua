-- SPDX-License-Identifier: Apache-2.0
return function(host, given)
  local help = host.load "help"
  local page = host.load "page"
  if not given[1] then
    return page(help.overview(), given)
  end
  local names = {}
  for _, command in ipairs(host.commands.list) do
    if command.name == given[1] then
      return page(help.command(command), given)
    end
    names[#names + 1] = command.name
  end
  for _, topic in ipairs(host.load "topics") do
    if topic.name == given[1] then
      return page(help.topic(topic), given)
    end
    names[#names + 1] = topic.name
  end
  local near = host.load "nearest"(given[1], names)
  host.refuse("there is no command and no topic '%s'; %s", given[1], near
    and ("did you mean %s?"):format(near) or "'mlmanager help' lists them")
end
