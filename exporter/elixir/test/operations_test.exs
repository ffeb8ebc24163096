defmodule MemoryOSBridge.OperationsTest do
  use BridgeCase

  @bounds [5, 10, 25, 50, 100, 120, 150, 250, 300, 450, 600, 650, 700, 900, 1000] ++
            [1100, 2500, 5000, 10_000, 15_000, 30_000]

  defp one_call(result), do: MemoryOSBridge.measure(:remember, :legacy, fn -> result end)

  test "remember and retrieve are born at 0 in every mode, other operations with their first call" do
    keys = fn ->
      for series <- MemoryOSBridge.document().operations.series, do: {series.mode, series.operation}
    end

    born =
      for mode <- [:legacy, :dual_run, :memory_os], operation <- [:remember, :retrieve], do: {mode, operation}

    assert keys.() == born

    MemoryOSBridge.measure(:forget, :memory_os, fn -> {:ok, true} end)
    assert Enum.sort(keys.()) == Enum.sort([{:memory_os, :forget} | born])
    assert %{manager_overloaded: 0, access_denied: 0, other: 0} = series(:memory_os, :forget).errors
  end

  test "a call is counted ok, in one bucket, with its duration" do
    assert one_call({:ok, :stored}) == {:ok, :stored}

    assert %{
             ok: 1,
             in_flight: 0,
             oldest_ms: nil,
             bounds_ms: @bounds,
             counts: counts,
             sum_ms: sum
           } = series(:legacy, :remember)

    assert errors(series(:legacy, :remember)) == %{}
    assert length(counts) == length(@bounds) + 1
    assert Enum.sum(counts) == 1
    assert sum > 0
  end

  test "a call that takes longer is counted in a later bucket, no bucket below its duration" do
    MemoryOSBridge.measure(:retrieve, :dual_run, fn -> Process.sleep(60) end)
    counts = series(:dual_run, :retrieve).counts
    assert Enum.sum(Enum.take(counts, Enum.find_index(@bounds, &(&1 == 50)) + 1)) == 0
    assert Enum.sum(counts) == 1
    assert series(:dual_run, :retrieve).sum_ms >= 60
  end

  for {name, result, code} <- [
        {"an error of MemoryOS", quote(do: {:error, StandIn.error(:manager_throttled)}), :manager_throttled},
        {"a code that is not published", quote(do: {:error, StandIn.error(:brand_new)}), :other},
        {"a code that is no atom", quote(do: {:error, StandIn.error("agent-7")}), :other},
        {"a name that is a code", quote(do: {:error, :namespace_required}), :namespace_required},
        {"a tuple that begins with a code", quote(do: {:error, {:invalid_tier, :warm}}), :invalid_tier},
        {"the legacy store's own error", quote(do: {:error, {:put_failed, :disk_full}}), :upstream_error},
        {"a list of errors", quote(do: {:error, [:one, :two]}), :upstream_error_list},
        {"an error without reason", :error, :upstream_error},
        {"an exception that the controller caught", quote(do: {:error, {:exception, %RuntimeError{}, []}}),
         :runtime_exception},
        {"an exit that the controller caught", quote(do: {:error, {:exit, {:noproc, :call}}}), :exit},
        {"a timeout that the controller caught", quote(do: {:error, {:exit, {:timeout, :call}}}),
         :call_timeout},
        {"an empty tuple", quote(do: {:error, {}}), :upstream_error}
      ] do
    test "#{name} counts as #{code} and is returned as it is" do
      result = unquote(result)
      assert one_call(result) == result
      assert %{ok: 0, counts: counts} = series(:legacy, :remember)
      assert errors(series(:legacy, :remember)) == %{unquote(code) => 1}
      assert Enum.sum(counts) == 1
    end
  end

  test "what is raised, thrown or exited is counted and passed on unchanged" do
    assert_raise RuntimeError, "full", fn ->
      MemoryOSBridge.measure(:remember, :legacy, fn -> raise "full" end)
    end

    assert catch_throw(MemoryOSBridge.measure(:remember, :legacy, fn -> throw(:ball) end)) == :ball
    assert catch_exit(MemoryOSBridge.measure(:remember, :legacy, fn -> exit(:gone) end)) == :gone
    waiting = fn -> GenServer.call(self_that_never_answers(), :hello, 1) end
    assert {:timeout, _call} = catch_exit(MemoryOSBridge.measure(:remember, :legacy, waiting))
    assert errors(series(:legacy, :remember)) == %{runtime_exception: 2, exit: 1, call_timeout: 1}
  end

  defp self_that_never_answers, do: spawn(fn -> Process.sleep(:infinity) end)

  test "the stack trace of an exception still points into the caller's function" do
    MemoryOSBridge.measure(:remember, :legacy, fn -> String.to_integer(Enum.join(["no", "number"])) end)
  rescue
    ArgumentError -> assert Enum.any?(__STACKTRACE__, fn {module, _, _, _} -> module == __MODULE__ end)
  end

  test "a call that never returns is in flight and grows older; a younger one does not hide it" do
    old = hanging(&MemoryOSBridge.measure(:remember, :memory_os, &1))
    first = series(:memory_os, :remember)
    assert first.in_flight == 1

    young =
      eventually(fn ->
        series(:memory_os, :remember).oldest_ms > first.oldest_ms &&
          hanging(&MemoryOSBridge.measure(:remember, :memory_os, &1))
      end)

    later = series(:memory_os, :remember)
    assert later.in_flight == 2
    assert later.oldest_ms > first.oldest_ms
    assert Enum.sum(later.counts) == 0
    Enum.each([old, young], &Process.exit(&1, :kill))
  end

  test "the call of a caller that was killed is no longer in flight, and counts as one that stopped waiting" do
    caller = hanging(&MemoryOSBridge.measure(:retrieve, :memory_os, &1))
    monitor = Process.monitor(caller)
    Process.exit(caller, :kill)
    assert_receive {:DOWN, ^monitor, _, _, :killed}

    assert %{in_flight: 0, oldest_ms: nil, errors: %{call_timeout: 1}, counts: counts} =
             series(:memory_os, :retrieve)

    assert Enum.sum(counts) == 1
    assert errors(series(:memory_os, :retrieve)) == %{call_timeout: 1}
  end

  test "killed callers are forgotten although nobody reads a document" do
    for _ <- 1..5, do: Process.exit(hanging(&MemoryOSBridge.measure(:retrieve, :memory_os, &1)), :kill)
    eventually(fn -> :ets.info(MemoryOSBridge.InFlight, :size) == 0 end)
    assert errors(series(:memory_os, :retrieve)) == %{call_timeout: 5}
  end

  test "calls inside calls are each counted" do
    MemoryOSBridge.measure(:consolidate, :memory_os, fn ->
      MemoryOSBridge.measure(:retrieve, :memory_os, fn -> {:ok, []} end)
    end)

    assert series(:memory_os, :consolidate).ok == 1
    assert series(:memory_os, :retrieve).ok == 1
    assert series(:memory_os, :retrieve).in_flight == 0
  end

  test "an operation or mode of another name counts as other" do
    MemoryOSBridge.measure(:reindex, :legacy, fn -> :ok end)
    MemoryOSBridge.measure(:reindex, :shadow, fn -> :ok end)
    MemoryOSBridge.measure(:remember, :shadow, fn -> :ok end)
    assert series(:legacy, :other).ok == 1
    assert series(:other, :other).ok == 1
    assert series(:other, :remember).ok == 1
  end

  test "what 50 callers did at once is counted to the last call" do
    1..50
    |> Task.async_stream(
      fn n -> for _ <- 1..200, do: one_call(if(rem(n, 5) == 0, do: {:error, :cancelled}, else: {:ok, n})) end,
      max_concurrency: 50
    )
    |> Stream.run()

    assert %{ok: 8000, errors: %{cancelled: 2000}, in_flight: 0, counts: counts} = series(:legacy, :remember)
    assert Enum.sum(counts) == 10_000
  end

  test "the drop-in controller and facade answer what MemoryOS answers, with every arity" do
    alias MemoryOSBridge.{MemoryOS, ReleaseController}
    target = %{id: "a"}
    assert ReleaseController.remember(target, %{}) == {:ok, :stored}
    assert ReleaseController.remember(Jido.MemoryOS.ReleaseController, target, %{}) == {:ok, :stored}

    assert ReleaseController.remember(Jido.MemoryOS.ReleaseController, target, %{}, call_timeout: 1000) ==
             {:ok, :stored}

    assert ReleaseController.retrieve(target, %{}) == {:ok, :stored}
    assert ReleaseController.retrieve(Jido.MemoryOS.ReleaseController, target, %{}, []) == {:ok, :stored}
    assert series(:legacy, :remember).ok == 3
    assert series(:legacy, :retrieve).ok == 2

    assert MemoryOS.remember(target, %{}) == {:ok, :stored}
    assert MemoryOS.remember(target, %{}, server: Jido.MemoryOS.MemoryManager) == {:ok, :stored}
    assert MemoryOS.retrieve(target, %{}) == {:ok, :stored}
    assert MemoryOS.forget(target, "id") == {:ok, true}
    assert MemoryOS.prune(target) == {:ok, 0}
    assert MemoryOS.consolidate(target) == {:ok, %{}}
    assert MemoryOS.explain_retrieval(target, %{}) == {:ok, %{}}
    assert series(:memory_os, :remember).ok == 2

    for operation <- [:retrieve, :forget, :prune, :consolidate, :explain_retrieval],
        do: assert(series(:memory_os, operation).ok == 1)
  end

  test "the drop-in modules have every public function of those that they stand in for" do
    callbacks = [start_link: 0, start_link: 1, child_spec: 1] ++ GenServer.behaviour_info(:callbacks)
    functions = & &1.__info__(:functions)
    missing = fn real, standing_in -> functions.(real) -- (callbacks ++ functions.(standing_in)) end

    assert missing.(Jido.MemoryOS.ReleaseController, MemoryOSBridge.ReleaseController) == []
    assert missing.(Jido.MemoryOS, MemoryOSBridge.MemoryOS) == []
  end

  test "a call past its call_timeout exits as it does without the bridge, and counts as call_timeout" do
    StandIn.stall(ReleaseController)

    assert {:timeout, _} =
             catch_exit(
               MemoryOSBridge.ReleaseController.remember(ReleaseController, %{}, %{}, call_timeout: 10)
             )

    StandIn.resume(ReleaseController)
    assert errors(series(:legacy, :remember)) == %{call_timeout: 1}
  end

  test "a call to a controller that is not there exits as it does without the bridge, and counts as exit" do
    stop_supervised!(ReleaseController)
    assert {:noproc, _} = catch_exit(MemoryOSBridge.ReleaseController.retrieve(%{}, %{}))
    assert errors(series(:legacy, :retrieve)) == %{exit: 1}
  end
end
