# What the bridge costs:   MIX_ENV=test mix run bench/cost.exs
#
# Each figure is the median of several rounds, as the difference to the same loop without the bridge. The stand-ins of the
# tests take MemoryOS's place, so the time of a call itself is that of an empty function.

defmodule Cost do
  @rounds 9

  def table do
    # Errors only: the bridge's own words would stand between the rows.
    Logger.configure(level: :error)
    {:ok, _} = Jido.MemoryOS.MemoryManager.start_link()
    {:ok, _} = Jido.MemoryOS.ReleaseController.start_link(mode: :memory_os, rollout_stage: :canary)
    {:ok, _} = MemoryOSBridge.start_link(port: nil)
    MemoryOSBridge.document()

    IO.puts(
      "Elixir #{System.version()}, Erlang/OTP #{System.otp_release()}, #{System.schedulers_online()} schedulers\n"
    )

    row(
      "timing a call, mode given",
      per_call(fn function -> MemoryOSBridge.measure(:remember, :memory_os, function) end)
    )

    target = %{id: "agent-1", group: "external"}

    row(
      "timing a call, mode of the target looked up",
      per_call(fn function -> MemoryOSBridge.measure(:remember, target, function) end)
    )

    concurrent = fn callers -> per_call(&MemoryOSBridge.measure(:remember, target, &1), callers) end
    row("the same, 50 callers at once, per call and scheduler", concurrent.(50))

    IO.puts("")
    row("document/0, idle", document())
    row("json/0, idle", median(200, fn -> MemoryOSBridge.json() |> IO.iodata_length() end))
    with_in_flight(1_000, fn -> row("document/0, 1,000 calls in flight", document()) end)

    for n <- 1..100_000,
        do:
          MemoryOSBridge.History.add(
            :parity,
            {:ok, %{target_id: "agent-#{n}", legacy_count: 1, memory_os_count: 1}}
          )

    row("document/0, 100,000 targets compared", document())
    IO.puts("\nsize of the document: #{IO.iodata_length(MemoryOSBridge.json())} bytes")
  end

  defp row(name, microseconds) do
    IO.puts(
      String.pad_trailing(name, 56) <>
        String.pad_leading(:erlang.float_to_binary(microseconds * 1.0, decimals: 2), 10) <> " µs"
    )
  end

  defp per_call(call, callers \\ 1) do
    function = fn -> {:ok, :stored} end
    calls = 100_000
    loop(call, function, 10_000)

    timed =
      for _ <- 1..@rounds, do: concurrently(callers, fn -> loop(call, function, div(calls, callers)) end)

    bare =
      for _ <- 1..@rounds, do: concurrently(callers, fn -> loop(& &1.(), function, div(calls, callers)) end)

    schedulers = min(callers, System.schedulers_online())
    (middle(timed) - middle(bare)) * schedulers / calls
  end

  defp loop(_call, _function, 0), do: :ok

  defp loop(call, function, left) do
    call.(function)
    loop(call, function, left - 1)
  end

  defp concurrently(callers, function) do
    {microseconds, _} =
      :timer.tc(fn ->
        1..callers |> Enum.map(fn _ -> Task.async(function) end) |> Task.await_many(:infinity)
      end)

    microseconds
  end

  defp document, do: median(200, &MemoryOSBridge.document/0)
  defp median(times, function), do: middle(for _ <- 1..times, do: function |> :timer.tc() |> elem(0))
  defp middle(values), do: values |> Enum.sort() |> Enum.at(div(length(values), 2))

  defp with_in_flight(count, function) do
    test = self()

    callers =
      for _ <- 1..count do
        spawn(fn ->
          MemoryOSBridge.measure(:retrieve, :memory_os, fn ->
            send(test, :inside)
            Process.sleep(:infinity)
          end)
        end)
      end

    for _ <- callers, do: receive(do: (:inside -> :ok))
    function.()
    Enum.each(callers, &Process.exit(&1, :kill))
    Process.sleep(1_500)
  end
end

Cost.table()
