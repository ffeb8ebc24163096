# Reads pieces of Elixir from standard input, separated by the record separator, and prints each remote call in them as
# NUMBER OF THE PIECE, MODULE, FUNCTION, ARITY, FIRST ARGUMENT, whether the call exists here; separated by tabs.
# A piece that does not parse prints its number and the error.

expand = fn parts, aliases ->
  [first | rest] = parts
  Module.concat([Map.get(aliases, first, first) | rest])
end

aliases_of = fn ast ->
  {_, aliases} =
    Macro.prewalk(ast, %{}, fn
      {:alias, _, [{:__aliases__, _, parts}]} = node, aliases ->
        {node, Map.put(aliases, List.last(parts), Module.concat(parts))}

      node, aliases ->
        {node, aliases}
    end)

  aliases
end

calls_of = fn ast ->
  aliases = aliases_of.(ast)

  {_, calls} =
    Macro.prewalk(ast, [], fn
      {{:., _, [{:__aliases__, _, parts}, function]}, _, arguments} = node, calls when is_atom(function) ->
        {node, [{expand.(parts, aliases), function, arguments} | calls]}

      # What is piped in is the first argument.
      {:|>, _, [input, {{:., position, callee}, meta, arguments}]}, calls ->
        {{{:., position, callee}, meta, [input | arguments]}, calls}

      node, calls ->
        {node, calls}
    end)

  Enum.reverse(calls)
end

:stdio
|> IO.read(:eof)
|> String.split("\x1e")
|> Enum.with_index()
|> Enum.each(fn {piece, number} ->
  case Code.string_to_quoted(piece) do
    {:ok, ast} ->
      for {module, function, arguments} <- calls_of.(ast) do
        first = arguments |> Enum.at(0) |> then(&if(&1, do: Macro.to_string(&1), else: ""))
        exists = Code.ensure_loaded?(module) and function_exported?(module, function, length(arguments))
        fields = [number, inspect(module), function, length(arguments), String.replace(first, ~r/\s+/, " "), exists]
        IO.puts(Enum.join(fields, "\t"))
      end

    {:error, error} ->
      IO.puts("#{number}\t#{inspect(error)}")
  end
end)
