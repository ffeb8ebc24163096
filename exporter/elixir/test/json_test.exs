defmodule MemoryOSBridge.JSONTest do
  use ExUnit.Case, async: true

  for {name, value, json} <- [
        {"nil and booleans", [nil, true, false], "[null,true,false]"},
        {"whole numbers, of any length", [0, -1, 2 ** 62], "[0,-1,4611686018427387904]"},
        {"floats, with an exponent where Erlang writes one", [0.0, 0.2, 1100.0, 1.0e-7],
         "[0.0,0.2,1.1e3,1.0e-7]"},
        {"atoms as strings", [:memory_os, :ready?], ~S(["memory_os","ready?"])},
        {"empty containers", [[], %{}], "[[],{}]"},
        {"maps by atom or string", %{a: %{"b" => []}}, ~S({"a":{"b":[]}})},
        {"quotes, backslashes and control characters", "a\"b\\c\nd\0", ~S("a\"b\\c\u000Ad\u0000")},
        {"UTF-8 as it is", "größe 😀", ~S("größe 😀")},
        {"what is no UTF-8 as the replacement character", <<?a, 0xFF, ?b>>, ~s("a\uFFFDb")}
      ] do
    test "encodes #{name}" do
      assert IO.iodata_to_binary(MemoryOSBridge.JSON.encode(unquote(Macro.escape(value)))) == unquote(json)
    end
  end
end
