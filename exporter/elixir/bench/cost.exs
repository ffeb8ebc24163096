# What the bridge costs:   MIX_ENV=test mix run bench/cost.exs [CALLS]
#
# Timing a call: the difference to the same loop without the bridge, by the call, median of several rounds. The stand-ins
# of the tests take MemoryOS's place.

defmodule Cost do
  @rounds 9

  def table(calls) do
    {:ok, _} = Jido.MemoryOS.MemoryManager.start_link()
    {:ok, _} = Jido.MemoryOS.ReleaseController.start_link(mode: :memory_os, rollout_stage: :canary)
    {:ok, _} = MemoryOSBridge.start_link(port: nil)
    MemoryOSBridge.document()
    version = "Elixir #{System.version()}, Erlang/OTP #{System.otp_release()}"
    IO.puts("#{version}, #{System.schedulers_online()} schedulers; microseconds\n")

    target = %{id: "agent-1", group: "external"}
    row("timing a call, mode given", timing(calls, 1, &MemoryOSBridge.measure(:remember, :memory_os, &1)))
    row("timing a call, mode of its target", timing(calls, 1, &MemoryOSBridge.measure(:remember, target, &1)))
    row("the same, 50 callers at once", timing(calls, 50, &MemoryOSBridge.measure(:remember, target, &1)))

    row("document/0, idle", median(200, &MemoryOSBridge.document/0))
    row("json/0, idle", median(200, &MemoryOSBridge.json/0))
    in_flight(1_000)
    row("document/0, 1,000 calls in flight", median(200, &MemoryOSBridge.document/0))
    compare_targets(100_000)
    row("the same, 100,000 targets compared", median(200, &MemoryOSBridge.document/0))
    IO.puts("\nthe document has #{IO.iodata_length(MemoryOSBridge.json())} bytes")
  end

  defp row(name, microseconds) do
    figure = :erlang.float_to_binary(microseconds * 1.0, decimals: 2)
    IO.puts(String.pad_trailing(name, 40) <> String.pad_leading(figure, 10))
  end

  # Callers at once share the schedulers, so their time is counted by the scheduler.
  defp timing(calls, callers, call) do
    function = fn -> {:ok, :stored} end
    each = div(calls, callers)
    timed = median(@rounds, fn -> at_once(callers, fn -> loop(call, function, each) end) end)
    bare = median(@rounds, fn -> at_once(callers, fn -> loop(& &1.(), function, each) end) end)
    (timed - bare) * min(callers, System.schedulers_online()) / (each * callers)
  end

  defp at_once(callers, function),
    do: 1..callers |> Enum.map(fn _ -> Task.async(function) end) |> Task.await_many(:infinity)

  defp loop(_call, _function, 0), do: :ok

  defp loop(call, function, left) do
    call.(function)
    loop(call, function, left - 1)
  end

  defp median(times, function) do
    for(_ <- 1..times, do: function |> :timer.tc() |> elem(0)) |> Enum.sort() |> Enum.at(div(times, 2))
  end

  defp in_flight(count) do
    bench = self()

    hang = fn ->
      send(bench, :inside)
      Process.sleep(:infinity)
    end

    for _ <- 1..count, do: spawn(fn -> MemoryOSBridge.measure(:retrieve, :memory_os, hang) end)
    for _ <- 1..count, do: receive(do: (:inside -> :ok))
  end

  defp compare_targets(count) do
    for n <- 1..count, do: MemoryOSBridge.reconcile_target(%{id: "agent-#{n}", legacy: 1, memory_os: 1})
  end
end

System.argv() |> List.first("100000") |> String.to_integer() |> Cost.table()
