defmodule MemoryOSBridge.RolloutTest do
  use BridgeCase

  # What erlang:phash2(id, 10_000) gives is the same in every release of Erlang.
  @shares %{"agent-1" => 6210, "agent-2" => 3386}

  defp mode(target, changes) do
    MemoryOSBridge.Rollout.put(
      Map.merge(
        %{mode: :memory_os, rollout_stage: :canary, canary_ratio: 0.25, internal_groups: ["internal"]},
        changes
      )
    )

    MemoryOSBridge.Rollout.mode(target)
  end

  test "at stage global every target is in the mode" do
    for mode <- [:legacy, :dual_run, :memory_os], target <- [%{}, %{id: "agent-1"}, %{group: "external"}] do
      assert mode(target, %{mode: mode, rollout_stage: :global}) == mode
    end
  end

  test "at stage internal only the internal groups are in the mode, by either kind of key" do
    for target <- [%{group: "internal"}, %{"group" => "internal"}, %{id: "agent-1", group: "internal"}] do
      assert mode(target, %{rollout_stage: :internal}) == :memory_os
    end

    for target <- [%{}, %{id: "agent-1"}, %{group: "other"}, %{group: :internal}] do
      assert mode(target, %{rollout_stage: :internal, canary_ratio: 1.0}) == :legacy
    end
  end

  test "a target without group is in the group external" do
    assert mode(%{id: "agent-1"}, %{rollout_stage: :internal, internal_groups: ["external"]}) == :memory_os
  end

  test "at stage canary a target is in the mode when its share is below the ratio, not at it" do
    for {id, share} <- @shares, target <- [%{id: id}, %{"id" => id}, %{agent: %{id: id}}] do
      assert mode(target, %{canary_ratio: share / 10_000}) == :legacy
      assert mode(target, %{canary_ratio: (share + 1) / 10_000}) == :memory_os
    end
  end

  test "at stage canary internal groups are in the mode at any ratio" do
    assert mode(%{id: "agent-2", group: "internal"}, %{canary_ratio: 0.0}) == :memory_os
  end

  test "at stage canary a target without id is in the mode at any ratio above 0" do
    assert mode(%{}, %{canary_ratio: 0.0001}) == :memory_os
    assert mode(%{}, %{canary_ratio: 0.0}) == :legacy
    assert mode(%{id: 7}, %{canary_ratio: 0.0001}) == :memory_os
  end

  test "about a ratio of many targets is in the mode" do
    inside = Enum.count(1..10_000, &(mode(%{id: "agent-#{&1}"}, %{canary_ratio: 0.25}) == :memory_os))
    assert_in_delta inside, 2500, 200
  end

  @tag release: [mode: :memory_os, rollout_stage: :internal]
  test "calls of one mode are counted under the effective mode of their target" do
    alias MemoryOSBridge.ReleaseController
    ReleaseController.remember(%{id: "a", group: "internal"}, %{})
    ReleaseController.remember(%{id: "b", group: "paying"}, %{})
    MemoryOSBridge.measure(:forget, %{group: "internal"}, fn -> :ok end)
    MemoryOSBridge.measure(:forget, %{group: "paying"}, fn -> :ok end)

    for mode <- [:memory_os, :legacy],
        operation <- [:remember, :forget],
        do: assert(series(mode, operation).ok == 1)
  end

  @tag bridge: [refresh_ms: 3_600_000], release: [mode: :legacy, rollout_stage: :global]
  test "a change of mode or cohort made through the bridge counts for the calls that follow" do
    alias MemoryOSBridge.ReleaseController
    assert ReleaseController.set_mode(:dual_run) == {:ok, :dual_run}
    eventually(fn -> MemoryOSBridge.Rollout.mode(%{}) == :dual_run end)
    assert {:ok, _} = ReleaseController.configure_rollout(rollout_stage: :internal)
    eventually(fn -> MemoryOSBridge.Rollout.mode(%{}) == :legacy end)
  end

  @tag bridge: [refresh_ms: 3_600_000], release: [mode: :legacy, rollout_stage: :global]
  test "a change made while the status is being read counts too" do
    StandIn.stall(ReleaseController)
    MemoryOSBridge.refresh()

    eventually(fn ->
      Process.info(Process.whereis(ReleaseController), :message_queue_len) == {:message_queue_len, 1}
    end)

    change = Task.async(fn -> MemoryOSBridge.ReleaseController.set_mode(:dual_run) end)

    eventually(fn ->
      Process.info(Process.whereis(ReleaseController), :message_queue_len) == {:message_queue_len, 2}
    end)

    # Hold back the reader, so that the old status reaches it together with the wish for a new one.
    :sys.suspend(MemoryOSBridge.Reader.name(:release))
    StandIn.resume(ReleaseController)
    assert Task.await(change) == {:ok, :dual_run}
    :sys.resume(MemoryOSBridge.Reader.name(:release))
    eventually(fn -> MemoryOSBridge.Rollout.mode(%{}) == :dual_run end)
  end

  @tag bridge: [refresh_ms: 20], release: [mode: :legacy, rollout_stage: :global]
  test "a change of mode made past the bridge is seen without any scrape" do
    {:ok, :memory_os} = ReleaseController.set_mode(:memory_os)
    eventually(fn -> MemoryOSBridge.Rollout.mode(%{}) == :memory_os end)
  end

  @tag bridge: [refresh_ms: 3_600_000], release: [mode: :memory_os, rollout_stage: :global]
  test "a controller that restarted in another mode is noticed without waiting for the next refresh" do
    assert MemoryOSBridge.Rollout.mode(%{}) == :memory_os
    stop_supervised!(ReleaseController)
    assert MemoryOSBridge.Rollout.mode(%{}) == :memory_os
    start_supervised!({ReleaseController, mode: :legacy, rollout_stage: :internal})
    eventually(fn -> MemoryOSBridge.Rollout.mode(%{}) == :legacy end)
  end

  @tag release: false
  test "before the status was ever read calls are counted under other" do
    MemoryOSBridge.measure(:remember, %{id: "a"}, fn -> :ok end)
    assert series(:other, :remember).ok == 1
  end

  @tag bridge: [refresh_ms: 20]
  test "refreshing a stuck controller leaves one message in its mailbox, however long it lasts" do
    StandIn.stall(ReleaseController)

    eventually(fn ->
      Process.info(Process.whereis(ReleaseController), :message_queue_len) == {:message_queue_len, 1}
    end)

    Process.sleep(1_200)
    assert Process.info(Process.whereis(ReleaseController), :message_queue_len) == {:message_queue_len, 1}
  end
end
