defmodule BridgeCase do
  @moduledoc """
  A test with stand-ins of MemoryOS and a bridge, fresh for each test. Tags: `bridge:`, `manager:` and `release:` are options
  of theirs (false: not started).
  """

  use ExUnit.CaseTemplate

  alias Jido.MemoryOS.{MemoryManager, ReleaseController}

  using do
    quote do
      import BridgeCase
      import ExUnit.CaptureLog
      alias Jido.MemoryOS.{MemoryManager, ReleaseController}
    end
  end

  setup tags do
    for {module, options} <- [
          {MemoryManager, tags[:manager] || []},
          {ReleaseController, tags[:release] || []},
          {MemoryOSBridge, Keyword.merge([port: nil, timeout_ms: 200], tags[:bridge] || [])}
        ],
        tags[tag(module)] != false do
      # A test that stops one does not want it back.
      start_supervised!({module, options},
        restart: if(module == MemoryOSBridge, do: :permanent, else: :temporary)
      )
    end

    if tags[:bridge] != false and tags[:release] != false, do: eventually(fn -> mode_known?() end)
    :ok
  end

  defp tag(MemoryManager), do: :manager
  defp tag(ReleaseController), do: :release
  defp tag(MemoryOSBridge), do: :bridge

  defp mode_known?, do: :ets.member(MemoryOSBridge, :rollout)

  @doc "Waits until `condition` holds, failing the test when it does not within seconds."
  def eventually(condition, tries \\ 500) do
    cond do
      result = condition.() -> result
      tries == 0 -> raise "it did not happen"
      true -> Process.sleep(10) && eventually(condition, tries - 1)
    end
  end

  @doc "The series of an operation in an effective mode, nil if the document has none."
  def series(mode, operation) do
    Enum.find(MemoryOSBridge.document().operations.series, &(&1.mode == mode and &1.operation == operation))
  end

  @doc "The errors of a series that happened, by code."
  def errors(series), do: for({code, count} <- series.errors, count > 0, into: %{}, do: {code, count})

  @doc "Starts a process that is inside a call that does not return; gives its pid once it is."
  def hanging(call) do
    test = self()

    pid =
      spawn(fn ->
        call.(fn ->
          send(test, {:inside, self()})
          Process.sleep(:infinity)
        end)
      end)

    receive do
      {:inside, ^pid} -> pid
    end
  end

  @doc "The stand-in's own state: what it was asked."
  def asked(server), do: server |> :sys.get_state() |> Map.fetch!(:asked)

  def put_status(changes),
    do: :sys.replace_state(ReleaseController, &update_in(&1.status, fn s -> Map.merge(s, changes) end))
end
